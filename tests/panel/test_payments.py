"""Payments in the panel: listed, added up, taken back."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Payment
from tests import story
from tests.panel.test_customers import words
from tests.panel.test_invoices import address, errors, invoiced, send, table

D = Decimal
LIST, CSV = "/panel/payments/", "/panel/payments/payments.csv"


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def payment(w):
    return invoiced(w).record_payment(amount=150, by=w.anton, reference="Bank 12", method="card")


def listed(answer) -> list[Decimal]:
    return [one.amount for one in answer.context["page"].rows]


def test_they_are_for_who_keeps_the_books(w, client, payment):
    reversal = address("payment_reversal", payment)
    for page in (LIST, CSV, reversal):
        assert client.get(page).status_code == 302
    for user in (w.frida, w.ada.user):
        client.force_login(user)
        for page in (LIST, CSV, reversal):
            assert client.get(page).status_code == 403
        assert send(client, "payment_reversal", payment, reason="x").status_code == 403
    for user in (w.anton, w.manager, w.mona):
        client.force_login(user)
        for page in (LIST, CSV, reversal):
            assert client.get(page).status_code == 200
    assert client.post(LIST).status_code == 405


def test_an_empty_list_says_where_payments_are_recorded(w, anton):
    assert "No payments yet" in words(anton.get(LIST))


def test_it_is_narrowed_down_by_period_method_kind_and_words(w, at, anton, payment):
    other = invoiced(w, w.noor)
    at("2026-11-25")
    anton.force_login(w.anton)
    other.record_payment(amount=20, by=w.anton, method="cash")
    for query, found in [
        ("", [D(20), D(150)]),
        ("?until_on=2026-11-22", [D(150)]),
        ("?from_on=2026-11-22", [D(20)]),
        ("?method=cash", [D(20)]),
        ("?kind=refund", []),
        ("?q=noor", [D(20)]),
        ("?q=bank 12", [D(150)]),
        (f"?q={other.number}", [D(20)]),
        (f"?location={w.house.pk}", [D(20), D(150)]),
    ]:
        assert listed(anton.get(LIST + query)) == found, query


def test_a_reversal_is_marked_and_lowers_the_sum(w, anton, payment):
    assert send(anton, "payment_reversal", payment, reason="Wrong customer").status_code == 302
    page = anton.get(LIST)
    assert "Reversed" in words(page)
    assert "Wrong customer" in words(page)
    assert sorted(listed(page)) == [D(-150), D(150)]
    [total] = page.context["sums"]
    assert total["total"] == 0
    payment.invoice.refresh_from_db()
    assert payment.invoice.due == D(120)


def test_a_reversal_needs_a_reason_and_happens_once(w, anton, payment):
    assert errors(send(anton, "payment_reversal", payment, reason="")) == {"reason": ["required"]}
    for _time in range(2):
        answer = send(anton, "payment_reversal", payment, reason="Wrong")
        assert answer["Location"] == address("invoice", payment.invoice)
    again = send(anton, "payment_reversal", payment, reason="Wrong", key="another")
    assert again.status_code == 422
    assert "reversed already" in words(again)
    assert Payment.objects.count() == 2


def test_credit_that_was_paid_out_is_claimed(w, anton, payment):
    from billing.models.paying import refund

    refund(w.ada, w.house, amount=30, by=w.anton)
    answer = send(anton, "payment_reversal", payment, reason="Wrong")
    assert answer["Location"] == address("invoice", payment.invoice)
    assert [claim.amount for claim in w.ada.claims.all()] == [30]


def test_the_file_adds_up_to_what_the_page_says(w, anton, payment):
    invoiced(w, w.noor).record_payment(amount=20, by=w.anton)
    payment.reverse(reason="Wrong", by=w.anton)
    rows = table(anton.get(CSV))
    [total] = anton.get(LIST).context["sums"]
    assert sum(D(one["Amount"]) for one in rows) == total["total"] == D(20)
    assert [one["Reversed"] for one in rows if one["Reference"] == "Bank 12"] == ["reversed"]


def test_payments_of_another_location_are_not_shown(w, client, payment):
    east = story.house(name="Eastside")
    ella = story.login("ella@example.com")
    ella.give_role("front_desk", by=w.mona)
    ella.give_role("accountant", by=w.mona, location=east)
    client.force_login(ella)
    assert listed(client.get(LIST)) == []
    assert client.get(address("payment_reversal", payment)).status_code == 403


def test_thirty_ask_as_much_as_one(w, anton, payment):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert anton.get(LIST).status_code == 200
        return len(queries)

    asked()
    before = asked()
    for _number in range(30):
        invoiced(w, story.person(w.house)).record_payment(amount=1, by=w.anton)
    assert asked() == before
