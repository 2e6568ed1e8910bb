"""Which tax a charge has: the rate in force on its tax day, whenever it is made."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from billing import tax
from billing.models.charges import Charge, TaxSource
from billing.models.issuing import by_document
from billing.models.products import Product
from customers.models import Customer, Exemption
from kit.money import ZERO
from plans.models import Plan
from spaces.models import Location
from spaces.taxes import TaxCategory, TaxRate

DAY = dt.timedelta(days=1)


class Tax(NamedTuple):
    """The tax of a charge on a day: rate in percent, category, what decided it, and why nothing is
    taxed. `contained` is the rate that an exempt customer does not pay out of a price with tax."""

    rate: Decimal
    category: TaxCategory
    source: TaxSource
    note: str = ""
    contained: Decimal = ZERO


def tax_of(
    customer: Customer, location: Location, on: dt.date, *, kind: str, item: Any = None,
    entered: TaxRate | None = None,
) -> Tax:  # fmt: skip
    """Return the tax that holds on a day for what is charged to a customer.

    A deposit is not taxed. A small business taxes nothing; then the customer's exemption holds,
    reverse charge only for what is not bound to the premises; then the rate of `item` (a plan, a
    product, a resource type) or the one that staff entered, else the location's.
    """
    if kind == Charge.Kind.DEPOSIT:
        note = _("Refundable deposit, not subject to tax")
        return Tax(ZERO, TaxCategory.OUTSIDE_SCOPE, TaxSource.DEPOSIT, note)
    if text := location.small_business_on(on):
        known = location.vat_id or location.tax_number
        category = TaxCategory.EXEMPT if known else TaxCategory.OUTSIDE_SCOPE
        return Tax(ZERO, category, TaxSource.SMALL_BUSINESS, text)
    rate, source = location.own_rate_on(on), TaxSource.LOCATION
    if entered is not None:
        rate, source = entered, TaxSource.ENTERED
    elif item is not None and (own := item.tax_rate_on(on)) is not None:
        rate, source = own, TaxSource.ITEM
    exemption = customer.exemption_on(on)
    if exemption is not None and _reaches(exemption, item):
        contained = rate.percent if location.prices_include_tax else ZERO
        return Tax(
            ZERO, TaxCategory(exemption.category), TaxSource.CUSTOMER, exemption.reason, contained
        )
    return Tax(rate.percent, rate.category, source, rate.reason)


def _reaches(exemption: Exemption, item: Any) -> bool:
    """Whether an exemption holds for what is sold: reverse charge not for what is bound."""
    bound = item.is_bound if item is not None else True
    return exemption.category != TaxCategory.REVERSE_CHARGE or not bound


def entered_rate(percent: Decimal | None) -> TaxRate | None:
    """Return a rate that staff entered with a charge."""
    if percent is None:
        return None
    return TaxRate(percent, TaxCategory.STANDARD if percent else TaxCategory.ZERO)


def fee_day(location: Location, last_day: dt.date, due_on: dt.date) -> dt.date:
    """Return the tax day of a fee: the last contract day of its cycle, or the day it is due, as the
    location says."""
    return due_on if location.is_taxed_when_due else last_day


def booking_day(booking: Any) -> dt.date:
    """Return the local day on which a booking ends; at midnight, the day before."""
    return (booking.local_end - dt.timedelta(microseconds=1)).date()


def put_on(charge: Charge, found: Tax, on: dt.date) -> None:
    """Give a charge a tax, and the net and the tax that its price has by it."""
    charge.tax_on = on
    charge.tax_rate, charge.tax_category = found.rate, found.category
    charge.tax_source, charge.tax_note = found.source, found.note
    charge.contained_rate = found.contained
    taxed = tax.of(priced(charge), charge.location.currency)
    charge.amount, charge.tax = taxed.net, taxed.tax


def priced(charge: Charge) -> tax.Priced:
    """Return the price of a charge with what decides its tax."""
    return tax.Priced(
        charge.price, charge.tax_rate, charge.includes_tax, charge.tax_category,
        charge.contained_rate,
    )  # fmt: skip


def item_of(charge: Charge) -> Any:
    """Return what was sold: a plan, a product, a resource type; None for what staff entered."""
    if charge.booking is not None:
        return charge.booking.resource.type
    if charge.subscription is not None:
        return charge.subscription.product
    if charge.product is not None:
        return charge.product
    return charge.contract.plan if charge.contract is not None else None


def tax_now(charge: Charge, on: dt.date | None = None) -> Tax:
    """Return the tax that a charge has by what is known now, on its tax day or another."""
    entered = charge.explanation.get("entered_rate")
    return tax_of(
        charge.customer, charge.location, on or charge.tax_on, kind=charge.kind,
        item=item_of(charge), entered=entered_rate(Decimal(entered) if entered else None),
    )  # fmt: skip


def tax_like(charge: Charge) -> Tax:
    """Return the tax that a charge has."""
    return Tax(
        charge.tax_rate, TaxCategory(charge.tax_category), TaxSource(charge.tax_source),
        charge.tax_note, charge.contained_rate,
    )  # fmt: skip


def is_taxed_so(charge: Charge, found: Tax) -> bool:
    """Whether a charge has this rate, category and note."""
    return (
        charge.tax_rate, charge.tax_category, charge.tax_note, charge.contained_rate,
    ) == (found.rate, found.category, found.note, found.contained)  # fmt: skip


def day_of(charge: Charge) -> dt.date:
    """Return the tax day of a charge by what is known now: a fee's follows the location's setting
    and the last day of the contract."""
    cycle = charge.cycle
    if cycle is None:
        return charge.tax_on
    last_day = cycle.ends_on - DAY
    ends_on = cycle.agreement.ends_on
    if ends_on is not None and cycle.starts_on <= ends_on < last_day:
        last_day = ends_on
    return fee_day(charge.location, last_day, cycle.due_on)


def with_what_decides(charges: QuerySet[Charge]) -> QuerySet[Charge]:
    """With what the tax of each is read from, in a handful of queries."""
    dated = ("tax_rates", "small_business_periods")
    return charges.select_related(
        "customer", "cycle__contract", "cycle__subscription", "line__invoice",
    ).prefetch_related(
        *(f"location__{name}" for name in dated),
        Prefetch("customer__exemptions"),
        "contract__plan__tax_rates", "subscription__product__tax_rates", "product__tax_rates",
        "booking__resource__type__tax_rates",
    )  # fmt: skip


def charges_of(changed: Any) -> Q:
    """Return the charges whose tax a location, customer, product, plan or type decides."""
    if isinstance(changed, Location):
        return Q(location=changed)
    if isinstance(changed, Customer):
        return Q(customer=changed)
    if isinstance(changed, Product):
        return Q(product=changed) | Q(subscription__product=changed)
    if isinstance(changed, Plan):
        return Q(contract__plan=changed)
    return Q(booking__resource__type=changed)


def provisional() -> QuerySet[Charge]:
    """Charges whose tax may still change: neither voided nor on an issued invoice."""
    return Charge.objects.standing().filter(Q(line=None) | Q(line__invoice__state="draft"))


def retax(charges: QuerySet[Charge]) -> list[Charge]:
    """Give charges that are not on an issued invoice the tax that holds for them now, and their
    drafts with them. The accounts are locked. Returns those that changed."""
    changed = []
    for charge in with_what_decides(charges).order_by("pk"):
        on = day_of(charge)
        found = tax_now(charge, on)
        if not is_taxed_so(charge, found) or charge.tax_on != on:
            put_on(charge, found, on)
            changed.append(charge)
    Charge.objects.bulk_update(changed, TAX_COLUMNS, batch_size=200)
    _rewrite_drafts(changed)
    return changed


TAX_COLUMNS = ["tax_on", "tax_rate", "tax_category", "tax_source", "tax_note", "contained_rate",
               "amount", "tax"]  # fmt: skip


def _rewrite_drafts(charges: Iterable[Charge]) -> None:
    """Compose drafts anew; what is outside the scope of tax by now, or not any more, waits for a
    document of its own."""
    drafts = {charge.line.invoice_id: charge.line.invoice for charge in charges
              if getattr(charge, "line", None) is not None}  # fmt: skip
    for invoice in drafts.values():
        lines = invoice.lines.select_related("charge__location").order_by("position")
        first, *_others = by_document([line.charge for line in lines])
        invoice.rewrite(first, by=None)
