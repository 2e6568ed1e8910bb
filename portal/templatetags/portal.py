"""Words for the portal's templates: where one can go, and what a contract costs and why."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

from babel import Locale
from django import template
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from customers.models import Customer
from kit.templatetags.house import percent
from plans.cycles import Cycle
from plans.models import Contract, Plan
from plans.models.terms import SignedTerms
from portal import agreements, navigation
from spaces.models import Location

register = template.Library()


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
def tax_words(plan: Plan, location: Location, customer: Customer) -> str:
    """What tax does to a price, behind an amount: "plus 20 % tax", "including 20 % tax"."""
    rate, how = _tax(plan, location, customer)
    words = {"in": _("including %s tax"), "on_top": _("plus %s tax"), "none": ""}
    return words[how] % percent(rate) if words[how] else ""


@register.simple_tag
def tax_sentence(plan: Plan, location: Location, customer: Customer) -> str:
    """The same beneath several amounts: "20 % tax comes on top."."""
    rate, how = _tax(plan, location, customer)
    words = {"in": _("%s tax is included."), "on_top": _("%s tax comes on top."), "none": ""}
    return words[how] % percent(rate) if words[how] else ""


def _tax(plan: Plan, location: Location, customer: Customer) -> tuple[Decimal, str]:
    """The rate in percent, and whether it is "in" the prices, "on_top" or "none"."""
    rate = location.tax_rate if plan.tax_rate is None else plan.tax_rate
    if not rate:
        return rate, "none"
    if location.prices_include_tax:
        return rate, "in"
    return rate, "none" if customer.tax_exempt else "on_top"


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
