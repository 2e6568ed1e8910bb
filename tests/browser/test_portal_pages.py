"""Every page of the portal: accessible, never too wide, and its main job by keyboard alone."""

import pytest

from tests import story
from tests.browser.test_panel_work import tab_to
from tests.story import TODAY, day

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> list[tuple]:
    """(who, what, address) of every page, each with something in it."""
    ada, noor, lin = w.ada.user, w.noor.user, w.lin.user
    w.house.contact_email, w.house.contact_phone = "hello@riverside.example", "+44 117 496 0000"
    w.house.save()
    evening = story.plan(
        w.house, "Evening Desk", "90", billing_day=1, offered_in_portal=True, notice_days=30,
        minimum_cycles=3, deposit=90, sign_up_fee=20, benefits="Coffee\nA locker",
        description="Any free desk after five.", accept_terms="No dogs.\n\n" + "Be kind. " * 200,
    )  # fmt: skip
    story.plan(w.house, "Tiny Room", "10", offered_in_portal=True, subscriber_limit=1).sign_up(
        w.omar, by=w.mona
    )
    w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-04"), by=ada)
    w.ada_contract.cancel(last_day=day("2027-01-31"), by=ada, reason="I move to Leeds")
    scheduled = evening.sign_up(w.noor, starts_on=day("2026-12-17"), by=w.mona)
    w.team.edit({"size_limit": 6}, by=w.mona)
    w.team.invite("kim@example.com", full_name="Kim Doe", by=w.mona)
    invitation = w.team.invitations.get().pk
    omar = w.team.memberships.get(customer=w.omar).pk
    contract, team = f"/portal/contracts/{w.ada_contract.pk}", f"/portal/teams/{w.team.pk}"
    return [
        (ada, "home", "/portal/"),
        (ada, "plans", "/portal/plans/"),
        (ada, "contract", f"{contract}/"),
        (ada, "cancellation", f"{contract}/cancellation/"),
        (ada, "cancellation withdrawal", f"{contract}/cancellation/withdrawal/"),
        (ada, "freeze", f"{contract}/freeze/"),
        (ada, "resumption", f"{contract}/resumption/"),
        (ada, "change: which", f"{contract}/plan-change/"),
        (ada, "change", f"{contract}/plan-change/?to={evening.pk}"),
        (ada, "change withdrawal", f"{contract}/plan-change/withdrawal/"),
        (ada, "account", "/portal/account/"),
        (ada, "no team", "/portal/teams/"),
        (noor, "home with what comes", "/portal/"),
        (noor, "scheduled", f"/portal/contracts/{scheduled.pk}/"),
        (noor, "calling off", f"/portal/contracts/{scheduled.pk}/calling-off/"),
        (noor, "ended", f"/portal/contracts/{w.noor_contract.pk}/"),
        (noor, "join", f"/portal/plans/{w.hot_desk.pk}/join/"),
        (noor, "join what one has", f"/portal/plans/{evening.pk}/join/"),
        (lin, "join for a team", f"/portal/plans/{evening.pk}/join/"),
        (lin, "edit", "/portal/account/edit/"),
        (lin, "team", f"{team}/"),
        (lin, "invite", f"{team}/invitations/new/"),
        (lin, "invitation withdrawal", f"{team}/invitations/{invitation}/withdrawal/"),
        (lin, "removal", f"{team}/memberships/{omar}/removal/"),
        (lin, "leaving", f"{team}/leaving/"),
        (lin, "spending", f"{team}/spending/"),
        (story.login("new@example.com"), "nobody", "/portal/"),
    ]


