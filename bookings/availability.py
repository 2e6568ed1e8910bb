"""What is free, and what stands against a booking: one answer for every place that asks.

An `Availability` reads, in a number of queries that does not depend on how many resources there
are, everything that takes time of them in a window: weekly hours, closures, bookings, contracts.
What it is asked then costs no query.

Problems. Nobody passes by: `time_does_not_exist`, `not_whole_minutes`, `ends_before_start`,
`too_long`, `date_out_of_range`, `resource_archived`, `closed`, `taken`, `occupied`, `no_people`,
`too_many_people`, `suspended`, `payer_suspended`, `customer_archived`, `team_archived`,
`not_in_team`. Staff who serve customers and the system pass by: `too_short`, `longer_than_allowed`,
`in_the_past`, `too_late`, `too_far_ahead`, `not_eligible`, `may_not_spend`, `over_limit`.
Others also meet `not_yours`.
"""

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from bookings.hours import (
    DAY,
    Closed,
    Stretch,
    day_span,
    days_of,
    local,
    merged,
    minutes,
    open_on,
    utc,
    within,
    without,
)
from bookings.models.assignments import Assignment
from bookings.models.booking import LONGEST, Booking
from bookings.models.hours import Closure, OpeningHours
from bookings.models.resources import Resource
from bookings.standing import Standing
from kit import clock, words
from kit.problems import Problem
from spaces.models import Location

FURTHEST_BACK = dt.timedelta(days=366)
FURTHEST_AHEAD = dt.timedelta(days=5 * 366)
SEARCHED = 7 * DAY
# What staff who serve customers may pass by.
LIMITS = frozenset(
    "too_short longer_than_allowed in_the_past too_late too_far_ahead not_eligible may_not_spend "
    "over_limit".split()
)


class Taken(NamedTuple):
    """Time that is gone: [start, end) with what follows for preparation until `until`; `booking`
    or `assignment` is what took it."""

    start: dt.datetime
    end: dt.datetime
    until: dt.datetime
    booking: Booking | None = None
    assignment: Assignment | None = None


class Alternative(NamedTuple):
    """A time at which nothing stands against the same booking."""

    resource: Resource
    start: dt.datetime
    end: dt.datetime


