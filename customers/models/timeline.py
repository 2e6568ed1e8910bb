import datetime as dt

from django.db import models
from django.utils.translation import gettext_lazy as _

from kit import clock
from kit.fields import Line


class TimelineEntry(models.Model):
    """Something that happened to a customer, on its true date, with its cause.

    The cause is kept as kind, id and words, so that the entry outlives what caused it.
    """

    class Kind(models.TextChoices):
        REGISTERED = "registered", _("Registered")
        BECAME_MEMBER = "became_member", _("Became a member")
        BECAME_CONTACT = "became_contact", _("Became a contact")
        SIGNED = "signed", _("Signed a contract")
        CANCELLED = "cancelled", _("Contract cancelled")
        CANCELLATION_WITHDRAWN = "cancellation_withdrawn", _("Cancellation withdrawn")
        CALLED_OFF = "called_off", _("Contract called off")
        CHANGED_PLAN = "changed_plan", _("Changed plan")
        CHANGE_WITHDRAWN = "change_withdrawn", _("Plan change withdrawn")
        FROZE = "froze", _("Contract frozen")
        RESUMED = "resumed", _("Freeze ended")
        SUSPENDED = "suspended", _("Suspended")
        WAITS = "waits", _("Waits for approval")
        LET_IN = "let_in", _("Approved")
        REINSTATED = "reinstated", _("Reinstated")
        INVITED = "invited", _("Invited to the portal")
        GOT_LOGIN = "got_login", _("Has a portal account")
        ACCESS_WITHDRAWN = "access_withdrawn", _("Portal access withdrawn")
        ACCESS_GIVEN_BACK = "access_given_back", _("Portal access given back")
        JOINED_TEAM = "joined_team", _("Joined a team")
        LEFT_TEAM = "left_team", _("Left a team")
        CHANGED_TYPE = "changed_type", _("Changed type")
        ARCHIVED = "archived", _("Archived")
        RESTORED = "restored", _("Restored")

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="timeline")
    kind = Line(max_length=30, choices=Kind)
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    text = Line(max_length=500, blank=True)
    cause_kind = Line(max_length=40, blank=True)
    cause_id = models.BigIntegerField(null=True)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-on", "-id"]
        indexes = [models.Index(fields=["customer", "-on", "-id"], name="timeline_of_customer")]

    def __str__(self):
        return f"{self.on} {self.get_kind_display()}"


def drafted(
    customer, kind: str, *, on: dt.date, by=None, cause: models.Model | None = None, text: str = ""
) -> TimelineEntry:
    """The row that `tell` would write, for callers that write many at once."""
    return TimelineEntry(
        customer=customer,
        kind=kind,
        on=on,
        text=text[:500],
        cause_kind=cause._meta.label_lower if cause is not None else "",
        cause_id=cause.pk if cause is not None else None,
        by=by,
    )


def tell(customer, kind: str, **what) -> TimelineEntry:
    """Add to a customer's timeline what happened `on` which date, by whom and why."""
    entry = drafted(customer, kind, **what)
    entry.save(force_insert=True)
    return entry
