import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import standing
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.products import Product
from customers.models import Customer, Team
from kit import audit, clock, locks, money
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans.cycles import DAY, Cycle, Rhythm, Terms, cycles
from plans.models.plans import valid_price
from plans.models.states import EARLIEST, LATEST, backwards, far_away
from spaces.models import Location


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def running(self, *, on) -> "SubscriptionQuerySet":
        return self.filter(Q(ends_on=None) | Q(ends_on__gte=on), starts_on__lte=on)

    def running_or_scheduled(self, *, on) -> "SubscriptionQuerySet":
        return self.filter(Q(ends_on=None) | Q(ends_on__gte=on), called_off_at=None)

    def visible_to(self, user) -> "SubscriptionQuerySet":
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))


class Subscription(models.Model):
    """A recurring product sold to a customer: a locker from a day on, every month.

    `starts_on` is the first day, `ends_on` the last one, included (None: open). Periods count from
    the first day; a last part period is paid by day. It keeps the price at which it was sold, and
    changes nobody's status. One that was taken back before it began has `called_off_at`.
    """

    class Unit(models.TextChoices):
        DAY = "day", gettext_lazy("days")
        WEEK = "week", gettext_lazy("weeks")
        MONTH = "month", gettext_lazy("months")

    class FeeDue(models.TextChoices):
        IN_ARREARS = "in_arrears", gettext_lazy("at the end of the period")
        IN_ADVANCE = "in_advance", gettext_lazy("at the start of the period")

    product = models.ForeignKey(Product, models.PROTECT, related_name="subscriptions")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="subscriptions")
    location = models.ForeignKey(Location, models.PROTECT, related_name="subscriptions")
    on_behalf_of = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="subscriptions"
    )
    starts_on = models.DateField(gettext_lazy("first day"))
    ends_on = models.DateField(gettext_lazy("last day"), null=True, blank=True)
    cycle_unit = Line(gettext_lazy("paid every"), max_length=5, choices=Unit, default=Unit.MONTH)
    cycle_length = models.PositiveSmallIntegerField(
        gettext_lazy("every"), default=1, validators=[MinValueValidator(1), MaxValueValidator(366)]
    )
    fee_due = Line(
        gettext_lazy("fee due"), max_length=10, choices=FeeDue, default=FeeDue.IN_ARREARS
    )
    price = money.MoneyField(gettext_lazy("price"))
    quantity = models.PositiveIntegerField(
        gettext_lazy("quantity"), default=1, validators=[MinValueValidator(1)]
    )
    signed_on = models.DateField()
    signed_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    ended_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    called_off_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_on", "-id"]
        verbose_name = gettext_lazy("subscription")
        indexes = [models.Index(fields=["customer", "starts_on"], name="subscription_of_customer")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")),
                name="subscription_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(price__gte=0, quantity__gte=1, cycle_length__gte=1),
                name="subscription_amounts",
            ),
            models.CheckConstraint(
                condition=Q(cycle_unit__in=["day", "week", "month"]), name="subscription_cycle_unit"
            ),
        ]

    def __str__(self):
        return self.product.name

    @property
    def is_called_off(self) -> bool:
        return self.called_off_at is not None

    @property
    def per_cycle(self) -> str:
        """How often it is paid: "a month", "every 2 weeks"."""
        several = {
            "day": ngettext("a day", "every %(count)d days", self.cycle_length),
            "week": ngettext("a week", "every %(count)d weeks", self.cycle_length),
            "month": ngettext("a month", "every %(count)d months", self.cycle_length),
        }
        return several[self.cycle_unit] % {"count": self.cycle_length}

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.cycle_unit, self.cycle_length, self.starts_on)

    @property
    def best_discount(self) -> Decimal:
        """The discount in percent of the team for which it was bought."""
        return self.on_behalf_of.discount if self.on_behalf_of else money.ZERO

    def state_on(self, on: dt.date) -> str:
        if self.is_called_off:
            return "called_off"
        if on < self.starts_on:
            return "scheduled"
        if self.ends_on is None:
            return "active"
        return "ended" if on > self.ends_on else "ending"

    def price_source(self, on: dt.date) -> str:
        return "product"

    def cycles(self, until: dt.date, *, since: dt.date | None = None) -> list[Cycle]:
        """Its periods that start before `until`, like the cycles of a contract."""
        return list(self._cycles(until, since))

    def _cycles(self, until: dt.date, since: dt.date | None = None) -> Iterator[Cycle]:
        if self.is_called_off:
            return iter(())
        return cycles(
            since=since,
            until=until,
            terms=Terms(
                rhythm=self.rhythm, starts_on=self.starts_on, ends_on=self.ends_on,
                fee_due=self.fee_due, prorate_first=True, prorate_last=True,
                quantity=self.quantity, price_on=lambda day: self.price, freezes=(),
                currency=self.location.currency,
            ),
        )  # fmt: skip

    def fallen_due(self, on: dt.date, *, since: dt.date | None = None) -> list[Cycle]:
        """The periods that are due on a day or before."""
        return [one for one in self._cycles(on + DAY, since) if one.due_on <= on]

    def discounted(self, cycle: Cycle) -> Decimal:
        return discounted(cycle.exact_fee, self.best_discount, self.location.currency)

    @transaction.atomic
    def end(self, *, last_day: dt.date, by, on: dt.date | None = None) -> None:
        """Set the last day; before the first day it is taken back altogether.

        What was invoiced in advance for later days is credited at once. Raises
        `Refused` with `called_off`, `ended`, `date_out_of_range`, `not_yours` or
        `in_the_past` (those who serve customers choose today or later, managers any day).
        """
        from billing import corrections

        payer = self.on_behalf_of.payer_id if self.on_behalf_of else None
        locks.take(customers=[self.customer_id, *([payer] if payer else [])])
        accounts.hold(self.customer_id)
        self.refresh_from_db()
        on = on or self.location.today()
        self._refuse_end(last_day, by, on)
        due = self.fallen_due(on)
        before = self.ends_on
        self.ended_by = by
        if last_day < self.starts_on:
            self.called_off_at = clock.now()
        else:
            self.ends_on = last_day
        with in_words():
            self.save(update_fields=["ends_on", "ended_by", "called_off_at"])
        audit.record("subscription.end", self, by=by, changes={"ends_on": [before, last_day]})
        corrections.follow(self, due, on=on, by=by)

    def _refuse_end(self, last_day: dt.date, by, on: dt.date) -> None:
        state = self.state_on(on)
        if state == "called_off":
            raise Refused(Problem("called_off", _("This was taken back.")))
        if state == "ended":
            raise Refused(Problem("ended", _("This has ended.")))
        problems = []
        if not EARLIEST <= last_day <= LATEST:
            problems.append(far_away("last_day"))
        for_house = standing.acts_for_house(by, self.location)
        if not for_house and by.pk != self.customer.user_id:
            problems.append(Problem("not_yours", _("This is somebody else's.")))
        manages = by is None or by.may("manage_space", at=self.location)
        if last_day < on and not manages and state != "scheduled":
            problems.append(Problem("in_the_past", _("Choose today or a later day."), "last_day"))
        refuse_if(problems)


