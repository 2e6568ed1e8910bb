import datetime as dt
from decimal import Decimal

import pytest

from bookings import signals
from bookings.models import Booking, OpeningHours
from bookings.models.making import Unavailable
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


def codes(verb, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as caught:
        verb(*args, **kwargs)
    return caught.value.codes


@pytest.fixture
def ten(t):
    """From ten to twelve on Monday."""
    return {"start": t("2026-11-23 10:00"), "end": t("2026-11-23 12:00")}


class TestBooking:
    def test_a_booking_takes_its_time_and_has_its_price(self, w, kestrel, t):
        booking = kestrel.book(
            customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:40"), by=w.ada.user
        )
        assert (booking.state, booking.price, booking.amount) == ("confirmed", 105, 105)
        assert booking.billed_minutes == 105
        assert (booking.customer, booking.by) == (w.ada, w.ada.user)

    def test_a_refusal_says_when_it_is_taken_and_what_is_free(self, w, kestrel, heron, ten, t):
        kestrel.book(customer=w.ada, **ten, by=w.ada.user)
        with pytest.raises(Unavailable) as caught:
            kestrel.book(
                customer=w.noor, start=t("2026-11-23 11:30"), end=t("2026-11-23 12:30"),
                by=w.noor.user,
            )  # fmt: skip
        assert caught.value.codes == ["taken"]
        assert "Kestrel is taken from 10:00 to 12:00." in str(caught.value)
        found = [(one.resource.name, one.start) for one in caught.value.alternatives]
        assert found == [
            ("Kestrel", t("2026-11-23 12:00")),
            ("Kestrel", t("2026-11-23 09:00")),
            ("Heron", t("2026-11-23 11:30")),
        ]

    def test_bookings_may_touch(self, w, kestrel, ten, t):
        kestrel.book(customer=w.ada, **ten, by=w.mona)
        assert kestrel.book(customer=w.noor, start=ten["end"], end=t("2026-11-23 13:00"), by=w.mona)
        assert kestrel.book(
            customer=w.noor, start=t("2026-11-23 09:00"), end=ten["start"], by=w.mona
        )

    def test_preparation_stands_between_two_bookings(self, w, kestrel, ten, t):
        kestrel.edit({"preparation_minutes": 15}, by=None)
        kestrel.book(customer=w.ada, **ten, by=w.mona)

        def book(start, end):
            return kestrel.book(customer=w.noor, start=t(start), end=t(end), by=w.mona)

        assert codes(book, "2026-11-23 12:10", "2026-11-23 13:00") == ["taken"]
        assert codes(book, "2026-11-23 09:00", "2026-11-23 09:50") == ["taken"]
        assert book("2026-11-23 12:15", "2026-11-23 13:00")
        assert book("2026-11-23 09:00", "2026-11-23 09:45")

    def test_preparation_may_reach_into_closed_hours(self, w, kestrel, t):
        OpeningHours.objects.set_for(w.house, [(0, dt.time(8), dt.time(20))], by=None)
        kestrel.edit({"preparation_minutes": 30}, by=None)
        assert kestrel.book(
            customer=w.ada, start=t("2026-11-23 19:00"), end=t("2026-11-23 20:00"), by=w.ada.user
        )

    def test_who_is_suspended_books_nothing_also_not_by_staff(self, w, kestrel, ten):
        assert codes(kestrel.book, customer=w.viktor, **ten, by=w.mona) == ["suspended"]
        assert "Three invoices unpaid" in str(
            kestrel.problems(customer=w.viktor, **ten, by=w.mona)[0].text
        )

    def test_nobody_books_for_somebody_else(self, w, kestrel, ten):
        assert codes(kestrel.book, customer=w.noor, **ten, by=w.ada.user) == ["not_yours"]

    def test_more_people_than_there_is_room_for_are_refused(self, w, kestrel, ten):
        book = {"customer": w.ada, **ten, "by": w.ada.user}
        assert codes(kestrel.book, **book, attendees=7) == ["too_many_people"]
        assert codes(kestrel.book, **book, attendees=0) == ["no_people"]

    def test_what_a_form_could_slip_in_is_refused_in_words(self, w, kestrel, t):
        def book(start, end, by):
            return kestrel.book(customer=w.ada, start=t(start), end=t(end), by=by)

        for by in (w.ada.user, w.mona):
            assert codes(book, "2026-11-23 12:00", "2026-11-23 10:00", by) == ["ends_before_start"]
            assert codes(book, "2026-11-23 12:00", "2026-11-23 12:00", by) == ["ends_before_start"]
            assert codes(book, "2001-11-23 12:00", "2001-11-23 13:00", by) == ["date_out_of_range"]
            assert codes(book, "2026-11-23 12:00", "2027-12-28 12:00", by) == ["too_long"]
            assert codes(book, "2026-11-23 12:00:30", "2026-11-23 13:00", by) == [
                "not_whole_minutes"
            ]
        assert not Booking.objects.exists()

    def test_a_booking_announces_itself_in_its_transaction(self, w, kestrel, ten):
        told = []

        def listen(sender, booking, by, **kwargs):
            told.append((booking.pk, by))

        signals.booking_made.connect(listen)
        try:
            booking = kestrel.book(customer=w.ada, **ten, by=w.ada.user)
        finally:
            signals.booking_made.disconnect(listen)
        assert told == [(booking.pk, w.ada.user)]

    def test_problems_and_the_verb_agree(self, w, kestrel, ten):
        assert kestrel.problems(customer=w.ada, **ten, by=w.ada.user) == []
        kestrel.book(customer=w.ada, **ten, by=w.ada.user)
        [problem] = kestrel.problems(customer=w.noor, **ten, by=w.noor.user)
        assert problem.code == "taken"
        assert kestrel.problems(**ten)[0].code == "taken"

    def test_free_is_what_is_left_of_a_day(self, w, kestrel, ten, monday, t):
        OpeningHours.objects.set_for(w.house, [(0, dt.time(8), dt.time(18))], by=None)
        kestrel.edit({"preparation_minutes": 15}, by=None)
        kestrel.book(customer=w.ada, **ten, by=w.mona)
        assert kestrel.free(on=monday) == [
            (t("2026-11-23 08:00"), t("2026-11-23 09:45")),
            (t("2026-11-23 12:15"), t("2026-11-23 18:00")),
        ]
        assert kestrel.free(on=day("2026-11-24")) == []


class TestLimits:
    """What customers keep to, and staff may pass by."""

    def refused(self, w, room, start, end, **changes):
        room.edit(changes, by=None)
        book = {"customer": w.ada, "start": story.moment(start), "end": story.moment(end)}
        found = codes(room.book, **book, by=w.ada.user)
        assert room.book(**book, by=w.frida)
        return found

    def test_shortest(self, w, kestrel):
        times = "2026-11-23 10:00", "2026-11-23 10:30"
        assert self.refused(w, kestrel, *times, minimum_minutes=60) == ["too_short"]

    def test_longest(self, w, kestrel):
        times = "2026-11-23 10:00", "2026-11-23 13:00"
        assert self.refused(w, kestrel, *times, maximum_minutes=120) == ["longer_than_allowed"]

    def test_not_later_than_so_long_before(self, w, kestrel):
        times = "2026-11-20 13:00", "2026-11-20 14:00"  # it is noon
        assert self.refused(w, kestrel, *times, lead_minutes=120) == ["too_late"]

    def test_not_earlier_than_so_many_days_before(self, w, kestrel):
        times = "2026-12-05 10:00", "2026-12-05 11:00"
        assert self.refused(w, kestrel, *times, earliest_days=14) == ["too_far_ahead"]

    def test_not_in_the_past(self, w, kestrel):
        times = "2026-11-20 10:00", "2026-11-20 11:00"
        assert self.refused(w, kestrel, *times) == ["in_the_past"]

    @pytest.mark.parametrize(
        ("audience", "who", "fits"),
        [
            ("members", "ada", True), ("members", "noor", False), ("contacts", "noor", True),
            ("contacts", "ada", False), ("everyone", "noor", True), ("plans", "ada", True),
            ("plans", "lin", False), ("teams", "lin", True), ("teams", "ada", False),
        ],
    )  # fmt: skip
    def test_who_may_book(self, w, kestrel, ten, audience, who, fits):
        kestrel.edit({"who_may_book": audience}, plans=[w.hot_desk], teams=[w.team], by=None)
        customer = getattr(w, who)
        problems = kestrel.problems(customer=customer, **ten, by=customer.user)
        assert [problem.code for problem in problems] == ([] if fits else ["not_eligible"])
        assert kestrel.problems(customer=customer, **ten, by=w.frida) == []

    def test_access_goes_by_the_status_on_the_day(self, w, kestrel, t):
        kestrel.edit({"who_may_book": "members"}, by=None)
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        ahead = {"start": t("2027-01-04 10:00"), "end": t("2027-01-04 11:00")}
        assert codes(kestrel.book, customer=w.ada, **ahead, by=w.ada.user) == ["not_eligible"]

    def test_staff_never_pass_by_time_that_is_taken_or_closed(self, w, kestrel, ten):
        kestrel.book(customer=w.ada, **ten, by=w.mona)
        assert codes(kestrel.book, customer=w.noor, **ten, by=w.mona) == ["taken"]
        hours = [(1, dt.time(8), dt.time(20))]
        OpeningHours.objects.set_for(kestrel, hours, by=None, keep_bookings=True)
        assert codes(kestrel.book, customer=w.noor, **ten, by=None) == ["closed", "taken"]


class TestTeams:
    def test_who_books_for_a_team_must_be_allowed_to_spend(self, w, kestrel, ten):
        w.omar.user = story.login("omar@example.com")
        w.omar.save()
        mine = {"customer": w.omar, "on_behalf_of": w.team, **ten, "by": w.omar.user}
        assert codes(kestrel.book, **mine) == ["may_not_spend"]
        w.team.set_spending("everyone", Decimal(100), by=w.lin.user)
        assert codes(kestrel.book, **mine) == ["over_limit"]
        w.team.set_spending("everyone", Decimal(120), by=w.lin.user)
        booking = kestrel.book(**mine)
        assert (booking.payer, booking.customer) == (w.lin, w.omar)

    def test_an_admin_books_for_the_people_of_the_team(self, w, kestrel, ten):
        w.team.set_spending("everyone", None, by=w.lin.user)
        booking = kestrel.book(customer=w.omar, on_behalf_of=w.team, **ten, by=w.lin.user)
        assert booking.customer == w.omar
        assert "not_yours" in codes(kestrel.book, customer=w.omar, **ten, by=w.lin.user)

    def test_the_payers_status_opens_doors_and_its_suspension_closes_them(self, w, kestrel, ten):
        kestrel.edit({"who_may_book": "members"}, by=None)
        w.team.set_spending("everyone", None, by=w.lin.user)
        assert kestrel.problems(customer=w.omar, **ten, by=w.lin.user, on_behalf_of=w.team) == []
        w.lin.suspend(by=w.mona, reason="Unpaid")
        found = codes(kestrel.book, customer=w.omar, on_behalf_of=w.team, **ten, by=w.mona)
        assert found == ["payer_suspended"]

    def test_a_teams_discount_lowers_what_is_paid_not_the_price(self, w, kestrel, ten):
        w.team.edit({"discount": Decimal(25)}, by=w.mona)
        booking = kestrel.book(customer=w.lin, on_behalf_of=w.team, **ten, by=w.mona)
        assert (booking.price, booking.discount, booking.amount) == (120, 25, 90)


class TestApproval:
    @pytest.fixture
    def asked(self, w, kestrel, ten):
        kestrel.edit({"needs_approval": True}, by=None)
        return kestrel.book(customer=w.ada, **ten, by=w.ada.user)

    def test_a_customers_booking_waits_and_takes_its_time(self, w, kestrel, asked, ten):
        assert asked.state == "tentative"
        assert codes(kestrel.book, customer=w.noor, **ten, by=w.mona) == ["taken"]

    def test_staff_need_no_approval(self, w, kestrel, ten):
        kestrel.edit({"needs_approval": True}, by=None)
        assert kestrel.book(customer=w.ada, **ten, by=w.frida).state == "confirmed"

    def test_staff_approve(self, w, asked):
        assert codes(asked.approve, by=w.ada.user) == ["staff_only"]
        asked.approve(by=w.frida)
        assert (asked.state, asked.approved_by) == ("confirmed", w.frida)
        assert codes(asked.approve, by=w.frida) == ["not_tentative"]

    def test_unapproved_at_its_start_it_lapses_and_frees_its_time(self, w, kestrel, asked, ten, at):
        at("2026-11-23 10:00Z")
        assert asked.shown_state == "lapsed"
        assert codes(asked.approve, by=w.frida) == ["lapsed"]
        assert kestrel.problems(**ten) == []
        assert kestrel.book(customer=w.noor, **ten, by=w.frida).pk
        asked.refresh_from_db()
        assert (asked.state, asked.amount) == ("lapsed", 0)


class TestMoving:
    @pytest.fixture
    def booking(self, w, kestrel, ten):
        return kestrel.book(customer=w.ada, **ten, by=w.ada.user)

    def test_another_time_is_priced_anew(self, w, booking, t):
        booking.reschedule(start=t("2026-11-24 09:00"), by=w.ada.user)
        assert (booking.start, booking.end) == (t("2026-11-24 09:00"), t("2026-11-24 11:00"))
        booking.reschedule(end=t("2026-11-24 12:00"), by=w.ada.user)
        assert booking.price == 180

    def test_another_room_of_the_type_keeps_the_price(self, w, rooms, booking, heron):
        rooms.add_rate(per="hour", price=10, by=None)
        booking.move_to(heron, by=w.ada.user)
        assert (booking.resource, booking.price) == (heron, 120)

    def test_it_may_overlap_itself_and_nobody_else(self, w, kestrel, booking, t):
        kestrel.book(
            customer=w.noor, start=t("2026-11-23 13:00"), end=t("2026-11-23 14:00"), by=w.mona
        )
        booking.reschedule(start=t("2026-11-23 11:00"), by=w.ada.user)
        late = {"start": t("2026-11-23 11:30"), "end": t("2026-11-23 13:30")}
        assert codes(booking.reschedule, **late, by=w.ada.user) == ["taken"]
        booking.refresh_from_db()
        assert booking.start == t("2026-11-23 11:00")

    def test_the_old_time_is_free_at_once(self, w, kestrel, booking, ten, t):
        booking.reschedule(start=t("2026-11-24 09:00"), by=w.ada.user)
        assert kestrel.problems(**ten) == []

    def test_others_do_not_move_it(self, w, booking, t):
        found = codes(booking.reschedule, start=t("2026-11-24 09:00"), by=w.noor.user)
        assert found == ["not_yours"]

    def test_one_that_runs_can_only_get_another_end(self, w, booking, at, t):
        at("2026-11-23 11:00Z")
        assert codes(booking.reschedule, start=t("2026-11-23 13:00"), by=w.ada.user) == ["begun"]
        booking.reschedule(end=t("2026-11-23 12:30"), by=w.ada.user)
        assert booking.price == 150

    def test_a_cancelled_one_can_be_restored_while_its_time_is_free(self, w, kestrel, booking, ten):
        booking.cancel(by=w.ada.user)
        assert codes(booking.restore, by=w.ada.user) == ["staff_only"]
        booking.restore(by=w.frida)
        assert (booking.state, booking.amount) == ("confirmed", 120)
        booking.cancel(by=w.ada.user)
        kestrel.book(customer=w.noor, **ten, by=w.mona)
        assert codes(booking.restore, by=w.frida) == ["taken"]


class TestCancelling:
    @pytest.fixture
    def booking(self, w, kestrel, ten):
        kestrel.edit({"free_cancellation_hours": 24, "late_fee": Decimal(50)}, by=None)
        return kestrel.book(customer=w.ada, **ten, by=w.ada.user)

    def test_in_time_it_costs_nothing(self, w, booking, at):
        at("2026-11-22 10:00Z")  # 24 hours before, to the minute
        assert booking.cancel(by=w.ada.user, reason="Ill") is None
        assert (booking.state, booking.amount, booking.reason) == ("cancelled", 0, "Ill")
        assert booking.cancelled_by == w.ada.user

    def test_later_a_fee_is_kept(self, w, booking, at):
        at("2026-11-22 10:01Z")
        fee = booking.cancel(by=w.ada.user)
        assert (fee.amount, fee.percent, fee.cause) == (60, 50, "cancelled")
        assert booking.amount == 0

    def test_only_managers_waive_it(self, w, booking, at):
        at("2026-11-23 09:00Z")
        assert codes(booking.cancel, by=w.frida, waive_fee=True) == ["needs_manager"]
        assert booking.cancel(by=w.manager, waive_fee=True) is None

    def test_moving_late_gives_up_the_old_time(self, w, booking, at, t):
        at("2026-11-23 09:00Z")
        fee = booking.reschedule(start=t("2026-11-25 10:00"), by=w.ada.user)
        assert (fee.amount, fee.cause) == (60, "moved")
        assert (booking.price, booking.amount) == (120, 120)

    def test_shortening_late_gives_up_its_share(self, w, booking, at, t):
        at("2026-11-23 09:00Z")
        fee = booking.reschedule(end=t("2026-11-23 11:30"), by=w.ada.user)
        assert (fee.amount, fee.cause, fee.minutes) == (15, "shortened", 30)
        assert booking.amount == 90

    def test_lengthening_late_gives_nothing_up(self, w, booking, at, t):
        at("2026-11-23 09:00Z")
        assert booking.reschedule(end=t("2026-11-23 13:00"), by=w.ada.user) is None

    def test_a_restored_one_takes_its_fee_back(self, w, booking, at):
        at("2026-11-23 09:00Z")
        booking.cancel(by=w.ada.user)
        booking.restore(by=w.mona)
        assert booking.amount == 120
        assert booking.late_fees.get().withdrawn_at is not None

    def test_who_did_not_come_pays_in_full(self, w, booking, at):
        assert codes(booking.no_show, by=w.frida) == ["not_begun"]
        at("2026-11-23 10:30Z")
        booking.no_show(by=w.frida)
        assert (booking.state, booking.amount) == ("no_show", 120)
        booking.came(by=w.frida)
        assert booking.state == "confirmed"

    def test_what_has_begun_is_for_the_staff(self, w, booking, at):
        at("2026-11-23 10:30Z")
        assert codes(booking.cancel, by=w.ada.user) == ["begun"]
        assert booking.cancel(by=w.frida).amount == 60

    def test_a_suspension_cancels_what_is_ahead_only_when_told_to(self, w, booking):
        w.ada.suspend(by=w.mona, reason="Loud")
        booking.refresh_from_db()
        assert booking.state == "confirmed"
        w.ada.reinstate(by=w.mona)
        w.ada.suspend(by=w.mona, reason="Loud", cancel_bookings=True)
        booking.refresh_from_db()
        assert (booking.state, booking.reason) == ("cancelled", "Loud")
        assert not booking.late_fees.exists()

    def test_a_customer_with_bookings_ahead_is_not_archived(self, w, kestrel, ten):
        booking = kestrel.book(customer=w.noor, **ten, by=w.mona)
        assert codes(w.noor.archive, by=w.mona) == ["booking_ahead"]
        booking.cancel(by=w.mona)
        w.noor.archive(by=w.mona)

    def test_a_customer_with_a_booking_is_not_deleted(self, w, kestrel, ten):
        kestrel.book(customer=w.omar, **ten, by=w.mona).cancel(by=w.mona)
        assert "has_bookings" in codes(w.omar.discard, by=w.mona)


class TestClosures:
    def test_closed_days_are_not_booked(self, w, kestrel, ten):
        kestrel.close(first_on=day("2026-11-23"), reason="Painting", by=w.mona)
        [problem] = kestrel.problems(customer=w.ada, **ten, by=w.mona)
        assert (problem.code, str(problem.text)) == ("closed", "Closed: Painting")

    def test_a_locations_closure_holds_for_all_of_it_each_year(self, w, kestrel, heron, t):
        from bookings.models import Closure

        Closure.objects.close(
            w.house, first_on=day("2026-12-24"), last_on=day("2027-01-02"), yearly=True,
            reason="Christmas", by=w.mona,
        )  # fmt: skip
        for room in (kestrel, heron):
            for date, closed in (
                ("2026-12-24", True), ("2027-01-02", True), ("2027-01-03", False),
                ("2027-12-23", False), ("2028-01-01", True), ("2029-01-02", True),
            ):  # fmt: skip
                found = room.problems(start=t(f"{date} 10:00"), end=t(f"{date} 11:00"))
                assert bool(found) == closed, date

    def test_a_part_of_a_day(self, w, kestrel, t):
        kestrel.close(
            first_on=day("2026-11-23"), from_time=dt.time(12), until_time=dt.time(13), by=w.mona
        )
        assert kestrel.problems(start=t("2026-11-23 11:00"), end=t("2026-11-23 12:00")) == []
        assert kestrel.problems(start=t("2026-11-23 12:30"), end=t("2026-11-23 14:00")) != []
        assert kestrel.problems(start=t("2026-11-23 13:00"), end=t("2026-11-23 14:00")) == []

    def test_what_is_booked_already_stands_against_it(self, w, kestrel, ten):
        kestrel.book(customer=w.ada, **ten, by=w.mona)
        when = {"first_on": day("2026-11-23"), "by": w.mona}
        assert codes(kestrel.close, **when) == ["bookings_inside"]
        assert kestrel.close(**when, keep_bookings=True).pk

    def test_it_can_be_taken_back(self, w, kestrel, ten):
        kestrel.close(first_on=day("2026-11-23"), by=w.mona).end(by=w.mona)
        assert kestrel.problems(**ten) == []

    def test_a_resource_goes_by_its_own_hours_else_by_its_locations(self, w, kestrel, heron, t):
        OpeningHours.objects.set_for(w.house, [(0, dt.time(8), dt.time(20))], by=None)
        OpeningHours.objects.set_for(
            kestrel, [(0, dt.time(6), dt.time(0)), (1, dt.time(0), dt.time(3))], by=None
        )
        late = {"start": t("2026-11-23 22:00"), "end": t("2026-11-24 02:00")}
        assert kestrel.problems(**late) == []
        assert [problem.code for problem in heron.problems(**late)] == ["closed"]
        assert "Heron is open on 23 Nov 2026 from 08:00 to 20:00." in str(
            heron.problems(**late)[0].text
        )

    def test_shorter_hours_list_the_bookings_that_would_lie_outside(self, w, kestrel, heron, t):
        early = {"start": t("2026-11-23 07:00"), "end": t("2026-11-23 09:00")}
        noon = {"start": t("2026-11-23 12:00"), "end": t("2026-11-23 13:00")}
        for room, times in ((kestrel, early), (kestrel, noon), (heron, early)):
            room.book(customer=w.ada, **times, by=w.mona)
        OpeningHours.objects.set_for(heron, [(0, dt.time(6), dt.time(20))], by=None)
        hours = [(0, dt.time(8), dt.time(20))]
        with pytest.raises(Refused) as caught:
            OpeningHours.objects.set_for(w.house, hours, by=None)
        [problem] = caught.value.problems  # Heron has hours of its own
        assert problem.code == "bookings_outside"
        assert "Kestrel" in str(problem.text)
        assert not w.house.opening_hours.exists()
        OpeningHours.objects.set_for(w.house, hours, by=None, keep_bookings=True)
        # What lies outside already is not listed again.
        OpeningHours.objects.set_for(w.house, [(0, dt.time(9), dt.time(20))], by=None)

    def test_a_resource_that_goes_by_its_location_again_is_asked_the_same(self, w, kestrel, t):
        OpeningHours.objects.set_for(w.house, [(0, dt.time(8), dt.time(20))], by=None)
        OpeningHours.objects.set_for(kestrel, [(0, dt.time(6), dt.time(0))], by=None)
        late = {"start": t("2026-11-23 21:00"), "end": t("2026-11-24 00:00")}
        kestrel.book(customer=w.ada, **late, by=w.mona)
        assert codes(OpeningHours.objects.set_for, kestrel, [], by=None) == ["bookings_outside"]

    def test_hours_that_overlap_are_refused(self, w, kestrel):
        hours = [(0, dt.time(8), dt.time(12)), (0, dt.time(11), dt.time(20))]
        assert codes(OpeningHours.objects.set_for, kestrel, hours, by=None) == ["hours_overlap"]


class TestAssignments:
    @pytest.fixture
    def held(self, w, kestrel):
        return kestrel.assign(contract=w.ada_contract, by=w.mona)

    def test_nobody_else_books_what_a_contract_occupies(self, w, kestrel, held, ten):
        assert codes(kestrel.book, customer=w.noor, **ten, by=w.mona) == ["occupied"]

    def test_no_other_contract_has_it(self, w, kestrel, held):
        assert codes(kestrel.assign, contract=w.lin_contract, by=w.mona) == ["occupied"]

    def test_it_ends_with_the_contract(self, w, kestrel, held, t):
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        ahead = {"start": t("2027-01-01 00:00"), "end": t("2027-01-01 01:00")}
        assert kestrel.problems(**ahead) == []
        assert kestrel.problems(start=t("2026-12-31 23:00"), end=t("2027-01-01 00:30")) != []

    def test_a_cancellation_is_not_withdrawn_over_somebody_elses_booking(self, w, kestrel, held, t):
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        kestrel.book(
            customer=w.noor, start=t("2027-01-04 10:00"), end=t("2027-01-04 11:00"), by=w.mona
        )
        assert codes(w.ada_contract.withdraw_cancellation, by=w.mona) == ["taken"]
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on == day("2026-12-31")

    def test_a_contract_that_is_called_off_frees_it(self, w, kestrel, ten):
        contract = w.hot_desk.sign_up(w.noor, starts_on=day("2026-11-23"), by=w.mona)
        kestrel.assign(contract=contract, by=w.mona)
        contract.call_off(by=w.mona)
        assert kestrel.problems(**ten) == []

    def test_a_booking_in_its_days_stands_against_it(self, w, kestrel, ten):
        kestrel.book(customer=w.noor, **ten, by=w.mona)
        assert codes(kestrel.assign, contract=w.ada_contract, by=w.mona) == ["taken"]

    def test_it_can_end_before_the_contract(self, w, kestrel, held, ten):
        held.end(last_on=day("2026-11-22"), by=w.mona)
        assert kestrel.problems(**ten) == []

    def test_an_occupied_resource_is_not_archived(self, w, kestrel, held):
        assert codes(kestrel.archive, by=w.mona) == ["occupied"]


class TestCheckIn:
    def test_who_is_in_by_whom_since_when(self, w):
        from bookings.models import CheckIn

        arrived = CheckIn.objects.arrive(w.ada, by=w.frida)
        assert list(CheckIn.objects.present()) == [arrived]
        assert codes(CheckIn.objects.arrive, w.ada, by=w.frida) == ["in_already"]
        arrived.leave(by=w.frida)
        assert not CheckIn.objects.present().exists()

    def test_who_is_suspended_is_not_let_in_and_that_is_kept(self, w):
        from bookings.models import CheckIn

        assert codes(CheckIn.objects.arrive, w.viktor, by=w.frida) == ["suspended"]
        [refused] = CheckIn.objects.refused()
        assert (refused.customer, refused.by) == (w.viktor, w.frida)
        assert "Three invoices unpaid" in refused.refused_because
        assert not CheckIn.objects.present().exists()
