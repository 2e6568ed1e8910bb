"""The booking credit that a plan includes."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.models import PlanCredit
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from panel import rows
from panel.forms.credits import PlanCreditForm
from panel.forms.plans import house_currency
from plans.models import Plan

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("manage_space")
@reads_and_writes
@creates
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a plan include hours, or money, of booking per cycle."""
    plan = rows.plan(request, pk)
    form = PlanCreditForm.of(request, currency=plan.currency or house_currency())
    if form.is_valid():
        with form.showing_refusals():
            PlanCredit.objects.give(plan, **form.words, by=request.user)
            messages.success(request, _("%s includes it from the next cycle on.") % plan)
            return redirect("panel:plan", pk)
    context = {"form": form, "plan": plan, "crumbs": _crumbs(plan)}
    return render(request, "panel/plans/credit_form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def end(request: HttpRequest, pk: int, credit: int) -> HttpResponse:
    """Let a plan include it no more."""
    plan = rows.plan(request, pk)
    found = get_object_or_404(plan.credits.prefetch_related("types"), pk=credit)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            found.end(by=request.user)
            messages.success(request, _("%s does not include it any more.") % plan)
            return redirect("panel:plan", pk)
    context = {"form": form, "plan": plan, "credit": found, "crumbs": _crumbs(plan)}
    return render(request, "panel/plans/credit_end.html", context, status=form.status)


def _crumbs(plan: Plan) -> list[tuple[str, str]]:
    return [
        (_("Plans"), reverse("panel:plans")),
        (plan.name, reverse("panel:plan", args=[plan.pk])),
    ]
