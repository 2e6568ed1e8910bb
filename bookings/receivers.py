"""What this room does when something is announced; all of it stands here."""

from django.dispatch import receiver

from bookings import credits
from bookings.models import Assignment, Booking
from bookings.models.assignments import follow_contracts
from bookings.models.making import lock_credit
from customers import signals as of_customers
from kit import clock
from kit.decisions import one_decision
from plans import signals as of_plans


@receiver(of_customers.suspended)
def cancel_what_is_ahead(customer, suspension, by, **signal):
    """The house gives up what it was asked to: nothing is kept of it."""
    if not suspension.cancel_bookings:
        return
    ahead = Booking.objects.upcoming(at=clock.now()).filter(
        customer=customer, start__gt=clock.now()
    )
    cancel_for_house(ahead, by=by, reason=suspension.reason)


@receiver(of_plans.contract_changed)
def follow_the_contract(contract, by, **signal):
    """What it occupies ends with it, and what its credit had covered is charged."""
    customer = contract.customer
    bookings = credits.on_sand(customer)
    held = Assignment.objects.standing().filter(contract__customer=customer)
    resources = {*held.values_list("resource", flat=True), *(one.resource_id for one in bookings)}
    if bookings or credits.coming_again(customer):
        # All at once: the later one may ask for nothing earlier.
        lock_credit([customer.pk], resources, bookings=bookings)
    follow_contracts(customer, by=by)
    for one in credits.coming_again(customer):
        credits.grant_again(one)
    credits.follow_contracts(customer, by=by)


@receiver(of_plans.contracts_taken_back)
def forget_unused_credit(contracts, **signal):
    credits.forget_unused(contracts)


def cancel_for_house(bookings, *, by, reason: str) -> int:
    """Cancel bookings whose customers are locked already, free of charge; returns how many."""
    found = list(bookings.select_related("resource__location", "customer", "on_behalf_of"))
    lock_credit((), {one.resource_id for one in found}, bookings=found)
    with one_decision():
        for booking in found:
            booking._again()
            booking._cancel(by=by, reason=reason, waive_fee=True, at=clock.now())
    return len(found)
