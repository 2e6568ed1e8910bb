"""A preview says what the deed would bring, and leaves nothing behind."""

from decimal import Decimal

import pytest

from customers.models import StatusChange, TimelineEntry
from kit.models import AuditEntry
from kit.problems import Refused
from plans import previews
from plans.models import CallOff, Contract, ContractEvent, Plan, PlanChange
from tests import story
from tests.story import TODAY, day


def everything() -> dict[str, int]:
    kinds = (Contract, ContractEvent, StatusChange, TimelineEntry, PlanChange, CallOff, AuditEntry)
    return {kind.__name__: kind.objects.count() for kind in kinds}


def test_signing_is_shown_and_nothing_is_left(w):
    before = everything()
    shown = previews.of_sign_up(w.hot_desk, w.omar, ends_on=day("2026-12-31"), by=w.mona)
    assert everything() == before
    assert (shown.status_before, shown.status) == ("contact", "member")
    assert [(turn.status, turn.on) for turn in shown.turns] == [("contact", day("2027-01-01"))]
    contract = w.hot_desk.sign_up(w.omar, ends_on=day("2026-12-31"), by=w.mona)
    assert list(contract.cycles(day("2030-01-01"))) == shown.cycles


def test_what_would_be_refused_is_refused(w):
    before = everything()
    with pytest.raises(Refused) as caught:
        previews.of_sign_up(w.hot_desk, w.viktor, by=w.mona)
    assert caught.value.codes == ["suspended"]
    assert everything() == before


def test_a_change_shows_both_sides_and_leaves_the_contract_alone(w):
    before = everything()
    shown = previews.of_change(w.ada_contract, to=w.office, starts_on=day("2026-12-11"), by=w.mona)
    assert everything() == before
    assert (w.ada_contract.ends_on, w.ada_contract.plan) == (None, w.hot_desk)
    assert (shown.last_cycle.start, shown.last_cycle.last_day) == (
        day("2026-12-01"), day("2026-12-10"),
    )  # fmt: skip
    assert shown.cycles[0].start == day("2026-12-11")


def test_a_scheduled_contract_that_changes_never_starts(w):
    contract = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
    shown = previews.of_change(contract, to=w.office, starts_on=day("2026-12-01"), by=w.mona)
    assert shown.last_cycle is None
    assert contract.state_on(TODAY) == "scheduled"


def test_a_second_contract_on_the_same_plan_is_seen_coming(w):
    preview = previews.of_sign_up(w.hot_desk, w.ada, by=w.mona)
    assert [contract.pk for contract in preview.already] == [w.ada_contract.pk]
    assert previews.of_sign_up(w.hot_desk, w.noor, by=w.mona).already == []


def test_an_ending_shows_the_last_cycle_and_leaves_the_contract_alone(w):
    before = everything()
    shown = previews.of_cancellation(w.ada_contract, last_day=day("2026-12-20"), by=w.ada.user)
    assert everything() == before
    assert w.ada_contract.ends_on is None
    assert shown.last_cycle is not None
    assert (shown.last_cycle.last_day, shown.last_cycle.days) == (day("2026-12-20"), 20)
    assert shown.last_cycle_fee == Decimal("161.29")
    assert [(turn.status, turn.on) for turn in shown.turns] == [("contact", day("2026-12-21"))]


def test_an_ending_that_is_too_early_is_refused(w):
    with pytest.raises(Refused) as caught:
        previews.of_cancellation(w.ada_contract, last_day=TODAY, by=w.ada.user)
    assert caught.value.codes == ["too_early"]


def test_a_change_credits_what_was_paid_ahead_and_asks_for_a_higher_deposit(w):
    ahead = story.plan(w.house, "Ahead", "300", billing_day=1, fee_due="in_advance", deposit=100)
    dear = story.plan(w.house, "Dear", "900", billing_day=1, deposit=250)
    contract = ahead.sign_up(w.noor, starts_on=day("2026-11-01"), by=w.mona)
    shown = previews.of_change(contract, to=dear, starts_on=day("2026-11-25"), by=w.mona)
    assert (shown.credit, shown.more_deposit) == (Decimal(60), Decimal(150))
    shown = previews.of_change(contract, to=w.hot_desk, starts_on=day("2026-12-01"), by=w.mona)
    assert (shown.credit, shown.more_deposit) == (0, 0)


def test_plans_that_are_full_are_found_as_signing_would(w):
    free = story.plan(w.house, "Free", "10", subscriber_limit=1)
    later = story.plan(w.house, "Later", "10", subscriber_limit=1)
    gone = story.plan(w.house, "Gone", "10", subscriber_limit=1)
    later.sign_up(w.ada, starts_on=day("2027-03-01"), by=w.mona)
    gone.sign_up(w.ada, starts_on=day("2026-10-01"), ends_on=day("2026-11-19"), by=w.mona)
    plans = Plan.objects.filter(location=w.house)
    assert plans.full_from(TODAY) == {later.pk}
    assert plans.full_from(day("2026-11-19")) == {later.pk, gone.pk}
    for plan in (free, later, gone):
        full = plan.taken_on_any_day(TODAY, None) >= 1
        assert full is (plan.pk in plans.full_from(TODAY))
