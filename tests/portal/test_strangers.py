"""Whatever belongs to somebody else is not there: every page of the portal and the panel, with
one's own, a team mate's, a stranger's and a missing row, asked for and written to."""

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from billing.charging import charge_other
from billing.models import Charge, Invoice, Product, Subscription
from billing.models.issuing import invoice_now
from bookings.models import Booking, ResourceType, SharedCredit
from customers.models import Customer, Suspension, Team, TeamMembership, User
from kit import policies
from kit.models import AuditEntry
from kit.policies import Route
from plans.models import Contract, Freeze
from tests import story
from tests.story import TODAY, day

pytestmark = pytest.mark.django_db

NOBODY = 10**9
# What may be in no answer: names and sums of the others.
SECRETS = ["Mate Plan", "Mira Mate", "Stranger Plan", "Stella Stranger", "Stranger Team", "777.77",
           "A secret of Mira", "A secret of Stella", "Stranger Room", "Stranger Tea", "Mate Locker",
           "Stranger Locker"]  # fmt: skip
NOUNS = ["customers", "contracts", "teams", "plans", "memberships", "invitations", "bookings",
         "book", "invoices", "credit-notes", "claims", "shop", "purchases",
         "subscriptions"]  # fmt: skip


@pytest.fixture
def rows(w) -> dict[str, dict[str, int]]:
    """Keys of each kind of row by whose it is, as Ada sees it: noun → key."""
    w.team.add(w.ada, is_admin=False, by=w.mona)
    mate_plan = story.plan(w.house, "Mate Plan", price="777.77")
    mate = story.person(w.house, "Mira Mate", user=story.login("mira@example.com"))
    w.team.add(mate, by=w.mona)
    stranger_plan = story.plan(w.house, "Stranger Plan", price="777.77")
    stranger = story.person(w.house, "Stella Stranger", user=story.login("stella@example.com"))
    others = Team.objects.start("Stranger Team", by=w.mona)
    others.add(stranger, is_admin=True, by=w.mona)
    kinds = ResourceType.objects.make(name="Meeting rooms", by=None)
    room = story.room(w.house, kinds, "Kestrel")
    far = story.room(story.house(name="Far House"), kinds, "Stranger Room")
    start = story.moment("2026-12-01 08:00")
    hours = itertools.count()

    def booked(customer) -> int:
        begins = start + dt.timedelta(hours=next(hours))
        return room.book(
            customer=customer, start=begins, end=begins + dt.timedelta(hours=1), by=w.mona,
            note=f"A secret of {customer.name}",
        ).pk  # fmt: skip

    tea = Product.objects.offer(
        name="Tea", price=3, location=w.house, offered_in_portal=True, by=w.mona
    )
    far_tea = Product.objects.offer(
        name="Stranger Tea", price="777.77", location=far.location, offered_in_portal=True,
        by=w.mona,
    )  # fmt: skip

    def billed(customer) -> dict[str, int]:
        """An invoice with a credit note, a claim, something bought, and something had by period."""
        locker = Product.objects.offer(
            name=f"{customer.full_name.split()[-1]} Locker", price=30, location=w.house,
            recurring=True, by=w.mona,
        )  # fmt: skip
        text = f"A secret of {customer.name}"
        charge = charge_other(customer, w.house, text=text, amount="777.77", by=w.anton)
        invoice = invoice_now(customer, w.house, [charge], by=w.anton)
        return {
            "invoices": invoice.pk,
            "credit-notes": invoice.credit(reason=text, by=w.anton).pk,
            "claims": customer.claim(text=text, amount="777.77", by=w.anton).pk,
            "shop": far_tea.pk if customer == stranger else tea.pk,
            "purchases": tea.sell(customer, note=text, by=w.mona).pk,
            "subscriptions": locker.subscribe(customer, starts_on=TODAY, by=w.mona).pk,
        }

    def of(customer, contract, team, plan) -> dict[str, int]:
        return {
            **billed(customer),
            "customers": customer.pk,
            "contracts": contract.pk,
            "teams": team.pk,
            "plans": plan.pk,
            "memberships": team.memberships.get(customer=customer).pk,
            "invitations": team.invite(f"{customer.pk}@example.com", by=w.mona).pk,
            "bookings": booked(customer),
            "book": far.pk if customer == stranger else room.pk,
        }

    return {
        "own": of(w.ada, w.ada_contract, w.team, w.hot_desk),
        "team mate's": of(mate, mate_plan.sign_up(mate, by=w.mona), w.team, mate_plan),
        "stranger's": of(
            stranger, stranger_plan.sign_up(stranger, by=w.mona), others, stranger_plan
        ),
        "missing": dict.fromkeys(NOUNS, NOBODY),
    }


def portal_routes() -> Iterator[Route]:
    """Pages of the portal that are about a row."""
    for route in policies.routes():
        if route.address.startswith("portal/") and "<int:" in route.address:
            yield route


