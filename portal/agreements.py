"""A contract as its customer reads it: how it stands, what it costs next, and what can be done.

Nothing is decided here: dates, money and verbs are the contract's own.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from customers.models import User
from kit import words
from plans.cycles import DAY, Cycle, frozen_days
from plans.models import Cancellation, Contract, Freeze, PlanChange
from plans.models.states import State

AHEAD = 25
SHOWN = 4


@dataclass(frozen=True)
class Offer:
    """Something that can be done to a contract, or why it cannot (then `url` is empty)."""

    verb: str
    label: str | Promise
    icon: str
    note: str | Promise
    url: str = ""
    danger: bool = False
    as_dialog: bool = False


@dataclass
class Agreement:
    """One contract on a day, for the person who asks."""

    contract: Contract
    on: dt.date
    user: User

    @cached_property
    def state(self) -> str:
        return self.contract.state_on(self.on)

    @cached_property
    def by_own_terms(self) -> bool:
        """Whether this person decides as a customer, and not as staff who serve customers."""
        return self.contract.is_own_login(self.user)

    @property
    def is_over(self) -> bool:
        return self.state in (State.ENDED, State.CALLED_OFF)

    # What it costs

    @cached_property
    def next_fee(self) -> Cycle | None:
        """The first fee that falls due today or later and is not nothing."""
        ahead = self.contract.coming_cycles(AHEAD, on=self.on - DAY)
        return next((one for one in ahead if one.due_on >= self.on and one.fee), None)

    @property
    def price(self) -> Decimal:
        """The price per cycle and piece: today's, or that of the first day to come."""
        return self.contract.price_on(max(self.on, self.contract.starts_on))

    @property
    def coming(self) -> list[Cycle]:
        """The next cycles whose fees fall due today or later."""
        ahead = self.contract.coming_cycles(SHOWN + 1, on=self.on - DAY)
        return [one for one in ahead if one.due_on >= self.on][:SHOWN]

    # What was decided

    @cached_property
    def freezes(self) -> list[Freeze]:
        return [one for one in self.contract.freezes.all() if one.withdrawn_at is None]

    @property
    def freezes_ahead(self) -> list[Freeze]:
        return [one for one in self.freezes if one.until is None or one.until >= self.on]

    @property
    def freeze(self) -> Freeze | None:
        """The freeze that runs today."""
        return next((one for one in self.freezes_ahead if one.from_on <= self.on), None)

    @cached_property
    def cancellation(self) -> Cancellation | None:
        found = [one for one in self.contract.cancellations.all() if one.withdrawn_at is None]
        return found[-1] if found else None

    @cached_property
    def change(self) -> PlanChange | None:
        """The change to another plan that stands."""
        changes = self.contract.plan_changes.all()
        return next((one for one in changes if one.withdrawn_at is None), None)

    @cached_property
    def origin(self) -> PlanChange | None:
        """The change that made this contract, if it stands."""
        origin = getattr(self.contract, "changed_from", None)
        return origin if origin is not None and origin.withdrawn_at is None else None

    # When it can end, and why then

    @property
    def notice_ends_on(self) -> dt.date:
        return self.on + dt.timedelta(days=self.contract.notice_days)

    @property
    def minimum_last_day(self) -> dt.date | None:
        """The last day of the minimum term while it lies ahead."""
        least = self.contract.minimum_last_day
        return least if least is not None and least >= self.on else None

    @property
    def earliest(self) -> dt.date:
        return self.contract.earliest_last_day(on=self.on)

    # Freezing

    @property
    def frozen_days(self) -> int:
        """How many days of this year are frozen, past and to come."""
        first = max(dt.date(self.on.year, 1, 1), self.contract.starts_on)
        stop = dt.date(self.on.year + 1, 1, 1)
        if self.contract.ends_on is not None:
            stop = min(stop, self.contract.ends_on + DAY)
        return frozen_days((one.days for one in self.freezes), first, stop)

    @property
    def freeze_days_left(self) -> int:
        return max(0, self.contract.freeze_days_a_year - self.frozen_days)

    # What can be done

    @cached_property
    def offers(self) -> list[Offer]:
        """What can be done, and what only staff can do, in the order of a page."""
        verbs = set(self.contract.deeds(on=self.on))
        if self.state == State.SCHEDULED:
            verbs.discard("cancel")  # it is called off, or the change to it is withdrawn
        found = [make(self) for verb, make in _OFFERS.items() if verb in verbs]
        return [offer for offer in found if offer is not None]

    @property
    def possible(self) -> list[Offer]:
        return [offer for offer in self.offers if offer.url]

    @property
    def impossible(self) -> list[Offer]:
        return [offer for offer in self.offers if not offer.url]

    def address(self, route: str) -> str:
        return reverse(f"portal:contract_{route}", args=[self.contract.pk])


