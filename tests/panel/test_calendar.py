import datetime as dt

import pytest

from bookings.models import Closure, OpeningHours, ResourceType
from panel import calendars
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db
MONDAY = "2026-11-23"


@pytest.fixture
def rooms(w):
    made = ResourceType.objects.make(name="Meeting rooms", by=None)
    made.add_rate(per="hour", price=60, by=None)
    return made


@pytest.fixture
def kestrel(w, rooms):
    OpeningHours.objects.set_for(w.house, [(0, dt.time(8), dt.time(20))], by=None)
    return story.room(w.house, rooms, "Kestrel", capacity=6, preparation_minutes=15)


@pytest.fixture
def booking(w, kestrel):
    return kestrel.book(
        customer=w.ada, start=story.moment(f"{MONDAY} 10:00"),
        end=story.moment(f"{MONDAY} 11:30"), by=w.mona,
    )  # fmt: skip


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


def pieces(sheet, number=0) -> list[tuple[str, int]]:
    return [(piece.kind, piece.width) for piece in sheet.lanes[number].pieces]


def test_a_day_is_drawn_in_fives_of_minutes(w, kestrel, booking):
    sheet = calendars.of_day([kestrel], day(MONDAY), at=story.moment("2026-11-20 12:00"))
    assert [hour.label for hour in sheet.hours][:2] == ["08:00", "09:00"]
    assert sheet.width == 144
    assert pieces(sheet) == [("free", 24), ("booking", 18), ("preparation", 3), ("free", 99)]


def test_grey_says_why(w, kestrel, booking):
    Closure.objects.close(
        kestrel, first_on=day(MONDAY), from_time=dt.time(18), until_time=dt.time(19),
        reason="Painting", by=w.mona,
    )  # fmt: skip
    kestrel.assign(contract=w.ada_contract, first_on=day("2026-11-24"), by=w.mona)
    sheet = calendars.of_week(kestrel, day(MONDAY), at=story.moment("2026-11-20 12:00"))
    assert sheet.whys == [
        "Kestrel is being prepared until 11:45.",
        "Closed: Painting",
        "Kestrel is occupied by Ada Lovelace (Hot Desk).",
    ]
    assert pieces(sheet, 1) == [("occupied", 144)]


def test_what_has_passed_is_not_offered(w, kestrel):
    sheet = calendars.of_day([kestrel], day(MONDAY), at=story.moment(f"{MONDAY} 12:00"))
    assert pieces(sheet) == [("past", 48), ("free", 96)]
    assert sheet.now_column == 48


def test_a_closed_day_is_grey_and_says_the_hours(w, kestrel):
    sheet = calendars.of_week(kestrel, day(MONDAY), at=story.moment("2026-11-20 12:00"))
    assert pieces(sheet, 1) == [("closed", 144)]
    assert "Kestrel is closed on 24 Nov 2026." in sheet.whys


def test_a_booking_over_midnight_stands_on_both_days(w, kestrel):
    OpeningHours.objects.set_for(w.house, [], by=None)
    kestrel.edit({"preparation_minutes": 0}, by=None)
    kestrel.book(
        customer=w.ada, start=story.moment(f"{MONDAY} 22:00"),
        end=story.moment("2026-11-24 02:00"), by=w.mona,
    )  # fmt: skip
    sheet = calendars.of_week(kestrel, day(MONDAY), at=story.moment("2026-11-20 12:00"))
    assert sheet.hours[0].label == "00:00"
    assert pieces(sheet, 0)[-1] == ("booking", 24)
    assert pieces(sheet, 1)[0] == ("booking", 24)
    assert not sheet.lanes[0].pieces[-1].ends
    assert not sheet.lanes[1].pieces[0].begins


def test_every_row_is_as_wide_as_the_head_when_the_clock_changes(w, kestrel):
    OpeningHours.objects.set_for(w.house, [], by=None)
    for first in ("2027-03-22", "2027-10-25"):
        sheet = calendars.of_week(kestrel, day(first), at=story.moment("2026-11-20 12:00"))
        for lane in sheet.lanes:
            assert sum(piece.width for piece in lane.pieces) == sheet.width


class TestPages:
    def test_the_day_shows_who_has_what(self, w, mona, booking):
        text = mona.get(f"/panel/calendar/?on={MONDAY}").content.decode()
        assert "Ada Lovelace" in text
        assert f'href="/panel/bookings/{booking.pk}/"' in text
        assert "Why not?" in text
        assert "/panel/bookings/new/?resource=" in text

    def test_an_accountant_looks_and_books_nothing(self, w, client, booking):
        client.force_login(w.anton)
        text = client.get(f"/panel/calendar/?on={MONDAY}").content.decode()
        assert "Ada Lovelace" in text
        assert "/panel/bookings/new/?resource=" not in text
        assert "data-booking" not in text

    def test_a_week_of_one_resource(self, w, mona, kestrel, booking):
        text = mona.get(f"/panel/calendar/resources/{kestrel.pk}/?on={MONDAY}").content.decode()
        assert "23 Nov</time> to" in text
        assert "Ada Lovelace" in text

    @pytest.mark.parametrize("asked", ["2026-02-30", "9999-12-31", "x", "0001-01-01", ""])
    def test_a_day_that_is_none_is_today(self, w, mona, kestrel, asked):
        answer = mona.get(f"/panel/calendar/?on={asked}")
        assert answer.context["day"] == story.TODAY

    def test_staff_of_one_location_see_theirs(self, w, client, kestrel, rooms):
        hill = story.house(name="Hill House")
        story.room(hill, rooms, "Barn")
        sam = story.login("sam@example.com")
        sam.give_role("front_desk", by=None, location=hill)
        client.force_login(sam)
        text = client.get("/panel/calendar/").content.decode()
        assert "Barn" in text
        assert "Kestrel" not in text
        assert client.get(f"/panel/calendar/resources/{kestrel.pk}/").status_code == 404

    def test_without_anything_to_book_it_says_how_to_begin(self, w, mona):
        assert "Nothing can be booked yet" in mona.get("/panel/calendar/").content.decode()

    def test_it_asks_as_often_for_one_row_as_for_thirty(
        self, w, mona, kestrel, rooms, booking, django_assert_max_num_queries
    ):
        address = f"/panel/calendar/?on={MONDAY}"
        mona.get(address)
        with django_assert_max_num_queries(40) as few:
            mona.get(address)
        for number in range(30):
            room = story.room(w.house, rooms, f"Room {number}", capacity=6)
            room.book(
                customer=w.ada, start=story.moment(f"{MONDAY} 10:00"),
                end=story.moment(f"{MONDAY} 11:30"), by=w.mona,
            )  # fmt: skip
        with django_assert_max_num_queries(len(few)):
            mona.get(address)
