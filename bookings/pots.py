"""Which credit a booking uses, and what is left to pay: pure arithmetic on pots."""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from kit.money import round_to

if TYPE_CHECKING:
    from bookings.models.credits import CreditGrant, PlanCredit
    from plans.models import Contract


@dataclass
class Pot:
    """The booking credit of one cycle of a contract: what is left of it, in minutes or money.

    `grant` is its row, None as long as nobody needed it. [`starts_on`, `ends_on`) is the cycle.
    """

    contract: "Contract"
    credit: "PlanCredit"
    grant: "CreditGrant | None"
    left: Decimal
    shared: bool
    starts_on: dt.date
    ends_on: dt.date
    unit: str
    types: frozenset[int]

    @property
    def last_day(self) -> dt.date:
        return self.ends_on - dt.timedelta(days=1)


@dataclass(frozen=True)
class Use:
    """So much of a pot, in its unit."""

    pot: Pot
    value: Decimal


@dataclass(frozen=True)
class Settled:
    """What credit covers of a booking, and what is left to pay, before tax."""

    uses: tuple[Use, ...]
    minutes: int
    money: Decimal
    amount: Decimal


def settle(net: Fraction, billed_minutes: int, pots: Iterable[Pot], currency: str) -> Settled:
    """Cover a booking from pots, in their order.

    Rule: charge = price × uncovered ÷ billed minutes. Credit in hours covers minutes, credit in
    money the sum that is still uncovered; the charge is rounded once, at the end. What costs
    nothing uses nothing.
    """
    uses: list[Use] = []
    left = Fraction(1) if net and billed_minutes else Fraction(0)
    minutes, money = 0, Decimal(0)
    for pot in pots:
        if not left or not pot.left:
            continue
        if pot.unit == "minutes":
            wanted = math.ceil(left * billed_minutes)
            value = min(Decimal(wanted), pot.left)
            left = max(Fraction(0), left - Fraction(value) / billed_minutes)
            minutes += int(value)
        else:
            open_sum = round_to(net * left, currency)
            value = min(open_sum, pot.left)
            left = Fraction(0) if value == open_sum else left - Fraction(value) / net
            money += value
        if value:
            uses.append(Use(pot, value))
    return Settled(tuple(uses), minutes, money, round_to(net * left, currency))
