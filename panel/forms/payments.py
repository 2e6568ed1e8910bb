import datetime as dt
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import Payment
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import DateInput, MoneyInput

# What comes in for an invoice or a claim.
METHODS = [
    one
    for one in Payment.Method.choices
    if one[0] not in (Payment.Method.DEPOSIT, Payment.Method.OPENING)
]


class PaymentForm(HouseForm, OnceForm):
    """What came in for an invoice or a claim: filled in with what is due, today, by bank
    transfer."""

    amount = forms.DecimalField(
        label=_("Amount"), help_text=_("More than is due becomes credit for the next invoices.")
    )
    on = forms.DateField(label=_("Received on"), widget=DateInput)
    method = forms.ChoiceField(label=_("Method"), choices=METHODS)
    reference = forms.CharField(
        label=_("Reference"), max_length=120, required=False,
        help_text=_("Such as the text on the bank statement."),
    )  # fmt: skip

    def __init__(self, *args, currency: str, due: Decimal, today: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.update(amount=due, on=today, method=Payment.Method.TRANSFER)
        self.fields["amount"].widget = MoneyInput(currency=currency)

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `record_payment`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_key"}


class ReversalForm(HouseForm, OnceForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("Kept with the payment."),
    )  # fmt: skip
