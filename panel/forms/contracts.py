import datetime as dt
from typing import Any, cast

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer, Team, User
from kit.forms import HouseForm, LinesField
from kit.once import OnceForm
from kit.templatetags.house import money
from kit.widgets import Affixed, DateInput, MoneyInput
from plans.models import Contract, Plan
from spaces.models import Location

KEEP, CANCEL = "keep", "cancel"
FOR_MANAGERS = ("price", "discount", "bill_missed")


class PlanChoice(forms.ModelChoiceField):
    """A plan that takes new contracts, with what it costs on a day."""

    def __init__(self, *, on: dt.date, several_locations: bool = False, **kwargs):
        self.on = on
        self.several_locations = several_locations
        plans = Plan.objects.live().prefetch_related("prices").select_related("location")
        super().__init__(plans, empty_label=_("Choose a plan"), **kwargs)

    def label_from_instance(self, plan: Plan) -> str:
        words = f"{plan.name} · {money(plan.price_on(self.on), plan.currency)} {plan.per_cycle}"
        if self.several_locations and plan.location:
            words += f" · {plan.location}"
        return words


class SignUpForm(HouseForm, OnceForm):
    """What a customer signs. Own price, discount and missed fees are offered to managers."""

    starts_on = forms.DateField(label=_l("First day"), widget=DateInput)
    ends_on = forms.DateField(
        label=_l("Last day"), widget=DateInput, required=False,
        help_text=_l("Empty: until somebody cancels."),
    )  # fmt: skip
    quantity = forms.IntegerField(label=_l("Quantity"), min_value=1, max_value=10_000, initial=1)
    location = forms.ModelChoiceField(
        Location.objects.none(), label=_l("Location"), required=False,
        empty_label=_l("The customer's own"),
        help_text=_l("For plans that are sold at every location."),
    )  # fmt: skip
    on_behalf_of = forms.ModelChoiceField(
        Team.objects.none(), label=_l("For the team"), required=False,
        empty_label=_l("No team: the customer pays"),
    )  # fmt: skip
    price = forms.DecimalField(
        label=_l("Own price"), required=False, help_text=_l("Empty: the plan's price.")
    )
    discount = forms.DecimalField(
        label=_l("Discount"), required=False, widget=Affixed({"inputmode": "decimal"}, after="%")
    )
    bill_missed = forms.TypedChoiceField(
        label=_l("Fees due before today, if it starts in the past"), initial="waive",
        choices=[("waive", _l("Waive them")), ("charge", _l("Charge with the next invoice"))],
        coerce=lambda choice: choice == "charge", widget=forms.RadioSelect,
    )  # fmt: skip
    purchase_order = forms.CharField(label=_l("Purchase order"), required=False, max_length=100)
    notes = LinesField(label=_l("Notes"), required=False, max_length=5000)

    def __init__(self, *args, customer: Customer, user: User, on: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        locations = Location.objects.all()
        places = user.places("serve_customers")
        several = locations.count() > 1
        plan = PlanChoice(on=on, several_locations=several, label=_("Plan"))
        if places is not None:
            locations = locations.filter(pk__in=places)
            plan.queryset = plan.queryset.filter(Q(location=None) | Q(location__in=places))
        self.fields = {"plan": plan, **self.fields}
        self.initial.setdefault("starts_on", on)
        teams = (
            Team.objects.live()
            .served_by(user)
            .filter(memberships__customer=customer, memberships__left_at=None, payer__isnull=False)
        )
        self._offer("on_behalf_of", teams)
        self._offer("location", locations if several else locations.none())
        self.fields["price"].widget = MoneyInput(currency=customer.location.currency)
        if not user.may("manage_space", at=customer.location):
            for name in FOR_MANAGERS:
                del self.fields[name]

    def _offer(self, name: str, rows) -> None:
        if rows:
            cast(forms.ModelChoiceField, self.fields[name]).queryset = rows
        else:
            del self.fields[name]

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `plan.sign_up` that were filled in."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("form_key", "plan") and value not in (None, "")
        }


class KeptUnlessSaid(forms.RadioSelect):
    """What is asked only where something is booked: what nobody decides about stays."""

    def value_from_datadict(self, data, files, name):
        return super().value_from_datadict(data, files, name) or KEEP


class CancelForm(HouseForm, OnceForm):
    """The last day, and what becomes of what is booked for later. Who keeps the books may have the
    final invoice made at once."""

    last_day = forms.DateField(label=_l("Last day"), widget=DateInput)
    bookings = forms.ChoiceField(
        label=_l("What is booked for later"), initial=KEEP, widget=KeptUnlessSaid,
        choices=[(KEEP, _l("Keep it")), (CANCEL, _l("Cancel it too"))],
    )  # fmt: skip
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, widget=forms.Textarea({"rows": 2})
    )
    final_invoice = forms.BooleanField(
        label=_l("Make the final invoice now"), required=False,
        help_text=_l("Otherwise it is made on the day after the last one."),
    )  # fmt: skip

    def __init__(self, *args, keeps_books: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if not keeps_books:
            del self.fields["final_invoice"]

    @property
    def day_asked(self) -> dt.date | None:
        """The last day that the page is about; None when what was typed is none."""
        if self.is_bound:
            return self.cleaned_data.get("last_day") if hasattr(self, "cleaned_data") else None
        return self.initial.get("last_day")

    @property
    def cancels_bookings(self) -> bool:
        return self.cleaned_data["bookings"] == CANCEL


class CallOffForm(HouseForm, OnceForm):
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, widget=forms.Textarea({"rows": 2})
    )


class ChangePlanForm(HouseForm, OnceForm):
    starts_on = forms.DateField(
        label=_l("First day on the new plan"), widget=DateInput,
        help_text=_l("The old plan ends the day before. Both are charged by day."),
    )  # fmt: skip

    def __init__(self, *args, contract: Contract, on: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        to = PlanChoice(on=on, label=_("New plan"))
        to.queryset = to.queryset.exclude(pk=contract.plan_id).at(contract.location)
        self.fields = {"to": to, **self.fields}


class FreezeForm(HouseForm, OnceForm):
    from_on = forms.DateField(label=_l("First frozen day"), widget=DateInput)
    until = forms.DateField(
        label=_l("Last frozen day"), widget=DateInput, required=False,
        help_text=_l("Empty: until somebody ends the freeze."),
    )  # fmt: skip


class ResumeForm(HouseForm, OnceForm):
    on = forms.DateField(
        label=_l("First day that is charged again"), widget=DateInput,
        help_text=_l("The freeze's own first day takes the whole freeze back."),
    )  # fmt: skip


class PriceStepForm(HouseForm, OnceForm):
    price = forms.DecimalField(label=_l("Price"))
    from_on = forms.DateField(
        label=_l("From"), widget=DateInput,
        help_text=_l("Each cycle has the price that holds on its first day."),
    )  # fmt: skip

    def __init__(self, *args, contract: Contract, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["price"].widget = MoneyInput(currency=contract.location.currency)


class WithdrawForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it takes a decision back."""


def arguments(form: forms.Form) -> dict[str, Any]:
    """What a form says, as the arguments of its verb."""
    return {name: value for name, value in form.cleaned_data.items() if name != "form_key"}
