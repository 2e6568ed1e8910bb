"""Signing a contract: what stands against it, and the deed."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import Customer, Team
from customers.models.timeline import TimelineEntry
from kit import audit, locks, money, words
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if
from plans.models.contracts import Contract
from plans.models.plans import Plan, valid_price
from plans.models.states import EARLIEST, LATEST, backwards, far_away
from plans.models.terms import SignedTerms, acceptance
from spaces.models import Location


@transaction.atomic
def sign_up(
    plan: Plan,
    customer: Customer,
    *,
    by,
    starts_on: dt.date | None = None,
    ends_on: dt.date | None = None,
    price: Decimal | int | str | None = None,
    quantity: int = 1,
    discount: Decimal | int | str = 0,
    on_behalf_of: Team | None = None,
    location: Location | None = None,
    purchase_order: str = "",
    notes: str = "",
    accepted_terms: str = "",
    bill_missed: bool = False,
    quiet: bool = False,
    on: dt.date | None = None,
    _changing: Contract | None = None,
) -> Contract:
    """Sign a contract of `customer` on `plan`, with the plan's terms of today.

    Starts today unless said otherwise; a start in the past is backdated, and `bill_missed` says
    whether the cycles due before today are charged. The location is the plan's, else the one
    given, else the customer's home. Raises `Refused` with `plan_archived`, `customer_archived`,
    `suspended`, `not_offered`, `wrong_currency`, `ends_before_start`, `date_out_of_range`,
    `plan_full`, `needs_manager`, `team_archived`, `team_without_payer`, `not_in_team`,
    `payer_suspended`, `invalid_price`, or what is wrong with another field. Customers who sign
    themselves accept the plan's terms, by their words (`terms_not_accepted`), have one contract on
    a plan at a time (`on_plan_already`), and sign for a team only if they may spend for it
    (`may_not_spend`).
    """
    payer = on_behalf_of.payer if on_behalf_of else None
    locks.take(
        customers=[customer, *([payer] if payer else [])],
        teams=[on_behalf_of] if on_behalf_of else [],
        plans=[plan],
    )
    _read_afresh(plan, customer, on_behalf_of)
    if on_behalf_of and on_behalf_of.payer_id != (payer.pk if payer else None):
        raise Refused(Problem("changed_meanwhile", _("The team has another payer by now.")))
    location = plan.location or location or customer.location
    given_on, on = on, on or location.today()
    contract = drafted(
        plan,
        customer,
        location=location,
        on=on,
        starts_on=starts_on,
        ends_on=ends_on,
        price=None if price is None else valid_price(price, location.currency),
        quantity=quantity,
        discount=discount,
        on_behalf_of=on_behalf_of,
        purchase_order=purchase_order,
        notes=notes,
        signed_by=by,
        bill_missed=bill_missed,
        quiet=quiet,
    )
    if _changing is not None:
        contract.prorate_first = True
        contract.sign_up_fee = money.ZERO
        # What is given back of the old one is paid for on the new one.
        contract.bill_missed = True
    check_fields(
        contract, leaving_out=("customer", "plan", "location", "on_behalf_of", "signed_by")
    )
    problems = sign_up_problems(contract, by=by, on=on, changing=_changing)
    if contract.is_own_login(by):
        problems += _own_sign_up_problems(contract, accepted_terms, _changing)
    refuse_if(problems)
    contract._given_on = given_on
    with in_words():
        contract.save(force_insert=True)
    if _changing is None:
        text = _("%(plan)s from %(day)s") % {"plan": plan, "day": words.day(contract.starts_on)}
        contract._tell(TimelineEntry.Kind.SIGNED, on, by, text)
        audit.record(
            "contract.sign", contract, by=by,
            changes=signed_changes(contract) | acceptance(accepted_terms),
        )  # fmt: skip
        contract._announce(by, signed=contract)
    return contract


def _read_afresh(plan: Plan, customer: Customer, team: Team | None) -> None:
    """What was read before the locks may have changed: suspended, archived, another payer."""
    plan.refresh_from_db()
    customer.forget()
    customer.refresh_from_db(fields=["archived_at", "user"])
    if team is not None:
        team.refresh_from_db(fields=["archived_at", "payer", "spending"])


def drafted(
    plan: Plan, customer: Customer, *, location: Location, on: dt.date,
    starts_on: dt.date | None = None, **fields: Any,
) -> Contract:  # fmt: skip
    """A contract filled in with the plan's terms of today, neither checked nor saved."""
    return Contract(
        plan=plan,
        customer=customer,
        location=location,
        starts_on=starts_on or on,
        signed_on=on,
        **{name: getattr(plan, name) for name in SignedTerms.term_names()},
        **fields,
    )


