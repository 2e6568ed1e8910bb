"""Whoever registers becomes a customer once the e-mail is proved, and nobody else's by accident."""

import datetime as dt
import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client

from customers.doors import may_enter
from customers.models import Customer, Registration, TimelineEntry, User
from kit import clock
from kit.models import OutboxMessage
from kit.problems import Refused
from spaces.models import Location
from tests import story

pytestmark = pytest.mark.django_db

PHRASE = "seven quiet herons"
OTHER = "eleven calm otters"


def register(client, email="rita@example.com", name="Rita Real", password=PHRASE, **more):
    return client.post(
        "/portal/join/", {"full_name": name, "email": email, "password1": password, **more}
    )


def code_sent_to(email: str) -> str:
    mail = [one for one in OutboxMessage.objects.order_by("pk") if one.to == [email]][-1]
    return re.findall(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mail.text)[0]


def verify(client, email="rita@example.com", code=None):
    return client.post("/portal/verification/", {"code": code or code_sent_to(email)})


@pytest.fixture
def house():
    return story.house()


def test_registering_makes_an_individual_who_is_signed_in(house, client):
    assert register(client)["Location"] == "/portal/verification/"
    assert not Customer.objects.exists(), "nothing before the e-mail is proved"
    assert client.get("/portal/").status_code == 302
    verify(client)
    customer = Customer.objects.get()
    assert (customer.type, customer.full_name, customer.email) == (
        "individual", "Rita Real", "rita@example.com",
    )  # fmt: skip
    assert (customer.location, customer.status) == (house, "contact")
    assert customer.user.is_verified
    kinds = set(customer.timeline.values_list("kind", flat=True))
    assert kinds == {TimelineEntry.Kind.REGISTERED, TimelineEntry.Kind.GOT_LOGIN}
    assert client.get("/portal/").status_code == 200


def test_a_wrong_code_proves_nothing(house, client):
    register(client)
    assert verify(client, code="AAAA-AAAA").status_code == 200
    assert not Customer.objects.exists()
    assert client.get("/portal/").status_code == 302


def test_a_code_that_is_guessed_at_is_dead_after_three_tries(house, client):
    register(client)
    right = code_sent_to("rita@example.com")
    for _ in range(3):
        verify(client, code="AAAA-AAAA")
    verify(client, code=right)
    assert not Customer.objects.exists()


def test_whoever_mistyped_the_address_begins_again(house, client):
    register(client, email="rtia@example.com")
    assert client.get("/portal/join/")["Location"] == "/portal/verification/"
    away = client.post("/portal/logout/", {"next": "/portal/join/"})
    assert away["Location"] == "/portal/join/"
    assert client.get("/portal/join/").status_code == 200
    register(client, email="rita@example.com")
    verify(client)
    assert Customer.objects.get().email == "rita@example.com"


def test_the_code_works_only_where_one_registered(house, client):
    register(client)
    elsewhere = Client()
    elsewhere.post("/portal/verification/", {"code": code_sent_to("rita@example.com")})
    assert not Customer.objects.exists()


def test_a_known_e_mail_without_a_login_is_linked_instead(w, client):
    register(client, email="OMAR@example.com", name="Omar")
    verify(client, "omar@example.com")
    w.omar.refresh_from_db()
    assert w.omar.user.email == "omar@example.com"
    assert Customer.objects.with_email("omar@example.com").count() == 1
    assert w.omar.full_name == "Omar Haddad", "the record keeps its words"


def test_every_customer_of_the_e_mail_is_linked(w, client):
    company = story.company(w.house, "Haddad Ltd", "Omar Haddad", email="omar@example.com")
    register(client, email="omar@example.com")
    verify(client, "omar@example.com")
    assert set(User.objects.get(email="omar@example.com").customers.all()) == {w.omar, company}


def test_a_customer_with_another_login_is_left_alone(w, client):
    w.omar.user = story.login("other@example.com")
    w.omar.save()
    register(client, email="omar@example.com")
    verify(client, "omar@example.com")
    w.omar.refresh_from_db()
    assert w.omar.user.email == "other@example.com"
    assert User.objects.get(email="omar@example.com").customers.get() != w.omar


def test_a_suspended_customer_does_not_come_back_by_registering(w, client):
    w.omar.suspend(by=w.mona, reason="Noise")
    register(client, email="omar@example.com")
    answer = verify(client, "omar@example.com")
    assert answer.status_code == 403
    assert w.omar.suspension
    assert Customer.objects.with_email("omar@example.com").count() == 1
    assert client.get("/portal/").status_code == 302


def test_somebody_archived_while_suspended_waits_for_approval_as_the_new_one(w, client):
    w.omar.suspend(by=w.mona, reason="Noise")
    w.omar.archive(by=w.mona)
    register(client, email="omar@example.com")
    verify(client, "omar@example.com")
    new = User.objects.get(email="omar@example.com").customers.get()
    assert new != w.omar
    assert new.suspension.cause == "approval"


