import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bookings.availability import FURTHEST_AHEAD, SEARCHED, Availability
from bookings.hours import DAY
from bookings.standing import Standing
from customers.doors import PortalRequest
from kit import clock
from kit.once import new_key
from kit.policies import policy
from portal import rows
from portal.daysheet import sheet
from portal.finding import Search, first_start, read_around
from portal.forms.bookings import FindForm


@policy("customer")
@require_safe
def find(request: PortalRequest) -> HttpResponse:
    """When, how long, how many people? What is free then, with its price; and what is not, why."""
    customer, now = request.customer, clock.now()
    zone = customer.location.timezone
    resources = list(rows.resources(customer))
    soon = Availability.of(resources, now - SEARCHED, now + SEARCHED + DAY)
    usual = FindForm.usual(first_start(soon, resources, now, zone))
    asked = {name: value for name, value in request.GET.items() if name in usual}
    form = FindForm({**usual, **asked}, customer=customer, resources=resources)
    context: dict[str, Any] = {
        "customer": customer, "form": form, "any": bool(resources), "key": new_key,
        "sheet_url": reverse("portal:book_day"),
    }  # fmt: skip
    if form.is_valid():
        start, end = form.times
        wanted = form.cleaned_data.get("type")
        search = Search(
            [one for one in resources if wanted in (None, one.type_id)],
            read_around(resources, start, end) if "on" in asked else soon,
            Standing.of(customer, form.for_team), request.user, now,
        )  # fmt: skip
        free, others = search.at_time(start, end, people=form.cleaned_data["people"])
        context |= {"start": start, "end": end, "free": free, "others": others,
                    "payer": search.standing.payer or customer}  # fmt: skip
    return render(request, "portal/book/find.html", context)


@policy("customer")
@require_safe
def day(request: PortalRequest) -> HttpResponse:
    """A day of everything that can be booked: what is free, without saying who has the rest."""
    customer, now = request.customer, clock.now()
    zone, today = customer.location.timezone, customer.location.today()
    on = _day(request.GET.get("on", ""), today)
    resources = list(rows.resources(customer))
    search = Search(
        resources, Availability.on(resources, on), Standing.of(customer), request.user, now
    )
    context = {
        "customer": customer,
        "sheet": sheet(search, on, zone) if resources else None,
        "on": on,
        "today": today,
        "before": on - DAY if on > today else None,
        "after": on + DAY if on < today + FURTHEST_AHEAD else None,
        "crumbs": [(_("Book"), reverse("portal:book"))],
    }
    return render(request, "portal/book/day.html", context)


def _day(text: str, today: dt.date) -> dt.date:
    """The day of an address; today for anything that is none, or that nobody can book."""
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None or not today <= found <= today + FURTHEST_AHEAD:
        return today
    return found
