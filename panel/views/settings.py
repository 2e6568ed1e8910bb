"""How the space is run: its locations, whom they let in, what stands on their invoices."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kit.once import creates
from kit.policies import allows, policy
from panel import rows
from panel.forms.settings import EditLocationForm, NewLocationForm
from spaces.models import Location

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("own_space")
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """The locations that this person owns."""
    context = {
        "locations": rows.locations_within_reach(request, "own_space"),
        "may_add": allows(request, "own_everywhere"),
    }
    return render(request, "panel/settings/list.html", context)


@policy("own_space")
@reads_and_writes
def location(request: HttpRequest, pk: int) -> HttpResponse:
    """Change how a location is run, beside others who may do the same."""
    one = get_object_or_404(Location, pk=pk)
    rows.within_reach(request, one)
    form = EditLocationForm.of(request, record=one)
    if form.is_valid():
        with form.showing_refusals():
            if one.edit(form.changes, seen=form.seen, by=request.user):
                messages.success(request, _("Saved."))
            return redirect("panel:settings")
    context = {"form": form, "location": one, "crumbs": _crumbs()}
    return render(request, "panel/settings/location.html", context, status=form.status)


@policy("own_everywhere")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Open a further location."""
    form = NewLocationForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            made = Location.objects.establish(**form.words, by=request.user)
            messages.success(request, _("%s is open.") % made)
            return redirect("panel:settings")
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/settings/location.html", context, status=form.status)


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("panel:settings"))]
