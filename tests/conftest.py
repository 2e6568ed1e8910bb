"""What every test may ask for. The people of the tests live in story.py."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
from django.core.cache import cache

# A property test says the same thing on each machine and each day, however slow the machine is.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")

NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HAS_PLAYWRIGHT = importlib.util.find_spec("playwright") is not None
collect_ignore = [] if HAS_PLAYWRIGHT else ["browser"]


def chromium() -> str | None:
    """The machine's Chromium; `dev.py test` says where it is, or it is looked for."""
    given = os.environ.get("CHROMIUM")
    return given or next((path for name in NAMES_OF_CHROMIUM if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, but never where CI counts on it."""
    wanted = [item for item in items if item.get_closest_marker("browser")]
    if not wanted:
        return
    # They come last: from the first one on an event loop runs in this thread, and while it does
    # Django keeps another set of connections.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if chromium():
        # Playwright keeps an event loop in the thread in which the tests use the database.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    elif os.environ.get("CI"):
        raise pytest.UsageError("no Chromium was found, and CI must not skip the browser tests")
    else:
        for item in wanted:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    """A test's failed sign-ins must not throttle the next test."""
    yield
    cache.clear()


# In the browser


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The machine's Chromium, which talks to nobody but the page's own server."""
    return {
        **browser_type_launch_args,
        "executable_path": chromium(),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains about; a test that provokes something takes it out.

    Errors in the console, exceptions in scripts, and requests that leave the house. Whatever is
    left at the end fails the test.
    """
    found: list[str] = []
    yield found
    assert not found, "the browser complains:\n" + "\n".join(found)


@pytest.fixture
def page_at(browser, live_server, complaints: list[str]) -> Iterator[Callable]:
    """Open a page of the site: `page_at("/portal/", width=390, scheme="dark", user=ada)`.

    Width in CSS pixels, scheme "light" or "dark"; with `user` somebody is signed in. Returns
    Playwright's page, whose relative addresses are those of the site. `path` may be left out.
    """
    contexts = []
    home = urlsplit(live_server.url)

    def watch(page) -> None:
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{page.url}: {message.text}")
                if message.type == "error"
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))

    def keep_in_the_house(route) -> None:
        address = urlsplit(route.request.url)
        if address.netloc == home.netloc:
            route.fallback()
        else:
            complaints.append(f"a request to {address.scheme}://{address.netloc}")
            route.abort()

    def open_page(
        path: str | None = None,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        user=None,
    ):
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Vienna",
        )
        contexts.append(context)
        context.on("page", watch)
        context.route("**/*", keep_in_the_house)
        if user is not None:
            context.add_cookies([_session_of(user, live_server.url)])
        page = context.new_page()
        if path is not None:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _session_of(user, address: str) -> dict[str, str]:
    """A cookie that signs somebody in without the form."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": address}


@pytest.fixture
def assert_accessible() -> Callable:
    """Ask axe whether a page keeps WCAG 2.2 at level AA; its findings fail the test."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def ask(page) -> None:
        levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        # What is found wrong is told in full, what is right is not listed node by node.
        options = {
            "runOnly": {"type": "tag", "values": levels},
            "resultTypes": ["violations"],
        }
        # What is on its way is drawn faintly, on purpose.
        page.locator(".htmx-request").first.wait_for(state="detached")
        found = axe.run(page, options=options)
        violations = [
            f"{violation['id']} ({violation['impact']}): {violation['help']}\n"
            + "\n".join(f"    {node['html'][:160]}" for node in violation["nodes"][:5])
            for violation in found.response["violations"]
        ]
        assert not violations, f"{page.url}:\n" + "\n".join(violations)

    return ask


@pytest.fixture
def house() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


# The small world


@pytest.fixture
def w(db):
    """Everybody of `tests/story.py`, with the clock at 20 November 2026."""
    import time_machine

    from tests import story

    with time_machine.travel("2026-11-20 12:00Z", tick=False):
        yield story.world()


@pytest.fixture
def at(db) -> Iterator[Callable]:
    """Set the clock: `at("2026-11-20")` is noon in Greenwich that day."""
    import time_machine

    travellers = []

    def travel(moment: str) -> None:
        if len(moment) == 10:
            moment += " 12:00Z"
        traveller = time_machine.travel(moment, tick=False)
        traveller.start()
        travellers.append(traveller)

    yield travel
    for traveller in reversed(travellers):
        traveller.stop()
