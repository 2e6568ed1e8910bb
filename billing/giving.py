"""Give back: a goodwill credit of an amount with tax, as credit notes on what was invoiced."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing import charging, sending, tax
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.charges import Charge
from billing.models.crediting import CreditNote
from billing.models.invoices import Invoice, InvoiceLine
from billing.models.paying import after_settling, valid_amount
from customers.models import Customer
from kit import locks
from kit.money import ZERO, round_to
from kit.problems import Problem, Refused, refuse_if
from kit.templatetags.house import money
from spaces.models import Location


@transaction.atomic
def give_back(
    customer: Customer, *, amount: Decimal | int | str, location: Location, reason: str, by: Any,
    on: dt.date | None = None,
) -> list[CreditNote]:  # fmt: skip
    """Credit an amount, tax included, on the lines of open invoices, the oldest first, then of paid
    ones, the latest first. Deposits and what was written off are left out. Returns the credit
    notes, one per invoice; what is more than is due becomes account credit.

    Raises `Refused` with `not_books`, `invalid_amount`, `amount_too_fine`, `reason_missing`,
    `future_date` or `more_than_left`, which names the sum that remains.
    """
    locks.take(customers=[customer])
    Account.objects.of(customer, location)
    accounts.hold(customer)
    if by is not None and not by.may("keep_books", at=location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    today = location.today()
    on = on or today
    value = valid_amount(amount, location.currency)
    problems = []
    if not reason.strip():
        problems.append(Problem("reason_missing", _("Say why, in a few words."), "reason"))
    if on > today:
        problems.append(Problem("future_date", _("This date has not come yet."), "on"))
    refuse_if(problems)
    parts: dict[Invoice, dict[InvoiceLine, tax.Taxed]] = {}
    missing = value
    for invoice, line, left in _lines(customer, location):
        part = _part_of(left, min(missing, left.total), location.currency)
        parts.setdefault(invoice, {})[line] = part
        missing -= part.total
        if not missing:
            break
    if missing:
        text = _("Only %s of what was invoiced is left to be given back.")
        remains = money(value - missing, location.currency)
        raise Refused(Problem("more_than_left", text % remains, "amount"))
    notes = []
    with sending.together():
        for invoice, lines in parts.items():
            # What the credit note before has left over may have paid it.
            invoice.refresh_from_db()
            issued_on = charging.credit_date(invoice, on)
            notes.append(invoice._credit(lines, reason=reason, by=by, on=issued_on))
    after_settling(customer, by=by, on=today)
    return notes


def left_to_give(customer: Customer, location: Location) -> Decimal:
    """Return the most that can be given back, tax included."""
    return sum((left.total for _invoice, _line, left in _lines(customer, location)), ZERO)


def _lines(
    customer: Customer, location: Location
) -> Iterator[tuple[Invoice, InvoiceLine, tax.Taxed]]:
    issued = customer.invoices.issued().filter(location=location).select_related("location")
    given_up = issued.written_off().values("pk")
    ours = issued.exclude(pk__in=given_up)
    unpaid = ours.unpaid()
    paid = ours.exclude(pk__in=unpaid.values("pk")).order_by("-issued_on", "-pk")
    for invoice in [*unpaid.oldest_first(), *paid]:
        for line, left in invoice.creditable():
            if left.total > 0 and line.charge.kind != Charge.Kind.DEPOSIT:
                yield invoice, line, left


def _part_of(left: tax.Taxed, total: Decimal, currency: str) -> tax.Taxed:
    """Split a part of a line, tax included, into net and tax by the line's own proportion."""
    if total == left.total:
        return left
    tax_part = round_to(Fraction(total) * Fraction(left.tax) / Fraction(left.total), currency)
    tax_part = max(min(tax_part, left.tax), total - left.net)
    return tax.Taxed(total - tax_part, tax_part)
