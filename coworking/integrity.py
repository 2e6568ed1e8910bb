"""Proof on live data that the house's invariants hold; each finding is a sentence."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from customers.models import Customer, Suspension
from kit import audit, guards, words
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
]
