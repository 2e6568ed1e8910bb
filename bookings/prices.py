"""What a booking costs, and why: pure functions of rates and times, and the reading of rates.

Each step that has begun costs the cheapest hourly rate that holds at its start; for each local day
the least of the steps' sum, the half-day rate (if the part of the day is short enough) and the day
rate counts; the days add up. Then comes the discount, then credit, then (on the charge) tax.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from bookings.hours import day_span, days_of, local, minutes, utc
from bookings.models.resource_types import Rate
from bookings.models.resources import Resource
from bookings.pots import Settled, settle
from bookings.standing import Standing
from kit.money import ZERO, round_to
from kit.problems import Problem, Refused

END_OF_DAY = 24 * 60


@dataclass(frozen=True)
class Line:
    """Steps in a row at one hourly rate: their minutes and the price of an hour."""

    minutes: int
    per_hour: Decimal


@dataclass(frozen=True)
class DayPrice:
    """What the part of a booking on one local day costs. `by` is "hours", "half_day", "day" or
    "free"; `by_hours` what the steps alone would have come to (None where no rate covers them)."""

    on: dt.date
    minutes: int
    by: str
    amount: Fraction
    by_hours: Fraction | None
    lines: tuple[Line, ...]

    @classmethod
    def of_json(cls, day: dict[str, Any]) -> "DayPrice":
        """What an explanation says of a day; see `Quote.explanation`."""
        return cls(
            dt.date.fromisoformat(day["on"]), day["minutes"], day["by"], Fraction(day["amount"]),
            None if day["by_hours"] is None else Fraction(day["by_hours"]),
            tuple(Line(minutes, Decimal(price)) for minutes, price in day["lines"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Quote:
    """The price of a booking with all that led to it.

    `price` is rounded once: after the caps, before discount (percent), credit and tax. `settled`
    says what credit covers and what is left to pay.
    """

    days: tuple[DayPrice, ...]
    price: Decimal
    billed_minutes: int
    discount: Decimal
    settled: Settled
    currency: str

    @property
    def amount(self) -> Decimal:
        return self.settled.amount

    @property
    def is_free(self) -> bool:
        return all(day.by == "free" for day in self.days)

    @property
    def explanation(self) -> dict[str, Any]:
        """All of it as JSON: amounts as text, exact ones as fractions such as "25/3"."""
        return {
            "days": [
                {
                    "on": day.on.isoformat(), "minutes": day.minutes, "by": day.by,
                    "amount": str(day.amount),
                    "by_hours": None if day.by_hours is None else str(day.by_hours),
                    "lines": [[line.minutes, f"{line.per_hour:f}"] for line in day.lines],
                }
                for day in self.days
            ],
            "billed_minutes": self.billed_minutes,
            "price": f"{self.price:f}",
            "discount": f"{self.discount:f}",
            "credit": [
                {
                    "contract": use.pot.contract.pk, "plan": use.pot.contract.plan.name,
                    "unit": use.pot.unit, "value": f"{use.value:f}", "shared": use.pot.shared,
                    "starts_on": use.pot.starts_on.isoformat(),
                    "last_day": use.pot.last_day.isoformat(),
                }
                for use in self.settled.uses
            ],
            "amount": f"{self.amount:f}",
            "currency": self.currency,
        }  # fmt: skip


class Tariff:
    """The rates of some resources' types, read once."""

    def __init__(self, rates: Iterable[Rate]):
        self._by_type: dict[int, list[_Rate]] = defaultdict(list)
        for rate in rates:
            self._by_type[rate.type_id].append(_Rate(rate))

    @classmethod
    def of(cls, resources: Sequence[Resource]) -> "Tariff":
        """Two queries, however many resources."""
        types = {one.type_id for one in resources}
        return cls(Rate.objects.filter(type__in=types).prefetch_related("plans"))

    def quote(
        self, resource: Resource, start: dt.datetime, end: dt.datetime, *, standing: Standing,
        fixed: dict[str, Any] | None = None,
    ) -> Quote:  # fmt: skip
        """What it costs this customer. A price that was fixed before stays with its reasons (the
        `fixed` explanation), whatever rates say by now.

        Raises `Refused` with `no_rate` where the type has rates and none covers the time.
        """
        on = local(start, resource.zone).date()
        currency = resource.location.currency
        if fixed:
            days = [DayPrice.of_json(day) for day in fixed["days"]]
            price, billed = Decimal(fixed["price"]), fixed["billed_minutes"]
        else:
            days = self._days(resource, start, end, standing, on)
            price = round_to(sum((day.amount for day in days), Fraction(0)), currency)
            billed = _steps(start, end, resource.step_minutes) * resource.step_minutes
        discount = standing.team.discount if standing.team is not None else ZERO
        net = Fraction(price) * (1 - Fraction(discount) / 100)
        pots = standing.pots(on, resource.type_id, currency) if price else []
        return Quote(
            days=tuple(days), price=price, billed_minutes=billed, discount=Decimal(discount),
            settled=settle(net, billed, pots, currency), currency=currency,
        )  # fmt: skip

    def _days(self, resource, start, end, standing: Standing, on: dt.date) -> list[DayPrice]:
        rates = self._by_type.get(resource.type_id, [])
        here = [rate for rate in rates if rate.location in (None, resource.location_id)]
        statuses, plans = standing.statuses(on), standing.plans(on)
        mine = [rate for rate in here if rate.is_for(statuses, plans)]
        return day_prices(
            utc(start), utc(end), zone=resource.zone, step=resource.step_minutes,
            half_day_hours=resource.type.half_day_hours, rates=mine, free=not here,
        )  # fmt: skip


