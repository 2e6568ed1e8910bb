import pytest

from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send
from tests.story import TODAY, day


@pytest.fixture
def evening(w):
    return story.plan(w.house, "Evening Desk", "90", billing_day=1, offered_in_portal=True)


@pytest.fixture
def scheduled(w):
    return w.hot_desk.sign_up(w.noor, starts_on=day("2026-12-17"), by=w.noor.user)


class TestReading:
    def test_it_says_how_it_stands_and_what_it_costs(self, w, ada):
        text = words(look(ada, "contract", w.ada_contract.pk))
        assert "Active Yours since 21 September 2026." in text
        assert "Price €250.00 a month, plus 20 % tax" in text
        assert "1 Dec to 31 Dec 2026Due on 1 Jan 2027. €250.00" in text
        assert "Last day Open: until you cancel" in text
        assert "Notice 30 days" in text
        assert "Your last day can be 20 Dec 2026 at the earliest." in text
        assert "30 of 30 days are left in 2026" in text

    def test_only_what_is_still_to_come_is_called_coming(self, w, noor):
        ahead = story.plan(w.house, "Ahead Desk", "300", billing_day=1, fee_due="in_advance")
        contract = ahead.sign_up(w.noor, starts_on=day("2026-11-01"), by=w.mona)
        text = words(look(noor, "contract", contract.pk))
        assert "Due on 1 Nov 2026" not in text
        assert "1 Dec to 31 Dec 2026Due on 1 Dec 2026." in text

    def test_a_discount_is_taken_off_and_said(self, w, noor):
        contract = w.hot_desk.sign_up(w.noor, discount=10, by=w.mona)
        text = words(look(noor, "contract", contract.pk))
        assert "€82.50" in text
        assert "€91.67 less 10 % discount" in text

    def test_what_only_staff_do_says_whom_to_ask(self, w, lin):
        w.house.contact_email = "hello@riverside.example"
        w.house.save()
        w.office.edit({"self_cancel": False}, by=w.mona)
        w.lin_contract.refresh_from_db()
        contract = w.office.sign_up(w.lin, starts_on=TODAY, by=w.mona)
        text = words(look(lin, "contract", contract.pk))
        assert "Ask the staff to cancel this contract for you." in text
        assert "Ask the staff to change this plan for you." in text
        assert "Ask the staff: this plan has no days to freeze." in text
        assert "hello@riverside.example" in text
        page = look(lin, "contract_cancellation", contract.pk)
        assert "The staff cancel this contract for you." in words(page)
        assert "<form class=" not in page.content.decode()

    def test_an_ended_one_offers_nothing(self, w, noor):
        text = words(look(noor, "contract", w.noor_contract.pk))
        assert "Was yours from 22 August 2026 until 10 November 2026." in text
        assert "What you can do" not in text

    def test_reasons_of_staff_are_not_shown(self, w, ada):
        w.ada_contract.cancel(last_day=day("2027-01-31"), by=w.mona, reason="Too loud")
        text = words(look(ada, "contract", w.ada_contract.pk))
        assert "by the staff" in text
        assert "Too loud" not in text