@dataclass
class Availability:
    """The times of some resources within [start, end)."""

    resources: list[Resource]
    start: dt.datetime
    end: dt.datetime
    weekly: dict[tuple[str, int], dict[int, list[tuple[dt.time, dt.time]]]]
    closures: dict[tuple[str, int], list[Closure]]
    taken: dict[int, list[Taken]]
    _open: dict[tuple[int, dt.date], list[Stretch]] = field(default_factory=dict)
    _ordered: dict[int, tuple[list[Taken], list[Taken], dt.timedelta]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, resources: Iterable[Resource], start: dt.datetime, end: dt.datetime
    ) -> "Availability":
        """Read what takes time of these resources around [start, end): four queries."""
        found = list(resources)
        start, end = utc(start), utc(max(start, end))
        keys = [one.pk for one in found]
        places = {one.location_id for one in found}
        theirs = Q(resource__in=keys) | Q(location__in=places)
        weekly: dict[Any, dict[int, list]] = defaultdict(lambda: defaultdict(list))
        for hours in OpeningHours.objects.filter(theirs):
            weekly[_owner(hours)][hours.weekday].append((hours.opens, hours.closes))
        closures: dict[Any, list[Closure]] = defaultdict(list)
        # A date here is never more than a day away from the same one in Greenwich.
        near = Q(yearly=True) | Q(first_on__lte=end.date() + DAY, last_on__gte=start.date() - DAY)
        for closure in Closure.objects.filter(theirs & near):
            closures[_owner(closure)].append(closure)
        taken: dict[int, list[Taken]] = defaultdict(list)
        # Preparation after the new booking may reach into the next one.
        longest = max((one.preparation for one in found), default=dt.timedelta())
        booked = Booking.objects.blocking().filter(resource__in=keys)
        for booking in booked.overlapping(start, end + longest).select_related("customer"):
            taken[booking.resource_id].append(
                Taken(booking.start, booking.end, booking.blocked_until, booking=booking)
            )
        occupied = Assignment.objects.filter(resource__in=keys).overlapping(start, end + longest)
        for one in occupied.select_related("contract__customer", "contract__plan"):
            until = one.blocked_until or end + longest + DAY
            taken[one.resource_id].append(Taken(one.blocked_from, until, until, assignment=one))
        return cls(found, start, end, weekly, closures, taken)

    @classmethod
    def on(cls, resources: Iterable[Resource], first: dt.date, last: dt.date | None = None):
        """The same for whole local dates, both included, of wherever the resources are."""
        found = list(resources)
        zones = {one.zone for one in found} or {"UTC"}
        spans = [(day_span(first, zone)[0], day_span(last or first, zone)[1]) for zone in zones]
        return cls.of(found, min(start for start, _end in spans), max(end for _s, end in spans))

    # When it is open

    def open_on(self, resource: Resource, day: dt.date) -> list[Stretch]:
        """The open stretches of a local date, closures taken out."""
        key = (resource.pk, day)
        if key not in self._open:
            stretches = open_on(self._hours(resource), day, resource.zone)
            closed = [(one.start, one.end) for one in self.closed_on(resource, day)]
            self._open[key] = without(stretches, closed)
        return self._open[key]

    def closed_on(self, resource: Resource, day: dt.date) -> list[Closed]:
        """The closures of a local date, of the resource and of its location."""
        return [
            closed
            for owner in (("resource", resource.pk), ("location", resource.location_id))
            for closure in self.closures.get(owner, [])
            for closed in closure.stretches(day, day, resource.zone)
        ]

    def hours_words(self, resource: Resource, day: dt.date) -> str:
        """The hours of a weekday in words: "08:00 to 20:00"; "closed" without any."""
        weekly = self._hours(resource)
        if weekly is None:
            return _("all day")
        spans = [
            _("%(from)s to %(until)s")
            % {"from": f"{opens:%H:%M}", "until": f"{closes:%H:%M}" if closes != dt.time() else
               "24:00"}
            for opens, closes in weekly.get(day.weekday(), ())
        ]  # fmt: skip
        return _(" and ").join(spans) if spans else _("closed")

    def _hours(self, resource: Resource):
        """Its own weekly hours, else its location's; None where neither has any."""
        own = self.weekly.get(("resource", resource.pk))
        return own or self.weekly.get(("location", resource.location_id)) or None

    # What is free

    def standing_at(self, resource: Resource, at: dt.datetime) -> list[Taken]:
        """What takes its time, but for bookings that nobody approved until they began."""
        return [
            one
            for one in self.taken.get(resource.pk, [])
            if one.booking is None or one.booking.state_at(at) != Booking.State.LAPSED
        ]

    def near(
        self, resource: Resource, start: dt.datetime, end: dt.datetime, *, at: dt.datetime
    ) -> list[Taken]:
        """What takes a moment of [start, end), preparation included, in order: found without
        going through all the others, so that a hundred dates can be asked about."""
        if resource.pk not in self._ordered:
            ordered = sorted(self.taken.get(resource.pk, []), key=lambda one: one.start)
            booked = [one.until - one.start for one in ordered if one.booking is not None]
            occupied = [one for one in ordered if one.booking is None]
            self._ordered[resource.pk] = (
                [one for one in ordered if one.booking is not None],
                occupied,
                max(booked, default=dt.timedelta()),
            )
        booked_, occupied_, longest = self._ordered[resource.pk]
        first = bisect_left(booked_, start - longest, key=lambda one: one.start)
        last = bisect_left(booked_, end, key=lambda one: one.start)
        found = [
            one
            for one in [*booked_[first:last], *occupied_]
            if one.start < end and one.until > start
            if one.booking is None or one.booking.state_at(at) != Booking.State.LAPSED
        ]
        return sorted(found, key=lambda one: one.start)

    def free(
        self, resource: Resource, first: dt.date, last: dt.date | None = None,
        *, at: dt.datetime | None = None,
    ) -> list[Stretch]:  # fmt: skip
        """The open stretches of some days that nothing takes, and that a booking could use to
        their end: preparation may reach into closed hours, not into somebody else's time."""
        days = [first + number * DAY for number in range(((last or first) - first).days + 1)]
        open_ = merged(span for day in days for span in self.open_on(resource, day))
        if not open_:
            return []
        until = open_[-1][1] + resource.preparation
        gone = [
            (one.start - resource.preparation, one.until)
            for one in self.near(resource, open_[0][0], until, at=at or clock.now())
        ]
        return without(open_, gone)

    def problems(
        self, resource: Resource, start: dt.datetime, end: dt.datetime, *,
        at: dt.datetime, standing: Standing | None = None, attendees: int = 1, by: Any = None,
        leaving_out: Collection[int] = (), begun: bool = False,
    ) -> list[Problem]:  # fmt: skip
        """What stands against a booking; see the module for the codes.

        `leaving_out` are keys of bookings that are about to give their time up; `begun` says that
        the booking runs already, so that its start is not asked about any more.
        """
        wrong = time_problems(start, end, resource, at=at)
        if wrong:
            return wrong
        start, end = utc(start), utc(end)
        for_house = acts_for_house(by, resource.location)
        found = [] if resource.archived_at is None else [_ARCHIVED]
        found += self._closed_problems(resource, start, end)
        found += self._taken_problems(resource, start, end, at, leaving_out)
        if attendees < 1:
            text = _("At least one person.")
            found.append(Problem("no_people", text, "attendees"))
        elif attendees > resource.capacity:
            text = ngettext(
                "%(resource)s has room for %(number)d person.",
                "%(resource)s has room for %(number)d people.", resource.capacity,
            ) % {"resource": resource.name, "number": resource.capacity}  # fmt: skip
            found.append(Problem("too_many_people", text, "attendees"))
        limits = list(_length_problems(resource, start, end))
        if not begun:
            limits += _lead_problems(resource, start, end, at)
        if standing is not None:
            found += whose_problems(standing, by, for_house)
            limits += _eligibility_problems(resource, start, standing)
            if not standing.is_led_by(by):  # an admin who books for others spends, not they
                limits += standing.spending_problems
        return found + ([] if for_house else limits)

    def limits(
        self, resource: Resource, start: dt.datetime, end: dt.datetime, *, at: dt.datetime,
        standing: Standing | None = None,
    ) -> list[Problem]:  # fmt: skip
        """What staff pass by with this booking, to be told before they do."""
        if time_problems(start, end, resource, at=at):
            return []
        start, end = utc(start), utc(end)
        found = [
            *_length_problems(resource, start, end), *_lead_problems(resource, start, end, at)
        ]  # fmt: skip
        if standing is not None:
            found += _eligibility_problems(resource, start, standing)
            found += standing.spending_problems
        return found

    def _closed_problems(self, resource, start, end) -> Iterator[Problem]:
        days = days_of(start, end, resource.zone)
        open_ = merged(span for day in days for span in self.open_on(resource, day))
        if any(from_ <= start and end <= until for from_, until in open_):
            return
        for day in days:
            for closed in self.closed_on(resource, day):
                if closed.start < end and start < closed.end:
                    yield Problem("closed", closed.why, "start")
                    return
        day = next(
            (
                day
                for day in days
                if without(
                    within([(start, end)], day_span(day, resource.zone)),
                    self.open_on(resource, day),
                )
            ),
            days[0],
        )
        parts = {
            "resource": resource.name, "day": words.day(day),
            "hours": self.hours_words(resource, day),
        }  # fmt: skip
        if parts["hours"] == _("closed"):
            text = _("%(resource)s is closed on %(day)s.") % parts
        else:
            text = _("%(resource)s is open on %(day)s from %(hours)s.") % parts
        yield Problem("closed", text, "start")

    def _taken_problems(self, resource, start, end, at, leaving_out) -> Iterator[Problem]:
        blocked_until = end + resource.preparation
        for one in self.near(resource, start, blocked_until, at=at):
            if one.booking is None or one.booking.pk not in leaving_out:
                yield _taken_problem(resource, one, start, end)

    # What could be had instead

    def nearest(
        self, resource: Resource, start: dt.datetime, end: dt.datetime, *, at: dt.datetime,
        standing: Standing | None = None, attendees: int = 1, by: Any = None, most: int = 3,
        leaving_out: Collection[int] = (),
    ) -> list[Alternative]:  # fmt: skip
        """The nearest times that are free: another resource of the type at that time, the same
        resource a little later or earlier; at most `most`. Asks this availability alone, so it
        is read for the days around and for the other resources of the place."""
        start, end = utc(start), utc(end)
        asked = {"at": at, "standing": standing, "attendees": attendees, "by": by,
                 "leaving_out": leaving_out}  # fmt: skip
        same_type = sorted(
            (
                one
                for one in self.resources
                if one.pk != resource.pk
                and (one.type_id, one.location_id) == (resource.type_id, resource.location_id)
            ),
            key=lambda one: (one.capacity, one.name),
        )
        elsewhere = [
            Alternative(one, start, end)
            for one in same_type
            if not self.problems(one, start, end, **asked)
        ]
        other_times = list(self._other_times(resource, start, end, most, **asked))
        found = [*other_times[: most - bool(elsewhere)], *elsewhere]
        return found[:most]

    def _other_times(self, resource, start, end, most, **asked) -> Iterator[Alternative]:
        """The same resource at the nearest other times, the nearest first."""
        length = end - start
        zone = resource.zone
        first = max(local(start - SEARCHED, zone).date(), local(self.start, zone).date())
        last = min(local(end + SEARCHED, zone).date(), local(self.end, zone).date())
        grid = resource.step
        starts: set[dt.datetime] = set()
        gaps = self.free(resource, first, last, at=asked["at"])
        for from_, until in gaps:
            from_ = max(from_, asked["at"] if asked["by"] is not None else from_)
            on_grid = start + -((start - from_) // grid) * grid
            last_start = until - length
            if last_start < from_:
                continue
            starts |= {moment for moment in (from_, last_start, on_grid) if
                       from_ <= moment <= last_start}  # fmt: skip
            if from_ <= start <= last_start:
                starts.add(start)
        count = 0
        for moment in sorted(starts, key=lambda moment: (abs(moment - start), moment)):
            moment = moment.replace(second=0, microsecond=0)
            if self.problems(resource, moment, moment + length, **asked):
                continue
            yield Alternative(resource, moment, moment + length)
            count += 1
            if count == most:
                return


def _owner(row: OpeningHours | Closure) -> tuple[str, int]:
    if row.resource_id:
        return ("resource", row.resource_id)
    return ("location", row.location_id or 0)


def acts_for_house(by: Any, location: Location) -> bool:
    """Whether somebody books for others: the system, or staff who serve customers there."""
    return by is None or by.may("serve_customers", at=location)


def time_problems(
    start: dt.datetime, end: dt.datetime, resource: Resource, *, at: dt.datetime
) -> list[Problem]:
    """What is wrong with the times as such."""
    for name, moment in (("start", start), ("end", end)):
        if not clock.exists(moment):
            text = _("%s does not exist on that day: the clock goes forward.") % f"{moment:%H:%M}"
            return [Problem("time_does_not_exist", text, name)]
    for name, moment in (("start", start), ("end", end)):
        if moment.second or moment.microsecond:
            return [Problem("not_whole_minutes", _("Choose whole minutes."), name)]
    start, end = utc(start), utc(end)
    if end <= start:
        return [Problem("ends_before_start", _("It ends before it begins."), "end")]
    if end - start > LONGEST:
        text = _("A booking lasts at most %d days.") % LONGEST.days
        return [Problem("too_long", text, "end")]
    if not at - FURTHEST_BACK <= start <= at + FURTHEST_AHEAD:
        return [Problem("date_out_of_range", _("This date is too far away."), "start")]
    return []


def _length_problems(resource, start, end) -> Iterator[Problem]:
    length = minutes(start, end)
    if resource.minimum_minutes and length < resource.minimum_minutes:
        text = _("%(resource)s is booked for at least %(length)s.")
        yield Problem("too_short", text % _of(resource, resource.minimum_minutes), "end")
    if resource.maximum_minutes and length > resource.maximum_minutes:
        text = _("%(resource)s is booked for at most %(length)s.")
        yield Problem("longer_than_allowed", text % _of(resource, resource.maximum_minutes), "end")


def _lead_problems(resource, start, end, at) -> Iterator[Problem]:
    if start < at:
        yield Problem("in_the_past", _("This time has passed."), "start")
    elif start < at + dt.timedelta(minutes=resource.lead_minutes):
        text = _("%(resource)s is booked at least %(length)s before.")
        yield Problem("too_late", text % _of(resource, resource.lead_minutes), "start")
    if resource.earliest_days is not None:
        zone = resource.zone
        ahead = (local(start, zone).date() - local(at, zone).date()).days
        if ahead > resource.earliest_days:
            text = ngettext(
                "%(resource)s can be booked %(number)d day ahead.",
                "%(resource)s can be booked %(number)d days ahead.", resource.earliest_days,
            ) % {"resource": resource.name, "number": resource.earliest_days}  # fmt: skip
            yield Problem("too_far_ahead", text, "start")


def _of(resource: Resource, length: int) -> dict[str, str]:
    return {"resource": resource.name, "length": words.length(length)}


def _eligibility_problems(resource, start, standing: Standing) -> Iterator[Problem]:
    on = local(start, resource.zone).date()
    statuses = standing.statuses(on)
    match resource.who_may_book:
        case Resource.Audience.MEMBERS:
            fits, text = "member" in statuses, _("%s is for members.")
        case Resource.Audience.CONTACTS:
            fits, text = "contact" in statuses, _("%s is for contacts, not for members.")
        case Resource.Audience.PLANS:
            chosen = list(resource.plans.all())
            fits = bool({plan.pk for plan in chosen} & standing.plans(on))
            text = _("%%s is for those who have the plan %s.") % _(" or ").join(
                plan.name for plan in chosen
            )
        case Resource.Audience.TEAMS:
            fits = bool({team.pk for team in resource.teams.all()} & standing.teams)
            text = _("%s is for some teams only.")
        case _:
            return
    if not fits:
        yield Problem("not_eligible", text % resource.name, "resource")


def whose_problems(standing: Standing, by: Any, for_house: bool) -> list[Problem]:
    """What stands against this customer booking at all, for this team, by this person."""
    customer, team = standing.customer, standing.team
    found = []
    if customer.archived_at:
        text = _("This customer is archived: restore it first.")
        found.append(Problem("customer_archived", text, "customer"))
    if suspension := standing.suspension:
        text = _("%(name)s is suspended: %(reason)s")
        if not for_house:  # why is between the customer and the house
            text = _("Nothing can be booked for %(name)s at the moment. Please ask the staff.")
        parts = {"name": customer.name, "reason": suspension.reason}
        found.append(Problem("suspended", text % parts, "customer"))
    if suspension := standing.payers_suspension:
        text = _("The paying customer is suspended: %s") % suspension.reason
        if not for_house:
            text = _("Nothing can be booked for this team at the moment. Please ask the staff.")
        found.append(Problem("payer_suspended", text, "on_behalf_of"))
    if team is not None:
        if team.archived_at:
            text = _("This team is archived.")
            found.append(Problem("team_archived", text, "on_behalf_of"))
        if team.pk not in standing.teams:
            text = _("This customer is not in the team.")
            found.append(Problem("not_in_team", text, "on_behalf_of"))
    if not for_house and not standing.may_be_acted_for_by(by):
        found.append(Problem("not_yours", _("You cannot book for somebody else."), "customer"))
    return found


def _taken_problem(resource, one: Taken, start, end) -> Problem:
    if one.assignment is not None:
        text = _("%s is occupied by a contract.") % resource.name
        return Problem("occupied", text, "start")
    from_, until = local(one.start, resource.zone), local(one.end, resource.zone)
    parts = {
        "resource": resource.name, "from": _time(from_, start, resource),
        "until": _time(until, start, resource),
    }  # fmt: skip
    text = _("%(resource)s is taken from %(from)s to %(until)s.") % parts
    if one.end <= start:
        parts["ready"] = _time(local(one.until, resource.zone), start, resource)
        text = _(
            "%(resource)s is taken from %(from)s to %(until)s, and is being prepared until "
            "%(ready)s."
        )
        text = text % parts
    elif one.start >= end:
        text = _(
            "%(resource)s is taken from %(from)s to %(until)s, and needs %(length)s before that "
            "to be prepared."
        ) % (parts | _of(resource, resource.preparation_minutes))
    return Problem("taken", text, "start")


def _time(moment: dt.datetime, start: dt.datetime, resource: Resource) -> str:
    same_day = moment.date() == local(start, resource.zone).date()
    return f"{moment:%H:%M}" if same_day else f"{words.day(moment.date())}, {moment:%H:%M}"


_ARCHIVED = Problem("resource_archived", _l("This cannot be booked any more."), "resource")


def around(resource: Resource, start: dt.datetime, end: dt.datetime) -> Availability:
    """The resource and the others of its place, for the days around a wish: what `nearest` asks."""
    others = Resource.objects.live().filter(location=resource.location_id).with_times()
    every = [resource, *(one for one in others if one.pk != resource.pk)]
    return Availability.of(every, start - SEARCHED, end + SEARCHED)
