"""Ways in that somebody has tried: each is closed, and stays so."""

import datetime as dt

import pytest
import time_machine
from allauth.mfa.totp.internal import auth as totp
from django.test import Client
from django.urls import reverse

from customers.models import Customer, Registration, User
from kit import clock
from kit.problems import Refused
from tests import story
from tests.customers.test_invitations import accept, link_sent_to
from tests.customers.test_registrations import code_sent_to, register, verify
from tests.story import day

pytestmark = pytest.mark.django_db


def sign_in(browser, email, password=story.PASSWORD):
    return browser.post("/portal/login/", {"login": email, "password": password})


def change_email(browser, to: str):
    again = browser.post("/portal/account/email/", {"action_add": "", "email": to})["Location"]
    return browser.post(again, {"password": story.PASSWORD})


class TestInvitationsThatOutliveTheirSender:
    def test_of_an_admin_who_was_taken_out_of_the_team(self, w, client):
        w.omar.user = story.login("omar@example.com")
        w.omar.save()
        w.team.set_admin(w.omar, True, by=w.mona)
        w.team.invite("omar.two@example.com", by=w.omar.user)
        w.team.remove(w.omar, by=w.mona)
        assert client.get(link_sent_to("omar.two@example.com")).status_code == 410

    def test_of_an_admin_whose_customer_is_suspended_while_the_login_acts_for_another(
        self, w, client
    ):
        story.company(w.house, "Other Ltd", "Lin Chen", user=w.lin.user)
        w.team.invite("new@example.com", by=w.lin.user)
        w.lin.suspend(by=w.mona, reason="Noise")
        assert client.get(link_sent_to("new@example.com")).status_code == 410

    def test_of_somebody_who_works_here_no_more(self, w, client):
        w.omar.invite(by=w.frida)
        w.frida.end_staff(by=w.mona)
        assert client.get(link_sent_to("omar@example.com")).status_code == 410

    def test_to_an_address_that_was_wrong(self, w, client):
        w.omar.edit({"email": "stranger@example.com"}, by=w.mona)
        w.omar.invite(by=w.frida)
        w.omar.edit({"email": "omar@example.com"}, by=w.mona)
        assert accept(client, link_sent_to("stranger@example.com")).status_code == 410
        w.omar.refresh_from_db()
        assert w.omar.user is None


class TestAddressesThatSomebodyElseHasTyped:
    def test_an_invitation_takes_the_address_for_good(self, w, client):
        register(Client(), email="omar@example.com", name="Mallory")
        w.omar.invite(by=w.frida)
        assert accept(client, link_sent_to("omar@example.com")).status_code == 302
        owner = User.objects.get(email="omar@example.com")
        assert register(Client(), email="omar@example.com").status_code == 302, "and no 500"
        with time_machine.travel(clock.now() + dt.timedelta(days=60), tick=False):
            Registration.objects.forget_unverified()
        assert User.objects.get(email="omar@example.com") == owner
        assert Customer.objects.with_email("omar@example.com").count() == 1

    def test_nobody_becomes_staff_with_a_password_of_somebody_else(self, w):
        register(Client(), email="kim@example.com", password="mine all mine all mine")
        kim = User.objects.invite_staff(
            "kim@example.com", [("owner", None)], full_name="Kim", by=w.mona
        )
        assert not kim.has_usable_password()
        assert register(Client(), email="kim@example.com").status_code == 302
        assert User.objects.get(email="kim@example.com") == kim
        with pytest.raises(Refused):
            w.mona.end_staff(by=w.mona)

    def test_it_stops_nobody_from_changing_to_it(self, w, client):
        register(Client(), email="ada.new@example.com")
        sign_in(client, "ada@example.com")
        change_email(client, "ada.new@example.com")
        verify(client, code=code_sent_to("ada.new@example.com"))
        assert User.objects.get(pk=w.ada.user_id).email == "ada.new@example.com"

    def test_two_who_register_it_at_once_both_get_an_answer(self, w, client, monkeypatch):
        def too_late(*args, **kwargs):
            raise Refused

        monkeypatch.setattr(type(Registration.objects.all()), "begin", too_late)
        assert register(client, email="kim@example.com").status_code == 302


class TestDoorsThatOpenAnew:
    def test_no_customer_whose_portal_was_closed_comes_back_by_registering(self, w, client):
        wit = story.person(
            w.house, "Wit", email="wit@example.com", user=story.login("work@example.com")
        )
        wit.withdraw_access(by=w.mona)
        register(client, email="wit@example.com")
        verify(client, "wit@example.com")
        new = User.objects.get(email="wit@example.com").customers.get()
        assert new.suspension.cause == "approval"

    def test_a_changed_e_mail_leaves_the_suspended_where_staff_know_them(self, w, client):
        story.company(w.house, "Ada Ltd", "Ada", email="info@ada.example", user=w.ada.user)
        w.ada.suspend(by=w.mona, reason="Noise")
        sign_in(client, "ada@example.com")
        change_email(client, "ada.new@example.com")
        verify(client, code=code_sent_to("ada.new@example.com"))
        w.ada.refresh_from_db()
        assert w.ada.email == "ada@example.com"
        other = Client()
        register(other, email="ada@example.com")
        verify(other, "ada@example.com")
        assert User.objects.get(email="ada@example.com").customers.get().suspension

    def test_two_customers_of_one_address_both_follow_it(self, w, client):
        two = story.company(w.house, "Ada Ltd", "Ada", email="ada@example.com", user=w.ada.user)
        sign_in(client, "ada@example.com")
        change_email(client, "ada.new@example.com")
        verify(client, code=code_sent_to("ada.new@example.com"))
        two.refresh_from_db()
        assert two.email == "ada.new@example.com"

    @pytest.mark.parametrize("meanwhile", ["suspended and reinstated", "password changed"])
    def test_a_sign_in_that_waits_for_its_second_factor_dies_with_the_sessions(
        self, w, client, meanwhile
    ):
        secret = totp.generate_totp_secret()
        totp.TOTP.activate(w.ada.user, secret)
        assert sign_in(client, "ada@example.com")["Location"] == "/portal/login/second-factor/"
        if meanwhile == "password changed":
            login = User.objects.get(pk=w.ada.user_id)
            login.set_password("other words entirely")
            login.save()
        else:
            w.ada.suspend(by=w.mona, reason="Noise")
            w.ada.reinstate(by=w.mona)
        now = next(iter(totp.yield_hotp_counters_from_time()))
        code = totp.format_hotp_value(totp.hotp_value(secret, now))
        answer = client.post("/portal/login/second-factor/", {"code": code})
        assert answer["Location"] == "/portal/login/"
        assert client.get("/portal/").status_code == 302


