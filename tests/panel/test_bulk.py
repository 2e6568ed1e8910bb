"""Deeds for many customers at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Team
from tests import story
from tests.panel.test_customers import words

ARCHIVE, SUSPEND, LIFT, TEAM = (
    f"/panel/customers/{deed}/" for deed in ("archive", "suspension", "reinstatement", "team")
)
ALL = [ARCHIVE, SUSPEND, LIFT, TEAM]


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def ids(*customers) -> dict:
    return {"ids": [customer.pk for customer in customers]}


def told(page) -> dict[str, list[str]]:
    """What stands against each, by name."""
    return {
        customer.name: [problem.code for problem in problems]
        for customer, problems in page.context["rows"]
    }


class TestWhoMayCome:
    @pytest.mark.parametrize("page", ALL)
    def test_strangers_and_customers_stay_outside(self, w, client, page):
        assert client.get(page, ids(w.ada)).status_code == 302
        for customer in (w.ada, w.viktor):
            client.force_login(customer.user)
            assert client.get(page, ids(w.ada)).status_code == 403
            assert client.post(page, ids(w.ada)).status_code == 403

    @pytest.mark.parametrize(("who", "allowed"), [("mona", ALL), ("frida", ALL[1:]), ("anton", [])])
    def test_each_role_is_offered_what_it_may_do(self, w, client, who, allowed):
        client.force_login(getattr(w, who))
        assert [page for page in ALL if client.get(page, ids(w.ada)).status_code == 200] == allowed
        listed = client.get("/panel/customers/").content.decode()
        assert [page for page in ALL if f'action="{page}"' in listed] == allowed

    @pytest.mark.parametrize("page", ALL)
    def test_nobody_is_said_when_nobody_was_ticked(self, mona, page):
        asked = mona.get(f"{page}?ids=x&ids=99999999999999999999&ids=")
        assert "Nobody was ticked" in words(asked)

    @pytest.mark.parametrize("page", ALL)
    def test_thirty_ask_as_much_as_one(self, w, mona, page):
        def asked(*customers) -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(page, ids(*customers) | {"team": w.team.pk}).status_code == 200
            return len(queries)

        crowd = [story.person(w.house) for _number in range(30)]
        asked(w.viktor)
        assert asked(*crowd, w.viktor) == asked(w.viktor)

    def test_a_hundred_at_most(self, w, mona):
        crowd = [story.person(w.house) for _number in range(102)]
        page = mona.get(SUSPEND, ids(*crowd))
        assert len(told(page)) == 100
        assert "At most 100" in words(page)

    def test_those_beyond_ones_reach_are_listed_and_left_alone(self, w, client):
        east = story.house(name="Eastside")
        kim = story.person(east, "Kim East")
        story.plan(east, "East Desk").sign_up(w.ada, by=w.mona)
        ella = story.login("ella@example.com")
        ella.give_role("front_desk", by=w.mona, location=east)
        client.force_login(ella)
        everybody = ids(kim, w.ada, w.noor)
        look = client.get(SUSPEND, everybody)
        assert told(look) == {"Ada Lovelace": ["beyond_reach"], "Kim East": []}
        answer = client.post(SUSPEND, everybody | {"reason": "Water damage"})
        assert told(answer) == {"Ada Lovelace": ["beyond_reach"]}
        suspended = set(Customer.objects.suspended().values_list("full_name", flat=True))
        assert suspended == {"Kim East", "Viktor Novak"}


class TestArchiving:
    def test_what_can_be_is_done_and_the_others_stay_with_their_reasons(self, w, mona):
        everybody = ids(w.ada, w.noor, w.omar)
        assert told(mona.get(ARCHIVE, everybody)) == {
            "Ada Lovelace": ["contract_running"], "Noor Rahman": [], "Omar Haddad": [],
        }  # fmt: skip
        answer = mona.post(ARCHIVE, everybody)
        assert "2 customers are archived." in words(answer)
        assert Customer.objects.archived().count() == 2
        assert told(answer) == {"Ada Lovelace": ["contract_running"]}
        assert "Archive 1 customer" not in words(answer)
        assert mona.post(ARCHIVE, ids(w.noor))["Location"] == "/panel/customers/"


class TestSuspending:
    def test_everybody_for_one_reason(self, w, frida):
        w.noor.suspend(by=None, reason="Registered", cause="approval")
        everybody = ids(w.ada, w.noor, w.viktor)
        assert told(frida.get(SUSPEND, everybody)) == {
            "Ada Lovelace": [], "Noor Rahman": [], "Viktor Novak": ["already_suspended"],
        }  # fmt: skip
        answer = frida.post(SUSPEND, everybody | {"reason": "Water damage"})
        assert "2 customers are suspended." in words(answer)
        assert told(answer) == {"Viktor Novak": ["already_suspended"]}
        for customer in (w.ada, w.noor):
            suspension = customer.suspension
            assert (suspension.reason, suspension.cause) == ("Water damage", "manual")
            assert suspension.suspended_by == w.frida
        assert w.viktor.suspension.reason == "Three invoices unpaid"

    def test_without_a_reason_nobody_is_suspended_and_nobody_is_lost(self, w, frida):
        answer = frida.post(SUSPEND, ids(w.ada, w.omar) | {"reason": " "})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == ["reason"]
        assert told(answer) == {"Ada Lovelace": [], "Omar Haddad": []}
        assert w.ada.suspension is None

    def test_when_all_are_done_one_is_back_in_the_list(self, w, frida):
        answer = frida.post(SUSPEND, ids(w.ada, w.omar) | {"reason": "Flood"}, follow=True)
        assert answer.redirect_chain == [("/panel/customers/", 302)]
        assert "2 customers are suspended." in words(answer)

    def test_the_list_is_as_it_was_filtered(self, w, frida):
        listed = frida.get("/panel/customers/?status=member&sort=-name").content.decode()
        assert 'name="back" value="status=member&amp;sort=-name"' in listed
        kept = {"back": "status=member&sort=-name"}
        look = frida.get(SUSPEND, ids(w.ada) | kept)
        assert 'href="/panel/customers/?status=member&amp;sort=-name"' in look.content.decode()
        answer = frida.post(SUSPEND, ids(w.ada) | kept | {"reason": "Flood"})
        assert answer["Location"] == "/panel/customers/?status=member&sort=-name"

    def test_nobody_is_led_elsewhere(self, w, frida):
        sent = ids(w.ada) | {"reason": "Flood", "back": "//evil.example/"}
        answer = frida.post(SUSPEND, sent)
        assert answer["Location"] == "/panel/customers/?%2F%2Fevil.example%2F="


class TestBookingsOfTheSuspended:
    def test_they_are_cancelled_when_it_is_ticked_and_kept_otherwise(self, w, frida):
        story.bookable(w)
        at = {"start": story.moment("2026-11-23 10:00"), "end": story.moment("2026-11-23 11:00")}
        other = w.kestrel.book(customer=w.noor, **at, by=w.mona)
        assert "Cancel the 2 bookings that lie ahead" in words(
            frida.get(SUSPEND, ids(w.ada, w.noor))
        )
        frida.post(SUSPEND, ids(w.ada) | {"reason": "Flood"})
        frida.post(SUSPEND, ids(w.noor) | {"reason": "Flood", "cancel_bookings": "on"})
        w.booking.refresh_from_db()
        other.refresh_from_db()
        assert (w.booking.state, other.state) == ("confirmed", "cancelled")

    def test_without_bookings_nothing_is_asked(self, w, frida):
        assert "cancel_bookings" not in frida.get(SUSPEND, ids(w.ada)).content.decode()


class TestLifting:
    def test_those_who_are_suspended_and_no_others(self, w, frida):
        w.noor.suspend(by=None, reason="Registered", cause="approval")
        everybody = ids(w.ada, w.noor, w.viktor)
        assert told(frida.get(LIFT, everybody)) == {
            "Ada Lovelace": ["not_suspended"], "Noor Rahman": [], "Viktor Novak": [],
        }  # fmt: skip
        answer = frida.post(LIFT, everybody | {"bill_missed": "on"})
        assert "2 suspensions are lifted." in words(answer)
        assert told(answer) == {"Ada Lovelace": ["not_suspended"]}
        assert not Customer.objects.suspended().exists()
        assert w.viktor.suspensions.get().bill_missed is False


class TestAddingToATeam:
    def test_what_stands_against_each_shows_once_a_team_is_chosen(self, w, frida):
        everybody = ids(w.ada, w.noor, w.omar)
        assert told(frida.get(TEAM, everybody)) == {
            "Ada Lovelace": [], "Noor Rahman": [], "Omar Haddad": [],
        }  # fmt: skip
        w.team.edit({"size_limit": 3}, by=w.mona)
        assert told(frida.get(TEAM, everybody | {"team": w.team.pk})) == {
            "Ada Lovelace": [], "Noor Rahman": ["team_full"], "Omar Haddad": ["in_team_already"],
        }  # fmt: skip
        answer = frida.post(TEAM, everybody | {"team": w.team.pk})
        assert "1 customer has joined." in words(answer)
        assert told(answer) == {
            "Noor Rahman": ["team_full"], "Omar Haddad": ["in_team_already"],
        }  # fmt: skip
        assert w.team.present().count() == 3

    def test_when_all_have_joined_the_team_is_shown(self, w, frida):
        answer = frida.post(TEAM, ids(w.ada, w.noor) | {"team": w.team.pk})
        assert answer["Location"] == f"/panel/teams/{w.team.pk}/"
        assert not w.team.admins().filter(pk=w.ada.pk).exists()

    @pytest.mark.parametrize("team", ["", "x", "999999"])
    def test_a_team_must_be_chosen(self, w, frida, team):
        assert frida.get(TEAM, ids(w.ada) | {"team": team}).status_code == 200
        answer = frida.post(TEAM, ids(w.ada) | {"team": team})
        assert answer.status_code == 422
        assert told(answer) == {"Ada Lovelace": []}

    def test_an_archived_team_is_no_choice(self, w, frida):
        crew = Team.objects.start("Crew", by=w.mona)
        crew.archive(by=w.mona)
        assert frida.post(TEAM, ids(w.ada) | {"team": crew.pk}).status_code == 422
        assert crew.present().count() == 0
