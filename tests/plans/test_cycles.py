import datetime as dt
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import round_to
from plans.cycles import DAY, Rhythm, Terms, cycles, frozen_days, merged
from tests.story import day


def terms(starts_on, price="300", ends_on=None, freezes=(), **more) -> Terms:
    starts_on = day(starts_on) if isinstance(starts_on, str) else starts_on
    rhythm = Rhythm(
        more.pop("unit", "month"), more.pop("length", 1), starts_on, more.pop("billing_day", 1)
    )
    return Terms(
        rhythm=rhythm,
        starts_on=starts_on,
        ends_on=day(ends_on) if isinstance(ends_on, str) else ends_on,
        fee_due=more.pop("fee_due", "in_arrears"),
        prorate_first=more.pop("prorate_first", True),
        prorate_last=more.pop("prorate_last", True),
        quantity=more.pop("quantity", 1),
        price_on=more.pop("price_on", lambda on: Decimal(price)),
        freezes=tuple(freezes),
        currency=more.pop("currency", "EUR"),
    )


def first(terms_: Terms):
    return next(cycles(terms_, until=dt.date(2100, 1, 1)))


@pytest.mark.parametrize(
    ("starts_on", "more", "days", "of_days", "fee"),
    [
        ("2026-11-20", {"price": "300"}, 11, 30, "110.00"),
        ("2026-06-19", {"price": "250", "billing_day": 25}, 6, 31, "48.39"),
        ("2027-02-10", {"price": "900", "length": 3}, 50, 90, "500.00"),
        ("2028-02-10", {"price": "900", "length": 3}, 51, 91, "504.40"),
        (
            "2026-11-20",
            {
                "price": "300",
                "prorate_first": False,
                "prorate_last": False,
                "freezes": [(day("2026-11-25"), day("2026-11-30"))],
            },
            24,
            30,
            "240.00",
        ),
        ("2026-11-20", {"price": "10000", "currency": "JPY"}, 11, 30, "3667"),
        ("2026-11-20", {"price": "30.001", "currency": "KWD"}, 11, 30, "11.000"),
        ("2026-11-20", {"price": "300", "quantity": 3}, 11, 30, "330.00"),
    ],
)
def test_the_fee_of_a_part_cycle_goes_by_day(starts_on, more, days, of_days, fee):
    cycle = first(terms(starts_on, **more))
    assert (cycle.days, cycle.of_days, cycle.fee) == (days, of_days, Decimal(fee))


def test_the_31st_of_the_month_over_two_years():
    starts = [
        cycle.start.isoformat()
        for cycle in cycles(terms("2027-01-31", billing_day=None), until=day("2029-02-01"))
    ]
    assert starts[:5] == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert starts[13] == "2028-02-29"
    assert starts[24] == "2029-01-31"


def test_a_yearly_cycle_from_the_29th_of_february():
    starts = [
        cycle.start.isoformat()
        for cycle in cycles(
            terms("2028-02-29", length=12, billing_day=None), until=day("2033-01-01")
        )
    ]
    assert starts == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_quarters_with_a_billing_day_begin_in_january_april_july_and_october():
    rhythm = Rhythm("month", 3, day("2027-02-10"), 1)
    found = {rhythm.boundary(count).month for count in range(20)}
    assert found == {1, 4, 7, 10}


def test_years_with_a_billing_day_begin_in_january():
    rhythm = Rhythm("month", 12, day("2027-05-10"), 15)
    count = rhythm.count_at(day("2027-05-10"))
    assert rhythm.boundary(count) == day("2027-01-15")


def test_weeks_count_from_the_start():
    found = list(cycles(terms("2026-11-20", unit="week", length=2, billing_day=None),
                        until=day("2026-12-20")))  # fmt: skip
    assert [(c.start.isoformat(), c.of_days) for c in found] == [
        ("2026-11-20", 14), ("2026-12-04", 14), ("2026-12-18", 14),
    ]  # fmt: skip


def test_a_last_part_cycle_goes_by_day_or_in_full():
    by_day, in_full = (
        list(cycles(terms("2026-06-01", ends_on="2026-07-10", prorate_last=prorate),
                    until=day("2027-01-01")))
        for prorate in (True, False)
    )  # fmt: skip
    assert [c.fee for c in by_day] == [Decimal("300.00"), Decimal("96.77")]
    assert [c.fee for c in in_full] == [Decimal("300.00"), Decimal("300.00")]
    assert by_day[-1].end == in_full[-1].end == day("2026-07-11")
    assert by_day[-1].due_on == day("2026-07-11")


def test_a_cycle_whose_every_contract_day_is_frozen_costs_nothing():
    frozen = [(day("2026-11-20"), day("2026-11-30"))]
    cycle = first(terms("2026-11-20", prorate_first=False, freezes=frozen))
    assert (cycle.days, cycle.fee) == (0, Decimal(0))


