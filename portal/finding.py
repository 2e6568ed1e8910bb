"""What can be had at a time: everything at once, each with its price or with what stands against
it. Reads once, however many resources there are."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from bookings.availability import SEARCHED, Alternative, Availability
from bookings.hours import DAY, local
from bookings.models import Resource
from bookings.models.making import ELSEWHERE
from bookings.prices import Quote, Tariff
from bookings.standing import Standing
from customers.models import Team
from kit.problems import Problem, Refused
from portal.forms.bookings import ONESELF, address_fields

HALF_HOUR = dt.timedelta(minutes=30)
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Suggestion:
    """A time that is free, with the address at which it can be booked."""

    resource: Resource
    start: dt.datetime
    end: dt.datetime
    url: str


@dataclass(frozen=True)
class Offered:
    """A resource at the time that is asked for: what it costs, or why it cannot be had."""

    resource: Resource
    quote: Quote | None
    problems: list[Problem]
    url: str
    fields: dict[str, str]
    nearest: list[Suggestion]


@dataclass
class Search:
    """Resources of a place, with all that decides about booking them, read once."""

    resources: Sequence[Resource]
    availability: Availability
    standing: Standing
    by: Any
    at: dt.datetime

    def at_time(
        self, start: dt.datetime, end: dt.datetime, *, people: int
    ) -> tuple[list[Offered], list[Offered]]:
        """What is free then, the smallest that fits first; and what is not, with the nearest times
        at which it is."""
        tariff = Tariff.of(self.resources)
        free: list[Offered] = []
        others: list[Offered] = []
        for resource in self.resources:
            found = self._look(tariff, resource, start, end, people)
            (others if found.problems else free).append(found)
        free.sort(key=lambda one: (one.resource.capacity, one.resource.name))
        others.sort(key=lambda one: (not one.nearest, one.resource.capacity, one.resource.name))
        return free, others

    def _look(self, tariff: Tariff, resource: Resource, start, end, people: int) -> Offered:
        asked: dict[str, Any] = {"at": self.at, "standing": self.standing, "attendees": people,
                                 "by": self.by}  # fmt: skip
        problems = self.availability.problems(resource, start, end, **asked)
        quote = None
        if not problems:
            try:
                quote = tariff.quote(resource, start, end, standing=self.standing)
            except Refused as refused:
                problems = refused.problems
        nearest: list[Alternative] = []
        if problems and {one.code for one in problems} <= ELSEWHERE:
            nearest = self.availability.nearest(resource, start, end, most=3, **asked)
        team = self.standing.team
        fields = address_fields(start, end, resource.zone)
        return Offered(
            resource=resource,
            quote=quote,
            problems=problems,
            url=address(resource, start, end, people=people, team=team),
            fields=fields
            | {"attendees": str(people), "on_behalf_of": str(team.pk) if team else ONESELF},
            nearest=[
                suggestion(one, people=people, team=team)
                for one in nearest if one.resource.pk == resource.pk
            ],
        )  # fmt: skip


def read_around(resources: Sequence[Resource], start: dt.datetime, end: dt.datetime):
    """What takes their time, for the days around as well: what `nearest` asks."""
    return Availability.of(resources, start - SEARCHED, end + SEARCHED)


def first_start(availability: Availability, resources: Sequence[Resource], at: dt.datetime,
                zone: str) -> dt.datetime:  # fmt: skip
    """When one would usually like to begin: at the next full or half hour at which something is
    open for an hour, today or soon."""
    today = local(at, zone).date()
    for day in (today + number * DAY for number in range(SEARCHED.days)):
        found = [
            start
            for resource in resources
            for from_, until in availability.open_on(resource, day)
            if (start := _rounded_up(max(from_, at))) + HOUR <= until
        ]
        if found:
            return local(min(found), zone)
    return local(_rounded_up(at), zone)


def _rounded_up(moment: dt.datetime) -> dt.datetime:
    """The next full or half hour; zones differ by whole quarters of an hour."""
    base = moment.replace(minute=0, second=0, microsecond=0)
    return base + -((base - moment) // HALF_HOUR) * HALF_HOUR


def address(
    resource: Resource, start: dt.datetime, end: dt.datetime, *, people: int = 1,
    team: Team | None = None,
) -> str:  # fmt: skip
    """The page at which a time of a resource can be booked."""
    more = {"people": people if people > 1 else "", "team": team.pk if team else ""}
    query = address_fields(start, end, resource.zone, **more)
    return f"{reverse('portal:book_resource', args=[resource.pk])}?{urlencode(query)}"


def suggestion(one: Alternative, *, people: int = 1, team: Team | None = None) -> Suggestion:
    url = address(one.resource, one.start, one.end, people=people, team=team)
    return Suggestion(one.resource, one.start, one.end, url)
