"""What can be booked: each resource with its state, its terms, its picture and its calendar."""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_http_methods, require_safe

from bookings.models import Closure, OpeningHours, Rate, Resource, ResourcePicture, ResourceType
from kit import clock
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import allows, policy
from panel import rows, weeks
from panel.forms.hours import in_order
from panel.forms.resources import EditResourceForm, NewResourceForm, PictureForm
from panel.occupancy import Now, Today
from spaces.models import Location

BOOKINGS_SHOWN = 8

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


class Row(NamedTuple):
    """A resource of the list: what it costs where it is, and what it is doing now."""

    resource: Resource
    rates: list[Rate]
    now: Now | None


@policy("see_panel")
@require_safe
def resources(request: HttpRequest) -> HttpResponse:
    """Everything that can be booked, by type."""
    seen = Resource.objects.visible_to(request.user)
    archived = "archived" in request.GET
    found = list((seen.exclude(archived_at=None) if archived else seen.live()).with_times())
    today = Today.of([] if archived else found)
    types = list(ResourceType.objects.prefetch_related("rates"))
    listed = [
        (
            type_,
            [
                Row(one, rates_at(type_, one.location), None if archived else today.now(one))
                for one in found
                if one.type_id == type_.pk
            ],
        )
        for type_ in types
    ]
    context = {
        "types": [(type_, there) for type_, there in listed if there or not archived],
        "any": bool(found),
        "archived": archived,
        "archived_count": seen.exclude(archived_at=None).count(),
        "several": len({one.location_id for one in found}) > 1,
        "may_manage": allows(request, "manage_space"),
    }
    return render(request, "panel/resources/list.html", context)


def rates_at(type: ResourceType, location: Location) -> list[Rate]:
    """The rates of a type that hold at a location, by the hour first."""
    return by_length(rate for rate in type.rates.all() if rate.location_id in (None, location.pk))


def by_length(rates: Iterable[Rate]) -> list[Rate]:
    """By the hour, then half days, then days, the dearest first: whoever pays less comes after."""
    order = {per.value: number for number, per in enumerate(Rate.Per)}
    return sorted(rates, key=lambda rate: (order[rate.per], -rate.price, rate.pk))


