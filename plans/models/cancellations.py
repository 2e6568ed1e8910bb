import datetime as dt

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models.timeline import TimelineEntry
from kit import audit, words
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans import signals
from plans.cycles import DAY
from plans.models.decisions import Decision
from plans.models.states import LATEST, PLAN_CHANGES, State, far_away, over


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


class Cancellable(models.Model):
    """How a contract gets its last day, or is taken back before its first one."""

    class Meta:
        abstract = True

    @transaction.atomic
    def cancel(
        self, *, last_day: dt.date, by, reason: str = "", on: dt.date | None = None
    ) -> Cancellation:
        """Set the last day. A contract that has not started can also be called off.

        Managers and the system choose any day on or after the first one; customers and front
        desk one that notice and minimum term allow, not after the one agreed. Raises `Refused`
        with `called_off`, `ended`, `plan_changes`, `before_start`, `date_out_of_range`,
        `too_early`, `after_end`, `self_cancel_off` or `plan_full`.
        """
        on = self._begin(on, plans=[self.plan_id])
        refuse_if(self.cancel_problems(last_day=last_day, by=by, on=on))
        cancellation = self.cancellations.model(
            contract=self, last_day=last_day, earlier_last_day=self.ends_on, by=by,
            reason=reason.strip(),
        )  # fmt: skip
        check_fields(cancellation, leaving_out=("contract", "by"))
        cancellation.save()
        self._set_last_day(last_day)
        text = _("%(plan)s, last day %(day)s") % {"plan": self, "day": words.day(last_day)}
        self._tell(TimelineEntry.Kind.CANCELLED, on, by, text)
        audit.record(
            "contract.cancel", self, by=by,
            changes={"ends_on": [cancellation.earlier_last_day, last_day]},
        )  # fmt: skip
        signals.contract_cancelled.send(sender=type(self), contract=self, by=by)
        self._announce(by)
        return cancellation

    def cancel_problems(self, *, last_day: dt.date, by, on: dt.date) -> list[Problem]:
        """What stands against this last day."""
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [over(state)]
        if self._standing_change():
            return [PLAN_CHANGES]
        problems = []
        if last_day < self.starts_on:
            text = _("The last day cannot lie before the first one.")
            if state == State.SCHEDULED:
                text = _("The last day lies before the first one: call the contract off instead.")
            problems.append(Problem("before_start", text, "last_day"))
        elif last_day > LATEST:
            problems.append(far_away("last_day"))
        elif self.ends_on is not None and last_day > self.ends_on:
            problems += self.plan.full_problems(self.ends_on + DAY, last_day, [self.pk])
        if self._bound_to_terms(by):
            if self.ends_on is not None and last_day > self.ends_on:
                problems.append(
                    Problem(
                        "after_end",
                        _("The contract ends on %s already.") % words.day(self.ends_on),
                        "last_day",
                    )
                )
            earliest = self.earliest_last_day(on=on)
            if not self.self_cancel and self.is_own_login(by):
                problems.append(
                    Problem("self_cancel_off", _("Please ask the staff to cancel this contract."))
                )
            if last_day < earliest:
                problems.append(
                    Problem(
                        "too_early",
                        _("Notice and minimum term allow %s at the earliest.")
                        % words.day(earliest),
                        "last_day",
                    )
                )
        return problems

    @transaction.atomic
    def withdraw_cancellation(self, *, by, on: dt.date | None = None) -> Cancellation:
        """Take the last cancellation back; the last day before it holds again.

        Possible until the last day has passed; customers take back what they cancelled
        themselves. Raises `Refused` with `not_cancelled`, `ended`, `called_off`, `plan_changes`,
        `staff_cancelled`, `earlier_last_day_passed` or `plan_full`.
        """
        on = self._begin(on, plans=[self.plan_id])
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            raise Refused(over(state))
        if self._standing_change():
            raise Refused(PLAN_CHANGES)
        cancellation = self.standing_cancellation
        if cancellation is None:
            raise Refused(Problem("not_cancelled", _("This contract is not cancelled.")))
        if self.is_own_login(by) and cancellation.by_id != by.pk:
            raise Refused(
                Problem("staff_cancelled", _("Please ask the staff, who cancelled this contract."))
            )
        last_day = self.ends_on or cancellation.last_day
        earlier = cancellation.earlier_last_day
        if earlier is not None and earlier < on:
            raise Refused(
                Problem(
                    "earlier_last_day_passed",
                    _("The last day before this one, %s, has passed.") % words.day(earlier),
                )
            )
        if earlier is None or earlier > last_day:
            refuse_if(self.plan.full_problems(last_day + DAY, earlier, [self.pk]))
        cancellation.withdraw(by=by)
        self._set_last_day(cancellation.earlier_last_day)
        self._tell(TimelineEntry.Kind.CANCELLATION_WITHDRAWN, on, by, str(self))
        audit.record(
            "contract.withdraw_cancellation", self, by=by,
            changes={"ends_on": [last_day, self.ends_on]},
        )  # fmt: skip
        signals.cancellation_withdrawn.send(sender=type(self), contract=self, by=by)
        self._announce(by)
        return cancellation

    @property
    def standing_cancellation(self) -> Cancellation | None:
        """The cancellation that set the last day, if it was not withdrawn."""
        return self.cancellations.filter(withdrawn_at=None).last()

    @transaction.atomic
    def call_off(self, *, by, reason: str = "", on: dt.date | None = None) -> CallOff:
        """Take back a contract that has not started: it counts nowhere, announces nothing.

        Raises `Refused` with `called_off`, `started`, `plan_changes` or `self_cancel_off`.
        """
        on = self._begin(on)
        if self.is_own_login(by) and not self.self_cancel:
            raise Refused(
                Problem("self_cancel_off", _("Please ask the staff to cancel this contract."))
            )
        if self.state_on(on) == State.CALLED_OFF:
            raise Refused(over(State.CALLED_OFF))
        if on >= self.starts_on:
            raise Refused(
                Problem("started", _("This contract has started: set its last day instead."))
            )
        if self._standing_change() or self._standing_origin():
            raise Refused(PLAN_CHANGES)
        row = self._call_off(on, by, reason)
        self._announce(by)
        return row

    def _call_off(self, on: dt.date, by, reason: str) -> CallOff:
        row = self.call_offs.model(
            contract=self, earlier_last_day=self.ends_on, by=by, reason=reason.strip()
        )
        check_fields(row, leaving_out=("contract", "by"))
        with in_words():
            row.save()
        self._forget()
        self._tell(TimelineEntry.Kind.CALLED_OFF, on, by, str(self))
        audit.record("contract.call_off", self, by=by)
        return row


speak_for("called_off_once", Problem("called_off", gettext_lazy("This contract was called off.")))
