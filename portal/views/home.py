import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.models import Customer
from customers.models.status import Turn
from kit.policies import policy
from plans.cycles import Cycle
from plans.models import Contract
from plans.models.contracts import State


@dataclass(frozen=True)
class Agreement:
    """A contract as its customer reads it: its state today and the next fee that falls due."""

    contract: Contract
    state: str
    next_fee: Cycle | None


@dataclass(frozen=True)
class Standing:
    """What one customer of a login is today, since when, and what it has signed."""

    customer: Customer
    status: str
    turn: Turn | None
    agreements: list[Agreement]


@policy("portal")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Who one is here: for each customer of the login its status, contracts and next fees."""
    customers = Customer.objects.acted_for_by(request.user).select_related("location")
    standings = [_standing(customer) for customer in customers]
    return render(request, "portal/home.html", {"standings": standings})


def _standing(customer: Customer) -> Standing:
    today = customer.location.today()
    contracts = (
        customer.contracts.running_or_scheduled(on=today)
        .with_history()
        .select_related("plan", "location")
        .prefetch_related("plan__prices", "price_steps")
        .order_by("starts_on", "pk")
    )
    turns = [turn for turn in customer.turns() if turn.on <= today]
    return Standing(
        customer=customer,
        status=customer.status_on(today),
        turn=turns[-1] if turns else None,
        agreements=[_agreement(contract, today) for contract in contracts],
    )


def _agreement(contract: Contract, today: dt.date) -> Agreement:
    """The next fee is the first that falls due today or later and is not nothing."""
    ahead = contract.coming_cycles(24, on=today)
    due = [cycle for cycle in ahead if cycle.due_on >= today and cycle.fee]
    state = contract.state_on(today)
    return Agreement(contract, state, due[0] if due and state != State.CALLED_OFF else None)
