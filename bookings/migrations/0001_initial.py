import datetime
from decimal import Decimal

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
        ("plans", "0001_initial"),
        ("spaces", "0001_initial"),
    ]

    operations = [
        kit.schema.Batch(
            operations=[
                migrations.CreateModel(
                    name="ResourceType",
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
                        ("name", kit.fields.Line(max_length=120, unique=True, verbose_name="name")),
                        (
                            "kind",
                            kit.fields.Line(
                                choices=[
                                    ("meeting_room", "Meeting room"),
                                    ("desk", "Desk"),
                                    ("phone_booth", "Phone booth"),
                                    ("event_space", "Event space"),
                                    ("other", "Other"),
                                ],
                                default="meeting_room",
                                max_length=20,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "half_day_hours",
                            models.PositiveSmallIntegerField(
                                default=4,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(24),
                                ],
                                verbose_name="half a day, in hours",
                            ),
                        ),
                        (
                            "bound_to_premises",
                            models.BooleanField(
                                default=True,
                                help_text="What is bound to the premises is never reverse charged.",
                                verbose_name="bound to the premises",
                            ),
                        ),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                    ],
                    options={
                        "verbose_name": "resource type",
                        "ordering": ["name", "id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("half_day_hours__gte", 1), ("half_day_hours__lte", 24)
                                ),
                                name="resource_type_half_day",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ResourceTypeTaxRate",
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
                            "resource_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tax_rates",
                                to="bookings.resourcetype",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "abstract": False,
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("resource_type", "from_on"),
                                name="resource_type_tax_rate_once_a_day",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("from_on", None)),
                                fields=("resource_type",),
                                name="resource_type_first_tax_rate_once",
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
                                name="resource_type_tax_rate_has_category",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PlanCredit",
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
                            "hours",
                            kit.money.ScaledField(blank=True, null=True, verbose_name="hours"),
                        ),
                        (
                            "amount",
                            kit.money.MoneyField(blank=True, null=True, verbose_name="amount"),
                        ),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
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
                            "made_by",
                            models.ForeignKey(
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
                                related_name="credits",
                                to="plans.plan",
                            ),
                        ),
                        (
                            "types",
                            models.ManyToManyField(
                                related_name="credits", to="bookings.resourcetype"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "booking credit of a plan",
                        "ordering": ["id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("amount", None), ("hours__gt", 0)),
                                    models.Q(("amount__gt", 0), ("hours", None)),
                                    _connector="OR",
                                ),
                                name="plan_credit_hours_or_amount",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditGrant",
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
                        (
                            "unit",
                            kit.fields.Line(
                                choices=[("minutes", "minutes"), ("money", "money")], max_length=10
                            ),
                        ),
                        ("value", kit.money.ScaledField()),
                        (
                            "contract",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_grants",
                                to="plans.contract",
                            ),
                        ),
                        (
                            "credit",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="grants",
                                to="bookings.plancredit",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["ends_on", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("contract", "credit", "starts_on"),
                                name="credit_granted_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("value__gte", 0)), name="credit_not_negative"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Resource",
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
                                blank=True, max_length=5000, verbose_name="description"
                            ),
                        ),
                        (
                            "amenities",
                            kit.fields.Text(
                                blank=True,
                                help_text="One a line: a screen, a whiteboard, daylight.",
                                max_length=2000,
                                verbose_name="amenities",
                            ),
                        ),
                        (
                            "capacity",
                            models.PositiveIntegerField(
                                default=1,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(10000),
                                ],
                                verbose_name="people",
                            ),
                        ),
                        (
                            "minimum_minutes",
                            models.PositiveIntegerField(
                                blank=True,
                                null=True,
                                validators=[django.core.validators.MaxValueValidator(44640)],
                                verbose_name="shortest booking",
                            ),
                        ),
                        (
                            "maximum_minutes",
                            models.PositiveIntegerField(
                                blank=True,
                                null=True,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(44640),
                                ],
                                verbose_name="longest booking",
                            ),
                        ),
                        (
                            "step_minutes",
                            models.PositiveIntegerField(
                                default=15,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(1440),
                                ],
                                verbose_name="step",
                            ),
                        ),
                        (
                            "earliest_days",
                            models.PositiveIntegerField(
                                blank=True,
                                null=True,
                                validators=[django.core.validators.MaxValueValidator(1000)],
                                verbose_name="can be booked ahead",
                            ),
                        ),
                        (
                            "lead_minutes",
                            models.PositiveIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(86400)],
                                verbose_name="at the latest before the start",
                            ),
                        ),
                        (
                            "preparation_minutes",
                            models.PositiveIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(1440)],
                                verbose_name="preparation after a booking",
                            ),
                        ),
                        (
                            "who_may_book",
                            kit.fields.Line(
                                choices=[
                                    ("everyone", "Everyone"),
                                    ("members", "Members"),
                                    ("contacts", "Contacts"),
                                    ("plans", "Whoever has one of some plans"),
                                    ("teams", "Whoever is in one of some teams"),
                                ],
                                default="everyone",
                                max_length=10,
                                verbose_name="who may book",
                            ),
                        ),
                        (
                            "needs_approval",
                            models.BooleanField(
                                default=False, verbose_name="staff approve each booking"
                            ),
                        ),
                        (
                            "free_cancellation_hours",
                            models.PositiveIntegerField(
                                default=0,
                                validators=[django.core.validators.MaxValueValidator(1440)],
                                verbose_name="free of charge until",
                            ),
                        ),
                        (
                            "late_fee",
                            kit.money.RateField(
                                default=100, verbose_name="kept of a late cancellation"
                            ),
                        ),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="resources",
                                to="spaces.location",
                                verbose_name="location",
                            ),
                        ),
                        (
                            "plans",
                            models.ManyToManyField(
                                blank=True, related_name="resources", to="plans.plan"
                            ),
                        ),
                        (
                            "teams",
                            models.ManyToManyField(
                                blank=True, related_name="resources", to="customers.team"
                            ),
                        ),
                        (
                            "type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="resources",
                                to="bookings.resourcetype",
                                verbose_name="type",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "resource",
                        "ordering": ["name", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("archived_at", None)),
                                fields=("location", "name"),
                                name="resource_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("capacity__gte", 1)), name="resource_capacity"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("step_minutes__gte", 1), ("step_minutes__lte", 1440)
                                ),
                                name="resource_step",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("preparation_minutes__lte", 1440)),
                                name="resource_preparation",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "who_may_book__in",
                                        ["everyone", "members", "contacts", "plans", "teams"],
                                    )
                                ),
                                name="resource_audience",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("late_fee__gte", 0), ("late_fee__lte", 100)),
                                name="resource_late_fee",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="OpeningHours",
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
                            "weekday",
                            models.PositiveSmallIntegerField(
                                choices=[
                                    (0, "Monday"),
                                    (1, "Tuesday"),
                                    (2, "Wednesday"),
                                    (3, "Thursday"),
                                    (4, "Friday"),
                                    (5, "Saturday"),
                                    (6, "Sunday"),
                                ],
                                verbose_name="weekday",
                            ),
                        ),
                        ("opens", models.TimeField(verbose_name="opens")),
                        ("closes", models.TimeField(verbose_name="closes")),
                        (
                            "location",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="opening_hours",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "resource",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="opening_hours",
                                to="bookings.resource",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "opening hours",
                        "ordering": ["weekday", "opens"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("location__isnull", False), ("resource", None)),
                                    models.Q(("location", None), ("resource__isnull", False)),
                                    _connector="OR",
                                ),
                                name="hours_of_one_thing",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("closes__gt", models.F("opens")),
                                    ("closes", datetime.time(0, 0)),
                                    _connector="OR",
                                ),
                                name="hours_close_after_opening",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("weekday__lte", 6)), name="hours_weekday"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Closure",
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
                        ("first_on", models.DateField(verbose_name="first day")),
                        ("last_on", models.DateField(verbose_name="last day")),
                        ("from_time", models.TimeField(blank=True, null=True, verbose_name="from")),
                        (
                            "until_time",
                            models.TimeField(blank=True, null=True, verbose_name="until"),
                        ),
                        ("yearly", models.BooleanField(default=False, verbose_name="every year")),
                        (
                            "reason",
                            kit.fields.Line(blank=True, max_length=200, verbose_name="reason"),
                        ),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "location",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="closures",
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
                            "resource",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="closures",
                                to="bookings.resource",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "closure",
                        "ordering": ["first_on", "id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("location__isnull", False), ("resource", None)),
                                    models.Q(("location", None), ("resource__isnull", False)),
                                    _connector="OR",
                                ),
                                name="closure_of_one_thing",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("last_on__gte", models.F("first_on"))),
                                name="closure_ends_after_it_starts",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Assignment",
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
                        ("first_on", models.DateField(verbose_name="first day")),
                        (
                            "last_on",
                            models.DateField(blank=True, null=True, verbose_name="last day"),
                        ),
                        ("blocked_from", models.DateTimeField()),
                        ("blocked_until", models.DateTimeField(blank=True, null=True)),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "contract",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="assignments",
                                to="plans.contract",
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
                            "withdrawn_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "resource",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="assignments",
                                to="bookings.resource",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "assignment",
                        "ordering": ["first_on", "id"],
                        "indexes": [
                            models.Index(
                                fields=["resource", "blocked_from"], name="assignment_of_resource"
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("blocked_until", None),
                                    ("blocked_until__gt", models.F("blocked_from")),
                                    _connector="OR",
                                ),
                                name="assignment_ends_after_it_starts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("last_on", None),
                                    ("last_on__gte", models.F("first_on")),
                                    _connector="OR",
                                ),
                                name="assignment_days_in_order",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ResourcePicture",
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
                        ("content", models.BinaryField()),
                        ("media_type", kit.fields.Line(max_length=20)),
                        ("digest", kit.fields.Line(max_length=64)),
                        (
                            "resource",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="picture",
                                to="bookings.resource",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Rate",
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
                            "per",
                            kit.fields.Line(
                                choices=[
                                    ("hour", "an hour"),
                                    ("half_day", "half a day"),
                                    ("day", "a day"),
                                ],
                                default="hour",
                                max_length=10,
                                verbose_name="per",
                            ),
                        ),
                        ("price", kit.money.MoneyField(verbose_name="price")),
                        (
                            "audience",
                            kit.fields.Line(
                                choices=[
                                    ("everyone", "Everyone"),
                                    ("members", "Members"),
                                    ("contacts", "Contacts"),
                                    ("plans", "Some plans"),
                                ],
                                default="everyone",
                                max_length=10,
                                verbose_name="for",
                            ),
                        ),
                        (
                            "weekdays",
                            kit.fields.Line(blank=True, max_length=7, verbose_name="weekdays"),
                        ),
                        ("from_time", models.TimeField(blank=True, null=True, verbose_name="from")),
                        (
                            "until_time",
                            models.TimeField(blank=True, null=True, verbose_name="until"),
                        ),
                        (
                            "location",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rates",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "plans",
                            models.ManyToManyField(
                                blank=True, related_name="rates", to="plans.plan"
                            ),
                        ),
                        (
                            "type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rates",
                                to="bookings.resourcetype",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "rate",
                        "ordering": ["per", "price", "id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("price__gte", 0)), name="rate_not_negative"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("per__in", ["hour", "half_day", "day"])),
                                name="rate_per_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("audience__in", ["everyone", "members", "contacts", "plans"])
                                ),
                                name="rate_audience_known",
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
                        ("pattern", models.JSONField()),
                        ("made_at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="series",
                                to="customers.customer",
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
                    ],
                    options={
                        "verbose_name": "series",
                        "verbose_name_plural": "series",
                    },
                ),
                migrations.CreateModel(
                    name="Booking",
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
                        ("start", models.DateTimeField(verbose_name="from")),
                        ("end", models.DateTimeField(verbose_name="until")),
                        ("blocked_from", models.DateTimeField()),
                        ("blocked_until", models.DateTimeField()),
                        (
                            "attendees",
                            models.PositiveIntegerField(default=1, verbose_name="people"),
                        ),
                        ("note", kit.fields.Text(blank=True, max_length=2000, verbose_name="note")),
                        (
                            "state",
                            kit.fields.Line(
                                choices=[
                                    ("tentative", "Waits for approval"),
                                    ("confirmed", "Booked"),
                                    ("cancelled", "Cancelled"),
                                    ("lapsed", "Not approved in time"),
                                    ("no_show", "Did not come"),
                                ],
                                default="confirmed",
                                max_length=10,
                            ),
                        ),
                        ("price", kit.money.MoneyField(default=Decimal("0"))),
                        ("discount", kit.money.RateField(default=Decimal("0"))),
                        ("billed_minutes", models.PositiveIntegerField(default=0)),
                        ("credit_used", models.PositiveIntegerField(default=0)),
                        ("credit_amount", kit.money.MoneyField(default=Decimal("0"))),
                        ("amount", kit.money.MoneyField(default=Decimal("0"))),
                        ("explanation", models.JSONField(default=dict)),
                        ("free_cancellation_hours", models.PositiveIntegerField(default=0)),
                        ("late_fee", kit.money.RateField(default=100)),
                        ("booked_at", models.DateTimeField(default=kit.clock.now)),
                        ("approved_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "reason",
                            kit.fields.Line(blank=True, max_length=500, verbose_name="reason"),
                        ),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "approved_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
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
                            "cancelled_by",
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
                                related_name="bookings",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "on_behalf_of",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="bookings",
                                to="customers.team",
                            ),
                        ),
                        (
                            "resource",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="bookings",
                                to="bookings.resource",
                            ),
                        ),
                        (
                            "series",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="bookings",
                                to="bookings.series",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "booking",
                        "ordering": ["start", "id"],
                        "indexes": [
                            models.Index(
                                fields=["resource", "blocked_from"], name="booking_of_resource"
                            ),
                            models.Index(fields=["customer", "start"], name="booking_of_customer"),
                            models.Index(fields=["on_behalf_of", "start"], name="booking_of_team"),
                            models.Index(fields=["start", "id"], name="booking_by_start"),
                            models.Index(fields=["blocked_from"], name="booking_by_time"),
                            models.Index(
                                condition=models.Q(("state", "tentative")),
                                fields=["start"],
                                name="booking_waits_for_approval",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("end__gt", models.F("start"))),
                                name="booking_ends_after_it_starts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("blocked_from", models.F("start")),
                                    ("blocked_until__gte", models.F("end")),
                                ),
                                name="booking_blocks_its_time",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("attendees__gte", 1)), name="booking_attendees"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "state__in",
                                        [
                                            "tentative",
                                            "confirmed",
                                            "cancelled",
                                            "lapsed",
                                            "no_show",
                                        ],
                                    )
                                ),
                                name="booking_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("amount__gte", 0), ("credit_amount__gte", 0), ("price__gte", 0)
                                ),
                                name="booking_sums_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("credit_used__lte", models.F("billed_minutes"))
                                ),
                                name="booking_credit_within_its_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SharedCredit",
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
                        ("opened_at", models.DateTimeField(default=kit.clock.now)),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "closed_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "opened_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "team",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="shared_credit",
                                to="customers.team",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("closed_at", None)),
                                fields=("team",),
                                name="credit_shared_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CheckIn",
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
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("left_at", models.DateTimeField(blank=True, null=True)),
                        ("refused_because", kit.fields.Line(blank=True, max_length=500)),
                        (
                            "booking",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="check_ins",
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
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="check_ins",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "left_by",
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
                                related_name="check_ins",
                                to="spaces.location",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "check-in",
                        "ordering": ["-at", "-id"],
                        "indexes": [
                            models.Index(fields=["location", "-at"], name="check_in_of_location")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("left_at", None), ("refused_because", "")),
                                fields=("customer", "location"),
                                name="in_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditEntry",
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
                                    ("grant", "Granted"),
                                    ("use", "Used"),
                                    ("return", "Given back"),
                                    ("expiry", "Expired"),
                                    ("withdrawal", "Withdrawn"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("value", kit.money.ScaledField()),
                        ("left", kit.money.ScaledField()),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        (
                            "booking",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="credit_entries",
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
                            "grant",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="entries",
                                to="bookings.creditgrant",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["grant", "sequence"],
                        "indexes": [models.Index(fields=["booking"], name="credit_of_booking")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("grant", "sequence"), name="credit_entry_in_order"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("left__gte", 0)),
                                name="credit_left_not_negative",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind__in", ["grant", "use", "return", "expiry", "withdrawal"])
                                ),
                                name="credit_entry_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LateFee",
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
                                    ("cancelled", "Cancelled late"),
                                    ("moved", "Moved late"),
                                    ("shortened", "Shortened late"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("percent", kit.money.RateField()),
                        ("minutes", models.PositiveIntegerField()),
                        ("amount", kit.money.MoneyField()),
                        ("credit_used", models.PositiveIntegerField(default=0)),
                        ("credit_amount", kit.money.MoneyField(default=Decimal("0"))),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "booking",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="late_fees",
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
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("amount__gte", 0), ("credit_amount__gte", 0)),
                                name="late_fee_not_negative",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ResourceFeed",
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
                            "resource",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="calendar_feeds",
                                to="bookings.resource",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("revoked_at", None)),
                                fields=("resource",),
                                name="one_resource_feed",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
