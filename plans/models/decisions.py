"""What is decided about a contract is a row: who, when and why, and its withdrawal."""

from django.db import models

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
