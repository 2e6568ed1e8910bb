"""A contract ends: what its customer has booked for later is kept, or given up with it."""

import datetime as dt
from typing import Any

from django.db import transaction

from bookings.models import Assignment, Booking
from bookings.models.making import lock_credit
from kit import clock, locks
from kit.decisions import one_decision
from plans.cycles import DAY
from plans.models import Cancellation, Contract


def bookings_after(contract: Contract, last_day: dt.date, *, at: dt.datetime) -> Any:
    """The standing bookings of a contract's customer that begin after a day, the next one first."""
    after = clock.start_of(last_day + DAY, contract.location.timezone)
    found = Booking.objects.upcoming(at=at).filter(customer=contract.customer_id, start__gte=after)
    return found.filter(start__gt=at).shown()


@transaction.atomic
def cancel_with_bookings(
    contract: Contract, *, last_day: dt.date, by, reason: str = "", at: dt.datetime | None = None
) -> Cancellation:
    """Cancel a contract and, before it, what its customer has booked after its last day: credit
    comes back, and what is given up too late costs what its terms say. Whole or not at all.

    Raises `Refused` as `Contract.cancel` and `Booking.cancel` do.
    """
    at = at or clock.now()
    found = list(bookings_after(contract, last_day, at=at))
    _lock(contract, found)
    with one_decision():
        for booking in found:
            booking.cancel(by=by, reason=reason, at=at)
        return contract.cancel(last_day=last_day, by=by, reason=reason)


def _lock(contract: Contract, found: list[Booking]) -> None:
    """All that the two deeds touch, at once: the later one may ask for nothing earlier."""
    team = contract.on_behalf_of
    people = {contract.customer_id, *([team.payer_id] if team and team.payer_id else [])}
    locks.take(customers=people, teams=[team] if team else [], plans=[contract.plan_id])
    held = Assignment.objects.standing().filter(contract__customer=contract.customer_id)
    booked = Booking.objects.blocking().filter(
        credit_entries__grant__contract__customer=contract.customer_id, end__gt=clock.now()
    )
    resources = {one.resource_id for one in found}
    resources |= set(held.values_list("resource", flat=True))
    resources |= set(booked.values_list("resource", flat=True))
    lock_credit({contract.customer_id}, resources, bookings=[*found, *booked])
