import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models.booking import Booking
from bookings.models.resource_types import ResourceType
from customers.models import Team
from kit import audit, clock, guards, locks, money
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans.models import Contract, Plan

MINUTES, MONEY = "minutes", "money"
MOST_HOURS = 10_000


class PlanCreditQuerySet(models.QuerySet["PlanCredit"]):
    def live(self) -> "PlanCreditQuerySet":
        return self.filter(ended_at=None)

    @transaction.atomic
    def give(
        self, plan: Plan, *, types: Collection[ResourceType], by,
        hours: Decimal | int | str | None = None, amount: Decimal | int | str | None = None,
    ) -> "PlanCredit":  # fmt: skip
        """Let a plan include hours, or an amount of money, of some types per cycle and piece.

        Holds for cycles that are granted from now on. Raises `Refused` with `hours_or_amount`,
        `types_missing` or what is wrong with a field.
        """
        locks.take(plans=[plan])
        credit = self.model(plan=plan, hours=hours, amount=amount, made_by=by)
        check_fields(credit, leaving_out=("plan", "made_by"))
        if not types:
            text = _("Choose what it can be used for.")
            raise Refused(Problem("types_missing", text, "types"))
        with in_words():
            credit.save(force_insert=True)
        credit.types.set(types)
        audit.record("plan_credit.give", plan, by=by, changes={"credit": [None, str(credit)]})
        return credit


class PlanCredit(models.Model):
    """What a plan includes of booking per cycle: `hours`, or an `amount` of money, for some types
    of resources. A contract of three pieces has three times as much. It is not prorated."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="credits")
    hours = money.ScaledField(gettext_lazy("hours"), null=True, blank=True)
    amount = money.MoneyField(gettext_lazy("amount"), null=True, blank=True)
    types = models.ManyToManyField(ResourceType, related_name="credits")
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = PlanCreditQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = gettext_lazy("booking credit of a plan")
        constraints = [
            models.CheckConstraint(
                condition=Q(hours__gt=0, amount=None) | Q(hours=None, amount__gt=0),
                name="plan_credit_hours_or_amount",
            )
        ]

    def __str__(self):
        return f"{self.hours:f} h" if self.hours is not None else f"{self.amount:f}"

    def clean(self):
        if (self.hours is None) == (self.amount is None):
            raise Refused(Problem("hours_or_amount", _("Say either hours or an amount."), "hours"))
        for name in ("hours", "amount"):
            value = getattr(self, name)
            if value is not None and Decimal(value) <= 0:
                wrong = ValidationError(_("More than zero."), code="too_small")
                raise ValidationError({name: wrong})
        if self.hours is not None:
            self.hours = Decimal(self.hours)
            if self.hours > MOST_HOURS or self.hours * 60 % 1:
                wrong = ValidationError(_("Whole minutes, such as 1.5 hours."), code="too_fine")
                raise ValidationError({"hours": wrong})

    @property
    def unit(self) -> str:
        return MINUTES if self.hours is not None else MONEY

    @property
    def value(self) -> Decimal:
        """Per cycle and piece: minutes, or an amount of money."""
        return self.hours * 60 if self.hours is not None else self.amount

    @transaction.atomic
    def end(self, *, by) -> None:
        """The plan includes it no more; what was granted stays. Raises `Refused` with `ended`."""
        locks.take(plans=[self.plan_id])
        self.refresh_from_db(fields=["ended_at"])
        if self.ended_at:
            raise Refused(Problem("ended", _("The plan does not include this any more.")))
        self.ended_at, self.ended_by = clock.now(), by
        self.save(update_fields=["ended_at", "ended_by"])
        audit.record("plan_credit.end", self.plan, by=by, changes={"credit": [str(self), None]})


class CreditGrantQuerySet(models.QuerySet["CreditGrant"]):
    def with_left(self) -> "CreditGrantQuerySet":
        """Each with `left_now`, what is left of it; see also `CreditGrant.left`."""
        last = CreditEntry.objects.filter(grant=OuterRef("pk")).order_by("-sequence")
        return self.annotate(left_now=Subquery(last.values("left")[:1]))


class CreditGrant(models.Model):
    """The booking credit of one cycle of a contract: dated at the cycle's start, used for bookings
    that take place in the cycle, void at its end.

    `starts_on` is the cycle's first contract day, `ends_on` the day after its last one. `value` is
    in minutes or in money (`unit`). What is left is the last entry's `left`.
    """

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="credit_grants")
    credit = models.ForeignKey(PlanCredit, models.PROTECT, related_name="grants")
    starts_on = models.DateField()
    ends_on = models.DateField()
    unit = Line(max_length=10, choices=[(MINUTES, MINUTES), (MONEY, MONEY)])
    value = money.ScaledField()

    objects = CreditGrantQuerySet.as_manager()

    class Meta:
        ordering = ["ends_on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "credit", "starts_on"], name="credit_granted_once"
            ),
            models.CheckConstraint(condition=Q(value__gte=0), name="credit_not_negative"),
        ]

    def __str__(self):
        return f"{self.value:f} {self.unit} from {self.starts_on}"

    @classmethod
    def untouched(cls) -> models.QuerySet:
        """Grants that nobody has used: what the daily job wrote, which goes with the contract of
        an import that is undone."""
        uses = CreditEntry.objects.filter(grant=OuterRef("pk"), booking__isnull=False)
        return cls.objects.filter(~Exists(uses))

    @property
    def left(self) -> Decimal:
        """What is left, in its unit: the sum of its entries, never below zero."""
        known = getattr(self, "left_now", None)
        if known is not None:
            return known
        last = self.entries.order_by("-sequence").first()
        return last.left if last else money.ZERO

    def write(
        self, kind: str, value: Decimal, *, on: dt.date, by=None, booking: Booking | None = None
    ) -> "CreditEntry":
        """Add to the ledger: what was granted or given back is positive, what was used negative.

        The contract is locked. Raises `Refused` with `credit_used_up` where more is wanted than
        is left.
        """
        last = self.entries.order_by("-sequence").first()
        left = (last.left if last else money.ZERO) + value
        if left < 0:
            text = _("The booking credit was used up meanwhile.")
            raise Refused(Problem("credit_used_up", text))
        sequence = last.sequence + 1 if last else 1
        with in_words():
            entry = self.entries.create(
                kind=kind, value=value, left=left, sequence=sequence, booking=booking, on=on, by=by
            )
        self.__dict__.pop("left_now", None)
        return entry


class CreditEntry(models.Model):
    """A line of the ledger of booking credit. Never changed; a mistake is a new line.

    `value` is signed, `left` the running sum of its grant, `sequence` counts within the grant: two
    writers cannot both take the last hour.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", gettext_lazy("Granted")
        USE = "use", gettext_lazy("Used")
        RETURN = "return", gettext_lazy("Given back")
        EXPIRY = "expiry", gettext_lazy("Expired")
        WITHDRAWAL = "withdrawal", gettext_lazy("Withdrawn")

    grant = models.ForeignKey(CreditGrant, models.PROTECT, related_name="entries")
    sequence = models.PositiveIntegerField()
    kind = Line(max_length=10, choices=Kind)
    value = money.ScaledField()
    left = money.ScaledField()
    booking = models.ForeignKey(
        Booking, models.PROTECT, null=True, blank=True, related_name="credit_entries"
    )
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["grant", "sequence"]
        indexes = [models.Index(fields=["booking"], name="credit_of_booking")]
        constraints = [
            models.UniqueConstraint(fields=["grant", "sequence"], name="credit_entry_in_order"),
            models.CheckConstraint(condition=Q(left__gte=0), name="credit_left_not_negative"),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "use", "return", "expiry", "withdrawal"]),
                name="credit_entry_known",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.value:f}"


