"""What will be invoiced, and when; what would be after a deed; and why something is not invoiced.

The billing run's own functions look ahead, so what is foretold is what is later billed.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from billing import runs
from billing.dates import covers, next_billing_date, next_due
from billing.models.accounts import Account
from billing.models.charges import BilledCycle
from billing.models.crediting import CreditNote
from billing.models.invoices import Invoice, InvoiceLine
from billing.models.runs import BillingRunItem
from customers.models import Customer
from kit import words
from kit.money import ZERO
from spaces.models import Location

DAY = dt.timedelta(days=1)
# How far it is looked ahead until as many invoices are found as were asked for.
HORIZONS = (70, 250, 800, 2300)
SHOWN = 3
_MADE = (BillingRunItem.Outcome.INVOICED, BillingRunItem.Outcome.DRAFTED)


@dataclass(frozen=True)
class Coming:
    """An invoice that is to come: its date, sums and lines (not stored)."""

    date: dt.date
    location: Location
    invoice: Invoice
    lines: list[InvoiceLine]
    because: str = ""

    @property
    def net(self) -> Decimal:
        return self.invoice.net

    @property
    def tax(self) -> Decimal:
        return self.invoice.tax

    @property
    def total(self) -> Decimal:
        return self.invoice.total


def coming(
    customer: Customer, location: Location, *, on: dt.date | None = None, count: int = SHOWN
) -> list[Coming]:
    """The next invoices of an account, as a billing run would make them from what is known today;
    a date that has come and is not done comes first."""
    on = on or location.today()
    account = Account.objects.filter(customer=customer, location=location).first()
    account = account or Account(customer=customer, location=location)
    account.location = location
    found: list[Coming] = []
    for days in HORIZONS:
        until = on + dt.timedelta(days=days)
        [facts] = runs.facts_of([account], until)
        found = [
            Coming(
                one.date,
                location,
                one.invoice,
                one.lines,
                because(facts.agreements, one.date),
            )
            for one in runs.worked_out(facts, until).planned
            if one.outcome in _MADE
        ]
        if len(found) >= count or not any(covers(one, until) for one in facts.agreements):
            break
    return found[:count]


def all_coming(
    customer: Customer, *, on: dt.date | None = None, count: int = SHOWN
) -> list[Coming]:
    """The next invoices of a customer at every location, the next one first."""
    found = [
        one
        for location in places_of(customer)
        for one in coming(customer, location, on=on, count=count)
    ]
    return sorted(found, key=lambda one: (one.date, one.location.pk))[:count]


def places_of(customer: Customer) -> list[Location]:
    """The locations where the customer has an account, or pays for a contract."""
    keys = set(Account.objects.filter(customer=customer).values_list("location", flat=True))
    keys |= set(customer.contracts.values_list("location", flat=True))
    for team in customer.pays_for_teams.all():
        keys |= set(team.contracts.values_list("location", flat=True))
    return list(Location.objects.filter(pk__in=keys).order_by("pk"))


# What a deed would change


@dataclass(frozen=True)
class Comparison:
    """The next invoices before and after a deed, and what it would issue at once."""

    before: list[Coming]
    after: list[Coming]
    invoices: list[Invoice] = field(default_factory=list)
    credit_notes: list[CreditNote] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[dt.date, Coming | None, Coming | None]]:
        """Both side by side, by date."""
        before = {(one.date, one.location.pk): one for one in self.before}
        after = {(one.date, one.location.pk): one for one in self.after}
        # Beyond the last one that both sides show nothing can be compared.
        last = [max((one.date for one in side), default=None) for side in (self.before, self.after)
                if len(side) >= SHOWN]  # fmt: skip
        until = min((day for day in last if day), default=None)
        return [
            (key[0], before.get(key), after.get(key))
            for key in sorted(before.keys() | after.keys())
            if until is None or key[0] <= until
        ]

    @property
    def changes(self) -> bool:
        return bool(self.invoices or self.credit_notes) or any(
            (one.total if one else ZERO) != (two.total if two else ZERO)
            for _date, one, two in self.pairs
        )


def compared(customer: Customer, deed: Callable[[], Any], *, count: int = SHOWN) -> Comparison:
    """What a deed would change for whoever pays: it is done, looked at, and taken back.

    Raises `Refused` as the deed does.
    """
    before = all_coming(customer, count=count)
    last_invoice = Invoice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    last_note = CreditNote.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    with transaction.atomic():
        deed()
        after = all_coming(Customer.objects.get(pk=customer.pk), count=count)
        made = customer.invoices.filter(pk__gt=last_invoice).order_by("pk")
        invoices = list(made.select_related("location").prefetch_related("lines"))
        notes = list(
            customer.credit_notes.filter(pk__gt=last_note)
            .select_related("location", "invoice")
            .prefetch_related("lines")
        )
        transaction.set_rollback(True)
    return Comparison(before, after, invoices, notes)


# Why not


class Why(NamedTuple):
    """Why something is not invoiced: a stable code, a sentence, what it is about (a charge, a
    contract, a suspension, an invoice), the amount, and the date for which it waits, if it does.

    Codes: `waits` (for its billing date), `late` (that date has come: the run has not), `draft`,
    `suspended`, `waived`, `void`.
    """

    code: str
    text: str
    subject: Any
    amount: Decimal = ZERO
    date: dt.date | None = None
    location: Location | None = None


def why_not(customer: Customer, *, on: dt.date | None = None) -> list[Why]:
    """Why what a customer owes is not on an invoice yet, or never will be; the latest waivers
    included."""
    found: list[Why] = []
    for location in places_of(customer):
        here = _why_not_at(customer, location, on or location.today())
        found += [why._replace(location=location) for why in here]
    return found


def _why_not_at(customer: Customer, location: Location, on: dt.date) -> list[Why]:
    account = Account.objects.filter(customer=customer, location=location).first()
    account = account or Account(customer=customer, location=location)
    account.location = location
    [facts] = runs.facts_of([account], on)
    found = []
    plan = runs.worked_out(facts, on)
    waiting = customer.charges.filter(location=location).waiting().order_by("on", "pk")
    for charge in waiting:
        charge.location = location
        date = next_billing_date(facts.agreements, location.billing_day, charge.ripe_on)
        if date <= on:
            text = _("Its billing date, %s, has come: the billing run has not been done since.")
            found.append(Why("late", text % words.day(date), charge, charge.total, date))
        else:
            text = _("It waits for %(day)s: %(because)s.") % {
                "day": words.day(date), "because": because(facts.agreements, date),
            }  # fmt: skip
            found.append(Why("waits", text, charge, charge.total, date))
    for agreement, cycle in plan.held:
        suspension = agreement.customer.suspension
        text = _("%(what)s, %(days)s: not billed, because %(name)s is suspended. Whoever lifts the "
                 "suspension says whether it is charged.") % {
            "what": agreement, "days": words.span(cycle.start, cycle.last_day),
            "name": agreement.customer.name,
        }  # fmt: skip
        found.append(Why("suspended", text, suspension, agreement.discounted(cycle), None))
    for one in plan.settled:
        if one.charge is not None:
            text = _("%s: due, and the billing run has not been done since.") % one.charge.text
            found.append(Why("late", text, one.charge, one.charge.total, one.row.due_on))
    drafts = customer.invoices.filter(location=location).drafts()
    for draft in drafts:
        against = " ".join(str(problem.text) for problem in draft.obstacles())
        text = _("On a draft. %s") % against if against else _("On a draft: issue it.")
        found.append(Why("draft", text, draft, draft.total))
    waived = BilledCycle.objects.filter(
        contract__in=[one.pk for one in facts.agreements if hasattr(one, "plan_id")], kind="waiver"
    ).select_related("contract__plan")
    for row in waived.order_by("-starts_on")[:12]:
        text = _("%(what)s, %(days)s: waived, %(reason)s.") % {
            "what": row.contract, "days": words.span(row.starts_on, row.ends_on - DAY),
            "reason": row.get_reason_display(),
        }  # fmt: skip
        found.append(Why("waived", text, row.contract, ZERO, None))
    return found


def because(agreements: list[Any], date: dt.date) -> str:
    """Why a day is a billing date of an account."""
    for one in agreements:
        if next_due(one, date) != date:
            continue
        if one.ends_on is not None and date == one.ends_on + DAY:
            return _("the day after the last day of %s") % one
        if one.fee_due == "in_advance":
            return _("a cycle of %s begins") % one
        return _("a cycle of %s ends") % one
    return _("the monthly billing day, as there is no contract on that day")
