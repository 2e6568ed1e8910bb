import datetime as dt
import hashlib
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer, Team
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import DateInput
from plans.models import Plan
from portal import rows

YEAR = dt.timedelta(days=366)
ONESELF = "oneself"
REASON = _l("What made you decide? It helps us to do better.")


class SigningForm(HouseForm, OnceForm):
    """A first day on a plan, and the plan's terms to accept: as shown, and still the plan's.

    With `asked` the form is only a question about the days and the money.
    """

    starts_on = forms.DateField(label=_l("First day"), widget=DateInput)
    accept_terms = forms.BooleanField(
        label=_l("I have read the terms and accept them"),
        error_messages={"required": _l("Please read the terms and accept them.")},
    )

    def __init__(self, *args, plan: Plan, on: dt.date, asked: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.plan = plan
        self.on = on
        self.initial.setdefault("starts_on", on)
        self.fields["starts_on"].widget.attrs |= {"min": on.isoformat()}
        if not plan.accept_terms:
            del self.fields["accept_terms"]
        elif asked:
            self.fields["accept_terms"].required = False

    @property
    def terms_shown(self) -> str:
        """What the page sends along, so that one accepts what one has read."""
        return hashlib.sha256(self.plan.accept_terms.encode()).hexdigest()

    def clean_starts_on(self) -> dt.date:
        first = self.cleaned_data["starts_on"]
        if first < self.on:
            raise ValidationError(_("Choose today or a later day."), code="from_past")
        if first > self.on + YEAR:
            raise ValidationError(_("Choose a day within the next year."), code="too_far")
        return first

    def clean_accept_terms(self) -> bool:
        accepted = self.cleaned_data["accept_terms"]
        if accepted and self.data.get("terms_shown") != self.terms_shown:
            text = _("The terms have changed meanwhile. Please read them again.")
            raise ValidationError(text, code="terms_changed")
        return accepted

    @property
    def first_day(self) -> dt.date | None:
        """The day that is asked about; None when what was typed is none."""
        if self.is_bound:
            return self.cleaned_data.get("starts_on")
        return self.initial["starts_on"]

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of the verb."""
        return {
            "starts_on": self.first_day,
            "accepted_terms": self.plan.accept_terms,
        }


class JoinForm(SigningForm):
    """A plan to be signed, for oneself or for a team whose payer pays."""

    on_behalf_of = forms.TypedChoiceField(
        label=_l("Who pays"), widget=forms.RadioSelect, initial=ONESELF
    )

    field_order = ("starts_on", "on_behalf_of", "accept_terms")

    def __init__(self, *args, customer: Customer, **kwargs):
        super().__init__(*args, **kwargs)
        teams = {str(team.pk): team for team in rows.spending_teams(customer)}
        field = cast(forms.TypedChoiceField, self.fields["on_behalf_of"])
        field.choices = [
            (ONESELF, _("%s pays") % customer.name),
            *((key, _paid_for(team)) for key, team in teams.items()),
        ]
        field.coerce = teams.get
        if not teams:
            del self.fields["on_behalf_of"]

    @property
    def what(self) -> dict[str, Any]:
        team = self.cleaned_data.get("on_behalf_of") if self.is_bound else None
        return super().what | {"on_behalf_of": team}


def _paid_for(team: Team) -> str:
    return _("For the team %(team)s: %(payer)s pays") % {"team": team, "payer": team.payer}


class ChangePlanForm(SigningForm):
    """The first day on another plan."""

    starts_on = forms.DateField(label=_l("First day on the new plan"), widget=DateInput)


class CancelForm(HouseForm, OnceForm):
    """A last day, and what becomes of what is booked for later: it is kept unless one says so."""

    last_day = forms.DateField(label=_l("Your last day"), widget=DateInput)
    bookings = forms.ChoiceField(
        label=_l("Your bookings after that day"), required=False, initial="keep",
        choices=[("keep", _l("Keep them")), ("cancel", _l("Cancel them as well"))],
        widget=forms.RadioSelect,
    )  # fmt: skip
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, help_text=REASON,
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args, earliest: dt.date, latest: dt.date | None, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("last_day", earliest)
        self.fields["last_day"].widget.attrs["min"] = earliest.isoformat()
        if latest is not None:
            self.fields["last_day"].widget.attrs["max"] = latest.isoformat()

    @property
    def day_asked(self) -> dt.date | None:
        """The day that is asked about; None when what was typed is none."""
        return self.cleaned_data.get("last_day") if self.is_bound else self.initial["last_day"]

    @property
    def cancels_bookings(self) -> bool:
        return self.is_bound and self.cleaned_data.get("bookings") == "cancel"

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of the verbs."""
        return {name: self.cleaned_data[name] for name in ("last_day", "reason")}


class CallOffForm(HouseForm, OnceForm):
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, help_text=REASON,
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip


class FreezeForm(HouseForm, OnceForm):
    from_on = forms.DateField(label=_l("First frozen day"), widget=DateInput)
    until = forms.DateField(label=_l("Last frozen day"), widget=DateInput)

    def __init__(self, *args, first: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("from_on", first)
        for name in self.fields:
            if name != "form_key":
                self.fields[name].widget.attrs["min"] = first.isoformat()


class ResumeForm(HouseForm, OnceForm):
    on = forms.DateField(label=_l("First day back"), widget=DateInput)

    def __init__(self, *args, first: dt.date, last: dt.date | None, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("on", first)
        self.fields["on"].widget.attrs["min"] = first.isoformat()
        if last is not None:
            self.fields["on"].widget.attrs["max"] = last.isoformat()


class WithdrawForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it takes a decision back."""


def arguments(form: forms.Form) -> dict[str, Any]:
    """What a form says, as the arguments of its verb."""
    return {name: value for name, value in form.cleaned_data.items() if name != "form_key"}
