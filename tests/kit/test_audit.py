"""The audit log is a chain: what was tampered with shows, what was erased does not break it."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import audit, guards
from kit.models import AuditEntry
from tests import story

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona(db):
    return story.login("mona@example.com", "owner")


@pytest.fixture
def chain(mona):
    """Five sealed rows; the first ones came with Mona's login."""
    for number in range(5):
        audit.record(
            f"deed.{number}", mona, by=mona,
            changes={"price": [Decimal("1.50"), Decimal("2.00")], "on": [None, story.TODAY]},
            personal={"email": ["old@example.com", f"new{number}@example.com"]},
        )  # fmt: skip
    audit.seal()
    assert audit.broken() == []
    return AuditEntry.objects.order_by("place")


@pytest.fixture
def without_guards():
    """Somebody with the database's own rights."""
    guards.down()
    yield
    guards.up()


def test_a_row_says_who_did_what_to_what_with_old_and_new(mona, chain):
    entry = chain.get(verb="deed.3")
    assert (entry.by_id, entry.kind, entry.object_id) == (mona.pk, "customers.user", mona.pk)
    assert entry.changes == {"price": ["1.50", "2.00"], "on": [None, "2026-11-20"]}
    assert entry.personal == {"email": ["old@example.com", "new3@example.com"]}


def test_a_record_that_was_chosen_is_kept_as_its_key(mona):
    here, there = story.house(), story.house(name="Eastside")
    ada = story.person(here, "Ada Lovelace")
    ada.edit({"location": there}, by=mona)
    entry = AuditEntry.objects.get(verb="customer.edit", object_id=ada.pk)
    assert entry.changes == {"location": [here.pk, there.pk]}


def test_a_row_is_written_with_its_cause_or_not_at_all(mona):
    with transaction.atomic():
        audit.record("deed", mona, by=None)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.filter(verb="deed").exists()


def test_rows_are_sealed_in_order_and_once(chain):
    places = list(chain.values_list("place", flat=True))
    assert places == list(range(1, len(places) + 1))
    assert audit.seal() == 0


def test_sealing_goes_on_where_it_stopped(mona):
    for number in range(7):
        audit.record(f"deed.{number}", mona, by=None)
    waiting = AuditEntry.objects.filter(place=None).count()
    assert audit.seal(limit=4) == 4
    assert audit.seal(limit=100) == waiting - 4
    assert audit.broken() == []


def test_the_system_may_have_done_it(mona):
    assert audit.record("deed", mona, by=None).by_id is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("verb", "another.deed"),
        ("by_id", 10**6),
        ("object_id", 10**6),
        ("at", dt.datetime(1999, 1, 1, tzinfo=dt.UTC)),
        ("changes", {"price": ["1.50", "1.50"]}),
        ("digest", "0" * 64),
        ("seal", "0" * 64),
    ],
)
def test_whatever_is_changed_afterwards_shows(chain, without_guards, column, value):
    victim = chain[2]
    AuditEntry.objects.filter(pk=victim.pk).update(**{column: value})
    assert any(f"row {victim.place} of the audit log" in text for text in audit.broken())


def test_a_changed_personal_value_shows(chain, without_guards):
    victim = chain.exclude(personal=None).last()
    AuditEntry.objects.filter(pk=victim.pk).update(personal={"email": ["a@b.example", "c"]})
    assert audit.broken() == [
        f"personal values in row {victim.place} of the audit log were changed"
    ]


def test_a_row_that_was_taken_out_shows(chain, without_guards):
    victim = chain[2]
    AuditEntry.objects.filter(pk=victim.pk).delete()
    assert f"the audit log lacks row {victim.place}" in audit.broken()


def test_rows_that_changed_places_show(chain, without_guards):
    first, second = chain[1], chain[2]
    AuditEntry.objects.filter(pk=first.pk).update(place=10**6)
    AuditEntry.objects.filter(pk=second.pk).update(place=first.place)
    AuditEntry.objects.filter(pk=first.pk).update(place=second.place)
    assert audit.broken()


def test_a_row_sealed_over_with_the_right_arithmetic_breaks_the_rows_after_it(
    chain, without_guards
):
    """Whoever knows the formula has to rewrite everything that came later."""
    victim, before = chain[2], chain[1]
    victim.verb = "another.deed"
    victim.seal = audit._seal(victim, victim.place, before.seal)
    victim.save()
    assert audit.broken() == [f"row {victim.place + 1} of the audit log is not as it was written"]


def test_erasing_personal_values_keeps_the_chain_whole(chain):
    erased = chain.exclude(personal=None)
    count = erased.count()
    assert count
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kit_auditentry SET personal = NULL, erased_at = %s", [now])
    assert audit.broken() == []
    assert not erased.exists()


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.decimals(allow_nan=False, places=4)
    | st.dates() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(words, st.lists(values, min_size=2, max_size=2), max_size=3))
def test_whatever_a_database_makes_of_the_values_the_chain_holds(mona, given_values):
    """PostgreSQL keeps JSON in a form of its own: other numbers, other order."""
    with transaction.atomic():
        audit.record("deed", mona, by=None, changes=given_values, personal=given_values)
        audit.seal()
        found = audit.broken()
        transaction.set_rollback(True)
    assert found == []
