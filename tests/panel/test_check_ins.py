"""The front desk: who is in, who is expected, who is not let in."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import CheckIn
from customers.models import User
from kit.once import new_key
from tests import story
from tests.bookings.conftest import heron, kestrel, rooms, t  # noqa: F401
from tests.panel.test_customers import words

pytestmark = pytest.mark.django_db

DESK, NEW = "/panel/check-ins/", "/panel/check-ins/new/"


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def arriving(w, customer, **fields) -> dict:
    return {
        "form_key": new_key(), "customer": customer.pk, "location": w.house.pk, **fields
    }  # fmt: skip


def test_somebody_is_found_let_in_and_let_out(w, frida):
    page = frida.get(DESK, {"q": "ada"})
    assert [customer for customer, _inside in page.context["found"]] == [w.ada]
    answer = frida.post(NEW, arriving(w, w.ada), follow=True)
    assert "Ada Lovelace is in." in words(answer)
    assert "since 12:00, let in by Frida Berg" in words(answer)
    one = CheckIn.objects.get()
    assert (one.by, one.left_at) == (w.frida, None)
    assert "in already" in words(frida.get(DESK, {"q": "ada"}))
    answer = frida.post(f"{DESK}{one.pk}/departure/", follow=True)
    assert "Ada Lovelace has left." in words(answer)
    assert "Nobody is in." in words(answer)
    again = frida.post(f"{DESK}{one.pk}/departure/", follow=True)
    assert "They have left already." in words(again)


def test_a_suspended_customer_is_refused_in_words_and_the_refusal_is_kept_and_listed(w, frida):
    answer = frida.post(NEW, arriving(w, w.viktor))
    assert answer.status_code == 422
    text = words(answer)
    assert "Viktor Novak is not let in" in text
    assert "Viktor Novak is suspended: Three invoices unpaid" in text
    assert not CheckIn.objects.present().exists()
    page = frida.get(DESK)
    assert [one.customer for one in page.context["refused"]] == [w.viktor]
    assert "Not let in lately" in words(page)


def test_a_click_that_is_sent_twice_lets_in_once(w, frida):
    sent = arriving(w, w.ada)
    first, second = (frida.post(NEW, sent) for _time in range(2))
    assert first["Location"] == second["Location"] == f"{DESK}?location={w.house.pk}"
    assert CheckIn.objects.count() == 1


def test_who_is_in_is_not_let_in_again(w, frida):
    frida.post(NEW, arriving(w, w.ada))
    answer = frida.post(NEW, arriving(w, w.ada))
    assert answer.status_code == 422
    assert "They are in already." in words(answer)


def test_a_booking_of_today_arrives_with_one_click(w, frida, kestrel, heron, t):  # noqa: F811
    booking = kestrel.book(
        customer=w.ada, start=t("2026-11-20 14:00"), end=t("2026-11-20 15:00"), by=w.mona
    )
    heron.book(customer=w.noor, start=t("2026-11-21 14:00"), end=t("2026-11-21 15:00"), by=w.mona)
    page = frida.get(DESK)
    [expected] = page.context["expected"]
    assert (expected.booking, expected.check_in) == (booking, None)
    assert "Arrive" in words(page)
    frida.post(NEW, arriving(w, w.ada, booking=booking.pk))
    assert CheckIn.objects.get().booking == booking
    page = frida.get(DESK)
    assert "in since 12:00" in words(page)
    assert "Arrive" not in words(page)


def test_a_booking_of_somebody_else_is_refused(w, frida, kestrel, t):  # noqa: F811
    booking = kestrel.book(
        customer=w.ada, start=t("2026-11-20 14:00"), end=t("2026-11-20 15:00"), by=w.mona
    )
    assert frida.post(NEW, arriving(w, w.noor, booking=booking.pk)).status_code == 422
    assert not CheckIn.objects.exists()


def test_what_waits_for_approval_cannot_arrive(w, frida, rooms, t):  # noqa: F811
    hall = story.room(w.house, rooms, "Hall", needs_approval=True)
    hall.book(customer=w.ada, start=t("2026-11-20 14:00"), end=t("2026-11-20 15:00"), by=w.ada.user)
    text = words(frida.get(DESK))
    assert "Waits for approval" in text
    assert "Arrive" not in text


def test_the_accountant_looks_on(w, client):
    CheckIn.objects.arrive(w.ada, by=w.frida)
    client.force_login(w.anton)
    page = client.get(DESK)
    assert "Ada Lovelace" in words(page)
    assert "Let out" not in words(page)
    assert client.post(NEW, arriving(w, w.noor)).status_code == 403
    key = CheckIn.objects.get().pk
    assert client.post(f"{DESK}{key}/departure/").status_code == 403


def test_customers_and_strangers_stay_outside(w, client):
    assert client.get(DESK).status_code == 302
    client.force_login(w.ada.user)
    assert client.get(DESK).status_code == 403
    assert client.post(NEW, arriving(w, w.ada)).status_code == 403


def test_letting_in_takes_a_post(frida):
    assert frida.get(NEW).status_code == 405
    assert frida.post(DESK).status_code == 405


def test_each_location_has_a_desk_of_its_own(w, client):
    hill = story.house(name="Hill House")
    sam = story.login("sam@example.com")
    sam.give_role("front_desk", by=None, location=hill)
    one = CheckIn.objects.arrive(w.ada, by=w.frida)
    client.force_login(User.objects.get(pk=sam.pk))
    page = client.get(DESK, {"location": w.house.pk})
    assert page.context["location"] == hill
    assert "Ada Lovelace" not in words(page)
    assert client.post(f"{DESK}{one.pk}/departure/").status_code == 404
    assert client.post(NEW, arriving(w, w.noor)).status_code == 422
    guest = story.person(hill, "Gil Guest")
    sent = arriving(w, guest) | {"location": hill.pk}
    assert client.post(NEW, sent).status_code == 302


def test_the_record_lets_in_and_out(w, frida):
    record = f"/panel/customers/{w.ada.pk}/"
    assert "Let in" in words(frida.get(record))
    answer = frida.post(NEW, arriving(w, w.ada, back="record"))
    assert answer["Location"] == record
    assert "Let out" in words(frida.get(record))
    answer = frida.post(f"{DESK}{CheckIn.objects.get().pk}/departure/", {"back": "record"})
    assert answer["Location"] == record


def test_thirty_rows_ask_as_much_as_one(w, frida, kestrel, t):  # noqa: F811
    def add(number: int) -> None:
        kim = story.person(w.house)
        start = t("2026-11-20 14:00") + dt.timedelta(minutes=15 * number)
        booking = kestrel.book(
            customer=kim, start=start, end=start + dt.timedelta(minutes=15), by=w.mona
        )
        CheckIn.objects.arrive(kim, booking=booking, by=w.frida)
        CheckIn.objects.create(
            customer=kim, location=w.house, by=w.frida, refused_because="Too loud"
        )

    def asked() -> int:
        frida.get(DESK, {"q": "person"})
        with CaptureQueriesContext(connection) as queries:
            frida.get(DESK, {"q": "person"})
        return len(queries)

    add(0)
    few = asked()
    for number in range(1, 30):
        add(number)
    assert asked() == few
