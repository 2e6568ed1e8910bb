"""Two people at the same record at once: one rule holds, and each control shows that they met."""

import datetime as dt
import time

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models import QuerySet

from customers.models import Customer, StaffRole, Suspension, Team, User
from kit import edits, locks
from kit.problems import Refused
from plans.models import Contract, Freeze, signing
from tests import story
from tests.races.crowd import at_once, losers, reasons, winners

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

only_postgresql = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time by itself"
)


@pytest.fixture
def house(at):
    at("2026-11-20")
    return story.house()


def slowly(monkeypatch, module, name: str) -> None:
    """Between the check and the write there is time for the others to come in."""
    really = getattr(module, name)

    def slow(*args, **kwargs):
        result = really(*args, **kwargs)
        time.sleep(0.05)
        return result

    monkeypatch.setattr(module, name, slow)


def without_locks(monkeypatch) -> None:
    monkeypatch.setattr(locks, "take", lambda **wanted: None)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **how: self)


# The last place of a plan


def race_for_a_place(house) -> list:
    plan = story.plan(house, "Dedicated Desk", subscriber_limit=3)
    for _place in range(2):
        plan.sign_up(story.person(house), by=None)
    people = [story.person(house) for _ in range(8)]

    def sign(customer):
        return lambda: type(plan).objects.get(pk=plan.pk).sign_up(customer, by=None)

    return at_once(*[sign(customer) for customer in people])


def test_the_last_place_of_a_plan_goes_to_exactly_one(house, monkeypatch):
    slowly(monkeypatch, signing, "sign_up_problems")
    results = race_for_a_place(house)
    assert len(winners(results)) == 1
    assert reasons(results) == {"plan_full"}
    assert Contract.objects.count() == 3


@only_postgresql
def test_without_locks_the_last_place_goes_to_several(house, monkeypatch):
    slowly(monkeypatch, signing, "sign_up_problems")
    without_locks(monkeypatch)
    assert len(winners(race_for_a_place(house))) > 1


# One customer, two editors


def race_of_edits(house, *changes: dict) -> tuple[Customer, list]:
    kim = story.person(house, "Kim Doe", phone="1", city="Bath")
    seen = {"phone": "1", "city": "Bath"}

    def edit(change):
        return lambda: Customer.objects.get(pk=kim.pk).edit(change, seen=seen, by=None)

    results = at_once(*[edit(change) for change in changes])
    return Customer.objects.get(pk=kim.pk), results


def test_edits_of_different_fields_both_stay(house, monkeypatch):
    slowly(monkeypatch, edits, "check_fields")
    kim, results = race_of_edits(house, {"phone": "2"}, {"city": "Bristol"})
    assert losers(results) == []
    assert (kim.phone, kim.city, kim.version) == ("2", "Bristol", 3)


@only_postgresql
def test_without_locks_one_edit_swallows_the_other(house, monkeypatch):
    slowly(monkeypatch, edits, "check_fields")
    without_locks(monkeypatch)
    kim, results = race_of_edits(house, {"phone": "2"}, {"city": "Bristol"})
    assert losers(results) == []
    assert (kim.phone, kim.city) != ("2", "Bristol")


def test_of_two_edits_of_one_field_one_is_shown_the_others_value(house, monkeypatch):
    slowly(monkeypatch, edits, "check_fields")
    kim, results = race_of_edits(house, {"phone": "2"}, {"phone": "3"})
    [loser] = losers(results)
    assert isinstance(loser, Refused)
    assert loser.codes == ["changed_meanwhile"]
    assert f"“{kim.phone}”" in str(loser)
    assert kim.version == 2


# Owners


def race_of_owners() -> int:
    owners = [story.login(f"owner{number}@example.com", "owner") for number in range(2)]

    def end(owner):
        return lambda: User.objects.get(pk=owner.pk).end_role("owner", by=None)

    results = at_once(*[end(owner) for owner in owners])
    assert reasons(results) <= {"last_owner"}
    return sum("owner" in User.objects.get(pk=owner.pk).roles for owner in owners)


def test_two_owners_who_leave_at_once_leave_one(house, monkeypatch):
    for _time in range(5):
        assert race_of_owners() == 1
        _everybody_leaves()


def _everybody_leaves() -> None:
    StaffRole.objects.all().delete()
    EmailAddress.objects.all().delete()
    User.objects.all().delete()


@only_postgresql
def test_without_locks_two_owners_leave_nobody(house, monkeypatch):
    without_locks(monkeypatch)
    for _time in range(20):
        if race_of_owners() == 0:
            return
        _everybody_leaves()
    pytest.fail("the owners never met")


# Doors


def test_of_several_suspensions_at_once_one_stands(house):
    kim = story.person(house)

    def suspend(reason):
        return lambda: Customer.objects.get(pk=kim.pk).suspend(by=None, reason=reason)

    results = at_once(*[suspend(f"Reason {number}") for number in range(6)])
    assert len(winners(results)) == 1
    assert reasons(results) == {"already_suspended"}
    assert Suspension.objects.filter(customer=kim, lifted_at=None).count() == 1


def test_nothing_is_signed_after_a_suspension_has_committed(house, monkeypatch):
    """Either the contract came first, or it is refused: never signed by one suspended already."""
    slowly(monkeypatch, signing, "sign_up_problems")
    plan = story.plan(house)
    for _time in range(6):
        kim = story.person(house)

        def sign(kim=kim):
            return plan.sign_up(Customer.objects.get(pk=kim.pk), by=None)

        def suspend(kim=kim):
            return Customer.objects.get(pk=kim.pk).suspend(by=None, reason="Loud")

        signed, suspended = at_once(sign, suspend)
        assert isinstance(suspended, Suspension)
        told = list(kim.timeline.filter(kind__in=["signed", "suspended"]).order_by("pk"))
        kinds = [entry.kind for entry in told]
        assert kinds == (["suspended"] if isinstance(signed, Refused) else ["signed", "suspended"])


def test_the_last_place_in_a_team_goes_to_one(house):
    team = Team.objects.start("Pair", by=None, size_limit=2)
    team.add(story.person(house), by=None)
    people = [story.person(house) for _ in range(6)]

    def join(customer):
        return lambda: Team.objects.get(pk=team.pk).add(customer, by=None)

    results = at_once(*[join(customer) for customer in people])
    assert len(winners(results)) == 1
    assert reasons(results) == {"team_full"}
    assert team.memberships.filter(left_at=None).count() == 2


def test_freezes_made_at_once_stay_apart(house):
    contract = story.plan(house).sign_up(story.person(house), by=None)

    def freeze(first):
        days = {"from_on": first, "until": first + dt.timedelta(5)}
        return lambda: Contract.objects.get(pk=contract.pk).freeze(**days, by=None)

    results = at_once(*[freeze(story.TODAY + dt.timedelta(10 + number)) for number in range(6)])
    assert len(winners(results)) == 1
    assert reasons(results) == {"freezes_overlap"}
    assert Freeze.objects.count() == 1
