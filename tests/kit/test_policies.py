"""Every page is closed unless its route says who may come: walked, route by route, as everybody.

The walk finds its routes in the resolver and builds their arguments, so that a page is covered
on the day it is written. What it expects comes from WHO, not from the code that it watches.
"""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse

from customers.rights import RIGHTS
from kit import policies
from kit.policies import Route, policy
from plans.models import CustomerImport
from tests import story

pytestmark = pytest.mark.django_db

NOBODY = 10**9
STAFF = frozenset({"front_desk", "manager", "accountant", "owner"})
SIGNED_IN = STAFF | {"customer", "suspended", "stranger"}
# Who may come where a policy stands; a new policy says it here once more, in words of its own.
WHO: dict[str, frozenset[str]] = {
    "public": SIGNED_IN | {"anonymous"},
    "private_link": SIGNED_IN | {"anonymous"},
    "signed_in": SIGNED_IN,
    "see_panel": STAFF,
    "serve_customers": frozenset({"front_desk", "manager", "owner"}),
    "manage_space": frozenset({"manager", "owner"}),
    "keep_books": frozenset({"accountant", "manager", "owner"}),
    "own_space": frozenset({"owner"}),
    "manage_everywhere": frozenset({"manager", "owner"}),
    "own_everywhere": frozenset({"owner"}),
    "portal": SIGNED_IN - {"suspended"},
    "customer": frozenset({"customer"}),
    "entrance": (SIGNED_IN | {"anonymous"}) - {"suspended"},
}
ROLES = sorted(WHO["public"])


@pytest.fixture
def people(w) -> dict[str, Client]:
    """One browser for each kind of person, and a row of everything that pages show."""
    CustomerImport.objects.create(
        file_name="people.csv", content=b"full_name,email\n", made_by=w.mona
    )
    story.bookable(w)
    story.billed(w)
    story.sellable(w)
    logins = {
        "front_desk": w.frida,
        "manager": w.manager,
        "accountant": w.anton,
        "owner": w.mona,
        "customer": w.ada.user,
        "suspended": w.viktor.user,
        "stranger": story.login("stranger@example.com"),
    }
    browsers = {"anonymous": Client()}
    for role, user in logins.items():
        browsers[role] = Client()
        browsers[role].force_login(user)
    return browsers


def routes() -> Iterator[Route]:
    return policies.routes()


def address(route: Route, *, existing: bool) -> str:
    """The route's address with arguments filled in: of rows that exist, or of none.

    `customers/<int:pk>/` is filled with a customer: the word before the argument says of what.
    """
    text = "/" + route.address.replace("^", "").replace("$", "")
    while "<" in text:
        head, _sep, rest = text.partition("<")
        if head.endswith("(?P"):
            head = head.removesuffix("(?P")
            inside, _sep, rest = rest.partition(")")
            text = head + "nothing" + rest
            continue
        inside, _sep, rest = rest.partition(">")
        kind = inside.partition(":")[0] if ":" in inside else "str"
        match kind:
            case "int":
                value = str(some_key(head)) if existing else str(NOBODY)
            case "uuid":
                value = "00000000-0000-4000-8000-000000000000"
            case _:
                value = "nothing"
        text = head + value + rest
    return text


def some_key(head: str) -> int:
    """A key of a row of what the address names last, such as /panel/customers/."""
    parts = (part.replace("-", "") for part in reversed(head.split("/")))
    noun = next((part for part in parts if part.isalpha()), "")
    others = {"staff": "users", "mail": "outboxmessages", "shop": "products",
              "purchases": "charges"}  # fmt: skip
    noun = others.get(noun, noun)
    candidates = [
        model for model in apps.get_models() if f"{model._meta.model_name}s".endswith(noun) and noun
    ]
    for model in sorted(candidates, key=lambda model: len(model._meta.model_name or "")):
        row = model._base_manager.order_by("pk").first()
        if row is not None:
            return row.pk
    return NOBODY


def fault(role: str, route: Route, method: str, to: str, browser: Client) -> str | None:
    """What is wrong with the answer, or None."""
    assert route.policy is not None
    cache.clear()
    cookies = deepcopy(browser.cookies)
    try:
        with transaction.atomic():
            answer = browser.generic(
                method, to, content_type="application/x-www-form-urlencoded", secure=False
            )
            transaction.set_rollback(True)
    except Exception as error:  # whatever a view may raise is a fault of the view
        return f"{method} {to} as {role} raised {type(error).__name__}: {error}"
    finally:
        browser.cookies = cookies
    status = answer.status_code
    if role in WHO[route.policy]:
        fine = status in (200, 204, 302, 303, 400, 404, 405, 409, 410, 422)
    elif role == "anonymous":
        at_login = status == 302 and answer["Location"].startswith(reverse("portal:login"))
        fine = at_login or status == 403
    else:
        fine = status == 403
    return None if fine else f"{method} {to} as {role} ({route.policy}) answered {status}"


