"""Tax: pure functions of prices and rates.

Prices are entered without tax or with it, as the location says. An invoice rounds once per rate;
what that makes is split over its lines, so that they add up to it.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from kit.money import ZERO, round_to, split


class Taxed(NamedTuple):
    """A price as net and tax; `total` is what is paid."""

    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


class Priced(NamedTuple):
    """A price as it was entered, with the tax in it or without, and what decides its tax.

    `contained` is the rate of the tax that is in the price although nothing is taxed: the exempt
    pay the price less that tax.
    """

    price: Decimal
    rate: Decimal
    includes_tax: bool
    category: str = ""
    contained: Decimal = ZERO


def of(priced: Priced, currency: str) -> Taxed:
    """The net and the tax of one price alone.

    Without tax: tax = price × rate, rounded. With tax: net = price ÷ (1 + rate), rounded, and the
    tax is the rest: 100.00 at 20 % are 83.33 and 16.67. For the exempt: 83.33 and 0.
    """
    return _of_sum(priced.price, priced, currency)


def _of_sum(price: Decimal, like: Priced, currency: str) -> Taxed:
    if like.includes_tax:
        net = round_to(Fraction(price) / _one_and(like), currency)
        return Taxed(net, ZERO if like.contained else price - net)
    return Taxed(price, round_to(Fraction(price) * Fraction(like.rate) / 100, currency))


def _one_and(like: Priced) -> Fraction:
    """1 + the rate of the tax that is in the price."""
    return 1 + Fraction(like.contained or like.rate) / 100


def of_lines(lines: Sequence[Priced], currency: str) -> list[Taxed]:
    """The net and the tax of each line of an invoice.

    Per rate the sum of the prices is taxed, rounded once; the result is split over the lines by
    largest remainder. Three times 100.00 with 20 % in it: 250.00 and 50.00 in all, the nets 83.34,
    83.33 and 83.33.
    """
    found: list[Taxed] = [Taxed(ZERO, ZERO)] * len(lines)
    groups: dict[tuple, list[int]] = {}
    for place, line in enumerate(lines):
        key = (line.rate, line.includes_tax, line.category, line.contained)
        groups.setdefault(key, []).append(place)
    for places in groups.values():
        like = lines[places[0]]
        prices = [lines[place].price for place in places]
        whole = _of_sum(sum(prices, ZERO), like, currency)
        if like.includes_tax:
            nets = split(whole.net, prices, currency)
            parts = [
                Taxed(net, ZERO if like.contained else price - net)
                for net, price in zip(nets, prices, strict=True)
            ]
        else:
            taxes = split(whole.tax, prices, currency)
            parts = [Taxed(price, tax) for price, tax in zip(prices, taxes, strict=True)]
        for place, part in zip(places, parts, strict=True):
            found[place] = part
    return found


class TaxSum(NamedTuple):
    """The net and the tax of a line, or of all lines of one rate, category and note."""

    rate: Decimal
    category: str
    note: str
    net: Decimal
    tax: Decimal


def summary(lines: Sequence[TaxSum]) -> list[TaxSum]:
    """The sums of lines per rate, category and note, the highest rate first."""
    sums: dict[tuple[Decimal, str, str], tuple[Decimal, Decimal]] = {}
    for line in lines:
        key = (line.rate, line.category, line.note)
        net, tax = sums.get(key, (ZERO, ZERO))
        sums[key] = (net + line.net, tax + line.tax)
    return [
        TaxSum(*key, *sums[key]) for key in sorted(sums, key=lambda key: (-key[0], key[1], key[2]))
    ]


def read(sums: Sequence[dict[str, str]]) -> list[TaxSum]:
    """Return the sums per rate that are stored with a document."""
    return [
        TaxSum(Decimal(one["rate"]), one["category"], one["note"], Decimal(one["net"]),
               Decimal(one["tax"]))
        for one in sums
    ]  # fmt: skip


def written(sums: Sequence[TaxSum]) -> list[dict[str, str]]:
    """Return sums per rate as they are stored with a document."""
    return [
        {"rate": f"{one.rate:f}", "category": one.category, "note": one.note,
         "net": f"{one.net:f}", "tax": f"{one.tax:f}"}
        for one in sums
    ]  # fmt: skip
