"""What every test may ask for. The people of the tests live in story.py."""

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import time_machine
from django.core.cache import cache

from dev import in_memory
from tests import databases, story
from tests.databases import Worlds

# A property test says the same thing on each machine and each day, however slow the machine is.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")

# What `dev.py test --quick` leaves out, slowest first, as `dev.py test --write-slow` measures it.
SLOW = Path(__file__).with_name("slow.txt")
HAS_COMMITTED = pytest.StashKey[bool]()
NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What htmx writes when a newer request replaces one that is under way, or the page is left. Any
# other failure of a request has a line of its own beside the first of these.
REPLACED = ("htmx:afterRequest", "htmx:sendAbort")
HAS_PLAYWRIGHT = importlib.util.find_spec("playwright") is not None
collect_ignore = [] if HAS_PLAYWRIGHT else ["browser"]


def chromium() -> str | None:
    """The machine's Chromium; `dev.py test` says where it is, or it is looked for."""
    given = os.environ.get("CHROMIUM")
    return given or next((path for name in NAMES_OF_CHROMIUM if (path := shutil.which(name))), None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what no engine can change and what is slow; skip the browser where there is none.

    A test that uses no database, or a browser, says the same on each engine: `dev.py test` runs it
    on SQLite only.
    """
    wanted = [item for item in items if item.get_closest_marker("browser")]
    slow = {name: rank for rank, name in enumerate(SLOW.read_text().splitlines())}
    for item in items:
        if item.get_closest_marker("browser") or not _uses_the_database(item):
            item.add_marker("one_engine")
        # Whichever test comes first to the demo builds it, for twenty seconds.
        if item.nodeid.partition("[")[0] in slow or "demo" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    # The slowest come first: where several processes share the tests, none is left with them.
    items.sort(key=lambda item: slow.get(item.nodeid.partition("[")[0], len(slow)))
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


def _uses_the_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"}
    return bool(item.get_closest_marker("django_db")) or not fixtures.isdisjoint(
        getattr(item, "fixturenames", ())
    )


_durations: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _durations[report.nodeid] = _durations.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write how long each test took, where `dev.py test` wants to know it."""
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and (file := os.environ.get("TEST_DURATIONS")):
        Path(file).write_text(json.dumps(_durations))


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    """A test's failed sign-ins must not throttle the next test."""
    yield
    cache.clear()


# In the browser


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """The machine's Chromium, which talks to nobody but the page's own server."""
    args = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    if not in_memory():
        args.append("--disable-dev-shm-usage")  # a container has 64 MB of it
    return {**browser_type_launch_args, "executable_path": chromium(), "args": args}


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains about; a test that provokes something takes it out.

    Errors in the console, exceptions in scripts, and requests to other servers. Whatever is
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
        def note(message) -> None:
            if message.type == "error" and not message.text.startswith(REPLACED):
                complaints.append(f"{page.url}: {message.text}")

        page.on("console", note)
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
def sign_in_as(live_server) -> Callable:
    """Let a page be somebody else's from its next address on: `sign_in_as(page, w.lin.user)`.

    With `None` it is nobody's. The page keeps its browser context.
    """

    def sign_in(page, user) -> None:
        page.context.clear_cookies()
        if user is not None:
            page.context.add_cookies([_session_of(user, live_server.url)])

    return sign_in


@pytest.fixture(scope="session")
def looks():
    """The audit of `tests/browser/looks.py`, which knows the fonts of the machine."""
    from tests.browser.looks import Looks

    return Looks()


@pytest.fixture
def assert_accessible(looks) -> Callable:
    """Ask axe whether a page, as it is shown now, keeps WCAG 2.2 at level AA."""
    return looks.assert_accessible


@pytest.fixture
def assert_looks_right(looks) -> Callable:
    """Ask a page everything about its looks, with one load: `assert_looks_right(page)`.

    Axe, the width of the page and the size of what is pressed: at the width of a desktop and of a
    phone, light and dark, in two sets of fonts.
    """
    return looks


@pytest.fixture
def house() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


# The databases and the people


def _commits(request: pytest.FixtureRequest) -> bool:
    """Whether the test has transactions of its own, as pytest-django sees it."""
    marker = request.node.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction")) or not {
        "transactional_db",
        "live_server",
    }.isdisjoint(request.fixturenames)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[Worlds]:
    """The empty test database, and the worlds that are made of it."""
    with django_db_blocker.unblock():
        worlds = Worlds()
    yield worlds
    with django_db_blocker.unblock():
        left = databases.rows_left()
        changed = worlds.drop()
    assert not changed, f"Tests have changed what others start from: {changed}."
    assert not left, f"Tests have left rows in {left}."


def _world_of(request: pytest.FixtureRequest) -> str | None:
    """Return the name of the world that a test starts from."""
    return next((name for name in databases.BUILDERS if name in request.fixturenames), None)


@pytest.fixture
def _database(request, django_db_setup, django_db_blocker) -> Iterator[None]:
    """Choose the database of the test before its transaction begins."""
    name = _world_of(request)
    if name is None or _commits(request):
        yield
        return
    with django_db_blocker.unblock():
        world = django_db_setup[name]
    with world.selected():
        yield
    if request.node.stash[HAS_COMMITTED]:
        with django_db_blocker.unblock():
            django_db_setup.forget(name)


@pytest.fixture
def _django_db_helper(request, _database, _django_db_helper) -> Iterator[None]:
    """Fail a test that commits although it should be rolled back."""
    before = databases.last_commit()
    yield
    after = databases.last_commit()
    committed = not _commits(request) and after not in (before, None)
    request.node.stash[HAS_COMMITTED] = committed
    if committed:
        pytest.fail("The test has committed what it wrote; django_db(transaction=True) may do so.")


@pytest.fixture
def _world(request, db, django_db_setup) -> Iterator[Any]:
    """What the world's builder has returned, with the clock at 20 November 2026."""
    name = _world_of(request)
    with time_machine.travel(databases.CLOCK, tick=False):
        if name is None:
            # Asked for by name while the test runs: it is written where the test is.
            yield story.world()
        elif _commits(request):
            yield django_db_setup.committed(name)
        else:
            yield django_db_setup[name].objects()


@pytest.fixture
def w(_world) -> SimpleNamespace:
    """Everybody of `tests/story.py`."""
    return _world


@pytest.fixture
def history(_world) -> None:
    """Everybody, with at least one row in every guarded table."""


@pytest.fixture
def coming_contracts(_world) -> None:
    """The people of `tests/races/contracts.py`."""


@pytest.fixture
def demo(_world) -> None:
    """The space that `manage.py demo` makes, with sixty customers."""


@pytest.fixture
def at(db) -> Iterator[Callable]:
    """Set the clock: `at("2026-11-20")` is noon in Greenwich that day."""
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


@pytest.fixture
def no_machine_fonts(monkeypatch):
    """A machine without a font."""
    from billing import documents, fonts

    only_own = fonts.fonts(of_machine=False)
    monkeypatch.setattr(fonts, "fonts", lambda *, of_machine: only_own)
    monkeypatch.setattr(documents, "fonts", lambda *, of_machine: only_own)
    checks = (fonts._parts_of, fonts._can_print)
    for check in checks:
        check.cache_clear()
    yield
    for check in checks:
        check.cache_clear()