@policy("see_panel")
@require_safe
def resource(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about a resource, in words."""
    one = rows.resource(request, pk)
    at, today = clock.now(), one.location.today()
    own_hours = list(one.opening_hours.all())
    hours = own_hours or list(OpeningHours.objects.filter(location=one.location))
    closures = Closure.objects.filter(Q(resource=one) | Q(location=one.location))
    upcoming = one.bookings.upcoming(at=at).select_related("customer", "resource__location")
    ahead = list(upcoming[: BOOKINGS_SHOWN + 1])
    occupants = one.assignments.standing().filter(Q(blocked_until=None) | Q(blocked_until__gt=at))
    context = {
        "resource": one,
        "today": today,
        "now": None if one.archived_at else Today.of([one], at).now(one),
        "hours": weeks.lines(hours) if hours else [],
        "hours_are_own": bool(own_hours),
        "closures": in_order(closures, today),
        "rates": rates_at(ResourceType.objects.prefetch_related("rates__plans").get(pk=one.type_id),
                          one.location),
        "occupants": occupants.select_related("contract__customer", "contract__plan"),
        "bookings": ahead[:BOOKINGS_SHOWN],
        "more_bookings": len(ahead) > BOOKINGS_SHOWN,
        "picture": picture_of(one),
        "may_manage": request.user.may("manage_space", at=one.location),
        "may_serve": request.user.may("serve_customers", at=one.location),
        "may_own": request.user.may("own_space", at=one.location),
        "crumbs": crumbs(),
    }  # fmt: skip
    return render(request, "panel/resources/record.html", context)


@policy("manage_space")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Add something that can be booked."""
    form = NewResourceForm.of(request, initial={"type": request.GET.get("type")})
    form.offer_locations(rows.locations_within_reach(request, "manage_space"))
    if form.is_valid():
        with form.showing_refusals():
            made = Resource.objects.make(**form.words, by=request.user)
            messages.success(request, _("%s can be booked now.") % made)
            return redirect("panel:resource", made.pk)
    context = {
        "form": form,
        "no_types": not ResourceType.objects.exists(),
        "crumbs": crumbs(),
    }
    return render(request, "panel/resources/form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a resource for bookings made from now on."""
    one = rows.resource(request, pk)
    form = EditResourceForm.of(request, record=one)
    if form.is_valid():
        with form.showing_refusals():
            if one.edit(form.changes, seen=form.seen, by=request.user, **form.chosen):
                messages.success(request, _("Saved. What was booked before stays as it is."))
            return redirect("panel:resource", pk)
    context = {"form": form, "resource": one, "crumbs": crumbs(one)}
    return render(request, "panel/resources/form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a resource out of the lists and the calendar."""
    one = rows.resource(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.archive(by=request.user)
            messages.success(request, _("%s is archived.") % one)
            return redirect("panel:resource", pk)
    context = {
        "form": form,
        "resource": one,
        "problems": one.archive_problems(at=clock.now()),
        "crumbs": crumbs(one),
    }
    return render(request, "panel/resources/archive.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an archived resource be booked again."""
    one = rows.resource(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.restore(by=request.user)
            messages.success(request, _("%s can be booked again.") % one)
            return redirect("panel:resource", pk)
    context = {"form": form, "resource": one, "crumbs": crumbs(one)}
    return render(request, "panel/resources/restore.html", context, status=form.status)


def picture_of(one: Resource) -> ResourcePicture | None:
    """The picture without its bytes, or None."""
    return ResourcePicture.objects.filter(resource=one).defer("content").first()


@policy("manage_space")
@reads_and_writes
def picture_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a resource looks like, or no longer."""
    one = rows.resource(request, pk)
    sent = request.method == "POST"
    removed = sent and "remove" in request.POST
    form = PictureForm(request.POST if sent else None, request.FILES if sent else None)
    if removed or form.is_valid():
        with form.showing_refusals():
            one.show_picture(None if removed else form.content, by=request.user)
            said = _("The picture is taken away.") if removed else _("The picture is there.")
            messages.success(request, said)
            return redirect("panel:resource", pk)
    context = {"form": form, "resource": one, "picture": picture_of(one), "crumbs": crumbs(one)}
    return render(request, "panel/resources/picture.html", context, status=form.status)


def _digest(request: HttpRequest, pk: int) -> str | None:
    found = ResourcePicture.objects.filter(
        resource=pk, resource__in=Resource.objects.visible_to(request.user)
    )
    digest = found.values_list("digest", flat=True).first()
    return f'"{digest}"' if digest else None


@policy("see_panel")
@require_safe
@condition(etag_func=_digest)
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """The bytes of a picture, which the browser asks for once as long as they stay the same."""
    found = ResourcePicture.objects.filter(resource=rows.resource(request, pk)).first()
    if found is None:
        raise Http404
    answer = HttpResponse(bytes(found.content), content_type=found.media_type)
    answer["Cache-Control"] = "private, no-cache"
    return answer


@policy("manage_space")
@reads_and_writes
def calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """The private calendar address: made, made anew (the old one is dead), or taken away."""
    one = rows.resource(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            if "revoke" in request.POST:
                one.revoke_calendar_feed(by=request.user)
                messages.success(request, _("The address works no more."))
            else:
                one.open_calendar_feed(by=request.user)
                messages.success(request, _("This is the address."))
            return redirect("panel:resource_calendar", pk)
    feed = one.calendar_feed
    address = ""
    if feed is not None:
        address = f"{settings.BASE_URL}{reverse('calendar_feed', args=[feed.token])}"
    context = {
        "form": form,
        "resource": one,
        "address": address,
        "subscribe": f"webcal://{address.partition('://')[2]}",
        "made_at": feed.made_at if feed else None,
        "crumbs": crumbs(one),
    }
    return render(request, "panel/resources/calendar.html", context, status=form.status)


def crumbs(one: Resource | None = None) -> list[tuple[str, str]]:
    """Where a page lies: under the list, or under a resource."""
    found = [(_("Resources"), reverse("panel:resources"))]
    if one is not None:
        found.append((one.name, reverse("panel:resource", args=[one.pk])))
    return found
