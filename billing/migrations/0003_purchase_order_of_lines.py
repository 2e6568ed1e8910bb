from django.db import migrations

import kit.fields


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_claims"),
    ]

    operations = [
        migrations.AddField(
            model_name="invoiceline",
            name="purchase_order",
            field=kit.fields.Line(blank=True, max_length=100),
        ),
    ]
