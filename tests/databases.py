"""The databases of a test run: an empty one, and one for each world that many tests start from.

A world is what a fixture such as `w` finds: it is built once per run, in a copy of the empty
database. A test that asks for it runs there in a transaction, which is rolled back. Tests that
commit (`django_db(transaction=True)`, `live_server`) run on the empty database, which is what other
threads and processes see, and its tables are emptied after each of them.
"""

import hashlib
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import time_machine
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from coworking.management.commands.flush import WRITTEN_BY_MIGRATE, with_rows
from tests import history, story
from tests.races import contracts

CLOCK = "2026-11-20 12:00Z"


def demo() -> None:
    call_command("demo", customers=60, verbosity=0, stdout=StringIO(), stderr=StringIO())


# By the name of the fixture that asks for it; the first that a test asks for counts.
BUILDERS: dict[str, Callable[[], Any]] = {
    "demo": demo,
    "history": history.world,
    "coming_contracts": contracts.world,
    "w": story.world,
}


class Worlds:
    """The copies of the empty database, each made when the first test asks for it."""

    def __init__(self) -> None:
        empty = connections[DEFAULT_DB_ALIAS]
        # Copies are made of a copy, which nobody is ever connected to.
        empty.creation.clone_test_db("template", verbosity=0)
        self._template = connections.create_connection(DEFAULT_DB_ALIAS)
        self._template.settings_dict = empty.creation.get_test_db_clone_settings("template")
        self._made: dict[str, World] = {}

    def __getitem__(self, name: str) -> "World":
        if name not in self._made:
            self._made[name] = World(self._template, name)
        return self._made[name]

    def committed(self, name: str) -> Any:
        """Put a world where other threads and processes see it; return its objects."""
        world = self[name]
        source, target = (one.settings_dict["NAME"] for one in (world.connection, connection))
        # A copy is made of a file or a database that nobody is connected to.
        world.connection.close()
        connection.close()
        if connection.vendor == "sqlite":
            shutil.copyfile(source, target)
        else:
            with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f'DROP DATABASE "{target}" WITH (FORCE)')
                cursor.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
        return world.objects()

    def forget(self, name: str) -> None:
        """Drop a world, which the next test that asks for it builds again."""
        self._made.pop(name).drop()

    def drop(self) -> list[str]:
        """Drop everything; return the names of worlds that tests have changed."""
        changed = [name for name, world in self._made.items() if not world.is_unchanged()]
        for name in list(self._made):
            self.forget(name)
        connections[DEFAULT_DB_ALIAS].creation.destroy_test_db(suffix="template", verbosity=0)
        return changed


class World:
    """A database with something in it, and the objects that stand for its rows."""

    def __init__(self, template: BaseDatabaseWrapper, name: str) -> None:
        self._template, self._name = template, name
        template.creation.clone_test_db(name, verbosity=0)
        self.connection = connections.create_connection(DEFAULT_DB_ALIAS)
        self.connection.settings_dict = template.creation.get_test_db_clone_settings(name)
        with self.selected(), time_machine.travel(CLOCK, tick=False):
            self._objects = pickle.dumps(BUILDERS[name]())
            self._contents = contents()

    @contextmanager
    def selected(self) -> Iterator[None]:
        """Let `connection` mean this database, in the present thread."""
        empty = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self.connection
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = empty

    def objects(self) -> Any:
        """Return what the builder has returned, as new objects."""
        return pickle.loads(self._objects)  # noqa: S301 - written above

    def is_unchanged(self) -> bool:
        with self.selected():
            return contents() == self._contents

    def drop(self) -> None:
        self.connection.close()
        self._template.creation.destroy_test_db(suffix=self._name, verbosity=0)


def contents() -> object:
    """Return a digest of every row of the database."""
    if connection.vendor == "sqlite":
        with Path(connection.settings_dict["NAME"]).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    questions = (
        f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM \"{table}\" t"  # noqa: S608
        for table in sorted(connection.introspection.table_names())
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(questions))
        return set(cursor.fetchall())


def rows_left() -> list[str]:
    """Return the tables of the empty database that are not empty."""
    present = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return with_rows(DEFAULT_DB_ALIAS, set(present) - WRITTEN_BY_MIGRATE)


def last_commit() -> object | None:
    """Return a value that is another one once the present transaction has been committed.

    None when there is nothing left to commit: the transaction failed, or the connection is closed.
    """
    if connection.vendor == "sqlite":
        with Path(connection.settings_dict["NAME"]).open("rb") as file:
            file.seek(24)  # the file change counter of SQLite's header
            return file.read(4)
    driver = connection.connection
    if driver is None or driver.info.transaction_status in (
        TransactionStatus.INERROR,
        TransactionStatus.UNKNOWN,
    ):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")  # when the transaction began
        return cursor.fetchone()
