"""What this room does when something is announced; all of it stands here."""

from django.db.models import Q
from django.dispatch import receiver
from django.utils.translation import gettext as _

from bookings import credits
from bookings.models import Assignment, Booking, Rate, ResourceType
from bookings.models.assignments import follow_contracts
from bookings.models.making import lock_credit
from customers import signals as of_customers
from kit import clock, words
from kit.decisions import one_decision
from kit.problems import Problem
from plans import signals as of_plans
from spaces import signals as of_spaces


@receiver(of_spaces.location_changing)
def what_stays_with_bookings(location, changes, **signal):
    """No other time zone while bookings or assignments lie ahead, and no other way of entering
    prices once a resource type has one."""
    problems = []
    if "timezone" in changes:
        ahead = Booking.objects.upcoming(at=clock.now()).filter(resource__location=location)
        if count := ahead.count():
            shown = ahead.select_related("resource__location").order_by("start", "pk")[:3]
            text = _("Bookings lie ahead: %s.") % words.some([one.words for one in shown], count)
            problems.append(Problem("timezone_stays", text, "timezone"))
        held = Assignment.objects.overlapping(clock.now(), None)
        held = held.filter(resource__location=location)
        if count := held.count():
            names = [str(one.resource) for one in held.select_related("resource")[:3]]
            text = _("Resources are assigned: %s.") % words.some(names, count)
            problems.append(Problem("timezone_stays", text, "timezone"))
    if "prices_include_tax" in changes:
        here = Q(location=location) | Q(location=None, type__resources__location=location)
        types = ResourceType.objects.filter(rates__in=Rate.objects.filter(here)).distinct()
        if count := types.count():
            names = [str(one) for one in types[:3]]
            text = _("Resource types have prices: %s.") % words.some(names, count)
            problems.append(Problem("prices_include_tax_stays", text, "prices_include_tax"))
    return problems


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
