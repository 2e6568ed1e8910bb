"""A booking as its customer reads it: how it stands, how it came about, and what can be done."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from bookings.models import Booking, LateFee, State
from customers.models import Customer, User
from kit import words
from kit.templatetags.house import money
from portal.agreements import Offer


class Happened(NamedTuple):
    """Something in the life of a booking."""

    at: dt.datetime
    icon: str
    words: str
    note: str = ""


@dataclass
class Booked:
    """One booking at a moment, for the person who asks."""

    booking: Booking
    at: dt.datetime
    user: User
    customer: Customer

    @cached_property
    def state(self) -> str:
        return self.booking.state_at(self.at)

    @property
    def is_own(self) -> bool:
        return self.booking.customer_id == self.customer.pk

    @property
    def stands(self) -> bool:
        return self.state in (State.TENTATIVE, State.CONFIRMED, State.NO_SHOW)

    @property
    def is_ahead(self) -> bool:
        return self.state in (State.TENTATIVE, State.CONFIRMED) and self.booking.start > self.at

    @property
    def is_running(self) -> bool:
        return self.state == State.CONFIRMED and self.booking.start <= self.at < self.booking.end

    @property
    def is_free_still(self) -> bool:
        """Whether giving it up costs nothing by now."""
        return not self.booking.is_late(self.at)

    @cached_property
    def kept(self) -> Any:
        """What giving it up now would keep; None while that is free."""
        return self.booking.kept(at=self.at)

    @cached_property
    def fees(self) -> list[LateFee]:
        return [one for one in self.booking.late_fees.all() if one.withdrawn_at is None]

    # How it came about

    @cached_property
    def history(self) -> list[Happened]:
        """What happened to it, the last thing first."""
        return sorted(self._happened(), key=lambda one: one.at, reverse=True)

    def _happened(self) -> Iterator[Happened]:
        booking = self.booking
        made = _("Booked by %s") % self._who(booking.by)
        if booking.series is not None:
            made = _("Booked by %s, as one of several dates") % self._who(booking.by)
        yield Happened(booking.booked_at, "calendar-plus", made)
        if booking.approved_at:
            approved = _("Approved by %s") % self._who(booking.approved_by)
            yield Happened(booking.approved_at, "badge-check", approved)
        for fee in self.fees:
            yield Happened(fee.at, "hand-coins", self._of_fee(fee))
        if booking.cancelled_at:
            cancelled = _("Cancelled by %s") % self._who(booking.cancelled_by)
            yield Happened(booking.cancelled_at, "calendar-x", cancelled, self._reason())
        if self.state == State.LAPSED:
            yield Happened(booking.start, "clock", _("It was not approved before it began"))
        if self.state == State.NO_SHOW:
            yield Happened(booking.start, "clock", _("Nobody came: it is paid in full"))

    def _reason(self) -> str:
        """Why it was cancelled; what the house writes is between it and who used the resource."""
        written_oneself = self.booking.cancelled_by_id == self.user.pk
        return self.booking.reason if self.is_own or written_oneself else ""

    def _of_fee(self, fee: LateFee) -> str:
        kept = []
        if fee.amount:
            kept.append(money(fee.amount, self.booking.currency))
        if fee.credit_used:
            kept.append(_("%s of credit") % words.length(fee.credit_used))
        if fee.credit_amount:
            amount = money(fee.credit_amount, self.booking.currency)
            kept.append(_("%s of credit") % amount)
        parts = {"what": fee.get_cause_display(), "kept": _(" and ").join(kept)}
        return _("%(what)s: %(kept)s were kept") % parts

    def _who(self, user: Any) -> str:
        if user is None:
            return _("the house")
        if user.pk == self.user.pk:
            return _("you")
        if user.is_staff:
            return _("the staff")
        return user.get_full_name() or (
            self.booking.customer.name
            if user.pk == self.booking.customer.user_id
            else _("an admin of the team")
        )

    # What can be done

    @cached_property
    def offers(self) -> list[Offer]:
        found = []
        if self.is_ahead or self.is_running:
            note = _("Another time, another room, more people.")
            if self.is_running:
                note = _("It runs: its end can be moved.")
            label = _("Change")
            found.append(Offer("change", label, "calendar-clock", note, self._address("change")))
        if self.is_ahead:
            found.append(
                Offer("cancel", _("Cancel"), "calendar-x", self._cancel_note(),
                      self._address("cancellation"), danger=True)
            )  # fmt: skip
        return found

    def _cancel_note(self) -> str:
        if self.kept is None:
            return _("It costs nothing.") if self.booking.amount else _("The time is free again.")
        if self.kept.amount:
            amount = money(self.kept.amount, self.booking.currency)
            return _("Late: %s are kept.") % amount
        return _("Late: a part of the credit is kept.")

    def _address(self, route: str) -> str:
        return reverse(f"portal:booking_{route}", args=[self.booking.pk])
