import datetime as dt
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from customers.models.timeline import TimelineEntry
from kit import audit, words
from kit.problems import Problem, Refused, refuse_if
from plans.cycles import DAY
from plans.models.decisions import Decision
from plans.models.plans import Plan
from plans.models.states import PLAN_CHANGES, State, over
from plans.models.terms import acceptance

if TYPE_CHECKING:
    from plans.models.contracts import Contract


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


class Changeable(models.Model):
    """How a contract is moved to another plan."""

    class Meta:
        abstract = True

    @transaction.atomic
    def change_plan(
        self, *, to: Plan, starts_on: dt.date, by, accepted_terms: str = "",
        on: dt.date | None = None,
    ) -> "Contract":  # fmt: skip
        """Move to another plan: the old contract ends the day before, the new one starts.

        The day of change belongs to the new plan; both sides are prorated by day. Quantity,
        discount, team, purchase order and a last day carry over; a price override does not. A
        contract that has not started is called off instead. Returns the new contract. Raises
        `Refused` with `called_off`, `ended`, `same_plan`, `plan_changes`, `not_after_start`,
        `after_end`, `frozen`, `needs_manager`, `too_early`, `self_cancel_off`, or what `sign_up`
        refuses.
        """
        on = self._begin(on, plans=[to])
        refuse_if(self._change_problems(to, starts_on, by, on))
        scheduled = on < self.starts_on
        new = to.sign_up(
            self.customer,
            starts_on=starts_on,
            ends_on=self.ends_on,
            quantity=self.quantity,
            discount=self.discount,
            on_behalf_of=self.on_behalf_of,
            location=self.location,
            purchase_order=self.purchase_order,
            accepted_terms=accepted_terms,
            by=by,
            on=on,
            _changing=self,
        )
        change = self.plan_changes.create(
            new=new,
            earlier_last_day=self.ends_on,
            earlier_prorate_last=self.prorate_last,
            by=by,
        )
        cancellation = self.standing_cancellation
        if cancellation is not None:  # it can be withdrawn on the new contract as on the old one
            cancellation.pk, cancellation.contract = None, new
            cancellation.save(force_insert=True)
        if scheduled:
            self._call_off(on, by, _("Changed to %s") % to)
        else:
            self._set_last_day(starts_on - DAY, prorate_last=True)
        text = _("%(old)s to %(new)s from %(day)s") % {
            "old": self, "new": new, "day": words.day(starts_on),
        }  # fmt: skip
        self._tell(TimelineEntry.Kind.CHANGED_PLAN, on, by, text)
        audit.record(
            "contract.change_plan", self, by=by,
            changes={"plan": [self.plan_id, to.pk],
                     "ends_on": [change.earlier_last_day, self.ends_on],
                     **acceptance(accepted_terms)},
        )  # fmt: skip
        self._announce(by, signed=new)
        return new

    def _change_problems(self, to: Plan, starts_on: dt.date, by, on: dt.date) -> list[Problem]:
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [over(state)]
        if self._standing_change() or (state == State.SCHEDULED and self._standing_origin()):
            return [PLAN_CHANGES]
        problems = []
        if self.is_own_login(by) and not self.self_cancel:
            text = _("Please ask the staff to change this contract.")
            problems.append(Problem("self_cancel_off", text))
        if to.pk == self.plan_id:
            problems.append(Problem("same_plan", _("The contract is on this plan already."), "to"))
        if state != State.SCHEDULED and starts_on <= self.starts_on:
            problems.append(
                Problem("not_after_start", _("Choose a day after the first one."), "starts_on")
            )
        if starts_on < on and self._bound_to_terms(by):
            problems.append(
                Problem("needs_manager", _("Choose today or a later day."), "starts_on")
            )
        least = self.minimum_last_day
        if self._bound_to_terms(by) and least is not None and starts_on <= least:
            text = _("The minimum term lasts until %s.") % words.day(least)
            problems.append(Problem("too_early", text, "starts_on"))
        if self.ends_on is not None and starts_on > self.ends_on:
            problems.append(Problem("after_end", _("The contract has ended by then."), "starts_on"))
        if any(f.until is None or f.until >= starts_on for f in self.freezes.standing()):
            problems.append(
                Problem(
                    "frozen", _("The contract is frozen on or after that day: resume it first.")
                )
            )
        return problems

    @transaction.atomic
    def withdraw_change(self, *, by, on: dt.date | None = None) -> PlanChange:
        """Take a future change of plan back; asked of the old contract or of the new one.

        Customers take back what they changed themselves. Raises `Refused` with `no_change`,
        `change_has_come`, `staff_changed` or `plan_full`.
        """
        known = self._standing_change() or self._standing_origin()
        plans = [known.contract.plan_id, known.new.plan_id] if known else [self.plan_id]
        on = self._begin(on, plans=plans)
        change = self._standing_change() or self._standing_origin()
        if change is None:
            raise Refused(Problem("no_change", _("No change of plan is ahead.")))
        old, new = change.contract, change.new
        if on >= new.starts_on:
            raise Refused(Problem("change_has_come", _("The new plan has started.")))
        if self.is_own_login(by) and change.by_id != by.pk:
            raise Refused(
                Problem("staff_changed", _("Please ask the staff, who changed this contract."))
            )
        given_up = old.starts_on if old.is_called_off else new.starts_on
        if change.earlier_last_day is None or change.earlier_last_day >= given_up:
            refuse_if(old.plan.full_problems(given_up, change.earlier_last_day, [old.pk]))
        old.customer = new.customer = self.customer
        old._note_due(on)
        change.withdraw(by=by)
        new._call_off(on, by, _("Change withdrawn"))
        call_off = old.call_offs.filter(withdrawn_at=None).first()
        if call_off:
            call_off.withdraw(by=by)
            old._forget()
        else:
            old._set_last_day(change.earlier_last_day, prorate_last=change.earlier_prorate_last)
        old._tell(TimelineEntry.Kind.CHANGE_WITHDRAWN, on, by, str(old))
        audit.record("contract.withdraw_change", old, by=by)
        old._given_on = self._given_on
        old._announce(by)
        self.refresh_from_db()
        return change

    def _standing_change(self) -> PlanChange | None:
        return self.plan_changes.filter(withdrawn_at=None).select_related("new").first()

    def _standing_origin(self) -> PlanChange | None:
        """The change that made this contract, if it was not withdrawn."""
        return (
            PlanChange.objects.filter(new_id=self.pk, withdrawn_at=None)
            .select_related("contract")
            .first()
        )
