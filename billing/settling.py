"""Settling cycles: a fee is charged for each, or it is waived, once. What a later decision makes
smaller or larger is for `billing.corrections`.

What is decided here depends on the contract, its dates and the customer's suspensions alone, never
on when it is asked.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from billing import charging, taxing
from billing.models.accounts import Account
from billing.models.charges import BilledCycle, Charge
from billing.models.crediting import left_of
from customers.models import Customer, Suspension
from kit import words
from kit.money import ZERO
from kit.problems import in_words
from plans.cycles import Cycle
from plans.models import Contract

Kind, Reason = BilledCycle.Kind, BilledCycle.Reason


class Verdict(NamedTuple):
    """What is to become of a cycle: a fee that may be invoiced from a day on, or a waiver."""

    kind: str
    reason: str = ""
    ripe_on: dt.date | None = None


class Settled(NamedTuple):
    """A settled cycle with the fee charged for it, if one is; not stored yet."""

    row: BilledCycle
    charge: Charge | None


def verdict(agreement: Any, cycle: Cycle, suspensions: Sequence[Suspension]) -> Verdict | None:
    """What is to become of a cycle that is due; None while its customer is suspended.

    Due before the contract was signed: waived or charged at once, as was said when it was signed.
    Due on a day that began with the customer suspended: decided by whoever lifts it. Else its fee
    is charged; there is none where it is frozen on all its days.
    """
    found = _verdict(agreement, cycle, suspensions)
    if found is not None and found.kind == Kind.FEE and not cycle.days:
        return Verdict(Kind.WAIVER, Reason.FROZEN)
    return found


def _verdict(agreement: Any, cycle: Cycle, suspensions: Sequence[Suspension]) -> Verdict | None:
    missed = cycle.due_on < agreement.signed_on
    if missed:
        if not getattr(agreement, "bill_missed", True) or _was_waived(agreement, cycle):
            return Verdict(Kind.WAIVER, Reason.BACKDATED)
        if _takes_anothers_place(agreement) is None:
            return Verdict(Kind.FEE, ripe_on=agreement.signed_on)
    suspension = suspended_at(suspensions, cycle.due_on)
    if suspension is None:
        return Verdict(Kind.FEE, ripe_on=agreement.signed_on if missed else cycle.due_on)
    if suspension.lifted_at is None:
        return None
    if suspension.bill_missed:
        lifted_on = suspension.lifted_on or cycle.due_on
        return Verdict(Kind.FEE, ripe_on=max(lifted_on, agreement.signed_on))
    return Verdict(Kind.WAIVER, Reason.SUSPENDED)


def _takes_anothers_place(agreement: Any) -> Contract | None:
    """The contract whose place it took by a change of plan: days that had passed by then are billed
    as they were on the old one."""
    change = getattr(agreement, "changed_from", None)
    return change.contract if change is not None else None


def _was_waived(agreement: Any, cycle: Cycle) -> bool:
    """Whether these days were waived on the contract whose place it took, as due before signing."""
    old = _takes_anothers_place(agreement)
    return old is not None and not old.bill_missed and cycle.due_on < old.signed_on


def suspended_at(suspensions: Sequence[Suspension], day: dt.date) -> Suspension | None:
    """The suspension that decides about what is due on a day: one with which the day began, or
    the one that took its place. An open one first."""
    found = None
    for one in suspensions:
        if one.suspended_on < day and (one.lifted_on is None or day <= one.lifted_on):
            found = _last_of(suspensions, one)
            if found.lifted_at is None:
                return found
    return found


def _last_of(suspensions: Sequence[Suspension], one: Suspension) -> Suspension:
    """Follow a suspension through those that took its place: each begins when one is lifted."""
    while one.lifted_at is not None:
        following = [two for two in suspensions
                     if two.pk != one.pk and two.suspended_at == one.lifted_at]  # fmt: skip
        if not following:
            return one
        one = following[0]
    return one


def settled(agreement: Any, cycle: Cycle, payer: Customer, found: Verdict) -> Settled:
    """The rows that settle a cycle."""
    of = relation_of(agreement)
    row = BilledCycle(
        starts_on=cycle.start, ends_on=cycle.end, due_on=cycle.due_on, kind=found.kind,
        reason=found.reason, price=cycle.price, discount=agreement.best_discount,
        **{of: agreement},
    )  # fmt: skip
    if found.kind == Kind.WAIVER:
        return Settled(row, None)
    kind = Charge.Kind.FEE if of == "contract" else Charge.Kind.SUBSCRIPTION
    charge = charging.drafted(
        payer, agreement.location, kind=kind, used_by=agreement.customer,
        text=f"{agreement}, {words.span(cycle.start, cycle.last_day)}", on=cycle.due_on,
        ripe_on=found.ripe_on, item=item_of(agreement), starts_on=cycle.start, ends_on=cycle.end,
        quantity=agreement.quantity, on_behalf_of=agreement.on_behalf_of,
        explanation=explanation_of(agreement, cycle, row), cycle=row, **{of: agreement},
        tax_on=taxing.fee_day(agreement.location, cycle.last_day, cycle.due_on),
    )  # fmt: skip
    return Settled(row, charge)


def relation_of(agreement: Any) -> str:
    """The field that names a contract or a subscription: "contract" or "subscription"."""
    return "contract" if isinstance(agreement, Contract) else "subscription"


def item_of(agreement: Any) -> Any:
    """The plan or the product that was sold."""
    return agreement.plan if isinstance(agreement, Contract) else agreement.product


def explanation_of(agreement: Any, cycle: Cycle, row: BilledCycle) -> dict[str, Any]:
    """The explanation of a cycle's fee, as JSON; see `billing.explaining`."""
    team = agreement.on_behalf_of
    by_team = team is not None and row.discount and team.discount == row.discount
    return {
        "kind": "fee",
        "of": "contract" if isinstance(agreement, Contract) else "subscription",
        "key": agreement.pk,
        "name": str(agreement),
        "starts_on": cycle.start.isoformat(),
        "ends_on": cycle.end.isoformat(),
        "days": cycle.days,
        "of_days": cycle.of_days,
        "frozen": cycle.frozen,
        "piece": f"{row.price:f}",
        "source": agreement.price_source(cycle.start),
        "quantity": agreement.quantity,
        "discount": f"{row.discount:f}",
        "team": team.name if by_team and team is not None else "",
        "purchase_order": getattr(agreement, "purchase_order", ""),
        "every": [agreement.cycle_length, agreement.cycle_unit],
    }


