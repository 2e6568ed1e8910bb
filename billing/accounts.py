"""What a customer owes: sums over invoices, claims, credit notes, payments and write-offs."""

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, Q, Sum

from billing.models.accounts import Account
from billing.models.claims import Claim
from billing.models.crediting import CreditNote
from billing.models.invoices import Invoice
from billing.models.paying import Payment, WriteOff
from customers.models import Customer
from kit.money import ZERO, MoneyField
from spaces.models import Location


def balance_of(customer: Customer, *, on: dt.date, location: Location | None = None) -> Decimal:
    """What a customer owes up to a day, included; below zero where the space owes.

    Invoices and claims less credit notes, payments and write-offs, plus refunds. A claim for a
    refund is in it as the refund. What is not invoiced yet and deposits that are held stay outside.
    Without a location, of all of them together. It is what is due less account credit, always.
    """
    at = Q(customer=customer) & (Q(location=location) if location is not None else Q())
    asked = _sum(Invoice.objects.issued().filter(at, issued_on__lte=on), "total")
    claims = Claim.objects.filter(at, reversal=None)
    asked += _sum(claims.filter(on__lte=on), "amount")
    credited = _sum(CreditNote.objects.filter(at, issued_on__lte=on), "total")
    cancelled = _sum(claims.filter(cancellation__on__lte=on), "amount")
    # Refunds and reversals are payments below zero.
    paid = _sum(Payment.objects.filter(at, on__lte=on), "amount")
    of_invoices, of_claims = Q(invoice__customer=customer), Q(claim__customer=customer)
    if location is not None:
        of_invoices &= Q(invoice__location=location)
        of_claims &= Q(claim__location=location)
    stood = Q(withdrawn_on=None) | Q(withdrawn_on__gt=on)
    given_up = WriteOff.objects.filter(of_invoices | of_claims, stood, on__lte=on)
    return asked - credited - cancelled - paid - _sum(given_up, "amount")


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
        today = account.location.today()
        due = overdue = ZERO
        for rows in (customer.invoices, customer.claims):
            here = rows.filter(location=account.location)
            due += _due(here.unpaid())
            overdue += _due(here.overdue(on=today))
        waiting = customer.charges.filter(location=account.location).waiting()
        found.append(
            Standing(
                account.location, due, overdue, account.credit,
                _sum(waiting, "amount") + _sum(waiting, "tax"),
            )
        )  # fmt: skip
    return found


def _due(unpaid: Any) -> Decimal:
    left = F(unpaid.sum_column) - F("settled")
    return unpaid.aggregate(sum=Sum(left, output_field=MoneyField()))["sum"] or ZERO


# Days overdue, up to and including; the last bracket is open.
BRACKETS = (0, 30, 60, 90, None)


class Aged(NamedTuple):
    """What a customer owes, by how long it is overdue: not yet due, up to 30 days, up to 60, up to
    90, and longer; and whether a part of it is owed by claims."""

    customer: Customer
    sums: tuple[Decimal, ...]
    by_claims: bool = False

    @property
    def total(self) -> Decimal:
        return sum(self.sums, ZERO)


def aged(location: Location, *, on: dt.date) -> list[Aged]:
    """Return the aged debt of a location as it was at the end of a day, today or earlier, the
    largest debt first: what was issued, claimed, settled and written off later does not count."""
    sums: dict[int, list[Decimal]] = {}
    customers: dict[int, Customer] = {}
    by_claims: set[int] = set()
    for rows in (Invoice.objects.all(), Claim.objects.all()):
        unpaid: Any = rows.filter(location=location).owed(on=on).select_related("customer")
        for owed in unpaid:
            late = (on - owed.due_on).days
            place = next(n for n, most in enumerate(BRACKETS) if most is None or late <= most)
            customers[owed.customer_id] = owed.customer
            sums.setdefault(owed.customer_id, [ZERO] * len(BRACKETS))[place] += owed.due_then
            if isinstance(owed, Claim):
                by_claims.add(owed.customer_id)
    found = [Aged(customers[key], tuple(parts), key in by_claims) for key, parts in sums.items()]
    return sorted(found, key=lambda one: (-one.total, one.customer.sort_name, one.customer.pk))
