"""An account: what one customer and one location owe each other, and the credit left on it."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from customers.models import Customer, TeamMembership
from kit import clock, locks, money
from kit.fields import Line
from kit.problems import Problem, Refused, in_words
from plans.models import Contract
from spaces.models import Location


class AccountQuerySet(models.QuerySet["Account"]):
    def of(self, customer, location) -> "Account":
        """The account of a customer at a location, opened when it is first needed."""
        account, made = self.get_or_create(customer=customer, location=location)
        if made:
            locks.born(accounts=account)
        return account

    def open_for(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Open what is missing of (customer, location) keys."""
        wanted = set(pairs)
        have = set(
            self.filter(customer__in={pair[0] for pair in wanted}).values_list(
                "customer", "location"
            )
        )
        missing: Any = [Account(customer_id=c, location_id=at) for c, at in sorted(wanted - have)]
        self.bulk_create(missing, ignore_conflicts=True)

    def with_credit(self) -> "AccountQuerySet":
        """Each with `credit_now`, see `Account.credit`."""
        last = AccountEntry.objects.filter(account=OuterRef("pk")).order_by("-sequence")
        field = money.MoneyField()
        return self.annotate(
            credit_now=Coalesce(
                Subquery(last.values("left")[:1], output_field=field),
                models.Value(money.ZERO, output_field=field),
            )
        )


class Account(models.Model):
    """What a customer and a location owe each other: invoices, credit and balances are kept apart
    per location. The row is what is locked while sums change."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="accounts")
    location = models.ForeignKey(Location, models.PROTECT, related_name="accounts")

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = _("account")
        constraints = [
            models.UniqueConstraint(fields=["customer", "location"], name="account_once")
        ]

    def __str__(self):
        return f"{self.customer}, {self.location}"

    @classmethod
    def untouched(cls) -> models.QuerySet:
        """Accounts on which nothing was ever written: they go with a customer that is deleted."""
        return cls.objects.filter(entries=None)

    @property
    def currency(self) -> str:
        return self.location.currency

    @property
    def credit(self) -> Decimal:
        """What the customer has paid too much or was given back: it pays the next invoices."""
        known = getattr(self, "credit_now", None)
        if known is not None:
            return known
        last = self.entries.order_by("-sequence").first()
        return last.left if last else money.ZERO

    def write(self, kind: str, value: Decimal, *, on: dt.date, by=None, **source) -> "AccountEntry":
        """Add to the ledger of credit; what comes in is positive. The account is locked.

        Raises `Refused` with `credit_used_up` where more is wanted than is left.
        """
        last = self.entries.order_by("-sequence").first()
        left = (last.left if last else money.ZERO) + value
        if left < 0:
            raise Refused(Problem("credit_used_up", _("There is less credit on the account.")))
        with in_words():
            entry = self.entries.create(
                kind=kind, value=value, left=left, on=on, by=by,
                sequence=last.sequence + 1 if last else 1, **source,
            )  # fmt: skip
        self.__dict__.pop("credit_now", None)
        return entry


class AccountEntry(models.Model):
    """A line of the ledger of an account's credit: what came in, and what it paid.

    `value` is signed, `left` the running sum, `sequence` counts within the account.
    """

    class Kind(models.TextChoices):
        OVERPAID = "overpaid", _("Paid too much")
        CREDITED = "credited", _("Credited")
        PAID = "paid", _("Paid an invoice or a claim")
        TAKEN_BACK = "taken_back", _("Taken back from an invoice or a claim")
        REVERSED = "reversed", _("Payment reversed")
        REFUNDED = "refunded", _("Refunded")

    account = models.ForeignKey(Account, models.PROTECT, related_name="entries")
    sequence = models.PositiveIntegerField()
    kind = Line(max_length=10, choices=Kind)
    value = money.MoneyField()
    left = money.MoneyField()
    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="credit_entries"
    )
    claim = models.ForeignKey(
        "billing.Claim", models.PROTECT, null=True, related_name="credit_entries"
    )
    payment = models.ForeignKey(
        "billing.Payment", models.PROTECT, null=True, related_name="credit_entries"
    )
    credit_note = models.ForeignKey(
        "billing.CreditNote", models.PROTECT, null=True, related_name="credit_entries"
    )
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["account", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["account", "sequence"], name="account_entry_in_order"),
            models.CheckConstraint(condition=Q(left__gte=0), name="account_credit_not_negative"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.value:f}"


def around(customers: Iterable[int]) -> set[int]:
    """The keys of all accounts that a deed about these customers may touch: their own, those that
    pay for their teams, and those that were charged for what they used."""
    keys = set(customers)
    theirs = Q(customer__in=keys)
    for_teams = theirs & Q(on_behalf_of__isnull=False)
    payers = (
        set(TeamMembership.objects.filter(theirs).values_list("team__payer", flat=True))
        | set(Contract.objects.filter(for_teams).values_list("on_behalf_of__payer", flat=True))
        | set(
            Booking.objects.filter(for_teams)
            .order_by()
            .values_list("on_behalf_of__payer", flat=True)
            .distinct()
        )
        | set(
            Customer.objects.filter(charges__used_by__in=keys)
            .order_by()
            .values_list("pk", flat=True)
            .distinct()
        )
    )
    everybody = (keys | payers) - {None}
    return set(Account.objects.filter(customer__in=everybody).values_list("pk", flat=True))


def hold(*customers: Customer | int) -> None:
    """Lock the accounts around these customers. Asked again for the same ones it asks for nothing
    new; whoever will touch several names them all at first."""
    keys = [one.pk if isinstance(one, Customer) else one for one in customers]
    locks.take(accounts=around(keys))
