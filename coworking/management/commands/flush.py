from collections.abc import Collection

from django.core.management.commands.flush import Command as Flush
from django.db import connections

from kit import guards

# What `migrate` writes by itself, the same each time.
WRITTEN_BY_MIGRATE = {"django_content_type", "auth_permission"}


class Command(Flush):
    help = "Empty every table. The guards that keep history come down for it and go up again."

    def handle(self, **options):
        using = options["database"]
        if not options.get("reset_sequences", True):
            return empty(using)
        guards.down(using)
        try:
            super().handle(**options)
        finally:
            guards.up(using)


def empty(using: str) -> None:
    """Delete the rows of every table that has some, as Django's test cases ask after each test.

    Sequences go on, and what `migrate` has written stays, so that only the tables that a test has
    filled cost time.
    """
    connection = connections[using]
    present = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = with_rows(using, set(present) - WRITTEN_BY_MIGRATE)
    if not tables:
        return
    with (
        connection.constraint_checks_disabled(),
        guards.rows_may_go(tables, using),
        connection.cursor() as cursor,
    ):
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608


def with_rows(using: str, tables: Collection[str]) -> list[str]:
    """Return those of the tables that have at least one row, found in one query."""
    connection = connections[using]
    questions = (
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"  # noqa: S608
        for table in sorted(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(questions))
        return [table for [table] in cursor.fetchall()]
