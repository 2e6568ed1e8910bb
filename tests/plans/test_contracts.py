import datetime as dt
from decimal import Decimal

import pytest

from customers.models import Customer, TimelineEntry
from kit.problems import Refused
from plans.models import Contract, ContractEvent
from plans.models.states import State
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db
TODAY = story.TODAY


def refused(verb, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as caught:
        verb(*args, **kwargs)
    return caught.value.codes


class TestSigningUp:
    def test_signing_copies_the_terms_of_the_day(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=TODAY, by=None)
        desk.edit({"notice_days": 90, "billing_day": 15}, by=None)
        contract.refresh_from_db()
        assert (contract.notice_days, contract.billing_day) == (0, 1)
        assert contract.location == kim.location
        assert contract.signed_on == TODAY

    def test_whoever_signs_is_a_member_at_once(self, desk, kim):
        assert kim.status == "contact"
        desk.sign_up(kim, by=None)
        assert kim.status == "member"
        assert kim.timeline.filter(kind="became_member", on=TODAY).count() == 1

    def test_a_plan_that_costs_nothing_makes_a_member(self, riverside, kim):
        story.plan(riverside, "Free", "0").sign_up(kim, by=None)
        assert kim.status == "member"

    def test_the_first_cycle_costs_its_days(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=TODAY, by=None)
        first = contract.cycles(until=day("2027-01-01"))[0]
        assert (first.start, first.end, first.days, first.of_days, first.fee, first.due_on) == (
            TODAY, day("2026-12-01"), 11, 30, Decimal("110.00"), day("2026-12-01"),
        )  # fmt: skip

    def test_an_archived_plan_takes_no_contracts_and_running_ones_go_on(self, desk, kim):
        contract = desk.sign_up(kim, by=None)
        desk.archive(by=None)
        assert refused(desk.sign_up, kim, by=None) == ["plan_archived"]
        assert contract.state_on(day("2030-01-01")) == State.ACTIVE

    def test_a_suspended_customer_signs_nothing(self, desk, kim):
        kim.suspend(by=None, reason="Loud")
        assert refused(desk.sign_up, kim, by=None) == ["suspended"]

    def test_a_full_plan_is_refused_until_somebody_has_left(self, riverside, desk, kim):
        desk.edit({"subscriber_limit": 1}, by=None)
        desk.sign_up(kim, ends_on=day("2026-12-31"), by=None)
        other = story.person(riverside)
        assert refused(desk.sign_up, other, by=None) == ["plan_full"]
        assert refused(desk.sign_up, other, starts_on=day("2026-12-31"), by=None) == ["plan_full"]
        assert desk.sign_up(other, starts_on=day("2027-01-01"), by=None).pk

    def test_a_plan_for_every_location_is_refused_in_another_currency(self, riverside, kim):
        everywhere = story.plan(None, "Anywhere", "100", currency="EUR")
        assert everywhere.sign_up(kim, by=None).location == riverside
        abroad = story.house(name="Dock", currency="JPY", timezone="Asia/Tokyo")
        codes = refused(everywhere.sign_up, story.person(abroad), by=None)
        assert codes == ["wrong_currency"]

    def test_the_last_day_does_not_lie_before_the_first(self, desk, kim):
        codes = refused(desk.sign_up, kim, starts_on=TODAY, ends_on=day("2026-11-19"), by=None)
        assert codes == ["ends_before_start"]

    def test_prices_finer_than_the_currency_are_refused(self, riverside, desk, kim):
        assert refused(desk.sign_up, kim, price="99.999", by=None) == ["price_too_fine"]
        assert refused(desk.set_price, "-1", by=None) == ["invalid_price"]

    def test_only_managers_override_prices_and_backdate(self, w):
        new = story.person(w.house)
        codes = refused(
            w.hot_desk.sign_up, new, price="10", discount=5, starts_on=day("2026-11-01"), by=w.frida
        )
        assert codes == ["needs_manager"] * 3
        assert w.hot_desk.sign_up(
            new, price="10", discount=5, starts_on=day("2026-11-01"), by=w.manager
        ).pk

    def test_a_team_pays_only_with_a_payer_and_for_its_people(self, w):
        contract = w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.mona)
        assert contract.on_behalf_of == w.team
        assert refused(w.hot_desk.sign_up, w.noor, on_behalf_of=w.team, by=w.mona) == [
            "not_in_team"
        ]
        w.lin.suspend(by=w.mona, reason="Unpaid")
        assert "payer_suspended" in refused(
            w.hot_desk.sign_up, w.omar, on_behalf_of=w.team, by=w.mona
        )

    def test_who_signs_for_a_team_must_be_allowed_to_spend_for_it(self, w):
        w.omar.user = story.login("omar@example.com")
        w.omar.save()
        mine = {"on_behalf_of": w.team, "by": w.omar.user}
        assert refused(w.hot_desk.sign_up, w.omar, **mine) == ["may_not_spend"]
        w.team.set_spending("everyone", None, by=w.lin.user)
        assert w.hot_desk.sign_up(w.omar, **mine).on_behalf_of == w.team

    def test_staff_sign_for_a_team_whoever_may_spend_in_it(self, w):
        assert w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.frida).pk

    def test_nothing_is_signed_for_an_archived_team(self, w):
        w.team.archive(by=w.mona)
        assert refused(w.hot_desk.sign_up, w.omar, on_behalf_of=w.team, by=w.mona) == [
            "team_archived"
        ]

    def test_cycles_due_before_signing_are_missed(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-09-01"), by=None)
        assert [c.start for c in contract.missed_cycles()] == [day("2026-09-01"), day("2026-10-01")]


class TestPrices:
    def test_a_price_step_beats_the_override_which_beats_the_plan(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=TODAY, price="280", by=None)
        contract.add_price_step("310", from_on=day("2027-01-01"), by=None)
        assert [c.price for c in contract.cycles(until=day("2027-02-02"))] == [280, 280, 310, 310]

    def test_a_new_plan_price_says_from_when(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=TODAY, by=None)
        desk.set_price("330", from_on=day("2026-12-15"), by=None)
        found = [c.price for c in contract.cycles(until=day("2027-01-02"))]
        assert found == [300, 300, 330]
        assert desk.price_on(TODAY) == 300
        assert desk.price_on(day("2026-12-15")) == 330

    def test_a_new_plan_price_counts_from_tomorrow_unless_said_otherwise(self, desk):
        desk.set_price("330", by=None)
        assert (desk.price_on(TODAY), desk.price_on(day("2026-11-21"))) == (300, 330)
        desk.set_price("340", by=None)  # a typing mistake is mended while it is ahead
        assert desk.price_on(day("2026-11-21")) == 340
        desk.set_price("310", from_on=TODAY, by=None)
        assert refused(desk.set_price, "320", from_on=TODAY, by=None) == ["price_set_already"]


class TestCancelling:
    def test_the_last_day_is_still_a_member_day(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-05-01"), by=None, on=day("2026-05-01"))
        contract.cancel(last_day=day("2026-05-15"), by=None, on=day("2026-05-02"))
        assert kim.status_on(day("2026-05-15")) == "member"
        assert kim.status_on(day("2026-05-16")) == "contact"

    def test_cancelling_keeps_the_earlier_last_day_and_can_be_withdrawn(self, desk, kim):
        contract = desk.sign_up(kim, ends_on=day("2027-06-30"), by=None)
        row = contract.cancel(last_day=day("2026-12-31"), by=None, reason="Moves away")
        assert (row.earlier_last_day, row.reason) == (day("2027-06-30"), "Moves away")
        assert contract.state_on(TODAY) == State.ENDING
        contract.withdraw_cancellation(by=None)
        assert contract.ends_on == day("2027-06-30")
        assert refused(contract.withdraw_cancellation, by=None) == ["not_cancelled"]

    def test_a_cancellation_cannot_be_withdrawn_once_the_last_day_has_passed(self, desk, kim):
        contract = desk.sign_up(kim, by=None)
        contract.cancel(last_day=day("2026-11-30"), by=None)
        codes = refused(contract.withdraw_cancellation, by=None, on=day("2026-12-01"))
        assert codes == ["ended"]

    def test_customers_keep_to_notice_and_minimum_term(self, w):
        contract = w.office.sign_up(
            story.person(w.house, user=story.login("self@example.com")), starts_on=TODAY, by=w.mona
        )
        own = contract.customer.user
        assert contract.earliest_last_day(on=TODAY) == day("2027-02-28")
        assert refused(contract.cancel, last_day=day("2027-02-27"), by=own) == ["too_early"]
        assert refused(contract.cancel, last_day=day("2027-02-27"), by=w.frida) == ["too_early"]
        contract.cancel(last_day=day("2027-03-15"), by=own)
        contract.cancel(last_day=day("2026-11-25"), by=w.mona)
        assert contract.ends_on == day("2026-11-25")

    def test_notice_counts_when_it_reaches_beyond_the_minimum_term(self, desk, kim):
        desk.edit({"notice_days": 30, "minimum_cycles": 1}, by=None)
        contract = desk.sign_up(kim, starts_on=TODAY, by=None)
        later = day("2027-03-10")
        assert contract.earliest_last_day(on=later) == later + dt.timedelta(30)

    def test_a_contract_that_has_not_started_is_called_off(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-12-01"), by=None)
        assert contract.state_on(TODAY) == State.SCHEDULED
        contract.call_off(by=None, reason="Found a job")
        assert contract.state_on(day("2026-12-02")) == State.CALLED_OFF
        assert kim.status_on(day("2026-12-02")) == "contact"
        assert list(contract.cycles(until=day("2028-01-01"))) == []
        assert refused(contract.cancel, last_day=day("2026-12-05"), by=None) == ["called_off"]

    def test_a_started_contract_is_not_called_off(self, desk, kim):
        assert refused(desk.sign_up(kim, by=None).call_off, by=None) == ["started"]


class TestChangingPlan:
    def test_the_day_of_change_belongs_to_the_new_plan_and_both_sides_go_by_day(self, w):
        old = w.ada_contract
        new = old.change_plan(to=w.office, starts_on=day("2026-12-11"), by=w.mona)
        assert old.ends_on == day("2026-12-10")
        assert (new.starts_on, new.plan, new.sign_up_fee) == (day("2026-12-11"), w.office, 0)
        last = list(old.cycles(until=day("2027-01-01")))[-1]
        assert (last.days, last.of_days) == (10, 31)
        assert new.cycles(until=day("2027-01-01"))[0].days == 21
        assert w.ada.status_on(day("2026-12-10")) == w.ada.status_on(day("2026-12-11")) == "member"

    def test_both_sides_are_prorated_whatever_their_settings(self, w):
        w.office.edit({"prorate_first": False}, by=w.mona)
        w.hot_desk.edit({"prorate_last": False}, by=w.mona)
        old = w.hot_desk.sign_up(w.omar, starts_on=day("2026-11-01"), by=w.mona)
        new = old.change_plan(to=w.office, starts_on=day("2026-12-11"), by=w.mona)
        assert list(old.cycles(until=day("2027-01-01")))[-1].days == 10
        assert new.cycles(until=day("2027-01-01"))[0].days == 21
        old.withdraw_change(by=w.mona)
        assert old.prorate_last is False

    def test_a_future_change_can_be_withdrawn(self, w):
        old = w.ada_contract
        new = old.change_plan(to=w.office, starts_on=day("2026-12-11"), by=w.mona)
        old.withdraw_change(by=w.mona)
        new = Contract.objects.get(pk=new.pk)
        assert old.ends_on is None
        assert new.state_on(day("2026-12-11")) == State.CALLED_OFF
        assert refused(old.withdraw_change, by=w.mona) == ["no_change"]
        assert old.change_plan(to=w.office, starts_on=day("2026-12-12"), by=w.mona).pk

    def test_a_change_that_has_come_stays(self, w):
        old = w.ada_contract
        old.change_plan(to=w.office, starts_on=TODAY, by=w.mona)
        assert refused(old.withdraw_change, by=w.mona) == ["change_has_come"]

    def test_a_scheduled_contract_is_called_off_and_comes_back(self, w):
        old = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        new = old.change_plan(to=w.office, starts_on=day("2026-12-01"), by=w.mona)
        assert old.state_on(TODAY) == State.CALLED_OFF
        new.withdraw_change(by=w.mona)
        assert Contract.objects.get(pk=old.pk).state_on(TODAY) == State.SCHEDULED

    def test_a_change_lies_after_the_first_day_and_keeps_no_second_one(self, w):
        old = w.hot_desk.sign_up(w.omar, starts_on=TODAY, by=w.mona)
        codes = refused(old.change_plan, to=w.office, starts_on=TODAY, by=w.mona)
        assert codes == ["not_after_start"]
        old.change_plan(to=w.office, starts_on=day("2026-12-01"), by=w.mona)
        assert refused(old.cancel, last_day=day("2026-11-25"), by=w.mona) == ["plan_changes"]
        assert refused(old.withdraw_cancellation, by=w.mona) == ["plan_changes"]


class TestFreezing:
    def test_frozen_days_make_a_contact_and_cost_nothing(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        contract.freeze(from_on=day("2026-11-25"), until=day("2026-11-30"), by=None)
        assert kim.status_on(day("2026-11-24")) == "member"
        assert kim.status_on(day("2026-11-25")) == "contact"
        assert kim.status_on(day("2026-12-01")) == "member"
        assert contract.cycles(until=day("2027-01-01"))[0].fee == Decimal("240.00")

    def test_another_contract_keeps_the_member(self, riverside, desk, kim):
        contract = desk.sign_up(kim, by=None)
        story.plan(riverside, "Virtual", "20").sign_up(kim, by=None)
        contract.freeze(from_on=TODAY, by=None)
        assert kim.status == "member"

    def test_freezes_of_one_contract_never_overlap(self, desk, kim):
        contract = desk.sign_up(kim, by=None)
        contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-10"), by=None)
        for from_on, until in [("2026-12-10", "2026-12-20"), ("2026-11-25", "2026-12-01")]:
            assert refused(contract.freeze, from_on=day(from_on), until=day(until), by=None) == [
                "freezes_overlap"
            ]
        assert contract.freeze(from_on=day("2026-12-11"), by=None).until is None

    def test_resuming_says_the_first_day_billed_again(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        contract.freeze(from_on=day("2026-11-10"), by=None)
        assert kim.status == "contact"
        freeze = contract.resume(on=TODAY, by=None)
        assert freeze.until == day("2026-11-19")
        assert kim.status == "member"
        assert refused(contract.resume, on=day("2026-12-01"), by=None) == ["not_frozen"]

    def test_resuming_on_the_first_frozen_day_takes_the_freeze_back(self, desk, kim):
        contract = desk.sign_up(kim, by=None)
        contract.freeze(from_on=day("2026-12-01"), by=None)
        contract.resume(on=day("2026-12-01"), by=None)
        assert kim.status_on(day("2026-12-01")) == "member"
        assert contract.freeze(from_on=day("2026-12-01"), by=None).pk

    def test_customers_freeze_within_the_days_of_their_plan(self, w):
        own = w.ada.user
        contract = w.ada_contract
        codes = refused(contract.freeze, from_on=day("2026-12-01"), until=day("2026-12-31"), by=own)
        assert codes == ["freeze_days_used"]
        assert refused(contract.freeze, from_on=day("2026-12-01"), by=own) == ["last_day_missing"]
        assert refused(
            contract.freeze, from_on=day("2026-11-01"), until=day("2026-11-02"), by=own
        ) == ["from_past"]
        contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-30"), by=own)
        contract.freeze(from_on=day("2027-01-01"), until=day("2027-01-30"), by=own)
        assert refused(
            contract.freeze, from_on=day("2027-02-01"), until=day("2027-02-01"), by=own
        ) == ["freeze_days_used"]

    def test_a_frozen_contract_can_be_cancelled(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        contract.freeze(from_on=day("2026-11-10"), by=None)
        assert contract.cancel(last_day=day("2026-12-31"), by=None).pk


def test_the_state_in_sql_is_the_state_in_python(w):
    w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-10"), by=w.mona)
    w.lin_contract.cancel(last_day=day("2027-01-15"), by=w.mona)
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-05"), by=w.mona).call_off(by=w.mona)
    for offset in range(-250, 120, 3):
        on = TODAY + dt.timedelta(offset)
        listed = dict(Contract.objects.with_state(on=on).values_list("pk", "state_then"))
        for contract in Contract.objects.all():
            state = contract.state_on(on)
            assert listed[contract.pk] == state
            assert Contract.objects.in_state(state, on=on).filter(pk=contract.pk).exists()
        in_force = Contract.objects.in_force(on=on)
        members = set(Customer.objects.members(on=on))
        assert members == {contract.customer for contract in in_force}
        assert members == {c for c in Customer.objects.all() if c.status_on(on) == "member"}
        assert set(Customer.objects.contacts(on=on)) == set(Customer.objects.all()) - members


def test_the_database_itself_refuses_freezes_that_overlap(desk, kim):
    from django.db import IntegrityError, transaction

    contract = desk.sign_up(kim, by=None)
    first = contract.freezes.create(from_on=day("2026-12-01"), until=day("2026-12-10"))
    later = contract.freezes.create(from_on=day("2026-12-11"), until=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        contract.freezes.create(from_on=day("2027-12-10"), until=day("2027-12-20"))
    with pytest.raises(IntegrityError), transaction.atomic():
        type(first).objects.filter(pk=first.pk).update(until=day("2026-12-11"))
    type(later).objects.filter(pk=later.pk).update(from_on=day("2026-12-12"))
    type(first).objects.filter(pk=first.pk).update(until=day("2026-12-11"))


def test_the_timeline_tells_every_change_with_its_date_and_cause(w):
    told = [(e.kind, e.on.isoformat()) for e in w.noor.timeline.order_by("on", "id")]
    Kind = TimelineEntry.Kind  # noqa: N806
    assert (Kind.BECAME_MEMBER, "2026-08-22") in told
    assert (Kind.BECAME_CONTACT, "2026-11-11") in told
    assert w.noor.timeline.get(kind=Kind.BECAME_CONTACT).text == "Contract Hot Desk ended"


def test_the_ledger_holds_what_happened_and_nothing_ahead(w):
    events = ContractEvent.objects.filter(contract=w.noor_contract)
    assert [(e.kind, e.on.isoformat()) for e in events] == [
        ("started", "2026-08-22"),
        ("ended", "2026-11-11"),
    ]


class TestWhatMustNotSlipThrough:
    def test_a_full_plan_stays_full_when_contracts_are_prolonged(self, riverside, desk, kim, at):
        desk.edit({"subscriber_limit": 1}, by=None)
        first = desk.sign_up(kim, ends_on=day("2026-11-30"), by=None)
        desk.sign_up(story.person(riverside), starts_on=day("2026-12-01"), by=None)
        assert refused(first.cancel, last_day=day("2027-12-31"), by=None) == ["plan_full"]
        first.cancel(last_day=day("2026-11-25"), by=None)
        assert first.withdraw_cancellation(by=None).withdrawn_at

    def test_a_full_plan_stays_full_when_a_change_is_withdrawn(self, riverside, desk, kim):
        desk.edit({"subscriber_limit": 1}, by=None)
        other = story.plan(riverside, "Other", "10")
        first = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        new = first.change_plan(to=other, starts_on=day("2026-12-01"), by=None)
        desk.sign_up(story.person(riverside), starts_on=day("2026-12-01"), by=None)
        assert refused(first.withdraw_change, by=None) == ["plan_full"]
        assert refused(new.withdraw_change, by=None) == ["plan_full"]

    def test_a_customer_cannot_prolong_a_fixed_term_by_cancelling_it(self, w):
        own = w.ada.user
        contract = w.hot_desk.sign_up(w.ada, ends_on=day("2027-03-31"), by=w.mona)
        codes = refused(contract.cancel, last_day=day("2027-12-31"), by=own)
        assert codes == ["after_end"]
        assert contract.cancel(last_day=day("2027-01-31"), by=own).pk

    def test_signing_goes_by_what_is_true_under_the_lock(self, w):
        stale = Customer.objects.get(pk=w.omar.pk)
        w.omar.archive(by=w.mona)
        assert refused(w.hot_desk.sign_up, stale, by=w.mona) == ["customer_archived"]
        w.omar.restore(by=w.mona)
        stale = Customer.objects.prefetch_related("suspensions").get(pk=w.omar.pk)
        assert stale.suspension is None
        w.omar.suspend(by=w.mona, reason="Loud")
        assert refused(w.hot_desk.sign_up, stale, by=w.mona) == ["suspended"]

    def test_a_customer_at_hand_is_a_member_at_once(self, desk, kim):
        at_hand = Customer.objects.prefetch_related("contracts").get(pk=kim.pk)
        assert at_hand.status == "contact"
        desk.sign_up(at_hand, by=None)
        assert at_hand.status == "member"

    def test_customers_take_back_only_what_they_may(self, w):
        own = w.ada.user
        w.hot_desk.edit({"self_cancel": False}, by=w.mona)
        later = w.hot_desk.sign_up(w.ada, starts_on=day("2026-12-20"), by=w.mona)
        assert refused(later.call_off, by=own) == ["self_cancel_off"]
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        assert refused(w.ada_contract.withdraw_cancellation, by=own) == ["staff_cancelled"]
        codes = refused(w.ada_contract.add_price_step, "1", from_on=day("2027-01-01"), by=own)
        assert codes == ["needs_manager"]
        assert refused(w.office.sign_up, w.ada, by=own) == ["not_offered"]

    def test_a_change_of_plan_keeps_customers_to_their_minimum_term(self, w):
        contract = w.office.sign_up(
            story.person(w.house, user=story.login("self@example.com")), by=w.mona
        )
        codes = refused(
            contract.change_plan, to=w.hot_desk, starts_on=day("2026-12-01"),
            by=contract.customer.user,
        )  # fmt: skip
        assert codes == ["too_early"]

    def test_a_change_of_a_coming_change_is_withdrawn_first(self, riverside, desk, kim):
        second, third = (story.plan(riverside, name, "10") for name in ("Second", "Third"))
        first = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        new = first.change_plan(to=second, starts_on=day("2026-12-01"), by=None)
        codes = refused(new.change_plan, to=third, starts_on=day("2026-12-15"), by=None)
        assert codes == ["plan_changes"]
        assert "change_plan" not in new.deeds(on=TODAY)

    def test_a_cancellation_goes_along_with_a_change_of_plan(self, riverside, desk, kim):
        second = story.plan(riverside, "Second", "10")
        first = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
        first.cancel(last_day=day("2027-01-31"), by=None)
        new = first.change_plan(to=second, starts_on=day("2026-12-01"), by=None)
        assert new.ends_on == day("2027-01-31")
        new.withdraw_cancellation(by=None)
        assert new.ends_on is None

    def test_a_withdrawal_does_not_end_a_contract_in_the_past(self, desk, kim):
        contract = desk.sign_up(kim, ends_on=day("2026-11-25"), by=None)
        contract.cancel(last_day=day("2026-12-31"), by=None)
        codes = refused(contract.withdraw_cancellation, by=None, on=day("2026-12-05"))
        assert codes == ["earlier_last_day_passed"]

    @pytest.mark.parametrize("length", [501, 5000])
    def test_long_reasons_are_refused_in_words(self, desk, kim, length):
        contract = desk.sign_up(kim, by=None)
        reason = "x" * length
        assert refused(contract.cancel, last_day=TODAY, reason=reason, by=None) == ["max_length"]
        assert refused(kim.suspend, reason=reason, by=None) == ["max_length"]
        assert refused(kim.suspend, reason="x", cause="fraud", by=None) == ["invalid_choice"]
        assert "invalid" in refused(desk.sign_up, kim, discount="abc", by=None)

    def test_a_freeze_before_the_contract_is_refused(self, desk, kim):
        contract = desk.sign_up(kim, starts_on=day("2026-12-01"), by=None)
        codes = refused(
            contract.freeze, from_on=day("2026-11-01"), until=day("2026-11-30"), by=None
        )
        assert codes == ["before_start"]

    def test_whoever_writes_a_customer_directly_keeps_to_the_rules(self, riverside):
        from django.db import IntegrityError, transaction

        for wrong in (
            {"type": "company", "company_name": "X", "full_name": ""},
            {"type": "company", "company_name": "  ", "full_name": "A"},
            {"type": "person", "full_name": "A"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Customer.objects.create(location=riverside, email="a@example.com", **wrong)
        zed = Customer.objects.create(
            location=riverside, type="individual", full_name=" Zed ", email="Zed@Example.COM"
        )
        assert (zed.full_name, zed.email) == ("Zed", "zed@example.com")
