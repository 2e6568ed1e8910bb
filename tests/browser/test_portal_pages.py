"""Every page of the portal: accessible, never too wide, and its main job by keyboard alone."""

import base64
import datetime as dt

import pytest

from bookings.models import Booking, OpeningHours, PlanCredit, ResourceType, SharedCredit
from bookings.repeats import Pattern, book_series, wishes
from tests import story
from tests.browser.test_panel_work import tab_to
from tests.story import TODAY, day

pytestmark = pytest.mark.browser

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


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
    kinds = ResourceType.objects.make(name="Meeting rooms", by=w.mona)
    kinds.add_rate(per="hour", price=40, by=w.mona)
    PlanCredit.objects.give(w.hot_desk, types=[kinds], hours=3, by=w.mona)
    PlanCredit.objects.give(w.office, types=[kinds], hours=9, by=w.mona)
    SharedCredit.objects.set_for(w.team, True, by=w.lin.user)
    week = [(weekday, dt.time(8), dt.time(20)) for weekday in range(5)]
    OpeningHours.objects.set_for(w.house, week, by=w.mona)
    kestrel = story.room(
        w.house, kinds, "Kestrel", capacity=6, amenities="A screen\nDaylight",
        description="The quiet room by the river.", free_cancellation_hours=24, late_fee=50,
    )  # fmt: skip
    kestrel.show_picture(PIXEL, by=w.mona)
    loft = story.room(w.house, kinds, "The Loft", capacity=60, needs_approval=True)
    story.room(w.house, kinds, "Board Room", who_may_book="plans", plans=[w.office])

    def booked(room, customer, start, end, **more):
        start, end = story.moment(f"2026-11-23 {start}"), story.moment(f"2026-11-23 {end}")
        return room.book(customer=customer, start=start, end=end, **{"by": customer.user, **more})

    taken = booked(kestrel, w.noor, "10:00", "11:30", by=w.mona)
    own = booked(kestrel, w.ada, "12:00", "14:00", attendees=3, note="With the band")
    booked(loft, w.ada, "09:00", "10:00")
    booked(loft, w.omar, "12:00", "13:00", by=w.lin.user, on_behalf_of=w.team)
    pattern = Pattern("weekly", count=3)
    wanted = wishes(kestrel, pattern.dates(day("2026-11-24")), dt.time(9), dt.timedelta(hours=1))
    series = book_series(wanted, pattern, customer=w.ada, by=ada).bookings.first()
    later = story.moment("2027-02-02 10:00")
    kestrel.book(customer=w.ada, start=later, end=later + dt.timedelta(hours=1), by=ada)
    gone = booked(kestrel, w.ada, "16:00", "17:00")
    gone.cancel(by=ada, reason="Ill", at=story.moment("2026-11-23 12:00"))
    at_ten, room = "on=2026-11-23&starts=10:00", f"/portal/book/{kestrel.pk}"
    contract, team = f"/portal/contracts/{w.ada_contract.pk}", f"/portal/teams/{w.team.pk}"
    return [
        (ada, "home", "/portal/"),
        (ada, "find", "/portal/book/"),
        (ada, "find at a time", f"/portal/book/?{at_ten}"),
        (lin, "find until a time", f"/portal/book/?{at_ten}&length=until&ends=12:15"),
        (ada, "find what is wrong", "/portal/book/?on=2026-11-01"),
        (ada, "a day", "/portal/book/day/?on=2026-11-23"),
        (ada, "a closed day", "/portal/book/day/?on=2026-11-22"),
        (ada, "a room", f"{room}/"),
        (ada, "a taken room", f"{room}/?{at_ten}&ends=11:00"),
        (lin, "a room for the team", f"{room}/?on=2026-11-23&starts=15:00&ends=16:00"),
        (ada, "a room to ask for", f"/portal/book/{loft.pk}/"),
        (ada, "bookings", "/portal/bookings/"),
        (noor, "a few bookings", "/portal/bookings/"),
        (lin, "bookings of others", "/portal/bookings/?whose=team"),
        (ada, "booking", f"/portal/bookings/{own.pk}/"),
        (noor, "booking by staff", f"/portal/bookings/{taken.pk}/"),
        (ada, "booking that is cancelled", f"/portal/bookings/{gone.pk}/"),
        (ada, "booking of a series", f"/portal/bookings/{series.pk}/"),
        (ada, "booking change", f"/portal/bookings/{own.pk}/change/?{at_ten}&ends=12:00"),
        (ada, "booking change of a series", f"/portal/bookings/{series.pk}/change/"),
        (ada, "booking cancellation", f"/portal/bookings/{own.pk}/cancellation/"),
        (ada, "booking cancellation of a series", f"/portal/bookings/{series.pk}/cancellation/"),
        (lin, "shared credit", f"{team}/credit/"),
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
def test_every_page_is_accessible_and_fits(w, pages, page_at, sign_in_as, assert_looks_right):
    page, before = page_at(), None
    for user, name, address in pages:
        if user != before:
            sign_in_as(page, user)
        before = user
        assert page.goto(address).ok, name
        assert_looks_right(page, phone=44)


def test_menus_refusals_and_dialogs_are_accessible_too(w, page_at, assert_accessible, complaints):
    story.company(w.house, "Zeta Ltd", "Ada Lovelace", user=w.ada.user)
    page = page_at("/portal/", user=w.ada.user, width=390)
    page.locator(".portal-bar__who").click()
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


@pytest.fixture
def kestrel(w):
    """A room for six at 40 an hour, of which a hot desk has three free of charge a month."""
    kinds = ResourceType.objects.make(name="Meeting rooms", by=w.mona)
    kinds.add_rate(per="hour", price=40, by=w.mona)
    PlanCredit.objects.give(w.hot_desk, types=[kinds], hours=3, by=w.mona)
    return story.room(w.house, kinds, "Kestrel", capacity=6)


def test_two_gestures_lead_from_home_to_a_booking(w, kestrel, page_at):
    page = page_at("/portal/", user=w.ada.user, width=390)
    page.get_by_role("link", name="Book a room").click()
    page.get_by_role("button", name="Book Kestrel").click()
    page.get_by_text("Booked: Kestrel").wait_for()
    assert Booking.objects.get().customer == w.ada


def test_booking_with_the_keyboard_alone(w, kestrel, page_at):
    page = page_at("/portal/", user=w.ada.user)
    tab_to(page, "link", "Book a room")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/book/")
    tab_to(page, "link", "See a whole day")
    page.keyboard.press("Enter")
    tab_to(page, "link", "Book Kestrel, 13:00 to 14:00")
    page.keyboard.press("Enter")
    page.get_by_text("1 h of credit").first.wait_for()
    tab_to(page, "button", "Book Kestrel")
    page.keyboard.press("Enter")
    page.get_by_text("Booked: Kestrel, 20 Nov 2026, 13:00 to 14:00.").wait_for()


def test_what_is_free_follows_the_question(w, kestrel, page_at):
    kestrel.book(
        customer=w.noor, start=story.moment("2026-11-23 10:00"),
        end=story.moment("2026-11-23 11:00"), by=w.mona,
    )  # fmt: skip
    page = page_at("/portal/book/", user=w.ada.user)
    page.get_by_label("Day").fill("2026-11-23")
    page.get_by_label("From").fill("10:00")
    page.get_by_text("Kestrel is taken from 10:00 to 11:00.").wait_for()
    page.wait_for_url("**/portal/book/?*starts=10%3A00*")
    page.get_by_label("How long").select_option("until")
    page.get_by_label("Until").fill("10:30")
    page.get_by_text("10:00 to 10:30").first.wait_for()
    page.get_by_role("link", name="11:00 to 11:30 Kestrel").click()
    page.get_by_text("Mon, 23 Nov 2026, 11:00 to 11:30").wait_for()


def test_dates_that_collide_are_decided_in_place(w, kestrel, page_at, assert_accessible):
    kestrel.book(
        customer=w.noor, start=story.moment("2026-11-30 10:00"),
        end=story.moment("2026-11-30 11:00"), by=w.mona,
    )  # fmt: skip
    address = f"/portal/book/{kestrel.pk}/?on=2026-11-23&starts=10:00&ends=11:00"
    page = page_at(address, user=w.ada.user, width=390)
    page.get_by_text("Repeat it").click()
    page.get_by_label("Repeats").select_option("weekly")
    page.get_by_label("Or so many times").fill("3")
    page.get_by_label("Or so many times").press("Tab")
    page.get_by_text("1 date cannot be had as it is.").wait_for()
    assert_accessible(page)
    page.get_by_label("Skip this date").check()
    page.get_by_text("To pay for 2 dates").wait_for()
    assert page.get_by_label("Skip this date").is_checked()
    page.get_by_role("button", name="Book Kestrel").click()
    page.get_by_text("2 dates are booked.").wait_for()
    assert w.ada.bookings.count() == 2


def test_without_script_one_finds_looks_and_books(w, kestrel, browser, live_server, page_at):
    cookies = page_at("/portal/", user=w.ada.user).context.cookies()
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-GB"
    )
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/portal/book/")
    page.get_by_label("Day").fill("2026-11-23")
    page.get_by_label("From").fill("10:00")
    page.get_by_role("button", name="Show what is free").click()
    page.get_by_role("link", name="Options Kestrel").click()
    page.get_by_label("Until").first.fill("12:00")
    page.get_by_role("button", name="Look at this").click()
    page.get_by_text("2 h of credit").first.wait_for()
    page.get_by_role("button", name="Book Kestrel").click()
    page.get_by_text("Booked: Kestrel, 23 Nov 2026, 10:00 to 12:00.").wait_for()
    context.close()
