import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import accumulate

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kit import audit, clock, edits, locks, money
from kit.fields import Line, Text
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans import signals
from plans.models.terms import SignedTerms
from spaces import signals as of_spaces
from spaces.models import Location
from spaces.taxes import DatedTaxRate, HasTaxRates

DAY = dt.timedelta(days=1)


class PlanQuerySet(models.QuerySet):
    def live(self) -> "PlanQuerySet":
        """Plans that take new contracts."""
        return self.filter(archived_at=None)

    def offered(self) -> "PlanQuerySet":
        """Plans that customers may join in the portal."""
        return self.live().filter(offered_in_portal=True)

    def visible_to(self, user) -> "PlanQuerySet":
        """Every plan for staff, the offered ones for the others."""
        return self if user.is_staff else self.offered()

    def full_from(self, on: dt.date) -> set[int]:
        """The keys of those that take nobody for good from a day on: see `taken_on_any_day`."""
        limits = dict(
            self.filter(subscriber_limit__isnull=False).values_list("pk", "subscriber_limit")
        )
        contracts = Plan.contracts.rel.related_model.objects
        rivals = contracts.overlapping(on, None).filter(plan__in=limits)
        spans: dict[int, list[tuple[dt.date, dt.date | None]]] = {key: [] for key in limits}
        for key, first, last in rivals.values_list("plan", "starts_on", "ends_on"):
            spans[key].append((first, last))
        return {key for key, limit in limits.items() if _most_at_once(spans[key], on) >= limit}

    def at(self, location: Location) -> "PlanQuerySet":
        """Plans of a location and those of every location in its currency."""
        return self.filter(Q(location=location) | Q(location=None, currency=location.currency))


