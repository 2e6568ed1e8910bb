import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.spans import Bar, Span, chart, year_around

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)


def draw(*spans, today=dt.date(2026, 6, 12)):
    return chart(spans, first=FIRST, last=LAST, today=today)


def test_a_bar_covers_its_first_and_its_last_day():
    [row] = draw(Span("Desk", dt.date(2026, 1, 1), dt.date(2026, 1, 1))).rows
    assert row.bar == Bar("0.00%", "0.40%")
    [row] = draw(Span("Desk", FIRST, LAST)).rows
    assert row.bar == Bar("0.00%", "100.00%")


def test_an_open_contract_runs_past_the_edge():
    [row] = draw(Span("Desk", dt.date(2025, 3, 1), None)).rows
    assert row.bar == Bar("-2.00%", "104.00%")


def test_what_lies_outside_has_a_row_but_no_bar():
    before, after = draw(
        Span("Before", dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
        Span("After", dt.date(2027, 1, 1), None),
    ).rows
    assert before.bar is None
    assert after.bar is None


def test_a_gap_is_drawn_inside_its_bar():
    frozen = (dt.date(2026, 4, 1), dt.date(2026, 4, 30))
    [row] = draw(Span("Desk", FIRST, None, gaps=[frozen])).rows
    assert row.gaps == [Bar(f"{90 / 365 * 100:.2f}%", f"{30 / 365 * 100:.2f}%")]


def test_today_has_a_line_only_when_it_is_in_the_picture():
    assert draw(today=dt.date(2026, 1, 1)).today == "0.00%"
    assert draw(today=dt.date(2027, 1, 1)).today is None


def test_every_month_that_begins_in_the_window_has_a_line():
    months = chart([], first=dt.date(2025, 12, 15), last=LAST, today=FIRST).months
    assert [month.first.month for month in months] == list(range(1, 13))
    assert [month.first.month for month in months if month.quarter] == [1, 4, 7, 10]


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="ends after"):
        chart([], first=LAST, last=FIRST, today=FIRST)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 12, 31)))
def test_the_usual_window_is_thirteen_whole_months_with_today_in_the_ninth(today):
    first, last = year_around(today)
    assert first.day == 1
    assert (last + dt.timedelta(days=1)).day == 1
    months = chart([], first=first, last=last, today=today).months
    assert len(months) == 13
    assert months[8].first == today.replace(day=1)
