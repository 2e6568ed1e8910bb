"""A preview says what the deed would bring, and leaves nothing behind."""

import pytest

from customers.models import StatusChange, TimelineEntry
from kit.models import AuditEntry
from kit.problems import Refused
from plans import previews
from plans.models import CallOff, Contract, ContractEvent, PlanChange
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
