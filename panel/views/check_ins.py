"""The front desk: who is in, who is expected, who was not let in."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.hours import day_span
from bookings.models import Booking, CheckIn
from customers.models import Customer
from kit import clock
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from panel import rows
from panel.forms.check_ins import RECORD, ArriveForm
from spaces.models import Location

FOUND_SHOWN = 8
REFUSED_FOR = dt.timedelta(days=7)
REFUSED_SHOWN = 10


@policy("see_panel")
@require_safe
def check_ins(request: HttpRequest) -> HttpResponse:
    """Who is in at a location, whom it expects today, and whom to let in."""
    return _desk(request)


@policy("serve_customers")
@require_POST
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Let somebody in, for a booking or without. That somebody was refused is kept, and told."""
    form, customer = ArriveForm.of(request, user=request.user), None
    if form.is_valid():
        fields = {**form.cleaned_data}
        customer, location = fields["customer"], fields["location"]
        with form.showing_refusals():
            CheckIn.objects.arrive(
                customer, location=location, booking=fields["booking"], by=request.user
            )
            messages.success(request, _("%s is in.") % customer.name)
            if fields["back"] == RECORD:
                return redirect("panel:customer", customer.pk)
            return redirect(_address(location))
    return _desk(request, form, refused=customer)


@policy("serve_customers")
@require_POST
def departure(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody out."""
    one = rows.check_in(request, pk)
    try:
        one.leave(by=request.user)
        messages.success(request, _("%s has left.") % one.customer.name)
    except Refused as refused:
        messages.error(request, str(refused))
    if request.POST.get("back") == RECORD:
        return redirect("panel:customer", one.customer_id)
    return redirect(_address(one.location))


def _address(location: Location) -> str:
    return f"{reverse('panel:check_ins')}?location={location.pk}"


class Expected(NamedTuple):
    """A booking of today, and since when who made it is in, for it or anyway."""

    booking: Booking
    check_in: CheckIn | None
    may_arrive: bool


def _desk(
    request: HttpRequest, form: ArriveForm | None = None, *, refused: Customer | None = None
) -> HttpResponse:
    locations = rows.locations_within_reach(request, "see_panel")
    location = _chosen(request, locations, form)
    context: dict[str, Any] = {
        "locations": locations,
        "location": location,
        "form": form,
        "refused_customer": refused,
        "q": request.GET.get("q", "").strip()[:200],
    }
    if location is not None:
        context |= _at(request, location, context["q"])
    status = form.status if form else 200
    return render(request, "panel/check_ins/desk.html", context, status=status)


def _chosen(
    request: HttpRequest, locations: list[Location], form: ArriveForm | None
) -> Location | None:
    """The location that is asked for, else the first where the person serves customers."""
    asked = request.GET.get("location") or (form.data.get("location") if form else None)
    named = next((one for one in locations if str(one.pk) == asked), None)
    serving = (one for one in locations if request.user.may("serve_customers", at=one))
    return named or next(serving, None) or next(iter(locations), None)


def _at(request: HttpRequest, location: Location, q: str) -> dict[str, Any]:
    """What the desk of a location shows."""
    here = CheckIn.objects.filter(location=location)
    here = here.select_related("customer", "location", "by")
    present = list(here.present().order_by("-at", "-pk"))
    lately = here.refused().filter(at__gte=clock.now() - REFUSED_FOR)
    refused = list(lately.order_by("-at")[:REFUSED_SHOWN])
    found = []
    if q:
        among = Customer.objects.visible_to(request.user).live().matching(q)
        found = list(among.select_related("location").prefetch_related("suspensions")[
            : FOUND_SHOWN + 1
        ])  # fmt: skip
    inside = {one.customer_id: one for one in present}
    return {
        "today": location.today(),
        "may_serve": request.user.may("serve_customers", at=location),
        "present": present,
        "refused": refused,
        "seen": _seen(request, [*present, *refused]),
        "expected": _expected(location, inside),
        "found": [(customer, inside.get(customer.pk)) for customer in found[:FOUND_SHOWN]],
        "more_found": len(found) > FOUND_SHOWN,
    }


def _expected(location: Location, inside: dict[int, CheckIn]) -> list[Expected]:
    """The bookings of today, by time."""
    now = clock.now()
    start, end = day_span(location.today(), location.timezone)
    today = Booking.objects.standing(at=now).filter(
        resource__location=location, start__lt=end, end__gt=start
    )
    bookings = list(today.shown().order_by("start", "pk"))
    came = {
        one.booking_id: one
        for one in CheckIn.objects.filter(booking__in=bookings, refused_because="")
        .select_related("location")
        .order_by("at")
    }
    return [
        Expected(
            booking,
            check_in=came.get(booking.pk) or inside.get(booking.customer_id),
            may_arrive=booking.state == Booking.State.CONFIRMED and booking.end > now,
        )
        for booking in bookings
    ]


def _seen(request: HttpRequest, shown: Iterable[CheckIn]) -> set[int]:
    """Whose records the person may open."""
    seen = Customer.objects.visible_to(request.user)
    keys = {one.customer_id for one in shown}
    return set(seen.filter(pk__in=keys).values_list("pk", flat=True))