class _Rate:
    """A rate with what is asked of it again and again worked out."""

    def __init__(self, rate: Rate):
        self.per, self.price, self.location = rate.per, rate.price, rate.location_id
        self._audience = rate.audience
        self._plans = frozenset(plan.pk for plan in rate.plans.all())
        self._weekdays = frozenset(int(digit) for digit in rate.weekdays) or frozenset(range(7))
        self._from = _minute(rate.from_time) if rate.from_time else 0
        until = rate.until_time
        self._until = _minute(until) if until and until != dt.time() else END_OF_DAY

    def is_for(self, statuses: frozenset[str], plans: frozenset[int]) -> bool:
        match self._audience:
            case Rate.Audience.MEMBERS:
                return "member" in statuses
            case Rate.Audience.CONTACTS:
                return "contact" in statuses
            case Rate.Audience.PLANS:
                return bool(self._plans & plans)
        return True

    def holds_at(self, weekday: int, minute: int) -> bool:
        """Whether a step that begins then, on the wall, costs it."""
        return weekday in self._weekdays and self._from <= minute < self._until

    def covers(self, weekday: int, first: int, last: int) -> bool:
        """Whether it covers a part of a day from a minute on the wall to another."""
        return weekday in self._weekdays and self._from <= first and last <= self._until


def day_prices(
    start: dt.datetime, end: dt.datetime, *, zone: str, step: int, half_day_hours: int,
    rates: Sequence[Any], free: bool,
) -> list[DayPrice]:  # fmt: skip
    """The price of each local day of [start, end), moments in UTC.

    `rates` are those for this customer here, `free` says that the type has none at all.
    """
    hourly = [rate for rate in rates if rate.per == Rate.Per.HOUR]
    steps: dict[dt.date, list[Decimal | None]] = defaultdict(list)
    moment = start
    while moment < end:
        wall = local(moment, zone)
        minute = wall.hour * 60 + wall.minute
        valid = [rate.price for rate in hourly if rate.holds_at(wall.weekday(), minute)]
        steps[wall.date()].append(min(valid, default=None))
        moment += dt.timedelta(minutes=step)
    found = []
    for day in days_of(start, end, zone):
        midnight, next_midnight = day_span(day, zone)
        from_, until = max(start, midnight), min(end, next_midnight)
        found.append(
            _day_price(
                day, steps[day], step, minutes(from_, until),
                _wall_minutes(from_, until, day, zone), half_day_hours, rates, free,
            )
        )  # fmt: skip
    return found


def _day_price(day, steps, step, length, wall, half_day_hours, rates, free) -> DayPrice:
    billed = len(steps) * step
    if free:
        return DayPrice(day, billed, "free", Fraction(0), None, ())
    by_hours = None
    if None not in steps:
        by_hours = sum((Fraction(price) * step / 60 for price in steps), Fraction(0))
    offers = [(by_hours, "hours")] if by_hours is not None else []
    for per, fits in (
        (Rate.Per.HALF_DAY, length <= half_day_hours * 60),
        (Rate.Per.DAY, True),
    ):
        valid = [
            rate.price for rate in rates if rate.per == per and rate.covers(day.weekday(), *wall)
        ]
        if fits and valid:
            offers.append((Fraction(min(valid)), str(per)))
    if not offers:
        text = _("There is no price for this time. Please ask the staff.")
        raise Refused(Problem("no_rate", text, "start"))
    amount, by = min(offers, key=lambda offer: offer[0])
    return DayPrice(day, billed, by, amount, by_hours, _lines(steps, step) if by_hours else ())


def _lines(steps: Sequence[Decimal], step: int) -> tuple[Line, ...]:
    found: list[Line] = []
    for price in steps:
        if found and found[-1].per_hour == price:
            found[-1] = Line(found[-1].minutes + step, price)
        else:
            found.append(Line(step, price))
    return tuple(found)


def _wall_minutes(from_, until, day, zone) -> tuple[int, int]:
    """A part of a day as minutes on its wall, the end of the day being 24 × 60."""
    first, last = local(from_, zone), local(until, zone)
    return _minute(first.time()), END_OF_DAY if last.date() > day else _minute(last.time())


def _minute(time: dt.time) -> int:
    return time.hour * 60 + time.minute


def _steps(start: dt.datetime, end: dt.datetime, step: int) -> int:
    """How many steps have begun: what is billed, rounded up."""
    return -(-minutes(utc(start), utc(end)) // step)
