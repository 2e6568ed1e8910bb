"""Calendars for calendar programs: what lies ahead of a customer, and what a resource is booked
for. Each names only what its owner may see."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from bookings.hours import DAY
from bookings.models import Booking, Resource, State
from customers.models import Customer
from kit import clock
from kit.models import AuditEntry
from plans.models import Contract

# How long what is over stays in a calendar.
REMEMBERED = dt.timedelta(days=366)
Link = Callable[[Booking], str]


def of_customer(customer: Customer, *, link: Link | None = None) -> Calendar:
    """The customer's own bookings, and the first, last and frozen days of its contracts.

    What was cancelled or has lapsed is gone; what waits for approval is tentative. `link` gives the
    address of a booking's page.
    """
    made = _calendar(f"{customer.location.name}: {customer.name}")
    contracts = customer.contracts.standing().with_history().select_related("plan", "location")
    for contract in contracts.order_by("starts_on", "pk"):
        for event in _of_contract(contract):
            made.add_component(event)
    for booking in _standing(Booking.objects.filter(customer=customer)):
        event = _event(booking, booking.resource.name)
        if text := "\n".join(_about(booking, link)):
            event.add("description", text)
        made.add_component(event)
    return made


def of_resource(resource: Resource, *, names: bool) -> Calendar:
    """When a resource is booked; by whom, only where `names` says so."""
    made = _calendar(f"{resource.location.name}: {resource.name}")
    for booking in _standing(resource.bookings.all()):
        event = _event(booking, booking.customer.name if names else _("Booked"))
        if names and booking.note:
            event.add("description", booking.note)
        made.add_component(event)
    return made


def _standing(bookings: Any) -> list[Booking]:
    """With the moment at which each was last touched, `touched_at`."""
    now = clock.now()
    entries = AuditEntry.objects.filter(
        kind=Booking._meta.label_lower, object_id=OuterRef("pk")
    ).order_by("-pk")
    found = bookings.standing(at=now).filter(end__gt=now - REMEMBERED).shown()
    return list(
        found.select_related("on_behalf_of__payer")
        .annotate(touched_at=Subquery(entries.values("at")[:1]))
        .order_by("start", "pk")
    )


def _calendar(name: str) -> Calendar:
    made = Calendar()
    made.add("prodid", "-//Coworking//Portal//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", name)
    return made


def _event(booking: Any, summary: str) -> Event:
    """A booking in UTC. Its number grows with every change, so that programs take the last one."""
    touched = booking.touched_at or booking.booked_at
    event = Event()
    event.add("uid", f"booking-{booking.pk}@{settings.MESSAGE_ID_DOMAIN}")
    event.add("dtstamp", touched)
    event.add("last-modified", touched)
    event.add("sequence", booking.version)
    event.add("dtstart", booking.start.astimezone(dt.UTC))
    event.add("dtend", booking.end.astimezone(dt.UTC))
    event.add("summary", summary)
    event.add("location", f"{booking.resource.name}, {booking.resource.location.name}")
    event.add("status", "TENTATIVE" if booking.state == State.TENTATIVE else "CONFIRMED")
    return event


def _about(booking: Booking, link: Link | None) -> Iterator[str]:
    if booking.state == State.TENTATIVE:
        yield _("Waits for approval.")
    if booking.note:
        yield booking.note
    if booking.on_behalf_of is not None:
        parts = {"team": booking.on_behalf_of.name, "payer": booking.payer.name}
        yield _("For the team %(team)s: %(payer)s pays.") % parts
    if link is not None:
        yield link(booking)


def _of_contract(contract: Contract) -> Iterator[Event]:
    """First day, last day, and frozen days of a contract, each as whole days."""
    plan = contract.plan.name
    first = contract.starts_on
    yield _days(contract, "first", first, first, _("%s: first day") % plan)
    if contract.ends_on:
        yield _days(contract, "last", contract.ends_on, contract.ends_on, _("%s: last day") % plan)
    for freeze in contract.freezes.all():
        if freeze.withdrawn_at is None and freeze.until is not None:
            words = _("%s: frozen") % plan
            yield _days(contract, f"freeze-{freeze.pk}", freeze.from_on, freeze.until, words)


def _days(contract: Contract, what: str, first: dt.date, last: dt.date, words: str) -> Event:
    event = Event()
    event.add("uid", f"contract-{contract.pk}-{what}@{settings.MESSAGE_ID_DOMAIN}")
    event.add("dtstamp", clock.now())
    event.add("dtstart", first)
    event.add("dtend", last + DAY)
    event.add("summary", words)
    event.add("location", contract.location.name)
    event.add("transp", "TRANSPARENT")
    return event
