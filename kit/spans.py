"""Stretches of time as bars over months: the geometry of a time line, and nothing else.

Lengths come out as percentages of the width, so that one drawing fits a phone and a wall.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Span:
    """One row: from `start` to `end`, both included; `end` None means open.

    `state` is the word that CSS colours (`spans__bar--active`), `gaps` are stretches inside
    that do not count, each (first, last or None).
    """

    label: str
    start: dt.date
    end: dt.date | None
    state: str = "active"
    note: str = ""
    url: str = ""
    gaps: Sequence[tuple[dt.date, dt.date | None]] = field(default=())


@dataclass(frozen=True)
class Bar:
    x: str
    width: str


@dataclass(frozen=True)
class Row:
    span: Span
    bar: Bar | None
    gaps: list[Bar]


@dataclass(frozen=True)
class Month:
    first: dt.date
    x: str
    text_x: str
    quarter: bool


@dataclass(frozen=True)
class Chart:
    """What the template draws: months with their lines, rows with their bars, today's line."""

    months: list[Month]
    rows: list[Row]
    today: str | None


def chart(spans: Iterable[Span], *, first: dt.date, last: dt.date, today: dt.date) -> Chart:
    """Lay out spans between two dates, both included. Raises `ValueError` if they are swapped."""
    days = (last - first).days + 1
    if days < 1:
        raise ValueError("a chart ends after it starts")

    def percent(day: dt.date) -> float:
        return (day - first).days / days * 100

    def bar(start: dt.date, end: dt.date | None) -> Bar | None:
        """The visible part; one that goes on beyond an edge is drawn past it, without an end."""
        if start > last or (end is not None and end < first):
            return None
        left = -2.0 if start < first else percent(start)
        right = 102.0 if end is None or end > last else percent(end + dt.timedelta(days=1))
        return Bar(f"{left:.2f}%", f"{max(right - left, 0.4):.2f}%")

    months = []
    month = first.replace(day=1)
    while month <= last:
        if month >= first:
            months.append(
                Month(month, f"{percent(month):.2f}%", f"{percent(month) + 0.6:.2f}%",
                      month.month % 3 == 1)
            )  # fmt: skip
        month = (month + dt.timedelta(days=32)).replace(day=1)
    rows = [
        Row(
            span,
            bar(span.start, span.end),
            [found for gap in span.gaps if (found := bar(*gap)) is not None],
        )
        for span in spans
    ]
    inside = first <= today <= last
    return Chart(months, rows, f"{percent(today):.2f}%" if inside else None)


def year_around(today: dt.date) -> tuple[dt.date, dt.date]:
    """The usual window: the first day eight months ago to the last day four months on."""
    return _month(today, -8), _month(today, 5) - dt.timedelta(days=1)


def _month(day: dt.date, offset: int) -> dt.date:
    count = day.year * 12 + day.month - 1 + offset
    return dt.date(count // 12, count % 12 + 1, 1)
