"""What a deed would bring, found by doing it and taking it back.

The verb itself does it, inside a transaction that is rolled back, so a preview can never differ
from the deed, neither in dates and money nor in what is refused.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from customers.models import Customer
from customers.models.status import Turn
from plans.cycles import Cycle
from plans.models import Contract, Plan
from plans.models.contracts import LATEST

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
    and the first ones of the new contract."""

    old: Contract
    new: Contract
    last_cycle: Cycle | None
    cycles: list[Cycle]


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


def of_change(contract: Contract, **what: Any) -> Change:
    """What `contract.change_plan(…)` would bring. Raises `Refused` as it does."""
    with taken_back():
        new = contract.change_plan(**what)
        old_cycles = list(contract.cycles(LATEST)) if contract.ends_on else []
        change = Change(
            old=contract,
            new=new,
            last_cycle=old_cycles[-1] if old_cycles else None,
            cycles=new.first_cycles(SHOWN),
        )
    contract.refresh_from_db()
    return change
