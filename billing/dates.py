"""Billing dates: on which day something on an account is invoiced; pure functions of dates.

Each contract and subscription has one at every cycle's due day and one on the day after its last
day. An account with neither on a day has the location's monthly billing day.
"""

import calendar
import datetime as dt
from collections.abc import Iterable
from typing import Any

DAY = dt.timedelta(days=1)


def next_due(agreement: Any, day: dt.date) -> dt.date | None:
    """The first billing date of a contract or subscription on or after a day; None after its end.

    In arrears the ends of its cycles, in advance their starts; and the day after its last one. One
    that was signed for days that had passed has none before it was signed: what was invoiced by
    then was invoiced without it.
    """
    if agreement.is_called_off:
        return None
    day = max(day, agreement.signed_on)
    starts_on, ends_on = agreement.starts_on, agreement.ends_on
    over = ends_on + DAY if ends_on is not None else None
    if over is not None and day > over:
        return None
    in_advance = agreement.fee_due == "in_advance"
    if in_advance and day <= starts_on:
        return starts_on
    rhythm = agreement.rhythm
    wanted = max(day, starts_on + DAY)
    count = rhythm.count_at(wanted)
    boundary = rhythm.boundary(count)
    if boundary < wanted:
        boundary = rhythm.boundary(count + 1)
    return boundary if over is None else min(boundary, over)


def covers(agreement: Any, day: dt.date) -> bool:
    """Whether an account has this contract or subscription on a day, for its billing dates: from
    its first day, once it is signed, to the day after its last."""
    if agreement.is_called_off or day < max(agreement.starts_on, agreement.signed_on):
        return False
    return agreement.ends_on is None or day <= agreement.ends_on + DAY


def monthly(billing_day: int, year: int, month: int) -> dt.date:
    """A location's billing day in a month; the last day where the month is too short."""
    return dt.date(year, month, min(billing_day, calendar.monthrange(year, month)[1]))


def next_billing_date(agreements: Iterable[Any], billing_day: int, day: dt.date) -> dt.date:
    """The first billing date of an account on or after a day."""
    agreements = list(agreements)
    dues = [due for one in agreements if (due := next_due(one, day)) is not None]
    first = min(dues, default=None)
    year, month = day.year, day.month
    while True:
        monthly_date = monthly(billing_day, year, month)
        if first is not None and monthly_date >= first:
            return first
        if monthly_date >= day and not any(covers(one, monthly_date) for one in agreements):
            return monthly_date
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
