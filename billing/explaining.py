"""Why a charge is what it is: stored when it is made, told in sentences, and worked out anew.

An explanation is JSON: amounts and percentages as text, days as ISO dates. `price_of` leads from it
to the price; the tax is read from the charge, whose provisional tax may still change.
"""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import explaining as of_bookings
from bookings.explaining import Reason
from kit import words
from kit.money import round_to
from kit.templatetags.house import money, percent

if TYPE_CHECKING:
    from billing.models.charges import Charge

SOURCES = {
    "plan": lambda: _("the plan's price"),
    "override": lambda: _("the contract's own price"),
    "step": lambda: _("the contract's price from that time on"),
    "product": lambda: _("the price at which it was sold"),
}


def price_of(explanation: dict[str, Any]) -> Decimal:
    """The price that an explanation leads to, rounded once; as entered, with or without tax."""
    currency = explanation["currency"]
    if "left" in explanation:
        return Decimal(explanation["left"])
    match explanation["kind"]:
        case "fee":
            return round_to(_fee(explanation), currency)
        case "adjustment":
            return round_to(_fee(explanation), currency) - Decimal(explanation["so_far"])
        case "sale" | "sign_up_fee":
            exact = Fraction(explanation["piece"]) * explanation["quantity"]
            return round_to(exact * _share(explanation), currency)
        case "deposit":
            return Decimal(explanation["piece"]) - Decimal(explanation["held"])
        case "booking":
            return of_bookings.sums_to(explanation["booking"])
        case "late_fee":
            part = Fraction(explanation["minutes"], explanation["of_minutes"])
            part *= Fraction(explanation["percent"]) / 100
            return round_to(Fraction(explanation["of"]) * part, currency)
    return Decimal(explanation["amount"])


def _share(explanation: dict[str, Any]) -> Fraction:
    return 1 - Fraction(explanation["discount"]) / 100


def _fee(explanation: dict[str, Any]) -> Fraction:
    exact = Fraction(explanation["piece"]) * explanation["quantity"]
    return exact * explanation["days"] / explanation["of_days"] * _share(explanation)


def reasons(charge: "Charge") -> list[Reason]:
    """The lines of how a charge came about, in the order of the rule: price, days, discount,
    credit, tax."""
    explanation = charge.explanation
    found = [*_reasons(explanation), *_of_credits(explanation), *_of_tax(charge)]
    return [reason for reason in found if reason.words]


def _reasons(explanation: dict[str, Any]) -> list[Reason]:
    currency = explanation["currency"]
    match explanation["kind"]:
        case "fee" | "adjustment":
            return _of_fee(explanation, currency)
        case "sale" | "sign_up_fee":
            return _of_pieces(explanation, currency)
        case "deposit":
            return _of_deposit(explanation, currency)
        case "booking":
            return of_bookings.reasons(explanation["booking"])
        case "late_fee":
            return [_of_late_fee(explanation, currency)]
    return [Reason(_("Entered by the staff"), Decimal(explanation["amount"]))]


def _of_fee(explanation: dict[str, Any], currency: str) -> list[Reason]:
    piece, quantity = Decimal(explanation["piece"]), explanation["quantity"]
    first, last = _days(explanation)
    found = [
        Reason(
            _("%(price)s for the whole cycle: %(source)s")
            % {"price": money(piece, currency), "source": SOURCES[explanation["source"]]()}
        )
    ]
    if quantity != 1:
        found.append(Reason(_("%d times") % quantity))
    found.append(
        Reason(
            _("%(days)s: %(paid)d of %(of)d days are paid")
            % {"days": words.span(first, last), "paid": explanation["days"],
               "of": explanation["of_days"]},
        )
    )  # fmt: skip
    if explanation.get("frozen"):
        number = explanation["frozen"]
        found.append(Reason(ngettext("%d day is frozen", "%d days are frozen", number) % number))
    before = round_to(_fee(explanation | {"discount": "0"}), currency)
    after = round_to(_fee(explanation), currency)
    found.append(Reason(_("Fee of the cycle"), before))
    found += _of_discount(explanation, before - after)
    if explanation["kind"] == "adjustment":
        found.append(Reason(_("Charged before"), -Decimal(explanation["so_far"])))
    return found


def _of_credits(explanation: dict[str, Any]) -> list[Reason]:
    """What was credited of the charge before another invoice asked for the rest."""
    if "left" not in explanation:
        return []
    whole = {key: value for key, value in explanation.items() if key != "left"}
    return [Reason(_("Credited before"), Decimal(explanation["left"]) - price_of(whole))]


