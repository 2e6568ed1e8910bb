"""What resources are doing now, and how much of today is booked: for lists, records and home."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from bookings.availability import Availability
from bookings.hours import Stretch, local, merged, within, without
from bookings.models import Resource
from kit import clock, words


class Now(NamedTuple):
    """The state of a resource at this moment: "free", "in_use", "occupied" or "closed", and more
    about it in words."""

    state: str
    note: str = ""


@dataclass
class Today:
    """The times of some resources, read once, for whatever date it is where they are."""

    resources: list[Resource]
    availability: Availability
    at: dt.datetime

    @classmethod
    def of(cls, resources: Iterable[Resource], at: dt.datetime | None = None) -> "Today":
        """Four queries, however many resources; none without any."""
        at = at or clock.now()
        found = list(resources)
        dates = [_date(one, at) for one in found] or [at.date()]
        return cls(found, Availability.on(found, min(dates), max(dates)), at)

    def now(self, resource: Resource) -> Now:
        """What it is doing at this moment."""
        for one in self.availability.standing_at(resource, self.at):
            if one.assignment is not None and one.start <= self.at < one.until:
                return Now("occupied", one.assignment.contract.customer.name)
        for one in self.availability.standing_at(resource, self.at):
            if one.start <= self.at < one.end:
                return Now("in_use", _("until %s") % self._time(one.end, resource))
            if one.end <= self.at < one.until:
                return Now("in_use", _("prepared until %s") % self._time(one.until, resource))
        open_ = self.availability.open_on(resource, _date(resource, self.at))
        if not open_:
            why = self.availability.closed_on(resource, _date(resource, self.at))
            return Now("closed", why[0].why if why else "")
        ahead = [span for span in open_ if span[1] > self.at]
        if not ahead:
            return Now("closed", _("since %s") % self._time(open_[-1][1], resource))
        if ahead[0][0] > self.at:
            return Now("closed", _("opens at %s") % self._time(ahead[0][0], resource))
        return Now("free")

    def _time(self, moment: dt.datetime, resource: Resource) -> str:
        there = local(moment, resource.zone)
        if there.date() != _date(resource, self.at) and there.time() != dt.time():
            return f"{words.day(there.date())}, {there:%H:%M}"
        return f"{there:%H:%M}"

    @property
    def share(self) -> tuple[int, int]:
        """Minutes of today that are booked, and those that are open.

        What a contract occupies cannot be booked and counts in neither; a booking outside the
        opening hours does not count.
        """
        booked = open_ = 0
        for resource in self.resources:
            taken = self.availability.standing_at(resource, self.at)
            free = without(
                self.availability.open_on(resource, _date(resource, self.at)),
                [(one.start, one.until) for one in taken if one.assignment is not None],
            )
            open_ += _minutes(free)
            bookings = merged((one.start, one.end) for one in taken if one.booking is not None)
            booked += sum(_minutes(within(bookings, span)) for span in free)
        return booked, open_


def _date(resource: Resource, at: dt.datetime) -> dt.date:
    return local(at, resource.zone).date()


def _minutes(stretches: Iterable[Stretch]) -> int:
    return sum(int((end - start).total_seconds() // 60) for start, end in stretches)
