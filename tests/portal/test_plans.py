import pytest

from customers.models import Team
from kit.models import AuditEntry
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send
from tests.story import TODAY, day


def join(browser, plan, **fields):
    return send(browser, "plan_join", plan.pk, **{"starts_on": TODAY.isoformat(), **fields})


class TestWhatIsOffered:
    def test_each_plan_says_what_it_costs_and_binds_to(self, w, noor):
        story.plan(
            w.house, "Own Desk", "340", offered_in_portal=True, sign_up_fee=50, deposit=340,
            notice_days=30, minimum_cycles=3, benefits="A locker\nCoffee", self_cancel=False,
        )  # fmt: skip
        text = words(look(noor, "plans"))
        assert "Own Desk €340.00 a month plus 20 % tax" in text
        assert "A locker Coffee" in text
        assert "Sign-up fee €50.00 once" in text
        assert "Deposit €340.00 you get it back" in text
        assert "Notice 30 days" in text
        assert "Minimum term 3 months" in text
        assert "Freeze 30 days a year" in text
        assert "Cancel with the staff" in text
        assert "Private Office" not in text

    def test_what_one_has_and_what_is_full_is_said(self, w, ada):
        full = story.plan(w.house, "Tiny Room", "10", offered_in_portal=True, subscriber_limit=1)
        full.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        text = words(look(ada, "plans"))
        assert "You have this plan." in text
        assert "Every place is taken from today on." in text

    def test_plans_of_another_house_are_not_there(self, w, ada):
        elsewhere = story.house(name="Hill House", currency="GBP")
        story.plan(elsewhere, "Hill Desk", "100", offered_in_portal=True)
        story.plan(None, "Everywhere", "100", offered_in_portal=True, currency="EUR")
        story.plan(None, "Elsewhere", "100", offered_in_portal=True, currency="GBP")
        text = words(look(ada, "plans"))
        assert "Everywhere" in text
        assert "Hill Desk" not in text
        assert "Elsewhere" not in text


class TestJoining:
    def test_days_and_money_are_shown_before(self, w, noor):
        text = words(look(noor, "plan_join", w.hot_desk.pk))
        assert "You are a member from today." in text
        assert "20 Nov to 30 Nov 2026" in text
        assert "11 of 30 days, because it starts on 20 Nov 2026. Due on 1 Dec 2026." in text
        assert "€91.67" in text
        assert "20 December 2026, if you cancel on the first day: with 30 days' notice." in text
        assert w.noor.contracts.count() == 1

    def test_another_day_is_asked_about_without_signing(self, w, noor):
        answer = join(noor, w.hot_desk, starts_on="2026-12-17", preview="1")
        assert answer.status_code == 200
        assert "You are a member from 17 December 2026." in words(answer)
        assert w.noor.contracts.count() == 1

    def test_one_is_a_member_at_once(self, w, noor):
        answer = join(noor, w.hot_desk)
        contract = w.noor.contracts.get(starts_on=TODAY)
        assert answer["Location"] == f"/portal/contracts/{contract.pk}/"
        assert contract.signed_by == w.noor.user
        assert w.noor.status == "member"
        assert "you are a member from today" in words(noor.get(answer["Location"]))

    def test_or_on_the_day_that_one_chose(self, w, noor):
        answer = join(noor, w.hot_desk, starts_on="2026-12-01")
        assert w.noor.status == "contact"
        assert "You are a member from that day on." in words(noor.get(answer["Location"]))

    def test_a_member_is_not_told_to_become_one(self, w, ada):
        other = story.plan(w.house, "Evening Desk", "90", offered_in_portal=True)
        assert "It starts today." in words(look(ada, "plan_join", other.pk))
        answer = join(ada, other, starts_on="2026-12-01")
        text = words(ada.get(answer["Location"]))
        assert "Evening Desk is yours from 1 Dec 2026." in text
        assert "You are a member from that day on" not in text

    def test_sent_twice_it_signs_once(self, w, noor):
        first, second = join(noor, w.hot_desk), join(noor, w.hot_desk)
        assert first["Location"] == second["Location"]
        assert w.noor.contracts.count() == 2

    def test_sent_again_with_another_day_it_asks(self, w, noor):
        join(noor, w.hot_desk)
        answer = join(noor, w.hot_desk, starts_on="2026-12-24")
        assert answer.status_code == 409
        assert "2026-12-24" in answer.content.decode()
        assert w.noor.contracts.count() == 2

    @pytest.mark.parametrize(
        ("typed", "code"),
        [("2026-11-19", "from_past"), ("2028-01-01", "too_far"), ("", "required"),
         ("soon", "invalid")],
    )  # fmt: skip
    def test_a_wrong_day_is_said_beside_the_field(self, w, noor, typed, code):
        answer = join(noor, w.hot_desk, starts_on=typed)
        assert answer.status_code == 422
        assert errors(answer) == {"starts_on": [code]}
        assert w.noor.contracts.count() == 1

    def test_a_second_one_on_the_same_plan_is_refused(self, w, ada):
        assert "You have this plan already" in words(look(ada, "plan_join", w.hot_desk.pk))
        answer = join(ada, w.hot_desk)
        assert answer.status_code == 422
        assert w.ada.contracts.count() == 1

    def test_a_full_plan_is_refused(self, w, noor):
        w.hot_desk.edit({"subscriber_limit": 1}, by=w.mona)
        assert "This plan is full" in words(look(noor, "plan_join", w.hot_desk.pk))
        assert join(noor, w.hot_desk).status_code == 422

    def test_what_the_form_does_not_offer_changes_nothing(self, w, noor):
        join(
            noor, w.hot_desk, price="1", discount="100", quantity="9", ends_on="2026-11-21",
            location="9", notes="mine", customer=w.ada.pk, signed_by=w.mona.pk, notice_days="0",
            bill_missed="on", quiet="on", purchase_order="x", on_behalf_of=w.team.pk,
        )  # fmt: skip
        contract = w.noor.contracts.get(starts_on=TODAY)
        assert (contract.price, contract.discount, contract.quantity) == (None, 0, 1)
        assert (contract.ends_on, contract.notes, contract.notice_days) == (None, "", 30)
        assert (contract.on_behalf_of, contract.purchase_order) == (None, "")
        assert not contract.quiet
        assert not contract.bill_missed


