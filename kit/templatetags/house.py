"""Words for templates: icons, badges, avatars, money, dates, and links that keep the address.

Python chooses the meaning (`badge--member`), CSS chooses the colour.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from decimal import Decimal
from zlib import crc32

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, get_timezone
from babel.numbers import format_currency, format_decimal
from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import get_language, pgettext_lazy, to_locale
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from kit import spans
from kit.assets import ICONS, ICONS_FILE

register = template.Library()


def _locale() -> str:
    """The reader's locale for babel. Plain English means the one with the day first."""
    language = get_language() or "en"
    return "en_GB" if language == "en" else to_locale(language)


# Icons, badges, avatars


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> str:
    """`{% icon "users" %}` is decoration; with a label it is a picture that is read aloud.

    Raises `ValueError` for an icon that the house does not have (see `kit.assets.ICONS`).
    """
    if name not in ICONS:
        raise ValueError(f"the house has no icon called {name!r}: add it to kit.assets.ICONS")
    address = f"{static(ICONS_FILE)}#{name}"
    css = f"icon {css}".strip()
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, address
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, address)


BADGES = {
    "member": _l("Member"),
    "contact": _l("Contact"),
    "suspended": _l("Suspended"),
    "company": _l("Company"),
    "individual": _l("Individual"),
    "archived": _l("Archived"),
    "active": _l("Active"),
    "ending": _l("Ending"),
    "scheduled": _l("Scheduled"),
    "frozen": _l("Frozen"),
    "ended": _l("Ended"),
    "called_off": _l("Called off"),
    "create": pgettext_lazy("what an import does with a row", "New"),
    "update": pgettext_lazy("what an import does with a row", "Changed"),
    "same": pgettext_lazy("what an import does with a row", "Same"),
    "error": _l("Error"),
    "waiting": _l("Waiting"),
    "running": _l("Running"),
    "done": _l("Done"),
    "partial": _l("Done with errors"),
    "failed": _l("Failed"),
    "undone": _l("Undone"),
    "tentative": _l("Waits for approval"),
    "confirmed": _l("Booked"),
    "cancelled": _l("Cancelled"),
    "lapsed": _l("Not approved in time"),
    "no_show": _l("Did not come"),
    "free": _l("Free"),
    "in_use": _l("In use"),
    "occupied": _l("Occupied"),
    "closed": _l("Closed"),
    "draft": pgettext_lazy("an invoice that is not issued", "Draft"),
    "open": pgettext_lazy("an invoice that is to be paid", "Open"),
    "part_paid": _l("Part paid"),
    "overdue": _l("Overdue"),
    "paid": _l("Paid"),
    "credited": _l("Credited"),
    "written_off": _l("Written off"),
}
_BADGE_ICONS = {"company": "building-2", "individual": "user-round"}


@register.simple_tag
def badge(value: str, label: str = "", title: str = "") -> str:
    """A state in a word: `{% badge customer.status %}`, `{% badge contract_state %}`.

    Known values have their words in `BADGES`; any other needs a label and is shown plain.
    """
    css = value if value in BADGES else "plain"
    picture = icon(_BADGE_ICONS[value]) if value in _BADGE_ICONS else ""
    hint = format_html(' title="{}"', title) if title else ""
    return format_html(
        '<span class="badge badge--{}"{}>{}{}</span>',
        css,
        hint,
        picture,
        label or BADGES.get(value, value),
    )


@register.filter
def initials(name: str) -> str:
    """ "Ada Lovelace" → "AL", "Lin & Co" → "LC", "Noor" → "N"."""
    words = [word for word in str(name).split() if word[0].isalnum()]
    return "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words)).upper()


@register.simple_tag
def avatar(name: str, type: str = "individual", size: str = "") -> str:
    """Initials on a tone of their own: round for people, square for companies.

    `size` is "", "small" or "large". The name stands beside it, so it is not read aloud.
    """
    css = f"avatar avatar--tone-{crc32(str(name).encode()) % 8 + 1}"
    if type == "company":
        css += " avatar--company"
    if size:
        css += f" avatar--{size}"
    return format_html('<span class="{}" aria-hidden="true">{}</span>', css, initials(name))


TIMELINE_LOOKS = {
    "registered": ("user-plus", ""),
    "became_member": ("badge-check", "good"),
    "became_contact": ("user-round", ""),
    "signed": ("file-check", "good"),
    "cancelled": ("calendar-x", "warn"),
    "cancellation_withdrawn": ("undo-2", ""),
    "called_off": ("file-x", ""),
    "changed_plan": ("repeat", "info"),
    "change_withdrawn": ("undo-2", ""),
    "froze": ("snowflake", "cold"),
    "resumed": ("circle-play", "cold"),
    "suspended": ("ban", "bad"),
    "waits": ("clock", "warn"),
    "let_in": ("shield-check", "good"),
    "reinstated": ("shield-check", "good"),
    "invited": ("mail", ""),
    "got_login": ("key-round", "good"),
    "access_withdrawn": ("lock", "warn"),
    "access_given_back": ("lock-open", "good"),
    "joined_team": ("users-round", ""),
    "left_team": ("user-minus", ""),
    "changed_type": ("user-pen", ""),
    "archived": ("archive", ""),
    "restored": ("archive-restore", ""),
}


