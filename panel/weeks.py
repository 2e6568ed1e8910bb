"""Days of the week and times of a day in words: when something is open, when a rate holds."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from bookings.models import OpeningHours, Weekday


class Line(NamedTuple):
    """Days that have the same hours: "Monday to Friday", "08:00 to 20:00"; closed without times."""

    days: str
    times: str


def lines(hours: Iterable[OpeningHours]) -> list[Line]:
    """A week, from Monday on, days with the same hours together."""
    by_day: dict[int, list[str]] = {day.value: [] for day in Weekday}
    for one in hours:
        by_day[one.weekday].append(times(one.opens, one.closes))
    spans: list[tuple[list[int], str]] = []
    for day, parts in by_day.items():
        words = _(" and ").join(parts)
        if spans and spans[-1][1] == words:
            spans[-1][0].append(day)
        else:
            spans.append(([day], words))
    return [Line(days(found), words) for found, words in spans]


def days(found: Iterable[int]) -> str:
    """[0, 1, 2, 3, 4] → "Monday to Friday"; [5, 6] → "Saturday and Sunday"; all of them → "Every
    day"."""
    found = sorted(found)
    if len(found) == 7:
        return _("Every day")
    runs: list[list[int]] = []
    for day in found:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [part for run in runs for part in _run(run)]
    *first, last = parts
    return _("%(days)s and %(day)s") % {"days": ", ".join(first), "day": last} if first else last


def _run(run: list[int]) -> list[str]:
    names = [str(Weekday(day).label) for day in run]
    if len(names) < 3:
        return names
    return [_("%(from)s to %(until)s") % {"from": names[0], "until": names[-1]}]


def times(opens: dt.time | None, closes: dt.time | None) -> str:
    """ "08:00 to 20:00"; the end of the day is 24:00."""
    from_ = f"{opens or dt.time():%H:%M}"
    until = f"{closes:%H:%M}" if closes and closes != dt.time() else "24:00"
    return _("%(from)s to %(until)s") % {"from": from_, "until": until}
