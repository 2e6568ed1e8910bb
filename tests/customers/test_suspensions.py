"""A suspended customer meets closed doors at once, and nothing else changes."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from customers import signals
from customers.doors import may_enter
from customers.models import Customer, Suspension
from kit.models import AuditEntry
from kit.problems import Refused
from tests import story

pytestmark = pytest.mark.django_db

REASON = "Three invoices unpaid"


def codes(deed) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.codes


def sign_in(user, password: str = story.PASSWORD) -> tuple[Client, Any]:
    browser = Client()
    answer = browser.post("/portal/login/", {"login": user.email, "password": password})
    return browser, answer


def test_a_suspension_says_who_when_and_why(w):
    suspension = w.ada.suspend(by=w.frida, reason="  Loud music ")
    assert (suspension.reason, suspension.cause) == ("Loud music", "manual")
    assert (suspension.suspended_by, suspension.lifted_at) == (w.frida, None)
    assert w.ada.suspension == suspension
    assert w.ada in Customer.objects.suspended()
    assert w.ada not in Customer.objects.not_suspended()
    told = w.ada.timeline.first()
    assert (told.kind, told.text, told.by) == ("suspended", "Loud music", w.frida)
    entry = AuditEntry.objects.get(verb="customer.suspend", object_id=w.ada.pk)
    assert entry.personal == {"reason": [None, "Loud music"]}


def test_lifting_it_says_who_when_and_whether_missed_fees_are_billed(w):
    suspension = w.viktor.reinstate(by=w.mona, bill_missed=True)
    assert (suspension.lifted_by, suspension.bill_missed) == (w.mona, True)
    assert suspension.lifted_at
    assert w.viktor.suspension is None
    assert w.viktor.timeline.first().kind == "reinstated"
    assert codes(lambda: w.viktor.reinstate(by=w.mona)) == ["not_suspended"]
    w.viktor.suspend(by=w.mona, reason="Again")
    assert w.viktor.suspensions.count() == 2
    assert w.viktor.reinstate(by=w.mona).bill_missed is False


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_must_be_given(w, reason):
    assert codes(lambda: w.ada.suspend(by=w.mona, reason=reason)) == ["reason_missing"]
    assert w.ada.suspension is None


@pytest.mark.parametrize(
    ("before", "after", "replaces"),
    [
        ("debt", "manual", True),
        ("approval", "manual", True),
        ("manual", "manual", False),
        ("manual", "debt", False),
        ("manual", "approval", False),
        ("debt", "approval", False),
        ("debt", "debt", False),
        ("approval", "debt", False),
    ],
)
def test_only_a_suspension_by_staff_replaces_one_of_another_cause(w, before, after, replaces):
    first = w.ada.suspend(by=None, reason="First", cause=before)
    if not replaces:
        assert codes(lambda: w.ada.suspend(by=w.mona, reason="Second", cause=after)) == [
            "already_suspended"
        ]
        assert w.ada.suspension == first
        return
    second = w.ada.suspend(by=w.mona, reason="Second", cause=after)
    first.refresh_from_db()
    assert (first.lifted_by, w.ada.suspension) == (w.mona, second)
    assert w.ada.suspensions.filter(lifted_at=None).count() == 1


def test_letting_somebody_in_says_so_on_the_timeline(w):
    w.ada.suspend(by=None, reason="Registered", cause="approval")
    assert w.ada.suspension.waits
    assert [one.customer for one in Suspension.objects.waiting()] == [w.ada]
    w.ada.reinstate(by=w.frida)
    let_in, waited = w.ada.timeline.all()[:2]
    assert (waited.kind, waited.text, waited.by) == ("waits", "", None)
    assert (let_in.kind, let_in.text, let_in.by) == ("let_in", "", w.frida)
    assert not Suspension.objects.waiting().exists()


def test_what_stands_against_either_is_told_beforehand(w):
    def said(problems) -> list[str]:
        return [problem.code for problem in problems]

    assert said(w.viktor.suspend_problems()) == ["already_suspended"]
    assert said(w.ada.suspend_problems()) == []
    assert said(w.ada.reinstate_problems()) == ["not_suspended"]
    assert said(w.viktor.reinstate_problems()) == []
    w.ada.suspend(by=None, reason="x", cause="debt")
    assert said(w.ada.suspend_problems()) == []
    assert said(w.ada.suspend_problems(cause="approval")) == ["already_suspended"]


def test_the_database_knows_one_open_suspension_per_customer(w):
    with pytest.raises(IntegrityError), transaction.atomic():
        Suspension.objects.create(
            customer=w.viktor, cause="debt", reason="x", suspended_on=story.TODAY
        )


def test_suspending_neither_changes_status_nor_contracts_nor_teams(w):
    w.omar.suspend(by=w.mona, reason=REASON)
    w.ada.suspend(by=w.mona, reason=REASON)
    assert (w.ada.status, w.ada_contract.state) == ("member", "active")
    assert w.omar.status == "contact"
    assert w.team.memberships.filter(left_at=None).count() == 2


def test_others_are_told_in_the_same_transaction(w):
    heard = []

    def hear(sender, customer, suspension, by, signal, **kwargs):
        heard.append(("in" if signal is signals.reinstated else "out", customer, by))

    signals.suspended.connect(hear)
    signals.reinstated.connect(hear)
    try:
        w.ada.suspend(by=w.mona, reason=REASON)
        w.ada.reinstate(by=w.frida)
    finally:
        signals.suspended.disconnect(hear)
        signals.reinstated.disconnect(hear)
    assert heard == [("out", w.ada, w.mona), ("in", w.ada, w.frida)]


def test_a_list_of_customers_is_asked_once_for_its_suspensions(w, django_assert_num_queries):
    with django_assert_num_queries(2):
        people = list(Customer.objects.prefetch_related("suspensions"))
        assert sum(customer.suspension is not None for customer in people) == 1


# Doors


def test_every_session_of_the_login_ends_at_once_and_for_good(w):
    phone, laptop = (sign_in(w.ada.user)[0] for _device in range(2))
    assert phone.get("/portal/").status_code == laptop.get("/portal/").status_code == 200
    w.ada.suspend(by=w.mona, reason=REASON)
    for browser in (phone, laptop):
        answer = browser.get("/portal/")
        assert answer.status_code == 403, "told once that the door is closed"
        assert "Your access is closed" in answer.content.decode()
        assert REASON not in answer.content.decode(), "the reason is for the right password"
        answer = browser.get("/portal/")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/portal/login/")
    w.ada.reinstate(by=w.mona)
    assert phone.get("/portal/").status_code == 302, "an old cookie stays dead"
    assert sign_in(w.ada.user)[0].get("/portal/").status_code == 200


def test_the_reason_is_told_after_the_right_password_only(w):
    browser, answer = sign_in(w.viktor.user)
    assert answer.status_code == 403
    assert REASON in answer.content.decode()
    assert browser.get("/portal/").status_code == 302, "nobody was signed in"
    _browser, answer = sign_in(w.viktor.user, "not the password")
    assert answer.status_code == 200
    assert REASON not in answer.content.decode()


def test_a_login_that_acts_for_others_too_signs_in_and_acts_for_those(w):
    partner = story.company(w.house, "Nova Ltd", "Viktor Novak", user=w.viktor.user)
    browser, answer = sign_in(w.viktor.user)
    assert answer.status_code == 302
    page = browser.get("/portal/").content.decode()
    assert "Nova Ltd" in page
    assert list(Customer.objects.acted_for_by(w.viktor.user)) == [partner]


def test_staff_who_are_customers_keep_the_panel(w):
    staff = story.person(w.house, "Frida Berg", user=w.frida)
    browser, _answer = sign_in(w.frida)
    staff.suspend(by=w.mona, reason=REASON)
    assert browser.get("/panel/components/").status_code == 302, "the sessions end all the same"
    browser, answer = sign_in(w.frida)
    assert answer.status_code == 302
    assert browser.get("/panel/components/").status_code == 403, "an owner's page, but signed in"
    assert not Customer.objects.acted_for_by(w.frida).exists()


def test_withdrawn_access_turns_away_without_a_reason(w):
    Customer.objects.filter(pk=w.ada.pk).update(portal_access_withdrawn_at=w.mona.joined_at)
    _browser, answer = sign_in(w.ada.user)
    assert answer.status_code == 403
    assert REASON not in answer.content.decode()


def test_who_may_enter(w):
    nobody = story.login("nobody@example.com")
    found = {user.email: may_enter(user) for user in (w.ada.user, w.viktor.user, w.mona, nobody)}
    assert found == {
        "ada@example.com": True,
        "viktor@example.com": False,
        "mona@example.com": True,
        "nobody@example.com": True,
    }


def test_a_suspended_customer_signs_up_to_nothing_not_even_through_staff(w):
    assert codes(lambda: w.hot_desk.sign_up(w.viktor, by=w.mona)) == ["suspended"]


def test_a_part_of_a_page_makes_the_whole_page_say_that_the_door_is_closed(w, client):
    client.force_login(w.ada.user)
    w.ada.suspend(by=w.mona, reason=REASON)
    part = client.get("/portal/plans/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Refresh"], part.content) == (403, "true", b"")
    whole = client.get("/portal/plans/")
    assert whole.status_code == 403
    assert "Your access is closed" in whole.content.decode()
    assert client.get("/portal/plans/").status_code == 302, "told once"


def test_a_part_of_a_page_is_not_a_sign_in_form(w, client):
    part = client.get("/panel/customers/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Refresh"]) == (403, "true")
