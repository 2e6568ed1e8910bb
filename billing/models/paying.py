"""Payments and what they pay, invoices and claims; all of it rows that never change."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import signals
from billing.models import accounts
from billing.models.accounts import Account, AccountEntry
from billing.models.payables import one_of
from customers.models import Customer
from kit import audit, clock, guards, locks, money, words
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from spaces.models import Location

if TYPE_CHECKING:
    from billing.models.claims import Claim
    from billing.models.invoices import Invoice


def valid_amount(amount: Any, currency: str) -> Decimal:
    """An amount above zero, no finer than the currency's minor unit."""
    try:
        value = money.MoneyField().to_python(amount)
    except ValidationError:
        value = None
    if value is None or not 0 < value <= money.MOST:
        raise Refused(Problem("invalid_amount", _("Enter an amount above zero."), "amount"))
    if money.round_to(value, currency) != value:
        text = _("%(currency)s has %(places)d decimals.") % {
            "currency": currency, "places": money.exponent(currency),
        }  # fmt: skip
        raise Refused(Problem("amount_too_fine", text, "amount"))
    return value


def date_problems(
    on: dt.date, *, today: dt.date, invoice: "Invoice | None" = None,
    claim: "Claim | None" = None, payment: "Payment | None" = None,
) -> list[Problem]:  # fmt: skip
    """Return what stands against the date of something about money: it is not ahead, and not before
    the invoice, the claim or the payment that it is about."""
    if on > today:
        return [Problem("future_date", _("This date has not come yet."), "on")]
    if invoice is not None and invoice.issued_on is not None and on < invoice.issued_on:
        text = _("The invoice is of %s: choose that day or a later one.")
        return [Problem("before_invoice", text % words.day(invoice.issued_on), "on")]
    if claim is not None and on < claim.on:
        text = _("The claim is of %s: choose that day or a later one.")
        return [Problem("before_claim", text % words.day(claim.on), "on")]
    if payment is not None and on < payment.on:
        text = _("The payment is of %s: choose that day or a later one.")
        return [Problem("before_payment", text % words.day(payment.on), "on")]
    return []


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user) -> "PaymentQuerySet":
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))


