import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from bookings import signals
from bookings.hours import minutes, utc
from kit import audit, clock
from kit.money import ZERO
from kit.problems import Problem, Refused, refuse_if

if TYPE_CHECKING:
    from bookings.models.booking import LateFee
    from bookings.models.resources import Resource


class Movable(models.Model):
    """How a booking gets another time, another room, or its old ones back."""

    class Meta:
        abstract = True

    def move_to(
        self, resource: "Resource", *, by, waive_fee: bool = False, at: dt.datetime | None = None
    ) -> "LateFee | None":
        """Take another resource at the same time; see `change`."""
        return self.change(resource=resource, by=by, waive_fee=waive_fee, at=at)

    def reschedule(
        self, *, by, start: dt.datetime | None = None, end: dt.datetime | None = None,
        waive_fee: bool = False, at: dt.datetime | None = None,
    ) -> "LateFee | None":  # fmt: skip
        """Take another time; a new start alone keeps the length. See `change`."""
        if start is not None and end is None:
            end = utc(start) + (self.end - self.start)
        return self.change(start=start, end=end, by=by, waive_fee=waive_fee, at=at)

    @transaction.atomic
    def change(
        self, *, by, resource: "Resource | None" = None, start: dt.datetime | None = None,
        end: dt.datetime | None = None, attendees: int | None = None, note: str | None = None,
        waive_fee: bool = False, at: dt.datetime | None = None,
    ) -> "LateFee | None":  # fmt: skip
        """Change resource, time, people or note; what is not said stays.

        Another time, or a resource of another type or place, is priced anew by today's rates and
        status; another resource of the same type there at the same time keeps the price. Too late
        before the old start, what is given up counts as cancelled: of the time that is no longer
        booked on that resource the percentage is kept, by its share of the minutes; returns that
        `LateFee`. A booking that runs can only get another end, not before now. Where staff approve
        bookings, a shorter one needs no new approval, and one that cannot be given up free of
        charge any more is not put back to waiting, which costs nothing: staff change it. Raises
        `Unavailable` as `book` does, and `Refused` with `not_standing`, `not_yours`, `begun`,
        `in_the_past`, `approved_already` or `needs_manager` (waiving).
        """
        from bookings.models.making import Wish

        at = at or clock.now()
        target = resource or self.resource
        self._make_room(target, start or self.start, end or self.end, at)
        wish = Wish(target, start or self.start, end or self.end)
        refuse_if(self._change_problems(by, at, waive_fee, wish))
        return self._change(
            wish, by=by, at=at, waive_fee=waive_fee,
            attendees=self.attendees if attendees is None else attendees,
            note=self.note if note is None else note.strip(),
        )  # fmt: skip

    def _make_room(self, target: "Resource", start, end, at: dt.datetime) -> None:
        """Lock whatever a change may touch, read the booking afresh, and give up the time of
        others' bookings that nobody approved before they began."""
        from bookings.models.making import lapse, lapsing, lock

        team = self.on_behalf_of
        payers = [team.payer_id] if team is not None and team.payer_id else []
        stale = [one for one in lapsing([(target.pk, start, end)], at) if one.pk != self.pk]
        lock(
            [self.customer_id, *payers, *(one.customer_id for one in stale)],
            {self.resource_id, target.pk}, bookings=[self, *stale],
        )  # fmt: skip
        self._again()
        for one in stale:
            lapse(one)

    def _change_problems(self, by, at, waive_fee: bool, wish) -> list[Problem]:
        from bookings.availability import acts_for_house

        if self.state_at(at) not in (self.State.TENTATIVE, self.State.CONFIRMED):
            return [Problem("not_standing", _("This booking does not stand any more."))]
        problems = self._whose_problems(by)
        if not acts_for_house(by, self.resource.location) and at >= self.start:
            same = wish.resource.pk == self.resource_id and utc(wish.start) == self.start
            if at >= self.end or not same:
                problems.append(
                    Problem("begun", _("This has begun: only its end can be changed."), "start")
                )
            elif utc(wish.end) < at.replace(second=0, microsecond=0):
                problems.append(Problem("in_the_past", _("This time has passed."), "end"))
        if (
            self._waits_again(wish.resource, utc(wish.start), utc(wish.end), by)
            and (at >= self.start or self.is_late(at))
            and (at >= self.start or self.given_up(*wish) < 1)
        ):
            text = _("It is too late to change what was approved: please ask the staff.")
            problems.append(Problem("approved_already", text, "start"))
        if waive_fee:
            problems += self._waiving_problems(by)
        return problems

    def _waits_again(self, target: "Resource", start, end, by) -> bool:
        """Whether the staff would have to approve a change of what they had confirmed."""
        from bookings.availability import acts_for_house

        if self.state != self.State.CONFIRMED or acts_for_house(by, target.location):
            return False
        return target.needs_approval and not self._lies_within(target, start, end)

    def _lies_within(self, target: "Resource", start, end) -> bool:
        """Whether another time is a part of the one that it has now."""
        return target.pk == self.resource_id and start >= self.start and end <= self.end

    def given_up(self, resource: "Resource", start: dt.datetime, end: dt.datetime) -> Fraction:
        """The share of its minutes that it would no longer have, on the resource it has now."""
        if resource.pk != self.resource_id:
            return Fraction(1)
        stays = max(0, minutes(max(self.start, utc(start)), min(self.end, utc(end))))
        return 1 - Fraction(stays, self.minutes)

    def _change(self, wish, *, by, at, waive_fee, attendees, note) -> "LateFee | None":
        from bookings.availability import Availability
        from bookings.models.booking import Before, LateFee
        from bookings.models.making import Unavailable
        from bookings.models.resources import Resource
        from bookings.standing import Standing

        target = Resource.objects.with_times().get(pk=wish.resource.pk)
        start, end = utc(wish.start), utc(wish.end)
        moves = (target.pk, start, end) != (self.resource_id, self.start, self.end)
        standing = Standing.of(self.customer, self.on_behalf_of)
        asked: dict[str, Any] = {
            "at": at, "standing": standing, "attendees": attendees, "by": by,
            "leaving_out": {self.pk},
        }  # fmt: skip
        availability = Availability.of([target], start, end)
        begun = self.start <= at and start == self.start and target.pk == self.resource_id
        if moves or attendees != self.attendees:
            problems = availability.problems(target, wish.start, wish.end, begun=begun, **asked)
            if problems:
                raise Unavailable(*problems, wish=wish._replace(resource=target), asked=asked)
        before = Before(self.resource_id, self.start, self.end, self.price, self.amount,
                        self.credit_used, self.credit_amount)  # fmt: skip
        old = {"resource": self.resource_id, "start": self.start, "end": self.end,
               "attendees": self.attendees, "note": self.note}  # fmt: skip
        fee = None
        if moves:
            fee = self._pay_for_moving(
                target, start, end, wish, asked, by=by, at=at, waive_fee=waive_fee
            )
        self.attendees, self.note = attendees, note
        self._save("resource", "start", "end", "blocked_from", "blocked_until", "attendees", "note",
                   "price", "discount", "billed_minutes", "credit_used", "credit_amount", "amount",
                   "explanation", "state", "free_cancellation_hours", "late_fee")  # fmt: skip
        new = {"resource": self.resource_id, "start": self.start, "end": self.end,
               "attendees": self.attendees, "note": self.note}  # fmt: skip
        changes: dict[str, list] = {
            name: [old[name], new[name]] for name in old if old[name] != new[name]
        }
        if before.price != self.price:
            changes["price"] = [before.price, self.price]
        if fee:
            changes["fee"] = [None, fee.amount]
        if changes:
            audit.record("booking.change", self, by=by, changes=changes)
            signals.booking_changed.send(
                sender=type(self), booking=self, by=by, before=before, fee=fee
            )
        return fee if isinstance(fee, LateFee) else None

    def _pay_for_moving(
        self, target, start, end, wish, asked, *, by, at, waive_fee
    ) -> "LateFee | None":
        """Give back, keep what was given up too late, and price the new time."""
        from bookings.availability import acts_for_house
        from bookings.models.booking import LateFee
        from bookings.models.ledger import give_back, spend
        from bookings.models.making import Unavailable, limit_problems, take_price
        from bookings.prices import Tariff
        from bookings.standing import Standing

        share = self.given_up(target, start, end)
        shorter = self._lies_within(target, start, end)
        kept = None if waive_fee else self.kept(at=at, share=share)
        cause = LateFee.Cause.SHORTENED if shorter else LateFee.Cause.MOVED
        fee = self._keep(kept, cause, by=by, at=at)
        give_back(
            self, by=by, on=self.on, minutes_kept=kept.credit_used if kept else 0,
            money_kept=kept.credit_amount if kept else ZERO,
        )  # fmt: skip
        same_price = (start, end) == (self.start, self.end) and (
            (target.type_id, target.location_id)
            == (self.resource.type_id, self.resource.location_id)
        )
        waits_again = self._waits_again(target, start, end, by)
        fixed = self.explanation if same_price else None
        self.resource = target
        self.start, self.end = start, end
        self.blocked_from = start
        self.take_terms(target)
        standing = Standing.of(self.customer, self.on_behalf_of)
        try:
            quote = Tariff.of([target]).quote(target, start, end, standing=standing, fixed=fixed)
        except Refused as refused:
            raise Unavailable(*refused.problems, wish=wish, asked=asked) from refused
        if not acts_for_house(by, target.location):
            refuse_if(limit_problems(self, standing, quote))
        take_price(self, quote)
        if waits_again:
            self.state = self.State.TENTATIVE
        spend(self, quote, by=by)
        return fee

    @transaction.atomic
    def restore(self, *, by, at: dt.datetime | None = None) -> None:
        """Take a cancellation back: the same time at the same price, if it is still free.

        What was kept for the cancellation is given back; credit is used anew. Raises `Unavailable`
        as `book` does, and `Refused` with `not_cancelled` or `staff_only`.
        """
        from bookings.availability import Availability
        from bookings.models.booking import LateFee
        from bookings.models.ledger import give_back, spend
        from bookings.models.making import Unavailable, Wish, take_price
        from bookings.models.resources import Resource
        from bookings.prices import Tariff
        from bookings.standing import Standing

        at = at or clock.now()
        self._make_room(self.resource, self.start, self.end, at)
        self._refuse_unless_staff(by)
        if self.state != self.State.CANCELLED:
            raise Refused(Problem("not_cancelled", _("This booking is not cancelled.")))
        target = Resource.objects.with_times().get(pk=self.resource_id)
        standing = Standing.of(self.customer, self.on_behalf_of)
        asked: dict[str, Any] = {
            "at": at, "standing": standing, "attendees": self.attendees, "by": by,
        }  # fmt: skip
        problems = Availability.of([target], self.start, self.end).problems(
            target, self.start, self.end, **asked
        )
        if problems:
            wish = Wish(target, self.start, self.end)
            raise Unavailable(*problems, wish=wish, asked=asked)
        for fee in self.late_fees.filter(withdrawn_at=None, cause=LateFee.Cause.CANCELLED):
            fee.withdrawn_at = at
            fee.save(update_fields=["withdrawn_at"])
            self.credit_used, self.credit_amount = fee.credit_used, fee.credit_amount
            give_back(self, by=by, on=self.on)
        standing = Standing.of(self.customer, self.on_behalf_of)
        quote = Tariff.of([target]).quote(
            target, self.start, self.end, standing=standing, fixed=self.explanation
        )
        take_price(self, quote)
        self.state = self.State.CONFIRMED
        self.blocked_until = self.end + target.preparation
        self._save("state", "blocked_until", "price", "discount", "billed_minutes", "credit_used",
                   "credit_amount", "amount", "explanation")  # fmt: skip
        spend(self, quote, by=by)
        changes: dict[str, list] = {"state": [self.State.CANCELLED, self.state]}
        audit.record("booking.restore", self, by=by, changes=changes)
        signals.booking_restored.send(sender=type(self), booking=self, by=by)
