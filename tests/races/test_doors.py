"""A door that closes closes at once, also for those who are just passing through it."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from customers.models import CalendarFeed, Customer, User
from kit import locks, policies
from kit.models import AuditEntry, OutboxMessage
from tests import story
from tests.races.crowd import at_once, losers

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

CLIENTS = 20


class Request(NamedTuple):
    """One request of the crowd: when it began, what it asked for, and whether it got it."""

    began: float
    what: str
    succeeded: bool


@pytest.fixture
def w(at):
    at("2026-11-20")
    return story.world()


@pytest.fixture
def slow_writes(monkeypatch):
    """Between a page's look at the door and its write there is time for the door to close."""
    really = Customer.open_calendar_feed

    def slow(self, **how):
        time.sleep(0.03)
        return really(self, **how)

    monkeypatch.setattr(Customer, "open_calendar_feed", slow)


def link_sent_to(email: str, pattern: str) -> str:
    mails = [one for one in OutboxMessage.objects.order_by("-pk") if one.to == [email]]
    return next(found[0] for mail in mails if (found := re.search(pattern, mail.text)))


def doors_of(w) -> dict:
    """Ways in that Ada's customer has, by name: each does one request and says if it worked."""
    w.ada.open_calendar_feed(by=None)
    Client().post("/portal/password/reset/", {"email": "ada@example.com"})
    reset = link_sent_to("ada@example.com", r"/portal/password/\S+-\S+/")
    story.company(w.house, "Ada Ltd", "Ada", email="ada.ltd@example.com")
    w.team.add(w.ada, is_admin=True, by=w.mona)
    w.team.invite("friend@example.com", by=w.ada.user)
    invitation = link_sent_to("friend@example.com", r"/portal/join/\S+/")

    def write(browser) -> bool:
        """Make a new private address of the calendar."""
        answer = browser.post("/portal/account/calendar/", {"renew": ""})
        return answer.status_code == 302 and answer["Location"] == "/portal/account/calendar/"

    def calendar(browser) -> bool:
        """Read the calendar at the address that it has now."""
        feed = CalendarFeed.objects.get(customer=w.ada, revoked_at=None)
        return browser.get(reverse("calendar_feed", args=[feed.token])).status_code == 200

    return {
        "page": lambda browser: browser.get("/portal/").status_code == 200,
        "write": write,
        "calendar": calendar,
        "reset": lambda browser: browser.get(reset).status_code == 302,
        "invitation": lambda browser: browser.get(invitation).status_code == 200,
    }


def until(it_holds: Callable[[], bool]) -> None:
    """Wait for something that the crowd brings about, a minute at most."""
    for _round in range(6000):
        if it_holds():
            return
        time.sleep(0.01)
    pytest.fail("the crowd has come to nothing in a minute")


def hammer(w, around: AbstractContextManager) -> tuple[list[Request], float, list[int]]:
    """Let the crowd knock, suspend through the panel meanwhile, let it knock on.

    It is suspended once each way in has worked, and over once each was tried again. The
    suspension, its answer and the count of the writes happen inside `around`.

    Returns the requests, when the suspension was answered, and how many writes of Ada's login
    there were then and at the end.
    """
    names = [*(["write", "page"] * 7), *(["calendar", "reset", "invitation"] * 2)]
    browsers = [Client() for _name in names]
    for browser in browsers:
        browser.force_login(w.ada.user)
    doors = doors_of(w)
    staff = Client()
    staff.force_login(w.mona)
    address = reverse("panel:customer_suspension", args=[w.ada.pk])
    [key] = re.findall(r'name="form_key" value="([^"]+)"', staff.get(address).content.decode())
    requests: list[Request] = []
    stop = threading.Event()

    def knock(name: str, browser: Client) -> None:
        try:
            while not stop.is_set():
                began = time.perf_counter()
                requests.append(Request(began, name, doors[name](browser)))
                time.sleep(0.02)
        finally:
            connections.close_all()

    def writes() -> int:
        return AuditEntry.objects.filter(by_id=w.ada.user_id).count()

    def knocking() -> set[str]:
        return {name for name, thread in zip(names, crowd, strict=True) if thread.is_alive()}

    crowd = [
        threading.Thread(target=knock, args=pair) for pair in zip(names, browsers, strict=True)
    ]
    assert len(crowd) == CLIENTS
    for thread in crowd:
        thread.start()
    try:
        until(lambda: knocking() <= {one.what for one in requests if one.succeeded})
        with around:
            answer = staff.post(address, {"reason": "Noise", "form_key": key})
            answered = time.perf_counter()
            then = writes()
        assert answer.status_code == 302, answer.content.decode()
        until(lambda: knocking() <= {one.what for one in requests if one.began > answered})
    finally:
        stop.set()
    for thread in crowd:
        thread.join(60)
        assert not thread.is_alive()
    w.browsers = browsers
    return requests, answered, [then, writes()]


def test_no_request_that_begins_after_the_suspensions_answer_succeeds(w, slow_writes):
    requests, answered, (then, at_the_end) = hammer(w, nullcontext())
    for name in ("page", "write", "calendar", "reset", "invitation"):
        mine = [one for one in requests if one.what == name]
        assert any(one.succeeded for one in mine if one.began < answered), name
        later = [one for one in mine if one.began > answered]
        assert later, f"nobody tried {name} afterwards"
        assert not any(one.succeeded for one in later), name
    assert then == at_the_end, "a write came after the suspension"
    assert then > 0
    # Reinstated: the old cookies stay dead, a new login works.
    Customer.objects.get(pk=w.ada.pk).reinstate(by=w.mona)
    assert {browser.get("/portal/").status_code for browser in w.browsers} == {302}
    new = Client()
    new.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
    assert new.get("/portal/").status_code == 200


