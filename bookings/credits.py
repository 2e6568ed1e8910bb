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
        ends_on = _ends_on(contract, grant)
        if ends_on is None:
            if grant.left:
                yield Kind.WITHDRAWAL, grant
        elif ends_on > today and _withdrawn(grant):
            yield Kind.GRANT, grant
        elif ends_on <= today and grant.left:
            yield Kind.EXPIRY, grant


def _ends_on(contract: Contract, grant: CreditGrant) -> dt.date | None:
    """The day after the last one of a grant's cycle, by the days that the contract has by now: it
    may run on for longer than when it was granted. None where no day of the cycle counts."""
    if contract.is_called_off:
        return None
    cycle = next((one for one in contract.cycles(grant.ends_on) if one.start == grant.starts_on),
                 None)  # fmt: skip
    if cycle is None:
        return None
    days = ((cycle.start + dt.timedelta(days=n)) for n in range((cycle.end - cycle.start).days))
    if not any(contract.in_force_on(day) for day in days):
        return None
    return max(cycle.end, grant.ends_on)


def _withdrawn(grant: CreditGrant) -> Any:
    """How much of a grant was withdrawn and not granted again."""
    entries = grant.entries.all()
    gone = sum(entry.value for entry in entries if entry.kind == Kind.WITHDRAWAL)
    again = sum(entry.value for entry in entries if entry.kind == Kind.GRANT) - grant.value
    return -(gone + again)


def _put_right(contract: Contract, today: dt.date) -> int:
    written = 0
    for what, it in list(_due(contract, today)):
        if what == "missing":
            granted(it)
        elif what == Kind.GRANT:
            it.write(Kind.GRANT, _withdrawn(it), on=today)
        else:
            on = _ends_on(contract, it) or today if what == Kind.EXPIRY else today
            it.write(what, -it.left, on=on)
        written += 1
    return written


def follow_contracts(customer: Customer, *, by) -> list[Booking]:
    """After a contract was decided about: bookings ahead whose credit will not come are charged at
    their fixed price, and the credit is withdrawn. Returns the bookings that changed."""
    bookings = on_sand(customer)
    if bookings:
        lock_credit([customer.pk], {one.resource_id for one in bookings}, bookings=bookings)
        for booking in bookings:
            _replan(booking, by)
    return bookings


def coming_again(customer: Customer) -> list[Contract]:
    """Contracts whose credit was withdrawn, and whose cycle comes after all."""
    withdrawn = CreditEntry.objects.filter(grant__contract__customer=customer, kind=Kind.WITHDRAWAL)
    keys = set(withdrawn.values_list("grant__contract", flat=True))
    if not keys:
        return []
    return [
        contract
        for contract in contracts_with_credit().filter(pk__in=keys)
        if any(what == Kind.GRANT for what, _it in _due(contract, contract.location.today()))
    ]


def grant_again(contract: Contract) -> None:
    """Give back at once what was withdrawn; the contract is locked."""
    for what, grant in list(_due(contract, contract.location.today())):
        if what == Kind.GRANT:
            grant.write(Kind.GRANT, _withdrawn(grant), on=contract.location.today())


def on_sand(customer: Customer) -> list[Booking]:
    """Bookings ahead that use credit of a contract of this customer which will not come."""
    entries = CreditEntry.objects.filter(grant__contract__customer=customer, kind=Kind.USE)
    ahead = Booking.objects.filter(
        pk__in=entries.values("booking"),
        state__in=[State.TENTATIVE, State.CONFIRMED],
        end__gt=clock.now(),
    ).select_related("resource__location", "resource__type", "customer", "on_behalf_of__payer")
    return [one for one in ahead if _stands_on_sand(one)]


def _stands_on_sand(booking: Booking) -> bool:
    """Whether it uses credit of a contract that will not be in force on its day; not what it has
    given back by now, nor what was kept of it on another day."""
    if not (booking.credit_used or booking.credit_amount):
        return False
    keys = {credit["contract"] for credit in booking.explanation["credit"]}
    held = Contract.objects.filter(pk__in=keys)
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
        booking.resource, booking.start, booking.end, standing=standing, fixed=booking.explanation
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
