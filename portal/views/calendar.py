"""The private calendar feed: what lies ahead of a customer, for calendar programs."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from icalendar import Calendar

from bookings import feeds
from bookings.models import Booking, ResourceFeed
from customers.doors import PortalRequest
from customers.models import CalendarFeed
from kit.forms import ConfirmForm
from kit.policies import policy


@policy("customer")
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: PortalRequest) -> HttpResponse:
    """The address of the feed: made, made anew (the old one is dead), or taken away."""
    customer = request.customer
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            if "revoke" in request.POST:
                customer.revoke_calendar_feed(by=request.user)
                messages.success(request, _("The address works no more."))
            else:
                customer.open_calendar_feed(by=request.user)
                messages.success(request, _("This is your address."))
            return redirect("portal:calendar")
    address = _address(customer.calendar_feed)
    subscribe = f"webcal://{address.partition('://')[2]}"
    context = {"form": form, "address": address, "subscribe": subscribe}
    return render(request, "portal/account/calendar.html", context, status=form.status)


def _address(feed: CalendarFeed | None) -> str:
    return f"{settings.BASE_URL}{reverse('calendar_feed', args=[feed.token])}" if feed else ""


@policy("public")
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed itself, of a customer or of a resource. A customer's has the door of the portal:
    once that is closed it is not there, also for a request that was under way."""
    found: Any = CalendarFeed.objects.open().filter(token=token)
    row = found.select_related("customer__location").first()
    if row is None:
        found = ResourceFeed.objects.open().filter(token=token)
        row = found.select_related("resource__location").first()
    if row is None:
        raise Http404
    content = _calendar(row).to_ical()
    if not found.exists():
        raise Http404
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="coworking.ics"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _calendar(row: CalendarFeed | ResourceFeed) -> Calendar:
    """What a feed tells; that of a resource is for the staff, who may see who has booked."""
    if isinstance(row, ResourceFeed):
        return feeds.of_resource(row.resource, names=True)
    return feeds.of_customer(row.customer, link=_link)


def _link(booking: Booking) -> str:
    return f"{settings.BASE_URL}{reverse('portal:booking', args=[booking.pk])}"
