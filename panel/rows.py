"""The row that a page is about: found among what the person may see, and within their reach.

What they may not see is a 404. What they may see, but not do this to (their role is limited to
another location), is a 403 with the words of the page's policy.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from billing.models import (
    Charge,
    Claim,
    CreditNote,
    Invoice,
    Payment,
    Product,
    Subscription,
)
from bookings.models import Booking, CheckIn, Resource, ResourceType
from customers.models import Customer, Team
from customers.rights import RIGHTS, WORDS
from plans.models import Contract, Plan
from spaces.models import Location


def customer(request: HttpRequest, pk: int) -> Customer:
    seen = Customer.objects.visible_to(request.user).select_related("location", "user")
    found = get_object_or_404(seen, pk=pk)
    within_reach(request, found.location)
    return found


def contract(request: HttpRequest, pk: int) -> Contract:
    """A contract with whom it is about, its history and its prices."""
    seen = Contract.objects.visible_to(request.user).with_history()
    related = seen.select_related("customer__location", "plan", "location", "on_behalf_of")
    found = get_object_or_404(related.prefetch_related("plan__prices", "price_steps"), pk=pk)
    within_reach(request, found.location)
    return found


def plan(request: HttpRequest, pk: int) -> Plan:
    """A plan with its prices; one for every location is within reach of roles without limit."""
    seen = Plan.objects.visible_to(request.user).select_related("location")
    found = get_object_or_404(seen.prefetch_related("prices"), pk=pk)
    within_reach(request, found.location)
    return found


def team(request: HttpRequest, pk: int) -> Team:
    """A team with who pays. It has no location of its own; see `TeamQuerySet.served_by`."""
    seen = Team.objects.visible_to(request.user).select_related("payer__location")
    found = get_object_or_404(seen, pk=pk)
    if _right(request) and not found.is_served_by(request.user):
        raise PermissionDenied(WORDS["serve_customers"])
    return found


def resource(request: HttpRequest, pk: int) -> Resource:
    """A resource with its type, its place and who may book it."""
    seen = Resource.objects.visible_to(request.user).with_times()
    found = get_object_or_404(seen, pk=pk)
    within_reach(request, found.location)
    return found


def resource_type(request: HttpRequest, pk: int) -> ResourceType:
    """A type of resources. It has no location: what concerns one asks for the right there."""
    return get_object_or_404(ResourceType, pk=pk)


def check_in(request: HttpRequest, pk: int) -> CheckIn:
    """Somebody who is in, or was."""
    seen = CheckIn.objects.visible_to(request.user).select_related("customer", "location")
    found = get_object_or_404(seen, pk=pk)
    within_reach(request, found.location)
    return found


def location(request: HttpRequest, pk: int) -> Location:
    """A location, for whoever has the page's right there."""
    found = get_object_or_404(Location, pk=pk)
    within_reach(request, found)
    return found


def booking(request: HttpRequest, pk: int) -> Booking:
    """A booking with whom it is for, what it is of, and who pays."""
    seen = Booking.objects.visible_to(request.user).shown()
    found = get_object_or_404(seen.select_related("on_behalf_of__payer", "series"), pk=pk)
    within_reach(request, found.resource.location)
    return found


def invoice(request: HttpRequest, pk: int) -> Invoice:
    """An invoice with who is asked to pay, and how far it is paid."""
    seen = Invoice.objects.visible_to(request.user).shown()
    found = get_object_or_404(seen.select_related("run", "made_by", "issued_by"), pk=pk)
    within_reach(request, found.location)
    return found


def credit_note(request: HttpRequest, pk: int) -> CreditNote:
    """A credit note with the invoice that it corrects."""
    seen = CreditNote.objects.visible_to(request.user)
    related = seen.select_related("customer", "location", "invoice__location", "issued_by")
    found = get_object_or_404(related, pk=pk)
    within_reach(request, found.location)
    return found


def claim(request: HttpRequest, pk: int) -> Claim:
    """A claim with who owes it, and how far it is paid."""
    seen = Claim.objects.visible_to(request.user).shown()
    found = get_object_or_404(seen.select_related("by", "reversal__reverses"), pk=pk)
    within_reach(request, found.location)
    return found


def payment(request: HttpRequest, pk: int) -> Payment:
    """A payment with whose it is, and whether it was taken back."""
    seen = Payment.objects.visible_to(request.user)
    related = seen.select_related("customer", "location", "invoice", "claim", "by", "reversed_by")
    found = get_object_or_404(related, pk=pk)
    within_reach(request, found.location)
    return found


def charge(request: HttpRequest, pk: int) -> Charge:
    """A charge with who pays, who has had it, and the invoice that has taken it."""
    seen = Charge.objects.visible_to(request.user).explained()
    related = seen.select_related(
        "by", "void__by", "contract__plan", "subscription__product", "booking__resource", "product",
        "adjusts", "cycle", "line__invoice__location",
    )  # fmt: skip
    found = get_object_or_404(related.prefetch_related("line__credits__credit_note"), pk=pk)
    within_reach(request, found.location)
    return found


def product(request: HttpRequest, pk: int) -> Product:
    seen = Product.objects.visible_to(request.user).select_related("location")
    found = get_object_or_404(seen.prefetch_related("plans"), pk=pk)
    within_reach(request, found.location)
    return found


def subscription(request: HttpRequest, pk: int) -> Subscription:
    """A subscription with who has it, of what, and who pays."""
    seen = Subscription.objects.visible_to(request.user).select_related(
        "product", "customer__location", "location", "on_behalf_of__payer", "signed_by", "ended_by"
    )
    found = get_object_or_404(seen, pk=pk)
    within_reach(request, found.location)
    return found


def _right(request: HttpRequest) -> str | None:
    """The right that this page needs; None where it only shows something."""
    right: Any = getattr(request, "policy", None)
    return right if right in RIGHTS and right != "see_panel" else None


def within_reach(request: HttpRequest, location: Location | None) -> None:
    """Refuse a page whose right the person does not have at a location (None: everywhere)."""
    right = _right(request)
    if right is None:
        return
    user = request.user
    fine = user.may_everywhere(right) if location is None else user.may(right, at=location)
    if not fine:
        raise PermissionDenied(WORDS[right])


def locations_within_reach(request: HttpRequest, right: str) -> list[Location]:
    """The locations where a person has a right, by name: what a form may offer."""
    places = request.user.places(right)
    found = Location.objects.all()
    return list(found if places is None else found.filter(pk__in=places))
