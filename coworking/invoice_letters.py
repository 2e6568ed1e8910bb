"""The letters about money: an invoice, a credit note, a reminder of an invoice or a claim; one for
each `Delivery`."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext as _

from billing.models import Claim, CreditNote, Delivery, Invoice
from billing.models.issuing import seller_of
from billing.signals import to_be_sent, to_be_sent_together
from kit import words
from kit.templatetags.house import money
from spaces import letters


@receiver(to_be_sent)
def write_delivery(sender, delivery: Delivery, link: str, **kwargs):
    if delivery.kind == Delivery.Kind.CREDIT_NOTE and delivery.credit_note is not None:
        _credit_note(delivery, delivery.credit_note)
    elif delivery.invoice is not None:
        _invoice(delivery, delivery.invoice, f"/i/{link}/")
    elif delivery.claim is not None:
        _claim(delivery, delivery.claim)


@receiver(to_be_sent_together)
def write_together(sender, deliveries: Sequence[Delivery], links: Sequence[str], **kwargs):
    """One letter with the credit notes and invoices of one decision."""
    facts: list[tuple[str, str]] = []
    names, url, to_pay = [], "", None
    for delivery, link in zip(deliveries, links, strict=True):
        record: Any = delivery.credit_note or delivery.invoice
        note = delivery.credit_note is not None
        name = (_("Credit note %s") if note else _("Invoice %s")) % record.number
        names.append(name)
        facts.append((name, money(record.total, record.currency)))
        if note:
            facts.append((_("Reason"), record.reason))
        elif record.due:
            due_on = words.day(record.due_on or record.location.today())
            facts += [(_("To pay"), money(record.due, record.currency)), (_("Until"), due_on)]
            to_pay = to_pay or record
        if link and (not url or to_pay is record):
            url = f"/i/{link}/"
    house = record.location
    letters.write(
        deliveries[0].to,
        subject=_("%(documents)s from %(house)s") % {"documents": ", ".join(names), "house": house},
        lines=[
            _("Something has changed on your account: here are all documents that belong to it."),
            *([] if to_pay else [_("There is nothing to pay.")]),
        ],
        facts=[*facts, *(_bank(to_pay, to_pay.due) if to_pay else [])],
        action=_("See the invoice") if url else "",
        url=url,
        closing=[_("Whoever has this link can see the invoice: please keep it to yourself.")]
        if url
        else [],
        house=house,
    )


def _claim(delivery: Delivery, claim: Claim) -> None:
    """A reminder of what is owed without an invoice: what for, how much is left, and how to pay."""
    if not claim.due:  # paid since it was asked for
        return
    house, due_on = claim.location, words.day(claim.due_on)
    facts = [(_("What for"), claim.text), (_("Amount"), money(claim.amount, claim.currency))]
    if claim.settled:
        facts.append((_("Paid already"), money(claim.settled, claim.currency)))
    facts += [(_("To pay"), money(claim.due, claim.currency)), (_("Until"), due_on)]
    letters.write(
        delivery.to,
        subject=_("Reminder: %(what)s, to be paid to %(house)s")
        % {"what": claim.text, "house": house},
        lines=[
            _("%(amount)s was to be paid by %(day)s. If you have paid it meanwhile, please take no "
              "notice of this.")
            % {"amount": money(claim.due, claim.currency), "day": due_on}
        ],
        facts=[*facts, *_account(seller_of(house)), (_("Reference"), claim.reference)],
        house=house,
    )  # fmt: skip


def _invoice(delivery: Delivery, invoice: Invoice, url: str) -> None:
    """What is left to pay, until when and how; the page behind the link shows the rest."""
    house, due = invoice.location, invoice.due
    facts = [
        (_("Invoice"), str(invoice.number)),
        (_("Issued on"), words.day(invoice.issued_on or house.today())),
        (_("Total"), money(invoice.total, invoice.currency)),
    ]
    if due != invoice.total:
        facts.append((_("Paid already"), money(invoice.settled, invoice.currency)))
    if due:
        facts += [
            (_("To pay"), money(due, invoice.currency)),
            (_("Until"), words.day(invoice.due_on or house.today())),
        ]
    subject = _("Invoice %(number)s from %(house)s")
    lines = [_("Your invoice is ready. You find it, with every line explained, on its own page.")]
    if delivery.kind == Delivery.Kind.REMINDER:
        if not due:  # paid since it was asked for
            return
        subject = _("Reminder: invoice %(number)s from %(house)s")
        lines = [
            _("Invoice %(number)s was to be paid by %(day)s. If you have paid it meanwhile, please "
              "take no notice of this.")
            % {"number": invoice.number, "day": words.day(invoice.due_on or house.today())}
        ]  # fmt: skip
    elif not due:
        lines.append(_("There is nothing to pay."))
    letters.write(
        delivery.to,
        subject=subject % {"number": invoice.number, "house": house},
        lines=lines,
        facts=[*facts, *_bank(invoice, due)],
        action=_("See the invoice"),
        url=url,
        closing=[_("Whoever has this link can see the invoice: please keep it to yourself.")],
        house=house,
    )


def _bank(invoice: Invoice, due) -> list[tuple[str, str]]:
    account = _account(invoice.seller) if due else []
    return [*account, (_("Reference"), str(invoice.number))] if account else []


def _account(seller: dict[str, str]) -> list[tuple[str, str]]:
    """To which account a location is paid; nothing where that is not set."""
    if not seller.get("iban"):
        return []
    found = [(_("Account"), seller["iban"])]
    if seller.get("bank_name"):
        found.insert(0, (_("Bank"), seller["bank_name"]))
    return found


def _credit_note(delivery: Delivery, note: CreditNote) -> None:
    house = note.location
    letters.write(
        delivery.to,
        subject=_("Credit note %(number)s from %(house)s")
        % {"number": note.number, "house": house},
        lines=[
            _("We have credited a part of invoice %s, or all of it.") % note.invoice.number,
            _("It lowers what is to pay; what is more than that stays as credit on your account."),
        ],
        facts=[
            (_("Credit note"), note.number),
            (_("Amount"), money(note.total, note.currency)),
            (_("Reason"), note.reason),
        ],
        house=house,
    )
