from decimal import Decimal

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import kit.clock
import kit.fields
import kit.money
import kit.schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
        ("spaces", "0001_initial"),
    ]

    operations = [
        kit.schema.Batch(
            operations=[
                migrations.CreateModel(
                    name="CustomerImport",
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
                        ("file_name", kit.fields.Line(max_length=255)),
                        ("content", models.BinaryField()),
                        ("headers", models.JSONField(default=list)),
                        ("mapping", models.JSONField(default=dict)),
                        (
                            "dates",
                            kit.fields.Line(
                                choices=[
                                    ("iso", "2026-11-30"),
                                    ("day-first", "30/11/2026 (day first)"),
                                    ("month-first", "11/30/2026 (month first)"),
                                ],
                                default="iso",
                                max_length=12,
                            ),
                        ),
                        ("all_or_nothing", models.BooleanField(default=False)),
                        (
                            "state",
                            kit.fields.Line(
                                choices=[
                                    ("mapping", "Columns to be checked"),
                                    ("to_check", "Waiting for the dry run"),
                                    ("checked", "Dry run done"),
                                    ("to_apply", "Waiting"),
                                    ("applied", "Done"),
                                    ("stopped", "Stopped halfway"),
                                    ("refused", "Not done"),
                                    ("undone", "Undone"),
                                ],
                                default="mapping",
                                max_length=10,
                            ),
                        ),
                        ("total", models.PositiveIntegerField(default=0)),
                        ("done", models.PositiveIntegerField(default=0)),
                        ("error", kit.fields.Text(blank=True)),
                        ("leased_until", models.DateTimeField(null=True)),
                        ("ordered_at", models.DateTimeField(null=True)),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        ("applied_at", models.DateTimeField(null=True)),
                        ("undone_at", models.DateTimeField(null=True)),
                        (
                            "location",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
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
                            "undone_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                    },
                ),
                migrations.CreateModel(
                    name="HeldAnnouncement",
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
                        ("since", models.DateTimeField(default=kit.clock.now)),
                        ("error", kit.fields.Text()),
                        (
                            "customer",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="held_announcement",
                                to="customers.customer",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Plan",
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
                            "cycle_unit",
                            kit.fields.Line(
                                choices=[("month", "months"), ("week", "weeks")],
                                default="month",
                                max_length=5,
                                verbose_name="billing cycle in",
                            ),
                        ),
                        (
                            "cycle_length",
                            models.PositiveSmallIntegerField(
                                default=1,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(24),
                                ],
                                verbose_name="every",
                            ),
                        ),
                        (
                            "billing_day",
                            models.PositiveSmallIntegerField(
                                blank=True,
                                help_text="Empty: the day on which the contract starts.",
                                null=True,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(31),
                                ],
                                verbose_name="billing day",
                            ),
                        ),
                        (
                            "fee_due",
                            kit.fields.Line(
                                choices=[
                                    ("in_arrears", "at the end of the cycle"),
                                    ("in_advance", "at the start of the cycle"),
                                ],
                                default="in_arrears",
                                max_length=10,
                                verbose_name="fee due",
                            ),
                        ),
                        (
                            "prorate_first",
                            models.BooleanField(
                                default=True, verbose_name="first part cycle by day"
                            ),
                        ),
                        (
                            "prorate_last",
                            models.BooleanField(
                                default=True, verbose_name="last part cycle by day"
                            ),
                        ),
                        (
                            "sign_up_fee",
                            kit.money.MoneyField(default=Decimal("0"), verbose_name="sign-up fee"),
                        ),
                        (
                            "deposit",
                            kit.money.MoneyField(
                                default=Decimal("0"), verbose_name="refundable deposit"
                            ),
                        ),
                        (
                            "minimum_cycles",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(120)],
                                verbose_name="minimum term in cycles",
                            ),
                        ),
                        (
                            "notice_days",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(366)],
                                verbose_name="notice in days",
                            ),
                        ),
                        (
                            "self_cancel",
                            models.BooleanField(
                                default=True, verbose_name="customers may cancel themselves"
                            ),
                        ),
                        (
                            "freeze_days_a_year",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(366)],
                                verbose_name="days a year that customers may freeze",
                            ),
                        ),
                        ("name", kit.fields.Line(max_length=120, verbose_name="name")),
                        (
                            "description",
                            kit.fields.Text(
                                blank=True, max_length=5000, verbose_name="description"
                            ),
                        ),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("hot_desk", "Hot desk"),
                                    ("dedicated_desk", "Dedicated desk"),
                                    ("private_office", "Private office"),
                                    ("virtual_office", "Virtual office"),
                                    ("other", "Other"),
                                ],
                                default="other",
                                max_length=20,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "currency",
                            kit.fields.Line(blank=True, max_length=3, verbose_name="currency"),
                        ),
                        (
                            "bound_to_premises",
                            models.BooleanField(
                                blank=True,
                                help_text="What is bound to the premises is never reverse charged.",
                                null=True,
                                verbose_name="bound to the premises",
                            ),
                        ),
                        (
                            "subscriber_limit",
                            models.PositiveIntegerField(
                                blank=True,
                                help_text="Empty: no limit.",
                                null=True,
                                validators=[django.core.validators.MinValueValidator(1)],
                                verbose_name="most subscribers",
                            ),
                        ),
                        (
                            "offered_in_portal",
                            models.BooleanField(
                                default=False, verbose_name="offered in the portal"
                            ),
                        ),
                        (
                            "accept_terms",
                            kit.fields.Text(
                                blank=True, max_length=20000, verbose_name="terms to accept"
                            ),
                        ),
                        (
                            "benefits",
                            kit.fields.Text(
                                blank=True, max_length=5000, verbose_name="included benefits"
                            ),
                        ),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "location",
                            models.ForeignKey(
                                blank=True,
                                help_text="Empty: every location in the plan's currency.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="spaces.location",
                                verbose_name="location",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name", "id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("cycle_length__gte", 1), ("cycle_length__lte", 24)
                                ),
                                name="plan_cycle_length",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("cycle_unit__in", ["month", "week"])),
                                name="plan_cycle_unit",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("billing_day", None),
                                    models.Q(("billing_day__gte", 1), ("billing_day__lte", 31)),
                                    _connector="OR",
                                ),
                                name="plan_billing_day",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("fee_due__in", ["in_arrears", "in_advance"])),
                                name="plan_fee_due",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Contract",
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
                            "cycle_unit",
                            kit.fields.Line(
                                choices=[("month", "months"), ("week", "weeks")],
                                default="month",
                                max_length=5,
                                verbose_name="billing cycle in",
                            ),
                        ),
                        (
                            "cycle_length",
                            models.PositiveSmallIntegerField(
                                default=1,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(24),
                                ],
                                verbose_name="every",
                            ),
                        ),
                        (
                            "billing_day",
                            models.PositiveSmallIntegerField(
                                blank=True,
                                help_text="Empty: the day on which the contract starts.",
                                null=True,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(31),
                                ],
                                verbose_name="billing day",
                            ),
                        ),
                        (
                            "fee_due",
                            kit.fields.Line(
                                choices=[
                                    ("in_arrears", "at the end of the cycle"),
                                    ("in_advance", "at the start of the cycle"),
                                ],
                                default="in_arrears",
                                max_length=10,
                                verbose_name="fee due",
                            ),
                        ),
                        (
                            "prorate_first",
                            models.BooleanField(
                                default=True, verbose_name="first part cycle by day"
                            ),
                        ),
                        (
                            "prorate_last",
                            models.BooleanField(
                                default=True, verbose_name="last part cycle by day"
                            ),
                        ),
                        (
                            "sign_up_fee",
                            kit.money.MoneyField(default=Decimal("0"), verbose_name="sign-up fee"),
                        ),
                        (
                            "deposit",
                            kit.money.MoneyField(
                                default=Decimal("0"), verbose_name="refundable deposit"
                            ),
                        ),
                        (
                            "minimum_cycles",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(120)],
                                verbose_name="minimum term in cycles",
                            ),
                        ),
                        (
                            "notice_days",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(366)],
                                verbose_name="notice in days",
                            ),
                        ),
                        (
                            "self_cancel",
                            models.BooleanField(
                                default=True, verbose_name="customers may cancel themselves"
                            ),
                        ),
                        (
                            "freeze_days_a_year",
                            models.PositiveSmallIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(366)],
                                verbose_name="days a year that customers may freeze",
                            ),
                        ),
                        ("starts_on", models.DateField(verbose_name="first day")),
                        (
                            "ends_on",
                            models.DateField(blank=True, null=True, verbose_name="last day"),
                        ),
                        (
                            "price",
                            kit.money.MoneyField(blank=True, null=True, verbose_name="own price"),
                        ),
                        (
                            "quantity",
                            models.PositiveIntegerField(
                                default=1,
                                validators=[django.core.validators.MinValueValidator(1)],
                                verbose_name="quantity",
                            ),
                        ),
                        (
                            "discount",
                            kit.money.RateField(
                                default=Decimal("0"), verbose_name="discount in percent"
                            ),
                        ),
                        (
                            "purchase_order",
                            kit.fields.Line(
                                blank=True, max_length=100, verbose_name="purchase order"
                            ),
                        ),
                        (
                            "notes",
                            kit.fields.Text(blank=True, max_length=5000, verbose_name="notes"),
                        ),
                        ("signed_on", models.DateField()),
                        ("bill_missed", models.BooleanField(default=False)),
                        ("quiet", models.BooleanField(default=False)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="contracts",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="contracts",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="contracts",
                                to="customers.team",
                            ),
                        ),
                        (
                            "signed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "plan",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="contracts",
                                to="plans.plan",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-starts_on", "-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "starts_on", "ends_on"],
                                name="contract_of_customer",
                            ),
                            models.Index(
                                fields=["plan", "starts_on", "ends_on"], name="contract_of_plan"
                            ),
                            models.Index(fields=["starts_on", "id"], name="contract_by_start"),
                            models.Index(fields=["ends_on", "id"], name="contract_by_end"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("ends_on", None),
                                    ("ends_on__gte", models.F("starts_on")),
                                    _connector="OR",
                                ),
                                name="contract_ends_after_it_starts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("quantity__gte", 1)), name="contract_quantity"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("discount__gte", 0), ("discount__lte", 100)),
                                name="contract_discount",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("price", None), ("price__gte", 0), _connector="OR"
                                ),
                                name="contract_price_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("cycle_length__gte", 1), ("cycle_length__lte", 24)
                                ),
                                name="contract_cycle_length",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Cancellation",
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
                        ("earlier_last_day", models.DateField(null=True)),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("reason", kit.fields.Line(blank=True, max_length=500)),
                        ("withdrawn_at", models.DateTimeField(null=True)),
                        ("last_day", models.DateField()),
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
                            "withdrawn_by",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="cancellations",
                                to="plans.contract",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="PlanChange",
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
                        ("earlier_last_day", models.DateField(null=True)),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("reason", kit.fields.Line(blank=True, max_length=500)),
                        ("withdrawn_at", models.DateTimeField(null=True)),
                        ("earlier_prorate_last", models.BooleanField()),
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="plan_changes",
                                to="plans.contract",
                            ),
                        ),
                        (
                            "new",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="changed_from",
                                to="plans.contract",
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
                        "abstract": False,
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("withdrawn_at", None)),
                                fields=("contract",),
                                name="changed_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PlanPrice",
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
                        ("price", kit.money.MoneyField()),
                        ("from_on", models.DateField(blank=True, null=True)),
                        (
                            "plan",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="prices",
                                to="plans.plan",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("plan", "from_on"), name="plan_price_once_a_day"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("from_on", None)),
                                fields=("plan",),
                                name="plan_first_price_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("price__gte", 0)),
                                name="plan_price_not_negative",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PlanTaxRate",
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
                            "plan",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tax_rates",
                                to="plans.plan",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "abstract": False,
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("plan", "from_on"), name="plan_tax_rate_once_a_day"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("from_on", None)),
                                fields=("plan",),
                                name="plan_first_tax_rate_once",
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
                                name="plan_tax_rate_has_category",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PriceStep",
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
                        ("price", kit.money.MoneyField()),
                        ("from_on", models.DateField()),
                        (
                            "added_by",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="price_steps",
                                to="plans.contract",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("contract", "from_on"), name="price_step_once_a_day"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("price__gte", 0)),
                                name="price_step_not_negative",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TeamDefaultPlan",
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
                            "plan",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="plans.plan",
                            ),
                        ),
                        (
                            "team",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="default_plan",
                                to="customers.team",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="CallOff",
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
                        ("earlier_last_day", models.DateField(null=True)),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("reason", kit.fields.Line(blank=True, max_length=500)),
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
                            "withdrawn_by",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="call_offs",
                                to="plans.contract",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "abstract": False,
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("withdrawn_at", None)),
                                fields=("contract",),
                                name="called_off_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ContractEvent",
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
                                    ("started", "Started"),
                                    ("ended", "Ended"),
                                    ("frozen", "Frozen"),
                                    ("resumed", "Resumed"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("on", models.DateField()),
                        ("generation", models.PositiveIntegerField(default=1)),
                        ("at", models.DateTimeField(default=kit.clock.now)),
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
                            "contract",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="events",
                                to="plans.contract",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["on", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("contract", "kind", "on", "generation"),
                                name="contract_event_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind__in", ["started", "ended", "frozen", "resumed"])
                                ),
                                name="contract_event_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Freeze",
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
                        ("from_on", models.DateField()),
                        ("until", models.DateField(blank=True, null=True)),
                        ("frozen_at", models.DateTimeField(default=kit.clock.now)),
                        ("withdrawn_at", models.DateTimeField(null=True)),
                        (
                            "contract",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="freezes",
                                to="plans.contract",
                            ),
                        ),
                        (
                            "frozen_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "resumed_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "indexes": [
                            models.Index(fields=["contract", "from_on"], name="freeze_of_contract")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("until", None),
                                    ("until__gte", models.F("from_on")),
                                    _connector="OR",
                                ),
                                name="freeze_ends_after_it_starts",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ImportRow",
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
                        ("line", models.PositiveIntegerField()),
                        ("cells", models.JSONField()),
                        ("name", kit.fields.Line(blank=True, max_length=400)),
                        (
                            "action",
                            kit.fields.Line(
                                choices=[
                                    ("create", "New"),
                                    ("update", "Changed"),
                                    ("same", "Same"),
                                    ("error", "Error"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("problems", models.JSONField(default=list)),
                        ("changes", models.JSONField(default=list)),
                        (
                            "made",
                            models.JSONField(
                                default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder
                            ),
                        ),
                        ("applied", models.BooleanField(default=False)),
                        (
                            "customer_import",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rows",
                                to="plans.customerimport",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["line"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("action", "error")),
                                fields=["customer_import", "line"],
                                name="import_rows_wrong",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("customer_import", "line"), name="import_line_once"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
