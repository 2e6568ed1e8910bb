"""One's bookings: the list, each one's page, and how they are changed and cancelled."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from bookings import feeds, repeats
from bookings.models import Booking, PlanCredit, SharedCredit
from bookings.repeats import Pattern
from customers.models import Team
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send
from tests.story import day


@pytest.fixture
def strict(kestrel):
    """Kestrel keeps half of what is cancelled less than a day before."""
    kestrel.edit({"free_cancellation_hours": 24, "late_fee": 50}, by=None)
    return kestrel


@pytest.fixture
def book(w, kestrel, t):
    """Book Kestrel for Ada: `book("2026-11-23 10:00", hours=2)`."""

    def deed(start: str, *, hours=1, customer=None, by=None, room=None, **more) -> Booking:
        begins = t(start)
        return (room or kestrel).book(
            customer=customer or w.ada, start=begins, end=begins + dt.timedelta(hours=hours),
            by=by or w.ada.user, **more,
        )  # fmt: skip

    return deed


@pytest.fixture
def credit(w, rooms):
    """Two hours of meeting rooms a month come with a hot desk, ten with an office."""
    PlanCredit.objects.give(w.office, types=[rooms], hours=10, by=None)
    return PlanCredit.objects.give(w.hot_desk, types=[rooms], hours=2, by=None)


def series(w, room, *, count=3, customer=None) -> Booking:
    """Mondays from ten to eleven; returns the first one."""
    pattern = Pattern("weekly", count=count)
    wanted = repeats.wishes(
        room, pattern.dates(day("2026-11-23")), dt.time(10), dt.timedelta(hours=1)
    )
    customer = customer or w.ada
    made = repeats.book_series(wanted, pattern, customer=customer, by=customer.user)
    return made.bookings.earliest("start")


def dates_of(booking: Booking) -> list[Booking]:
    """All of its series."""
    return list(Booking.objects.filter(series=booking.series_id).order_by("start"))


class TestTheList:
    def shown(self, answer) -> tuple[list[Booking], list[Booking]]:
        return answer.context["ahead"].rows, answer.context["past"].rows

    def test_the_next_one_comes_first_and_what_is_over_last(self, w, ada, book, at):
        gone = book("2026-11-20 15:00")
        later, sooner = book("2026-11-25 10:00"), book("2026-11-24 10:00")
        cancelled = book("2026-11-26 10:00")
        cancelled.cancel(by=w.ada.user)
        at("2026-11-21")
        answer = look(ada, "bookings")
        assert self.shown(answer) == ([sooner, later], [cancelled, gone])
        assert "Thu 26 Nov Kestrel 10:00 to 11:00 Cancelled" in words(answer)

    def test_what_it_costs_or_uses_is_said(self, w, ada, strict, book, credit):
        book("2026-11-23 10:00", hours=3)
        assert "€60.00, 2 h of credit" in words(look(ada, "bookings"))
        book("2026-11-20 18:00").cancel(by=w.ada.user)
        assert "€30.00 kept" in words(look(ada, "bookings"))

    def test_nothing_is_booked_yet(self, w, ada):
        text = words(look(ada, "bookings"))
        assert "Nothing is booked" in text
        assert "in your own calendar" in text

    def test_an_admin_finds_what_others_booked_for_the_team(self, w, lin, book):
        mine = book("2026-11-23 10:00", customer=w.lin, by=w.lin.user)
        theirs = book("2026-11-23 12:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        book("2026-11-23 14:00", customer=w.omar, by=w.mona)
        assert self.shown(look(lin, "bookings"))[0] == [mine]
        answer = lin.get("/portal/bookings/?whose=team")
        assert self.shown(answer)[0] == [theirs]
        assert "Omar Haddad, for the team Lin & Co" in words(answer)

    def test_the_others_of_the_team_see_their_own(self, w, omar, book):
        book("2026-11-23 12:00", customer=w.lin, by=w.lin.user, on_behalf_of=w.team)
        answer = omar.get("/portal/bookings/?whose=team")
        assert self.shown(answer) == ([], [])
        assert "Others in the team" not in words(answer)

    def test_long_lists_come_in_pages_that_miss_nothing(self, w, ada, book):
        made = [book(f"2026-12-{number // 4 + 1:02} {8 + number % 4 * 2:02}:00").pk
                for number in range(30)]  # fmt: skip
        first = look(ada, "bookings").context["ahead"]
        second = ada.get(f"/portal/bookings/?ahead={first.after}").context["ahead"]
        assert [one.pk for one in first.rows + second.rows] == made
        for booking in Booking.objects.all():
            booking.cancel(by=w.ada.user)
        first = look(ada, "bookings").context["past"]
        second = ada.get(f"/portal/bookings/?after={first.after}").context["past"]
        assert [one.pk for one in first.rows + second.rows] == made[::-1]

    @pytest.mark.parametrize("after", ["0", "x", "²", "9" * 30])
    def test_a_broken_address_is_the_first_page(self, w, ada, book, after):
        book("2026-11-23 10:00")
        answer = ada.get("/portal/bookings/", {"ahead": after, "after": after})
        assert len(answer.context["ahead"].rows) == 1

    @pytest.mark.parametrize("name", ["home", "bookings"])
    def test_it_asks_as_often_for_thirty(self, w, ada, book, name, credit):
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                assert look(ada, name).status_code == 200
            return len(seen)

        book("2026-11-23 08:00")
        book("2026-11-23 09:00").cancel(by=w.ada.user)
        before = queries()
        for number in range(24):
            made = book(f"2026-12-{number // 4 + 1:02} {8 + number % 4 * 2:02}:00")
            if number % 3 == 0:
                made.cancel(by=w.ada.user)
        assert queries() == before


class TestABooking:
    def test_it_says_when_where_for_whom_and_why_it_costs_that(self, w, ada, strict, book, credit):
        booking = book("2026-11-23 10:00", hours=3, attendees=4, note="Tea")
        text = words(look(ada, "booking", booking.pk))
        assert "Mon, 23 Nov 2026, 10:00 to 13:00" in text
        assert "Kestrel, Riverside House" in text
        assert "Ada Lovelace, 4 people" in text
        assert "3 h at €60.00 an hour €180.00" in text
        assert "2 h of booking credit" in text
        assert "Free to cancel until Sun 22 Nov, 10:00; later 50 % are kept." in text
        assert "Booked by you" in text

    def test_its_history_is_told_in_words(self, w, ada, strict, book):
        strict.edit({"needs_approval": True}, by=None)
        booking = book("2026-11-20 18:00")
        booking.approve(by=w.frida)
        booking.cancel(by=w.frida, reason="A pipe has burst")  # the fee is not waived
        text = words(look(ada, "booking", booking.pk))
        for said in ("Booked by you", "Approved by the staff", "Cancelled by the staff",
                     "“A pipe has burst”", "Cancelled late: €30.00 were kept"):  # fmt: skip
            assert said in text, said
        assert "Frida" not in text

    def test_an_admin_does_not_read_why_the_house_cancelled_for_somebody(self, w, lin, book):
        booking = book("2026-11-23 10:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        booking.cancel(by=w.mona, reason="Three invoices unpaid")
        text = words(look(lin, "booking", booking.pk))
        assert "Cancelled by the staff" in text
        assert "Three invoices" not in text

    def test_a_team_mates_own_booking_is_not_there(self, w, lin, ada, book):
        booking = book("2026-11-23 10:00", customer=w.omar, by=w.mona)
        for name in ("booking", "booking_change", "booking_cancellation"):
            assert look(lin, name, booking.pk).status_code == 404

    def test_what_is_over_cannot_be_changed(self, w, ada, book, at):
        booking = book("2026-11-20 15:00")
        at("2026-11-21")
        assert look(ada, "booking", booking.pk).context["it"].offers == []
        answer = send(ada, "booking_cancellation", booking.pk)
        assert errors(answer) == {"__all__": ["begun"]}


class TestChanging:
    def change(self, browser, booking, **fields):
        usual = {
            "on": booking.on.isoformat(), "starts": f"{booking.local_start:%H:%M}",
            "ends": f"{booking.local_end:%H:%M}", "resource": booking.resource_id,
            "attendees": booking.attendees, "note": booking.note,
        }  # fmt: skip
        return send(browser, "booking_change", booking.pk, **{**usual, **fields})

    def test_the_money_is_shown_before(self, w, ada, strict, book, credit):
        booking = book("2026-11-23 10:00")
        answer = self.change(ada, booking, ends="13:00", preview="1")
        text = words(answer)
        assert "Kestrel, Mon, 23 Nov 2026, 10:00 to 13:00" in text
        assert "To pay for the new time €60.00" in text
        assert "Credit for the new time 2 h" in text
        booking.refresh_from_db()
        assert booking.minutes == 60

    def test_too_late_it_says_what_is_kept_and_keeps_just_that(self, w, ada, strict, book):
        booking = book("2026-11-20 18:00", hours=2)
        text = words(self.change(ada, booking, ends="19:00", preview="1"))
        assert "Kept, as it is late" in text
        assert "€30.00" in text
        assert not booking.late_fees.exists()
        self.change(ada, booking, ends="19:00")
        assert [fee.amount for fee in booking.late_fees.all()] == [30]

    def test_time_room_people_and_note(self, w, ada, book, heron):
        booking = book("2026-11-23 10:00")
        self.change(
            ada, booking, on="2026-11-24", starts="14:00", ends="15:30", resource=heron.pk,
            attendees="8", note="More people",
        )  # fmt: skip
        booking.refresh_from_db()
        assert (booking.resource, booking.attendees, booking.note) == (heron, 8, "More people")
        assert booking.words == "Heron, 24 Nov 2026, 14:00 to 15:30"

    def test_without_a_change_nothing_happens(self, w, ada, book):
        booking = book("2026-11-23 10:00")
        assert self.change(ada, booking).status_code == 302
        booking.refresh_from_db()
        assert booking.version == 1

    def test_what_is_taken_is_refused_with_what_is_free(self, w, ada, book):
        booking = book("2026-11-23 10:00")
        book("2026-11-23 12:00", customer=w.noor, by=w.mona)
        answer = self.change(ada, booking, starts="12:00", ends="13:00")
        assert answer.status_code == 422
        assert errors(answer) == {"starts": ["taken"]}
        text = words(answer)
        assert "Kestrel, 13:00 to 14:00" in text
        assert "starts=13%3A00" in answer.content.decode()
        assert "Noor" not in text

    def test_an_alternative_fills_the_form_in(self, w, ada, book, heron):
        booking = book("2026-11-23 10:00")
        address = reverse("portal:booking_change", args=[booking.pk])
        query = {"on": "2026-11-24", "starts": "08:00", "ends": "09:00", "resource": heron.pk}
        text = words(ada.get(address, query))
        assert "Heron, Tue, 24 Nov 2026, 08:00 to 09:00" in text

    def test_of_a_series_this_one_or_all(self, w, ada, kestrel):
        first = series(w, kestrel)
        text = words(self.change(ada, first, starts="09:00", scope="all", preview="1"))
        assert "3 dates change." in text
        self.change(ada, first, starts="09:00", scope="all")
        starts = {one.local_start.hour for one in dates_of(first)}
        assert starts == {9}
        self.change(ada, first, starts="08:00", scope="one", key="another")
        hours = [one.local_start.hour for one in dates_of(first)]
        assert hours == [8, 9, 9]

    def test_a_date_in_the_way_is_named(self, w, ada, kestrel, book):
        first = series(w, kestrel)
        book("2026-11-30 12:00", customer=w.noor, by=w.mona)
        answer = self.change(ada, first, starts="12:00", ends="13:00", scope="all")
        assert answer.status_code == 422
        assert "30 Nov 2026: Kestrel is taken from 12:00 to 13:00." in words(answer)
        assert {one.local_start.hour for one in dates_of(first)} == {10}

    def test_of_what_runs_only_the_end_moves(self, w, ada, book, at):
        booking = book("2026-11-20 12:30", hours=2)
        at("2026-11-20 13:00Z")
        form = look(ada, "booking_change", booking.pk).context["form"]
        assert form.fields["starts"].disabled
        self.change(ada, booking, starts="08:00", ends="14:00")
        booking.refresh_from_db()
        assert (booking.local_start.hour, booking.minutes) == (12, 90)

    def test_sent_twice_it_changes_once(self, w, ada, book):
        booking = book("2026-11-23 10:00")
        for _number in range(2):
            assert self.change(ada, booking, ends="12:00").status_code == 302
        booking.refresh_from_db()
        assert booking.version == 2


class TestCancelling:
    def test_what_comes_back_is_shown_before(self, w, ada, strict, book, credit):
        booking = book("2026-11-23 10:00", hours=3)
        text = words(look(ada, "booking_cancellation", booking.pk))
        assert "No longer to pay €60.00" in text
        assert "Credit that comes back 2 h" in text
        assert "It costs nothing: you are in time." in text

    def test_what_is_kept_is_shown_before_and_is_what_is_kept(self, w, ada, strict, book, credit):
        booking = book("2026-11-20 18:00", hours=3)
        text = words(look(ada, "booking_cancellation", booking.pk))
        assert "Kept, as it is late" in text
        assert "€30.00" in text
        assert "Credit that is kept 1 h" in text
        assert "Credit that comes back 1 h" in text
        answer = send(ada, "booking_cancellation", booking.pk, reason="Ill")
        assert answer["Location"] == f"/portal/bookings/{booking.pk}/"
        booking.refresh_from_db()
        assert (booking.state, booking.reason) == ("cancelled", "Ill")
        [fee] = booking.late_fees.all()
        assert (fee.amount, fee.credit_used) == (30, 60)

    def test_of_a_series_this_one_the_following_or_all(self, w, ada, kestrel):
        first = series(w, kestrel)
        second = dates_of(first)[1]
        text = words(send(ada, "booking_cancellation", second.pk, scope="following", preview="1"))
        assert "2 dates are given up." in text
        send(ada, "booking_cancellation", second.pk, scope="following")
        states = [one.state for one in dates_of(first)]
        assert states == ["confirmed", "cancelled", "cancelled"]

    def test_what_waits_for_approval_costs_nothing_to_cancel(self, w, ada, strict, book):
        strict.edit({"needs_approval": True}, by=None)
        booking = book("2026-11-20 18:00")
        text = words(look(ada, "booking_cancellation", booking.pk))
        assert "While it waits for approval, it costs nothing to cancel." in text
        assert "are kept" not in text
        send(ada, "booking_cancellation", booking.pk)
        assert not booking.late_fees.exists()

    def test_an_admin_cancels_what_the_team_pays_for(self, w, lin, book):
        booking = book("2026-11-23 10:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        send(lin, "booking_cancellation", booking.pk)
        booking.refresh_from_db()
        assert booking.cancelled_by == w.lin.user

    def test_cancelling_twice_says_so(self, w, ada, book):
        booking = book("2026-11-23 10:00")
        send(ada, "booking_cancellation", booking.pk)
        answer = send(ada, "booking_cancellation", booking.pk, key="another")
        assert errors(answer) == {"__all__": ["not_standing"]}


class TestHome:
    def test_the_next_three_and_the_credit_that_is_left(self, w, ada, book, credit):
        for number in (23, 24, 25, 26):
            book(f"2026-11-{number} 10:00")
        answer = look(ada, "home")
        text = words(answer)
        assert [one.on.day for one in answer.context["next"]] == [23, 24, 25]
        assert "0 min of 2 h left" in text
        assert "Meeting rooms, until 30 Nov 2026" in text
        assert "Book a room" in text

    def test_it_is_two_gestures_away_from_a_booking(self, w, ada, kestrel):
        assert 'href="/portal/book/"' in look(ada, "home").content.decode()
        assert f'action="/portal/book/{kestrel.pk}/"' in look(ada, "book").content.decode()

    def test_of_a_team_mate_nothing_is_there(self, w, omar, book):
        book("2026-11-23 10:00", customer=w.lin, by=w.lin.user, on_behalf_of=w.team)
        assert look(omar, "home").context["next"] == []


class TestTheTeam:
    def test_an_admin_sees_what_is_booked_for_it(self, w, lin, book):
        book("2026-11-23 12:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        book("2026-11-24 12:00", customer=w.omar, by=w.mona, note="Private")
        text = words(look(lin, "team", w.team.pk))
        assert "Booked for the team" in text
        assert "12:00 to 13:00 Omar Haddad, for the team Lin & Co" in text
        assert "Tue" not in text

    def test_the_others_do_not(self, w, omar, book):
        book("2026-11-23 12:00", customer=w.lin, by=w.lin.user, on_behalf_of=w.team)
        assert "Booked for the team" not in words(look(omar, "team", w.team.pk))

    def test_the_payer_opens_and_closes_the_credit(self, w, lin, credit):
        assert "10 h of 10 h left" in words(look(lin, "team_credit", w.team.pk))
        send(lin, "team_credit", w.team.pk)
        assert SharedCredit.objects.open().filter(team=w.team).exists()
        assert "10 h of 10 h left" in words(look(lin, "team", w.team.pk))
        send(lin, "team_credit", w.team.pk, close="1", key="another")
        assert not SharedCredit.objects.open().exists()
        assert "Your booking credit is for you alone." in words(look(lin, "team", w.team.pk))

    def test_nobody_else_may(self, w, omar, ada, credit):
        for browser in (omar, ada):
            assert look(browser, "team_credit", w.team.pk).status_code == 404
            assert send(browser, "team_credit", w.team.pk).status_code == 404
        assert not SharedCredit.objects.exists()

    def test_an_admin_who_does_not_pay_sees_the_shared_credit(self, w, ada, credit):
        Team.objects.filter(pk=w.team.pk).update(payer=w.lin)
        w.team.add(w.ada, is_admin=True, by=w.mona)
        assert "Shared booking credit" not in words(look(ada, "team", w.team.pk))
        SharedCredit.objects.set_for(w.team, True, by=w.mona)
        text = words(look(ada, "team", w.team.pk))
        assert "The team may use the credit of Lin & Co" in text
        assert "10 h of 10 h left" in text
        assert "Private Office" not in text

    def test_it_asks_as_often_for_ten_bookings(self, w, lin, book):
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                look(lin, "team", w.team.pk)
            return len(seen)

        book("2026-11-23 08:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        before = queries()
        for hour in range(9, 18):
            book(f"2026-11-23 {hour:02}:00", customer=w.omar, by=w.lin.user, on_behalf_of=w.team)
        assert queries() == before


class TestLeavingThePlan:
    def cancel(self, browser, w, **fields):
        fields = {"last_day": "2026-12-31", "reason": "", **fields}
        return send(browser, "contract_cancellation", w.ada_contract.pk, **fields)

    def test_what_is_booked_for_later_is_listed(self, w, ada, strict, book):
        book("2026-12-30 10:00")
        book("2027-01-04 10:00")
        text = words(self.cancel(ada, w, preview="1"))
        assert "You have 1 booking after that day." in text
        assert "Mon, 4 Jan 2027, 10:00 to 11:00" in text
        assert "Wed, 30 Dec 2026" not in text

    def test_it_is_kept_unless_one_says_so(self, w, ada, book):
        booking = book("2027-01-04 10:00")
        self.cancel(ada, w)
        booking.refresh_from_db()
        w.ada_contract.refresh_from_db()
        assert (booking.state, w.ada_contract.ends_on) == ("confirmed", day("2026-12-31"))

    def test_or_cancelled_with_it(self, w, ada, book, credit):
        before, after = book("2026-12-30 10:00"), book("2027-01-04 10:00")
        assert self.cancel(ada, w, bookings="cancel").status_code == 302
        before.refresh_from_db()
        after.refresh_from_db()
        w.ada_contract.refresh_from_db()
        assert (before.state, after.state) == ("confirmed", "cancelled")
        assert w.ada_contract.ends_on == day("2026-12-31")

    def test_a_refusal_leaves_both_as_they_are(self, w, ada, book):
        booking = book("2026-12-10 10:00")
        answer = self.cancel(ada, w, last_day="2026-12-01", bookings="cancel")
        assert errors(answer) == {"last_day": ["too_early"]}
        booking.refresh_from_db()
        assert booking.state == "confirmed"


class TestTheFeed:
    def events(self, calendar: Calendar) -> dict[str, dict]:
        read = Calendar.from_ical(calendar.to_ical())
        return {
            str(event["UID"]): event for event in read.walk("VEVENT")
            if str(event["UID"]).startswith("booking-")
        }  # fmt: skip

    def feed(self, browser, customer) -> dict[str, dict]:
        token = customer.open_calendar_feed(by=None).token
        answer = browser.get(f"/calendar/{token}.ics")
        return self.events(Calendar.from_ical(answer.content))

    def test_it_has_ones_own_bookings_and_nobody_elses(self, w, ada, book):
        booking = book("2026-11-23 10:00", note="Tea")
        book("2026-11-23 12:00", customer=w.noor, by=w.mona, note="Secret")
        [(uid, event)] = self.feed(ada, w.ada).items()
        assert uid.startswith(f"booking-{booking.pk}@")
        assert str(event["SUMMARY"]) == "Kestrel"
        assert event["DTSTART"].dt == dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
        assert event["DTEND"].dt == dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC)
        assert str(event["LOCATION"]) == "Kestrel, Riverside House"
        assert str(event["STATUS"]) == "CONFIRMED"
        assert "Tea" in str(event["DESCRIPTION"])
        assert f"/portal/bookings/{booking.pk}/" in str(event["DESCRIPTION"])

    def test_summer_time_is_told_in_utc(self, w, book):
        book("2027-06-01 10:00")
        [event] = self.events(feeds.of_customer(w.ada)).values()
        assert event["DTSTART"].dt == dt.datetime(2027, 6, 1, 9, tzinfo=dt.UTC)

    def test_a_change_keeps_the_event_and_counts_on(self, w, book, at):
        booking = book("2026-11-23 10:00")
        [(uid, before)] = self.events(feeds.of_customer(w.ada)).items()
        at("2026-11-21")
        booking.reschedule(start=story.moment("2026-11-23 14:00"), by=w.ada.user)
        [(same, after)] = self.events(feeds.of_customer(w.ada)).items()
        assert same == uid
        assert after["SEQUENCE"] > before["SEQUENCE"]
        assert after["LAST-MODIFIED"].dt > before["LAST-MODIFIED"].dt

    def test_what_waits_is_tentative_what_is_cancelled_or_lapsed_is_gone(
        self, w, kestrel, book, at
    ):
        kestrel.edit({"needs_approval": True}, by=None)
        waits = book("2026-11-23 10:00")
        book("2026-11-23 12:00").cancel(by=w.ada.user)
        [event] = self.events(feeds.of_customer(w.ada)).values()
        assert str(event["STATUS"]) == "TENTATIVE"
        assert waits.state == "tentative"
        at("2026-11-24")
        assert self.events(feeds.of_customer(w.ada)) == {}

    def test_who_pays_is_said(self, w, book):
        book("2026-11-23 10:00", customer=w.omar, by=w.mona, on_behalf_of=w.team)
        [event] = self.events(feeds.of_customer(w.omar)).values()
        assert "For the team Lin & Co: Lin & Co pays." in str(event["DESCRIPTION"])
        assert self.events(feeds.of_customer(w.lin)) == {}

    def test_a_resources_feed_names_only_where_it_may(self, w, kestrel, book):
        book("2026-11-23 10:00", note="Tea")
        for names, said in ((True, "Ada Lovelace"), (False, "Booked")):
            calendar = feeds.of_resource(kestrel, names=names)
            [event] = self.events(calendar).values()
            assert str(event["SUMMARY"]) == said
        assert b"Ada" not in calendar.to_ical()
        assert b"Tea" not in calendar.to_ical()

    def test_it_asks_as_often_for_thirty(self, w, book):
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                feeds.of_customer(w.ada)
            return len(seen)

        book("2026-11-23 08:00")
        before = queries()
        for number in range(29):
            book(f"2026-12-{number // 4 + 1:02} {8 + number % 4 * 2:02}:00")
        assert queries() == before
