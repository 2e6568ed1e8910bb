"""From registering to leaving, at both doors: what a customer does in the portal, and what staff
do on the other side of it. Once by pointer on each size of screen, once by keyboard alone."""

import re

import pytest

from customers.models import Customer
from kit.models import OutboxMessage
from tests import story
from tests.browser.test_panel_work import tab_to
from tests.story import TODAY, day

pytestmark = pytest.mark.browser

PHRASE = "seven quiet herons"


def code_sent_to(email: str) -> str:
    mail = next(one for one in OutboxMessage.objects.order_by("-pk") if one.to == [email])
    return re.findall(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mail.text)[0]


def link_sent_to(email: str) -> str:
    mails = [one.text for one in OutboxMessage.objects.order_by("-pk") if one.to == [email]]
    return re.findall(r"/portal/join/\S+/", " ".join(mails))[0]


@pytest.fixture
def expect_refusals(complaints):
    """The browser notes each answer that is a refusal; here they are what is wanted."""
    yield
    complaints[:] = [one for one in complaints if not re.search(r"status of (403|422)", one)]


def is_as_wide_as_the_screen(page, width: int) -> bool:
    return page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 390])
def test_a_member_from_the_first_visit_to_the_last(
    w, page_at, expect_refusals, assert_accessible, width
):
    rita = page_at("/portal/login/", width=width)
    rita.get_by_role("link", name="Create an account").click()
    rita.get_by_label("Your name").fill("Rita Real")
    rita.get_by_label("E-mail").fill("rita@example.com")
    rita.get_by_label("Password").fill(PHRASE)
    rita.get_by_role("button", name="Go on").click()
    rita.get_by_role("heading", name="Confirm your e-mail").wait_for()
    rita.get_by_label("Code").fill(code_sent_to("rita@example.com"))
    rita.get_by_role("button", name="Confirm").click()
    rita.get_by_role("heading", name="Hello, Rita").wait_for()
    assert_accessible(rita)

    # She joins a plan and is a member at once.
    rita.get_by_role("link", name="See the plans").click()
    rita.get_by_role("link", name="Join Hot Desk").click()
    rita.get_by_text("You are a member from today.").wait_for()
    rita.get_by_role("button", name="Join Hot Desk").click()
    rita.get_by_text("you are a member from today").wait_for()
    customer = Customer.objects.get(email="rita@example.com")
    assert customer.status == "member"

    # The front desk sees her.
    desk = page_at(f"/panel/customers/{customer.pk}/", user=w.frida, width=width)
    desk.get_by_text("Member since 20 Nov 2026 through Hot Desk.").wait_for()
    desk.get_by_text("Signs in as rita@example.com").wait_for()

    # She cancels and reads her last day.
    rita.goto("/portal/")
    rita.get_by_role("link", name=re.compile("Hot Desk")).first.click()
    rita.get_by_role("link", name=re.compile("^Cancel")).first.click()
    rita.get_by_text("With 30 days' notice from today").wait_for()
    rita.get_by_role("button", name="Cancel Hot Desk").click()
    rita.get_by_text("Your last day is Sunday, 20 December 2026.").wait_for()
    assert customer.contracts.get().ends_on == day("2026-12-20")

    # The front desk suspends her; her next click is turned away.
    desk.get_by_text("More", exact=True).click()
    desk.get_by_role("link", name=re.compile("^Suspend")).click()
    desk.get_by_label("Reason").fill("Three invoices unpaid")
    desk.get_by_role("button", name=re.compile("^Suspend")).click()
    desk.get_by_text("Rita Real is suspended.").wait_for()
    rita.goto("/portal/")
    rita.get_by_role("heading", name="Your access is closed").wait_for()
    assert "Three invoices unpaid" not in rita.content(), "the reason is for the right password"
    assert is_as_wide_as_the_screen(rita, width)
    assert_accessible(rita)
    sign_in(rita, "rita@example.com", PHRASE)
    rita.get_by_text("Three invoices unpaid").wait_for()
    assert_accessible(rita)

    # They talk, the front desk lifts it, she signs in anew.
    desk.get_by_role("link", name="Lift").first.click()
    desk.get_by_role("button", name=re.compile("^Lift")).click()
    desk.get_by_text("is not suspended any more").wait_for()
    rita.goto("/portal/")
    rita.get_by_role("heading", name="Sign in").wait_for()
    sign_in(rita, "rita@example.com", PHRASE)
    rita.get_by_role("heading", name="Hello, Rita").wait_for()
    rita.get_by_text("20 December 2026").first.wait_for()


