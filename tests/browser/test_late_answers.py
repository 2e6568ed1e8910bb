"""What somebody enters while an htmx request is under way stays, whatever its answer says."""

import re
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from django.urls import reverse

from billing.models import Product
from bookings.models import ResourceType
from tests import story
from tests.browser.answers import Held, settle
from tests.browser.looks import ON_COLOURS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Requests that replace nothing in which somebody enters something: they happen on their own.
WITHOUT_FIELDS = {"shared/progress.html", "panel/runs/_preview.html"}


class Asked(NamedTuple):
    """A page with an htmx request. `fills` are entered first, so that its answer has fields."""

    user: object
    address: str
    fills: dict[str, str] = {}
    asker: str = "form[hx-get], form[hx-post]"


def panel(name: str, *args: int) -> str:
    return reverse(f"panel:{name}", args=args)


def portal(name: str, *args: int) -> str:
    return reverse(f"portal:{name}", args=args)


@pytest.fixture
def asked(w) -> dict[str, Asked]:
    """A page for each template, or form, that makes an htmx request in which one enters things."""
    story.sellable(w)
    story.bookable(w)
    story.billed(w)
    Product.objects.all().update(offered_in_portal=True)
    frozen = w.viktor_contract
    frozen.freeze(from_on=story.TODAY, until=story.day("2026-12-31"), by=w.mona)
    booth = ResourceType.objects.make(name="Booths", by=w.mona)
    booth.add_rate(per="hour", price=10, by=w.mona)
    w.heron = story.room(w.house, booth, "Heron", capacity=6)

    def booked(customer, on: str, room=w.kestrel):
        start, end = story.moment(f"{on} 10:00"), story.moment(f"{on} 11:00")
        return room.book(customer=customer, start=start, end=end, by=w.mona)

    own = booked(w.ada, "2026-11-25")
    booked(w.noor, "2026-12-02")
    weekly = {"frequency": "weekly", "count": "3"}
    at_ten = {"on": "2026-11-25", "starts": "10:00", "ends": "11:00"}
    series = at_ten | weekly | {"on": "2026-11-26", "starts": "10:00"}
    booked(w.noor, "2026-12-03")
    ada, lin, contract = w.ada.user, w.lin.user, w.ada_contract.pk
    plan = story.plan(w.house, "Evening Desk", "90", offered_in_portal=True, billing_day=1)
    mine = panel("customer", w.ada.pk)
    return {
        "panel/plans/price.html": Asked(w.mona, panel("plan_price", w.hot_desk.pk)),
        "panel/teams/list.html": Asked(w.mona, panel("teams")),
        "panel/invoices/list.html": Asked(w.mona, panel("invoices")),
        "panel/credit_notes/list.html": Asked(w.mona, panel("credit_notes")),
        "panel/claims/list.html": Asked(w.mona, panel("claims")),
        "panel/charges/_filters.html": Asked(w.mona, panel("charges")),
        "panel/customers/list.html": Asked(w.mona, panel("customers")),
        "panel/products/list.html": Asked(w.mona, panel("products")),
        "panel/payments/list.html": Asked(w.mona, panel("payments")),
        "panel/bookings/list.html": Asked(w.mona, panel("bookings")),
        "panel/contracts/list.html": Asked(w.mona, panel("contracts")),
        "panel/components.html": Asked(w.mona, panel("components")),
        "panel/check_ins/desk.html": Asked(w.mona, panel("check_ins"), {"q": "ada"}),
        "panel/customers/_notes.html": Asked(w.mona, mine, {}, "a[hx-get]"),
        "panel/customers/_picker.html": Asked(
            w.mona, f"{panel('team', w.team.pk)}people/new/", {"customer_q": "a"}, "input[hx-get]"
        ),
        "panel/forms/bulk.py": Asked(
            w.mona, f"{panel('customers_team')}?ids={w.ada.pk}", {}, "select[hx-get]"
        ),
        "panel/products/sale.html": Asked(
            w.mona, f"{panel('customer', w.omar.pk)}sales/new/", {"product": str(w.coffee.pk)}
        ),
        "panel/subscriptions/new.html": Asked(
            w.mona,
            f"{panel('customer', w.omar.pk)}subscriptions/new/",
            {"product": str(w.locker.pk)},
        ),
        "panel/subscriptions/end.html": Asked(
            w.mona, f"{panel('subscription', w.locker_of_ada.pk)}end/"
        ),
        "panel/accounts/charge.html": Asked(w.mona, f"{mine}charges/new/"),
        "panel/accounts/invoice.html": Asked(w.mona, f"{mine}invoices/new/"),
        "panel/bookings/new.html": Asked(
            w.mona,
            f"{panel('booking_new')}?resource={w.kestrel.pk}&customer={w.omar.pk}",
            series,
        ),
        "panel/bookings/change.html": Asked(w.mona, f"{panel('booking', own.pk)}change/"),
        "panel/bookings/cancellation.html": Asked(
            w.mona, f"{panel('booking', own.pk)}cancellation/"
        ),
        "panel/taxes/change.html": Asked(w.mona, panel("location_tax", w.house.pk)),
        "panel/accounts/give_back.html": Asked(w.mona, panel("give_back", w.ada.pk)),
        "panel/contracts/new.html": Asked(w.mona, panel("contract_new", w.omar.pk)),
        "panel/contracts/price_step.html": Asked(
            w.mona, f"{panel('contract', contract)}price-steps/"
        ),
        "panel/contracts/freeze.html": Asked(w.mona, f"{panel('contract', contract)}freeze/"),
        "panel/contracts/plan_change.html": Asked(
            w.mona, f"{panel('contract', contract)}plan-change/"
        ),
        "panel/contracts/resumption.html": Asked(
            w.mona, f"{panel('contract', frozen.pk)}resumption/"
        ),
        "panel/contracts/cancellation.html": Asked(
            w.mona, panel("contract_cancellation", contract), {"last_day": "2026-11-21"}
        ),
        "portal/plans/join.html": Asked(lin, f"/portal/plans/{w.hot_desk.pk}/join/"),
        "portal/book/find.html": Asked(ada, "/portal/book/"),
        "portal/book/resource.html": Asked(lin, f"/portal/book/{w.kestrel.pk}/", series),
        "portal/shop/buy.html": Asked(ada, f"/portal/shop/{w.coffee.pk}/"),
        "portal/shop/subscribe.html": Asked(ada, f"/portal/shop/{w.locker.pk}/"),
        "portal/shop/ending.html": Asked(
            ada, f"/portal/subscriptions/{w.locker_of_ada.pk}/ending/"
        ),
        "portal/bookings/change.html": Asked(ada, f"/portal/bookings/{own.pk}/change/"),
        "portal/bookings/cancellation.html": Asked(
            ada, f"/portal/bookings/{_series(w).pk}/cancellation/"
        ),
        "portal/contracts/freeze.html": Asked(ada, f"/portal/contracts/{contract}/freeze/"),
        "portal/contracts/cancellation.html": Asked(
            ada, f"/portal/contracts/{contract}/cancellation/"
        ),
        "portal/contracts/plan_change.html": Asked(
            ada, f"/portal/contracts/{contract}/plan-change/?to={plan.pk}"
        ),
    }


