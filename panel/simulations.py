"""The next invoices before and after a deed, side by side, as its page shows them."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from billing.charging import payer_of
from billing.foresight import Coming, Comparison, compared
from billing.models import InvoiceLine
from customers.models import Customer
from kit.money import ZERO, round_to
from plans.models import Contract, Plan
from spaces.models import Location


class Line(NamedTuple):
    """A line of an invoice that is to come; `differs` where the other side has none like it."""

    line: InvoiceLine
    differs: bool


class Beside(NamedTuple):
    """One date: what would be invoiced as things are, and what after the deed."""

    date: dt.date
    location: Location
    before: Decimal
    after: Decimal
    lines_before: list[Line]
    lines_after: list[Line]

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def differs(self) -> bool:
        both = self.lines_before + self.lines_after
        return bool(self.difference) or any(one.differs for one in both)


class Simulation(NamedTuple):
    """What a deed brings for whoever pays."""

    payer: Customer
    pairs: list[Beside]
    comparison: Comparison

    @property
    def changes(self) -> bool:
        at_once = self.comparison.invoices or self.comparison.credit_notes
        return bool(at_once) or any(one.differs for one in self.pairs)


def simulated(payer: Customer, deed: Callable[[], Any]) -> Simulation:
    """Do it, look, and take it back. Raises `Refused` as the deed does."""
    found = compared(payer, deed)
    return Simulation(payer, [_beside(*pair) for pair in found.pairs], found)


def of_contract(contract: Contract, deed: Callable[[], Any]) -> Simulation:
    return simulated(payer_of(contract.customer, contract.on_behalf_of), deed)


def _beside(date: dt.date, before: Coming | None, after: Coming | None) -> Beside:
    either: Any = before or after
    one, two = (before.lines if before else []), (after.lines if after else [])
    return Beside(
        date, either.location, before.total if before else ZERO, after.total if after else ZERO,
        _lines(one, two), _lines(two, one),
    )  # fmt: skip


def _lines(mine: Iterable[InvoiceLine], others: Iterable[InvoiceLine]) -> list[Line]:
    there = Counter(_look(line) for line in others)
    found = []
    for line in mine:
        same = there[_look(line)] > 0
        there[_look(line)] -= 1
        found.append(Line(line, not same))
    return found


def _look(line: InvoiceLine) -> tuple[str, str, Decimal]:
    return line.text, line.detail, line.price


class Followers(NamedTuple):
    """Contracts that follow a plan's new price, and the difference a month in all, before tax."""

    number: int
    a_month: Decimal
    currency: str


def followers(plan: Plan, price: Decimal, from_on: dt.date, *, currency: str) -> Followers:
    """Whom a new price of a plan reaches: contracts that run from that day on without a price of
    their own. Weeks count as 52 a year."""
    running = plan.contracts.running_or_scheduled(on=from_on).filter(price=None, price_steps=None)
    found = list(running.select_related("on_behalf_of").distinct())
    more = Fraction(price) - Fraction(plan.price_on(from_on))
    a_month = sum(
        (more * one.quantity * (1 - Fraction(one.best_discount) / 100) * _cycles_a_month(one)
         for one in found),
        Fraction(0),
    )  # fmt: skip
    return Followers(len(found), round_to(a_month, currency), currency)


def _cycles_a_month(contract: Contract) -> Fraction:
    if contract.cycle_unit == "week":
        return Fraction(52, 12) / contract.cycle_length
    return Fraction(1, contract.cycle_length)
