from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import kit.clock
import kit.fields
import kit.money
import kit.schema
import kit.words


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("spaces", "0001_initial"),
    ]

    operations = [
        kit.schema.Batch(
            operations=[
                migrations.CreateModel(
                    name="User",
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
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        (
                            "last_login",
                            models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                        ),
                        (
                            "email",
                            kit.fields.Line(max_length=254, unique=True, verbose_name="e-mail"),
                        ),
                        (
                            "full_name",
                            kit.fields.Line(blank=True, max_length=200, verbose_name="name"),
                        ),
                        ("is_active", models.BooleanField(default=True)),
                        ("joined_at", models.DateTimeField(default=kit.clock.now, editable=False)),
                        ("session_epoch", models.PositiveIntegerField(default=0, editable=False)),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Customer",
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
                            "type",
                            kit.fields.Line(
                                choices=[("individual", "Individual"), ("company", "Company")],
                                max_length=10,
                                verbose_name="type",
                            ),
                        ),
                        ("full_name", kit.fields.Line(max_length=200, verbose_name="full name")),
                        (
                            "company_name",
                            kit.fields.Line(
                                blank=True, max_length=200, verbose_name="company name"
                            ),
                        ),
                        ("email", kit.fields.Line(max_length=254, verbose_name="e-mail")),
                        ("phone", kit.fields.Line(blank=True, max_length=40, verbose_name="phone")),
                        (
                            "address",
                            kit.fields.Line(blank=True, max_length=300, verbose_name="address"),
                        ),
                        ("city", kit.fields.Line(blank=True, max_length=120, verbose_name="city")),
                        (
                            "postal_code",
                            kit.fields.Line(blank=True, max_length=20, verbose_name="postal code"),
                        ),
                        (
                            "country",
                            kit.fields.Line(blank=True, max_length=2, verbose_name="country"),
                        ),
                        (
                            "billing_email",
                            kit.fields.Line(
                                blank=True, max_length=254, verbose_name="billing e-mail"
                            ),
                        ),
                        (
                            "tax_number",
                            kit.fields.Line(blank=True, max_length=40, verbose_name="tax number"),
                        ),
                        (
                            "payment_days",
                            models.PositiveSmallIntegerField(
                                blank=True,
                                null=True,
                                validators=[django.core.validators.MaxValueValidator(365)],
                                verbose_name="days to pay",
                            ),
                        ),
                        (
                            "invoice_at",
                            kit.fields.Line(
                                blank=True,
                                choices=[
                                    ("", "as the location does"),
                                    ("cycle_end", "at the end of the billing cycle"),
                                    ("purchase", "at every purchase"),
                                ],
                                default="",
                                max_length=12,
                                verbose_name="invoice",
                            ),
                        ),
                        (
                            "notes",
                            kit.fields.Text(blank=True, max_length=20000, verbose_name="notes"),
                        ),
                        (
                            "custom",
                            models.JSONField(
                                blank=True, default=dict, verbose_name="custom values"
                            ),
                        ),
                        (
                            "external_id",
                            kit.fields.Line(blank=True, max_length=100, verbose_name="external id"),
                        ),
                        (
                            "registered_on",
                            models.DateField(blank=True, null=True, verbose_name="registered on"),
                        ),
                        ("portal_access_withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        ("sort_name", kit.words.PlainTextField(default="", editable=False)),
                        ("search_text", kit.words.PlainTextField(default="", editable=False)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                to="spaces.location",
                                verbose_name="location",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="customers",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["sort_name", "id"],
                        "indexes": [
                            models.Index(fields=["sort_name", "id"], name="customer_by_name"),
                            models.Index(
                                fields=["-registered_on", "-id"], name="customer_by_registration"
                            ),
                            models.Index(fields=["email"], name="customer_by_email"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("external_id", ""), _negated=True),
                                fields=("external_id",),
                                name="external_id_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("type__in", ["individual", "company"])),
                                name="customer_type_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("company_name", ""), ("type", "company"), _negated=True
                                ),
                                name="company_has_a_name",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("full_name", ""), _negated=True),
                                name="customer_has_a_person",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Exemption",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="exemptions",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["from_on"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("customer", "from_on"), name="exemption_once_a_day"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("from_on", None)),
                                fields=("customer",),
                                name="first_exemption_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("category", ""), ("reason", "")),
                                    models.Q(
                                        (
                                            "category__in",
                                            ["exempt", "reverse_charge", "zero", "outside_scope"],
                                        ),
                                        models.Q(("reason", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="exemption_has_a_reason",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StaffRole",
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
                            "role",
                            kit.fields.Line(
                                choices=[
                                    ("front_desk", "Front desk"),
                                    ("manager", "Manager"),
                                    ("accountant", "Accountant"),
                                    ("owner", "Owner"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("given_at", models.DateTimeField()),
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
                            "given_by",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="spaces.location",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="staff_roles",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at", None)),
                                fields=("user", "role", "location"),
                                name="staff_role_once",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at", None), ("location", None)),
                                fields=("user", "role"),
                                name="staff_role_everywhere_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("role__in", ["front_desk", "manager", "accountant", "owner"])
                                ),
                                name="staff_role_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StatusChange",
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
                        ("on", models.DateField()),
                        (
                            "status",
                            kit.fields.Line(
                                choices=[("member", "Member"), ("contact", "Contact")],
                                max_length=10,
                            ),
                        ),
                        ("generation", models.PositiveIntegerField(default=1)),
                        ("cause_kind", kit.fields.Line(blank=True, max_length=40)),
                        ("cause_id", models.BigIntegerField(null=True)),
                        ("text", kit.fields.Line(blank=True, max_length=500)),
                        ("quiet", models.BooleanField(default=False)),
                        ("correction", models.BooleanField(default=False)),
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
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="changes",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["on", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("customer", "on", "generation"), name="status_change_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["member", "contact"])),
                                name="status_change_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Suspension",
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
                                    ("manual", "by staff"),
                                    ("approval", "waiting for approval"),
                                    ("debt", "unpaid invoices"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("reason", kit.fields.Line(max_length=500)),
                        ("suspended_on", models.DateField()),
                        ("suspended_at", models.DateTimeField(default=kit.clock.now)),
                        ("cancel_bookings", models.BooleanField(default=False)),
                        ("lifted_on", models.DateField(blank=True, null=True)),
                        ("lifted_at", models.DateTimeField(blank=True, null=True)),
                        ("bill_missed", models.BooleanField(default=False)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="suspensions",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "lifted_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "suspended_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-suspended_at", "-id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("lifted_at", None)),
                                fields=("customer",),
                                name="one_open_suspension",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("cause__in", ["manual", "approval", "debt"])),
                                name="suspension_cause",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TimelineEntry",
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
                                    ("registered", "Registered"),
                                    ("became_member", "Became a member"),
                                    ("became_contact", "Became a contact"),
                                    ("signed", "Signed a contract"),
                                    ("cancelled", "Contract cancelled"),
                                    ("cancellation_withdrawn", "Cancellation withdrawn"),
                                    ("called_off", "Contract called off"),
                                    ("changed_plan", "Changed plan"),
                                    ("change_withdrawn", "Plan change withdrawn"),
                                    ("froze", "Contract frozen"),
                                    ("resumed", "Freeze ended"),
                                    ("suspended", "Suspended"),
                                    ("waits", "Waits for approval"),
                                    ("let_in", "Approved"),
                                    ("reinstated", "Reinstated"),
                                    ("invited", "Invited to the portal"),
                                    ("got_login", "Has a portal account"),
                                    ("access_withdrawn", "Portal access withdrawn"),
                                    ("access_given_back", "Portal access given back"),
                                    ("joined_team", "Joined a team"),
                                    ("left_team", "Left a team"),
                                    ("changed_type", "Changed type"),
                                    ("archived", "Archived"),
                                    ("restored", "Restored"),
                                ],
                                max_length=30,
                            ),
                        ),
                        ("on", models.DateField()),
                        ("at", models.DateTimeField(default=kit.clock.now)),
                        ("text", kit.fields.Line(blank=True, max_length=500)),
                        ("cause_kind", kit.fields.Line(blank=True, max_length=40)),
                        ("cause_id", models.BigIntegerField(null=True)),
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="timeline",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-on", "-id"],
                        "indexes": [
                            models.Index(
                                fields=["customer", "-on", "-id"], name="timeline_of_customer"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Registration",
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
                        ("completed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="spaces.location",
                            ),
                        ),
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="registration",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="CalendarFeed",
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
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="calendar_feeds",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("revoked_at", None)),
                                fields=("customer",),
                                name="one_calendar_feed",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Team",
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
                        ("name", kit.fields.Line(max_length=200, verbose_name="name")),
                        ("size_limit", models.PositiveIntegerField(blank=True, null=True)),
                        ("discount", kit.money.RateField(default=Decimal("0"))),
                        (
                            "spending",
                            kit.fields.Line(
                                choices=[
                                    ("admins", "Team admins only"),
                                    ("everyone", "Everyone in the team"),
                                ],
                                default="admins",
                                max_length=10,
                            ),
                        ),
                        ("spending_limit", kit.money.MoneyField(blank=True, null=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("version", models.PositiveIntegerField(default=1, editable=False)),
                        (
                            "payer",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="pays_for_teams",
                                to="customers.customer",
                            ),
                        ),
                        ("sort_name", kit.words.PlainTextField(default="", editable=False)),
                    ],
                    options={
                        "ordering": ["name"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("archived_at", None)),
                                fields=("name",),
                                name="team_name_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("discount__gte", 0), ("discount__lte", 100)),
                                name="team_discount_in_percent",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("spending__in", ["admins", "everyone"])),
                                name="team_spending_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("spending_limit", None),
                                    ("spending_limit__gte", 0),
                                    _connector="OR",
                                ),
                                name="team_spending_limit_not_negative",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TeamMembership",
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
                        ("is_admin", models.BooleanField(default=False)),
                        ("joined_at", models.DateTimeField(default=kit.clock.now)),
                        ("left_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="team_memberships",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "joined_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
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
                            "team",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="customers.team",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["joined_at", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("left_at", None)),
                                fields=("team", "customer"),
                                name="once_in_a_team",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Invitation",
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
                        ("email", kit.fields.Line(max_length=254, verbose_name="e-mail")),
                        (
                            "full_name",
                            kit.fields.Line(blank=True, max_length=200, verbose_name="name"),
                        ),
                        ("token_digest", kit.fields.Line(max_length=64, unique=True)),
                        ("invited_at", models.DateTimeField()),
                        ("expires_at", models.DateTimeField()),
                        ("accepted_at", models.DateTimeField(blank=True, null=True)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "accepted_by",
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
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="invitations",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "invited_by",
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
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="invitations",
                                to="customers.team",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="invitations",
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
                    ],
                    options={
                        "ordering": ["-invited_at", "-id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("customer__isnull", False), ("team", None), ("user", None)
                                    ),
                                    models.Q(
                                        ("customer", None), ("team__isnull", False), ("user", None)
                                    ),
                                    models.Q(
                                        ("customer", None), ("team", None), ("user__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                                name="invitation_is_for_one_thing",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("accepted_at", None), ("withdrawn_at", None)),
                                fields=("customer",),
                                name="one_standing_invitation_of_a_customer",
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.AddField(
            model_name="team",
            name="customers",
            field=models.ManyToManyField(
                related_name="teams",
                through="customers.TeamMembership",
                through_fields=("team", "customer"),
                to="customers.customer",
            ),
        ),
    ]
