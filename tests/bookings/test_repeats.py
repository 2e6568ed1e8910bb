import datetime as dt

import pytest

from bookings import repeats
from bookings.models import Booking, Series
from bookings.repeats import Pattern, book_series, look, wishes
from bookings.standing import Standing
from kit import clock
from kit.problems import Refused
from tests.story import day

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def dates(first, **pattern) -> list[str]:
    return [one.isoformat() for one in Pattern(**pattern).dates(day(first))]


def codes(verb, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as caught:
        verb(*args, **kwargs)
    return caught.value.codes


class TestPatterns:
    def test_daily_until_a_date(self):
        assert dates("2026-11-28", frequency="daily", until=day("2026-12-01")) == [
            "2026-11-28", "2026-11-29", "2026-11-30", "2026-12-01",
        ]  # fmt: skip

    def test_weekly_on_chosen_days(self):
        assert dates("2026-11-23", frequency="weekly", weekdays=(0, 3), count=4) == [
            "2026-11-23", "2026-11-26", "2026-11-30", "2026-12-03",
        ]  # fmt: skip

    def test_every_other_week(self):
        assert dates("2026-11-23", frequency="weekly", every=2, count=2) == [
            "2026-11-23", "2026-12-07",
        ]  # fmt: skip

    def test_monthly_on_the_31st_is_the_last_day_of_shorter_months(self):
        assert dates("2027-01-31", frequency="monthly", count=4) == [
            "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30",
        ]  # fmt: skip

    def test_at_most_150(self):
        assert len(dates("2026-11-23", frequency="daily", count=150)) == 150
        for pattern in ({"count": 151}, {"until": day("2027-11-23")}):
            assert codes(Pattern("daily", **pattern).dates, day("2026-11-23")) == ["too_many"]

    def test_an_end_is_needed(self):
        assert codes(Pattern("daily").dates, day("2026-11-23")) == ["endless"]
        assert codes(Pattern("daily", until=day("2026-11-22")).dates, day("2026-11-23")) == [
            "ends_before_start"
        ]
        assert codes(Pattern("yearly", count=2).dates, day("2026-11-23")) == ["unknown_pattern"]

    def test_in_words(self):
        pattern = Pattern("weekly", every=2, weekdays=(3, 0), count=4)
        assert pattern.words == "Every 2 weeks on Monday and Thursday, 4 times"
        assert Pattern.from_json(pattern.to_json()) == pattern
        assert Pattern("daily", until=day("2026-12-01")).words == "Every day, until 1 Dec 2026"


@pytest.fixture
def weekly(w, kestrel):
    pattern = Pattern("weekly", count=4)
    wanted = wishes(kestrel, pattern.dates(day("2026-11-23")), dt.time(10), HOUR)
    return pattern, wanted


@pytest.fixture
def series(w, weekly) -> Series:
    pattern, wanted = weekly
    return book_series(wanted, pattern, customer=w.ada, by=w.ada.user)


def test_a_series_is_saved_whole(w, series):
    assert [one.on for one in series.bookings.all()] == [
        day("2026-11-23"), day("2026-11-30"), day("2026-12-07"), day("2026-12-14"),
    ]  # fmt: skip
    assert all(one.amount == 60 for one in series.bookings.all())


def test_or_not_at_all(w, kestrel, weekly, t):
    kestrel.book(customer=w.noor, start=t("2026-12-07 10:30"), end=t("2026-12-07 11:30"), by=w.mona)
    pattern, wanted = weekly
    assert codes(book_series, wanted, pattern, customer=w.ada, by=w.ada.user) == ["taken"]
    assert Booking.objects.count() == 1
    assert not Series.objects.exists()


def test_each_conflict_is_shown_with_what_is_free(w, kestrel, heron, weekly, t):
    kestrel.book(customer=w.noor, start=t("2026-12-07 10:30"), end=t("2026-12-07 11:30"), by=w.mona)
    _pattern, wanted = weekly
    found = look(wanted, standing=Standing.of(w.ada), attendees=1, by=w.ada.user, at=clock.now())
    assert [one.is_free for one in found] == [True, True, False, True]
    instead = [(one.resource.name, one.start) for one in found[2].alternatives]
    assert instead == [
        ("Kestrel", t("2026-12-07 09:30")), ("Kestrel", t("2026-12-07 11:30")),
        ("Heron", t("2026-12-07 10:00")),
    ]  # fmt: skip


def test_looking_at_many_dates_asks_as_often_as_for_one(
    w, kestrel, heron, django_assert_max_num_queries
):
    def ask(count):
        found = Pattern("daily", count=count).dates(day("2026-11-23"))
        wanted = wishes(kestrel, found, dt.time(10), HOUR)
        return look(wanted, standing=Standing.of(w.ada), attendees=1, by=w.ada.user, at=clock.now())

    for count in (1, 150):
        with django_assert_max_num_queries(18):
            assert len(ask(count)) == count


def test_two_dates_of_a_series_keep_apart(w, kestrel, t):
    pattern = Pattern("daily", count=2)
    wanted = wishes(kestrel, pattern.dates(day("2026-11-23")), dt.time(10), 25 * HOUR)
    assert codes(book_series, wanted, pattern, customer=w.ada, by=w.ada.user) == ["taken"]


class TestEdits:
    @pytest.mark.parametrize(
        ("scope", "gone"), [("one", [1]), ("following", [1, 2, 3]), ("all", [0, 1, 2, 3])]
    )
    def test_cancelling_this_one_the_following_or_all(self, w, series, scope, gone):
        second = list(series.bookings.all())[1]
        repeats.cancel(second, scope=scope, by=w.ada.user)
        states = [one.state for one in series.bookings.all()]
        assert [number for number, state in enumerate(states) if state == "cancelled"] == gone

    def test_what_has_begun_stays(self, w, series, at):
        at("2026-12-01")
        repeats.cancel(series.bookings.latest("start"), scope="all", by=w.ada.user)
        states = [one.state for one in series.bookings.all()]
        assert states == ["confirmed", "confirmed", "cancelled", "cancelled"]

    def test_all_move_by_as_many_days_to_the_same_times(self, w, series, t):
        second = list(series.bookings.all())[1]
        repeats.change(
            second, scope="following", start=t("2026-12-01 14:00"), end=t("2026-12-01 16:00"),
            by=w.ada.user,
        )  # fmt: skip
        found = [(one.start, one.minutes) for one in series.bookings.all()]
        assert found == [
            (t("2026-11-23 10:00"), 60), (t("2026-12-01 14:00"), 120),
            (t("2026-12-08 14:00"), 120), (t("2026-12-15 14:00"), 120),
        ]  # fmt: skip

    def test_a_daily_series_can_move_by_a_day(self, w, kestrel, t):
        pattern = Pattern("daily", count=3)
        wanted = wishes(kestrel, pattern.dates(day("2026-11-23")), dt.time(10), HOUR)
        series = book_series(wanted, pattern, customer=w.ada, by=w.ada.user)
        first = series.bookings.earliest("start")
        repeats.change(
            first, scope="all", start=t("2026-11-24 10:00"), end=t("2026-11-24 11:00"),
            by=w.ada.user,
        )  # fmt: skip
        assert [one.on.day for one in series.bookings.all()] == [24, 25, 26]

    def test_one_conflict_undoes_the_whole_edit(self, w, kestrel, series, t):
        kestrel.book(
            customer=w.noor, start=t("2026-12-14 14:00"), end=t("2026-12-14 15:00"), by=w.mona
        )
        first = series.bookings.earliest("start")
        found = codes(
            repeats.change, first, scope="all", start=t("2026-11-23 14:00"),
            end=t("2026-11-23 15:00"), by=w.ada.user,
        )  # fmt: skip
        assert found == ["taken"]
        assert {one.local_start.hour for one in series.bookings.all()} == {10}

    def test_all_move_to_another_room(self, w, heron, series):
        repeats.change(
            series.bookings.earliest("start"), scope="all", resource=heron, by=w.ada.user
        )
        assert {one.resource for one in series.bookings.all()} == {heron}
