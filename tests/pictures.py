"""Takes the README's pictures of the real screens: `python3 dev.py pictures`.

A demo space in a database of its own, a server on a free port, Chromium; docs/pictures/ gets one
file a screen. The clock stands still, so that the same code gives the same pictures.
"""

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Literal, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server

HOUSE = Path(__file__).resolve().parent.parent
TARGET = HOUSE / "docs" / "pictures"
NOON = "2026-11-20 12:00Z"
# File, address, who looks, width, height, colours.
SCREENS = [
    ("customers.png", "/panel/customers/", "mona@example.com", 1280, 800, "light"),
    ("team.png", "/panel/teams/{team}/", "mona@example.com", 1280, 800, "light"),
    ("calendar.png", "/panel/calendar/", "mona@example.com", 1280, 900, "light"),
    ("portal-book.png", "/portal/book/?type={rooms}", "ada@example.com", 1280, 900, "light"),
    ("portal.png", "/portal/", "ada@example.com", 1280, 800, "light"),
    ("portal-plans.png", "/portal/plans/", "ada@example.com", 390, 844, "dark"),
    (
        "portal-cancel.png",
        "/portal/contracts/{ada}/cancellation/",
        "ada@example.com",
        390,
        844,
        "light",
    ),
    ("record.png", "/panel/customers/{lin}/", "mona@example.com", 1280, 800, "light"),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args) -> None:
        """Say nothing of every request."""


def main() -> None:
    folder = tempfile.mkdtemp(prefix="coworking-pictures-")
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "coworking.settings",
        "DEBUG": "on",
        "SECRET_KEY": "for-pictures-only-" + "x" * 40,
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }
    try:
        import time_machine

        with time_machine.travel(NOON, tick=True):
            take()
    finally:
        shutil.rmtree(folder)


def take() -> None:
    import django

    django.setup()
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from playwright.sync_api import sync_playwright

    from bookings.models import ResourceType
    from coworking.story import PASSWORD
    from customers.models import Customer, Team
    from plans.models import Contract
    from tests.conftest import chromium

    call_command("migrate", verbosity=0)
    call_command("demo", verbosity=0)
    keys = {
        "rooms": ResourceType.objects.get(name="Meeting rooms").pk,
        "lin": Customer.objects.get(email="lin@example.com").pk,
        "ada": Contract.objects.filter(customer__email="ada@example.com").latest("pk").pk,
        "team": Team.objects.get(name="Lin & Co").pk,
    }
    server = make_server(
        "127.0.0.1", 0, StaticFilesHandler(get_wsgi_application()), handler_class=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}"
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for file, address, email, width, height, scheme in SCREENS:
            context = browser.new_context(
                base_url=home,
                viewport={"width": width, "height": height},
                color_scheme=cast(Literal["light", "dark"], scheme),
                reduced_motion="reduce",
                locale="en-GB",
                device_scale_factor=2 if width < 500 else 1,
            )
            page = context.new_page()
            page.goto("/portal/login/")
            page.fill("[name=login]", email)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url(lambda url: "login" not in url)
            page.goto(address.format(**keys), wait_until="networkidle")
            page.screenshot(path=TARGET / file)
            context.close()
            sys.stdout.write(f"docs/pictures/{file}\n")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
