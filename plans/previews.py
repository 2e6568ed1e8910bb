"""What a deed would bring, found by doing it and taking it back.

The verb itself does it, inside a transaction that is rolled back, so a preview can never differ
from the deed, neither in dates and money nor in what is refused.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from customers.models import Customer
from customers.models.status import Turn
from kit.money import ZERO
from plans.cycles import DAY, Cycle
from plans.models import Contract, Plan
from plans.models.states import LATEST

SHOWN = 3


@dataclass(frozen=True)
class SignUp:
    """A contract as it would be signed: not stored, but complete.

    `cycles` are its first ones, `missed` those due before today, `already` the customer's other
    contracts on the same plan that run or are to come. The customer is `status` today
    instead of `status_before`, and `turns` are the changes of status that come.
    """

    contract: Contract
    cycles: list[Cycle]
    missed: list[Cycle]
    already: list[Contract]
    status_before: str
    status: str
    turns: list[Turn]

    @property
    def minimum_last_day(self) -> dt.date | None:
        return self.contract.minimum_last_day


@dataclass(frozen=True)
class Change:
    """A change of plan as it would be: the old contract's last cycle (None if it never starts)
    and the first ones of the new contract.

    `credit` is what comes back of fees that have fallen due already, `more_deposit` the
    difference to a higher deposit; both before tax.
    """

    old: Contract
    new: Contract
    last_cycle: Cycle | None
    cycles: list[Cycle]
    credit: Decimal = ZERO
    more_deposit: Decimal = ZERO


@dataclass(frozen=True)
class Ending:
    """A contract as it would end: what is still to come of it, its last cycle last, and the
    turns of the customer's status."""

    last_day: dt.date
    cycles: list[Cycle]
    last_cycle_fee: Decimal
    turns: list[Turn]

    @property
    def last_cycle(self) -> Cycle | None:
        return self.cycles[-1] if self.cycles else None


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever is written inside is gone afterwards. Outer transactions go on."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def of_sign_up(plan: Plan, customer: Customer, **what: Any) -> SignUp:
    """What `plan.sign_up(customer, …)` would sign. Raises `Refused` as it does."""
    today = customer.location.today()
    before = customer.status_on(today)
    already = list(customer.contracts.filter(plan=plan).running_or_scheduled(on=today))
    with taken_back():
        contract = plan.sign_up(customer, **what)
        return SignUp(
            contract=contract,
            cycles=contract.first_cycles(SHOWN),
            missed=contract.missed_cycles(),
            already=already,
            status_before=before,
            status=customer.status_on(today),
            turns=[turn for turn in customer.turns() if turn.on > today],
        )


def of_cancellation(contract: Contract, **what: Any) -> Ending:
    """How the contract would end by `contract.cancel(…)`. Raises `Refused` as it does."""
    today = contract.location.today()
    with taken_back():
        cancellation = contract.cancel(**what)
        cycles = [cycle for cycle in contract.cycles(LATEST) if cycle.end > today]
        ending = Ending(
            last_day=cancellation.last_day,
            cycles=cycles,
            last_cycle_fee=contract.discounted(cycles[-1]) if cycles else ZERO,
            turns=[turn for turn in contract.customer.turns() if turn.on > today],
        )
    contract.refresh_from_db()
    return ending


def of_change(contract: Contract, **what: Any) -> Change:
    """What `contract.change_plan(…)` would bring. Raises `Refused` as it does."""
    today = contract.location.today()
    fallen_due, deposit = _fallen_due(contract, today), _deposit_held(contract)
    with taken_back():
        new = contract.change_plan(**what)
        old_cycles = list(contract.cycles(LATEST)) if contract.ends_on else []
        change = Change(
            old=contract,
            new=new,
            last_cycle=old_cycles[-1] if old_cycles else None,
            cycles=new.first_cycles(SHOWN),
            credit=max(ZERO, fallen_due - _fallen_due(contract, today)),
            more_deposit=max(ZERO, new.deposit - deposit),
        )
    contract.refresh_from_db()
    return change


def _deposit_held(contract: Contract) -> Decimal:
    """The highest deposit of a contract and of those whose place it took: differences add up."""
    held, one = contract.deposit, contract
    while (change := getattr(one, "changed_from", None)) is not None:
        one = change.contract
        held = max(held, one.deposit)
    return held


def _fallen_due(contract: Contract, today: dt.date) -> Decimal:
    """The sum of a contract's fees that have fallen due, less its discount."""
    begun = contract.cycles(today + DAY)
    return sum((contract.discounted(one) for one in begun if one.due_on <= today), ZERO)
