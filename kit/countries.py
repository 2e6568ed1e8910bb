"""The countries of the world, in the reader's language."""

from typing import Any

from babel import Locale
from django import forms
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

# Codes of unions and of tests, which no address is in.
NOT_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


def countries() -> dict[str, str]:
    """Every country's name by its code, by name."""
    names = Locale.parse(to_locale(get_language() or "en")).territories
    found = [
        (code, name)
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES
    ]
    return dict(sorted(found, key=lambda pair: pair[1]))


def country_field(stored: str = "", **kwargs: Any) -> forms.ChoiceField:
    """A country to choose, or none. What is stored stays to be chosen, whatever it is: an import
    takes any two letters, and editing must not lose them."""
    choices = {"": "", **countries()}
    choices.setdefault(stored, stored)
    return forms.ChoiceField(
        label=_("Country"), choices=list(choices.items()), required=False, **kwargs
    )
