"""The ground under load: one effect per form, one sending per message, one chain of seals."""

import threading
import time

import pytest
from django.core import mail
from django.db import connection, transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.test import Client
from django.urls import path

from customers.models import Customer
from kit import audit, bulk, outbox
from kit.models import AuditEntry, OutboxMessage, SubmittedForm
from kit.once import creates
from kit.policies import policy
from spaces.models import Location
from tests import story
from tests.races.crowd import at_once, losers, winners

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.races.test_ground"),
]


def make(request):
    """A deed that takes its time and can be counted."""
    if request.method != "POST" or "form_was_sent" in request.POST:
        return HttpResponse("form")
    made = Location.objects.create(name=f"Place {time.monotonic_ns()}")
    time.sleep(0.02)
    return redirect(f"/made/{made.pk}/")


once = policy("public")(creates(make))
every_time = policy("public")(lambda request: make(request))
urlpatterns = [path("once/", once), path("every-time/", every_time)]


def send_at_once(address: str, count: int = 20) -> list[HttpResponse]:
    user = story.login("ada@example.com")
    browser = Client()
    browser.force_login(user)
    cookies = browser.cookies

    def send():
        mine = Client()
        mine.cookies = cookies
        return mine.post(address, {"name": "Riverside", "form_key": "k" * 32})

    answers = at_once(*[send] * count)
    assert losers(answers) == []
    return answers


def test_twenty_sendings_of_one_form_have_one_effect_and_one_answer():
    answers = send_at_once("/once/")
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer["Location"] for answer in answers}) == 1
    assert Location.objects.count() == 1
    assert SubmittedForm.objects.count() == 1


def test_without_the_key_twenty_sendings_have_twenty_effects():
    """The control of the test above."""
    send_at_once("/every-time/")
    assert Location.objects.count() == 20


def test_several_senders_send_each_message_once(monkeypatch):
    really = outbox._send

    def slowly(message):
        really(message)
        time.sleep(0.005)

    monkeypatch.setattr(outbox, "_send", slowly)
    for number in range(40):
        outbox.post(to=[f"person{number}@example.com"], subject="Hello", text="Hello")

    def work():
        sent = 0
        while (round_ := outbox.deliver(limit=3)[0]) or OutboxMessage.objects.filter(
            sent_at=None, leased_until=None
        ).exists():
            sent += round_
        return sent

    assert sum(at_once(*[work] * 4)) == 40
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 40


def race_of_sealers() -> list:
    """Four sealers while four writers write."""
    mona = story.login("mona@example.com")
    done = threading.Event()

    def write():
        for number in range(30):
            audit.record(f"deed.{number}", mona, by=None)

    def seal():
        sealed = 0
        while True:
            last_round = done.is_set()
            sealed += audit.seal(limit=7)
            time.sleep(0.01)
            if last_round and not AuditEntry.objects.filter(place=None).exists():
                return sealed

    def write_all():
        for result in at_once(*[write] * 4):
            assert result is None
        done.set()

    return at_once(write_all, *[seal] * 4)


def test_four_sealers_make_one_chain():
    results = race_of_sealers()
    assert losers(results) == []
    assert audit.broken() == []
    places = list(AuditEntry.objects.order_by("place").values_list("place", flat=True))
    assert places == list(range(1, len(places) + 1))
    assert len(places) == 120


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer by itself")
def test_sealers_who_do_not_wait_for_each_other_collide(monkeypatch):
    """The control: four sealers really do meet."""
    monkeypatch.setattr(audit, "_be_the_only_sealer", lambda: None)
    really = audit._seal

    def slowly(*args):
        time.sleep(0.001)
        return really(*args)

    monkeypatch.setattr(audit, "_seal", slowly)
    for _time in range(3):
        results = race_of_sealers()
        sealed = sum(result for result in winners(results) if result)
        # A row that two of them sealed is counted twice, where it is not refused.
        if losers(results) or sealed > AuditEntry.objects.count():
            return
    pytest.fail("the sealers never met")


def test_keys_reserved_by_many_at_once_are_nobody_elses():
    house = story.house()

    def insert(number):
        rows = [
            Customer(
                type="individual", full_name=f"Person {number} {row}", email="p@example.com",
                location=house, registered_on=story.TODAY,
            )
            for row in range(50)
        ]  # fmt: skip

        def deed():
            with transaction.atomic():
                bulk.insert(rows)

        return deed

    results = at_once(*[insert(number) for number in range(6)])
    assert losers(results) == []
    assert len(winners(results)) == 6
    assert Customer.objects.count() == 300