def test_an_open_freeze_costs_nothing_until_it_ends():
    found = list(
        cycles(terms("2026-06-01", freezes=[(day("2026-07-16"), None)]), until=day("2026-10-01"))
    )
    assert [c.fee for c in found] == [Decimal("300.00"), Decimal("145.16"), 0, 0]


def test_fees_are_due_at_the_end_or_in_advance_at_the_start():
    late, early = first(terms("2026-11-20")), first(terms("2026-11-20", fee_due="in_advance"))
    assert (late.due_on, early.due_on) == (day("2026-12-01"), day("2026-11-20"))


def test_the_price_is_the_one_in_force_on_the_first_contract_day_of_the_cycle():
    def price_on(on):
        return Decimal(300) if on < day("2026-12-01") else Decimal(330)

    found = list(cycles(terms("2026-11-20", price_on=price_on), until=day("2027-01-01")))
    assert [c.price for c in found] == [300, 330]


def test_three_months_from_20_november_last_until_28_february():
    rhythm = Rhythm("month", 1, day("2026-11-20"), 1)
    assert rhythm.minimum_last_day(3) == day("2027-02-28")
    assert rhythm.minimum_last_day(0) is None
    assert Rhythm("month", 1, day("2026-12-01"), 1).minimum_last_day(3) == day("2027-02-28")
    assert Rhythm("month", 1, day("2026-11-20")).minimum_last_day(3) == day("2027-02-19")
    assert Rhythm("week", 2, day("2026-11-20")).minimum_last_day(1) == day("2026-12-03")


def test_freezes_that_touch_are_one_and_end_with_the_contract():
    spans = [(day("2026-06-11"), day("2026-06-20")), (day("2026-05-20"), day("2026-06-10"))]
    assert merged(spans, day("2026-06-01"), day("2026-06-15")) == [
        (day("2026-06-01"), day("2026-06-15"))
    ]


dates = st.dates(dt.date(2000, 1, 1), dt.date(2060, 12, 31))
rhythms = st.one_of(
    st.builds(Rhythm, st.just("month"), st.integers(1, 24), dates, st.none() | st.integers(1, 31)),
    st.builds(Rhythm, st.just("week"), st.integers(1, 24), dates),
)


@given(rhythms, st.integers(-40, 40))
def test_boundaries_only_grow_and_every_day_lies_between_two(rhythm, count):
    here, there = rhythm.boundary(count), rhythm.boundary(count + 1)
    assert here < there
    for probe in (here, there - DAY):
        assert rhythm.count_at(probe) == count


@given(dates, st.integers(1, 24), st.integers(1, 31), st.integers(0, 60))
def test_boundaries_on_a_fixed_day_fall_on_it_or_on_the_months_last(anchor, length, fixed, count):
    found = Rhythm("month", length, anchor, fixed).boundary(count)
    assert found.day == fixed or (found + DAY).day == 1
    assert ((found.year - 2000) * 12 + found.month - 1) % length == 0


@given(dates, st.integers(1, 24), st.integers(1, 60))
def test_boundaries_from_an_anchor_come_from_it_and_a_count(anchor, length, count):
    found = Rhythm("month", length, anchor).boundary(count)
    assert found.day == anchor.day or (found.day < anchor.day and (found + DAY).day == 1)
    months = (found.year - anchor.year) * 12 + found.month - anchor.month
    assert months == length * count


spans = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40)), max_size=6)


@given(rhythms, st.integers(0, 700), spans, st.booleans(), st.booleans())
def test_cycles_tile_the_contract_and_fees_follow_the_days(
    rhythm, length, raw, prorate_first, prorate_last
):
    starts_on = rhythm.anchor
    ends_on = starts_on + dt.timedelta(length)
    freezes, free_from = [], 0
    for gap, size in raw:  # made apart from each other, as the database keeps them
        free_from += gap
        freezes.append(
            (starts_on + dt.timedelta(free_from), starts_on + dt.timedelta(free_from + size))
        )
        free_from += size + 1
    made = terms(
        starts_on, ends_on=ends_on, freezes=freezes, prorate_first=prorate_first,
        prorate_last=prorate_last,
    )  # fmt: skip
    made = Terms(**{**made.__dict__, "rhythm": rhythm})
    found = list(cycles(made, until=ends_on + dt.timedelta(1000)))

    assert (found[0].start, found[-1].end) == (starts_on, ends_on + DAY)
    assert all(a.end == b.start for a, b in pairwise(found))
    for cycle in found:
        frozen = frozen_days(freezes, cycle.start, cycle.end)
        by_hand = sum(
            any(f <= cycle.start + dt.timedelta(i) <= l for f, l in freezes)  # noqa: E741
            for i in range((cycle.end - cycle.start).days)
        )
        assert frozen == by_hand
        assert 0 <= cycle.days <= cycle.of_days
        assert cycle.exact_fee == Fraction(cycle.price) * cycle.days / cycle.of_days
        assert cycle.fee == round_to(cycle.exact_fee, "EUR")
        if prorate_first and prorate_last:
            assert cycle.days == (cycle.end - cycle.start).days - frozen
