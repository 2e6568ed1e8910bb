"""Words for the portal's templates: where one can go, and what a contract costs and why."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_skeleton
from django import template
from django.db.models import prefetch_related_objects
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from billing.models import Product
from billing.taxing import booking_day, tax_of
from bookings.models import Booking, Resource, ResourceType
from bookings.pots import Pot
from bookings.prices import Quote
from bookings.templatetags.bookings import hours, wall, weekday
from customers.models import Customer
from kit import clock, words
from kit.templatetags.house import _locale, money, percent
from plans.cycles import Cycle
from plans.models import Contract, Plan
from plans.models.terms import SignedTerms
from portal import agreements, navigation
from spaces.models import Location

register = template.Library()
# What is sold at a tax rate of its own, or at its location's.
Taxed = Plan | ResourceType | Product


@register.simple_tag(takes_context=True)
def portal_places(context) -> list[navigation.Item]:
    """The pages of the bar; nothing for whoever has not signed in."""
    request = context.get("request")
    return navigation.items(request) if request is not None else []


@register.simple_tag(takes_context=True)
def acting(context) -> dict[str, Any]:
    """`customer`, whom the login acts for, and `others`, whom it could: see `customers.doors`."""
    request = context.get("request")
    customer = getattr(request, "customer", None)
    customers = getattr(request, "customers", [])
    return {"customer": customer, "others": [one for one in customers if one != customer]}


@register.simple_tag
def tax_words(plan: Taxed, location: Location, customer: Customer) -> str:
    """What tax does to a price, behind an amount: "plus 20 % tax", "including 20 % tax"."""
    rate, how = _tax(plan, location, customer)
    words = {
        "in": _("including %s tax"), "left_out": _("less the %s tax that it contains"),
        "on_top": _("plus %s tax"), "none": "",
    }  # fmt: skip
    return words[how] % percent(rate) if words[how] else ""


@register.simple_tag
def tax_sentence(
    plan: Taxed, location: Location, customer: Customer, booking: Booking | None = None
) -> str:
    """The same beneath several amounts: "20 % tax comes on top."; of a booking, on its day."""
    on = booking_day(booking) if booking is not None else None
    rate, how = _tax(plan, location, customer, on)
    words = {
        "in": _("%s tax is included."), "left_out": _("%s tax is taken off: you are exempt."),
        "on_top": _("%s tax comes on top."), "none": "",
    }  # fmt: skip
    return words[how] % percent(rate) if words[how] else ""


def _tax(
    item: Taxed, location: Location, customer: Customer, on: dt.date | None = None
) -> tuple[Decimal, str]:
    """The rate of a day (today unless said otherwise) in percent, and whether it is "in" the
    prices, "left_out" of them for the exempt, "on_top" or "none"."""
    prefetch_related_objects([location], "tax_rates", "small_business_periods")
    prefetch_related_objects([customer], "exemptions")
    found = tax_of(customer, location, on or location.today(), kind="", item=item)
    if found.contained:
        return found.contained, "left_out"
    if not found.rate:
        return found.rate, "none"
    return found.rate, "in" if location.prices_include_tax else "on_top"


@register.filter
def explained(cycle: Cycle, contract: Contract) -> str:
    """Why a cycle is not paid in full; nothing when it is."""
    return agreements.explained(contract, cycle)


@register.filter
def discounted(cycle: Cycle, contract: Contract):
    """What a cycle costs its customer before tax."""
    return contract.discounted(cycle)


@register.filter
def lines(text: str) -> list[str]:
    """The lines of a text that say something: benefits, one on each."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@register.filter
def country(code: str) -> str:
    """GB → United Kingdom."""
    return Locale.parse(to_locale(get_language() or "en")).territories.get(code, code)


@register.filter
def first_name(customer: Customer) -> str:
    """How a person is greeted: "Ada Lovelace" → Ada."""
    return (customer.full_name.split() or [""])[0]