def test_a_house_may_let_people_in_with_approval_only(house, client):
    assert "looks at each registration" not in client.get("/portal/join/").content.decode()
    words = {"registration": Location.Registration.APPROVAL, "contact_email": "desk@example.com"}
    house.edit(words, by=None)
    assert "looks at each registration" in client.get("/portal/join/").content.decode()
    register(client)
    answer = verify(client)
    assert answer.status_code == 403
    assert "We are looking at your registration" in answer.content.decode()
    customer = Customer.objects.get()
    assert (customer.suspension.cause, customer.suspension.suspended_by) == ("approval", None)
    [told] = [one for one in OutboxMessage.objects.all() if one.to == ["desk@example.com"]]
    assert told.subject == "Rita Real waits for approval"
    assert f"/panel/customers/{customer.pk}/" in told.text
    customer.reinstate(by=None)
    again = client.post(
        "/portal/login/", {"login": "rita@example.com", "password": PHRASE}, follow=True
    )
    assert again.status_code == 200
    assert "Hello, Rita" in again.content.decode()
    subjects = list(OutboxMessage.objects.order_by("pk").values_list("subject", flat=True))
    assert "We have your registration at Riverside House" in subjects
    assert subjects[-1] == "Welcome to Riverside House"


def test_a_house_may_be_closed_to_strangers(house, client):
    house.edit({"registration": Location.Registration.CLOSED}, by=None)
    assert "By invitation" in client.get("/portal/join/").content.decode()
    register(client)
    assert not User.objects.exists()


def test_where_there_are_several_locations_one_is_chosen(house, client):
    other = story.house(name="Hill House")
    shut = story.house(name="Shut House", registration=Location.Registration.CLOSED)
    assert "This field is required" in register(client).content.decode()
    assert "Select a valid choice" in register(client, location=shut.pk).content.decode()
    register(client, location=other.pk)
    verify(client)
    assert Customer.objects.get().location == other


def test_a_known_and_an_unknown_e_mail_get_the_same_answer(w, client):
    known, unknown = Client(), Client()
    answers = [register(known, "ada@example.com"), register(unknown, "new@example.com")]
    assert {answer["Location"] for answer in answers} == {"/portal/verification/"}
    pages = [
        browser.get("/portal/verification/").content.decode().replace(email, "")
        for browser, email in ((known, "ada@example.com"), (unknown, "new@example.com"))
    ]
    tokens = re.compile(r'csrfmiddlewaretoken" value="[^"]+"|X-CSRFToken": "[^"]+"')
    assert tokens.sub("", pages[0]) == tokens.sub("", pages[1])
    told = [one for one in OutboxMessage.objects.order_by("pk") if one.to == ["ada@example.com"]]
    assert "already" in told[-1].subject
    assert User.objects.filter(email="ada@example.com").count() == 1


def test_whoever_reads_the_mail_wins_over_whoever_typed_the_address_first(house, client):
    """Somebody registers with another's address; its owner registers later with a password of
    their own, and the first password never opens anything."""
    thief = Client()
    register(thief, name="Thief", password="mine all mine all mine")
    old_code = code_sent_to("rita@example.com")
    register(client)
    verify(thief, code=old_code)
    assert not Customer.objects.exists()
    verify(client)
    assert Customer.objects.get().full_name == "Rita Real"
    answer = Client().post(
        "/portal/login/", {"login": "rita@example.com", "password": "mine all mine all mine"}
    )
    assert "_auth_user_id" not in answer.wsgi_request.session


def test_a_registration_completes_once(house):
    registration = Registration.objects.begin(
        "rita@example.com", PHRASE, full_name="Rita", location=house
    )
    assert len(registration.complete()) == 1
    assert registration.complete() == []
    assert Customer.objects.count() == 1


def test_logins_that_nobody_verified_are_forgotten_after_a_month(house):
    old = Registration.objects.begin("old@example.com", PHRASE, full_name="Old", location=house)
    done = Registration.objects.begin("done@example.com", PHRASE, full_name="Do", location=house)
    done.complete()
    Registration.objects.update(at=clock.now() - dt.timedelta(days=31))
    Registration.objects.begin("new@example.com", PHRASE, full_name="New", location=house)
    assert Registration.objects.forget_unverified() == 1
    assert not User.objects.filter(pk=old.user_id).exists()
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"full_name": ""}, "This field is required"),
        ({"email": "no address"}, "Enter a valid e-mail address"),
        ({"password1": "short"}, "too short"),
        ({"password1": "1234567890"}, "too common"),
    ],
)
def test_bad_words_are_said_beside_the_field_and_nothing_is_lost(house, client, wrong, words):
    answer = client.post(
        "/portal/join/",
        {"full_name": "Rita Real", "email": "rita@example.com", "password1": PHRASE, **wrong},
    )
    text = answer.content.decode()
    assert words in text
    if "email" not in wrong:
        assert 'value="rita@example.com"' in text
    assert not User.objects.exists()


