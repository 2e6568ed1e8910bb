"""The billing run, killed anywhere or done by four at once, and many issuing at the same moment:
always the same invoices, numbered without gaps.

By hand, in full: `BILLING_KILLS=100 BILLING_CONTRACTS=1000 RACE_ROUNDS=5 python3 dev.py test
tests/races/test_billing.py`.
"""

import datetime as dt
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction

from billing import runs
from billing.charging import charge_other, take_back
from billing.models import BilledCycle, Charge, Invoice, Product, Series, numbering
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from coworking.integrity_billing import numbers_have_no_gaps
from kit import bulk, locks
from kit.problems import Refused
from plans.models.signing import drafted
from tests import story
from tests.billing.ledger import canonical, is_sound
from tests.races.crowd import Statements, at_once, die, in_processes, losers, reasons, winners

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

only_postgresql = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time by itself"
)
KILLS = int(os.environ.get("BILLING_KILLS", "6"))
CONTRACTS = int(os.environ.get("BILLING_CONTRACTS", "40"))
ROUNDS = int(os.environ.get("RACE_ROUNDS", "1"))
MONTHS = ["2026-12-01", "2027-01-02", "2027-02-01", "2027-03-03", "2027-04-01"]


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is undone afterwards, and locks as if nothing were around it."""
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined] # as a test's transaction
    with around:
        yield
        transaction.set_rollback(True)


@pytest.fixture
def house(at):
    """Many people with contracts of all kinds, some with something on their account."""
    at("2026-11-20")
    chance = random.Random(11)
    made = story.house()
    plans = [
        story.plan(made, "Hot Desk", "250", billing_day=1),
        story.plan(made, "Desk", "310", billing_day=None, fee_due="in_advance"),
        story.plan(made, "Office", "900", billing_day=1, cycle_length=3),
        story.plan(made, "Pass", "40", billing_day=None, cycle_unit="week"),
    ]
    contracts = []
    for number in range(CONTRACTS):
        person = story.person(made, f"Person {number:04}")
        contracts.append(
            drafted(
                chance.choice(plans), person, location=made, on=story.TODAY,
                starts_on=story.TODAY - dt.timedelta(days=chance.randrange(0, 60)),
                quantity=chance.choice([1, 1, 2]), discount=Decimal(chance.choice([0, 0, 15])),
            )
        )  # fmt: skip
        if number % 4 == 0:
            charge_other(person, made, text="Key", amount=chance.choice([5, 20]), by=None)
    bulk.insert(contracts)
    return made


def billed(on: str, **how) -> None:
    with time_machine.travel(f"{on} 12:00Z", tick=False):
        report = run_billing(chunk=max(3, CONTRACTS // 25), **how)
        assert not report.failed, report.failed


def test_killed_anywhere_and_repeated_it_is_as_if_nothing_had_been(house):
    with undone():
        for on in MONTHS:
            billed(on)
        expected = canonical()
    chance = random.Random(3)
    killed = 0
    for on in MONTHS:
        for _try in range(-(-KILLS // len(MONTHS))):
            statements = Statements(
                at=chance.randrange(1, 90), then=die, before=chance.random() < 0.5
            )

            def run(on=on, statements=statements) -> None:
                with statements:
                    billed(on)

            [code] = in_processes(run)
            killed += code < 0
        billed(on)
    assert killed >= min(KILLS, 4)
    assert canonical() == expected
    is_sound()


def test_four_runs_at_once_make_what_one_would(house):
    with undone():
        for on in MONTHS[:3]:
            billed(on)
        expected = canonical()
    for on in MONTHS[:3]:
        codes = in_processes(*[lambda on=on: billed(on)] * 4)
        assert codes == [0, 0, 0, 0]
    assert canonical() == expected
    is_sound()


@only_postgresql
def test_without_the_lock_four_at_once_get_into_each_others_way(house, monkeypatch):
    """The control: the database still lets nothing through twice, but what one has done the others
    run into; with the lock nobody does."""

    def straight(keys, place, on, report, by, *, dry_run):
        with transaction.atomic():  # without a second try in halves
            runs.bill_accounts(keys, place, on, report.run, by)

    def collide() -> bool:
        return any(any(in_processes(*[lambda on=on: billed(on)] * 4)) for on in MONTHS[:4])

    monkeypatch.setattr(runs, "_bill", straight)
    with monkeypatch.context() as patch:
        patch.setattr(locks, "take", lambda **wanted: None)
        assert collide()
    assert not any(in_processes(*[lambda: billed(MONTHS[4])] * 4))
    keys = list(BilledCycle.objects.values_list("contract", "starts_on"))
    assert len(keys) == len(set(keys))


# Numbers


def issue_or_not(house, person, fails: bool) -> str:
    with transaction.atomic():
        charge_other(person, house, text="Thing", amount=10, by=None)
        made = invoice_now(person, house, by=None)
        if fails:
            transaction.set_rollback(True)
            return ""
        return str(made.number)


def issuing(house, number: int) -> list:
    chance = random.Random(number)
    people = [story.person(house) for _ in range(40)]
    fails = [chance.random() < 0.3 for _person in people]
    deeds = [
        lambda p=person, f=fail: issue_or_not(house, p, f)
        for person, fail in zip(people, fails, strict=True)
    ]
    return at_once(*deeds)


def test_many_issue_at_once_and_a_third_is_rolled_back_numbers_have_no_gaps(at):
    at("2026-11-20")
    house = story.house()
    given: list[str] = []
    for number in range(ROUNDS):
        found = issuing(house, number)
        assert not losers(found)
        given += [name for name in found if name]
    assert sorted(given) == [f"RH-{n:05}" for n in range(1, len(given) + 1)]
    assert Series.objects.get(kind="invoice").last_number == len(given)
    assert not list(numbers_have_no_gaps())


@only_postgresql
def test_without_the_counters_lock_numbers_collide(at, monkeypatch):
    """The control: the database refuses the second one."""
    at("2026-11-20")
    house = story.house()
    for kind in ("invoice", "credit_note"):
        Series.of(house, kind)
    monkeypatch.setattr(numbering, "lock", lambda locations: None)
    found = [one for number in range(3) for one in issuing(house, number)]
    assert losers(found)
    assert not list(numbers_have_no_gaps())


# One charge, one piece


def test_a_charge_that_is_taken_back_and_invoiced_at_once_is_one_or_the_other(at):
    at("2026-11-20")
    house = story.house()
    for _round in range(4 * ROUNDS):
        person = story.person(house)
        charge = charge_other(person, house, text="Thing", amount=10, by=None)
        results = at_once(
            partial(invoice_now, person, house, by=None),
            partial(take_back, charge, reason="Mistake", by=None),
        )
        assert reasons(results) <= {"nothing_to_invoice"}
        charge = Charge.objects.get(pk=charge.pk)
        assert charge.is_void != (charge.invoice is not None)
        if charge.invoice is not None:
            assert charge.invoice.settlement == "credited"


def test_fifty_want_ten_pieces(at):
    at("2026-11-20")
    house = story.house()
    product = Product.objects.offer(name="Badge", price=5, stock=10, location=house, by=None)
    people = [story.person(house) for _ in range(50)]
    deeds = [lambda p=p: Product.objects.get(pk=product.pk).sell(p, by=None) for p in people]
    results = at_once(*deeds)
    assert len(winners(results)) == 10
    assert reasons(results) == {"out_of_stock"}
    product.refresh_from_db()
    assert product.stock == 0


def test_without_looking_and_locking_the_database_still_keeps_the_stock(at, monkeypatch):
    """The control: the check of the verb and its lock are gone, the CHECK stands."""
    from billing import selling

    at("2026-11-20")
    house = story.house()
    product = Product.objects.offer(name="Badge", price=5, stock=1, location=house, by=None)
    monkeypatch.setattr(Product, "problems", lambda *args, **how: [])
    product.sell(story.person(house), by=None)
    product.refresh_from_db()
    with pytest.raises(Refused):
        selling.sell(product, story.person(house), by=None)
    assert Charge.objects.count() == 1


def test_two_payments_at_once_of_one_invoice_are_paid_and_credit(at):
    at("2026-11-20")
    house = story.house(tax_rate=0)
    person = story.person(house)
    charge_other(person, house, text="Thing", amount=100, by=None)
    invoice = invoice_now(person, house, by=None)
    deeds = [
        lambda: Invoice.objects.get(pk=invoice.pk).record_payment(amount=70, by=None)
        for _ in range(8)
    ]
    assert not losers(at_once(*deeds))
    invoice.refresh_from_db()
    assert (invoice.due, person.accounts.get().credit) == (0, 460)
    is_sound()
