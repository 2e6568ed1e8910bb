"""VAT identification numbers (VAT ids): whether one is well-formed, checked offline.

Length, letters and check digits are those of python-stdnum. Whether the number is registered is
not asked.
"""

import re
import unicodedata
from typing import Any

from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

# Greece has a prefix of its own in VAT ids.
_PREFIXES = {"GR": "EL"}
_PREFIX = re.compile(r"[A-Z]{2}")
# The one-stop shop of the European Union gives numbers that are no VAT ids.
_NO_PREFIXES = frozenset({"EU", "IM"})


def vat_id(text: str, country: str = "") -> str:
    """Return the compact form of a VAT id with its prefix ("DE136695976"), "" where it is none.

    The prefix is the country's two letters, EL for Greece and XI for Northern Ireland. A number
    without one is read as one of `country` (two letters). Spaces, dots, slashes and hyphens do not
    matter. A number of a country whose VAT ids are not known is none.
    """
    plain = re.sub(r"[\s./\-‐-―]", "", unicodedata.normalize("NFKC", text)).upper()
    if not (plain.isascii() and plain.isalnum()):
        return ""
    if _PREFIX.match(plain) and (found := _checked(plain[:2], plain)):
        return found
    country = country.strip().upper()
    return _checked(country, plain) if _PREFIX.fullmatch(country) else ""


def _checked(prefix: str, number: str) -> str:
    """Return a number of a country in its compact form, "" where it is none of its numbers."""
    prefix = _PREFIXES.get(prefix, prefix)
    if prefix in _NO_PREFIXES:
        return ""
    bare = number.removeprefix(prefix)
    if prefix == "EL":
        bare = bare.removeprefix("GR")
    if prefix == "EL" or prefix.lower() in vat.MEMBER_STATES:
        return _valid(vat, prefix + bare)
    checks: list[Any] = [get_cc_module(prefix, "vat")]
    if prefix == "CH":
        # A Swiss number is also written without MWST, TVA or IVA.
        checks.append(get_cc_module(prefix, "uid"))
    for check in filter(None, checks):
        for text in (number, bare):
            if found := _valid(check, text):
                return found if found.startswith(prefix) else prefix + found
    return ""


def _valid(check: Any, number: str) -> str:
    try:
        return str(check.validate(number))
    except ValidationError:
        return ""
