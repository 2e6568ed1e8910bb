"""A customer's portal account, as staff see to it: invited, access withdrawn and given back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from customers.models import Customer
from kit.forms import ConfirmForm
from kit.policies import policy
from panel import rows

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("serve_customers")
@reads_and_writes
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a customer the link to choose a password; once more, if there was one before."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.invite(by=request.user)
            messages.success(request, _("An invitation is on its way to %s.") % customer.email)
            return redirect("panel:customer", pk)
    return _page(request, "invitation", customer, form, problems=customer.invitation_problems())


@policy("serve_customers")
@reads_and_writes
def invitation_withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """The link that is out works no more."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            for sent in customer.invitations.standing():
                sent.withdraw(by=request.user)
            messages.success(request, _("The invitation is withdrawn."))
            return redirect("panel:customer", pk)
    return _page(request, "invitation_withdrawal", customer, form)


@policy("serve_customers")
@reads_and_writes
def withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the portal to a customer, without suspending them."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.withdraw_access(by=request.user)
            messages.success(request, _("The portal is closed to %s.") % customer.name)
            return redirect("panel:customer", pk)
    return _page(request, "withdrawal", customer, form)


@policy("serve_customers")
@reads_and_writes
def giving_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the portal to a customer again."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.give_access_back(by=request.user)
            messages.success(request, _("The portal is open to %s again.") % customer.name)
            return redirect("panel:customer", pk)
    return _page(request, "giving_back", customer, form)


def _page(request, what: str, customer: Customer, form: ConfirmForm, **more) -> HttpResponse:
    crumbs = [
        (_("Customers"), reverse("panel:customers")),
        (customer.name, reverse("panel:customer", args=[customer.pk])),
    ]
    context = {"customer": customer, "form": form, "crumbs": crumbs, **more}
    return render(request, f"panel/access/{what}.html", context, status=form.status)
