"""When resources and whole locations are open: the week, and the days on which they are closed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.models import Closure, OpeningHours, Resource
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from panel import rows, weeks
from panel.forms.hours import ClosureForm, WeekForm, in_order
from panel.views import resources
from spaces.models import Location

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("manage_space")
@reads_and_writes
def resource_hours(request: HttpRequest, pk: int) -> HttpResponse:
    """The week of a resource: its own, or its location's."""
    one = rows.resource(request, pk)
    theirs = OpeningHours.objects.filter(location=one.location)
    usual = _("As %s") % one.location
    form = WeekForm.of(request, hours=one.opening_hours.all(), usual=usual)
    if form.is_valid():
        with form.showing_refusals():
            keep = form.cleaned_data["keep_bookings"]
            OpeningHours.objects.set_for(one, form.weekly, keep_bookings=keep, by=request.user)
            messages.success(request, _("Saved."))
            return redirect("panel:resource", pk)
    context = {"form": form, "resource": one, "usual_lines": weeks.lines(theirs) if theirs else [],
               "back": _page_of(one), "crumbs": resources.crumbs(one)}  # fmt: skip
    return render(request, "panel/resources/hours.html", context, status=form.status)


@policy("own_space")
@reads_and_writes
def location_hours(request: HttpRequest, pk: int) -> HttpResponse:
    """The week of a location, which holds for whatever has none of its own; and its closures."""
    one = rows.location(request, pk)
    form = WeekForm.of(request, hours=one.opening_hours.all(), usual=_("Always"))
    if form.is_valid():
        with form.showing_refusals():
            keep = form.cleaned_data["keep_bookings"]
            OpeningHours.objects.set_for(one, form.weekly, keep_bookings=keep, by=request.user)
            messages.success(request, _("Saved."))
            return redirect("panel:location_hours", pk)
    own = Resource.objects.live().filter(location=one, opening_hours__isnull=False).distinct()
    context = {
        "form": form,
        "location": one,
        "with_own_hours": own,
        "closures": in_order(one.closures.all(), one.today()),
        "back": reverse("panel:settings"),
        "crumbs": [(_("Settings"), reverse("panel:settings"))],
    }
    return render(request, "panel/resources/hours.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
@creates
def resource_closure_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a resource for some days."""
    return _close(request, rows.resource(request, pk))


@policy("own_space")
@reads_and_writes
@creates
def location_closure_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a whole location for some days."""
    return _close(request, rows.location(request, pk))


@policy("manage_space")
@reads_and_writes
def resource_closure_end(request: HttpRequest, pk: int, closure: int) -> HttpResponse:
    """Take a closure of a resource back."""
    return _open_again(request, rows.resource(request, pk), closure)


@policy("own_space")
@reads_and_writes
def location_closure_end(request: HttpRequest, pk: int, closure: int) -> HttpResponse:
    """Take a closure of a location back."""
    return _open_again(request, rows.location(request, pk), closure)


def _close(request: HttpRequest, owner: Resource | Location) -> HttpResponse:
    form = ClosureForm.of(request, initial={"first_on": _today(owner)})
    if form.is_valid():
        with form.showing_refusals():
            Closure.objects.close(owner, **form.words, by=request.user)
            messages.success(request, _("%s is closed then.") % owner)
            return redirect(_page_of(owner))
    context = {"form": form, "owner": owner, "back": _page_of(owner), "crumbs": _crumbs(owner)}
    return render(request, "panel/resources/closure_form.html", context, status=form.status)


def _open_again(request: HttpRequest, owner: Any, pk: int) -> HttpResponse:
    closure = get_object_or_404(owner.closures, pk=pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            closure.end(by=request.user)
            messages.success(request, _("The closure is taken back."))
            return redirect(_page_of(owner))
    context = {"form": form, "owner": owner, "closure": closure, "back": _page_of(owner),
               "crumbs": _crumbs(owner)}  # fmt: skip
    return render(request, "panel/resources/closure_end.html", context, status=form.status)


def _today(owner: Resource | Location):
    return (owner.location if isinstance(owner, Resource) else owner).today()


def _page_of(owner: Resource | Location) -> str:
    name = "panel:resource" if isinstance(owner, Resource) else "panel:location_hours"
    return reverse(name, args=[owner.pk])


def _crumbs(owner: Resource | Location) -> list[tuple[str, str]]:
    if isinstance(owner, Resource):
        return resources.crumbs(owner)
    return [
        (_("Settings"), reverse("panel:settings")),
        (_("Opening hours of %s") % owner, _page_of(owner)),
    ]