def _series(w: SimpleNamespace):
    import datetime as dt

    from bookings.repeats import Pattern, book_series, wishes

    pattern = Pattern("weekly", count=3)
    days = pattern.dates(story.day("2026-11-24"))
    wanted = wishes(w.heron, days, dt.time(9), dt.timedelta(hours=1))
    return book_series(wanted, pattern, customer=w.ada, by=w.ada.user).bookings.first()


def test_every_htmx_request_is_known_here(asked, house):
    """A new one needs a page above, so that the tests below enter something in it."""
    sources = [*house.glob("templates/**/*.html"), *house.glob("*/forms/*.py")]
    asking = {
        str(source.relative_to(house)).removeprefix("templates/")
        for source in sources
        if re.search(r"hx-(get|post|put|patch|delete)\b", source.read_text())
    }
    assert asking == set(asked) | WITHOUT_FIELDS


# Enter values and say so, as the browser does once somebody leaves the field.
FILL = """(fills) => {
  for (const [name, value] of Object.entries(fills)) {
    const field = document.querySelector(`[name="${name}"]`);
    field.value = value;
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {bubbles: true}));
  }
}"""

# Let an element ask. Its trigger says which event of which field that takes.
ASK = """(asker) => {
  if (asker.matches("a")) return asker.click();
  const trigger = asker.getAttribute("hx-trigger") ?? "change";
  const name = trigger.match(/from:\\[name=(\\w+)\\]/)?.[1];
  const field = asker.matches("form")
    ? name ? asker.querySelector(`[name=${name}]`)
      : [...asker.elements].find((field) => field.name && field.type !== "hidden")
    : asker;
  if (trigger.includes("changed")) field.value += "d";
  const kind = trigger.includes("change ") || trigger.includes("change,") || trigger === "change"
    ? "change" : "input";
  field.dispatchEvent(new Event(kind, {bubbles: true}));
}"""

