"""Columns whose bounds the database itself keeps, the same on every engine.

SQLite enforces no `max_length` on its own, and neither engine does for longer texts.
"""

from django.db import models


class Line(models.CharField):
    """A line of text of at most `max_length` characters."""

    def db_check(self, connection):
        if connection.vendor != "sqlite" or self.max_length is None:
            return super().db_check(connection)
        return _at_most(self.max_length, str(self.column), connection)


class Text(models.TextField):
    """A text of at most `max_length` characters; without one, of any length."""

    def db_check(self, connection):
        if self.max_length is None:
            return super().db_check(connection)
        return _at_most(self.max_length, str(self.column), connection)


def _at_most(length: int, column: str, connection) -> str:
    return f"length({connection.ops.quote_name(column)}) <= {length}"
