"""Words for tax in templates."""

import datetime as dt
from decimal import Decimal

from django import template

from spaces.taxes import HasTaxRates, TaxCategory

register = template.Library()


@register.filter
def tax_category(category: str) -> str:
    """Return the name of a category of tax."""
    return str(TaxCategory(category).label)


@register.simple_tag
def dated_rates(item: HasTaxRates) -> list[tuple[dt.date | None, Decimal | None]]:
    """Return today's rate (from None) and those to come (from, rate); None: the location's."""
    today = item.today()
    later = [row for row in item.tax_rates.all() if row.from_on and row.from_on > today]
    return [(None, item.tax_rate), *((row.from_on, row.rate) for row in later)]
