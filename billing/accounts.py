"""What a customer owes: sums over invoices, credit notes, payments and write-offs."""

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, Q, Sum

from billing.models.accounts import Account
from billing.models.crediting import CreditNote
from billing.models.invoices import Invoice
from billing.models.paying import Payment, WriteOff
from customers.models import Customer
from kit.money import ZERO
from spaces.models import Location


def balance_of(customer: Customer, *, on: dt.date, location: Location | None = None) -> Decimal:
    """What a customer owes up to a day, included; below zero where the house owes.

    Invoices less credit notes, payments and write-offs, plus refunds. What is not invoiced yet and
    deposits that are held stay outside. Without a location, of all of them together.
    """
    at = Q(customer=customer) & (Q(location=location) if location is not None else Q())
    asked = _sum(Invoice.objects.issued().filter(at, issued_on__lte=on), "total")
    credited = _sum(CreditNote.objects.filter(at, issued_on__lte=on), "total")
    # Refunds and reversals are payments below zero.
    paid = _sum(Payment.objects.filter(at, on__lte=on), "amount")
    given_up = WriteOff.objects.filter(invoice__customer=customer, on__lte=on)
    if location is not None:
        given_up = given_up.filter(invoice__location=location)
    given_up = given_up.filter(Q(withdrawn_on=None) | Q(withdrawn_on__gt=on))
    return asked - credited - paid - _sum(given_up, "amount")


def _sum(rows: Any, name: str) -> Decimal:
    return rows.aggregate(sum=Sum(name))["sum"] or ZERO


class Standing(NamedTuple):
    """An account at a glance: what is due, how much of it too late, credit, and what waits."""

    location: Location
    due: Decimal
    overdue: Decimal
    credit: Decimal
    waiting: Decimal


def standings(customer: Customer) -> list[Standing]:
    """A customer's accounts, one per location where there is anything."""
    found = []
    for account in Account.objects.filter(customer=customer).select_related("location"):
        here = customer.invoices.filter(location=account.location)
        unpaid = here.unpaid()
        late = here.overdue(on=account.location.today())
        waiting = customer.charges.filter(location=account.location).waiting()
        found.append(
            Standing(
                account.location, _due(unpaid), _due(late), account.credit,
                _sum(waiting, "amount") + _sum(waiting, "tax"),
            )
        )  # fmt: skip
    return found


def _due(invoices: Any) -> Decimal:
    return invoices.aggregate(sum=Sum(F("total") - F("settled")))["sum"] or ZERO


# Days overdue, up to and including; the last bracket is open.
BRACKETS = (0, 30, 60, 90, None)


class Aged(NamedTuple):
    """What a customer owes, by how long it is overdue: not yet due, up to 30 days, up to 60, up to
    90, and longer."""

    customer: Customer
    sums: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        return sum(self.sums, ZERO)


def aged(location: Location, *, on: dt.date, invoices: Any = None) -> list[Aged]:
    """Return the aged debt of a location as it was at the end of a day, today or earlier, the
    largest debt first: what was issued, settled and written off later does not count."""
    found_in: Any = Invoice.objects if invoices is None else invoices
    unpaid = found_in.filter(location=location).owed(on=on)
    sums: dict[int, list[Decimal]] = {}
    customers: dict[int, Customer] = {}
    for invoice in unpaid.select_related("customer"):
        late = (on - invoice.due_on).days if invoice.due_on else 0
        place = next(n for n, most in enumerate(BRACKETS) if most is None or late <= most)
        customers[invoice.customer_id] = invoice.customer
        sums.setdefault(invoice.customer_id, [ZERO] * len(BRACKETS))[place] += invoice.due_then
    found = [Aged(customers[key], tuple(parts)) for key, parts in sums.items()]
    return sorted(found, key=lambda one: (-one.total, one.customer.sort_name, one.customer.pk))
