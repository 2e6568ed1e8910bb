from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.payables import one_of
from customers.models import Customer
from kit import clock, money
from kit.fields import Line, Text
from spaces.models import Location


class BillingRunQuerySet(models.QuerySet["BillingRun"]):
    def finished(self) -> "BillingRunQuerySet":
        return self.exclude(finished_at=None)

    def waiting(self) -> "BillingRunQuerySet":
        """Confirmed in the panel, and not taken up yet, or left by a worker that died."""
        return self.filter(finished_at=None, asked=True)

    def visible_to(self, user) -> "BillingRunQuerySet":
        """For staff those of their locations, and those of every location."""
        places = user.places("see_panel")
        return self if places is None else self.filter(Q(location=None) | Q(location__in=places))


class BillingRun(models.Model):
    """One run of the billing for a date: who asked for it, how far it has come, what came of it.

    Doing it again does nothing twice. `on` is the date as it was asked for (None: each location's
    today). Confirmed in the panel, it is done by `work`; `done` of `total` accounts say how far.
    """

    on = models.DateField(null=True)
    location = models.ForeignKey(Location, models.PROTECT, null=True, related_name="billing_runs")
    asked = models.BooleanField(default=False)
    started_at = models.DateTimeField(default=clock.now)
    leased_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    invoiced = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error = Text(blank=True)

    objects = BillingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("billing run")

    def __str__(self):
        return f"{self.on or _('today')}"


class BillingRunItem(models.Model):
    """What a run did, or did not do, for one account on one billing date, and why."""

    class Outcome(models.TextChoices):
        INVOICED = "invoiced", _("Invoiced")
        DRAFTED = "drafted", _("Draft")
        ZERO = "zero", _("Nothing to pay")
        SUSPENDED = "suspended", _("Suspended")
        FAILED = "failed", _("Failed")

    run = models.ForeignKey(BillingRun, models.CASCADE, related_name="items")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    billing_date = models.DateField(null=True)
    outcome = Line(max_length=10, choices=Outcome)
    amount = money.MoneyField(default=money.ZERO)
    invoice = models.ForeignKey(
        "billing.Invoice", models.SET_NULL, null=True, related_name="run_items"
    )
    text = Line(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="run_item_by_outcome")]

    def __str__(self):
        return f"{self.customer}: {self.outcome}"

    @classmethod
    def untouched(cls) -> models.QuerySet:
        return cls.objects.all()


class Reminder(models.Model):
    """A customer was reminded of an overdue invoice or claim: which time, after how many days."""

    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="reminders"
    )
    claim = models.ForeignKey("billing.Claim", models.PROTECT, null=True, related_name="reminders")
    days = models.PositiveSmallIntegerField()
    on = models.DateField()
    due = money.MoneyField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]
        verbose_name = _("reminder")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "days"], name="reminded_once"),
            models.UniqueConstraint(fields=["claim", "days"], name="reminded_of_claim_once"),
            models.CheckConstraint(condition=one_of("invoice", "claim"), name="reminded_of_one"),
            models.CheckConstraint(condition=Q(due__gt=0), name="reminded_of_something"),
        ]

    def __str__(self):
        return f"{self.invoice or self.claim} after {self.days} days"


class DepositReturn(models.Model):
    """A deposit that was given back, in whole or in part: `amount` came back, the rest was kept for
    a reason. It pays what is open, and the rest is credit on the account."""

    charge = models.OneToOneField("billing.Charge", models.PROTECT, related_name="deposit_return")
    amount = money.MoneyField()
    kept = money.MoneyField(default=money.ZERO)
    reason = Line(max_length=500, blank=True)
    payment = models.OneToOneField(
        "billing.Payment", models.PROTECT, null=True, related_name="deposit_return"
    )
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0, kept__gte=0), name="deposit_returned_in_bounds"
            )
        ]

    def __str__(self):
        return f"{self.amount:f}"
