import pytest

pytestmark = pytest.mark.browser


@pytest.mark.looks
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_components_are_accessible_and_fit(w, page_at, assert_accessible, width, scheme):
    page = page_at("/panel/components/?say=1", user=w.mona, width=width, scheme=scheme)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_chosen_theme_is_kept(w, page_at):
    page = page_at("/panel/components/", user=w.mona)
    page.locator(".sidebar__foot summary").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_search_answers_in_place_and_stays_in_the_address(w, page_at):
    page = page_at("/panel/components/", user=w.mona)
    page.get_by_role("searchbox").fill("lin")
    page.wait_for_url("**/panel/components/?q=lin")
    assert page.locator("#list tbody tr").count() == 1


def test_ticked_rows_bring_up_their_bar_and_are_counted(w, page_at):
    page = page_at("/panel/components/", user=w.mona)
    bar = page.locator(".bulkbar")
    assert not bar.is_visible()
    page.get_by_label("Tick all").check()
    assert "4 ticked" in bar.inner_text()
    page.get_by_label("Tick none").click()
    assert not bar.is_visible()


def test_escape_closes_menus_and_dialogs(w, page_at, assert_accessible):
    page = page_at("/panel/components/", user=w.mona)
    page.locator("#dialogs summary", has_text="More").click()
    assert page.locator("details.menu[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("details.menu[open]").count() == 0
    page.locator("#dialogs [data-dialog-open]").click()
    assert_accessible(page)
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_on_a_phone_the_menu_is_a_drawer(w, page_at, assert_accessible):
    page = page_at("/panel/components/", user=w.mona, width=390)
    assert not page.locator(".sidebar").is_visible()
    page.get_by_role("button", name="Menu").click()
    assert page.locator(".sidebar").is_visible()
    assert_accessible(page)
