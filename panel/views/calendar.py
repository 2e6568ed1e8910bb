"""The calendar: a day of every resource, or a week of one."""

import datetime as dt
import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bookings.hours import DAY
from bookings.models import Resource
from kit import clock
from kit.policies import allows, policy
from panel import calendars, rows
from spaces.models import Location

WEEK = 7 * DAY


@policy("see_panel")
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """A day by resource: what is booked, what is free, and why the rest is neither."""
    locations = rows.locations_within_reach(request, "see_panel")
    location = _chosen(request, locations)
    day = _day(request, location)
    resources = list(_resources(request, location))
    types = {one.type_id: one.type for one in resources}
    wanted = request.GET.get("type", "")
    if wanted.isdecimal() and int(wanted) in types:
        resources = [one for one in resources if one.type_id == int(wanted)]
    context = {
        "sheet": calendars.of_day(resources, day, at=clock.now()),
        "day": day,
        "previous": day - DAY,
        "next": day + DAY,
        "types": sorted(types.values(), key=lambda one: one.name),
        "type": wanted,
        "more": _more(location if len(locations) > 1 else None, wanted),
        "locations": locations if len(locations) > 1 else [],
        **_shared(request, location),
    }
    return render(request, "panel/calendar/day.html", context)


@policy("see_panel")
@require_safe
def week(request: HttpRequest, pk: int) -> HttpResponse:
    """A week of one resource, a row for each day."""
    resource = rows.resource(request, pk)
    day = _day(request, resource.location)
    first = day - day.weekday() * DAY
    others = list(_resources(request, resource.location))
    context = {
        "resource": resource,
        "sheet": calendars.of_week(resource, first, at=clock.now()),
        "day": day,
        "first": first,
        "last": first + WEEK - DAY,
        "previous": first - WEEK,
        "next": first + WEEK,
        "resources": others,
        "crumbs": [(_("Calendar"), f"{reverse('panel:calendar')}?on={day.isoformat()}")],
        **_shared(request, resource.location),
    }
    return render(request, "panel/calendar/week.html", context)


def _shared(request: HttpRequest, location: Location | None) -> dict[str, Any]:
    may = location is not None and request.user.may("serve_customers", at=location)
    return {
        "location": location,
        "today": location.today() if location else None,
        "zone": location.timezone if location else "UTC",
        "may_book": may,
        "may_manage": allows(request, "manage_space"),
    }


def _chosen(request: HttpRequest, locations: list[Location]) -> Location | None:
    """The location that is asked for, else the first one that has something to book."""
    wanted = request.GET.get("location", "")
    for one in locations:
        if wanted == str(one.pk):
            return one
    used = set(Resource.objects.live().values_list("location", flat=True).distinct())
    return next((one for one in locations if one.pk in used), next(iter(locations), None))


def _day(request: HttpRequest, location: Location | None) -> dt.date:
    """The day that is asked for; today where it is none."""
    text = request.GET.get("on", "")
    today = location.today() if location else clock.today_in("UTC")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            return today
        if abs((day - today).days) < 5 * 366:
            return day
    return today


def _resources(request: HttpRequest, location: Location | None) -> Any:
    seen = Resource.objects.visible_to(request.user).live().filter(location=location)
    return seen.with_times().order_by("type__name", "name", "pk")


def _more(location: Location | None, type_key: str) -> str:
    """What stays in the address when one goes to another day."""
    found = f"&location={location.pk}" if location else ""
    return f"{found}&type={type_key}" if type_key.isdecimal() else found