def test_a_form_with_more_fields_than_it_offers_changes_nothing_else(house, client):
    register(
        client, is_active="", session_epoch="9", type="company", company_name="Evil Ltd",
        external_id="X1", notes="mine", tax_exempt="on", roles="owner",
    )  # fmt: skip
    verify(client)
    customer = Customer.objects.get()
    assert (customer.type, customer.company_name, customer.external_id) == ("individual", "", "")
    assert (customer.notes, customer.tax_exempt) == ("", False)
    assert not customer.user.is_staff


def test_a_changed_e_mail_counts_once_it_is_proved_and_takes_the_customers_along(w, client):
    client.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
    other = story.company(w.house, "Ada Ltd", "Ada", email="info@ada.example", user=w.ada.user)
    change = {"email": "ada@new.example", "action_add": ""}
    again = client.post("/portal/account/email/", change)["Location"]
    assert again.startswith("/portal/account/password/again/"), "asked for the password once more"
    client.post(again, {"password": story.PASSWORD})
    w.ada.refresh_from_db()
    assert w.ada.email == "ada@example.com"
    verify(client, "ada@new.example")
    for row in (w.ada, other):
        row.refresh_from_db()
    assert (w.ada.email, other.email) == ("ada@new.example", "info@ada.example")
    assert User.objects.get(pk=w.ada.user_id).email == "ada@new.example"
    assert EmailAddress.objects.filter(user=w.ada.user_id).count() == 1
    told = [one.to for one in OutboxMessage.objects.filter(subject="Your e-mail was changed")]
    assert told == [["ada@example.com"]], "the old address hears of it"


class TestForgottenPasswords:
    def link(self, email="ada@example.com") -> str:
        Client().post("/portal/password/reset/", {"email": email})
        mail = [one for one in OutboxMessage.objects.order_by("pk") if one.to == [email]][-1]
        found = re.search(r"/portal/password/\S+-\S+/", mail.text)
        return found[0] if found else ""

    def choose(self, client, link, password=OTHER):
        page = client.get(link, follow=True)
        address = page.redirect_chain[-1][0] if page.redirect_chain else link
        return client.post(address, {"password1": password, "password2": password})

    def test_the_link_chooses_a_new_one_once(self, w, client):
        link = self.link()
        assert self.choose(client, link)["Location"] == "/portal/password/done/"
        assert "no longer valid" in client.get(link, follow=True).content.decode()
        assert client.login(email="ada@example.com", password=OTHER)

    def test_the_suspended_get_no_link(self, w):
        assert self.link("viktor@example.com") == ""

    def test_a_link_from_before_a_suspension_is_dead_for_good(self, w, client):
        link = self.link()
        w.ada.suspend(by=w.mona, reason="Noise")
        assert "no longer valid" in client.get(link, follow=True).content.decode()
        w.ada.reinstate(by=w.mona)
        assert "no longer valid" in client.get(link, follow=True).content.decode()

    def test_a_form_that_was_open_when_the_door_closed_changes_nothing(self, w, client):
        address = client.get(self.link(), follow=True).redirect_chain[-1][0]
        before = User.objects.get(pk=w.ada.user_id).password
        w.ada.suspend(by=w.mona, reason="Noise")
        client.post(address, {"password1": OTHER, "password2": OTHER})
        assert User.objects.get(pk=w.ada.user_id).password == before
        assert not may_enter(w.ada.user)


def test_the_email_of_a_verified_login_is_refused_by_the_verb(w):
    with pytest.raises(Refused) as refused:
        Registration.objects.begin("ada@example.com", PHRASE, full_name="Ada", location=w.house)
    assert refused.value.codes == ["email_taken"]


def test_without_the_phone_at_hand_one_goes_back_to_sign_in(w, client):
    from allauth.mfa.totp.internal import auth as totp

    totp.TOTP.activate(w.ada.user, totp.generate_totp_secret())
    client.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
    assert client.get("/portal/login/")["Location"] == "/portal/login/second-factor/"
    client.post("/portal/logout/", {"next": "/portal/login/"})
    assert client.get("/portal/login/").status_code == 200
    client.post("/portal/login/", {"login": "noor@example.com", "password": story.PASSWORD})
    assert client.get("/portal/").status_code == 200


def test_a_second_factor_is_asked_for_and_a_closed_door_stays_closed_there(w, client):
    from allauth.mfa.totp.internal import auth as totp

    secret = totp.generate_totp_secret()
    totp.TOTP.activate(w.ada.user, secret)
    first = client.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
    assert first["Location"] == "/portal/login/second-factor/"
    assert client.get("/portal/").status_code == 302

    def code():
        now = next(iter(totp.yield_hotp_counters_from_time()))
        return totp.format_hotp_value(totp.hotp_value(secret, now))

    w.ada.suspend(by=w.mona, reason="Noise")
    answer = client.post("/portal/login/second-factor/", {"code": code()})
    assert answer.status_code == 403
    assert "_auth_user_id" not in client.session
    w.ada.reinstate(by=w.mona)
    with time_machine.travel(clock.now() + dt.timedelta(minutes=5)):
        client.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
        assert client.post("/portal/login/second-factor/", {"code": code()}).status_code == 302
        assert client.get("/portal/").status_code == 200
