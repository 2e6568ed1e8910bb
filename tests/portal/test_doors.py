"""Whoever comes to the portal sees what is theirs, and nothing of anybody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from plans.models import Contract
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import look, send
from tests.story import TODAY, day

OF_CONTRACTS = [
    "contract", "contract_cancellation", "contract_cancellation_withdrawal",
    "contract_calling_off", "contract_freeze", "contract_resumption", "contract_plan_change",
    "contract_plan_change_withdrawal",
]  # fmt: skip
ALONE = ["plans", "account", "account_edit", "teams"]
OF_TEAMS = ["team", "team_leaving", "team_invitation", "team_spending"]
FIELDS = {
    "form_key": "a-key-of-a-form", "last_day": "2027-06-30", "from_on": "2026-12-01",
    "until": "2026-12-05", "on": "2026-12-03", "starts_on": "2026-12-01", "spending": "everyone",
    "email": "kim@example.com",
}  # fmt: skip


def state_of(contract: Contract) -> tuple:
    contract = Contract.objects.get(pk=contract.pk)
    return (
        contract.ends_on, contract.plan_id, contract.freezes.count(),
        contract.cancellations.count(), contract.call_offs.count(), contract.plan_changes.count(),
    )  # fmt: skip


class TestStrangers:
    @pytest.mark.parametrize("name", OF_CONTRACTS)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_somebody_elses_contract_is_not_there(self, w, ada, name, method):
        address = reverse(f"portal:{name}", args=[w.lin_contract.pk])
        before = state_of(w.lin_contract)
        answer = getattr(ada, method)(address, FIELDS if method == "post" else {})
        assert answer.status_code == (405 if (method, name) == ("post", "contract") else 404)
        assert b"Private Office" not in answer.content
        assert b"Lin" not in answer.content
        assert state_of(w.lin_contract) == before

    @pytest.mark.parametrize("name", OF_CONTRACTS)
    def test_nor_a_team_mates(self, w, omar, name):
        address = reverse(f"portal:{name}", args=[w.lin_contract.pk])
        for answer in (omar.get(address), omar.post(address, FIELDS)):
            assert answer.status_code in (404, 405)
            assert b"Private Office" not in answer.content

    @pytest.mark.parametrize("name", OF_TEAMS)
    def test_a_team_that_one_is_not_in_is_not_there(self, w, ada, name):
        address = reverse(f"portal:{name}", args=[w.team.pk])
        for answer in (ada.get(address), ada.post(address, FIELDS)):
            assert answer.status_code in (404, 405)
            assert b"Omar" not in answer.content
        w.team.refresh_from_db()
        assert (w.team.spending, w.team.invitations.count()) == ("admins", 0)

    def test_what_is_not_offered_cannot_be_joined(self, w, ada):
        elsewhere = story.house(name="Hill House", timezone="Europe/Vienna")
        there = story.plan(elsewhere, "Hill Desk", "100", offered_in_portal=True)
        gone = story.plan(w.house, "Old Desk", "100", offered_in_portal=True)
        gone.archive(by=w.mona)
        for plan in (w.office, there, gone):
            assert look(ada, "plan_join", plan.pk).status_code == 404
            answer = send(ada, "plan_join", plan.pk, starts_on=TODAY.isoformat())
            assert answer.status_code == 404
        assert w.ada.contracts.count() == 1

    def test_staff_see_only_their_own_here(self, w, client):
        story.person(w.house, "Mona Keller", user=w.mona)
        client.force_login(w.mona)
        assert look(client, "contract", w.ada_contract.pk).status_code == 404
        assert look(client, "team", w.team.pk).status_code == 404

    @pytest.mark.parametrize("name", ALONE)
    def test_a_login_without_a_customer_comes_no_further_than_home(self, w, client, name):
        client.force_login(story.login("new@example.com"))
        assert look(client, name).status_code == 403
        assert "not linked to a customer yet" in words(look(client, "home"))


class TestTheSuspended:
    @pytest.mark.parametrize("name", ALONE)
    def test_they_are_turned_away_from_every_page(self, w, client, name):
        client.force_login(w.viktor.user)
        answer = look(client, name)
        assert answer.status_code == 403
        assert "Your access is closed" in words(answer)

    @pytest.mark.parametrize("name", OF_CONTRACTS)
    def test_and_decide_nothing(self, w, client, name):
        client.force_login(w.viktor.user)
        before = state_of(w.viktor_contract)
        address = reverse(f"portal:{name}", args=[w.viktor_contract.pk])
        assert client.get(address).status_code == 403
        assert client.post(address, FIELDS).status_code == 403
        assert state_of(w.viktor_contract) == before

    def test_a_form_that_was_open_is_not_taken_any_more(self, w, noor):
        w.noor.suspend(by=w.mona, reason="Unpaid")
        answer = send(noor, "plan_join", w.hot_desk.pk, starts_on=TODAY.isoformat())
        assert answer.status_code in (302, 403)
        assert w.noor.contracts.count() == 1


class TestActingFor:
    @pytest.fixture
    def zeta(self, w):
        other = story.company(w.house, "Zeta Ltd", "Ada Lovelace", user=w.ada.user)
        w.office.sign_up(other, starts_on=TODAY, by=w.mona)
        return other

    def test_one_switches_between_ones_own(self, w, ada, zeta):
        assert "Private Office" not in words(look(ada, "home"))
        answer = ada.post("/portal/acting-for/", {"customer": zeta.pk})
        assert answer["Location"] == "/portal/"
        text = words(look(ada, "home"))
        assert "This is the portal of Zeta Ltd now." in text
        assert "Private Office" in text
        assert "Hot Desk" not in text
        assert look(ada, "contract", w.ada_contract.pk).status_code == 404

    @pytest.mark.parametrize("asked", ["", "nobody", "999999", "²"])
    def test_nobody_else_is_there(self, w, ada, zeta, asked):
        assert ada.post("/portal/acting-for/", {"customer": asked}).status_code == 404

    def test_not_even_by_key(self, w, ada, zeta):
        assert ada.post("/portal/acting-for/", {"customer": w.lin.pk}).status_code == 404
        assert "Hot Desk" in words(look(ada, "home"))

    def test_it_takes_no_get(self, w, ada):
        assert ada.get("/portal/acting-for/").status_code == 405

    def test_one_suspended_the_other_is_all_there_is(self, w, client, zeta):
        w.ada.suspend(by=w.mona, reason="Unpaid")
        client.force_login(Customer.objects.get(pk=zeta.pk).user)
        text = words(look(client, "home"))
        assert "Private Office" in text
        assert "Hot Desk" not in text
        assert "Go on as" not in text
        assert client.post("/portal/acting-for/", {"customer": w.ada.pk}).status_code == 404
        assert look(client, "contract", w.ada_contract.pk).status_code == 404


class TestQueries:
    def asked(self, browser, name: str, *keys: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert look(browser, name, *keys).status_code == 200
        return len(seen)

    def test_home_asks_as_often_for_thirty_contracts(self, w, ada):
        before = self.asked(ada, "home")
        for number in range(29):
            plan = story.plan(w.house, f"Plan {number}", "10", offered_in_portal=True)
            plan.sign_up(w.ada, starts_on=day("2026-11-01"), by=w.mona)
        assert self.asked(ada, "home") == before

    def test_plans_ask_as_often_for_thirty(self, w, ada):
        w.hot_desk.edit({"subscriber_limit": 50}, by=w.mona)
        before = self.asked(ada, "plans")
        for number in range(29):
            story.plan(w.house, f"Plan {number}", "10", offered_in_portal=True, subscriber_limit=3)
        assert self.asked(ada, "plans") == before

    def test_a_team_asks_as_often_for_thirty_people(self, w, lin):
        before = self.asked(lin, "team", w.team.pk)
        for _number in range(28):
            w.team.add(story.person(w.house), by=w.mona)
        assert self.asked(lin, "team", w.team.pk) == before

    def test_a_contract_asks_as_often_with_a_long_history(self, w, ada):
        before = self.asked(ada, "contract", w.ada_contract.pk)
        for month in range(1, 7):
            first = day(f"2027-0{month}-03")
            w.ada_contract.freeze(from_on=first, until=first, by=w.mona)
            w.ada_contract.cancel(last_day=day(f"2027-1{month % 3}-03"), by=w.mona)
        assert self.asked(ada, "contract", w.ada_contract.pk) == before
