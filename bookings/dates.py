"""The dates of a booking that repeats, each with what stands against it and with what was chosen.

Nothing is remembered between two requests: the choices travel in the form, by their date.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bookings import repeats
from bookings.availability import Alternative
from bookings.models import Resource
from bookings.models.making import Wish
from bookings.repeats import Occurrence, Pattern
from bookings.standing import Standing

SKIP = "skip"


@dataclass(frozen=True)
class Option:
    """Another time or another resource for one date; `value` is what the form sends."""

    value: str
    alternative: Alternative

    @property
    def wish(self) -> Wish:
        return Wish(*self.alternative)


@dataclass(frozen=True)
class OneDate:
    """A date of the series. `chosen` is what the form says of it: an option, to skip it, or
    nothing yet."""

    occurrence: Occurrence
    options: list[Option]
    chosen: str

    @property
    def day(self) -> dt.date:
        return self.occurrence.wish.start.date()

    @property
    def name(self) -> str:
        """The name of its field."""
        return f"date-{self.day.isoformat()}"

    @property
    def is_skipped(self) -> bool:
        return not self.occurrence.is_free and self.chosen == SKIP

    @property
    def option(self) -> Option | None:
        return next((one for one in self.options if one.value == self.chosen), None)

    @property
    def wish(self) -> Wish | None:
        """What is to be booked; None while it is skipped or nobody has decided."""
        if self.occurrence.is_free:
            return self.occurrence.wish
        return self.option.wish if self.option else None

    @property
    def is_decided(self) -> bool:
        return self.is_skipped or self.wish is not None


@dataclass
class Dates:
    """All of them, as they are asked for."""

    pattern: Pattern
    every: list[OneDate]

    @classmethod
    def of(
        cls, pattern: Pattern, resource: Resource, start: dt.datetime, end: dt.datetime, *,
        choices: Mapping[str, str], standing: Standing, attendees: int, by: Any, at: dt.datetime,
    ) -> "Dates":  # fmt: skip
        """Look at each date. Raises `Refused` as `Pattern.dates` does."""
        length = end.astimezone(dt.UTC) - start.astimezone(dt.UTC)
        on_wall = end.time() if length < dt.timedelta(days=1) else None
        wanted = repeats.wishes(
            resource, pattern.dates(start.date()), start.time(), length, on_wall
        )
        found = repeats.look(wanted, standing=standing, attendees=attendees, by=by, at=at)
        return cls(pattern, [_one(occurrence, choices) for occurrence in found])

    @cached_property
    def undecided(self) -> list[OneDate]:
        return [one for one in self.every if not one.is_decided]

    @cached_property
    def conflicts(self) -> list[OneDate]:
        return [one for one in self.every if not one.occurrence.is_free]

    @property
    def wanted(self) -> list[Wish]:
        return [one.wish for one in self.every if one.wish is not None]


def _one(occurrence: Occurrence, choices: Mapping[str, str]) -> OneDate:
    options = [
        Option(f"{one.resource.pk}-{one.start:%Y%m%dT%H%MZ}", one)
        for one in occurrence.alternatives
    ]
    made = OneDate(occurrence, options, "")
    return OneDate(occurrence, options, choices.get(made.name, ""))
