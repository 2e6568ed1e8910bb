"""Every page of the panel about accounts, charges, products and subscriptions: accessible, never
too wide; and the simulator, as somebody uses it."""

import pytest
from django.urls import reverse

from billing.charging import charge_other, take_back
from billing.models.paying import receive
from billing.runs import run_billing
from tests import story
from tests.browser.answers import settle

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> dict[str, str]:
    """Pages by name, each with something in it."""
    story.billed(w)
    story.sellable(w)
    receive(w.ada, w.house, amount=500, by=w.anton)
    waiting = charge_other(w.ada, w.house, text="Copies", amount=5, by=w.anton)
    mistake = charge_other(w.ada, w.house, text="A mistake", amount=5, by=w.anton)
    take_back(mistake, reason="Typed twice", by=w.anton)
    w.office.edit({"deposit": 500}, by=w.mona)
    w.office.sign_up(w.noor, starts_on=story.TODAY, by=w.mona)
    deposit = w.noor.charges.get(kind="deposit")
    ada, contract = f"/panel/customers/{w.ada.pk}", f"/panel/contracts/{w.ada_contract.pk}"
    return {
        "account": f"{ada}/account/",
        "an account with a deposit": f"/panel/customers/{w.noor.pk}/account/",
        "an empty account": f"/panel/customers/{w.omar.pk}/account/",
        "record": f"{ada}/",
        "charge something": f"{ada}/charges/new/",
        "sell": f"{ada}/sales/new/",
        "sell by period": f"{ada}/subscriptions/new/",
        "invoice now": f"{ada}/invoices/new/",
        "payment": f"{ada}/payments/new/",
        "refund": f"{ada}/refunds/new/",
        "charges": "/panel/charges/",
        "no charges": "/panel/charges/?q=nobody",
        "charge": f"/panel/charges/{waiting.pk}/",
        "void": f"/panel/charges/{mistake.pk}/",
        "take back": f"/panel/charges/{waiting.pk}/taking-back/",
        "deposit": f"/panel/charges/{deposit.pk}/deposit-return/",
        "products": "/panel/products/",
        "new product": "/panel/products/new/",
        "product": f"/panel/products/{w.coffee.pk}/",
        "locker": f"/panel/products/{w.locker.pk}/",
        "edit": f"/panel/products/{w.coffee.pk}/edit/",
        "stock": f"/panel/products/{w.coffee.pk}/stock/",
        "sale": f"/panel/products/{w.coffee.pk}/sales/new/",
        "subscription": f"/panel/subscriptions/{w.locker_of_ada.pk}/",
        "end": f"/panel/subscriptions/{w.locker_of_ada.pk}/end/",
        "cancellation": f"{contract}/cancellation/",
        "freeze": f"{contract}/freeze/",
        "price": f"{contract}/price-steps/",
        "settings": f"/panel/settings/locations/{w.house.pk}/",
        "home": "/panel/",
    }


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_looks_right):
    page = page_at(user=w.mona)
    for name, address in pages.items():
        assert page.goto(address).ok, name
        settle(page)
        for line in page.locator("details.simulation__pair > summary").all():
            line.click()
        for line in page.locator("details.told > summary:visible").all()[:3]:
            line.click()
        assert_looks_right(page)


def test_a_charge_opens_with_the_keyboard_and_says_why(w, pages, page_at):
    page = page_at(pages["charges"], user=w.frida)
    line = page.locator("details.told", has_text="Copies")
    line.locator("summary").focus()
    page.keyboard.press("Enter")
    line.get_by_text("Entered by the staff").wait_for()


def test_the_front_desk_sells_in_a_dialog_and_sees_the_price_before(w, pages, page_at):
    page = page_at(pages["product"], user=w.frida)
    page.get_by_role("link", name="Sell").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name or e-mail").type("noor")
    dialog.get_by_role("radio", name="Noor Rahman").wait_for()
    dialog.get_by_label("Quantity").fill("3")
    dialog.get_by_label("Quantity").press("Tab")
    dialog.get_by_text("3 at €2.00").wait_for()
    dialog.get_by_role("button", name="Sell").click()
    page.get_by_text("3 × Coffee: sold to Noor Rahman.").wait_for()


def test_the_next_invoices_follow_the_days_that_are_chosen(w, page_at):
    run_billing(by=w.mona)
    page = page_at(reverse("panel:contract", args=[w.ada_contract.pk]), user=w.mona)
    page.get_by_text("Actions").click()
    page.get_by_role("link", name="Freeze").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("1 Dec 2026").first.wait_for()
    dialog.get_by_label("First frozen day").fill("2026-12-01")
    dialog.get_by_label("Last frozen day").fill("2026-12-31")
    dialog.get_by_label("Last frozen day").press("Tab")
    row = dialog.locator(".simulation__row", has_text="1 Jan 2027")
    row.get_by_text("−€300.00").wait_for()
    row.click()
    dialog.get_by_text("No invoice on this day.").first.wait_for()
    assert not w.ada_contract.freezes.exists()
    dialog.get_by_role("button", name="Freeze").click()
    page.get_by_text("Frozen.", exact=True).wait_for()
    assert w.ada_contract.freezes.exists()


def test_what_is_ticked_is_added_up_before_it_is_invoiced(w, pages, page_at):
    page = page_at(pages["invoice now"], user=w.anton)
    for box in page.locator(".ticks input").all():
        box.uncheck()
    page.get_by_text("Tick what is to be invoiced.").wait_for()
    page.get_by_label("Copies").check()
    page.locator("#preview").get_by_text("€6.00").wait_for()
    page.get_by_role("button", name="Invoice").click()
    page.get_by_text("is issued.").wait_for()