# Enter something else in each field that the answer replaces, or in the others of the form if there
# is none, and put the caret into the last one. Nothing is asked for by that.
ENTER = """(asker) => {
  const said = (name) => asker.closest(`[${name}]`)?.getAttribute(name);
  const others = said("hx-select-oob")?.split(",") ?? [];
  const parts = [said("hx-target").replace("next ", ""), ...others]
    .map((place) => document.querySelector(place)).filter(Boolean);
  const shown = (field) =>
    field.name && field.type !== "hidden" && !field.disabled && field.checkVisibility();
  const within = (part) => [...part.querySelectorAll("input, select, textarea")].filter(shown);
  const replaced = parts.flatMap(within);
  const form = asker.closest("form");
  const fields = replaced.length || !form ? replaced : within(form);
  const entered = [];
  const groups = new Set();
  for (const field of fields) {
    const same = fields.filter((other) => other.name === field.name);
    if (field.type === "radio") {
      if (groups.has(field.name)) continue;
      groups.add(field.name);
      const next = same[(same.findIndex((other) => other.checked) + 1) % same.length];
      next.checked = true;
      entered.push([`[name="${next.name}"]:checked`, next.value]);
    } else {
      if (field.type === "checkbox") field.checked = !field.checked;
      else if (field.tagName === "SELECT")
        field.selectedIndex = (field.selectedIndex + 1) % field.options.length;
      else if (field.type === "date") field.value = "2027-02-03";
      else if (field.type === "time") field.value = "12:34";
      else if (field.type === "number") field.value = "2";
      else field.value += "x";
      const value = field.type === "checkbox" ? `${field.value} ${field.checked}` : field.value;
      entered.push([`${field.name}#${same.indexOf(field)}`, value]);
    }
    field.dispatchEvent(new Event("input", {bubbles: true}));
    if (asker.matches("input")) field.dispatchEvent(new Event("change", {bubbles: true}));
  }
  const last = fields.findLast((field) => field.type !== "radio" || field.checked);
  last?.focus();
  if (["text", "search", "textarea"].includes(last?.type)) last.setSelectionRange(1, 1);
  return [replaced.length, entered];
}"""

# The same fields now.
READ = """(names) => names.map((name) => {
  if (name.endsWith(":checked")) return document.querySelector(name)?.value;
  const [key, index] = name.split("#");
  const field = document.querySelectorAll(`main [name="${key}"]:not([type=hidden])`)[index];
  return field?.type === "checkbox" ? `${field.value} ${field.checked}` : field?.value;
})"""

FOCUS = """() => {
  const { tagName, name, type, value, selectionStart } = document.activeElement;
  return [tagName, name, ["radio", "checkbox"].includes(type) ? value : selectionStart];
}"""


def test_nothing_that_is_entered_is_changed_by_a_late_answer(asked, page_at, sign_in_as):
    page, before, wrong, replaced = page_at(), None, [], set()
    for template, one in asked.items():
        if one.user != before:
            sign_in_as(page, one.user)
        before = one.user
        assert page.goto(one.address).ok, template
        settle(page)
        if one.fills:
            with Held(page) as held:
                page.evaluate(FILL, one.fills)
                held.wait()
                held.release()
        asker = page.locator("main").locator(one.asker).first.element_handle()
        with Held(page) as held:
            asker.evaluate(ASK)
            held.wait()
            number, entered = asker.evaluate(ENTER)
            focus = page.evaluate(FOCUS)
            held.release()
        if number:
            replaced.add(template)
        now = page.evaluate(READ, [name for name, _value in entered])
        wrong += [
            f"{template}: {name} was {value!r} and is {is_now!r}"
            for (name, value), is_now in zip(entered, now, strict=True)
            if is_now != value
        ]
        if entered and (is_now := page.evaluate(FOCUS)) != focus:
            wrong.append(f"{template}: the focus was {focus} and is {is_now}")
    assert not wrong, "\n".join(wrong)
    without = {template for template, one in asked.items() if one.fills} - replaced
    assert without <= {"panel/check_ins/desk.html"}, "nothing was entered in what is replaced"


