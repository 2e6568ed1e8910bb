import datetime as dt
from decimal import Decimal

import pytest

from bookings.explaining import reasons, sums_to
from bookings.models import Rate
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def cost(w, kestrel):
    """The price of a booking of Ada's (or somebody's) from one time to another."""

    def ask(start, end, who=None, room=kestrel, **kwargs):
        who = who or w.ada
        return room.quote(
            customer=who, start=story.moment(start), end=story.moment(end), **kwargs
        ).price

    return ask


def test_each_step_that_has_begun_is_paid(cost):
    assert cost("2026-11-23 10:00", "2026-11-23 11:40") == 105
    assert cost("2026-11-23 10:00", "2026-11-23 11:45") == 105
    assert cost("2026-11-23 10:00", "2026-11-23 11:46") == 120
    assert cost("2026-11-23 10:00", "2026-11-23 10:01") == 15


def test_a_longer_step_rounds_further(cost, kestrel):
    kestrel.edit({"step_minutes": 60}, by=None)
    assert cost("2026-11-23 10:00", "2026-11-23 11:10") == 120


def test_a_day_rate_caps_the_hours(cost, rooms):
    rooms.add_rate(per="day", price=90, by=None)
    assert cost("2026-11-23 10:00", "2026-11-23 11:40") == 90
    assert cost("2026-11-23 10:00", "2026-11-23 11:15") == 75
    assert cost("2026-11-23 10:00", "2026-11-25 18:00") == 270


def test_half_a_day_covers_four_hours_and_not_more(cost, rooms):
    rooms.add_rate(per="half_day", price=100, by=None)
    assert cost("2026-11-23 08:00", "2026-11-23 12:00") == 100
    assert cost("2026-11-23 08:00", "2026-11-23 12:15") == 255
    rooms.edit({"half_day_hours": 5}, by=None)
    assert cost("2026-11-23 08:00", "2026-11-23 13:00") == 100


def test_days_add_up_over_midnight(cost, rooms):
    rooms.add_rate(per="day", price=200, by=None)
    assert cost("2026-11-23 22:00", "2026-11-24 01:30") == 120 + 90
    assert cost("2026-11-23 18:00", "2026-11-24 01:00") == 200 + 60


def test_the_cheapest_rate_at_the_start_of_each_step_counts(cost, rooms):
    rooms.add_rate(per="hour", price=40, from_time=dt.time(18), by=None)
    assert cost("2026-11-23 17:00", "2026-11-23 19:00") == 100
    rooms.add_rate(per="hour", price=20, weekdays=[5, 6], by=None)
    assert cost("2026-11-28 17:00", "2026-11-28 19:00") == 40
    assert cost("2026-11-27 23:00", "2026-11-28 01:00") == 60


def test_hours_until_midnight_end_with_the_day(cost, rooms):
    rooms.add_rate(per="hour", price=40, from_time=dt.time(22), until_time=dt.time(0), by=None)
    assert cost("2026-11-23 23:00", "2026-11-24 01:00") == 100


def test_rates_go_by_status_and_plan(w, cost, rooms):
    rooms.add_rate(per="hour", price=50, audience="members", by=None)
    rooms.add_rate(per="hour", price=30, audience="plans", plans=[w.office], by=None)
    rooms.add_rate(per="hour", price=55, audience="contacts", by=None)
    times = "2026-11-23 10:00", "2026-11-23 11:00"
    assert cost(*times, w.ada) == 50
    assert cost(*times, w.lin) == 30
    assert cost(*times, w.noor) == 55


def test_rates_go_by_the_status_on_the_day_as_known_now(w, cost, rooms):
    rooms.add_rate(per="hour", price=50, audience="members", by=None)
    w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
    assert cost("2026-12-31 10:00", "2026-12-31 11:00") == 50
    assert cost("2027-01-04 10:00", "2027-01-04 11:00") == 60


def test_for_a_team_the_better_of_both_decides(w, cost, rooms):
    rooms.add_rate(per="hour", price=30, audience="plans", plans=[w.office], by=None)
    times = "2026-11-23 10:00", "2026-11-23 11:00"
    assert cost(*times, w.omar) == 60
    assert cost(*times, w.omar, on_behalf_of=w.team) == 30


