"""What customers may decide themselves, in the portal, and what only staff decide."""

from decimal import Decimal

import pytest

from customers.models import Team
from kit.models import AuditEntry
from kit.problems import Refused
from tests import story
from tests.story import TODAY, day


def refused(deed, **what) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed(**what)
    return caught.value.codes


class TestTerms:
    @pytest.fixture
    def strict(self, w):
        return story.plan(
            w.house, "Strict Desk", "100", offered_in_portal=True, accept_terms="No dogs."
        )

    def test_they_are_accepted_word_for_word(self, w, strict):
        by = w.noor.user
        codes = ["terms_not_accepted"]
        assert refused(strict.sign_up, customer=w.noor, by=by) == codes
        assert refused(strict.sign_up, customer=w.noor, by=by, accepted_terms="No cats.") == codes
        contract = strict.sign_up(w.noor, by=by, accepted_terms="No dogs.")
        entry = AuditEntry.objects.get(verb="contract.sign", object_id=contract.pk)
        assert entry.changes["accepted_terms"] == [None, "No dogs."]

    def test_staff_sign_without(self, w, strict):
        contract = strict.sign_up(w.noor, by=w.frida)
        entry = AuditEntry.objects.get(verb="contract.sign", object_id=contract.pk)
        assert "accepted_terms" not in entry.changes

    def test_a_change_of_plan_accepts_them_too(self, w, strict):
        what = {"to": strict, "starts_on": day("2026-12-01"), "by": w.ada.user}
        assert refused(w.ada_contract.change_plan, **what) == ["terms_not_accepted"]
        w.ada_contract.change_plan(**what, accepted_terms="No dogs.")
        entry = AuditEntry.objects.get(verb="contract.change_plan")
        assert entry.changes["accepted_terms"] == [None, "No dogs."]


class TestOnePlanAtATime:
    def test_a_customer_does_not_sign_a_plan_twice_for_the_same_days(self, w):
        again = {"customer": w.ada, "by": w.ada.user}
        assert refused(w.hot_desk.sign_up, **again) == ["on_plan_already"]
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        assert refused(w.hot_desk.sign_up, **again) == ["on_plan_already"]
        w.hot_desk.sign_up(**again, starts_on=day("2027-01-01"))

    def test_staff_may(self, w):
        assert w.hot_desk.sign_up(w.ada, by=w.frida)

    def test_nor_by_changing_to_it(self, w):
        other = story.plan(w.house, "Evening Desk", "90", offered_in_portal=True)
        contract = other.sign_up(w.ada, by=w.ada.user)
        codes = refused(
            contract.change_plan, to=w.hot_desk, starts_on=day("2026-12-01"), by=w.ada.user
        )
        assert codes == ["on_plan_already"]


def test_why_the_payer_is_suspended_is_not_told_to_a_team_mate(w):
    w.lin.suspend(by=w.mona, reason="Owes us a fortune")
    w.omar.user = story.login("omar@example.com")
    w.omar.save()
    Team.objects.filter(pk=w.team.pk).update(spending=Team.Spending.EVERYONE)
    with pytest.raises(Refused) as caught:
        w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.omar.user)
    assert caught.value.codes == ["payer_suspended"]
    assert "fortune" not in str(caught.value)
    with pytest.raises(Refused, match="fortune"):
        w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.frida)


class TestChangingPlan:
    @pytest.fixture
    def evening(self, w):
        return story.plan(w.house, "Evening Desk", "90", offered_in_portal=True)

    def test_whoever_may_not_cancel_may_not_change_away_either(self, w, evening):
        evening.edit({"self_cancel": False}, by=w.mona)
        contract = evening.sign_up(w.noor, by=w.noor.user)
        what = {"to": w.hot_desk, "starts_on": day("2026-12-01")}
        assert refused(contract.change_plan, **what, by=w.noor.user) == ["self_cancel_off"]
        assert contract.change_plan(**what, by=w.frida)

    def test_customers_take_back_what_they_changed_themselves(self, w, evening):
        what = {"to": evening, "starts_on": day("2026-12-01")}
        new = w.ada_contract.change_plan(**what, by=w.frida)
        assert refused(new.withdraw_change, by=w.ada.user) == ["staff_changed"]
        new.withdraw_change(by=w.frida)
        w.ada_contract.change_plan(**what, by=w.ada.user)
        w.ada_contract.withdraw_change(by=w.ada.user)
        assert w.ada_contract.state_on(day("2026-12-01")) == "active"


class TestEndingAFreeze:
    def test_of_their_own_and_not_in_the_past(self, w):
        w.ada_contract.freeze(from_on=TODAY, until=day("2026-12-10"), by=w.ada.user)
        w.ada_contract.resume(on=day("2026-12-05"), by=w.ada.user)
        assert w.ada_contract.state_on(day("2026-12-04")) == "frozen"
        assert w.ada_contract.state_on(day("2026-12-05")) == "active"

    def test_what_staff_froze_is_for_staff(self, w):
        w.ada_contract.freeze(from_on=TODAY, until=day("2026-12-10"), by=w.frida)
        what = {"on": day("2026-12-05")}
        assert refused(w.ada_contract.resume, **what, by=w.ada.user) == ["staff_froze"]
        w.ada_contract.resume(**what, by=w.frida)

    def test_days_that_have_passed_stay_frozen(self, w, at):
        w.ada_contract.freeze(from_on=TODAY, until=day("2026-12-10"), by=w.ada.user)
        at("2026-11-25")
        assert refused(w.ada_contract.resume, on=TODAY, by=w.ada.user) == ["from_past"]
        assert w.ada_contract.resume(on=TODAY, by=w.mona)


def test_the_larger_discount_comes_off_once(w):
    Team.objects.filter(pk=w.team.pk).update(discount=Decimal(20))
    contract = w.office.sign_up(w.omar, discount=Decimal(10), on_behalf_of=w.team, by=w.mona)
    contract.on_behalf_of.refresh_from_db()
    whole = contract.first_cycles(2)[1]
    assert (whole.fee, contract.discounted(whole)) == (Decimal(900), Decimal(720))
    assert w.ada_contract.discounted(w.ada_contract.first_cycles(2)[1]) == Decimal(250)
