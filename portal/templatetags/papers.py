"""Words for what is charged and invoiced: why a line is what it is, and what is taken away."""

from decimal import Decimal

from django import template

from billing import explaining
from billing.models import Charge
from bookings.explaining import Reason
from portal import billed

register = template.Library()


@register.filter
def because(charge: Charge) -> list[Reason]:
    """The lines of how an amount came about: words, and a sum where there is one."""
    return explaining.reasons(charge)


@register.filter
def taken_off(amount: Decimal) -> Decimal:
    """What is taken away, as it is shown in a column of sums."""
    return -amount


@register.filter
def addressed(party: dict[str, str] | None) -> list[str]:
    """The lines of an address as it is printed, without the country."""
    return billed.addressed(party)
