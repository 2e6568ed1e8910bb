"""E-mail leaves the house after the commit, never before, and never gets lost.

A message is a row written in the transaction of its cause. After the commit a sender thread
takes the request's own rows; `manage.py work` takes what is left. Each message has a fixed id,
is sent at least once, and a poisoned one does not hold back the others.
"""

import datetime as dt
import logging
import secrets
import threading
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import close_old_connections, connection, transaction
from django.db.models import Q

from kit import clock
from kit.models import OutboxMessage

log = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=5)
TRIES = 12


def post(*, to: Sequence[str], subject: str, text: str, html: str = "") -> OutboxMessage:
    """Put a message in the outbox; it goes out once this transaction has committed."""
    now = clock.now()
    message = OutboxMessage.objects.create(
        message_id=f"<{secrets.token_hex(16)}@{settings.MESSAGE_ID_DOMAIN}>",
        to=list(to),
        subject=" ".join(subject.split())[:400],
        text=text,
        html=html,
        created_at=now,
        due_at=now,
    )
    if settings.OUTBOX_SENDS_AFTER_COMMIT:
        _after_commit(message.pk)
    return message


def keep_back() -> int:
    """Count everything that waits as sent: a made-up past writes to nobody. Returns how many."""
    return OutboxMessage.objects.filter(sent_at=None).update(sent_at=clock.now())


class _Batch(list):
    """Keys of one transaction's messages, kept among its commit hooks: one thread sends them."""

    def __call__(self) -> None:
        _in_a_thread(self)


def _after_commit(key: int) -> None:
    for entry in connection.run_on_commit:
        if isinstance(entry[1], _Batch):
            entry[1].append(key)
            return
    transaction.on_commit(_Batch([key]), robust=True)


def deliver(keys: Iterable[int] | None = None, *, limit: int = 50) -> tuple[int, int]:
    """Send what is due (only `keys`, if given); returns (sent, failed)."""
    sent = failed = 0
    for message in _claim(keys, limit):
        try:
            _send(message)
        except Exception as error:  # whatever the mail server or a broken message raises
            failed += 1
            log.warning("e-mail %s was not sent: %s", message.message_id, error)
            wait = dt.timedelta(minutes=min(2**message.attempts, 24 * 60))
            OutboxMessage.objects.filter(pk=message.pk).update(
                error=str(error)[:2000], due_at=clock.now() + wait, leased_until=None
            )
        else:
            sent += 1
            OutboxMessage.objects.filter(pk=message.pk).update(
                sent_at=clock.now(), error="", leased_until=None
            )
    return sent, failed


def _claim(keys: Iterable[int] | None, limit: int) -> list[OutboxMessage]:
    now = clock.now()
    with transaction.atomic():
        waiting = OutboxMessage.objects.filter(
            Q(leased_until=None) | Q(leased_until__lt=now),
            sent_at=None,
            due_at__lte=now,
            attempts__lt=TRIES,
        )
        if keys is not None:
            waiting = waiting.filter(pk__in=list(keys))
        skip = connection.features.has_select_for_update_skip_locked
        claimed = list(waiting.select_for_update(skip_locked=skip).order_by("due_at", "pk")[:limit])
        for message in claimed:
            message.attempts += 1
            message.leased_until = now + LEASE
        OutboxMessage.objects.bulk_update(claimed, ["attempts", "leased_until"])
    return claimed


def _send(message: OutboxMessage) -> None:
    email = EmailMultiAlternatives(
        message.subject,
        message.text,
        to=message.to,
        headers={"Message-ID": message.message_id},
    )
    if message.html:
        email.attach_alternative(message.html, "text/html")
    email.send()


def _in_a_thread(keys: list[int]) -> None:
    def run() -> None:
        try:
            deliver(keys)
        except Exception:
            log.exception("the sender thread stopped; the messages stay for `work`")
        finally:
            close_old_connections()
            connection.close()

    threading.Thread(target=run, name="outbox", daemon=True).start()
