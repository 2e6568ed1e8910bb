"""Bookings that repeat: which local dates a pattern gives, and what stands against each of them.

Dates are expanded on the wall of the location, and get their zone afterwards: a weekly nine o'clock
stays nine o'clock when the clock changes.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dateutil import rrule
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.availability import Alternative, Availability
from bookings.hours import DAY, day_span
from bookings.models.booking import Booking
from bookings.models.making import Wish, book_all, lapsing, lock
from bookings.models.resources import Resource
from bookings.models.series import Series
from bookings.standing import Standing
from kit import clock, words
from kit.decisions import one_decision
from kit.problems import Problem, Refused

MOST = 150
DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"


@dataclass(frozen=True)
class Pattern:
    """Every `every` days, weeks or months, `until` a date (included) or `count` times.

    `weekdays` (Monday is 0) are those of a weekly pattern; without any, the first date's. A monthly
    one falls on the first date's day, or on the last one of a shorter month.
    """

    frequency: str
    every: int = 1
    weekdays: tuple[int, ...] = ()
    until: dt.date | None = None
    count: int | None = None

    def dates(self, first: dt.date) -> list[dt.date]:
        """The dates from the first one on, that one included.

        Raises `Refused` with `endless`, `too_many`, `ends_before_start` or `unknown_pattern`.
        """
        if self.frequency not in _FREQUENCIES or not 1 <= self.every <= 99:
            raise Refused(Problem("unknown_pattern", _("Say how it repeats."), "frequency"))
        if self.until is None and self.count is None:
            raise Refused(Problem("endless", _("Say until when, or how many times."), "count"))
        if self.count is not None and not 1 <= self.count <= MOST:
            raise Refused(_TOO_MANY("count"))
        if self.until is not None and self.until < first:
            text = _("The last day lies before the first one.")
            raise Refused(Problem("ends_before_start", text, "until"))
        how: dict[str, Any] = {}
        if self.frequency == WEEKLY:
            how["byweekday"] = sorted(set(self.weekdays)) or [first.weekday()]
        elif self.frequency == MONTHLY and first.day > 28:
            # The last of these that a month has.
            how |= {"bymonthday": list(range(28, first.day + 1)), "bysetpos": -1}
        rule = rrule.rrule(
            _FREQUENCIES[self.frequency], interval=self.every, dtstart=_midnight(first), **how
        )
        found: list[dt.date] = []
        for moment in rule:
            day = moment.date()
            if self.until is not None and day > self.until:
                break
            found.append(day)
            if self.count is not None and len(found) == self.count:
                break
            if len(found) > MOST:
                raise Refused(_TOO_MANY("until"))
        return found

    @property
    def words(self) -> str:
        """ "Every week on Monday and Thursday, until 3 Feb 2027"."""
        units = {
            DAILY: ngettext("Every day", "Every %d days", self.every),
            WEEKLY: ngettext("Every week", "Every %d weeks", self.every),
            MONTHLY: ngettext("Every month", "Every %d months", self.every),
        }
        text = units[self.frequency]
        text = text % self.every if "%d" in text else text
        if self.frequency == WEEKLY and self.weekdays:
            from bookings.models.hours import Weekday

            names = [str(Weekday(day).label) for day in sorted(set(self.weekdays))]
            listed = _(" and ").join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
            text += _(" on %s") % listed
        if self.until is not None:
            return text + _(", until %s") % words.day(self.until)
        return text + ngettext(", %d time", ", %d times", self.count or 0) % (self.count or 0)

    def to_json(self) -> dict[str, Any]:
        return {
            "frequency": self.frequency, "every": self.every, "weekdays": list(self.weekdays),
            "until": self.until.isoformat() if self.until else None, "count": self.count,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Pattern":
        until = dt.date.fromisoformat(data["until"]) if data["until"] else None
        return cls(data["frequency"], data["every"], tuple(data["weekdays"]), until, data["count"])


_FREQUENCIES: dict[str, Any] = {DAILY: rrule.DAILY, WEEKLY: rrule.WEEKLY, MONTHLY: rrule.MONTHLY}


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _TOO_MANY(field: str) -> Problem:  # noqa: N802
    text = _("At most %d dates at once.") % MOST
    return Problem("too_many", text, field)


@dataclass(frozen=True)
class Occurrence:
    """One date of a series: when, where, what stands against it, and what could be had instead."""

    number: int
    wish: Wish
    problems: tuple[Problem, ...]
    alternatives: tuple[Alternative, ...] = ()

    @property
    def is_free(self) -> bool:
        return not self.problems


def wishes(
    resource: Resource, dates: Sequence[dt.date], starts: dt.time, length: dt.timedelta,
    ends: dt.time | None = None,
) -> list[Wish]:  # fmt: skip
    """A booking on each date, from `starts` on the wall: until `ends` on the wall of the same day
    (or the next one, if that is not later), else for its true `length`."""
    zone = clock.zone(resource.zone)
    found = []
    for day in dates:
        start = dt.datetime.combine(day, starts, zone)
        if ends is not None:
            last = day if ends > starts else day + DAY
            end = dt.datetime.combine(last, ends, zone)
        else:
            end = (start.astimezone(dt.UTC) + length).astimezone(zone)
        found.append(Wish(resource, start, end))
    return found


def look(
    wanted: Sequence[Wish], *, standing: Standing, attendees: int, by, at: dt.datetime
) -> list[Occurrence]:
    """All dates checked at once, each conflict with the nearest times that are free.

    The number of queries does not depend on how many dates there are.
    """
    if not wanted:
        return []
    main = wanted[0].resource
    others = Resource.objects.live().filter(location=main.location_id).with_times()
    chosen = {one.resource.pk: one.resource for one in wanted}
    every = [*chosen.values(), *(one for one in others if one.pk not in chosen)]
    first = min(one.start.date() for one in wanted) - 7 * DAY
    last = max(one.end.date() for one in wanted) + 7 * DAY
    zone = main.zone
    availability = Availability.of(every, day_span(first, zone)[0], day_span(last, zone)[1])
    asked: dict[str, Any] = {"at": at, "standing": standing, "attendees": attendees, "by": by}
    found = []
    for number, wish in enumerate(wanted):
        problems = availability.problems(*wish, **asked)
        instead = availability.nearest(*wish, **asked) if problems and _has_time(wish) else []
        found.append(Occurrence(number, wish, tuple(problems), tuple(instead)))
    return found


def _has_time(wish: Wish) -> bool:
    return clock.exists(wish.start) and clock.exists(wish.end)


@transaction.atomic
def book_series(
    wanted: Sequence[Wish], pattern: Pattern, *, customer, by, attendees: int = 1, note: str = "",
    on_behalf_of=None, at: dt.datetime | None = None,
) -> Series:  # fmt: skip
    """Book all of these dates or none of them, as one series.

    Raises `Refused` with `too_many` or `no_dates`, `Unavailable` for the first date that cannot be
    had; ask `look` before, which shows every one.
    """
    if not wanted:
        raise Refused(Problem("no_dates", _("No date is left.")))
    if len(wanted) > MOST:
        raise Refused(_TOO_MANY("count"))
    at = at or clock.now()
    series = Series(customer=customer, pattern=pattern.to_json(), made_by=by)
    payer = on_behalf_of.payer if on_behalf_of is not None else None
    stale = lapsing([(one.resource.pk, one.start, one.end) for one in wanted], at)
    lock(
        [customer, *([payer] if payer else []), *(one.customer_id for one in stale)],
        {one.resource.pk for one in wanted},
        teams=[on_behalf_of] if on_behalf_of is not None else [], bookings=stale,
    )  # fmt: skip
    series.save(force_insert=True)
    book_all(
        list(wanted), customer=customer, by=by, at=at, attendees=attendees,
        note=note, on_behalf_of=on_behalf_of, series=series,
    )  # fmt: skip
    return series


def concerned(booking: Booking, scope: str, *, at: dt.datetime) -> list[Booking]:
    """The bookings that an edit of a scope is about: those that have not begun and stand."""
    if scope == "one" or booking.series_id is None:
        return [booking]
    others = Booking.objects.filter(series=booking.series_id).standing(at=at).filter(start__gt=at)
    if scope == "following":
        others = others.filter(start__gte=booking.start)
    found = others.select_related("resource__location", "customer", "on_behalf_of__payer", "series")
    return list(found.order_by("start", "pk"))


@transaction.atomic
def cancel(
    booking: Booking, *, scope: str, by, reason: str = "", waive_fee: bool = False,
    at: dt.datetime | None = None,
) -> list[Booking]:  # fmt: skip
    """Cancel this one, it and the following, or all that lie ahead: whole or not at all.

    Raises `Refused` as `Booking.cancel` does.
    """
    at = at or clock.now()
    found = concerned(booking, scope, at=at)
    _lock(found)
    _tell_together(found)
    with one_decision():
        for one in found:
            one.cancel(by=by, reason=reason, waive_fee=waive_fee, at=at)
    return found


@transaction.atomic
def change(
    booking: Booking, *, scope: str, by, resource: Resource | None = None,
    start: dt.datetime | None = None, end: dt.datetime | None = None,
    attendees: int | None = None, note: str | None = None, waive_fee: bool = False,
    at: dt.datetime | None = None,
) -> list[Booking]:  # fmt: skip
    """Change this one, it and the following, or all that lie ahead: whole or not at all.

    The others move by as many days as this one, to the same times on the wall. Raises as
    `Booking.change` does, naming the date that cannot be had.
    """
    at = at or clock.now()
    found = concerned(booking, scope, at=at)
    target = resource or booking.resource
    zone = clock.zone(target.zone)
    old_start = booking.local_start
    new_start = (start or booking.start).astimezone(zone)
    new_end = (end or booking.end).astimezone(zone)
    shift = new_start.date() - old_start.date()
    nights = new_end.date() - new_start.date()
    # Later ones first when everything moves later, so that none runs into its own neighbour.
    ordered = sorted(found, key=lambda one: one.start, reverse=new_start >= old_start)
    times: list[tuple[dt.datetime, dt.datetime]] = []
    for one in ordered:
        if start is None and end is None:
            times.append((one.start, one.end))
        elif one.pk == booking.pk:
            times.append((start or booking.start, end or booking.end))
        else:
            day = one.local_start.date() + shift
            from_ = dt.datetime.combine(day, new_start.time(), zone)
            times.append((from_, dt.datetime.combine(day + nights, new_end.time(), zone)))
    rooms = [resource.pk if resource else one.resource_id for one in ordered]
    wanted = [(room, *when) for room, when in zip(rooms, times, strict=True)]
    _lock(found, target, lapsing(wanted, at))
    _tell_together(ordered)
    says_when = start is not None or end is not None
    for one, (from_, until) in zip(ordered, times, strict=True):
        when = {"start": from_, "end": until} if says_when else {}
        one.change(
            resource=resource, attendees=attendees, note=note, waive_fee=waive_fee, by=by, at=at,
            **when,
        )  # fmt: skip
    return found


def _tell_together(found: Sequence[Booking]) -> None:
    """One deed is told once, whatever the number of bookings that it is about."""
    for number, one in enumerate(found):
        one.together = sorted(found, key=lambda each: each.start) if number == 0 else []


def _lock(
    found: Sequence[Booking], target: Resource | None = None, stale: Sequence[Booking] = ()
) -> None:
    """Hold all that an edit may touch, at once; `stale` are bookings of others that lapse by it."""
    people = {one.customer_id for one in [*found, *stale]}
    people |= {
        one.on_behalf_of.payer_id for one in found if one.on_behalf_of and one.on_behalf_of.payer_id
    }
    resources = {one.resource_id for one in found} | ({target.pk} if target else set())
    lock(people, resources, bookings=[*found, *stale])