def test_without_the_watch_at_the_door_a_write_comes_after_the_suspension(w, monkeypatch):
    """The control: pages that have looked at the door write once the suspension is answered."""
    watched = policies.named("customer")
    monkeypatch.setitem(policies._policies, "customer", watched._replace(keep=None))
    really = Customer.open_calendar_feed
    closing, has_looked, closed = threading.Event(), threading.Event(), threading.Event()

    def held(self, **how):
        if closing.is_set():
            has_looked.set()
            assert closed.wait(60)
        return really(self, **how)

    @contextmanager
    def while_a_write_is_under_way() -> Iterator[None]:
        monkeypatch.setattr(Customer, "open_calendar_feed", held)
        closing.set()
        assert has_looked.wait(60)
        try:
            yield
        finally:
            closed.set()

    _requests, _answered, (then, at_the_end) = hammer(w, while_a_write_is_under_way())
    assert at_the_end > then


def test_a_page_that_was_being_made_when_the_door_closed_is_not_sent(w, monkeypatch):
    """The door closes while the page is drawn: what is sent is not the page."""
    from portal.views import home

    really = home.render

    def render(request, *args, **kwargs):
        drawn = really(request, *args, **kwargs)
        Customer.objects.get(pk=w.ada.pk).suspend(by=w.mona, reason="Noise")
        return drawn

    monkeypatch.setattr(home, "render", render)
    browser = Client()
    browser.force_login(w.ada.user)
    answer = browser.get("/portal/")
    assert answer.status_code == 403
    assert "Hot Desk" not in answer.content.decode()


def test_a_login_for_two_acts_for_the_other_one_only(w):
    other = story.company(w.house, "Ada Ltd", "Ada Lovelace", user=w.ada.user)
    browser = Client()
    browser.force_login(w.ada.user)
    w.ada.suspend(by=w.mona, reason="Noise")
    assert browser.get("/portal/").status_code == 302, "every session of the login has ended"
    browser.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
    page = browser.get("/portal/").content.decode()
    assert "Ada Ltd" in page
    assert "Hot Desk" not in page
    assert browser.get(f"/portal/contracts/{w.ada_contract.pk}/").status_code == 404
    assert browser.post("/portal/acting-for/", {"customer": w.ada.pk}).status_code == 404
    assert other.suspension is None


def test_an_invitation_is_taken_up_once_however_many_try(w):
    w.omar.invite(by=w.frida)
    link = link_sent_to("omar@example.com", r"/portal/join/\S+/")

    def accept(number):
        def deed():
            data = {"full_name": "Omar", "password": f"seven quiet herons {number}"}
            return Client().post(link, data).status_code

        return deed

    answers = at_once(*[accept(number) for number in range(8)])
    assert answers.count(302) == 1
    assert set(answers) <= {200, 302, 410, 422}, (
        "the others are told to sign in, or that it is over"
    )
    assert User.objects.filter(email="omar@example.com").count() == 1
    w.omar.refresh_from_db()
    assert w.omar.user.email == "omar@example.com"
    assert w.omar.timeline.filter(kind="got_login").count() == 1


def test_a_form_that_is_sent_twenty_times_at_once_signs_one_contract(w):
    """Joining a plan: the same page, sent by an impatient finger."""
    browser = Client()
    browser.force_login(w.noor.user)
    address = f"/portal/plans/{w.hot_desk.pk}/join/"
    key = browser.get(address).context["form"]["form_key"].value()
    before = w.noor.contracts.count()

    def send():
        mine = Client()
        mine.cookies = browser.cookies
        return mine.post(address, {"starts_on": "2026-11-20", "form_key": key}).status_code

    answers = at_once(*[send for _ in range(20)])
    assert set(answers) == {302}
    assert w.noor.contracts.count() == before + 1
    assert Customer.objects.get(pk=w.noor.pk).status == "member"


def test_of_two_owners_who_end_each_other_one_stays(w):
    w.manager.set_roles([("owner", None)], by=w.mona)
    at_once(
        lambda: User.objects.get(pk=w.mona.pk).end_staff(by=User.objects.get(pk=w.manager.pk)),
        lambda: User.objects.get(pk=w.manager.pk).end_staff(by=User.objects.get(pk=w.mona.pk)),
    )
    assert sum(one.may_everywhere("own_space") for one in User.objects.staff()) == 1


def test_somebody_read_before_they_got_their_login_is_suspended_all_the_same(w):
    """The login is locked before the customer, as by every page of the portal."""
    stale = Customer.objects.get(pk=w.omar.pk)
    login = story.login("omar@example.com")
    Customer.objects.filter(pk=w.omar.pk).update(user=login)
    held = threading.Event()

    def page() -> None:
        with transaction.atomic():
            locks.take(users=[login])
            held.set()
            time.sleep(0.3)
            locks.take(customers=[w.omar])

    def suspend():
        held.wait(10)
        return stale.suspend(by=w.mona, reason="Noise")

    assert losers(at_once(page, suspend)) == []
    assert Customer.objects.get(pk=w.omar.pk).suspension


def test_an_address_that_many_register_at_once_gives_each_an_answer(w):
    def register():
        data = {"full_name": "Kim", "email": "kim@example.com", "password1": "seven quiet herons"}
        return Client().post("/portal/join/", data).status_code

    assert set(at_once(*[register for _ in range(4)])) == {302}
    assert User.objects.filter(email="kim@example.com").count() == 1
