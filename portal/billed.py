"""An invoice or a claim as its customer reads it: how it stands, what is on it and why, what has
paid it, and how to pay the rest."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from billing import tax
from billing.measures import purchase_orders
from billing.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    CreditNote,
    Invoice,
    InvoiceLine,
    Payment,
    Settlement,
)
from billing.models.issuing import seller_of
from billing.tax import TaxSum


class Fact(NamedTuple):
    """Something that one types into one's bank: `key` where it is worth copying."""

    label: str
    value: str
    key: str = ""


class HowToPay(NamedTuple):
    """To whom, to which account, with what reference; and what else the house says about it."""

    facts: list[Fact]
    text: str

    def __bool__(self) -> bool:
        return bool(self.facts or self.text)


def how_to_pay(seller: dict[str, str], reference: str, *, key: str = "") -> HowToPay:
    """How the house is paid, as it is printed on invoices; `key` tells several on a page apart."""
    account = seller.get("iban", "").strip()
    is_iban = account[:2].isalpha() and account[2:4].isdigit()
    facts = [
        Fact(_("Account holder"), seller.get("name", "") if account else ""),
        Fact(_("Bank"), seller.get("bank_name", "")),
        Fact(_("IBAN") if is_iban else _("Account"), in_fours(account) if is_iban else account,
             f"account{key}"),
        Fact(_("BIC") if is_iban else _("Sort code"), seller.get("bic", "")),
        Fact(_("Reference"), reference, f"reference{key}"),
    ]  # fmt: skip
    shown = [fact for fact in facts if fact.value]
    text = seller.get("payment_text", "").strip()
    return HowToPay(shown if account or text else [], text)


def in_fours(iban: str) -> str:
    """DE02120300000000202051 → DE02 1203 0000 0000 2020 51."""
    plain = iban.replace(" ", "").upper()
    return " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))


class Settled(NamedTuple):
    """A part of an invoice that was paid, credited or given up; below zero where that was taken
    back."""

    on: dt.date
    words: str
    amount: Decimal
    credit_note: CreditNote | None = None


@dataclass
class Billed:
    """One issued invoice on a day."""

    invoice: Invoice
    on: dt.date

    @classmethod
    def today(cls, invoice: Invoice) -> "Billed":
        return cls(invoice, invoice.location.today())

    @cached_property
    def settlement(self) -> str:
        return self.invoice.settlement_on(self.on)

    @property
    def days_late(self) -> int:
        due_on = self.invoice.due_on
        return (self.on - due_on).days if self.settlement == Settlement.OVERDUE and due_on else 0

    @property
    def days_left(self) -> int | None:
        """How long there is still to pay; None when there is nothing to pay, or it is late."""
        if not self.invoice.due or self.invoice.due_on is None or self.days_late:
            return None
        return (self.invoice.due_on - self.on).days

    @cached_property
    def lines(self) -> list[InvoiceLine]:
        """Its lines with what they are for and what of them was credited."""
        found = self.invoice.lines.select_related("charge__used_by", "charge__on_behalf_of")
        return list(found.prefetch_related("credits__credit_note"))

    @cached_property
    def purchase_orders(self) -> list[str]:
        """The buyer's purchase orders of the lines, each once."""
        return purchase_orders(self.lines)

    @property
    def rates(self) -> list[TaxSum]:
        return rates(self.invoice)

    @cached_property
    def settled(self) -> list[Settled]:
        """What has paid it, in the order in which it did."""
        found = self.invoice.allocations.select_related("payment", "credit_note")
        return list(_told(found))

    @cached_property
    def credit_notes(self) -> list[CreditNote]:
        return list(self.invoice.credit_notes.select_related("location").order_by("pk"))

    @property
    def way(self) -> HowToPay:
        return how_to_pay(self.invoice.seller, self.invoice.number or "")


@dataclass
class Claimed:
    """One claim on a day."""

    claim: Claim
    on: dt.date

    @classmethod
    def today(cls, claim: Claim) -> "Claimed":
        return cls(claim, claim.location.today())

    @cached_property
    def settlement(self) -> str:
        return self.claim.settlement_on(self.on)

    @property
    def days_late(self) -> int:
        is_late = self.settlement == ClaimSettlement.OVERDUE
        return (self.on - self.claim.due_on).days if is_late else 0

    @cached_property
    def settled(self) -> list[Settled]:
        """What has paid it, in the order in which it did."""
        found = self.claim.allocations.select_related("payment", "credit_note")
        return list(_told(found))

    @property
    def way(self) -> HowToPay:
        return how_to_pay(seller_of(self.claim.location), self.claim.reference)


def rates(record: Invoice | CreditNote) -> list[TaxSum]:
    """The net and the tax of each rate, as it is printed."""
    return tax.read(record.tax_sums)


def _told(allocations: Any) -> Iterator[Settled]:
    for one in allocations:
        back = one.value < 0
        match one.kind:
            case Allocation.Kind.PAYMENT if one.payment is not None:
                words = _("Paid: %s") % one.payment.get_method_display()
                if back:
                    given_back = one.payment.kind == Payment.Kind.PAYMENT
                    words = _("Put back as credit") if given_back else _("Payment taken back")
            case Allocation.Kind.CREDIT_NOTE if one.credit_note is not None:
                words = _("Credit note %s") % one.credit_note.number
            case Allocation.Kind.CANCELLED:
                words = _("Cancelled")
            case Allocation.Kind.CREDIT:
                words = _("Put back as credit") if back else _("Paid from your credit")
            case _:
                words = _("Asked for after all") if back else _("Not asked for any more")
        yield Settled(one.on, words, one.value, one.credit_note)


def addressed(party: dict[str, str] | None) -> list[str]:
    """The lines of an address as it is printed, without the country."""
    if not party:
        return []
    place = f"{party.get('postal_code', '')} {party.get('city', '')}".strip()
    lines = (party.get("person", ""), party.get("address", ""), place)
    return [line for line in lines if line]
