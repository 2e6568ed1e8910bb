"""What has happened to an invoice or a claim, from its beginning to its last payment, in
sentences."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import Allocation, Claim, Delivery, Invoice, Payment
from customers.models import User
from kit import words
from kit.money import ZERO
from kit.templatetags.house import money

Kind = Allocation.Kind


class Happened(NamedTuple):
    """A line of the history: what, when and by whom; `payment` may still be reversed."""

    icon: str
    title: str
    at: dt.datetime
    by: User | None = None
    text: str = ""
    tone: str = ""
    link: tuple[str, str] | None = None  # words and address
    undone: bool = False
    payment: Payment | None = None


def of(invoice: Invoice) -> list[Happened]:
    """The history, the newest first."""
    found = [
        *_of_issue(invoice),
        *_of_deliveries(invoice),
        *_of_reminders(invoice),
        *_of_payments(invoice),
        *_of_credit_notes(invoice),
        *_of_account_credit(invoice),
        *_of_write_offs(invoice),
        *_of_replacements(invoice),
        *_of_links(invoice),
    ]
    return _newest_first(found)


def _of_replacements(invoice: Invoice) -> Iterator[Happened]:
    """The invoice that it replaced, and the one that replaced it."""
    if invoice.replaces is not None and invoice.issued_at is not None:
        link = _link_to(invoice.replaces)
        title = _("Replaces an invoice")
        yield Happened("refresh-cw", title, invoice.issued_at, invoice.issued_by, link=link)
    new = Invoice.objects.filter(replaces=invoice).select_related("issued_by").first()
    if new is not None and new.issued_at is not None:
        yield Happened(
            "refresh-cw", _("Replaced"), new.issued_at, new.issued_by, link=_link_to(new)
        )


def _link_to(invoice: Invoice) -> tuple[str, str]:
    return str(invoice), reverse("panel:invoice", args=[invoice.pk])


def of_claim(claim: Claim) -> list[Happened]:
    """The history of a claim, the newest first."""
    found = [
        Happened("file-plus", _("Claimed"), claim.at, claim.by),
        *_of_reminders(claim),
        *_of_payments(claim),
        *_of_account_credit(claim),
        *_of_write_offs(claim),
    ]
    if claim.is_cancelled:
        row = claim.cancellation
        found.append(Happened("file-x", _("Cancelled"), row.at, row.by, row.reason))
    return _newest_first(found)


def _newest_first(found: list[Happened]) -> list[Happened]:
    """What happened at one moment stays in the order in which it is listed, turned around."""
    found.reverse()
    return sorted(found, key=lambda one: one.at, reverse=True)


def _of_issue(invoice: Invoice) -> Iterator[Happened]:
    if invoice.state == Invoice.State.DRAFT or not invoice.issued_at:
        yield Happened("file-plus", _("Draft made"), invoice.made_at, invoice.made_by,
                       link=_run_of(invoice))  # fmt: skip
        return
    if abs(invoice.issued_at - invoice.made_at) > dt.timedelta(minutes=10):
        yield Happened("file-plus", _("Draft made"), invoice.made_at, invoice.made_by,
                       link=_run_of(invoice))  # fmt: skip
        yield Happened("file-check", _("Issued"), invoice.issued_at, invoice.issued_by)
        return
    yield Happened("file-check", _("Issued"), invoice.issued_at, invoice.issued_by,
                   link=_run_of(invoice))  # fmt: skip


def _run_of(invoice: Invoice) -> tuple[str, str] | None:
    if invoice.run_id is None:
        return None
    return _("by a billing run"), reverse("panel:run", args=[invoice.run_id])


def _of_deliveries(invoice: Invoice) -> Iterator[Happened]:
    for one in invoice.deliveries.exclude(kind=Delivery.Kind.REMINDER).select_related("asked_by"):
        if one.written_at:
            yield Happened("mail-check", _("E-mailed to %s") % one.to, one.written_at, one.asked_by)
        else:
            title = _("Waits to be e-mailed to %s") % one.to
            yield Happened("mail", title, one.asked_at, one.asked_by)


def _of_reminders(payable: Invoice | Claim) -> Iterator[Happened]:
    for one in payable.reminders.all():
        title = ngettext("Reminded, %d day after it was due", "Reminded, %d days after it was due",
                         one.days) % one.days  # fmt: skip
        text = _("%s was due") % money(one.due, payable.currency)
        yield Happened("bell", title, one.at, text=text, tone="warn")


def _of_payments(payable: Invoice | Claim) -> Iterator[Happened]:
    paid: dict[int, Allocation] = {}
    allocations = payable.allocations.filter(kind=Kind.PAYMENT)
    for one in allocations.select_related("payment__by", "payment__reversed_by"):
        # What a cancelled claim has given back is told with the cancellation.
        if one.payment is not None and (one.value > 0 or one.payment.reverses_id):
            paid[one.payment.pk] = one
            yield _of_payment(payable, one.payment, one.value)
    recorded = payable.payments.exclude(pk__in=paid).select_related("by", "reversed_by")
    for payment in recorded:
        yield _of_payment(payable, payment, ZERO)


def _of_payment(payable: Invoice | Claim, payment: Payment, used: Decimal) -> Happened:
    """`used` is what of it this invoice or claim has taken."""
    currency = payable.currency
    if payment.kind == Payment.Kind.REVERSAL:
        title = _("Payment of %s reversed") % money(-payment.amount, currency)
        return Happened("undo-2", title, payment.at, payment.by, payment.reason, "bad")
    told = [str(payment.get_method_display()), words.day(payment.on)]
    if payment.reference:
        told.append(payment.reference)
    if used < payment.amount:
        rest = money(payment.amount - used, currency)
        told.append(_("%s was more than was due: credit on the account") % rest)
    title = _("Paid %s") % money(payment.amount, currency)
    undone = payment.is_reversed
    return Happened("banknote", title, payment.at, payment.by, " · ".join(told), "good",
                    undone=undone, payment=None if undone else payment)  # fmt: skip


def _of_credit_notes(invoice: Invoice) -> Iterator[Happened]:
    lowered: dict[int | None, Decimal] = defaultdict(Decimal)
    for one in invoice.allocations.filter(kind=Kind.CREDIT_NOTE):
        lowered[one.credit_note_id] += one.value
    for note in invoice.credit_notes.select_related("issued_by"):
        text, rest = note.reason, note.total - lowered[note.pk]
        if rest:
            to_account = _("%s became credit on the account") % money(rest, invoice.currency)
            text = f"{text} · {to_account}"
        title = _("Credited %s") % money(note.total, invoice.currency)
        link = (note.number, reverse("panel:credit_note", args=[note.pk]))
        yield Happened("file-x", title, note.issued_at, note.issued_by, text, "info", link)


def _of_account_credit(payable: Invoice | Claim) -> Iterator[Happened]:
    for one in payable.allocations.filter(kind=Kind.CREDIT).select_related("by"):
        if one.value > 0:
            title = _("%s paid from credit on the account") % money(one.value, payable.currency)
            yield Happened("wallet", title, one.at, one.by, tone="good")
        else:
            title = _("%s of account credit taken back") % money(-one.value, payable.currency)
            yield Happened("undo-2", title, one.at, one.by)


def _of_write_offs(payable: Invoice | Claim) -> Iterator[Happened]:
    for one in payable.write_offs.select_related("by", "withdrawn_by"):
        title = _("%s written off") % money(one.amount, payable.currency)
        undone = one.withdrawn_at is not None
        yield Happened("circle-x", title, one.at, one.by, one.reason, undone=undone)
        if one.withdrawn_at is not None:
            title = _("Write-off of %s taken back") % money(one.amount, payable.currency)
            yield Happened("undo-2", title, one.withdrawn_at, one.withdrawn_by)


def _of_links(invoice: Invoice) -> Iterator[Happened]:
    for one in invoice.links.exclude(revoked_at=None).select_related("revoked_by"):
        if one.revoked_at is not None:
            title = _("Private link taken away")
            yield Happened("unlink", title, one.revoked_at, one.revoked_by)