class SharedCreditQuerySet(models.QuerySet["SharedCredit"]):
    def open(self) -> "SharedCreditQuerySet":
        return self.filter(closed_at=None)

    def set_for(self, team: Team, is_open: bool, *, by) -> None:
        """Open the payer's booking credit to the team, or close it; by staff or by the payer.

        Bookings made before keep what they have. Raises `Refused` with `not_payer` or `no_payer`.
        """
        with transaction.atomic():
            locks.take(teams=[team])
            team.refresh_from_db(fields=["payer"])
            if not (team.is_served_by(by) or team.is_payer(by)):
                text = _("Only who pays for the team may do this.")
                raise Refused(Problem("not_payer", text))
            refuse_if(
                [Problem("no_payer", _("Nobody pays for this team."))]
                if is_open and team.payer_id is None
                else []
            )
            standing: Any = self.open().filter(team=team).first()
            if is_open == (standing is not None):
                return
            if standing is not None:
                standing.closed_at, standing.closed_by = clock.now(), by
                standing.save(update_fields=["closed_at", "closed_by"])
            else:
                self.create(team=team, opened_by=by)
            audit.record(
                "team.share_credit", team, by=by, changes={"shared_credit": [not is_open, is_open]}
            )


class SharedCredit(models.Model):
    """The payer's booking credit is open to a team: since when, by whom, until when."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="shared_credit")
    opened_at = models.DateTimeField(default=clock.now)
    opened_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = SharedCreditQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"], condition=Q(closed_at=None), name="credit_shared_once"
            )
        ]

    def __str__(self):
        return f"{self.team}"


speak_for(
    "credit_entry_in_order",
    Problem("credit_used_up", gettext_lazy("The booking credit was used up meanwhile.")),
)

_USED = (
    "EXISTS (SELECT 1 FROM bookings_creditentry e WHERE e.grant_id = {grant} "
    "AND e.kind IN ('use', 'return'))"
)

guards_of_credit = [
    *guards.append_only(
        "bookings", "bookings_creditentry",
        frozen=("grant_id", "sequence", "kind", "value", "left", "booking_id", "on", "at", "by_id"),
        deletable=True,
    ),
    *guards.append_only(
        "bookings", "bookings_creditgrant",
        frozen=("contract_id", "credit_id", "starts_on", "ends_on", "unit", "value"),
        deletable=True,
    ),
    # Unused credit goes with the contract of an import that is undone; what was used stays.
    *(
        guards.Guard(
            f"{table}_is_kept", "bookings", table, "DELETE", sqlite=used, postgresql=used
        )
        for table, used in (
            ("bookings_creditentry", _USED.format(grant="OLD.grant_id")),
            ("bookings_creditgrant", _USED.format(grant="OLD.id")),
        )
    ),
    *(
        guards.Guard(
            f"{table}_is_not_emptied", "bookings", table, "TRUNCATE", postgresql="true",
            level="STATEMENT",
        )
        for table in ("bookings_creditentry", "bookings_creditgrant")
    ),
]  # fmt: skip
