"""Lists over 100,000 customers with 120,000 contracts, beside the same page with nothing in it.

By hand, on PostgreSQL: `TEST_DATABASE_URL=postgres://… pytest -m bench -s`. What must hold is
asserted (queries, no scan per row); how long it took is printed.
"""

import datetime as dt
import json
import random
import statistics
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from coworking import story as demo
from customers.models import Customer, Suspension, Team
from kit import bulk, locks
from plans.models import Contract
from plans.models.terms import SignedTerms

pytestmark = [
    pytest.mark.bench,
    pytest.mark.django_db,
    pytest.mark.urls("tests.bench.urls"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="measured on PostgreSQL"),
]

CUSTOMERS, CONTRACTS = 100_000, 120_000
MOST_QUERIES = 12
ROUNDS = 9
# More often than a parallel plan has workers: once per row, that is.
ONCE_PER_ROW = 8


@pytest.fixture(scope="module")
def space(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    """Riverside House, but a hundred thousand people come to it."""
    with django_db_blocker.unblock():
        started = time.monotonic()
        chance = random.Random(1)
        with locks.nobody_else():
            place = demo.Location.objects.create(
                name="Riverside House", timezone="Europe/London", currency="GBP"
            )
            today = place.today()
            mona = demo._staff(make_password(demo.PASSWORD))
            plans = demo._plans(place, mona, today)
            demo._crowd(
                CUSTOMERS, place, plans, mona, today, chance, lambda done, total, what: None
            )
            _more_contracts(place, plans, mona, today, chance)
            demo._teams(place, mona, chance)
            _suspend_and_archive(chance)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        assert Customer.objects.count() == CUSTOMERS
        assert Contract.objects.count() >= CONTRACTS
        print(
            f"\n{CUSTOMERS:,} customers and {Contract.objects.count():,} contracts "
            f"written in {time.monotonic() - started:.0f} s"
        )
        yield SimpleNamespace(place=place, mona=mona, today=today, plans=plans)
        call_command("flush", interactive=False, verbosity=0)


def _more_contracts(place, plans, mona, today, chance) -> None:
    """The demo's people sign about one contract each: some of them sign further ones."""
    plan = plans["Virtual Office"]
    lacking = CONTRACTS - Contract.objects.count()
    keys = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    terms = {name: getattr(plan, name) for name in SignedTerms.term_names()}
    for start in range(0, lacking, 5000):
        bulk.insert(
            [
                Contract(
                    customer_id=chance.choice(keys), plan=plan, location=place,
                    starts_on=(first := today - dt.timedelta(chance.randrange(-30, 700))),
                    ends_on=chance.choice([None, first + dt.timedelta(chance.randrange(400))]),
                    signed_on=first, signed_by=mona, **terms,
                )
                for _contract in range(min(5000, lacking - start))
            ]
        )  # fmt: skip


def _suspend_and_archive(chance) -> None:
    keys = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    bulk.insert(
        [
            Suspension(
                customer_id=key,
                cause="manual",
                reason="Three invoices unpaid",
                suspended_on=dt.date(2026, 11, 1),
            )
            for key in chance.sample(keys, 500)
        ]
    )
    never = Customer.objects.filter(contracts=None).values_list("pk", flat=True)[:2000]
    Customer.objects.filter(pk__in=list(never)).update(archived_at=dt.datetime.now(dt.UTC))


@pytest.fixture
def browser(space) -> Client:
    client = Client()
    client.force_login(space.mona)
    return client


def address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        pytest.skip(f"there is no page called {name}")


def median_ms(browser: Client, url: str) -> float:
    """The median of some visits, after two that fill caches."""
    times = []
    for _round in range(ROUNDS + 2):
        started = time.perf_counter()
        answer = browser.get(url)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
    return statistics.median(times[2:])


def scans_per_row(queries: list[dict[str, str]]) -> list[str]:
    """Large tables that are read from end to end again for each row of something else."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 1000")
        large = {name for (name,) in cursor.fetchall()}
        for query in queries:
            if not query["sql"].startswith("SELECT"):
                continue
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query["sql"].replace("%", "%%"), [])
            plan = cursor.fetchone()[0]
            whole = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            found += [
                f"{node['Relation Name']} × {node['Actual Loops']:,}"
                for node in _nodes(whole)
                if node["Node Type"] == "Seq Scan"
                and node["Relation Name"] in large
                and node["Actual Loops"] > ONCE_PER_ROW
            ]
    return found


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def measured(browser: Client, name: str, queries: list[str]) -> None:
    """Visit a list in every way, print what each took beside the empty shell, and assert."""
    base = address(name)
    shell = median_ms(browser, reverse("shell"))
    print(f"\n{name}; the shell alone takes {shell:.1f} ms")
    print(f"{'filter':<52} {'ms':>7} {'× shell':>8} {'queries':>8}  slowest query, ms")
    wrong = []
    for query in queries:
        took = median_ms(browser, f"{base}?{query}")
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"{base}?{query}")
        slowest = max(float(one["time"]) for one in captured.captured_queries) * 1000
        print(
            f"{query or '(none)':<52} {took:>7.1f} {took / shell:>8.1f} {len(captured):>8}  "
            f"{slowest:.0f}"
        )
        if len(captured) > MOST_QUERIES:
            wrong.append(f"{query}: {len(captured)} queries")
        if scans := scans_per_row(captured.captured_queries):
            wrong.append(f"{query}: {scans}")
    assert wrong == []


def test_the_customers_list_answers_with_every_filter(space, browser):
    past = (space.today - dt.timedelta(200)).isoformat()
    plan = space.plans["Hot Desk"].pk
    seldom = space.plans["Private Office"].pk
    team = Team.objects.order_by("pk")[0].pk
    after = browser.get(address("panel:customers")).context["page"].next
    measured(
        browser,
        "panel:customers",
        [
            "",
            f"after={after}",
            "sort=-name",
            "sort=-registered",
            "status=member",
            "status=contact",
            f"status=member&on={past}",
            f"status=contact&on={past}",
            "status=member&type=company&sort=-registered",
            "type=individual",
            f"plan={plan}",
            f"plan={seldom}",
            f"plan={plan}&contract=scheduled",
            *(f"contract={state}" for state in (
                "active", "ending", "frozen", "scheduled", "ended", "called_off"
            )),
            "suspended=yes",
            "suspended=no",
            f"team={team}",
            "archived=yes",
            "archived=all",
            "q=novak",
            "q=amelia+novak",
            "q=nobody-is-called-this",
            "q=smith&status=member",
        ],
    )  # fmt: skip


def test_the_contracts_list_answers_with_every_filter(space, browser):
    day = space.today.isoformat()
    measured(
        browser,
        "panel:contracts",
        [
            "",
            *(f"state={state}" for state in (
                "active", "ending", "frozen", "scheduled", "ended", "called_off"
            )),
            f"plan={space.plans['Hot Desk'].pk}",
            "cancelled=yes",
            f"starts_from={day}",
            f"ends_from={day}&ends_until={day}",
            "q=novak",
        ],
    )  # fmt: skip
