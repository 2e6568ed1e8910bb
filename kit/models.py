from django.db import models
from django.db.models import Q

from kit.fields import Line, Text


class OutboxMessage(models.Model):
    """An e-mail written in the transaction that caused it, sent after the commit."""

    message_id = Line(max_length=120, unique=True)
    to = models.JSONField()
    subject = Line(max_length=400)
    text = Text()
    html = Text(blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = Text(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None), name="outbox_waiting"),
        ]

    def __str__(self):
        return self.subject


class AuditEntry(models.Model):
    """Who did what to what: written with the deed, sealed into a chain afterwards."""

    at = models.DateTimeField()
    by_id = models.BigIntegerField(null=True)
    verb = Line(max_length=60)
    kind = Line(max_length=60)
    object_id = models.BigIntegerField(null=True)
    changes = models.JSONField(default=dict)
    personal = models.JSONField(null=True)
    salt = Line(max_length=32)
    digest = Line(max_length=64)
    place = models.BigIntegerField(null=True, unique=True)
    seal = Line(max_length=64, null=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "object_id", "id"], name="audit_of_object"),
            models.Index(fields=["id"], condition=Q(place=None), name="audit_unsealed"),
        ]

    def __str__(self):
        return f"{self.verb} {self.kind} {self.object_id}"


class JobRun(models.Model):
    """One run of a job such as `daily`, for one local date."""

    job = Line(max_length=40)
    on = models.DateField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    failed = models.PositiveIntegerField(default=0)
    summary = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["job", "-id"], name="jobrun_latest")]

    def __str__(self):
        return f"{self.job} of {self.on}"


class SubmittedForm(models.Model):
    """A creating form that was sent: its second sending gives the first one's result."""

    key = Line(max_length=64, unique=True)
    session = Line(max_length=64)
    content = Line(max_length=64)
    at = models.DateTimeField()
    result = Line(max_length=400, blank=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="submitted_at")]

    def __str__(self):
        return self.key


class CacheEntry(models.Model):
    """The table of Django's database cache, which holds the throttles of all processes."""

    cache_key = Line(max_length=255, primary_key=True)
    value = Text()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "cache"

    def __str__(self):
        return self.cache_key
