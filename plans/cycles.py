"""Billing cycles, their days and their fee: pure functions of dates and terms.

Boundaries come from an anchor and a count, never from the boundary before, so that the 31st of
January is followed by the 28th of February and then by the 31st of March. Cycles are half-open
in code, [start, end), and shown to people with their last day.
"""

import calendar
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from kit.money import round_to

DAY = dt.timedelta(days=1)
Span = tuple[dt.date, dt.date | None]  # first day, last day included (None: open)


@dataclass(frozen=True)
class Rhythm:
    """Every `length` days, weeks or months, from the anchor or on a fixed `billing_day`.

    `unit` is "day", "week" or "month". Without a billing day the anchor, the day on which the
    contract starts, is the first boundary; days and weeks always count from it. With one, the
    boundaries are that day (or the month's last) of every month whose number, January 2000 being
    0, is a multiple of `length`.
    """

    unit: str
    length: int
    anchor: dt.date
    billing_day: int | None = None

    @property
    def _days(self) -> int:
        """The length in days, where it is counted in days; 0 where it is counted in months."""
        return self.length * {"day": 1, "week": 7}.get(self.unit, 0)

    def boundary(self, count: int) -> dt.date:
        """The boundary number `count`; negative counts lie before the anchor."""
        if self._days:
            return self.anchor + dt.timedelta(days=self._days * count)
        if self.billing_day is None:
            first, day = _month_number(self.anchor), self.anchor.day
        else:
            first, day = 0, self.billing_day
        year, month = divmod(first + self.length * count + 2000 * 12, 12)
        return dt.date(year, month + 1, min(day, calendar.monthrange(year, month + 1)[1]))

    def count_at(self, day: dt.date) -> int:
        """The number of the last boundary on or before a day."""
        if self._days:
            return (day - self.anchor).days // self._days
        first = _month_number(self.anchor) if self.billing_day is None else 0
        count = (_month_number(day) - first) // self.length
        return count if self.boundary(count) <= day else count - 1

    def minimum_last_day(self, cycles: int) -> dt.date | None:
        """The last day of a minimum term of whole cycles, a first part cycle on top.

        Three months on day 1 from 20 November 2026 last until 28 February 2027. None for a
        term of no cycles.
        """
        if not cycles:
            return None
        count = self.count_at(self.anchor)
        if self.boundary(count) < self.anchor:
            count += 1
        return self.boundary(count + cycles) - DAY


@dataclass(frozen=True)
class Terms:
    """All that decides the cycles of a contract. Prices are per cycle and piece, before
    discount and tax; `price_on` gives the one in force on a day."""

    rhythm: Rhythm
    starts_on: dt.date
    ends_on: dt.date | None
    fee_due: str
    prorate_first: bool
    prorate_last: bool
    quantity: int
    price_on: Callable[[dt.date], Decimal]
    freezes: tuple[Span, ...]
    currency: str


@dataclass(frozen=True)
class Cycle:
    """One cycle of a contract: `start` is its first contract day, `end` the day after its last
    one. `days` of `of_days` are paid, `frozen` ones are not; `fee` is rounded, `exact_fee` not."""

    start: dt.date
    end: dt.date
    days: int
    of_days: int
    price: Decimal
    exact_fee: Fraction
    fee: Decimal
    due_on: dt.date
    frozen: int = 0

    @property
    def last_day(self) -> dt.date:
        return self.end - DAY


def cycles(terms: Terms, *, until: dt.date, since: dt.date | None = None) -> Iterator[Cycle]:
    """The cycles that start before `until`, in order; those that end after `since`, if given.

    Rule: fee = price × quantity × days ÷ of_days, where days run from the contract's start (if
    `prorate_first`, else the whole cycle's) to its last day (if `prorate_last`, else the whole
    cycle's end), less the frozen days; 0 if every contract day of the cycle is frozen. Due at
    its end, or in advance at its start.
    """
    count = terms.rhythm.count_at(max(terms.starts_on, since or terms.starts_on))
    while True:
        whole_start, whole_end = terms.rhythm.boundary(count), terms.rhythm.boundary(count + 1)
        count += 1
        start = max(whole_start, terms.starts_on)
        if start >= until or (terms.ends_on is not None and start > terms.ends_on):
            return
        end = whole_end if terms.ends_on is None else min(whole_end, terms.ends_on + DAY)
        paid_from = start if terms.prorate_first else whole_start
        paid_until = end if terms.prorate_last else whole_end
        frozen = frozen_days(terms.freezes, start, end)
        days = (paid_until - paid_from).days - frozen
        if frozen == (end - start).days:
            days = 0
        of_days = (whole_end - whole_start).days
        price = terms.price_on(start)
        exact = Fraction(price) * terms.quantity * days / of_days
        yield Cycle(
            start=start,
            end=end,
            days=days,
            of_days=of_days,
            price=price,
            exact_fee=exact,
            fee=round_to(exact, terms.currency),
            due_on=start if terms.fee_due == "in_advance" else end,
            frozen=frozen,
        )


def frozen_days(freezes: Iterable[Span], start: dt.date, end: dt.date) -> int:
    """How many days of [start, end) are frozen. Freezes of one contract never overlap."""
    total = 0
    for first, last in freezes:
        latest = end if last is None else min(end, last + DAY)
        total += max(0, (latest - max(start, first)).days)
    return total


def merged(freezes: Iterable[Span], starts_on: dt.date, ends_on: dt.date | None) -> list[Span]:
    """Freezes cut to the contract's own days, those that touch joined into one."""
    result: list[Span] = []
    for first, last in sorted(freezes, key=lambda span: span[0]):
        first = max(first, starts_on)
        if ends_on is not None:
            last = ends_on if last is None else min(last, ends_on)
        if last is not None and last < first:
            continue
        if result and result[-1][1] is not None and result[-1][1] + DAY >= first:
            result[-1] = (result[-1][0], last)
        else:
            result.append((first, last))
    return result


def _month_number(day: dt.date) -> int:
    return (day.year - 2000) * 12 + day.month - 1
