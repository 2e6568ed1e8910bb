"""What Django cannot declare: triggers that keep history from being rewritten.

A guard has one text per engine. Django remakes tables on SQLite, which loses triggers, so the
guards of a migrated app come down before it migrates and go up afterwards; a guard whose text
has changed is replaced. `missing()` tells what is not standing.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction


@dataclass(frozen=True)
class Guard:
    """A trigger on one table: `when` it fires (e.g. "UPDATE") and the condition that refuses.

    `condition` is SQL that both engines read, or a pair (sqlite, postgresql).
    The database's refusal carries the guard's name; `problems.speak_for` gives it words.
    """

    name: str
    app: str
    table: str
    event: str
    sqlite: str = ""
    postgresql: str = ""
    level: str = field(default="ROW")
    # What PostgreSQL does before it looks: SQLite has one writer at a time by itself.
    first: str = ""
    # Other apps whose tables it reads: it comes down as well when one of them is migrated.
    reads: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        parts = (self.name, self.table, self.event, self.sqlite, self.postgresql, self.first)
        text = "|".join(parts).removesuffix("|")
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def create(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            if not self.sqlite:
                return []
            refusal = f"SELECT RAISE(ABORT, '{self.name}') /* {self.digest} */;"
            trigger = f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} FOR EACH ROW"
            return [f"{trigger} WHEN {self.sqlite} BEGIN {refusal} END"]
        if not self.postgresql:
            return []
        passed = (
            "NULL" if self.level == "STATEMENT" else ("OLD" if self.event == "DELETE" else "NEW")
        )
        function = (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $guard$ "
            f"BEGIN {self.first} IF {self.postgresql} THEN RAISE EXCEPTION '{self.name}' USING "
            f"ERRCODE = 'check_violation', CONSTRAINT = '{self.name}'; END IF; "
            f"RETURN {passed}; END $guard$"
        )
        trigger = (
            f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} "
            f"FOR EACH {self.level} EXECUTE FUNCTION {self.name}()"
        )
        return [
            function,
            trigger,
            f"COMMENT ON TRIGGER {self.name} ON {self.table} IS '{self.digest}'",
        ]

    def drop(self, vendor: str) -> list[str]:
        if vendor == "sqlite":
            return [f"DROP TRIGGER IF EXISTS {self.name}"]
        return [f"DROP FUNCTION IF EXISTS {self.name}() CASCADE"]


_guards: dict[str, Guard] = {}


def declare(*guards: Guard) -> None:
    """Say which guards stand; a room does so when it is ready."""
    for guard in guards:
        _guards[guard.name] = guard


def append_only(
    app: str,
    table: str,
    *,
    frozen: Sequence[str],
    set_once: Sequence[str] = (),
    erasable: Sequence[str] = (),
    deletable: bool = False,
) -> list[Guard]:
    """The guards of a ledger.

    `frozen` columns never change, `set_once` columns go from NULL to a value once, `erasable`
    columns may only become NULL together with `erased_at`. Unless `deletable`, rows stay
    forever, TRUNCATE included.
    """

    def changes(differs: str) -> str:
        conditions = [f'NEW."{column}" {differs} OLD."{column}"' for column in frozen]
        conditions += [
            f'(OLD."{column}" IS NOT NULL AND NEW."{column}" {differs} OLD."{column}")'
            for column in set_once
        ]
        conditions += [
            f'(NEW."{column}" {differs} OLD."{column}" '
            f'AND NOT (NEW."{column}" IS NULL AND NEW.erased_at IS NOT NULL))'
            for column in erasable
        ]
        return " OR ".join(conditions)

    guards = [
        Guard(
            f"{table}_stays_as_written",
            app,
            table,
            "UPDATE",
            sqlite=changes("IS NOT"),
            postgresql=changes("IS DISTINCT FROM"),
        )
    ]
    if not deletable:
        guards += [
            Guard(f"{table}_is_kept", app, table, "DELETE", sqlite="1", postgresql="true"),
            Guard(
                f"{table}_is_not_emptied",
                app,
                table,
                "TRUNCATE",
                postgresql="true",
                level="STATEMENT",
            ),
        ]
    return guards


def missing(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Names of the guards that are not standing, or stand with an older text."""
    standing = _standing(using)
    vendor = connections[using].vendor
    return sorted(
        guard.name
        for guard in _guards.values()
        if guard.create(vendor) and standing.get(guard.name) != guard.digest
    )


def up(using: str = DEFAULT_DB_ALIAS) -> None:
    """Put up every guard that is missing and whose table exists."""
    connection = connections[using]
    absent = set(missing(using))
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for guard in _guards.values():
            if guard.name in absent and guard.table in tables:
                for statement in [
                    *guard.drop(connection.vendor),
                    *guard.create(connection.vendor),
                ]:
                    cursor.execute(statement)


def down(using: str = DEFAULT_DB_ALIAS, *, labels: Iterable[str] | None = None) -> None:
    """Take guards down, all of them or those of some apps."""
    connection = connections[using]
    chosen = set(labels) if labels is not None else None
    with connection.cursor() as cursor:
        for guard in _guards.values():
            if chosen is None or not chosen.isdisjoint({guard.app, *guard.reads}):
                for statement in guard.drop(connection.vendor):
                    cursor.execute(statement)


@contextmanager
def rows_may_go(tables: Collection[str], using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let the rows of some tables be deleted, in one transaction; then the guards stand again.

    Guards that are not standing at the start are not put up.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        standing = _standing(using)
        lifted = [
            guard
            for guard in _guards.values()
            if guard.table in tables and guard.event == "DELETE" and guard.name in standing
        ]
        for guard in lifted:
            for statement in guard.drop(connection.vendor):
                cursor.execute(statement)
        yield
        if connection.vendor == "postgresql":
            # A trigger cannot be made while foreign keys of its table wait to be checked.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for guard in lifted:
            for statement in guard.create(connection.vendor):
                cursor.execute(statement)


def before_migrate(sender, using, plan=(), **kwargs) -> None:
    """Take down the guards of the apps about to be migrated."""
    labels = {migration.app_label for migration, _backwards in plan}
    if labels:
        down(using, labels=labels)


def after_migrate(sender, using, **kwargs) -> None:
    if apps.ready:
        up(using)


def _standing(using: str) -> dict[str, str]:
    """Guards found in the database: name → digest."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            return {
                name: sql.partition("/* ")[2].partition(" */")[0] for name, sql in cursor.fetchall()
            }
        cursor.execute(
            "SELECT tgname, obj_description(oid, 'pg_trigger') FROM pg_trigger "
            "WHERE NOT tgisinternal AND tgenabled <> 'D'"
        )
        return dict(cursor.fetchall())
