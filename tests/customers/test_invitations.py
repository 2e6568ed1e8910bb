"""Invitations open one door once; access closes at once and opens again for new sessions only."""

import datetime as dt
import re

import pytest
import time_machine
from django.test import Client

from customers.models import Customer, Invitation, StaffRole, User
from kit import clock
from kit.models import OutboxMessage
from kit.problems import Refused
from tests import story

pytestmark = pytest.mark.django_db

PHRASE = "seven quiet herons"


def link_sent_to(email: str) -> str:
    mails = [one.text for one in OutboxMessage.objects.order_by("pk") if one.to == [email]]
    found = re.findall(r"/portal/join/\S+/", " ".join(mails))
    return found[-1] if found else ""


def accept(client, link, **more):
    return client.post(link, {"full_name": "Somebody New", "password": PHRASE, **more})


class TestOfACustomer:
    def test_a_customer_chooses_a_password_and_is_in(self, w, client):
        w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        assert "Choose a password" in client.get(link).content.decode()
        assert accept(client, link)["Location"] == "/portal/"
        w.omar.refresh_from_db()
        assert w.omar.user.email == "omar@example.com"
        assert w.omar.user.is_verified
        assert client.get("/portal/").status_code == 200
        assert w.omar.full_name == "Omar Haddad"

    def test_it_works_once(self, w, client):
        w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        accept(client, link)
        answer = accept(Client(), link, password="another phrase of mine")
        assert answer.status_code == 410
        assert "accepted already" in answer.content.decode()
        assert client.login(email="omar@example.com", password=PHRASE)

    def test_a_new_one_kills_the_one_before(self, w, client):
        w.omar.invite(by=w.frida)
        first = link_sent_to("omar@example.com")
        w.omar.invite(by=w.frida)
        second = link_sent_to("omar@example.com")
        assert first != second
        assert client.get(first).status_code == 410
        assert client.get(second).status_code == 200

    def test_it_is_too_old_after_two_weeks(self, w, client):
        w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        with time_machine.travel(clock.now() + dt.timedelta(days=14, minutes=1)):
            answer = client.get(link)
        assert answer.status_code == 410
        assert "too old" in answer.content.decode()

    def test_only_a_digest_of_the_link_is_kept(self, w):
        invitation = w.omar.invite(by=w.frida)
        token = link_sent_to("omar@example.com").split("/")[-2]
        assert token not in str(vars(invitation))
        assert len(token) >= 43

    def test_an_unknown_link_is_not_found(self, client, w):
        assert client.get("/portal/join/no-such-token/").status_code == 404

    @pytest.mark.parametrize("how", ["suspended", "archived", "withdrawn", "access"])
    def test_a_link_that_was_sent_before_the_door_closed_opens_nothing(self, w, client, how):
        invitation = w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        match how:
            case "suspended":
                w.omar.suspend(by=w.mona, reason="Noise")
            case "archived":
                w.omar.archive(by=w.mona)
            case "access":
                w.omar.withdraw_access(by=w.mona)
            case _:
                invitation.withdraw(by=w.mona)
        assert client.get(link).status_code == 410
        assert accept(client, link).status_code == 410
        w.omar.refresh_from_db()
        assert w.omar.user is None
        assert not User.objects.filter(email="omar@example.com").exists()

    def test_a_login_for_two_accepts_by_signing_in(self, w, client):
        company = story.company(w.house, "Ada Ltd", "Ada Lovelace", email="ada@example.com")
        company.invite(by=w.frida)
        link = link_sent_to("ada@example.com")
        assert "You have a login" in client.get(link).content.decode()
        assert accept(client, link).status_code == 200, "no password is taken from a link here"
        client.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
        assert "acts for Ada Ltd too" in client.get(link).content.decode()
        client.post(link)
        assert set(w.ada.user.customers.all()) == {w.ada, company}
        assert "Ada Ltd" in client.get("/portal/").content.decode()

    def test_the_closed_door_of_whoever_accepts_counts_too(self, w, client):
        w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        client.force_login(w.viktor.user)
        assert client.post(link).status_code == 403
        w.omar.refresh_from_db()
        assert w.omar.user is None

    @pytest.mark.parametrize(
        ("how", "code"),
        [
            ("login", "has_login"), ("mail", "email_missing"), ("archived", "customer_archived"),
            ("suspended", "suspended"), ("withdrawn", "access_withdrawn"),
        ],
    )  # fmt: skip
    def test_what_stands_against_inviting(self, w, how, code):
        match how:
            case "login":
                w.omar.user = story.login("omar@example.com")
            case "mail":
                w.omar.email = ""
            case "archived":
                w.omar.archived_at = clock.now()
            case "withdrawn":
                w.omar.portal_access_withdrawn_at = clock.now()
            case _:
                w.omar.suspend(by=w.mona, reason="Noise")
        w.omar.save()
        with pytest.raises(Refused) as refused:
            w.omar.invite(by=w.frida)
        assert code in refused.value.codes
        assert link_sent_to("omar@example.com") == ""

    def test_a_weak_password_is_said_beside_the_field(self, w, client):
        w.omar.invite(by=w.frida)
        link = link_sent_to("omar@example.com")
        for weak, words in (("short", "too short"), ("omar@example.com", "too similar")):
            answer = accept(client, link, password=weak)
            assert answer.status_code == 422
            assert words in answer.content.decode()
        assert not User.objects.filter(email="omar@example.com").exists()


