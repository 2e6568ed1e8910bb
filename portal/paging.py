"""Rows in pages, by key: a page begins behind a row and not at a number, so that nothing is
shown twice when something was booked meanwhile."""

import re
from typing import Any, NamedTuple

from django.db.models import Q

PAGE = 25


class Page(NamedTuple):
    """Some rows, the key behind which the next page begins (None: this is the last one), and
    whether it is not the first."""

    rows: list[Any]
    after: int | None
    is_later: bool


def page_of(every: Any, after: str, *, by: str = "start", newest_first: bool = False) -> Page:
    """The page behind the row of a key, in the order of a column; the first one where there is no
    such row."""
    order = (f"-{by}", "-pk") if newest_first else (by, "pk")
    found = every.order_by(*order)
    is_key = re.fullmatch("[0-9]{1,18}", after)
    last = every.filter(pk=int(after)).first() if is_key else None
    if last is not None:
        way, value = "lt" if newest_first else "gt", getattr(last, by)
        same = Q(**{by: value, f"pk__{way}": last.pk})
        found = found.filter(Q(**{f"{by}__{way}": value}) | same)
    rows = list(found[: PAGE + 1])
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return Page(rows, rows[-1].pk if more else None, last is not None)
