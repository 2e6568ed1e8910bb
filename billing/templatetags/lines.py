"""Lines of invoices and credit notes: quantity, unit price and purchase order, and of whom they are
from and to."""

from typing import NamedTuple

from django import template

from billing.documents import registered_lines
from billing.einvoice import Row, line_of
from billing.measures import measure_of

register = template.Library()


class Printed(NamedTuple):
    """What a line says: its text, what is said of it in small, "2 hours × €60.00", its purchase
    order."""

    text: str
    detail: str
    priced: str
    purchase_order: str


@register.simple_tag
def printed(row: Row, currency: str) -> Printed:
    """Return what an invoice's or a credit note's line says, as the PDF does."""
    line = line_of(row)
    measure = measure_of(line, row.net, currency)
    detail = "" if measure.repeated_in(row.detail, currency) else row.detail
    return Printed(measure.text, detail, measure.priced(currency), line.purchase_order)


@register.filter
def registered(party: dict[str, str]) -> list[str]:
    """Return the lines with a party's VAT id, tax number and register entry, as the PDF does."""
    return registered_lines(party)
