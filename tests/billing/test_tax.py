"""Tax: rounded once per rate, split over the lines so that they add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tax import Priced, of, of_lines
from kit.money import exponent, round_to

D = Decimal


def priced(*prices, rate=20, included=False):
    return [Priced(D(str(price)), D(rate), included) for price in prices]


def test_a_price_with_the_tax_in_it():
    assert of(priced(100, included=True)[0], "EUR") == (D("83.33"), D("16.67"))


def test_the_exempt_pay_the_price_less_the_tax_that_it_contains():
    one = Priced(D(100), D(0), True, "exempt", D(20))
    assert of(one, "EUR") == (D("83.33"), D(0))
    found = of_lines([one] * 3, "EUR")
    assert [part.net for part in found] == [D("83.34"), D("83.33"), D("83.33")]
    assert sum(part.total for part in found) == D("250.00")


def test_three_of_them():
    found = of_lines(priced(100, 100, 100, included=True), "EUR")
    assert [part.net for part in found] == [D("83.34"), D("83.33"), D("83.33")]
    assert sum(part.net for part in found) == D("250.00")
    assert sum(part.tax for part in found) == D("50.00")


def test_without_tax_the_sum_of_a_rate_is_rounded_once():
    found = of_lines(priced("0.33", "0.33", "0.33", rate=10), "EUR")
    assert [part.tax for part in found] == [D("0.04"), D("0.03"), D("0.03")]


def test_each_rate_is_summed_for_itself():
    lines = [*priced(100, rate=20), *priced(50, rate=10), *priced(5, rate=0)]
    assert [part.tax for part in of_lines(lines, "EUR")] == [D(20), D(5), D(0)]


@pytest.mark.parametrize(("currency", "tax"), [("JPY", "10"), ("KWD", "9.900")])
def test_other_currencies(currency, tax):
    assert of(Priced(D(99), D(10), False), currency).tax == D(tax)


prices = st.integers(0, 5_000_00)


@given(
    st.lists(st.tuples(prices, st.sampled_from([0, 7, 19, 20]), st.booleans()), min_size=1,
             max_size=12),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)  # fmt: skip
def test_lines_add_up_per_rate_and_stay_near_what_they_would_be_alone(rows, currency):
    unit = D(1).scaleb(-exponent(currency))
    lines = [Priced(price * unit, D(rate), included) for price, rate, included in rows]
    found = of_lines(lines, currency)
    for line, part in zip(lines, found, strict=True):
        assert (part.net if not line.includes_tax else part.total) == line.price
        assert round_to(part.net, currency) == part.net
        assert abs(part.tax - of(line, currency).tax) <= unit * len(lines)
    for rate, included in {(line.rate, line.includes_tax) for line in lines}:
        mine = [(line, part) for line, part in zip(lines, found, strict=True)
                if (line.rate, line.includes_tax) == (rate, included)]  # fmt: skip
        price = sum((line.price for line, _part in mine), D(0))
        whole = of(Priced(price, rate, included), currency)
        assert sum(part.net for _line, part in mine) == whole.net
        assert sum(part.tax for _line, part in mine) == whole.tax
