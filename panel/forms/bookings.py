import datetime as dt
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from bookings.forms import RepeatForm, ScopeForm, WhenForm
from bookings.models import Booking, Resource
from customers.models import Customer, Team
from kit.forms import HouseForm, LinesField
from kit.once import OnceForm
from panel.forms.pickers import CustomerField, within_reach_of

SOMEBODY_NEW = ("new_type", "new_full_name", "new_company_name", "new_email")


class ResourceChoice(forms.ModelChoiceField):
    """A resource by its type."""

    def __init__(self, resources: Sequence[Resource], **kwargs):
        keys = [one.pk for one in resources]
        super().__init__(
            Resource.objects.filter(pk__in=keys).select_related("type", "location"), **kwargs
        )
        groups: dict[str, list[tuple[int, str]]] = {}
        for one in resources:
            groups.setdefault(one.type.name, []).append((one.pk, one.name))
        self.choices = [("", _("Choose")), *groups.items()]


class BookForm(WhenForm, RepeatForm, HouseForm, OnceForm):
    """What staff book for somebody, who may be new.

    `anyway` is asked for once something stands against it that staff may pass by.
    """

    new_type = forms.ChoiceField(
        label=_l("Type"), required=False, choices=Customer.Type.choices, widget=forms.RadioSelect
    )
    new_full_name = forms.CharField(label=_l("Name"), required=False, max_length=200)
    new_company_name = forms.CharField(label=_l("Company name"), required=False, max_length=200)
    new_email = forms.EmailField(label=_l("E-mail"), required=False, max_length=254)
    attendees = forms.IntegerField(label=_l("People"), min_value=1, initial=1)
    note = LinesField(
        label=_l("Note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
    )
    anyway = forms.BooleanField(label=_l("Book it all the same"), required=False)

    def __init__(self, *args, resources: Sequence[Resource], user: Any, **kwargs):
        super().__init__(*args, **kwargs)
        customer = CustomerField(label=_("For whom"))
        customer.required = not self.is_for_somebody_new
        customer.offer(within_reach_of(user))
        self.fields = {
            "customer": customer,
            "resource": ResourceChoice(resources, label=_("What")),
            **self.fields,
        }
        self.fields["on_behalf_of"] = forms.ModelChoiceField(
            Team.objects.none(), label=_("For the team"), required=False,
            empty_label=_("No team: the customer pays"),
        )  # fmt: skip

    def offer_teams(self, customer: Customer | None) -> None:
        """The teams that a customer is in; none, and the field is not there."""
        teams = Team.objects.none()
        if customer is not None:
            teams = Team.objects.live().filter(
                memberships__customer=customer, memberships__left_at=None
            )
        if teams:
            cast(forms.ModelChoiceField, self.fields["on_behalf_of"]).queryset = teams
        else:
            self.fields.pop("on_behalf_of", None)

    @property
    def is_for_somebody_new(self) -> bool:
        return any(self.data.get(self.add_prefix(name)) for name in SOMEBODY_NEW[1:])

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("customer") is None and self.is_for_somebody_new:
            self._check_somebody_new(cleaned)
        return cleaned

    def _check_somebody_new(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("new_type"):
            text = _("Say whether this is an individual or a company.")
            self.add_error("new_type", ValidationError(text, code="required"))
        for name in ("new_full_name", "new_email"):
            if not cleaned.get(name) and name not in self.errors:
                missing = ValidationError(_("This is needed."), code="required")
                self.add_error(name, missing)
        known = Customer.objects.with_email(cleaned.get("new_email") or "").first()
        if known is not None:
            text = _("%s has this e-mail already: choose them above.") % known.name
            self.add_error("new_email", ValidationError(text, code="known"))

    @property
    def somebody_new(self) -> dict[str, Any]:
        """The fields of a customer who is to be added."""
        return {
            name.removeprefix("new_"): self.cleaned_data.get(name) or "" for name in SOMEBODY_NEW
        }


class ChangeForm(WhenForm, ScopeForm, HouseForm, OnceForm):
    """Another time, room, number of people or note for a booking."""

    attendees = forms.IntegerField(label=_l("People"), min_value=1)
    note = LinesField(
        label=_l("Note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
    )
    waive_fee = forms.BooleanField(label=_l("Keep nothing for the short notice"), required=False)

    def __init__(self, *args, booking: Booking, resources: Sequence[Resource], user: Any, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields = {"resource": ResourceChoice(resources, label=_("What")), **self.fields}
        if booking.series_id is None:
            del self.fields["scope"]
        if not user.may("manage_space", at=booking.resource.location):
            del self.fields["waive_fee"]

    def what(self, booking: Booking) -> dict[str, Any]:
        """The arguments of `repeats.change`."""
        fields = self.cleaned_data
        resource = fields["resource"]
        start, end = self.times(resource.zone)
        found: dict[str, Any] = {
            "scope": fields.get("scope") or "one",
            "waive_fee": bool(fields.get("waive_fee")),
        }
        # What is not different stays as it is, on the other dates of a series as well.
        for name in ("attendees", "note"):
            if fields[name] != getattr(booking, name):
                found[name] = fields[name]
        if resource.pk != booking.resource_id:
            found["resource"] = resource
        if (_utc(start), _utc(end)) != (booking.start, booking.end):
            found |= {"start": start, "end": end}
        return found


class CancelBookingForm(ScopeForm, HouseForm, OnceForm):
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, widget=forms.Textarea({"rows": 2})
    )
    waive_fee = forms.BooleanField(label=_l("Keep nothing for the short notice"), required=False)

    def __init__(self, *args, booking: Booking, user: Any, late: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if booking.series_id is None:
            del self.fields["scope"]
        if not late or not user.may("manage_space", at=booking.resource.location):
            del self.fields["waive_fee"]

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `repeats.cancel`."""
        fields = self.cleaned_data
        return {
            "scope": fields.get("scope") or "one",
            "reason": fields["reason"],
            "waive_fee": bool(fields.get("waive_fee")),
        }


class DeedForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it does the deed once."""


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC)
