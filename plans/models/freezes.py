import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kit import clock, guards
from kit.problems import Problem, speak_for


class FreezeQuerySet(models.QuerySet):
    def standing(self) -> "FreezeQuerySet":
        """Freezes that were not taken back."""
        return self.filter(withdrawn_at=None)

    def covering(self, on) -> "FreezeQuerySet":
        """Freezes with a date (or date expression) among their days."""
        return self.standing().filter(Q(until=None) | Q(until__gte=on), from_on__lte=on)


class Freeze(models.Model):
    """Days of a contract that cost nothing and do not count; `until` is the last frozen day
    (None: until resumed). Freezes of one contract never overlap."""

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="freezes")
    from_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    frozen_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    frozen_at = models.DateTimeField(default=clock.now)
    resumed_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ["from_on"]
        indexes = [models.Index(fields=["contract", "from_on"], name="freeze_of_contract")]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("from_on")),
                name="freeze_ends_after_it_starts",
            )
        ]

    def __str__(self):
        return f"{self.from_on} to {self.until or '…'}"

    @property
    def days(self) -> tuple[dt.date, dt.date | None]:
        return (self.from_on, self.until)


APART = "freezes_stay_apart"

_OVERLAPS = """NEW.withdrawn_at IS NULL AND EXISTS (
    SELECT 1 FROM plans_freeze other
    WHERE other.contract_id = NEW.contract_id AND other.id IS NOT NEW.id
      AND other.withdrawn_at IS NULL
      AND other.from_on <= COALESCE(NEW.until, '9999-12-31')
      AND COALESCE(other.until, '9999-12-31') >= NEW.from_on
)"""

# On PostgreSQL the same is an exclusion constraint, made by a migration.
guards_of_freezes = [
    guards.Guard(f"{APART}_when_made", "plans", "plans_freeze", "INSERT", sqlite=_OVERLAPS),
    guards.Guard(f"{APART}_when_moved", "plans", "plans_freeze", "UPDATE", sqlite=_OVERLAPS),
]
_overlap = Problem("freezes_overlap", _("The contract is frozen on some of these days already."))
for _name in (APART, f"{APART}_when_made", f"{APART}_when_moved"):
    speak_for(_name, _overlap)
