"""Finding something, booking it once or on many dates, and what is shown before."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Booking, OpeningHours, PlanCredit, Series
from customers.models import Team
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send
from tests.story import day

MONDAY = {"on": "2026-11-23", "starts": "10:00", "ends": "11:00"}
USUAL = {**MONDAY, "attendees": "1", "on_behalf_of": "oneself", "customer": "oneself"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def find(browser, **query):
    return browser.get(reverse("portal:book"), {**query})


def asked(browser, **query):
    return find(browser, **{"on": "2026-11-23", "starts": "10:00", "length": "60", **query})


def book(browser, resource, **fields):
    return send(browser, "book_resource", resource.pk, **{**USUAL, **fields})


def preview(browser, resource, **fields) -> str:
    answer = book(browser, resource, **fields, preview="1")
    assert answer.status_code == 200
    return words(answer)


@pytest.fixture
def hours(w):
    """The house is open from eight to eight on weekdays."""
    week = [(weekday, dt.time(8), dt.time(20)) for weekday in range(5)]
    return OpeningHours.objects.set_for(w.house, week, by=None)


@pytest.fixture
def credit(w, rooms):
    """Two hours of meeting rooms a month come with a hot desk."""
    return PlanCredit.objects.give(w.hot_desk, types=[rooms], hours=2, by=None)


class TestFinding:
    def test_the_next_half_hour_is_asked_about_by_default(self, w, ada, kestrel, at):
        at("2026-11-20 12:10Z")
        answer = find(ada)
        assert "1 free on Fri, 20 Nov 2026, 12:30 to 13:30" in words(answer)
        assert answer.context["form"]["people"].value() == "1"

    def test_after_hours_it_is_the_next_morning(self, w, ada, kestrel, hours, at):
        at("2026-11-20 21:10Z")
        assert "1 free on Mon, 23 Nov 2026, 08:00 to 09:00" in words(find(ada))

    def test_what_is_free_says_what_it_costs_and_what_credit_covers(self, w, ada, kestrel, credit):
        kestrel.edit({"amenities": "Screen\nWhiteboard"}, by=None)
        text = words(asked(ada, length="180"))
        assert "Kestrel Meeting rooms · for up to 6 people" in text
        assert "Screen Whiteboard" in text
        assert "Instead of €180.00 €60.00" in text
        assert "2 h of credit" in text
        assert "20 % tax comes on top." in text

    def test_what_is_free_can_be_booked_from_there(self, w, ada, kestrel):
        page = asked(ada).content.decode()
        [form] = re.findall(rf'<form method="post" action="/portal/book/{kestrel.pk}/">.*?</form>',
                            page, re.DOTALL)  # fmt: skip
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        answer = ada.post(reverse("portal:book_resource", args=[kestrel.pk]), fields)
        booking = Booking.objects.get()
        assert answer["Location"] == f"/portal/bookings/{booking.pk}/"
        assert (booking.customer, booking.local_start.hour) == (w.ada, 10)

    def test_what_is_taken_says_so_without_a_name_and_when_it_is_free(self, w, ada, kestrel, t):
        kestrel.book(
            customer=w.noor, start=t("2026-11-23 09:30"), end=t("2026-11-23 10:30"), by=w.mona
        )
        text = words(asked(ada))
        assert "Kestrel is taken from 09:30 to 10:30." in text
        assert "10:30 to 11:30 Kestrel" in text
        assert "Noor" not in text

    def test_what_one_may_not_book_says_for_whom_it_is(self, w, noor, kestrel):
        kestrel.edit({"who_may_book": "members"}, by=None)
        assert "Kestrel is for members." in words(asked(noor))

    def test_the_smallest_that_fits_comes_first(self, w, ada, kestrel, heron):
        free = [one.resource.name for one in asked(ada, people="5").context["free"]]
        assert free == ["Kestrel", "Heron"]
        assert [one.resource.name for one in asked(ada, people="8").context["free"]] == ["Heron"]

    def test_one_type_alone_can_be_asked_for(self, w, ada, kestrel):
        from bookings.models import ResourceType

        booths = ResourceType.objects.make(name="Booths", by=None)
        story.room(w.house, booths, "Booth")
        free = asked(ada, type=booths.pk).context["free"]
        assert [one.resource.name for one in free] == ["Booth"]

    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [({"on": "2026-11-19"}, "on", "in_the_past"), ({"on": "soon"}, "on", "invalid"),
         ({"on": "9999-12-31"}, "on", "date_out_of_range"),
         ({"on": "2026-11-20"}, "starts", "in_the_past"),
         ({"length": "until", "ends": "09:00"}, "ends", "ends_before_start"),
         ({"length": "until"}, "ends", "required"), ({"people": "0"}, "people", "min_value"),
         ({"on": "2027-03-28", "starts": "01:30"}, "starts", "time_does_not_exist"),
         ({"length": "7"}, "length", "invalid_choice")],
    )  # fmt: skip
    def test_what_cannot_be_asked_is_said_in_words(self, w, ada, kestrel, query, field, code):
        answer = asked(ada, **query)
        assert answer.status_code == 200
        assert errors(answer) == {field: [code]}

    def test_another_houses_rooms_are_not_there(self, w, ada, kestrel, rooms):
        story.room(story.house(name="Hill House"), rooms, "Far Room")
        kestrel.archive(by=None)
        text = words(find(ada))
        assert "There is nothing to book here yet" in text
        assert "Far Room" not in text

    def test_a_team_without_a_payer_can_be_booked_for_too(self, w, omar, kestrel):
        assert "team" not in asked(omar).context["form"].fields
        Team.objects.filter(pk=w.team.pk).update(payer=None)
        offered = asked(omar).context["form"].fields["team"].choices
        assert offered[1] == (str(w.team.pk), "For the team Lin & Co: everybody pays their own")

    def test_it_asks_as_often_for_thirty(self, w, ada, kestrel, rooms, credit, t):
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                assert asked(ada, team="oneself").status_code == 200
            return len(seen)

        before = queries()
        for number in range(29):
            room = story.room(w.house, rooms, f"Room {number}", capacity=number + 1)
            for hour in range(10, 10 + number % 3):
                start = t(f"2026-11-23 {hour}:00")
                room.book(
                    customer=w.noor, start=start, end=start + dt.timedelta(hours=1), by=w.mona
                )
        assert queries() == before


class TestADay:
    def sheet(self, browser, **query):
        answer = browser.get(reverse("portal:book_day"), {"on": "2026-11-23", **query})
        assert answer.status_code == 200
        return answer

    def kinds(self, answer, name: str) -> list[tuple[str, int]]:
        [row] = [one for one in answer.context["sheet"].rows if one.resource.name == name]
        return [(cell.kind, cell.width) for cell in row.cells]

    def test_it_shows_the_hours_in_which_something_is_open(self, w, ada, kestrel, hours):
        answer = self.sheet(ada)
        assert answer.context["sheet"].width == 48
        assert self.kinds(answer, "Kestrel") == [("free", 4)] * 12

    def test_what_never_closes_counts_as_usual(self, w, ada, kestrel):
        assert self.sheet(ada).context["sheet"].width == 14 * 4

    def test_others_time_is_taken_without_a_name_and_ones_own_is_named(
        self, w, ada, kestrel, hours, t
    ):
        kestrel.edit({"preparation_minutes": 15}, by=None)
        kestrel.book(
            customer=w.noor, start=t("2026-11-23 09:00"), end=t("2026-11-23 10:30"), by=w.mona,
            note="Secret",
        )  # fmt: skip
        mine = kestrel.book(
            customer=w.ada, start=t("2026-11-23 13:00"), end=t("2026-11-23 14:00"), by=w.mona
        )
        answer = self.sheet(ada)
        assert self.kinds(answer, "Kestrel")[:7] == [
            ("free", 3), ("taken", 8), ("free", 5), ("free", 3), ("taken", 1), ("yours", 4),
            ("taken", 1),
        ]  # fmt: skip
        page = answer.content.decode()
        assert "Noor" not in page
        assert "Secret" not in page
        assert f"/portal/bookings/{mine.pk}/" in page

    def test_closed_hours_are_seen(self, w, ada, kestrel, heron, hours):
        OpeningHours.objects.set_for(kestrel, [(0, dt.time(10), dt.time(12))], by=None)
        assert self.kinds(self.sheet(ada), "Kestrel") == [
            ("closed", 8), ("free", 4), ("free", 4), ("closed", 32)
        ]  # fmt: skip

    def test_a_free_hour_leads_to_the_form_for_it(self, w, ada, kestrel, hours):
        page = self.sheet(ada).content.decode()
        assert f"/portal/book/{kestrel.pk}/?on=2026-11-23&amp;starts=09%3A00&amp;ends=10%3A00" in (
            page
        )

    def test_whoever_may_not_book_it_reads_why(self, w, noor, kestrel, hours):
        kestrel.edit({"who_may_book": "members"}, by=None)
        answer = self.sheet(noor)
        assert "Kestrel is for members." in words(answer)
        assert {kind for kind, _width in self.kinds(answer, "Kestrel")} == {"unbookable"}

    @pytest.mark.parametrize("on", ["2026-11-19", "nonsense", "2026-13-45", "9999-12-31", ""])
    def test_a_day_that_nobody_can_book_is_today(self, w, ada, kestrel, on):
        assert self.sheet(ada, on=on).context["on"] == day("2026-11-20")

    def test_it_asks_as_often_for_thirty(self, w, ada, kestrel, rooms, t):
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                self.sheet(ada)
            return len(seen)

        before = queries()
        for number in range(29):
            room = story.room(w.house, rooms, f"Room {number}")
            room.book(
                customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
            )
        assert queries() == before


class TestBooking:
    def test_the_address_fills_the_form_in_and_shows_the_price(self, w, ada, kestrel, credit):
        kestrel.edit({"free_cancellation_hours": 24, "late_fee": 50}, by=None)
        answer = ada.get(
            reverse("portal:book_resource", args=[kestrel.pk]), {**MONDAY, "people": 4}
        )
        text = words(answer)
        assert answer.context["form"]["attendees"].value() == "4"
        assert "Mon, 23 Nov 2026, 10:00 to 11:00, 1 h" in text
        assert "1 h at €60.00 an hour €60.00" in text
        assert "1 h of booking credit: Hot Desk, 1 Nov 2026 to 30 Nov 2026" in text
        assert "1 h of your credit are left then, until 30 Nov 2026." in text
        assert "Free to cancel until Sun 22 Nov, 10:00; later 50 % are kept." in text
        assert not Booking.objects.exists()

    def test_a_look_at_another_time_books_nothing(self, w, ada, kestrel):
        text = preview(ada, kestrel, ends="12:30")
        assert "2 h 30 min at €60.00 an hour €150.00" in text
        assert not Booking.objects.exists()

    def test_it_is_booked_with_all_that_was_said(self, w, ada, kestrel):
        answer = book(ada, kestrel, attendees="3", note=" Tea, please ")
        booking = Booking.objects.get()
        assert answer["Location"] == f"/portal/bookings/{booking.pk}/"
        assert (booking.customer, booking.by, booking.attendees) == (w.ada, w.ada.user, 3)
        assert (booking.note, booking.state) == ("Tea, please", "confirmed")
        assert "Booked: Kestrel, 23 Nov 2026, 10:00 to 11:00." in words(ada.get(answer["Location"]))

    def test_sent_twice_it_books_once(self, w, ada, kestrel):
        assert book(ada, kestrel)["Location"] == book(ada, kestrel)["Location"]
        assert Booking.objects.count() == 1

    def test_until_midnight_and_over_several_days(self, w, ada, kestrel):
        book(ada, kestrel, starts="22:00", ends="00:00")
        assert Booking.objects.get().minutes == 120
        book(ada, kestrel, on="2026-11-25", until_on="2026-11-26", key="another")
        assert Booking.objects.latest("pk").minutes == 25 * 60

    def test_what_is_taken_is_refused_with_what_is_free_instead(self, w, ada, kestrel, heron, t):
        kestrel.book(
            customer=w.noor, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
        )
        answer = book(ada, kestrel)
        assert answer.status_code == 422
        assert errors(answer) == {"starts": ["taken"]}
        text = words(answer)
        assert "Free instead: Kestrel, 09:00 to 10:00 Kestrel, 11:00 to 12:00" in text
        assert "Heron, 10:00 to 11:00" in text
        assert "Noor" not in text

    @pytest.mark.parametrize(
        ("typed", "refused"),
        [({"ends": "09:00"}, {"ends": ["ends_before_start"]}),
         ({"on": "2026-11-19"}, {"starts": ["in_the_past"]}),
         ({"on": "9999-12-31"}, {"on": ["date_out_of_range"]}),
         ({"until_on": "9999-12-31"}, {"until_on": ["date_out_of_range"]}),
         ({"on": "soon"}, {"on": ["invalid"]}), ({"starts": ""}, {"starts": ["required"]}),
         ({"attendees": "7"}, {"attendees": ["too_many_people"]}),
         ({"attendees": "-1"}, {"attendees": ["min_value"]}),
         ({"on": "2027-03-28", "starts": "01:30", "ends": "03:00"},
          {"starts": ["time_does_not_exist"]}),
         ({"frequency": "weekly"}, {"count": ["endless"]}),
         ({"frequency": "daily", "count": "151"}, {"count": ["max_value"]})],
    )  # fmt: skip
    def test_a_refusal_stands_beside_its_field(self, w, ada, kestrel, typed, refused):
        answer = book(ada, kestrel, **typed)
        assert answer.status_code == 422
        assert errors(answer) == refused
        assert not Booking.objects.exists()

    def test_what_needs_approval_is_asked_for(self, w, ada, kestrel):
        kestrel.edit({"needs_approval": True}, by=None)
        assert "The staff approve it first." in preview(ada, kestrel)
        answer = book(ada, kestrel)
        assert Booking.objects.get().state == "tentative"
        assert "the staff will decide" in words(ada.get(answer["Location"]))

    def test_crafted_fields_change_nothing(self, w, ada, kestrel):
        book(
            ada, kestrel, price="0", amount="0", state="confirmed", discount="100",
            by=str(w.mona.pk), on_behalf_of=str(w.team.pk), customer=str(w.lin.pk),
        )  # fmt: skip
        booking = Booking.objects.get()
        assert (booking.customer, booking.on_behalf_of, booking.amount) == (w.ada, None, 60)

    def test_a_broken_address_is_no_error(self, w, ada, kestrel):
        address = reverse("portal:book_resource", args=[kestrel.pk])
        query = {"on": "x", "starts": "y", "ends": "z", "people": "many", "team": "no"}
        assert ada.get(address, query).status_code == 200

    def test_the_suspended_are_turned_away(self, w, client, kestrel):
        client.force_login(w.viktor.user)
        assert book(client, kestrel).status_code == 403
        assert not Booking.objects.exists()


class TestForATeam:
    def test_an_admin_lets_the_team_pay(self, w, lin, kestrel):
        assert "Lin & Co pays" in preview(lin, kestrel, on_behalf_of=w.team.pk).replace(
            "&amp;", "&"
        )
        book(lin, kestrel, on_behalf_of=w.team.pk)
        assert Booking.objects.get().on_behalf_of == w.team

    def test_an_admin_books_for_the_people_of_the_team(self, w, lin, kestrel):
        answer = look(lin, "book_resource", kestrel.pk)
        offered = answer.context["form"].fields["customer"].choices
        assert offered == [("oneself", "Myself"), (str(w.omar.pk), "Omar Haddad")]
        book(lin, kestrel, customer=w.omar.pk, on_behalf_of=w.team.pk)
        booking = Booking.objects.get()
        assert (booking.customer, booking.by) == (w.omar, w.lin.user)

    def test_for_others_one_says_for_which_team(self, w, lin, kestrel):
        answer = book(lin, kestrel, customer=w.omar.pk)
        assert errors(answer) == {"on_behalf_of": ["team_missing"]}

    def test_an_admin_does_not_learn_why_somebody_is_suspended(self, w, lin, kestrel):
        w.omar.suspend(by=w.mona, reason="Three invoices unpaid")
        answer = book(lin, kestrel, customer=w.omar.pk, on_behalf_of=w.team.pk)
        assert errors(answer) == {"customer": ["suspended"]}
        assert "Three invoices" not in words(answer)

    def test_the_others_pay_for_themselves(self, w, omar, kestrel):
        assert "on_behalf_of" not in look(omar, "book_resource", kestrel.pk).context["form"].fields
        book(omar, kestrel, on_behalf_of=w.team.pk, customer=w.lin.pk)
        booking = Booking.objects.get()
        assert (booking.customer, booking.on_behalf_of) == (w.omar, None)

    def test_beyond_what_one_may_spend_it_is_refused(self, w, omar, kestrel):
        w.team.set_spending("everyone", 50, by=w.mona)
        assert "of what one may spend" in preview(omar, kestrel, on_behalf_of=w.team.pk)
        answer = book(omar, kestrel, on_behalf_of=w.team.pk)
        assert errors(answer) == {"on_behalf_of": ["over_limit"]}


class TestManyDates:
    WEEKLY = {"frequency": "weekly", "count": "3"}

    @pytest.fixture
    def taken(self, w, kestrel, t):
        """The second Monday is somebody else's."""
        return kestrel.book(
            customer=w.noor, start=t("2026-11-30 10:00"), end=t("2026-11-30 11:00"), by=w.mona
        )

    def test_every_date_and_the_whole_price_are_shown_before(self, w, ada, kestrel, credit):
        text = preview(ada, kestrel, **self.WEEKLY)
        assert "Every week, 3 times" in text
        for shown in ("Mon 23 Nov, 10:00 to 11:00", "Mon 30 Nov", "Mon 7 Dec"):
            assert shown in text
        assert "To pay for 3 dates" in text
        assert "3 h of credit" in text
        assert not Booking.objects.exists()
        assert not Series.objects.exists()

    def test_they_are_booked_as_one_series(self, w, ada, kestrel):
        book(ada, kestrel, **self.WEEKLY)
        series = Series.objects.get()
        assert series.bookings.count() == 3
        assert series.customer == w.ada

    def test_nothing_is_booked_while_a_date_is_to_be_decided(self, w, ada, kestrel, heron, taken):
        answer = book(ada, kestrel, **self.WEEKLY)
        assert answer.status_code == 422
        assert errors(answer) == {"__all__": ["undecided"]}
        text = words(answer)
        assert "Mon, 30 Nov 2026 Kestrel is taken from 10:00 to 11:00." in text
        assert "Another time: 11:00 to 12:00" in text
        assert "Heron: 10:00 to 11:00" in text
        assert "Skip this date" in text
        assert Booking.objects.count() == 1

    def test_a_date_is_skipped(self, w, ada, kestrel, taken):
        book(ada, kestrel, **self.WEEKLY, **{"date-2026-11-30": "skip"})
        days = [one.on.day for one in Series.objects.get().bookings.all()]
        assert days == [23, 7]

    def test_or_has_another_room_or_time(self, w, ada, kestrel, heron, taken):
        choice = {"date-2026-11-30": f"{heron.pk}-20261130T1000Z"}
        text = preview(ada, kestrel, **self.WEEKLY, **choice)
        assert "Every date is decided." in text
        assert "Mon 30 Nov, 10:00 to 11:00, Heron" in text
        book(ada, kestrel, **self.WEEKLY, **choice)
        places = [one.resource.name for one in Series.objects.get().bookings.order_by("start")]
        assert places == ["Kestrel", "Heron", "Kestrel"]

    @pytest.mark.parametrize("chosen", ["1-20261130T1000Z", "book", "999-x", ""])
    def test_only_what_is_offered_can_be_chosen(self, w, ada, kestrel, taken, chosen):
        answer = book(ada, kestrel, **self.WEEKLY, **{"date-2026-11-30": chosen})
        assert errors(answer) == {"__all__": ["undecided"]}
        assert Booking.objects.count() == 1