class Plan(HasTaxRates, SignedTerms):
    """What a customer can sign: a template of price and terms.

    `Plan.objects.create(name=…, location=…, price=Decimal("250"))` writes the first `PlanPrice`
    too, valid since always. A plan without a location is for every location in its `currency`.
    Prices are per cycle, entered with or without tax as the location says. `bound_to_premises`:
    None is as usual, bound unless it is a virtual office.
    """

    class Kind(models.TextChoices):
        HOT_DESK = "hot_desk", gettext_lazy("Hot desk")
        DEDICATED_DESK = "dedicated_desk", gettext_lazy("Dedicated desk")
        PRIVATE_OFFICE = "private_office", gettext_lazy("Private office")
        VIRTUAL_OFFICE = "virtual_office", gettext_lazy("Virtual office")
        OTHER = "other", gettext_lazy("Other")

    name = Line(gettext_lazy("name"), max_length=120)
    description = Text(gettext_lazy("description"), max_length=5000, blank=True)
    kind = Line(gettext_lazy("kind"), max_length=20, choices=Kind, default=Kind.OTHER)
    location = models.ForeignKey(
        Location,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=gettext_lazy("location"),
        help_text=gettext_lazy("Empty: every location in the plan's currency."),
    )
    currency = Line(gettext_lazy("currency"), max_length=3, blank=True)
    bound_to_premises = models.BooleanField(
        gettext_lazy("bound to the premises"),
        null=True,
        blank=True,
        help_text=gettext_lazy("What is bound to the premises is never reverse charged."),
    )
    subscriber_limit = models.PositiveIntegerField(
        gettext_lazy("most subscribers"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("Empty: no limit."),
    )
    offered_in_portal = models.BooleanField(gettext_lazy("offered in the portal"), default=False)
    accept_terms = Text(gettext_lazy("terms to accept"), max_length=20_000, blank=True)
    benefits = Text(gettext_lazy("included benefits"), max_length=5000, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cycle_length__gte=1, cycle_length__lte=24), name="plan_cycle_length"
            ),
            models.CheckConstraint(
                condition=Q(cycle_unit__in=["month", "week"]), name="plan_cycle_unit"
            ),
            models.CheckConstraint(
                condition=Q(billing_day=None) | Q(billing_day__gte=1, billing_day__lte=31),
                name="plan_billing_day",
            ),
            models.CheckConstraint(
                condition=Q(fee_due__in=["in_arrears", "in_advance"]), name="plan_fee_due"
            ),
        ]

    def __init__(self, *args, price: Decimal | int | str | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self._first_price = price

    def __str__(self):
        return self.name

    def clean(self):
        wrong = {}
        if self.location_id:
            self.currency = self.location.currency
        elif not money.is_currency(self.currency):
            wrong["currency"] = ValidationError(
                _("A plan for every location needs its currency, such as EUR."),
                code="currency_missing",
            )
        if self.cycle_unit == self.Unit.WEEK and self.billing_day:
            wrong["billing_day"] = ValidationError(
                _("Weeks count from the day the contract starts."), code="billing_day_with_weeks"
            )
        for name in ("sign_up_fee", "deposit"):
            if (getattr(self, name) or 0) < 0:
                wrong[name] = ValidationError(_("Not below zero."), code="negative")
        if wrong:
            raise ValidationError(wrong)

    @transaction.atomic
    def save(self, *args, **kwargs):
        if self.location_id:
            self.currency = self.location.currency
        elif not self.currency:  # a plan for everywhere is sold in the house's currency
            first = Location.objects.order_by("pk").first()
            self.currency = first.currency if first else ""
        super().save(*args, **kwargs)
        if self._first_price is not None:
            price, self._first_price = self._first_price, None
            self.prices.create(price=valid_price(price, self.currency), from_on=None)

    @transaction.atomic
    def offer(self, *, by) -> "Plan":
        """Make a plan that is filled in; returns it. Raises `Refused` with what is wrong."""
        price, self._first_price = self._first_price, None
        with in_words():
            check_fields(self)
            self.save(force_insert=True)
            self.prices.create(price=valid_price(price or 0, self.currency), from_on=None)
        locks.born(plans=self)
        audit.record("plan.offer", self, by=by, changes={"name": [None, self.name]})
        return self

    @transaction.atomic
    def edit(self, changes: dict, *, by, seen: dict | None = None) -> list[str]:
        """Change the plan for contracts signed from now on; returns the changed fields."""
        locks.take(plans=[self])
        self.refresh_from_db()
        changes = self.edit_tax(changes, by=by)
        with in_words():
            changed = edits.apply(self, changes, seen=seen, by=by, verb="plan.edit")
        if {"kind", "bound_to_premises"}.intersection(changed):
            of_spaces.tax_changed.send(sender=Plan, changed=self, from_on=None, by=by)
        return changed

    def lock_for_tax(self, by) -> None:
        locks.take(plans=[self])
        self.refresh_from_db()

    @property
    def is_bound(self) -> bool:
        """Whether what is sold is bound to the premises: taxed where they are."""
        if self.bound_to_premises is None:
            return self.kind != self.Kind.VIRTUAL_OFFICE
        return self.bound_to_premises

    def price_on(self, on: dt.date) -> Decimal:
        """The price per cycle in force on a date."""
        return price_in_force(self.dated_prices, on) or money.ZERO

    @property
    def dated_prices(self) -> list[tuple[dt.date | None, Decimal]]:
        """(from, price) in any order; from None means since always."""
        return [(price.from_on, price.price) for price in self.prices.all()]

    @transaction.atomic
    def set_price(
        self, price: Decimal | int | str, *, by, from_on: dt.date | None = None,
        on: dt.date | None = None,
    ) -> "PlanPrice":  # fmt: skip
        """Set the price from a date on, tomorrow unless said otherwise; contracts without an
        override follow it.

        A price that is still ahead can be set anew. Raises `Refused` with `invalid_price`,
        `price_too_fine` or `price_set_already`.
        """
        locks.take(plans=[self])
        today = on or self.today()
        from_on = from_on or today + DAY
        amount = valid_price(price, self.currency)
        if from_on <= today:
            signals.price_changing.send(sender=Plan, plan=self, on=today, by=by)
        with in_words():
            if from_on > today:
                row, _made = self.prices.update_or_create(
                    from_on=from_on, defaults={"price": amount}
                )
            else:
                row = self.prices.create(price=amount, from_on=from_on)
        getattr(self, "_prefetched_objects_cache", {}).pop("prices", None)
        audit.record(
            "plan.set_price", self, by=by,
            changes={"price": [None, amount], "from_on": [None, from_on]},
        )  # fmt: skip
        return row

    def today(self) -> dt.date:
        """Today where the plan is sold; the first location's for a plan of every location."""
        location = self.location or Location.objects.order_by("pk").first()
        return location.today() if location else clock.today_in("UTC")

    @transaction.atomic
    def archive(self, *, by) -> None:
        """Take no new contracts; running ones go on. Raises `Refused` `already_archived`."""
        locks.take(plans=[self])
        self.refresh_from_db(fields=["archived_at"])
        if self.archived_at:
            raise Refused(Problem("already_archived", _("This plan is archived already.")))
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])
        audit.record("plan.archive", self, by=by)

    @transaction.atomic
    def restore(self, *, by) -> None:
        """Take new contracts again. Raises `Refused` with `not_archived`."""
        locks.take(plans=[self])
        self.refresh_from_db(fields=["archived_at"])
        if not self.archived_at:
            raise Refused(Problem("not_archived", _("This plan is not archived.")))
        self.archived_at = None
        self.save(update_fields=["archived_at"])
        audit.record("plan.restore", self, by=by)

    def sign_up(self, customer, **what):
        """Sign a contract; see `plans.models.signing.sign_up`, whose arguments these are."""
        from plans.models.signing import sign_up

        return sign_up(self, customer, **what)

    def taken_on_any_day(
        self, starts_on: dt.date, ends_on: dt.date | None, *, leaving_out=(), also=()
    ) -> int:
        """The most subscribers on one day of a period, frozen and scheduled ones included.

        `also` are the (first, last) days of contracts that are about to be signed.
        """
        rivals = self.contracts.overlapping(starts_on, ends_on).exclude(pk__in=leaving_out)
        spans = [*rivals.values_list("starts_on", "ends_on"), *also]
        return _most_at_once(spans, starts_on, ends_on)

    def full_problems(
        self, starts_on: dt.date, ends_on: dt.date | None, leaving_out=(), also=()
    ) -> list[Problem]:
        """What stands against one subscriber more in a period; arguments as `taken_on_any_day`."""
        if self.subscriber_limit is None:
            return []
        taken = self.taken_on_any_day(starts_on, ends_on, leaving_out=leaving_out, also=also)
        if taken < self.subscriber_limit:
            return []
        text = _("This plan is full: %d subscribers at most.") % self.subscriber_limit
        return [Problem("plan_full", text, "plan")]