@pytest.mark.parametrize("role", ROLES)
def test_every_route_lets_in_whom_it_says_and_nobody_else(role, people):
    faults = []
    for route in routes():
        # The address of a row that is there, and of none; the same where the route names no row.
        for to in {address(route, existing=True), address(route, existing=False)}:
            for method in ("GET", "POST"):
                faults += [fault(role, route, method, to, people[role])]
    assert [found for found in faults if found] == []


@pytest.mark.parametrize("role", ["owner", "customer"])
def test_a_row_that_is_not_there_is_not_found(role, people):
    """For whoever may come, a page of nobody is a 404 and not an empty page."""
    found = []
    for route in routes():
        if "<int:" not in route.address or role not in WHO[route.policy or ""]:
            continue
        status = people[role].get(address(route, existing=False)).status_code
        if status not in (404, 405):
            found.append(f"{route.address}: {status}")
    assert found == []


def test_every_page_answers_its_own_people(people):
    """A walk that only ever met 404 would prove nothing."""
    answers = [
        people["owner"].get(address(route, existing=True)).status_code
        for route in routes()
        if route.policy in RIGHTS
    ]
    assert answers
    assert sum(status in (200, 302, 405) for status in answers) >= len(answers) * 0.8


def test_the_walk_builds_addresses_that_lead_to_their_routes():
    from django.urls import resolve

    for route in routes():
        match = resolve(address(route, existing=False))
        assert match.route.replace("^", "").replace("$", "") == route.address.replace(
            "^", ""
        ).replace("$", "")


def test_every_policy_has_its_people_and_every_right_its_roles():
    assert set(policies._policies) == set(WHO)
    for right, roles in RIGHTS.items():
        assert roles == WHO[right]


def test_no_route_of_the_house_is_without_a_policy():
    assert policies.mistakes() == []
    assert len(list(routes())) > 8


# The machinery itself, with a house of its own


@policy("public")
def open_page(request):
    return HttpResponse("open")


@policy("own_space")
def owners_page(request):
    return HttpResponse("for owners")


def silent_page(request):
    return HttpResponse("never seen")


@login_not_required
def silent_and_open_page(request):
    return HttpResponse("never seen")


@policy("no_such_policy")
def wrong_page(request):
    return HttpResponse("never seen")


def page_of_a_package(request):
    return HttpResponse("theirs")


@policy("public")
def said_twice(request):
    return HttpResponse("twice")


urls_of_mistakes = (
    [
        path("silent/", silent_page, name="silent"),
        path("open/", silent_and_open_page, name="silent_open"),
        path("wrong/", wrong_page, name="wrong"),
        path("theirs/", page_of_a_package, name="theirs"),
        path("twice/", said_twice, name="twice"),
    ],
    "odd",
)
urlpatterns = [
    path("", open_page, name="front_door"),
    path("owners/", owners_page, name="owners"),
    path("odd/", include(urls_of_mistakes)),
    path("portal/login/", open_page, name="login"),
]


@pytest.fixture
def odd_house(monkeypatch):
    theirs = {"odd:theirs": "signed_in", "odd:twice": "public", "odd:gone": "public"}
    monkeypatch.setattr(policies, "_package_routes", theirs)
    with override_settings(ROOT_URLCONF="tests.kit.test_policies", LOGIN_URL="/portal/login/"):
        yield


def test_a_route_that_says_nothing_is_an_error_and_no_open_door(odd_house, w, client):
    client.force_login(w.mona)
    for to in ("/odd/silent/", "/odd/open/", "/odd/wrong/"):
        with pytest.raises(ImproperlyConfigured, match="who may come"):
            client.get(to)


def test_signing_in_is_asked_for_even_where_somebody_forgot_the_policy(odd_house, client):
    answer = client.get("/odd/silent/")
    assert (answer.status_code, answer["Location"]) == (302, "/portal/login/?next=/odd/silent/")
    with pytest.raises(ImproperlyConfigured):
        client.get("/odd/open/")


def test_a_page_of_a_package_goes_by_the_policy_it_was_given(odd_house, w, client):
    assert client.get("/odd/theirs/").status_code == 302
    client.force_login(w.ada.user)
    assert client.get("/odd/theirs/").status_code == 200


def test_a_policy_that_says_no_is_a_403(odd_house, w, client):
    client.force_login(w.frida)
    assert client.get("/owners/").status_code == 403
    client.force_login(w.mona)
    assert client.get("/owners/").content == b"for owners"


def test_every_kind_of_mistake_is_found(odd_house):
    assert policies.mistakes() == [
        "odd/silent/ (odd:silent) does not say who may come",
        "odd/open/ (odd:silent_open) does not say who may come",
        "odd/wrong/ names an unknown policy no_such_policy",
        "odd/twice/ says its policy twice",
        "no route is called odd:gone",
    ]


def test_a_page_may_ask_what_it_should_offer(w, rf):
    request = rf.get("/")
    request.user = w.frida
    assert policies.allows(request, "serve_customers")
    assert not policies.allows(request, "manage_space")


def test_somebody_whose_login_was_switched_off_may_nothing(w, rf):
    request = rf.get("/")
    w.mona.is_active = False
    request.user = w.mona
    assert not any(policies.allows(request, right) for right in RIGHTS)
