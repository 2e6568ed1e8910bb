"""Ways in which a booking costs too little or too much, or breaks a page: each is closed."""

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse

from bookings import credits, repeats, signals
from bookings.models import Booking, PlanCredit, SharedCredit
from bookings.repeats import Pattern, Wish
from bookings.standing import Standing
from kit import clock
from kit.problems import Refused
from tests import story
from tests.story import day, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def hours(w, rooms) -> PlanCredit:
    """The hot desk includes four hours a month."""
    return PlanCredit.objects.give(w.hot_desk, hours=4, types=[rooms], by=w.mona)


@pytest.fixture
def book(w, kestrel):
    def make(start, end, who=None, room=kestrel, **more):
        who = who or w.ada
        more.setdefault("by", who.user)
        return room.book(customer=who, start=moment(start), end=moment(end), **more)

    return make


@pytest.fixture
def tokyo():
    return story.house(name="Tokyo", currency="JPY", timezone="Asia/Tokyo")


def left(customer, on: str) -> list[Decimal]:
    return [pot.left for pot in Standing.of(customer).all_pots(day(on))]


def codes_of(deed, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed(*args, **kwargs)
    return caught.value.codes


def series(w, room, *days: str, starts="19:00", ends="20:00"):
    wanted = [Wish(room, moment(f"{on} {starts}"), moment(f"{on} {ends}")) for on in days]
    pattern = Pattern("daily", count=len(days))
    return repeats.book_series(wanted, pattern, customer=w.ada, by=w.mona)


class TestWhoPutsABookingBackToWaiting:
    """What waits for approval costs nothing: nobody gets rid of a late fee that way."""

    @pytest.fixture
    def approved(self, w, kestrel, book):
        kestrel.edit(
            {"needs_approval": True, "free_cancellation_hours": 48, "late_fee": Decimal(100)},
            by=None,
        )
        booking = book("2026-11-23 10:00", "2026-11-23 12:00")
        booking.approve(by=w.frida)
        return booking

    def test_by_a_longer_end_when_it_is_late(self, w, approved, at):
        at("2026-11-23 09:00Z")
        longer = moment("2026-11-23 12:15")
        assert codes_of(approved.change, end=longer, by=w.ada.user) == ["approved_already"]
        assert approved.cancel(by=w.ada.user).amount == 120

    def test_by_another_end_while_it_runs(self, w, approved, at):
        at("2026-11-23 11:00Z")
        longer = moment("2026-11-23 12:15")
        assert codes_of(approved.change, end=longer, by=w.ada.user) == ["approved_already"]
        approved.change(end=moment("2026-11-23 11:30"), by=w.ada.user)
        assert approved.state == Booking.State.CONFIRMED

    def test_in_time_it_waits_again_and_staff_are_free(self, w, approved, at):
        approved.change(end=moment("2026-11-23 12:15"), by=w.ada.user)
        assert approved.state == Booking.State.TENTATIVE
        approved.approve(by=w.frida)
        at("2026-11-23 11:00Z")
        approved.change(end=moment("2026-11-23 12:30"), by=w.frida)
        assert approved.state == Booking.State.CONFIRMED


def test_time_that_was_used_is_not_given_back(w, kestrel, book, at):
    kestrel.edit({"late_fee": Decimal(0)}, by=None)
    booking = book("2026-11-23 10:00", "2026-11-23 12:00")
    at("2026-11-23 11:59Z")
    assert codes_of(booking.change, end=moment("2026-11-23 10:15"), by=w.ada.user) == [
        "in_the_past"
    ]
    booking.change(end=moment("2026-11-23 11:59"), by=w.ada.user)


class TestClosures:
    def test_for_good_are_far_but_not_too_far_away(self, w, kestrel):
        """A day that nobody can reckon with would break every page of the place."""
        for days in ({"first_on": day("2026-12-01"), "last_on": dt.date.max},
                     {"first_on": dt.date.min, "last_on": day("2026-12-01")}):  # fmt: skip
            assert codes_of(kestrel.close, **days, by=w.mona) == ["date_out_of_range"]
        kestrel.close(first_on=day("2026-12-01"), last_on=day("2200-12-31"), by=w.mona)
        assert kestrel.free(day("2026-12-24")) == []

    @pytest.mark.parametrize("year", [2027, 2028])
    def test_of_every_year_end_on_their_day_whether_it_is_a_leap_year_or_not(
        self, w, kestrel, year
    ):
        first, last = dt.date(year, 2, 28), dt.date(year, 3, 1)
        kestrel.close(first_on=first, last_on=last, yearly=True, by=w.mona)
        for later in (2028, 2029):
            assert kestrel.free(dt.date(later, 3, 1)) == []
            assert kestrel.free(dt.date(later, 3, 2)) != []


class TestContractsThatAreDecidedAbout:
    def test_with_a_desk_and_a_booking_whose_credit_will_not_come(self, w, rooms, book, hours):
        desk = story.room(w.house, rooms, "Desk 1")
        desk.assign(contract=w.ada_contract, first_on=day("2026-11-20"), by=w.mona)
        booking = book("2026-12-07 10:00", "2026-12-07 12:00")
        w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
        booking.refresh_from_db()
        assert booking.amount == 120

    def test_with_a_booking_at_a_rate_that_is_theirs_no_more(self, w, rooms, book, hours):
        """The price was fixed, and stays with its reasons."""
        rooms.rates.all().delete()
        rooms.add_rate(per="hour", price=30, audience="members", by=None)
        booking = book("2026-12-07 10:00", "2026-12-07 12:00")
        w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
        booking.refresh_from_db()
        assert (booking.price, booking.amount) == (60, 60)
        assert [one["amount"] for one in booking.explanation["days"]] == ["60"]

    def test_say_so_once(self, w, book, hours):
        book("2027-01-07 10:00", "2027-01-07 11:00")
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        told = []

        def listen(**signal):
            told.append(signal)

        signals.booking_changed.connect(listen)
        w.ada_contract.cancel(last_day=day("2026-12-30"), by=w.mona)
        signals.booking_changed.disconnect(listen)
        assert told == []

    def test_of_who_pays_for_a_team_whose_people_have_credit_of_their_own(
        self, w, rooms, book, hours
    ):
        PlanCredit.objects.give(w.office, hours=10, types=[rooms], by=w.mona)
        w.team.add(w.ada, by=w.mona)
        w.team.set_spending("everyone", None, by=w.mona)
        SharedCredit.objects.set_for(w.team, True, by=w.lin.user)
        booking = book("2026-12-07 08:00", "2026-12-07 13:00", on_behalf_of=w.team)
        w.lin_contract.cancel(last_day=day("2026-12-05"), by=w.mona)
        booking.refresh_from_db()
        assert (booking.credit_used, booking.amount) == (240, 60)


class TestCreditOfAContractThatRunsOn:
    def test_does_not_expire_when_it_was_to_end(self, w, book, hours):
        w.ada_contract.cancel(last_day=day("2026-12-10"), by=w.mona)
        book("2026-12-07 10:00", "2026-12-07 11:00")
        w.ada_contract.withdraw_cancellation(by=w.mona)
        credits.roll(on=day("2026-12-11"))
        assert left(w.ada, "2026-12-15") == [180]
        credits.roll(on=day("2027-01-01"))
        assert left(w.ada, "2026-12-15") == [0]

    def test_is_there_again_before_the_daily_job(self, w, book, hours):
        book("2026-12-07 10:00", "2026-12-07 11:00")
        w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
        credits.roll(on=day("2026-11-20"))
        w.ada_contract.withdraw_cancellation(by=w.mona)
        assert left(w.ada, "2026-12-07") == [240]

    def test_comes_again_less_what_was_kept(self, w, kestrel, book, hours):
        kestrel.edit({"free_cancellation_hours": 720, "late_fee": Decimal(50)}, by=None)
        book("2026-12-07 10:00", "2026-12-07 13:00").cancel(by=w.ada.user)
        assert left(w.ada, "2026-12-07") == [150]
        w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
        credits.roll(on=day("2026-11-20"))
        w.ada_contract.withdraw_cancellation(by=w.mona)
        credits.roll(on=day("2026-11-20"))
        assert left(w.ada, "2026-12-07") == [150]


class TestWhatNobodyApprovedInTime:
    """The row still takes the time when somebody else wants it, until it is written that it
    lapsed."""

    @pytest.fixture
    def stale(self, w, kestrel, book, at):
        kestrel.edit({"needs_approval": True}, by=None)
        booking = book("2026-11-20 14:00", "2026-11-20 18:00", who=w.noor)
        at("2026-11-20 15:00Z")
        yield booking
        booking.refresh_from_db()
        assert booking.state == Booking.State.LAPSED

    def test_by_a_series(self, w, kestrel, stale):
        series(w, kestrel, "2026-11-20", "2026-11-21", starts="16:00", ends="17:00")

    def test_by_a_series_that_moves(self, w, kestrel, stale):
        made = series(w, kestrel, "2026-11-20", "2026-11-21")
        start, end = moment("2026-11-20 16:00"), moment("2026-11-20 17:00")
        first = made.bookings.first()
        assert len(repeats.change(first, scope="all", start=start, end=end, by=w.mona)) == 2

    def test_by_a_contract(self, w, kestrel, stale):
        kestrel.assign(contract=w.ada_contract, first_on=day("2026-11-20"), by=w.mona)


class TestTwoCurrencies:
    def test_a_price_does_not_move_with_the_booking(self, w, rooms, book, tokyo):
        rooms.rates.all().delete()
        rooms.add_rate(per="hour", price="60.50", location=w.house, by=None)
        rooms.add_rate(per="hour", price=5000, location=tokyo, by=None)
        booking = book("2026-12-07 10:00", "2026-12-07 11:00")
        booking.move_to(story.room(tokyo, rooms, "Sakura"), by=w.mona)
        assert booking.price == 5000

    def test_a_hundred_euros_of_credit_are_no_hundred_yen(self, w, rooms, book, tokyo):
        rooms.rates.all().delete()
        rooms.add_rate(per="hour", price=5000, location=tokyo, by=None)
        PlanCredit.objects.give(w.hot_desk, amount=10000, types=[rooms], by=w.mona)
        sakura = story.room(tokyo, rooms, "Sakura")
        assert book("2026-12-07 10:00", "2026-12-07 11:00", room=sakura).amount == 5000


def test_a_restored_booking_costs_what_it_cost_whatever_rates_say_by_now(w, rooms, book):
    booking = book("2026-12-07 10:00", "2026-12-07 12:00")
    booking.cancel(by=w.ada.user)
    rooms.rates.all().delete()
    rooms.add_rate(per="hour", price=99, weekdays=[6], by=None)
    booking.restore(by=w.mona)
    assert (booking.price, booking.amount) == (120, 120)


def test_nothing_is_approved_while_who_pays_is_suspended(w, kestrel, book):
    kestrel.edit({"needs_approval": True}, by=None)
    w.team.set_spending("everyone", None, by=w.mona)
    w.omar.user = story.login("omar@example.com")
    w.omar.save()
    booking = book("2026-12-07 10:00", "2026-12-07 11:00", who=w.omar, on_behalf_of=w.team)
    w.lin.suspend(by=w.mona, reason="Unpaid")
    assert codes_of(booking.approve, by=w.frida) == ["payer_suspended"]


class TestSeriesInThePanel:
    @pytest.fixture
    def send(self, w, kestrel, client):
        client.force_login(w.mona)

        def send(booking, **fields):
            times = {"on": "2026-11-21", "starts": "18:00", "ends": "19:00"}
            data = {"form_key": "sent", "resource": kestrel.pk, "attendees": 1, "note": "",
                    "scope": "all", **times, **fields}  # fmt: skip
            return client.post(reverse("panel:booking_change", args=[booking.pk]), data)

        return send

    def test_another_time_leaves_the_words_of_the_other_dates(self, w, kestrel, send):
        first, second = series(w, kestrel, "2026-11-21", "2026-11-22").bookings.all()
        second.change(attendees=4, note="With the board", by=w.mona)
        assert send(first).status_code == 302
        second.refresh_from_db()
        assert (second.local_start.hour, second.attendees, second.note) == (
            18, 4, "With the board",
        )  # fmt: skip

    def test_all_of_a_series_that_is_over_are_none(self, w, kestrel, send, at):
        first = series(w, kestrel, "2026-11-21", "2026-11-22").bookings.first()
        at("2026-11-23")
        assert send(first).status_code == 302
        first.refresh_from_db()
        assert first.local_start.hour == 19


def test_the_terms_of_giving_it_up_are_those_of_the_day_it_was_booked(w, kestrel, book, at):
    kestrel.edit({"free_cancellation_hours": 24, "late_fee": Decimal(50)}, by=None)
    booking = book("2026-11-23 10:00", "2026-11-23 12:00")
    kestrel.edit({"free_cancellation_hours": 720, "late_fee": Decimal(100)}, by=None)
    booking = Booking.objects.get(pk=booking.pk)
    assert not booking.is_late(clock.now())
    at("2026-11-23 09:00Z")
    assert booking.cancel(by=w.ada.user).amount == 60
