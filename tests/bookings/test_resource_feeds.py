"""The private calendar address of a resource."""

import pytest
from django.db import IntegrityError, transaction

from bookings.models import ResourceFeed
from kit.models import AuditEntry
from kit.problems import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def booked(w, kestrel, t):
    return kestrel.book(
        customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
    )


def address(feed: ResourceFeed) -> str:
    return f"/calendar/{feed.token}.ics"


def test_a_calendar_program_reads_who_has_booked_it(w, kestrel, booked, client):
    feed = kestrel.open_calendar_feed(by=w.mona)
    answer = client.get(address(feed))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    text = answer.content.decode()
    assert "Kestrel" in text
    assert "SUMMARY:Ada Lovelace" in text


def test_a_new_address_takes_the_place_of_the_one_before(w, kestrel, client):
    first = kestrel.open_calendar_feed(by=w.mona)
    second = kestrel.open_calendar_feed(by=w.mona)
    assert kestrel.calendar_feed == second
    assert client.get(address(first)).status_code == 404
    assert client.get(address(second)).status_code == 200
    verbs = AuditEntry.objects.filter(verb__startswith="calendar_feed").values_list(
        "verb", flat=True
    )
    assert sorted(verbs) == ["calendar_feed.open", "calendar_feed.open", "calendar_feed.revoke"]


def test_a_revoked_address_works_no_more(w, kestrel, client):
    feed = kestrel.open_calendar_feed(by=w.mona)
    kestrel.revoke_calendar_feed(by=w.mona)
    assert client.get(address(feed)).status_code == 404
    with pytest.raises(Refused) as caught:
        kestrel.revoke_calendar_feed(by=w.mona)
    assert caught.value.codes == ["no_calendar_feed"]


def test_the_address_of_an_archived_resource_works_no_more(w, kestrel, client):
    feed = kestrel.open_calendar_feed(by=w.mona)
    kestrel.archive(by=w.mona)
    assert client.get(address(feed)).status_code == 404
    kestrel.restore(by=w.mona)
    assert client.get(address(feed)).status_code == 200


def test_a_resource_has_one_address_at_a_time(w, kestrel):
    kestrel.open_calendar_feed(by=w.mona)
    with pytest.raises(IntegrityError), transaction.atomic():
        ResourceFeed.objects.create(resource=kestrel, token="another")
