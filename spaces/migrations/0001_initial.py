import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import kit.fields
import kit.money


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Location",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", kit.fields.Line(max_length=120, unique=True, verbose_name="name")),
                (
                    "timezone",
                    kit.fields.Line(default="UTC", max_length=64, verbose_name="time zone"),
                ),
                ("currency", kit.fields.Line(default="EUR", max_length=3, verbose_name="currency")),
                (
                    "prices_include_tax",
                    models.BooleanField(default=False, verbose_name="prices include tax"),
                ),
                (
                    "rate_over_time",
                    kit.fields.Line(
                        blank=True,
                        choices=[
                            ("", "as usual in the country"),
                            ("end", "of the last day of the cycle"),
                            ("due", "of the day on which the fee is due"),
                        ],
                        default="",
                        max_length=3,
                        verbose_name="tax rate of a fee",
                    ),
                ),
                (
                    "billing_day",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                        verbose_name="billing day",
                    ),
                ),
                (
                    "payment_days",
                    models.PositiveSmallIntegerField(
                        default=14,
                        validators=[django.core.validators.MaxValueValidator(365)],
                        verbose_name="days to pay",
                    ),
                ),
                (
                    "invoice_at",
                    kit.fields.Line(
                        choices=[
                            ("cycle_end", "at the end of the billing cycle"),
                            ("purchase", "at every purchase"),
                        ],
                        default="cycle_end",
                        max_length=12,
                        verbose_name="invoice",
                    ),
                ),
                (
                    "legal_name",
                    kit.fields.Line(blank=True, max_length=200, verbose_name="legal name"),
                ),
                ("address", kit.fields.Line(blank=True, max_length=300, verbose_name="address")),
                ("city", kit.fields.Line(blank=True, max_length=120, verbose_name="city")),
                (
                    "postal_code",
                    kit.fields.Line(blank=True, max_length=20, verbose_name="postal code"),
                ),
                ("country", kit.fields.Line(blank=True, max_length=2, verbose_name="country")),
                (
                    "tax_number",
                    kit.fields.Line(blank=True, max_length=40, verbose_name="tax number"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "contact_email",
                    kit.fields.Line(blank=True, max_length=254, verbose_name="contact e-mail"),
                ),
                (
                    "contact_phone",
                    kit.fields.Line(blank=True, max_length=40, verbose_name="contact phone"),
                ),
                (
                    "registration",
                    kit.fields.Line(
                        choices=[
                            ("open", "Open: whoever registers can start at once"),
                            ("approval", "With approval: staff approve each person who registers"),
                            ("closed", "Closed: only by invitation"),
                        ],
                        default="open",
                        max_length=10,
                        verbose_name="registration",
                    ),
                ),
                ("bank_name", kit.fields.Line(blank=True, max_length=120, verbose_name="bank")),
                (
                    "bic",
                    kit.fields.Line(blank=True, max_length=20, verbose_name="BIC or sort code"),
                ),
                (
                    "credit_note_prefix",
                    kit.fields.Line(
                        blank=True, max_length=12, verbose_name="prefix of credit note numbers"
                    ),
                ),
                (
                    "debt_cancels_bookings",
                    models.BooleanField(
                        default=False,
                        verbose_name="cancel future bookings of those suspended for unpaid invoices",
                    ),
                ),
                (
                    "iban",
                    kit.fields.Line(
                        blank=True, max_length=40, verbose_name="IBAN or account number"
                    ),
                ),
                (
                    "invoice_prefix",
                    kit.fields.Line(
                        blank=True,
                        help_text="Empty: made from the location's name. Another prefix starts at 1 again.",
                        max_length=12,
                        verbose_name="prefix of invoice numbers",
                    ),
                ),
                (
                    "payment_text",
                    kit.fields.Text(
                        blank=True,
                        help_text="Printed on invoices, under the bank details.",
                        max_length=1000,
                        verbose_name="how to pay",
                    ),
                ),
                (
                    "reminder_days",
                    kit.fields.Line(
                        blank=True,
                        default="7, 14, 28",
                        help_text="Such as 7, 14, 28. Empty: no reminders.",
                        max_length=60,
                        verbose_name="reminders, days after the due date",
                    ),
                ),
                (
                    "run_issues",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise they leave drafts, which you issue after a look.",
                        verbose_name="billing runs issue and send the invoices",
                    ),
                ),
                (
                    "suspend_after_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Empty: nobody is suspended for unpaid invoices by itself.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                        verbose_name="suspend when overdue for days",
                    ),
                ),
                (
                    "zero_invoices",
                    models.BooleanField(
                        default=False,
                        help_text="For plans that cost nothing, and where everything is covered.",
                        verbose_name="make invoices of nothing to pay",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("billing_day__gte", 1), ("billing_day__lte", 31)),
                        name="location_billing_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("invoice_at__in", ["cycle_end", "purchase"])),
                        name="location_invoice_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("registration__in", ["open", "approval", "closed"])),
                        name="location_registration",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rate_over_time__in", ["", "end", "due"])),
                        name="location_rate_over_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LocationTaxRate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_on", models.DateField(blank=True, null=True, verbose_name="from")),
                (
                    "rate",
                    kit.money.RateField(blank=True, null=True, verbose_name="tax rate in percent"),
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
                        blank=True, max_length=200, verbose_name="reason printed on invoices"
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tax_rates",
                        to="spaces.location",
                    ),
                ),
            ],
            options={
                "ordering": ["from_on"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("location", "from_on"), name="location_tax_rate_once_a_day"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("from_on", None)),
                        fields=("location",),
                        name="location_first_tax_rate_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("category", ""), ("rate", None)),
                            models.Q(("category__in", ["standard", "reduced"]), ("rate__gt", 0)),
                            models.Q(
                                ("category__in", ["zero", "exempt", "outside_scope"]), ("rate", 0)
                            ),
                            _connector="OR",
                        ),
                        name="location_tax_rate_has_category",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SmallBusinessPeriod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_on", models.DateField(blank=True, null=True, verbose_name="from")),
                ("applies", models.BooleanField()),
                (
                    "text",
                    kit.fields.Line(blank=True, max_length=200, verbose_name="text on invoices"),
                ),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="small_business_periods",
                        to="spaces.location",
                    ),
                ),
            ],
            options={
                "ordering": ["from_on"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("location", "from_on"), name="small_business_once_a_day"
                    )
                ],
            },
        ),
    ]
