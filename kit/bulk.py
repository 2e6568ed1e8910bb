"""Many rows at once: COPY on PostgreSQL, `executemany` on SQLite.

No signals, no `save()`: the caller has checked the rows and holds the locks. The database's
constraints and guards see every row as usual.
"""

from collections.abc import Sequence

from django.db import DEFAULT_DB_ALIAS, connections, models


def reserve_keys(model: type[models.Model], count: int, using: str = DEFAULT_DB_ALIAS) -> list[int]:
    """`count` primary keys that nobody else will get, to be called inside a transaction."""
    if not count:
        return []
    connection = connections[using]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [f'"{table}"', count],
            )
            return [key for (key,) in cursor.fetchall()]
        # SQLite counts the keys in a table of its own, which may be written like any other.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        first = (row[0] if row else 0) + 1
        last = first + count - 1
        if row:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, table])
        else:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
        return list(range(first, last + 1))


def insert(rows: Sequence[models.Model], using: str = DEFAULT_DB_ALIAS) -> None:
    """Write new records of one model. Keys are reserved for those that have none."""
    if not rows:
        return
    model = type(rows[0])
    keyless = [row for row in rows if row.pk is None]
    for row, key in zip(keyless, reserve_keys(model, len(keyless), using), strict=True):
        row.pk = key
    connection = connections[using]
    fields = [field for field in model._meta.local_concrete_fields if not field.generated]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    values = (
        [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        for row in rows
    )
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            statement = f"COPY {table} ({columns}) FROM STDIN"
            # COPY goes past Django's cursor: what the database refuses is named here.
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                for row_values in values:
                    copy.write_row(row_values)
        else:
            marks = ", ".join(["%s"] * len(fields))
            # Names come from the model, values are parameters.
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values))  # noqa: S608
    for row in rows:
        row._state.adding = False
        row._state.db = using
