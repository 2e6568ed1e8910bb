"""How an invoice comes about: composed from charges, numbered and frozen when it is issued."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Max, OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import signals, tax
from billing.fonts import unprintable
from billing.models import accounts, numbering
from billing.models.accounts import Account, AccountEntry
from billing.models.numbering import Series
from customers.models import Customer
from kit import audit, clock
from kit.money import ZERO
from kit.problems import Problem, Refused, in_words, refuse_if
from spaces.models import Location
from spaces.taxes import TaxCategory

if TYPE_CHECKING:
    from billing.models.charges import Charge
    from billing.models.documents import Delivery
    from billing.models.invoices import Invoice, InvoiceLine
    from billing.models.paying import Allocation

# What comes first on an invoice.
ORDER = ("fee", "subscription", "adjustment", "sign_up_fee", "deposit", "booking", "late_fee",
         "sale", "other")  # fmt: skip


def in_order(charges: Iterable["Charge"]) -> list["Charge"]:
    """Charges as an invoice lists them: what is agreed before what was used, then by date."""
    return sorted(
        charges,
        key=lambda one: (ORDER.index(one.kind), one.on, one.starts_on or one.on, one.text,
                         one.price, one.pk or 0),
    )  # fmt: skip


def by_document(charges: Iterable["Charge"]) -> list[list["Charge"]]:
    """Return charges by the document that they belong on: what is outside the scope of tax is on
    one of its own, after the others."""
    found: dict[bool, list[Charge]] = {}
    for charge in charges:
        found.setdefault(charge.tax_category == TaxCategory.OUTSIDE_SCOPE, []).append(charge)
    return [found[outside] for outside in sorted(found)]


def composed(
    customer: Customer, location: Location, charges: Sequence["Charge"], **fields: Any
) -> tuple["Invoice", list["InvoiceLine"]]:
    """An invoice of these charges with its lines and sums, not stored."""
    from billing.models.invoices import Invoice

    invoice = Invoice(customer=customer, location=location, **fields)
    lines = [_line(invoice, charge) for charge in in_order(charges)]
    add_up(invoice, lines)
    return invoice, lines


def _line(invoice: "Invoice", charge: "Charge") -> "InvoiceLine":
    from billing import explaining
    from billing.models.invoices import InvoiceLine

    return InvoiceLine(
        invoice=invoice, charge=charge, text=charge.text, on=charge.on, quantity=charge.quantity,
        detail=explaining.in_short(charge.explanation)[:500], price=charge.price,
        tax_rate=charge.tax_rate, tax_category=charge.tax_category, tax_note=charge.tax_note,
        purchase_order=charge.purchase_order,
    )  # fmt: skip


def add_up(invoice: "Invoice", lines: Sequence["InvoiceLine"]) -> None:
    """Number the lines, tax them together, and put the sums onto the invoice."""
    taxed = tax.of_lines(
        [
            tax.Priced(one.price, one.tax_rate, one.charge.includes_tax, one.tax_category,
                       one.charge.contained_rate)
            for one in lines
        ],
        invoice.location.currency,
    )  # fmt: skip
    for position, (line, part) in enumerate(zip(lines, taxed, strict=True), start=1):
        line.position, line.net, line.tax = position, part.net, part.tax
    invoice.net = sum((line.net for line in lines), ZERO)
    invoice.tax = sum((line.tax for line in lines), ZERO)
    invoice.total = invoice.net + invoice.tax
    invoice.tax_sums = tax.written(tax.summary([line.tax_sum for line in lines]))


def seller_of(location: Location) -> dict[str, str]:
    """The location as it is printed on an invoice."""
    return {
        "name": location.legal_name or location.name,
        "house": location.name,
        **{
            name: getattr(location, name)
            for name in ("address", "city", "postal_code", "country", "tax_number",
                         "vat_id", "register_line", "contact_email", "contact_phone", "bank_name",
                         "iban", "bic", "payment_text", "currency")
        },
    }  # fmt: skip


def buyer_of(customer: Customer) -> dict[str, str]:
    """The customer as it is printed on an invoice."""
    return {
        "name": customer.name,
        "person": customer.full_name if customer.is_company else "",
        "email": customer.billing_email or customer.email,
        **{
            name: getattr(customer, name)
            for name in ("address", "city", "postal_code", "country", "tax_number")
        },
    }


def freeze(invoice: "Invoice", series: Series, number: int, *, on: dt.date, by) -> None:
    """Put onto an invoice what it will say for ever."""
    customer, location = invoice.customer, invoice.location
    days = location.payment_days if customer.payment_days is None else customer.payment_days
    invoice.state = invoice.State.ISSUED
    invoice.series, invoice.sequence, invoice.number = series, number, series.named(number)
    invoice.issued_on, invoice.due_on = on, invoice.due_on or on + dt.timedelta(days=days)
    invoice.seller, invoice.buyer = seller_of(location), buyer_of(customer)
    invoice.issued_at, invoice.issued_by = clock.now(), by


def obstacles(
    customer: Customer, location: Location, lines: Iterable["InvoiceLine"]
) -> list[Problem]:
    """Return why an invoice of these lines cannot be issued yet and waits as a draft.

    Codes: `unprintable` (letters that no font has), `vat_id_missing` (a reverse charge whose
    customer has no VAT id any more).
    """
    lines = list(lines)
    problems = []
    texts = [text for line in lines for text in (line.text, line.detail)]
    if letters := unprintable(" ".join([*buyer_of(customer).values(), *texts])):
        text = _("No font of the server can print %s: install one that does, or use other letters.")
        problems.append(Problem("unprintable", text % letters))
    is_reversed = any(line.tax_category == TaxCategory.REVERSE_CHARGE for line in lines)
    if is_reversed and not customer.vat_id:
        text = _("Reverse charge needs the VAT id of %s.")
        problems.append(Problem("vat_id_missing", text % customer))
    return problems


def issue_all(
    invoices: "Sequence[Invoice]", location: Location, *, on: dt.date, by, send: bool = True
) -> "list[Delivery]":
    """Issue drafts of one location together: the one path by which an invoice gets its number.

    Numbers and freezes them in their order, pays them from the credit of their accounts, stores
    them, records who did it, asks for their delivery (`send`), and announces each. Drafts that are
    not stored yet have their key and their lines stored. The accounts are locked. Returns the
    deliveries, whose letters are still to be written. Raises `Refused` with `date_goes_back`.
    """
    from billing.models.documents import Delivery
    from kit import bulk

    _fix_tax_of_charges(invoices)
    numbering.lock([location])
    series = Series.of(location, Series.Kind.INVOICE)
    for invoice, number in zip(invoices, series.take(len(invoices), on=on), strict=True):
        freeze(invoice, series, number, on=on, by=by)
    entries, allocations = _paid_from_credit(invoices, location, on=on, by=by)
    bulk.insert(allocations)  # what an invoice says is settled is looked up there
    drafts = [invoice for invoice in invoices if not invoice._state.adding]
    with in_words():
        bulk.insert([invoice for invoice in invoices if invoice._state.adding])
        for invoice in drafts:
            invoice.save()
    bulk.insert(entries)
    bulk.insert(
        [
            audit.drafted(
                "invoice.issue", invoice, by=by,
                changes={"number": [None, invoice.number], "total": [None, invoice.total]},
            )
            for invoice in invoices
        ]
    )  # fmt: skip
    deliveries = [
        Delivery(
            kind=Delivery.Kind.INVOICE,
            invoice=invoice,
            asked_by=by,
            to=(invoice.buyer or {})["email"],
        )
        for invoice in (invoices if send else ())
    ]
    bulk.insert(deliveries)
    for invoice in invoices:
        signals.invoice_issued.send(sender=type(invoice), invoice=invoice, by=by)
    return deliveries


def issue_together(
    invoices: "Sequence[Invoice]", location: Location, *, on: dt.date, by, send: bool = True
) -> None:
    """Issue drafts of one location as `issue_all` does, and write their letters."""
    from billing import sending

    with sending.together():
        for delivery in issue_all(invoices, location, on=on, by=by, send=send) if invoices else ():
            sending.write(delivery)


def _fix_tax_of_charges(invoices: "Sequence[Invoice]") -> None:
    """Give the charges of drafts the net and the tax of their lines."""
    from billing.models.charges import Charge
    from billing.models.invoices import InvoiceLine

    lines = InvoiceLine.objects.filter(invoice__in=[invoice.pk for invoice in invoices])
    other = lines.exclude(net=F("charge__amount"), tax=F("charge__tax"))
    of_charge = InvoiceLine.objects.filter(charge=OuterRef("pk")).order_by()
    Charge.objects.filter(pk__in=other.values("charge")).update(
        amount=Subquery(of_charge.values("net")), tax=Subquery(of_charge.values("tax"))
    )


def _paid_from_credit(
    invoices: "Sequence[Invoice]", location: Location, *, on: dt.date, by
) -> "tuple[list[AccountEntry], list[Allocation]]":
    """Let the credit of accounts pay their new invoices; older ones it has paid before."""
    from billing.models.paying import Allocation

    customers = {invoice.customer_id for invoice in invoices}
    held = Account.objects.filter(location=location, customer__in=customers).with_credit()
    with_credit = {one.customer_id: one for one in held if one.credit}
    left = {key: account.credit for key, account in with_credit.items()}
    sequences = dict(
        AccountEntry.objects.filter(account__in=with_credit.values()).order_by()
        .values("account__customer").annotate(last=Max("sequence"))
        .values_list("account__customer", "last")
    )  # fmt: skip
    entries, allocations = [], []
    for invoice in invoices:
        key = invoice.customer_id
        paid = min(left.get(key, ZERO), invoice.total - invoice.settled)
        if not paid:
            continue
        left[key] -= paid
        sequences[key] += 1
        invoice.settled += paid
        entries.append(
            AccountEntry(
                account=with_credit[key], sequence=sequences[key], kind=AccountEntry.Kind.PAID,
                value=-paid, left=left[key], invoice=invoice, on=on, by=by,
            )
        )  # fmt: skip
        allocations.append(
            Allocation(invoice=invoice, kind=Allocation.Kind.CREDIT, value=paid, on=on, by=by)
        )
    return entries, allocations


_NOTHING = Problem("nothing_to_invoice", gettext_lazy("There is nothing to invoice."))


@transaction.atomic
def draft(
    customer: Customer, location: Location, charges: Sequence["Charge"], *, by, **fields: Any
) -> "Invoice":
    """A draft that takes these waiting charges; the account is locked.

    Raises `Refused` with `nothing_to_invoice`.
    """
    from kit import bulk

    if not charges:
        raise Refused(_NOTHING)
    invoice, lines = composed(customer, location, charges, made_by=by, **fields)
    with in_words():
        invoice.save(force_insert=True)
        for line in lines:
            line.invoice = invoice
        bulk.insert(lines)
    audit.record("invoice.draft", invoice, by=by, changes={"total": [None, invoice.total]})
    return invoice


def invoice_now(
    customer: Customer, location: Location, charges: Sequence["Charge"] | None = None, *, by,
    on: dt.date | None = None, issue: bool = True, **fields: Any,
) -> "Invoice":  # fmt: skip
    """Invoice what waits on an account, or some of it, now and not on its billing date.

    What is outside the scope of tax gets a document of its own beside the one that is returned.

    Raises `Refused` with `not_books`, `nothing_to_invoice`, `invoiced` (taken meanwhile)
    or what issuing refuses.
    """
    if by is not None and not by.may("keep_books", at=location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    with transaction.atomic():
        Account.objects.of(customer, location)
        accounts.hold(customer)
        waiting = customer.charges.filter(location=location).waiting()
        if charges is not None:
            keys = {charge.pk for charge in charges}
            waiting = waiting.filter(pk__in=keys)
        found = list(waiting.select_related("location"))
        if charges is not None and len(found) < len(keys):
            text = _("Some of these were invoiced or voided meanwhile.")
            raise Refused(Problem("invoiced", text))
        if not found:
            raise Refused(_NOTHING)
        made = [draft(customer, location, part, by=by, **fields) for part in by_document(found)]
        if issue:
            for one in made:
                one._issue(by=by, on=on)
        return made[0]


class Issuable(models.Model):
    """How a draft becomes an invoice, or goes."""

    class Meta:
        abstract = True

    @transaction.atomic
    def issue(self, *, by, on: dt.date | None = None, send: bool = True) -> None:
        """Number the draft, date it, and freeze it with names and addresses as they are now.

        Credit on the account pays it at once, as far as it goes. Raises `Refused` with
        `issued_already`, `not_books`, `future_date`, `date_goes_back` or what `obstacles` says.
        """
        self._lock_account()
        self._refuse_others(by)
        self._issue(by=by, on=on, send=send)

    def _issue(self, *, by, on: dt.date | None = None, send: bool = True) -> None:
        if self.state != self.State.DRAFT:
            raise Refused(Problem("issued_already", _("This invoice is issued already.")))
        today = self.location.today()
        on = on or today
        if on > today:
            raise Refused(Problem("future_date", _("This date has not come yet."), "on"))
        refuse_if(self.obstacles())
        issue_together([self], self.location, on=on, by=by, send=send)

    def obstacles(self) -> list[Problem]:
        """Return why this draft cannot be issued yet; see `obstacles`."""
        return obstacles(self.customer, self.location, self.lines.all())

    @transaction.atomic
    def discard(self, *, by) -> None:
        """Delete a draft; its charges wait again. Raises `Refused` with `issued_already`."""
        self._lock_account()
        self._refuse_others(by)
        if self.state != self.State.DRAFT:
            text = _("An issued invoice stays: credit it instead.")
            raise Refused(Problem("issued_already", text))
        self.drop(by=by)

    def drop(self, *, by) -> None:
        """The later half of `discard`: the account is locked, and it is a draft."""
        audit.record("invoice.discard", self, by=by, changes={"total": [self.total, None]})
        self.lines.all().delete()
        self.delete()

    @transaction.atomic
    def remove(self, charge: "Charge", *, by) -> None:
        """Take a charge off a draft: it waits again. Raises `Refused` with `issued_already`
        or `not_books`."""
        self._lock_account()
        self._refuse_others(by)
        self.take_off(charge, by=by)

    def take_off(self, charge: "Charge", *, by) -> None:
        """The later half of `remove`: the account is locked. A draft without charges goes."""
        self.refresh_from_db()
        if self.state != self.State.DRAFT:
            raise Refused(Problem("issued_already", _("This invoice is issued already.")))
        self.lines.filter(charge=charge).delete()
        charge.__dict__.pop("line", None)
        charge._state.fields_cache.pop("line", None)
        lines = list(self.lines.select_related("charge"))
        if not lines:
            audit.record("invoice.discard", self, by=by, changes={"total": [self.total, None]})
            self.delete()
            return
        before = self.total
        add_up(self, lines)
        for line in lines:
            line.save(update_fields=["position", "net", "tax"])
        self.save(update_fields=["net", "tax", "total", "tax_sums"])
        audit.record("invoice.take_off", self, by=by, changes={"total": [before, self.total]})

    def rewrite(self, charges: "Sequence[Charge]", *, by) -> None:
        """Give a draft the lines of these charges instead of its own; the account is locked."""
        from kit import bulk

        before = self.total
        self.lines.all().delete()
        lines = [_line(self, charge) for charge in in_order(charges)]
        add_up(self, lines)
        with in_words():
            bulk.insert(lines)
            self.save(update_fields=["net", "tax", "total", "tax_sums"])
        audit.record("invoice.rewrite", self, by=by, changes={"total": [before, self.total]})
