"""Words that the tests of billing share: run it on a day, and say what came of it."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from billing.models import Account, Charge, CreditNote, Invoice
from billing.runs import Report, run_billing
from coworking.integrity import PROOFS
from kit import money
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


def outcome() -> tuple[list[tuple], dict[tuple[str, str], Decimal]]:
    """What came of it whenever the billing ran: what is charged less what is credited of each
    cycle, booking and other thing, as prices were entered; and the balance of each account, whose
    tax depends on what shares a document."""
    sums: dict[tuple, Decimal] = defaultdict(lambda: Decimal(0))
    charges = Charge.objects.standing().select_related(
        "customer", "used_by", "cycle__contract__plan", "cycle__subscription__product",
        "booking__resource", "line",
    )  # fmt: skip
    for charge in charges.prefetch_related("line__credits"):
        line = getattr(charge, "line", None)
        credits = line.credits.all() if line is not None else ()
        price = charge.price - sum(
            (one.total if charge.includes_tax else one.net for one in credits), Decimal(0)
        )
        sums[charge.customer.full_name, *_subject(charge)] += price
    balances = {
        (one.customer.full_name, one.location.name): _balance(one)
        for one in Account.objects.select_related("customer", "location").with_credit()
    }
    return sorted((*key, f"{value:.4f}") for key, value in sums.items() if value), balances


def _subject(charge: Charge) -> tuple[str, ...]:
    """What a charge is for, whichever of several charges it is."""
    used_by = (charge.used_by or charge.customer).full_name
    if charge.cycle is not None:
        return ("cycle", str(charge.cycle.agreement), used_by, str(charge.cycle.starts_on))
    if charge.booking is not None:
        return (charge.kind, used_by, str(charge.booking.start), str(charge.booking.booked_at))
    return (charge.kind, used_by, charge.text, str(charge.on))


def assert_same_outcome(one: Any, other: Any, currency: str = "EUR") -> None:
    """Raise `AssertionError` unless two outcomes are equal; balances may differ by a minor unit of
    tax for each document."""
    assert one[0] == other[0]
    assert one[1].keys() == other[1].keys()
    documents = Invoice.objects.count() + CreditNote.objects.count()
    most = documents * Decimal(1).scaleb(-money.exponent(currency))
    wrong = {key: (value, other[1][key]) for key, value in one[1].items()
             if abs(value - other[1][key]) > most}  # fmt: skip
    assert not wrong


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
