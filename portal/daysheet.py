"""A day of all resources as a table: quarters of an hour across, what is free to be pressed.

Taken time is only taken: whose it is, is told of one's own bookings alone.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bookings.hours import Stretch, day_span, local, merged, utc
from bookings.models import Booking, Resource
from customers.models import Customer
from kit import clock
from kit.problems import Problem
from portal.finding import Search, address

QUARTER = dt.timedelta(minutes=15)
HOUR = dt.timedelta(hours=1)
USUAL = (dt.time(7), dt.time(21))
# Narrower than this a stretch cannot be pressed.
NARROWEST = 2


@dataclass(frozen=True)
class Cell:
    """A stretch of a row: "free", "taken", "closed", "past", "yours", "narrow" (free, but too
    short to be pressed) or "unbookable" (free, but not for this customer now)."""

    kind: str
    width: int
    start: dt.datetime
    end: dt.datetime
    url: str = ""
    booking: Booking | None = None


@dataclass(frozen=True)
class Row:
    resource: Resource
    cells: list[Cell]
    why_not: str = ""


@dataclass(frozen=True)
class Sheet:
    """`hours` are the full hours of the head, each with its width in quarters."""

    day: dt.date
    hours: list[tuple[dt.datetime, int]]
    rows: list[Row]
    width: int


def sheet(search: Search, day: dt.date, zone: str) -> Sheet:
    """The local day of some resources, as somebody may book them."""
    customer = search.standing.customer
    start, end = _bounds(search, day, zone, customer)
    quarters = []
    moment = start
    while moment < end:
        quarters.append(moment)
        moment += QUARTER
    hours = [
        (hour, len(list(of_hour)))
        for hour, of_hour in groupby(
            (local(one, zone).replace(minute=0) for one in quarters), key=lambda one: one
        )
    ]
    rows = [_row(search, resource, day, quarters, customer) for resource in search.resources]
    return Sheet(day, hours, rows, len(quarters))


def _bounds(search: Search, day: dt.date, zone: str, customer: Customer) -> Stretch:
    """From when until when something is open; whatever is always open counts as usual."""
    whole = day_span(day, zone)
    usual = (clock.at_wall(day, USUAL[0], zone), clock.at_wall(day, USUAL[1], zone))
    found: list[Stretch] = []
    for resource in search.resources:
        open_ = search.availability.open_on(resource, day)
        found += [usual] if open_ == [whole] else open_
        for one in search.availability.taken.get(resource.pk, []):
            if _is_own(one.booking, customer) and one.start < whole[1] and one.end > whole[0]:
                found.append((max(one.start, whole[0]), min(one.end, whole[1])))
    first = min((one[0] for one in found), default=usual[0])
    last = max((one[1] for one in found), default=usual[1])
    start = local(first, zone).replace(minute=0, second=0, microsecond=0)
    end = local(last - dt.timedelta(microseconds=1), zone).replace(minute=0, second=0,
                                                                   microsecond=0)  # fmt: skip
    return utc(start), utc(end) + HOUR


def _is_own(booking: Booking | None, customer: Customer) -> bool:
    return booking is not None and booking.customer_id == customer.pk


def _row(
    search: Search, resource: Resource, day: dt.date, quarters: Sequence[dt.datetime],
    customer: Customer,
) -> Row:  # fmt: skip
    availability, at = search.availability, search.at
    open_ = availability.open_on(resource, day)
    free = availability.free(resource, day, at=at)
    taken = availability.standing_at(resource, at)

    def kind(moment: dt.datetime) -> tuple[str, Any]:
        until = moment + QUARTER
        for one in taken:
            if one.start < until and moment < one.end and _is_own(one.booking, customer):
                return "yours", one.booking
        if any(one.start < until and moment < one.until for one in taken):
            return "taken", None
        if not _lies_in(moment, until, open_):
            return "closed", None
        if moment < at:
            return "past", None
        return ("free", None) if _lies_in(moment, until, free) else ("taken", None)

    cells: list[Cell] = []
    why_not: list[Problem] = []
    for (what, booking), of_kind in groupby(quarters, key=kind):
        stretch = list(of_kind)
        if what != "free":
            first, last = stretch[0], stretch[-1] + QUARTER
            cells.append(Cell(what, len(stretch), first, last, booking=booking))
            continue
        for part in _parts(stretch, resource.zone):
            cell, problems = _free(search, resource, part, stretch[-1] + QUARTER)
            cells.append(cell)
            why_not += problems
    eligible = next((one for one in why_not if one.code == "not_eligible"), None)
    return Row(resource, cells, str(eligible.text) if eligible else "")


def _lies_in(start: dt.datetime, end: dt.datetime, stretches: Sequence[Stretch]) -> bool:
    return any(from_ <= start and end <= until for from_, until in merged(stretches))


def _parts(quarters: Sequence[dt.datetime], zone: str) -> Iterator[list[dt.datetime]]:
    """A free stretch in pieces of about an hour, cut at full hours, none too narrow to press."""
    part: list[dt.datetime] = []
    for number, moment in enumerate(quarters):
        at_hour = local(moment, zone).minute == 0
        rest = len(quarters) - number
        if part and at_hour and len(part) >= NARROWEST and rest >= NARROWEST:
            yield part
            part = []
        part.append(moment)
    yield part


def _free(
    search: Search, resource: Resource, part: Sequence[dt.datetime], free_until: dt.datetime
) -> tuple[Cell, list[Problem]]:
    """A free piece, and what stands against the booking that pressing it would ask for."""
    start, last = part[0], part[-1] + QUARTER
    shortest = dt.timedelta(minutes=resource.minimum_minutes or 0)
    longest = dt.timedelta(minutes=resource.maximum_minutes or 24 * 60)
    wanted = min(max(HOUR, shortest), longest)
    end = min(start + wanted, max(free_until, start + shortest))
    asked: dict[str, Any] = {"at": search.at, "standing": search.standing, "by": search.by}
    problems = search.availability.problems(resource, start, end, **asked)
    width = len(part)
    if problems or width < NARROWEST:
        return Cell("unbookable" if problems else "narrow", width, start, last), problems
    url = address(resource, start, end, team=search.standing.team)
    return Cell("free", width, start, last, url=url), []
