"""Long lists, a page at a time, found by key instead of by number.

A page starts after (or ends before) the key of a row, so the thousandth page costs what the
first one does, and rows that come and go meanwhile neither repeat nor vanish.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

SIZE = 25
COUNTED = 500


@dataclass(frozen=True)
class Page:
    """Rows, the keys of the pages before and after (None at an end), and how many there are.

    `total` is exact up to 500; beyond that `more` is set.
    """

    rows: list[Any]
    previous: str | None
    next: str | None
    total: int
    more: bool


def page(
    found: QuerySet, shown: QuerySet, *, sort: str, query: QueryDict, size: int = SIZE
) -> Page:
    """One page of `found`, sorted by the column `sort` ("-" first: descending) and then the key.

    `shown` brings what a row shows besides (annotations, related rows), and is asked about the
    rows of the page alone. Empty values come last, or first when descending. `query` has `after`
    or `before`, a key that an earlier page gave; one that cannot be read means the first page.
    """
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    after = _read(found.model, column, query.get("after"))
    before = _read(found.model, column, query.get("before")) if after is None else None
    backwards = before is not None
    start = after or before
    if start is None:
        # One look gives both the first page and how many there are.
        keys = _keys(found, column, descending, COUNTED + 1)
        total = len(keys)
        keys = keys[: size + 1]
    else:
        total = found.order_by().values("pk")[: COUNTED + 1].count()
        further = found.filter(_beyond(found.model, column, start, descending != backwards))
        keys = _keys(further, column, descending != backwards, size + 1)
    more = len(keys) > size
    keys = keys[:size]
    if backwards:
        keys.reverse()
    by_key = shown.in_bulk(keys)
    rows = [by_key[key] for key in keys if key in by_key]
    return Page(
        rows=rows,
        previous=_key(rows[0], column) if rows and (more if backwards else after) else None,
        next=_key(rows[-1], column) if rows and (backwards or more) else None,
        total=min(total, COUNTED),
        more=total > COUNTED,
    )


def _keys(found: QuerySet, column: str, descending: bool, most: int) -> list[int]:
    return list(found.order_by(*_order(column, descending)).values_list("pk", flat=True)[:most])


def _order(column: str, descending: bool) -> Sequence[Any]:
    if descending:
        return F(column).desc(nulls_first=True), "-pk"
    return F(column).asc(nulls_last=True), "pk"


def _beyond(model: type[Model], column: str, start: tuple[Any, int], descending: bool) -> Q:
    """Rows that come after a value and a key. The first, plain bound is for the index."""
    value, key = start
    further = Q(pk__lt=key) if descending else Q(pk__gt=key)
    if value is None:
        nothing = Q(**{f"{column}__isnull": True}) & further
        return nothing | Q(**{f"{column}__isnull": False}) if descending else nothing
    compare = "lt" if descending else "gt"
    beyond = Q(**{f"{column}__{compare}e": value}) & (
        Q(**{f"{column}__{compare}": value}) | further
    )
    if model._meta.get_field(column).null and not descending:
        return beyond | Q(**{f"{column}__isnull": True})
    return beyond


def _key(row: Model, column: str) -> str:
    empty = getattr(row, column) is None
    value = None if empty else row._meta.get_field(column).value_to_string(row)
    return base64.urlsafe_b64encode(json.dumps([value, row.pk]).encode()).decode().rstrip("=")


def _read(model: type[Model], column: str, key: str | None) -> tuple[Any, int] | None:
    if not key:
        return None
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        if "\x00" in str(value):
            return None
        return model._meta.get_field(column).to_python(value), int(pk)
    except (ValueError, TypeError, binascii.Error, ValidationError):
        return None
