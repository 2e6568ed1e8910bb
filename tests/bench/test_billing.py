"""A run over 10,000 contracts, while people book.

By hand: `python3 dev.py test tests/bench/test_billing.py -m bench -s`. How long it took, how slow a
booking was and how much memory was used are printed; that none was refused is asserted.
"""

import datetime as dt
import random
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from billing.models import Invoice
from billing.runs import run_billing
from bookings.models import ResourceType
from customers.models import Customer
from kit import bulk, locks
from plans.models import Contract
from plans.models.signing import drafted
from tests import story

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

CONTRACTS, BOOKERS, SLOW = 10_000, 3, 2.0


def space(at: Callable) -> Any:
    at("2026-10-20")
    chance = random.Random(1)
    house = story.house()
    plans = [
        story.plan(house, "Hot Desk", "250", billing_day=1),
        story.plan(house, "Desk", "310", billing_day=1, fee_due="in_advance"),
        story.plan(house, "Office", "900", billing_day=1, cycle_length=3),
    ]
    with locks.nobody_else():
        people = [
            Customer(
                type="individual", full_name=f"Person {number:05}", location=house,
                email=f"person.{number}@example.com", registered_on=story.day("2026-10-01"),
            )
            for number in range(CONTRACTS)
        ]  # fmt: skip
        bulk.insert(people)
        contracts: list[Contract] = [
            drafted(chance.choice(plans), person, location=house, on=house.today(),
                    starts_on=house.today())
            for person in people
        ]  # fmt: skip
        bulk.insert(contracts)
    rooms = ResourceType.objects.make(name="Rooms", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    made = [story.room(house, rooms, f"Room {number}") for number in range(BOOKERS)]
    return people, made


def test_a_run_over_ten_thousand_contracts_while_people_book(at):
    people, rooms = space(at)
    at("2026-11-01")
    run_billing()  # what a first run settles of months before is not what is measured
    at("2026-12-01")
    stop = threading.Event()
    took: list[float] = []
    errors: list[Exception] = []

    def book(number: int) -> None:
        chance = random.Random(number)
        start = dt.datetime(2026, 12, 2, 8, tzinfo=dt.UTC)
        while not stop.is_set():
            start += dt.timedelta(hours=1)
            begun = time.monotonic()
            try:
                rooms[number].book(
                    customer=Customer.objects.get(pk=chance.choice(people).pk), start=start,
                    end=start + dt.timedelta(minutes=45), by=None,
                )  # fmt: skip
            except Exception as error:
                errors.append(error)
            took.append(time.monotonic() - begun)
            time.sleep(0.02)
        connections.close_all()

    threads = [threading.Thread(target=book, args=(number,)) for number in range(BOOKERS)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    report = run_billing()
    seconds = time.monotonic() - begun
    stop.set()
    for thread in threads:
        thread.join()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    took.sort()
    print(
        f"\n{report.invoiced:,} invoices of {report.accounts:,} accounts in {seconds:.1f} s "
        f"({report.accounts / seconds:,.0f} a second), {grown:.0f} MB more at its highest; "
        f"meanwhile {len(took)} bookings, median {took[len(took) // 2] * 1000:.0f} ms, "
        f"slowest {took[-1]:.2f} s, {len(errors)} refused"
    )
    assert not errors, errors[:3]
    assert not report.failed
    assert took[-1] < SLOW
    assert Invoice.objects.count() > 15_000
