"""What another tax rate would change: charges that follow it, and issued lines that keep theirs."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction

from billing import taxing
from billing.models.charges import Charge
from billing.models.crediting import left_of
from billing.models.invoices import InvoiceLine

# Of each kind so many are listed; the others are counted.
SHOWN = 10


class Retaxed(NamedTuple):
    """A charge that is not invoiced, with its rate and its total before."""

    charge: Charge
    rate: Decimal
    total: Decimal


class Kept(NamedTuple):
    """An issued line that keeps its rate, with the tax that it would have now."""

    line: InvoiceLine
    tax: taxing.Tax


class TaxChange(NamedTuple):
    """What a change of tax does; `more_retaxed` and `more_kept` are not listed."""

    retaxed: list[Retaxed]
    kept: list[Kept]
    more_retaxed: int = 0
    more_kept: int = 0


def compared(changed: Any, deed: Callable[[], Any], *, from_on: dt.date) -> TaxChange:
    """Return what a change of tax from a day on would do; it is done, looked at and taken back.

    Raises `Refused` as the deed does.
    """
    theirs = taxing.charges_of(changed)
    before = {
        key: (rate, amount + tax)
        for key, rate, amount, tax in taxing.provisional().filter(theirs)
        .values_list("pk", "tax_rate", "amount", "tax")
    }  # fmt: skip
    with transaction.atomic():
        deed()
        after = taxing.provisional().filter(theirs).select_related("customer", "location")
        retaxed = [
            Retaxed(charge, *before[charge.pk])
            for charge in after.order_by("tax_on", "pk")
            if before.get(charge.pk) != (charge.tax_rate, charge.total)
        ]
        kept = kept_lines(changed, from_on)
        transaction.set_rollback(True)
    return TaxChange(
        retaxed[:SHOWN], kept[:SHOWN], max(0, len(retaxed) - SHOWN), max(0, len(kept) - SHOWN)
    )


def kept_lines(changed: Any, from_on: dt.date) -> list[Kept]:
    """Return the issued lines from a tax day on whose rate or category is not the one that holds
    now, without those that were credited in full."""
    issued = Charge.objects.filter(
        taxing.charges_of(changed), line__invoice__state="issued", tax_on__gte=from_on
    )
    found = []
    charges = taxing.with_what_decides(issued).prefetch_related("line__credits")
    for charge in charges.order_by("tax_on", "pk"):
        now = taxing.tax_now(charge)
        if not taxing.is_taxed_so(charge, now) and left_of(charge.line).total:
            found.append(Kept(charge.line, now))
    return found