class TestCancelling:
    def test_the_earliest_day_is_shown_and_explained(self, w, ada):
        answer = look(ada, "contract_cancellation", w.ada_contract.pk)
        text = words(answer)
        assert "With 30 days' notice from today, the earliest last day is" in text
        assert "Sunday, 20 December 2026" in text
        assert "Last fee: 1 Dec to 20 Dec 2026" in text
        assert "20 of 31 days. Due on 21 Dec 2026. €161.29" in text
        assert "From 21 December 2026 you are a contact." in text
        assert answer.context["form"]["last_day"].value() == day("2026-12-20")
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None

    def test_a_freeze_before_is_not_taken_for_the_end(self, w, ada):
        w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-03"), by=w.ada.user)
        text = words(look(ada, "contract_cancellation", w.ada_contract.pk))
        assert "From 21 December 2026 you are a contact." in text
        assert "From 1 December 2026 you are" not in text
        assert "From 1 December 2026, while Hot Desk is frozen, you are a contact." in words(
            look(ada, "home")
        )

    def test_notice_and_minimum_term_are_both_named(self, w, noor):
        desk = story.plan(
            w.house, "Own Desk", "300", billing_day=1, notice_days=30, minimum_cycles=3,
            offered_in_portal=True,
        )  # fmt: skip
        contract = desk.sign_up(w.noor, by=w.noor.user)
        text = words(look(noor, "contract_cancellation", contract.pk))
        assert (
            "30 days' notice from today is 20 December 2026; your minimum term runs until "
            "28 February 2027. So the earliest last day is Sunday, 28 February 2027." in text
        )

    def test_the_last_day_reads_plainly_afterwards(self, w, ada):
        answer = send(
            ada, "contract_cancellation", w.ada_contract.pk, last_day="2026-12-31",
            reason="I move to Leeds.",
        )  # fmt: skip
        assert answer["Location"] == f"/portal/contracts/{w.ada_contract.pk}/"
        text = words(ada.get(answer["Location"]))
        assert "Cancelled. Your last day is 31 Dec 2026." in text
        assert "Your last day is Thursday, 31 December 2026." in text
        assert "Last day 31 December 2026" in text
        assert "“I move to Leeds.”" in text
        assert w.ada_contract.cancellations.get().by == w.ada.user

    @pytest.mark.parametrize(
        ("last_day", "code"), [("2026-12-19", "too_early"), ("", "required"), ("x", "invalid")]
    )
    def test_a_wrong_day_keeps_what_was_typed(self, w, ada, last_day, code):
        answer = send(
            ada, "contract_cancellation", w.ada_contract.pk, last_day=last_day, reason="Leeds"
        )
        assert answer.status_code == 422
        assert errors(answer) == {"last_day": [code]}
        assert "Leeds" in answer.content.decode()
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None

    def test_a_day_is_asked_about_without_cancelling(self, w, ada):
        answer = send(
            ada, "contract_cancellation", w.ada_contract.pk, last_day="2027-01-15", preview="1"
        )
        assert answer.status_code == 200
        assert "15 of 31 days" in words(answer)
        assert w.ada_contract.cancellations.count() == 0

    def test_sent_twice_it_cancels_once(self, w, ada):
        for _time in range(2):
            send(ada, "contract_cancellation", w.ada_contract.pk, last_day="2026-12-31")
        assert w.ada_contract.cancellations.count() == 1

    def test_it_is_taken_back_by_whoever_cancelled(self, w, ada):
        send(ada, "contract_cancellation", w.ada_contract.pk, last_day="2026-12-31")
        assert "Stay after all" in words(look(ada, "contract", w.ada_contract.pk))
        send(ada, "contract_cancellation_withdrawal", w.ada_contract.pk, key="another")
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None

    def test_what_staff_cancelled_is_for_staff(self, w, ada):
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        text = words(look(ada, "contract", w.ada_contract.pk))
        assert "The staff cancelled this contract: ask them to take it back." in text
        answer = send(ada, "contract_cancellation_withdrawal", w.ada_contract.pk)
        assert errors(answer) == {"__all__": ["staff_cancelled"]}


class TestCallingOff:
    def test_what_has_not_started_never_does(self, w, noor, scheduled):
        text = words(look(noor, "contract", scheduled.pk))
        assert "It has not started yet" in text
        assert "/cancellation/" not in look(noor, "contract", scheduled.pk).content.decode()
        send(noor, "contract_calling_off", scheduled.pk, reason="Changed my mind")
        assert "Called off" in words(look(noor, "contract", scheduled.pk))
        assert "Choose your first plan" not in words(look(noor, "home"))

    def test_what_has_started_is_cancelled_instead(self, w, ada):
        answer = send(ada, "contract_calling_off", w.ada_contract.pk)
        assert errors(answer) == {"__all__": ["started"]}


