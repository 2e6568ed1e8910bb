"""What a load balancer and a monitor are told."""

import datetime as dt

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from kit import clock, guards
from kit.models import JobRun

pytestmark = pytest.mark.django_db


def finished(hours_ago: float) -> None:
    at = clock.now() - dt.timedelta(hours=hours_ago)
    JobRun.objects.create(job="daily", on=at.date(), started_at=at, finished_at=at)


def test_the_process_answers_without_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_a_migrated_house_is_ready(client):
    finished(hours_ago=3)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "guards": "ok",
        "daily": "ok",
    }
    assert "no-store" in answer["Cache-Control"]


def test_a_late_daily_run_is_told_and_closes_nothing(client):
    assert client.get("/readyz").json()["daily"] == "never ran"
    finished(hours_ago=30)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["daily"].startswith("late: last run ended ")


def test_a_migration_to_apply_closes_the_door(client):
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"].endswith("to apply")


def test_a_missing_guard_closes_the_door(client):
    guards.down(labels=["kit"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["guards"].endswith("missing")


def test_a_silent_database_closes_the_door(client, monkeypatch):
    def silent(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(guards, "missing", silent)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "database": "does not answer"}


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_health_is_only_read(client, address):
    assert client.post(address).status_code == 405
