"""Member or contact: computed from contracts and a date, never stored.

One SQL expression (`is_member`) and one Python twin (`Customer.status_on`) answer for any date,
past or future. Nothing but contracts enters either. What is stored is only what was announced:
a `StatusChange` row for each day on which the status differed from the day before.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from customers import signals
from kit import clock, guards
from kit.fields import Line
from kit.problems import in_words
from spaces.models import Todays

DAY = dt.timedelta(days=1)


class Status(models.TextChoices):
    MEMBER = "member", _("Member")
    CONTACT = "contact", _("Contact")


def contracts():
    """The contracts of the later room, found through the relation that it made."""
    from customers.models.customer import Customer

    return Customer.contracts.rel.related_model.objects


def is_member(on):
    """True for the customers with a contract in force on a date (or date expression).

    With `Todays` it is asked of the today at each customer's home.
    """
    if isinstance(on, Todays):
        return on.each(is_member, output_field=models.BooleanField())
    return Exists(contracts().in_force(on=on).filter(customer=OuterRef("pk")))


class Turn(NamedTuple):
    """The day on which a customer became `status`, and the contract that made it so."""

    status: str
    on: dt.date
    contract: Any


class HasStatus(models.Model):
    """What a customer can be asked about its status."""

    class Meta:
        abstract = True

    def status_on(self, on: dt.date) -> str:
        """ "member" or "contact" on a local date, past or future.

        Rule: a member is whoever has at least one contract in force that day. See also
        `CustomerQuerySet.members`, the same in SQL.
        """
        if "contracts" in getattr(self, "_prefetched_objects_cache", {}):
            found = self.contracts.all()
        else:
            found = contracts().filter(customer=self).with_history()
        in_force = any(contract.in_force_on(on) for contract in found)
        return Status.MEMBER if in_force else Status.CONTACT

    @property
    def status(self) -> str:
        """ "member" or "contact" today, at the customer's home location."""
        return self.status_on(self.location.today())

    def turns(self) -> list[Turn]:
        """Every day, past and to come, on which the status differs from the day before.

        Computed like the status itself, so it is right even if nothing was ever announced.
        """
        found = list(contracts().filter(customer=self).with_history().select_related("plan"))
        turns = []
        for day in sorted({day for contract in found for day in contract.turning_days()}):
            before = [contract for contract in found if contract.in_force_on(day - DAY)]
            after = [contract for contract in found if contract.in_force_on(day)]
            if bool(before) != bool(after):
                status = Status.MEMBER if after else Status.CONTACT
                turns.append(Turn(status, day, (after or before)[0]))
        return turns


class StatusChange(models.Model):
    """An announced change of status: on its true date, with the contract that caused it.

    A row that a later edit made untrue stays and gets `withdrawn_at`; announcing the same day
    again takes the next generation. `correction` marks the rows that put right what had been
    announced before such an edit.
    """

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="changes")
    on = models.DateField()
    status = Line(max_length=10, choices=Status)
    generation = models.PositiveIntegerField(default=1)
    cause_kind = Line(max_length=40, blank=True)
    cause_id = models.BigIntegerField(null=True)
    text = Line(max_length=500, blank=True)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    quiet = models.BooleanField(default=False)
    correction = models.BooleanField(default=False)
    at = models.DateTimeField(default=clock.now)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "on", "generation"], name="status_change_once"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["member", "contact"]), name="status_change_known"
            ),
        ]

    def __str__(self):
        return f"{self.on} {self.get_status_display()}"


guards_of_changes = guards.append_only(
    "customers",
    "customers_statuschange",
    frozen=(
        "customer_id", "on", "status", "generation", "cause_kind", "cause_id", "text", "by_id",
        "quiet", "correction", "at",
    ),
    set_once=("withdrawn_at",),
    deletable=True,
)  # fmt: skip


def note_flip(customer, *, on: dt.date, cause, text: str, by, quiet: bool) -> StatusChange | None:
    """Announce a change of status on this day, if there is one that nobody has announced yet.

    Rule: `became_member` and `became_contact` are sent once per customer and day, exactly when
    the status on that day differs from the day before. The caller holds the customer's lock.
    """
    status = customer.status_on(on)
    if status == customer.status_on(on - DAY):
        return None
    if any(c.withdrawn_at is None and (c.on, c.status) == (on, status) for c in _told(customer)):
        return None
    return _announce(customer, on=on, status=status, cause=cause, text=text, by=by, quiet=quiet)


def withdraw_untrue(
    customer, *, today: dt.date, cause, text: str, by, quiet: bool
) -> StatusChange | None:
    """Withdraw announcements that an edit made untrue, and correct the last word if need be.

    Rule: if the status announced last then differs from today's, a correction is announced for
    the day whose row was withdrawn. The caller holds the customer's lock and has announced what
    was due. Returns the correction, if one was made.
    """
    told = _told(customer)
    untrue = [c for c in told if c.withdrawn_at is None and not _is_true(customer, c)]
    if not untrue:
        return None
    now = clock.now()
    for change in untrue:
        change.withdrawn_at = now
    StatusChange.objects.filter(pk__in=[change.pk for change in untrue]).update(withdrawn_at=now)
    last_word = max(told, key=lambda change: change.pk)
    truth = customer.status_on(today)
    if last_word.status == truth or last_word.withdrawn_at is None:
        return None
    return _announce(
        customer,
        on=max(change.on for change in untrue),
        status=truth,
        cause=cause,
        text=text,
        by=by,
        quiet=quiet,
        correction=True,
    )


def _told(customer) -> list[StatusChange]:
    """All that was announced of a customer; kept at hand while its events are announced."""
    if not hasattr(customer, "_told"):
        customer._told = list(customer.changes.all())
    return customer._told


def _is_true(customer, change: StatusChange) -> bool:
    status = customer.status_on(change.on)
    flipped = change.correction or customer.status_on(change.on - DAY) != status
    return change.status == status and flipped


def _announce(customer, *, on, status, cause, text, by, quiet, correction=False) -> StatusChange:
    same_day = [change.generation for change in _told(customer) if change.on == on]
    with in_words():
        change = StatusChange.objects.create(
            customer=customer,
            on=on,
            status=status,
            generation=1 + max(same_day, default=0),
            cause_kind=cause._meta.label_lower if cause is not None else "",
            cause_id=cause.pk if cause is not None else None,
            text=text[:500],
            by=by,
            quiet=quiet,
            correction=correction,
        )
    _told(customer).append(change)
    signal = signals.became_member if status == Status.MEMBER else signals.became_contact
    signal.send(
        sender=type(customer), customer=customer, on=on, cause=cause, by=by, quiet=quiet,
        change=change,
    )  # fmt: skip
    return change
