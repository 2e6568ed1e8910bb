"""The one place that asks what time it is.

Business code gets `on=` (a local date) or `at=` (an aware datetime); only the edge, a view or
a command, asks `Location.today()`, which asks here.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils import timezone


def now() -> dt.datetime:
    """This moment, aware, in UTC."""
    return timezone.now()


def zone(name: str) -> ZoneInfo:
    """A time zone by its name, such as "Europe/Lisbon"."""
    return ZoneInfo(name)


def today_in(zone: str) -> dt.date:
    """The date on the wall calendar of a time zone such as "Europe/Lisbon"."""
    return now().astimezone(ZoneInfo(zone)).date()


def start_of(date: dt.date, zone: str) -> dt.datetime:
    """The moment at which a date begins on the wall of a time zone."""
    return dt.datetime.combine(date, dt.time(), ZoneInfo(zone))


def at_wall(date: dt.date, time: dt.time, zone: str) -> dt.datetime:
    """A time on the wall of a zone as a moment in UTC; one that exists twice means the first.

    A time that the clock skips gives the moment that it would have been without the skip: ask
    `exists` first where a person has named it.
    """
    local = dt.datetime.combine(date, time.replace(tzinfo=None), ZoneInfo(zone))
    return local.astimezone(dt.UTC)


def exists(moment: dt.datetime) -> bool:
    """Whether a local time is on the wall at all: in spring the clock skips an hour."""
    back = moment.astimezone(dt.UTC).astimezone(moment.tzinfo)
    return back.replace(tzinfo=None) == moment.replace(tzinfo=None)
