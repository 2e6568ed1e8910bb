"""Member or contact: SQL and Python say the same on every date, whatever was signed."""

import datetime as dt
from collections.abc import Iterable
from itertools import pairwise

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from kit import clock
from plans.models import CallOff, Contract, Freeze, Plan
from plans.models.states import State
from spaces.models import Location
from tests import story

pytestmark = pytest.mark.django_db

FIRST = dt.date(2028, 2, 10)  # a leap day and a turn of the month lie ahead
DAYS = 20
WINDOW = [FIRST + dt.timedelta(offset) for offset in range(-1, DAYS + 3)]

offsets = st.integers(0, DAYS)


@st.composite
def contracts(draw) -> dict:
    """A contract's days, its freezes (apart from each other), and whether it was called off."""
    starts = draw(offsets)
    ends = draw(st.none() | st.integers(starts, DAYS))
    cuts = sorted(draw(st.lists(offsets, max_size=6, unique=True)))
    spans: list[tuple[int, int | None]] = list(zip(cuts[::2], cuts[1::2], strict=False))
    if spans and draw(st.booleans()):
        spans[-1] = (spans[-1][0], None)
    return {
        "starts": starts,
        "ends": ends,
        "freezes": [(first, last, draw(st.booleans())) for first, last in spans],
        "called_off": draw(st.sampled_from(["no", "no", "no", "yes", "withdrawn"])),
    }


def day(offset: int) -> dt.date:
    return FIRST + dt.timedelta(offset)


def maybe(offset: int | None) -> dt.date | None:
    return None if offset is None else day(offset)


def write(customer: Customer, plan: Plan, drawn: Iterable[dict]) -> None:
    now = clock.now()
    for one in drawn:
        contract = Contract.objects.create(
            customer=customer, plan=plan, location=customer.location,
            starts_on=day(one["starts"]), ends_on=maybe(one["ends"]), signed_on=FIRST,
        )  # fmt: skip
        for first, last, stands in one["freezes"]:
            Freeze.objects.create(
                contract=contract, from_on=day(first), until=maybe(last),
                withdrawn_at=None if stands else now,
            )  # fmt: skip
        if one["called_off"] != "no":
            withdrawn = now if one["called_off"] == "withdrawn" else None
            CallOff.objects.create(contract=contract, withdrawn_at=withdrawn)


def by_the_rule(drawn: Iterable[dict], on: dt.date) -> str:
    """The rule once more, day by day, in the plainest words."""
    for one in drawn:
        runs = one["called_off"] != "yes" and day(one["starts"]) <= on
        runs = runs and (one["ends"] is None or on <= day(one["ends"]))
        frozen = any(
            stands and day(first) <= on and (last is None or on <= day(last))
            for first, last, stands in one["freezes"]
        )
        if runs and not frozen:
            return "member"
    return "contact"


@pytest.fixture
def house():
    return story.house()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(contracts(), max_size=3), min_size=1, max_size=4))
def test_sql_and_python_agree_on_every_date_and_contacts_are_the_others(house, drawn):
    with transaction.atomic():
        plan = story.plan(house, "Hot Desk", "0")  # a plan that costs nothing still counts
        people = [story.person(house) for _one in drawn]
        for customer, signed in zip(people, drawn, strict=True):
            write(customer, plan, signed)
        everybody = {customer.pk for customer in people}
        for on in WINDOW:
            expected = {
                customer.pk
                for customer, signed in zip(people, drawn, strict=True)
                if by_the_rule(signed, on) == "member"
            }
            assert set(Customer.objects.members(on=on).values_list("pk", flat=True)) == expected
            contacts = Customer.objects.contacts(on=on).values_list("pk", flat=True)
            assert set(contacts) == everybody - expected
            assert len(contacts) == len(people) - len(expected)
            listed = Customer.objects.with_status(on=on).values_list("pk", "is_member_then")
            assert {pk for pk, member in listed if member} == expected
        for customer in Customer.objects.prefetch_related(
            "contracts__freezes", "contracts__call_offs"
        ):
            signed = drawn[[one.pk for one in people].index(customer.pk)]
            for on in WINDOW:
                assert customer.status_on(on) == by_the_rule(signed, on)
        transaction.set_rollback(True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(contracts(), min_size=1, max_size=3))