class TestOfATeam:
    def test_a_stranger_becomes_a_customer_in_the_team(self, w, client):
        w.team.invite("new@example.com", full_name="Nell New", by=w.lin.user)
        assert accept(client, link_sent_to("new@example.com"), full_name="Nell New")
        nell = Customer.objects.get(email="new@example.com")
        assert (nell.type, nell.full_name, nell.location) == ("individual", "Nell New", w.house)
        assert w.team.memberships.filter(customer=nell, left_at=None, is_admin=False).exists()

    def test_a_customer_without_a_login_is_linked_and_joins(self, w, client):
        mira = story.person(w.house, "Mira Moon", email="mira@example.com")
        w.team.invite("mira@example.com", by=w.mona)
        accept(client, link_sent_to("mira@example.com"))
        mira.refresh_from_db()
        assert mira.user.email == "mira@example.com"
        assert w.team.memberships.filter(customer=mira, left_at=None).exists()
        assert Customer.objects.with_email("mira@example.com").count() == 1

    def test_a_login_joins_as_itself(self, w, client):
        w.team.invite("ada@example.com", by=w.lin.user)
        client.force_login(w.ada.user)
        client.post(link_sent_to("ada@example.com"))
        assert w.team.memberships.filter(customer=w.ada, left_at=None).exists()

    def test_a_suspended_person_does_not_come_in_by_a_team(self, w, client):
        mira = story.person(w.house, "Mira Moon", email="mira@example.com")
        w.team.invite("mira@example.com", by=w.mona)
        mira.suspend(by=w.mona, reason="Noise")
        answer = accept(client, link_sent_to("mira@example.com"))
        assert answer.status_code in (403, 422)
        assert not w.team.memberships.filter(customer=mira).exists()
        assert "_auth_user_id" not in client.session
        assert not User.objects.filter(email="mira@example.com").exists(), "all of it or nothing"

    def test_an_invitation_dies_with_the_access_of_whoever_sent_it(self, w, client):
        w.team.invite("new@example.com", by=w.lin.user)
        w.lin.suspend(by=w.mona, reason="Noise")
        assert client.get(link_sent_to("new@example.com")).status_code == 410

    def test_members_who_are_no_admins_invite_nobody(self, w):
        for login in (w.ada.user, w.noor.user):
            with pytest.raises(Refused) as refused:
                w.team.invite("new@example.com", by=login)
            assert refused.value.codes == ["not_team_admin"]

    def test_they_withdraw_nobodys_either(self, w):
        invitation = w.team.invite("new@example.com", by=w.lin.user)
        for login in (w.ada.user, w.noor.user):
            with pytest.raises(Refused) as refused:
                invitation.withdraw(by=login)
            assert refused.value.codes == ["not_team_admin"]
        invitation.withdraw(by=w.lin.user)
        assert not w.team.invitations.standing().exists()

    def test_nobody_writes_to_strangers_without_end(self, w):
        for number in range(50):
            w.team.invite(f"friend{number}@example.com", by=w.lin.user)
        with pytest.raises(Refused) as refused:
            w.team.invite("one.more@example.com", by=w.lin.user)
        assert refused.value.codes == ["too_many_invitations"]

    def test_the_plan_that_the_team_offers_comes_next(self, w, client):
        from plans.models import TeamDefaultPlan

        TeamDefaultPlan.objects.create(team=w.team, plan=w.hot_desk)
        w.team.invite("new@example.com", full_name="Nell New", by=w.lin.user)
        answer = accept(client, link_sent_to("new@example.com"))
        assert answer["Location"] == f"/portal/plans/{w.hot_desk.pk}/join/"
        assert client.get(answer["Location"]).status_code == 200

    def test_the_size_limit_counts_who_is_invited(self, w):
        w.team.edit({"size_limit": 3}, by=w.mona)
        w.team.invite("one@example.com", by=w.lin.user)
        w.team.invite("one@example.com", by=w.lin.user), "the same one again is no further one"
        with pytest.raises(Refused) as refused:
            w.team.invite("two@example.com", by=w.lin.user)
        assert refused.value.codes == ["team_full"]

    def test_the_place_of_whoever_is_invited_is_kept(self, w, client):
        w.team.edit({"size_limit": 3}, by=w.mona)
        w.team.invite("new@example.com", by=w.lin.user)
        with pytest.raises(Refused) as refused:
            w.team.add(w.ada, by=w.mona)
        assert refused.value.codes == ["team_full"]
        assert accept(client, link_sent_to("new@example.com")).status_code == 302

    def test_a_team_that_filled_up_meanwhile_takes_nobody(self, w, client):
        w.team.invite("new@example.com", by=w.lin.user)
        w.team.edit({"size_limit": 2}, by=w.mona)
        assert accept(client, link_sent_to("new@example.com")).status_code == 410
        assert not Customer.objects.filter(email="new@example.com").exists()

    @pytest.mark.parametrize("email", ["", "no address", "omar@example.com"])
    def test_what_is_no_address_or_in_the_team_already(self, w, email):
        with pytest.raises(Refused) as refused:
            w.team.invite(email, by=w.mona)
        assert refused.value.codes in (["invalid_email"], ["in_team_already"])
        assert refused.value.problems[0].field == "email"


