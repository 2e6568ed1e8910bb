"""Bookings: the list, one of them, and what staff do with them."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from bookings import repeats
from bookings.availability import Alternative, Availability
from bookings.dates import Dates
from bookings.forms import WhenForm
from bookings.models import Booking, LateFee, Resource, Scope
from bookings.models.making import Unavailable
from bookings.prices import Quote, Tariff
from bookings.standing import Standing
from customers.models import Customer, Team
from kit import clock
from kit.once import creates
from kit.policies import policy
from kit.problems import Problem, Refused
from panel import histories, rows
from panel.filters import BookingFilter
from panel.forms.bookings import BookForm, CancelBookingForm, ChangeForm, DeedForm
from panel.lists import page
from plans.previews import taken_back
from spaces.models import Todays

SORTS = {"start": "start"}
HOUR = dt.timedelta(hours=1)

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def bookings(request: HttpRequest) -> HttpResponse:
    """Every booking: by day, state and resource, a page at a time; what lies ahead first."""
    locations = rows.locations_within_reach(request, "see_panel")
    todays = Todays.at(locations)
    filters = BookingFilter(request, todays, locations)
    sort = request.GET.get("sort", "")
    sort = sort if sort.removeprefix("-") in SORTS else "start"
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(locations) > 1,
        "page": page(filters.qs, Booking.objects.shown(), sort=sort, query=request.GET),
        "waiting": filters.waiting,
    }
    return render(request, "panel/bookings/list.html", context)


@policy("see_panel")
@require_safe
def booking(request: HttpRequest, pk: int) -> HttpResponse:
    """The record: who, when, what it costs and why, and what can be done."""
    one = rows.booking(request, pk)
    now = clock.now()
    state = one.state_at(now)
    standing = state in (Booking.State.TENTATIVE, Booking.State.CONFIRMED)
    may_serve = request.user.may("serve_customers", at=one.resource.location)
    entries = one.credit_entries.select_related("grant__contract__plan").order_by("pk")
    context = {
        "booking": one,
        "state": state,
        "may_serve": may_serve,
        "may_change": may_serve and standing,
        "may_approve": may_serve and state == Booking.State.TENTATIVE,
        "may_miss": may_serve and state == Booking.State.CONFIRMED and now >= one.start,
        "missed": may_serve and state == Booking.State.NO_SHOW,
        "may_restore": may_serve and state == Booking.State.CANCELLED,
        "late": one.is_late(now),
        "fees": one.late_fees.select_related("by"),
        "entries": entries,
        "others": _others(one),
        "history": histories.of_booking(one),
        "seen": Customer.objects.visible_to(request.user).filter(pk=one.customer_id).exists(),
        "crumbs": _crumbs(one),
    }
    return render(request, "panel/bookings/record.html", context)


def _others(one: Booking) -> list[Booking]:
    """The bookings of the same series."""
    if one.series is None:
        return []
    return list(one.series.bookings.shown().order_by("start", "pk"))


# Booking for somebody


@dataclass
class Offer:
    """What a form asks for, looked at: what stands against it, what staff would pass by, what it
    would cost, and what could be had instead."""

    against: list[Problem]
    limits: list[Problem]
    quote: Quote | None
    alternatives: list[Alternative]
    dates: Dates | None


@policy("serve_customers")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Book for a customer, who may be new; price and what stands against it are shown before."""
    resources = _bookable(request)
    form = BookForm.of(request, resources=resources, user=request.user, initial=_wish(request))
    customer = _customer(request, form)
    form.offer_teams(customer)
    asked = "preview" in request.POST
    offer = None
    valid = form.is_valid()
    if valid:
        offer = _offer(request, form)
        if not asked:
            made = _book(request, form, offer)
            if made is not None:
                return made
    elif request.method == "GET":
        offer = _offer_of(request, form)
    context = {
        "form": form,
        "asked": asked,
        "offer": offer,
        "customer": customer,
        "somebody_new": form.is_for_somebody_new,
        "crumbs": [(_("Calendar"), reverse("panel:calendar"))],
    }
    status = 200 if asked else form.status
    return render(request, "panel/bookings/new.html", context, status=status)


