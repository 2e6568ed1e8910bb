"""What is free of 60 resources with 200,000 bookings stored, and the calendar of a day with 600.

By hand: `python3 dev.py test tests/bench/test_calendar.py -m bench -s`. The number of queries is
asserted; how long it took is printed, beside the panel's shell with nothing in it.
"""

import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.availability import Availability
from bookings.models import Booking, OpeningHours, Resource, ResourceType
from kit import bulk, clock, locks
from tests import story

pytestmark = [pytest.mark.bench, pytest.mark.django_db, pytest.mark.urls("tests.bench.urls")]

RESOURCES, BOOKINGS, A_DAY = 60, 200_000, 600
ROUNDS = 15
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def space(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    with django_db_blocker.unblock():
        started = time.monotonic()
        with locks.nobody_else():
            place = story.house()
            mona = story.login("mona@example.com", "owner")
            hours = [(weekday, dt.time(7), dt.time(21)) for weekday in range(7)]
            OpeningHours.objects.set_for(place, hours, by=None)
            kinds = []
            for number in range(6):
                kind = ResourceType.objects.make(name=f"Type {number}", by=None)
                kind.add_rate(per="hour", price=60, by=None)
                kinds.append(kind)
            rooms = [
                story.room(place, kinds[number % 6], f"Room {number:02}", capacity=1 + number % 12)
                for number in range(RESOURCES)
            ]
            people = [story.person(place) for _ in range(200)]
            _fill(rooms, people)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        print(f"\n{BOOKINGS:,} bookings written in {time.monotonic() - started:.0f} s")
        yield SimpleNamespace(place=place, mona=mona, rooms=rooms, people=people)
        call_command("flush", interactive=False, verbosity=0)


def _fill(rooms, people) -> None:
    """Ten a day and resource, nine months behind and two months ahead of today."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = BOOKINGS // A_DAY
    rows = []
    for day in range(days):
        morning = today + dt.timedelta(days=day - days * 4 // 5)
        for number, room in enumerate(rooms):
            for slot in range(A_DAY // RESOURCES):
                start = morning + dt.timedelta(hours=8, minutes=70 * slot)
                rows.append(
                    Booking(
                        customer=people[(number + slot + day) % 200], resource=room, start=start,
                        end=start + HOUR, blocked_from=start, blocked_until=start + HOUR,
                    )
                )  # fmt: skip
        if len(rows) >= 20_000 or day == days - 1:
            bulk.insert(rows)
            rows = []


def timed(act: Callable[[], object]) -> tuple[float, int]:
    """The median in milliseconds, and how many queries one took."""
    act()
    with CaptureQueriesContext(connection) as queries:
        act()
    found = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        act()
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found), len(queries)


@pytest.mark.parametrize("offset", [0, 30, -200])
def test_what_is_free_of_sixty_resources(space, offset):
    day = space.place.today() + dt.timedelta(days=offset)

    def ask():
        resources = list(Resource.objects.live().with_times())
        availability = Availability.on(resources, day)
        return [availability.free(one, day) for one in resources]

    took, queries = timed(ask)
    print(f"\nfree on day {offset:+d}: {took:.1f} ms, {queries} queries")
    assert queries <= 8
    assert len(ask()) == RESOURCES


def test_the_calendar_of_a_day_with_six_hundred_bookings(space):
    client = Client()
    client.force_login(space.mona)
    bare, _queries = timed(lambda: client.get("/shell/"))
    address = f"/panel/calendar/?on={space.place.today().isoformat()}"
    took, queries = timed(lambda: client.get(address))
    page = client.get(address).content
    assert page.count(b"calendar__booking--confirmed") == A_DAY
    print(f"\ncalendar: {took:.0f} ms, {queries} queries, {len(page):,} bytes; shell {bare:.1f} ms")


def test_booking_the_hour_that_is_left(space):
    """The verb, lock and guard included."""
    kim = space.people[0]
    start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for number, room in enumerate(space.rooms[:20]):
        begun = time.perf_counter()
        room.book(
            customer=kim, start=start + dt.timedelta(days=5, hours=20),
            end=start + dt.timedelta(days=5, hours=20, minutes=45 + number % 3), by=None,
        )  # fmt: skip
        found.append((time.perf_counter() - begun) * 1000)
    print(f"\nthe verb: {statistics.median(found):.1f} ms")
