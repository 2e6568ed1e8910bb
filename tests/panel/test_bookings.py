import datetime as dt
from decimal import Decimal

import pytest

from bookings.models import Booking, OpeningHours, PlanCredit, ResourceType
from customers.models import Customer
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db
MONDAY = "2026-11-23"
NEW = "/panel/bookings/new/"


@pytest.fixture
def rooms(w):
    made = ResourceType.objects.make(name="Meeting rooms", by=None)
    made.add_rate(per="hour", price=60, by=None)
    return made


@pytest.fixture
def kestrel(w, rooms):
    return story.room(w.house, rooms, "Kestrel", capacity=6)


@pytest.fixture
def heron(w, rooms):
    return story.room(w.house, rooms, "Heron", capacity=10)


@pytest.fixture
def half_kept(kestrel):
    """Whoever books from now on loses half of what they give up less than a day before."""
    kestrel.edit({"free_cancellation_hours": 24, "late_fee": Decimal(50)}, by=None)


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


@pytest.fixture
def booking(w, kestrel):
    return kestrel.book(
        customer=w.ada, start=story.moment(f"{MONDAY} 10:00"),
        end=story.moment(f"{MONDAY} 12:00"), by=w.mona,
    )  # fmt: skip


def filled(client, address=NEW, **more) -> dict:
    """The form as it is shown, with something changed."""
    form = client.get(address).context["form"]
    shown = {
        bound.html_name: bound.value()
        for bound in form
        if bound.value() not in (None, "", False, [])
    }
    shown = {
        name: f"{value:%H:%M}" if isinstance(value, dt.time) else value
        for name, value in shown.items()
    }
    return {name: value for name, value in {**shown, **more}.items() if value != ""}


def wanted(w, kestrel, **more) -> dict:
    return {
        "customer": w.ada.pk, "resource": kestrel.pk, "on": MONDAY, "starts": "14:00",
        "ends": "15:00", "attendees": 2, **more,
    }  # fmt: skip


