"""Every page of the panel's daily work and the portal's home: accessible, and never too wide."""

import pytest

from tests.story import TODAY, day

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> dict[str, str]:
    """Pages by name, each with something in it."""
    w.ada.edit({"notes": "Likes the window.", "phone": "+44 1"}, by=w.mona)
    w.ada_contract.cancel(last_day=day("2027-01-31"), by=w.mona, reason="Moves")
    w.lin_contract.freeze(from_on=TODAY, until=day("2026-12-31"), by=w.mona)
    scheduled = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
    ada, contract = f"/panel/customers/{w.ada.pk}", f"/panel/contracts/{w.ada_contract.pk}"
    return {
        "home": "/panel/",
        "customers": "/panel/customers/",
        "filtered": "/panel/customers/?status=member&type=company&on=2026-11-01",
        "nobody": "/panel/customers/?q=nobody",
        "new customer": "/panel/customers/new/",
        "record": f"{ada}/",
        "company": f"/panel/customers/{w.lin.pk}/",
        "suspended": f"/panel/customers/{w.viktor.pk}/",
        "edit": f"{ada}/edit/",
        "notes": f"{ada}/notes/",
        "archive": f"{ada}/archive/",
        "delete": f"{ada}/deletion/",
        "bulk archive": f"/panel/customers/archive/?ids={w.ada.pk}&ids={w.noor.pk}",
        "sign up": f"{ada}/contracts/new/",
        "contracts": "/panel/contracts/",
        "contract": f"{contract}/",
        "frozen contract": f"/panel/contracts/{w.lin_contract.pk}/",
        "cancellation": f"{contract}/cancellation/",
        "withdrawal": f"{contract}/cancellation/withdrawal/",
        "calling off": f"/panel/contracts/{scheduled.pk}/calling-off/",
        "plan change": f"{contract}/plan-change/",
        "change withdrawal": f"{contract}/plan-change/withdrawal/",
        "freeze": f"{contract}/freeze/",
        "resumption": f"/panel/contracts/{w.lin_contract.pk}/resumption/",
        "price step": f"{contract}/price-steps/",
    }


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_looks_right):
    page = page_at(user=w.mona)
    for name, address in pages.items():
        assert page.goto(address).ok, name
        assert_looks_right(page)


@pytest.mark.looks
def test_the_portal_is_accessible_and_fits(w, page_at, sign_in_as, assert_looks_right):
    page = page_at()
    for user in (w.ada.user, w.noor.user, w.mona):
        sign_in_as(page, user)
        page.goto("/portal/")
        assert_looks_right(page)


def test_refusals_menus_and_previews_are_accessible_too(w, page_at, assert_accessible, complaints):
    page = page_at("/panel/customers/new/", user=w.mona)
    page.get_by_role("button", name="Add customer").click()
    page.get_by_role("alert").wait_for()
    assert_accessible(page)
    complaints[:] = [one for one in complaints if "422" not in one]

    page.goto("/panel/customers/")
    page.locator(".filters__more summary").click()
    assert_accessible(page)

    page.goto(f"/panel/customers/{w.omar.pk}/contracts/new/")
    page.get_by_label("Plan").select_option(str(w.hot_desk.pk))
    page.get_by_text("today, no longer a contact").wait_for()
    assert_accessible(page)

    page.goto(f"/panel/contracts/{w.ada_contract.pk}/")
    page.locator(".page-head summary").click()
    page.get_by_role("link", name="Change plan").click()
    page.locator("dialog[open]").get_by_label("New plan", exact=True).select_option(
        str(w.office.pk)
    )
    page.get_by_text("Last of Hot Desk").wait_for()
    assert_accessible(page)