def _bookable(request: HttpRequest) -> list[Resource]:
    """The resources that this person may book, by type."""
    places = request.user.places("serve_customers")
    found = Resource.objects.visible_to(request.user).live().with_times()
    found = found if places is None else found.filter(location__in=places)
    return list(found.order_by("type__name", "name", "pk"))


def _wish(request: HttpRequest) -> dict[str, Any]:
    """What the address asks for: `resource`, `customer`, `start` and `end` as ISO moments."""
    asked = request.GET
    found: dict[str, Any] = {
        name: asked[name]
        for name in ("resource", "customer")
        if asked.get(name, "").isdecimal() and len(asked[name]) < 19
    }
    resource = None
    if "resource" in found:
        seen = Resource.objects.visible_to(request.user).select_related("location")
        resource = seen.filter(pk=found["resource"]).first()
    zone = resource.zone if resource else _zone(request)
    start, end = moment(asked.get("start", ""), zone), moment(asked.get("end", ""), zone)
    if start is None:
        start = _next_half_hour()
    if end is None or end <= start:
        end = start + HOUR
    return found | WhenForm.of_times(start, end, zone)


def moment(text: str, zone: str) -> dt.datetime | None:
    """An ISO moment of an address; one without an offset is on the wall of a zone."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=clock.zone(zone))
    try:
        found = found.astimezone(dt.UTC)
    except (OverflowError, ValueError):
        return None
    near = abs(found - clock.now()) < dt.timedelta(days=5 * 366)
    return found.replace(second=0, microsecond=0) if near else None


def _zone(request: HttpRequest) -> str:
    places = rows.locations_within_reach(request, "serve_customers")
    return places[0].timezone if places else "UTC"


def _next_half_hour() -> dt.datetime:
    now = clock.now().replace(second=0, microsecond=0)
    return now + dt.timedelta(minutes=30 - now.minute % 30)


def _customer(request: HttpRequest, form: BookForm) -> Customer | None:
    """Whom the form is about so far, however little of it is filled in."""
    field = form.fields["customer"]
    bound = form["customer"]
    try:
        value = bound.data if form.is_bound else form.initial.get("customer")
        found = field.to_python(value)
    except Exception:
        return None
    return found if isinstance(found, Customer) else None


def _offer_of(request: HttpRequest, form: BookForm) -> Offer | None:
    """The offer of a form that nobody has sent yet, where the address says enough."""
    key = form.initial.get("resource")
    customer = _customer(request, form)
    resource = next((one for one in _bookable(request) if str(one.pk) == key), None)
    if resource is None:
        return None
    zone = clock.zone(resource.zone)
    fields = form.initial
    start = dt.datetime.combine(fields["on"], fields["starts"], zone)
    last = fields["until_on"] or fields["on"]
    if fields["ends"] == dt.time():
        last += dt.timedelta(days=1)
    end = dt.datetime.combine(last, fields["ends"], zone)
    return _look(request, resource, start, end, customer, None, 1)


def _offer(request: HttpRequest, form: BookForm) -> Offer:
    fields = form.cleaned_data
    start, end = form.times(fields["resource"].zone)
    customer, team = fields.get("customer"), fields.get("on_behalf_of")
    offer = _look(request, fields["resource"], start, end, customer, team, fields["attendees"])
    if form.pattern is not None:
        try:
            offer.dates = Dates.of(
                form.pattern, fields["resource"], start, end, choices=_choices(request),
                standing=Standing.of(customer, team) if customer else Standing.of_a_contact(),
                attendees=fields["attendees"], by=request.user, at=clock.now(),
            )  # fmt: skip
        except Refused as refused:
            form.refuse(refused.problems)
    return offer


def _choices(request: HttpRequest) -> Mapping[str, str]:
    return {name: request.POST[name] for name in request.POST if name.startswith("date-")}


def _look(
    request: HttpRequest, resource: Resource, start: dt.datetime, end: dt.datetime,
    customer: Customer | None, team: Team | None, attendees: int,
) -> Offer:  # fmt: skip
    """All that there is to say about a booking before it is made; nothing is stored."""
    at = clock.now()
    standing = Standing.of(customer, team) if customer is not None else Standing.of_a_contact()
    availability = Availability.of([resource], start, max(start, end))
    asked: dict[str, Any] = {"at": at, "standing": standing}
    against = availability.problems(
        resource, start, end, attendees=attendees, by=request.user, **asked
    )
    limits = availability.limits(resource, start, end, **asked) if not against else []
    quote, alternatives = None, []
    if against:
        wish = repeats.Wish(resource, start, end)
        error = Unavailable(
            *against, wish=wish, asked={**asked, "attendees": attendees, "by": request.user}
        )
        alternatives = error.alternatives
    else:
        try:
            quote = Tariff.of([resource]).quote(resource, start, end, standing=standing)
        except Refused as refused:
            against = refused.problems
    return Offer(against, limits, quote, alternatives, None)


def _book(request: HttpRequest, form: BookForm, offer: Offer) -> HttpResponse | None:
    """Do it; None, with the reasons in the form, where it cannot be done."""
    fields = form.cleaned_data
    if form.errors:
        return None
    if offer.limits and not fields["anyway"]:
        text = _("This goes beyond what customers may book. Tick to book it all the same.")
        form.add_error("anyway", text)
        return None
    if offer.dates is not None and offer.dates.undecided:
        text = _("Decide about the dates that cannot be had.")
        form.add_error("frequency", text)
        return None
    start, end = form.times(fields["resource"].zone)
    what = {
        "attendees": fields["attendees"], "note": fields["note"], "by": request.user,
        "on_behalf_of": fields.get("on_behalf_of"),
    }  # fmt: skip
    with form.showing_refusals(), transaction.atomic():
        customer = fields["customer"] or Customer.objects.register(
            location=fields["resource"].location, by=request.user, **form.somebody_new
        )
        if offer.dates is not None:
            series = repeats.book_series(
                offer.dates.wanted, offer.dates.pattern, customer=customer, **what
            )
            first = series.bookings.earliest("start")
            number = series.bookings.count()
            text = ngettext("%d date is booked.", "%d dates are booked.", number) % number
        else:
            first = fields["resource"].book(customer=customer, start=start, end=end, **what)
            text = _("Booked: %s.") % first.words
        messages.success(request, text)
        return redirect(_calendar_of(first))
    return None


def _calendar_of(one: Booking) -> str:
    """The calendar of the day on which a booking is."""
    return f"{reverse('panel:calendar')}?on={one.on.isoformat()}&location={_place(one)}"


def _place(one: Booking) -> int:
    return one.resource.location_id


# Changing and cancelling


@dataclass
class Difference:
    """What a change or a cancellation would bring, found by doing it and taking it back."""

    before: Booking
    after: Booking
    fees: list[LateFee]
    number: int
    against: list[Problem]

    @property
    def kept(self) -> Any:
        return sum((fee.amount for fee in self.fees), start=0)


def _difference(one: Booking, deed: Callable[[], list[Booking]]) -> Difference:
    before = Booking.objects.shown().get(pk=one.pk)
    known = set(one.late_fees.values_list("pk", flat=True))
    try:
        with taken_back():
            found = deed()
            after = Booking.objects.shown().get(pk=one.pk)
            fees = LateFee.objects.filter(booking__in=[each.pk for each in found])
            new = [fee for fee in fees if fee.pk not in known and fee.withdrawn_at is None]
            return Difference(before, after, new, len(found), [])
    except Refused as refused:
        return Difference(before, before, [], 0, refused.problems)
    finally:
        one.refresh_from_db()


@policy("serve_customers")
@reads_and_writes
@creates
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another time or room; the address may ask for one, as dragging in the calendar does."""
    one = rows.booking(request, pk)
    resources = _bookable(request)
    form = ChangeForm.of(
        request, booking=one, resources=resources, user=request.user, initial=_changed(request, one)
    )
    asked = "preview" in request.POST
    difference = None
    if form.is_valid():
        what = form.what(one)
        if not asked:
            with form.showing_refusals():
                found = repeats.change(one, by=request.user, **what)
                text = ngettext("Changed.", "%d bookings are changed.", len(found))
                messages.success(request, text % len(found) if "%" in text else text)
                return redirect(_calendar_of(found[0] if found else one))
            one = rows.booking(request, pk)
        difference = _difference(one, lambda: repeats.change(one, by=request.user, **what))
    elif request.method == "GET":
        difference = _first_look(request, one, form)
    context = {
        "form": form, "booking": rows.booking(request, pk), "asked": asked,
        "difference": difference, "late": one.is_late(clock.now()), "crumbs": _crumbs(one, one),
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/bookings/change.html", context, status=status)


def _changed(request: HttpRequest, one: Booking) -> dict[str, Any]:
    """What the form shows at first: the booking as it is, or as the address wants it."""
    asked = request.GET
    start = moment(asked.get("start", ""), one.zone) or one.start
    end = moment(asked.get("end", ""), one.zone) or start + (one.end - one.start)
    resource = asked.get("resource", "")
    return {
        "resource": int(resource) if resource.isdecimal() and len(resource) < 19 else
        one.resource_id,
        "attendees": one.attendees,
        "note": one.note,
        **WhenForm.of_times(start, max(start, end), one.zone),
    }  # fmt: skip


def _first_look(request: HttpRequest, one: Booking, form: ChangeForm) -> Difference | None:
    """What the address asks for, looked at before anybody has pressed anything."""
    asked = ChangeForm(
        {name: "" if value is None else _shown(value) for name, value in form.initial.items()},
        booking=one, resources=_bookable(request), user=request.user,
    )  # fmt: skip
    asked.data = {**asked.data, "form_key": "a-look"}
    if not asked.is_valid():
        return None
    what = asked.what(one)
    if not what.keys() & {"start", "end", "resource"}:
        return None
    return _difference(one, lambda: repeats.change(one, by=request.user, **what))


def _shown(value: Any) -> str:
    return f"{value:%H:%M}" if isinstance(value, dt.time) else str(value)


@policy("serve_customers")
@reads_and_writes
@creates
def cancellation(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a booking, or those of its series; what is kept of it is shown before."""
    one = rows.booking(request, pk)
    late = one.is_late(clock.now())
    form = CancelBookingForm.of(request, booking=one, user=request.user, late=late)
    asked = "preview" in request.POST
    what: dict[str, Any] = {"scope": Scope.ONE, "reason": "", "waive_fee": False}
    if form.is_valid():
        what = form.what
        if not asked:
            with form.showing_refusals():
                found = repeats.cancel(one, by=request.user, **what)
                text = ngettext("Cancelled.", "%d bookings are cancelled.", len(found))
                messages.success(request, text % len(found) if "%" in text else text)
                return redirect("panel:booking", pk)
            one = rows.booking(request, pk)
    context = {
        "form": form, "booking": one, "late": late, "asked": asked,
        "difference": _difference(one, lambda: repeats.cancel(one, by=request.user, **what)),
        "crumbs": _crumbs(one, one),
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/bookings/cancellation.html", context, status=status)


# One press


@policy("serve_customers")
@reads_and_writes
@creates
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm a booking that waits."""
    return _deed(request, pk, "approval", lambda one: one.approve(by=request.user), _("Approved."))


@policy("serve_customers")
@reads_and_writes
@creates
def no_show(request: HttpRequest, pk: int) -> HttpResponse:
    """Nobody came; or they came after all."""
    one = rows.booking(request, pk)
    if one.state == Booking.State.NO_SHOW:
        return _deed(request, pk, "came", lambda one: one.came(by=request.user), _("Put right."))
    return _deed(
        request, pk, "no_show", lambda one: one.no_show(by=request.user),
        _("Marked: nobody came, and it is paid in full."),
    )  # fmt: skip


@policy("serve_customers")
@reads_and_writes
@creates
def restoration(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a cancellation back, while the time is free."""
    return _deed(
        request, pk, "restoration", lambda one: one.restore(by=request.user), _("It stands again.")
    )


def _deed(
    request: HttpRequest, pk: int, name: str, verb: Callable[[Booking], Any], done: str
) -> HttpResponse:
    one = rows.booking(request, pk)
    form = DeedForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            verb(one)
            messages.success(request, done)
            return redirect("panel:booking", pk)
        one = rows.booking(request, pk)
    context = {"form": form, "booking": one, "crumbs": _crumbs(one, one)}
    return render(request, f"panel/bookings/{name}.html", context, status=form.status)


def _crumbs(one: Booking, under: Booking | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Calendar"), _calendar_of(one))]
    if under is not None:
        crumbs.append((under.resource.name, reverse("panel:booking", args=[under.pk])))
    return crumbs