@register.filter
def timeline_icon(kind: str) -> str:
    """The icon of a kind of timeline entry; a clock for one without its own."""
    return TIMELINE_LOOKS.get(kind, ("history", ""))[0]


@register.filter
def timeline_tone(kind: str) -> str:
    """good, bad, warn, info, cold or nothing: how loud a kind of timeline entry is."""
    return TIMELINE_LOOKS.get(kind, ("history", ""))[1]


# Money, numbers and dates


@register.filter
def money(amount: Decimal | int | None, currency: str) -> str:
    """`{{ price|money:location.currency }}` → €1,234.50; nothing for None."""
    if amount is None:
        return ""
    return format_currency(amount, currency, locale=_locale())


@register.filter
def number(value: Decimal | int | None) -> str:
    """12345 → 12,345; Decimal("20.0000") → 20."""
    return "" if value is None else format_decimal(value, locale=_locale())


@register.filter
def percent(value: Decimal | int | None) -> str:
    """A rate in percent: Decimal("7.5000") → 7.5 %."""
    return "" if value is None else f"{format_decimal(value, locale=_locale())}\N{NO-BREAK SPACE}%"


def _day(value: dt.date, form: str = "medium") -> str:
    return format_date(value, form, locale=_locale())


def _time(machine: str, words: str) -> str:
    return format_html('<time datetime="{}">{}</time>', machine, words)


@register.filter
def day(value: dt.date | None, form: str = "medium") -> str:
    """A local date: `{{ contract.starts_on|day }}` → 1 Jun 2026; `day:"full"` adds the weekday."""
    return "" if value is None else _time(value.isoformat(), _day(value, form))


@register.filter
def month(value: dt.date | None) -> str:
    """June 2026."""
    return "" if value is None else format_skeleton("yMMMM", value, locale=_locale())


@register.filter
def moment(value: dt.datetime | None, zone: str | zoneinfo.ZoneInfo = "UTC") -> str:
    """A stored moment on the wall of a place: `{{ row.at|moment:location.timezone }}`."""
    if value is None:
        return ""
    there = value.astimezone(zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone)
    words = f"{_day(there.date())}, {format_time(there.time(), 'short', locale=_locale())}"
    full = format_datetime(value, "full", tzinfo=get_timezone(there.tzinfo), locale=_locale())
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, words)


@register.simple_tag
def period(first: dt.date, last: dt.date | None = None) -> str:
    """Two days, both included: 1 Jun to 30 Jun 2026; without a last one: from 1 Jun 2026."""
    if last is None:
        return format_html("{} {}", _("from"), day(first))
    if first == last:
        return day(first)
    short = first.year == last.year
    start = format_skeleton("MMMd", first, locale=_locale()) if short else _day(first)
    return format_html("{} {} {}", _time(first.isoformat(), start), _("to"), day(last))


# Lists


@register.inclusion_tag("shared/column.html", takes_context=True)
def column(context, name: str, label: str, sort: str = "", css: str = "") -> dict:
    """A `<th>` that sorts: `{% column "name" _("Name") sort=sort %}`.

    `sort` is the order now: "name" or "-name". The link turns it around, keeps the filters and
    starts at the first page (`after` and `before` leave the address).
    """
    ascending, descending = sort == name, sort == f"-{name}"
    query = context["request"].GET.copy()
    for key in ("after", "before"):
        query.pop(key, None)
    query["sort"] = f"-{name}" if ascending else name
    return {
        "label": label,
        "css": css,
        "address": f"?{query.urlencode()}",
        "direction": "ascending" if ascending else "descending" if descending else "",
        "arrow": "arrow-up" if ascending else "arrow-down" if descending else "chevrons-up-down",
    }


@register.inclusion_tag("shared/spans.html")
def spans_chart(
    rows: Iterable[spans.Span],
    today: dt.date,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict:
    """Bars over months: `{% spans_chart spans today=today %}`, by default the year around it."""
    usual_first, usual_last = spans.year_around(today)
    drawn = spans.chart(rows, first=first or usual_first, last=last or usual_last, today=today)
    months = [
        (month, format_skeleton("MMM", month.first, locale=_locale())
         if month.first.month > 1 else str(month.first.year))
        for month in drawn.months
    ]  # fmt: skip
    return {"chart": drawn, "months": months}


@register.simple_tag
def currency_sign(currency: str) -> str:
    """EUR → €."""
    return Locale.parse(_locale()).currency_symbols.get(currency, currency)


# Forms


@register.filter
def widget_kind(field) -> str:
    """How field.html lays a field out: checkbox, cards, choices, file or plain."""
    from django import forms

    from kit.widgets import RadioCards

    widget = field.field.widget
    if isinstance(widget, RadioCards):
        return "cards"
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    return "plain"


@register.filter
def error_target(field) -> str:
    """Where a link of the error summary goes: the control, or its first choice."""
    name = field.id_for_label or field.auto_id
    return f"{name}_0" if widget_kind(field) in ("cards", "choices") else name
