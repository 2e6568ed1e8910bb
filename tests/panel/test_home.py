import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import CheckIn, OpeningHours
from kit import clock, guards, jobs
from kit.models import JobRun
from plans.models import HeldAnnouncement
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


def figures(page) -> dict[str, int]:
    return {str(figure.label): figure.value for figure in page.context["figures"]}


def test_a_stranger_is_asked_to_sign_in(w, client):
    assert client.get("/panel/")["Location"].startswith("/portal/login/")


def test_a_customer_is_turned_away(w, client):
    client.force_login(w.ada.user)
    assert client.get("/panel/").status_code == 403


@pytest.mark.parametrize("who", ["mona", "frida", "anton", "manager"])
def test_all_staff_may_come(w, client, who):
    client.force_login(getattr(w, who))
    assert client.get("/panel/").status_code == 200


def test_it_takes_no_post(mona):
    assert mona.post("/panel/").status_code == 405


def test_every_figure_opens_the_rows_behind_it(w, mona):
    w.ada_contract.cancel(last_day=day("2026-12-05"), by=w.mona)
    w.lin_contract.freeze(from_on=TODAY, by=w.mona)
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
    called_off = w.hot_desk.sign_up(w.noor, starts_on=day("2026-12-01"), by=w.mona)
    called_off.call_off(by=w.mona)
    page = mona.get("/panel/")
    assert figures(page) == {
        "Members": 2, "Contacts": 3, "Suspended": 1, "Starting": 1, "Ending": 1, "Ended": 1,
        "Cancelled": 1, "Frozen": 1,
    }  # fmt: skip
    for figure in page.context["figures"]:
        assert mona.get(figure.url).context["page"].total == figure.value, figure.label


def test_what_starts_and_ends_next_is_named(w, mona):
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
    w.ada_contract.cancel(last_day=day("2026-12-05"), by=w.mona)
    text = words(mona.get("/panel/"))
    assert re.search(r"Omar Haddad\s+Hot Desk\s+1 Dec 2026", text)
    assert re.search(r"Ada Lovelace\s+Hot Desk\s+5 Dec 2026", text)


def test_members_month_by_month_follow_from_the_contracts(w, mona):
    columns = mona.get("/panel/").context["columns"]
    assert [column.day.isoformat() for column in columns][:2] == ["2025-12-01", "2026-01-01"]
    assert columns[-1].day == TODAY
    counted = {column.day: column.value for column in columns}
    assert counted[day("2026-05-01")] == 0
    assert counted[day("2026-06-01")] == 1
    assert counted[day("2026-11-01")] == 4
    assert counted[TODAY] == 3


def test_thirty_rows_ask_as_much_as_one(w, mona):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            mona.get("/panel/")
        return len(queries)

    w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
    asked()
    few = asked()
    for _number in range(30):
        kim = story.person(w.house)
        w.hot_desk.sign_up(kim, starts_on=day("2026-12-01"), ends_on=day("2026-12-09"), by=w.mona)
    assert asked() == few


def test_who_waits_for_approval_is_told_and_counted_apart(w, mona):
    assert "approval" not in words(mona.get("/panel/"))
    w.noor.suspend(by=None, reason="Registered", cause="approval")
    page = mona.get("/panel/")
    assert "1 person waits for approval" in words(page)
    assert "/panel/customers/?suspended=approval" in page.content.decode()
    assert figures(page)["Suspended"] == 1
    w.omar.suspend(by=None, reason="Registered", cause="approval")
    assert "2 people wait for approval" in words(mona.get("/panel/"))
    w.omar.archive(by=w.mona)
    assert "1 person waits for approval" in words(mona.get("/panel/"))


def test_held_announcements_are_told(w, mona):
    HeldAnnouncement.objects.create(customer=w.ada, error="no room")
    text = words(mona.get("/panel/"))
    assert "Changes of status wait" in text
    assert "no room" not in text


def test_a_dead_daily_job_is_told_and_a_young_house_is_not_scolded(w, mona, at):
    assert "daily job" not in words(mona.get("/panel/"))
    at("2026-11-23")
    assert "The daily job has never run" in words(mona.get("/panel/"))
    with jobs.running("daily", TODAY):
        pass
    assert "daily job" not in words(mona.get("/panel/"))
    JobRun.objects.update(started_at=clock.now())
    at("2026-11-26")
    assert "The daily job last ran on 23 Nov 2026" in words(mona.get("/panel/"))


def test_missing_guards_are_told_to_those_who_can_act(w, mona, monkeypatch):
    monkeypatch.setattr(guards, "missing", lambda: ["kit_auditentry_is_kept"])
    assert "lost some of its guards" in words(mona.get("/panel/"))
    mona.force_login(w.frida)
    assert "guards" not in words(mona.get("/panel/"))


def test_an_empty_house_is_welcomed(db, client):
    story.house()
    client.force_login(story.login("mona@example.com", "owner"))
    assert "Open the house" in words(client.get("/panel/"))


def test_today_is_told_with_figures_that_open_the_rows_behind_them(w, mona):
    assert mona.get("/panel/").context["of_today"] is None
    story.bookable(w)
    OpeningHours.objects.set_for(w.house, [(4, dt.time(8), dt.time(16))], by=w.mona)
    hall = story.room(w.house, w.rooms, "Hall", needs_approval=True)
    start, end = story.moment("2026-11-20 15:00"), story.moment("2026-11-20 16:00")
    hall.book(customer=w.noor, start=start, end=end, by=w.noor.user)
    page = mona.get("/panel/")
    told = {str(figure.label): figure.value for figure in page.context["of_today"].figures}
    # Three hours of sixteen: the desk that a contract occupies cannot be booked.
    assert told == {
        "Bookings today": 2, "Still expected": 1, "To approve": 1,
        "Occupancy today": "19\N{NO-BREAK SPACE}%",
    }  # fmt: skip
    assert "3 of 16 hours" in words(page)
    for figure in page.context["of_today"].figures:
        assert mona.get(figure.url).status_code == 200
    CheckIn.objects.get().leave(by=w.frida)
    CheckIn.objects.arrive(w.ada, booking=w.booking, by=w.frida)
    [_bookings, expected, *_more] = mona.get("/panel/").context["of_today"].figures
    assert expected.value == 0


def test_bookings_of_other_locations_are_not_told(w, client):
    story.bookable(w)
    sam = story.login("sam@example.com")
    sam.give_role("front_desk", by=None, location=story.house(name="Hill House"))
    client.force_login(sam)
    assert client.get("/panel/").context["of_today"] is None


def test_thirty_bookings_ask_as_much_as_one(w, mona):
    def asked() -> int:
        mona.get("/panel/")
        with CaptureQueriesContext(connection) as queries:
            mona.get("/panel/")
        return len(queries)

    story.bookable(w)
    few = asked()
    for number in range(30):
        room = story.room(w.house, w.rooms, f"Room {number}")
        room.book(
            customer=w.ada, start=story.moment("2026-11-20 14:00"),
            end=story.moment("2026-11-20 15:00"), by=w.mona,
        )  # fmt: skip
    assert asked() == few
