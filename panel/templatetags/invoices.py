"""Words for invoices: how far they are paid, why a line is what it is, and what is behind it."""

from decimal import Decimal

from django import template
from django.urls import NoReverseMatch, reverse

from billing import explaining
from billing.models import Charge, Invoice
from bookings.explaining import Reason
from kit.templatetags.house import badge

register = template.Library()


@register.simple_tag
def settled(invoice: Invoice) -> str:
    """The badge of how far an invoice is paid, as of its location's today."""
    return badge(invoice.settlement)


@register.filter
def days_late(invoice: Invoice) -> int:
    """For how many days it is overdue; 0 while it is not."""
    if not invoice.due or invoice.due_on is None:
        return 0
    return max((invoice.location.today() - invoice.due_on).days, 0)


@register.filter
def explained(charge: Charge) -> list[Reason]:
    """The lines of why a charge is what it is."""
    return explaining.reasons(charge)


@register.filter
def decimal(text: str) -> Decimal:
    """An amount that is stored as text: in the sums of a tax rate."""
    return Decimal(text)


@register.filter
def behind(charge: Charge) -> list[tuple[str, str, str]]:
    """What a charge is for: (icon, words, address), the address "" where there is no page."""
    found = []
    if charge.contract is not None:
        found.append(("file-text", str(charge.contract), _page("contract", charge.contract_id)))
    if charge.booking is not None:
        name = charge.booking.resource.name
        found.append(("calendar-check", name, _page("booking", charge.booking_id)))
    if charge.subscription is not None:
        words = str(charge.subscription)
        found.append(("repeat", words, _page("subscription", charge.subscription_id)))
    elif charge.product is not None:
        words = str(charge.product)
        found.append(("shopping-bag", words, _page("product", charge.product_id)))
    return found


def _page(name: str, key: int | None) -> str:
    try:
        return reverse(f"panel:{name}", args=[key])
    except NoReverseMatch:
        return ""


@register.filter
def addressed(party: dict[str, str] | None) -> list[str]:
    """The lines of an address as it is printed, without the country."""
    if not party:
        return []
    place = f"{party['postal_code']} {party['city']}".strip()
    return [line for line in (party.get("person", ""), party["address"], place) if line]


@register.filter
def negative(amount: Decimal) -> Decimal:
    """What is taken away, as it is shown in a column of sums."""
    return -amount
