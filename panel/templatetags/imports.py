from django import template

from plans.imports.columns import COLUMNS

register = template.Library()


@register.filter
def column_name(column: str) -> str:
    """ "contract_starts_on" → "Contract starts on", as the import's screens say it."""
    return str(COLUMNS.get(column, column.replace("_", " ").capitalize()))
