"""Tests that do what none may do: `test_databases.py` runs them and expects that they fail."""

import threading

import pytest
from django.db import connection, connections

from customers.models import Customer
from spaces.models import Location


def test_it_commits_a_change_of_the_story(w):
    Customer.objects.filter(pk=w.ada.pk).update(notes="Changed for all who come later")
    connection.connection.commit()


def test_it_finds_the_story_as_it_was(w):
    assert Customer.objects.get(pk=w.ada.pk).notes == ""


@pytest.mark.django_db
def test_it_finds_an_empty_database():
    assert not Customer.objects.exists()


def test_it_leaves_rows_in_the_empty_database(w):
    def write() -> None:
        Location.objects.create(name="Left behind")
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
