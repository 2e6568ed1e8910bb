from django.db import models
from django.utils.translation import gettext_lazy

from customers.models import Customer
from kit import clock


class Scope(models.TextChoices):
    """Which bookings of a series an edit is about. What has begun stays as it is."""

    ONE = "one", gettext_lazy("Only this one")
    FOLLOWING = "following", gettext_lazy("This one and those after it")
    ALL = "all", gettext_lazy("All of the series that lie ahead")


class Series(models.Model):
    """Bookings that were made together, by a pattern: see `bookings.repeats.Pattern`."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="series")
    pattern = models.JSONField()
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = gettext_lazy("series")
        verbose_name_plural = gettext_lazy("series")

    def __str__(self):
        return self.words

    @property
    def words(self) -> str:
        """How it repeats: "every week on Monday and Thursday"."""
        from bookings.repeats import Pattern

        return Pattern.from_json(self.pattern).words
