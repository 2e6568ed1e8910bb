"""Headers to columns, cells to values."""

import datetime as dt
import re
from functools import lru_cache
from typing import Any

from babel import Locale
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models import Customer, Team
from kit import words
from kit.emails import canonical

IGNORED, CUSTOM = "", "custom"

COLUMNS = {
    "type": gettext_lazy("Type"),
    "full_name": gettext_lazy("Full name"),
    "company_name": gettext_lazy("Company name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "address": gettext_lazy("Address"),
    "city": gettext_lazy("City"),
    "postal_code": gettext_lazy("Postal code"),
    "country": gettext_lazy("Country"),
    "tax_number": gettext_lazy("Tax number"),
    "plan": gettext_lazy("Plan"),
    "contract_starts_on": gettext_lazy("Contract starts on"),
    "contract_ends_on": gettext_lazy("Contract ends on"),
    "registered_on": gettext_lazy("Registered on"),
    "team": gettext_lazy("Team"),
    "notes": gettext_lazy("Notes"),
    "external_id": gettext_lazy("External id"),
    "location": gettext_lazy("Location"),
    "active": gettext_lazy("Active"),
}

# What other systems call them, without case, spaces and signs. Nexudus comes first.
OTHER_NAMES = {
    "fullname": "full_name",
    "registrationdate": "registered_on",
    "contractstartdate": "contract_starts_on",
    "contractenddate": "contract_ends_on",
    "companyname": "company_name",
    "mobilephone": "phone",
    "postcode": "postal_code",
    "cityname": "city",
    "taxidnumber": "tax_number",
    "teamname": "team",
    "name": "full_name",
    "contactname": "full_name",
    "company": "company_name",
    "emailaddress": "email",
    "mail": "email",
    "phonenumber": "phone",
    "telephone": "phone",
    "mobile": "phone",
    "street": "address",
    "zip": "postal_code",
    "zipcode": "postal_code",
    "town": "city",
    "vat": "tax_number",
    "vatnumber": "tax_number",
    "vatid": "tax_number",
    "taxid": "tax_number",
    "planname": "plan",
    "membership": "plan",
    "contractstart": "contract_starts_on",
    "startdate": "contract_starts_on",
    "contractend": "contract_ends_on",
    "enddate": "contract_ends_on",
    "registered": "registered_on",
    "membersince": "registered_on",
    "note": "notes",
    "comments": "notes",
    "id": "external_id",
    "memberid": "external_id",
    "customerid": "external_id",
}
DATES = {
    "iso": gettext_lazy("2026-11-30"),
    "day-first": gettext_lazy("30/11/2026 (day first)"),
    "month-first": gettext_lazy("11/30/2026 (month first)"),
}
DATE_COLUMNS = ("contract_starts_on", "contract_ends_on", "registered_on")
YES, NO = ("yes", "y", "true", "1", "active"), ("no", "n", "false", "0", "inactive")


def bare(header: str) -> str:
    return re.sub(r"[\W_]+", "", words.plain(header))


def guess(headers: list[str]) -> dict[str, str]:
    """Which column each header means, as far as its name says: header → column or IGNORED.

    A header that bears a column's own name gets it, then the first that means it.
    """
    exact = {header: bare(header) for header in headers}
    ours = {bare(name): name for name in COLUMNS}
    mapping = {header: ours.get(name, IGNORED) for header, name in exact.items()}
    for header, name in exact.items():
        column = mapping[header] or OTHER_NAMES.get(name, IGNORED)
        others = [meaning for other, meaning in mapping.items() if other != header]
        mapping[header] = IGNORED if column in others else column
    return mapping


def valid_mapping(headers: list[str], mapping: dict[str, str]) -> dict[str, str]:
    """The complete mapping of a file; raises `ValidationError` for what cannot be.

    Values are columns, "custom" or "" (ignored); headers are compared without case.
    """
    by_name = {header.casefold(): header for header in headers}
    complete = dict.fromkeys(headers, IGNORED)
    for theirs, ours in mapping.items():
        header = by_name.get(theirs.casefold())
        if header is None:
            raise ValidationError(_("The file has no column “%s”.") % theirs)
        if ours not in (*COLUMNS, CUSTOM, IGNORED):
            raise ValidationError(_("“%s” is no column of ours.") % ours)
        complete[header] = ours
    used = [column for column in complete.values() if column not in (CUSTOM, IGNORED)]
    for column in used:
        if used.count(column) > 1:
            raise ValidationError(
                _("Two columns of the file are mapped to “%s”.") % COLUMNS[column]
            )
    for column in ("full_name", "email"):
        if column not in used:
            raise ValidationError(
                _("No column is mapped to “%s”, which every row needs.") % COLUMNS[column]
            )
    return complete


def value(column: str, text: str, *, dates: str) -> Any:
    """What a non-empty cell says; raises `ValidationError` in words for what it cannot mean."""
    if column in DATE_COLUMNS:
        return _date(text, dates)
    if column == "type":
        found = text.casefold()
        if found not in Customer.Type.values:
            raise ValidationError(_("The type is either individual or company."))
        return found
    if column == "email":
        return canonical(text)
    if column == "active":
        found = text.casefold()
        if found not in YES + NO:
            raise ValidationError(_("Say yes or no."))
        return found in YES
    if column == "country":
        return _country(text)
    most = _longest(column)
    if most and len(text) > most:
        raise ValidationError(_("Longer than %d characters.") % most)
    return text


def _longest(column: str) -> int | None:
    if column == "team":
        return Team._meta.get_field("name").max_length
    if column in ("plan", "location"):
        return None
    return Customer._meta.get_field(column).max_length


_FORMS = {
    "iso": (r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})", "2026-11-30"),
    "day-first": (r"(?P<d>[0-9]{1,2})[./-](?P<m>[0-9]{1,2})[./-](?P<y>[0-9]{4})", "30/11/2026"),
    "month-first": (r"(?P<m>[0-9]{1,2})[./-](?P<d>[0-9]{1,2})[./-](?P<y>[0-9]{4})", "11/30/2026"),
}
_TIME = r"(?:[T ]+\d{1,2}:\d{2}.*)?"


def _date(text: str, form: str) -> dt.date:
    """A date in the chosen form; 2026-11-30 is always understood, a time after it is ignored."""
    for pattern in dict.fromkeys((_FORMS[form][0], _FORMS["iso"][0])):
        if found := re.fullmatch(pattern + _TIME, text):
            try:
                date = dt.date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                raise ValidationError(_("There is no such day.")) from None
            if not 1900 <= date.year <= 2199:
                raise ValidationError(_("This date is too far away."))
            return date
    raise ValidationError(_("This is not a date such as %s.") % _FORMS[form][1])


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    territories = {str(code): str(name) for code, name in Locale("en").territories.items()}
    codes = {code for code in territories if len(code) == 2 and code.isalpha()}
    return {words.plain(territories[code]): code for code in codes} | {
        code.lower(): code for code in codes
    }


def _country(text: str) -> str:
    found = _countries().get(words.plain(text))
    if not found:
        raise ValidationError(_("Use the two letters of the country, such as GB."))
    return found
