"""Proof on live data that the house's invariants hold; each finding is a sentence."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext as _

from bookings.explaining import sums_to
from bookings.models import Assignment, Booking, CreditEntry, CreditGrant, LateFee
from coworking import integrity_billing
from customers.models import Customer, Suspension
from kit import audit, guards, words
from kit.money import ZERO
from plans.announcements import true_events
from plans.models import Contract, ContractEvent, Freeze, Plan
from spaces.models import Location

PAGE = 1000


class Proof(NamedTuple):
    """What is proved, and the function that finds what speaks against it."""

    name: str
    find: Callable[[], Iterator[str]]


def guards_stand() -> Iterator[str]:
    for name in guards.missing():
        yield _("The guard %s is not standing.") % name


def audit_log_is_whole() -> Iterator[str]:
    yield from audit.broken()


def freezes_stay_apart() -> Iterator[str]:
    later = Freeze.objects.standing().select_related("contract").order_by("contract", "from_on")
    previous = None
    for freeze in later.iterator(PAGE):
        if (
            previous is not None
            and previous.contract_id == freeze.contract_id
            and (previous.until is None or previous.until >= freeze.from_on)
        ):
            yield _("Contract %d is frozen twice on %s.") % (freeze.contract_id, freeze.from_on)
        previous = freeze


def contracts_are_in_order() -> Iterator[str]:
    for contract in Contract.objects.filter(ends_on__lt=F("starts_on")):
        yield _("Contract %d ends before it starts.") % contract.pk
    for contract in Contract.objects.exclude(plan__currency=F("location__currency")):
        yield _("Contract %d is sold in a currency that is not its location's.") % contract.pk
    priceless = Plan.objects.annotate(number=Count("prices", filter=Q(prices__from_on=None)))
    for plan in priceless.exclude(number=1):
        yield _("The plan %s has no price since always.") % plan


def limited_plans_are_not_overfull() -> Iterator[str]:
    for plan in Plan.objects.exclude(subscriber_limit=None):
        today = plan.today()
        taken = plan.taken_on_any_day(today, today)
        if plan.subscriber_limit is not None and taken > plan.subscriber_limit:
            yield _("The plan %(plan)s has %(taken)d subscribers; its limit is %(limit)d.") % {
                "plan": plan, "taken": taken, "limit": plan.subscriber_limit,
            }  # fmt: skip


def announcements_are_true() -> Iterator[str]:
    """What the ledgers say happened did happen, by the contracts as they stand."""
    last = 0
    contracts = Contract.objects.prefetch_related("freezes", "call_offs", "events").order_by("pk")
    while page := list(contracts.filter(pk__gt=last)[:PAGE]):
        last = page[-1].pk
        for contract in page:
            true = set(true_events(contract))
            for event in contract.events.all():
                if event.withdrawn_at is None and (event.kind, event.on) not in true:
                    yield _("Contract %d did not do what was announced: %s.") % (contract.pk, event)


def statuses_follow_from_contracts() -> Iterator[str]:
    """The SQL expression, its Python twin and the announced changes agree today."""
    for today, keys in Location.objects.all().todays().items():
        customers = Customer.objects.filter(location__in=keys).with_status(on=today).order_by("pk")
        last = 0
        while page := list(
            customers.filter(pk__gt=last).prefetch_related(
                "contracts__freezes", "contracts__call_offs", "changes"
            )[:PAGE]
        ):
            last = page[-1].pk
            for customer in page:
                twin = customer.status_on(today)
                if customer.shown_status != twin:
                    yield _("Customer %d is %s in SQL and %s in Python.") % (
                        customer.pk, customer.shown_status, twin,
                    )  # fmt: skip
                told = [c for c in customer.changes.all() if c.withdrawn_at is None]
                before = [c for c in told if c.on <= today]
                last_word = max(before, key=lambda c: (c.on, c.pk)).status if before else twin
                if last_word != twin and not _waits(customer, today):
                    yield _("Customer %d was announced otherwise than it is.") % customer.pk


def suspensions_are_single() -> Iterator[str]:
    twice = Suspension.objects.filter(lifted_at=None).values("customer")
    for row in twice.annotate(number=Count("pk")).filter(number__gt=1):
        yield _("Customer %d is suspended twice.") % row["customer"]


def names_can_be_found() -> Iterator[str]:
    """The plain texts for searching and sorting are what the names say."""
    last = 0
    while page := list(Customer.objects.order_by("pk").filter(pk__gt=last)[:PAGE]):
        last = page[-1].pk
        for customer in page:
            if customer.sort_name != words.plain(customer.name) or (
                customer.search_text != words.plain(customer.searchable)
            ):
                yield _("Customer %d cannot be found by its name.") % customer.pk


def bookings_stay_apart() -> Iterator[str]:
    """No two bookings of a resource have a moment in common, preparation included, and none lies
    in the days of a contract that occupies it."""
    taken = Booking.objects.blocking().order_by("resource", "blocked_from", "pk")
    previous: Any = None
    for row in taken.values("pk", "resource", "blocked_from", "blocked_until").iterator(PAGE):
        if (
            previous is not None
            and previous["resource"] == row["resource"]
            and previous["blocked_until"] > row["blocked_from"]
        ):
            yield _("Bookings %d and %d overlap.") % (previous["pk"], row["pk"])
        if previous is None or previous["resource"] != row["resource"] or (
            row["blocked_until"] > previous["blocked_until"]
        ):  # fmt: skip
            previous = row
    for one in Assignment.objects.standing().order_by("pk"):
        rivals = Booking.objects.blocking().filter(
            resource=one.resource_id, blocked_until__gt=one.blocked_from
        )
        others = Assignment.objects.overlapping(one.blocked_from, one.blocked_until).filter(
            resource=one.resource_id, pk__gt=one.pk
        )
        if one.blocked_until is not None:
            rivals = rivals.filter(blocked_from__lt=one.blocked_until)
        for key in rivals.values_list("pk", flat=True):
            yield _("Booking %d lies in the days of assignment %d.") % (key, one.pk)
        for key in others.values_list("pk", flat=True):
            yield _("Assignments %d and %d overlap.") % (one.pk, key)


def bookings_cost_what_they_say() -> Iterator[str]:
    """The sums of each booking follow from its explanation."""
    last = 0
    while page := list(Booking.objects.filter(pk__gt=last).order_by("pk")[:PAGE]):
        last = page[-1].pk
        for booking in page:
            gone = booking.state in (Booking.State.CANCELLED, Booking.State.LAPSED)
            expected = ZERO if gone else sums_to(booking.explanation)
            if booking.amount != expected:
                yield _("Booking %(key)d is charged %(is)s; its explanation says %(should)s.") % {
                    "key": booking.pk, "is": booking.amount, "should": expected,
                }  # fmt: skip


def booking_credit_adds_up() -> Iterator[str]:
    """What is left of each grant is the sum of its entries, never below zero, and each booking has
    used what it says."""
    last = 0
    while page := list(
        CreditGrant.objects.filter(pk__gt=last).order_by("pk").prefetch_related("entries")[:PAGE]
    ):
        last = page[-1].pk
        for grant in page:
            left = ZERO
            for number, entry in enumerate(grant.entries.all(), start=1):
                left += entry.value
                if entry.left != left or left < 0 or entry.sequence != number:
                    yield _("The ledger of credit grant %d does not add up.") % grant.pk
                    break
    used = dict(
        CreditEntry.objects.filter(booking__isnull=False, grant__unit="minutes")
        .values("booking").annotate(sum=Sum("value")).values_list("booking", "sum")
    )  # fmt: skip
    kept = dict(
        LateFee.objects.filter(withdrawn_at=None)
        .values("booking").annotate(sum=Sum("credit_used")).values_list("booking", "sum")
    )  # fmt: skip
    says = dict(Booking.objects.filter(credit_used__gt=0).values_list("pk", "credit_used"))
    for key in sorted(used.keys() | says.keys() | kept.keys()):
        if -used.get(key, ZERO) != says.get(key, 0) + kept.get(key, 0):
            yield _("Booking %d has used other credit than it says.") % key


def _waits(customer: Customer, today) -> bool:
    """Whether something that has happened is still to be announced by the daily job."""
    for contract in customer.contracts.all():
        told = set(
            ContractEvent.objects.filter(contract=contract, withdrawn_at=None).values_list(
                "kind", "on"
            )
        )
        if any(day <= today and (kind, day) not in told for kind, day in true_events(contract)):
            return True
    return False


PROOFS = [
    Proof("guards", guards_stand),
    Proof("audit log", audit_log_is_whole),
    Proof("contracts", contracts_are_in_order),
    Proof("freezes", freezes_stay_apart),
    Proof("limited plans", limited_plans_are_not_overfull),
    Proof("announcements", announcements_are_true),
    Proof("statuses", statuses_follow_from_contracts),
    Proof("suspensions", suspensions_are_single),
    Proof("names", names_can_be_found),
    Proof("bookings", bookings_stay_apart),
    Proof("booking prices", bookings_cost_what_they_say),
    Proof("booking credit", booking_credit_adds_up),
    *(Proof(name, find) for name, find in integrity_billing.PROOFS),
]
