"""What many tests start from is the same for each of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from customers.models import Customer

pytestmark = pytest.mark.django_db


def test_a_test_that_commits_fails_by_itself_and_spoils_no_other(house: Path):
    """The leaks are in a run of their own, on the engine of this one."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfE", "tests/leaks.py"],
        cwd=house,
        env={name: value for name, value in os.environ.items() if name != "TEST_DURATIONS"},
        capture_output=True,
        text=True,
    )
    said = run.stdout
    assert run.returncode == 1, said
    assert "4 passed" in said, f"what they do is no error yet: {said}"
    assert set(re.findall(r"^(?:ERROR|FAILED) tests/leaks.py::(\w+)", said, re.MULTILINE)) == {
        "test_it_commits_a_change_of_the_story",
        "test_it_leaves_rows_in_the_empty_database",
    }
    assert "The test has committed what it wrote" in said
    assert "Tests have left rows in ['spaces_location']" in said


def test_objects_of_the_story_are_new_for_each_test_a(w):
    w.ada.full_name = "Somebody else"
    w.ada.save()
    w.office = None


def test_objects_of_the_story_are_new_for_each_test_b(w):
    assert w.ada.full_name == "Ada Lovelace"
    assert Customer.objects.get(pk=w.ada.pk).full_name == "Ada Lovelace"
    assert w.office.name == "Private Office"
    assert w.ada.location is w.ada.location
