"""Claims: what a customer owes without an invoice, such as an opening balance."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import accounts
from billing.models.accounts import Account, AccountEntry
from billing.models.payables import PayableQuerySet
from billing.models.paying import (
    Allocation,
    Payable,
    Payment,
    after_settling,
    date_problems,
    pay_from_credit,
    valid_amount,
)
from customers.models import Customer
from kit import audit, clock, guards, locks, money
from kit.fields import Line
from kit.guards import Guard
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from spaces.models import Location


class ClaimSettlement(models.TextChoices):
    """How far a claim is paid: the first of these that holds."""

    WRITTEN_OFF = "written_off", gettext_lazy("Written off")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    PAID = "paid", gettext_lazy("Paid")
    OVERDUE = "overdue", gettext_lazy("Overdue")
    PART_PAID = "part_paid", gettext_lazy("Part paid")
    OPEN = "open", gettext_lazy("Open")


class ClaimQuerySet(PayableQuerySet["Claim"]):
    """`on` is a local date."""

    sum_column = "amount"
    date_column = "on"
    taken_back = "cancelled"
    taken_back_by = "cancelled"

    def enter(
        self, customer: Customer, *, text: str, amount: Decimal | int | str, by: Any,
        on: dt.date | None = None, due_on: dt.date | None = None,
        location: Location | None = None,
    ) -> "Claim":  # fmt: skip
        """Enter what a customer owes without an invoice; no tax is in it. `location` is the
        customer's own unless given, `due_on` follows from the days to pay that hold for invoices.
        Credit on the account pays it at once, as far as it goes. Returns the claim.

        Raises `Refused` with `not_books`, `required` (the text), `invalid_amount`,
        `amount_too_fine`, `future_date`, `due_before_on` or what is wrong with a field.
        """
        location = location or customer.location
        with transaction.atomic():
            locks.take(customers=[customer])
            account = Account.objects.of(customer, location)
            accounts.hold(customer)
            if by is not None and not by.may("keep_books", at=location):
                raise Refused(Problem("not_books", _("This is for those who keep the books.")))
            today = location.today()
            on = on or today
            due_on = due_on or on + dt.timedelta(days=days_to_pay(customer, location))
            problems = date_problems(on, today=today)
            if not text.strip():
                problems.append(Problem("required", _("Say what it is for."), "text"))
            if due_on < on:
                words = _("It cannot be due before the day from which it is owed.")
                problems.append(Problem("due_before_on", words, "due_on"))
            try:
                value = valid_amount(amount, location.currency)
            except Refused as refused:
                problems += refused.problems
            refuse_if(problems)
            claim = Claim(
                customer=customer, location=location, text=text.strip(), amount=value, on=on,
                due_on=due_on, by=by,
            )  # fmt: skip
            claim.write()
            pay_from_credit(account, on=today, by=by)
            claim.refresh_from_db(fields=["settled"])
            return claim

    def claim_refunded(self, reversal: Payment, amount: Decimal) -> "Claim":
        """Claim what was paid out of a payment that is reversed; the account is locked. Returns
        the claim."""
        customer, location = reversal.customer, reversal.location
        claim = Claim(
            customer=customer, location=location, amount=amount, on=reversal.on,
            text=_("Refund of a payment that was taken back"), reversal=reversal, by=reversal.by,
            due_on=reversal.on + dt.timedelta(days=days_to_pay(customer, location)),
        )  # fmt: skip
        claim.write()
        return claim

    def with_settlement(self) -> "ClaimQuerySet":
        """With what `settlement_on` asks for today, for lists."""
        return self.annotate(
            is_written_off_now=models.ExpressionWrapper(
                Q(self._written_off()), output_field=models.BooleanField()
            )
        ).select_related("cancellation")

    def visible_to(self, user: Any) -> "ClaimQuerySet":
        """For staff those of their locations; for the others those of their own customers."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))

    def shown(self) -> "ClaimQuerySet":
        """With what a row says of them."""
        return self.select_related("customer", "location").with_settlement()

    def _taken_back(self, until: dt.date | None = None) -> Exists:
        rows = self._related("cancellation")
        return Exists(rows if until is None else rows.filter(on__lte=until))


