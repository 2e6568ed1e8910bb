"""What booking, changing or cancelling would bring, found by the deed itself, taken back.

What is shown can therefore never differ from what is done, neither in money nor in refusals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bookings import repeats
from bookings.models import Booking, LateFee, Resource
from bookings.models.making import Wish
from bookings.pots import Pot
from bookings.repeats import Pattern
from bookings.standing import Standing
from customers.models import Customer
from kit import clock
from kit.money import ZERO
from plans.previews import taken_back


@dataclass(frozen=True)
class Booked:
    """Bookings as they would be: one, or all of a series. `pots` are what would be left of the
    credit that they use."""

    bookings: list[Booking]
    pots: list[Pot]

    @property
    def booking(self) -> Booking:
        return self.bookings[0]

    @property
    def price(self) -> Decimal:
        return sum((one.price for one in self.bookings), ZERO)

    @property
    def amount(self) -> Decimal:
        return sum((one.amount for one in self.bookings), ZERO)

    @property
    def credit_used(self) -> int:
        return sum(one.credit_used for one in self.bookings)

    @property
    def credit_amount(self) -> Decimal:
        return sum((one.credit_amount for one in self.bookings), ZERO)


@dataclass(frozen=True)
class Sums:
    """What some bookings come to: before tax, and in credit."""

    amount: Decimal = ZERO
    credit_used: int = 0
    credit_amount: Decimal = ZERO

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "Sums":
        return cls(
            sum((one.amount for one in rows), ZERO),
            sum(one.credit_used for one in rows),
            sum((one.credit_amount for one in rows), ZERO),
        )


@dataclass(frozen=True)
class Given:
    """Bookings as they would be after a change or a cancellation: what they came to before and
    come to afterwards, and what is kept of what is given up."""

    bookings: list[Booking]
    before: Sums
    after: Sums
    fees: list[LateFee]

    @property
    def kept(self) -> Sums:
        return Sums.of(self.fees)

    @property
    def credit_back(self) -> int:
        """Minutes of credit that come back, net of what the new time uses."""
        return max(0, self.before.credit_used - self.after.credit_used - self.kept.credit_used)

    @property
    def credit_amount_back(self) -> Decimal:
        back = self.before.credit_amount - self.after.credit_amount - self.kept.credit_amount
        return max(ZERO, back)

    @property
    def number(self) -> int:
        return len(self.bookings)


def of_booking(resource: Resource, **what: Any) -> Booked:
    """What `resource.book(…)` would book. Raises `Refused` as it does."""
    with taken_back():
        made = resource.book(**what)
        return Booked([made], _left(what["customer"], [made]))


def of_series(wanted: Sequence[Wish], pattern: Pattern, **what: Any) -> Booked:
    """What `repeats.book_series(…)` would book. Raises `Refused` as it does."""
    with taken_back():
        series = repeats.book_series(wanted, pattern, **what)
        found = series.bookings.select_related("resource__location", "on_behalf_of__payer")
        made = list(found.order_by("start"))
        return Booked(made, _left(what["customer"], made[:1]))


def _left(customer: Customer, made: Sequence[Booking]) -> list[Pot]:
    """The pots that these use, as they are once they are booked."""
    used = {(one["contract"], one["starts_on"]) for it in made for one in it.explanation["credit"]}
    if not used:
        return []
    booking = made[0]
    standing = Standing.of(customer, booking.on_behalf_of)
    pots = standing.pots(booking.on, booking.resource.type_id, booking.currency)
    return [one for one in pots if (one.contract.pk, one.starts_on.isoformat()) in used]


def of_change(booking: Booking, *, by, scope: str, **what: Any) -> Given:
    """What `repeats.change(…)` would bring. Raises `Refused` as it does."""
    return _given(booking, repeats.change, by=by, scope=scope, **what)


def of_cancellation(booking: Booking, *, by, scope: str) -> Given:
    """What `repeats.cancel(…)` would bring. Raises `Refused` as it does."""
    return _given(booking, repeats.cancel, by=by, scope=scope)


def _given(booking: Booking, verb: Any, *, by, scope: str, **what: Any) -> Given:
    now = clock.now()
    before = Sums.of(repeats.concerned(booking, scope, at=now))
    kept_before = set(LateFee.objects.filter(booking=booking).values_list("pk", flat=True))
    with taken_back():
        found = verb(booking, scope=scope, by=by, at=now, **what)
        keys = [one.pk for one in found]
        fees = LateFee.objects.filter(booking__in=keys, at=now, withdrawn_at=None)
        return Given(
            bookings=sorted(found, key=lambda one: (one.start, one.pk)),
            before=before,
            after=Sums.of(found),
            fees=[one for one in fees if one.pk not in kept_before],
        )
