"""A day of many resources, or a week of one, as rows of a table: five minutes a column.

The table is drawn by the server, so it can be read, printed and used without a script. A row is
what happens on one local day of one resource: open and free, booked, being prepared, occupied by a
contract, closed; all of it from one `Availability`.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from bookings.availability import Availability, Taken
from bookings.hours import DAY, Stretch, day_span, local, utc
from bookings.models import Booking, Resource
from kit import clock, words

COLUMN = dt.timedelta(minutes=5)
USUAL = (dt.time(7), dt.time(21))
HOUR = dt.timedelta(hours=1)


class Hour(NamedTuple):
    """A full hour in the head, and how many columns of it there are."""

    label: str
    width: int


@dataclass(frozen=True)
class Piece:
    """A part of a row. `kind` is "free", "booking", "preparation", "occupied", "closed" or "past";
    `why` says it in a sentence, `why_key` names that sentence on the page."""

    kind: str
    width: int
    start: dt.datetime
    end: dt.datetime
    booking: Booking | None = None
    why: str = ""
    why_key: int = 0
    begins: bool = True
    ends: bool = True
    zone: str = "UTC"

    @property
    def times(self) -> str:
        """From when until when on the wall, of the whole booking where it is one: "10:00 to 11:30"
        (a page has hundreds, so it is plain text)."""
        one = self.booking or self
        start, end = local(one.start, self.zone), local(one.end, self.zone)
        until = (
            f"{end:%H:%M}"
            if end.date() == start.date()
            else f"{words.day(end.date())}, {end:%H:%M}"
        )
        if end.time() == dt.time() and end.date() - start.date() == DAY:
            until = "24:00"
        return _("%(from)s to %(until)s") % {"from": f"{start:%H:%M}", "until": until}

    @property
    def asked(self) -> str:
        """Its start as an address names it."""
        return f"{self.start:%Y-%m-%dT%H:%MZ}"

    @property
    def minutes(self) -> int:
        return int((self.end - self.start).total_seconds() // 60)


@dataclass(frozen=True)
class Lane:
    """A row: what it is about, and the day's pieces. [`start`, `end`) is what is drawn of it."""

    resource: Resource
    day: dt.date
    start: dt.datetime
    end: dt.datetime
    pieces: list[Piece]

    @property
    def booked_minutes(self) -> int:
        return sum(piece.minutes for piece in self.pieces if piece.kind == "booking")


@dataclass
class Sheet:
    """All rows with their head. `whys` are the sentences that grey parts refer to."""

    hours: list[Hour]
    lanes: list[Lane]
    whys: list[str]
    width: int
    now_column: int | None = None


@dataclass
class _Sentences:
    """The same sentence stands once on a page."""

    known: dict[str, int] = field(default_factory=dict)

    def key(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known) + 1)


def of_day(resources: Sequence[Resource], day: dt.date, *, at: dt.datetime) -> Sheet:
    """A local day of some resources, which are all in one zone."""
    return _sheet([(one, day) for one in resources], Availability.on(resources, day), at)


def of_week(resource: Resource, first: dt.date, *, at: dt.datetime) -> Sheet:
    """Seven local days of one resource."""
    days = [first + number * DAY for number in range(7)]
    availability = Availability.on([resource], first, days[-1])
    return _sheet([(resource, day) for day in days], availability, at)


def _sheet(
    rows: Sequence[tuple[Resource, dt.date]], availability: Availability, at: dt.datetime
) -> Sheet:
    first, last = _bounds(rows, availability)
    sentences = _Sentences()
    lanes = [_lane(one, day, first, last, availability, at, sentences) for one, day in rows]
    hours = list(_hours(first, last))
    width = sum(hour.width for hour in hours)
    now = None
    if lanes and all(lane.day == lanes[0].day for lane in lanes):
        start, end = lanes[0].start, lanes[0].end
        now = int((at - start) / COLUMN) if start <= at < end else None
    return Sheet(hours, lanes, list(sentences.known), width, now)


