import datetime as dt
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.hours import DAY, utc
from bookings.models.booking import Booking
from bookings.models.resources import Resource
from kit import audit, clock, locks, words
from kit.problems import Problem, Refused, in_words, refuse_if
from plans.models import Contract
from plans.models.states import State


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def standing(self) -> "AssignmentQuerySet":
        """Those that were not taken back."""
        return self.filter(withdrawn_at=None)

    def overlapping(self, start: dt.datetime, end: dt.datetime | None) -> "AssignmentQuerySet":
        """Standing ones with a moment in common with a stretch (end None: open)."""
        found = self.standing().filter(Q(blocked_until=None) | Q(blocked_until__gt=start))
        return found if end is None else found.filter(blocked_from__lt=end)


class Assignment(models.Model):
    """A contract occupies a resource: nobody else books it, no other contract has it.

    From `first_on` to `last_on`, local dates, both included, and never beyond the contract's own
    days; `last_on` None means as long as the contract runs. The row blocks
    [`blocked_from`, `blocked_until`), None being open, and follows the contract's last day.
    """

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="assignments")
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="assignments")
    first_on = models.DateField(gettext_lazy("first day"))
    last_on = models.DateField(gettext_lazy("last day"), null=True, blank=True)
    blocked_from = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["first_on", "id"]
        verbose_name = gettext_lazy("assignment")
        indexes = [models.Index(fields=["resource", "blocked_from"], name="assignment_of_resource")]
        constraints = [
            models.CheckConstraint(
                condition=Q(blocked_until=None) | Q(blocked_until__gt=models.F("blocked_from")),
                name="assignment_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(last_on=None) | Q(last_on__gte=models.F("first_on")),
                name="assignment_days_in_order",
            ),
        ]

    def __str__(self):
        return f"{self.resource}"

    @property
    def last_day(self) -> dt.date | None:
        """Its last day: its own, or the contract's if that comes earlier."""
        days = [day for day in (self.last_on, self.contract.ends_on) if day is not None]
        return min(days, default=None)

    def _block(self) -> bool:
        """Put the blocked time in line with the contract's days; False where none are left."""
        zone = self.resource.zone
        first, last = max(self.first_on, self.contract.starts_on), self.last_day
        if last is not None and last < first:
            return False
        self.blocked_from = utc(clock.start_of(first, zone))
        self.blocked_until = None if last is None else utc(clock.start_of(last + DAY, zone))
        return True

    def problems(self) -> list[Problem]:
        """Who else wants the resource in that time: bookings, other contracts."""
        found = []
        rivals = Assignment.objects.overlapping(self.blocked_from, self.blocked_until)
        for other in rivals.filter(resource=self.resource).exclude(pk=self.pk):
            text = _("%(resource)s is occupied by a contract of %(name)s.") % {
                "resource": self.resource, "name": other.contract.customer.name,
            }  # fmt: skip
            found.append(Problem("occupied", text, "resource"))
        now = clock.now()
        booked = Booking.objects.blocking().filter(
            resource=self.resource, blocked_until__gt=self.blocked_from
        )
        if self.blocked_until is not None:
            booked = booked.filter(blocked_from__lt=self.blocked_until)
        booked = booked.standing(at=now).select_related("resource__location")
        return found + [
            Problem("taken", _("%s is booked.") % booking.words, "resource")
            for booking in booked[:10]
        ]

    @transaction.atomic
    def end(self, *, last_on: dt.date, by) -> None:
        """Let the contract leave the resource after a day, while the contract goes on.

        Raises `Refused` with `ends_before_start` or `withdrawn`.
        """
        locks.take(customers=[self.contract.customer_id], resources=[self.resource_id])
        self.refresh_from_db()
        if self.withdrawn_at:
            raise Refused(Problem("withdrawn", _("This was taken back already.")))
        if last_on < self.first_on:
            text = _("It was occupied from %s on.") % words.day(self.first_on)
            raise Refused(Problem("ends_before_start", text, "last_on"))
        before, self.last_on = self.last_on, last_on
        self._block()
        refuse_if(self.problems())
        with in_words():
            self.save(update_fields=["last_on", "blocked_from", "blocked_until"])
        audit.record("assignment.end", self, by=by, changes={"last_on": [before, last_on]})

    @transaction.atomic
    def withdraw(self, *, by) -> None:
        """Take it back as if it had never been. Raises `Refused` with `withdrawn`."""
        locks.take(customers=[self.contract.customer_id], resources=[self.resource_id])
        self.refresh_from_db(fields=["withdrawn_at"])
        if self.withdrawn_at:
            raise Refused(Problem("withdrawn", _("This was taken back already.")))
        self._withdraw(by)

    def _withdraw(self, by) -> None:
        self.withdrawn_at, self.withdrawn_by = clock.now(), by
        self.save(update_fields=["withdrawn_at", "withdrawn_by"])
        audit.record("assignment.withdraw", self, by=by)


@transaction.atomic
def assign(
    resource: Resource, *, contract: Contract, by, first_on: dt.date | None = None
) -> Assignment:
    """Let a contract occupy a resource, from its first day (or a later one) to its last.

    Raises `Refused` with `occupied`, `taken`, `resource_archived`, `other_location`,
    `contract_over` or `outside_contract`.
    """
    from bookings.models.making import lapse, lock

    lapsed = list(Booking.objects.lapsing(at=clock.now()).filter(resource=resource))
    people = {contract.customer_id, *(one.customer_id for one in lapsed)}
    lock(people, [resource.pk], bookings=lapsed)
    for one in lapsed:  # nobody approved them before they began
        lapse(one)
    resource.refresh_from_db()
    contract.refresh_from_db()
    today = contract.location.today()
    first = first_on or contract.starts_on
    problems = []
    if resource.archived_at:
        problems.append(Problem("resource_archived", _("This is archived."), "resource"))
    if resource.location_id != contract.location_id:
        text = _("The contract is at another location.")
        problems.append(Problem("other_location", text, "resource"))
    if contract.state_on(today) in (State.ENDED, State.CALLED_OFF):
        problems.append(Problem("contract_over", _("This contract has ended.")))
    if first < contract.starts_on or (contract.ends_on is not None and first > contract.ends_on):
        text = _("Choose a day of the contract.")
        problems.append(Problem("outside_contract", text, "first_on"))
    refuse_if(problems)
    made = Assignment(resource=resource, contract=contract, first_on=first, made_by=by)
    made._block()
    refuse_if(made.problems())
    with in_words():
        made.save(force_insert=True)
    changes: dict[str, list] = {
        "resource": [None, resource.pk], "contract": [None, contract.pk], "first_on": [None, first],
    }  # fmt: skip
    audit.record("assignment.make", made, by=by, changes=changes)
    return made


def follow_contracts(customer: Any, *, by) -> None:
    """Let assignments follow the days that a customer's contracts have by now.

    Raises `Refused` with `occupied` or `taken` where a contract wants a resource back that
    somebody else has meanwhile.
    """
    rows = Assignment.objects.standing().filter(contract__customer=customer)
    rows = rows.select_related("resource__location", "contract__customer").prefetch_related(
        "contract__call_offs"
    )
    found = list(rows)
    if not found:
        return
    locks.take(resources=[row.resource_id for row in found])
    for row in found:
        before = (row.blocked_from, row.blocked_until)
        if row.contract.is_called_off or not row._block():
            row._withdraw(by)
        elif before != (row.blocked_from, row.blocked_until):
            refuse_if(row.problems())
            with in_words():
                row.save(update_fields=["blocked_from", "blocked_until"])
