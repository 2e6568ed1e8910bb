"""Whom a booking is for, as far as access, rates and credit go: by the status and the plans on the
booking's day, as known when it is booked. For a team's booking the payer's count as well."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Self

from django.db.models import Prefetch
from django.utils.functional import cached_property

from bookings.models.credits import CreditGrant, PlanCredit, SharedCredit
from bookings.pots import Pot
from customers.models import Customer, Suspension, Team, TeamMembership
from customers.models.status import Status
from kit.problems import Problem
from plans.cycles import Cycle
from plans.models import Contract

DAY = dt.timedelta(days=1)


@dataclass
class Standing:
    """A customer, the team it books for, and the contracts that decide.

    Read once, and asked for any day without a query more.
    """

    customer: Customer
    team: Team | None
    payer: Customer | None
    contracts: list[Contract]
    teams: frozenset[int]
    credit_is_shared: bool
    _cycles: dict[tuple[int, dt.date], Cycle | None] = field(default_factory=dict)
    _led: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, customer: Customer, team: Team | None = None) -> Self:
        """Read all of it: five queries, two more for a team with a payer."""
        payer = team.payer if team is not None and team.payer_id else None
        people = {customer.pk, *([payer.pk] if payer else [])}
        credits = PlanCredit.objects.live().prefetch_related("types")
        contracts = (
            Contract.objects.standing()
            .filter(customer__in=people)
            .with_history()
            .select_related("plan", "location")
            .prefetch_related("plan__prices", "price_steps", Prefetch("plan__credits", credits))
            .prefetch_related(Prefetch("credit_grants", CreditGrant.objects.with_left()))
            .order_by("pk")
        )
        memberships = TeamMembership.objects.filter(customer=customer, left_at=None)
        return cls(
            customer=customer,
            team=team,
            payer=payer,
            contracts=list(contracts),
            teams=frozenset(memberships.values_list("team", flat=True)),
            credit_is_shared=bool(
                payer and payer != customer and SharedCredit.objects.open().filter(team=team)
            ),
        )

    @classmethod
    def of_a_contact(cls) -> "Standing":
        """Somebody who is not known yet: a contact without contracts, teams and credit."""
        made = cls(Customer(), None, None, [], frozenset(), False)
        made.__dict__["suspension"] = None
        return made

    @cached_property
    def suspension(self) -> Suspension | None:
        """The customer's open suspension."""
        return self.customer.suspension

    @cached_property
    def payers_suspension(self) -> Suspension | None:
        """That of whoever pays for the team, if it is somebody else."""
        if self.payer is None or self.payer.pk == self.customer.pk:
            return None
        return self.payer.suspension

    @cached_property
    def spending_problems(self) -> list[Problem]:
        """Why the customer may not spend for the team, where somebody pays for it."""
        if self.team is None or self.payer is None:
            return []
        against = self.team.spending_problems(self.customer)
        return [problem for problem in against if problem.code == "may_not_spend"]

    def may_be_acted_for_by(self, by: Any) -> bool:
        """Whether somebody who is no staff acts for the customer: it is their own, or it is in a
        team of which they are an admin and for which this is booked."""
        return by.pk == self.customer.user_id or self.is_led_by(by)

    def is_led_by(self, by: Any) -> bool:
        """Whether somebody is an admin of the team for which this is booked."""
        if by is None or self.team is None:
            return False
        if by.pk not in self._led:
            self._led[by.pk] = self.team.is_admin(by)
        return self._led[by.pk]

    def in_force(self, on: dt.date) -> list[Contract]:
        return [one for one in self.contracts if one.in_force_on(on)]

    def statuses(self, on: dt.date) -> frozenset[str]:
        """The statuses that count: the customer's, and the payer's where one pays."""
        members = {one.customer_id for one in self.in_force(on)}
        people = [self.customer, *([self.payer] if self.payer else [])]
        return frozenset(
            str(Status.MEMBER if one.pk in members else Status.CONTACT) for one in people
        )

    def plans(self, on: dt.date) -> frozenset[int]:
        """The keys of the plans in force, the payer's among them."""
        return frozenset(one.plan_id for one in self.in_force(on))

    # Credit

    def pots(self, on: dt.date, type_key: int, currency: str) -> list[Pot]:
        """The booking credit that a booking on a day may use for a type of resources, in the order
        in which it is used: own before shared, soonest to expire first.

        Of each contract in force that day, the credit of the cycle in which the day lies: as it was
        granted, or as it will be. Credit in money is good where its currency is.
        """
        found = []
        for contract in self.in_force(on):
            shared = contract.customer_id != self.customer.pk
            if shared and not self.credit_is_shared:
                continue
            found += [
                pot
                for pot in self._pots_of(contract, on, shared)
                if type_key in pot.types
                and (pot.unit == "minutes" or contract.location.currency == currency)
            ]
        return sorted(
            found, key=lambda pot: (pot.shared, pot.ends_on, pot.contract.pk, pot.credit.pk)
        )

    def all_pots(self, on: dt.date) -> list[Pot]:
        """Every pot of the customer's own on a day, for showing what is left."""
        own = [one for one in self.in_force(on) if one.customer_id == self.customer.pk]
        return [pot for contract in own for pot in self._pots_of(contract, on, False)]

    def _pots_of(self, contract: Contract, on: dt.date, shared: bool) -> list[Pot]:
        cycle = self.cycle(contract, on)
        if cycle is None:
            return []
        granted = {
            grant.credit_id: grant
            for grant in contract.credit_grants.all()
            if grant.starts_on == cycle.start
        }
        pots = []
        included = list(contract.plan.credits.all())
        # What the plan includes no more may have been granted before.
        if more := granted.keys() - {credit.pk for credit in included}:
            included += PlanCredit.objects.filter(pk__in=more).prefetch_related("types")
        for credit in included:
            grant = granted.get(credit.pk)
            left = grant.left if grant else credit.value * contract.quantity
            pots.append(
                Pot(
                    contract=contract, credit=credit, grant=grant, left=left, shared=shared,
                    starts_on=cycle.start, ends_on=cycle.end,
                    unit=grant.unit if grant else credit.unit,
                    types=frozenset(one.pk for one in credit.types.all()),
                )
            )  # fmt: skip
        return pots

    def cycle(self, contract: Contract, on: dt.date) -> Cycle | None:
        """The contract's cycle in which a day lies."""
        key = (contract.pk, on)
        if key not in self._cycles:
            found = contract.coming_cycles(1, on=on)
            runs = bool(found) and found[0].start <= on
            self._cycles[key] = found[0] if runs else None
        return self._cycles[key]