def _bounds(rows, availability: Availability) -> tuple[int, int]:
    """The first and the last full hour drawn, as minutes on the wall."""
    found: list[tuple[int, int]] = []
    for resource, day in rows:
        whole = day_span(day, resource.zone)
        open_ = availability.open_on(resource, day)
        spans = [] if open_ == [whole] else list(open_)
        spans += [
            (max(one.start, whole[0]), min(one.end, whole[1]))
            for one in availability.taken.get(resource.pk, [])
            if one.booking is not None and one.start < whole[1] and one.end > whole[0]
        ]
        for start, end in spans:
            found.append((_on_wall(start, day, resource.zone), _on_wall(end, day, resource.zone)))
    usual = (USUAL[0].hour * 60, USUAL[1].hour * 60)
    if not found:
        return usual
    always_open = any(
        availability.open_on(one, day) == [day_span(day, one.zone)] for one, day in rows
    )
    if always_open:
        found.append(usual)
    first = min(start for start, _end in found) // 60 * 60
    last = -(-max(end for _start, end in found) // 60) * 60
    return first, min(24 * 60, max(last, first + 60))


def _on_wall(moment: dt.datetime, day: dt.date, zone: str) -> int:
    wall = local(moment, zone)
    if wall.date() > day:
        return 24 * 60
    return 0 if wall.date() < day else wall.hour * 60 + wall.minute


def _hours(first: int, last: int) -> Iterator[Hour]:
    for minute in range(first, last, 60):
        yield Hour(f"{minute // 60:02d}:00", int(HOUR / COLUMN))


def _lane(
    resource: Resource, day: dt.date, first: int, last: int, availability: Availability,
    at: dt.datetime, sentences: _Sentences,
) -> Lane:  # fmt: skip
    """One row; columns are minutes on the wall, so that rows of a changing clock stay in line."""
    zone = resource.zone
    start = utc(clock.at_wall(day, _time(first), zone))
    end = day_span(day, zone)[1] if last == 24 * 60 else utc(
        clock.at_wall(day, _time(last), zone)
    )  # fmt: skip
    taken = [
        one
        for one in availability.standing_at(resource, at)
        if one.start < end and one.until > start
    ]
    marks = {start, end}
    open_ = availability.open_on(resource, day)
    for from_, until in [*open_, *((one.start, one.until) for one in taken)]:
        marks |= {from_, until}
    for one in taken:
        marks.add(one.end)
    if start < at < end:
        marks.add(at.replace(second=0, microsecond=0))
    edges = sorted(mark for mark in marks if start <= mark <= end)
    pieces: list[Piece] = []
    column = 0
    for from_, until in pairwise(edges):
        reach = _column(until, day, first, zone)
        if reach <= column:
            continue
        kind, took = _kind(from_, open_, taken, at)
        pieces.append(
            _piece(kind, took, reach - column, from_, until, resource, day, availability, sentences)
        )
        column = reach
    return Lane(resource, day, start, end, list(_joined(pieces)))


def _time(minute: int) -> dt.time:
    return dt.time(minute // 60, minute % 60)


def _column(moment: dt.datetime, day: dt.date, first: int, zone: str) -> int:
    """The column in which a moment lies, rounded to the nearest."""
    return round((_on_wall(moment, day, zone) - first) / 5)


def _kind(
    moment: dt.datetime, open_: Sequence[Stretch], taken: Iterable[Taken], at: dt.datetime
) -> tuple[str, Taken | None]:
    for one in taken:
        if one.start <= moment < one.end:
            return ("occupied" if one.assignment else "booking"), one
    for one in taken:
        if one.end <= moment < one.until:
            return "preparation", one
    if not any(start <= moment < end for start, end in open_):
        return "closed", None
    return ("past" if moment < at.replace(second=0, microsecond=0) else "free"), None


def _piece(
    kind: str, one: Taken | None, width: int, start: dt.datetime, end: dt.datetime,
    resource: Resource, day: dt.date, availability: Availability, sentences: _Sentences,
) -> Piece:  # fmt: skip
    booking = one.booking if one is not None else None
    why = ""
    if kind == "preparation" and one is not None:
        until = f"{local(one.until, resource.zone):%H:%M}"
        why = _("%(resource)s is being prepared until %(until)s.") % {
            "resource": resource.name, "until": until,
        }  # fmt: skip
    elif kind == "occupied" and one is not None and one.assignment is not None:
        contract = one.assignment.contract
        why = _("%(resource)s is occupied by %(customer)s (%(plan)s).") % {
            "resource": resource.name, "customer": contract.customer.name, "plan": contract.plan,
        }  # fmt: skip
    elif kind == "closed":
        why = _closed_because(resource, day, start, end, availability)
    return Piece(
        kind, width, start, end, booking=booking, why=why,
        why_key=sentences.key(why) if why else 0,
        begins=one is None or one.start >= start, ends=one is None or one.end <= end,
        zone=resource.zone,
    )  # fmt: skip


def _closed_because(resource, day, start, end, availability: Availability) -> str:
    for closed in availability.closed_on(resource, day):
        if closed.start < end and start < closed.end:
            return closed.why
    parts: dict[str, Any] = {
        "resource": resource.name, "day": words.day(day),
        "hours": availability.hours_words(resource, day),
    }  # fmt: skip
    if parts["hours"] == _("closed"):
        return _("%(resource)s is closed on %(day)s.") % parts
    return _("%(resource)s is open on %(day)s from %(hours)s.") % parts


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbours that are the same are one: a booking is drawn once."""
    waiting: Piece | None = None
    for piece in pieces:
        same = (
            waiting is not None
            and waiting.kind == piece.kind
            and waiting.booking == piece.booking
            and waiting.why_key == piece.why_key
        )
        if waiting is not None and same:
            waiting = Piece(
                piece.kind, waiting.width + piece.width, waiting.start, piece.end, piece.booking,
                piece.why, piece.why_key, waiting.begins, piece.ends, piece.zone,
            )  # fmt: skip
            continue
        if waiting is not None:
            yield waiting
        waiting = piece
    if waiting is not None:
        yield waiting
