from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import kit.clock
import kit.fields
import kit.money


def refuse_to_lose_claims(apps, schema_editor):
    """What is owed by claims has no place in the tables before: it is not thrown away."""
    if apps.get_model("billing", "Claim").objects.exists():
        raise RuntimeError("There are claims: they would be lost. Restore a backup instead.")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_accounts"),
        ("customers", "0001_initial"),
        ("spaces", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", kit.fields.Line(max_length=300, verbose_name="text")),
                ("amount", kit.money.MoneyField(verbose_name="amount")),
                ("on", models.DateField(verbose_name="date")),
                ("due_on", models.DateField(verbose_name="due on")),
                ("settled", kit.money.MoneyField(default=Decimal("0"))),
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
                        related_name="claims",
                        to="customers.customer",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claims",
                        to="spaces.location",
                    ),
                ),
                (
                    "reversal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claim_of_refund",
                        to="billing.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "claim",
                "ordering": ["-on", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ClaimCancellation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    "claim",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cancellation",
                        to="billing.claim",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AlterField(
            model_name="accountentry",
            name="kind",
            field=kit.fields.Line(
                choices=[
                    ("overpaid", "Paid too much"),
                    ("credited", "Credited"),
                    ("paid", "Paid an invoice or a claim"),
                    ("taken_back", "Taken back from an invoice or a claim"),
                    ("reversed", "Payment reversed"),
                    ("refunded", "Refunded"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="invoice",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="billing.invoice",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="kind",
            field=kit.fields.Line(
                choices=[
                    ("payment", "Payment"),
                    ("credit_note", "Credit note"),
                    ("credit", "Account credit"),
                    ("write_off", "Written off"),
                    ("cancelled", "Cancelled"),
                ],
                max_length=11,
            ),
        ),
        migrations.AlterField(
            model_name="payment",
            name="method",
            field=kit.fields.Line(
                choices=[
                    ("transfer", "Bank transfer"),
                    ("card", "Card"),
                    ("cash", "Cash"),
                    ("debit", "Direct debit"),
                    ("deposit", "Deposit"),
                    ("opening", "Opening credit"),
                    ("other", "Other"),
                ],
                default="transfer",
                max_length=10,
                verbose_name="method",
            ),
        ),
        migrations.AlterField(
            model_name="reminder",
            name="invoice",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reminders",
                to="billing.invoice",
            ),
        ),
        migrations.AlterField(
            model_name="writeoff",
            name="invoice",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_offs",
                to="billing.invoice",
            ),
        ),
        migrations.AddField(
            model_name="accountentry",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_entries",
                to="billing.claim",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="billing.claim",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="billing.claim",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to="billing.claim",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reminders",
                to="billing.claim",
            ),
        ),
        migrations.AddField(
            model_name="writeoff",
            name="claim",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_offs",
                to="billing.claim",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice", None), ("claim", None), _connector="XOR"),
                name="allocation_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice", None), ("claim", None), _connector="OR"),
                name="payment_for_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(
                fields=("claim", "days"), name="reminded_of_claim_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice", None), ("claim", None), _connector="XOR"),
                name="reminded_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("claim",),
                name="claim_written_off_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice", None), ("claim", None), _connector="XOR"),
                name="write_off_of_one",
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["customer", "location", "-on"], name="claim_of_account"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["location", "-on", "-id"], name="claim_by_date"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(
                condition=models.Q(("settled__lt", models.F("amount"))),
                fields=["due_on", "id"],
                name="claim_unpaid",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="claim_of_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(("settled__gte", 0), ("settled__lte", models.F("amount"))),
                name="claim_settled_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_on__gte", models.F("on"))), name="claim_due_after_date"
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="claim_says_what_for"
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose_claims),
    ]
