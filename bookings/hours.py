"""When something is open, as stretches of true time: pure functions of weekly hours and closures.

Hours are times on the wall of a zone. A stretch is a pair of moments in UTC, half-open; on the day
on which the clock changes it has its true length.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit import clock

DAY = dt.timedelta(days=1)
Stretch = tuple[dt.datetime, dt.datetime]
# Weekday (Monday is 0) → (opens, closes); closing at 00:00 means at the end of the day.
Weekly = Mapping[int, Sequence[tuple[dt.time, dt.time]]]


@dataclass(frozen=True)
class Closed:
    """A stretch in which nobody can book, and why, in a sentence."""

    start: dt.datetime
    end: dt.datetime
    why: str


def days_of(start: dt.datetime, end: dt.datetime, zone: str) -> list[dt.date]:
    """The local dates that a stretch touches."""
    first = local(start, zone).date()
    last = local(end - dt.timedelta(microseconds=1), zone).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def local(moment: dt.datetime, zone: str) -> dt.datetime:
    """A moment on the wall of a zone."""
    return moment.astimezone(clock.zone(zone))


def day_span(day: dt.date, zone: str) -> Stretch:
    """A local date from its beginning to its end: 23 to 25 hours."""
    return (utc(clock.start_of(day, zone)), utc(clock.start_of(day + DAY, zone)))


def utc(moment: dt.datetime) -> dt.datetime:
    """The same moment in UTC: moments of one zone compare by the wall, not by time."""
    return moment.astimezone(dt.UTC)


def open_on(weekly: Weekly | None, day: dt.date, zone: str) -> list[Stretch]:
    """The stretches of a local date that are open by weekly hours; None is always open."""
    if weekly is None:
        return [day_span(day, zone)]
    found = []
    for opens, closes in weekly.get(day.weekday(), ()):
        start = clock.at_wall(day, opens, zone)
        end = day_span(day, zone)[1] if closes == dt.time() else clock.at_wall(day, closes, zone)
        if start < end:
            found.append((start, end))
    return merged(found)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order, those that touch or overlap joined into one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def without(stretches: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """What is left of some stretches when others are cut out of them."""
    left = merged(stretches)
    for start, end in merged(taken):
        cut = []
        for from_, until in left:
            if end <= from_ or until <= start:
                cut.append((from_, until))
                continue
            if from_ < start:
                cut.append((from_, start))
            if end < until:
                cut.append((end, until))
        left = cut
    return left


def within(stretches: Iterable[Stretch], window: Stretch) -> Iterator[Stretch]:
    """The parts of stretches that lie in a window."""
    for start, end in stretches:
        from_, until = max(start, window[0]), min(end, window[1])
        if from_ < until:
            yield (from_, until)


def minutes(start: dt.datetime, end: dt.datetime) -> int:
    """The true length in minutes."""
    return int((end - start).total_seconds() // 60)