def test_a_contracts_state_is_the_same_in_sql_and_in_python(house, drawn):
    with transaction.atomic():
        customer = story.person(house)
        write(customer, story.plan(house), drawn)
        mine = list(Contract.objects.with_history())
        for on in WINDOW:
            states = dict(Contract.objects.with_state(on=on).values_list("pk", "state_then"))
            assert states == {contract.pk: contract.state_on(on) for contract in mine}
            for state in State.values if on.day % 4 == 0 else ():
                found = set(Contract.objects.in_state(state, on=on).values_list("pk", flat=True))
                expected = {pk for pk, then in states.items() if then == state}
                assert found == expected, (state, on)
        transaction.set_rollback(True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(contracts(), min_size=1, max_size=3))
def test_the_turns_of_a_customer_are_the_days_on_which_the_status_changes(house, drawn):
    with transaction.atomic():
        customer = story.person(house)
        write(customer, story.plan(house), drawn)
        expected = [
            (by_the_rule(drawn, on), on)
            for before, on in pairwise(WINDOW)
            if by_the_rule(drawn, before) != by_the_rule(drawn, on)
        ]
        assert [(turn.status, turn.on) for turn in customer.turns()] == expected
        transaction.set_rollback(True)


def test_the_last_day_counts_and_the_day_after_does_not(house):
    kim = story.person(house)
    plan = story.plan(house)
    plan.sign_up(kim, starts_on=dt.date(2027, 1, 1), ends_on=dt.date(2027, 5, 15), by=None)
    found = [kim.status_on(dt.date(2027, 5, number)) for number in (15, 16)]
    assert found == ["member", "contact"]
    assert Customer.objects.members(on=dt.date(2027, 5, 15)).get() == kim
    assert Customer.objects.contacts(on=dt.date(2027, 5, 16)).get() == kim


def test_the_members_of_a_past_day_can_be_asked_for_today(w):
    """Noor's contract has ended; on its last day she was a member."""
    last = w.noor_contract.ends_on
    assert w.noor in Customer.objects.members(on=last)
    assert w.noor in Customer.objects.contacts(on=last + dt.timedelta(1))
    assert w.noor.status == "contact"


@pytest.mark.parametrize(
    ("moment", "members"),
    [
        ("2027-05-15 11:30Z", {"London", "Auckland", "Honolulu"}),
        # It is the 16th in Auckland.
        ("2027-05-15 12:30Z", {"London", "Honolulu"}),
        ("2027-05-15 23:30Z", {"Honolulu"}),
        ("2027-05-16 10:30Z", set()),
    ],
)
def test_a_list_of_today_goes_by_each_customers_own_wall(at, moment, members):
    at("2027-01-01")
    zones = {"London": "Europe/London", "Auckland": "Pacific/Auckland",
             "Honolulu": "Pacific/Honolulu"}  # fmt: skip
    for name, zone in zones.items():
        place = story.house(name=name, timezone=zone)
        person = story.person(place, full_name=name)
        story.plan(place).sign_up(person, ends_on=dt.date(2027, 5, 15), by=None)
    at(moment)
    todays = Location.objects.all().todays()
    found = Customer.objects.members(on=todays).values_list("full_name", flat=True)
    assert set(found) == members
    others = Customer.objects.contacts(on=todays).values_list("full_name", flat=True)
    assert set(others) == set(zones) - members
    assert {c.full_name for c in Customer.objects.all() if c.status == "member"} == members


def test_the_process_zone_is_no_part_of_it(w, settings):
    with timezone.override("Pacific/Kiritimati"):
        assert w.ada.status == "member"
