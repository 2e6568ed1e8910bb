"""Words for resources: what they cost, who may book them, when, and what a cancellation keeps."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import CheckIn, Closure, PlanCredit, Rate, Resource, ResourceType
from kit import clock, words
from kit.once import new_key
from kit.templatetags.house import badge, money, number, percent, period
from panel import weeks
from panel.occupancy import Now

register = template.Library()

KIND_ICONS = {
    "meeting_room": "presentation",
    "desk": "lamp-desk",
    "phone_booth": "phone",
    "event_space": "projector",
    "other": "door-open",
}


@register.filter
def kind_icon(type: ResourceType) -> str:
    """The icon of what kind of thing a resource is."""
    return KIND_ICONS.get(type.kind, "door-open")


@register.simple_tag
def now_badge(now: Now) -> str:
    """What a resource is doing: free, in use, occupied, closed."""
    return badge(now.state)


@register.filter
def who_may_book(resource: Resource) -> str:
    """In words; its plans and teams are at hand."""
    match resource.who_may_book:
        case Resource.Audience.PLANS:
            names = [plan.name for plan in resource.plans.all()]
            return _("With the plan %s") % _or(names) if names else _("Nobody: no plan is chosen")
        case Resource.Audience.TEAMS:
            names = [team.name for team in resource.teams.all()]
            return _("The team %s") % _or(names) if names else _("Nobody: no team is chosen")
    return str(resource.get_who_may_book_display())


def _or(names: list[str]) -> str:
    *first, last = names
    return _("%(names)s or %(name)s") % {"names": ", ".join(first), "name": last} if first else last


@register.simple_tag
def price_words(rates: Iterable[Rate], currency: str) -> str:
    """The prices of a resource in a line: "€60.00 an hour, €300.00 a day". Where not everybody
    pays the same, the lowest: "from €40.00 an hour"."""
    parts = []
    found = list(rates)
    for per in Rate.Per:
        prices = {rate.price for rate in found if rate.per == per}
        if not prices:
            continue
        sum_ = money(min(prices), currency)
        parts.append(
            (_("from %(price)s %(per)s") if len(prices) > 1 else "%(price)s %(per)s")
            % {"price": sum_, "per": per.label}
        )
    return ", ".join(parts) if parts else _("Free of charge")


@register.filter
def rate_for(rate: Rate) -> str:
    """For whom a rate is; its plans are at hand."""
    if rate.audience == Rate.Audience.PLANS:
        return _("With the plan %s") % _or([plan.name for plan in rate.plans.all()] or ["–"])
    return str(rate.get_audience_display())


@register.filter
def rate_when(rate: Rate) -> str:
    """On which days and at what times a rate holds."""
    days = weeks.days(int(digit) for digit in rate.weekdays) if rate.weekdays else _("Every day")
    if rate.from_time is None and rate.until_time is None:
        return days
    return f"{days}, {weeks.times(rate.from_time, rate.until_time)}"


@register.filter
def closure_days(closure: Closure) -> str:
    """When it is closed: days, maybe with times; what comes every year has no year to speak of."""
    days = period(closure.first_on, closure.last_on)
    if closure.from_time is None and closure.until_time is None:
        return days
    return format_html("{}, {}", days, weeks.times(closure.from_time, closure.until_time))


@register.filter
def ahead(resource: Resource) -> str:
    """How early and how late it can be booked."""
    if resource.earliest_days is None:
        early = _("any time ahead")
    elif not resource.earliest_days:
        early = _("on the same day only")
    else:
        early = ngettext("up to %d day ahead", "up to %d days ahead", resource.earliest_days)
        early %= resource.earliest_days
    if not resource.lead_minutes:
        return _("%s, until it begins") % early
    late = words.length(resource.lead_minutes)
    return _("%(early)s, at the latest %(late)s before") % {"early": early, "late": late}


@register.filter
def cancelling(resource: Resource) -> str:
    """What giving a booking up costs."""
    if not resource.late_fee:
        return _("Free of charge at any time")
    kept = percent(resource.late_fee)
    if not resource.free_cancellation_hours:
        return _("Free of charge until it begins; then %s of the price is kept") % kept
    until = words.length(resource.free_cancellation_hours * 60)
    return _("Free of charge until %(until)s before; later %(kept)s of the price is kept") % {
        "until": until, "kept": kept
    }  # fmt: skip


@register.simple_tag
def credit_words(credit: PlanCredit, currency: str) -> str:
    """What a plan includes per cycle: "5 hours", "€40.00"."""
    if credit.hours is None:
        return money(credit.amount, currency)
    hours = number(credit.hours.normalize())
    return ngettext("%s hour", "%s hours", int(credit.hours) if credit.hours == 1 else 2) % hours


@register.filter
def since(check_in: CheckIn) -> str:
    """Since when somebody is in: "09:12", with the day where it was another one."""
    zone = check_in.location.timezone
    there = check_in.at.astimezone(clock.zone(zone))
    time = f"{there:%H:%M}"
    if there.date() == check_in.location.today():
        return time
    return f"{words.day(there.date())}, {time}"


@register.filter
def minutes(value: int) -> str:
    """90 → "1 h 30 min"."""
    return words.length(value)


@register.filter
def lengths(resource: Resource) -> str:
    """How long a booking may be."""
    least, most = resource.minimum_minutes, resource.maximum_minutes
    if least and most:
        parts = {"least": words.length(least), "most": words.length(most)}
        return _("%(least)s to %(most)s") % parts
    if least:
        return _("%s or longer") % words.length(least)
    return _("up to %s") % words.length(most) if most else _("any")


@register.simple_tag
def form_key() -> str:
    """A key of its own for each of the small forms of a page, so that each acts once."""
    return new_key()
