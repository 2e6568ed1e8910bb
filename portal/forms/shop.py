import datetime as dt
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import DateInput
from portal import rows
from portal.forms.bookings import ONESELF, team_choices

YEAR = dt.timedelta(days=366)


class BuyForm(HouseForm, OnceForm):
    """How many, and for whom: for oneself, or for a team whose payer pays."""

    quantity = forms.IntegerField(
        label=_l("How many"), min_value=1, max_value=10_000, initial=1,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )  # fmt: skip
    on_behalf_of = forms.TypedChoiceField(
        label=_l("For whom"), widget=forms.RadioSelect, initial=ONESELF
    )

    def __init__(self, *args, customer: Customer, left: int | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        teams = {str(team.pk): team for team in rows.spending_teams(customer)}
        field = cast(forms.TypedChoiceField, self.fields["on_behalf_of"])
        field.choices, field.coerce = team_choices(customer, teams), teams.get
        if not teams:
            del self.fields["on_behalf_of"]
        if left is not None and left > 0:
            self.fields["quantity"].widget.attrs["max"] = left

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of the verb; before anything was sent those that the form begins with."""
        if not self.is_bound:
            return {"quantity": 1, "on_behalf_of": None}
        fields = self.cleaned_data
        return {
            "quantity": fields["quantity"], "on_behalf_of": fields.get("on_behalf_of") or None,
        }  # fmt: skip

    @property
    def may_be_asked(self) -> bool:
        """Whether it says enough to show what it would bring."""
        return not self.is_bound or self.is_valid()


class SubscribeForm(BuyForm):
    """The same from a day on."""

    starts_on = forms.DateField(label=_l("First day"), widget=DateInput)

    field_order = ("starts_on", "quantity", "on_behalf_of")

    def __init__(self, *args, on: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.on = on
        self.initial.setdefault("starts_on", on)
        self.fields["starts_on"].widget.attrs["min"] = on.isoformat()

    def clean_starts_on(self) -> dt.date:
        first = self.cleaned_data["starts_on"]
        if first < self.on:
            raise ValidationError(_("Choose today or a later day."), code="from_past")
        if first > self.on + YEAR:
            raise ValidationError(_("Choose a day within the next year."), code="too_far")
        return first

    @property
    def what(self) -> dict[str, Any]:
        first = self.cleaned_data["starts_on"] if self.is_bound else self.initial["starts_on"]
        return super().what | {"starts_on": first}


class EndForm(HouseForm, OnceForm):
    """The last day of a subscription."""

    last_day = forms.DateField(label=_l("Your last day"), widget=DateInput)

    def __init__(self, *args, first: dt.date, usual: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.first = first
        self.initial.setdefault("last_day", usual)
        self.fields["last_day"].widget.attrs["min"] = first.isoformat()

    @property
    def day_asked(self) -> dt.date | None:
        """The day that is asked about; None when what was typed is none."""
        return self.cleaned_data.get("last_day") if self.is_bound else self.initial["last_day"]


class TakeBackForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it takes back what has not begun."""
