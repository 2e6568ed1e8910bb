from django.db import migrations, models

import kit.fields
import kit.schema


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        kit.schema.Batch(
            operations=[
                migrations.CreateModel(
                    name="CacheEntry",
                    fields=[
                        (
                            "cache_key",
                            kit.fields.Line(max_length=255, primary_key=True, serialize=False),
                        ),
                        ("value", kit.fields.Text()),
                        ("expires", models.DateTimeField(db_index=True)),
                    ],
                    options={
                        "db_table": "cache",
                    },
                ),
                migrations.CreateModel(
                    name="AuditEntry",
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
                        ("at", models.DateTimeField()),
                        ("by_id", models.BigIntegerField(null=True)),
                        ("verb", kit.fields.Line(max_length=60)),
                        ("kind", kit.fields.Line(max_length=60)),
                        ("object_id", models.BigIntegerField(null=True)),
                        ("changes", models.JSONField(default=dict)),
                        ("personal", models.JSONField(null=True)),
                        ("salt", kit.fields.Line(max_length=32)),
                        ("digest", kit.fields.Line(max_length=64)),
                        ("place", models.BigIntegerField(null=True, unique=True)),
                        ("seal", kit.fields.Line(max_length=64, null=True)),
                        ("erased_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["kind", "object_id", "id"], name="audit_of_object"
                            ),
                            models.Index(
                                condition=models.Q(("place", None)),
                                fields=["id"],
                                name="audit_unsealed",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="JobRun",
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
                        ("job", kit.fields.Line(max_length=40)),
                        ("on", models.DateField()),
                        ("started_at", models.DateTimeField()),
                        ("finished_at", models.DateTimeField(null=True)),
                        ("failed", models.PositiveIntegerField(default=0)),
                        ("summary", models.JSONField(default=dict)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["job", "-id"], name="jobrun_latest")],
                    },
                ),
                migrations.CreateModel(
                    name="OutboxMessage",
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
                        ("message_id", kit.fields.Line(max_length=120, unique=True)),
                        ("to", models.JSONField()),
                        ("subject", kit.fields.Line(max_length=400)),
                        ("text", kit.fields.Text()),
                        ("html", kit.fields.Text(blank=True)),
                        ("created_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("attempts", models.PositiveIntegerField(default=0)),
                        ("leased_until", models.DateTimeField(blank=True, null=True)),
                        ("sent_at", models.DateTimeField(blank=True, null=True)),
                        ("error", kit.fields.Text(blank=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("sent_at", None)),
                                fields=["due_at"],
                                name="outbox_waiting",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SubmittedForm",
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
                        ("key", kit.fields.Line(max_length=64, unique=True)),
                        ("session", kit.fields.Line(max_length=64)),
                        ("content", kit.fields.Line(max_length=64)),
                        ("at", models.DateTimeField()),
                        ("result", kit.fields.Line(blank=True, max_length=400)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["at"], name="submitted_at")],
                    },
                ),
            ],
        ),
    ]
