"""Contracts start, end, freeze and resume: each is announced once, on the day it happened.

What is true follows from the contracts alone; what was announced stands in `ContractEvent`.
This file finds the difference and closes it, for the customers that a verb has just touched or
for everybody whose day has come (`roll`). Pages never wait for it: status is computed.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.db.models.expressions import Combinable

from customers.models import Customer
from customers.models.status import Turn, put_right
from kit import bulk, clock, locks
from plans import signals
from plans.cycles import DAY, merged
from plans.models import Contract, ContractEvent, Freeze, HeldAnnouncement
from spaces.models import Location

log = logging.getLogger(__name__)

CHUNK = 200
Kind = ContractEvent.Kind
SIGNALS = {
    Kind.STARTED: signals.contract_started,
    Kind.ENDED: signals.contract_ended,
    Kind.FROZEN: signals.contract_frozen,
    Kind.RESUMED: signals.contract_resumed,
}
# Among the events of one day: what stops comes before what begins.
RANK = {Kind.ENDED: 0, Kind.RESUMED: 1, Kind.STARTED: 2, Kind.FROZEN: 3}


@dataclass
class Outcome:
    """How many events were announced, and which customers' wait because something failed."""

    announced: int = 0
    held: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Outcome") -> None:
        self.announced += other.announced
        self.held.update(other.held)


class Event(NamedTuple):
    on: dt.date
    kind: str
    contract: Contract

    @property
    def key(self) -> tuple[int, str, dt.date]:
        return (self.contract.pk, self.kind, self.on)


def true_events(contract: Contract) -> Iterator[tuple[str, dt.date]]:
    """All that happens to a contract by its dates, past and future, as (kind, date).

    Freezes count as far as they lie within the contract, and those that touch are one: a
    contract that stays frozen has not resumed.
    """
    if contract.is_called_off:
        return
    yield Kind.STARTED, contract.starts_on
    if contract.ends_on is not None:
        yield Kind.ENDED, contract.ends_on + DAY
    spans = [freeze.days for freeze in contract.freezes.all() if freeze.withdrawn_at is None]
    for first, last in merged(spans, contract.starts_on, contract.ends_on):
        yield Kind.FROZEN, first
        if last is not None and last != contract.ends_on:
            yield Kind.RESUMED, last + DAY


def announce(customers: Iterable[int], *, on: dt.date | None = None, by=None) -> Outcome:
    """Announce what is due for these customers and not announced yet, in date order.

    `on` is today (None: each contract's location's). Called inside or outside a transaction;
    takes the customers' locks. Where a receiver fails, its event and that customer's later ones
    stay unclaimed, the failure is kept as a `HeldAnnouncement`, and the next call tries again.
    """
    keys = sorted(set(customers))
    outcome = Outcome()
    with transaction.atomic():
        locks.take(customers=keys)
        if not _announce_together(keys, on, by, outcome):
            for customer in _loaded(keys):
                _announce_one(customer, on, by, outcome)
    return outcome


