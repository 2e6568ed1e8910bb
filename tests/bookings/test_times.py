"""Times on walls whose clocks change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bookings.models import OpeningHours, ResourceType
from bookings.repeats import Pattern, book_series, look, wishes
from bookings.standing import Standing
from kit import clock
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def room_in(w):
    def make(zone: str):
        place = story.house(name=zone, timezone=zone)
        kind = ResourceType.objects.make(name=zone, by=None)
        kind.add_rate(per="hour", price=60, location=place, by=None)
        return story.room(place, kind)

    return make


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/London", "2027-03-28", 23), ("Europe/London", "2027-10-31", 25),
        ("Australia/Lord_Howe", "2027-10-03", 23.5), ("Australia/Lord_Howe", "2027-04-04", 24.5),
        ("America/Santiago", "2027-09-05", 23),
    ],
)  # fmt: skip
def test_the_day_on_which_the_clock_changes_has_its_true_length(room_in, at, zone, date, hours):
    at("2027-03-01")
    room = room_in(zone)
    place = ZoneInfo(zone)
    on = day(date)
    whole = room.free(on=on)
    assert sum((end - start for start, end in whole), dt.timedelta()) == dt.timedelta(hours=hours)
    kim = story.person(room.location)
    # From nine in the evening before until nine in the morning after: twelve hours on the wall.
    start = dt.datetime.combine(on - dt.timedelta(1), dt.time(21), place)
    end = dt.datetime.combine(on, dt.time(9), place)
    booking = room.book(customer=kim, start=start, end=end, by=None)
    assert booking.minutes == (12 - (24 - hours)) * 60
    assert booking.price == booking.minutes


@pytest.mark.parametrize(
    ("zone", "missing"),
    [
        ("Europe/London", "2027-03-28 01:30"), ("Australia/Lord_Howe", "2027-10-03 02:15"),
        ("America/Santiago", "2027-09-05 00:30"),
    ],
)  # fmt: skip
def test_a_time_that_the_clock_skips_is_refused(room_in, at, zone, missing):
    at("2027-03-01")
    room = room_in(zone)
    start = story.moment(missing, zone)
    with pytest.raises(Refused) as caught:
        room.book(
            customer=story.person(room.location), start=start, end=start + dt.timedelta(hours=3),
            by=None,
        )  # fmt: skip
    assert caught.value.codes == ["time_does_not_exist"]


def test_a_time_that_exists_twice_means_the_first(room_in, at):
    at("2027-10-01")
    room = room_in("Europe/London")
    start = story.moment("2027-10-31 01:30")
    booking = room.book(
        customer=story.person(room.location), start=start, end=story.moment("2027-10-31 02:00"),
        by=None,
    )  # fmt: skip
    assert booking.start == dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC)
    assert booking.minutes == 90


def test_opening_hours_are_on_the_wall(room_in, at):
    at("2027-03-01")
    room = room_in("Europe/London")
    OpeningHours.objects.set_for(room, [(6, dt.time(0), dt.time(8))], by=None)
    [(start, end)] = room.free(on=day("2027-03-28"))
    assert end - start == dt.timedelta(hours=7)


@pytest.mark.parametrize(
    ("zone", "first", "skipped"),
    [
        ("Europe/London", "2027-03-14", None), ("Europe/London", "2027-10-17", None),
        ("Australia/Lord_Howe", "2027-09-19", None), ("America/Santiago", "2027-08-22", None),
    ],
)  # fmt: skip
def test_a_weekly_nine_o_clock_stays_nine_o_clock(room_in, at, zone, first, skipped):
    at("2027-03-01")
    room = room_in(zone)
    kim = story.person(room.location)
    pattern = Pattern("weekly", count=5)
    wanted = wishes(room, pattern.dates(day(first)), dt.time(9), dt.timedelta(hours=2))
    series = book_series(wanted, pattern, customer=kim, by=None)
    found = list(series.bookings.order_by("start"))
    assert [one.local_start.time() for one in found] == [dt.time(9)] * 5
    assert [one.minutes for one in found] == [120] * 5
    assert [one.on.weekday() for one in found] == [6] * 5


def test_in_a_series_the_missing_hour_is_a_conflict_of_its_date(room_in, at):
    at("2027-03-01")
    room = room_in("Europe/London")
    kim = story.person(room.location)
    dates = Pattern("weekly", count=4).dates(day("2027-03-14"))
    wanted = wishes(room, dates, dt.time(1, 30), dt.timedelta(hours=1))
    found = look(wanted, standing=Standing.of(kim), attendees=1, by=None, at=clock.now())
    assert [[problem.code for problem in one.problems] for one in found] == [
        [], [], ["time_does_not_exist"], [],
    ]  # fmt: skip
