from django.db import models
from django.db.models import Q

from kit import clock, guards
from kit.fields import Line, Text


class ContractEvent(models.Model):
    """That a contract started, ended, was frozen or resumed has been announced.

    Inserting the row is the claim to announce it; the signal is sent in the same transaction.
    A row that a later edit made untrue stays and gets `withdrawn_at`; the same day announced
    again takes the next generation.
    """

    class Kind(models.TextChoices):
        STARTED = "started"
        ENDED = "ended"
        FROZEN = "frozen"
        RESUMED = "resumed"

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="events")
    kind = Line(max_length=10, choices=Kind)
    on = models.DateField()
    generation = models.PositiveIntegerField(default=1)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=clock.now)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "kind", "on", "generation"], name="contract_event_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["started", "ended", "frozen", "resumed"]),
                name="contract_event_known",
            ),
        ]

    def __str__(self):
        return f"{self.kind} on {self.on}"


guards_of_events = guards.append_only(
    "plans",
    "plans_contractevent",
    frozen=("contract_id", "kind", "on", "generation", "by_id", "at"),
    set_once=("withdrawn_at",),
    deletable=True,
)


class HeldAnnouncement(models.Model):
    """A customer whose events wait, because something that reacts to them failed.

    The contracts are as they were signed; the next daily job tries again.
    """

    customer = models.OneToOneField(
        "customers.Customer", models.CASCADE, related_name="held_announcement"
    )
    since = models.DateTimeField(default=clock.now)
    error = Text()

    def __str__(self):
        return self.error
