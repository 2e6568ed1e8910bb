from decimal import Decimal

import pytest
from django.urls import reverse

from customers.models import Team
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send


def membership(w, customer) -> int:
    return w.team.memberships.get(customer=customer).pk


class TestReading:
    def test_an_admin_sees_who_is_in_and_how_to_reach_them(self, w, lin):
        Team.objects.filter(pk=w.team.pk).update(size_limit=6)
        text = words(look(lin, "team", w.team.pk)).replace("&amp;", "&")
        assert "2 of 6 people" in text
        assert "Omar Haddad" in text
        assert "omar@example.com" in text
        assert "You pay for what is signed and booked for the team." in text
        assert "Invite somebody" in text

    def test_the_others_see_names_and_no_more(self, w, omar):
        page = look(omar, "team", w.team.pk)
        text = words(page).replace("&amp;", "&")
        assert "Lin & Co" in text
        assert "Admin" in text
        assert "since November 2026" in text
        assert "lin@example.com" not in page.content.decode()
        assert "Member" not in text
        assert "Lin & Co pays for what is signed and booked for the team." in text
        assert "Only admins may sign and book at its cost." in text
        for name in ("team_invitation", "team_spending"):
            assert reverse(f"portal:{name}", args=[w.team.pk]) not in page.content.decode()

    def test_one_team_is_in_the_bar_and_several_have_a_list(self, w, omar):
        assert reverse("portal:team", args=[w.team.pk]) in look(omar, "home").content.decode()
        other = Team.objects.start("Night Owls", by=w.mona)
        other.add(w.omar, by=w.mona)
        page = look(omar, "home").content.decode()
        assert reverse("portal:team", args=[w.team.pk]) not in page
        assert 'href="/portal/teams/"' in page
        assert "Night Owls" in words(look(omar, "teams"))

    def test_whoever_is_in_none_has_no_such_place(self, w, ada):
        assert "/portal/teams/" not in look(ada, "home").content.decode()
        assert "You are in no team" in words(look(ada, "teams"))

    def test_a_payer_sees_the_team_without_being_in_it(self, w, noor):
        other = Team.objects.start("Night Owls", by=w.mona, payer=w.noor)
        other.add(w.omar, by=w.mona)
        page = look(noor, "team", other.pk)
        assert "Omar Haddad" in words(page)
        assert "omar@example.com" not in page.content.decode()
        assert look(noor, "team_leaving", other.pk).status_code == 404


class TestInviting:
    def invite(self, browser, w, **fields):
        return send(browser, "team_invitation", w.team.pk, **{"email": "kim@example.com", **fields})

    def test_an_admin_invites_and_takes_back(self, w, lin):
        assert self.invite(lin, w, full_name="Kim Doe").status_code == 302
        found = w.team.invitations.get()
        assert (found.email, found.full_name, found.invited_by) == (
            "kim@example.com", "Kim Doe", w.lin.user,
        )  # fmt: skip
        assert "Kim Doe" in words(look(lin, "team", w.team.pk))
        send(lin, "team_invitation_withdrawal", w.team.pk, found.pk, key="another")
        assert not w.team.invitations.open().exists()

    def test_sent_twice_it_invites_once(self, w, lin):
        for _time in range(2):
            assert self.invite(lin, w).status_code == 302
        assert w.team.invitations.count() == 1

    def test_the_others_do_not(self, w, omar, lin):
        assert self.invite(omar, w).status_code == 404
        self.invite(lin, w)
        found = w.team.invitations.get()
        assert "kim@example.com" not in look(omar, "team", w.team.pk).content.decode()
        answer = send(omar, "team_invitation_withdrawal", w.team.pk, found.pk)
        assert answer.status_code == 404
        assert w.team.invitations.open().exists()

    @pytest.mark.parametrize(
        ("email", "code"),
        [("", "required"), ("nothing", "invalid"), ("omar@example.com", "in_team_already")],
    )
    def test_a_wrong_address_is_said_beside_the_field(self, w, lin, email, code):
        answer = self.invite(lin, w, email=email, full_name="Kim Doe")
        assert answer.status_code == 422
        assert errors(answer) == {"email": [code]}
        assert "Kim Doe" in answer.content.decode()

    def test_a_full_team_says_so(self, w, lin):
        Team.objects.filter(pk=w.team.pk).update(size_limit=2)
        text = words(look(lin, "team", w.team.pk))
        assert "The team is full" in text
        assert "Invite somebody" not in text
        assert self.invite(lin, w).status_code == 422

    def test_an_invitation_of_another_team_is_not_there(self, w, lin):
        other = Team.objects.start("Night Owls", by=w.mona)
        theirs = other.invite("kim@example.com", by=w.mona)
        answer = send(lin, "team_invitation_withdrawal", w.team.pk, theirs.pk)
        assert answer.status_code == 404
        assert other.invitations.open().exists()


class TestLeaving:
    def test_an_admin_removes_somebody(self, w, lin):
        key = membership(w, w.omar)
        assert "Remove Omar Haddad" in words(look(lin, "team_removal", w.team.pk, key))
        send(lin, "team_removal", w.team.pk, key)
        assert not w.team.present().filter(customer=w.omar).exists()
        assert look(lin, "team_removal", w.team.pk, key).status_code == 404

    def test_the_others_remove_nobody(self, w, omar):
        assert send(omar, "team_removal", w.team.pk, membership(w, w.lin)).status_code == 404
        assert w.team.present().count() == 2

    def test_nobody_of_another_team(self, w, lin):
        other = Team.objects.start("Night Owls", by=w.mona)
        theirs = other.add(w.ada, by=w.mona)
        assert send(lin, "team_removal", w.team.pk, theirs.pk).status_code == 404
        assert other.present().count() == 1

    def test_one_leaves_oneself(self, w, omar):
        answer = send(omar, "team_leaving", w.team.pk)
        assert answer["Location"] == "/portal/"
        assert not w.team.present().filter(customer=w.omar).exists()
        assert look(omar, "team", w.team.pk).status_code == 404


class TestSpending:
    def test_the_payer_says_who_may_and_how_much(self, w, lin):
        answer = send(lin, "team_spending", w.team.pk, spending="everyone", limit="150")
        assert answer.status_code == 302
        w.team.refresh_from_db()
        assert (w.team.spending, w.team.spending_limit) == ("everyone", Decimal(150))
        text = words(look(lin, "team", w.team.pk))
        assert (
            "Everyone in the team may sign and book at its cost, each for up to €150.00 a month."
            in text
        )

    def test_not_even_an_admin_who_does_not_pay(self, w, lin):
        Team.objects.filter(pk=w.team.pk).update(payer=w.noor)
        assert look(lin, "team_spending", w.team.pk).status_code == 404
        assert send(lin, "team_spending", w.team.pk, spending="everyone").status_code == 404

    @pytest.mark.parametrize(
        ("fields", "found"),
        [({"spending": "nobody"}, ["spending"]), ({"limit": "-1"}, ["limit"])],
    )
    def test_what_is_wrong_is_said_beside_the_field(self, w, lin, fields, found):
        what = {"spending": "everyone", **fields}
        answer = send(lin, "team_spending", w.team.pk, **what)
        assert answer.status_code == 422
        assert list(errors(answer)) == found


def test_a_customer_of_the_same_login_who_is_not_in_the_team_has_none(w, lin):
    story.person(w.house, "Aaron Chen", user=w.lin.user)  # first by name: acted for
    assert look(lin, "team", w.team.pk).status_code == 404
    lin.post("/portal/acting-for/", {"customer": w.lin.pk})
    assert look(lin, "team", w.team.pk).status_code == 200
