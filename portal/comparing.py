"""The next invoices before and after a decision, side by side.

An account is its owner's alone: of what somebody else pays for nothing is told here.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from billing import foresight
from billing.models import CreditNote, Invoice
from customers.models import Customer

SHOWN = 4


class Beside(NamedTuple):
    """One date: what would be invoiced as things are, and what then (None: nothing)."""

    date: dt.date
    currency: str
    before: Decimal | None
    after: Decimal | None


class Compared(NamedTuple):
    """What a decision changes on one's invoices: some now, some on the next ones."""

    rows: list[Beside]
    invoices: list[Invoice]
    credit_notes: list[CreditNote]


def compared(
    customer: Customer, deed: Callable[[], Any], *, payer: Customer | None = None
) -> Compared | None:
    """What a deed would change for a customer; None where nothing differs, or where another one
    pays. Raises `Refused` as the deed does."""
    if payer is not None and payer.pk != customer.pk:
        return None
    found = foresight.compared(customer, deed)
    if not found.changes:
        return None
    rows = []
    for date, one, two in found.pairs[:SHOWN]:
        either: Any = one or two
        currency = either.location.currency
        before, after = one.total if one else None, two.total if two else None
        rows.append(Beside(date, currency, before, after))
    return Compared(rows, found.invoices, found.credit_notes)
