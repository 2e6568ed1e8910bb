"""The database refuses what is out of bounds, whoever writes it."""

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from customers.models import Customer
from plans.models import Contract, Plan
from spaces.models import LocationTaxRate
from tests import story

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "column", "value"),
    [
        (Customer, "full_name", "x" * 201),
        (Customer, "notes", "x" * 20_001),
        (Customer, "email", "x" * 255),
        (LocationTaxRate, "rate", 1_000_001),
        (LocationTaxRate, "rate", -1),
        (Plan, "deposit", 10**16),
        (Contract, "discount", 1_000_001),
        (Contract, "price", -1),
        (Contract, "quantity", 0),
        (Contract, "notes", "x" * 5_001),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_the_database(w, model, column, value):
    table = model._meta.db_table
    refusals = (IntegrityError, DataError)
    with pytest.raises(refusals), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s", [value])  # noqa: S608 - our own names


def test_what_is_just_within_bounds_is_taken(db):
    house = story.house()
    story.person(house, "x" * 200, email="a@example.com", notes="n" * 20_000)
    story.plan(house, "Free", "0", tax_rate=100, deposit=0)
