"""Every page of the panel about invoices, payments, runs and debts: accessible, never too wide."""

import pytest

from billing import runs
from billing.charging import charge_other
from billing.models.issuing import invoice_now
from tests import story

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> dict[str, str]:
    """Pages by name, each with something in it."""
    story.billed(w)
    lost = _invoiced(w, w.omar)
    lost.write_off(reason="Moved away", by=w.anton)
    invoice, draft = f"/panel/invoices/{w.invoice.pk}", f"/panel/invoices/{w.draft.pk}"
    note = f"/panel/credit-notes/{w.credit_note.pk}"
    waiting = runs.ask(by=w.anton)
    return {
        "invoices": "/panel/invoices/",
        "filtered": "/panel/invoices/?settlement=draft&q=noor",
        "none": "/panel/invoices/?q=nobody",
        "invoice": f"{invoice}/",
        "draft": f"{draft}/",
        "written off": f"/panel/invoices/{lost.pk}/",
        "issue": f"{draft}/issue/",
        "delete": f"{draft}/deletion/",
        "line": f"{draft}/lines/{w.draft.lines.get().pk}/removal/",
        "payment": f"{invoice}/payments/new/",
        "credit": f"{invoice}/credit-notes/new/",
        "write off": f"{invoice}/write-off/",
        "send": f"{invoice}/sending/",
        "bulk issue": f"/panel/invoices/issue/?ids={w.draft.pk}&ids={w.invoice.pk}",
        "bulk send": f"/panel/invoices/sending/?ids={w.draft.pk}&ids={w.invoice.pk}",
        "credit notes": "/panel/credit-notes/",
        "credit note": f"{note}/",
        "payments": "/panel/payments/",
        "reversal": f"/panel/payments/{w.payment.pk}/reversal/",
        "runs": "/panel/runs/",
        "run": f"/panel/runs/{w.run.pk}/",
        "busy": f"/panel/runs/{waiting.pk}/",
        "new run": "/panel/runs/new/",
        "preview": "/panel/runs/new/?on=2026-12-01",
        "debts": "/panel/debts/",
    }


def _invoiced(w, customer):
    charge_other(customer, w.house, text="Printing", amount=100, by=w.anton)
    return invoice_now(customer, w.house, by=w.anton)


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_looks_right):
    page = page_at(user=w.anton)
    for name, address in pages.items():
        assert page.goto(address).ok, name
        for line in page.locator("details.lines__row > summary").all():
            line.click()
        assert_looks_right(page)


def test_a_line_opens_with_the_keyboard_and_says_why(w, pages, page_at):
    page = page_at(pages["invoice"], user=w.frida)
    page.locator("details.lines__row > summary").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Entered by the staff").wait_for()


def test_a_payment_is_recorded_in_a_dialog(w, pages, page_at):
    page = page_at(pages["invoice"], user=w.anton)
    page.locator(".due + .buttons").get_by_text("Record a payment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("10")
    dialog.get_by_role("button", name="Record it").click()
    page.get_by_text("The payment is recorded.").wait_for()
    w.invoice.refresh_from_db()
    assert w.invoice.due == 48


def test_a_preview_is_confirmed_and_the_page_waits_for_the_worker(w, pages, page_at):
    assert runs.work_one()
    w.house.edit({"billing_day": 20}, by=w.mona)
    charge_other(w.noor, w.house, text="Copies", amount=5, by=None, on=story.day("2026-10-01"))
    page = page_at("/panel/runs/new/", user=w.anton)
    page.get_by_role("button", name="Preview").click()
    page.locator("details.lines__row", has_text="Noor Rahman").locator("summary").click()
    page.get_by_text("Copies").wait_for()
    page.get_by_role("button", name="Make 1 invoice").click()
    page.get_by_text("Waiting to begin").wait_for()
    assert runs.work_one()
    page.get_by_role("link", name="See the invoices").wait_for()


def test_a_line_that_is_opened_before_the_scripts_are_there_shows_its_charges(w, page_at):
    """On a slow line the page is seen, and pressed, before its scripts have come."""
    charge_other(w.noor, w.house, text="Copies", amount=5, by=None, on=story.day("2026-10-01"))
    w.house.edit({"billing_day": 20}, by=w.mona)
    page = page_at(user=w.anton)
    held = []
    page.route("**/*htmx*.js", lambda route: held.append(route))
    page.goto("/panel/runs/new/?on=2026-11-20", wait_until="commit")
    line = page.locator("details.lines__row", has_text="Noor Rahman")
    line.locator("summary").click()
    assert held
    for route in held:
        route.continue_()
    line.get_by_text("Copies").wait_for()
