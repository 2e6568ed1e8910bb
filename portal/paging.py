"""Bookings in pages, by key: a page begins behind a row and not at a number, so that nothing is
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


def page_of(bookings: Any, after: str, *, newest_first: bool = False) -> Page:
    """The page behind the booking of a key; the first one where there is no such booking."""
    order = ("-start", "-pk") if newest_first else ("start", "pk")
    found = bookings.order_by(*order)
    is_key = re.fullmatch("[0-9]{1,18}", after)
    last = bookings.filter(pk=int(after)).first() if is_key else None
    if last is not None:
        way = "lt" if newest_first else "gt"
        same = Q(start=last.start, **{f"pk__{way}": last.pk})
        found = found.filter(Q(**{f"start__{way}": last.start}) | same)
    rows = list(found[: PAGE + 1])
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return Page(rows, rows[-1].pk if more else None, last is not None)
