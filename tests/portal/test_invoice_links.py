"""The private page of one invoice: for whoever has its address, and nothing more."""

import re

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from billing import sending
from billing.models import InvoiceLink
from kit.models import OutboxMessage
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import look


@pytest.fixture
def link(w) -> str:
    story.billed(w)
    return f"/i/{InvoiceLink.of(w.invoice).token}/"


def test_it_shows_the_invoice_and_how_to_pay_it_without_a_login(w, link, client):
    w.house.edit({"iban": "DE02120300000000202051"}, by=w.mona)
    answer = client.get(link)
    text = words(answer)
    assert answer.status_code == 200
    assert f"Invoice {w.invoice.number} for Ada Lovelace" in text
    assert "Printing" in text
    assert "Entered by the staff" in text
    assert "To pay" in text
    assert "Paid: Bank transfer" in text


def test_it_comes_with_the_documents_own_bank_details(w, client):
    w.house.edit({"iban": "DE02120300000000202051", "bank_name": "River Bank"}, by=w.mona)
    story.billed(w)
    w.house.edit({"iban": "GB33BUKB20201555555555"}, by=w.mona)
    text = words(client.get(f"/i/{InvoiceLink.of(w.invoice).token}/"))
    assert "DE02 1203 0000 0000 2020 51" in text
    assert f"Reference {w.invoice.number}" in text


def test_the_pdf_is_there_too(w, link, client):
    answer = client.get(f"{link}pdf/")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


@pytest.mark.parametrize("page", ["", "pdf/"])
def test_no_search_engine_lists_it_and_no_other_page_hears_of_it(w, link, client, page):
    answer = client.get(link + page)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("page", ["", "pdf/"])
def test_it_leaves_no_cookie_and_no_session(w, link, client, page):
    answer = client.get(link + page)
    assert not answer.cookies
    assert Session.objects.count() == 0
    assert client.get("/portal/")["Location"].startswith("/portal/login/")


def test_it_leads_nowhere_else(w, link, client):
    """No link, no name and no number that is not this invoice's."""
    story.sellable(w)
    page = client.get(link).content.decode()
    addresses = set(re.findall(r'(?:href|action|hx-\w+)="([^"]*)"', page))
    pages = {one for one in addresses if not one.startswith((settings.STATIC_URL, "#"))}
    assert pages == {f"{link}pdf/"}
    assert w.ada.email not in page
    assert "Coffee" not in page
    assert "portal/" not in page.replace("/portal-", "")


def test_it_names_nobody_who_used_what_the_payer_pays(w, client):
    story.sellable(w)
    charge = w.coffee.sell(w.omar, by=w.mona, on_behalf_of=w.team)
    from billing.models.issuing import invoice_now

    invoice = invoice_now(w.lin, w.house, [charge], by=w.anton)
    page = client.get(f"/i/{InvoiceLink.of(invoice).token}/").content.decode()
    assert "Coffee" in page
    assert "Omar" not in page


def test_one_that_was_revoked_is_as_unknown_as_any_other(w, link, client):
    InvoiceLink.of(w.invoice).revoke(by=w.anton)
    gone, unknown = client.get(link), client.get("/i/nothing/")
    assert gone.status_code == unknown.status_code == 404
    assert words(gone) == words(unknown)
    assert client.get(f"{link}pdf/").status_code == 404
    assert client.get(f"/i/{InvoiceLink.of(w.invoice).token}/").status_code == 200


@pytest.mark.parametrize("token", ["x" * 64, "x" * 500, "%F0%9F%94%91", "..", "a b"])
def test_any_other_token_is_a_404(w, link, client, token):
    assert client.get(f"/i/{token}/").status_code == 404


def test_a_draft_is_not_shown(w, client):
    story.billed(w)
    address = f"/i/{InvoiceLink.of(w.draft).token}/"
    assert client.get(address).status_code == 404
    assert client.get(f"{address}pdf/").status_code == 404


def test_the_suspended_can_pay_what_they_owe(w, link, ada):
    """Also in a browser whose session the suspension has ended."""
    w.ada.suspend(by=w.mona, reason="Unpaid")
    assert ada.get(link).status_code == 200
    assert ada.get(f"{link}pdf/").status_code == 200
    assert look(ada, "invoices").status_code == 403
    ada.get("/portal/", headers={"HX-Request": "true"})
    assert ada.get(link).status_code == 200


def test_who_is_signed_in_sees_the_same_page(w, link, client, noor):
    assert noor.get(link).content == client.get(link).content


def test_messages_of_the_portal_wait_for_the_portal(w, link, ada):
    story.sellable(w)
    w.coffee.edit({"offered_in_portal": True}, by=w.mona)
    ada.post(f"/portal/shop/{w.coffee.pk}/", {"form_key": "a-key", "quantity": "1"})
    assert "Thank you" not in words(ada.get(link))
    assert "Thank you" in words(look(ada, "shop"))


@pytest.mark.parametrize("page", ["", "pdf/"])
def test_it_is_only_looked_at(w, link, page):
    browser = Client(enforce_csrf_checks=False)
    for method in ("post", "put", "delete"):
        assert getattr(browser, method)(link + page).status_code == 405


def test_the_e_mail_leads_to_it(w, client):
    story.billed(w)
    sending.send(w.invoice, by=w.anton)
    text = OutboxMessage.objects.latest("pk").text
    [address] = re.findall(r"https?://[^/\s]+(/i/\S+)", text)
    assert client.get(address).status_code == 200
