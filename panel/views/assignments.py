"""What a contract occupies: nobody else books it meanwhile."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.models import Assignment
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from panel import rows
from panel.forms.assignments import AssignForm, LeaveForm
from plans.models import Contract

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("serve_customers")
@reads_and_writes
@creates
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a contract occupy a resource."""
    contract = rows.contract(request, pk)
    first = max(contract.location.today(), contract.starts_on)
    form = AssignForm.of(request, contract=contract, initial={"first_on": first})
    if form.is_valid():
        fields = form.cleaned_data
        with form.showing_refusals():
            made = fields["resource"].assign(
                contract=contract, first_on=fields["first_on"], by=request.user
            )
            words = {"name": contract.customer.name, "resource": made.resource}
            messages.success(request, _("%(name)s occupies %(resource)s.") % words)
            return redirect("panel:contract", pk)
    return _page(request, "assignment_new", contract, form)


@policy("serve_customers")
@reads_and_writes
@creates
def end(request: HttpRequest, pk: int, assignment: int) -> HttpResponse:
    """Let a contract leave a resource after a day."""
    contract = rows.contract(request, pk)
    found = _assignment(contract, assignment)
    last = max(contract.location.today(), found.first_on)
    form = LeaveForm.of(request, initial={"last_on": found.last_on or last})
    if form.is_valid():
        with form.showing_refusals():
            found.end(last_on=form.cleaned_data["last_on"], by=request.user)
            messages.success(request, _("%s can be booked afterwards.") % found.resource)
            return redirect("panel:contract", pk)
    return _page(request, "assignment_end", contract, form, assignment=found)


@policy("serve_customers")
@reads_and_writes
def withdrawal(request: HttpRequest, pk: int, assignment: int) -> HttpResponse:
    """Take it back as if the contract had never occupied it."""
    contract = rows.contract(request, pk)
    found = _assignment(contract, assignment)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            found.withdraw(by=request.user)
            messages.success(request, _("%s is free again.") % found.resource)
            return redirect("panel:contract", pk)
    return _page(request, "assignment_withdrawal", contract, form, assignment=found)


def _assignment(contract: Contract, pk: int) -> Assignment:
    standing = contract.assignments.standing()
    return get_object_or_404(standing.select_related("resource__location", "contract"), pk=pk)


def _page(request: HttpRequest, name: str, contract: Contract, form, **more) -> HttpResponse:
    context = {
        "form": form,
        "contract": contract,
        "crumbs": [
            (_("Customers"), reverse("panel:customers")),
            (contract.customer.name, reverse("panel:customer", args=[contract.customer_id])),
            (contract.plan.name, reverse("panel:contract", args=[contract.pk])),
        ],
        **more,
    }
    return render(request, f"panel/contracts/{name}.html", context, status=form.status)