class TestStaffBeyondTheirReach:
    @pytest.fixture
    def hill(self, w):
        return story.house(name="Hill House", timezone="Europe/Vienna")

    @pytest.fixture
    def desk(self, w, hill, client):
        """Whoever works at the front desk of Hill House alone."""
        sam = story.login("sam@example.com", name="Sam")
        sam.give_role("front_desk", by=None, location=hill)
        client.force_login(sam)
        return client

    def test_nobody_signs_at_a_location_of_others(self, w, hill, desk):
        pal = story.person(hill, "Pal")
        address = reverse("panel:contract_new", args=[pal.pk])
        answer = desk.post(
            address, {"plan": w.hot_desk.pk, "starts_on": "2026-11-25", "quantity": 1,
                      "form_key": "one"}
        )  # fmt: skip
        assert answer.status_code == 422
        assert not pal.contracts.exists()

    def test_nobody_spends_the_money_of_a_payer_of_others(self, w, hill, desk):
        pal = story.person(hill, "Pal")
        w.team.add(pal, is_admin=True, by=w.mona)
        plan = story.plan(hill, "Hill Desk", "100")
        answer = desk.post(
            reverse("panel:contract_new", args=[pal.pk]),
            {"plan": plan.pk, "starts_on": "2026-11-25", "quantity": 1, "form_key": "one",
             "on_behalf_of": w.team.pk},
        )  # fmt: skip
        assert not pal.contracts.filter(on_behalf_of=w.team).exists(), answer.status_code

    def test_a_role_that_ended_changes_no_roles_any_more(self, w):
        w.manager.set_roles([("owner", None)], by=w.mona)
        stale = User.objects.get(pk=w.manager.pk)
        assert stale.may_everywhere("own_space")
        w.manager.set_roles([("manager", None)], by=w.mona)
        with pytest.raises(Refused) as refused:
            w.frida.set_roles([("owner", None)], by=stale)
        assert refused.value.codes == ["needs_owner"]

    def test_staff_who_are_customers_keep_to_the_rules_of_customers(self, w, client):
        """An accountant sees the panel, and decides about nobody's contract but by its terms."""
        me = story.person(w.house, "Anton Weiss", user=w.anton)
        w.office.edit({"self_cancel": False}, by=w.mona)
        signed = w.office.sign_up(me, starts_on=day("2026-03-01"), by=w.mona)
        for codes, deed in (
            (["freeze_days_used"], lambda: signed.freeze(
                from_on=day("2026-12-01"), until=day("2026-12-31"), by=w.anton)),
            (["self_cancel_off"], lambda: signed.cancel(last_day=day("2027-03-31"), by=w.anton)),
        ):  # fmt: skip
            with pytest.raises(Refused) as refused:
                deed()
            assert refused.value.codes == codes
        client.force_login(w.anton)
        text = client.get(f"/portal/contracts/{signed.pk}/").content.decode()
        assert "/freeze/" not in text


@pytest.mark.parametrize(
    "path", ["/portal/", "/portal/account/", "/portal/account/email/", "/panel/customers/"]
)
def test_no_browser_keeps_what_somebody_was_shown(w, client, path):
    client.force_login(w.mona if path.startswith("/panel") else w.ada.user)
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize("host", ["evil.localhost", "127.0.0.1:9999"])
def test_links_in_mail_lead_to_this_site_whatever_it_was_called(w, client, host):
    from kit.models import OutboxMessage

    client.post("/portal/password/reset/", {"email": "ada@example.com"}, headers={"host": host})
    text = OutboxMessage.objects.latest("pk").text
    assert "http://testserver/portal/password/" in text
    assert host not in text


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "https://127.0.0.1/", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(w, client, to):
    answer = client.post(
        "/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD, "next": to}
    )
    assert answer["Location"] == "/"


@pytest.mark.parametrize(
    "path", ["/calendar/%00.ics", "/portal/join/%00/", "/panel/customers/?q=%00"]
)
def test_a_nul_in_an_address_is_a_bad_request(w, client, path):
    client.force_login(w.mona)
    assert client.get(path).status_code == 400


def test_a_nul_in_the_key_of_a_form_is_no_key(w, client):
    client.force_login(w.mona)
    answer = client.post(
        reverse("panel:customer_suspension", args=[w.ada.pk]),
        {"reason": "Noise", "form_key": "a\x00b"},
    )
    assert answer.status_code == 409
    assert w.ada.suspension is None


def test_a_tampered_first_value_is_a_collision_and_no_error(w, client):
    client.force_login(w.mona)
    address = reverse("panel:location", args=[w.house.pk])
    answer = client.post(address, {"name": "New", "initial-billing_day": "x", "billing_day": "5"})
    assert answer.status_code == 422
    w.house.refresh_from_db()
    assert w.house.billing_day == 1
