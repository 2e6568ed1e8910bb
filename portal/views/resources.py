from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from billing.charging import payer_of
from bookings import repeats
from bookings.availability import Availability
from bookings.dates import Dates
from bookings.models import Booking, Resource, ResourcePicture, Series, State
from bookings.models.making import Unavailable
from bookings.standing import Standing
from customers.doors import PortalRequest
from kit import clock, words
from kit.once import creates
from kit.policies import policy
from kit.problems import Problem, Refused
from portal import previews, rows
from portal.comparing import Compared, compared
from portal.finding import Suggestion, first_start, suggestion
from portal.forms.bookings import HOUR, BookForm

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@reads_and_writes
@creates
def resource(request: PortalRequest, pk: int) -> HttpResponse:
    """Book a resource, after a look at its price, its terms, and what stands against it."""
    resource, customer = rows.resource(request, pk), request.customer
    asked = request.method != "POST" or "preview" in request.POST
    form = _form(request, resource)
    what, dates = None, None
    if form.is_valid():
        with form.showing_refusals():
            dates = _dates(request, form)
            what = {**form.what, "by": request.user}
    if what is not None and not asked:
        if dates is not None and dates.undecided:
            form.refuse([_undecided(dates)])
        else:
            with form.showing_refusals():
                return _booked(request, resource, what, dates)
    preview, comparison, against, instead = None, None, [], []
    if what is not None:
        try:
            preview = _preview(resource, what, dates)
            comparison = _compared(request, resource, what, preview)
        except Refused as refused:
            against = _sentences(refused, resource, dates)
            instead = _alternatives(refused, what, dates)
    context = {
        "resource": resource,
        "customer": customer,
        "form": form,
        "asked": asked,
        "dates": dates,
        "preview": preview,
        "comparison": comparison,
        "against": against,
        "instead": instead,
        "hours": _hours(resource, form),
        "crumbs": [(_("Book"), reverse("portal:book"))],
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if asked else form.status
    return render(request, "portal/book/resource.html", context, status=status)


def _form(request: PortalRequest, resource: Resource) -> BookForm:
    who: dict[str, Any] = {"customer": request.customer, "resource": resource}
    if request.method == "POST":
        return BookForm.of(request, **who)
    now = clock.now()
    soon = Availability.of([resource], now, now + 7 * 24 * HOUR)
    start = first_start(soon, [resource], now, resource.zone)
    length = max(HOUR, resource.minimum_minutes * HOUR / 60 if resource.minimum_minutes else HOUR)
    return BookForm.asked(request.GET, start=start, end=start + length, zone=resource.zone, **who)


def _dates(request: PortalRequest, form: BookForm) -> Dates | None:
    """The dates of a booking that repeats; None for one that does not."""
    if form.pattern is None:
        return None
    start, end = form.times(form.resource.zone)
    choices = {name: str(value) for name, value in request.POST.items() if name.startswith("date-")}
    return Dates.of(
        form.pattern, form.resource, start, end, choices=choices,
        standing=Standing.of(form.customer_asked, form.team_asked),
        attendees=form.cleaned_data["attendees"], by=request.user, at=clock.now(),
    )  # fmt: skip


def _undecided(dates: Dates) -> Problem:
    number = len(dates.undecided)
    text = ngettext(
        "%d date cannot be had as it is: choose what to do about it.",
        "%d dates cannot be had as they are: choose what to do about each.", number,
    ) % number  # fmt: skip
    return Problem("undecided", text)


def _preview(
    resource: Resource, what: dict[str, Any], dates: Dates | None
) -> previews.Booked | None:
    """What it would bring; None while there are dates to decide about."""
    if dates is None:
        return previews.of_booking(resource, **what)
    if dates.undecided:
        return None
    return previews.of_series(dates.wanted, dates.pattern, **_of_all(what))


def _compared(
    request: PortalRequest, resource: Resource, what: dict[str, Any],
    preview: previews.Booked | None,
) -> Compared | None:  # fmt: skip
    """The next invoices without and with a booking that costs something; of a series the dates are
    too many for that."""
    if preview is None or not preview.amount or len(preview.bookings) > 1:
        return None
    payer = payer_of(what["customer"], what["on_behalf_of"])
    return compared(request.customer, lambda: resource.book(**what), payer=payer)


def _booked(
    request: PortalRequest, resource: Resource, what: dict[str, Any], dates: Dates | None
) -> HttpResponse:
    if dates is None:
        booking = resource.book(**what)
        messages.success(request, _welcome(booking))
        return redirect("portal:booking", booking.pk)
    series = repeats.book_series(dates.wanted, dates.pattern, **_of_all(what))
    messages.success(request, _welcome_to_all(series))
    first = series.bookings.earliest("start", "pk")
    return redirect("portal:booking", first.pk)


def _of_all(what: dict[str, Any]) -> dict[str, Any]:
    """What holds for every date: all but the time."""
    return {name: value for name, value in what.items() if name not in ("start", "end")}


def _welcome(booking: Booking) -> str:
    if booking.state == State.TENTATIVE:
        return _("Asked for: %s. The time is held for you, and the staff will decide.") % (
            booking.words
        )
    return _("Booked: %s.") % booking.words


def _welcome_to_all(series: Series) -> str:
    number = series.bookings.count()
    waiting = series.bookings.filter(state=State.TENTATIVE).exists()
    text = ngettext("%d date is booked.", "%d dates are booked.", number) % number
    return f"{text} {_('The staff will decide about them.')}" if waiting else text


def _sentences(refused: Refused, resource: Resource, dates: Dates | None) -> list[str]:
    """What stands against it; for one of several dates with that date."""
    texts = [str(problem.text) for problem in refused.problems]
    if dates is None or not isinstance(refused, Unavailable):
        return texts
    on = words.day(refused.wish.start.astimezone(clock.zone(resource.zone)).date())
    return [f"{on}: {text}" for text in texts]


def _alternatives(
    refused: Refused, what: dict[str, Any], dates: Dates | None
) -> list[Suggestion]:  # fmt: skip
    if dates is not None or not isinstance(refused, Unavailable):
        return []
    asked = {"people": what["attendees"], "team": what["on_behalf_of"]}
    return [suggestion(one, **asked) for one in refused.alternatives]


def _hours(resource: Resource, form: BookForm) -> str:
    """When it is open on the day that is asked about."""
    day = getattr(form, "cleaned_data", {}).get("on") or resource.location.today()
    return Availability.on([resource], day).hours_words(resource, day)


@policy("customer")
@require_safe
def picture(request: PortalRequest, pk: int) -> HttpResponse:
    """What a resource looks like. Its address changes with the picture, so it may be kept."""
    found = ResourcePicture.objects.filter(resource=rows.resource(request, pk))
    digest = found.values_list("digest", flat=True).first()
    if digest is None:
        raise Http404
    etag = f'"{digest}"'
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        unchanged["Cache-Control"] = "private, max-age=86400"
        return unchanged
    row = found.get()
    answer = HttpResponse(bytes(row.content), content_type=row.media_type)
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=86400"
    return answer
