"""Putting something on an account: the one place where a charge gets its tax and its dates, and the
one where it is taken back."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from billing import explaining, signals, tax
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.charges import Charge, ChargeVoid
from billing.models.crediting import left_of
from billing.models.invoices import Invoice
from billing.models.issuing import draft
from billing.models.numbering import Series
from billing.models.subscriptions import Subscription
from bookings.standing import Standing
from customers.models import Customer, Team
from customers.models.status import Status
from kit import audit, locks
from kit.money import ZERO, round_to
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if
from plans.models import Contract
from spaces.models import Location

DAY = dt.timedelta(days=1)


def payer_of(customer: Customer, team: Team | None) -> Customer:
    """Whose account pays: the team's payer, where it has one, else the customer's own."""
    return (team.payer if team is not None else None) or customer


def drafted(
    customer: Customer, location: Location, *, kind: str, text: str, on: dt.date,
    explanation: dict[str, Any], rate: Decimal | None = None, ripe_on: dt.date | None = None,
    used_by: Customer | None = None, by=None, like: Charge | None = None, **fields: Any,
) -> Charge:  # fmt: skip
    """A charge with the price that its explanation leads to, and its tax; not stored.

    `rate` is the item's own (None: the location's); an exempt customer's and a deposit's are
    nothing; one that corrects another is taxed `like` it. `ripe_on` is the first billing date that
    may take it, the day after the service unless said otherwise.
    """
    source, note = "location" if rate is None else "item", ""
    rate, included = (location.tax_rate if rate is None else rate), location.prices_include_tax
    if kind == Charge.Kind.DEPOSIT:
        source, note = "deposit", _("Refundable deposit, not subject to tax")
        rate, included = ZERO, False
    elif customer.tax_exempt:
        source, note, rate = "exempt", customer.tax_exempt_reason, ZERO
    if like is not None:
        source, note = like.explanation["tax"]["source"], like.tax_note
        rate, included = like.tax_rate, like.includes_tax
    explanation = explanation | {
        "currency": location.currency,
        "tax": {"rate": f"{rate:f}", "source": source, "note": note, "included": included},
    }
    price = explaining.price_of(explanation)
    taxed = tax.of(tax.Priced(price, rate, included), location.currency)
    return Charge(
        customer=customer, location=location, kind=kind, text=text[:300], on=on,
        ripe_on=ripe_on or on + DAY, price=price, includes_tax=included, tax_rate=rate,
        tax_note=note, amount=taxed.net, tax=taxed.tax, explanation=explanation, by=by,
        used_by=used_by if used_by is not None and used_by.pk != customer.pk else None, **fields,
    )  # fmt: skip


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
    """Charge something else, with a text; an amount below zero lowers the next invoice. As prices
    are entered at the location, with or without tax.

    Raises `Refused` with `not_books`, `required` (the text), `invalid_amount`, `amount_too_fine`,
    `tax_rate` or `date_out_of_range`.
    """
    with transaction.atomic():
        Account.objects.of(customer, location)
        accounts.hold(customer)
        today = location.today()
        on = on or today
        value = _other_amount(amount, location.currency)
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
                ripe_on=max(on + DAY, today), rate=tax_rate, by=by,
                explanation={"kind": "other", "amount": f"{value:f}"},
            )
        )  # fmt: skip
        audit.record("charge.other", charge, by=by, changes={"amount": [None, charge.price]})
        if value > 0 and is_invoiced_at_once(customer, location, customer, by, on=today):
            invoice_at_once(customer, location, [charge], by=by, on=on)
        return charge


def _other_amount(amount: Any, currency: str) -> Decimal:
    from django.core.exceptions import ValidationError

    from kit import money

    try:
        value = money.MoneyField().to_python(amount)
    except ValidationError:
        value = None
    if not value or abs(value) > money.MOST:
        raise Refused(Problem("invalid_amount", _("Enter an amount other than zero."), "amount"))
    if round_to(value, currency) != value:
        text = _("%(currency)s has %(places)d decimals.") % {
            "currency": currency, "places": money.exponent(currency),
        }  # fmt: skip
        raise Refused(Problem("amount_too_fine", text, "amount"))
    return value


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
) -> Invoice | None:  # fmt: skip
    """Invoice charges as they are made; the account is locked. None where there is nothing to
    pay."""
    total = sum((charge.total for charge in charges), ZERO)
    if total <= 0:
        return None
    made = draft(customer, location, charges, by=by)
    made._issue(by=by, on=issue_date(location, on))
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

    Raises `Refused` with `not_books`, `void_already`, `reason_missing`, `nothing_to_credit` or
    `follows_contract` (what is given back by day is not taken back by hand).
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
    if charge.kind == Charge.Kind.ADJUSTMENT and charge.price < 0:
        text = _("This follows from the days of the contract: charge something else to balance it.")
        raise Refused(Problem("follows_contract", text))
    if charge.state == "invoiced" and not _left(charge):
        raise Refused(Problem("nothing_to_credit", _("Nothing is left to be credited.")))
    undo(charge, reason=reason, by=by, on=on or charge.location.today())
    if charge.product is not None and charge.product.stock is not None:
        product = charge.product
        if not product.recurring:
            product.refresh_from_db(fields=["stock"])
            product.stock = (product.stock or 0) + charge.quantity
            product.save(update_fields=["stock"])


def undo(charge: Charge, *, reason: str, by, on: dt.date) -> None:
    """The later half of `take_back`: the accounts are locked, nobody is asked."""
    charge = up_to_date(charge, on=on)
    if charge.is_void:
        return
    invoice = charge.invoice
    if invoice is not None and invoice.state == Invoice.State.DRAFT:
        _off_its_draft(charge, invoice, by=by)
        invoice = None
    if invoice is None:
        void = ChargeVoid(charge=charge, reason=reason.strip()[:500], on=on, by=by)
        check_fields(void, leaving_out=("charge", "by"))
        with in_words():
            void.save(force_insert=True)
        audit.record("charge.void", charge, by=by, changes={"amount": [charge.price, None]})
        return
    if _left(charge):
        issued = issue_date(charge.location, on)
        invoice._credit([charge.line], reason=reason, by=by, on=issued)


def return_rest(customer: Customer, location: Location, *, by, on: dt.date | None = None) -> int:
    """Credit what waits below zero on an account to the invoices it came from: what was paid in
    advance for days that do not come lowers what is due, and the rest is credit, to be paid out.

    Returns how many charges became credit notes. Raises `Refused` with `not_books`.
    """
    with transaction.atomic():
        locks.take(customers=[customer])
        accounts.hold(customer)
        if by is not None and not by.may("keep_books", at=location):
            raise Refused(Problem("not_books", _("This is for those who keep the books.")))
        waiting = customer.charges.filter(location=location, kind=Charge.Kind.ADJUSTMENT).waiting()
        found = waiting.filter(price__lt=0, adjusts__line__invoice__state="issued")
        made = 0
        for charge in found.select_related("location", "adjusts__line__invoice").order_by("pk"):
            made += _as_credit_note(charge, by=by, on=min(on or location.today(), location.today()))
        return made


def _as_credit_note(charge: Charge, *, by, on: dt.date) -> int:
    line = charge.adjusts.line
    left = left_of(line)
    if -charge.price > (left.total if charge.includes_tax else left.net):
        return 0
    note = line.invoice._credit(
        {line: -charge.price}, reason=charge.text, by=by, on=issue_date(charge.location, on)
    )
    ChargeVoid.objects.create(
        charge=charge, reason=_("Credited by %s.") % note.number, on=on, by=by
    )
    return 1


def rests(on: dt.date | None = None) -> list[tuple[Customer, Location]]:
    """Accounts with something below zero that no invoice will take: nothing runs or is to come."""
    found = []
    waiting = Charge.objects.waiting().filter(kind=Charge.Kind.ADJUSTMENT, price__lt=0)
    for charge in waiting.select_related("customer", "location").order_by("pk"):
        pair = (charge.customer, charge.location)
        # What a job for a day ahead does not do either.
        day = min(on or charge.location.today(), charge.location.today())
        sums = charge.customer.charges.filter(location=charge.location).waiting()
        rest = sums.aggregate(sum=Sum("amount") + Sum("tax"))["sum"] or ZERO
        if pair not in found and rest < 0 and not _goes_on(charge.customer, charge.location, day):
            found.append(pair)
    return found


def _goes_on(customer: Customer, location: Location, on: dt.date) -> bool:
    mine = Q(customer=customer) | Q(on_behalf_of__payer=customer)
    running = Contract.objects.filter(mine, location=location).running_or_scheduled(on=on)
    lockers = Subscription.objects.filter(mine, location=location).running_or_scheduled(on=on)
    return running.exists() or lockers.exists()


def return_rests(*, on: dt.date | None = None) -> int:
    """Do it for everybody who has left, one transaction each; returns how many charges."""
    return sum(return_rest(*pair, by=None, on=on) for pair in rests(on))


def _left(charge: Charge) -> Decimal:
    """What is left to be credited of an invoiced charge."""
    left = charge.invoice.creditable()
    return sum((rest.total for line, rest in left if line.pk == charge.line.pk), ZERO)


def _off_its_draft(charge: Charge, invoice: Invoice, *, by) -> None:
    """Where the rest of the draft would be below zero, it goes and its charges wait again."""
    try:
        with transaction.atomic():
            invoice.take_off(charge, by=by)
    except Refused:
        invoice.refresh_from_db()
        invoice.drop(by=by)
    charge._state.fields_cache.pop("line", None)


def up_to_date(charge: Charge, *, on: dt.date) -> Charge:
    """A charge as it is by now. What a billing date that has come should have invoiced is invoiced
    first: a run that is late makes no difference. The accounts are locked."""
    from billing import runs

    charge = _afresh(charge)
    if charge.is_void or charge.invoice is not None or not runs.is_due(charge, on=on):
        return charge
    runs.catch_up(charge.customer, charge.location, on=on)
    return _afresh(charge)


def _afresh(charge: Charge) -> Charge:
    return (
        Charge.objects.select_related("customer", "location", "product", "void", "line__invoice")
        .prefetch_related("line__invoice__location")
        .get(pk=charge.pk)
    )
