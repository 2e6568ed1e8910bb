"""Teams, suspensions and deeds for many in the browser."""

import pytest

from customers.models import Customer, Team
from plans.models import TeamDefaultPlan
from tests import story
from tests.browser.test_panel_work import tab_to

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(w) -> dict[str, str]:
    """Pages by name, each with something in it."""
    w.team.edit({"size_limit": 6, "spending_limit": 250}, by=w.mona)
    TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.mona)
    w.team.add(w.viktor, by=w.frida)
    old = Team.objects.start("Old Crew", payer=w.viktor, by=w.mona)
    old.archive(by=w.mona)
    empty = Team.objects.start("Nobody", payer=w.viktor, by=w.mona)
    w.noor.suspend(by=None, reason="Registered in the portal", cause="approval")
    w.omar.suspend(by=None, reason="30 days overdue", cause="debt")
    team, ticked = f"/panel/teams/{w.team.pk}", f"?ids={w.ada.pk}&ids={w.viktor.pk}"
    return {
        "home": "/panel/",
        "teams": "/panel/teams/",
        "no team": "/panel/teams/?q=xyz",
        "archived teams": "/panel/teams/?archived=all",
        "new team": "/panel/teams/new/",
        "team": f"{team}/",
        "archived team": f"/panel/teams/{old.pk}/",
        "empty team": f"/panel/teams/{empty.pk}/",
        "edit": f"{team}/edit/",
        "archive": f"{team}/archive/",
        "bring back": f"/panel/teams/{old.pk}/restoring/",
        "new person": f"{team}/people/new/",
        "removal": f"{team}/people/{w.omar.pk}/removal/",
        "suspend": f"/panel/customers/{w.ada.pk}/suspension/",
        "suspended": f"/panel/customers/{w.viktor.pk}/suspension/",
        "in debt": f"/panel/customers/{w.omar.pk}/suspension/",
        "lift": f"/panel/customers/{w.viktor.pk}/reinstatement/",
        "waiting": f"/panel/customers/{w.noor.pk}/",
        "record in debt": f"/panel/customers/{w.omar.pk}/",
        "suspend many": f"/panel/customers/suspension/{ticked}",
        "lift many": f"/panel/customers/reinstatement/{ticked}",
        "add many": f"/panel/customers/team/{ticked}&team={w.team.pk}",
        "archive many": f"/panel/customers/archive/{ticked}",
        "not understood": "/panel/customers/?status=nonsense&suspended=approval&on=nonsense",
    }


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(w, pages, page_at, assert_looks_right):
    page = page_at(user=w.mona)
    for name, address in pages.items():
        assert page.goto(address).ok, name
        assert_looks_right(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_opens_on_a_page_is_accessible_too(w, page_at, assert_accessible, complaints, width):
    story.person(w.house, "Ada Byron")
    page = page_at(f"/panel/teams/{w.team.pk}/", user=w.mona, width=width)
    page.get_by_label("What can be done with Omar Haddad").click()
    page.get_by_role("button", name="Make an admin").wait_for()
    assert_accessible(page)
    page.get_by_role("link", name="Take out of the team").click()
    page.locator("dialog[open]").wait_for()
    assert_accessible(page)

    page.goto(f"/panel/teams/{w.team.pk}/")
    page.get_by_role("link", name="Add somebody").click()
    box = page.locator("dialog[open]").get_by_role("searchbox")
    box.fill("ada")
    page.get_by_role("radio", name="Ada Byron").wait_for()
    assert_accessible(page)
    box.press("Enter")
    page.get_by_role("alert").wait_for()
    assert "Several are found" in page.get_by_role("alert").inner_text()
    assert_accessible(page)
    complaints[:] = [one for one in complaints if "422" not in one]

    page.goto("/panel/customers/")
    page.get_by_label("Tick Ada Lovelace").check()
    page.get_by_role("button", name="Add to a team").wait_for()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_team_an_admin_a_suspension_and_its_end_with_the_keyboard_alone(w, page_at):
    page = page_at("/panel/", user=w.mona)
    tab_to(page, "link", "Teams")
    page.keyboard.press("Enter")
    page.wait_for_url("**/panel/teams/")
    tab_to(page, "link", "Add team")
    page.keyboard.press("Enter")
    page.wait_for_url("**/teams/new/")
    tab_to(page, "textbox", "Name")
    page.keyboard.type("Crew")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Crew", exact=True).wait_for()

    tab_to(page, "link", "Add somebody")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    assert page.evaluate("document.activeElement.name") == "customer_q"
    page.keyboard.type("ada")
    page.get_by_role("radio", name="Ada Lovelace").wait_for()
    tab_to(page, "button", "Add to the team")
    page.keyboard.press("Enter")
    page.get_by_text("Ada Lovelace is in Crew now.").wait_for()

    for _press in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.ariaLabel")
            == "What can be done with Ada Lovelace"
        ):
            break
    page.keyboard.press("Enter")
    tab_to(page, "button", "Make an admin")
    page.keyboard.press("Enter")
    page.get_by_text("Ada Lovelace is an admin of Crew now.").wait_for()
    assert list(Team.objects.get(name="Crew").admins()) == [w.ada]

    page.goto(f"/panel/customers/{w.ada.pk}/")
    for _press in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.page-head summary')"):
            break
    page.keyboard.press("Enter")
    tab_to(page, "link", "Suspend…")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.type("Loud music at night")
    tab_to(page, "button", "Suspend")
    page.keyboard.press("Enter")
    page.get_by_text("Ada Lovelace is suspended.").wait_for()
    page.get_by_text("Loud music at night (Mona Keller)").wait_for()

    tab_to(page, "link", "Lift the suspension")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    tab_to(page, "button", "Lift the suspension")
    page.keyboard.press("Enter")
    page.get_by_text("Ada Lovelace is not suspended any more.").wait_for()
    assert Customer.objects.get(pk=w.ada.pk).suspension is None


def test_choosing_a_team_shows_at_once_what_stands_against_whom(w, page_at):
    page = page_at("/panel/customers/", user=w.mona)
    page.get_by_label("Tick Ada Lovelace").check()
    page.get_by_label("Tick Omar Haddad").check()
    page.get_by_role("button", name="Add to a team").click()
    page.get_by_role("button", name="Add 2 customers").wait_for()
    page.wait_for_load_state()
    page.get_by_label("Team").select_option("Lin & Co")
    page.get_by_text("This customer is in the team already.").wait_for()
    page.get_by_role("button", name="Add 1 customer").click()
    page.get_by_text("1 customer has joined.").wait_for()
    assert w.team.present().filter(customer=w.ada).exists()
