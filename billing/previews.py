"""What a billing run would do, before it is done: the run's own code, storing nothing, and set
beside what was invoiced a month before."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from billing.dates import monthly
from billing.models.invoices import Invoice
from billing.models.runs import BillingRunItem
from billing.runs import Report, run_billing
from customers.models import Customer
from kit.money import ZERO
from spaces.models import Location

Outcome = BillingRunItem.Outcome
_MADE = (Outcome.INVOICED, Outcome.DRAFTED)


@dataclass
class Row:
    """One account in a preview: what it is invoiced now, and what it was a month before."""

    customer: Customer
    location: Location
    now: Decimal = ZERO
    before: Decimal = ZERO
    items: list[BillingRunItem] = field(default_factory=list)

    @property
    def change(self) -> Decimal:
        return self.now - self.before

    @property
    def kind(self) -> str:
        """ "new", "vanished", "changed" or "same"."""
        if self.now and not self.before:
            return "new"
        if self.before and not self.now:
            return "vanished"
        return "changed" if self.change else "same"


@dataclass
class Preview:
    """A run as it would be. `rows` have the biggest changes first."""

    report: Report
    rows: list[Row]
    skipped: list[BillingRunItem]

    def count(self, kind: str) -> int:
        return sum(row.kind == kind for row in self.rows)


def preview(*, on: dt.date | None = None, locations: Iterable[Location] | None = None) -> Preview:
    """What `run_billing` would do on a day, also one ahead; nothing is stored."""
    report = run_billing(on=on, dry_run=True, locations=locations)
    rows: dict[tuple[int, int], Row] = {}
    skipped = []
    dates: dict[int, set[dt.date]] = {}
    for item in report.items:
        if item.outcome not in _MADE:
            skipped.append(item)
            continue
        key = (item.customer_id, item.location_id)
        row = rows.setdefault(key, Row(item.customer, item.location))
        row.now += item.amount
        row.items.append(item)
        if item.billing_date is not None:
            dates.setdefault(item.location_id, set()).add(item.billing_date)
    _set_beside(rows, dates, report)
    ordered = sorted(
        rows.values(),
        key=lambda row: (-abs(row.change), row.customer.sort_name, row.customer.pk),
    )
    return Preview(report, ordered, skipped)


def _set_beside(
    rows: dict[tuple[int, int], Row], dates: dict[int, set[dt.date]], report: Report
) -> None:
    """Put what was invoiced for the same days a month before beside what is to be invoiced."""
    for place, on in report.on.items():
        # Also where nothing is due any more: somebody may have had an invoice there.
        days = dates.get(place) or {on}
        before = {_month_before(day) for day in days}
        found = Invoice.objects.issued().filter(location=place, billing_date__in=before)
        for invoice in found.select_related("customer", "location"):
            key = (invoice.customer_id, place)
            row = rows.setdefault(key, Row(invoice.customer, invoice.location))
            row.before += invoice.total


def _month_before(day: dt.date) -> dt.date:
    year, month = (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)
    return monthly(day.day, year, month)
