"""Invoices, credit notes and reminders go out by e-mail: a `Delivery` asks for it, and the letter
is written once."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from billing import signals
from billing.models.crediting import CreditNote
from billing.models.documents import Delivery, InvoiceLink
from kit import audit, clock
from kit.emails import canonical
from kit.problems import Problem, Refused


@transaction.atomic
def send(record: Any, *, by, to: str = "") -> Delivery:
    """Send an issued invoice or a credit note now, to the customer's address for invoices unless
    another is given. Raises `Refused` with `not_issued` or `invalid_email`."""
    is_note = isinstance(record, CreditNote)
    customer = record.customer
    if not is_note and record.number is None:
        raise Refused(Problem("not_issued", _("A draft is not sent: issue it first.")))
    if to:
        try:
            to = canonical(to)
        except ValidationError as error:
            raise Refused(Problem("invalid_email", " ".join(error.messages), "to")) from error
    delivery = Delivery.objects.create(
        kind=Delivery.Kind.CREDIT_NOTE if is_note else Delivery.Kind.INVOICE,
        invoice=None if is_note else record, credit_note=record if is_note else None,
        to=to or customer.billing_email or customer.email, asked_by=by,
    )  # fmt: skip
    verb = "credit_note.send" if is_note else "invoice.send"
    audit.record(verb, record, by=by)
    write(delivery)
    return delivery


def write_due(limit: int = 50) -> int:
    """Write the letters that a billing run or a reminder has asked for; returns how many."""
    written = 0
    while written < limit:
        with transaction.atomic():
            skip = connection.features.has_select_for_update_skip_locked
            waiting = Delivery.objects.filter(written_at=None).order_by("pk")
            delivery = waiting.select_for_update(skip_locked=skip).first()
            if delivery is None:
                return written
            write(delivery)
            written += 1
    return written


def write(delivery: Delivery) -> None:
    """Write the letter of a delivery."""
    link = ""
    if delivery.invoice is not None:
        link = InvoiceLink.of(delivery.invoice).token
    signals.to_be_sent.send(sender=Delivery, delivery=delivery, link=link)
    delivery.written_at = clock.now()
    delivery.save(update_fields=["written_at"])
