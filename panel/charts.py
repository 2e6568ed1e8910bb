"""Columns over time: the geometry of a chart in percent, and nothing else."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One value on its day. Lengths are percentages of the drawing."""

    day: dt.date
    value: int
    x: str
    y: str
    width: str
    height: str
    text_x: str
    text_y: str


def columns(values: Sequence[tuple[dt.date, int]]) -> list[Column]:
    """Lay values out side by side; the highest one leaves room for its figure above it."""
    most = max((value for _day, value in values), default=0) or 1
    step = 100 / (len(values) or 1)
    drawn = []
    for place, (day, value) in enumerate(values):
        height = value / most * 84
        drawn.append(
            Column(
                day=day,
                value=value,
                x=f"{place * step + step * 0.14:.2f}%",
                y=f"{100 - height:.2f}%",
                width=f"{step * 0.72:.2f}%",
                height=f"{height:.2f}%",
                text_x=f"{place * step + step / 2:.2f}%",
                text_y=f"{97 - height:.2f}%",
            )
        )
    return drawn