class TestPictures:
    def test_a_picture_is_served_once_and_then_known(self, w, ada, kestrel):
        assert look(ada, "resource_picture", kestrel.pk).status_code == 404
        picture = kestrel.show_picture(PNG, by=None)
        answer = look(ada, "resource_picture", kestrel.pk)
        assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
        assert answer["ETag"] == f'"{picture.digest}"'
        assert "private" in answer["Cache-Control"]
        address = reverse("portal:resource_picture", args=[kestrel.pk])
        assert ada.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
        assert f"{address}?v={picture.digest[:12]}" in asked(ada).content.decode()

    def test_only_of_what_can_be_booked_here(self, w, ada, client, kestrel, rooms):
        far = story.room(story.house(name="Hill House"), rooms, "Far Room")
        for room in (far, kestrel):
            room.show_picture(PNG, by=None)
        kestrel.archive(by=None)
        assert look(ada, "resource_picture", far.pk).status_code == 404
        assert look(ada, "resource_picture", kestrel.pk).status_code == 404


def test_the_tax_of_a_booking_is_that_of_its_own_day(w, client):
    w.house.set_tax_rate(25, from_on=day("2026-12-01"), by=w.mona)
    story.bookable(w)
    client.force_login(w.lin.user)

    def said(on: str) -> str:
        page = f"/portal/book/{w.kestrel.pk}/?on={on}&starts=10:00&ends=11:00"
        return words(client.get(page))

    assert "20 % tax comes on top." in said("2026-11-30")
    assert "25 % tax comes on top." in said("2026-12-01")
