import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models import Customer, Team
from customers.models.timeline import TimelineEntry, tell
from kit import audit, clock, locks, money, words
from kit.fields import Line, Text
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans.cycles import DAY, Cycle, Rhythm, Terms, cycles, merged
from plans.models.decisions import CallOff, Cancellation, PlanChange
from plans.models.freezes import Freeze
from plans.models.plans import Plan, _valid_price, price_in_force
from plans.models.terms import SignedTerms
from spaces.models import Location, Todays

EARLIEST, LATEST = dt.date(1980, 1, 1), dt.date(2199, 12, 31)


class State(models.TextChoices):
    """What a contract is on a day: the first of these that holds."""

    CALLED_OFF = "called_off", gettext_lazy("Called off")
    SCHEDULED = "scheduled", gettext_lazy("Scheduled")
    ENDED = "ended", gettext_lazy("Ended")
    FROZEN = "frozen", gettext_lazy("Frozen")
    ENDING = "ending", gettext_lazy("Ending")
    ACTIVE = "active", gettext_lazy("Active")


def _called_off() -> Exists:
    return Exists(CallOff.objects.filter(contract=OuterRef("pk"), withdrawn_at=None))


def _frozen(on) -> Exists:
    return Exists(Freeze.objects.covering(on).filter(contract=OuterRef("pk")))


def _state(on) -> Case:
    """The state on a date as an expression; see also `Contract.state_on`."""
    return Case(
        When(_called_off(), then=Value(State.CALLED_OFF.value)),
        When(starts_on__gt=on, then=Value(State.SCHEDULED.value)),
        When(ends_on__lt=on, then=Value(State.ENDED.value)),
        When(_frozen(on), then=Value(State.FROZEN.value)),
        When(ends_on__isnull=False, then=Value(State.ENDING.value)),
        default=Value(State.ACTIVE.value),
    )


class DatedPrice(NamedTuple):
    """A price per cycle and piece from a day on; `source` is "plan", "override" or "step"."""

    from_on: dt.date
    price: Decimal
    source: str


