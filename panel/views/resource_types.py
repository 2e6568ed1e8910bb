"""The types of resources: what those have in common, and what they cost."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from bookings.models import Rate, Resource, ResourceType
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import allows, policy
from panel import rows
from panel.forms.plans import house_currency
from panel.forms.resource_types import EditTypeForm, NewTypeForm, RateForm
from panel.views.resources import by_length
from panel.views.resources import crumbs as _resources
from spaces.models import Location

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def resource_type(request: HttpRequest, pk: int) -> HttpResponse:
    """A type: what it costs, for whom and when, and what is of it."""
    one = rows.resource_type(request, pk)
    places, currency = request.user.places("see_panel"), house_currency()
    rates = one.rates.select_related("location").prefetch_related("plans")
    shown = by_length(
        rate for rate in rates if places is None or rate.location_id in {None, *places}
    )
    seen = Resource.objects.visible_to(request.user).live().filter(type=one)
    context = {
        "type": one,
        "rates": [
            (rate, rate.location.currency if rate.location else currency, _may_end(request, rate))
            for rate in shown
        ],
        "resources": seen.select_related("location"),
        "several": Location.objects.count() > 1,
        "may_manage": allows(request, "manage_space"),
        "may_edit": allows(request, "manage_everywhere"),
        "credits": one.credits.live().filter(plan__archived_at=None).select_related("plan"),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/resources/type.html", context)


def _may_end(request: HttpRequest, rate: Rate) -> bool:
    if rate.location is None:
        return request.user.may_everywhere("manage_space")
    return request.user.may("manage_space", at=rate.location)


@policy("manage_space")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Add a type of resources; what it costs comes afterwards."""
    form = NewTypeForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            made = ResourceType.objects.make(**form.words, by=request.user)
            messages.success(request, _("%s: what does it cost?") % made)
            return redirect("panel:resource_type", made.pk)
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/resources/type_form.html", context, status=form.status)


@policy("manage_everywhere")
@reads_and_writes
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a type says of all its resources, wherever they are."""
    one = rows.resource_type(request, pk)
    form = EditTypeForm.of(request, record=one)
    if form.is_valid():
        with form.showing_refusals():
            if one.edit(form.changes, seen=form.seen, by=request.user):
                messages.success(request, _("Saved."))
            return redirect("panel:resource_type", pk)
    context = {"form": form, "type": one, "crumbs": _crumbs(one)}
    return render(request, "panel/resources/type_form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
@creates
def rate_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what a type costs, for bookings made from now on."""
    one = rows.resource_type(request, pk)
    form = RateForm.of(
        request,
        locations=rows.locations_within_reach(request, "manage_space"),
        everywhere=request.user.may_everywhere("manage_space"),
    )
    if form.is_valid():
        with form.showing_refusals():
            one.add_rate(**form.words, by=request.user)
            messages.success(request, _("The price is set."))
            return redirect("panel:resource_type", pk)
    context = {"form": form, "type": one, "crumbs": _crumbs(one)}
    return render(request, "panel/resources/rate_form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def rate_end(request: HttpRequest, pk: int, rate: int) -> HttpResponse:
    """Let nothing be booked at a rate any more."""
    one = rows.resource_type(request, pk)
    found = get_object_or_404(one.rates.select_related("location"), pk=rate)
    rows.within_reach(request, found.location)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            found.end(by=request.user)
            messages.success(request, _("The price holds no more."))
            return redirect("panel:resource_type", pk)
    context = {
        "form": form,
        "type": one,
        "rate": found,
        "currency": found.location.currency if found.location else house_currency(),
        "is_last": one.rates.count() == 1,
        "crumbs": _crumbs(one),
    }
    return render(request, "panel/resources/rate_end.html", context, status=form.status)


def _crumbs(one: ResourceType | None = None) -> list[tuple[str, str]]:
    found = _resources()
    if one is not None:
        found.append((one.name, reverse("panel:resource_type", args=[one.pk])))
    return found
