"""The row that a page is about: found among what belongs to the customer that is acted for.

Whatever belongs to somebody else is a 404, also to staff and to their team mates.
"""

from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, prefetch_related_objects
from django.shortcuts import get_object_or_404

from billing.models import Account, Charge, Claim, CreditNote, Invoice, Product, Subscription
from bookings.models import Booking, Resource
from customers.doors import PortalRequest
from customers.models import Customer, Team, TeamMembership
from plans.models import Contract, Plan, PlanChange
from spaces.models import Location

# What is said of tax beside a price.
_OF_TAX = ("tax_rates", "location__tax_rates", "location__small_business_periods")


def _contracts() -> Any:
    """Contracts with all that is said about them, the first one first."""
    return (
        Contract.objects.with_history()
        .select_related("plan__location", "location", "on_behalf_of__payer")
        .select_related("changed_from__contract__plan")
        .prefetch_related("plan__prices", "plan__tax_rates", "price_steps", "cancellations")
        .prefetch_related("location__tax_rates", "location__small_business_periods")
        .prefetch_related(Prefetch("plan_changes", PlanChange.objects.select_related("new__plan")))
        .order_by("starts_on", "pk")
    )


def contracts(customer: Customer) -> list[Contract]:
    """Every contract of a customer; its status and turns are then answered from these."""
    prefetch_related_objects([customer], Prefetch("contracts", _contracts()))
    return list(customer.contracts.all())


def contract(request: PortalRequest, pk: int) -> Contract:
    found = get_object_or_404(_contracts(), customer=request.customer, pk=pk)
    found.customer = request.customer
    return found


def plans(location: Location) -> Any:
    """What customers may sign at a location, with its prices."""
    offered = Plan.objects.offered().at(location)
    return (
        offered.select_related("location")
        .prefetch_related(*_OF_TAX)
        .prefetch_related("prices", "tax_rates")
    )


def plan(request: PortalRequest, pk: int) -> Plan:
    return get_object_or_404(plans(request.customer.location), pk=pk)


def teams(customer: Customer) -> Any:
    """The teams that a customer is in or pays for."""
    theirs = Q(Exists(_present(customer))) | Q(payer=customer)
    return Team.objects.live().filter(theirs).select_related("payer")


def team(request: PortalRequest, pk: int) -> Team:
    return get_object_or_404(teams(request.customer), pk=pk)


def spending_teams(customer: Customer) -> Any:
    """The teams for which a customer may spend: they have a payer, and say so."""
    may = _present(customer).filter(Q(is_admin=True) | Q(team__spending=Team.Spending.EVERYONE))
    return Team.objects.live().filter(Exists(may), payer__isnull=False).select_related("payer")


def booking_teams(customer: Customer) -> Any:
    """The teams for which a customer may book: it may spend for them, or nobody pays for them."""
    may = _present(customer).filter(
        Q(is_admin=True) | Q(team__spending=Team.Spending.EVERYONE) | Q(team__payer=None)
    )
    return Team.objects.live().filter(Exists(may)).select_related("payer")


def leads_teams(customer: Customer) -> bool:
    """Whether a customer is an admin of a team."""
    return Team.objects.live().filter(Exists(_present(customer).filter(is_admin=True))).exists()


def team_mates(customer: Customer) -> Any:
    """Who else is in the teams that a customer is an admin of, one row a team."""
    led = TeamMembership.objects.filter(
        team=OuterRef("team"), customer=customer, is_admin=True, left_at=None
    )
    found = TeamMembership.objects.filter(Exists(led), left_at=None, team__archived_at=None)
    others = found.filter(~Q(customer=customer)).select_related("customer__location", "team")
    return others.order_by("customer__sort_name", "customer", "team")


def _present(customer: Customer) -> Any:
    return TeamMembership.objects.filter(team=OuterRef("pk"), customer=customer, left_at=None)


def resources(customer: Customer) -> Any:
    """What can be booked at the customer's home; each knows the digest of its picture."""
    found = Resource.objects.live().filter(location=customer.location_id).with_times()
    return found.annotate(picture_digest=F("picture__digest"))


def resource(request: PortalRequest, pk: int) -> Resource:
    return get_object_or_404(resources(request.customer), pk=pk)


def resources_beside(booking: Booking) -> Any:
    """What a booking can be moved to: whatever can be booked where it takes place."""
    there = Resource.objects.filter(location=booking.resource.location_id).with_times()
    return there.filter(Q(archived_at=None) | Q(pk=booking.resource_id))


def bookings(customer: Customer) -> Any:
    """A customer's own bookings, and those made for a team that it is an admin of."""
    found = Booking.objects.of_customers([customer.pk]).shown()
    return found.select_related("on_behalf_of__payer__location", "series")


def booking(request: PortalRequest, pk: int) -> Booking:
    return get_object_or_404(bookings(request.customer), pk=pk)


def team_bookings(team: Team) -> Any:
    """What was booked for a team; for its admins."""
    return Booking.objects.filter(on_behalf_of=team).shown()


def invoices(customer: Customer) -> Any:
    """What a customer was asked to pay: issued, on its own account."""
    return Invoice.objects.issued().filter(customer=customer).shown()


def invoice(request: PortalRequest, pk: int) -> Invoice:
    return get_object_or_404(invoices(request.customer), pk=pk)


def claims(customer: Customer) -> Any:
    """What a customer owes without an invoice."""
    return Claim.objects.filter(customer=customer).shown()


def claim(request: PortalRequest, pk: int) -> Claim:
    return get_object_or_404(claims(request.customer), pk=pk)


def credit_note(request: PortalRequest, pk: int) -> CreditNote:
    found = CreditNote.objects.filter(customer=request.customer)
    return get_object_or_404(found.select_related("location", "invoice", "customer"), pk=pk)


def products(customer: Customer) -> Any:
    """What the shop shows to a customer: what is offered at its home, and wherever else it has an
    account."""
    elsewhere = Account.objects.filter(customer=customer).values("location")
    here = Q(location=customer.location_id) | Q(location__in=elsewhere)
    return (
        Product.objects.offered().filter(here).select_related("location").prefetch_related(*_OF_TAX)
    )


def product(request: PortalRequest, pk: int) -> Product:
    return get_object_or_404(products(request.customer), pk=pk)


def purchases(customer: Customer) -> Any:
    """What a customer has bought, whoever paid for it; the last one first."""
    bought = Q(used_by=customer) | Q(used_by=None, customer=customer)
    found = Charge.objects.filter(bought, kind=Charge.Kind.SALE).explained()
    return found.order_by("-on", "-pk")


def purchase(request: PortalRequest, pk: int) -> Charge:
    return get_object_or_404(purchases(request.customer), pk=pk)


def subscriptions(customer: Customer) -> Any:
    """What a customer has by period, now or later."""
    found = Subscription.objects.filter(customer=customer, called_off_at=None)
    return found.select_related("product__location", "location", "on_behalf_of__payer")


def subscription(request: PortalRequest, pk: int) -> Subscription:
    found = get_object_or_404(subscriptions(request.customer), pk=pk)
    found.customer = request.customer
    return found
