from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Charge
from bookings import repeats
from bookings.availability import Alternative
from bookings.models import Booking, State
from bookings.models.making import Unavailable
from customers.doors import PortalRequest
from kit import clock, words
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from portal import previews, rows
from portal.booked import Booked
from portal.finding import Suggestion
from portal.forms.bookings import CancelBookingForm, ChangeForm, address_fields
from portal.paging import page_of
from portal.shop import standing_of

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@require_safe
def bookings(request: PortalRequest) -> HttpResponse:
    """What lies ahead, the next one first; then what has been or was cancelled. Admins of a team
    also see what others have booked for it."""
    customer, now = request.customer, clock.now()
    leads = rows.leads_teams(customer)
    of_team = leads and request.GET.get("whose") == "team"
    found = rows.bookings(customer).prefetch_related("late_fees")
    found = found.filter(~Q(customer=customer) if of_team else Q(customer=customer))
    over = Q(end__lte=now) | Q(state__in=[State.CANCELLED, State.LAPSED])
    over |= Q(state=State.TENTATIVE, start__lte=now)
    context = {
        "customer": customer,
        "leads": leads,
        "of_team": of_team,
        "ahead": page_of(found.filter(~over), request.GET.get("ahead", "")),
        "past": page_of(found.filter(over), request.GET.get("after", ""), newest_first=True),
    }
    return render(request, "portal/bookings/list.html", context)


@policy("customer")
@require_safe
def booking(request: PortalRequest, pk: int) -> HttpResponse:
    """One booking: when, where, for whom, what it costs and why, on which invoice it is or will be
    where one pays for it, and what can be done."""
    own = Charge.objects.standing().filter(booking=pk, customer=request.customer)
    charge = own.explained().order_by("pk").last()
    return _page(request, "booking", pk, None, billed=charge and standing_of(charge))


@policy("customer")
@reads_and_writes
@creates
def change(request: PortalRequest, pk: int) -> HttpResponse:
    """Another time, another resource, more people; with the money shown before."""
    booking = rows.booking(request, pk)
    asked = request.method != "POST" or "preview" in request.POST
    begun = booking.start <= clock.now()
    if request.method == "POST":
        form = ChangeForm.of(request, booking=booking, begun=begun)
    else:
        form = ChangeForm.asked(request.GET, booking=booking, begun=begun)
    what = form.what if form.is_valid() else {}
    changes = what.keys() > {"scope"}
    if what and not asked:
        with form.showing_refusals():
            if changes:
                changed = repeats.change(booking, **what, by=request.user)
                messages.success(request, _changed(changed))
            return redirect("portal:booking", pk)
    preview = None
    against: list[str] = []
    instead: list[Suggestion] = []
    if changes:
        booking = rows.booking(request, pk)
        try:
            preview = previews.of_change(booking, **what, by=request.user)
        except Refused as refused:
            against, instead = _against(refused, booking, what["scope"])
    more = {"asked": asked, "preview": preview, "against": against, "instead": instead}
    return _page(request, "change", pk, form, **more)


def _changed(changed: list[Booking]) -> str:
    if len(changed) == 1:
        [booking] = changed
        if booking.state == State.TENTATIVE:
            return _("Changed: %s. The staff will decide about it.") % booking.words
        return _("Changed: %s.") % booking.words
    return ngettext("%d date is changed.", "%d dates are changed.", len(changed)) % len(changed)


def _against(refused: Refused, booking: Booking, scope: str) -> tuple[list[str], list[Suggestion]]:
    """What stands against a change, with the date where it is one of several; and what could be
    had instead."""
    texts = [str(problem.text) for problem in refused.problems]
    if not isinstance(refused, Unavailable):
        return texts, []
    if scope != "one":
        on = words.day(refused.wish.start.astimezone(clock.zone(booking.zone)).date())
        return [f"{on}: {text}" for text in texts], []
    return texts, [
        Suggestion(one.resource, one.start, one.end, _address(booking, one))
        for one in refused.alternatives
    ]


def _address(booking: Booking, one: Alternative) -> str:
    """The page of the change with this time filled in."""
    fields = address_fields(one.start, one.end, one.resource.zone, resource=one.resource.pk)
    return f"{reverse('portal:booking_change', args=[booking.pk])}?{urlencode(fields)}"


@policy("customer")
@reads_and_writes
@creates
def cancellation(request: PortalRequest, pk: int) -> HttpResponse:
    """Give a booking up, or several of a series, after a look at what is kept and what comes
    back."""
    booking = rows.booking(request, pk)
    form = CancelBookingForm.of(request, booking=booking)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            found = repeats.cancel(
                booking, scope=form.scope_asked, by=request.user, reason=form.cleaned_data["reason"]
            )
            messages.success(request, _cancelled(found))
            return redirect("portal:booking", pk)
    preview, against = None, []
    try:
        booking = rows.booking(request, pk)
        preview = previews.of_cancellation(booking, scope=form.scope_asked, by=request.user)
    except Refused as refused:
        against = [str(problem.text) for problem in refused.problems]
    more = {"asked": asked, "preview": preview, "against": against}
    return _page(request, "cancellation", pk, form, **more)


def _cancelled(found: list[Booking]) -> str:
    if len(found) == 1:
        return _("Cancelled: %s.") % found[0].words
    return ngettext("%d date is cancelled.", "%d dates are cancelled.", len(found)) % len(found)


def _page(request: PortalRequest, name: str, pk: int, form: Any, **more) -> HttpResponse:
    """The page of a booking, with the booking as it is stored, whatever a verb has tried."""
    booking = rows.booking(request, pk)
    crumbs = [(_("Bookings"), reverse("portal:bookings"))]
    if name != "booking":
        crumbs.append((booking.resource.name, reverse("portal:booking", args=[pk])))
    context = {
        "form": form,
        "booking": booking,
        "customer": request.customer,
        "it": Booked(booking, clock.now(), request.user, request.customer),
        "crumbs": crumbs,
        **more,
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if form is None or more.get("asked") else form.status
    return render(request, f"portal/bookings/{name}.html", context, status=status)
