import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils.translation import gettext as _

from bookings import signals
from kit import audit, clock
from kit.money import ZERO, round_to
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if

if TYPE_CHECKING:
    from bookings.models.booking import Booking, LateFee


class Kept:
    """What is kept when a part of a booking is given up too late: money owed, credit not given
    back. `share` is how much of it is given up, `percent` the resource's."""

    def __init__(self, booking: "Booking", share: Fraction, percent: Decimal):
        self.share = share
        part = share * Fraction(percent) / 100
        self.percent = percent
        self.minutes_given_up = int(share * booking.minutes)
        self.amount = round_to(Fraction(booking.amount) * part, booking.currency)
        exact = Fraction(booking.credit_used) * part
        self.credit_used = int(exact + Fraction(1, 2))
        self.credit_amount = round_to(Fraction(booking.credit_amount) * part, booking.currency)

    def __bool__(self) -> bool:
        return bool(self.amount or self.credit_used or self.credit_amount)


class Cancellable(models.Model):
    """How a booking is given up, approved, and looked back at."""

    class Meta:
        abstract = True

    # What it would cost

    def kept(self, *, at: dt.datetime, share: Fraction = Fraction(1)) -> Kept | None:
        """What giving up a share of it now would keep; None while that is free of charge."""
        if not share or not self.is_late(at):
            return None
        kept = Kept(self, share, Decimal(self.late_fee))
        return kept if kept else None

    def cancel_problems(self, *, by, at: dt.datetime, waive_fee: bool = False) -> list[Problem]:
        """What stands against cancelling."""
        from bookings.availability import acts_for_house

        state = self.state_at(at)
        if state not in (self.State.TENTATIVE, self.State.CONFIRMED):
            return [Problem("not_standing", _("This booking does not stand any more."))]
        problems = self._whose_problems(by)
        if not acts_for_house(by, self.resource.location) and at >= self.start:
            problems.append(Problem("begun", _("This has begun: please ask the staff.")))
        if waive_fee:
            problems += self._waiving_problems(by)
        return problems

    def _whose_problems(self, by) -> list[Problem]:
        """Others' bookings are for the staff, and for admins of the team that pays."""
        from bookings.availability import acts_for_house

        if acts_for_house(by, self.resource.location) or by.pk == self.customer.user_id:
            return []
        if self.on_behalf_of is not None and self.on_behalf_of.is_admin(by):
            return []
        return [Problem("not_yours", _("This is somebody else's booking."))]

    def _waiving_problems(self, by) -> list[Problem]:
        if by is None or by.may("manage_space", at=self.resource.location):
            return []
        return [Problem("needs_manager", _("Only a manager may waive this."), "waive_fee")]

    # The deeds

    def _begin(self) -> None:
        """Lock what a verb may touch, and read the booking afresh."""
        from bookings.models.making import lock

        lock([self.customer_id], [self.resource_id], bookings=[self])
        self._again()

    def _again(self) -> None:
        resource = self.resource_id
        self.refresh_from_db()
        if self.resource_id != resource:
            raise Refused(
                Problem("changed_meanwhile", _("Somebody has moved this booking meanwhile."))
            )

    @transaction.atomic
    def cancel(
        self, *, by, reason: str = "", waive_fee: bool = False, at: dt.datetime | None = None
    ) -> "LateFee | None":
        """Give the booking up. In time everything comes back; later the resource's percentage is
        kept, of the money and of the credit alike; returns the `LateFee`, if there is one.

        Raises `Refused` with `not_standing`, `not_yours`, `begun` or `needs_manager` (waiving).
        """
        at = at or clock.now()
        self._begin()
        refuse_if(self.cancel_problems(by=by, at=at, waive_fee=waive_fee))
        return self._cancel(by=by, reason=reason, waive_fee=waive_fee, at=at)

    def _cancel(self, *, by, reason: str, waive_fee: bool, at: dt.datetime) -> "LateFee | None":
        from bookings.models.booking import LateFee
        from bookings.models.ledger import give_back

        kept = None if waive_fee else self.kept(at=at)
        fee = self._keep(kept, LateFee.Cause.CANCELLED, by=by, at=at)
        give_back(
            self, by=by, on=self.on, minutes_kept=kept.credit_used if kept else 0,
            money_kept=kept.credit_amount if kept else ZERO,
        )  # fmt: skip
        before = self.state
        self.state = self.State.CANCELLED
        self.cancelled_at, self.cancelled_by, self.reason = at, by, reason.strip()
        self.credit_used, self.credit_amount, self.amount = 0, ZERO, ZERO
        self._save("state", "cancelled_at", "cancelled_by", "reason", "credit_used",
                   "credit_amount", "amount")  # fmt: skip
        changes: dict[str, list] = {"state": [before, self.state]}
        if fee:
            changes["fee"] = [None, fee.amount]
        audit.record(
            "booking.cancel", self, by=by, changes=changes, personal={"reason": [None, self.reason]}
        )
        signals.booking_cancelled.send(sender=type(self), booking=self, by=by, fee=fee)
        return fee

    def _keep(self, kept: Kept | None, cause: str, *, by, at: dt.datetime) -> "LateFee | None":
        if kept is None:
            return None
        return self.late_fees.create(
            cause=cause, percent=kept.percent, minutes=kept.minutes_given_up, amount=kept.amount,
            credit_used=kept.credit_used, credit_amount=kept.credit_amount, by=by, at=at,
        )  # fmt: skip

    def _save(self, *names: str) -> None:
        self.version += 1
        check_fields(
            self, leaving_out=("customer", "resource", "on_behalf_of", "series", "by",
                               "approved_by", "cancelled_by")
        )  # fmt: skip
        with in_words():
            self.save(update_fields=[*names, "version"])

    @transaction.atomic
    def approve(self, *, by, at: dt.datetime | None = None) -> None:
        """Confirm a tentative booking: from now on it is owed.

        Raises `Refused` with `not_tentative`, `lapsed`, `staff_only`, `suspended` or
        `payer_suspended`.
        """
        at = at or clock.now()
        self._begin()
        self._refuse_unless_staff(by)
        if self.state_at(at) == self.State.LAPSED:
            raise Refused(Problem("lapsed", _("It has begun, and was not approved in time.")))
        if self.state != self.State.TENTATIVE:
            raise Refused(Problem("not_tentative", _("This does not wait for approval.")))
        if suspension := self.customer.suspension:
            text = _("This customer is suspended: %s") % suspension.reason
            raise Refused(Problem("suspended", text))
        if self.payer != self.customer and (suspension := self.payer.suspension):
            text = _("The paying customer is suspended: %s") % suspension.reason
            raise Refused(Problem("payer_suspended", text))
        self.state, self.approved_at, self.approved_by = self.State.CONFIRMED, at, by
        self._save("state", "approved_at", "approved_by")
        changes: dict[str, list] = {"state": [self.State.TENTATIVE, self.state]}
        audit.record("booking.approve", self, by=by, changes=changes)
        signals.booking_approved.send(sender=type(self), booking=self, by=by)

    def _refuse_unless_staff(self, by) -> None:
        from bookings.availability import acts_for_house

        if not acts_for_house(by, self.resource.location):
            raise Refused(Problem("staff_only", _("Please ask the staff.")))

    @transaction.atomic
    def no_show(self, *, by, at: dt.datetime | None = None) -> None:
        """Nobody came: the booking pays in full, and its time stays taken.

        Raises `Refused` with `not_confirmed`, `not_begun` or `staff_only`.
        """
        at = at or clock.now()
        self._begin()
        self._refuse_unless_staff(by)
        if self.state != self.State.CONFIRMED:
            raise Refused(Problem("not_confirmed", _("Only what is booked can be missed.")))
        if at < self.start:
            raise Refused(Problem("not_begun", _("It has not begun yet.")))
        self._set_no_show(self.State.NO_SHOW, by)
        signals.booking_not_used.send(sender=type(self), booking=self, by=by)

    @transaction.atomic
    def came(self, *, by) -> None:
        """They came after all. Raises `Refused` with `not_missed` or `staff_only`."""
        self._begin()
        self._refuse_unless_staff(by)
        if self.state != self.State.NO_SHOW:
            raise Refused(Problem("not_missed", _("This was not marked as missed.")))
        self._set_no_show(self.State.CONFIRMED, by)

    def _set_no_show(self, state: str, by) -> None:
        before, self.state = self.state, state
        self._save("state")
        audit.record("booking.no_show", self, by=by, changes={"state": [before, state]})