@pytest.mark.looks
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_accessible, width, scheme):
    browsers = {}
    for user, name, address in pages:
        if user.pk not in browsers:
            browsers[user.pk] = page_at(user=user, width=width, scheme=scheme)
        page = browsers[user.pk]
        assert page.goto(address).ok, name
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_whatever_is_pressed_on_a_phone_is_large_enough(w, pages, page_at):
    """44 pixels each way, but for links in running text and the skip link."""
    small = """() => [...document.querySelectorAll(
        "a, button, summary, input:not([type=hidden]), select, textarea")]
      .filter(it => it.checkVisibility({visibilityProperty: true})
                    && !it.closest(".skip, p, h3, .messages"))
      .map(it => [it.outerHTML.slice(0, 90),
                  (it.closest("label") ?? it).getBoundingClientRect()])
      .filter(([html, box]) => box.height && (box.height < 43.5 || box.width < 30))
      .map(([html, box]) => `${html} ${box.width} x ${box.height}`)"""
    browsers = {}
    for user, name, address in pages:
        if user.pk not in browsers:
            browsers[user.pk] = page_at(user=user, width=390)
        page = browsers[user.pk]
        page.goto(address)
        assert page.evaluate(small) == [], name


def test_menus_refusals_and_dialogs_are_accessible_too(w, page_at, assert_accessible, complaints):
    story.company(w.house, "Zeta Ltd", "Ada Lovelace", user=w.ada.user)
    page = page_at("/portal/", user=w.ada.user, width=390)
    page.locator(".portal-bar summary").click()
    page.get_by_role("button", name="Zeta Ltd").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Zeta Ltd").click()
    page.get_by_text("This is the portal of Zeta Ltd now.").wait_for()
    page.get_by_role("link", name="See the plans").wait_for()
    assert_accessible(page)

    page = page_at(f"/portal/contracts/{w.ada_contract.pk}/freeze/", user=w.ada.user)
    page.get_by_role("button", name="Freeze these days").click()
    page.get_by_role("alert").wait_for()
    assert_accessible(page)
    complaints[:] = [one for one in complaints if "422" not in one]

    page = page_at(f"/portal/teams/{w.team.pk}/", user=w.lin.user)
    page.get_by_role("link", name="Invite somebody").click()
    page.locator("dialog[open]").wait_for()
    assert_accessible(page)


def test_the_main_job_with_the_keyboard_alone(w, page_at):
    page = page_at("/portal/", user=w.noor.user)
    tab_to(page, "link", "See the plans")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/plans/")
    tab_to(page, "link", "Join Hot Desk")
    page.keyboard.press("Enter")
    page.get_by_text("You are a member from today.").wait_for()
    page.get_by_text("€91.67").wait_for()
    tab_to(page, "button", "Join Hot Desk")
    page.keyboard.press("Enter")
    page.get_by_text("you are a member from today").wait_for()
    assert w.noor.status == "member"

    tab_to(page, "link", "Cancel Your last day can be 20 Dec 2026 at the earliest.")
    page.keyboard.press("Enter")
    page.get_by_text("With 30 days' notice from today").wait_for()
    tab_to(page, "button", "Cancel Hot Desk")
    page.keyboard.press("Enter")
    page.get_by_text("Your last day is Sunday, 20 December 2026.").wait_for()
    assert w.noor.contracts.get(starts_on=TODAY).ends_on == day("2026-12-20")


def test_the_preview_follows_the_day(w, page_at):
    page = page_at(f"/portal/plans/{w.hot_desk.pk}/join/", user=w.noor.user)
    page.get_by_label("First day").fill("2026-12-17")
    page.get_by_text("You are a member from 17 December 2026.").wait_for()
    page.get_by_text("15 of 31 days").wait_for()
    page.get_by_label("First day").fill("2026-11-01")
    page.locator("#preview").get_by_text("Choose today or a later day.").wait_for()


def test_without_script_days_are_looked_at_and_signed(w, browser, live_server, page_at):
    cookies = page_at("/portal/", user=w.noor.user).context.cookies()
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-GB"
    )
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"/portal/plans/{w.hot_desk.pk}/join/")
    page.get_by_label("First day").fill("2026-12-17")
    page.get_by_role("button", name="Look at these days").click()
    page.get_by_text("15 of 31 days").wait_for()
    page.get_by_role("button", name="Join Hot Desk").click()
    page.get_by_text("Starts on 17 December 2026.").wait_for()
    context.close()
