"""Words for bookings in templates: times on the wall, and why a price is what it is."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

from babel.dates import format_skeleton
from django import template
from django.utils.html import format_html
from django.utils.translation import gettext as _

from bookings import explaining
from bookings.models import Booking
from bookings.pots import Pot
from kit import words
from kit.templatetags.house import _locale, money

register = template.Library()


@register.filter
def wall(moment: dt.datetime, zone: str) -> dt.datetime:
    """A moment on the wall of a zone: `{{ booking.start|wall:booking.zone }}`."""
    return moment.astimezone(zoneinfo.ZoneInfo(zone))


@register.filter
def clock_time(moment: dt.datetime | dt.time | None) -> str:
    """The time of a local moment: 09:30."""
    return "" if moment is None else f"{moment:%H:%M}"


@register.filter
def weekday(day: dt.date) -> str:
    """ "Mon 23 Nov" in the reader's language."""
    return format_skeleton("MMMEd", day, locale=_locale())


@register.filter
def day_and_year(day: dt.date) -> str:
    """ "Mon, 23 Nov 2026" in the reader's language."""
    return format_skeleton("yMMMEd", day, locale=_locale())


@register.simple_tag
def hours(start: dt.datetime, end: dt.datetime, zone: str) -> str:
    """Times on the wall: "10:00 to 11:30"; the day of the end is named where it is another."""
    first, last = wall(start, zone), wall(end, zone)
    until = f"{last:%H:%M}"
    if last.date() != first.date():
        until = "24:00" if _is_midnight_after(first, last) else f"{weekday(last.date())}, {until}"
    return format_html(
        _('<time datetime="{}">{}</time> to <time datetime="{}">{}</time>'),
        first.isoformat(), f"{first:%H:%M}", last.isoformat(), until,
    )  # fmt: skip


def _is_midnight_after(first: dt.datetime, last: dt.datetime) -> bool:
    return last.time() == dt.time() and last.date() - first.date() == dt.timedelta(days=1)


@register.simple_tag
def when(booking: Booking) -> str:
    """Day and times: "Mon, 23 Nov 2026, 10:00 to 11:30"."""
    day = day_and_year(booking.local_start.date())
    return format_html("{}, {}", day, hours(booking.start, booking.end, booking.zone))


@register.filter
def duration(minutes: int) -> str:
    """90 → "1 h 30 min"."""
    return words.length(int(minutes))


@register.filter
def minutes_signed(value: Decimal) -> str:
    """Minutes of a ledger: -90 → "−1 h 30 min"."""
    text = words.length(abs(int(value)))
    return f"\N{MINUS SIGN}{text}" if value < 0 else text


@register.filter
def as_asked(moment: dt.datetime) -> str:
    """A moment as an address names it: 2026-11-23T10:00Z."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}"


@register.filter
def reasons(explanation: dict[str, Any]) -> list[explaining.Reason]:
    """The lines of a stored explanation: each has `words` and maybe a `sum`."""
    return explaining.reasons(explanation)


@register.filter
def pot_left(pot: Pot) -> str:
    """What is left of booking credit: "2 h 30 min", "€40.00"."""
    return quantity(pot.left, pot)


@register.filter
def pot_value(pot: Pot) -> str:
    """What there was of it in the cycle."""
    value = pot.grant.value if pot.grant else pot.credit.value * pot.contract.quantity
    return quantity(value, pot)


def quantity(value: Decimal, pot: Pot) -> str:
    if pot.unit == "minutes":
        return words.length(int(value))
    return money(value, pot.contract.location.currency)
