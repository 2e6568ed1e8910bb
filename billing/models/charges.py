import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy

from billing.models.products import Product
from billing.models.subscriptions import Subscription
from bookings.models import Booking, LateFee
from customers.models import Customer, Team
from kit import clock, guards, money
from kit.fields import Line
from kit.problems import Problem, speak_for
from plans.models import Contract
from spaces.models import Location
from spaces.taxes import TaxCategory


class Cause(models.TextChoices):
    """Why a charge was voided or credited: what staff give stays given, what a decision gives
    back follows it."""

    STAFF = "staff", gettext_lazy("by the staff")
    DECISION = "decision", gettext_lazy("by a decision")
    REPLACEMENT = "replacement", gettext_lazy("replaced by another")


class TaxSource(models.TextChoices):
    """What decided the tax of a charge."""

    LOCATION = "location", gettext_lazy("the location's rate")
    ITEM = "item", gettext_lazy("the rate of what was sold")
    ENTERED = "entered", gettext_lazy("entered by the staff")
    CUSTOMER = "customer", gettext_lazy("the customer's exemption")
    SMALL_BUSINESS = "small_business", gettext_lazy("small business")
    DEPOSIT = "deposit", gettext_lazy("a deposit is not revenue")


class BilledCycle(models.Model):
    """A cycle of a contract, or a period of a subscription, is settled: once and for all.

    A fee was charged for it, or it was waived for a reason. `starts_on` and `ends_on` are the
    contract's own days in it, half-open as they were; `price` (per piece) and `discount` are what
    was agreed then: what changes later touches only what is charged afterwards. A
    decision that changes the fee later replaces the charge, credits its invoice line, or adds a
    charge that names this row; see `billing.corrections`.
    """

    class Kind(models.TextChoices):
        FEE = "fee", gettext_lazy("charged")
        WAIVER = "waiver", gettext_lazy("waived")

    class Reason(models.TextChoices):
        NONE = "", ""
        SUSPENDED = "suspended", gettext_lazy("suspended on the day it was due")
        BACKDATED = "backdated", gettext_lazy("due before the contract was signed")
        FROZEN = "frozen", gettext_lazy("frozen on every day")

    contract = models.ForeignKey(Contract, models.PROTECT, null=True, related_name="billed_cycles")
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, related_name="billed_cycles"
    )
    starts_on = models.DateField()
    ends_on = models.DateField()
    due_on = models.DateField()
    kind = Line(max_length=6, choices=Kind)
    reason = Line(max_length=10, choices=Reason, blank=True)
    price = money.MoneyField()
    discount = money.RateField(default=money.ZERO)
    settled_at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["starts_on", "id"]
        verbose_name = gettext_lazy("settled cycle")
        constraints = [
            models.UniqueConstraint(fields=["contract", "starts_on"], name="cycle_settled_once"),
            models.UniqueConstraint(
                fields=["subscription", "starts_on"], name="period_settled_once"
            ),
            models.CheckConstraint(
                condition=Q(contract=None) ^ Q(subscription=None), name="cycle_of_one_agreement"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gt=models.F("starts_on")), name="cycle_has_days"
            ),
            models.CheckConstraint(
                condition=Q(kind="fee", reason="")
                | Q(kind="waiver", reason__in=["suspended", "backdated", "frozen"]),
                name="cycle_waived_for_a_reason",
            ),
        ]

    def __str__(self):
        return f"{self.starts_on} to {self.ends_on}: {self.kind}"

    @classmethod
    def untouched(cls) -> models.QuerySet:
        """Waivers: what goes with the contract of an import that is undone."""
        return cls.objects.filter(kind=cls.Kind.WAIVER, charges=None)

    @property
    def agreement(self) -> Any:
        """The contract or the subscription."""
        return self.contract if self.contract_id else self.subscription


