"""The main work of the front desk, as it is done in the browser."""

import pytest

from customers.models import Customer
from tests import story
from tests.story import day

pytestmark = pytest.mark.browser


def tab_to(page, role: str, name: str) -> None:
    """Press Tab until the focus is on something with this role and name."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    for _press in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach the {role} {name}")


def test_the_main_job_with_the_keyboard_alone(w, page_at):
    page = page_at("/panel/", user=w.mona)
    tab_to(page, "link", "Add customer")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/new/")

    tab_to(page, "radio", "Individual A person who uses the space for themselves.")
    page.keyboard.press("Space")
    tab_to(page, "textbox", "Name")
    page.keyboard.type("Kim Doe")
    tab_to(page, "textbox", "E-mail")
    page.keyboard.type("kim@example.com")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Kim Doe").wait_for()
    page.get_by_text("Contact: no contract has counted so far.").wait_for()

    tab_to(page, "link", "Sign up to a plan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contracts/new/")
    tab_to(page, "combobox", "Plan")
    page.keyboard.type("Hot")
    page.get_by_text("today, no longer a contact").wait_for()
    tab_to(page, "button", "Sign")
    page.keyboard.press("Enter")
    page.get_by_text("Member since 20 Nov 2026 through Hot Desk.").wait_for()

    kim = Customer.objects.get(email="kim@example.com")
    assert kim.status == "member"
    tab_to(page, "link", "Hot Desk")
    page.keyboard.press("Enter")
    page.wait_for_url("**/panel/contracts/*/")
    for _press in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.page-head summary')"):
            break
    page.keyboard.press("Enter")
    tab_to(page, "link", "Cancel")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    assert page.evaluate("document.activeElement.name") == "last_day"
    tab_to(page, "button", "Cancel the contract")
    page.keyboard.press("Enter")
    page.get_by_text("Its last day is Sunday, 20 December 2026.").wait_for()
    assert kim.contracts.get().ends_on == day("2026-12-20")


def test_searching_answers_in_place_and_stays_in_the_address(w, page_at):
    page = page_at("/panel/customers/", user=w.mona)
    page.keyboard.press("/")
    page.keyboard.type("haddad")
    page.wait_for_url("**/panel/customers/?q=haddad")
    assert page.locator("#list tbody tr").count() == 1
    page.get_by_label("Status").select_option("member")
    page.wait_for_url("**/panel/customers/?q=haddad&status=member")
    page.get_by_text("Nobody matches").wait_for()
    page.reload()
    assert page.get_by_role("searchbox").input_value() == "haddad"


def test_a_filter_starts_at_the_first_page(w, page_at):
    for number in range(30):
        story.person(w.house, f"Kim {number:02}")
    page = page_at("/panel/customers/", user=w.mona)
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**after=*")
    page.get_by_label("Status").select_option("member")
    page.wait_for_url("**/panel/customers/?status=member")


def test_ticked_customers_are_archived_after_a_look(w, page_at):
    page = page_at("/panel/customers/", user=w.mona)
    page.get_by_label("Tick Ada Lovelace").check()
    page.get_by_label("Tick Omar Haddad").check()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("button", name="Archive 1 customer").click()
    page.get_by_text("1 customer is archived.").wait_for()
    page.get_by_text("The contract “Hot Desk” is still running.").wait_for()


def test_company_fields_appear_with_the_choice(w, page_at):
    page = page_at("/panel/customers/new/", user=w.mona)
    assert not page.get_by_label("Company name").is_visible()
    page.get_by_label("Company", exact=False).first.check()
    assert page.get_by_label("Company name").is_visible()


def test_notes_are_edited_in_place(w, page_at):
    page = page_at(f"/panel/customers/{w.ada.pk}/", user=w.frida)
    page.get_by_role("link", name="Edit notes").click()
    page.get_by_role("textbox", name="Notes").fill("Likes the window.")
    page.locator("#notes").get_by_role("button", name="Save").click()
    page.get_by_text("Likes the window.").wait_for()
    assert page.url.endswith(f"/panel/customers/{w.ada.pk}/")


def test_without_script_a_contract_is_previewed_and_signed(w, browser, live_server, page_at):
    signed_in = page_at("/panel/", user=w.frida).context.cookies()
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-GB"
    )
    context.add_cookies(signed_in)
    page = context.new_page()
    page.goto(f"/panel/customers/{w.omar.pk}/contracts/new/")
    page.get_by_label("Plan").select_option(str(w.hot_desk.pk))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("11 of 30 days").wait_for()
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_text("Member since 20 Nov 2026 through Hot Desk.").wait_for()
    context.close()
