"""Who may buy what: by status and plans on the day, the payer's among them for a team."""

import datetime as dt
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from bookings.standing import Standing
from customers.models.status import Status
from kit.problems import Problem

if TYPE_CHECKING:
    from billing.models.products import Product


def problems(product: "Product", who: Standing, *, by, on: dt.date) -> list[Problem]:
    """What stands against selling a product to somebody, apart from stock."""
    found = []
    for_house = acts_for_house(by, product.location)
    if product.archived_at:
        found.append(Problem("product_archived", _("This product is not sold any more.")))
    if who.customer.archived_at:
        found.append(
            Problem("customer_archived", _("This customer is archived: restore it first."))
        )
    found += _suspensions(who, for_house)
    if who.team is not None:
        found += _team(who, for_house)
    if not for_house:
        if not who.may_be_acted_for_by(by):
            found.append(Problem("not_yours", _("This is somebody else.")))
        if not product.offered_in_portal:
            found.append(Problem("not_offered", _("Please ask the staff for this."), "product"))
    return found + _eligibility(product, who, on)


def acts_for_house(by, location) -> bool:
    """The system, and staff who serve customers at the location."""
    return by is None or by.may("serve_customers", at=location)


def _suspensions(who: Standing, for_house: bool) -> list[Problem]:
    found = []
    if who.suspension is not None:
        text = _("This customer is suspended: %s") % who.suspension.reason
        found.append(Problem("suspended", text))
    if who.payers_suspension is not None:
        text = _("Nothing can be bought for this team at the moment. Please ask the staff.")
        if for_house:
            text = _("The paying customer is suspended: %s") % who.payers_suspension.reason
        found.append(Problem("payer_suspended", text))
    return found


def _team(who: Standing, for_house: bool) -> list[Problem]:
    team = who.team
    found = []
    if team is not None and team.archived_at:
        found.append(Problem("team_archived", _("This team is archived."), "on_behalf_of"))
    against = team.spending_problems(who.customer) if team is not None else []
    return found + [one for one in against if not for_house or one.code == "not_in_team"]


def _eligibility(product: "Product", who: Standing, on: dt.date) -> list[Problem]:
    statuses, buyers = who.statuses(on), product.buyers
    if buyers == product.Buyers.MEMBERS and Status.MEMBER not in statuses:
        return [Problem("members_only", _("This is for members."), "product")]
    if buyers == product.Buyers.CONTACTS and Status.CONTACT not in statuses:
        return [Problem("contacts_only", _("This is for those without a contract."), "product")]
    if buyers == product.Buyers.PLANS:
        plans = {plan.pk for plan in product.plans.all()}
        if not plans & who.plans(on):
            return [Problem("plans_only", _("This is for customers on other plans."), "product")]
    return []
