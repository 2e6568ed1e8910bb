"""What customers see of their money: accessible, never too wide, and with the keyboard alone."""

import pytest

from billing.charging import charge_other
from billing.models import InvoiceLink, Product
from billing.models.issuing import invoice_now
from tests import story
from tests.browser.test_panel_work import tab_to

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> dict[str, str]:
    """Pages by name as Ada sees them, each with something in it."""
    w.house.edit(
        {
            "legal_name": "Riverside House Ltd", "bank_name": "River Bank",
            "iban": "DE02120300000000202051", "bic": "BYLADEM1001", "city": "Bristol",
            "payment_text": "Please name the number.\nCards are taken at the front desk.",
        },
        by=w.mona,
    )  # fmt: skip
    story.sellable(w)
    story.billed(w)
    Product.objects.all().update(offered_in_portal=True)
    for fields in ({"stock": 0}, {"stock": 3, "description": "Eight to eight."},
                   {"buyers": "contacts"}):  # fmt: skip
        Product.objects.offer(
            name=f"Day pass {len(fields)}", price=25, location=w.house, offered_in_portal=True,
            by=w.mona, **fields,
        )  # fmt: skip
    charge = charge_other(w.ada, w.house, text="A key", amount=100, by=w.anton)
    invoice_now(w.ada, w.house, [charge], by=w.anton).record_payment(amount=500, by=w.anton)
    charge = charge_other(w.ada, w.house, text="Paper", amount=900, by=w.anton)
    invoice_now(w.ada, w.house, [charge], by=w.anton)
    w.coffee.sell(w.ada, by=w.ada.user)
    days = "?on=2026-11-24&starts=10:00&ends=18:00"
    story.bookable(w)
    return {
        "home": "/portal/",
        "invoices": "/portal/invoices/",
        "invoice": f"/portal/invoices/{w.invoice.pk}/",
        "credit note": f"/portal/credit-notes/{w.credit_note.pk}/",
        "shop": "/portal/shop/",
        "buy": f"/portal/shop/{w.coffee.pk}/",
        "subscribe": f"/portal/shop/{w.locker.pk}/",
        "purchase": f"/portal/purchases/{w.sale.pk}/",
        "ending": f"/portal/subscriptions/{w.locker_of_ada.pk}/ending/",
        "a room": f"/portal/book/{w.kestrel.pk}/{days}",
        "cancellation": f"/portal/contracts/{w.ada_contract.pk}/cancellation/",
        "private": f"/i/{InvoiceLink.of(w.invoice).token}/",
    }


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_looks_right):
    page = page_at(user=w.ada.user)
    lines = page.locator("details.later-bill > summary, details.lines__row > summary")
    for name, address in pages.items():
        assert page.goto(address).ok, name
        for line in lines.filter(visible=True).all():
            line.click()
        assert_looks_right(page, phone=44)


def test_places_that_are_needed_less_are_behind_one_button(w, page_at, assert_accessible):
    page = page_at("/portal/", user=w.ada.user, width=390)
    page.locator(".portal-bar__more summary").press("Enter")
    page.get_by_role("link", name="Shop").wait_for()
    assert_accessible(page)
    page.get_by_role("link", name="Shop").press("Enter")
    page.wait_for_url("**/portal/shop/")


def test_buying_with_the_keyboard_alone(w, pages, page_at):
    page = page_at("/portal/shop/", user=w.ada.user)
    tab_to(page, "link", "Buy Coffee")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/shop/*/")
    page.get_by_text("It comes with the next invoice").wait_for()
    page.get_by_label("How many").fill("4")
    page.get_by_text("4 at €2.00").wait_for()
    tab_to(page, "button", "Buy Coffee")
    page.keyboard.press("Enter")
    page.get_by_text("Thank you. You have bought 4 × Coffee.").wait_for()
    assert w.ada.charges.filter(product=w.coffee, quantity=4).count() == 1


def test_a_line_of_an_invoice_opens_with_the_keyboard(w, pages, page_at):
    page = page_at(pages["private"])
    page.locator("details.lines__row", has_text="Printing").locator("summary").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Entered by the staff").wait_for()
    assert page.context.cookies() == []


def test_without_script_the_total_is_looked_at_and_bought(
    w, pages, browser, live_server, page_at
):  # fmt: skip
    cookies = page_at("/portal/", user=w.ada.user).context.cookies()
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-GB"
    )
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(pages["buy"])
    page.get_by_label("How many").fill("5")
    page.get_by_role("button", name="Look at the total").click()
    page.get_by_text("5 at €2.00").wait_for()
    page.get_by_role("button", name="Buy Coffee").click()
    page.get_by_text("You have bought 5 × Coffee.").wait_for()
    context.close()