def discounted(exact, discount: Decimal, currency: str) -> Decimal:
    """An exact price less a discount in percent, rounded once."""
    from fractions import Fraction

    return money.round_to(exact * (1 - Fraction(discount) / 100), currency)


@transaction.atomic
def subscribe(
    product: Product, customer: Customer, *, starts_on: dt.date, by,
    every: tuple[int, str] = (1, "month"), ends_on: dt.date | None = None, quantity: int = 1,
    price: Decimal | int | str | None = None, fee_due: str = "in_arrears",
    on_behalf_of: Team | None = None, on: dt.date | None = None,
) -> Subscription:  # fmt: skip
    """Sell a recurring product from a day on: `every=(1, "month")`, `(2, "week")`, `(30, "day")`.

    Its fee is due at the end of each period, or in advance at its start. A price of its own is for
    managers. Periods that were due before today are charged at once. Raises `Refused` with the
    codes of `Product.sell`, `one_off`, `needs_manager`, `ends_before_start`, `date_out_of_range`,
    `invalid_price` or what is wrong with a field.
    """
    payer = on_behalf_of.payer if on_behalf_of else None
    from billing import corrections, selling

    locks.take(
        customers=[customer, *([payer] if payer else [])],
        teams=[on_behalf_of] if on_behalf_of else [],
        products=[product],
    )
    product.refresh_from_db()
    customer.forget()
    on = on or product.location.today()
    Account.objects.of(payer or customer, product.location)
    accounts.hold(customer)
    problems = product.problems(
        customer, by=by, on=on, quantity=quantity, on_behalf_of=on_behalf_of
    )
    if not product.recurring:
        problems.append(Problem("one_off", _("This product is sold once, not by period.")))
    if not EARLIEST <= starts_on <= LATEST or (ends_on and ends_on > LATEST):
        problems.append(far_away("starts_on"))
    if ends_on is not None and ends_on < starts_on:
        problems.append(backwards("ends_on"))
    manages = by is None or by.may("manage_space", at=product.location)
    if not manages and (price is not None or starts_on < on):
        field = "price" if price is not None else "starts_on"
        problems.append(Problem("needs_manager", _("Only a manager may do this."), field))
    if not standing.acts_for_house(by, product.location):
        a_period = product.price * quantity
        problems += selling.limit_problems(a_period, on, product, customer, on_behalf_of)
    refuse_if(problems)
    length, unit = every
    made = Subscription(
        product=product, customer=customer, location=product.location, on_behalf_of=on_behalf_of,
        starts_on=starts_on, ends_on=ends_on, cycle_unit=unit, cycle_length=length,
        fee_due=fee_due, quantity=quantity, signed_on=on, signed_by=by,
        price=product.price if price is None else valid_price(price, product.currency),
    )  # fmt: skip
    check_fields(
        made, leaving_out=("product", "customer", "location", "on_behalf_of", "signed_by",
                           "ended_by")
    )  # fmt: skip
    with in_words():
        made.save(force_insert=True)
    audit.record(
        "subscription.make", made, by=by,
        changes={"product": [None, product.pk], "customer": [None, customer.pk],
                 "starts_on": [None, starts_on], "price": [None, made.price]},
    )  # fmt: skip
    corrections.follow(made, (), on=on, by=by)
    return made


speak_for(
    "subscription_ends_after_it_starts",
    Problem(
        "ends_before_start", gettext_lazy("The last day lies before the first one."), "ends_on"
    ),
)
