from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers.doors import PortalRequest
from kit.policies import policy
from portal import rows
from portal.agreements import Agreement


@policy("customer")
@require_safe
def contract(request: PortalRequest, pk: int) -> HttpResponse:
    """One contract in its customer's words: dates, money, and what can be done."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    context = {
        "contract": contract,
        "customer": request.customer,
        "it": Agreement(contract, today, request.user),
        "today": today,
        "prices": contract.price_history(),
        "crumbs": [(_("Home"), reverse("portal:home"))],
    }
    return render(request, "portal/contracts/contract.html", context)
