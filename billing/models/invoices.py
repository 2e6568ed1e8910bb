import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models.charges import Charge
from billing.models.crediting import Creditable
from billing.models.issuing import Issuable
from billing.models.numbering import Series
from billing.models.payables import PayableQuerySet
from billing.models.paying import Payable
from billing.tax import TaxSum
from customers.models import Customer
from kit import clock, money
from kit.fields import Line
from spaces.models import Location
from spaces.taxes import TaxCategory


class Settlement(models.TextChoices):
    """How far an issued invoice is paid: the first of these that holds."""

    WRITTEN_OFF = "written_off", gettext_lazy("Written off")
    CREDITED = "credited", gettext_lazy("Credited")
    PAID = "paid", gettext_lazy("Paid")
    OVERDUE = "overdue", gettext_lazy("Overdue")
    PART_PAID = "part_paid", gettext_lazy("Part paid")
    OPEN = "open", gettext_lazy("Open")


class InvoiceQuerySet(PayableQuerySet["Invoice"]):
    """`on` is a local date."""

    def drafts(self) -> "InvoiceQuerySet":
        return self.filter(state="draft")

    def issued(self) -> "InvoiceQuerySet":
        return self.filter(state="issued")

    def asked(self) -> "InvoiceQuerySet":
        """A draft asks nobody to pay."""
        return self.issued()

    def with_settlement(self) -> "InvoiceQuerySet":
        """With what `settlement_on` asks for today, for lists."""
        return self.annotate(
            is_written_off_now=models.ExpressionWrapper(
                Q(self._written_off()), output_field=models.BooleanField()
            ),
            credited_now=self._credited(),
            settled_by_notes_now=self._settled(kind="credit_note"),
        )

    def facts(self, until: dt.date | None) -> Any:
        """What is settled, whether it is written off, what credit notes gave back, and what they
        settled: of each, until a day or by now."""
        return self.annotate(
            settled_then=self._settled(until),
            given_up=models.ExpressionWrapper(
                Q(self._written_off(until)), output_field=models.BooleanField()
            ),
            credited_then=self._credited(until),
            by_notes=self._settled(until, kind="credit_note"),
        ).values_list("settled_then", "given_up", "credited_then", "by_notes")

    def _taken_back(self, until: dt.date | None = None) -> Q:
        return Q(total__gt=0, total=self._credited(until))

    def _credited(self, until: dt.date | None = None) -> Coalesce:
        """The sum of the credit notes, or of those until a day."""
        notes = self._related("credit_notes")
        if until is not None:
            notes = notes.filter(issued_on__lte=until)
        return self._sum(notes, "total")

    def visible_to(self, user) -> "InvoiceQuerySet":
        """For staff those of their locations; for the others the issued ones of their own
        customers."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.issued().filter(customer__in=Customer.objects.visible_to(user))

    def shown(self) -> "InvoiceQuerySet":
        """With what a row says of them."""
        return self.select_related("customer", "location").with_settlement()


class Invoice(Issuable, Payable, Creditable, models.Model):
    """What a customer is asked to pay: a draft, then issued, and from then on as it is.

    `total` = `net` + `tax`, all in the location's currency. `settled` is what of it is paid,
    credited or written off; it is written with each `Allocation`. `seller` and `buyer` are copies
    of names, addresses and tax numbers as they were at issue; `tax_sums` what is said of each rate.
    `billing_date` is the date that a billing run made it for, `replaces` a wrong invoice whose
    place it took. The number counts within its series.
    """

    class State(models.TextChoices):
        DRAFT = "draft", gettext_lazy("Draft")
        ISSUED = "issued", gettext_lazy("Issued")

    Settlement = Settlement

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices")
    location = models.ForeignKey(Location, models.PROTECT, related_name="invoices")
    state = Line(max_length=6, choices=State, default=State.DRAFT)
    series = models.ForeignKey(Series, models.PROTECT, null=True, related_name="invoices")
    sequence = models.PositiveIntegerField(null=True)
    number = Line(gettext_lazy("number"), max_length=30, null=True, unique=True)
    issued_on = models.DateField(gettext_lazy("issued on"), null=True)
    due_on = models.DateField(gettext_lazy("due on"), null=True)
    billing_date = models.DateField(null=True)
    net = money.MoneyField(default=money.ZERO)
    tax = money.MoneyField(default=money.ZERO)
    total = money.MoneyField(default=money.ZERO)
    settled = money.MoneyField(default=money.ZERO)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(null=True)
    tax_sums = models.JSONField(default=list)
    note = Line(gettext_lazy("note"), max_length=500, blank=True)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    run = models.ForeignKey(
        "billing.BillingRun", models.PROTECT, null=True, related_name="invoices"
    )
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    erased_at = models.DateTimeField(null=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("invoice")
        indexes = [
            models.Index(fields=["customer", "location", "-id"], name="invoice_of_account"),
            models.Index(fields=["location", "-issued_on", "-id"], name="invoice_by_date"),
            models.Index(
                fields=["due_on", "id"],
                condition=Q(state="issued", settled__lt=F("total")),
                name="invoice_unpaid",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="invoice_numbered_once"),
            models.CheckConstraint(
                condition=Q(settled__gte=0, settled__lte=F("total")),
                name="invoice_settled_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", series=None, sequence=None, number=None, issued_on=None)
                | Q(
                    state="issued", series__isnull=False, sequence__isnull=False,
                    number__isnull=False, issued_on__isnull=False, due_on__isnull=False,
                ),
                name="invoice_numbered_when_issued",
            ),
            models.CheckConstraint(
                condition=Q(net__gte=0, tax__gte=0, total__gte=0), name="invoice_not_negative"
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.number or _("Draft")

    @property
    def currency(self) -> str:
        return self.location.currency

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def due(self) -> Decimal:
        """What is left to pay."""
        return money.ZERO if self.is_draft else self.total - self.settled

    @property
    def dated_on(self) -> dt.date:
        """The day from which it is owed."""
        return self.issued_on or self.location.today()

    @property
    def reference(self) -> str:
        """What a customer writes on a bank transfer."""
        return self.number or ""

    def settlement_on(self, on: dt.date) -> str:
        """Return how far it is paid on a day, the first that holds; "draft" before it is issued.

        Written off, credited (its credit notes make up the total), paid (nothing is due), overdue,
        part paid (money was paid), open. See also `InvoiceQuerySet.in_settlement`.
        """
        if self.issued_on is None or self.due_on is None or on < self.issued_on:
            return self.State.DRAFT
        settled, given_up, credited, by_notes = self._facts(on)
        if given_up:
            return Settlement.WRITTEN_OFF
        if self.total > 0 and credited == self.total:
            return Settlement.CREDITED
        if settled == self.total:
            return Settlement.PAID
        if on > self.due_on:
            return Settlement.OVERDUE
        return Settlement.PART_PAID if settled > by_notes else Settlement.OPEN

    def _facts(self, on: dt.date) -> tuple[Decimal, bool, Decimal, Decimal]:
        """What is settled, whether it is written off, what credit notes gave back, and what they
        settled; on a day."""
        names = ("is_written_off_now", "credited_now", "settled_by_notes_now")
        is_past = on < self.location.today()
        if not is_past and all(name in self.__dict__ for name in names):
            given_up, credited, by_notes = (getattr(self, name) for name in names)
            return self.settled, given_up, credited, by_notes
        until = on if is_past else None
        found: tuple[Decimal, bool, Decimal, Decimal]
        found = Invoice.objects.filter(pk=self.pk).facts(until).get()
        return found

    @property
    def settlement(self) -> str:
        """How far it is paid today."""
        return self.settlement_on(self.location.today())

    @property
    def shown_settlement(self) -> str:
        found = self.settlement
        return str(
            self.State(found).label if found == self.State.DRAFT else Settlement(found).label
        )

    @property
    def people(self) -> str:
        """Who is asked to pay, as printed."""
        return (self.buyer or {}).get("name") or self.customer.name


class InvoiceLine(models.Model):
    """One charge on an invoice, as it is printed: net and tax are the invoice's share, rounded once
    per rate. A charge is on one invoice at most."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    charge = models.OneToOneField(Charge, models.PROTECT, related_name="line")
    position = models.PositiveIntegerField()
    text = Line(max_length=300)
    detail = Line(max_length=500, blank=True)
    on = models.DateField()
    quantity = models.PositiveIntegerField(default=1)
    # The buyer's.
    purchase_order = Line(max_length=100, blank=True)
    price = money.MoneyField()
    tax_rate = money.RateField()
    tax_category = Line(max_length=14, choices=TaxCategory)
    tax_note = Line(max_length=200, blank=True)
    net = money.MoneyField()
    tax = money.MoneyField()

    class Meta:
        ordering = ["invoice", "position"]
        verbose_name = gettext_lazy("invoice line")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_in_its_place")
        ]

    def __str__(self):
        return self.text

    @property
    def tax_sum(self) -> TaxSum:
        """What the line adds to the sums of its document."""
        return TaxSum(self.tax_rate, self.tax_category, self.tax_note, self.net, self.tax)

    @property
    def amount(self) -> Decimal:
        return self.net

    @property
    def total(self) -> Decimal:
        return self.net + self.tax