class TestAccess:
    def test_withdrawn_it_ends_every_session_at_once_and_nothing_else(self, w, client):
        client.force_login(w.ada.user)
        w.ada.withdraw_access(by=w.frida)
        assert client.get("/portal/").status_code == 403
        assert client.get("/portal/").status_code == 302
        assert w.ada.status == "member"
        assert w.ada.suspension is None

    def test_given_back_the_old_cookie_stays_dead_and_a_new_login_works(self, w, client):
        client.force_login(w.ada.user)
        old = client.cookies.output()
        w.ada.withdraw_access(by=w.frida)
        w.ada.give_access_back(by=w.frida)
        assert client.get("/portal/").status_code == 302, old
        new = Client()
        new.post("/portal/login/", {"login": "ada@example.com", "password": story.PASSWORD})
        assert new.get("/portal/").status_code == 200

    def test_both_stand_on_the_timeline(self, w):
        w.ada.withdraw_access(by=w.frida)
        w.ada.give_access_back(by=w.mona)
        told = list(w.ada.timeline.values_list("kind", "by__email")[:2])
        assert told == [
            ("access_given_back", "mona@example.com"), ("access_withdrawn", "frida@example.com"),
        ]  # fmt: skip

    def test_neither_is_done_twice(self, w):
        with pytest.raises(Refused, match="open already"):
            w.ada.give_access_back(by=w.frida)
        w.ada.withdraw_access(by=w.frida)
        with pytest.raises(Refused, match="withdrawn already"):
            w.ada.withdraw_access(by=w.frida)


