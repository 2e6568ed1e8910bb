"""Replace a wrong invoice in one action: what is left of it is credited and asked for again."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from billing import charging, sending, taxing
from billing.models.accounts import Account, AccountEntry
from billing.models.charges import Cause, Charge
from billing.models.crediting import left_price
from billing.models.invoices import Invoice
from billing.models.issuing import draft, issue_together
from billing.models.paying import Allocation, Payment, pay_from_credit
from billing.models.runs import Reminder
from kit import audit
from kit.money import ZERO
from kit.problems import Problem, refuse_if

# A charge is asked for again with all that it is about.
SAME = ("kind", "text", "on", "ripe_on", "used_by", "on_behalf_of", "starts_on", "ends_on",
        "quantity", "contract", "subscription", "cycle", "adjusts", "booking", "late_fee",
        "product")  # fmt: skip


@transaction.atomic
def replace(
    invoice: Invoice, *, by: Any, reason: str, due_on: dt.date | None = None
) -> Invoice:  # fmt: skip
    """Replace an issued invoice; returns the new one, of today and with a number of its own.

    A credit note takes what is left of every line, and each charge is asked for again at what was
    left of it, with names and addresses as they are now and the tax that holds now for its tax day.
    What had paid the old invoice pays the new one first; a surplus is account credit. `due_on`
    stays the old one's unless given, reminders go on, and no suspension is lifted by it.

    Raises `Refused` with `not_issued`, `not_books`, `reason_missing`, `written_off`,
    `nothing_to_credit`, `deposit_returned` or `due_too_early`.
    """
    invoice._lock()
    invoice._refuse_others(by)
    refuse_if(problems_of(invoice, reason=reason, due_on=due_on))
    location, today = invoice.location, invoice.location.today()
    on = charging.issue_date(location, today)
    paid = _take_back_payments(invoice, on=on, by=by)
    charges = _asked_again(invoice, by=by)
    new = draft(
        invoice.customer, location, charges, by=by, replaces=invoice,
        due_on=due_on or invoice.due_on, note=_("Replaces %s.") % invoice.number,
    )  # fmt: skip
    surplus = []
    for payment, value in paid:
        part = min(value, new.total - new.settled)
        new.allocate(Allocation.Kind.PAYMENT, part, on=on, by=by, payment=payment)
        surplus.append((payment, value - part))
    with sending.together():
        issue_together([new], location, on=on, by=by)
        _credit_the_rest(invoice, new, reason=reason, by=by)
    account = Account.objects.of(invoice.customer, location)
    for payment, rest in surplus:
        if rest:
            account.write(AccountEntry.Kind.OVERPAID, rest, on=on, by=by, payment=payment)
    pay_from_credit(account, on=on, by=by)
    Reminder.objects.bulk_create(
        Reminder(invoice=new, days=one.days, on=one.on, due=one.due)
        for one in invoice.reminders.all()
    )
    audit.record("invoice.replace", invoice, by=by, changes={"replaced_by": [None, new.number]})
    return new


class Replaced(NamedTuple):
    """What a replacement would make: the new invoice, the total of the credit note, and what would
    be due and left as credit of what was paid."""

    invoice: Invoice
    credited: Decimal
    due: Decimal


def replaced(invoice: Invoice, *, by: Any) -> Replaced:
    """Return what replacing an invoice would make; it is done, looked at and taken back.

    Raises `Refused` as `replace` does.
    """
    with transaction.atomic():
        new = replace(invoice, by=by, reason="-")
        new = Invoice.objects.select_related("location").get(pk=new.pk)
        note = invoice.credit_notes.latest("pk")
        found = Replaced(new, note.total, new.due)
        transaction.set_rollback(True)
    invoice.refresh_from_db()
    return found


def problems_of(
    invoice: Invoice, *, reason: str = "-", due_on: dt.date | None = None
) -> list[Problem]:
    """Return what stands against replacing an invoice."""
    if invoice.state == Invoice.State.DRAFT:
        return [Problem("not_issued", _("A draft can be changed or deleted instead."))]
    problems = []
    if not reason.strip():
        problems.append(Problem("reason_missing", _("Say why, in a few words."), "reason"))
    if invoice.is_written_off:
        text = _("It is written off: withdraw the write-off first.")
        problems.append(Problem("written_off", text))
    lines = [line for line, left in invoice.creditable() if left.total]
    if any(getattr(line.charge, "deposit_return", None) is not None for line in lines):
        text = _("A deposit on it was returned.")
        problems.append(Problem("deposit_returned", text))
    if not lines:
        text = _("Nothing is left of it: it was credited in full.")
        problems.append(Problem("nothing_to_credit", text))
    if due_on is not None and due_on < invoice.location.today():
        text = _("Choose today or a later day.")
        problems.append(Problem("due_too_early", text, "due_on"))
    return problems


def _take_back_payments(invoice: Invoice, *, on: dt.date, by: Any) -> list[tuple[Payment, Decimal]]:
    """Take back what payments and account credit have settled. Returns the payments, each with
    what it had paid; the credit is on the account again."""
    paid: dict[Payment, Decimal] = defaultdict(lambda: ZERO)
    by_credit = ZERO
    for one in invoice.allocations.select_related("payment").order_by("pk"):
        if one.kind == Allocation.Kind.PAYMENT and one.payment is not None:
            # A reversal takes back what the payment that it reverses had paid.
            paid[one.payment.reverses or one.payment] += one.value
        elif one.kind == Allocation.Kind.CREDIT:
            by_credit += one.value
    if by_credit:
        invoice.allocate(Allocation.Kind.CREDIT, -by_credit, on=on, by=by)
        account = Account.objects.of(invoice.customer, invoice.location)
        account.write(AccountEntry.Kind.TAKEN_BACK, by_credit, on=on, by=by, invoice=invoice)
    found = [(payment, value) for payment, value in paid.items() if value]
    for payment, value in found:
        invoice.allocate(Allocation.Kind.PAYMENT, -value, on=on, by=by, payment=payment)
    return found


def _asked_again(invoice: Invoice, *, by: Any) -> list[Charge]:
    """Charge again what is left of each line."""
    lines = invoice.lines.select_related(
        "charge__customer", "charge__location", "charge__cycle__contract",
        "charge__cycle__subscription", "charge__contract__plan", "charge__product",
        "charge__subscription__product", "charge__booking__resource__type",
    ).prefetch_related("credits")  # fmt: skip
    charges = []
    for line in lines.order_by("position"):
        left, old = left_price(line), line.charge
        if not left:
            continue
        explanation = dict(old.explanation)
        if left != old.price:
            explanation["left"] = f"{left:f}"
        if old.contract is not None:
            explanation["purchase_order"] = old.contract.purchase_order
        new = charging.drafted(
            old.customer, old.location, explanation=explanation, like=old, replaces=old, by=by,
            **{name: getattr(old, name) for name in SAME},
        )  # fmt: skip
        tax_on = taxing.day_of(old)
        taxing.put_on(new, taxing.tax_now(new, tax_on), tax_on)
        charges.append(charging.stored(new))
    return charges


def _credit_the_rest(invoice: Invoice, new: Invoice, *, reason: str, by: Any) -> None:
    said = _("%(reason)s. Replaced by %(number)s.") % {
        "reason": reason.strip().rstrip("."), "number": new.number,
    }  # fmt: skip
    on = charging.credit_date(invoice, invoice.location.today())
    invoice._credit(None, reason=said, by=by, on=on, cause=Cause.REPLACEMENT)
