"""No two bookings of a resource overlap, not even by hand in the database."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from bookings.models import Assignment, Booking
from kit import guards
from tests.story import day

HOUR = dt.timedelta(hours=1)
TEN = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)


@pytest.fixture
def booking(w, kestrel) -> Booking:
    """From ten to twelve, and a quarter of an hour to prepare."""
    kestrel.edit({"preparation_minutes": 15}, by=None)
    return kestrel.book(customer=w.ada, start=TEN, end=TEN + 2 * HOUR, by=None)


def insert(booking: Booking, start: dt.datetime, end: dt.datetime, **more: Any) -> None:
    """A row as somebody would write it past all verbs."""
    row: dict[str, Any] = {
        "customer_id": booking.customer_id, "resource_id": booking.resource_id, "start": start,
        "end": end, "blocked_from": start, "blocked_until": end, "attendees": 1, "note": "",
        "state": "confirmed", "price": 0, "discount": 0, "billed_minutes": 0, "credit_used": 0,
        "credit_amount": 0, "amount": 0, "explanation": "{}", "booked_at": start, "reason": "",
        "version": 1, "free_cancellation_hours": 0, "late_fee": 0, **more,
    }  # fmt: skip
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join(["%s"] * len(row))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO bookings_booking ({names}) VALUES ({marks})",  # noqa: S608
            [
                connection.ops.adapt_datetimefield_value(value)
                if isinstance(value, dt.datetime)
                else value
                for value in row.values()
            ],
        )


def refused(act, *args, **kwargs) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        act(*args, **kwargs)
    return str(caught.value)


def attack(booking: Booking, other: Booking) -> None:
    """Everything that a statement could try; each attempt is refused and leaves nothing."""
    for start, end in (
        (TEN, TEN + 2 * HOUR),
        (TEN - HOUR, TEN + dt.timedelta(minutes=1)),
        (TEN + HOUR, TEN + 5 * HOUR),
        (TEN - HOUR, TEN + 5 * HOUR),
        (TEN + 2 * HOUR, TEN + 3 * HOUR),  # while it is being prepared
    ):
        assert "bookings_stay_apart" in refused(insert, booking, start, end)
        assert "bookings_stay_apart" in refused(insert, booking, start, end, state="tentative")
        assert "bookings_stay_apart" in refused(insert, booking, start, end, state="no_show")
    mine = Booking.objects.filter(pk=other.pk)
    for change in (
        {"start": TEN, "end": TEN + HOUR, "blocked_from": TEN, "blocked_until": TEN + HOUR},
        {"start": TEN + HOUR, "blocked_from": TEN + HOUR},
    ):
        assert "bookings_stay_apart" in refused(mine.update, **change)
    assert "booking_" in refused(mine.update, blocked_until=F("start"))
    assert "booking_" in refused(mine.update, end=F("start"))
    insert(booking, TEN, TEN + HOUR, state="cancelled")
    back = Booking.objects.filter(state="cancelled")
    assert "bookings_stay_apart" in refused(back.update, state="confirmed")
    back.delete()
    insert(booking, TEN - HOUR, TEN)  # what only touches is let in
    Booking.objects.filter(start=TEN - HOUR).delete()


@pytest.fixture
def other(w, kestrel, booking) -> Booking:
    return kestrel.book(customer=w.noor, start=TEN + 4 * HOUR, end=TEN + 5 * HOUR, by=None)


@pytest.mark.django_db
def test_statements_that_insert_or_move_into_an_overlap_are_refused(booking, other):
    attack(booking, other)


@pytest.mark.django_db
def test_a_room_cannot_be_exchanged_under_a_booking(w, booking, heron):
    moved = heron.book(customer=w.noor, start=TEN, end=TEN + HOUR, by=None)
    one = Booking.objects.filter(pk=moved.pk)
    assert "bookings_stay_apart" in refused(one.update, resource=booking.resource)


@pytest.mark.django_db
def test_bookings_and_contracts_keep_off_each_other(w, booking, heron):
    held = heron.assign(contract=w.lin_contract, by=None)
    for start in (TEN, TEN + dt.timedelta(days=400)):
        times = {"start": start, "end": start + HOUR, "resource_id": heron.pk}
        found = refused(insert, booking, times.pop("start"), times.pop("end"), **times)
        assert "bookings_keep_off_assignments" in found
    one = Booking.objects.filter(pk=booking.pk)
    assert "bookings_keep_off_assignments" in refused(one.update, resource=heron)
    row = Assignment.objects.filter(pk=held.pk)
    assert "assignments_keep_off_bookings" in refused(row.update, resource=booking.resource)
    row.update(withdrawn_at=TEN)
    row.update(resource=booking.resource)
    assert "assignments_keep_off_bookings" in refused(row.update, withdrawn_at=None)
    row.update(resource=heron, withdrawn_at=None)
    later: Any = {
        "resource": heron, "contract": w.ada_contract, "first_on": day("2027-01-01"),
        "blocked_from": dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
    }  # fmt: skip
    assert "assignments_stay_apart" in refused(Assignment.objects.create, **later)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("target", ["0001", "zero"])
def test_the_same_after_migrating_back_and_forth(request, target):
    try:
        call_command("migrate", "bookings", target, verbosity=0)
    finally:
        call_command("migrate", verbosity=0)
    assert guards.missing() == []
    w = request.getfixturevalue("w")
    booking = request.getfixturevalue("booking")
    attack(booking, request.getfixturevalue("other"))
    assert w.ada.bookings.count() == 1
