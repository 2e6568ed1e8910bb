"""The roll, killed anywhere, disturbed anywhere, or run by four at once: always the same ledger."""

import contextlib
import random

import pytest
from django.db import connection, transaction

from customers.models import Customer, StatusChange, TimelineEntry
from kit import locks
from plans import announcements
from plans.announcements import roll
from plans.models import Contract, ContractEvent, HeldAnnouncement
from tests import story
from tests.races.contracts import DAY, PEOPLE
from tests.races.crowd import Statements, die, in_processes

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

UNTIL = story.TODAY + 60 * DAY


@pytest.fixture
def crowd(coming_contracts, monkeypatch):
    """A roll takes the people of `races/contracts.py` five at a time."""
    monkeypatch.setattr(announcements, "CHUNK", 5)


def ledger() -> list[tuple]:
    """Everything that was announced, in the order in which each customer was told."""
    told = ("became_member", "became_contact")
    entries = TimelineEntry.objects.filter(kind__in=told).order_by("customer", "pk")
    return [
        *ContractEvent.objects.order_by("contract__customer", "pk").values_list(
            "contract", "kind", "on", "generation", "withdrawn_at"
        ),
        *StatusChange.objects.order_by("customer", "pk").values_list(
            "customer", "on", "status", "generation", "cause_id", "correction", "withdrawn_at"
        ),
        *entries.values_list("customer", "kind", "on", "cause_id", "text"),
        *HeldAnnouncement.objects.values_list("customer", "error"),
    ]


def as_if_nothing_had_been_announced() -> None:
    ContractEvent.objects.all().delete()
    StatusChange.objects.all().delete()
    HeldAnnouncement.objects.all().delete()
    TimelineEntry.objects.filter(kind__in=("became_member", "became_contact")).delete()


@pytest.fixture
def undisturbed(crowd) -> list[tuple]:
    """The ledger of a roll that nobody disturbs; everything is as before it again."""
    roll(on=UNTIL)
    written = ledger()
    assert len(written) > 4 * PEOPLE
    as_if_nothing_had_been_announced()
    return written


def statements_of_a_roll() -> int:
    with Statements() as counted:
        roll(on=UNTIL)
    as_if_nothing_had_been_announced()
    return counted.count


def killed_roll(point: int, *, before: bool) -> int:
    def run() -> None:
        with Statements(at=point, then=die, before=before):
            roll(on=UNTIL)

    [code] = in_processes(run)
    return code


def test_a_roll_killed_at_fifty_points_and_repeated_leaves_the_same_ledger(undisturbed):
    chance = random.Random(50)
    count = statements_of_a_roll()
    half_done = 0
    for _time in range(50):
        point, before = chance.randint(1, count), chance.random() < 0.5
        assert killed_roll(point, before=before) == -9
        half_done += 0 < ContractEvent.objects.count() < len(undisturbed)
        if chance.random() < 0.3:
            killed_roll(chance.randint(1, count), before=before)
        roll(on=UNTIL)
        assert ledger() == undisturbed, f"killed at statement {point} of {count}"
        as_if_nothing_had_been_announced()
    assert half_done > 20, "most of the kills must have come in the middle"


def test_a_roll_without_transactions_would_not_survive_being_killed(undisturbed, monkeypatch):
    """The control of the test above: it can tell a torn ledger."""
    count = statements_of_a_roll()
    chance = random.Random(51)
    torn = 0
    for _time in range(12):
        with monkeypatch.context() as patch:
            patch.setattr(announcements.transaction, "atomic", contextlib.nullcontext)
            patch.setattr(locks, "take", lambda **wanted: None)
            killed_roll(chance.randint(count // 4, count), before=True)
        roll(on=UNTIL)
        torn += ledger() != undisturbed
        as_if_nothing_had_been_announced()
    assert torn


def test_a_database_that_fails_at_any_statement_is_put_right_by_the_next_roll(undisturbed):
    class Failure(Exception):
        pass

    def fail() -> None:
        raise Failure("the database is out to lunch")

    chance = random.Random(52)
    count = statements_of_a_roll()
    for _time in range(25):
        point = chance.randint(1, count)
        with (
            contextlib.suppress(Failure, transaction.TransactionManagementError),
            Statements(at=point, then=fail, before=chance.random() < 0.5),
        ):
            roll(on=UNTIL)
        roll(on=UNTIL)
        assert ledger() == undisturbed, f"failed at statement {point} of {count}"
        as_if_nothing_had_been_announced()


def test_four_rolls_at_once_do_each_thing_once(undisturbed):
    for _time in range(3):
        codes = in_processes(*[lambda: roll(on=UNTIL)] * 4)
        assert codes == [0, 0, 0, 0]
        assert ledger() == undisturbed
        as_if_nothing_had_been_announced()


def test_four_rolls_day_by_day_and_all_days_at_once_do_each_thing_once(undisturbed):
    def every_day() -> None:
        for offset in range(0, 61, 3):
            roll(on=story.TODAY + offset * DAY)

    codes = in_processes(every_day, every_day, lambda: roll(on=UNTIL), lambda: roll(on=UNTIL))
    assert codes == [0, 0, 0, 0]
    roll(on=UNTIL)
    assert sorted(map(str, ledger())) == sorted(map(str, undisturbed))


@pytest.fixture
def without_uniqueness():
    """Ledgers that would take the same row twice."""
    rules = [
        (model, constraint)
        for model in (ContractEvent, StatusChange)
        for constraint in model._meta.constraints
        if constraint.name in ("contract_event_once", "status_change_once")
    ]
    with connection.schema_editor() as editor:
        for model, constraint in rules:
            editor.remove_constraint(model, constraint)
    yield
    as_if_nothing_had_been_announced()
    with connection.schema_editor() as editor:
        for model, constraint in rules:
            editor.add_constraint(model, constraint)


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time by itself"
)
def test_without_locks_and_uniqueness_four_rolls_announce_things_twice(
    undisturbed, without_uniqueness, monkeypatch
):
    """The control: four rolls really do meet on the same customers."""
    monkeypatch.setattr(locks, "take", lambda **wanted: None)
    monkeypatch.setattr(announcements, "CHUNK", PEOPLE)
    for _time in range(5):
        in_processes(*[lambda: roll(on=UNTIL)] * 4)
        doubled = len(ledger()) > len(undisturbed)
        as_if_nothing_had_been_announced()
        if doubled:
            return
    pytest.fail("the rolls never met")


def test_the_pages_are_right_while_nothing_was_announced(crowd):
    """Status is computed: a job that is dead for weeks changes no page."""
    before = {c.pk: c.status_on(UNTIL) for c in Customer.objects.all()}
    roll(on=UNTIL)
    assert {c.pk: c.status_on(UNTIL) for c in Customer.objects.all()} == before
    assert Contract.objects.in_force(on=UNTIL).exists()
