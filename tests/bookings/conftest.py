import datetime as dt

import pytest

from bookings.models import Resource, ResourceType
from tests import story


@pytest.fixture
def rooms(w) -> ResourceType:
    """Meeting rooms at 60 an hour."""
    made = ResourceType.objects.make(name="Meeting rooms", by=None)
    made.add_rate(per="hour", price=60, by=None)
    return made


@pytest.fixture
def kestrel(w, rooms) -> Resource:
    """A meeting room for six."""
    return story.room(w.house, rooms, "Kestrel", capacity=6)


@pytest.fixture
def heron(w, rooms) -> Resource:
    """Another one, for ten."""
    return story.room(w.house, rooms, "Heron", capacity=10)


@pytest.fixture
def t():
    """A moment on the wall in London: `t("2026-11-23 10:00")`."""
    return story.moment


@pytest.fixture
def monday() -> dt.date:
    return story.day("2026-11-23")
