"""The shop as a customer sees it: what may be bought and why not, what a purchase would bring, and
what one has by period. Reads once, however many products there are."""

import datetime as dt
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Sum
from django.utils.translation import gettext as _

from billing import charging, foresight, standing
from billing.dates import next_due
from billing.models import Charge, Invoice, Product, Subscription
from bookings.standing import Standing
from customers.models import Customer
from kit.money import ZERO
from kit.problems import Problem
from plans.cycles import Cycle
from plans.models.states import LATEST
from plans.previews import taken_back
from portal import rows
from spaces.models import Location

# How far ahead the periods of a subscription are looked at, and how many are shown.
AHEAD = dt.timedelta(days=800)
SHOWN = 2


@dataclass(frozen=True)
class Offered:
    """A product with how many are left (None: not counted), and what stands against buying it."""

    product: Product
    left: int | None
    problems: list[Problem]


def offered(customer: Customer, *, by: Any) -> list[Offered]:
    """What the shop offers, that of the customer's home first. What may be bought for a team may
    be bought."""
    products = list(rows.products(customer).prefetch_related("plans"))
    whose = [Standing.of(customer)]
    # For these teams one may spend: that need not be asked of each product again.
    whose += [replace(Standing.of(customer, team), team=None)
              for team in rows.spending_teams(customer)]  # fmt: skip
    taken = _taken(products)
    found = []
    for product in products:
        left = product.stock
        if left is not None and product.recurring:
            left -= taken.get(product.pk, 0)
        found.append(Offered(product, left, _problems(product, whose, left, by)))
    home = customer.location_id
    return sorted(found, key=lambda one: (one.product.location_id != home,
                                          one.product.location_id))  # fmt: skip


def _problems(
    product: Product, whose: Sequence[Standing], left: int | None, by: Any
) -> list[Problem]:
    on = product.location.today()
    against = []
    for who in whose:
        problems = standing.problems(product, who, by=by, on=on)
        if left is not None and left < 1:
            problems.append(Problem("out_of_stock", _("None are left."), "quantity"))
        if not problems:
            return []
        against.append(problems)
    return against[0]


def _taken(products: Sequence[Product]) -> dict[int, int]:
    """How many of each counted recurring product somebody has."""
    counted = [one for one in products if one.recurring and one.stock is not None]
    found: dict[int, int] = {}
    for place in {one.location for one in counted}:
        here = [one.pk for one in counted if one.location_id == place.pk]
        running = Subscription.objects.running_or_scheduled(on=place.today())
        sums = running.filter(product__in=here).order_by().values("product")
        found |= {row["product"]: row["sum"] for row in sums.annotate(sum=Sum("quantity"))}
    return found


class Purchase(NamedTuple):
    """Something bought, or as it would be: `invoice` where it is invoiced already, else the date of
    the next invoice, which will have it (None: not known)."""

    charge: Charge
    invoice: Invoice | None
    date: dt.date | None

    @property
    def payer(self) -> Customer:
        return self.charge.customer

    @property
    def location(self) -> Location:
        return self.charge.location


def of_sale(product: Product, customer: Customer, **what: Any) -> Purchase:
    """What `product.sell(…)` would bring. Raises `Refused` as it does."""
    with taken_back():
        found = standing_of(copy(product).sell(customer, **what))
        if found.invoice is not None:
            found.invoice.refresh_from_db(fields=["settled"])  # credit may have paid it
        return found


def standing_of(charge: Charge) -> Purchase:
    """How a purchase stands."""
    invoice = charge.invoice
    if charge.is_void or (invoice is not None and invoice.number):
        return Purchase(charge, invoice, None)
    ahead = foresight.coming(charge.customer, charge.location)
    dates = (one.date for one in ahead if any(line.charge.pk == charge.pk for line in one.lines))
    return Purchase(charge, None, next(dates, None))


class Period(NamedTuple):
    """A period of a subscription, and what it costs as prices are entered."""

    cycle: Cycle
    fee: Decimal


class Taken(NamedTuple):
    """A subscription as it would be made: its first periods."""

    subscription: Subscription
    periods: list[Period]
    payer: Customer


def of_subscription(product: Product, customer: Customer, **what: Any) -> Taken:
    """What `product.subscribe(…)` would bring. Raises `Refused` as it does."""
    with taken_back():
        made = copy(product).subscribe(customer, **what)
        periods = [_period(made, cycle) for cycle in made.cycles(made.starts_on + AHEAD)[:SHOWN]]
        return Taken(made, periods, payer_of(made))


def _period(subscription: Subscription, cycle: Cycle) -> Period:
    return Period(cycle, subscription.discounted(cycle))


def payer_of(subscription: Subscription) -> Customer:
    return charging.payer_of(subscription.customer, subscription.on_behalf_of)


class Ended(NamedTuple):
    """A subscription as it would end: its last period (None: it never starts), and what comes back
    of what was charged for later days, tax included."""

    last: Period | None
    back: Decimal


def of_ending(subscription: Subscription, *, last_day: dt.date, by: Any) -> Ended:
    """What `subscription.end(…)` would bring. Raises `Refused` as it does."""
    before = _charged(subscription)
    with taken_back():
        one = copy(subscription)
        one.end(last_day=last_day, by=by)
        back = max(ZERO, before - _charged(one))
        cycles = one.cycles(LATEST) if one.ends_on is not None else []
        return Ended(_period(one, cycles[-1]) if cycles else None, back)


def _charged(subscription: Subscription) -> Decimal:
    """What was charged for its later periods and not credited, tax included."""
    charges = subscription.charges.standing().prefetch_related("line__credits")
    total = ZERO
    for charge in charges:
        line = getattr(charge, "line", None)
        credits = line.credits.all() if line is not None else ()
        total += charge.total - sum((credit.total for credit in credits), ZERO)
    return total


class Mine(NamedTuple):
    """A subscription that one has: how it stands, and when it is due next (None: never again)."""

    subscription: Subscription
    state: str
    due: dt.date | None
    payer: Customer

    @property
    def may_be_ended(self) -> bool:
        return self.state in ("active", "scheduled", "ending")


def mine(customer: Customer) -> list[Mine]:
    """What a customer has by period, now or later."""
    found = []
    for one in rows.subscriptions(customer):
        one.customer = customer
        today = one.location.today()
        if (state := one.state_on(today)) != "ended":
            found.append(Mine(one, state, next_due(one, today), payer_of(one)))
    return found
