import pytest
from playwright.sync_api import Error

from tests.browser.looks import FONTS, Looks

pytestmark = pytest.mark.browser


@pytest.mark.looks
def test_the_components_are_accessible_and_fit(w, page_at, assert_looks_right):
    assert_looks_right(page_at("/panel/components/?say=1", user=w.mona))


def test_the_browser_reaches_no_other_server_and_a_try_is_a_complaint(page_at, complaints):
    page = page_at()
    with pytest.raises(Error, match="ERR_FAILED"):
        page.goto("http://elsewhere.example/")
    assert complaints == ["a request to http://elsewhere.example"]
    complaints.clear()


def fonts_of(page) -> set[str]:
    """The font families in which the browser draws the page's words and code."""
    devtools = page.context.new_cdp_session(page)
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    found = devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": "p, h1, code"})
    devtools.send("CSS.enable")
    drawn = [
        devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        for node in found["nodeIds"]
    ]
    return {font["familyName"] for fonts in drawn for font in fonts}


@pytest.mark.looks
def test_pages_are_drawn_in_each_set_of_fonts(w, page_at, looks):
    page = page_at("/panel/components/", user=w.mona)
    for name in looks.known_fonts(page):
        looks.switch(page, name)
        assert fonts_of(page) >= set(FONTS[name][1:])


@pytest.mark.looks
def test_a_missing_font_fails_in_ci_and_is_left_out_elsewhere(w, page_at, monkeypatch):
    page = page_at("/panel/components/", user=w.mona)
    missing = ("fonts-nowhere", "Nowhere Sans", "Nowhere Serif", "Nowhere Mono")
    monkeypatch.setitem(FONTS, "Nowhere", missing)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="apt install fonts-nowhere"):
        Looks().known_fonts(page)
    monkeypatch.delenv("CI")
    with pytest.warns(UserWarning, match="apt install fonts-nowhere"):
        assert "Nowhere" not in Looks().known_fonts(page)


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