def address(route: Route, keys: dict[str, int]) -> str:
    """The route's address with each argument filled in from the noun before it."""
    parts = route.address.split("/")
    return "/" + "/".join(
        str(keys[parts[number - 1]]) if part.startswith("<int:") else part
        for number, part in enumerate(parts)
    )


def nouns(route: Route) -> set[str]:
    parts = route.address.split("/")
    return {parts[number - 1] for number, part in enumerate(parts) if part.startswith("<int:")}


WRITTEN = (Booking, Charge, Contract, Customer, Freeze, Invoice, Product, SharedCredit,
           Subscription, Suspension, Team, TeamMembership, AuditEntry)  # fmt: skip


def everything() -> dict[str, list]:
    """All that a page of the portal could write, to be compared."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in WRITTEN}


def ask(browser: Client, method: str, to: str):
    """One request, undone afterwards; all fields that any form knows are filled in."""
    cache.clear()
    data = {
        "last_day": "2027-03-31", "starts_on": "2026-12-01", "from_on": "2026-12-01",
        "until": "2026-12-05", "on": "2026-12-01", "reason": "Because", "to": "1",
        "email": "new@example.com", "full_name": "New Person", "spending": "everyone",
        "bookings": "keep", "accept": "on", "starts": "14:00", "ends": "15:00", "attendees": "1",
        "on_behalf_of": "oneself", "customer": "oneself", "scope": "one", "resource": "1",
        "quantity": "1",
        "form_key": f"key-{to}-{method}"[:60],
    }  # fmt: skip
    return browser.get(to) if method == "GET" else browser.post(to, data)


def test_there_is_something_to_walk():
    assert {noun for route in portal_routes() for noun in nouns(route)} >= {
        "contracts", "teams", "plans", "memberships", "invitations", "bookings", "book", "invoices",
        "credit-notes", "shop", "purchases", "subscriptions",
    }  # fmt: skip
    assert len(list(portal_routes())) >= 25


@pytest.mark.parametrize("whose", ["team mate's", "stranger's", "missing"])
def test_rows_of_others_are_not_there_and_stay_as_they_are(w, rows, whose):
    browser = Client()
    browser.force_login(w.ada.user)
    before = everything()
    faults = []
    for route, method in itertools.product(portal_routes(), ("GET", "POST")):
        if whose == "team mate's" and nouns(route) in ({"teams"}, {"book"}, {"shop"}):
            continue  # the team is one's own as well, and rooms and products are nobody's
        to = address(route, rows[whose])
        answer = ask(browser, method, to)
        text = answer.content.decode()
        fine = (403, 404, 405) if whose == "team mate's" and "teams" in nouns(route) else (404, 405)
        if answer.status_code not in fine:
            faults.append(f"{method} {to} answered {answer.status_code}")
        faults += [f"{method} {to} says {secret}" for secret in SECRETS if secret in text]
    assert faults == []
    assert everything() == before


def test_ones_own_rows_are_there(w, rows):
    browser = Client()
    browser.force_login(w.ada.user)
    answers = {}
    for route in portal_routes():
        with transaction.atomic():
            answers[route.name] = browser.get(address(route, rows["own"])).status_code
            transaction.set_rollback(True)
    assert (
        answers["portal:contract"] == answers["portal:team"] == answers["portal:plan_join"] == 200
    )
    assert answers["portal:booking"] == answers["portal:book_resource"] == 200
    assert answers["portal:invoice"] == answers["portal:credit_note"] == 200
    assert answers["portal:product"] == answers["portal:purchase"] == 200
    assert answers["portal:subscription_ending"] == 200
    assert sum(status == 200 for status in answers.values()) >= len(answers) * 0.5, answers


def test_a_row_of_ones_own_team_is_no_way_to_another_teams(w, rows):
    """The team in the address is one's own, what follows is a stranger's."""
    w.team.set_admin(w.ada, True, by=w.mona)
    browser = Client()
    browser.force_login(w.ada.user)
    before = everything()
    for route in portal_routes():
        if len(nouns(route)) < 2:
            continue
        mixed = {**rows["stranger's"], "teams": rows["own"]["teams"]}
        for method in ("GET", "POST"):
            assert ask(browser, method, address(route, mixed)).status_code in (404, 405)
    assert everything() == before


@pytest.mark.parametrize("who", ["ada", "nobody", "viktor"])
def test_the_panel_shows_customers_nothing_whatever_they_ask_for(w, rows, who):
    login = {
        "ada": w.ada.user, "viktor": w.viktor.user, "nobody": story.login("nobody@example.com"),
    }[who]  # fmt: skip
    browser = Client()
    browser.force_login(login)
    before = everything()
    addresses = set()
    for route in policies.routes():
        if not route.address.startswith("panel/"):
            continue
        for whose in rows:
            keys = {
                **dict.fromkeys(nouns(route), 1),
                "staff": w.frida.pk, "imports": 1, "locations": w.house.pk,
                "people": rows[whose]["customers"], **rows[whose],
            }  # fmt: skip
            addresses.add(address(route, keys))
    for method, to in itertools.product(("GET", "POST"), sorted(addresses)):
        answer = ask(browser, method, to)
        assert answer.status_code == 403, f"{method} {to}"
        assert not any(secret in answer.content.decode() for secret in SECRETS)
    assert everything() == before


def test_staff_of_one_location_see_nothing_of_another(w, rows):
    hill = story.house(name="Hill House")
    sam = story.login("sam@example.com")
    sam.give_role("owner", by=None, location=hill)
    browser = Client()
    browser.force_login(User.objects.get(pk=sam.pk))
    before = everything()
    for route in policies.routes():
        if not route.address.startswith(("panel/customers/<", "panel/contracts/<")):
            continue
        for method in ("GET", "POST"):
            keys = {**dict.fromkeys(nouns(route), 1), **rows["stranger's"]}
            answer = ask(browser, method, address(route, keys))
            assert answer.status_code in (404, 405), f"{method} {route.address}"
            assert not any(secret in answer.content.decode() for secret in SECRETS)
    text = browser.get("/panel/customers/?q=stella").content.decode()
    assert "Stella Stranger" not in text
    text = browser.get("/panel/contracts/").content.decode()
    assert "Stranger Plan" not in text.split('id="list"')[1]
    assert everything() == before


FIELDS = {
    "type": "company", "company_name": "Evil Ltd", "email": "evil@example.com",
    "external_id": "X1", "notes": "mine", "custom": '{"a": 1}', "registered_on": "2001-01-01",
    "location": "1", "user": "1", "portal_access_withdrawn_at": "", "archived_at": "2026-01-01",
    "payment_days": "365", "invoice_at": "purchase", "tax_exempt": "on",
    "tax_exempt_reason": "because", "version": "99", "price": "1", "quantity": "9",
    "discount": "100", "bill_missed": "on", "quiet": "on", "ends_on": "2026-12-31",
    "signed_on": "2001-01-01", "prorate_first": "on", "notice_days": "0", "minimum_cycles": "0",
    "self_cancel": "on", "freeze_days_a_year": "365", "sign_up_fee": "0", "deposit": "0",
    "purchase_order": "PO", "customer": "1", "plan": "1",
}  # fmt: skip


def test_the_account_form_changes_only_what_it_offers(w):
    browser = Client()
    browser.force_login(w.ada.user)
    form = browser.get("/portal/account/edit/").context["form"]
    shown = {bound.html_name: bound.value() or "" for bound in form}
    seen = {bound.html_initial_name: bound.value() or "" for bound in form}
    before = Customer.objects.filter(pk=w.ada.pk).values().get()
    answer = browser.post("/portal/account/edit/", {**FIELDS, **shown, **seen, "phone": "+44 7"})
    assert answer.status_code == 302
    after = Customer.objects.filter(pk=w.ada.pk).values().get()
    changed = {name for name, value in after.items() if dict(before)[name] != value}
    assert changed == {"phone", "version", "search_text"}


def test_joining_a_plan_takes_no_terms_from_the_form(w):
    browser = Client()
    browser.force_login(w.noor.user)
    address = f"/portal/plans/{w.hot_desk.pk}/join/"
    key = browser.get(address).context["form"]["form_key"].value()
    answer = browser.post(address, {**FIELDS, "starts_on": "2026-11-25", "form_key": key})
    assert answer.status_code == 302, answer.content.decode()
    contract = w.noor.contracts.latest("pk")
    assert (contract.customer, contract.plan, contract.location) == (w.noor, w.hot_desk, w.house)
    assert (contract.starts_on, contract.ends_on) == (day("2026-11-25"), None)
    assert (contract.price, contract.quantity, contract.discount) == (None, 1, 0)
    assert (contract.quiet, contract.bill_missed, contract.purchase_order) == (False, False, "")
    assert contract.notice_days == 30
    assert contract.freeze_days_a_year == 30


def test_the_walk_would_notice_a_view_that_forgets_to_ask_whose_it_is(w, rows, monkeypatch):
    """The control: with a hole in the wall the walk falls through it."""
    from portal import rows as found_by

    monkeypatch.setattr(
        found_by, "contract", lambda request, pk: Contract.objects.select_related("plan").get(pk=pk)
    )
    browser = Client()
    browser.force_login(w.ada.user)
    key = rows["stranger's"]["contracts"]
    answer = browser.get(f"/portal/contracts/{key}/")
    assert answer.status_code == 200
    assert any(secret in answer.content.decode() for secret in SECRETS)
