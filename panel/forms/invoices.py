"""What is asked before something is done to an invoice."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from billing.models import Invoice, InvoiceLine
from billing.tax import Taxed
from kit import clock, words
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.templatetags.house import money
from kit.widgets import DateInput, MoneyInput, RadioCards

WHOLE, PARTS = "whole", "parts"


class DeedForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it does the deed once."""


class IssueForm(HouseForm, OnceForm):
    on = forms.DateField(
        label=_l("Date of the invoice"), widget=DateInput,
        help_text=_l("Numbers follow the dates: not before the last invoice, and not ahead."),
    )  # fmt: skip
    send = forms.BooleanField(label=_l("Send it by e-mail"), required=False, initial=True)

    def __init__(self, *args, today: dt.date, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["on"] = today


class SendForm(HouseForm, OnceForm):
    to = forms.EmailField(label=_l("To"), max_length=254)


class ReasonForm(HouseForm, OnceForm):
    reason = forms.CharField(
        label=_l("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_l("Kept with the invoice."),
    )  # fmt: skip


class ReplacementForm(ReasonForm):
    """Why an invoice is replaced, and until when the new one is to be paid."""

    due_on = forms.DateField(label=_l("Due on"), required=False, widget=DateInput())

    def __init__(self, *args, due_on: dt.date | None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("Printed on the credit note.")
        if due_on is not None:
            text = _("Empty: %s, as on the invoice.") % words.day(due_on)
            self.fields["due_on"].help_text = text


class BulkReplacementForm(ReasonForm):
    """Why several invoices are replaced."""


class CreditForm(HouseForm, OnceForm):
    """The whole invoice, or an amount for some of its lines, as their prices were entered.

    `lines` are the lines with what is left of each to be credited.
    """

    which = forms.ChoiceField(
        label=_l("What is credited"), initial=WHOLE,
        choices=[(WHOLE, _l("All of it")), (PARTS, _l("Some lines, or parts of them"))],
        widget=RadioCards(
            helps={
                WHOLE: _l("Whatever of the invoice was not credited yet."),
                PARTS: _l("You say how much of each line."),
            },
            icons={WHOLE: "file-x", PARTS: "list-checks"},
        ),
    )  # fmt: skip
    reason = forms.CharField(
        label=_l("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_l("Printed on the credit note."),
    )  # fmt: skip

    def __init__(self, *args, lines: Sequence[tuple[InvoiceLine, Taxed]], currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.line_names: list[str] = []
        for line, rest in lines:
            includes = line.charge.includes_tax
            left = rest.total if includes else rest.net
            if left <= 0:
                continue
            hint = _("%s is left, tax included.") if includes else _("%s is left, before tax.")
            field = forms.DecimalField(
                label=line.text, required=False, help_text=hint % money(left, currency),
                widget=MoneyInput(currency=currency),
            )  # fmt: skip
            name = f"line_{line.pk}"
            self.fields[name] = field
            self.line_names.append(name)
        self.order_fields(["which", *self.line_names, "reason"])
        if not self.line_names:
            del self.fields["which"]

    @property
    def line_fields(self):
        return [self[name] for name in self.line_names]

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("which") == PARTS and not self._amounts(cleaned):
            wrong = any(name in self.errors for name in self.line_names)
            if not wrong:
                text = _("Enter an amount beside at least one line.")
                self.add_error("which", ValidationError(text, code="nothing_chosen"))
        return cleaned

    def _amounts(self, cleaned: dict[str, Any]) -> dict[int, Decimal]:
        return {
            int(name.removeprefix("line_")): cleaned[name]
            for name in self.line_names
            if cleaned.get(name) is not None
        }

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `invoice.credit`."""
        parts = self.cleaned_data.get("which") == PARTS
        lines = self._amounts(self.cleaned_data) if parts else None
        return {"lines": lines, "reason": self.cleaned_data["reason"]}


class BulkIssueForm(HouseForm, forms.Form):
    send = forms.BooleanField(
        label=_l("Send them by e-mail"), required=False, initial=True,
        help_text=_l("Each to its customer's address for invoices."),
    )  # fmt: skip


class BulkSendForm(HouseForm, forms.Form):
    """`seen_at` is when the page was shown: what was sent since then is not sent again."""

    seen_at = forms.DateTimeField(widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("seen_at", clock.now().isoformat())


def address_of(invoice: Invoice) -> str:
    """Where a customer's invoices go."""
    return invoice.customer.billing_email or invoice.customer.email
