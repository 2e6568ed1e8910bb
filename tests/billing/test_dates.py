"""On which day something is invoiced."""

import datetime as dt
from types import SimpleNamespace

import pytest

from billing.dates import next_billing_date, next_due
from plans.cycles import Rhythm
from tests.story import day


def agreed(starts: str, ends: str | None = None, *, due="in_arrears", billing_day=1, length=1,
           unit="month", off=False):  # fmt: skip
    return SimpleNamespace(
        starts_on=day(starts), signed_on=day("2020-01-01"), ends_on=day(ends) if ends else None,
        fee_due=due, is_called_off=off,
        rhythm=Rhythm(unit, length, day(starts), billing_day),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("agreement", "asked", "found"),
    [
        (agreed("2026-11-20"), "2026-11-20", "2026-12-01"),
        (agreed("2026-11-20"), "2026-12-01", "2026-12-01"),
        (agreed("2026-11-20"), "2026-12-02", "2027-01-01"),
        (agreed("2026-11-20", due="in_advance"), "2026-11-01", "2026-11-20"),
        (agreed("2026-11-20", due="in_advance"), "2026-11-21", "2026-12-01"),
        (agreed("2026-12-01"), "2026-11-01", "2027-01-01"),
        (agreed("2026-11-20", "2026-12-10"), "2026-12-02", "2026-12-11"),
        (agreed("2026-11-20", "2026-12-10"), "2026-12-12", None),
        (agreed("2026-11-20", "2026-11-30"), "2026-11-20", "2026-12-01"),
        (agreed("2026-01-31", billing_day=None), "2026-02-01", "2026-02-28"),
        (agreed("2026-11-20", length=3), "2026-11-20", "2027-01-01"),
        (agreed("2026-11-20", off=True), "2026-11-20", None),
    ],
)
def test_a_contracts_dates_are_its_due_days_and_the_day_after_its_last(agreement, asked, found):
    assert next_due(agreement, day(asked)) == (day(found) if found else None)


@pytest.mark.parametrize(
    ("agreements", "billing_day", "asked", "found"),
    [
        ([], 1, "2026-11-20", "2026-12-01"),
        ([], 31, "2027-02-01", "2027-02-28"),
        ([agreed("2026-11-20")], 15, "2026-11-21", "2026-12-01"),
        # Before a contract begins and after it is over the location's day counts.
        ([agreed("2027-03-01")], 15, "2026-11-20", "2026-12-15"),
        ([agreed("2026-01-01", "2026-11-25")], 15, "2026-11-20", "2026-11-26"),
        ([agreed("2026-01-01", "2026-11-25")], 15, "2026-11-27", "2026-12-15"),
        # Whichever contract's date it is.
        ([agreed("2026-01-10", billing_day=10), agreed("2026-01-20", billing_day=20)], 1,
         "2026-11-11", "2026-11-20"),
        # A yearly contract: nothing is invoiced before its year is over.
        ([agreed("2026-01-01", length=12)], 1, "2026-02-03", "2027-01-01"),
    ],
)  # fmt: skip
def test_an_account_has_the_dates_of_its_contracts_or_else_the_locations(
    agreements, billing_day, asked, found
):
    assert next_billing_date(agreements, billing_day, day(asked)) == day(found)


def test_the_day_that_is_found_is_the_first_one_there_is():
    """Against looking at each day: the same dates, for many a contract."""
    for start in ("2026-01-31", "2026-02-28", "2026-11-20"):
        for length, unit in ((1, "month"), (3, "month"), (2, "week"), (10, "day")):
            for due in ("in_arrears", "in_advance"):
                one = agreed(start, "2027-05-05", due=due, length=length, unit=unit,
                             billing_day=None)  # fmt: skip
                dates = {day(start)} if due == "in_advance" else set()
                for count in range(1, 60):
                    boundary = one.rhythm.boundary(count)
                    if boundary <= one.ends_on:
                        dates.add(boundary)
                dates.add(one.ends_on + dt.timedelta(days=1))
                for number in range(0, 520, 7):
                    asked = day("2026-01-01") + dt.timedelta(days=number)
                    expected = min((date for date in dates if date >= asked), default=None)
                    assert next_due(one, asked) == expected, (start, length, unit, due, asked)