def test_a_type_without_a_rate_is_free_and_says_so(w, kestrel, rooms, t):
    Rate.objects.all().delete()
    times = {"start": t("2026-11-23 10:00"), "end": t("2026-11-23 11:00")}
    quote = kestrel.quote(customer=w.ada, **times)
    assert (quote.price, quote.is_free) == (0, True)
    [reason] = reasons(quote.explanation)
    assert reason.words == "Free of charge: there is no rate"
    assert kestrel.book(customer=w.ada, **times, by=w.ada.user).amount == 0


def test_a_time_that_no_rate_covers_is_refused(w, kestrel, rooms, t):
    Rate.objects.all().delete()
    rooms.add_rate(per="hour", price=60, weekdays=range(5), by=None)
    saturday = {"start": t("2026-11-28 10:00"), "end": t("2026-11-28 11:00")}
    with pytest.raises(Refused) as caught:
        kestrel.book(customer=w.ada, **saturday, by=w.ada.user)
    assert caught.value.codes == ["no_rate"]


def test_a_rate_of_another_location_does_not_count(w, cost, rooms):
    hill = story.house(name="Hill House")
    rooms.add_rate(per="hour", price=1, location=hill, by=None)
    assert cost("2026-11-23 10:00", "2026-11-23 11:00") == 60
    barn = story.room(hill, rooms, "Barn")
    assert cost("2026-11-23 10:00", "2026-11-23 11:00", room=barn) == 1


@pytest.mark.parametrize(
    ("currency", "price", "minutes", "sum_"),
    [("JPY", "1000", 50, "1000"), ("JPY", "333", 15, "83"), ("KWD", "3.333", 15, "0.833"),
     ("EUR", "10", 5, "2.50")],
)  # fmt: skip
def test_the_price_is_rounded_once_to_the_currency(w, currency, price, minutes, sum_):
    from bookings.models import ResourceType

    place = story.house(name="Dock", currency=currency)
    rooms = ResourceType.objects.make(name="Dock rooms", by=None)
    rooms.add_rate(per="hour", price=price, location=place, by=None)
    room = story.room(place, rooms)
    start = story.moment("2026-11-23 10:00")
    end = start + dt.timedelta(minutes=minutes)
    assert room.quote(customer=story.person(place), start=start, end=end).price == Decimal(sum_)


def test_the_price_stays_when_rates_change(w, kestrel, rooms, t):
    booking = kestrel.book(
        customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.ada.user
    )
    rooms.add_rate(per="hour", price=1, by=None)
    booking.refresh_from_db()
    assert booking.price == 60


def test_the_explanation_says_how_it_came_about(w, kestrel, rooms, t):
    rooms.add_rate(per="day", price=90, by=None)
    rooms.add_rate(per="hour", price=40, from_time=dt.time(18), by=None)
    w.team.edit({"discount": Decimal(10)}, by=w.mona)
    evening = kestrel.book(
        customer=w.lin, start=t("2026-11-23 17:00"), end=t("2026-11-23 18:30"),
        on_behalf_of=w.team, by=w.mona,
    )  # fmt: skip
    assert [(reason.words, reason.sum) for reason in reasons(evening.explanation)] == [
        ("1 h at €60.00 an hour and 30 min at €40.00 an hour", Decimal("80.00")),
        ("Discount of 10\N{NO-BREAK SPACE}%", Decimal("-8.00")),
    ]
    long = kestrel.book(
        customer=w.ada, start=t("2026-11-24 09:00"), end=t("2026-11-24 12:00"), by=w.mona
    )
    [reason] = reasons(long.explanation)
    assert reason.words == "Day rate, as by the hour it would be €180.00"
    for booking in (evening, long):
        booking.refresh_from_db()
        assert sums_to(booking.explanation) == booking.amount


def test_rates_are_refused_in_words(w, rooms):
    def codes(**rate):
        with pytest.raises(Refused) as caught:
            rooms.add_rate(by=None, **rate)
        return caught.value.codes

    assert codes(per="hour", price=-1) == ["invalid_price"]
    assert codes(per="hour", price="1.999") == ["price_too_fine"]
    assert codes(per="hour", price=1, audience="plans") == ["plans_missing"]
    assert codes(per="hour", price=1, from_time=dt.time(9), until_time=dt.time(8)) == [
        "ends_before_start"
    ]
    story.house(name="Dock", currency="JPY")
    assert codes(per="hour", price=1) == ["several_currencies"]
