"""The door of a customer: closing it with a reason, and opening it again."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.models import Booking
from customers.models import Customer, Suspension
from kit import clock
from kit.once import creates
from kit.policies import policy
from panel import accounts, rows
from panel.forms.suspensions import LiftForm, SuspendForm

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("serve_customers")
@reads_and_writes
@creates
def suspension(request: HttpRequest, pk: int) -> HttpResponse:
    """Suspend a customer; one who is suspended is shown with who did it, when and why."""
    customer = rows.customer(request, pk)
    form = SuspendForm.of(request, ahead=bookings_ahead([customer]))
    if form.is_valid():
        with form.showing_refusals():
            customer.suspend(**form.what, by=request.user)
            messages.success(request, _("%s is suspended.") % customer.name)
            return redirect("panel:customer", pk)
    lift_form = LiftForm(customer=customer, user=request.user)
    return _page(request, customer, suspend_form=form, lift_form=lift_form, status=form.status)


@policy("serve_customers")
@reads_and_writes
def reinstatement(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift a suspension, or let somebody in who waits for approval."""
    customer = rows.customer(request, pk)
    form = LiftForm.of(request, customer=customer, user=request.user)
    if form.is_valid():
        with form.showing_refusals():
            lifted = customer.reinstate(by=request.user, **form.cleaned_data)
            words = _("%s is let in.") if lifted.waits else _("%s is not suspended any more.")
            messages.success(request, words % customer.name)
            return redirect("panel:customer", pk)
    return _page(request, customer, suspend_form=None, lift_form=form, status=form.status)


def bookings_ahead(customers: Iterable[Customer]) -> int:
    """How many bookings of these have not begun: what a suspension may cancel."""
    now = clock.now()
    ahead = Booking.objects.upcoming(at=now).filter(start__gt=now)
    return ahead.filter(customer__in=customers).count()


def _page(request: HttpRequest, customer: Customer, *, status: int, **forms) -> HttpResponse:
    suspension = customer.suspensions.open().select_related("suspended_by").first()
    context = {
        "customer": customer,
        "suspension": suspension,
        "heading": _heading(suspension) % customer.name,
        "may_suspend": not customer.suspend_problems(),
        "held": accounts.held_fees(customer) if suspension and not suspension.waits else [],
        "crumbs": [
            (_("Customers"), reverse("panel:customers")),
            (customer.name, reverse("panel:customer", args=[customer.pk])),
        ],
        **forms,
    }
    return render(request, "panel/customers/suspension.html", context, status=status)


def _heading(suspension: Suspension | None) -> str:
    if suspension is None:
        return _("Suspend %s")
    return _("%s waits for approval") if suspension.waits else _("%s is suspended")
