"""Putting something on an account: the one place where a charge gets its tax and its dates, and the
one where it is taken back."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing import explaining, signals, taxing
from billing.models import accounts, numbering
from billing.models.accounts import Account
from billing.models.charges import Cause, Charge, ChargeVoid
from billing.models.invoices import Invoice
from billing.models.issuing import by_document, draft, issue_together
from billing.models.numbering import Series
from billing.models.paying import valid_amount
from bookings.standing import Standing
from customers.models import Customer, Team
from customers.models.status import Status
from kit import audit, locks
from kit.money import ZERO
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if
from spaces.models import Location

DAY = dt.timedelta(days=1)


def payer_of(customer: Customer, team: Team | None) -> Customer:
    """Whose account pays: the team's payer, where it has one, else the customer's own."""
    return (team.payer if team is not None else None) or customer


def drafted(
    customer: Customer, location: Location, *, kind: str, text: str, on: dt.date,
    explanation: dict[str, Any], item: Any = None, entered: Decimal | None = None,
    tax_on: dt.date | None = None, ripe_on: dt.date | None = None,
    used_by: Customer | None = None, by=None, like: Charge | None = None, **fields: Any,
) -> Charge:  # fmt: skip
    """A charge with the price that its explanation leads to, and its tax; not stored.

    The tax is the one in force on `tax_on` (its date unless said otherwise) for `item`, what was
    sold, or the rate that staff entered; one that corrects another is taxed `like` it. `ripe_on` is
    the first billing date that may take it, the day after the service unless said otherwise.
    """
    included = location.prices_include_tax and kind != Charge.Kind.DEPOSIT
    explanation = explanation | {"currency": location.currency}
    if entered is not None:
        explanation["entered_rate"] = f"{entered:f}"
    charge = Charge(
        customer=customer, location=location, kind=kind, text=text[:300], on=on,
        ripe_on=ripe_on or on + DAY, price=explaining.price_of(explanation),
        includes_tax=like.includes_tax if like is not None else included,
        explanation=explanation, by=by,
        used_by=used_by if used_by is not None and used_by.pk != customer.pk else None, **fields,
    )  # fmt: skip
    if like is not None:
        found, tax_on = taxing.tax_like(like), like.tax_on
    else:
        found = taxing.tax_of(
            customer, location, tax_on or on, kind=kind, item=item,
            entered=taxing.entered_rate(entered),
        )  # fmt: skip
    taxing.put_on(charge, found, tax_on or on)
    return charge


def stored(charge: Charge) -> Charge:
    """Store a drafted charge. Raises `Refused` with what is out of bounds."""
    names = [field.name for field in Charge._meta.concrete_fields if field.is_relation]
    check_fields(charge, leaving_out=names)
    Account.objects.of(charge.customer, charge.location)
    with in_words():
        charge.save(force_insert=True)
    signals.charged.send(sender=Charge, charge=charge, by=charge.by)
    return charge


def charge_other(
    customer: Customer, location: Location, *, text: str, amount: Any, by,
    tax_rate: Decimal | None = None, on: dt.date | None = None,
) -> Charge:  # fmt: skip
    """Charge something else, with a text; as prices are entered at the location, with or without
    tax. What is given back is no charge below zero: see `billing.giving.give_back`.

    Raises `Refused` with `not_books`, `required` (the text), `invalid_amount`, `amount_too_fine`,
    `tax_rate` or `date_out_of_range`.
    """
    with transaction.atomic():
        Account.objects.of(customer, location)
        accounts.hold(customer)
        today = location.today()
        on = on or today
        value = valid_amount(amount, location.currency)
        problems = []
        if by is not None and not by.may("keep_books", at=location):
            problems.append(Problem("not_books", _("This is for those who keep the books.")))
        if not text.strip():
            problems.append(Problem("required", _("Say what it is for."), "text"))
        if tax_rate is not None and not 0 <= tax_rate <= 100:
            problems.append(Problem("tax_rate", _("Between 0 and 100."), "tax_rate"))
        if abs((on - today).days) > 3660:
            text_ = _("This date is too far away.")
            problems.append(Problem("date_out_of_range", text_, "on"))
        refuse_if(problems)
        charge = stored(
            drafted(
                customer, location, kind=Charge.Kind.OTHER, text=text.strip(), on=on,
                ripe_on=max(on + DAY, today), entered=tax_rate, by=by,
                explanation={"kind": "other", "amount": f"{value:f}"},
            )
        )  # fmt: skip
        audit.record("charge.other", charge, by=by, changes={"amount": [None, charge.price]})
        if is_invoiced_at_once(customer, location, customer, by, on=today):
            invoice_at_once(customer, location, [charge], by=by, on=on)
        return charge


# At once, where the rule says so


def is_invoiced_at_once(
    payer: Customer, location: Location, used_by: Customer, by, *, on: dt.date
) -> bool:
    """Whether a purchase is invoiced as it is made: where the customer, or else the location, is
    invoiced at every purchase, and for what contacts buy for themselves in the portal."""
    if (payer.invoice_at or location.invoice_at) == Location.InvoiceAt.PURCHASE:
        return True
    if payer.pk != used_by.pk or by is None or by.pk != used_by.user_id:
        return False
    if by.may("serve_customers", at=location):
        return False
    return Standing.of(used_by).statuses(on) == {Status.CONTACT}


def invoice_at_once(
    customer: Customer, location: Location, charges: Sequence[Charge], *, by,
    on: dt.date | None = None,
) -> list[Invoice]:  # fmt: skip
    """Invoice charges as they are made; the account is locked. Returns the invoices: none where
    there is nothing to pay, two where a part is outside the scope of tax. What cannot be issued yet
    stays a draft."""
    made = [
        draft(customer, location, part, by=by)
        for part in by_document(charges)
        if sum((charge.total for charge in part), ZERO) > 0
    ]
    ready = [invoice for invoice in made if not invoice.obstacles()]
    issue_together(ready, location, by=by, on=issue_date(location, on))
    return made


def issue_date(location: Location, on: dt.date | None) -> dt.date:
    """The day a deed was done on, but never before the last number, and never ahead."""
    today = location.today()
    last = [
        series.last_issued_on
        for series in Series.objects.filter(location=location)
        if series.last_issued_on is not None
    ]
    return min(max([on or today, *last]), today)


# Taken back


@transaction.atomic
def take_back(charge: Charge, *, reason: str, by, on: dt.date | None = None) -> None:
    """Take a charge back: voided while no invoice has taken it, credited once one has. Pieces of a
    product go back into stock.

    What staff give so stays given, whatever is decided later. Raises `Refused` with `not_books`,
    `void_already`, `reason_missing` or `nothing_to_credit`.
    """
    locks.take(
        customers=[charge.customer_id],
        products=[charge.product_id] if charge.product_id else [],
    )
    accounts.hold(charge.customer_id)
    if by is not None and not by.may("keep_books", at=charge.location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    if not reason.strip():
        raise Refused(Problem("reason_missing", _("Say why, in a few words."), "reason"))
    charge = _afresh(charge)
    if charge.is_void:
        raise Refused(Problem("void_already", _("This charge was voided already.")))
    if charge.state == "invoiced" and not _left(charge):
        raise Refused(Problem("nothing_to_credit", _("Nothing is left to be credited.")))
    on = on or charge.location.today()
    undo(charge, reason=reason, by=by, on=on, cause=Cause.STAFF)
    if charge.product is not None and charge.product.stock is not None:
        product = charge.product
        if not product.recurring:
            product.refresh_from_db(fields=["stock"])
            product.stock = (product.stock or 0) + charge.quantity
            product.save(update_fields=["stock"])


def undo(charge: Charge, *, reason: str, by, on: dt.date, cause: str = Cause.DECISION) -> None:
    """The later half of `take_back`: the accounts are locked, nobody is asked."""
    charge = _afresh(charge)
    if charge.is_void:
        return
    invoice = charge.invoice
    if invoice is not None and invoice.state == Invoice.State.DRAFT:
        invoice.take_off(charge, by=by)
        invoice = None
    if invoice is None:
        void(charge, reason=reason, by=by, on=on, cause=cause)
    elif _left(charge):
        issued = credit_date(invoice, on)
        invoice._credit([charge.line], reason=reason, by=by, on=issued, cause=cause)


def void(charge: Charge, *, reason: str, by, on: dt.date, cause: str) -> None:
    """Void a charge that no invoice has; the account is locked."""
    row = ChargeVoid(charge=charge, cause=cause, reason=reason.strip()[:500], on=on, by=by)
    check_fields(row, leaving_out=("charge", "by"))
    with in_words():
        row.save(force_insert=True)
    audit.record("charge.void", charge, by=by, changes={"amount": [charge.price, None]})


def credit_date(invoice: Invoice, on: dt.date) -> dt.date:
    """Return the date of a credit note for a decision of a day: never before its invoice or the
    last number of its series, never ahead."""
    location = invoice.location
    numbering.lock([location])
    last = Series.of(location, Series.Kind.CREDIT_NOTE).last_issued_on
    days = [day for day in (on, invoice.issued_on, last) if day is not None]
    return min(max(days), location.today())


def _left(charge: Charge) -> Decimal:
    """What is left to be credited of an invoiced charge."""
    left = charge.invoice.creditable()
    return sum((rest.total for line, rest in left if line.pk == charge.line.pk), ZERO)


def _afresh(charge: Charge) -> Charge:
    return (
        Charge.objects.select_related("customer", "location", "product", "void", "line__invoice")
        .prefetch_related("line__invoice__location")
        .get(pk=charge.pk)
    )
