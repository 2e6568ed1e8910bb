"""Reminders on set days, a suspension if the space wishes, and its end when all is paid."""

import datetime as dt
from decimal import Decimal

import pytest

from billing import debts, sending
from billing.models import Delivery, Invoice, Reminder
from customers.models import Customer
from kit.models import OutboxMessage
from tests import story
from tests.billing.test_invoices import issued
from tests.story import day

D = Decimal
DUE = story.TODAY + dt.timedelta(14)  # 4 December


def after(days: int) -> str:
    return str(DUE + dt.timedelta(days))


def remind(at, days: int) -> dict[str, int]:
    at(after(days))
    return debts.remind()


def told() -> list[tuple[int, str]]:
    return [(one.days, str(one.on)) for one in Reminder.objects.all()]


def suspension(customer):
    return Customer.objects.get(pk=customer.pk).suspension


@pytest.fixture
def owed(w) -> Invoice:
    w.house.edit({"reminder_days": "7, 14", "suspend_after_days": 21}, by=w.mona)
    w.ada.location.refresh_from_db()
    return issued(w)


def test_a_reminder_goes_out_on_each_set_day_and_once(at, w, owed):
    assert remind(at, 6) == {"reminded": 0, "suspended": 0}
    assert remind(at, 7)["reminded"] == 1
    assert remind(at, 7)["reminded"] == 0
    assert remind(at, 13)["reminded"] == 0
    assert remind(at, 14)["reminded"] == 1
    assert told() == [(7, after(7)), (14, after(14))]


def test_of_reminders_that_a_late_job_has_missed_the_last_one_goes_out(at, w, owed):
    assert remind(at, 20) == {"reminded": 1, "suspended": 0}
    assert told() == [(14, after(20))]


def test_what_is_paid_is_not_reminded_of_not_even_at_the_last_moment(at, w, owed):
    assert remind(at, 7)["reminded"] == 1
    owed.record_payment(amount=120, by=w.anton)
    before = OutboxMessage.objects.filter(subject__contains="Reminder").count()
    sending.write_due()
    assert OutboxMessage.objects.filter(subject__contains="Reminder").count() == before == 0
    assert not Delivery.objects.filter(written_at=None).exists()
    assert remind(at, 14)["reminded"] == 0


def test_the_letter_says_what_is_due_and_carries_the_private_link(at, w, owed):
    owed.record_payment(amount=20, by=w.anton)
    remind(at, 7)
    sending.write_due()
    letter = OutboxMessage.objects.get(subject__contains="Reminder")
    assert "€100.00" in letter.text
    assert f"/i/{owed.links.get().token}/" in letter.text


def test_what_tomorrow_will_send_is_what_is_sent(at, w, owed):
    for days in range(5, 24):
        at(after(days - 1))
        rehearsed = [step.days for step in debts.steps(w.house, day(after(days)))]
        done = remind(at, days)
        assert done["reminded"] == sum(one is not None for one in rehearsed), days
        assert done["suspended"] == rehearsed.count(None), days


def test_whoever_owes_for_too_long_is_suspended_and_let_in_when_it_is_paid(at, w, owed):
    remind(at, 20)
    assert suspension(w.ada) is None
    assert remind(at, 21)["suspended"] == 1
    assert suspension(w.ada).cause == "debt"
    owed.record_payment(amount=60, by=w.anton)
    assert suspension(w.ada) is not None
    owed.record_payment(amount=60, by=w.anton)
    assert suspension(w.ada) is None


@pytest.mark.parametrize("way", ["credit", "write_off", "other_payment"])
def test_it_is_lifted_whichever_way_the_debt_goes(at, w, owed, way):
    from billing.models.paying import receive

    remind(at, 21)
    if way == "credit":
        owed.credit(reason="Mistake", by=w.anton)
    elif way == "write_off":
        owed.write_off(reason="Gone", by=w.anton)
    else:
        receive(w.ada, w.house, amount=120, by=w.anton)
    assert suspension(w.ada) is None


def test_a_suspension_by_the_staff_stays(at, w, owed):
    remind(at, 21)
    w.ada.suspend(by=w.mona, reason="Noise")
    owed.record_payment(amount=120, by=w.anton)
    assert suspension(w.ada).cause == "manual"


def test_the_fees_missed_meanwhile_are_charged(at, w, owed):
    at("2026-12-01")
    from billing.runs import run_billing

    run_billing()
    remind(at, 21)  # 25 December
    at("2027-01-02")
    run_billing()
    assert w.ada.charges.filter(kind="fee").count() == 1
    for invoice in w.ada.invoices.unpaid():
        invoice.record_payment(amount=invoice.due, by=w.anton)
    assert suspension(w.ada) is None
    assert [str(one.on) for one in w.ada.charges.filter(kind="fee")] == ["2026-12-01", "2027-01-01"]


def test_without_days_nobody_is_reminded_and_nobody_suspended(at, w, owed):
    w.house.edit({"reminder_days": "", "suspend_after_days": None}, by=w.mona)
    assert remind(at, 60) == {"reminded": 0, "suspended": 0}


@pytest.mark.parametrize("days", ["0", "7, x", "400"])
def test_days_that_are_none_are_refused(w, days):
    from kit.problems import Refused

    with pytest.raises(Refused) as caught:
        w.house.edit({"reminder_days": days}, by=w.mona)
    assert caught.value.problems[0].field == "reminder_days"


def test_bookings_are_cancelled_only_where_that_was_chosen(at, w, owed):
    from bookings.models import ResourceType

    rooms = ResourceType.objects.make(name="Rooms", by=None)
    rooms.add_rate(per="hour", price=10, by=None)
    room = story.room(w.house, rooms)
    start = story.moment("2027-02-01 10:00")
    booking = room.book(customer=w.ada, start=start, end=start + dt.timedelta(hours=1), by=w.mona)
    remind(at, 21)
    booking.refresh_from_db()
    assert booking.state == "confirmed"
    owed.record_payment(amount=120, by=w.anton)
    w.house.edit({"debt_cancels_bookings": True}, by=w.mona)
    other = issued(w)
    assert other.due_on is not None
    at(str(other.due_on + dt.timedelta(21)))
    debts.remind()
    booking.refresh_from_db()
    assert booking.state == "cancelled"