def unsettled(agreement: Any, on: dt.date, starts: Iterable[dt.date] | None = None) -> list[Cycle]:
    """Cycles due on a day or before that have no row; `starts` are those that have one."""
    if starts is None:
        starts = agreement.billed_cycles.values_list("starts_on", flat=True)
    done = set(starts)
    return [cycle for cycle in agreement.fallen_due(on) if cycle.start not in done]


def settle(agreement: Any, cycles: Sequence[Cycle], *, by) -> list[Charge]:
    """Settle those of these cycles that are not, one by one; returns the fees charged."""
    if not cycles:
        return []
    done = set(agreement.billed_cycles.values_list("starts_on", flat=True))
    suspensions = list(agreement.customer.suspensions.order_by("suspended_at", "pk"))
    payer = charging.payer_of(agreement.customer, agreement.on_behalf_of)
    charges = []
    for cycle in cycles:
        if cycle.start in done:
            continue
        found = verdict(agreement, cycle, suspensions)
        if found is None:
            continue
        row, charge = settled(agreement, cycle, payer, found)
        row.by = by
        with in_words():
            row.save(force_insert=True)
        if charge is not None:
            charge.cycle, charge.by = row, by
            charges.append(charging.stored(charge))
    return charges


# What is charged when a contract is signed, or called off


def charge_signing(contract: Contract, *, instead_of: Contract | None, by, on: dt.date) -> None:
    """Charge the sign-up fee and the deposit of a contract that was just signed, and invoice them
    at once. One that takes another's place pays only the difference to a higher deposit; imported
    contracts were signed long ago and pay nothing."""
    if contract.quiet:
        return
    payer = charging.payer_of(contract.customer, contract.on_behalf_of)
    common: dict[str, Any] = {
        "on": on, "ripe_on": on, "used_by": contract.customer, "by": by, "contract": contract,
        "on_behalf_of": contract.on_behalf_of, "item": contract.plan,
    }  # fmt: skip
    charges = []
    if contract.sign_up_fee:
        charges.append(
            charging.drafted(
                payer, contract.location, kind=Charge.Kind.SIGN_UP_FEE,
                text=_("%s: sign-up fee") % contract,
                explanation={
                    "kind": "sign_up_fee", "name": str(contract), "quantity": 1,
                    "piece": f"{contract.sign_up_fee:f}",
                    "discount": f"{contract.best_discount:f}", "team": "",
                    "purchase_order": contract.purchase_order,
                },
                **common,
            )
        )  # fmt: skip
    held = ZERO
    if instead_of is not None and instead_of.location_id == contract.location_id:
        held = _held_before(instead_of)
    if contract.deposit > held:
        charges.append(
            charging.drafted(
                payer, contract.location, kind=Charge.Kind.DEPOSIT,
                text=_("%s: deposit") % contract,
                explanation={"kind": "deposit", "name": str(contract),
                             "piece": f"{contract.deposit:f}", "held": f"{held:f}",
                             "purchase_order": contract.purchase_order},
                **common,
            )
        )  # fmt: skip
    if charges:
        Account.objects.of(payer, contract.location)
        made = [charging.stored(charge) for charge in charges]
        charging.invoice_at_once(payer, contract.location, made, by=by, on=on)


def _held_before(contract: Contract) -> Decimal:
    """The deposits that a contract, and those whose place it took, asked for and still hold."""
    held, seen = ZERO, set()
    one: Contract | None = contract
    while one is not None and one.pk not in seen:
        seen.add(one.pk)
        deposits = one.charges.filter(kind=Charge.Kind.DEPOSIT, void=None, deposit_return=None)
        for charge in deposits.select_related("line"):
            line = getattr(charge, "line", None)
            held += left_of(line).total if line is not None else charge.price
        change = getattr(one, "changed_from", None)
        one = change.contract if change is not None and change.withdrawn_at is None else None
    # A contract that was signed before deposits were charged holds what its terms say.
    return (
        held
        if seen and Charge.objects.filter(contract__in=seen, kind="deposit").exists()
        else (contract.deposit)
    )