def signed_changes(contract: Contract) -> dict[str, list]:
    """What the audit log keeps of a signature."""
    return {
        "plan": [None, contract.plan_id],
        "starts_on": [None, contract.starts_on],
        "ends_on": [None, contract.ends_on],
    }


def sign_up_problems(
    contract: Contract,
    *,
    by,
    on: dt.date,
    changing: Contract | None = None,
    also: Sequence[tuple[dt.date, dt.date | None]] = (),
) -> list[Problem]:
    """What stands against signing a contract that is filled in but not saved.

    `also` are the (first, last) days of contracts of the plan that are about to be signed.
    """
    plan, customer, location = contract.plan, contract.customer, contract.location
    problems = []
    if plan.archived_at:
        problems.append(Problem("plan_archived", _("This plan takes no new contracts."), "plan"))
    if customer.archived_at:
        problems.append(
            Problem("customer_archived", _("This customer is archived: restore it first."))
        )
    if not contract.quiet:
        problems += _suspension_problems(contract, by)
    if plan.currency and plan.currency != location.currency:
        problems.append(
            Problem("wrong_currency", _("This plan is sold in another currency."), "plan")
        )
    if contract.is_own_login(by) and not plan.offered_in_portal:
        problems.append(Problem("not_offered", _("Please ask the staff for this plan."), "plan"))
    problems += _period_problems(contract.starts_on, contract.ends_on)
    problems += _team_problems(contract, by)
    if changing is None and by is not None and not by.may("manage_space", at=location):
        problems += _manager_problems(contract, by, on)
    if not problems:
        leaving_out = [changing.pk] if changing and changing.plan_id == plan.pk else []
        problems += plan.full_problems(contract.starts_on, contract.ends_on, leaving_out, also)
    return problems


def _own_sign_up_problems(
    contract: Contract, accepted_terms: str, changing: Contract | None
) -> list[Problem]:
    """What customers who sign themselves keep to, besides all that staff keep to."""
    plan, problems = contract.plan, []
    on_plan = contract.customer.contracts.filter(plan=plan)
    others = on_plan.overlapping(contract.starts_on, contract.ends_on)
    if others.exclude(pk=changing.pk if changing else None).exists():
        text = _("You have this plan already. Please ask the staff if you need it twice.")
        problems.append(Problem("on_plan_already", text, "plan"))
    if plan.accept_terms and accepted_terms != plan.accept_terms:
        text = _("Please read the terms and accept them.")
        problems.append(Problem("terms_not_accepted", text, "accept_terms"))
    return problems


def _suspension_problems(contract: Contract, by) -> list[Problem]:
    """Why somebody else is suspended is for the staff only."""
    problems = []
    if suspension := contract.customer.suspension:
        problems.append(
            Problem("suspended", _("This customer is suspended: %s") % suspension.reason)
        )
    payer = contract.on_behalf_of.payer if contract.on_behalf_of else None
    if payer and (suspension := payer.suspension):
        text = _("The paying customer is suspended: %s") % suspension.reason
        if contract.is_own_login(by):
            text = _("Nothing can be signed for this team at the moment. Please ask the staff.")
        problems.append(Problem("payer_suspended", text))
    return problems


def _period_problems(starts_on: dt.date, ends_on: dt.date | None) -> list[Problem]:
    if not EARLIEST <= starts_on <= LATEST:
        return [far_away("starts_on")]
    if ends_on is not None and ends_on > LATEST:
        return [far_away("ends_on")]
    if ends_on is not None and ends_on < starts_on:
        return [backwards("ends_on")]
    return []


def _team_problems(contract: Contract, by) -> list[Problem]:
    """Who signs for themselves must be one of those who may spend for the team."""
    team = contract.on_behalf_of
    if team is None:
        return []
    problems = []
    if team.archived_at:
        problems.append(Problem("team_archived", _("This team is archived."), "on_behalf_of"))
    if team.payer_id is None:
        problems.append(
            Problem("team_without_payer", _("This team has no paying customer."), "on_behalf_of")
        )
    against = team.spending_problems(contract.customer)
    if contract.is_own_login(by):
        return problems + against
    return problems + [problem for problem in against if problem.code == "not_in_team"]


def _manager_problems(contract: Contract, by, on: dt.date) -> list[Problem]:
    """Price overrides, discounts and backdating are for managers and owners."""
    if not by.is_staff and by.pk != contract.customer.user_id:
        return []
    text = _("Only a manager may do this.")
    problems = []
    if contract.price is not None:
        problems.append(Problem("needs_manager", text, "price"))
    if Decimal(contract.discount):
        problems.append(Problem("needs_manager", text, "discount"))
    if contract.starts_on < on:
        problems.append(Problem("needs_manager", text, "starts_on"))
    return problems
