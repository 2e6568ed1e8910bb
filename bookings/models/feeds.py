import secrets
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused


class ResourceFeedQuerySet(models.QuerySet["ResourceFeed"]):
    def open(self) -> "ResourceFeedQuerySet":
        """Feeds whose address works: not revoked, and of a resource that can be booked."""
        return self.filter(revoked_at=None, resource__archived_at=None)


class ResourceFeed(models.Model):
    """A private address at which a calendar program reads what is booked of a resource.

    Whoever knows the address can read it, so it can be revoked. It is kept as it is: staff want to
    copy it again on the next device, and onto the screen beside the door.
    """

    resource = models.ForeignKey("bookings.Resource", models.CASCADE, related_name="calendar_feeds")
    token = Line(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ResourceFeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource"], condition=Q(revoked_at=None), name="one_resource_feed"
            )
        ]

    def __str__(self):
        return f"{self.resource}"


class HasResourceFeed(models.Model):
    """What a resource can do about its calendar address."""

    calendar_feeds: Any

    class Meta:
        abstract = True

    @property
    def calendar_feed(self) -> ResourceFeed | None:
        """The feed whose address works now, or None."""
        return self.calendar_feeds.filter(revoked_at=None).first()

    @transaction.atomic
    def open_calendar_feed(self, *, by) -> ResourceFeed:
        """Make a new private address; the one before it works no more."""
        self._close_feeds(by)
        feed = self.calendar_feeds.create(token=secrets.token_urlsafe(32))
        audit.record("resource_feed.open", feed, by=by)
        return feed

    @transaction.atomic
    def revoke_calendar_feed(self, *, by) -> None:
        """The private address works no more. Raises `Refused` with `no_calendar_feed`."""
        if not self._close_feeds(by):
            raise Refused(Problem("no_calendar_feed", _("There is no calendar address.")))

    def _close_feeds(self, by) -> int:
        locks.take(resources=[self.pk])
        standing = list(self.calendar_feeds.filter(revoked_at=None))
        for feed in standing:
            feed.revoked_at = clock.now()
            feed.save(update_fields=["revoked_at"])
            audit.record("resource_feed.revoke", feed, by=by)
        return len(standing)
