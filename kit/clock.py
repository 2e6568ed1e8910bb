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


def today_in(zone: str) -> dt.date:
    """The date on the wall calendar of a time zone such as "Europe/Lisbon"."""
    return now().astimezone(ZoneInfo(zone)).date()


def start_of(date: dt.date, zone: str) -> dt.datetime:
    """The moment at which a date begins on the wall of a time zone."""
    return dt.datetime.combine(date, dt.time(), ZoneInfo(zone))
