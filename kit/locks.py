"""One way to lock rows, so that two deeds never wait for each other in a circle.

A transaction takes its locks in `ORDER` and by key. A later call may ask for rows that are
already held (a verb called by a verb), and for rows that come after everything it has locked (a
verb called by a page that holds its login); anything else could wait in a circle and is a mistake
that fails in tests. SQLite serialises its writers by itself (`BEGIN IMMEDIATE`).
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, models, transaction

ORDER = (
    "users",
    "customers",
    "teams",
    "plans",
    "contracts",
    "resources",
    "products",
    "accounts",
    "invoices",
    "counter",
)

BREATH = 0.12  # seconds

_models: dict[str, type[models.Model]] = {}


class LockedTwice(RuntimeError):
    """A transaction asked for locks that do not come after those that it holds."""


def register(**named: type[models.Model]) -> None:
    """Give a name of `ORDER` its model; each room does so when it is ready."""
    for name, model in named.items():
        if name not in ORDER:
            raise ValueError(f"{name} has no place in the order of locks")
        _models[name] = model


def take(*, using: str = DEFAULT_DB_ALIAS, **wanted: Iterable[int | models.Model]) -> None:
    """Lock these rows until the transaction ends: `take(customers=[ada], plans=[3])`.

    Values are keys or records; keys that do not exist are passed over. Raises
    `TransactionManagementError` outside a transaction, `LockedTwice` (where `STRICT_LOCKS`)
    when the transaction has locked something already that these do not come after.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("locks are taken inside a transaction")
    if getattr(connection, "nobody_else", False):
        return
    held, locked = _held(connection)
    missing = {
        name: keys - held.get(name, set())
        for name, keys in ((name, _keys(rows)) for name, rows in wanted.items())
        if keys - held.get(name, set())
    }
    if unknown := missing.keys() - set(ORDER):
        raise ValueError(f"no lock is called {', '.join(sorted(unknown))}")
    if not missing:
        return
    first = min(ORDER.index(name) for name in missing)
    if first <= max((ORDER.index(name) for name in locked), default=-1) and settings.STRICT_LOCKS:
        raise LockedTwice(f"this transaction holds {held} and now asks for {missing}")
    for name in ORDER:
        if name in missing:
            rows = _models[name]._base_manager.using(using).filter(pk__in=missing[name])
            list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    _remember(connection, missing)


def are_held(*, using: str = DEFAULT_DB_ALIAS, **wanted: Iterable[int | models.Model]) -> bool:
    """Return whether this transaction holds all of these locks already."""
    connection = connections[using]
    if getattr(connection, "nobody_else", False):
        return True
    held, _locked = _held(connection)
    return all(_keys(rows) <= held.get(name, set()) for name, rows in wanted.items())


@contextmanager
def nobody_else(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """One transaction that builds a database nobody uses yet, where locks mean nothing."""
    connection = connections[using]
    with transaction.atomic(using=using):
        connection.nobody_else = True  # type: ignore[attr-defined]
        try:
            yield
        finally:
            connection.nobody_else = False  # type: ignore[attr-defined]


def let_others_write(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Pause between two transactions of a long job, so that other processes can write.

    SQLite has one writer at a time, and whoever waits asks every tenth of a second. Nothing
    happens on PostgreSQL, or inside a transaction, which no pause would end.
    """
    connection = connections[using]
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(BREATH)


def born(*, using: str = DEFAULT_DB_ALIAS, **rows: models.Model) -> None:
    """Count a row that this transaction has just made as held: nobody else can see it yet."""
    _remember(connections[using], {name: {row.pk} for name, row in rows.items()}, locked=False)


class _Held(dict):
    """Locks of one transaction, kept among its commit hooks so that they end with it."""

    def __init__(self, rows: dict[str, set[int]], transaction_mark: str | None, locked: bool):
        super().__init__(rows)
        self.locked = locked
        self.transaction_mark = transaction_mark

    def __call__(self) -> None:
        """Nothing to do at the commit."""


def _keys(rows: Iterable[int | models.Model]) -> set[int]:
    return {row.pk if isinstance(row, models.Model) else row for row in rows}


def _remember(connection, rows: dict[str, set[int]], *, locked: bool = True) -> None:
    held = _Held(rows, _transaction_mark(connection), locked)
    transaction.on_commit(held, using=connection.alias)


def _held(connection) -> tuple[dict[str, set[int]], set[str]]:
    """What this transaction holds by now, and which of it calls have locked.

    Django drops commit hooks at the end of a transaction and when a savepoint is rolled back:
    just when the database drops the locks.
    """
    mark = _transaction_mark(connection)
    found: dict[str, set[int]] = {}
    locked: set[str] = set()
    for _sids, hook, _robust in connection.run_on_commit:
        if isinstance(hook, _Held) and hook.transaction_mark == mark:
            if hook.locked:
                locked.update(hook)
            for name, keys in hook.items():
                found.setdefault(name, set()).update(keys)
    return found, locked


def _transaction_mark(connection) -> str | None:
    """None in real life; in a test's wrapping transaction the savepoint that stands for ours."""
    wrappers = sum(block._from_testcase for block in connection.atomic_blocks)
    if not wrappers or len(connection.savepoint_ids) < wrappers:
        return None
    return connection.savepoint_ids[wrappers - 1]


def retry_on_deadlock(verb: Callable, *, tries: int = 3) -> Callable:
    """Repeat a whole outermost transaction that the database gave up (40001, 40P01)."""

    @wraps(verb)
    def wrapper(*args, **kwargs):
        for left in reversed(range(tries)):
            try:
                return verb(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                nested = transaction.get_connection().in_atomic_block
                if state not in {"40001", "40P01"} or nested or not left:
                    raise
        return None

    return wrapper
