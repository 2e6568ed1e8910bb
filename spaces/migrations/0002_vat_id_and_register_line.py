from django.db import migrations

import kit.fields


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="location",
            name="register_line",
            field=kit.fields.Line(
                blank=True,
                help_text="Such as HRB 12345, Amtsgericht Berlin.",
                max_length=200,
                verbose_name="entry in the register of companies",
            ),
        ),
        migrations.AddField(
            model_name="location",
            name="vat_id",
            field=kit.fields.Line(blank=True, max_length=30, verbose_name="VAT id"),
        ),
    ]
