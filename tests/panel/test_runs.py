"""Billing runs in the panel: looked at, ordered, watched, reported."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import runs
from billing.charging import charge_other
from billing.models import BillingRun, Invoice
from tests import story
from tests.panel.test_customers import words
from tests.panel.test_invoices import address, errors

D = Decimal
LIST, NEW = "/panel/runs/", "/panel/runs/new/"
FIRST = "2026-12-01"


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def december(w, at):
    """The first of December: November's fees are due."""
    at(FIRST)
    return w


def order(client, key="a-key-of-a-form", **fields):
    return client.post(NEW, {"form_key": key, "on": FIRST, **fields})


def done() -> BillingRun:
    assert runs.work_one()
    return BillingRun.objects.order_by("-pk")[0]


def test_they_are_for_who_keeps_the_books(w, client):
    run = BillingRun.objects.create(on=story.TODAY)
    pages = [LIST, NEW, address("run", run), address("run_progress", run)]
    for page in pages:
        assert client.get(page).status_code == 302
    for user in (w.frida, w.ada.user):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages] == [403] * 4
        assert order(client).status_code == 403
    client.force_login(w.anton)
    assert [client.get(page).status_code for page in pages] == [200] * 4
    assert client.post(LIST).status_code == 405


class TestThePreview:
    def test_it_shows_who_is_invoiced_and_stores_nothing(self, december, anton):
        page = anton.get(f"{NEW}?on={FIRST}")
        text = words(page)
        assert page.context["made"] == len(page.context["rows"]) == 2
        for part in ("Ada Lovelace", "Lin & Co", "€300.00", "Hot Desk", "Make 2 invoices"):
            assert part in text, part
        assert not Invoice.objects.exists()
        assert not BillingRun.objects.exists()

    def test_a_day_ahead_is_only_looked_at(self, w, anton):
        text = words(anton.get(f"{NEW}?on={FIRST}"))
        assert "A look ahead to 1 Dec 2026" in text
        assert "Make 2" not in text

    def test_who_is_left_out_and_why(self, december, anton):
        text = words(anton.get(f"{NEW}?on={FIRST}"))
        assert "Viktor Novak is suspended" in text
        assert (
            address("customer", december.viktor) in anton.get(f"{NEW}?on={FIRST}").content.decode()
        )

    def test_it_is_set_beside_a_month_before(self, w, at, anton):
        at("2026-12-01")
        runs.run_billing(on=story.day("2026-12-01"))
        december = story.day("2026-12-31")
        w.ada_contract.cancel(last_day=december, by=None)
        w.omar.refresh_from_db()
        w.hot_desk.sign_up(w.omar, by=None)
        w.ada_contract.freeze(from_on=story.day("2026-12-02"), until=december, by=None)
        at("2027-01-01")
        anton.force_login(w.anton)
        page = anton.get(f"{NEW}?on=2027-01-01")
        kinds = {row.customer.name: row.kind for row in page.context["rows"]}
        assert kinds == {"Lin & Co": "same", "Ada Lovelace": "changed", "Omar Haddad": "new"}
        assert [row.customer.name for row in page.context["rows"]][-1] == "Lin & Co"
        assert page.context["counts"] == {"new": 1, "changed": 1, "vanished": 0, "same": 1}

    def test_who_is_invoiced_no_more_is_gone(self, w, at, anton):
        at("2026-12-01")
        runs.run_billing(on=story.day("2026-12-01"))
        freeze = {"from_on": story.day("2026-12-01"), "until": story.day("2027-06-30")}
        w.ada_contract.freeze(**freeze, by=None)
        at("2027-01-01")
        anton.force_login(w.anton)
        page = anton.get(f"{NEW}?on=2027-01-01")
        kinds = {row.customer.name: row.kind for row in page.context["rows"]}
        assert kinds["Ada Lovelace"] == "vanished"
        assert "now there is none" in words(page)

    def test_a_row_opens_to_its_lines(self, december, anton):
        to = f"{NEW}lines/{december.ada.pk}/?on={FIRST}&location={december.house.pk}"
        text = words(anton.get(to))
        assert "Hot Desk, 1 Nov to 30 Nov 2026" in text
        assert "€300.00" in text
        assert not Invoice.objects.exists()

    @pytest.mark.parametrize("query", ["", "?on=x&location=1", "?on=9999-12-31&location=1"])
    def test_lines_of_an_address_that_makes_no_sense_are_none(self, december, anton, query):
        assert anton.get(f"{NEW}lines/{december.ada.pk}/{query}").status_code == 200

    @pytest.mark.parametrize("on", ["9999-12-31", "0001-01-01", "soon"])
    def test_a_day_too_far_away_is_refused(self, w, anton, on):
        page = anton.get(f"{NEW}?on={on}")
        assert "on" in page.context["form"].errors
        assert "preview" not in page.context

    def test_only_so_many_rows_are_shown(self, december, anton, monkeypatch):
        monkeypatch.setattr("panel.views.runs.SHOWN", 1)
        page = anton.get(f"{NEW}?on={FIRST}")
        assert len(page.context["rows"]) == 1
        assert "1 smaller one is not shown" in words(page)

    def test_what_is_broken_is_told(self, december, anton, monkeypatch):
        real = runs.worked_out

        def breaks(facts, on):
            if facts.account.customer == december.ada:
                raise ValueError("a cycle without days")
            return real(facts, on)

        monkeypatch.setattr(runs, "worked_out", breaks)
        text = words(anton.get(f"{NEW}?on={FIRST}"))
        assert "a cycle without days" in text
        assert "Make 1 invoice" in text


