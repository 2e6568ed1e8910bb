"""Plans, imports, resources and the front desk in the browser: each page is accessible, and never
too wide."""

import datetime as dt

import pytest
from django.urls import reverse

from bookings.models import CheckIn, Closure, OpeningHours, ResourceType
from kit.problems import Refused
from plans.imports import applying, undoing
from tests import story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = b"full_name,email,plan\nKim Doe,kim@example.com,Hot Desk\nBo,nowhere,\n"


@pytest.fixture
def addresses(w) -> list[str]:
    """Every page of plans, and an import at each of its stations."""
    stations = []
    for station in ("mapping", "checked", "waiting", "undone", "applied"):
        one = applying.start(file_name=f"{station}.csv", content=ROWS, by=w.mona)
        if station != "mapping":
            applying.ask_for_check(one, one.mapping)
        if station == "waiting":
            type(one).objects.filter(pk=one.pk).update(state="to_apply", leased_until=None)
        if station in ("undone", "applied"):
            applying.ask_to_apply(one)
        if station == "undone":
            undoing.undo(one, by=w.mona)
        stations.append(reverse("panel:import", args=[one.pk]))
    stations.append(reverse("panel:import_undo", args=[one.pk]))
    plan = [w.hot_desk.pk]
    return [
        reverse("panel:plans"),
        reverse("panel:plan_new"),
        *(
            reverse(f"panel:{name}", args=plan)
            for name in ("plan", "plan_edit", "plan_price", "plan_archive")
        ),
        reverse("panel:imports"),
        *stations,
    ]


@pytest.mark.looks
def test_pages_of_plans_and_imports_are_accessible(addresses, w, page_at, assert_looks_right):
    page = page_at(user=w.mona)
    for address in addresses:
        assert page.goto(address).ok, address
        assert_looks_right(page)


@pytest.fixture
def pages_of_resources(w) -> list[str]:
    """Every page about resources, with something on it."""
    story.bookable(w)
    w.kestrel.edit({"amenities": "A screen\nA whiteboard", "needs_approval": True}, by=w.mona)
    week = [
        (0, dt.time(8), dt.time(12)),
        (0, dt.time(13), dt.time(20)),
        (4, dt.time(8), dt.time(0)),
    ]
    OpeningHours.objects.set_for(w.kestrel, week, by=w.mona)
    shut = Closure.objects.close(
        w.house, first_on=dt.date(2026, 12, 25), yearly=True, reason="Christmas", by=w.mona
    )
    w.kestrel.open_calendar_feed(by=w.mona)
    old = story.room(w.house, w.rooms, "Old Room")
    old.archive(by=w.mona)
    empty = ResourceType.objects.make(name="Booths", kind="phone_booth", by=w.mona)
    with pytest.raises(Refused):
        CheckIn.objects.arrive(w.viktor, by=w.frida)
    room, kind, plan = [w.kestrel.pk], [w.rooms.pk], [w.hot_desk.pk]
    contract, house = [w.ada_contract.pk], [w.house.pk]
    pages = [
        ("home", []), ("resources", []), ("resource_new", []), ("resource", room),
        ("resource", [w.desk.pk]), ("resource", [old.pk]), ("resource_edit", room),
        ("resource_archive", room), ("resource_restore", [old.pk]),
        ("resource_picture_edit", room), ("resource_calendar", room),
        ("resource_calendar", [w.desk.pk]), ("resource_hours", room),
        ("resource_hours", [w.desk.pk]), ("resource_closure_new", room),
        ("resource_closure_end", [*room, w.closure.pk]), ("resource_type_new", []),
        ("resource_type", kind), ("resource_type", [empty.pk]), ("resource_type_edit", kind),
        ("rate_new", kind), ("rate_end", [*kind, w.rate.pk]), ("location_hours", house),
        ("location_closure_new", house), ("location_closure_end", [*house, shut.pk]),
        ("settings", []), ("plan", plan), ("plan_credit_new", plan),
        ("plan_credit_end", [*plan, w.credit.pk]), ("contract", contract),
        ("contract_cancellation", contract), ("assignment_new", contract),
        ("assignment_end", [*contract, w.assignment.pk]),
        ("assignment_withdrawal", [*contract, w.assignment.pk]), ("check_ins", []),
        ("customer", [w.ada.pk]), ("customer_suspension", [w.ada.pk]), ("team", [w.team.pk]),
    ]  # fmt: skip
    addresses = [reverse(f"panel:{name}", args=args) for name, args in pages]
    return [
        *addresses,
        reverse("panel:resources") + "?archived=1",
        reverse("panel:check_ins") + "?q=a",
        reverse("panel:customers_suspension") + f"?ids={w.ada.pk}&ids={w.lin.pk}",
    ]