def _most_at_once(
    spans: Iterable[tuple[dt.date, dt.date | None]],
    starts_on: dt.date,
    ends_on: dt.date | None = None,
) -> int:
    """The most of some (first, last) days that meet on one day of a period."""
    last_day = ends_on or dt.date.max
    steps: Counter[dt.date] = Counter()
    for first, last in spans:
        if first <= last_day and (last is None or last >= starts_on):
            steps[max(first, starts_on)] += 1
            if last is not None and last < dt.date.max:
                steps[last + DAY] -= 1
    return max(accumulate(steps[day] for day in sorted(steps) if day <= last_day), default=0)


class PlanPrice(models.Model):
    """What a plan costs per cycle from a day on; without a day, since always."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="prices")
    price = money.MoneyField()
    from_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["from_on"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "from_on"], name="plan_price_once_a_day"),
            models.UniqueConstraint(
                fields=["plan"], condition=Q(from_on=None), name="plan_first_price_once"
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="plan_price_not_negative"),
        ]

    def __str__(self):
        return f"{self.price}"


class PlanTaxRate(DatedTaxRate):
    """A plan's own tax rate from a day on."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="tax_rates")

    class Meta(DatedTaxRate.Meta):
        constraints = DatedTaxRate.rules("plan")


class TeamDefaultPlanQuerySet(models.QuerySet["TeamDefaultPlan"]):
    @transaction.atomic
    def choose(self, team, plan: Plan | None, *, by) -> None:
        """Say which plan a team offers to those it invites; None: no plan.

        Raises `Refused` with `plan_archived`.
        """
        locks.take(teams=[team], plans=[plan] if plan else [])
        chosen = self.filter(team=team).first()
        before = chosen.plan if chosen else None
        if plan == before:
            return
        if plan is None:
            self.filter(team=team).delete()
        else:
            plan.refresh_from_db(fields=["archived_at"])
            if plan.archived_at:
                text = _("This plan takes no new contracts.")
                raise Refused(Problem("plan_archived", text, "default_plan"))
            self.update_or_create(team=team, defaults={"plan": plan})
        team._state.fields_cache.pop("default_plan", None)
        audit.record("team.set_default_plan", team, by=by, changes={"default_plan": [before, plan]})


class TeamDefaultPlan(models.Model):
    """The plan that a team offers to those it invites."""

    team = models.OneToOneField("customers.Team", models.CASCADE, related_name="default_plan")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+")

    objects = TeamDefaultPlanQuerySet.as_manager()

    def __str__(self):
        return f"{self.plan}"


def price_in_force(prices: Sequence[tuple[dt.date | None, Decimal]], on: dt.date) -> Decimal | None:
    """The latest of dated prices that holds on a date; None if none does."""
    valid = [(from_on or dt.date.min, price) for from_on, price in prices]
    valid = [pair for pair in valid if pair[0] <= on]
    return max(valid, key=lambda pair: pair[0])[1] if valid else None


def valid_price(price: Decimal | int | str, currency: str) -> Decimal:
    """A price of at least zero and no finer than the currency's minor unit."""
    try:
        amount = money.MoneyField().to_python(price)
    except ValidationError:
        amount = None
    problems = []
    if amount is not None and amount > money.MOST:
        problems.append(Problem("price_too_high", _("This is more than can be kept."), "price"))
    elif amount is None or amount < 0:
        problems.append(Problem("invalid_price", _("Enter an amount of zero or more."), "price"))
    elif currency and money.round_to(amount, currency) != amount:
        problems.append(
            Problem(
                "price_too_fine",
                _("%(currency)s has %(places)d decimals.")
                % {"currency": currency, "places": money.exponent(currency)},
                "price",
            )
        )
    refuse_if(problems)
    return amount


speak_for(
    "plan_price_once_a_day",
    Problem("price_set_already", gettext_lazy("A price from this day is set already."), "from_on"),
)
