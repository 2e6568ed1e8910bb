"""Form widgets that the browser's own controls leave wanting. Their looks are in static/css."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from kit import money


class RadioCards(forms.RadioSelect):
    """One of a few as cards, each with a sentence and an icon, and none chosen beforehand.

    `helps` and `icons` map a choice's value to its sentence and to an icon of the house.
    """

    template_name = "shared/widgets/radio_cards.html"

    def __init__(
        self,
        attrs=None,
        choices=(),
        *,
        helps: Mapping[str, Any] | None = None,
        icons: Mapping[str, str] | None = None,
    ):
        super().__init__(attrs, choices)
        self.helps = dict(helps or {})
        self.icons = dict(icons or {})

    def create_option(self, name, value, *args, **kwargs):
        option = super().create_option(name, value, *args, **kwargs)
        option["help"] = self.helps.get(str(value), "")
        option["icon"] = self.icons.get(str(value), "")
        return option


class Affixed(forms.TextInput):
    """A text box with a unit in front of it (`before`) or behind it (`after`)."""

    template_name = "shared/widgets/affixed.html"

    def __init__(self, attrs=None, *, before: Any = "", after: Any = ""):
        super().__init__(attrs)
        self.before = before
        self.after = after

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["widget"] |= {"before": self.before, "after": self.after}
        return context


class MoneyInput(Affixed):
    """An amount with its currency in front: digits only, shown with the currency's decimals."""

    def __init__(self, attrs=None, *, currency: str):
        super().__init__({"inputmode": "decimal", "autocomplete": "off"} | (attrs or {}))
        self.currency = currency
        self.before = currency

    def value_from_datadict(self, data, files, name):
        """ "12,50" is what half of the world types for 12.50."""
        value = super().value_from_datadict(data, files, name)
        if isinstance(value, str) and value.count(",") == 1 and "." not in value:
            value = value.replace(",", ".")
        return value

    def format_value(self, value):
        if isinstance(value, Decimal):
            shown = money.round_to(value, self.currency)
            return f"{shown if shown == value else value:f}"
        return super().format_value(value)


class DateInput(forms.DateInput):
    """The browser's date picker, which wants and sends 2026-11-30."""

    input_type = "date"

    def __init__(self, attrs=None):
        super().__init__(attrs, format="%Y-%m-%d")
