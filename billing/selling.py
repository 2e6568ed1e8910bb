"""Selling a product: what is locked, what stands against it, and the deed."""

import datetime as dt
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from billing import charging, standing
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.charges import Charge
from billing.models.products import Product
from bookings.models import Booking
from customers.models import Customer, Team
from kit import audit, locks
from kit.money import ZERO
from kit.problems import Problem, Refused, refuse_if
from kit.templatetags.house import money as money_words


@transaction.atomic
def sell(
    product: Product, customer: Customer, quantity: int = 1, *, by,
    on_behalf_of: Team | None = None, on: dt.date | None = None, note: str = "",
) -> Charge:  # fmt: skip
    """Sell pieces of a product; see `Product.sell` for what is refused."""
    payer = on_behalf_of.payer if on_behalf_of is not None else None
    locks.take(
        customers=[customer, *([payer] if payer else [])],
        teams=[on_behalf_of] if on_behalf_of is not None else [],
        products=[product],
    )
    _read_afresh(product, customer, on_behalf_of, payer)
    on = on or product.location.today()
    account = Account.objects.of(charging.payer_of(customer, on_behalf_of), product.location)
    accounts.hold(customer)
    problems = product.problems(
        customer, by=by, on=on, quantity=quantity, on_behalf_of=on_behalf_of
    )
    if product.recurring:
        text = _("This is sold by period: choose its first day.")
        problems.append(Problem("recurring", text, "product"))
    refuse_if(problems)
    discount = on_behalf_of.discount if on_behalf_of is not None else ZERO
    text = product.name if quantity == 1 else f"{quantity} × {product.name}"
    charge = charging.drafted(
        account.customer, product.location, kind=Charge.Kind.SALE, on=on,
        text=f"{text}, {note.strip()}" if note.strip() else text, item=product,
        explanation={
            "kind": "sale", "name": product.name, "piece": f"{product.price:f}",
            "quantity": quantity, "discount": f"{discount:f}",
            "team": on_behalf_of.name if on_behalf_of is not None and discount else "",
        },
        used_by=customer, on_behalf_of=on_behalf_of, product=product, quantity=quantity, by=by,
    )  # fmt: skip
    if not standing.acts_for_house(by, product.location):
        refuse_if(limit_problems(charge.price, charge.on, product, customer, on_behalf_of))
    product.take(quantity)
    charging.stored(charge)
    audit.record(
        "product.sell", product, by=by,
        changes={"customer": [None, customer.pk], "quantity": [None, quantity],
                 "price": [None, charge.price]},
    )  # fmt: skip
    if charging.is_invoiced_at_once(account.customer, product.location, customer, by, on=on):
        charging.invoice_at_once(account.customer, product.location, [charge], by=by, on=on)
    return charge


def _read_afresh(
    product: Product, customer: Customer, team: Team | None, payer: Customer | None
) -> None:
    """What was read before the locks may have changed: stock, suspension, another payer."""
    product.refresh_from_db()
    customer.forget()
    customer.refresh_from_db(fields=["archived_at", "user"])
    if team is not None:
        team.refresh_from_db(fields=["archived_at", "payer", "spending", "spending_limit",
                                     "discount"])  # fmt: skip
        if team.payer_id != (payer.pk if payer else None):
            raise Refused(Problem("changed_meanwhile", _("The team has another payer by now.")))


def limit_problems(
    price: Decimal, on: dt.date, product: Product, customer: Customer, team: Team | None
) -> list[Problem]:
    """Whether a purchase would take somebody beyond what they may spend for a team in a month:
    bookings and purchases together, before tax."""
    if team is None or team.payer_id is None or team.spending_limit is None or not price:
        return []
    spent = spent_in_month(customer, team, on.replace(day=1))
    if spent + price <= team.spending_limit:
        return []
    left = max(ZERO, team.spending_limit - spent)
    text = _("%(left)s of what one may spend for %(team)s that month are left; this costs %(sum)s.")
    parts = {
        "left": money_words(left, product.currency), "team": team.name,
        "sum": money_words(price, product.currency),
    }  # fmt: skip
    return [Problem("over_limit", text % parts, "on_behalf_of")]


def spent_in_month(customer: Customer, team: Team, first: dt.date):
    """What somebody has booked and bought for a team in a month, as prices are entered."""
    following = (first + dt.timedelta(days=32)).replace(day=1)
    sales = Charge.objects.standing().filter(
        on_behalf_of=team,
        kind__in=[Charge.Kind.SALE, Charge.Kind.SUBSCRIPTION],
        on__gte=first,
        on__lt=following,
    )
    sales = sales.filter(used_by=customer) | sales.filter(used_by=None, customer=customer)
    bookings = Booking.objects.blocking().filter(
        on_behalf_of=team, customer=customer, start__date__gte=first, start__date__lt=following
    )
    bought = sales.aggregate(sum=Sum("price"))["sum"] or ZERO
    return bought + (bookings.aggregate(sum=Sum("amount"))["sum"] or ZERO)