def test_what_is_shown_can_be_read_while_the_next_answer_is_under_way(
    asked, looks, page_at, sign_in_as
):
    page, wrong = page_at(), []
    for template in (
        "portal/book/find.html",
        "portal/book/resource.html",
        "panel/bookings/new.html",
        "panel/products/sale.html",
    ):
        one = asked[template]
        sign_in_as(page, one.user)
        assert page.goto(one.address).ok, template
        settle(page)
        with Held(page) as held:
            page.locator("main").locator(one.asker).first.evaluate(ASK)
            held.wait()
            assert page.locator("[aria-live].htmx-request").count() == 1, template
            wrong += looks.violations(page, template, {"type": "rule", "values": ON_COLOURS})
            held.release()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def late_booking(w):
    """A booking of Ada's on 23 November, after the last day that the tests choose."""
    story.bookable(w)
    start, end = story.moment("2026-11-23 14:00"), story.moment("2026-11-23 15:00")
    return w.kestrel.book(customer=w.ada, start=start, end=end, by=w.mona)


def test_a_tick_survives_a_preview_that_was_under_way(w, late_booking, page_at):
    page = page_at(panel("contract_cancellation", w.ada_contract.pk), user=w.mona)
    page.get_by_label("Last day").fill("2026-11-21")
    page.get_by_label("Last day").press("Tab")
    page.get_by_text("1 booking lies after the last day").wait_for()
    with Held(page) as held:
        page.get_by_label("Last day").fill("2026-11-20")
        page.get_by_label("Last day").press("Tab")
        held.wait()
        page.get_by_label("Cancel it too").check()
        held.release()
    assert page.get_by_label("Cancel it too").is_checked()
    page.get_by_role("button", name="Cancel the contract").click()
    page.get_by_text("Cancelled.", exact=True).wait_for()
    late_booking.refresh_from_db()
    assert late_booking.state == "cancelled"


def test_a_form_is_sent_while_its_preview_is_under_way(w, late_booking, page_at):
    page = page_at(panel("contract_cancellation", w.ada_contract.pk), user=w.mona)
    page.get_by_label("Last day").fill("2026-11-21")
    page.get_by_label("Last day").press("Tab")
    page.get_by_label("Cancel it too").check()
    settle(page)
    with Held(page) as held:
        page.get_by_label("Last day").fill("2026-11-20")
        page.get_by_label("Last day").press("Tab")
        held.wait()
        page.get_by_role("button", name="Cancel the contract").click()
        page.get_by_text("Cancelled.", exact=True).wait_for()
    late_booking.refresh_from_db()
    assert late_booking.state == "cancelled"
    w.ada_contract.refresh_from_db()
    assert w.ada_contract.ends_on == story.day("2026-11-20")


def test_a_closed_dialog_takes_no_answer_into_the_next_one(w, page_at):
    page = page_at(panel("contract", w.ada_contract.pk), user=w.mona)

    def open_dialog(name: str) -> None:
        page.locator(".page-head summary").click()
        page.get_by_role("link", name=name).click()
        page.locator("dialog[open] form").wait_for()

    open_dialog("Freeze")
    settle(page)
    with Held(page) as held:
        page.get_by_label("First frozen day").fill("2026-12-01")
        page.get_by_label("First frozen day").press("Tab")
        held.wait()
        page.keyboard.press("Escape")
        held.holds = False
        open_dialog("Change plan")
        page.get_by_label("New plan", exact=True).select_option(str(w.office.pk))
        held.release()
    page.get_by_text("Last of Hot Desk").wait_for()
    assert page.get_by_label("New plan", exact=True).input_value() == str(w.office.pk)


def test_the_dialog_that_was_asked_for_last_stays(w, page_at):
    page = page_at(panel("contract", w.ada_contract.pk), user=w.mona)
    with Held(page) as held:
        for number, name in enumerate(["Freeze", "Change plan"], 1):
            page.locator(".page-head summary").click()
            page.get_by_role("link", name=name).click()
            held.wait(number)
        held.release(newest_first=True)
    page.locator("dialog[open]").get_by_label("New plan", exact=True).wait_for()


def test_a_customer_who_is_picked_stays_picked_when_a_search_answers_late(w, page_at):
    page = page_at(f"{panel('team', w.team.pk)}people/new/", user=w.mona)
    page.get_by_role("searchbox").last.fill("example.com")
    page.get_by_role("radio", name="Ada Lovelace").wait_for()
    with Held(page) as held:
        page.get_by_role("searchbox").last.fill("noor")
        held.wait()
        page.get_by_role("radio", name="Ada Lovelace").check()
        held.release()
    assert page.get_by_role("radio", name="Ada Lovelace").is_checked()
    page.get_by_role("button", name="Add to the team").click()
    page.get_by_text("Ada Lovelace is in Lin & Co now.").wait_for()
