from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import kit.clock
import kit.fields
import kit.money
import kit.schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("bookings", "0001_initial"),
        ("customers", "0001_initial"),
        ("plans", "0001_initial"),
        ("spaces", "0001_initial"),
    ]

    operations = [
        kit.schema.Batch(
            operations=[
                migrations.CreateModel(
                    name="Account",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="accounts",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="accounts",
                                to="spaces.location",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "account",
                        "ordering": ["id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("customer", "location"), name="account_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BillingRun",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("on", models.DateField(null=True)),
                        ("asked", models.BooleanField(default=False)),
                        ("started_at", models.DateTimeField(default=kit.clock.now)),
                        ("leased_until", models.DateTimeField(null=True)),
                        ("finished_at", models.DateTimeField(null=True)),
                        ("done", models.PositiveIntegerField(default=0)),
                        ("total", models.PositiveIntegerField(default=0)),
                        ("invoiced", models.PositiveIntegerField(default=0)),
                        ("failed", models.PositiveIntegerField(default=0)),
                        ("error", kit.fields.Text(blank=True)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="billing_runs",
                                to="spaces.location",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "billing run",
                        "ordering": ["-id"],
                    },
                ),
                migrations.CreateModel(
                    name="Product",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("name", kit.fields.Line(max_length=120, verbose_name="name")),
                        (
                            "description",
                            kit.fields.Text(
                                blank=True, max_length=2000, verbose_name="description"
                            ),
                        ),
                        (
                            "recurring",
                            models.BooleanField(
                                default=False,
                                help_text="Paid again every period, such as a locker. It makes no member.",
                                verbose_name="recurring",
                            ),
                        ),
                        ("price", kit.money.MoneyField(default=Decimal("0"), verbose_name="price")),
                        (
                            "stock",
                            models.PositiveIntegerField(
                                blank=True,
                                help_text="Empty: not counted.",
                                null=True,
                                verbose_name="in stock",
                            ),
                        ),
                        (
                            "buyers",
                            kit.fields.Line(
                                choices=[
                                    ("everyone", "everyone"),
                                    ("members", "members"),
                                    ("contacts", "contacts"),
                                    ("plans", "customers on chosen plans"),
                                ],
                                default="everyone",
                                max_length=10,
                                verbose_name="who may buy",
                            ),
                        ),
                        (
                            "offered_in_portal",
                            models.BooleanField(
                                default=False, verbose_name="offered in the portal"
                            ),
                        ),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "bound_to_premises",
                            models.BooleanField(
                                default=False,
                                help_text="What is bound to the premises is never reverse charged.",
                                verbose_name="bound to the premises",
                            ),
                        ),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="products",
                                to="spaces.location",
                                verbose_name="location",
                            ),
                        ),
                        (
                            "plans",
                            models.ManyToManyField(
                                blank=True,
                                related_name="products",
                                to="plans.plan",
                                verbose_name="plans",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "product",
                        "ordering": ["name", "id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("price__gte", 0)),
                                name="product_price_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("stock", None), ("stock__gte", 0), _connector="OR"
                                ),
                                name="stock_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("buyers__in", ["everyone", "members", "contacts", "plans"])
                                ),
                                name="product_buyers_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ProductTaxRate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("from_on", models.DateField(blank=True, null=True, verbose_name="from")),
                        (
                            "rate",
                            kit.money.RateField(
                                blank=True, null=True, verbose_name="tax rate in percent"
                            ),
                        ),
                        (
                            "category",
                            kit.fields.Line(
                                blank=True,
                                choices=[
                                    ("standard", "Standard rate"),
                                    ("reduced", "Reduced rate"),
                                    ("zero", "Zero rated"),
                                    ("exempt", "Exempt"),
                                    ("reverse_charge", "Reverse charge"),
                                    ("outside_scope", "Outside the scope of tax"),
                                ],
                                max_length=14,
                                verbose_name="category",
                            ),
                        ),
                        (
                            "reason",
                            kit.fields.Line(
                                blank=True,
                                max_length=200,
                                verbose_name="reason printed on invoices",
                            ),
                        ),
                        (
                            "product",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tax_rates",
                                to="billing.product",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "abstract": False,
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("product", "from_on"), name="product_tax_rate_once_a_day"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("from_on", None)),
                                fields=("product",),
                                name="product_first_tax_rate_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("category", ""), ("rate", None)),
                                    models.Q(
                                        ("category__in", ["standard", "reduced"]), ("rate__gt", 0)
                                    ),
                                    models.Q(
                                        ("category__in", ["zero", "exempt", "outside_scope"]),
                                        ("rate", 0),
                                    ),
                                    _connector="OR",
                                ),
                                name="product_tax_rate_has_category",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Series",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[("invoice", "Invoices"), ("credit_note", "Credit notes")],
                                max_length=11,
                            ),
                        ),
                        ("prefix", kit.fields.Line(max_length=16, unique=True)),
                        ("last_number", models.PositiveIntegerField(default=0)),
                        ("last_issued_on", models.DateField(null=True)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="series",
                                to="spaces.location",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["location", "kind", "id"],
                    },
                ),
                migrations.CreateModel(
                    name="Invoice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "state",
                            kit.fields.Line(
                                choices=[("draft", "Draft"), ("issued", "Issued")],
                                default="draft",
                                max_length=6,
                            ),
                        ),
                        ("sequence", models.PositiveIntegerField(null=True)),
                        (
                            "number",
                            kit.fields.Line(
                                max_length=30, null=True, unique=True, verbose_name="number"
                            ),
                        ),
                        ("issued_on", models.DateField(null=True, verbose_name="issued on")),
                        ("due_on", models.DateField(null=True, verbose_name="due on")),
                        ("billing_date", models.DateField(null=True)),
                        ("net", kit.money.MoneyField(default=Decimal("0"))),
                        ("tax", kit.money.MoneyField(default=Decimal("0"))),
                        ("total", kit.money.MoneyField(default=Decimal("0"))),
                        ("settled", kit.money.MoneyField(default=Decimal("0"))),
                        ("seller", models.JSONField(default=dict)),
                        ("buyer", models.JSONField(null=True)),
                        ("tax_sums", models.JSONField(default=list)),
                        ("note", kit.fields.Line(blank=True, max_length=500, verbose_name="note")),
                        (
                            "replaces",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="billing.invoice",
                            ),
                        ),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        ("issued_at", models.DateTimeField(null=True)),
                        ("erased_at", models.DateTimeField(null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "issued_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "made_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "run",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="billing.billingrun",
                            ),
                        ),
                        (
                            "series",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="billing.series",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "invoice",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "location", "-id"], name="invoice_of_account"
                            ),
                            models.Index(
                                fields=["location", "-issued_on", "-id"], name="invoice_by_date"
                            ),
                            models.Index(
                                condition=models.Q(
                                    ("settled__lt", models.F("total")), ("state", "issued")
                                ),
                                fields=["due_on", "id"],
                                name="invoice_unpaid",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("series", "sequence"), name="invoice_numbered_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("settled__gte", 0), ("settled__lte", models.F("total"))
                                ),
                                name="invoice_settled_in_bounds",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("issued_on", None),
                                        ("number", None),
                                        ("sequence", None),
                                        ("series", None),
                                        ("state", "draft"),
                                    ),
                                    models.Q(
                                        ("due_on__isnull", False),
                                        ("issued_on__isnull", False),
                                        ("number__isnull", False),
                                        ("sequence__isnull", False),
                                        ("series__isnull", False),
                                        ("state", "issued"),
                                    ),
                                    _connector="OR",
                                ),
                                name="invoice_numbered_when_issued",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("net__gte", 0), ("tax__gte", 0), ("total__gte", 0)
                                ),
                                name="invoice_not_negative",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditNote",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("sequence", models.PositiveIntegerField()),
                        (
                            "number",
                            kit.fields.Line(max_length=30, unique=True, verbose_name="number"),
                        ),
                        ("issued_on", models.DateField(verbose_name="issued on")),
                        (
                            "cause",
                            kit.fields.Line(
                                choices=[
                                    ("staff", "by the staff"),
                                    ("decision", "by a decision"),
                                    ("replacement", "replaced by another"),
                                ],
                                default="staff",
                                max_length=11,
                            ),
                        ),
                        ("net", kit.money.MoneyField()),
                        ("tax", kit.money.MoneyField()),
                        ("total", kit.money.MoneyField()),
                        ("tax_sums", models.JSONField(default=list)),
                        ("seller", models.JSONField(default=dict)),
                        ("buyer", models.JSONField(null=True)),
                        ("reason", kit.fields.Line(max_length=500, verbose_name="reason")),
                        ("issued_at", models.DateTimeField(default=kit.clock.now)),
                        ("erased_at", models.DateTimeField(null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_notes",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "issued_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_notes",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_notes",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "series",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_notes",
                                to="billing.series",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "credit note",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "location", "-id"],
                                name="credit_note_of_account",
                            ),
                            models.Index(
                                fields=["location", "-issued_on", "-id"], name="credit_note_by_date"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("series", "sequence"), name="credit_note_numbered_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Document",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("pdf", models.BinaryField()),
                        ("sha256", kit.fields.Line(max_length=64)),
                        ("made_with", kit.fields.Line(max_length=200)),
                        ("xml", kit.fields.Text(blank=True)),
                        ("xml_problem", kit.fields.Line(blank=True, max_length=300)),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "credit_note",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="document",
                                to="billing.creditnote",
                            ),
                        ),
                        (
                            "invoice",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="document",
                                to="billing.invoice",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("invoice", None), ("credit_note", None), _connector="XOR"
                                ),
                                name="document_of_one",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("invoice", "Invoice"),
                                    ("credit_note", "Credit note"),
                                    ("reminder", "Reminder"),
                                ],
                                max_length=11,
                            ),
                        ),
                        ("to", kit.fields.Line(max_length=254)),
                        ("asked_at", models.DateTimeField(default=kit.clock.now)),
                        ("written_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "asked_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "credit_note",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliveries",
                                to="billing.creditnote",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliveries",
                                to="billing.invoice",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "delivery",
                        "verbose_name_plural": "deliveries",
                        "ordering": ["id"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("written_at", None)),
                                fields=["id"],
                                name="delivery_waiting",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BillingRunItem",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("billing_date", models.DateField(null=True)),
                        (
                            "outcome",
                            kit.fields.Line(
                                choices=[
                                    ("invoiced", "Invoiced"),
                                    ("drafted", "Draft"),
                                    ("zero", "Nothing to pay"),
                                    ("suspended", "Suspended"),
                                    ("failed", "Failed"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("amount", kit.money.MoneyField(default=Decimal("0"))),
                        ("text", kit.fields.Line(blank=True, max_length=300)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "run",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="items",
                                to="billing.billingrun",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="run_items",
                                to="billing.invoice",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "indexes": [
                            models.Index(
                                fields=["run", "outcome", "id"], name="run_item_by_outcome"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceLink",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("token", kit.fields.Line(editable=False, max_length=64, unique=True)),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="links",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "revoked_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("revoked_at", None)),
                                fields=("invoice",),
                                name="one_link_an_invoice",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Payment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("payment", "Payment"),
                                    ("refund", "Refund"),
                                    ("reversal", "Reversal"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("amount", kit.money.MoneyField(verbose_name="amount")),
                        ("on", models.DateField(verbose_name="date")),
                        (
                            "method",
                            kit.fields.Line(
                                choices=[
                                    ("transfer", "Bank transfer"),
                                    ("card", "Card"),
                                    ("cash", "Cash"),
                                    ("debit", "Direct debit"),
                                    ("deposit", "Deposit"),
                                    ("other", "Other"),
                                ],
                                default="transfer",
                                max_length=10,
                                verbose_name="method",
                            ),
                        ),
                        (
                            "reference",
                            kit.fields.Line(blank=True, max_length=120, verbose_name="reference"),
                        ),
                        (
                            "reason",
                            kit.fields.Line(blank=True, max_length=500, verbose_name="reason"),
                        ),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="payments",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="payments",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="payments",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "reverses",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reversed_by",
                                to="billing.payment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "payment",
                        "ordering": ["-on", "-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "location", "-on"], name="payment_of_account"
                            ),
                            models.Index(fields=["location", "-on", "-id"], name="payment_by_date"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("amount__gt", 0), ("kind", "payment"), ("reverses", None)
                                    ),
                                    models.Q(
                                        ("amount__lt", 0), ("kind", "refund"), ("reverses", None)
                                    ),
                                    models.Q(
                                        ("kind", "reversal"),
                                        ("reverses__isnull", False),
                                        models.Q(("amount", 0), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="payment_sign",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AccountEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("sequence", models.PositiveIntegerField()),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("overpaid", "Paid too much"),
                                    ("credited", "Credited"),
                                    ("paid", "Paid an invoice"),
                                    ("taken_back", "Taken back from an invoice"),
                                    ("reversed", "Payment reversed"),
                                    ("refunded", "Refunded"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("value", kit.money.MoneyField()),
                        ("left", kit.money.MoneyField()),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "account",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="entries",
                                to="billing.account",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "credit_note",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_entries",
                                to="billing.creditnote",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_entries",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "payment",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_entries",
                                to="billing.payment",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["account", "sequence"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("account", "sequence"), name="account_entry_in_order"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("left__gte", 0)),
                                name="account_credit_not_negative",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Reminder",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("days", models.PositiveSmallIntegerField()),
                        ("on", models.DateField()),
                        ("due", kit.money.MoneyField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reminders",
                                to="billing.invoice",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "reminder",
                        "ordering": ["id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("invoice", "days"), name="reminded_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("due__gt", 0)), name="reminded_of_something"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Subscription",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("starts_on", models.DateField(verbose_name="first day")),
                        (
                            "ends_on",
                            models.DateField(blank=True, null=True, verbose_name="last day"),
                        ),
                        (
                            "cycle_unit",
                            kit.fields.Line(
                                choices=[("day", "days"), ("week", "weeks"), ("month", "months")],
                                default="month",
                                max_length=5,
                                verbose_name="paid every",
                            ),
                        ),
                        (
                            "cycle_length",
                            models.PositiveSmallIntegerField(
                                default=1,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(366),
                                ],
                                verbose_name="every",
                            ),
                        ),
                        (
                            "fee_due",
                            kit.fields.Line(
                                choices=[
                                    ("in_arrears", "at the end of the period"),
                                    ("in_advance", "at the start of the period"),
                                ],
                                default="in_arrears",
                                max_length=10,
                                verbose_name="fee due",
                            ),
                        ),
                        ("price", kit.money.MoneyField(verbose_name="price")),
                        (
                            "quantity",
                            models.PositiveIntegerField(
                                default=1,
                                validators=[django.core.validators.MinValueValidator(1)],
                                verbose_name="quantity",
                            ),
                        ),
                        ("signed_on", models.DateField()),
                        ("called_off_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="subscriptions",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "ended_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="subscriptions",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="subscriptions",
                                to="customers.team",
                            ),
                        ),
                        (
                            "product",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="subscriptions",
                                to="billing.product",
                            ),
                        ),
                        (
                            "signed_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "subscription",
                        "ordering": ["-starts_on", "-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "starts_on"], name="subscription_of_customer"
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("ends_on", None),
                                    ("ends_on__gte", models.F("starts_on")),
                                    _connector="OR",
                                ),
                                name="subscription_ends_after_it_starts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("cycle_length__gte", 1),
                                    ("price__gte", 0),
                                    ("quantity__gte", 1),
                                ),
                                name="subscription_amounts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("cycle_unit__in", ["day", "week", "month"])),
                                name="subscription_cycle_unit",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BilledCycle",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("starts_on", models.DateField()),
                        ("ends_on", models.DateField()),
                        ("due_on", models.DateField()),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[("fee", "charged"), ("waiver", "waived")], max_length=6
                            ),
                        ),
                        (
                            "reason",
                            kit.fields.Line(
                                blank=True,
                                choices=[
                                    ("", ""),
                                    ("suspended", "suspended on the day it was due"),
                                    ("backdated", "due before the contract was signed"),
                                    ("frozen", "frozen on every day"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("price", kit.money.MoneyField()),
                        ("discount", kit.money.RateField(default=Decimal("0"))),
                        ("settled_at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "contract",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="billed_cycles",
                                to="plans.contract",
                            ),
                        ),
                        (
                            "subscription",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="billed_cycles",
                                to="billing.subscription",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "settled cycle",
                        "ordering": ["starts_on", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("contract", "starts_on"), name="cycle_settled_once"
                            ),
                            models.UniqueConstraint(
                                fields=("subscription", "starts_on"), name="period_settled_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("contract", None), ("subscription", None), _connector="XOR"
                                ),
                                name="cycle_of_one_agreement",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("ends_on__gt", models.F("starts_on"))),
                                name="cycle_has_days",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("kind", "fee"), ("reason", "")),
                                    models.Q(
                                        ("kind", "waiver"),
                                        ("reason__in", ["suspended", "backdated", "frozen"]),
                                    ),
                                    _connector="OR",
                                ),
                                name="cycle_waived_for_a_reason",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Charge",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("fee", "Plan fee"),
                                    ("subscription", "Subscription"),
                                    ("adjustment", "Adjustment"),
                                    ("sign_up_fee", "Sign-up fee"),
                                    ("deposit", "Deposit"),
                                    ("booking", "Booking"),
                                    ("late_fee", "Late cancellation"),
                                    ("sale", "Sale"),
                                    ("other", "Other"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("text", kit.fields.Line(max_length=300, verbose_name="text")),
                        ("on", models.DateField(verbose_name="date")),
                        ("ripe_on", models.DateField()),
                        ("starts_on", models.DateField(null=True)),
                        ("ends_on", models.DateField(null=True)),
                        (
                            "quantity",
                            models.PositiveIntegerField(default=1, verbose_name="quantity"),
                        ),
                        ("price", kit.money.MoneyField()),
                        ("includes_tax", models.BooleanField(default=False)),
                        ("tax_on", models.DateField(verbose_name="tax day")),
                        ("tax_rate", kit.money.RateField(verbose_name="tax rate in percent")),
                        (
                            "tax_category",
                            kit.fields.Line(
                                choices=[
                                    ("standard", "Standard rate"),
                                    ("reduced", "Reduced rate"),
                                    ("zero", "Zero rated"),
                                    ("exempt", "Exempt"),
                                    ("reverse_charge", "Reverse charge"),
                                    ("outside_scope", "Outside the scope of tax"),
                                ],
                                max_length=14,
                            ),
                        ),
                        (
                            "tax_source",
                            kit.fields.Line(
                                choices=[
                                    ("location", "the location's rate"),
                                    ("item", "the rate of what was sold"),
                                    ("entered", "entered by the staff"),
                                    ("customer", "the customer's exemption"),
                                    ("small_business", "small business"),
                                    ("deposit", "a deposit is not revenue"),
                                ],
                                max_length=14,
                            ),
                        ),
                        ("contained_rate", kit.money.RateField(default=Decimal("0"))),
                        ("tax_note", kit.fields.Line(blank=True, max_length=200)),
                        ("amount", kit.money.MoneyField()),
                        ("tax", kit.money.MoneyField()),
                        ("explanation", models.JSONField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "adjusts",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="adjustments",
                                to="billing.charge",
                            ),
                        ),
                        (
                            "replaces",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="billing.charge",
                            ),
                        ),
                        (
                            "booking",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="bookings.booking",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "contract",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="plans.contract",
                            ),
                        ),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "cycle",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="billing.billedcycle",
                            ),
                        ),
                        (
                            "late_fee",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="bookings.latefee",
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="customers.team",
                            ),
                        ),
                        (
                            "used_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges_used",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "product",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="billing.product",
                            ),
                        ),
                        (
                            "subscription",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="charges",
                                to="billing.subscription",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "charge",
                        "ordering": ["on", "id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "location", "ripe_on"], name="charge_of_account"
                            ),
                            models.Index(fields=["location", "-on", "-id"], name="charge_by_day"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("kind__in", ["fee", "subscription"]), ("replaces", None)
                                ),
                                fields=("cycle",),
                                name="one_fee_a_cycle",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("quantity__gte", 1)), name="charge_quantity"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("amount__gte", 0), ("price__gte", 0), ("tax__gte", 0)
                                ),
                                name="charge_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("contained_rate", 0),
                                        ("includes_tax", False),
                                        ("price", models.F("amount")),
                                    ),
                                    models.Q(
                                        ("contained_rate", 0),
                                        ("includes_tax", True),
                                        (
                                            "price",
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("amount"), "+", models.F("tax")
                                            ),
                                        ),
                                    ),
                                    models.Q(
                                        ("contained_rate__gt", 0),
                                        ("includes_tax", True),
                                        ("price__gte", models.F("amount")),
                                        ("tax", 0),
                                    ),
                                    _connector="OR",
                                ),
                                name="charge_adds_up",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("tax_category__in", ["standard", "reduced"]),
                                        ("tax_rate__gt", 0),
                                    ),
                                    models.Q(
                                        (
                                            "tax_category__in",
                                            ["zero", "exempt", "reverse_charge", "outside_scope"],
                                        ),
                                        ("tax_rate", 0),
                                    ),
                                    _connector="OR",
                                ),
                                name="charge_tax_has_category",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ChargeVoid",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "cause",
                            kit.fields.Line(
                                choices=[
                                    ("staff", "by the staff"),
                                    ("decision", "by a decision"),
                                    ("replacement", "replaced by another"),
                                ],
                                default="staff",
                                max_length=11,
                            ),
                        ),
                        ("reason", kit.fields.Line(max_length=500)),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "charge",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="void",
                                to="billing.charge",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "voided charge",
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        ("text", kit.fields.Line(max_length=300)),
                        ("detail", kit.fields.Line(blank=True, max_length=500)),
                        ("on", models.DateField()),
                        ("quantity", models.PositiveIntegerField(default=1)),
                        ("price", kit.money.MoneyField()),
                        ("tax_rate", kit.money.RateField()),
                        (
                            "tax_category",
                            kit.fields.Line(
                                choices=[
                                    ("standard", "Standard rate"),
                                    ("reduced", "Reduced rate"),
                                    ("zero", "Zero rated"),
                                    ("exempt", "Exempt"),
                                    ("reverse_charge", "Reverse charge"),
                                    ("outside_scope", "Outside the scope of tax"),
                                ],
                                max_length=14,
                            ),
                        ),
                        ("tax_note", kit.fields.Line(blank=True, max_length=200)),
                        ("net", kit.money.MoneyField()),
                        ("tax", kit.money.MoneyField()),
                        (
                            "charge",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="line",
                                to="billing.charge",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="lines",
                                to="billing.invoice",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "invoice line",
                        "ordering": ["invoice", "position"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("invoice", "position"), name="line_in_its_place"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditNoteLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("sequence", models.PositiveIntegerField()),
                        ("text", kit.fields.Line(max_length=300)),
                        ("detail", kit.fields.Line(blank=True, max_length=500)),
                        ("explanation", models.JSONField(default=dict)),
                        ("price", kit.money.MoneyField()),
                        ("net", kit.money.MoneyField()),
                        ("tax", kit.money.MoneyField()),
                        ("credited_net", kit.money.MoneyField()),
                        ("credited_tax", kit.money.MoneyField()),
                        (
                            "credit_note",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lines",
                                to="billing.creditnote",
                            ),
                        ),
                        (
                            "line",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credits",
                                to="billing.invoiceline",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["credit_note", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("line", "sequence"), name="line_credited_in_order"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("credited_net__gte", models.F("net")),
                                    ("credited_tax__gte", models.F("tax")),
                                    ("net__gte", 0),
                                    ("tax__gte", 0),
                                ),
                                name="line_credited_one_way",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DepositReturn",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("amount", kit.money.MoneyField()),
                        ("kept", kit.money.MoneyField(default=Decimal("0"))),
                        ("reason", kit.fields.Line(blank=True, max_length=500)),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "charge",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deposit_return",
                                to="billing.charge",
                            ),
                        ),
                        (
                            "payment",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deposit_return",
                                to="billing.payment",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("amount__gte", 0), ("kept__gte", 0)),
                                name="deposit_returned_in_bounds",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WriteOff",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("amount", kit.money.MoneyField()),
                        ("reason", kit.fields.Line(max_length=500)),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("withdrawn_on", models.DateField(null=True)),
                        ("withdrawn_at", models.DateTimeField(null=True)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="write_offs",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "withdrawn_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("withdrawn_at", None)),
                                fields=("invoice",),
                                name="written_off_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("amount__gt", 0)), name="write_off_of_something"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Allocation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("payment", "Payment"),
                                    ("credit_note", "Credit note"),
                                    ("credit", "Account credit"),
                                    ("write_off", "Written off"),
                                ],
                                max_length=11,
                            ),
                        ),
                        ("value", kit.money.MoneyField()),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "credit_note",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="allocations",
                                to="billing.creditnote",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="allocations",
                                to="billing.invoice",
                            ),
                        ),
                        (
                            "payment",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="allocations",
                                to="billing.payment",
                            ),
                        ),
                        (
                            "write_off",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="allocations",
                                to="billing.writeoff",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("value", 0), _negated=True),
                                name="allocation_not_nothing",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