class TestFreezing:
    def freeze(self, browser, contract, **fields):
        days = {"from_on": "2026-12-01", "until": "2026-12-10"}
        return send(browser, "contract_freeze", contract.pk, **{**days, **fields})

    def test_the_days_left_are_counted(self, w, ada):
        assert "30 days left" in words(look(ada, "contract_freeze", w.ada_contract.pk))
        self.freeze(ada, w.ada_contract)
        text = words(look(ada, "contract_freeze", w.ada_contract.pk))
        assert "20 days left" in text
        assert "10 of 30 days frozen in 2026" in text
        assert "It is frozen from 1 Dec 2026 to 10 Dec 2026." in words(
            look(ada, "contract", w.ada_contract.pk)
        )

    @pytest.mark.parametrize(
        ("fields", "found"),
        [
            ({"until": "2026-12-31"}, {"until": ["freeze_days_used"]}),
            ({"until": ""}, {"until": ["required"]}),
            ({"from_on": "2026-11-19"}, {"from_on": ["from_past"]}),
            ({"until": "2026-11-30"}, {"until": ["ends_before_start"]}),
        ],
    )
    def test_more_than_allowed_is_refused(self, w, ada, fields, found):
        answer = self.freeze(ada, w.ada_contract, **fields)
        assert answer.status_code == 422
        assert errors(answer) == found
        assert w.ada_contract.freezes.count() == 0

    def test_a_plan_without_days_is_for_staff(self, w, lin):
        assert "The staff freeze this contract for you." in words(
            look(lin, "contract_freeze", w.lin_contract.pk)
        )
        assert self.freeze(lin, w.lin_contract).status_code == 422

    def test_one_comes_back_early(self, w, ada):
        self.freeze(ada, w.ada_contract, from_on=TODAY.isoformat(), until="2026-12-10")
        assert "Frozen until 10 December 2026" in words(look(ada, "contract", w.ada_contract.pk))
        send(ada, "contract_resumption", w.ada_contract.pk, key="another", on="2026-11-25")
        assert w.ada_contract.freezes.get().until == day("2026-11-24")

    def test_what_staff_froze_is_for_staff(self, w, ada):
        w.ada_contract.freeze(from_on=TODAY, by=w.mona)
        text = words(look(ada, "contract", w.ada_contract.pk))
        assert "The staff froze this contract: ask them to end it." in text
        answer = send(ada, "contract_resumption", w.ada_contract.pk, on="2026-11-25")
        assert errors(answer) == {"__all__": ["staff_froze"]}


class TestChangingPlan:
    def change(self, browser, contract, to, **fields):
        what = {"to": to.pk, "starts_on": "2026-12-01", **fields}
        return send(browser, "contract_plan_change", contract.pk, **what)

    def page(self, browser, contract, to):
        return browser.get(f"/portal/contracts/{contract.pk}/plan-change/?to={to.pk}")

    def test_first_one_says_to_which(self, w, ada, evening):
        text = words(look(ada, "contract_plan_change", w.ada_contract.pk))
        assert "Evening Desk€90.00 a month, plus 20 % tax" in text
        assert "Private Office" not in text

    def test_then_days_and_money_are_shown(self, w, ada, evening):
        text = words(self.page(ada, w.ada_contract, evening))
        assert "Evening Desk follows Hot Desk on Tuesday, 1 December 2026." in text
        answer = self.change(ada, w.ada_contract, evening, starts_on="2026-12-11", preview="1")
        text = words(answer)
        assert "Hot Desk: 1 Dec to 10 Dec 2026Its last 10 of 31 days. Due on 11 Dec 2026." in text
        assert "€80.65" in text
        assert w.ada_contract.plan_changes.count() == 0

    def test_what_was_paid_ahead_comes_back(self, w, noor, evening):
        ahead = story.plan(
            w.house, "Ahead Desk", "300", billing_day=1, fee_due="in_advance",
            offered_in_portal=True,
        )  # fmt: skip
        contract = ahead.sign_up(w.noor, starts_on=TODAY, by=w.mona)
        text = words(self.change(noor, contract, evening, starts_on="2026-11-26", preview="1"))
        assert "Back from Ahead Desk" in text
        assert "−€50.00" in text

    def test_it_changes_and_is_taken_back(self, w, ada, evening):
        answer = self.change(ada, w.ada_contract, evening)
        new = w.ada.contracts.get(plan=evening)
        assert answer["Location"] == f"/portal/contracts/{new.pk}/"
        assert "It follows Hot Desk." in words(ada.get(answer["Location"]))
        assert "Changes to Evening Desk on 1 December 2026." in words(look(ada, "home"))
        send(ada, "contract_plan_change_withdrawal", w.ada_contract.pk, key="another")
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None
        assert w.ada.contracts.get(plan=evening).is_called_off

    @pytest.mark.parametrize(("starts_on", "code"), [("2026-11-19", "from_past"), ("", "required")])
    def test_a_wrong_day_is_refused(self, w, ada, evening, starts_on, code):
        answer = self.change(ada, w.ada_contract, evening, starts_on=starts_on)
        assert answer.status_code == 422
        assert errors(answer) == {"starts_on": [code]}

    def test_only_to_what_is_offered(self, w, ada):
        assert self.page(ada, w.ada_contract, w.office).status_code == 404
        assert self.change(ada, w.ada_contract, w.office).status_code == 404
        assert self.change(ada, w.ada_contract, w.hot_desk).status_code == 404

    def test_sent_twice_it_changes_once(self, w, ada, evening):
        for _time in range(2):
            assert self.change(ada, w.ada_contract, evening).status_code == 302
        assert w.ada.contracts.filter(plan=evening).count() == 1
