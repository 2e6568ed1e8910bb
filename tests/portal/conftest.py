"""Browsers of the people who come to the portal, and what each of its pages is called."""

import pytest
from django.test import Client
from django.urls import reverse

from tests import story
from tests.bookings.conftest import heron, kestrel, monday, rooms, t  # noqa: F401


@pytest.fixture
def ada(w, client):
    client.force_login(w.ada.user)
    return client


@pytest.fixture
def noor(w) -> Client:
    return _signed_in(w.noor.user)


@pytest.fixture
def lin(w) -> Client:
    return _signed_in(w.lin.user)


@pytest.fixture
def omar(w) -> Client:
    """Omar of Lin's team, who is no admin, with a login of his own."""
    w.omar.user = story.login("omar@example.com")
    w.omar.save(update_fields=["user"])
    return _signed_in(w.omar.user)


def _signed_in(user) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def send(browser: Client, name: str, *keys: int, key: str = "a-key-of-a-form", **fields):
    """Send the form of a page: `send(ada, "contract_freeze", contract.pk, from_on=…)`."""
    return browser.post(reverse(f"portal:{name}", args=keys), {"form_key": key, **fields})


def look(browser: Client, name: str, *keys: int):
    return browser.get(reverse(f"portal:{name}", args=keys))


def errors(answer) -> dict[str, list[str]]:
    return {
        name: [one.code for one in found.as_data()]
        for name, found in answer.context["form"].errors.items()
    }
