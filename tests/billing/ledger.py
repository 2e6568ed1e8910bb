"""Words that the tests of billing share: run it on a day, and say what came of it."""

import datetime as dt
from decimal import Decimal

from billing.models import Account, Charge, Invoice
from billing.runs import Report, run_billing
from coworking.integrity import PROOFS
from tests import story


def bill(at, day: str, **how) -> Report:
    """Let the clock stand at noon of a day and run the billing."""
    at(day)
    return run_billing(**how)


def is_sound() -> None:
    """Everything that the house proves of itself holds."""
    found = [f"{proof.name}: {text}" for proof in PROOFS for text in proof.find()]
    assert not found, "\n".join(found)


def fees(customer) -> list[tuple[str, Decimal]]:
    """What was charged: (first day to last day, price)."""
    found = customer.charges.filter(kind="fee").order_by("starts_on")
    return [(f"{one.starts_on} {one.last_day}", one.price) for one in found]


def invoiced(customer) -> list[tuple[str, list[Decimal]]]:
    """The invoices of a customer: (billing date, nets of its lines)."""
    found = customer.invoices.order_by("billing_date", "pk").prefetch_related("lines")
    return [
        (str(one.billing_date or one.issued_on), [line.net for line in one.lines.all()])
        for one in found
    ]


def canonical() -> list[tuple]:
    """All charges and invoices as they are to an outsider: without keys, numbers and the days on
    which they were issued and are due."""
    charges = [
        ("charge", one.customer.full_name, one.kind, one.text, str(one.on), f"{one.price:.4f}",
         f"{one.amount:.4f}", f"{one.tax:.4f}", one.is_void, without_keys(one.explanation))
        for one in Charge.objects.select_related("customer", "void")
    ]  # fmt: skip
    invoices = [
        ("invoice", one.customer.full_name, str(one.billing_date), one.state, f"{one.net:.4f}",
         f"{one.tax:.4f}", f"{one.total:.4f}",
         tuple((line.text, line.detail, f"{line.net:.4f}", f"{line.tax:.4f}")
               for line in one.lines.all()))
        for one in Invoice.objects.select_related("customer").prefetch_related("lines")
    ]  # fmt: skip
    balances = [
        ("balance", one.customer.full_name, f"{_balance(one):.4f}")
        for one in Account.objects.select_related("customer").with_credit()
    ]
    return sorted(charges) + sorted(invoices) + sorted(balances)


def _balance(account: Account) -> Decimal:
    """What is due less the credit: which invoice it has paid depends on the order of issue."""
    unpaid = account.customer.invoices.filter(location=account.location_id).unpaid()
    return sum((one.due for one in unpaid), Decimal(0)) - account.credit


def without_keys(explanation: dict) -> str:
    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in sorted(value.items()) if k not in ("key", "contract")}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return str(plain(explanation))


def days(text: str) -> dt.date:
    return story.day(text)