class TestStaff:
    def invite(self, w, email="sam@example.com", roles=(("front_desk", None),), name="Sam Stone"):
        return User.objects.invite_staff(email, roles, full_name=name, by=w.mona)

    def test_a_colleague_chooses_a_password_and_works(self, w, client):
        sam = self.invite(w)
        accept(client, link_sent_to("sam@example.com"), full_name="Sam Stone")
        sam.refresh_from_db()
        assert sam.is_verified
        assert client.get("/panel/").status_code == 200

    def test_a_customer_keeps_the_password_and_gets_the_role(self, w):
        self.invite(w, "ada@example.com")
        ada = User.objects.get(pk=w.ada.user_id)
        assert ada.roles == {"front_desk"}
        assert ada.check_password(story.PASSWORD)
        assert link_sent_to("ada@example.com") == ""

    def test_roles_may_be_limited_to_a_location(self, w, client):
        hill = story.house(name="Hill House")
        sam = self.invite(w, roles=[("manager", hill), ("front_desk", None)])
        assert sam.may("manage_space", at=hill)
        assert not sam.may("manage_space", at=w.house)
        assert sam.may("serve_customers", at=w.house)
        assert not sam.may_everywhere("manage_space")

    def test_a_changed_role_signs_out_and_an_unchanged_one_does_not(self, w, client):
        client.force_login(w.frida)
        w.frida.set_roles([("front_desk", None), ("accountant", None)], by=w.mona)
        assert client.get("/panel/").status_code == 200
        w.frida.set_roles([("accountant", None)], by=w.mona)
        assert client.get("/panel/").status_code == 302
        assert User.objects.get(pk=w.frida.pk).roles == {"accountant"}

    def test_whoever_leaves_is_out_at_once(self, w, client):
        client.force_login(w.frida)
        w.frida.end_staff(by=w.mona)
        assert client.get("/panel/").status_code == 302
        assert not User.objects.get(pk=w.frida.pk).is_staff
        ended = StaffRole.objects.get(user=w.frida)
        assert (ended.ended_by, ended.ended_at is not None) == (w.mona, True)

    def test_an_invitation_ends_with_the_work(self, w, client):
        sam = self.invite(w)
        sam.end_staff(by=w.mona)
        assert client.get(link_sent_to("sam@example.com")).status_code == 410

    @pytest.mark.parametrize(
        "deed",
        [
            lambda w: w.mona.end_staff(by=w.mona),
            lambda w: w.mona.set_roles([("manager", None)], by=w.mona),
            lambda w: w.mona.end_role("owner", by=w.mona),
            lambda w: w.mona.set_roles([("owner", w.house)], by=w.mona),
        ],
        ids=["ended", "other roles", "role taken", "limited"],
    )
    def test_the_last_owner_stays(self, w, deed):
        with pytest.raises(Refused) as refused:
            deed(w)
        assert refused.value.codes == ["last_owner"]
        assert User.objects.get(pk=w.mona.pk).may_everywhere("own_space")

    def test_an_owner_who_never_accepted_is_no_second_owner(self, w, client):
        self.invite(w, roles=[("owner", None)])
        with pytest.raises(Refused):
            w.mona.end_staff(by=w.mona)
        accept(client, link_sent_to("sam@example.com"))
        w.mona.end_staff(by=w.mona)
        assert not User.objects.get(pk=w.mona.pk).is_staff

    def test_an_owner_of_one_location_changes_nobody(self, w):
        sam = story.login("sam@example.com")
        sam.give_role("owner", by=None, location=w.house)
        with pytest.raises(Refused) as refused:
            w.frida.set_roles([("owner", None)], by=sam)
        assert refused.value.codes == ["needs_owner"]

    @pytest.mark.parametrize(
        ("email", "roles", "name", "code"),
        [
            ("no address", [("manager", None)], "Sam", "invalid_email"),
            ("sam@example.com", [("manager", None)], " ", "full_name_missing"),
            ("sam@example.com", [], "Sam", "roles_missing"),
            ("frida@example.com", [("manager", None)], "Frida", "is_staff_already"),
        ],
    )
    def test_what_stands_against_inviting(self, w, email, roles, name, code):
        with pytest.raises(Refused) as refused:
            self.invite(w, email, roles, name)
        assert refused.value.codes == [code]
        assert not User.objects.filter(email="sam@example.com").exists()
        assert not Invitation.objects.exists()


class TestTheCalendarFeed:
    def feed(self, customer) -> str:
        return f"/calendar/{customer.open_calendar_feed(by=None).token}.ics"

    def test_it_names_first_and_last_days_and_freezes(self, w, client):
        w.ada_contract.freeze(from_on=dt.date(2026, 12, 1), until=dt.date(2026, 12, 5), by=w.mona)
        w.ada_contract.cancel(last_day=dt.date(2027, 1, 31), by=w.mona)
        answer = client.get(self.feed(w.ada))
        assert answer["Content-Type"].startswith("text/calendar")
        text = answer.content.decode()
        for line in (
            "SUMMARY:Hot Desk: first day", "DTSTART;VALUE=DATE:20260921",
            "SUMMARY:Hot Desk: last day", "DTSTART;VALUE=DATE:20270131",
            "DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261206",
        ):  # fmt: skip
            assert line in text, line
        assert "Private Office" not in text

    def test_a_new_address_kills_the_one_before_and_revoking_kills_it(self, w, client):
        first, second = self.feed(w.ada), self.feed(w.ada)
        assert [client.get(one).status_code for one in (first, second)] == [404, 200]
        w.ada.revoke_calendar_feed(by=w.ada.user)
        assert client.get(second).status_code == 404
        with pytest.raises(Refused):
            w.ada.revoke_calendar_feed(by=w.ada.user)

    def test_it_has_the_portals_door(self, w, client):
        address = self.feed(w.ada)
        w.ada.suspend(by=w.mona, reason="Noise")
        assert client.get(address).status_code == 404
        w.ada.reinstate(by=w.mona)
        assert client.get(address).status_code == 200, "a calendar needs no new login"
        w.ada.withdraw_access(by=w.mona)
        assert client.get(address).status_code == 404

    def test_its_page_makes_renews_and_revokes_it(self, w, client):
        client.force_login(w.ada.user)
        client.post("/portal/account/calendar/")
        first = w.ada.calendar_feed.token
        assert first in client.get("/portal/account/calendar/").content.decode()
        client.post("/portal/account/calendar/", {"renew": ""})
        assert w.ada.calendar_feed.token != first
        client.post("/portal/account/calendar/", {"revoke": ""})
        assert w.ada.calendar_feed is None
