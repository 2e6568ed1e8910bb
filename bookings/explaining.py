"""Why a booking costs what it costs, in sentences, from what was stored when it was priced."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from kit import words
from kit.money import round_to
from kit.templatetags.house import money, percent


class Reason(NamedTuple):
    """A line of an explanation: what, and the sum that it adds or takes away (None: only said)."""

    words: str
    sum: Decimal | None = None


def reasons(explanation: dict[str, Any]) -> list[Reason]:
    """The lines, in the order in which the rule goes: days, discount, credit."""
    if not explanation:
        return []
    currency = explanation["currency"]
    several = len(explanation["days"]) > 1
    found = [_of_day(day, currency, several) for day in explanation["days"]]
    price, discount = Decimal(explanation["price"]), Decimal(explanation["discount"])
    if discount and price:
        off = price - round_to(Fraction(price) * (1 - Fraction(discount) / 100), currency)
        found.append(Reason(_("Discount of %s") % percent(discount), -off))
    found += [Reason(_of_credit(credit, currency)) for credit in explanation["credit"]]
    return found


def _of_day(day: dict[str, Any], currency: str, several: bool) -> Reason:
    amount = round_to(Fraction(day["amount"]), currency)
    on = _("%s: ") % words.day(dt.date.fromisoformat(day["on"])) if several else ""
    match day["by"]:
        case "free":
            return Reason(on + _("Free of charge: there is no rate"), amount)
        case "half_day":
            return Reason(on + _("Half-day rate") + _instead(day, currency), amount)
        case "day":
            return Reason(on + _("Day rate") + _instead(day, currency), amount)
    parts = [
        _("%(length)s at %(price)s an hour")
        % {"length": words.length(minutes), "price": money(Decimal(price), currency)}
        for minutes, price in day["lines"]
    ]
    return Reason(on + _(" and ").join(parts or [words.length(day["minutes"])]), amount)


def _instead(day: dict[str, Any], currency: str) -> str:
    if day["by_hours"] is None:
        return ""
    by_hours = round_to(Fraction(day["by_hours"]), currency)
    return _(", as by the hour it would be %s") % money(by_hours, currency)


def _of_credit(credit: dict[str, Any], currency: str) -> str:
    value = Decimal(credit["value"])
    what = words.length(int(value)) if credit["unit"] == "minutes" else money(value, currency)
    parts = {
        "what": what,
        "plan": credit["plan"],
        "first": words.day(dt.date.fromisoformat(credit["starts_on"])),
        "last": words.day(dt.date.fromisoformat(credit["last_day"])),
    }
    if credit["shared"]:
        return _("%(what)s of the team's booking credit: %(plan)s, %(first)s to %(last)s") % parts
    return _("%(what)s of booking credit: %(plan)s, %(first)s to %(last)s") % parts


def sums_to(explanation: dict[str, Any]) -> Decimal:
    """The amount that the stored reasons lead to, worked out anew; for `check_integrity`."""
    price, discount = Decimal(explanation["price"]), Decimal(explanation["discount"])
    net = Fraction(price) * (1 - Fraction(discount) / 100)
    left = Fraction(1) if net and explanation["billed_minutes"] else Fraction(0)
    currency = explanation["currency"]
    for credit in explanation["credit"]:
        value = Decimal(credit["value"])
        if credit["unit"] == "minutes":
            left = max(Fraction(0), left - Fraction(value) / explanation["billed_minutes"])
        else:
            covered = value == round_to(net * left, currency)
            left = Fraction(0) if covered else left - Fraction(value) / net
    return round_to(net * left, currency)
