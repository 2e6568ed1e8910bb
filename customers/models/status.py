"""Member or contact: computed from contracts and a date, never stored.

One SQL expression (`is_member`) and one Python twin (`Customer.status_on`) answer for any date,
past or future. Nothing but contracts enters either. What is stored is only what was announced:
a `StatusChange` row for each day on which the status differed from the day before.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import signals
from kit import clock, guards
from kit.fields import Line
from kit.problems import in_words
from spaces.models import Todays

DAY = dt.timedelta(days=1)


class Status(models.TextChoices):
    MEMBER = "member", gettext_lazy("Member")
    CONTACT = "contact", gettext_lazy("Contact")


def contracts():
    """The contracts of the later room, found through the relation that it made."""
    from customers.models.customer import Customer

    return Customer.contracts.rel.related_model.objects


def bookings():
    """The bookings of the later room, found like the contracts."""
    from customers.models.customer import Customer

    return Customer.bookings.rel.related_model.objects


def charges():
    """What customers owe in the later room, found like the contracts."""
    from customers.models.customer import Customer

    return Customer.charges.rel.related_model.objects


def subscriptions():
    """The subscriptions of the later room, found like the contracts."""
    from customers.models.customer import Customer

    return Customer.subscriptions.rel.related_model.objects


def invoices():
    """The invoices of the later room, found like the contracts."""
    from customers.models.customer import Customer

    return Customer.invoices.rel.related_model.objects


def claims():
    """What customers owe without an invoice in the later app, found like the contracts."""
    from customers.models.customer import Customer

    return Customer.claims.rel.related_model.objects


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
        in_force = any(contract.in_force_on(on) for contract in self._contracts_at_hand())
        return Status.MEMBER if in_force else Status.CONTACT

    @property
    def status(self) -> str:
        """ "member" or "contact" today, at the customer's home location."""
        return self.status_on(self.location.today())

    def turns(self) -> list[Turn]:
        """Every day, past and to come, on which the status differs from the day before.

        Computed like the status itself, so it is right even if nothing was ever announced.
        """
        found = self._contracts_at_hand()
        turns = []
        for day in sorted({day for contract in found for day in contract.turning_days()}):
            before = [contract for contract in found if contract.in_force_on(day - DAY)]
            after = [contract for contract in found if contract.in_force_on(day)]
            if bool(before) != bool(after):
                status = Status.MEMBER if after else Status.CONTACT
                turns.append(Turn(status, day, (after or before)[0]))
        return turns

    def _contracts_at_hand(self) -> list:
        """The contracts with their history: those that were read with the customer, if any."""
        if "contracts" in getattr(self, "_prefetched_objects_cache", {}):
            return list(self.contracts.all())
        return list(contracts().filter(customer=self).with_history().prefetch_related("plan"))


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


def put_right(customer, *, due, today: dt.date, by) -> list[StatusChange]:
    """Close what is left between the announcements and the truth after an edit.

    Announcements that an edit made untrue are withdrawn. Turns that nobody announced, because
    the events that could have done so lie behind, are announced on their own day. If then the
    last word differs from today's status, a correction is announced for the day whose row was
    withdrawn. `due` says of a turn whether its day has come. The caller holds the customer's
    lock and has announced the events that were due. Returns the rows written.
    """
    told, turns = _told(customer), customer.turns()
    true = {(turn.on, turn.status) for turn in turns}
    untrue = [
        change
        for change in told
        if change.withdrawn_at is None
        and (change.on, change.status) not in true
        and not (change.correction and customer.status_on(change.on) == change.status)
    ]
    if untrue:
        now = clock.now()
        for change in untrue:
            change.withdrawn_at = now
        keys = [change.pk for change in untrue]
        StatusChange.objects.filter(pk__in=keys).update(withdrawn_at=now)
    said = {(change.on, change.status) for change in told if change.withdrawn_at is None}
    written = [
        _correct(customer, turn.on, turn.status, turn.contract, by, correction=False)
        for turn in turns
        if due(turn) and (turn.on, turn.status) not in said
    ]
    last_word = max(told, key=lambda change: (change.on, change.pk), default=None)
    truth = customer.status_on(today)
    if last_word is not None and last_word.withdrawn_at and last_word.status != truth:
        cause = next((turn.contract for turn in reversed(turns) if turn.on <= today), None)
        written.append(_correct(customer, last_word.on, truth, cause, by, correction=True))
    return written


def _correct(customer, on: dt.date, status: str, contract, by, *, correction: bool) -> StatusChange:
    return _announce(
        customer,
        on=on,
        status=status,
        cause=contract,
        text=_("After a change of contract %s") % contract if contract is not None else "",
        by=by,
        quiet=contract is not None and contract.quiet,
        correction=correction,
    )


def _told(customer) -> list[StatusChange]:
    """All that was announced of a customer; kept at hand while its events are announced."""
    if not hasattr(customer, "_told"):
        customer._told = list(customer.changes.all())
    return customer._told


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
