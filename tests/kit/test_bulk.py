"""Many rows at once are the same rows as one by one."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from customers.models import Customer, StatusChange
from kit import bulk
from kit.models import AuditEntry
from plans.models import Contract
from tests import story

pytestmark = pytest.mark.django_db


def drafted(house, number: int, **fields) -> Customer:
    return Customer(
        type="individual",
        full_name=f"Zoë “{number}”\tTab\\N, and\nline",
        email=f"zoe{number}@example.com",
        location=house,
        registered_on=dt.date(2026, 1, 1),
        custom={"colour": ["blue", None, 1.5], "quote": '"'},
        **fields,
    )


@pytest.fixture
def riverside():
    return story.house()


def test_rows_are_read_back_as_they_were_written(riverside):
    rows = [drafted(riverside, number) for number in range(5)]
    bulk.insert(rows)
    assert all(row.pk for row in rows)
    for row in rows:
        stored = Customer.objects.get(pk=row.pk)
        for field in Customer._meta.local_fields:
            assert getattr(stored, field.attname) == getattr(row, field.attname), field
    assert Customer.objects.matching("zoe 3").count() == 1


def test_a_row_written_in_bulk_equals_one_that_was_saved(riverside):
    one, other = drafted(riverside, 1), drafted(riverside, 1)
    bulk.insert([one])
    other.save()
    left, right = (Customer.objects.filter(pk=row.pk).values().get() for row in (one, other))
    assert {**left, "id": 0} == {**right, "id": 0}


def test_money_and_missing_values_come_through(w):
    rows = [
        Contract(
            customer=w.omar, plan=w.hot_desk, location=w.house, starts_on=dt.date(2026, 1, 1),
            signed_on=dt.date(2026, 1, 1), price=price,
        )
        for price in (None, Decimal("12.3456"))
    ]  # fmt: skip
    bulk.insert(rows)
    found = Contract.objects.filter(customer=w.omar).order_by("pk")
    assert [contract.price for contract in found] == [None, Decimal("12.3456")]
    assert [contract.ends_on for contract in found] == [None, None]


def test_keys_given_are_kept_and_the_next_ones_are_free(riverside):
    bulk.insert([drafted(riverside, 1), drafted(riverside, 2)])
    saved = drafted(riverside, 3)
    saved.save()
    bulk.insert([drafted(riverside, 4)])
    assert Customer.objects.count() == 4


def test_keys_reserved_twice_are_different_keys(riverside):
    """The first ones may be written after the second ones were asked for."""
    first = bulk.reserve_keys(Customer, 3)
    second = bulk.reserve_keys(Customer, 3)
    assert len({*first, *second}) == 6
    assert bulk.reserve_keys(Customer, 0) == []
    saved = drafted(riverside, 1)
    saved.save()
    assert saved.pk not in {*first, *second}


def test_constraints_and_guards_see_every_row(w):
    bad = drafted(w.house, 1)
    bad.type = "company"
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert([drafted(w.house, 0), bad])
    assert not Customer.objects.filter(email__startswith="zoe").exists()
    twice = [
        StatusChange(customer=w.omar, on=dt.date(2026, 1, 1), status="member") for _ in range(2)
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(twice)


def test_nothing_is_nothing():
    bulk.insert([])
    assert not AuditEntry.objects.exists()
