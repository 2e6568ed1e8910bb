"""The panel's calendar by mouse, by keyboard and without script."""

import datetime as dt

import pytest

from bookings.models import Booking, OpeningHours, ResourceType
from tests import story
from tests.story import day

pytestmark = pytest.mark.browser
DAY = "/panel/calendar/?on=2026-11-23"


@pytest.fixture
def rooms(w):
    kind = ResourceType.objects.make(name="Meeting rooms", by=None)
    kind.add_rate(per="hour", price=60, by=None)
    hours = [(weekday, dt.time(8), dt.time(18)) for weekday in range(5)]
    OpeningHours.objects.set_for(w.house, hours, by=None)
    names = ("Heron", "Kestrel")
    return {name: story.room(w.house, kind, name, capacity=6) for name in names}


@pytest.fixture
def booking(w, rooms):
    return rooms["Kestrel"].book(
        customer=w.ada, start=story.moment("2026-11-23 10:00"),
        end=story.moment("2026-11-23 12:00"), by=w.mona,
    )  # fmt: skip


def at(page, room: str, time: str) -> tuple[float, float]:
    """Where a time of a row is on the screen."""
    row = page.locator("tr.calendar__row", has_text=room)
    box = row.bounding_box()
    name = row.locator("th").bounding_box()
    hours, minutes = (int(part) for part in time.split(":"))
    left = name["x"] + name["width"]
    width = box["x"] + box["width"] - left
    part = (hours * 60 + minutes - 8 * 60) / (10 * 60)
    return left + part * width, box["y"] + box["height"] / 2


