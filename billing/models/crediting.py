"""Credit notes: the only way in which an issued invoice is corrected."""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import signals, tax
from billing.models import numbering
from billing.models.accounts import Account, AccountEntry
from billing.models.charges import Cause
from billing.models.numbering import Series
from billing.models.paying import (
    Allocation,
    after_settling,
    date_problems,
    pay_from_credit,
    valid_amount,
)
from billing.tax import TaxSum
from customers.models import Customer
from kit import audit, bulk, clock, money
from kit.fields import Line
from kit.money import ZERO, round_to
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from kit.templatetags.house import money as money_words
from spaces.models import Location

if TYPE_CHECKING:
    from billing.models.invoices import Invoice, InvoiceLine


class CreditNoteQuerySet(models.QuerySet["CreditNote"]):
    def visible_to(self, user) -> "CreditNoteQuerySet":
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))


class CreditNote(models.Model):
    """What an invoice asked too much, given back: whole lines or parts of them, with their tax.

    It lowers what is due on the invoice first; the rest is credit on the account. The number counts
    in a series of its own; `seller` and `buyer` are the invoice's.
    """

    invoice = models.ForeignKey("billing.Invoice", models.PROTECT, related_name="credit_notes")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="credit_notes")
    location = models.ForeignKey(Location, models.PROTECT, related_name="credit_notes")
    series = models.ForeignKey(Series, models.PROTECT, related_name="credit_notes")
    sequence = models.PositiveIntegerField()
    number = Line(gettext_lazy("number"), max_length=30, unique=True)
    issued_on = models.DateField(gettext_lazy("issued on"))
    cause = Line(max_length=11, choices=Cause, default=Cause.STAFF)
    net = money.MoneyField()
    tax = money.MoneyField()
    total = money.MoneyField()
    tax_sums = models.JSONField(default=list)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(null=True)
    reason = Line(gettext_lazy("reason"), max_length=500)
    issued_at = models.DateTimeField(default=clock.now)
    issued_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    erased_at = models.DateTimeField(null=True)

    objects = CreditNoteQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("credit note")
        indexes = [
            models.Index(fields=["customer", "location", "-id"], name="credit_note_of_account"),
            models.Index(fields=["location", "-issued_on", "-id"], name="credit_note_by_date"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="credit_note_numbered_once")
        ]

    def __str__(self):
        return self.number

    @property
    def currency(self) -> str:
        return self.location.currency

    @property
    def people(self) -> str:
        """Who is credited, as printed."""
        return (self.buyer or {}).get("name") or self.customer.name


