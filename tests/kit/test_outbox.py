"""E-mail leaves after the commit, at least once, and one poisoned message stops no other."""

import datetime as dt
from contextlib import suppress

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from kit import clock, outbox
from kit.models import OutboxMessage
from kit.problems import Refused

pytestmark = pytest.mark.django_db


def post(to: str = "ada@example.com", subject: str = "Hello", **more) -> OutboxMessage:
    return outbox.post(to=[to], subject=subject, text="Dear Ada", **more)


class Refusing(EmailBackend):
    """A mail server that refuses whoever is called Bad, and remembers that it was asked."""

    asked: list[str] = []

    def send_messages(self, messages):
        for message in messages:
            self.asked.append(message.to[0])
            if message.to[0].startswith("bad"):
                raise OSError("mailbox on fire")
        return super().send_messages(messages)


@pytest.fixture
def refusing(settings):
    settings.EMAIL_BACKEND = "tests.kit.test_outbox.Refusing"
    Refusing.asked = []
    return Refusing


def test_a_message_goes_out_with_its_own_id_and_both_of_its_bodies(settings):
    message = post(html="<p>Dear Ada</p>")
    assert outbox.deliver() == (1, 0)
    [sent] = mail.outbox
    assert sent.to == ["ada@example.com"]
    assert (sent.subject, sent.body) == ("Hello", "Dear Ada")
    assert sent.alternatives[0][:2] == ("<p>Dear Ada</p>", "text/html")
    assert sent.message()["Message-ID"] == message.message_id
    assert message.message_id.endswith(f"@{settings.MESSAGE_ID_DOMAIN}>")
    message.refresh_from_db()
    assert message.sent_at
    assert message.leased_until is None


def test_what_was_sent_is_not_sent_again():
    post()
    outbox.deliver()
    assert outbox.deliver() == (0, 0)
    assert len(mail.outbox) == 1


def test_a_transaction_that_is_rolled_back_sends_nothing():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise_after(post)
    assert outbox.deliver() == (0, 0)
    assert mail.outbox == []


def raise_after(deed):
    deed()
    raise ZeroDivisionError


def test_a_subject_has_no_line_breaks_and_an_end():
    """A line break would start a header of somebody else's making."""
    message = post(subject="Hello\r\nBcc: everybody@example.com" + "x" * 500)
    assert "\n" not in message.subject
    assert len(message.subject) == 400
    outbox.deliver()
    assert mail.outbox[0].to == ["ada@example.com"]
    assert mail.outbox[0].bcc == []


def test_a_poisoned_message_does_not_stop_the_others(refusing):
    bad = post("bad@example.com")
    good = [post(f"good{number}@example.com") for number in range(3)]
    assert outbox.deliver() == (3, 1)
    assert [message.to[0] for message in mail.outbox] == [message.to[0] for message in good]
    bad.refresh_from_db()
    assert bad.sent_at is None
    assert "on fire" in bad.error
    assert bad.due_at > clock.now()
    assert outbox.deliver() == (0, 0), "it waits before the next try"


def test_a_message_that_failed_is_tried_again_with_the_same_id_until_tries_are_used_up(refusing):
    bad = post("bad@example.com")
    for _try in range(outbox.TRIES + 3):
        OutboxMessage.objects.update(due_at=clock.now())
        outbox.deliver()
    assert len(refusing.asked) == outbox.TRIES
    before = bad.message_id
    bad.refresh_from_db()
    assert bad.attempts == outbox.TRIES
    assert bad.message_id == before


def test_each_wait_is_longer_than_the_one_before(refusing):
    bad = post("bad@example.com")
    waits = []
    for _try in range(5):
        OutboxMessage.objects.update(due_at=clock.now())
        outbox.deliver()
        bad.refresh_from_db()
        waits.append(bad.due_at - clock.now())
    assert waits == sorted(waits)
    assert dt.timedelta(minutes=25) < waits[-1] <= dt.timedelta(days=1)


def test_a_message_that_somebody_is_sending_is_left_alone_until_the_lease_is_over(at):
    at("2026-11-20 12:00Z")
    message = post()
    claimed = outbox._claim(None, 50)  # and then the process dies
    assert claimed == [message]
    assert outbox.deliver() == (0, 0)
    at("2026-11-20 12:04Z")
    assert outbox.deliver() == (0, 0)
    at("2026-11-20 12:06Z")
    assert outbox.deliver() == (1, 0)


def test_a_process_that_dies_between_sending_and_noting_sends_again_under_the_same_id(
    at, monkeypatch
):
    """At least once: a repeated message has the id by which mailboxes know it for the same."""
    at("2026-11-20 12:00Z")

    class Died(BaseException):
        pass

    post()
    really = outbox._send

    def send_and_die(message):
        really(message)
        raise Died

    monkeypatch.setattr(outbox, "_send", send_and_die)
    with pytest.raises(Died):
        outbox.deliver()
    monkeypatch.undo()
    at("2026-11-20 12:10Z")
    assert outbox.deliver() == (1, 0)
    first, second = (message.message()["Message-ID"] for message in mail.outbox)
    assert first == second


def test_only_the_messages_asked_for_are_sent():
    mine, other = post("mine@example.com"), post("other@example.com")
    assert outbox.deliver([mine.pk]) == (1, 0)
    assert mail.outbox[0].to == ["mine@example.com"]
    other.refresh_from_db()
    assert other.attempts == 0


def test_older_messages_go_first_and_a_round_has_an_end(at):
    at("2026-11-20 12:00Z")
    first = post("first@example.com")
    at("2026-11-20 12:01Z")
    post("second@example.com")
    assert outbox.deliver(limit=1) == (1, 0)
    assert mail.outbox[0].to == first.to


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_a_thread_sends_the_requests_own_messages(settings, monkeypatch):
    started: list[list[int]] = []
    monkeypatch.setattr(outbox, "_in_a_thread", started.append)
    settings.OUTBOX_SENDS_AFTER_COMMIT = True
    with transaction.atomic():
        message = post()
        assert started == []
    assert started == [[message.pk]]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise_after(post)
    assert len(started) == 1


@pytest.mark.django_db(transaction=True)
def test_the_thread_really_sends(settings):
    import threading

    settings.OUTBOX_SENDS_AFTER_COMMIT = True
    with transaction.atomic():
        message = post()
    for thread in threading.enumerate():
        if thread.name == "outbox":
            thread.join(10)
    message.refresh_from_db()
    assert message.sent_at
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_the_messages_of_one_transaction_leave_in_one_thread(settings, monkeypatch):
    settings.OUTBOX_SENDS_AFTER_COMMIT = True
    sent = []
    monkeypatch.setattr(outbox, "_in_a_thread", lambda keys: sent.append(list(keys)))
    with transaction.atomic():
        first = post()
        with suppress(Refused), transaction.atomic():
            post()
            raise Refused
        last = post()
    assert len(sent) == 1
    assert {first.pk, last.pk} <= set(sent[0])


def test_mail_of_the_sign_in_package_goes_through_the_outbox(client, w):
    outbox.keep_back()
    client.post("/portal/password/reset/", {"email": "ada@example.com"})
    assert mail.outbox == []
    assert outbox.deliver() == (1, 0)
    assert mail.outbox[0].to == ["ada@example.com"]