class Claim(Payable):
    """What a customer owes without an invoice, and without tax.

    `on` is the day from which it is owed. `settled` is what of the amount is paid, written off or
    cancelled; it is written with each `Allocation`. `reversal` is the reversed payment of which a
    part had been paid out: that part is claimed, and counts in the balance as the refund.
    """

    # What an invoice may be.
    is_draft = False

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="claims")
    location = models.ForeignKey(Location, models.PROTECT, related_name="claims")
    text = Line(gettext_lazy("text"), max_length=300)
    amount = money.MoneyField(gettext_lazy("amount"))
    on = models.DateField(gettext_lazy("date"))
    due_on = models.DateField(gettext_lazy("due on"))
    settled = money.MoneyField(default=money.ZERO)
    reversal = models.OneToOneField(
        Payment, models.PROTECT, null=True, related_name="claim_of_refund"
    )
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ["-on", "-id"]
        verbose_name = gettext_lazy("claim")
        indexes = [
            models.Index(fields=["customer", "location", "-on"], name="claim_of_account"),
            models.Index(fields=["location", "-on", "-id"], name="claim_by_date"),
            models.Index(
                fields=["due_on", "id"], condition=Q(settled__lt=F("amount")), name="claim_unpaid"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="claim_of_something"),
            models.CheckConstraint(
                condition=Q(settled__gte=0, settled__lte=F("amount")),
                name="claim_settled_in_bounds",
            ),
            models.CheckConstraint(condition=Q(due_on__gte=F("on")), name="claim_due_after_date"),
            models.CheckConstraint(condition=~Q(text=""), name="claim_says_what_for"),
        ]

    def __str__(self):
        return self.text

    @property
    def currency(self) -> str:
        return self.location.currency

    @property
    def due(self) -> Decimal:
        """What is left to pay."""
        return self.amount - self.settled

    @property
    def dated_on(self) -> dt.date:
        """The day from which it is owed."""
        return self.on

    @property
    def reference(self) -> str:
        """What a customer writes on a bank transfer."""
        return f"CLAIM-{self.pk}"

    @property
    def is_cancelled(self) -> bool:
        return hasattr(self, "cancellation")

    def settlement_on(self, on: dt.date) -> str:
        """Return how far it is paid on a day, the first of `ClaimSettlement` that holds; "" before
        it is owed. See also `ClaimQuerySet.in_settlement`."""
        if on < self.on:
            return ""
        if "is_written_off_now" not in self.__dict__ or on < self.location.today():
            return self._settlement_then(on)
        if self.is_written_off:
            return ClaimSettlement.WRITTEN_OFF
        if self.is_cancelled:
            return ClaimSettlement.CANCELLED
        return self._how_far(self.settled, on)

    def _settlement_then(self, on: dt.date) -> str:
        if any(row.on <= on < (row.withdrawn_on or dt.date.max) for row in self.write_offs.all()):
            return ClaimSettlement.WRITTEN_OFF
        if self.is_cancelled and self.cancellation.on <= on:
            return ClaimSettlement.CANCELLED
        settled = sum((one.value for one in self.allocations.filter(on__lte=on)), money.ZERO)
        return self._how_far(settled, on)

    def _how_far(self, settled: Decimal, on: dt.date) -> str:
        if settled == self.amount:
            return ClaimSettlement.PAID
        if on > self.due_on:
            return ClaimSettlement.OVERDUE
        return ClaimSettlement.PART_PAID if settled else ClaimSettlement.OPEN

    @property
    def settlement(self) -> str:
        """How far it is paid today."""
        return self.settlement_on(self.location.today())

    @property
    def shown_settlement(self) -> str:
        return str(ClaimSettlement(self.settlement).label)

    def settle_by_earlier_notes(self, *, on: dt.date, by: Any) -> Decimal:
        """Return zero: a claim has no credit notes."""
        return money.ZERO

    def write(self) -> None:
        """Store a new claim; the account is locked."""
        check_fields(self, leaving_out=("customer", "location", "reversal", "by"))
        with in_words():
            self.save(force_insert=True)
        changes: dict[str, list] = {"amount": [None, self.amount], "text": [None, self.text]}
        audit.record("claim.enter", self, by=self.by, changes=changes)

    @transaction.atomic
    def cancel(self, *, reason: str, by: Any, on: dt.date | None = None) -> "ClaimCancellation":
        """Take back a claim that should not have been made: nothing of it is owed, and what has
        paid it becomes account credit, which pays the oldest open invoice or claim.

        Raises `Refused` with `not_books`, `cancelled_already`, `of_a_refund`, `reason_missing`,
        `future_date` or `before_claim`.
        """
        self._lock()
        self._refuse_others(by)
        problems = []
        if self.is_cancelled:
            problems.append(Problem("cancelled_already", _("This is cancelled already.")))
        elif self.reversal_id is not None:
            text = _("This money was paid out: write the claim off instead.")
            problems.append(Problem("of_a_refund", text))
        if not reason.strip():
            problems.append(Problem("reason_missing", _("Say why, in a few words."), "reason"))
        today = self.location.today()
        on = on or today
        refuse_if(problems or date_problems(on, today=today, claim=self))
        written_off = self.standing_write_off
        if written_off is not None:
            self._expect_again(written_off, on=on, by=by)
        self._give_back(on=on, by=by)
        self.allocate(Allocation.Kind.CANCELLED, self.amount, on=on, by=by)
        row = ClaimCancellation(claim=self, reason=reason.strip(), on=on, by=by)
        check_fields(row, leaving_out=("claim", "by"))
        with in_words():
            row.save(force_insert=True)
        audit.record("claim.cancel", self, by=by, changes={"amount": [self.amount, 0]})
        self._pay_from_credit(on=on, by=by)
        after_settling(self.customer, by=by, on=today)
        return row

    def _give_back(self, *, on: dt.date, by: Any) -> None:
        """Put what has paid it back onto the account, as credit."""
        account = Account.objects.of(self.customer, self.location)
        paid: dict[Payment | None, Decimal] = defaultdict(Decimal)
        kinds = [Allocation.Kind.PAYMENT, Allocation.Kind.CREDIT]
        for one in self.allocations.filter(kind__in=kinds).select_related("payment__reverses"):
            # What a reversal has taken back was of the payment that it names.
            source = one.payment.reverses or one.payment if one.payment is not None else None
            paid[source] += one.value
        for source, value in paid.items():
            if not value:
                continue
            day = self.fitting_day(-value, on)
            if source is None:
                self.allocate(Allocation.Kind.CREDIT, -value, on=day, by=by)
                account.write(AccountEntry.Kind.TAKEN_BACK, value, on=day, by=by, claim=self)
            else:
                self.allocate(Allocation.Kind.PAYMENT, -value, on=day, by=by, payment=source)
                account.write(AccountEntry.Kind.OVERPAID, value, on=day, by=by, payment=source)


