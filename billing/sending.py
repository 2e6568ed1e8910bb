"""Invoices, credit notes and reminders go out by e-mail: a `Delivery` asks for it, and the letter
is written once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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


_held: ContextVar[list[Delivery] | None] = ContextVar("held_deliveries", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Write what is to be sent inside as one letter per address, with all its documents."""
    if _held.get() is not None:
        yield
        return
    deliveries: list[Delivery] = []
    token = _held.set(deliveries)
    try:
        yield
    finally:
        _held.reset(token)
    by_letter: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        record: Any = delivery.credit_note or delivery.invoice
        by_letter[delivery.to, record.location_id].append(delivery)
    for parts in by_letter.values():
        _write(parts)


def write(delivery: Delivery) -> None:
    """Write the letter of a delivery, alone or with what is sent together with it."""
    held = _held.get()
    if held is not None and delivery.kind in (Delivery.Kind.INVOICE, Delivery.Kind.CREDIT_NOTE):
        held.append(delivery)
    else:
        _write([delivery])


def _write(deliveries: Sequence[Delivery]) -> None:
    links = [
        InvoiceLink.of(one.invoice).token if one.invoice is not None else "" for one in deliveries
    ]
    if len(deliveries) == 1:
        signals.to_be_sent.send(sender=Delivery, delivery=deliveries[0], link=links[0])
    else:
        signals.to_be_sent_together.send(sender=Delivery, deliveries=deliveries, links=links)
    for delivery in deliveries:
        delivery.written_at = clock.now()
        delivery.save(update_fields=["written_at"])
