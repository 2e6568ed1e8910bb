"""The private calendar feed: what lies ahead of a customer, for calendar programs."""

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from icalendar import Calendar, Event

from customers.doors import PortalRequest
from customers.models import CalendarFeed, Customer
from kit import clock
from kit.forms import ConfirmForm
from kit.policies import policy
from plans.models import Contract

DAY = dt.timedelta(days=1)


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
    """The feed itself. It has the door of the portal: once that is closed it is not there, also
    for a request that was under way."""
    found = CalendarFeed.objects.open().filter(token=token)
    row = found.select_related("customer__location").first()
    if row is None:
        raise Http404
    content = _calendar(row.customer).to_ical()
    if not found.exists():
        raise Http404
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="coworking.ics"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _calendar(customer: Customer) -> Calendar:
    made = Calendar()
    made.add("prodid", "-//Coworking//Portal//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"{customer.location.name}: {customer.name}")
    contracts = customer.contracts.standing().with_history().select_related("plan", "location")
    for contract in contracts.order_by("starts_on", "pk"):
        for event in _events(contract):
            made.add_component(event)
    return made


def _events(contract: Contract) -> Iterator[Event]:
    """First day, last day, and frozen days of a contract, each as whole days."""
    plan = contract.plan.name
    first = contract.starts_on
    yield _event(contract, "first", first, first, _("%s: first day") % plan)
    if contract.ends_on:
        yield _event(contract, "last", contract.ends_on, contract.ends_on, _("%s: last day") % plan)
    for freeze in contract.freezes.all():
        if freeze.withdrawn_at is None and freeze.until is not None:
            words = _("%s: frozen") % plan
            yield _event(contract, f"freeze-{freeze.pk}", freeze.from_on, freeze.until, words)


def _event(contract: Contract, what: str, first: dt.date, last: dt.date, words: str) -> Event:
    event = Event()
    event.add("uid", f"contract-{contract.pk}-{what}@{settings.MESSAGE_ID_DOMAIN}")
    event.add("dtstamp", clock.now())
    event.add("dtstart", first)
    event.add("dtend", last + DAY)
    event.add("summary", words)
    event.add("location", contract.location.name)
    event.add("transp", "TRANSPARENT")
    return event
