"""A database that another version has made is recognised and refused with a way out."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from coworking import checks, versions


@pytest.fixture
def made_before_the_first_release(db):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("customers", "0001_initial")
    recorder.record_applied("customers", "0001_first_customers")
    recorder.record_applied("customers", "0002_doors")


@pytest.mark.django_db
def test_the_database_of_this_version_has_no_unknown_migration():
    assert versions.unknown_migrations() == []
    assert versions.why_unusable() == ""


@pytest.mark.django_db
def test_migrations_that_a_package_has_dropped_are_not_looked_at():
    MigrationRecorder(connection).record_applied("account", "0099_gone_since")
    assert versions.why_unusable() == ""


def test_migrate_refuses_a_database_from_before_the_first_release(
    made_before_the_first_release, capsys
):
    with pytest.raises(SystemExit) as refused:
        call_command("migrate", verbosity=0)
    assert refused.value.code == 3
    said = capsys.readouterr().err
    assert "made before the first release" in said
    assert "To start with a new one" in said


@pytest.mark.django_db
def test_migrate_refuses_the_database_of_a_newer_version(capsys):
    MigrationRecorder(connection).record_applied("customers", "9999_of_next_year")
    with pytest.raises(SystemExit) as refused:
        call_command("migrate", verbosity=0)
    assert refused.value.code == 3
    said = capsys.readouterr().err
    assert "newer version" in said
    assert "customers.9999_of_next_year" in said


def test_a_server_on_such_a_database_is_not_ready_and_says_so_in_its_log(
    made_before_the_first_release, client, caplog
):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "made by another version"
    checks.say_at_start()
    assert "made before the first release" in caplog.text


def test_an_old_file_is_answered_with_a_sentence_and_left_alone(tmp_path: Path, house: Path):
    """The whole command on a file that has what an early version left in it."""
    file = tmp_path / "db.sqlite3"
    with sqlite3.connect(file) as old:
        old.execute("CREATE TABLE django_migrations (id integer PRIMARY KEY, app, name, applied)")
        rows = [
            ("spaces", "0001_first_spaces"),
            ("customers", "0001_first_customers"),
            ("customers", "0002_doors"),
            ("account", "0001_initial"),
        ]
        old.executemany(
            "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, '2026-11-24')", rows
        )
    old.close()
    before = file.read_bytes()
    refused = subprocess.run(
        [sys.executable, str(house / "manage.py"), "migrate"],
        env={**os.environ, "DEBUG": "on", "DATABASE_URL": f"sqlite:///{file}"}
        | {"DJANGO_SETTINGS_MODULE": "coworking.settings"},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"Refused: The database {file} was made before")
    assert "move the file away" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert file.read_bytes() == before