class TestTheRun:
    def test_it_is_ordered_watched_and_reported(self, december, anton):
        answer = order(anton)
        run = BillingRun.objects.get()
        assert answer["Location"] == address("run", run)
        assert (run.by, run.asked, str(run.on)) == (december.anton, True, FIRST)
        assert "Waiting to begin" in words(anton.get(address("run", run)))
        progress = anton.get(address("run_progress", run))
        assert "hx-get" in progress.content.decode()
        run = done()
        assert anton.get(address("run_progress", run))["HX-Redirect"] == address("run", run)
        page = anton.get(address("run", run))
        assert page.context["made"] == Invoice.objects.count() == 2
        text = words(page)
        assert "Viktor Novak is suspended" in text
        assert f"/panel/invoices/?run={run.pk}" in page.content.decode()
        listed = anton.get(f"/panel/invoices/?run={run.pk}").context["page"].rows
        assert len(listed) == 2

    def test_a_form_sent_twice_orders_once(self, december, anton):
        first, second = order(anton), order(anton)
        assert first["Location"] == second["Location"]
        assert BillingRun.objects.count() == 1

    def test_another_one_waits_until_the_first_is_done(self, december, anton):
        order(anton)
        answer = order(anton, key="another")
        assert answer.status_code == 422
        assert errors(answer) == {"__all__": ["running"]}
        assert "Another run waits" in words(anton.get(f"{NEW}?on={FIRST}"))

    def test_a_day_that_has_not_come_is_refused(self, w, anton):
        answer = order(anton)
        assert answer.status_code == 422
        assert errors(answer) == {"on": ["future_date"]}
        assert not BillingRun.objects.exists()

    def test_a_day_before_the_last_number_is_refused(self, december, anton):
        runs.run_billing(on=story.day(FIRST))
        answer = order(anton, on="2026-11-30")
        assert errors(answer) == {"on": ["date_goes_back"]}

    def test_failures_come_first_with_their_customer(self, december, anton, monkeypatch):
        real = runs.worked_out

        def breaks(facts, on):
            if facts.account.customer == december.ada:
                raise ValueError("a cycle without days")
            return real(facts, on)

        monkeypatch.setattr(runs, "worked_out", breaks)
        order(anton)
        page = anton.get(address("run", done()))
        assert "a cycle without days" in words(page)
        assert address("customer", december.ada) in page.content.decode()
        assert page.context["number_failed"] == 1

    def test_nobody_works_is_said_after_a_while(self, december, at, anton):
        order(anton)
        run = BillingRun.objects.get()
        assert "manage.py work" not in words(anton.get(address("run", run)))
        at("2026-12-01 12:01Z")
        assert "manage.py work" in words(anton.get(address("run", run)))

    def test_drafts_that_are_left_are_counted(self, december, anton):
        december.house.edit({"run_issues": False}, by=december.mona)
        assert "Leaves drafts" in words(anton.get(f"{NEW}?on={FIRST}"))
        order(anton)
        assert "2 drafts to be issued" in words(anton.get(address("run", done())))

    def test_the_list_asks_as_often_for_thirty_as_for_one(self, w, anton):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anton.get(LIST).status_code == 200
            return len(queries)

        assert "No billing run yet" in words(anton.get(LIST))
        BillingRun.objects.create(on=story.TODAY, by=w.mona)
        before = asked()
        for _number in range(30):
            BillingRun.objects.create(on=story.TODAY, by=w.anton, location=w.house)
        assert asked() == before

    def test_the_preview_asks_as_often_for_thirty_as_for_one(self, december, anton):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anton.get(f"{NEW}?on={FIRST}").status_code == 200
            return len(queries)

        asked()
        before = asked()
        for _number in range(30):
            person = story.person(december.house)
            charge_other(
                person, december.house, text="Printing", amount=10, by=None,
                on=story.day("2026-11-20"),
            )  # fmt: skip
        assert asked() == before


class TestALimitedRole:
    @pytest.fixture
    def ella(self, december, client):
        """Keeps the books of the Eastside, and sits at the front desk everywhere."""
        self.east = story.house(name="Eastside")
        ella = story.login("ella@example.com")
        ella.give_role("front_desk", by=december.mona)
        ella.give_role("accountant", by=december.mona, location=self.east)
        client.force_login(ella)
        return client

    def test_it_runs_its_own_location_only(self, december, ella):
        page = ella.get(f"{NEW}?on={FIRST}&location={self.east.pk}")
        assert "Ada Lovelace" not in words(page)
        answer = order(ella, location=december.house.pk)
        assert errors(answer) == {"location": ["invalid_choice"]}
        assert errors(order(ella, location="")) == {"location": ["required"]}
        order(ella, location=self.east.pk, key="another")
        assert BillingRun.objects.get().location == self.east

    def test_it_does_not_see_the_runs_of_others(self, december, ella):
        mine = BillingRun.objects.create(on=story.TODAY, location=self.east)
        theirs = BillingRun.objects.create(on=story.TODAY, location=december.house)
        assert list(ella.get(LIST).context["runs"]) == [mine]
        assert ella.get(address("run", theirs)).status_code == 404