class CreditNoteLine(models.Model):
    """What is given back of one invoice line: `price` as the line's price was entered, with its
    `net` and `tax`. `credited_net` and `credited_tax` are the running sums of the line, never more
    than it has."""

    credit_note = models.ForeignKey(CreditNote, models.PROTECT, related_name="lines")
    line = models.ForeignKey("billing.InvoiceLine", models.PROTECT, related_name="credits")
    sequence = models.PositiveIntegerField()
    text = Line(max_length=300)
    # Why so much of it: in words, and where a decision gives days back as an explanation.
    detail = Line(max_length=500, blank=True)
    explanation = models.JSONField(default=dict)
    price = money.MoneyField()
    net = money.MoneyField()
    tax = money.MoneyField()
    credited_net = money.MoneyField()
    credited_tax = money.MoneyField()

    class Meta:
        ordering = ["credit_note", "id"]
        constraints = [
            models.UniqueConstraint(fields=["line", "sequence"], name="line_credited_in_order"),
            models.CheckConstraint(
                condition=Q(net__gte=0, tax__gte=0, credited_net__gte=F("net"),
                            credited_tax__gte=F("tax")),
                name="line_credited_one_way",
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.text

    @property
    def total(self) -> Decimal:
        return self.net + self.tax

    @property
    def tax_sum(self) -> TaxSum:
        """What it adds to the sums of its credit note: at the line's rate and category."""
        line = self.line
        return TaxSum(line.tax_rate, line.tax_category, line.tax_note, self.net, self.tax)


class Creditable(models.Model):
    """How an invoice is corrected."""

    class Meta:
        abstract = True

    def creditable(self) -> "list[tuple[InvoiceLine, tax.Taxed]]":
        """Its lines with what is left of each to be credited; of a deposit that was returned only
        what was kept."""
        lines = self.lines.select_related("charge__deposit_return").prefetch_related("credits")
        return [(line, left_to_credit(line)) for line in lines]

    @transaction.atomic
    def credit(
        self, lines: "Iterable[Any] | Mapping[Any, Decimal] | None" = None, *, reason: str, by,
        on: dt.date | None = None,
    ) -> CreditNote:  # fmt: skip
        """Credit the whole invoice, some of its lines, or parts of them:
        `credit({line: Decimal("50")})`, an amount as the line's price was entered, with or without
        tax.

        It lowers what is due first; the rest becomes credit on the account, which pays the oldest
        open invoice. Tax goes in proportion, the last credit of a line takes the remainder. Raises
        `Refused` with `not_issued`, `not_books`, `reason_missing`, `nothing_to_credit`,
        `more_than_left`, `not_on_invoice`, `invalid_amount`, `amount_too_fine`, `before_invoice`,
        `future_date` or `date_goes_back`.
        """
        self._lock()
        self._refuse_others(by)
        note = self._credit(lines, reason=reason, by=by, on=on)
        after_settling(self.customer, by=by, on=self.location.today())
        return note

    def replace(self, *, by, reason: str, due_on: dt.date | None = None) -> "Invoice":
        """Replace a wrong invoice by a new one; see `billing.replacing.replace`."""
        from billing.replacing import replace

        return replace(self, by=by, reason=reason, due_on=due_on)

    def _credit(
        self, lines, *, reason: str, by, on: dt.date | None, cause: str = Cause.STAFF,
        details: "Mapping[int, tuple[str, dict[str, Any]]] | None" = None,
    ) -> CreditNote:  # fmt: skip
        """The later half of `credit`: the account is locked and nobody is asked. `details` has
        words and an explanation for lines, by key."""
        if self.state == self.State.DRAFT:
            raise Refused(Problem("not_issued", _("A draft can be changed or deleted instead.")))
        if not reason.strip():
            text = _("Say why, in a few words.")
            raise Refused(Problem("reason_missing", text, "reason"))
        today = self.location.today()
        on = on or today
        refuse_if(date_problems(on, today=today, invoice=self))
        rows = self._credit_lines(lines)
        for row in rows:
            row.detail, row.explanation = (details or {}).get(row.line_id, ("", {}))
        numbering.lock([self.location])
        series = Series.of(self.location, Series.Kind.CREDIT_NOTE)
        [number] = series.take(1, on=on)
        net, tax_sum = sum((row.net for row in rows), ZERO), sum((row.tax for row in rows), ZERO)
        sums = tax.summary([row.tax_sum for row in rows])
        note = CreditNote(
            invoice=self, customer=self.customer, location=self.location, series=series,
            sequence=number, number=series.named(number), issued_on=on, net=net, tax=tax_sum,
            total=net + tax_sum, seller=self.seller, buyer=self.buyer, cause=cause,
            reason=reason.strip()[:500], issued_by=by,
            tax_sums=tax.written(sums),
        )  # fmt: skip
        check_fields(note, leaving_out=("invoice", "customer", "location", "series", "issued_by"))
        note.pk = bulk.reserve_keys(CreditNote, 1)[0]
        with in_words():
            for row in rows:
                row.credit_note_id = note.pk
            bulk.insert(rows)
            note.save(force_insert=True)
        changes: dict[str, list] = {
            "credit_note": [None, note.number], "total": [None, note.total],
        }  # fmt: skip
        audit.record("invoice.credit", self, by=by, changes=changes)
        self._lower_by(note, on=on, by=by)
        signals.credit_note_issued.send(sender=CreditNote, credit_note=note, by=by)
        return note

    def _lower_by(self, note: CreditNote, *, on: dt.date, by) -> None:
        """What was written off is lowered first: it is not owed any more either."""
        with self.lowering_write_off(on=on, by=by):
            self._settle_by(note, on=on, by=by)

    def settle_by_earlier_notes(self, *, on: dt.date, by) -> Decimal:
        """Let credit notes that came after a payment, which is taken back now, lower what is due:
        they had become account credit. Returns that sum; the caller takes it off the account."""
        settled = ZERO
        for note in self.credit_notes.filter(issued_on__lte=on).order_by("pk"):
            lowered = note.allocations.aggregate(sum=Sum("value"))["sum"] or ZERO
            part = min(note.total - lowered, self.due)
            kind = Allocation.Kind.CREDIT_NOTE
            self.allocate(kind, part, on=on, by=by, credit_note=note)
            settled += part
        return settled

    def _settle_by(self, note: CreditNote, *, on: dt.date, by) -> None:
        due = min(note.total, self.due)
        self.allocate(Allocation.Kind.CREDIT_NOTE, due, on=on, by=by, credit_note=note)
        if rest := note.total - due:
            account = Account.objects.of(self.customer, self.location)
            account.write(AccountEntry.Kind.CREDITED, rest, on=on, by=by, credit_note=note)
            pay_from_credit(account, on=on, by=by)

    def _credit_lines(self, lines: Any) -> list[CreditNoteLine]:
        """The rows of a credit note, checked: what is wanted of each line, in whole or in part."""
        left = {line.pk: (line, rest) for line, rest in self.creditable()}
        wanted: dict[int, Decimal | tax.Taxed | None] = {}
        if lines is None:
            wanted = dict.fromkeys(left)
        elif isinstance(lines, Mapping):
            wanted = {_key(line): amount for line, amount in lines.items()}
        else:
            wanted = {_key(line): None for line in lines}
        if wanted.keys() - left.keys():
            raise Refused(Problem("not_on_invoice", _("This line is not on the invoice.")))
        rows = []
        for key, amount in wanted.items():
            line, rest = left[key]
            if amount is None:
                part = rest
            elif isinstance(amount, tax.Taxed):
                part = amount
            else:
                part = _part(line, rest, amount)
            if part.net or part.tax or (line.net == 0 and lines is not None):
                entered = None if amount is None or isinstance(amount, tax.Taxed) else amount
                rows.append(_row(line, part, rest, entered))
        refuse_if(
            []
            if any(row.net or row.tax for row in rows)
            else [Problem("nothing_to_credit", _("Nothing is left to be credited."))]
        )
        total = sum((row.total for row in rows), ZERO)
        if total <= 0:
            text = _("What is credited must be more than nothing.")
            raise Refused(Problem("nothing_to_credit", text))
        return rows


def _key(line: Any) -> int:
    return line if isinstance(line, int) else line.pk


def left_to_credit(line: "InvoiceLine") -> tax.Taxed:
    """What may still be credited: of a deposit that was returned no more than was kept of it."""
    left = left_of(line)
    returned = getattr(line.charge, "deposit_return", None)
    return left if returned is None else tax.Taxed(max(ZERO, left.net - returned.amount), ZERO)


def left_of(line: "InvoiceLine") -> tax.Taxed:
    """What is left of a line to be credited."""
    credits = list(line.credits.all())
    return tax.Taxed(
        line.net - sum((one.net for one in credits), ZERO),
        line.tax - sum((one.tax for one in credits), ZERO),
    )


def left_price(line: "InvoiceLine") -> Decimal:
    """What is left of a line's price to be credited, as it was entered."""
    if not left_to_credit(line).total:
        return ZERO
    return line.price - sum((one.price for one in line.credits.all()), ZERO)


def _part(line: "InvoiceLine", rest: tax.Taxed, amount: Any) -> tax.Taxed:
    """A part of a line, by an amount as its price was entered."""
    currency = line.invoice.location.currency
    value, most = valid_amount(amount, currency), _most(line, rest)
    if value > most:
        text = _("%(left)s is left of “%(line)s”.") % {
            "left": money_words(most, currency), "line": line.text,
        }  # fmt: skip
        raise Refused(Problem("more_than_left", text, "lines"))
    if value == most:
        return rest
    share = Fraction(value) / Fraction(line.price)
    if line.charge.contained_rate:
        return tax.Taxed(min(round_to(share * Fraction(line.net), currency), rest.net), ZERO)
    part = min(round_to(share * Fraction(line.tax), currency), rest.tax)
    if not line.charge.includes_tax:
        return tax.Taxed(value, part)
    part = max(part, value - rest.net)
    return tax.Taxed(value - part, part)


def _most(line: "InvoiceLine", rest: tax.Taxed) -> Decimal:
    """The most that may still be credited of a line, as its price was entered."""
    left = left_of(line)
    if rest == left:
        return left_price(line)
    return rest.total if line.charge.includes_tax else rest.net  # a deposit of which a part is kept


def _row(
    line: "InvoiceLine", part: tax.Taxed, rest: tax.Taxed, entered: Decimal | None
) -> CreditNoteLine:
    credits = list(line.credits.all())
    if part == rest:
        price = _most(line, rest)
    elif line.charge.contained_rate:
        worth = Fraction(part.net) / Fraction(line.net) * Fraction(line.price)
        price = entered or round_to(worth, line.invoice.location.currency)
    else:
        price = part.total if line.charge.includes_tax else part.net
    return CreditNoteLine(
        line=line, sequence=len(credits) + 1, text=line.text, price=price, net=part.net,
        tax=part.tax, credited_net=sum((one.net for one in credits), part.net),
        credited_tax=sum((one.tax for one in credits), part.tax),
    )  # fmt: skip


speak_for(
    "line_credited_in_order",
    Problem("more_than_left", gettext_lazy("Somebody has credited this line meanwhile.")),
)
