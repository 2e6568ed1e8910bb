from django.db import models
from django.db.models import Q

from kit.feeds import Feed, HasFeed


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    def open(self) -> "CalendarFeedQuerySet":
        """Feeds whose customer's portal is open: the same door as that of the pages."""
        customers = self.model._meta.get_field("customer").related_model.objects
        return self.filter(revoked_at=None, customer__in=customers.with_open_portal()).filter(
            customer__user__is_active=True
        )


class CalendarFeed(Feed):
    """A private address at which a calendar program reads what is ahead of a customer."""

    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, related_name="calendar_feeds"
    )

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(revoked_at=None), name="one_calendar_feed"
            )
        ]

    def __str__(self):
        return f"{self.customer}"


class HasCalendarFeed(HasFeed):
    feed_lock = "customers"

    class Meta:
        abstract = True
