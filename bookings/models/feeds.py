from django.db import models
from django.db.models import Q

from kit.feeds import Feed, HasFeed


class ResourceFeedQuerySet(models.QuerySet["ResourceFeed"]):
    def open(self) -> "ResourceFeedQuerySet":
        """Feeds whose address works: not revoked, and of a resource that can be booked."""
        return self.filter(revoked_at=None, resource__archived_at=None)


class ResourceFeed(Feed):
    """A private address at which a calendar program reads what is booked of a resource: for staff,
    and for the screen beside the door."""

    resource = models.ForeignKey("bookings.Resource", models.CASCADE, related_name="calendar_feeds")

    objects = ResourceFeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource"], condition=Q(revoked_at=None), name="one_resource_feed"
            )
        ]

    def __str__(self):
        return f"{self.resource}"


class HasResourceFeed(HasFeed):
    feed_lock = "resources"

    class Meta:
        abstract = True
