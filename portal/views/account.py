from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from customers.doors import PortalRequest
from kit.policies import policy
from portal.forms.account import AccountForm


@policy("customer")
@require_safe
def account(request: PortalRequest) -> HttpResponse:
    """What the house knows of oneself, and how one signs in."""
    return render(request, "portal/account/account.html", {"customer": request.customer})


@policy("customer")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PortalRequest) -> HttpResponse:
    """Change one's own name, address and where invoices go."""
    customer = request.customer
    form = AccountForm.of(request, record=customer)
    if form.is_valid():
        with form.showing_refusals():
            if customer.edit(form.changes, seen=form.seen, by=request.user):
                messages.success(request, _("Saved."))
            return redirect("portal:account")
    context = {
        "form": form,
        "customer": customer,
        "crumbs": [(_("Account"), reverse("portal:account"))],
    }
    return render(request, "portal/account/edit.html", context, status=form.status)
