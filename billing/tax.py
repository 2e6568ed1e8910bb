"""Tax: pure functions of prices and rates.

Prices are entered without tax or with it, as the location says. An invoice rounds once per rate;
what that makes is split over its lines, so that they add up to it.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from kit.money import ZERO, exponent, round_to, split


class Taxed(NamedTuple):
    """A price as net and tax; `total` is what is paid."""

    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


class Priced(NamedTuple):
    """A price as it was entered: with the tax in it, or without."""

    price: Decimal
    rate: Decimal
    includes_tax: bool


def of(priced: Priced, currency: str) -> Taxed:
    """The net and the tax of one price alone.

    Without tax: tax = price × rate, rounded. With tax: net = price ÷ (1 + rate), rounded, and the
    tax is the rest: 100.00 at 20 % are 83.33 and 16.67.
    """
    return _of_sum(priced.price, priced, currency)


def _of_sum(price: Decimal, like: Priced, currency: str) -> Taxed:
    rate = Fraction(like.rate) / 100
    if like.includes_tax:
        net = round_to(Fraction(price) / (1 + rate), currency)
        return Taxed(net, price - net)
    return Taxed(price, round_to(Fraction(price) * rate, currency))


def of_lines(lines: Sequence[Priced], currency: str) -> list[Taxed]:
    """The net and the tax of each line of an invoice.

    Per rate the sum of the prices is taxed, rounded once; the result is split over the lines by
    largest remainder. Three times 100.00 with 20 % in it: 250.00 and 50.00 in all, the nets 83.34,
    83.33 and 83.33.
    """
    found: list[Taxed] = [Taxed(ZERO, ZERO)] * len(lines)
    groups: dict[tuple[Decimal, bool], list[int]] = {}
    for place, line in enumerate(lines):
        groups.setdefault((line.rate, line.includes_tax), []).append(place)
    for places in groups.values():
        like = lines[places[0]]
        prices = [lines[place].price for place in places]
        whole = _of_sum(sum(prices, ZERO), like, currency)
        rate = Fraction(like.rate) / 100
        if like.includes_tax:
            nets = _spread(whole.net, prices, 1 / (1 + rate), currency)
            parts = [
                Taxed(net, price - net) for net, price in zip(nets, prices, strict=True)
            ]  # fmt: skip
        else:
            taxes = _spread(whole.tax, prices, rate, currency)
            parts = [Taxed(price, tax) for price, tax in zip(prices, taxes, strict=True)]
        for place, part in zip(places, parts, strict=True):
            found[place] = part
    return found


def _spread(
    whole: Decimal, prices: Sequence[Decimal], factor: Fraction, currency: str
) -> list[Decimal]:
    """Split a sum of rounded-once parts over prices of which some may be negative."""
    if all(price >= 0 for price in prices):
        return split(whole, prices, currency)
    if all(price <= 0 for price in prices):
        return [-part for part in split(-whole, [-price for price in prices], currency)]
    # Plus and minus on one invoice: each part is rounded down, what is left goes to the largest
    # remainders.
    places = exponent(currency)
    exact = [Fraction(price) * factor * 10**places for price in prices]
    parts = [value.__floor__() for value in exact]
    left = int(Fraction(whole) * 10**places) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for place in by_remainder[:left]:
        parts[place] += 1
    return [Decimal(part).scaleb(-places) for part in parts]


class RateSum(NamedTuple):
    """What an invoice says of one rate: the net, the tax, and why nothing is taxed."""

    rate: Decimal
    note: str
    net: Decimal
    tax: Decimal


def summary(lines: Sequence[tuple[Decimal, str, Decimal, Decimal]]) -> list[RateSum]:
    """The sums per rate of lines (rate, note, net, tax), the highest rate first."""
    sums: dict[tuple[Decimal, str], tuple[Decimal, Decimal]] = {}
    for rate, note, net, tax in lines:
        before = sums.get((rate, note), (ZERO, ZERO))
        sums[rate, note] = (before[0] + net, before[1] + tax)
    return [
        RateSum(rate, note, *sums[rate, note])
        for rate, note in sorted(sums, key=lambda key: (-key[0], key[1]))
    ]