class TestTerms:
    @pytest.fixture
    def strict(self, w):
        terms = "No dogs.\n\nNo <b>cats</b>."
        return story.plan(w.house, "Strict Desk", "100", offered_in_portal=True, accept_terms=terms)

    def shown(self, browser, plan) -> str:
        return look(browser, "plan_join", plan.pk).context["form"].terms_shown

    def test_they_are_read_and_ticked(self, w, noor, strict):
        page = look(noor, "plan_join", strict.pk).content.decode()
        assert "No dogs." in page
        assert "No &lt;b&gt;cats" in page
        shown = self.shown(noor, strict)
        answer = join(noor, strict, terms_shown=shown)
        assert errors(answer) == {"accept_terms": ["required"]}
        join(noor, strict, terms_shown=shown, accept_terms="on")
        contract = w.noor.contracts.get(plan=strict)
        entry = AuditEntry.objects.get(verb="contract.sign", object_id=contract.pk)
        assert entry.changes["accepted_terms"] == [None, strict.accept_terms]
        assert entry.by_id == w.noor.user.pk

    def test_only_what_one_has_read_is_accepted(self, w, noor, strict):
        shown = self.shown(noor, strict)
        strict.edit({"accept_terms": "Everything is forbidden."}, by=w.mona)
        answer = join(noor, strict, terms_shown=shown, accept_terms="on")
        assert errors(answer) == {"accept_terms": ["terms_changed"]}
        assert "Everything is forbidden." in answer.content.decode()
        assert not w.noor.contracts.filter(plan=strict).exists()

    def test_a_question_needs_no_tick(self, w, noor, strict):
        answer = join(noor, strict, preview="1", starts_on="2026-12-01")
        assert "You are a member from 1 December 2026." in words(answer)


class TestForATeam:
    def test_an_admin_may_let_the_team_pay(self, w, lin):
        answer = look(lin, "plan_join", w.hot_desk.pk)
        offered = [key for key, _label in answer.context["form"].fields["on_behalf_of"].choices]
        assert offered == ["oneself", str(w.team.pk)]
        join(lin, w.hot_desk, on_behalf_of=w.team.pk)
        assert w.lin.contracts.get(plan=w.hot_desk).on_behalf_of == w.team

    def test_the_others_only_when_everyone_may(self, w, omar):
        assert "on_behalf_of" not in look(omar, "plan_join", w.hot_desk.pk).context["form"].fields
        Team.objects.filter(pk=w.team.pk).update(spending="everyone")
        text = words(join(omar, w.hot_desk, on_behalf_of=w.team.pk, preview="1"))
        assert "Who pays Lin & Co" in text.replace("&amp;", "&")
        join(omar, w.hot_desk, on_behalf_of=w.team.pk)
        assert w.omar.contracts.get().on_behalf_of == w.team

    def test_a_team_that_does_not_pay_is_not_offered(self, w, lin):
        Team.objects.filter(pk=w.team.pk).update(payer=None)
        assert "on_behalf_of" not in look(lin, "plan_join", w.hot_desk.pk).context["form"].fields
