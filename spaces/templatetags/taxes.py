"""Words for tax in templates."""

from django import template

from spaces.taxes import TaxCategory

register = template.Library()


@register.filter
def tax_category(category: str) -> str:
    """Return the name of a category of tax."""
    return str(TaxCategory(category).label)