@register.filter
def minimum_term(terms: SignedTerms) -> str:
    """How long one is bound: 3 cycles of a month are "3 months"."""
    number = terms.minimum_cycles * terms.cycle_length
    if terms.cycle_unit == SignedTerms.Unit.WEEK:
        return ngettext("%d week", "%d weeks", number) % number
    if number % 12 == 0:
        return ngettext("%d year", "%d years", number // 12) % (number // 12)
    return ngettext("%d month", "%d months", number) % number


@register.filter
def earliest_end(contract: Contract, today: dt.date) -> dt.date:
    """The earliest last day of a contract that is cancelled at once, or when it starts."""
    return contract.earliest_last_day(on=max(today, contract.starts_on))


@register.filter
def moment_day(value: dt.datetime, zone: str) -> dt.date:
    """The local date of a moment."""
    return value.astimezone(zoneinfo.ZoneInfo(zone)).date()


@register.filter
def of(values: dict, key: Any) -> Any:
    """The value of a key."""
    return values.get(key, "")


# Bookings


@register.filter
def credit_words(it: Any, currency: str) -> str:
    """How much credit a booking uses, or would use: "1 h of your credit"; nothing without."""
    settled = it.settled if isinstance(it, Quote) else it
    minutes = settled.minutes if isinstance(it, Quote) else it.credit_used
    amount = settled.money if isinstance(it, Quote) else it.credit_amount
    parts = [words.length(minutes)] if minutes else []
    parts += [money(amount, currency)] if amount else []
    return _("%s of credit") % _(" and ").join(parts) if parts else ""


@register.filter
def cost_words(booking: Booking) -> str:
    """What a booking costs in a list: an amount, credit, or both; once it is given up, what was
    kept of it."""
    state = booking.shown_state
    if state == Booking.State.LAPSED:
        return ""
    if state == Booking.State.CANCELLED:
        kept = [one for one in booking.late_fees.all() if one.withdrawn_at is None]
        return ", ".join(_("%s kept") % kept_words(one, booking.currency) for one in kept)
    if not booking.price:
        return _("Free of charge")
    credit = credit_words(booking, booking.currency)
    amount = money(booking.amount, booking.currency)
    if credit and booking.amount:
        return f"{amount}, {credit}"
    return credit or amount


@register.filter
def kept_words(kept: Any, currency: str) -> str:
    """What is kept of a booking: money, credit, or both."""
    parts = [money(kept.amount, currency)] if kept.amount else []
    parts += [credit] if (credit := credit_words(kept, currency)) else []
    return _(" and ").join(parts) or money(kept.amount, currency)


@register.simple_tag
def cancelling(terms: Resource | Booking, start: dt.datetime | None = None) -> str:
    """Until when it is cancelled free of charge, and what is kept later; with a start by date. By
    the terms of a resource, or by those that a booking was made at."""
    parts = {"percent": percent(terms.late_fee)}
    if not terms.late_fee:
        return _("You can cancel free of charge until it begins.")
    if not terms.free_cancellation_hours:
        return _("You can cancel free of charge until it begins.")
    if start is None:
        parts["length"] = words.length(terms.free_cancellation_hours * 60)
        return _("Free until %(length)s before it begins; later %(percent)s are kept.") % parts
    until = start - dt.timedelta(hours=terms.free_cancellation_hours)
    if until < clock.now():
        return _("If you cancel, %(percent)s are kept: it is too late to do so for free.") % parts
    there = wall(until, terms.zone)
    parts["until"] = f"{weekday(there.date())}, {there:%H:%M}"
    return _("Free to cancel until %(until)s; later %(percent)s are kept.") % parts


@register.simple_tag
def nearby(one: Any, start: dt.datetime) -> str:
    """A time near another one: its day is named where it is another."""
    zone = one.resource.zone
    day, asked = wall(one.start, zone).date(), wall(start, zone).date()
    shown = hours(one.start, one.end, zone)
    return shown if day == asked else format_html("{}, {}", weekday(day), shown)


@register.simple_tag
def date_tile(day: dt.date) -> str:
    """A day as a leaf of a calendar: weekday, number, month."""
    return format_html(
        '<time class="tile" datetime="{}"><span>{}</span> <b>{}</b> <span>{}</span></time>',
        day.isoformat(), format_skeleton("E", day, locale=_locale()), day.day,
        format_skeleton("MMM", day, locale=_locale()),
    )  # fmt: skip


@register.filter
def pot_types(pot: Pot) -> str:
    """What booking credit can be used for: "Desks and Meeting rooms"."""
    names = sorted(one.name for one in pot.credit.types.all())
    return _(" and ").join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


@register.filter
def pot_size(pot: Pot) -> str:
    """What there was of it in the cycle, as a number for a progress bar."""
    value = pot.grant.value if pot.grant else pot.credit.value * pot.contract.quantity
    return f"{value:f}"
