import pytest

from customers.models import Customer
from kit import clock
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day


def seen_by(client, user) -> str:
    client.force_login(user)
    answer = client.get("/portal/")
    assert answer.status_code == 200
    return words(answer)


def test_a_stranger_is_asked_to_sign_in(w, client):
    assert client.get("/portal/")["Location"].startswith("/portal/login/")


def test_it_takes_no_post(w, client):
    client.force_login(w.ada.user)
    assert client.post("/portal/").status_code == 405


def test_a_member_sees_plan_price_and_next_fee(w, client):
    text = seen_by(client, w.ada.user)
    assert "Member of Riverside House since 21 September 2026" in text
    assert "through Hot Desk." in text
    assert "Yours since 21 September 2026." in text
    assert "Price €250.00 a month, plus 20 % tax" in text
    assert "Next fee €250.00 due on 1 December 2026for 1 Nov to 30 Nov 2026" in text
    assert "Viktor" not in text


def test_a_last_day_is_said_in_words(w, client):
    w.ada_contract.cancel(last_day=day("2027-03-10"), by=w.mona)
    assert "Your last day is Wednesday, 10 March 2027." in seen_by(client, w.ada.user)


def test_what_comes_is_there_with_its_first_part_fee(w, client):
    w.office.sign_up(w.noor, starts_on=day("2026-12-17"), by=w.mona)
    text = seen_by(client, w.noor.user)
    assert "Contact of Riverside House" in text
    assert "Starts on 17 December 2026." in text
    assert "You are a member from 17 December 2026, through Private Office." in text
    assert "€435.48 due on 1 January 2027" in text
    assert "15 of 31 days, because it starts on 17 Dec 2026" in text


def test_frozen_days_are_explained(w, client):
    w.ada_contract.freeze(from_on=TODAY, by=w.mona)
    assert "these days cost nothing" in seen_by(client, w.ada.user)


def test_what_was_called_off_is_not_there(w, client):
    w.office.sign_up(w.noor, starts_on=day("2026-12-17"), by=w.mona).call_off(by=w.mona)
    assert "Private Office" not in seen_by(client, w.noor.user)


def test_one_login_for_several_customers_sees_one_and_the_way_to_the_others(w, client):
    other = story.company(w.house, "Zeta Ltd", "Ada Lovelace", user=w.ada.user)
    w.office.sign_up(other, starts_on=TODAY, by=w.mona)
    text = seen_by(client, w.ada.user)
    assert "Acting for Ada Lovelace" in text
    assert "Zeta Ltd" in text
    assert "Hot Desk" in text
    assert "Private Office" not in text
    assert "Hot Desk" in text


def test_the_suspended_read_the_reason_after_the_right_password_only(w, client):
    who = {"login": "viktor@example.com"}
    wrong = client.post("/portal/login/", {**who, "password": "not-his-password"})
    assert "Three invoices unpaid" not in words(wrong)
    answer = client.post("/portal/login/", {**who, "password": story.PASSWORD})
    assert answer.status_code == 403
    assert "Three invoices unpaid" in words(answer)
    assert "_auth_user_id" not in client.session


def test_a_session_of_the_suspended_reads_that_its_door_is_closed(w, client):
    client.force_login(w.viktor.user)
    answer = client.get("/portal/")
    assert answer.status_code == 403
    text = words(answer)
    assert "Your access is closed" in text
    assert "Three invoices unpaid" not in text
    assert "Hot Desk" not in text


def test_a_login_with_one_open_customer_sees_that_one_only(w, client):
    story.person(w.house, "Other Viktor", user=w.viktor.user)
    text = seen_by(client, w.viktor.user)
    assert "Hello, Other" in text
    assert "Hot Desk" not in text


@pytest.mark.parametrize("how", ["archived", "withdrawn"])
def test_closed_doors_stay_closed(w, client, how):
    if how == "archived":
        w.noor.archive(by=w.mona)
    else:
        Customer.objects.filter(pk=w.noor.pk).update(portal_access_withdrawn_at=clock.now())
    client.force_login(w.noor.user)
    assert client.get("/portal/").status_code == 403


def test_staff_are_shown_the_other_door(w, client):
    client.force_login(w.mona)
    page = client.get("/portal/").content.decode()
    assert "You work here" in page
    assert "To the panel" in page
    assert client.get("/")["Location"] == "/panel/"


def test_an_unlinked_login_is_told_where_to_go(w, client):
    assert "not linked to a customer yet" in seen_by(client, story.login("new@example.com"))
