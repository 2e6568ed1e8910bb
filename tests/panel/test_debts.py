"""Aged debt in the panel, and what tomorrow will send."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import story
from tests.panel.test_customers import words
from tests.panel.test_invoices import invoiced, table

D = Decimal
LIST, CSV = "/panel/debts/", "/panel/debts/debts.csv"


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def debts(w, at):
    """Ada owes 120.00 since 4 December, Noor 60.00 and 12.00 that are not due yet."""
    invoiced(w)
    at("2026-12-10")
    invoiced(w, w.noor, amount=50)
    invoiced(w, w.noor, amount=10)
    return w


def test_they_are_for_who_keeps_the_books(w, client):
    for page in (LIST, CSV):
        assert client.get(page).status_code == 302
        for user, status in ((w.frida, 403), (w.ada.user, 403), (w.anton, 200)):
            client.force_login(user)
            assert client.get(page).status_code == status
        assert client.post(page).status_code == 405
        client.logout()


def test_nobody_owes_anything(w, anton):
    assert "Nobody owes anything" in words(anton.get(LIST))


def test_debts_stand_in_their_columns_and_add_up(debts, anton):
    page = anton.get(LIST)
    rows = {one.customer.name: one.sums for one, _cells in page.context["rows"]}
    assert rows == {"Ada Lovelace": (0, 120, 0, 0, 0), "Noor Rahman": (72, 0, 0, 0, 0)}
    assert [total for total, _head in page.context["sums"]] == [72, 120, 0, 0, 0]
    assert page.context["total"] == D(192)
    assert f"/panel/invoices/?customer={debts.ada.pk}" in page.content.decode()


def test_a_past_day_shows_what_was_owed_at_its_end(debts, at, anton):
    """Paid and issued later does not count; the file has the same sums."""
    debts.ada.invoices.get().record_payment(amount=120, by=debts.anton)
    at("2026-12-31")
    anton.force_login(debts.anton)
    page = anton.get(f"{LIST}?on=2026-12-09")
    assert {one.customer.name: one.sums for one, _cells in page.context["rows"]} == {
        "Ada Lovelace": (0, 120, 0, 0, 0)
    }
    assert table(anton.get(f"{CSV}?on=2026-12-09"))[-1]["Total"] == "120.00"
    assert table(anton.get(CSV))[-1]["Total"] == "72.00"


def test_a_day_that_has_not_come_is_said_beside_the_field(debts, anton):
    page = anton.get(f"{LIST}?on=2027-01-01")
    assert page.context["form"].errors.as_data()["on"][0].code == "future_date"
    assert page.context["is_today"]


def test_the_file_has_equal_sums(debts, anton):
    *rows, last = table(anton.get(CSV))
    heads = ["Not yet due", "1 to 30 days", "31 to 60 days", "61 to 90 days", "Over 90 days"]
    for head in [*heads, "Total"]:
        assert sum(D(one[head]) for one in rows) == D(last[head]), head
    assert (last["Customer"], last["Total"]) == ("Total", "192.00")


def test_only_so_many_are_shown_and_all_are_in_the_sums(debts, anton, monkeypatch):
    monkeypatch.setattr("panel.views.debts.SHOWN", 1)
    page = anton.get(LIST)
    assert len(page.context["rows"]) == 1
    assert page.context["total"] == D(192)
    assert "1 smaller one is in the sums" in words(page)


def test_what_tomorrow_will_send(debts, anton):
    page = anton.get(LIST)  # tomorrow it is 7 days since the fourth
    [step] = page.context["steps"]
    assert (step.invoice.customer, step.days, step.overdue) == (debts.ada, 7, 7)
    assert "Reminder of 7 days" in words(page)


def test_a_suspension_is_announced(debts, anton):
    debts.house.edit({"suspend_after_days": 7, "reminder_days": ""}, by=debts.mona)
    page = anton.get(LIST)
    assert [step.days for step in page.context["steps"]] == [None]
    assert "Is suspended" in words(page)
    assert "This location sends no reminders." in words(page)
    assert debts.ada.suspension is None


def test_each_location_stands_alone(debts, client):
    east = story.house(name="Eastside")
    client.force_login(debts.anton)
    page = client.get(f"{LIST}?location={east.pk}")
    assert page.context["place"] == east
    assert "Nobody owes anything" in words(page)
    ella = story.login("ella@example.com")
    ella.give_role("accountant", by=debts.mona, location=east)
    client.force_login(ella)
    assert client.get(f"{LIST}?location={debts.house.pk}").context["place"] == east
    assert [one["Customer"] for one in table(client.get(CSV))] == ["Total"]


def test_thirty_ask_as_much_as_one(debts, anton):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert anton.get(LIST).status_code == 200
        return len(queries)

    asked()
    before = asked()
    for _number in range(30):
        invoiced(debts, story.person(debts.house))
    assert asked() == before
