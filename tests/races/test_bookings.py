"""Fifty people want one room: exactly one gets it, the others read when it is free.

Each scene is a set of deeds of which only one can succeed. `RACE_ROUNDS=20` plays each of them
twenty times; without it the plain booking is played ten times, the others twice.
"""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.models import Sum

from bookings import availability
from bookings.models import Booking, Closure, CreditEntry, PlanCredit, Resource, ResourceType
from bookings.models.guards import guards_of_bookings
from bookings.models.making import Unavailable
from bookings.repeats import Pattern, book_series, wishes
from kit import guards, locks
from kit.problems import Refused
from tests import story
from tests.races.crowd import at_once, losers, reasons, winners

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

only_postgresql = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time by itself"
)
CROWD = 50
MINUTE = dt.timedelta(minutes=1)
HOUR = 60 * MINUTE
ROUNDS = int(os.environ.get("RACE_ROUNDS", "0"))

Deed = Callable[[], object]


class Scene:
    """A room, another one, and many people; every round is a day later."""

    def __init__(self, at):
        at("2026-11-20")
        self.house = story.house()
        self.kind = ResourceType.objects.make(name="Meeting rooms", by=None)
        self.kind.add_rate(per="hour", price=60, by=None)
        self.room = story.room(self.house, self.kind, "Kestrel", capacity=10)
        self.people = [story.person(self.house) for _ in range(CROWD)]
        self.noon = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)

    def next_day(self) -> None:
        self.noon += dt.timedelta(days=1)

    def times(self, number: int) -> tuple[dt.datetime, dt.datetime]:
        """Times that all overlap at noon and are all different."""
        return (
            self.noon - (1 + number % 25) * MINUTE,
            self.noon + (1 + number // 25 + number % 13) * MINUTE,
        )

    def fresh(self) -> Resource:
        return Resource.objects.get(pk=self.room.pk)

    def rooms(self) -> list[Resource]:
        """A room each, where everybody has a booking to begin with."""
        if not hasattr(self, "_rooms"):
            self._rooms = [
                story.room(self.house, self.kind, f"Room {number}", capacity=10)
                for number in range(CROWD)
            ]
        return self._rooms

    def booked_elsewhere(self, **times) -> list[Booking]:
        found = []
        for number, (room, customer) in enumerate(zip(self.rooms(), self.people, strict=True)):
            start, end = self.times(number)
            found.append(
                room.book(
                    customer=customer, start=times.get("start", start), end=times.get("end", end),
                    by=None,
                )
            )  # fmt: skip
        return found


def again(booking: Booking) -> Booking:
    return Booking.objects.get(pk=booking.pk)


# The scenes


def book(scene: Scene) -> list[Deed]:
    def deed(number):
        start, end = scene.times(number)
        return lambda: scene.fresh().book(
            customer=scene.people[number], start=start, end=end, by=None
        )

    return [deed(number) for number in range(CROWD)]


def change_room(scene: Scene) -> list[Deed]:
    return [
        partial(lambda one: again(one).move_to(scene.fresh(), by=None), one)
        for one in scene.booked_elsewhere()
    ]


def move(scene: Scene) -> list[Deed]:
    """Everybody has the same room at another time and wants the middle of the day."""
    found = []
    for number, customer in enumerate(scene.people[:20]):
        start = scene.noon + dt.timedelta(hours=4) + number * 20 * MINUTE
        found.append(
            scene.room.book(customer=customer, start=start, end=start + 20 * MINUTE, by=None)
        )
    return [
        partial(again(one).reschedule, start=scene.times(number)[0], by=None)
        for number, one in enumerate(found)
    ]


def lengthen(scene: Scene) -> list[Deed]:
    """One ends before, one begins after, and both want the hour between."""
    start, end = scene.noon, scene.noon + HOUR
    before = scene.room.book(customer=scene.people[0], start=start - HOUR, end=start, by=None)
    after = scene.room.book(customer=scene.people[1], start=end, end=end + HOUR, by=None)
    return [
        lambda: again(before).reschedule(end=end - 10 * MINUTE, by=None),
        lambda: again(after).reschedule(start=start, end=after.end, by=None),
        *(
            lambda number=number: scene.fresh().book(
                customer=scene.people[number], start=start, end=end, by=None
            )
            for number in range(2, CROWD)
        ),
    ]


def approve(scene: Scene) -> list[Deed]:
    """Staff approve what waits, all at once: it is approved once."""
    booking = scene.room.book(
        customer=scene.people[0], start=scene.noon, end=scene.noon + HOUR, by=None
    )
    Booking.objects.filter(pk=booking.pk).update(state="tentative")
    return [lambda: again(booking).approve(by=None) for _ in range(CROWD)]


def uncancel(scene: Scene) -> list[Deed]:
    """Cancelled bookings of one time come back, and others want it as well."""
    cancelled = []
    for number in range(CROWD // 2):
        start, end = scene.times(number)
        one = scene.room.book(customer=scene.people[number], start=start, end=end, by=None)
        one.cancel(by=None)
        cancelled.append(one)
    return [
        *(lambda one=one: again(one).restore(by=None) for one in cancelled),
        *book(scene)[CROWD // 2 :],
    ]


def series_against_single(scene: Scene) -> list[Deed]:
    """A daily series of a working week, against somebody who wants one hour of it."""
    first = scene.noon.date()
    pattern = Pattern("daily", count=5)
    wanted = wishes(scene.room, pattern.dates(first), dt.time(12), HOUR)

    def series(number):
        return lambda: book_series(wanted, pattern, customer=scene.people[number], by=None)

    def single(number):
        start = wanted[2].start + (number % 30) * MINUTE
        return lambda: scene.fresh().book(
            customer=scene.people[number], start=start, end=start + HOUR, by=None
        )

    return [series(number) if number % 5 == 0 else single(number) for number in range(CROWD)]


def closure(scene: Scene) -> list[Deed]:
    """The room is closed for the day while people book it."""

    def close():
        return Closure.objects.close(scene.fresh(), first_on=scene.noon.date(), by=None)

    return [close, *book(scene)[1:20]]


SCENES = [book, change_room, move, lengthen, approve, uncancel, series_against_single, closure]
FINE = {"taken", "closed", "bookings_inside", "not_tentative"}


@pytest.fixture
def scene(at) -> Scene:
    return Scene(at)


def overlaps() -> int:
    """How many pairs of bookings overlap, by the plainest of queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM bookings_booking a JOIN bookings_booking b "
            "ON a.resource_id = b.resource_id AND a.id < b.id "
            "AND a.blocked_from < b.blocked_until AND b.blocked_from < a.blocked_until "
            "WHERE a.state IN ('tentative', 'confirmed', 'no_show') "
            "AND b.state IN ('tentative', 'confirmed', 'no_show')"
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize("play", SCENES, ids=lambda play: play.__name__)
def test_exactly_one_gets_it(scene, play):
    for _round in range(ROUNDS or (10 if play is book else 2)):
        results = at_once(*play(scene))
        assert len(winners(results)) == 1
        assert reasons(results) <= FINE
        assert overlaps() == 0
        scene.next_day()
        if play is series_against_single:
            scene.noon += dt.timedelta(days=6)


def test_the_refusals_know_what_is_free(scene):
    results = at_once(*book(scene))
    for error in losers(results):
        assert isinstance(error, Unavailable)
        found = error.alternatives
        assert found
        assert all(one.resource.problems(start=one.start, end=one.end) == [] for one in found)


# The controls: take away what protects, and see several win


@contextmanager
def without_guards() -> Iterator[None]:
    """The database refuses nothing."""
    apart = "ALTER TABLE bookings_booking DROP CONSTRAINT bookings_stay_apart"
    for guard in guards_of_bookings:
        with connection.cursor() as cursor:
            for statement in guard.drop(connection.vendor):
                cursor.execute(statement)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(apart)
    try:
        yield
    finally:
        call_command("flush", interactive=False, verbosity=0)  # what is charged is kept, too
        if connection.vendor == "postgresql":
            migration = import_module("bookings.migrations.0002_bookings_stay_apart")
            with connection.cursor() as cursor:
                cursor.execute(migration.ADD[0])
        guards.up()


def look_away(monkeypatch) -> None:
    """The verbs see nothing that takes time."""
    monkeypatch.setattr(
        availability.Availability, "_taken_problems", lambda *args, **kwargs: iter(())
    )


def test_the_database_alone_lets_one_through(scene, monkeypatch):
    look_away(monkeypatch)
    results = at_once(*book(scene))
    assert len(winners(results)) == 1
    assert reasons(results) == {"taken"}
    assert overlaps() == 0


def test_without_guard_and_look_several_get_it(scene, monkeypatch):
    look_away(monkeypatch)
    with without_guards():
        results = at_once(*book(scene))
        assert len(winners(results)) >= 2
        assert overlaps() >= 1


@only_postgresql
def test_without_lock_and_guard_looking_first_is_not_enough(scene, monkeypatch):
    monkeypatch.setattr(locks, "take", lambda **wanted: None)
    with without_guards():
        results = at_once(*book(scene))
        assert len(winners(results)) >= 2


@only_postgresql
def test_the_lock_alone_lets_one_through(scene):
    with without_guards():
        results = at_once(*book(scene))
        assert len(winners(results)) == 1
        assert reasons(results) == {"taken"}


# The last hour of booking credit


def test_credit_never_goes_below_zero_under_fifty_last_hour_bookings(scene):
    desk = story.plan(scene.house, "Hot Desk", "250", billing_day=1)
    PlanCredit.objects.give(desk, hours=2, types=[scene.kind], by=None)
    kim = story.person(scene.house, "Kim Doe")
    desk.sign_up(kim, by=None)
    rooms = scene.rooms()

    def deed(number):
        return lambda: Resource.objects.get(pk=rooms[number].pk).book(
            customer=type(kim).objects.get(pk=kim.pk), start=scene.noon, end=scene.noon + HOUR,
            by=None,
        )  # fmt: skip

    results = at_once(*[deed(number) for number in range(CROWD)])
    assert losers(results) == []
    made = list(Booking.objects.all())
    assert sorted(one.credit_used for one in made) == [0] * (CROWD - 2) + [60, 60]
    assert sum(one.amount for one in made) == (CROWD - 2) * 60
    assert min(CreditEntry.objects.values_list("left", flat=True)) == 0


@only_postgresql
def test_without_the_contracts_lock_the_ledger_itself_refuses(scene, monkeypatch):
    """The control: nobody waits, and the unique order of the ledger's lines stops the others."""
    desk = story.plan(scene.house, "Hot Desk", "250", billing_day=1)
    PlanCredit.objects.give(desk, hours=2, types=[scene.kind], by=None)
    kim = story.person(scene.house, "Kim Doe")
    desk.sign_up(kim, by=None)
    rooms = scene.rooms()
    monkeypatch.setattr(locks, "take", lambda **wanted: None)

    def deed(number):
        return lambda: rooms[number].book(
            customer=kim, start=scene.noon, end=scene.noon + HOUR, by=None
        )

    results = at_once(*[deed(number) for number in range(10)])
    assert all(isinstance(error, Refused | IntegrityError) for error in losers(results))
    assert losers(results)
    assert -CreditEntry.objects.filter(kind="use").aggregate(sum=Sum("value"))["sum"] <= 120
    assert min(CreditEntry.objects.values_list("left", flat=True)) >= 0
