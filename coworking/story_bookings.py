"""What can be booked at Riverside House, and a year of bookings: the same seed, the same space."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from bookings import credits
from bookings.hours import DAY
from bookings.models import (
    Booking,
    CheckIn,
    Closure,
    CreditEntry,
    CreditGrant,
    OpeningHours,
    PlanCredit,
    Resource,
    ResourceType,
)
from bookings.models.making import take_price
from bookings.pots import Pot
from bookings.prices import Quote, Tariff
from bookings.standing import Standing
from customers.models import Customer, User
from kit import audit, bulk, clock
from plans.models import Contract, Plan
from spaces.models import Location

SEED = 8
MOST_BOOKERS = 70
OPEN = [(weekday, dt.time(8), dt.time(20)) for weekday in range(5)] + [(5, dt.time(9), dt.time(14))]
# Type, kind, rates (per, price, for whom), resources (name, people, how often booked on a day).
ROOMS: list[tuple[str, str, list[tuple[str, str, str]], list[tuple[str, int, float]]]] = [
    (
        "Meeting rooms", "meeting_room",
        [("hour", "36", "everyone"), ("hour", "24", "members"), ("day", "180", "everyone")],
        [("Kestrel", 4, 2.6), ("Heron", 8, 2.2), ("Owl", 14, 1.3)],
    ),
    (
        "Phone booths", "phone_booth",
        [("hour", "8", "everyone"), ("hour", "4", "members")],
        [("Booth 1", 1, 1.8), ("Booth 2", 1, 1.2)],
    ),
    (
        "Day desks", "desk",
        [("half_day", "16", "everyone"), ("day", "28", "everyone")],
        [("Window desk", 1, 0.6), ("Corner desk", 1, 0.5)],
    ),
    (
        "Event space", "event_space",
        [("hour", "95", "everyone"), ("half_day", "320", "everyone"), ("day", "560", "everyone")],
        [("The Hall", 60, 0.12)],
    ),
    ("Own desks", "desk", [("day", "28", "everyone")], [(f"Desk {n}", 1, 0) for n in range(1, 7)]),
    ("Offices", "other", [("day", "120", "everyone")], [(f"Office {n}", 6, 0) for n in (1, 2, 3)]),
]  # fmt: skip
LENGTHS = {"meeting_room": (60, 60, 90, 120, 180), "phone_booth": (30, 30, 45, 60),
           "desk": (240, 480), "event_space": (240, 480), "other": (480,)}  # fmt: skip
NOTES = ("Interviews", "Weekly round", "Client visit", "Workshop", "Board meeting", "Retrospective")

Progress = Callable[[int, int, str], None]


def furnish(house: Location, plans: dict[str, Plan], mona: User) -> list[tuple[Resource, float]]:
    """Rooms, desks and booths with hours and prices, and what the plans include of them."""
    OpeningHours.objects.set_for(house, OPEN, by=mona)
    Closure.objects.close(
        house, first_on=dt.date(house.today().year, 12, 25),
        last_on=dt.date(house.today().year, 12, 26), yearly=True, reason="Christmas", by=mona,
        keep_bookings=True,
    )  # fmt: skip
    found = []
    types = {}
    for name, kind, rates, resources in ROOMS:
        made = types[name] = ResourceType.objects.make(name=name, kind=kind, by=mona)
        for per, price, audience in rates:
            made.add_rate(per=per, price=Decimal(price), audience=audience, by=mona)
        for title, capacity, often in resources:
            resource = Resource.objects.make(
                location=house, type=made, name=title, capacity=capacity, by=mona, **_terms(kind)
            )
            found.append((resource, often))
    rooms = types["Meeting rooms"]
    for plan, hours in (("Hot Desk", 4), ("Dedicated Desk", 8), ("Private Office", 20)):
        PlanCredit.objects.give(plans[plan], hours=hours, types=[rooms], by=mona)
    return found


def _terms(kind: str) -> dict[str, Any]:
    match kind:
        case "meeting_room":
            return {
                "free_cancellation_hours": 24, "late_fee": Decimal(50), "minimum_minutes": 30,
                "earliest_days": 90, "amenities": "Screen\nWhiteboard\nVideo calls",
            }  # fmt: skip
        case "event_space":
            return {
                "needs_approval": True, "preparation_minutes": 60, "free_cancellation_hours": 168,
                "late_fee": Decimal(50), "minimum_minutes": 120,
                "amenities": "Projector\nSound system\nKitchen",
                "description": "The old boat hall, with doors to the river.",
            }  # fmt: skip
        case "phone_booth":
            return {"maximum_minutes": 120}
    return {}


def occupy(mona: User, today: dt.date) -> None:
    """Desks and offices go to the contracts that have one, as long as there are any."""
    for kind, name in (("Dedicated Desk", "Desk "), ("Private Office", "Office ")):
        running = Contract.objects.in_force(on=today).filter(plan__name=kind).order_by("pk")
        rooms = Resource.objects.filter(name__startswith=name).order_by("name")
        for contract, room in zip(running, rooms, strict=False):
            first = max(contract.starts_on, today - 30 * DAY)
            room.assign(contract=contract, first_on=first, by=mona)


class _Remembered(Standing):
    """Whom a booking is for, with the credit as this file has spent it so far."""

    ledger: "_Ledger"

    def _pots_of(self, contract: Contract, on: dt.date, shared: bool) -> list[Pot]:
        pots = super()._pots_of(contract, on, shared)
        for pot in pots:
            self.ledger.correct(pot)
        return pots


class _Ledger:
    """Grants and entries of booking credit, kept in memory until all are written at once."""

    def __init__(self) -> None:
        self.grants: dict[tuple[int, int, dt.date], CreditGrant] = {}
        self.left: dict[tuple[int, int, dt.date], Decimal] = {}
        self.count: dict[tuple[int, int, dt.date], int] = {}
        self.entries: list[CreditEntry] = []

    def correct(self, pot: Pot) -> None:
        key = (pot.contract.pk, pot.credit.pk, pot.starts_on)
        if key in self.left:
            pot.left = self.left[key]

    def write(self, quote: Quote, booking: Booking, by: User) -> None:
        for use in quote.settled.uses:
            pot = use.pot
            key = (pot.contract.pk, pot.credit.pk, pot.starts_on)
            if key not in self.grants:
                value = pot.credit.value * pot.contract.quantity
                self.grants[key] = CreditGrant(
                    contract=pot.contract, credit=pot.credit, starts_on=pot.starts_on,
                    ends_on=pot.ends_on, unit=pot.unit, value=value,
                )  # fmt: skip
                self.left[key], self.count[key] = Decimal(0), 0
                self._add(key, "grant", value, pot.starts_on, None, None)
            self._add(key, "use", -use.value, booking.on, booking, by)

    def _add(self, key, kind, value, on, booking, by) -> None:
        self.left[key] += value
        self.count[key] += 1
        self.entries.append(
            CreditEntry(
                grant=self.grants[key], sequence=self.count[key], kind=kind, value=value,
                left=self.left[key], booking=booking, on=on, by=by,
            )
        )  # fmt: skip

    def save(self) -> None:
        grants = list(self.grants.values())
        bulk.insert(grants)
        for entry in self.entries:
            entry.grant_id = entry.grant.pk
            entry.booking_id = entry.booking.pk if entry.booking is not None else None
        bulk.insert(self.entries)


def fill(
    house: Location, rooms: list[tuple[Resource, float]], frida: User, progress: Progress
) -> None:
    """A year of bookings behind today and some weeks ahead, by members and contacts."""
    chance = random.Random(SEED)  # noqa: S311 - the same space each time
    now = clock.now()
    people = list(
        Customer.objects.live().not_suspended().filter(location=house)
        .order_by("pk")[:MOST_BOOKERS]
    )  # fmt: skip
    ledger = _Ledger()
    standings = {customer.pk: _Remembered.of(customer) for customer in people}
    for standing in standings.values():
        standing.ledger = ledger
    tariff = Tariff.of([room for room, _often in rooms])
    made: list[Booking] = []
    today = house.today()
    first, last = today - 365 * DAY, today + 35 * DAY
    days = (last - first).days
    for number in range(days):
        day = first + number * DAY
        for room, often in rooms:
            # Far ahead fewer have decided yet.
            share = often if day <= today + 7 * DAY else often / 2
            for start, end in _times(room, day, share, chance):
                customer = chance.choice(people)
                standing = standings[customer.pk]
                if customer.registered_on is None or customer.registered_on > day:
                    continue
                quote = tariff.quote(room, start, end, standing=standing)
                booking = _booking(room, customer, start, end, quote, now, frida, chance)
                if booking.state == Booking.State.CANCELLED:
                    booking.credit_used, booking.amount = 0, Decimal(0)
                else:
                    ledger.write(quote, booking, frida)
                made.append(booking)
        progress(number + 1, days, "bookings")
    bulk.insert(made)
    ledger.save()
    bulk.insert(list(_history(made, frida)))
    credits.roll(on=today)
    _who_is_in(house, made, frida, now)


def _times(
    room: Resource, day: dt.date, often: float, chance: random.Random
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """When a room is booked on a day: one after the other, with gaps between them."""
    hours = {weekday: (opens, closes) for weekday, opens, closes in OPEN}
    if day.weekday() not in hours or (day.month, day.day) in ((12, 25), (12, 26)):
        return
    opens, closes = hours[day.weekday()]
    wanted = int(often) + (chance.random() < often % 1)
    minute = opens.hour * 60 + chance.choice((0, 30, 60, 90, 120))
    for _number in range(wanted):
        length = chance.choice(LENGTHS[room.type.kind])
        if minute + length > closes.hour * 60:
            return
        start = clock.at_wall(day, dt.time(minute // 60, minute % 60), room.zone)
        yield start, start + dt.timedelta(minutes=length)
        minute += length + room.preparation_minutes + chance.choice((0, 15, 30, 60, 120))


def _booking(room, customer, start, end, quote, now, frida, chance) -> Booking:
    ahead = dt.timedelta(hours=chance.randrange(2, 24 * 12))
    booked_at = min(start - ahead, now - dt.timedelta(minutes=5))
    past = end <= now
    state = Booking.State.CONFIRMED
    if past and chance.random() < 0.02:
        state = Booking.State.NO_SHOW
    elif chance.random() < 0.06:
        state = Booking.State.CANCELLED
    elif room.needs_approval and not past and start > now:
        state = Booking.State.TENTATIVE
    booking = Booking(
        customer=customer, resource=room, start=start, end=end, blocked_from=start,
        blocked_until=end + room.preparation, booked_at=booked_at, by=frida, state=state,
        attendees=chance.randrange(1, max(2, min(room.capacity, 12) + 1)),
        note=chance.choice(NOTES) if chance.random() < 0.3 else "",
    )  # fmt: skip
    if state == Booking.State.CANCELLED:
        booking.cancelled_at = booked_at + ahead / 3
        booking.cancelled_by = frida
        booking.reason = chance.choice(("Ill", "Moved to next week", "Guests cannot come"))
    booking.take_terms(room)
    take_price(booking, quote)
    return booking


def _history(made: list[Booking], frida: User) -> Iterator[Any]:
    for booking in made:
        entry = audit.drafted(
            "booking.make", booking, by=frida, changes={"state": [None, booking.state]}
        )
        entry.at = booking.booked_at
        yield entry


def _who_is_in(house: Location, made: list[Booking], frida: User, now: dt.datetime) -> None:
    """Some of those who have booked today are here."""
    today = house.today()
    seen: set[int] = set()
    for booking in made:
        here = booking.state == Booking.State.CONFIRMED and booking.on == today
        if not here or booking.start > now or booking.customer_id in seen or len(seen) == 4:
            continue
        seen.add(booking.customer_id)
        arrived = CheckIn.objects.arrive(booking.customer, by=frida, booking=booking)
        CheckIn.objects.filter(pk=arrived.pk).update(at=booking.start)