class ClaimCancellation(models.Model):
    """A claim was taken back as it should not have been made: who did it, when and why."""

    claim = models.OneToOneField(Claim, models.PROTECT, related_name="cancellation")
    reason = Line(max_length=500)
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.reason


def days_to_pay(customer: Customer, location: Location) -> int:
    """Return within how many days a customer pays a location: its own number, or the location's."""
    return location.payment_days if customer.payment_days is None else customer.payment_days


_CANCELLED = Problem("cancelled_already", gettext_lazy("This is cancelled already."))
speak_for("billing_claimcancellation.claim_id", _CANCELLED)
speak_for("billing_claimcancellation_claim_id_key", _CANCELLED)

_SETTLED = (
    "NEW.settled <> (SELECT COALESCE(SUM(a.value), 0) FROM billing_allocation a "
    "WHERE a.claim_id = NEW.id)"
)
_NOT_CANCELLABLE = (
    "EXISTS (SELECT 1 FROM billing_claim c WHERE c.id = NEW.claim_id "
    "AND (c.reversal_id IS NOT NULL OR c.settled <> c.amount))"
)


def _same(text: str) -> dict[str, Any]:
    """One text that both engines read."""
    return {"sqlite": text, "postgresql": text}


guards_of_claims = [
    *guards.append_only(
        "billing", "billing_claim",
        frozen=("customer_id", "location_id", "text", "amount", "on", "due_on", "reversal_id",
                "at", "by_id"),
    ),
    Guard("claim_is_settled_by_rows", "billing", "billing_claim", "UPDATE",
          **_same(f"NEW.settled <> OLD.settled AND {_SETTLED}")),
    Guard("claim_is_settled_by_rows_when_made", "billing", "billing_claim", "INSERT",
          **_same(f"NEW.settled <> 0 AND {_SETTLED}")),
    *guards.append_only(
        "billing", "billing_claimcancellation", frozen=("claim_id", "reason", "on", "at", "by_id"),
    ),
    Guard("refunds_and_open_claims_are_not_cancelled", "billing", "billing_claimcancellation",
          "INSERT", **_same(_NOT_CANCELLABLE)),
]  # fmt: skip
