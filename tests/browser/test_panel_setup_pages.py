"""Plans and imports in the browser: each page is accessible, and never too wide."""

import pytest
from django.urls import reverse

from plans.imports import applying, undoing

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
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_of_plans_and_imports_are_accessible(
    addresses, w, page_at, assert_accessible, width, scheme
):
    page = page_at(width=width, scheme=scheme, user=w.mona)
    for address in addresses:
        assert page.goto(address).ok, address
        assert_accessible(page)
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{address} is {beyond} pixels wider than the screen"
