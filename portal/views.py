from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from customers.models import Customer
from kit.policies import policy


@policy("signed_in")
def home(request: HttpRequest) -> HttpResponse:
    """Who one is here: for each customer of the login its status and contracts."""
    customers = []
    for customer in Customer.objects.acted_for_by(request.user).select_related("location"):
        today = customer.location.today()
        contracts = (
            customer.contracts.running_or_scheduled(on=today)
            .with_state(on=today)
            .with_history()
            .select_related("plan", "location")
        )
        customers.append({"customer": customer, "contracts": contracts, "today": today})
    return render(request, "portal/home.html", {"customers": customers})
