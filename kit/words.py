"""Words made from values: plain text for finding and sorting, dates in sentences."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Sequence

from babel.dates import format_date, format_interval, format_skeleton
from django.db import models
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _


def plain(text: str) -> str:
    """ "Zoë  MÜLLER" → "zoe muller": how names are compared, searched and sorted."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def folded(text: str) -> str:
    """A name as it is compared when only case and spaces do not matter: "Büro" is not "Buro"."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def day(date: dt.date) -> str:
    """A local date in a sentence: "3 Feb 2026", in the reader's language."""
    language = get_language() or "en"
    return format_date(date, "medium", locale="en_GB" if language == "en" else to_locale(language))


def span(first: dt.date, last: dt.date) -> str:
    """Days from one to another, both included: "1 Jun to 30 Jun 2026"."""
    if first == last:
        return day(first)
    language = get_language() or "en"
    locale = "en_GB" if language == "en" else to_locale(language)
    begins = day(first)
    if first.year == last.year:
        begins = format_skeleton("MMMd", first, locale=locale)
    return _("%(first)s to %(last)s") % {"first": begins, "last": day(last)}


def days(first: dt.date, last: dt.date) -> str:
    """Return days from one to another, both included, with the month in full: "7 to 26 June 2026".

    In the form of the reader's language; see also `span`, which is as long for every month.
    """
    language = get_language() or "en"
    locale = "en_GB" if language == "en" else to_locale(language)
    if first == last:
        return format_date(first, "long", locale=locale)
    if language != "en":
        return format_interval(first, last, "yMMMd", locale=locale)
    begins = format_date(first, "long", locale=locale)
    if first.year == last.year:
        begins = begins.removesuffix(f" {first.year}")
        if first.month == last.month:
            begins = str(first.day)
    return f"{begins} to {format_date(last, 'long', locale=locale)}"


def length(minutes: int) -> str:
    """A length of time: 90 → "1 h 30 min", 2880 → "2 days"."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = [ngettext("%d day", "%d days", days) % days] if days else []
    parts += [_("%d h") % hours] if hours else []
    parts += [_("%d min") % rest] if rest or not parts else []
    return " ".join(parts)


class PlainTextField(models.TextField):
    """The plain form of other columns, written whenever the record is.

    `of` is a function of the record. Databases disagree about upper and lower case beyond
    ASCII, so the text is made in Python.
    """

    def __init__(self, *args, of: Callable[[models.Model], str] | None = None, **kwargs):
        self.of = of
        super().__init__(*args, **{"editable": False, "default": "", **kwargs})

    def pre_save(self, model_instance, add):
        if self.of is not None:
            setattr(model_instance, self.attname, plain(self.of(model_instance)))
        return super().pre_save(model_instance, add)


def some(names: Sequence[str], count: int) -> str:
    """Return the first of `count` names, and how many more there are: "Ada, Lin and 3 more"."""
    shown = ", ".join(names)
    if count <= len(names):
        return shown
    more = count - len(names)
    parts = {"names": shown, "more": more}
    return ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more) % parts