def roll(
    *, on: dt.date | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Outcome:
    """Announce all that is due at every location, catching up on every day missed.

    Customers go in small transactions, in key order: a killed roll is simply repeated, and two
    at once do each event once. `progress` is told (done, total) after each chunk.
    """
    outcome = Outcome()
    todays = {
        key: on or day for day, keys in Location.objects.all().todays().items() for key in keys
    }
    due = sorted({key for day in set(todays.values()) for key in due_customers(on=day, at=[
        location for location, today in todays.items() if today == day
    ])})  # fmt: skip
    for start in range(0, len(due), CHUNK):
        outcome.add(announce(due[start : start + CHUNK], on=on))
        progress(min(start + CHUNK, len(due)), len(due))
    return outcome


def due_customers(*, on: dt.date, at: list[int]) -> set[int]:
    """Customers who may have something to announce at these locations by this day.

    May name a few too many (freezes that touch), never too few.
    """

    def told(kind: str, day) -> Exists:
        return Exists(
            ContractEvent.objects.filter(
                contract=OuterRef("pk"), kind=kind, on=day, withdrawn_at=None
            )
        )

    here = Contract.objects.standing().filter(location__in=at)
    started = here.filter(~told(Kind.STARTED, OuterRef("starts_on")), starts_on__lte=on)
    # A date column plus a day is spelled differently by each engine: compare the other way.
    ended = here.filter(
        ~Exists(
            ContractEvent.objects.filter(
                contract=OuterRef("pk"), kind=Kind.ENDED, withdrawn_at=None,
                on__gt=OuterRef("ends_on"),
            )
        ),
        ends_on__lt=on,
    )  # fmt: skip
    freezes = Freeze.objects.standing().filter(
        Q(contract__ends_on=None) | Q(contract__ends_on__gte=F("from_on")),
        contract__location__in=at,
        from_on__lte=on,
    )

    def untold(kind: str, **day) -> Combinable:
        return ~Exists(
            ContractEvent.objects.filter(
                contract=OuterRef("contract"), kind=kind, withdrawn_at=None, **day
            )
        )

    froze = freezes.filter(untold(Kind.FROZEN, on__gte=OuterRef("from_on")))
    resumed = freezes.filter(
        Q(contract__ends_on=None) | Q(contract__ends_on__gt=F("until")),
        untold(Kind.RESUMED, on__gt=OuterRef("until")),
        until__lt=on,
    )
    return {
        *started.values_list("customer_id", flat=True),
        *ended.values_list("customer_id", flat=True),
        *froze.values_list("contract__customer_id", flat=True),
        *resumed.values_list("contract__customer_id", flat=True),
        *HeldAnnouncement.objects.filter(customer__location__in=at).values_list(
            "customer_id", flat=True
        ),
    }


def _loaded(keys: list[int]) -> Iterable[Customer]:
    # Prefetched rather than joined: a plan is read once, however many contracts it has.
    contracts = Contract.objects.prefetch_related(
        "plan", "location", "freezes", "call_offs", "events"
    )
    return (
        Customer.objects.filter(pk__in=keys)
        .prefetch_related(
            "location", "changes", "held_announcement", Prefetch("contracts", contracts)
        )
        .order_by("pk")
    )


def _announce_together(keys: list[int], on: dt.date | None, by, outcome: Outcome) -> bool:
    """Everybody's share with the claims written at once; False, and undone, if anything fails."""
    if len(keys) == 1:
        return False
    try:
        with transaction.atomic():
            announced = 0
            customers = list(_loaded(keys))
            due = {customer.pk: _due_events(customer, on) for customer in customers}
            bulk.insert([_claim(event, by) for events in due.values() for event in events])
            for customer in customers:
                _withdraw_untrue_events(customer)
                for event in due[customer.pk]:
                    _send(event, by)
                    announced += 1
                _put_status_right(customer, on, by)
                if _is_held(customer):
                    customer.held_announcement.delete()
    except Exception:
        if connection.needs_rollback:
            raise
        log.info("announcing one by one, because something failed")
        return False
    outcome.announced += announced
    return True


def _announce_one(customer: Customer, on: dt.date | None, by, outcome: Outcome) -> None:
    """One customer's share. What fails is undone to its savepoint and reported."""
    announced = 0
    try:
        _withdraw_untrue_events(customer)
        for event in _due_events(customer, on):
            with transaction.atomic():
                _claim(event, by).save(force_insert=True)
                _send(event, by)
            announced += 1
        with transaction.atomic():
            _put_status_right(customer, on, by)
    except Exception as error:
        if connection.needs_rollback:
            raise
        log.exception("events of customer %s wait for the next daily job", customer.pk)
        outcome.held[customer.pk] = f"{type(error).__name__}: {error}"
        HeldAnnouncement.objects.update_or_create(
            customer=customer, defaults={"error": outcome.held[customer.pk]}
        )
    else:
        if _is_held(customer):
            customer.held_announcement.delete()
    outcome.announced += announced


def _is_held(customer: Customer) -> bool:
    return getattr(customer, "held_announcement", None) is not None


def _withdraw_untrue_events(customer: Customer) -> None:
    untrue = []
    for contract in customer.contracts.all():
        true = set(true_events(contract))
        untrue += [
            event.pk
            for event in contract.events.all()
            if event.withdrawn_at is None and (event.kind, event.on) not in true
        ]
    if untrue:
        ContractEvent.objects.filter(pk__in=untrue).update(withdrawn_at=clock.now())


def _due_events(customer: Customer, on: dt.date | None) -> list[Event]:
    due = []
    for contract in customer.contracts.all():
        today = on or contract.location.today()
        told = {
            (event.kind, event.on) for event in contract.events.all() if event.withdrawn_at is None
        }
        due += [
            Event(day, kind, contract)
            for kind, day in true_events(contract)
            if day <= today and (kind, day) not in told
        ]
    return sorted(due, key=lambda event: (event.on, RANK[Kind(event.kind)], event.contract.pk))


def _claim(event: Event, by) -> ContractEvent:
    same_day = [e for e in event.contract.events.all() if (e.kind, e.on) == (event.kind, event.on)]
    return ContractEvent(
        contract=event.contract,
        kind=event.kind,
        on=event.on,
        generation=1 + max((e.generation for e in same_day), default=0),
        by=by,
    )


def _send(event: Event, by) -> None:
    SIGNALS[Kind(event.kind)].send(
        sender=Contract, contract=event.contract, on=event.on, by=by, quiet=event.contract.quiet
    )


def _put_status_right(customer: Customer, on: dt.date | None, by) -> None:
    def has_come(turn: Turn) -> bool:
        return turn.on <= (on or turn.contract.location.today())

    put_right(customer, due=has_come, today=on or customer.location.today(), by=by)
