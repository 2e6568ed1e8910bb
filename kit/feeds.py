"""Private addresses at which calendar programs read: made, made anew, taken away.

Whoever knows the address can read it, so it can be revoked. It is kept as it is: its owner wants to
copy it again on the next device.
"""

import secrets
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused


class Feed(models.Model):
    """An address of something; at most one of it works."""

    token = Line(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class HasFeed(models.Model):
    """Mixin of what has feeds, as `calendar_feeds`; `feed_lock` names its lock."""

    feed_lock: str
    calendar_feeds: Any

    class Meta:
        abstract = True

    @property
    def calendar_feed(self) -> Any:
        """The feed whose address works now, or None."""
        return self.calendar_feeds.filter(revoked_at=None).first()

    @transaction.atomic
    def open_calendar_feed(self, *, by) -> Any:
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
        mine: dict[str, Any] = {self.feed_lock: [self.pk]}
        locks.take(**mine)
        standing = list(self.calendar_feeds.filter(revoked_at=None))
        for feed in standing:
            feed.revoked_at = clock.now()
            feed.save(update_fields=["revoked_at"])
            audit.record("calendar_feed.revoke", feed, by=by)
        return len(standing)
