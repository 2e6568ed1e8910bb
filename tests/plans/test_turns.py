"""The days on which a status turns, and through which contract."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from customers.models import Customer
from plans.models import Contract, Freeze
from tests import story
from tests.story import TODAY, day

DAY = timedelta(days=1)


def test_contracts_that_touch_do_not_turn(w):
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-10-01"), ends_on=day("2026-10-31"), by=w.mona)
    w.office.sign_up(w.omar, starts_on=day("2026-11-01"), ends_on=day("2026-11-30"), by=w.mona)
    assert [(turn.status, turn.on, turn.contract.plan) for turn in w.omar.turns()] == [
        ("member", day("2026-10-01"), w.hot_desk),
        ("contact", day("2026-12-01"), w.office),
    ]


def test_a_freeze_turns_twice(w):
    w.ada_contract.freeze(from_on=day("2026-11-10"), until=day("2026-11-15"), by=w.mona)
    assert [(turn.status, turn.on) for turn in w.ada.turns()][1:] == [
        ("contact", day("2026-11-10")), ("member", day("2026-11-16")),
    ]  # fmt: skip


spans = st.tuples(st.integers(0, 40), st.none() | st.integers(0, 40))


class TurnsAreTheDaysOfChange(TestCase):
    @settings(max_examples=40)
    @given(st.lists(spans, max_size=4), st.lists(spans, max_size=2))
    def test_whatever_the_contracts(self, contracts, freezes):
        house = story.house()
        desk = story.plan(house)
        kim = story.person(house)
        made = [
            Contract.objects.create(
                customer=kim, plan=desk, location=house, signed_on=TODAY,
                starts_on=TODAY + first * DAY,
                ends_on=None if length is None else TODAY + (first + length) * DAY,
            )
            for first, length in contracts
        ]  # fmt: skip
        for contract, (first, length) in zip(made, freezes, strict=False):
            start = TODAY + first * DAY
            until = None if length is None else start + length * DAY
            Freeze.objects.create(contract=contract, from_on=start, until=until)
        kim = Customer.objects.prefetch_related("contracts__freezes", "contracts__call_offs").get()
        days = [TODAY + number * DAY for number in range(-2, 90)]
        statuses = [kim.status_on(one) for one in days]
        changes = [
            (after, one)
            for before, after, one in zip(statuses, statuses[1:], days[1:], strict=False)
            if before != after
        ]
        assert [(turn.status, turn.on) for turn in kim.turns()] == changes