def _of_discount(explanation: dict[str, Any], off: Decimal) -> list[Reason]:
    if not Decimal(explanation["discount"]):
        return []
    text = _("Discount of %s") % percent(Decimal(explanation["discount"]))
    if team := explanation.get("team"):
        text = _("%(discount)s for the team %(team)s") % {"discount": text, "team": team}
    return [Reason(text, -off)]


def _of_pieces(explanation: dict[str, Any], currency: str) -> list[Reason]:
    piece, quantity = Decimal(explanation["piece"]), explanation["quantity"]
    whole = piece * quantity
    text = _("Sign-up fee of the plan")
    if explanation["kind"] == "sale":
        text = _("%(number)d at %(price)s") % {"number": quantity, "price": money(piece, currency)}
    return [
        Reason(text, whole), *_of_discount(explanation, whole - price_of(explanation)),
    ]  # fmt: skip


def _of_deposit(explanation: dict[str, Any], currency: str) -> list[Reason]:
    found = [Reason(_("Deposit of the plan, given back at the end"), Decimal(explanation["piece"]))]
    if held := Decimal(explanation["held"]):
        found.append(Reason(_("Deposit of the plan before"), -held))
    return found


def _of_late_fee(explanation: dict[str, Any], currency: str) -> Reason:
    parts = {
        "percent": percent(Decimal(explanation["percent"])),
        "price": money(Decimal(explanation["of"]), currency),
        "given_up": words.length(explanation["minutes"]),
        "of": words.length(explanation["of_minutes"]),
    }
    text = _("%(percent)s of %(price)s, given up too late")
    if explanation["minutes"] != explanation["of_minutes"]:
        text = _("%(percent)s of %(price)s, for %(given_up)s of %(of)s given up too late")
    return Reason(text % parts, price_of(explanation))


def _of_tax(charge: "Charge") -> list[Reason]:
    """What the tax is by now: provisional until the charge is invoiced."""
    currency, contained = charge.explanation["currency"], charge.contained_rate
    if charge.tax_source == "deposit":
        return [Reason(_("No tax: a deposit is not revenue"))]
    if charge.tax_note and not charge.tax_rate:
        text = _("No tax: %s") % charge.tax_note
        if not contained:
            return [Reason(text)]
        left_out = _("%s tax that the price contains is left out") % percent(contained)
        return [Reason(text), Reason(left_out, charge.amount - charge.price)]
    if not charge.tax_rate:
        return []
    rate = percent(charge.tax_rate)
    text = _("%s tax")
    if charge.tax_source == "location":
        text = _("%s tax: the location's rate")
    if charge.includes_tax:
        text = _("%s tax is in the price") % rate
        parts = {"tax": text, "amount": money(charge.tax, currency)}
        return [Reason(_("%(tax)s: %(amount)s") % parts)]
    return [Reason(text % rate, charge.tax)]


def _days(explanation: dict[str, Any]) -> tuple[dt.date, dt.date]:
    first = dt.date.fromisoformat(explanation["starts_on"])
    return first, dt.date.fromisoformat(explanation["ends_on"]) - dt.timedelta(days=1)


def in_short(explanation: dict[str, Any]) -> str:
    """One line of an explanation, under an invoice line: "11 of 30 days at €300.00"."""
    currency = explanation["currency"]
    match explanation["kind"]:
        case "fee" | "adjustment":
            parts = []
            if explanation["days"] != explanation["of_days"]:
                parts.append(
                    _("%(days)d of %(of)d days")
                    % {"days": explanation["days"], "of": explanation["of_days"]}
                )
            parts.append(_at(explanation, currency))
            if explanation["kind"] == "adjustment":
                so_far = money(Decimal(explanation["so_far"]), currency)
                parts.append(_("charged before: %s") % so_far)
            return ", ".join(part for part in parts if part)
        case "sale":
            return _at(explanation, currency) if explanation["quantity"] > 1 else _off(explanation)
        case "sign_up_fee":
            return _off(explanation)
        case "booking" | "late_fee":
            return "; ".join(reason.words for reason in _reasons(explanation))
    return ""


def _at(explanation: dict[str, Any], currency: str) -> str:
    price = money(Decimal(explanation["piece"]), currency)
    text = _("%(number)d at %(price)s") if explanation["quantity"] > 1 else _("at %(price)s")
    parts = [text % {"number": explanation["quantity"], "price": price}, _off(explanation)]
    whole = explanation.get("days") == explanation.get("of_days")
    if whole and explanation["quantity"] == 1 and explanation["kind"] == "fee":
        parts = parts[1:]
    return ", ".join(part for part in parts if part)


def _off(explanation: dict[str, Any]) -> str:
    discount = Decimal(explanation["discount"])
    return _("less %s") % percent(discount) if discount else ""