class Payment(models.Model):
    """Money that changed hands: in is positive, out (a refund, a reversal) negative.

    `invoice` or `claim` is what it was recorded for; what was too much is credit on the account. A
    wrong one is reversed by a row that names it in `reverses`. One by the method `opening` is a
    credit that the space owed before it kept its books here.
    """

    class Kind(models.TextChoices):
        PAYMENT = "payment", gettext_lazy("Payment")
        REFUND = "refund", gettext_lazy("Refund")
        REVERSAL = "reversal", gettext_lazy("Reversal")

    class Method(models.TextChoices):
        TRANSFER = "transfer", gettext_lazy("Bank transfer")
        CARD = "card", gettext_lazy("Card")
        CASH = "cash", gettext_lazy("Cash")
        DEBIT = "debit", gettext_lazy("Direct debit")
        DEPOSIT = "deposit", gettext_lazy("Deposit")
        OPENING = "opening", gettext_lazy("Opening credit")
        OTHER = "other", gettext_lazy("Other")

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="payments")
    location = models.ForeignKey(Location, models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="payments"
    )
    claim = models.ForeignKey("billing.Claim", models.PROTECT, null=True, related_name="payments")
    kind = Line(max_length=8, choices=Kind)
    amount = money.MoneyField(gettext_lazy("amount"))
    on = models.DateField(gettext_lazy("date"))
    method = Line(gettext_lazy("method"), max_length=10, choices=Method, default=Method.TRANSFER)
    reference = Line(gettext_lazy("reference"), max_length=120, blank=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    reason = Line(gettext_lazy("reason"), max_length=500, blank=True)
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-on", "-id"]
        verbose_name = gettext_lazy("payment")
        indexes = [
            models.Index(fields=["customer", "location", "-on"], name="payment_of_account"),
            models.Index(fields=["location", "-on", "-id"], name="payment_by_date"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="payment", amount__gt=0, reverses=None)
                | Q(kind="refund", amount__lt=0, reverses=None)
                | (Q(kind="reversal", reverses__isnull=False) & ~Q(amount=0)),
                name="payment_sign",
            ),
            models.CheckConstraint(
                condition=Q(invoice=None) | Q(claim=None), name="payment_for_one"
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.amount:f}"

    @property
    def is_reversed(self) -> bool:
        return hasattr(self, "reversed_by")

    @transaction.atomic
    def reverse(self, *, by, reason: str, on: dt.date | None = None) -> "Payment":
        """Take a wrong payment back: what it paid is due again, and credit that it had left goes.
        A wrong refund is taken back likewise: what was said to be paid out is credit again.

        Credit that has paid something else meanwhile is taken back from it, the latest first; what
        of the credit was paid out is a claim from then on (`Claim.reversal`). Raises `Refused` with
        `not_books`, `not_a_payment`, `reversed_already`, `reason_missing`, `future_date` or
        `before_payment`.
        """
        locks.take(customers=[self.customer_id])
        accounts.hold(self.customer_id)
        _refuse_others(by, self.location)
        self.refresh_from_db()
        if self.kind == self.Kind.REVERSAL or self.method == self.Method.DEPOSIT:
            raise Refused(Problem("not_a_payment", _("Only a payment can be reversed.")))
        if self.is_reversed:
            raise Refused(_REVERSED)
        if not reason.strip():
            text = _("Say why, in a few words.")
            raise Refused(Problem("reason_missing", text, "reason"))
        today = self.location.today()
        on = on or today
        refuse_if(date_problems(on, today=today, payment=self))
        row = Payment(
            customer=self.customer, location=self.location, invoice=self.invoice, claim=self.claim,
            kind=self.Kind.REVERSAL, amount=-self.amount, on=on, method=self.method,
            reverses=self, reason=reason.strip(), by=by,
        )  # fmt: skip
        check_fields(row, leaving_out=_RELATIONS)
        with in_words():
            row.save(force_insert=True)
        account = Account.objects.of(self.customer, self.location)
        if self.amount < 0:
            account.write(AccountEntry.Kind.REVERSED, -self.amount, on=on, by=by, payment=row)
        else:
            self._take_back(account, row)
        pay_from_credit(account, on=on, by=by)
        audit.record("payment.reverse", self, by=by, changes={"amount": [self.amount, 0]})
        signals.payment_recorded.send(sender=Payment, payment=row, by=by)
        return row

    def _take_back(self, account: Account, reversal: "Payment") -> None:
        """Take money back from what it paid, then from the credit that it left, itself or by a
        credit note on what it had paid; what of that was paid out is claimed."""
        on, by, left = reversal.on, reversal.by, self.amount
        paid: dict[Any, Decimal] = defaultdict(Decimal)
        for allocation in self.allocations.select_related("invoice", "claim"):
            paid[allocation.payable] += allocation.value
        for payable, value in paid.items():
            if not value:  # a cancelled claim has given it back
                continue
            given_up = payable.standing_write_off
            if given_up is not None:  # what is due now is for somebody to decide anew
                payable._expect_again(given_up, on=on, by=by)
            payable.allocate(Allocation.Kind.PAYMENT, -value, on=on, by=by, payment=reversal)
            left -= value - payable.settle_by_earlier_notes(on=on, by=by)
        if not left:
            return
        paid_out = _free_credit(account, left, on=on, by=by)
        if left > paid_out:
            taken = left - paid_out
            account.write(AccountEntry.Kind.REVERSED, -taken, on=on, by=by, payment=reversal)
        if paid_out:
            self.customer.claims.claim_refunded(reversal, paid_out)


class Allocation(models.Model):
    """A part of an invoice or a claim that is settled, by a payment, a credit note, credit on the
    account, writing off or cancelling; a negative one takes it back. `settled` is their sum."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", gettext_lazy("Payment")
        CREDIT_NOTE = "credit_note", gettext_lazy("Credit note")
        CREDIT = "credit", gettext_lazy("Account credit")
        WRITE_OFF = "write_off", gettext_lazy("Written off")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="allocations"
    )
    claim = models.ForeignKey(
        "billing.Claim", models.PROTECT, null=True, related_name="allocations"
    )
    kind = Line(max_length=11, choices=Kind)
    value = money.MoneyField()
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="allocations")
    credit_note = models.ForeignKey(
        "billing.CreditNote", models.PROTECT, null=True, related_name="allocations"
    )
    write_off = models.ForeignKey(
        "billing.WriteOff", models.PROTECT, null=True, related_name="allocations"
    )
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(value=0), name="allocation_not_nothing"),
            models.CheckConstraint(condition=one_of("invoice", "claim"), name="allocation_of_one"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.value:f}"

    @property
    def payable(self) -> Any:
        """What it settles: an invoice or a claim."""
        return self.invoice or self.claim


class WriteOff(models.Model):
    """What was due on an invoice or a claim is not expected any more: who gave it up, when and
    why."""

    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="write_offs"
    )
    claim = models.ForeignKey("billing.Claim", models.PROTECT, null=True, related_name="write_offs")
    amount = money.MoneyField()
    reason = Line(max_length=500)
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    withdrawn_on = models.DateField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(withdrawn_at=None), name="written_off_once"
            ),
            models.UniqueConstraint(
                fields=["claim"], condition=Q(withdrawn_at=None), name="claim_written_off_once"
            ),
            models.CheckConstraint(condition=one_of("invoice", "claim"), name="write_off_of_one"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="write_off_of_something"),
        ]

    def __str__(self):
        return self.reason


class Payable(models.Model):
    """What is to be paid, an invoice or a claim, and how it is settled."""

    class Meta:
        abstract = True

    @property
    def as_argument(self) -> dict[str, Any]:
        """The record under the name of the relation that leads to it: "invoice" or "claim"."""
        return {str(self._meta.model_name): self}

    @property
    def standing_write_off(self) -> WriteOff | None:
        return self.write_offs.filter(withdrawn_at=None).first()

    @property
    def is_written_off(self) -> bool:
        known = getattr(self, "is_written_off_now", None)
        return self.standing_write_off is not None if known is None else known

    def _lock(self) -> None:
        """Hold the account, and read the record afresh."""
        locks.take(customers=[self.customer_id])
        self._lock_account()

    def _lock_account(self) -> None:
        accounts.hold(self.customer_id)
        for name in ("is_written_off_now", "credited_now", "settled_by_notes_now"):
            self.__dict__.pop(name, None)
        self.refresh_from_db()

    def _refuse_others(self, by) -> None:
        _refuse_others(by, self.location)

    def allocate(self, kind: str, value: Decimal, *, on: dt.date, by, **source: Any) -> None:
        """Settle a part of it, or take that back; the account is locked.

        Where something else had settled it on that day, it is credit on the account until the day
        from which it fits (`fitting_day`).
        """
        if not value:
            return
        day = self.fitting_day(value, on)
        if day > on:
            self._bridge(kind, value, on=on, day=day, by=by, source=source)
        Allocation.objects.create(
            kind=kind, value=value, on=day, by=by, **self.as_argument, **source
        )
        self.settled += value
        with in_words():
            self.save(update_fields=["settled"])

    def fitting_day(self, value: Decimal, on: dt.date) -> dt.date:
        """Return the first day, `on` or later, from which so much more (or less, below zero) can be
        settled: on every day between nothing and all of it is settled."""
        changes: dict[dt.date, Decimal] = defaultdict(Decimal)
        for changed_on, change in self.allocations.values_list("on", "value"):
            changes[changed_on] += change
        day, settled, total = max(on, self.dated_on), money.ZERO, self.due + self.settled
        for changed_on in sorted(changes):
            if not 0 <= settled + value <= total:  # on the days before this change
                day = max(day, changed_on)
            settled += changes[changed_on]
        return day

    def _bridge(
        self, kind: str, value: Decimal, *, on: dt.date, day: dt.date, by, source: dict[str, Any],
    ) -> None:  # fmt: skip
        """Keep on the account, from one day to another, what settles this from the later one."""
        account = Account.objects.of(self.customer, self.location)
        of_payment = kind == Allocation.Kind.PAYMENT
        source = {name: row for name, row in source.items() if name != "write_off"}
        entry = AccountEntry.Kind
        if value > 0:
            account.write(
                entry.OVERPAID if of_payment else entry.CREDITED, value, on=on, by=by, **source
            )
            account.write(entry.PAID, -value, on=day, by=by, **self.as_argument)
        else:
            account.write(entry.TAKEN_BACK, -value, on=day, by=by, **self.as_argument)
            account.write(entry.REVERSED, value, on=on, by=by, **source)

    @transaction.atomic
    def record_payment(
        self, *, amount: Decimal | int | str, on: dt.date | None = None,
        method: str = Payment.Method.TRANSFER, by, reference: str = "",
    ) -> Payment:  # fmt: skip
        """Record that money came in for this. What was written off is lowered by it first; what is
        too much becomes credit on the account, which pays the oldest open invoice or claim.

        Raises `Refused` with `not_issued`, `not_books`, `invalid_amount`, `amount_too_fine`,
        `future_date`, `before_invoice`, `before_claim`, `deposit`, `opening` or what is wrong with
        a field.
        """
        self._lock()
        self._refuse_others(by)
        if self.is_draft:
            raise Refused(Problem("not_issued", _("A draft cannot be paid: issue it first.")))
        _refuse_deposit(method)
        _refuse_opening(method)
        payment = _paid(
            self.customer, self.location, amount, on=on, method=method, by=by, reference=reference,
            payable=self,
        )  # fmt: skip
        use(payment, first=self)
        return payment

    @transaction.atomic
    def write_off(self, *, reason: str, by, on: dt.date | None = None) -> WriteOff:
        """Give up what is due. Raises `Refused` with `not_issued`, `not_books`, `nothing_due`,
        `written_off`, `reason_missing`, `future_date`, `before_invoice` or `before_claim`."""
        self._lock()
        self._refuse_others(by)
        problems = []
        if self.is_draft:
            problems.append(Problem("not_issued", _("A draft can be deleted instead.")))
        elif self.is_written_off:
            problems.append(Problem("written_off", _("This is written off already.")))
        elif not self.due:
            problems.append(Problem("nothing_due", _("Nothing is due on this.")))
        if not reason.strip():
            problems.append(Problem("reason_missing", _("Say why, in a few words."), "reason"))
        today = self.location.today()
        on = on or today
        refuse_if(problems or date_problems(on, today=today, **self.as_argument))
        row = self._give_up(reason.strip(), on=on, by=by)
        after_settling(self.customer, by=by, on=on)
        return row

    def _give_up(self, reason: str, *, on: dt.date, by) -> WriteOff:
        row = WriteOff(amount=self.due, reason=reason, on=on, by=by, **self.as_argument)
        check_fields(row, leaving_out=("invoice", "claim", "by", "withdrawn_by"))
        with in_words():
            row.save(force_insert=True)
        self.__dict__.pop("is_written_off_now", None)
        self.allocate(Allocation.Kind.WRITE_OFF, row.amount, on=on, by=by, write_off=row)
        verb = f"{self._meta.model_name}.write_off"
        audit.record(verb, self, by=by, changes={"due": [row.amount, 0]})
        return row

    @transaction.atomic
    def withdraw_write_off(self, *, by, on: dt.date | None = None) -> None:
        """Expect it after all: it is due again. Raises `Refused` with `not_books`,
        `not_written_off` or `future_date`."""
        self._lock()
        self._refuse_others(by)
        row = self.standing_write_off
        if row is None:
            raise Refused(Problem("not_written_off", _("This is not written off.")))
        today = self.location.today()
        on = on or today
        refuse_if(date_problems(on, today=today))
        self._expect_again(row, on=on, by=by)
        self._pay_from_credit(on=on, by=by)

    def _expect_again(self, row: WriteOff, *, on: dt.date, by) -> None:
        """Take a write-off back, on the day of it at the earliest."""
        on = max(on, row.on)
        row.withdrawn_on, row.withdrawn_at, row.withdrawn_by = on, clock.now(), by
        row.save(update_fields=["withdrawn_on", "withdrawn_at", "withdrawn_by"])
        self.__dict__.pop("is_written_off_now", None)
        self.allocate(Allocation.Kind.WRITE_OFF, -row.amount, on=on, by=by, write_off=row)
        verb = f"{self._meta.model_name}.withdraw_write_off"
        audit.record(verb, self, by=by, changes={"due": [0, row.amount]})

    @contextmanager
    def lowering_write_off(self, *, on: dt.date, by) -> Iterator[None]:
        """Let what settles a part of it lower what was written off: that is due meanwhile, and the
        rest of it is written off again."""
        row = self.standing_write_off
        if row is not None:
            self._expect_again(row, on=on, by=by)
        yield
        if row is not None and self.due:
            self._give_up(row.reason, on=max(on, row.on), by=by)

    def _pay_from_credit(self, *, on: dt.date, by) -> None:
        pay_from_credit(Account.objects.of(self.customer, self.location), on=on, by=by)


def _paid(
    customer: Customer, location: Location, amount, *, on: dt.date | None, method: str, by,
    reference: str = "", reason: str = "", payable: Payable | None = None,
) -> Payment:  # fmt: skip
    today = location.today()
    on = on or today
    about = payable.as_argument if payable is not None else {}
    refuse_if(date_problems(on, today=today, **about))
    payment = Payment(
        customer=customer, location=location, kind=Payment.Kind.PAYMENT,
        amount=valid_amount(amount, location.currency), on=on, method=method,
        reference=reference.strip(), reason=reason, by=by, **about,
    )  # fmt: skip
    check_fields(payment, leaving_out=_RELATIONS)
    with in_words():
        payment.save(force_insert=True)
    changes: dict[str, list] = {"amount": [None, payment.amount]}
    changes |= {name: [None, record.pk] for name, record in about.items()}
    audit.record("payment.record", payment, by=by, changes=changes)
    return payment


def use(payment: Payment, *, first: Payable | None = None) -> None:
    """Let a payment pay: this first, the rest becomes credit, which pays the oldest open ones. The
    account is locked."""
    left = payment.amount
    if first is not None:
        on, by = payment.on, payment.by
        with first.lowering_write_off(on=on, by=by):
            paid = min(left, first.due)
            first.allocate(Allocation.Kind.PAYMENT, paid, on=on, by=by, payment=payment)
        left -= paid
    account = Account.objects.of(payment.customer, payment.location)
    if left:
        account.write(
            AccountEntry.Kind.OVERPAID, left, on=payment.on, by=payment.by, payment=payment
        )
        pay_from_credit(account, on=payment.on, by=payment.by)
    signals.payment_recorded.send(sender=Payment, payment=payment, by=payment.by)
    after_settling(payment.customer, by=payment.by, on=payment.location.today())


@transaction.atomic
def receive(
    customer: Customer, location: Location, *, amount, by, on: dt.date | None = None,
    method: str = Payment.Method.TRANSFER, reference: str = "",
) -> Payment:  # fmt: skip
    """Record money that came in without saying what for: it pays the oldest open invoices and
    claims, and the rest stays as credit. With the method `opening` it is a credit that the space
    owed before. Raises `Refused` with `not_books`, `invalid_amount`, `amount_too_fine`,
    `future_date`, `deposit` or what is wrong with a field."""
    locks.take(customers=[customer])
    Account.objects.of(customer, location)
    accounts.hold(customer)
    _refuse_others(by, location)
    _refuse_deposit(method)
    payment = _paid(customer, location, amount, on=on, method=method, by=by, reference=reference)
    use(payment)
    return payment


@transaction.atomic
def refund(
    customer: Customer, location: Location, *, amount, by, reason: str = "",
    on: dt.date | None = None, method: str = Payment.Method.TRANSFER,
) -> Payment:  # fmt: skip
    """Record that credit was paid out. Raises `Refused` with `not_books`, `invalid_amount`,
    `amount_too_fine`, `future_date`, `opening` or `credit_used_up` (less is left)."""
    locks.take(customers=[customer])
    account = Account.objects.of(customer, location)
    accounts.hold(customer)
    _refuse_others(by, location)
    _refuse_opening(method)
    today = location.today()
    on = on or today
    refuse_if(date_problems(on, today=today))
    value = valid_amount(amount, location.currency)
    row = Payment(
        customer=customer, location=location, kind=Payment.Kind.REFUND, amount=-value, on=on,
        method=method, reason=reason.strip(), by=by,
    )  # fmt: skip
    check_fields(row, leaving_out=_RELATIONS)
    row.save(force_insert=True)
    account.write(AccountEntry.Kind.REFUNDED, -value, on=on, by=by, payment=row)
    audit.record("payment.refund", row, by=by, changes={"amount": [None, row.amount]})
    signals.payment_recorded.send(sender=Payment, payment=row, by=by)
    return row


def _refuse_deposit(method: str) -> None:
    """A deposit comes back by itself, or is given back; it is no money that comes in."""
    if method == Payment.Method.DEPOSIT:
        text = _("A deposit is given back on the account, not recorded as a payment.")
        raise Refused(Problem("deposit", text, "method"))


def _refuse_opening(method: str) -> None:
    if method == Payment.Method.OPENING:
        text = _("Opening credit is recorded on the account, for no invoice and no claim.")
        raise Refused(Problem("opening", text, "method"))


def _refuse_others(by, location: Location) -> None:
    if by is not None and not by.may("keep_books", at=location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))


def open_payables(customer: Customer, location: Location | int) -> list[Any]:
    """The unpaid invoices and claims of an account, in the order in which credit pays them."""
    payables = [
        payable
        for rows in (customer.invoices, customer.claims)
        for payable in rows.filter(location=location).unpaid().select_related("location")
    ]
    return sorted(
        payables,
        key=lambda one: (one.due_on, one.dated_on, one._meta.model_name != "invoice", one.pk),
    )


def pay_from_credit(account: Account, *, on: dt.date, by) -> None:
    """Credit pays the oldest open invoices and claims of the account, which is locked; each on the
    day from which it is owed at the earliest."""
    left = account.credit
    if not left:
        return
    for payable in open_payables(account.customer, account.location_id):
        paid = min(left, payable.due)
        day = payable.fitting_day(paid, on)
        account.write(AccountEntry.Kind.PAID, -paid, on=day, by=by, **payable.as_argument)
        payable.allocate(Allocation.Kind.CREDIT, paid, on=day, by=by)
        left -= paid
        if not left:
            return


def _free_credit(account: Account, wanted: Decimal, *, on: dt.date, by) -> Decimal:
    """Take credit back from what it has paid, the latest first, until so much is on the account.
    Returns what is still missing: it was paid out."""
    missing = wanted - account.credit
    if missing <= 0:
        return money.ZERO
    by_credit = Q(allocations__kind=Allocation.Kind.CREDIT)
    paid: list[Any] = [
        payable
        for rows in (account.customer.invoices, account.customer.claims)
        for payable in rows.filter(by_credit, location=account.location_id)
        .annotate(by_credit=models.Sum("allocations__value", filter=by_credit))
        .filter(by_credit__gt=0)
        .select_related("location")
    ]
    for payable in sorted(paid, key=lambda one: (one.due_on, one.dated_on, one.pk), reverse=True):
        back = min(missing, payable.by_credit)
        given_up = payable.standing_write_off
        if given_up is not None:  # what is due now is for somebody to decide anew
            payable._expect_again(given_up, on=on, by=by)
        day = payable.fitting_day(-back, on)
        payable.allocate(Allocation.Kind.CREDIT, -back, on=day, by=by)
        account.write(AccountEntry.Kind.TAKEN_BACK, back, on=day, by=by, **payable.as_argument)
        missing -= back
        if not missing:
            break
    return missing


def after_settling(customer: Customer, *, by, on: dt.date) -> None:
    """A suspension for debt ends by itself when nothing is overdue any more; the customer is
    locked."""
    from billing.debts import lift_if_paid

    lift_if_paid(customer, on=on)


_RELATIONS = ("customer", "location", "invoice", "claim", "reverses", "by")
_REVERSED = Problem("reversed_already", gettext_lazy("This payment was reversed already."))
speak_for("billing_payment.reverses_id", _REVERSED)
speak_for("billing_payment_reverses_id_key", _REVERSED)
_WRITTEN_OFF = Problem("written_off", gettext_lazy("This is written off already."))
speak_for("written_off_once", _WRITTEN_OFF)
speak_for("claim_written_off_once", _WRITTEN_OFF)

guards_of_payments = [
    *guards.append_only(
        "billing", "billing_payment",
        frozen=("customer_id", "location_id", "invoice_id", "claim_id", "kind", "amount", "on",
                "method", "reference", "reverses_id", "reason", "at", "by_id"),
    ),
    *guards.append_only(
        "billing", "billing_allocation",
        frozen=("invoice_id", "claim_id", "kind", "value", "payment_id", "credit_note_id",
                "write_off_id", "on", "at", "by_id"),
    ),
    *guards.append_only(
        "billing", "billing_writeoff",
        frozen=("invoice_id", "claim_id", "amount", "reason", "on", "at", "by_id"),
        set_once=("withdrawn_on", "withdrawn_at", "withdrawn_by_id"),
    ),
    *guards.append_only(
        "billing", "billing_accountentry",
        frozen=("account_id", "sequence", "kind", "value", "left", "invoice_id", "claim_id",
                "payment_id", "credit_note_id", "on", "at", "by_id"),
    ),
]  # fmt: skip