def pull(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_drawing_across_free_time_books_it(w, rooms, page_at):
    page = page_at(DAY, user=w.frida)
    start, end = at(page, "Heron", "13:00"), at(page, "Heron", "14:25")
    pull(page, (start[0] + 3, start[1]), end)
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("From").wait_for()
    assert dialog.get_by_label("From").input_value() == "13:00"
    assert dialog.get_by_label("Until", exact=True).first.input_value() == "14:30"
    assert dialog.get_by_label("What").input_value() == str(rooms["Heron"].pk)
    dialog.get_by_label("Name or e-mail").fill("ada")
    dialog.get_by_text("ada@example.com").click()
    dialog.get_by_text("€90.00").first.wait_for()
    dialog.get_by_role("button", name="Book", exact=True).click()
    page.get_by_text("Booked: Heron, 23 Nov 2026, 13:00 to 14:30.").wait_for()
    assert Booking.objects.get().customer == w.ada


def test_pressing_free_time_books_from_there(w, rooms, page_at):
    page = page_at(DAY, user=w.frida)
    x, y = at(page, "Heron", "15:00")
    page.mouse.click(x + 4, y)
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("From").wait_for()
    assert dialog.get_by_label("From").input_value() == "15:00"
    assert dialog.get_by_label("Until", exact=True).first.input_value() == "16:00"


def test_pulling_moves_it_to_another_room_and_time(w, rooms, booking, page_at):
    page = page_at(DAY, user=w.frida)
    pull(page, at(page, "Kestrel", "10:30"), at(page, "Heron", "14:30"))
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("To pay then").wait_for()
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Changed.").wait_for()
    booking.refresh_from_db()
    assert booking.resource == rooms["Heron"]
    assert booking.start == story.moment("2026-11-23 14:00")


def test_pulling_its_end_lengthens_it(w, rooms, booking, page_at):
    page = page_at(DAY, user=w.frida)
    box = page.locator("[data-booking]").bounding_box()
    grip = (box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    pull(page, grip, at(page, "Kestrel", "13:00"))
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("€180.00").wait_for()
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Changed.").wait_for()
    booking.refresh_from_db()
    assert booking.end == story.moment("2026-11-23 13:00")


def test_pulled_into_somebody_elses_time_it_says_so(w, rooms, booking, page_at):
    rooms["Heron"].book(
        customer=w.noor, start=story.moment("2026-11-23 11:00"),
        end=story.moment("2026-11-23 13:00"), by=w.mona,
    )  # fmt: skip
    page = page_at(DAY, user=w.frida)
    pull(page, at(page, "Kestrel", "10:30"), at(page, "Heron", "10:30"))
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("Heron is taken from 11:00 to 13:00.").wait_for()
    booking.refresh_from_db()
    assert booking.resource == rooms["Kestrel"]


def test_by_keyboard_alone(w, rooms, booking, page_at):
    page = page_at(DAY, user=w.frida)
    page.locator("[data-booking]").focus()
    for _step in range(4):
        page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+Shift+ArrowLeft")
    page.keyboard.press("Alt+ArrowUp")
    page.locator(".calendar__ghost", has_text="11:00 – 12:45").wait_for()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("To pay then").wait_for()
    dialog.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Changed.").wait_for()
    booking.refresh_from_db()
    assert (booking.resource, booking.start, booking.end) == (
        rooms["Heron"], story.moment("2026-11-23 11:00"), story.moment("2026-11-23 12:45"),
    )  # fmt: skip


def test_letting_go_changes_nothing(w, rooms, booking, page_at):
    page = page_at(DAY, user=w.frida)
    page.locator("[data-booking]").focus()
    page.keyboard.press("Alt+ArrowRight")
    page.locator(".calendar__ghost").wait_for()
    page.keyboard.press("Escape")
    page.locator(".calendar__ghost").wait_for(state="detached")


def test_a_booking_is_read_in_a_dialog_and_grey_says_why(w, rooms, booking, page_at):
    rooms["Heron"].close(first_on=day("2026-11-23"), reason="Painting", by=w.mona)
    page = page_at(DAY, user=w.frida)
    page.locator("[data-booking]").click()
    page.locator("dialog[open]").get_by_text("€120.00").wait_for()
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Why not? Closed: Painting").click()
    page.locator(".calendar__why:popover-open", has_text="Closed: Painting").wait_for()


def test_in_a_week_it_is_pulled_to_another_day(w, rooms, booking, page_at):
    page = page_at(f"/panel/calendar/resources/{rooms['Kestrel'].pk}/?on=2026-11-23", user=w.frida)
    pull(page, at(page, "Mon 23 Nov", "10:30"), at(page, "Wed 25 Nov", "10:30"))
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("To pay then").wait_for()
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Changed.").wait_for()
    booking.refresh_from_db()
    assert booking.start == story.moment("2026-11-25 10:00")


def test_without_script_it_is_a_table_of_links_and_forms(w, rooms, booking, browser, live_server,
                                                         page_at):  # fmt: skip
    cookies = page_at("/panel/", user=w.frida).context.cookies()
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-GB"
    )
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(DAY)
    page.get_by_role("link", name="Book Heron, free 08:00 to 18:00").click()
    page.get_by_label("Name or e-mail").fill("ada@example.com")
    page.get_by_role("button", name="Look at the price").click()
    page.get_by_text("€60.00").first.wait_for()
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_text("Booked: Heron, 23 Nov 2026, 08:00 to 09:00.").wait_for()
    context.close()


@pytest.mark.looks
def test_every_page_of_bookings_is_accessible_and_fits(
    w, rooms, booking, page_at, assert_looks_right
):
    kestrel = rooms["Kestrel"]
    kestrel.edit({"preparation_minutes": 30}, by=None)
    kestrel.close(first_on=day("2026-11-24"), reason="Painting", by=w.mona)
    rooms["Heron"].assign(contract=w.lin_contract, by=w.mona)
    record = f"/panel/bookings/{booking.pk}/"
    page = page_at(user=w.mona)
    for address in (
        DAY, f"/panel/calendar/resources/{kestrel.pk}/?on=2026-11-23", "/panel/bookings/",
        f"/panel/bookings/new/?resource={kestrel.pk}&customer={w.ada.pk}&start=2026-11-23T10:00Z",
        f"/panel/bookings/new/?resource={kestrel.pk}&customer={w.ada.pk}&start=2026-11-25T10:00Z",
        record, f"{record}change/", f"{record}cancellation/", f"{record}restoration/",
    ):  # fmt: skip
        assert page.goto(address).ok, address
        assert_looks_right(page)
