"""Quantity, unit of measure and unit price of an invoice line.

Units are codes of UN/ECE Recommendation 20, as EN 16931 asks for them.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import Charge, InvoiceLine
from kit.money import round_to
from kit.templatetags.house import money, number

PIECE, HOUR, DAY, WEEK, MONTH = "C62", "HUR", "DAY", "WEE", "MON"
_OF_CYCLE = {"day": DAY, "week": WEEK, "month": MONTH}
_ONE = Decimal(1)


class Measure(NamedTuple):
    """What a line is for, so that quantity × price is its net exactly; `price` is net.

    `text` names one of it; where the quantity is in the text instead, `quantity` is 1.
    """

    text: str
    quantity: Decimal
    unit: str
    price: Decimal

    @property
    def amount(self) -> str:
        """The quantity with its unit: "2 hours", "1 month", "4"."""
        several = {
            HOUR: ngettext("%s hour", "%s hours", self._plural),
            DAY: ngettext("%s day", "%s days", self._plural),
            WEEK: ngettext("%s week", "%s weeks", self._plural),
            MONTH: ngettext("%s month", "%s months", self._plural),
        }
        return several.get(self.unit, "%s") % number(self.quantity)

    def priced(self, currency: str) -> str:
        """Quantity and unit price: "2 hours × €60.00"."""
        parts = {"amount": self.amount, "price": money(self.price, currency)}
        return _("%(amount)s × %(price)s") % parts

    def repeated_in(self, detail: str, currency: str) -> bool:
        """Whether a line's detail says the same quantity and price: "4 at €2.00"."""
        parts = {"number": self.quantity, "price": money(self.price, currency)}
        return self.unit == PIECE and detail == _("%(number)d at %(price)s") % parts

    @property
    def _plural(self) -> int:
        return 1 if self.quantity == 1 else 2


def measure_of(line: InvoiceLine, net: Decimal, currency: str) -> Measure:
    """Return quantity, unit and unit price of a line, or of the credited part of it, whose net is
    `net`.

    Booked hours, and the months, weeks or days of a full cycle, are counted where the price is by
    them; everything else in pieces. Where quantity × price would not be the net, and for a part of
    a line, it is one piece at the net, with the number of pieces in the text.
    """
    if net != line.net:
        return Measure(line.text, _ONE, PIECE, net)
    prefix = f"{line.quantity} × " if line.quantity > 1 else ""
    bare = line.text.removeprefix(prefix)
    quantity, unit = _counted(line.charge)
    price = round_to(Fraction(net) / Fraction(quantity), currency)
    if price * quantity == net:
        return Measure(bare, quantity, unit, price)
    return Measure(prefix + bare, _ONE, PIECE, net)


def _counted(charge: Charge) -> tuple[Decimal, str]:
    """Return how much of which unit a charge is for."""
    explanation: dict[str, Any] = charge.explanation
    pieces = Decimal(charge.quantity), PIECE
    match explanation.get("kind"):
        case "fee" if charge.quantity == 1 and explanation["days"] == explanation["of_days"]:
            length, unit = explanation.get("every", (1, ""))
            return (Decimal(length), _OF_CYCLE[unit]) if unit else pieces
        case "booking":
            hours = _hours(explanation["booking"])
            return (hours, HOUR) if hours else pieces
    return pieces


def _hours(booking: dict[str, Any]) -> Decimal | None:
    """Return the hours of a booking that is paid by the hour, at one price and without credit."""
    lines = [line for day in booking["days"] for line in day["lines"]]
    by_hour = all(day["by"] not in ("free", "half_day", "day") for day in booking["days"])
    if not by_hour or booking["credit"] or len({Decimal(price) for _m, price in lines}) != 1:
        return None
    minutes = sum(minutes for minutes, _price in lines)
    hours = round(Decimal(minutes) / 60, 2)
    return hours if hours and hours * 60 == minutes else None


def purchase_orders(lines: Iterable[InvoiceLine]) -> list[str]:
    """Return the buyer's purchase orders of lines, each once, in their order."""
    return list(dict.fromkeys(line.purchase_order for line in lines if line.purchase_order))
