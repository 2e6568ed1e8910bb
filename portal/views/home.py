import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bookings.standing import Standing
from customers.doors import PortalRequest
from customers.models import Customer
from kit import clock
from kit.policies import policy
from plans.models.states import State
from portal import owing, rows
from portal.agreements import Agreement

SHOWN = 3
OVER = (State.ENDED, State.CALLED_OFF)


@policy("portal")
@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """Who one is here, since when and why; the plans one has, those to come, the last one; what
    one has booked next, what is to pay and to come, and the booking credit that is left."""
    customer = request.customer
    if customer is None:
        worked_here = request.user.staff_roles.exists()
        return render(request, "portal/nobody.html", {"worked_here": worked_here})
    today = customer.location.today()
    all_of_them = [
        Agreement(one, one.location.today(), request.user) for one in rows.contracts(customer)
    ]
    ended = [one for one in all_of_them if one.state == State.ENDED]
    turns = customer.turns()
    context = {
        "customer": customer,
        "status": customer.status_on(today),
        "turn": next((turn for turn in reversed(turns) if turn.on <= today), None),
        "coming_turn": next((turn for turn in turns if turn.on > today), None),
        "running": [one for one in all_of_them if one.state not in (*OVER, State.SCHEDULED)],
        "scheduled": [one for one in all_of_them if one.state == State.SCHEDULED],
        "last": max(ended, key=_last_day, default=None),
        "next": list(_next(customer)),
        "dues": [one for one in owing.accounts(customer) if one.due],
        "ahead": next(iter(owing.next_invoices(customer, count=1)), None),
        "pots": [pot for pot in Standing.of(customer).all_pots(today) if pot.types],
    }
    return render(request, "portal/home.html", context)


def _next(customer: Customer) -> Any:
    """The next bookings, the one that runs among them."""
    own = rows.bookings(customer).filter(customer=customer)
    return own.upcoming(at=clock.now())[:SHOWN]


def _last_day(agreement: Agreement) -> dt.date:
    return agreement.contract.ends_on or dt.date.max