class TestBooking:
    def test_staff_book_for_a_customer(self, w, frida, kestrel):
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel, note="Client\r\nvisit")))
        assert answer.status_code == 302, answer.content.decode()
        made = Booking.objects.get()
        assert (made.customer, made.by, made.attendees) == (w.ada, w.frida, 2)
        assert (made.start, made.note) == (story.moment(f"{MONDAY} 14:00"), "Client\nvisit")
        assert answer["Location"] == f"/panel/calendar/?on={MONDAY}&location={w.house.pk}"

    def test_the_address_fills_it_in_as_drawing_does(self, w, frida, kestrel):
        address = f"{NEW}?resource={kestrel.pk}&start={MONDAY}T10:00Z&end={MONDAY}T11:30Z"
        answer = frida.get(f"{address}&customer={w.ada.pk}")
        form = answer.context["form"]
        assert (form["on"].value(), form["starts"].value(), form["ends"].value()) == (
            day(MONDAY), dt.time(10), dt.time(11, 30),
        )  # fmt: skip
        assert "€90.00" in answer.content.decode()

    @pytest.mark.parametrize(
        "query", ["start=x", "start=0001-01-01T00:00Z", "resource=99999999999999999999", "end=9999"]
    )
    def test_an_address_that_makes_no_sense_is_a_plain_form(self, frida, kestrel, query):
        assert frida.get(f"{NEW}?{query}").status_code == 200

    def test_a_preview_stores_nothing(self, w, frida, kestrel):
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel), preview="1"))
        assert answer.status_code == 200
        assert "€60.00" in answer.content.decode()
        assert not Booking.objects.exists()

    def test_a_refusal_shows_what_is_free_instead(self, w, frida, kestrel, heron, booking):
        data = filled(frida, **wanted(w, kestrel, starts="11:00", ends="12:30"))
        answer = frida.post(NEW, data)
        text = answer.content.decode()
        assert answer.status_code == 422
        assert "Kestrel is taken from 10:00 to 12:00." in text
        assert "Heron" in text.split("Free instead")[1]
        assert Booking.objects.count() == 1

    def test_somebody_new_is_added_on_the_way(self, w, frida, kestrel):
        new = {"customer": "", "new_full_name": "Kim Doe", "new_email": "kim@example.com"}
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel, **new)))
        assert "Say whether this is an individual or a company." in answer.content.decode()
        assert not Customer.objects.filter(email="kim@example.com").exists()
        frida.post(NEW, filled(frida, **wanted(w, kestrel, **new, new_type="individual")))
        made = Booking.objects.get().customer
        assert (made.full_name, made.type, made.location) == ("Kim Doe", "individual", w.house)

    def test_nobody_is_added_where_the_booking_is_refused(self, w, frida, kestrel, booking):
        new = {"customer": "", "new_full_name": "Kim Doe", "new_email": "kim@example.com",
               "new_type": "individual"}  # fmt: skip
        times = {"starts": "10:00", "ends": "11:00"}
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel, **new, **times)))
        assert answer.status_code == 422
        assert not Customer.objects.filter(email="kim@example.com").exists()

    def test_a_known_e_mail_shows_whose_it_is(self, w, frida, kestrel):
        new = {"customer": "", "new_full_name": "Ada", "new_email": "ada@example.com",
               "new_type": "individual"}  # fmt: skip
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel, **new)))
        assert "Ada Lovelace has this e-mail already" in answer.content.decode()

    def test_what_customers_could_not_book_is_told_and_needs_a_tick(self, w, frida, kestrel):
        kestrel.edit({"minimum_minutes": 120, "who_may_book": "contacts"}, by=None)
        data = filled(frida, **wanted(w, kestrel))
        text = frida.post(NEW, data).content.decode()
        assert "Kestrel is booked for at least 2 h." in text
        assert "Kestrel is for contacts, not for members." in text
        assert not Booking.objects.exists()
        frida.post(NEW, {**filled(frida, **wanted(w, kestrel)), "anyway": "on"})
        assert Booking.objects.count() == 1

    def test_a_suspended_customer_is_refused_with_the_way_to_lift_it(self, w, frida, kestrel):
        data = filled(frida, **wanted(w, kestrel, customer=w.viktor.pk))
        text = frida.post(NEW, data).content.decode()
        assert "Viktor Novak is suspended: Three invoices unpaid" in text
        assert f"/panel/customers/{w.viktor.pk}/suspension/" in text

    def test_for_a_team_also_where_only_its_admins_may_spend_once_told(self, w, frida, kestrel):
        data = filled(frida, **wanted(w, kestrel, customer=w.omar.pk), on_behalf_of=w.team.pk)
        text = frida.post(NEW, data).content.decode()
        assert "Only the team&#x27;s admins may spend for it." in text
        again = filled(frida, **wanted(w, kestrel, customer=w.omar.pk), on_behalf_of=w.team.pk)
        frida.post(NEW, {**again, "anyway": "on"})
        made = Booking.objects.get()
        assert (made.on_behalf_of, made.payer) == (w.team, w.lin)

    def test_a_form_sent_twice_books_once(self, w, frida, kestrel):
        data = filled(frida, **wanted(w, kestrel))
        first, second = frida.post(NEW, data), frida.post(NEW, data)
        assert first["Location"] == second["Location"]
        assert Booking.objects.count() == 1

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("on", "2001-01-01"), ("ends", "13:00"), ("ends", "14:00"), ("until_on", "2027-12-31"),
            ("starts", "14:00+09:00"), ("on", "2026-11-31"), ("attendees", "0"),
            ("attendees", "99"), ("resource", "999999"), ("customer", "999999"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_in_words(self, w, frida, kestrel, field, value):
        answer = frida.post(NEW, filled(frida, **wanted(w, kestrel, **{field: value})))
        assert answer.status_code == 422
        form = answer.context["form"]
        assert form.errors or answer.context["offer"].against
        assert not Booking.objects.exists()

    def test_price_and_state_are_not_taken_from_the_form(self, w, frida, kestrel):
        slipped = {"price": "1", "amount": "0", "state": "cancelled", "credit_used": "60",
                   "by": w.mona.pk, "discount": "100", "series": "1"}  # fmt: skip
        frida.post(NEW, filled(frida, **wanted(w, kestrel), **slipped))
        made = Booking.objects.get()
        assert (made.price, made.amount, made.state, made.by) == (60, 60, "confirmed", w.frida)

    def test_resources_of_another_location_are_not_offered(self, w, client, kestrel):
        hill = story.house(name="Hill House")
        sam = story.login("sam@example.com")
        sam.give_role("front_desk", by=None, location=hill)
        client.force_login(sam)
        answer = client.post(NEW, filled(client, **wanted(w, kestrel)))
        assert answer.status_code == 422
        assert not Booking.objects.exists()


class TestRepeats:
    def repeats(self, w, kestrel, **more):
        return wanted(w, kestrel, starts="10:00", ends="11:00", frequency="weekly", count=4, **more)

    def test_a_series_without_conflicts(self, w, frida, kestrel):
        frida.post(NEW, filled(frida, **self.repeats(w, kestrel)))
        assert Booking.objects.count() == 4
        assert len({one.series for one in Booking.objects.all()}) == 1

    def test_each_conflict_is_to_be_decided(self, w, frida, kestrel, heron):
        kestrel.book(
            customer=w.noor, start=story.moment("2026-12-07 10:30"),
            end=story.moment("2026-12-07 11:30"), by=w.mona,
        )  # fmt: skip
        answer = frida.post(NEW, filled(frida, **self.repeats(w, kestrel)))
        assert answer.status_code == 422
        assert "Kestrel is taken from 10:30 to 11:30." in answer.content.decode()
        assert Booking.objects.count() == 1
        [conflict] = answer.context["offer"].dates.conflicts
        in_heron = next(one for one in conflict.options if one.alternative.resource == heron)
        data = filled(frida, **self.repeats(w, kestrel))
        frida.post(NEW, {**data, conflict.name: in_heron.value})
        assert Booking.objects.filter(resource=heron).count() == 1
        assert Booking.objects.filter(series__isnull=False).count() == 4

    def test_a_date_can_be_left_out(self, w, frida, kestrel):
        kestrel.close(first_on=day("2026-12-07"), by=w.mona)
        data = filled(frida, **self.repeats(w, kestrel))
        frida.post(NEW, {**data, "date-2026-12-07": "skip"})
        assert Booking.objects.count() == 3


class TestRecord:
    def test_it_says_who_when_what_and_why(self, w, frida, booking):
        text = frida.get(f"/panel/bookings/{booking.pk}/").content.decode()
        for words in ("Kestrel", "Ada Lovelace", "10:00", "2 h at €60.00 an hour", "€120.00"):
            assert words in text

    def test_a_change_shows_the_money_before_and_does_it(self, w, frida, kestrel, booking):
        address = f"/panel/bookings/{booking.pk}/change/"
        data = filled(frida, address, ends="13:00")
        text = frida.post(address, {**data, "preview": "1"}).content.decode()
        assert "€120.00" in text
        assert "€180.00" in text
        booking.refresh_from_db()
        assert booking.amount == 120
        answer = frida.post(address, data)
        assert answer.status_code == 302
        booking.refresh_from_db()
        assert (booking.end, booking.amount) == (story.moment(f"{MONDAY} 13:00"), 180)

    def test_pulling_it_elsewhere_opens_the_form_with_the_new_place(self, w, frida, heron, booking):
        address = f"/panel/bookings/{booking.pk}/change/"
        asked = f"{address}?resource={heron.pk}&start={MONDAY}T14:00Z&end={MONDAY}T16:00Z"
        answer = frida.get(asked)
        assert answer.context["difference"].after.resource == heron
        assert answer.context["difference"].against == []
        booking.refresh_from_db()
        assert booking.start == story.moment(f"{MONDAY} 10:00")
        frida.post(address, filled(frida, asked))
        booking.refresh_from_db()
        assert (booking.resource, booking.start) == (heron, story.moment(f"{MONDAY} 14:00"))

    def test_a_change_into_somebody_elses_time_is_refused(self, w, frida, kestrel, booking):
        kestrel.book(
            customer=w.noor, start=story.moment(f"{MONDAY} 12:00"),
            end=story.moment(f"{MONDAY} 13:00"), by=w.mona,
        )  # fmt: skip
        address = f"/panel/bookings/{booking.pk}/change/"
        answer = frida.post(address, filled(frida, address, ends="12:30"))
        assert answer.status_code == 422
        assert "Kestrel is taken from 12:00 to 13:00." in answer.content.decode()

    def test_cancelling_shows_what_is_kept(self, w, frida, half_kept, booking, at):
        at(f"{MONDAY} 09:00Z")
        address = f"/panel/bookings/{booking.pk}/cancellation/"
        answer = frida.get(address)
        assert "€60.00" in answer.content.decode()
        assert "waive_fee" not in answer.context["form"].fields
        frida.post(address, filled(frida, address, reason="Ill"))
        booking.refresh_from_db()
        assert (booking.state, booking.reason) == ("cancelled", "Ill")
        assert booking.late_fees.get().amount == 60

    def test_a_manager_may_keep_nothing(self, w, client, half_kept, booking, at):
        at(f"{MONDAY} 09:00Z")
        client.force_login(w.manager)
        address = f"/panel/bookings/{booking.pk}/cancellation/"
        client.post(address, filled(client, address, waive_fee="on"))
        assert not booking.late_fees.exists()

    def test_a_front_desk_cannot_slip_a_waiver_in(self, w, frida, half_kept, booking, at):
        at(f"{MONDAY} 09:00Z")
        address = f"/panel/bookings/{booking.pk}/cancellation/"
        frida.post(address, filled(frida, address, waive_fee="on"))
        assert booking.late_fees.get().amount == 60

    def test_approving_declining_missing_and_bringing_back(self, w, frida, kestrel, at):
        kestrel.edit({"needs_approval": True}, by=None)
        asked = kestrel.book(
            customer=w.ada, start=story.moment(f"{MONDAY} 10:00"),
            end=story.moment(f"{MONDAY} 12:00"), by=w.ada.user,
        )  # fmt: skip
        record = f"/panel/bookings/{asked.pk}/"
        assert "Approve" in frida.get(record).content.decode()
        for name, state in (
            ("approval", "confirmed"), ("cancellation", "cancelled"), ("restoration", "confirmed"),
        ):  # fmt: skip
            frida.post(f"{record}{name}/", filled(frida, f"{record}{name}/"))
            asked.refresh_from_db()
            assert asked.state == state
        at(f"{MONDAY} 11:00Z")
        for state in ("no_show", "confirmed"):
            frida.post(f"{record}no-show/", filled(frida, f"{record}no-show/"))
            asked.refresh_from_db()
            assert asked.state == state

    def test_a_series_is_cancelled_as_a_whole_when_told_so(self, w, frida, kestrel):
        data = wanted(w, kestrel, frequency="weekly", count=3)
        frida.post(NEW, filled(frida, **data))
        first = Booking.objects.earliest("start")
        address = f"/panel/bookings/{first.pk}/cancellation/"
        frida.post(address, filled(frida, address, scope="all"))
        assert {one.state for one in Booking.objects.all()} == {"cancelled"}

    def test_who_keeps_the_books_only_looks(self, w, client, booking):
        client.force_login(w.anton)
        assert client.get(f"/panel/bookings/{booking.pk}/").status_code == 200
        for name in ("change", "cancellation", "approval", "no-show", "restoration"):
            assert client.get(f"/panel/bookings/{booking.pk}/{name}/").status_code == 403


class TestList:
    def test_what_lies_ahead_comes_first(self, w, frida, kestrel, booking):
        later = kestrel.book(
            customer=w.noor, start=story.moment("2026-11-30 10:00"),
            end=story.moment("2026-11-30 12:00"), by=w.mona,
        )  # fmt: skip
        gone = kestrel.book(
            customer=w.noor, start=story.moment("2026-11-20 09:00"),
            end=story.moment("2026-11-20 10:00"), by=w.mona,
        )  # fmt: skip
        rows = frida.get("/panel/bookings/").context["page"].rows
        assert rows == [booking, later]
        rows = frida.get("/panel/bookings/?until_on=2026-11-20").context["page"].rows
        assert rows == [gone]

    def test_filters(self, w, frida, kestrel, heron, booking):
        booking.cancel(by=w.mona)
        assert frida.get("/panel/bookings/").context["page"].rows == []
        assert frida.get("/panel/bookings/?state=cancelled").context["page"].rows == [booking]
        assert (
            frida.get(f"/panel/bookings/?state=every&resource={heron.pk}").context["page"].rows
            == []
        )
        assert frida.get("/panel/bookings/?state=every&q=lovelace").context["page"].rows == [
            booking
        ]
        assert frida.get("/panel/bookings/?state=every&q=noor").context["page"].rows == []

    def test_what_waits_is_told(self, w, frida, kestrel):
        kestrel.edit({"needs_approval": True}, by=None)
        kestrel.book(
            customer=w.ada, start=story.moment(f"{MONDAY} 10:00"),
            end=story.moment(f"{MONDAY} 12:00"), by=w.ada.user,
        )  # fmt: skip
        text = frida.get("/panel/bookings/").content.decode()
        assert "1 booking waits for your approval." in text
        assert len(frida.get("/panel/bookings/?state=tentative").context["page"].rows) == 1

    def test_it_asks_as_often_for_one_row_as_for_thirty(
        self, w, frida, kestrel, booking, django_assert_max_num_queries
    ):
        frida.get("/panel/bookings/")
        with django_assert_max_num_queries(30) as few:
            frida.get("/panel/bookings/")
        for number in range(24):
            start = story.moment("2026-12-01 08:00") + dt.timedelta(hours=number)
            kestrel.book(customer=w.ada, start=start, end=start + dt.timedelta(hours=1), by=w.mona)
        with django_assert_max_num_queries(len(few)):
            assert len(frida.get("/panel/bookings/").context["page"].rows) == 25


def test_credit_is_told_before_and_after(w, frida, rooms, kestrel):
    PlanCredit.objects.give(w.hot_desk, hours=4, types=[rooms], by=w.mona)
    OpeningHours.objects.set_for(kestrel, [(0, dt.time(8), dt.time(20))], by=None)
    data = filled(frida, **wanted(w, kestrel))
    text = frida.post(NEW, {**data, "preview": "1"}).content.decode()
    assert "1 h of booking credit: Hot Desk, 1 Nov 2026 to 30 Nov 2026" in text
    frida.post(NEW, data)
    record = frida.get(f"/panel/bookings/{Booking.objects.get().pk}/").content.decode()
    assert "\N{MINUS SIGN}1 h" in record
