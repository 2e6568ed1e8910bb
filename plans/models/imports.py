from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kit import clock
from kit.fields import Line, Text


class CustomerImport(models.Model):
    """A CSV file of customers: how it was understood, what it did, and whether that was undone.

    `mapping` takes each header of the file to one of our columns, "custom" or "" (ignored).
    """

    class State(models.TextChoices):
        MAPPING = "mapping", _("Columns to be checked")
        TO_CHECK = "to_check", _("Waiting for the dry run")
        CHECKED = "checked", _("Dry run done")
        TO_APPLY = "to_apply", _("Waiting")
        APPLIED = "applied", _("Done")
        STOPPED = "stopped", _("Stopped halfway")
        REFUSED = "refused", _("Not done")
        UNDONE = "undone", _("Undone")

    class Dates(models.TextChoices):
        ISO = "iso", _("2026-11-30")
        DAY_FIRST = "day-first", _("30/11/2026 (day first)")
        MONTH_FIRST = "month-first", _("11/30/2026 (month first)")

    file_name = Line(max_length=255)
    content = models.BinaryField()
    headers = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)
    dates = Line(max_length=12, choices=Dates, default=Dates.ISO)
    location = models.ForeignKey("spaces.Location", models.PROTECT, null=True, blank=True)
    all_or_nothing = models.BooleanField(default=False)
    state = Line(max_length=10, choices=State, default=State.MAPPING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    error = Text(blank=True)
    leased_until = models.DateTimeField(null=True)
    ordered_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return self.file_name

    @property
    def is_busy(self) -> bool:
        return self.state in (self.State.TO_CHECK, self.State.TO_APPLY)

    @property
    def can_be_undone(self) -> bool:
        """Whether rows of it stand in the database."""
        return self.state in (self.State.APPLIED, self.State.STOPPED)

    @property
    def ignored(self) -> list[str]:
        """Headers whose cells nobody reads."""
        return [header for header in self.headers if not self.mapping.get(header)]

    def counts(self) -> dict[str, int]:
        """How many rows are to create, update, stay the same, or are wrong."""
        found = dict.fromkeys(ImportRow.Action.values, 0)
        rows = self.rows.values_list("action").annotate(models.Count("pk")).order_by()
        return found | dict(rows)


class ImportRow(models.Model):
    """One row of the file: what it does or why not, and after applying what it made.

    `problems` is a list of {column, value, text}; `changes` of {column, old, new}; `made` holds
    keys of what came of it and the values that were overwritten, for undoing.
    """

    class Action(models.TextChoices):
        CREATE = "create", _("New")
        UPDATE = "update", _("Changed")
        SAME = "same", _("Same")
        ERROR = "error", _("Error")

    customer_import = models.ForeignKey(CustomerImport, models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    cells = models.JSONField()
    name = Line(max_length=400, blank=True)
    action = Line(max_length=6, choices=Action)
    problems = models.JSONField(default=list)
    changes = models.JSONField(default=list)
    made = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    applied = models.BooleanField(default=False)

    class Meta:
        ordering = ["line"]
        constraints = [
            models.UniqueConstraint(fields=["customer_import", "line"], name="import_line_once")
        ]
        indexes = [
            models.Index(
                fields=["customer_import", "line"],
                condition=Q(action="error"),
                name="import_rows_wrong",
            )
        ]

    def __str__(self):
        return f"{self.line}: {self.name}"
