import secrets

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    def open(self) -> "CalendarFeedQuerySet":
        """Feeds whose customer's portal is open: the same door as that of the pages."""
        customers = self.model._meta.get_field("customer").related_model.objects
        return self.filter(revoked_at=None, customer__in=customers.with_open_portal()).filter(
            customer__user__is_active=True
        )


class CalendarFeed(models.Model):
    """A private address at which a calendar program reads what is ahead of a customer.

    Whoever knows the address can read it, so it can be revoked. It is kept as it is: its owner
    wants to copy it again on the next device.
    """

    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, related_name="calendar_feeds"
    )
    token = Line(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(revoked_at=None), name="one_calendar_feed"
            )
        ]

    def __str__(self):
        return f"{self.customer}"


class HasCalendarFeed(models.Model):
    class Meta:
        abstract = True

    @property
    def calendar_feed(self) -> CalendarFeed | None:
        """The feed whose address works now, or None."""
        return self.calendar_feeds.filter(revoked_at=None).first()

    @transaction.atomic
    def open_calendar_feed(self, *, by) -> CalendarFeed:
        """Make a new private address; the one before it works no more."""
        self._close_feeds(by)
        feed = self.calendar_feeds.create(token=secrets.token_urlsafe(32))
        audit.record("calendar_feed.open", feed, by=by)
        return feed

    @transaction.atomic
    def revoke_calendar_feed(self, *, by) -> None:
        """The private address works no more. Raises `Refused` with `no_calendar_feed`."""
        if not self._close_feeds(by):
            raise Refused(Problem("no_calendar_feed", _("There is no calendar address.")))

    def _close_feeds(self, by) -> int:
        locks.take(customers=[self])
        standing = list(self.calendar_feeds.filter(revoked_at=None))
        for feed in standing:
            feed.revoked_at = clock.now()
            feed.save(update_fields=["revoked_at"])
            audit.record("calendar_feed.revoke", feed, by=by)
        return len(standing)
