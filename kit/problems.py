""" "Why not?" is a value: a verb that cannot be done says why, in words, beside the field."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.utils.functional import Promise


class Problem(NamedTuple):
    """One reason against a deed: a stable snake_case code, a sentence, and maybe the field."""

    code: str
    text: str | Promise
    field: str | None = None


class Refused(Exception):
    """A verb was not carried out; `.problems` says why, nothing was stored."""

    def __init__(self, *problems: Problem):
        self.problems = list(problems)
        super().__init__(" ".join(str(problem.text) for problem in problems))

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise `Refused` when there is at least one problem."""
    found = list(problems)
    if found:
        raise Refused(*found)


def check_fields(record: models.Model, *, leaving_out: Iterable[str] = ()) -> None:
    """Refuse a record whose words or amounts are out of bounds, field by field.

    Runs `clean_fields()` and `clean()`; the database's constraints speak for themselves
    when the record is written.
    """
    unknown = {
        field.name
        for field in record._meta.concrete_fields
        if field.null and getattr(record, field.attname) is None
    }
    found: list[Problem] = []
    for check in (
        lambda: record.clean_fields(exclude=unknown | set(leaving_out)),
        record.clean,
    ):
        try:
            check()
        except ValidationError as error:
            found += problems_of(error)
    refuse_if(dict.fromkeys(found))


def problems_of(error: ValidationError) -> list[Problem]:
    """A `ValidationError` as problems, each with the field that it belongs to."""
    if not hasattr(error, "error_dict"):
        return [_problem(one, None) for one in error.error_list]
    return [
        _problem(one, None if field == "__all__" else field)
        for field, errors in error.error_dict.items()
        for one in errors
    ]


def _problem(error: ValidationError, field: str | None) -> Problem:
    code = _CODES.get(error.code or "", error.code or "invalid")
    return Problem(code, " ".join(error.messages), field)


# Django says "blank" and "null" for what is left out.
_CODES = {"blank": "required", "null": "required"}


_by_constraint: dict[str, Problem] = {}


def speak_for(constraint: str, problem: Problem) -> None:
    """Say once which words stand for a constraint's or trigger's name."""
    _by_constraint[constraint] = problem


@contextmanager
def in_words() -> Iterator[None]:
    """Turn the database's refusal into `Refused` with the words registered for it.

    A violation nobody found words for is a mistake of ours and is raised as it came.
    """
    try:
        yield
    except IntegrityError as error:
        problem = _by_constraint.get(violated(error))
        if problem is None:
            raise
        raise Refused(problem) from error


def violated(error: IntegrityError) -> str:
    """The name of the constraint, index or trigger that refused; "" when it cannot be told."""
    diag = getattr(error.__cause__, "diag", None)
    if diag is not None:
        return diag.constraint_name or ""
    text = str(error)
    if named := re.match(
        r"(?:CHECK constraint failed|UNIQUE constraint failed: index): (\w+)", text
    ):
        return named[1]
    if index := re.match(r"UNIQUE constraint failed: index '(\w+)'", text):
        return index[1]
    if columns := re.match(r"UNIQUE constraint failed: (.+)", text):
        return _unique_over(columns[1].split(", "))
    return text if text.isidentifier() else ""


def _unique_over(columns: list[str]) -> str:
    """The name of the unique constraint over these "table.column"s (SQLite tells no names)."""
    for model in apps.get_models():
        table = model._meta.db_table
        if not columns[0].startswith(f"{table}."):
            continue
        wanted = {column.removeprefix(f"{table}.") for column in columns}
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and wanted == {
                model._meta.get_field(name).column for name in constraint.fields
            }:
                return constraint.name
        for field in model._meta.local_fields:
            if field.unique and wanted == {field.column}:
                return f"{table}.{field.column}"
    return ""
