"""Random lives: whenever the billing runs, the same is charged and invoiced."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from billing import runs
from spaces.models import Location
from tests.billing.ledger import assert_same_outcome, is_sound, outcome
from tests.billing.program import lived

pytestmark = pytest.mark.django_db


@contextmanager
def a_world_of_its_own() -> Iterator[None]:
    """What is done inside is undone afterwards, and locks as if nothing were around it."""
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined] # as a test's transaction
    with around:
        yield
        transaction.set_rollback(True)


# How many lives are lived; more of them by hand: LIVES=200.
LIVES = int(os.environ.get("LIVES", "2"))


@pytest.mark.parametrize("seed", range(LIVES))
def test_the_result_does_not_depend_on_when_the_billing_runs(seed):
    results = []
    chance = random.Random(seed)
    some_days = {number for number in range(200) if chance.random() < 0.15}
    for runs_on in (lambda number: True, lambda number: number in some_days, lambda number: False):
        with a_world_of_its_own():
            results.append(lived(seed, runs_on, summary=outcome))
            currency = Location.objects.get().currency
            assert_same_outcome(results[-1], results[0], currency)
            is_sound()
    assert len(results[0][0]) > 20


def test_without_catching_up_a_late_run_makes_a_difference(monkeypatch):
    """The control: what a run should have done before is not done, and it shows."""
    monkeypatch.setattr(runs, "catch_up", lambda *args, **how: None)
    results = []
    for runs_on in (lambda number: True, lambda number: False):
        with a_world_of_its_own():
            results.append(lived(8, runs_on, summary=outcome))
    assert results[0][0] != results[1][0]
