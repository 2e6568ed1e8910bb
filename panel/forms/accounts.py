"""What is asked before something is done to a customer's account."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from billing.models import Charge, Payment
from billing.models.claims import days_to_pay
from customers.models import Customer
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.templatetags.house import money
from kit.widgets import Affixed, DateInput, MoneyInput, RadioCards
from panel.forms.payments import METHODS, PaymentForm
from spaces.models import Location

ISSUE, DRAFT = "issue", "draft"


class AtLocation(HouseForm, OnceForm):
    """A form about an account; where there are several, it asks for which location's."""

    def __init__(self, *args, places: Sequence[Location], **kwargs):
        super().__init__(*args, **kwargs)
        self.places = places
        if len(places) > 1:
            rows = Location.objects.filter(pk__in=[one.pk for one in places])
            field = forms.ModelChoiceField(rows, label=_("Location"), empty_label=None)
            self.fields = {"location": field, **self.fields}
            self.initial.setdefault("location", places[0].pk)
        self.initial.setdefault("on", places[0].today())

    @property
    def place(self) -> Location:
        return self.cleaned_data.get("location") or self.places[0]

    def amounts_in(self, *names: str) -> None:
        """Show the currency before these fields, where there is only one."""
        currencies = {one.currency for one in self.places}
        for name in names:
            if len(currencies) == 1:
                self.fields[name].widget = MoneyInput(currency=self.places[0].currency)

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of the verb."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("form_key", "location")
        }


class ChargeForm(AtLocation):
    text = forms.CharField(
        label=_l("What for"), max_length=300, help_text=_l("As it will stand on the invoice.")
    )
    amount = forms.DecimalField(label=_l("Amount"))
    tax_rate = forms.DecimalField(
        label=_l("Tax rate"), required=False, widget=Affixed({"inputmode": "decimal"}, after="%"),
        help_text=_l("Empty: the location's."),
    )  # fmt: skip
    on = forms.DateField(label=_l("Date"), widget=DateInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.amounts_in("amount")
        included = self.places[0].prices_include_tax
        self.fields["amount"].help_text = _("Tax included.") if included else _("Before tax.")


class ClaimForm(AtLocation):
    """What is owed without an invoice."""

    text = forms.CharField(
        label=_l("What for"), max_length=300,
        help_text=_l("As the customer reads it, such as “Opening balance”."),
    )  # fmt: skip
    amount = forms.DecimalField(label=_l("Amount"), help_text=_l("No tax is added."))
    on = forms.DateField(
        label=_l("Owed since"), widget=DateInput, help_text=_l("Today or earlier.")
    )
    due_on = forms.DateField(label=_l("Due on"), widget=DateInput, required=False)

    def __init__(self, *args, customer: Customer, **kwargs):
        super().__init__(*args, **kwargs)
        self.amounts_in("amount")
        days = days_to_pay(customer, self.places[0])
        self.fields["due_on"].help_text = ngettext(
            "Empty: %d day after that day.", "Empty: %d days after that day.", days
        ) % days  # fmt: skip


class ReceiveForm(AtLocation, PaymentForm):
    """Money that came in without saying for which invoice."""

    def __init__(self, *args, due: Decimal, places: Sequence[Location], **kwargs):
        first = places[0]
        super().__init__(
            *args, places=places, due=due or None, today=first.today(), currency=first.currency,
            **kwargs,
        )  # fmt: skip
        self.amounts_in("amount")
        method: Any = self.fields["method"]
        method.choices = [*METHODS, (Payment.Method.OPENING, Payment.Method.OPENING.label)]
        method.help_text = _("Opening credit is what you owed them before you kept books here.")
        self.fields["amount"].help_text = _(
            "It pays the oldest open invoices and claims. What is left over stays as credit."
        )


class RefundForm(AtLocation):
    amount = forms.DecimalField(label=_l("Amount"))
    on = forms.DateField(label=_l("Paid out on"), widget=DateInput)
    method = forms.ChoiceField(label=_l("Method"), choices=METHODS)
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500, widget=forms.Textarea({"rows": 2})
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.amounts_in("amount")


class GiveBackForm(AtLocation):
    """An amount that the space gives back, tax included, and why."""

    amount = forms.DecimalField(label=_l("Amount"), help_text=_l("Tax included."))
    reason = forms.CharField(
        label=_l("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_l("It is printed on the credit note."),
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.amounts_in("amount")
        self.initial.pop("on", None)


class DepositForm(HouseForm, OnceForm):
    """The whole deposit, or less for a reason."""

    amount = forms.DecimalField(label=_l("Given back"), min_value=0)
    reason = forms.CharField(
        label=_l("Why a part is kept"), required=False, max_length=500,
        widget=forms.Textarea({"rows": 2}), help_text=_l("Only where less is given back."),
    )  # fmt: skip

    def __init__(self, *args, worth: Decimal, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("amount", worth)
        self.fields["amount"].widget = MoneyInput(currency=currency)


class InvoiceNowForm(HouseForm, OnceForm):
    """What waits on an account, to be invoiced now: all of it, or some."""

    charges = forms.ModelMultipleChoiceField(
        Charge.objects.none(), label=_l("What is invoiced"), widget=forms.CheckboxSelectMultiple
    )
    how = forms.ChoiceField(
        label=_l("And then"), initial=ISSUE,
        choices=[(ISSUE, _l("Issue it")), (DRAFT, _l("Leave a draft"))],
        widget=RadioCards(
            helps={
                ISSUE: _l("It gets its number and goes out by e-mail."),
                DRAFT: _l("You look at it first, and issue it yourself."),
            },
            icons={ISSUE: "send", DRAFT: "file-text"},
        ),
    )  # fmt: skip

    def __init__(self, *args, waiting: Sequence[Charge], currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        keys = [one.pk for one in waiting]
        field: Any = self.fields["charges"]
        field.queryset = Charge.objects.filter(pk__in=keys)
        field.choices = [(one.pk, f"{one.text} · {money(one.total, currency)}") for one in waiting]
        self.initial.setdefault("charges", keys)

    @property
    def issues(self) -> bool:
        return self.cleaned_data["how"] == ISSUE


class EndForm(HouseForm, OnceForm):
    """The last day of a subscription."""

    last_day = forms.DateField(
        label=_l("Last day"), widget=DateInput,
        help_text=_l("A day before its first one takes it back altogether."),
    )  # fmt: skip

    def __init__(self, *args, today: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("last_day", today)