class ContractQuerySet(models.QuerySet):
    """`on` is a local date, or an expression that gives one."""

    def standing(self) -> "ContractQuerySet":
        """Contracts that were not called off."""
        return self.filter(~_called_off())

    def begun(self, *, on) -> "ContractQuerySet":
        """Standing contracts whose days include this one, frozen or not."""
        return self.standing().filter(Q(ends_on=None) | Q(ends_on__gte=on), starts_on__lte=on)

    def in_force(self, *, on) -> "ContractQuerySet":
        """Active or ending: what makes a member. See also `Contract.in_force_on`."""
        return self.begun(on=on).filter(~_frozen(on))

    def frozen(self, *, on) -> "ContractQuerySet":
        return self.begun(on=on).filter(_frozen(on))

    def ending(self, *, on) -> "ContractQuerySet":
        """In force, with a last day set."""
        return self.in_force(on=on).exclude(ends_on=None)

    def active(self, *, on) -> "ContractQuerySet":
        return self.in_force(on=on).filter(ends_on=None)

    def scheduled(self, *, on) -> "ContractQuerySet":
        return self.standing().filter(starts_on__gt=on)

    def ended(self, *, on) -> "ContractQuerySet":
        return self.standing().filter(ends_on__lt=on)

    def called_off(self, *, on=None) -> "ContractQuerySet":
        return self.filter(_called_off())

    def running_or_scheduled(self, *, on) -> "ContractQuerySet":
        """Standing contracts whose last day has not passed."""
        return self.standing().filter(Q(ends_on=None) | Q(ends_on__gte=on))

    def overlapping(self, starts_on: dt.date, ends_on: dt.date | None) -> "ContractQuerySet":
        """Standing contracts with a day in common with a period (last day included)."""
        found = self.standing().filter(Q(ends_on=None) | Q(ends_on__gte=starts_on))
        return found if ends_on is None else found.filter(starts_on__lte=ends_on)

    def in_state(self, state: str, *, on) -> "ContractQuerySet":
        return getattr(self, state)(on=on)

    def with_state(self, *, on) -> "ContractQuerySet":
        """Each with `state_then`; see also `Contract.state_on`."""
        if isinstance(on, Todays):
            on = on.each(_state, output_field=models.CharField())
            return self.annotate(state_then=on)
        return self.annotate(state_then=_state(on))

    def today(self, word: str, todays: Todays | dt.date) -> "ContractQuerySet":
        """A word of these as of each contract's own today, or as of one date:
        `today("in_force", todays)`."""
        if isinstance(todays, dt.date):
            return getattr(self, word)(on=todays)
        if not todays.others:
            return getattr(self, word)(on=todays.most)
        return self.filter(
            Q.create(
                [
                    Q(
                        location__in=keys,
                        pk__in=getattr(Contract.objects, word)(on=day).values("pk"),
                    )
                    for day, keys in todays.items()
                ],
                connector=Q.OR,
            )
        )

    def cancelled(self) -> "ContractQuerySet":
        """Contracts with a cancellation that stands, whether its last day has come or not."""
        standing = Cancellation.objects.filter(contract=OuterRef("pk"), withdrawn_at=None)
        return self.filter(Exists(standing))

    def with_history(self) -> "ContractQuerySet":
        """With freezes and callings off at hand, so that any date can be asked in Python."""
        return self.prefetch_related("freezes", "call_offs")

    def visible_to(self, user) -> "ContractQuerySet":
        """Every contract for staff, those of the login's own customers for the others."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))


class Contract(SignedTerms):
    """The agreement of one customer on one plan, with the terms of the day it was signed.

    `starts_on` is the first day, `ends_on` the last one, included (None: open). `price` is an
    override of the plan's (None: the plan's); prices are per cycle and piece. `bill_missed`
    says whether cycles due before `signed_on` are charged or waived; `quiet` contracts came by
    import and cause no e-mail.
    """

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="contracts")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="contracts")
    location = models.ForeignKey(Location, models.PROTECT, related_name="contracts")
    starts_on = models.DateField(gettext_lazy("first day"))
    ends_on = models.DateField(gettext_lazy("last day"), null=True, blank=True)
    price = money.MoneyField(gettext_lazy("own price"), null=True, blank=True)
    quantity = models.PositiveIntegerField(
        gettext_lazy("quantity"), default=1, validators=[MinValueValidator(1)]
    )
    discount = money.RateField(gettext_lazy("discount in percent"), default=Decimal(0))
    on_behalf_of = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="contracts"
    )
    purchase_order = Line(gettext_lazy("purchase order"), max_length=100, blank=True)
    notes = Text(gettext_lazy("notes"), max_length=5000, blank=True)
    signed_on = models.DateField()
    signed_by = models.ForeignKey(
        "customers.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    bill_missed = models.BooleanField(default=False)
    quiet = models.BooleanField(default=False)

    objects = ContractQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_on", "-id"]
        indexes = [
            models.Index(fields=["customer", "starts_on", "ends_on"], name="contract_of_customer"),
            models.Index(fields=["plan", "starts_on", "ends_on"], name="contract_of_plan"),
            models.Index(fields=["starts_on", "id"], name="contract_by_start"),
            models.Index(fields=["ends_on", "id"], name="contract_by_end"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")),
                name="contract_ends_after_it_starts",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="contract_quantity"),
            models.CheckConstraint(
                condition=Q(discount__gte=0, discount__lte=100), name="contract_discount"
            ),
            models.CheckConstraint(
                condition=Q(price=None) | Q(price__gte=0), name="contract_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(cycle_length__gte=1, cycle_length__lte=24), name="contract_cycle_length"
            ),
        ]

    def __str__(self):
        return self.plan.name

    # What it is on a day

    @property
    def is_called_off(self) -> bool:
        return any(row.withdrawn_at is None for row in self.call_offs.all())

    def frozen_on(self, on: dt.date) -> bool:
        return any(
            freeze.from_on <= on and (freeze.until is None or freeze.until >= on)
            for freeze in self.freezes.all()
            if freeze.withdrawn_at is None
        )

    def state_on(self, on: dt.date) -> str:
        """The state on a local date, past or future; see `State` for the order."""
        if self.is_called_off:
            return State.CALLED_OFF
        if on < self.starts_on:
            return State.SCHEDULED
        if self.ends_on is not None and on > self.ends_on:
            return State.ENDED
        if self.frozen_on(on):
            return State.FROZEN
        return State.ACTIVE if self.ends_on is None else State.ENDING

    def in_force_on(self, on: dt.date) -> bool:
        """Whether it makes a member that day; see also `ContractQuerySet.in_force`."""
        return self.state_on(on) in (State.ACTIVE, State.ENDING)

    def turning_days(self) -> set[dt.date]:
        """The days on which it may begin or cease to count: see `Customer.turns`."""
        days = {self.starts_on}
        if self.ends_on is not None:
            days.add(self.ends_on + DAY)
        for freeze in self.freezes.all():
            if freeze.withdrawn_at is None:
                days.add(freeze.from_on)
                if freeze.until is not None:
                    days.add(freeze.until + DAY)
        return days

    @property
    def state(self) -> str:
        """The state today, at the contract's location; in a list from its annotation."""
        return getattr(self, "state_then", None) or self.state_on(self.location.today())

    # What it costs

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.cycle_unit, self.cycle_length, self.starts_on, self.billing_day)

    def price_on(self, on: dt.date) -> Decimal:
        """Price per cycle and piece in force on a day: price step, else override, else plan."""
        return self._price_reader()(on)

    def _price_reader(self):
        steps = [(step.from_on, step.price) for step in self.price_steps.all()]
        of_plan = self.plan.dated_prices if self.price is None else []

        def price_on(on: dt.date) -> Decimal:
            step = price_in_force(steps, on)
            if step is not None:
                return step
            if self.price is not None:
                return self.price
            return price_in_force(of_plan, on) or money.ZERO

        return price_on

    def price_history(self) -> list[DatedPrice]:
        """The prices of its days, past and to come, each from its first day on."""
        steps = [step.from_on for step in self.price_steps.all()]
        days = {self.starts_on, *steps, *(day for day, _price in self.plan.dated_prices if day)}
        history: list[DatedPrice] = []
        for day in sorted(days):
            if day < self.starts_on or (self.ends_on is not None and day > self.ends_on):
                continue
            source = "plan" if self.price is None else "override"
            if any(from_on <= day for from_on in steps):
                source = "step"
            dated = DatedPrice(day, self.price_on(day), source)
            if not history or history[-1][1:] != dated[1:]:
                history.append(dated)
        return history

    def cycles(self, until: dt.date) -> list[Cycle]:
        """The billing cycles that start before `until`; none for a contract called off.

        Fees are in the location's currency, before discount, credit and tax.
        """
        return list(self._cycles(until))

    def _cycles(self, until: dt.date) -> Iterator[Cycle]:
        if self.is_called_off:
            return iter(())
        return cycles(
            Terms(
                rhythm=self.rhythm,
                starts_on=self.starts_on,
                ends_on=self.ends_on,
                fee_due=self.fee_due,
                prorate_first=self.prorate_first,
                prorate_last=self.prorate_last,
                quantity=self.quantity,
                price_on=self._price_reader(),
                freezes=tuple(f.days for f in self.freezes.all() if f.withdrawn_at is None),
                currency=self.location.currency,
            ),
            until=until,
        )

    def first_cycles(self, count: int) -> list[Cycle]:
        """Its first billing cycles, at most `count`."""
        return list(islice(self._cycles(LATEST), count))

    def coming_cycles(self, count: int, *, on: dt.date) -> list[Cycle]:
        """The cycle that runs on a day and the next ones, at most `count` in all."""
        return list(islice((cycle for cycle in self._cycles(LATEST) if cycle.end > on), count))

    def missed_cycles(self) -> list[Cycle]:
        """Cycles that fell due before the contract was signed; see `bill_missed`."""
        return [cycle for cycle in self.cycles(self.signed_on) if cycle.due_on < self.signed_on]

    @property
    def best_discount(self) -> Decimal:
        """The discount in percent that applies: the larger of its own and its team's."""
        of_team = self.on_behalf_of.discount if self.on_behalf_of else Decimal(0)
        return max(Decimal(self.discount), of_team)

    def discounted(self, cycle: Cycle) -> Decimal:
        """What a cycle costs less the discount, before tax: rounded once."""
        share = 1 - Fraction(self.best_discount) / 100
        return money.round_to(cycle.exact_fee * share, self.location.currency)

    @property
    def minimum_last_day(self) -> dt.date | None:
        """The last day of the minimum term; None without one. Freezes do not lengthen it."""
        return self.rhythm.minimum_last_day(self.minimum_cycles)

    def earliest_last_day(self, *, on: dt.date) -> dt.date:
        """The earliest last day by the terms: today plus notice, not before the minimum term."""
        by_notice = max(on + dt.timedelta(days=self.notice_days), self.starts_on)
        return max(by_notice, self.minimum_last_day or by_notice)

    # What can be done to it

    def deeds(self, *, on: dt.date) -> list[str]:
        """The verbs that its state allows on a day; each still says no for reasons of its own."""
        state = self.state_on(on)
        leaving = any(change.withdrawn_at is None for change in self.plan_changes.all())
        origin = getattr(self, "changed_from", None)
        coming = origin is not None and origin.withdrawn_at is None and on < self.starts_on
        if state in (State.ENDED, State.CALLED_OFF):
            return []
        frozen_ahead = any(
            freeze.withdrawn_at is None and (freeze.until is None or freeze.until >= on)
            for freeze in self.freezes.all()
        )
        frozen_for_good = any(
            freeze.withdrawn_at is None and freeze.until is None for freeze in self.freezes.all()
        )
        cancelled = any(one.withdrawn_at is None for one in self.cancellations.all())
        allowed = {
            "change_plan": not leaving and not coming and not frozen_for_good,
            "withdraw_change": leaving or coming,
            "freeze": state != State.FROZEN,
            "resume": frozen_ahead,
            "add_price_step": True,
            "withdraw_cancellation": cancelled and not leaving,
            "cancel": not leaving,
            "call_off": state == State.SCHEDULED and not leaving and not coming,
        }
        return [verb for verb, is_allowed in allowed.items() if is_allowed]

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
        cancellation = Cancellation(
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
        self._announce(by)
        return cancellation

    def cancel_problems(self, *, last_day: dt.date, by, on: dt.date) -> list[Problem]:
        """What stands against this last day."""
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [_over(state)]
        if self._standing_change():
            return [_PLAN_CHANGES]
        problems = []
        if last_day < self.starts_on:
            text = _("The last day cannot lie before the first one.")
            if state == State.SCHEDULED:
                text = _("The last day lies before the first one: call the contract off instead.")
            problems.append(Problem("before_start", text, "last_day"))
        elif last_day > LATEST:
            problems.append(_far_away("last_day"))
        elif self.ends_on is not None and last_day > self.ends_on:
            problems += _full(self.plan, self.ends_on + DAY, last_day, [self.pk])
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
            if not self.self_cancel and not by.is_staff:
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
            raise Refused(_over(state))
        if self._standing_change():
            raise Refused(_PLAN_CHANGES)
        cancellation = self.standing_cancellation
        if cancellation is None:
            raise Refused(Problem("not_cancelled", _("This contract is not cancelled.")))
        if self._is_own_login(by) and cancellation.by_id != by.pk:
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
            refuse_if(_full(self.plan, last_day + DAY, earlier, [self.pk]))
        cancellation.withdraw(by=by)
        self._set_last_day(cancellation.earlier_last_day)
        self._tell(TimelineEntry.Kind.CANCELLATION_WITHDRAWN, on, by, str(self))
        audit.record(
            "contract.withdraw_cancellation", self, by=by,
            changes={"ends_on": [last_day, self.ends_on]},
        )  # fmt: skip
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
        if self._is_own_login(by) and not self.self_cancel:
            raise Refused(
                Problem("self_cancel_off", _("Please ask the staff to cancel this contract."))
            )
        if self.state_on(on) == State.CALLED_OFF:
            raise Refused(_over(State.CALLED_OFF))
        if on >= self.starts_on:
            raise Refused(
                Problem("started", _("This contract has started: set its last day instead."))
            )
        if self._standing_change() or self._standing_origin():
            raise Refused(_PLAN_CHANGES)
        row = self._call_off(on, by, reason)
        self._announce(by)
        return row

    def _call_off(self, on: dt.date, by, reason: str) -> CallOff:
        row = CallOff(contract=self, earlier_last_day=self.ends_on, by=by, reason=reason.strip())
        check_fields(row, leaving_out=("contract", "by"))
        with in_words():
            row.save()
        self._forget()
        self._tell(TimelineEntry.Kind.CALLED_OFF, on, by, str(self))
        audit.record("contract.call_off", self, by=by)
        return row

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
        new = sign_up(
            to,
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
            self.prorate_last = True
            self._set_last_day(starts_on - DAY, "prorate_last")
        text = _("%(old)s to %(new)s from %(day)s") % {
            "old": self, "new": new, "day": words.day(starts_on),
        }  # fmt: skip
        self._tell(TimelineEntry.Kind.CHANGED_PLAN, on, by, text)
        audit.record(
            "contract.change_plan", self, by=by,
            changes={"plan": [self.plan_id, to.pk],
                     "ends_on": [change.earlier_last_day, self.ends_on],
                     **_acceptance(accepted_terms)},
        )  # fmt: skip
        self._announce(by)
        return new

    def _change_problems(self, to: Plan, starts_on: dt.date, by, on: dt.date) -> list[Problem]:
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [_over(state)]
        if self._standing_change() or (state == State.SCHEDULED and self._standing_origin()):
            return [_PLAN_CHANGES]
        problems = []
        if self._is_own_login(by) and not self.self_cancel:
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
        if self._is_own_login(by) and change.by_id != by.pk:
            raise Refused(
                Problem("staff_changed", _("Please ask the staff, who changed this contract."))
            )
        given_up = old.starts_on if old.is_called_off else new.starts_on
        if change.earlier_last_day is None or change.earlier_last_day >= given_up:
            refuse_if(_full(old.plan, given_up, change.earlier_last_day, [old.pk]))
        old.customer = new.customer = self.customer
        change.withdraw(by=by)
        new._call_off(on, by, _("Change withdrawn"))
        call_off = old.call_offs.filter(withdrawn_at=None).first()
        if call_off:
            call_off.withdraw(by=by)
            old._forget()
        else:
            old.prorate_last = change.earlier_prorate_last
            old._set_last_day(change.earlier_last_day, "prorate_last")
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
            PlanChange.objects.filter(new=self, withdrawn_at=None)
            .select_related("contract")
            .first()
        )

    @transaction.atomic
    def freeze(
        self, *, from_on: dt.date, by, until: dt.date | None = None, on: dt.date | None = None
    ) -> Freeze:
        """Freeze from a first to a last day (`until`, included; None: until resumed).

        Staff freeze any days. Customers freeze from today on, with a last day, within the
        days a year of their terms. Raises `Refused` with `called_off`, `ended`,
        `ends_before_start`, `before_start`, `after_end`, `freezes_overlap`, `from_past`,
        `last_day_missing` or `freeze_days_used`.
        """
        on = self._begin(on)
        refuse_if(self.freeze_problems(from_on=from_on, until=until, by=by, on=on))
        with in_words():
            freeze = self.freezes.create(from_on=from_on, until=until, frozen_by=by)
        self._forget()
        text = _("%(plan)s, %(first)s to %(last)s") % {
            "plan": self,
            "first": words.day(from_on),
            "last": words.day(until) if until else "…",
        }
        self._tell(TimelineEntry.Kind.FROZE, on, by, text)
        audit.record(
            "contract.freeze", self, by=by,
            changes={"from_on": [None, from_on], "until": [None, until]},
        )  # fmt: skip
        self._announce(by)
        return freeze

    def freeze_problems(
        self, *, from_on: dt.date, until: dt.date | None, by, on: dt.date
    ) -> list[Problem]:
        """What stands against freezing these days."""
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [_over(state)]
        problems = []
        if until is not None and until < from_on:
            problems.append(_backwards("until"))
        if not EARLIEST <= from_on <= LATEST or (until and until > LATEST):
            problems.append(_far_away("from_on"))
        if self.ends_on is not None and from_on > self.ends_on:
            problems.append(Problem("after_end", _("The contract has ended by then."), "from_on"))
        if until is not None and until < self.starts_on:
            problems.append(Problem("before_start", _("The contract starts later."), "until"))
        last = until or dt.date.max
        if any(f.from_on <= last and (f.until or dt.date.max) >= from_on
               for f in self.freezes.standing()):  # fmt: skip
            problems.append(
                Problem(
                    "freezes_overlap",
                    _("The contract is frozen on some of these days already."),
                    "from_on",
                )
            )
        if not problems and self._is_own_login(by):
            problems += self._self_freeze_problems(from_on, until, on)
        return problems

    def _self_freeze_problems(self, from_on, until, on) -> list[Problem]:
        if from_on < on:
            return [Problem("from_past", _("Choose today or a later day."), "from_on")]
        if until is None:
            return [Problem("last_day_missing", _("Choose the last frozen day."), "until")]
        for year in range(from_on.year, until.year + 1):
            first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
            raw = [freeze.days for freeze in self.freezes.standing()] + [(from_on, until)]
            spans = merged(raw, self.starts_on, self.ends_on)
            used = sum(
                (min(stop or last, last) - max(start, first)).days + 1
                for start, stop in spans
                if start <= last and (stop or last) >= first
            )
            if used > self.freeze_days_a_year:
                return [
                    Problem(
                        "freeze_days_used",
                        _("Your plan can be frozen on %(days)d days a year; this makes %(used)d in "
                          "%(year)d.")
                        % {"days": self.freeze_days_a_year, "used": used, "year": year},
                        "until",
                    )
                ]  # fmt: skip
        return []

    @transaction.atomic
    def resume(self, *, on: dt.date, by, today: dt.date | None = None) -> Freeze:
        """End a freeze: `on` is the first day that is billed again.

        On the freeze's own first day the freeze is taken back. Customers end what they froze
        themselves, today or later. Raises `Refused` with `called_off`, `ended`, `not_frozen`,
        `staff_froze` or `from_past`.
        """
        today = self._begin(today)
        state = self.state_on(today)
        if state in (State.CALLED_OFF, State.ENDED):
            raise Refused(_over(state))
        freeze = self.freezes.covering(on).first()
        if freeze is None:
            raise Refused(Problem("not_frozen", _("The contract is not frozen on that day."), "on"))
        if self._is_own_login(by):
            refuse_if(_self_resume_problems(freeze, on, by=by, today=today))
        before = freeze.until
        freeze.resumed_by = by
        if on == freeze.from_on:
            freeze.withdrawn_at = clock.now()
        else:
            freeze.until = on - DAY
        freeze.save(update_fields=["until", "resumed_by", "withdrawn_at"])
        self._forget()
        text = _("%(plan)s, from %(day)s") % {"plan": self, "day": words.day(on)}
        self._tell(TimelineEntry.Kind.RESUMED, today, by, text)
        audit.record("contract.resume", self, by=by, changes={"until": [before, freeze.until]})
        self._announce(by)
        return freeze

    @transaction.atomic
    def add_price_step(self, price: Decimal | int | str, *, from_on: dt.date, by) -> "PriceStep":
        """Set this contract's own price from a day on.

        A step that is still ahead can be set anew. Raises `Refused` with `needs_manager`,
        `invalid_price`, `price_too_fine`, `called_off`, `after_end`, `before_start` or
        `price_set_already`.
        """
        today = self._begin(None)
        if self.is_called_off:
            raise Refused(_over(State.CALLED_OFF))
        if self._bound_to_terms(by):
            raise Refused(Problem("needs_manager", _("Only a manager may do this."), "price"))
        if self.ends_on is not None and from_on > self.ends_on:
            raise Refused(Problem("after_end", _("The contract has ended by then."), "from_on"))
        if from_on < self.starts_on:
            raise Refused(Problem("before_start", _("The contract starts later."), "from_on"))
        amount = _valid_price(price, self.location.currency)
        with in_words():
            if from_on > today:
                step, _made = self.price_steps.update_or_create(
                    from_on=from_on, defaults={"price": amount, "added_by": by}
                )
            else:
                step = self.price_steps.create(price=amount, from_on=from_on, added_by=by)
        self._forget()
        audit.record(
            "contract.add_price_step", self, by=by,
            changes={"price": [None, amount], "from_on": [None, from_on]},
        )  # fmt: skip
        return step

    # How the verbs do it

    _given_on: dt.date | None = None

    def _begin(self, on: dt.date | None, *, plans: Sequence["Plan | int"] = ()) -> dt.date:
        """Lock what a verb may touch, read the contract afresh, and say what day it is."""
        wanted: dict[str, Any] = {"customers": [self.customer_id]}
        if plans:
            wanted["plans"] = plans
        if self.on_behalf_of_id and plans:
            wanted["teams"] = [self.on_behalf_of_id]
            if self.on_behalf_of.payer_id:
                wanted["customers"].append(self.on_behalf_of.payer_id)
        locks.take(**wanted)
        self._forget()
        self.refresh_from_db()
        self._given_on = on
        return on or self.location.today()

    def _forget(self) -> None:
        """Drop what was read before the lock, or is about to change."""
        for name in ("_prefetched_objects_cache", "state_then"):
            self.__dict__.pop(name, None)

    def _set_last_day(self, last_day: dt.date | None, *more: str) -> None:
        self.ends_on = last_day
        with in_words():
            self.save(update_fields=["ends_on", *more])

    def _tell(self, kind, on: dt.date, by, text: str) -> None:
        tell(self.customer, kind, on=on, by=by, cause=self, text=text)

    def _announce(self, by) -> None:
        """Announce what is due: by the day that the caller gave, else by each contract's own."""
        from plans.announcements import announce

        announce([self.customer_id], on=self._given_on, by=by)

    def _is_own_login(self, by) -> bool:
        return by is not None and by.pk == self.customer.user_id and not by.is_staff

    def _bound_to_terms(self, by) -> bool:
        """Customers and front desk keep to notice and minimum term; managers need not."""
        if by is None or by.may("manage_space", at=self.location):
            return False
        return by.is_staff or self._is_own_login(by)


class PriceStep(models.Model):
    """A contract's own price per cycle and piece from a day on."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="price_steps")
    price = money.MoneyField()
    from_on = models.DateField()
    added_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["from_on"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "from_on"], name="price_step_once_a_day"),
            models.CheckConstraint(condition=Q(price__gte=0), name="price_step_not_negative"),
        ]

    def __str__(self):
        return f"{self.price}"


@transaction.atomic
def sign_up(
    plan: Plan,
    customer: Customer,
    *,
    by,
    starts_on: dt.date | None = None,
    ends_on: dt.date | None = None,
    price: Decimal | int | str | None = None,
    quantity: int = 1,
    discount: Decimal | int | str = 0,
    on_behalf_of: Team | None = None,
    location: Location | None = None,
    purchase_order: str = "",
    notes: str = "",
    accepted_terms: str = "",
    bill_missed: bool = False,
    quiet: bool = False,
    on: dt.date | None = None,
    _changing: Contract | None = None,
) -> Contract:
    """Sign a contract of `customer` on `plan`, with the plan's terms of today.

    Starts today unless said otherwise; a start in the past is backdated, and `bill_missed` says
    whether the cycles due before today are charged. The location is the plan's, else the one
    given, else the customer's home. Raises `Refused` with `plan_archived`, `customer_archived`,
    `suspended`, `not_offered`, `wrong_currency`, `ends_before_start`, `date_out_of_range`,
    `plan_full`, `needs_manager`, `team_archived`, `team_without_payer`, `not_in_team`,
    `payer_suspended`, `invalid_price`, or what is wrong with another field. Customers who sign
    themselves accept the plan's terms, by their words (`terms_not_accepted`), have one contract on
    a plan at a time (`on_plan_already`), and sign for a team only if they may spend for it
    (`may_not_spend`).
    """
    payer = on_behalf_of.payer if on_behalf_of else None
    locks.take(
        customers=[customer, *([payer] if payer else [])],
        teams=[on_behalf_of] if on_behalf_of else [],
        plans=[plan],
    )
    _read_afresh(plan, customer, on_behalf_of)
    if on_behalf_of and on_behalf_of.payer_id != (payer.pk if payer else None):
        raise Refused(Problem("changed_meanwhile", _("The team has another payer by now.")))
    location = plan.location or location or customer.location
    given_on, on = on, on or location.today()
    contract = drafted(
        plan,
        customer,
        location=location,
        on=on,
        starts_on=starts_on,
        ends_on=ends_on,
        price=None if price is None else _valid_price(price, location.currency),
        quantity=quantity,
        discount=discount,
        on_behalf_of=on_behalf_of,
        purchase_order=purchase_order,
        notes=notes,
        signed_by=by,
        bill_missed=bill_missed,
        quiet=quiet,
    )
    if _changing is not None:
        contract.prorate_first = True
        contract.sign_up_fee = money.ZERO
    check_fields(
        contract, leaving_out=("customer", "plan", "location", "on_behalf_of", "signed_by")
    )
    problems = sign_up_problems(contract, by=by, on=on, changing=_changing)
    if contract._is_own_login(by):
        problems += _own_sign_up_problems(contract, accepted_terms, _changing)
    refuse_if(problems)
    contract._given_on = given_on
    with in_words():
        contract.save(force_insert=True)
    if _changing is None:
        text = _("%(plan)s from %(day)s") % {"plan": plan, "day": words.day(contract.starts_on)}
        contract._tell(TimelineEntry.Kind.SIGNED, on, by, text)
        audit.record(
            "contract.sign", contract, by=by,
            changes=signed_changes(contract) | _acceptance(accepted_terms),
        )  # fmt: skip
        contract._announce(by)
    return contract


def _read_afresh(plan: Plan, customer: Customer, team: Team | None) -> None:
    """What was read before the locks may have changed: suspended, archived, another payer."""
    plan.refresh_from_db()
    customer.forget()
    customer.refresh_from_db(fields=["archived_at", "user"])
    if team is not None:
        team.refresh_from_db(fields=["archived_at", "payer", "spending"])


def drafted(
    plan: Plan, customer: Customer, *, location: Location, on: dt.date,
    starts_on: dt.date | None = None, **fields: Any,
) -> Contract:  # fmt: skip
    """A contract filled in with the plan's terms of today, neither checked nor saved."""
    return Contract(
        plan=plan,
        customer=customer,
        location=location,
        starts_on=starts_on or on,
        signed_on=on,
        **{name: getattr(plan, name) for name in SignedTerms.term_names()},
        **fields,
    )


def signed_changes(contract: Contract) -> dict[str, list]:
    """What the audit log keeps of a signature."""
    return {
        "plan": [None, contract.plan_id],
        "starts_on": [None, contract.starts_on],
        "ends_on": [None, contract.ends_on],
    }


def sign_up_problems(
    contract: Contract,
    *,
    by,
    on: dt.date,
    changing: Contract | None = None,
    also: Sequence[tuple[dt.date, dt.date | None]] = (),
) -> list[Problem]:
    """What stands against signing a contract that is filled in but not saved.

    `also` are the (first, last) days of contracts of the plan that are about to be signed.
    """
    plan, customer, location = contract.plan, contract.customer, contract.location
    problems = []
    if plan.archived_at:
        problems.append(Problem("plan_archived", _("This plan takes no new contracts."), "plan"))
    if customer.archived_at:
        problems.append(
            Problem("customer_archived", _("This customer is archived: restore it first."))
        )
    if not contract.quiet:
        problems += _suspension_problems(contract, by)
    if plan.currency and plan.currency != location.currency:
        problems.append(
            Problem("wrong_currency", _("This plan is sold in another currency."), "plan")
        )
    if contract._is_own_login(by) and not plan.offered_in_portal:
        problems.append(Problem("not_offered", _("Please ask the staff for this plan."), "plan"))
    problems += _period_problems(contract.starts_on, contract.ends_on)
    problems += _team_problems(contract, by)
    if changing is None and by is not None and not by.may("manage_space", at=location):
        problems += _manager_problems(contract, by, on)
    if not problems:
        leaving_out = [changing.pk] if changing and changing.plan_id == plan.pk else []
        problems += _full(plan, contract.starts_on, contract.ends_on, leaving_out, also)
    return problems


def _own_sign_up_problems(
    contract: Contract, accepted_terms: str, changing: Contract | None
) -> list[Problem]:
    """What customers who sign themselves keep to, besides all that staff keep to."""
    plan, problems = contract.plan, []
    on_plan = contract.customer.contracts.filter(plan=plan)
    others = on_plan.overlapping(contract.starts_on, contract.ends_on)
    if others.exclude(pk=changing.pk if changing else None).exists():
        text = _("You have this plan already. Please ask the staff if you need it twice.")
        problems.append(Problem("on_plan_already", text, "plan"))
    if plan.accept_terms and accepted_terms != plan.accept_terms:
        text = _("Please read the terms and accept them.")
        problems.append(Problem("terms_not_accepted", text, "accept_terms"))
    return problems


def _suspension_problems(contract: Contract, by) -> list[Problem]:
    """Why somebody else is suspended is for the staff only."""
    problems = []
    if suspension := contract.customer.suspension:
        problems.append(
            Problem("suspended", _("This customer is suspended: %s") % suspension.reason)
        )
    payer = contract.on_behalf_of.payer if contract.on_behalf_of else None
    if payer and (suspension := payer.suspension):
        text = _("The paying customer is suspended: %s") % suspension.reason
        if contract._is_own_login(by):
            text = _("Nothing can be signed for this team at the moment. Please ask the staff.")
        problems.append(Problem("payer_suspended", text))
    return problems


def _period_problems(starts_on: dt.date, ends_on: dt.date | None) -> list[Problem]:
    if not EARLIEST <= starts_on <= LATEST:
        return [_far_away("starts_on")]
    if ends_on is not None and ends_on > LATEST:
        return [_far_away("ends_on")]
    if ends_on is not None and ends_on < starts_on:
        return [_backwards("ends_on")]
    return []


def _team_problems(contract: Contract, by) -> list[Problem]:
    """Who signs for themselves must be one of those who may spend for the team."""
    team = contract.on_behalf_of
    if team is None:
        return []
    problems = []
    if team.archived_at:
        problems.append(Problem("team_archived", _("This team is archived."), "on_behalf_of"))
    if team.payer_id is None:
        problems.append(
            Problem("team_without_payer", _("This team has no paying customer."), "on_behalf_of")
        )
    against = team.spending_problems(contract.customer)
    if contract._is_own_login(by):
        return problems + against
    return problems + [problem for problem in against if problem.code == "not_in_team"]


def _manager_problems(contract: Contract, by, on: dt.date) -> list[Problem]:
    """Price overrides, discounts and backdating are for managers and owners."""
    if not by.is_staff and by.pk != contract.customer.user_id:
        return []
    text = _("Only a manager may do this.")
    problems = []
    if contract.price is not None:
        problems.append(Problem("needs_manager", text, "price"))
    if Decimal(contract.discount):
        problems.append(Problem("needs_manager", text, "discount"))
    if contract.starts_on < on:
        problems.append(Problem("needs_manager", text, "starts_on"))
    return problems


def _full(
    plan: Plan, starts_on: dt.date, ends_on: dt.date | None, leaving_out, also=()
) -> list[Problem]:
    if plan.subscriber_limit is None:
        return []
    taken = plan.taken_on_any_day(starts_on, ends_on, leaving_out=leaving_out, also=also)
    if taken < plan.subscriber_limit:
        return []
    text = _("This plan is full: %d subscribers at most.") % plan.subscriber_limit
    return [Problem("plan_full", text, "plan")]


def _self_resume_problems(freeze: Freeze, on: dt.date, *, by, today: dt.date) -> list[Problem]:
    problems = []
    if freeze.frozen_by_id != by.pk:
        text = _("Please ask the staff, who froze this contract.")
        problems.append(Problem("staff_froze", text))
    if on < today:
        problems.append(Problem("from_past", _("Choose today or a later day."), "on"))
    return problems


def _acceptance(accepted_terms: str) -> dict[str, list]:
    """The terms as they were accepted, word for word, for the audit log."""
    return {"accepted_terms": [None, accepted_terms]} if accepted_terms else {}


def _over(state: str) -> Problem:
    text = {
        State.ENDED: _("This contract has ended."),
        State.CALLED_OFF: _("This contract was called off."),
    }[State(state)]
    return Problem(state, text)


def _backwards(field: str) -> Problem:
    return Problem("ends_before_start", _("The last day lies before the first one."), field)


def _far_away(field: str) -> Problem:
    return Problem("date_out_of_range", _("This date is too far away."), field)


_PLAN_CHANGES = Problem(
    "plan_changes", gettext_lazy("A change of plan stands: withdraw the change first.")
)
speak_for(
    "price_step_once_a_day",
    Problem("price_set_already", gettext_lazy("A price from this day is set already."), "from_on"),
)
speak_for(
    "contract_ends_after_it_starts",
    Problem(
        "ends_before_start", gettext_lazy("The last day lies before the first one."), "ends_on"
    ),
)
speak_for("called_off_once", Problem("called_off", gettext_lazy("This contract was called off.")))
