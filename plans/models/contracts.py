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
from customers.models.timeline import tell
from kit import audit, locks, money
from kit.decisions import one_decision
from kit.fields import Line, Text
from kit.problems import Problem, Refused, in_words, speak_for
from plans import signals
from plans.cycles import DAY, Cycle, Rhythm, Terms, cycles
from plans.models.cancellations import CallOff, Cancellable, Cancellation
from plans.models.freezes import Freezable, Freeze
from plans.models.plan_changes import Changeable
from plans.models.plans import Plan, price_in_force, valid_price
from plans.models.states import LATEST, State, over
from plans.models.terms import SignedTerms
from spaces.models import Location, Todays


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


class Contract(Cancellable, Changeable, Freezable, SignedTerms):
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

    def price_source(self, on: dt.date) -> str:
        """Where the price in force on a day comes from: "step", "override" or "plan"."""
        if any(step.from_on <= on for step in self.price_steps.all()):
            return "step"
        return "plan" if self.price is None else "override"

    def price_history(self) -> list[DatedPrice]:
        """The prices of its days, past and to come, each from its first day on."""
        steps = [step.from_on for step in self.price_steps.all()]
        days = {self.starts_on, *steps, *(day for day, _price in self.plan.dated_prices if day)}
        history: list[DatedPrice] = []
        for day in sorted(days):
            if day < self.starts_on or (self.ends_on is not None and day > self.ends_on):
                continue
            dated = DatedPrice(day, self.price_on(day), self.price_source(day))
            if not history or history[-1][1:] != dated[1:]:
                history.append(dated)
        return history

    def cycles(self, until: dt.date, *, since: dt.date | None = None) -> list[Cycle]:
        """The billing cycles that start before `until`; none for a contract called off.

        With `since` only those that end after that day. Fees are in the location's currency,
        before discount, credit and tax.
        """
        return list(self._cycles(until, since))

    def fallen_due(self, on: dt.date, *, since: dt.date | None = None) -> list[Cycle]:
        """The cycles that are due on a day or before."""
        return [one for one in self._cycles(on + DAY, since) if one.due_on <= on]

    def _cycles(self, until: dt.date, since: dt.date | None = None) -> Iterator[Cycle]:
        if self.is_called_off:
            return iter(())
        return cycles(
            since=since,
            until=until,
            terms=Terms(
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
        )

    def first_cycles(self, count: int) -> list[Cycle]:
        """Its first billing cycles, at most `count`."""
        return list(islice(self._cycles(LATEST), count))

    def coming_cycles(self, count: int, *, on: dt.date) -> list[Cycle]:
        """The cycle that runs on a day and the next ones, at most `count` in all."""
        return list(islice((one for one in self._cycles(LATEST, on) if one.end > on), count))

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
    def add_price_step(self, price: Decimal | int | str, *, from_on: dt.date, by) -> "PriceStep":
        """Set this contract's own price from a day on.

        A step that is still ahead can be set anew. Raises `Refused` with `needs_manager`,
        `invalid_price`, `price_too_fine`, `called_off`, `after_end`, `before_start` or
        `price_set_already`.
        """
        today = self._begin(None)
        if self.is_called_off:
            raise Refused(over(State.CALLED_OFF))
        if self._bound_to_terms(by):
            raise Refused(Problem("needs_manager", _("Only a manager may do this."), "price"))
        if self.ends_on is not None and from_on > self.ends_on:
            raise Refused(Problem("after_end", _("The contract has ended by then."), "from_on"))
        if from_on < self.starts_on:
            raise Refused(Problem("before_start", _("The contract starts later."), "from_on"))
        amount = valid_price(price, self.location.currency)
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
        self._announce(by)
        return step

    # How the verbs do it

    _given_on: dt.date | None = None
    # What had fallen due before the decision that is being made, as it was then.
    _due_before: Sequence[Cycle] = ()

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
        self._note_due(on or self.location.today())
        return on or self.location.today()

    def _note_due(self, today: dt.date) -> None:
        self._due_before = self.fallen_due(today)

    def _forget(self) -> None:
        """Drop what was read before the lock, or is about to change."""
        for name in ("_prefetched_objects_cache", "state_then"):
            self.__dict__.pop(name, None)

    def _set_last_day(self, last_day: dt.date | None, **more: Any) -> None:
        for name, value in {"ends_on": last_day, **more}.items():
            setattr(self, name, value)
        with in_words():
            self.save(update_fields=["ends_on", *more])

    def _tell(self, kind, on: dt.date, by, text: str) -> None:
        tell(self.customer, kind, on=on, by=by, cause=self, text=text)

    def _announce(self, by, *, signed: "Contract | None" = None) -> None:
        """Tell whoever depends on its days that they were decided about, and announce what is due:
        by the day that the caller gave, else by each contract's own. `signed` is the contract that
        the decision has signed: itself, or the one that takes its place."""
        from plans.announcements import announce

        with one_decision():
            signals.contract_changed.send(
                sender=Contract, contract=self, by=by, due_before=self._due_before,
                on=self._given_on or self.location.today(), signed=signed,
            )  # fmt: skip

        announce([self.customer_id], on=self._given_on, by=by)

    def is_own_login(self, by) -> bool:
        """Whether a customer decides for itself, and not as somebody who serves customers here."""
        return (
            by is not None
            and by.pk == self.customer.user_id
            and not by.may("serve_customers", at=self.location)
        )

    def _bound_to_terms(self, by) -> bool:
        """Customers and front desk keep to notice and minimum term; managers need not."""
        if by is None or by.may("manage_space", at=self.location):
            return False
        return by.is_staff or self.is_own_login(by)


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
