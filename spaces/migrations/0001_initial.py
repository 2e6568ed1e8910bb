from decimal import Decimal

import django.core.validators
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
                    "tax_rate",
                    kit.money.RateField(default=Decimal("0"), verbose_name="tax rate in percent"),
                ),
                (
                    "prices_include_tax",
                    models.BooleanField(default=False, verbose_name="prices include tax"),
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
                ],
            },
        ),
    ]