@pytest.mark.looks
def test_pages_of_resources_are_accessible(pages_of_resources, w, page_at, assert_looks_right):
    page = page_at(user=w.mona)
    for address in pages_of_resources:
        assert page.goto(address).ok, address
        assert_looks_right(page)


def test_a_week_is_filled_in_and_a_day_is_closed_by_a_tick(
    w, page_at, assert_accessible, complaints
):
    story.bookable(w)
    page = page_at(reverse("panel:resource_hours", args=[w.kestrel.pk]), user=w.mona)
    assert not page.get_by_label("Monday, from").first.is_visible()
    page.get_by_label("At these times").check()
    page.get_by_label("Monday, from").first.fill("09:30")
    page.get_by_label("Friday", exact=True).uncheck()
    assert not page.get_by_label("Friday, from").first.is_visible()
    page.get_by_text("and again").first.click()
    page.get_by_label("Monday, until").first.fill("12:00")
    page.get_by_label("Monday, from").nth(1).fill("13:00")
    page.get_by_label("Monday, until").nth(1).fill("18:00")
    page.get_by_role("button", name="Save").click()
    # Something is booked on a Friday: it is kept knowingly.
    page.get_by_text("1 booking would lie outside:").wait_for()
    complaints[:] = [one for one in complaints if "422" not in one]
    assert_accessible(page)
    page.get_by_label("Keep these bookings").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("09:30 to 12:00 and 13:00 to 18:00").wait_for()
    assert "Friday to Sunday" in page.locator(".week-words").inner_text()


def test_the_desk_finds_as_one_types_and_lets_in(w, page_at):
    page = page_at(reverse("panel:check_ins"), user=w.frida)
    page.get_by_label("Search a customer").type("noor")
    page.get_by_role("button", name="Let in Noor Rahman").click()
    page.get_by_text("Noor Rahman is in.").wait_for()
    page.get_by_role("button", name="Let out Noor Rahman").click()
    page.get_by_text("Noor Rahman has left.").wait_for()


def test_what_lies_after_the_last_day_follows_the_day_that_is_chosen(w, page_at):
    story.bookable(w)
    address = reverse("panel:contract_cancellation", args=[w.ada_contract.pk])
    page = page_at(address, user=w.mona)
    page.get_by_text("Nothing is booked for after that day.").wait_for()
    page.get_by_label("Last day").fill("2026-11-20")
    page.get_by_label("Last day").press("Tab")
    page.get_by_text("Nothing is booked for after that day.").wait_for()
    start, end = story.moment("2026-11-23 14:00"), story.moment("2026-11-23 15:00")
    w.kestrel.book(customer=w.ada, start=start, end=end, by=w.mona)
    page.get_by_label("Last day").fill("2026-11-21")
    page.get_by_label("Last day").press("Tab")
    page.get_by_text("1 booking lies after the last day").wait_for()
    page.get_by_label("Cancel it too").check()
    page.get_by_role("button", name="Cancel the contract").click()
    page.get_by_text("Cancelled.", exact=True).wait_for()
    assert w.ada.bookings.get(start__day=23).state == "cancelled"