class ChargeQuerySet(models.QuerySet["Charge"]):
    def standing(self) -> "ChargeQuerySet":
        """Charges that were not voided."""
        return self.filter(void=None)

    def waiting(self) -> "ChargeQuerySet":
        """Charges that no invoice has taken and nobody has voided."""
        voids = ChargeVoid.objects.filter(charge=OuterRef("pk"))
        lines = Charge.line.related.related_model.objects.filter(charge=OuterRef("pk"))
        return self.filter(~Exists(voids), ~Exists(lines))

    def ripe(self, *, on: dt.date) -> "ChargeQuerySet":
        """Those that a billing date on this day may take."""
        return self.filter(ripe_on__lte=on)

    def visible_to(self, user) -> "ChargeQuerySet":
        """For staff those of their locations, for the others their own customers'."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.filter(customer__in=Customer.objects.visible_to(user))

    def explained(self) -> "ChargeQuerySet":
        """With what a row says of them."""
        return self.select_related(
            "customer", "location", "used_by", "on_behalf_of", "line__invoice", "void"
        )


class Charge(models.Model):
    """What a customer owes for one thing, with its tax and its explanation; never changed.

    `customer` pays, `used_by` has had it (where a team's payer pays), `on_behalf_of` is the team.
    `on` is the service date: the local day of a booking, of a sale, the due day of a fee. `ripe_on`
    is the first billing date that may take it. `price` is as entered, with or without tax
    (`includes_tax`), after discount and credit; `amount` is net; none of them is below zero. The
    tax is that of `tax_on`, and provisional until the charge is invoiced: then `amount` and `tax`
    are the line's. `contained_rate` is the rate whose tax an exempt customer does not pay although
    the price was entered with it. A mistake is voided, or credited once it is invoiced. `replaces`
    is the voided or credited charge whose place it took. `explanation` says how it came about; see
    `billing.explaining`.
    """

    class Kind(models.TextChoices):
        FEE = "fee", gettext_lazy("Plan fee")
        SUBSCRIPTION = "subscription", gettext_lazy("Subscription")
        ADJUSTMENT = "adjustment", gettext_lazy("Adjustment")
        SIGN_UP_FEE = "sign_up_fee", gettext_lazy("Sign-up fee")
        DEPOSIT = "deposit", gettext_lazy("Deposit")
        BOOKING = "booking", gettext_lazy("Booking")
        LATE_FEE = "late_fee", gettext_lazy("Late cancellation")
        SALE = "sale", gettext_lazy("Sale")
        OTHER = "other", gettext_lazy("Other")

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="charges")
    location = models.ForeignKey(Location, models.PROTECT, related_name="charges")
    used_by = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="charges_used")
    on_behalf_of = models.ForeignKey(Team, models.PROTECT, null=True, related_name="charges")
    kind = Line(max_length=12, choices=Kind)
    text = Line(gettext_lazy("text"), max_length=300)
    on = models.DateField(gettext_lazy("date"))
    ripe_on = models.DateField()
    # The days it is for, where it is for days: half-open.
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    quantity = models.PositiveIntegerField(gettext_lazy("quantity"), default=1)
    price = money.MoneyField()
    includes_tax = models.BooleanField(default=False)
    tax_on = models.DateField(gettext_lazy("tax day"))
    tax_rate = money.RateField(gettext_lazy("tax rate in percent"))
    tax_category = Line(max_length=14, choices=TaxCategory)
    tax_source = Line(max_length=14, choices=TaxSource)
    contained_rate = money.RateField(default=money.ZERO)
    # Why nothing is taxed, where that needs saying.
    tax_note = Line(max_length=200, blank=True)
    amount = money.MoneyField()
    tax = money.MoneyField()
    explanation = models.JSONField()
    contract = models.ForeignKey(Contract, models.PROTECT, null=True, related_name="charges")
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, related_name="charges"
    )
    cycle = models.ForeignKey(BilledCycle, models.PROTECT, null=True, related_name="charges")
    adjusts = models.ForeignKey("self", models.PROTECT, null=True, related_name="adjustments")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    booking = models.ForeignKey(Booking, models.PROTECT, null=True, related_name="charges")
    late_fee = models.ForeignKey(LateFee, models.PROTECT, null=True, related_name="charges")
    product = models.ForeignKey(Product, models.PROTECT, null=True, related_name="charges")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = ChargeQuerySet.as_manager()

    class Meta:
        ordering = ["on", "id"]
        verbose_name = gettext_lazy("charge")
        indexes = [
            models.Index(fields=["customer", "location", "ripe_on"], name="charge_of_account"),
            models.Index(fields=["location", "-on", "-id"], name="charge_by_day"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["cycle"],
                condition=Q(kind__in=["fee", "subscription"], replaces=None),
                name="one_fee_a_cycle",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="charge_quantity"),
            models.CheckConstraint(
                condition=Q(price__gte=0, amount__gte=0, tax__gte=0), name="charge_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(includes_tax=False, contained_rate=0, price=models.F("amount"))
                | Q(
                    includes_tax=True, contained_rate=0,
                    price=models.F("amount") + models.F("tax"),
                )
                | Q(
                    includes_tax=True, contained_rate__gt=0, tax=0,
                    price__gte=models.F("amount"),
                ),
                name="charge_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(tax_rate__gt=0, tax_category__in=["standard", "reduced"])
                | Q(
                    tax_rate=0,
                    tax_category__in=["zero", "exempt", "reverse_charge", "outside_scope"],
                ),
                name="charge_tax_has_category",
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.text

    @property
    def currency(self) -> str:
        return self.location.currency

    @property
    def total(self) -> Decimal:
        """What is paid, tax included."""
        return self.amount + self.tax

    @property
    def last_day(self) -> dt.date | None:
        return self.ends_on - dt.timedelta(days=1) if self.ends_on else None

    @property
    def purchase_order(self) -> str:
        """The buyer's purchase order that it is for, "" if none."""
        order = self.explanation.get("purchase_order")
        if order is None and self.contract_id is not None:
            order = self.contract.purchase_order
        return order or ""

    @property
    def invoice(self):
        """The invoice that has taken it, a draft or an issued one, or None."""
        line = getattr(self, "line", None)
        return line.invoice if line is not None else None

    @property
    def is_void(self) -> bool:
        return getattr(self, "void", None) is not None

    @property
    def state(self) -> str:
        """ "void", "waiting", "draft" (on a draft) or "invoiced"."""
        if self.is_void:
            return "void"
        if self.invoice is None:
            return "waiting"
        return "invoiced" if self.invoice.number else "draft"


class ChargeVoid(models.Model):
    """A charge was taken back before an invoice took it: by whom, when and why."""

    charge = models.OneToOneField(Charge, models.PROTECT, related_name="void")
    cause = Line(max_length=11, choices=Cause, default=Cause.STAFF)
    reason = Line(max_length=500)
    on = models.DateField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = gettext_lazy("voided charge")

    def __str__(self):
        return self.reason


speak_for(
    "billing_chargevoid.charge_id",
    Problem("void_already", gettext_lazy("This charge was voided already.")),
)
speak_for(
    "billing_chargevoid_charge_id_key",
    Problem("void_already", gettext_lazy("This charge was voided already.")),
)
speak_for(
    "cycle_settled_once",
    Problem("settled_already", gettext_lazy("This cycle is settled already.")),
)
_INVOICED = Problem("invoiced", gettext_lazy("An invoice has taken this charge meanwhile."))

_OVERLAP = (
    "EXISTS (SELECT 1 FROM billing_billedcycle o WHERE o.id <> NEW.id AND {same} AND "
    "o.starts_on < NEW.ends_on AND o.ends_on > NEW.starts_on)"
)
_SAME = "(o.contract_id = NEW.contract_id OR o.subscription_id = NEW.subscription_id)"
_OF_TAX = ("tax_on", "tax_rate", "tax_category", "tax_source", "contained_rate", "tax_note",
           "amount", "tax")  # fmt: skip
_ISSUED = (
    "EXISTS (SELECT 1 FROM billing_invoiceline l JOIN billing_invoice i ON i.id = l.invoice_id "
    "WHERE l.charge_id = NEW.id AND i.state = 'issued')"
)
_TERMS = ("starts_on", "cycle_unit", "cycle_length", "billing_day", "fee_due")

guards_of_charges = [
    *guards.append_only(
        "billing", "billing_charge",
        frozen=("customer_id", "location_id", "used_by_id", "on_behalf_of_id", "kind", "text", "on",
                "ripe_on", "starts_on", "ends_on", "quantity", "price", "includes_tax",
                "explanation", "contract_id", "subscription_id", "cycle_id", "adjusts_id",
                "replaces_id", "booking_id", "late_fee_id", "product_id", "at", "by_id"),
    ),
    # The tax is provisional until an invoice is issued: then it is the line's.
    guards.Guard(
        "tax_of_an_invoiced_charge", "billing", "billing_charge", "UPDATE",
        sqlite=f"({' OR '.join(f'NEW.{c} IS NOT OLD.{c}' for c in _OF_TAX)}) AND {_ISSUED}",
        postgresql=(
            f"({' OR '.join(f'NEW.{c} IS DISTINCT FROM OLD.{c}' for c in _OF_TAX)}) AND {_ISSUED}"
        ),
    ),
    *guards.append_only(
        "billing", "billing_chargevoid",
        frozen=("charge_id", "cause", "reason", "on", "at", "by_id"),
    ),
    *guards.append_only(
        "billing", "billing_billedcycle",
        frozen=("contract_id", "subscription_id", "starts_on", "ends_on", "due_on", "kind",
                "reason", "price", "discount"),
        deletable=True,
    ),
    guards.Guard(
        "billing_billedcycle_is_kept", "billing", "billing_billedcycle", "DELETE",
        sqlite="OLD.kind <> 'waiver'", postgresql="OLD.kind <> 'waiver'",
    ),
    guards.Guard(
        "settled_cycles_stay_apart", "billing", "billing_billedcycle", "INSERT",
        sqlite=_OVERLAP.format(same=_SAME), postgresql=_OVERLAP.format(same=_SAME),
    ),
    # The charge's row is locked first, so that a void and an invoice never pass each other.
    guards.Guard(
        "void_is_not_invoiced", "billing", "billing_chargevoid", "INSERT",
        sqlite="EXISTS (SELECT 1 FROM billing_invoiceline l WHERE l.charge_id = NEW.charge_id)",
        postgresql="EXISTS (SELECT 1 FROM billing_invoiceline l WHERE l.charge_id = NEW.charge_id)",
        first="PERFORM 1 FROM billing_charge WHERE id = NEW.charge_id FOR NO KEY UPDATE;",
    ),
    *(
        guards.Guard(
            f"{word}_terms_are_settled", app, table, "UPDATE",
            sqlite=f"({' OR '.join(f'NEW.{c} IS NOT OLD.{c}' for c in columns)}) AND {some}",
            postgresql=(
                f"({' OR '.join(f'NEW.{c} IS DISTINCT FROM OLD.{c}' for c in columns)}) AND {some}"
            ),
            reads=("billing",),
        )
        for word, app, table, columns, some in (
            ("contract", "plans", "plans_contract", _TERMS,
             "EXISTS (SELECT 1 FROM billing_billedcycle b WHERE b.contract_id = NEW.id)"),
            ("subscription", "billing", "billing_subscription",
             ("starts_on", "cycle_unit", "cycle_length", "fee_due", "price"),
             "EXISTS (SELECT 1 FROM billing_billedcycle b WHERE b.subscription_id = NEW.id)"),
        )
    ),
]  # fmt: skip
_SETTLED = Problem(
    "terms_settled",
    gettext_lazy("A cycle was settled by these terms: end the contract and sign a new one."),
)
for _name, _problem in (
    ("void_is_not_invoiced", _INVOICED),
    ("tax_of_an_invoiced_charge", _INVOICED),
    ("contract_terms_are_settled", _SETTLED),
    ("subscription_terms_are_settled", _SETTLED),
):
    speak_for(_name, _problem)
