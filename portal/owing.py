"""What a customer owes and will owe: what is due now and how to pay it, the credit on the account,
and the invoices that are to come, each with why it comes on that day."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import prefetch_related_objects

from billing import foresight, runs
from billing.accounts import Standing, standings
from billing.foresight import Coming
from billing.models import Account
from billing.models.issuing import seller_of
from billing.models.paying import open_payables
from customers.models import Customer
from portal.billed import HowToPay, how_to_pay
from spaces.models import Location

# As many open invoices and claims are named one by one.
NAMED = 3


class Due(NamedTuple):
    """What is to be paid to one location: `latest_on` is the day until which all of it is."""

    standing: Standing
    payables: list[Any]
    way: HowToPay

    @property
    def location(self) -> Location:
        return self.standing.location

    @property
    def first_on(self) -> dt.date | None:
        """By when the first of it is to be paid."""
        return min((one.due_on for one in self.payables), default=None)


def dues(customer: Customer, accounts: Sequence[Standing]) -> list[Due]:
    """What is due now, by location; home first."""
    found = []
    for one in accounts:
        if not one.due:
            continue
        open_ones = open_payables(customer, one.location)[: NAMED + 1]
        reference = ""
        if len(open_ones) <= NAMED:
            reference = ", ".join(payable.reference for payable in open_ones)
        way = how_to_pay(seller_of(one.location), reference, key=f"-{one.location.pk}")
        found.append(Due(one, open_ones, way))
    return found


def accounts(customer: Customer) -> list[Standing]:
    """A customer's accounts, that of its home first."""
    home = customer.location_id
    return sorted(standings(customer), key=lambda one: (one.location.pk != home, one.location.pk))


class Next(NamedTuple):
    """An invoice that is to come, and why on that day."""

    coming: Coming
    because: str
    is_late: bool


def next_invoices(customer: Customer, *, count: int = foresight.SHOWN) -> list[Next]:
    """The next invoices at every location, the next one first."""
    found = []
    for place in foresight.places_of(customer):
        ahead = foresight.coming(customer, place, count=count)
        if not ahead:
            continue
        account = Account.objects.filter(customer=customer, location=place).first()
        account = account or Account(customer=customer, location=place)
        account.location = place
        [facts] = runs.facts_of([account], place.today())
        found += [
            Next(one, foresight.because(facts.agreements, one.date), one.date <= place.today())
            for one in ahead
        ]
    found.sort(key=lambda one: (one.coming.date, one.coming.location.pk))
    charges = [line.charge for one in found[:count] for line in one.coming.lines]
    prefetch_related_objects(charges, "used_by", "on_behalf_of")
    return found[:count]


def credit_of(accounts: Sequence[Standing]) -> list[tuple[Decimal, Location]]:
    """The credit that is left, by location."""
    return [(one.credit, one.location) for one in accounts if one.credit]
