from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import signals
from customers.models.timeline import TimelineEntry, tell
from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    def open(self) -> "SuspensionQuerySet":
        """Suspensions that are not lifted."""
        return self.filter(lifted_at=None)

    def waiting(self) -> "SuspensionQuerySet":
        """Open ones of those who wait for approval: to be let in, nobody has turned them away."""
        return self.open().filter(cause=Suspension.Cause.APPROVAL)

    def closing(self) -> "SuspensionQuerySet":
        """Open ones that closed a door: by staff or for unpaid invoices."""
        return self.open().exclude(cause=Suspension.Cause.APPROVAL)


class Suspension(models.Model):
    """A closed door: who closed it, when and why; who opened it again and when.

    `suspended_on` and `lifted_on` are local dates at the customer's home: fees go by them. One that
    another replaces is lifted at the very moment at which the other begins.
    """

    class Cause(models.TextChoices):
        MANUAL = "manual", gettext_lazy("by staff")
        APPROVAL = "approval", gettext_lazy("waiting for approval")
        DEBT = "debt", gettext_lazy("unpaid invoices")

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="suspensions")
    cause = Line(max_length=10, choices=Cause)
    reason = Line(max_length=500)
    suspended_on = models.DateField()
    suspended_at = models.DateTimeField(default=clock.now)
    suspended_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    cancel_bookings = models.BooleanField(default=False)
    lifted_on = models.DateField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    bill_missed = models.BooleanField(default=False)

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        ordering = ["-suspended_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(lifted_at=None), name="one_open_suspension"
            ),
            models.CheckConstraint(
                condition=Q(cause__in=["manual", "approval", "debt"]), name="suspension_cause"
            ),
        ]

    def __str__(self):
        return self.reason

    @property
    def waits(self) -> bool:
        """Whether it waits for somebody to let the customer in."""
        return self.cause == self.Cause.APPROVAL


class Suspendable(models.Model):
    """What a customer can do and be asked about its suspension."""

    class Meta:
        abstract = True

    @property
    def suspension(self) -> Suspension | None:
        """The open suspension, or None."""
        if "suspensions" in getattr(self, "_prefetched_objects_cache", {}):
            return next((one for one in self.suspensions.all() if one.lifted_at is None), None)
        return self.suspensions.open().first()

    def suspend_problems(self, *, cause: str = Suspension.Cause.MANUAL) -> list[Problem]:
        """What stands against suspending: an open suspension, unless this one replaces it."""
        suspension = self.suspension
        if suspension is None or _replaces(cause, suspension):
            return []
        return [_ALREADY]

    def reinstate_problems(self) -> list[Problem]:
        """What stands against lifting a suspension: that there is none."""
        return [] if self.suspension else [_NOT_SUSPENDED]

    @transaction.atomic
    def suspend(
        self,
        *,
        by,
        reason: str,
        cause: str = Suspension.Cause.MANUAL,
        cancel_bookings: bool = False,
        on=None,
    ) -> Suspension:
        """Close every door to this customer at once; contracts and status stay as they are.

        A manual suspension replaces an open one of another cause. Raises `Refused` with
        `already_suspended` or `reason_missing`.
        """
        self.lock_with_login()
        on = on or self.location.today()
        self.forget()
        reason = reason.strip()
        open_one = self.suspension
        problems = self.suspend_problems(cause=cause)
        if not reason:
            problems.insert(0, Problem("reason_missing", _("Say why, in a few words."), "reason"))
        refuse_if(problems)
        now = clock.now()
        if open_one:
            open_one.lifted_at, open_one.lifted_on, open_one.lifted_by = now, on, by
            open_one.save(update_fields=["lifted_at", "lifted_on", "lifted_by"])
        suspension = self.suspensions.model(
            customer=self, cause=cause, reason=reason, suspended_on=on, suspended_at=now,
            suspended_by=by, cancel_bookings=cancel_bookings,
        )  # fmt: skip
        check_fields(suspension, leaving_out=("customer", "suspended_by"))
        with in_words():
            suspension.save()
        if self.user:
            self.user.end_sessions()
        self.forget()
        kind, text = TimelineEntry.Kind.SUSPENDED, reason
        if suspension.waits:
            kind, text = TimelineEntry.Kind.WAITS, ""
        tell(self, kind, on=on, by=by, cause=suspension, text=text)
        audit.record(
            "customer.suspend", self, by=by, changes={"cause": [None, cause]},
            personal={"reason": [None, reason]},
        )  # fmt: skip
        signals.suspended.send(sender=type(self), customer=self, suspension=suspension, by=by)
        return suspension

    @transaction.atomic
    def reinstate(self, *, by, bill_missed: bool = False, on=None) -> Suspension:
        """Open the doors again; fees missed meanwhile are charged only with `bill_missed`.

        Raises `Refused` with `not_suspended` or `needs_manager`.
        """
        locks.take(customers=[self])
        self.forget()
        suspension = self.suspension
        if suspension is None:
            raise Refused(_NOT_SUSPENDED)
        if (
            bill_missed
            and by is not None
            and by.is_staff
            and not by.may("manage_space", at=self.location)
        ):
            text = _("Only a manager may charge the missed fees.")
            raise Refused(Problem("needs_manager", text, "bill_missed"))
        on = on or self.location.today()
        suspension.lifted_at, suspension.lifted_on, suspension.lifted_by = clock.now(), on, by
        suspension.bill_missed = bill_missed
        suspension.save(update_fields=["lifted_at", "lifted_on", "lifted_by", "bill_missed"])
        self.forget()
        kind = TimelineEntry.Kind.LET_IN if suspension.waits else TimelineEntry.Kind.REINSTATED
        tell(self, kind, on=on, by=by, cause=suspension, text=_lifted_because(suspension))
        audit.record(
            "customer.reinstate", self, by=by, changes={"bill_missed": [None, bill_missed]}
        )
        signals.reinstated.send(sender=type(self), customer=self, suspension=suspension, by=by)
        return suspension


def _replaces(cause: str, suspension: Suspension) -> bool:
    """A suspension by staff takes the place of one of another cause, never the reverse."""
    manual = Suspension.Cause.MANUAL
    return cause == manual != suspension.cause


def _lifted_because(suspension: Suspension) -> str:
    """What there is to say about a lift, besides who did it."""
    return _("the missed fees are charged") if suspension.bill_missed else ""


_ALREADY = Problem("already_suspended", gettext_lazy("This customer is suspended already."))
_NOT_SUSPENDED = Problem("not_suspended", gettext_lazy("This customer is not suspended."))
speak_for("one_open_suspension", _ALREADY)
