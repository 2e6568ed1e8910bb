"""Locks are taken in one order, in one call, and end with what the database ends them with."""

from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from kit import locks
from kit.locks import LockedTwice, born, take
from tests import story

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """What rolls a savepoint back."""


@pytest.fixture
def people():
    house = story.house()
    return [story.person(house) for _ in range(3)]


def tables_locked(queries) -> list[str]:
    return [
        table
        for query in queries
        for table in ("customers_customer", "customers_team", "plans_plan", "plans_contract")
        if query["sql"].startswith(f'SELECT "{table}"."id"') and "FROM" in query["sql"]
    ]


def test_locks_are_taken_in_the_houses_order_whatever_the_callers(w):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        take(contracts=[w.ada_contract], plans=[w.hot_desk], teams=[w.team.pk], customers=[w.ada])
    assert tables_locked(queries) == [
        "customers_customer", "customers_team", "plans_plan", "plans_contract",
    ]  # fmt: skip
    if connection.vendor == "postgresql":
        assert sum("FOR NO KEY UPDATE" in query["sql"] for query in queries) == 4


def test_rows_of_one_kind_are_locked_by_key(people):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        take(customers=reversed(people))
    [query] = [q["sql"] for q in queries if "customers_customer" in q["sql"]]
    assert query.index("ORDER BY") > query.index("WHERE")
    assert '"customers_customer"."id" ASC' in query or "ORDER BY 1 ASC" in query


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_there_is_nothing_to_hold_a_lock():
    with pytest.raises(TransactionManagementError):
        take(customers=[1])


def test_a_second_call_for_more_is_a_mistake(people):
    one, two, _three = people
    with transaction.atomic():
        take(customers=[one])
        with pytest.raises(LockedTwice):
            take(customers=[one, two])


def test_a_verb_called_by_a_page_locks_what_comes_after_the_pages_own_lock(w):
    with transaction.atomic():
        take(users=[w.ada.user])
        take(customers=[w.ada])
        take(plans=[w.hot_desk])
        with pytest.raises(LockedTwice):
            take(teams=[w.team])
        with pytest.raises(LockedTwice):
            take(users=[w.mona])


def test_in_production_a_second_call_locks_instead_of_failing(people, settings):
    settings.STRICT_LOCKS = False
    one, two, _three = people
    with transaction.atomic():
        take(customers=[one])
        with CaptureQueriesContext(connection) as queries:
            take(customers=[two])
        assert any("customers_customer" in query["sql"] for query in queries)


def test_taking_what_is_held_already_asks_nothing(people):
    one, two, _three = people
    with transaction.atomic():
        take(customers=[one, two])
        with CaptureQueriesContext(connection) as queries:
            take(customers=[two.pk])
            take(customers=[one, two])
            take(customers=[])
        assert len(queries) == 0


def test_a_verb_called_by_a_verb_finds_its_rows_held(people):
    @transaction.atomic
    def inner(customer):
        take(customers=[customer])

    @transaction.atomic
    def outer(customers):
        take(customers=customers)
        for customer in customers:
            inner(customer)

    outer(people)


def test_locks_end_with_the_transaction(people):
    for customer in people:
        with transaction.atomic():
            take(customers=[customer])


@pytest.mark.django_db(transaction=True)
def test_locks_end_with_the_outermost_transaction_only(people):
    one, two, _three = people
    with transaction.atomic():
        with transaction.atomic():
            take(customers=[one])
        with pytest.raises(LockedTwice):
            take(customers=[two])
    with transaction.atomic():
        take(customers=[two])


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_savepoint_that_is_rolled_back_lets_its_locks_go(people, wrapped):
    one, two, _three = people

    def body():
        with suppress(Undone), transaction.atomic():
            take(customers=[one])
            raise Undone
        with CaptureQueriesContext(connection) as queries:
            take(customers=[one, two])
        assert len(queries) == 1

    if wrapped:
        with transaction.atomic():
            body()
    else:
        # Two savepoints deep.
        with transaction.atomic(), transaction.atomic():
            body()


def test_a_lock_taken_before_a_savepoint_outlives_its_rollback(people):
    one, two, _three = people
    with transaction.atomic():
        take(customers=[one])
        with suppress(Undone), transaction.atomic():
            take(customers=[one])
            raise Undone
        with pytest.raises(LockedTwice):
            take(customers=[two])


def test_a_row_just_made_counts_as_held_and_still_leaves_the_one_call(people):
    one, *_others = people
    with transaction.atomic():
        made = story.person(one.location)
        born(customers=made)
        take(customers=[made, one])
        with pytest.raises(LockedTwice):
            take(customers=[_others[0]])


def test_keys_that_do_not_exist_are_passed_over():
    with transaction.atomic():
        take(customers=[10**9])


def test_an_unknown_name_is_a_mistake():
    with pytest.raises(ValueError, match="horses"), transaction.atomic():
        take(horses=[1])
    with pytest.raises(ValueError, match="horses"):
        locks.register(horses=Customer)


def test_in_a_database_that_nobody_uses_yet_locks_mean_nothing(people):
    with locks.nobody_else():
        with CaptureQueriesContext(connection) as queries:
            take(customers=people)
            take(customers=[10**9])
        assert len(queries) == 0
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        take(customers=people)
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_the_database_gave_up_is_repeated_as_a_whole():
    from django.db import OperationalError

    tried = []

    def verb():
        tried.append(1)
        if len(tried) < 3:
            raise OperationalError("deadlock detected") from Broken()
        return "done"

    class Broken(Exception):
        sqlstate = "40P01"

    assert locks.retry_on_deadlock(verb)() == "done"
    assert len(tried) == 3

    tried.clear()
    with pytest.raises(OperationalError), transaction.atomic():
        locks.retry_on_deadlock(verb)()
    assert len(tried) == 1, "inside a transaction nothing can be repeated"

    tried.clear()
    Broken.sqlstate = "57014"
    with pytest.raises(OperationalError):
        locks.retry_on_deadlock(verb)()
    assert len(tried) == 1


@pytest.mark.django_db(transaction=True)
def test_a_long_job_pauses_between_transactions_on_sqlite_only(monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(locks.time, "sleep", pauses.append)
    with transaction.atomic():
        locks.let_others_write()
    assert pauses == []
    locks.let_others_write()
    assert pauses == ([locks.BREATH] if connection.vendor == "sqlite" else [])
