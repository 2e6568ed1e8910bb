from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kit.forms import EditForm, HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed, DateInput, MoneyInput
from panel.forms.taxes import own_rate_field
from plans.models import Plan
from spaces.models import Location

TERMS = [
    "name", "kind", "description", "location", "currency", "tax_rate", "bound_to_premises",
    "cycle_length",
    "cycle_unit", "billing_day", "fee_due", "prorate_first", "prorate_last", "sign_up_fee",
    "deposit", "minimum_cycles", "notice_days", "subscriber_limit", "freeze_days_a_year",
    "self_cancel", "offered_in_portal", "benefits", "accept_terms",
]  # fmt: skip

# Each inner tuple is one line on the screen.
SECTIONS: list[tuple[Any, list[tuple[str, ...]]]] = [
    (_("What it is"), [("name", "kind"), ("description",), ("location", "currency")]),
    (_("Price"), [("price", "tax_rate"), ("sign_up_fee", "deposit"), ("bound_to_premises",)]),
    (
        _("Billing cycle"),
        [
            ("cycle_length", "cycle_unit"),
            ("billing_day", "fee_due"),
            ("prorate_first", "prorate_last"),
        ],
    ),
    (
        _("Term"),
        [("minimum_cycles", "notice_days"), ("subscriber_limit", "freeze_days_a_year")],
    ),
    (_("In the portal"), [("offered_in_portal", "self_cancel"), ("benefits",), ("accept_terms",)]),
]
LABELS = {
    "cycle_unit": _("Unit"),
    "minimum_cycles": _("Minimum term"),
    "notice_days": _("Notice"),
    "freeze_days_a_year": _("Customers may freeze"),
    "prorate_first": _("A first part cycle is paid by day"),
    "prorate_last": _("A last part cycle is paid by day"),
}


def house_currency() -> str:
    location = Location.objects.order_by("pk").first()
    return location.currency if location else ""


class PlanFields(forms.ModelForm):
    """The terms of a plan, for making and for editing it."""

    tax_rate = own_rate_field()

    class Meta:
        model = Plan
        fields = TERMS
        labels = LABELS
        widgets = {
            "notice_days": Affixed(after=_("days")),
            "freeze_days_a_year": Affixed(after=_("days a year")),
            "minimum_cycles": Affixed(after=_("cycles")),
            "description": forms.Textarea(attrs={"rows": 3}),
            "benefits": forms.Textarea(attrs={"rows": 3}),
            "accept_terms": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        currency = self.instance.currency or house_currency()
        for name in ("sign_up_fee", "deposit"):
            self.fields[name].widget = MoneyInput(currency=currency)
            self.fields[name].required = False
        self.fields["currency"].required = False
        if Location.objects.count() == 1:
            for name in ("location", "currency"):
                del self.fields[name]

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        for name in ("sign_up_fee", "deposit"):
            if cleaned.get(name) is None:
                cleaned[name] = Decimal(0)
        return cleaned

    def _post_clean(self):
        """The verbs check the record; a form only reads what was typed."""

    def sections(self):
        """The fields by heading, as the page shows them."""
        return [
            (
                str(title),
                [[self[name] for name in line if name in self.fields] for line in lines],
            )
            for title, lines in SECTIONS
        ]


class NewPlanForm(HouseForm, OnceForm, PlanFields):
    """A plan and its first price."""

    price = forms.DecimalField(label=_("Price per cycle"), min_value=0, decimal_places=4)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["price"].widget = MoneyInput(currency=house_currency())

    def filled_in(self) -> Plan:
        """The plan as typed, not saved; the only location's where there is one."""
        fields = {name: self.cleaned_data[name] for name in TERMS if name in self.cleaned_data}
        fields.setdefault("location", Location.objects.order_by("pk").first())
        return Plan(**{**fields, "price": self.cleaned_data["price"]})


class EditPlanForm(EditForm, PlanFields):
    """The terms of a plan for contracts signed from now on. Its tax rate has a page of its own."""

    elsewhere = ("tax_rate",)


class PriceForm(HouseForm, OnceForm):
    """A new price and the day from which it holds."""

    price = forms.DecimalField(label=_("Price per cycle"), min_value=0, decimal_places=4)
    from_on = forms.DateField(label=_("From"), widget=DateInput())

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["price"].widget = MoneyInput(currency=currency)
