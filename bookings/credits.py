"""Booking credit over time: granted when a cycle begins, void when it ends, withdrawn when it will
not come. Doing it twice does it once; pages never wait for it, what is left is computed."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Prefetch

from bookings import signals
from bookings.models.booking import Before, Booking, State
from bookings.models.credits import CreditEntry, CreditGrant, PlanCredit
from bookings.models.ledger import give_back, granted, spend
from bookings.models.making import lock_credit, take_price
from bookings.prices import Tariff
from bookings.standing import Standing
from customers.models import Customer
from kit import audit, clock, locks
from plans.models import Contract

CHUNK = 200
Kind = CreditEntry.Kind


def contracts_with_credit() -> Any:
    """Contracts whose plan includes credit, or once did."""
    credits = PlanCredit.objects.live().prefetch_related("types")
    return (
        Contract.objects.filter(plan__credits__isnull=False)
        .distinct()
        .with_history()
        .select_related("plan", "location", "customer")
        .prefetch_related(
            "plan__prices",
            "price_steps",
            Prefetch("plan__credits", credits),
            Prefetch("credit_grants", CreditGrant.objects.prefetch_related("entries").with_left()),
        )
    )


def roll(
    *, on: dt.date | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Grant what has begun, let expire what has ended, withdraw what does not come; returns how
    many entries were written. `on` is today (None: each contract's location's)."""
    written = 0
    keys = sorted(contracts_with_credit().values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        with transaction.atomic():
            due = contracts_with_credit().filter(pk__in=chunk).order_by("pk")
            busy = [one.pk for one in due if list(_due(one, on or one.location.today()))]
            if busy:
                locks.take(contracts=busy)
                for contract in contracts_with_credit().filter(pk__in=busy).order_by("pk"):
                    written += _put_right(contract, on or contract.location.today())
        progress(min(start + CHUNK, len(keys)), len(keys))
    return written


def _due(contract: Contract, today: dt.date) -> Iterable[tuple[str, Any]]:
    """What is to be written for a contract: ("grant", pot), (kind, grant)."""
    granted_already = {(one.credit_id, one.starts_on) for one in contract.credit_grants.all()}
    pots = Standing(contract.customer, None, None, [contract], frozenset(), False).all_pots(today)
    for pot in pots:
        if (pot.credit.pk, pot.starts_on) not in granted_already:
            yield "missing", pot
    for grant in contract.credit_grants.all():
        comes = _comes(contract, grant)
        if not comes and grant.left:
            yield Kind.WITHDRAWAL, grant
        elif comes and grant.ends_on > today and _withdrawn(grant):
            yield Kind.GRANT, grant
        elif grant.ends_on <= today and grant.left:
            yield Kind.EXPIRY, grant


def _comes(contract: Contract, grant: CreditGrant) -> bool:
    """Whether the cycle of a grant is there by the contract's days, with a day that counts."""
    if contract.is_called_off:
        return False
    cycle = next((one for one in contract.cycles(grant.ends_on) if one.start == grant.starts_on),
                 None)  # fmt: skip
    if cycle is None:
        return False
    days = ((cycle.start + dt.timedelta(days=n)) for n in range((cycle.end - cycle.start).days))
    return any(contract.in_force_on(day) for day in days)


def _withdrawn(grant: CreditGrant) -> bool:
    last = max(grant.entries.all(), key=lambda entry: entry.sequence, default=None)
    return last is not None and last.kind == Kind.WITHDRAWAL


def _put_right(contract: Contract, today: dt.date) -> int:
    written = 0
    for what, it in list(_due(contract, today)):
        if what == "missing":
            granted(it)
        elif what == Kind.GRANT:
            it.write(Kind.GRANT, it.value - it.left, on=today)
        else:
            on = it.ends_on if what == Kind.EXPIRY else today
            it.write(what, -it.left, on=on)
        written += 1
    return written


def follow_contracts(customer: Customer, *, by) -> list[Booking]:
    """After a contract was decided about: bookings ahead whose credit will not come are charged at
    their fixed price, and the credit is withdrawn. Returns the bookings that changed."""
    entries = CreditEntry.objects.filter(grant__contract__customer=customer, kind=Kind.USE)
    ahead = Booking.objects.filter(
        pk__in=entries.values("booking"),
        state__in=[State.TENTATIVE, State.CONFIRMED],
        end__gt=clock.now(),
    ).select_related("resource__location", "resource__type", "customer", "on_behalf_of__payer")
    bookings = [one for one in ahead if _stands_on_sand(one)]
    if bookings:
        lock_credit([customer.pk], {one.resource_id for one in bookings}, bookings=bookings)
        for booking in bookings:
            _replan(booking, by)
    return bookings


def _stands_on_sand(booking: Booking) -> bool:
    """Whether it uses credit of a contract that will not be in force on its day."""
    held = Contract.objects.filter(credit_grants__entries__booking=booking).distinct()
    return any(not contract.in_force_on(booking.on) for contract in held.with_history())


def _replan(booking: Booking, by) -> None:
    booking.refresh_from_db()
    if booking.state not in (State.TENTATIVE, State.CONFIRMED):
        return
    before = Before(booking.resource_id, booking.start, booking.end, booking.price, booking.amount,
                    booking.credit_used, booking.credit_amount)  # fmt: skip
    give_back(booking, by=by, on=booking.on)
    standing = Standing.of(booking.customer, booking.on_behalf_of)
    quote = Tariff.of([booking.resource]).quote(
        booking.resource, booking.start, booking.end, standing=standing, price=booking.price
    )
    take_price(booking, quote)
    booking._save("price", "discount", "billed_minutes", "credit_used", "credit_amount", "amount",
                  "explanation")  # fmt: skip
    spend(booking, quote, by=by)
    changes: dict[str, list] = {
        "credit_used": [before.credit_used, booking.credit_used],
        "amount": [before.amount, booking.amount],
    }  # fmt: skip
    audit.record("booking.credit_withdrawn", booking, by=by, changes=changes)
    signals.booking_changed.send(sender=Booking, booking=booking, by=by, before=before, fee=None)


def forget_unused(contracts: Iterable[int]) -> None:
    """Delete the unused credit of contracts that are taken back with their import."""
    keys = list(contracts)
    CreditEntry.objects.filter(grant__contract__in=keys).delete()
    CreditGrant.objects.filter(contract__in=keys).delete()


def left_on(customer: Customer, on: dt.date) -> list[Any]:
    """What is left of a customer's own booking credit on a day: its pots."""
    return Standing.of(customer).all_pots(on)
