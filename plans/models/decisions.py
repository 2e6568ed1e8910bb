"""What was decided about a contract: each a row with who, when and why, and its withdrawal."""

from django.db import models
from django.db.models import Q

from kit import clock
from kit.fields import Line


class Decision(models.Model):
    """A decision that may be withdrawn. `earlier_last_day` is the last day it replaced."""

    earlier_last_day = models.DateField(null=True)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=clock.now)
    reason = Line(max_length=500, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        abstract = True
        ordering = ["id"]

    def withdraw(self, *, by) -> None:
        self.withdrawn_at, self.withdrawn_by = clock.now(), by
        self.save(update_fields=["withdrawn_at", "withdrawn_by"])


class Cancellation(Decision):
    """A contract was given its last day."""

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="cancellations")
    last_day = models.DateField()

    class Meta(Decision.Meta):
        pass

    def __str__(self):
        return f"{self.last_day}"


class CallOff(Decision):
    """A contract was taken back before it started: it counts nowhere."""

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="call_offs")

    class Meta(Decision.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["contract"], condition=Q(withdrawn_at=None), name="called_off_once"
            )
        ]

    def __str__(self):
        return self.reason


class PlanChange(Decision):
    """A contract was replaced by one on another plan, from the new one's first day on."""

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="plan_changes")
    new = models.OneToOneField("plans.Contract", models.CASCADE, related_name="changed_from")
    earlier_prorate_last = models.BooleanField()

    class Meta(Decision.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["contract"], condition=Q(withdrawn_at=None), name="changed_once"
            )
        ]

    def __str__(self):
        return f"{self.contract_id} → {self.new_id}"
