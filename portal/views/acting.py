from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers import doors
from customers.doors import PortalRequest
from kit.policies import policy


@policy("customer")
@require_POST
def acting_for(request: PortalRequest) -> HttpResponse:
    """Act for another one of the login's own customers from now on."""
    asked = request.POST.get("customer", "")
    found = [customer for customer in request.customers if str(customer.pk) == asked]
    if not found:
        raise Http404
    request.session[doors.ACTING_FOR] = found[0].pk
    messages.success(request, _("This is the portal of %s now.") % found[0].name)
    return redirect("portal:home")