def explained(contract: Contract, cycle: Cycle) -> str:
    """Why a cycle is not paid in full: "11 of 30 days, as it begins on 20 November 2026"."""
    if cycle.days == cycle.of_days:
        return ""
    parts: dict[str, object] = {"days": cycle.days, "of_days": cycle.of_days}
    frozen = frozen_days(
        (one.days for one in contract.freezes.all() if one.withdrawn_at is None),
        cycle.start, cycle.end,
    )  # fmt: skip
    reasons = []
    if cycle.start == contract.starts_on and contract.prorate_first and not frozen:
        reasons.append(_("it starts on %s") % words.day(cycle.start))
    if cycle.last_day == contract.ends_on and contract.prorate_last and not frozen:
        reasons.append(_("it ends on %s") % words.day(cycle.last_day))
    if frozen:
        frozen_words = ngettext("%d day is frozen", "%d days are frozen", frozen) % frozen
        reasons.append(frozen_words)
    if not reasons:
        return _("%(days)d of %(of_days)d days") % parts
    parts["why"] = _(" and ").join(reasons)
    return _("%(days)d of %(of_days)d days, because %(why)s") % parts


def _change_plan(it: Agreement) -> Offer:
    label, icon = _l("Change plan"), "repeat"
    if not it.contract.self_cancel:
        return Offer("change_plan", label, icon, _("Ask the staff to change this plan for you."))
    note = _("Move to another plan, from a day you choose.")
    if it.minimum_last_day:
        note = _("Once your minimum term has passed, after %s.") % words.day(it.minimum_last_day)
    return Offer("change_plan", label, icon, note, it.address("plan_change"))


def _withdraw_change(it: Agreement) -> Offer | None:
    change = it.change or it.origin
    label, icon = _l("Keep your plan after all"), "undo-2"
    if change is None:
        return None
    if change.by_id != it.user.pk and it.by_own_terms:
        note = _("The staff arranged this change of plan: ask them to take it back.")
        return Offer("withdraw_change", label, icon, note)
    note = _("Take back the change to %(plan)s on %(day)s.") % {
        "plan": change.new.plan.name, "day": words.day(change.new.starts_on),
    }  # fmt: skip
    address = it.address("plan_change_withdrawal")
    return Offer("withdraw_change", label, icon, note, address, as_dialog=True)


def _freeze(it: Agreement) -> Offer:
    label, icon, most = _l("Freeze for a while"), "snowflake", it.contract.freeze_days_a_year
    if not most:
        return Offer("freeze", label, icon, _("Ask the staff: this plan has no days to freeze."))
    note = _("Frozen days cost nothing. %(left)d of %(most)d days are left in %(year)d.") % {
        "left": it.freeze_days_left, "most": most, "year": it.on.year,
    }  # fmt: skip
    return Offer("freeze", label, icon, note, it.address("freeze"))


def _resume(it: Agreement) -> Offer | None:
    ahead = it.freezes_ahead
    label, icon = _l("End the freeze early"), "circle-play"
    own = [one for one in ahead if one.frozen_by_id == it.user.pk or not it.by_own_terms]
    if not own:
        note = _("The staff froze this contract: ask them to end it.")
        return Offer("resume", label, icon, note)
    note = _("Come back before %s.") % words.day(own[0].until + DAY if own[0].until else it.on)
    return Offer("resume", label, icon, note, it.address("resumption"), as_dialog=True)


def _cancel(it: Agreement) -> Offer | None:
    label, icon = _l("Cancel"), "calendar-x"
    if it.contract.ends_on is not None:
        if it.earliest >= it.contract.ends_on:
            return None  # it cannot end any earlier
        label = _l("Leave earlier")
    if not it.contract.self_cancel:
        return Offer("cancel", label, icon, _("Ask the staff to cancel this contract for you."))
    note = _("Your last day can be %s at the earliest.") % words.day(it.earliest)
    return Offer("cancel", label, icon, note, it.address("cancellation"), danger=True)


def _withdraw_cancellation(it: Agreement) -> Offer | None:
    label, icon = _l("Stay after all"), "undo-2"
    if it.cancellation is None:
        return None
    if it.cancellation.by_id != it.user.pk and it.by_own_terms:
        note = _("The staff cancelled this contract: ask them to take it back.")
        return Offer("withdraw_cancellation", label, icon, note)
    note = _("Take your cancellation back.")
    address = it.address("cancellation_withdrawal")
    return Offer("withdraw_cancellation", label, icon, note, address, as_dialog=True)


def _call_off(it: Agreement) -> Offer:
    label, icon = _l("Call it off"), "file-x"
    if not it.contract.self_cancel:
        return Offer("call_off", label, icon, _("Ask the staff to call this contract off."))
    note = _("It has not started yet: take it back and pay nothing for it.")
    address = it.address("calling_off")
    return Offer("call_off", label, icon, note, address, danger=True, as_dialog=True)


_OFFERS = {
    "withdraw_cancellation": _withdraw_cancellation,
    "withdraw_change": _withdraw_change,
    "resume": _resume,
    "change_plan": _change_plan,
    "freeze": _freeze,
    "cancel": _cancel,
    "call_off": _call_off,
}
