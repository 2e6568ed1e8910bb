"""A house with one plan, and somebody who may sign it, on 20 November 2026."""

import pytest

from tests import story


@pytest.fixture
def riverside(at):
    at("2026-11-20")
    return story.house()


@pytest.fixture
def desk(riverside):
    return story.plan(riverside, "Hot Desk", "300", billing_day=1)


@pytest.fixture
def kim(riverside):
    return story.person(riverside, "Kim Doe")