def sign_in(page, email: str, password: str) -> None:
    page.goto("/portal/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_whole_way_in_with_the_keyboard_alone(w, page_at, expect_refusals):
    page = page_at("/portal/login/")
    tab_to(page, "link", "Create an account")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/join/")
    page.get_by_label("Your name").wait_for()
    page.keyboard.type("Rita Real")
    page.keyboard.press("Tab")
    page.keyboard.type("rita@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PHRASE)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Confirm your e-mail").wait_for()
    tab_to(page, "textbox", "Code")
    page.keyboard.type(code_sent_to("rita@example.com"))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Hello, Rita").wait_for()
    assert Customer.objects.get(email="rita@example.com").registered_on == TODAY

    desk = page_at(f"/panel/customers/{w.omar.pk}/", user=w.frida)
    tab_to(desk, "link", "Invite")
    desk.keyboard.press("Enter")
    desk.locator("dialog[open]").wait_for()
    tab_to(desk, "button", "Send the invitation")
    desk.keyboard.press("Enter")
    desk.get_by_text("An invitation is on its way to omar@example.com.").wait_for()

    omar = page_at(link_sent_to("omar@example.com"))
    tab_to(omar, "textbox", "Password")
    omar.keyboard.type(PHRASE)
    omar.keyboard.press("Enter")
    omar.get_by_role("heading", name="Hello, Omar").wait_for()
    w.omar.refresh_from_db()
    assert w.omar.user.email == "omar@example.com"


@pytest.fixture
def pages(w, settings) -> list[tuple]:
    """(who, what, address) of the pages about doors, each with something in it."""
    settings.SHOWS_MAIL = True
    story.house(name="Hill House")
    story.company(w.house, "Ada Ltd", "Ada Lovelace", user=w.ada.user)
    w.omar.invite(by=w.frida)
    w.team.invite("ada@example.com", by=w.mona)
    w.team.invite("new@example.com", full_name="Nell New", by=w.mona)
    w.ada.open_calendar_feed(by=w.ada.user)
    from customers.models import User

    User.objects.invite_staff("sam@example.com", [("owner", None)], full_name="Sam", by=w.mona)
    old = w.team.invite("old@example.com", by=w.mona)
    over = link_sent_to("old@example.com")
    old.withdraw(by=w.mona)
    letter = OutboxMessage.objects.latest("pk").pk
    sam = User.objects.get(email="sam@example.com").pk
    ada, omar, mona = w.ada.user, f"/panel/customers/{w.omar.pk}", w.mona
    return [
        (None, "sign in", "/portal/login/"),
        (None, "register", "/portal/join/"),
        (None, "forgotten", "/portal/password/reset/"),
        (None, "link sent", "/portal/password/sent/"),
        (None, "password chosen", "/portal/password/done/"),
        (None, "invited", link_sent_to("omar@example.com")),
        (None, "invited to a team", link_sent_to("new@example.com")),
        (None, "invited, has a login", link_sent_to("ada@example.com")),
        (None, "invited to work", link_sent_to("sam@example.com")),
        (None, "invitation over", over),
        (None, "e-mails", "/mail/"),
        (None, "e-mail", f"/mail/{letter}/"),
        (None, "e-mail as it arrives", f"/mail/{letter}/html/"),
        (ada, "accept", link_sent_to("ada@example.com")),
        (ada, "e-mail address", "/portal/account/email/"),
        (ada, "password", "/portal/account/password/"),
        (ada, "asked again", "/portal/account/password/again/"),
        (ada, "sessions", "/portal/account/sessions/"),
        (ada, "second factor", "/portal/account/second-factor/"),
        (ada, "calendar", "/portal/account/calendar/"),
        (ada, "sign out", "/portal/logout/"),
        (w.viktor.user, "turned away", "/portal/"),
        (mona, "staff", "/panel/staff/"),
        (mona, "invite staff", "/panel/staff/new/"),
        (mona, "colleague", f"/panel/staff/{sam}/"),
        (mona, "end", f"/panel/staff/{w.frida.pk}/end/"),
        (mona, "settings", "/panel/settings/"),
        (mona, "location", f"/panel/settings/locations/{w.house.pk}/"),
        (mona, "new location", "/panel/settings/locations/new/"),
        (mona, "record of who is invited", f"{omar}/"),
        (mona, "invite", f"{omar}/invitation/"),
        (mona, "invitation withdrawal", f"{omar}/invitation/withdrawal/"),
        (mona, "close the portal", f"/panel/customers/{w.ada.pk}/access/withdrawal/"),
        (mona, "open the portal", f"/panel/customers/{w.ada.pk}/access/"),
        (mona, "login of staff", "/portal/account/second-factor/"),
        (mona, "staff in the portal", "/portal/"),
    ]


@pytest.mark.looks
def test_every_page_is_accessible_and_fits(
    w, pages, page_at, sign_in_as, assert_looks_right, expect_refusals, complaints
):
    page, before = page_at(), None
    for user, name, address in pages:
        if user != before:
            sign_in_as(page, user)
        before = user
        answer = page.goto(address)
        assert answer.status in (200, 403, 410), (name, answer.status)
        assert_looks_right(page)
    complaints[:] = [one for one in complaints if "status of 410" not in one]


def test_the_second_factor_is_turned_on_and_asked_for(w, page_at, assert_accessible):
    from allauth.mfa.totp.internal import auth as totp

    page = page_at(width=390)
    sign_in(page, "ada@example.com", story.PASSWORD)
    page.goto("/portal/account/second-factor/")
    page.get_by_role("link", name="Turn it on").click()
    page.get_by_label("Password").fill(story.PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = page.locator(".qr-code__key").inner_text()
    assert page.locator(".qr-code svg path").count() == 1
    assert_accessible(page)

    def code() -> str:
        now = next(iter(totp.yield_hotp_counters_from_time()))
        return totp.format_hotp_value(totp.hotp_value(secret, now))

    page.get_by_label("Code from the app").fill(code())
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    assert page.locator(".recovery-codes li").count() == 10
    assert_accessible(page)
    spare = page.locator(".recovery-codes code").first.inner_text()

    other = page_at(width=390)
    sign_in(other, "ada@example.com", story.PASSWORD)
    other.get_by_role("heading", name="One more step").wait_for()
    assert_accessible(other)
    other.get_by_label("Code", exact=True).fill(spare)
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.get_by_role("heading", name="Hello, Ada").wait_for()
