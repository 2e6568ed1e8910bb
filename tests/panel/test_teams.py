import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Team
from kit.problems import Refused
from plans.models import TeamDefaultPlan
from tests import story
from tests.panel.test_customers import words


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


@pytest.fixture
def ella(w, client):
    """Front desk of another house only."""
    w.east = story.house(name="Eastside")
    w.ella = story.login("ella@example.com")
    w.ella.give_role("front_desk", by=w.mona, location=w.east)
    client.force_login(w.ella)
    return client


def asked(client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def names(page) -> list[str]:
    return [team.name for team in page.context["page"].rows]


def new_form(**fields) -> dict:
    return {"form_key": "a-key", "name": "Crew", "spending": "admins", **fields}


def edit_form(team: Team, **changed) -> dict:
    """The form as the browser would send it: every field, and what was seen in each."""
    chosen = TeamDefaultPlan.objects.filter(team=team).first()
    seen = {
        "name": team.name,
        "payer": team.payer_id or "",
        "spending": team.spending,
        "spending_limit": "" if team.spending_limit is None else team.spending_limit,
        "size_limit": team.size_limit or "",
        "discount": team.discount,
        "default_plan": chosen.plan_id if chosen else "",
    }
    return {**seen, **changed, **{f"initial-{name}": value for name, value in seen.items()}}


READ = ["", "{team}/"]
SERVE = [
    "new/", "{team}/edit/", "{team}/archive/", "{team}/restoring/", "{team}/people/new/",
    "{team}/people/{omar}/removal/",
]  # fmt: skip


class TestWhoMayCome:
    def address(self, w, path: str) -> str:
        return "/panel/teams/" + path.format(team=w.team.pk, omar=w.omar.pk)

    @pytest.mark.parametrize("path", READ + SERVE)
    def test_strangers_and_customers_stay_outside(self, w, client, path):
        assert client.get(self.address(w, path)).status_code == 302
        for customer in (w.lin, w.viktor):
            client.force_login(customer.user)
            assert client.get(self.address(w, path)).status_code == 403

    @pytest.mark.parametrize(
        ("who", "allowed"),
        [("mona", READ + SERVE), ("manager", READ + SERVE), ("frida", READ + SERVE),
         ("anton", READ)],
    )  # fmt: skip
    def test_each_role_comes_as_far_as_its_rights_go(self, w, client, who, allowed):
        client.force_login(getattr(w, who))
        seen = [
            path for path in READ + SERVE if client.get(self.address(w, path)).status_code == 200
        ]
        assert seen == allowed

    def test_the_accountant_is_offered_nothing_that_is_closed_to_him(self, w, client):
        client.force_login(w.anton)
        for path in READ:
            text = client.get(self.address(w, path)).content.decode()
            assert "/new/" not in text
            assert "/edit/" not in text
            assert "/removal/" not in text

    def test_what_is_read_takes_no_post_and_what_is_done_no_get(self, w, mona):
        assert mona.post("/panel/teams/").status_code == 405
        assert mona.post(self.address(w, "{team}/")).status_code == 405
        assert mona.get(self.address(w, "{team}/people/{omar}/admin/")).status_code == 405

    def test_a_team_that_is_not_there_is_not_found(self, mona):
        assert mona.get("/panel/teams/999999/").status_code == 404

    def test_a_role_at_one_location_changes_no_team_that_another_pays_for(self, w, ella):
        text = ella.get(self.address(w, "{team}/")).content.decode()
        assert "Add somebody" not in text
        for path in ("{team}/edit/", "{team}/people/new/", "{team}/archive/"):
            assert ella.get(self.address(w, path)).status_code == 403
        kim = story.person(w.east, "Kim East")
        with pytest.raises(Refused, match="ask the staff"):
            w.team.add(kim, is_admin=True, by=w.ella)
        w.team.edit({"payer": None}, by=w.mona)
        assert ella.get(self.address(w, "{team}/edit/")).status_code == 403, "nobody of theirs"

    def test_a_role_at_one_location_edits_teams_but_reaches_its_own_people_only(self, w, ella):
        w.team.edit({"payer": None}, by=w.mona)
        kim = story.person(w.east, "Kim East")
        w.team.add(kim, by=w.mona)
        assert ella.get(self.address(w, "{team}/edit/")).status_code == 200
        text = ella.get(self.address(w, "{team}/")).content.decode()
        assert f"/people/{kim.pk}/removal/" in text
        assert f"/people/{w.omar.pk}/removal/" not in text
        assert f'href="/panel/customers/{w.omar.pk}/"' not in text
        assert ella.post(self.address(w, "{team}/people/{omar}/removal/")).status_code == 404
        assert ella.post(self.address(w, "{team}/people/{omar}/admin/")).status_code == 404
        assert w.team.present().count() == 3


class TestTheList:
    def test_teams_are_found_by_name_and_the_archived_are_hidden(self, w, mona):
        Team.objects.start("Zoë Crew", by=w.mona)
        w.team.archive(by=w.mona)
        assert names(mona.get("/panel/teams/")) == ["Zoë Crew"]
        assert names(mona.get("/panel/teams/?q=ZOE")) == ["Zoë Crew"]
        assert names(mona.get("/panel/teams/?q=lin")) == ["Lin & Co"]
        assert names(mona.get("/panel/teams/?archived=yes")) == ["Lin & Co"]
        assert names(mona.get("/panel/teams/?archived=all&sort=-name")) == ["Zoë Crew", "Lin & Co"]

    def test_a_row_says_how_many_who_pays_and_which_plan(self, w, mona):
        w.team.edit({"size_limit": 5}, by=w.mona)
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.mona)
        w.lin.suspend(by=w.mona, reason="x")
        assert "Lin & Co 2 / 5 Lin & Co Suspended Hot Desk" in words(mona.get("/panel/teams/"))

    def test_pages_go_on(self, w, mona):
        for number in range(30):
            Team.objects.start(f"Crew {number:02}", by=w.mona)
        first = mona.get("/panel/teams/")
        assert (len(names(first)), first.context["page"].total) == (25, 31)
        assert len(names(mona.get(f"/panel/teams/?after={first.context['page'].next}"))) == 6

    def test_thirty_teams_ask_as_much_as_one(self, w, mona):
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.mona)
        asked(mona, "/panel/teams/")
        one = asked(mona, "/panel/teams/")
        for number in range(30):
            crew = Team.objects.start(f"Crew {number}", payer=story.person(w.house), by=w.mona)
            crew.add(w.ada, by=w.mona)
            TeamDefaultPlan.objects.choose(crew, w.hot_desk, by=w.mona)
        assert asked(mona, "/panel/teams/") == one

    def test_an_empty_house_says_what_a_team_is(self, w, mona):
        Team.objects.all().delete()
        assert "No teams yet" in words(mona.get("/panel/teams/"))
        assert "No team matches" in words(mona.get("/panel/teams/?q=xyz"))


class TestMaking:
    def test_a_team_is_made_with_its_terms(self, w, mona):
        answer = mona.post(
            "/panel/teams/new/",
            new_form(payer_q="ada@example.com", spending="everyone", spending_limit="99,50",
                     size_limit="4", discount="7.5", default_plan=w.hot_desk.pk),
        )  # fmt: skip
        crew = Team.objects.get(name="Crew")
        assert answer["Location"] == f"/panel/teams/{crew.pk}/"
        assert (crew.payer, crew.spending, crew.size_limit) == (w.ada, "everyone", 4)
        assert (str(crew.spending_limit), str(crew.discount)) == ("99.5", "7.5")
        assert crew.default_plan.plan == w.hot_desk

    def test_a_name_that_is_taken_is_told_beside_it_and_nothing_is_lost(self, w, frida):
        answer = frida.post(
            "/panel/teams/new/", new_form(name="Lin & Co", size_limit="4", payer=w.ada.pk)
        )
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == ["name"]
        text = answer.content.decode()
        assert 'value="Lin &amp; Co"' in text
        assert f'name="payer" value="{w.ada.pk}" checked' in text
        assert Team.objects.count() == 1

    def test_what_cannot_be_read_is_told_beside_its_field(self, w, mona):
        answer = mona.post(
            "/panel/teams/new/",
            new_form(name="", size_limit="0", spending="x", discount="101", spending_limit="-1"),
        )
        assert set(answer.context["form"].errors) == {
            "name", "size_limit", "spending", "discount", "spending_limit",
        }  # fmt: skip

    def test_sent_twice_it_acts_once(self, frida):
        first, second = (frida.post("/panel/teams/new/", new_form()) for _time in range(2))
        assert first["Location"] == second["Location"]
        assert Team.objects.filter(name="Crew").count() == 1

    def test_an_archived_plan_makes_no_team(self, w, mona):
        w.office.archive(by=w.mona)
        answer = mona.post("/panel/teams/new/", new_form(default_plan=w.office.pk))
        assert list(answer.context["form"].errors) == ["default_plan"]
        assert not Team.objects.filter(name="Crew").exists()

    def test_front_desk_gives_no_discount(self, w, frida):
        assert "discount" not in frida.get("/panel/teams/new/").context["form"].fields
        frida.post("/panel/teams/new/", new_form(discount="50"))
        assert Team.objects.get(name="Crew").discount == 0


class TestEditing:
    def edit(self, client, team, **changed):
        return client.post(f"/panel/teams/{team.pk}/edit/", edit_form(team, **changed))

    def test_words_terms_and_plan_change(self, w, mona):
        answer = self.edit(mona, w.team, name="Harbour", payer=w.ada.pk, default_plan=w.hot_desk.pk)
        assert answer.status_code == 302
        w.team.refresh_from_db()
        assert (w.team.name, w.team.payer, w.team.default_plan.plan) == (
            "Harbour", w.ada, w.hot_desk,
        )  # fmt: skip

    def test_nobody_pays_any_more(self, w, mona):
        self.edit(mona, w.team, payer="")
        w.team.refresh_from_db()
        assert w.team.payer is None

    def test_the_plan_alone_changes_too(self, w, mona):
        self.edit(mona, w.team, default_plan=w.office.pk)
        assert TeamDefaultPlan.objects.get(team=w.team).plan == w.office
        w.team.refresh_from_db()
        assert w.team.version == 1

    def test_what_another_changed_meanwhile_stays(self, w, mona):
        stale = Team.objects.get(pk=w.team.pk)
        w.team.edit({"payer": w.ada}, by=w.frida)
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.frida)
        form = edit_form(stale, name="Harbour") | {"default_plan": "", "initial-default_plan": ""}
        assert mona.post(f"/panel/teams/{w.team.pk}/edit/", form).status_code == 302
        w.team.refresh_from_db()
        assert (w.team.name, w.team.payer) == ("Harbour", w.ada)
        assert w.team.default_plan.plan == w.hot_desk

    def test_a_collision_over_the_payer_names_both(self, w, mona):
        stale = Team.objects.get(pk=w.team.pk)
        w.team.edit({"payer": w.ada}, by=w.frida)
        answer = self.edit(mona, stale, payer=w.omar.pk)
        assert answer.status_code == 422
        assert "Ada Lovelace" in str(answer.context["form"].errors["payer"])
        assert f'name="initial-payer" value="{w.ada.pk}"' in answer.content.decode()

    def test_a_limit_below_the_people_says_how_many_there_are(self, w, frida):
        answer = self.edit(frida, w.team, size_limit=1)
        assert "2 people are in the team already." in str(
            answer.context["form"].errors["size_limit"]
        )

    def test_front_desk_keeps_the_discount_as_it_is(self, w, frida):
        w.team.edit({"discount": 10}, by=w.mona)
        self.edit(frida, w.team, name="Harbour", discount="90")
        w.team.refresh_from_db()
        assert (w.team.name, w.team.discount) == ("Harbour", 10)

    def test_an_archived_payer_is_refused_beside_the_field(self, w, mona):
        w.noor.archive(by=w.mona)
        answer = self.edit(mona, w.team, payer=w.noor.pk)
        assert list(answer.context["form"].errors) == ["payer"]

    def test_a_payer_who_was_archived_later_does_not_stop_other_changes(self, w, mona):
        w.team.edit({"payer": w.noor}, by=w.mona)
        w.noor.archive(by=w.mona)
        w.team.refresh_from_db()
        assert self.edit(mona, w.team, name="Harbour").status_code == 302


class TestFindingSomebody:
    """The field that finds a customer, with and without script."""

    def add(self, client, team, **fields):
        return client.post(
            f"/panel/teams/{team.pk}/people/new/", {"form_key": "another-key", **fields}
        )

    def test_words_that_find_one_are_enough(self, w, frida):
        assert self.add(frida, w.team, customer_q="lovelace").status_code == 302
        assert w.team.present().filter(customer=w.ada, is_admin=False).exists()

    def test_a_whole_address_is_that_persons(self, w, frida):
        story.person(w.house, "Nada Lovelace", email="nada@example.com")
        assert self.add(frida, w.team, customer_q="ADA@example.com").status_code == 302
        assert w.team.present().filter(customer=w.ada).exists()

    def test_words_that_find_several_bring_them_to_choose_from(self, w, frida):
        other = story.person(w.house, "Ada Byron")
        answer = self.add(frida, w.team, customer_q="ada")
        assert answer.status_code == 422
        text = answer.content.decode()
        for one in (w.ada, other):
            assert f'type="radio" name="customer" value="{one.pk}"' in text
        assert 'value="ada"' in text
        chosen = self.add(frida, w.team, customer_q="ada", customer=other.pk, is_admin="on")
        assert chosen.status_code == 302
        assert w.team.present().filter(customer=other, is_admin=True).exists()

    def test_other_words_win_over_an_older_choice(self, w, frida):
        self.add(frida, w.team, customer_q="rahman", customer=w.ada.pk)
        assert w.team.present().filter(customer=w.noor).exists()

    def test_nobody_is_found_and_nobody_is_said(self, w, frida):
        for fields in ({"customer_q": "xyz"}, {}, {"customer": "x"}, {"customer": "9" * 30}):
            answer = self.add(frida, w.team, **fields)
            assert answer.status_code == 422
            assert list(answer.context["form"].errors) == ["customer"]

    def test_the_archived_are_not_found(self, w, mona):
        w.noor.archive(by=w.mona)
        assert self.add(mona, w.team, customer_q="noor").status_code == 422
        assert self.add(mona, w.team, customer=w.noor.pk).status_code == 422

    def test_nor_are_those_beyond_ones_reach(self, w, ella):
        w.team.edit({"payer": None}, by=w.mona)
        w.team.add(story.person(w.east, "Kim East"), by=w.mona)
        assert self.add(ella, w.team, customer_q="ada").status_code == 422
        assert self.add(ella, w.team, customer=w.ada.pk).status_code == 422
        for asked in ("customer_q=ada", f"current={w.ada.pk}"):
            found = ella.get(f"/panel/customers/choices/?{asked}").content.decode()
            assert "Ada" not in found

    def test_refusals_of_the_team_are_told(self, w, frida):
        answer = self.add(frida, w.team, customer=w.omar.pk)
        assert answer.status_code == 422
        assert "in the team already" in words(answer)

    def test_choices_come_as_one_types(self, w, mona):
        for number in range(12):
            story.person(w.house, f"Kim {number:02}")
        ask = "/panel/customers/choices/?field=payer&payer_q="
        page = mona.get(f"{ask}kim")
        assert page.content.decode().count('type="radio" name="payer"') == 8
        assert "These and more" in words(page)
        only = mona.get(f"{ask}lovelace&nobody=1").content.decode()
        assert f'value="{w.ada.pk}" checked' in only
        assert only.count('type="radio"') == 2
        assert "Nobody is found" in words(mona.get(f"{ask}xyz"))
        assert 'type="radio"' not in mona.get(ask).content.decode()

    def test_nobody_is_a_choice_among_what_words_have_found(self, w, mona):
        mona.post(
            f"/panel/teams/{w.team.pk}/edit/",
            edit_form(w.team, payer="", payer_q="ada", payer_asked="ada"),
        )
        w.team.refresh_from_db()
        assert w.team.payer is None
        mona.post(f"/panel/teams/{w.team.pk}/edit/", edit_form(w.team, payer="", payer_q="ada"))
        w.team.refresh_from_db()
        assert w.team.payer == w.ada

    def test_a_name_of_a_field_that_is_none_is_not_written_out(self, w, mona):
        page = mona.get("/panel/customers/choices/", {"field": '"><script>', "customer_q": "ada"})
        assert "script" not in page.content.decode()


class TestThePeople:
    def test_somebody_is_made_an_admin_and_no_longer(self, w, frida):
        page = f"/panel/teams/{w.team.pk}/people/{w.omar.pk}/admin/"
        frida.post(page, {"is_admin": "yes"})
        assert set(w.team.admins()) == {w.lin, w.omar}
        frida.post(page)
        assert set(w.team.admins()) == {w.lin}

    def test_somebody_is_taken_out_after_a_look(self, w, frida):
        page = f"/panel/teams/{w.team.pk}/people/{w.omar.pk}/removal/"
        assert frida.get(page).status_code == 200
        assert w.team.present().count() == 2
        assert frida.post(page).status_code == 302
        assert w.team.present().count() == 1
        assert frida.post(page).status_code == 404

    def test_who_is_not_in_the_team_is_not_found(self, w, frida):
        assert frida.get(f"/panel/teams/{w.team.pk}/people/{w.ada.pk}/removal/").status_code == 404


class TestTheRecord:
    def test_it_says_who_is_in_who_pays_and_who_spends(self, w, mona):
        w.team.edit({"size_limit": 6, "spending_limit": 250, "discount": 10}, by=w.mona)
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.mona)
        text = words(mona.get(f"/panel/teams/{w.team.pk}/"))
        assert "2 of 6 people · Lin & Co pays" in text
        assert "Team admins only, at most €250.00 a month each" in text
        assert "Discount 10" in text
        assert "MemberAdmin 20 Nov 2026" in text
        assert "Contact 20 Nov 2026" in text

    def test_what_changed_is_told_in_words(self, w, mona):
        w.team.edit({"payer": w.ada, "spending": "everyone"}, by=w.frida)
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.mona)
        w.team.set_admin(w.omar, True, by=w.mona)
        w.team.remove(w.omar, by=w.mona)
        page = mona.get(f"/panel/teams/{w.team.pk}/")
        told = [
            (one.title, one.by, [tuple(str(part) for part in change) for change in one.changes])
            for one in page.context["history"]
        ]
        assert told == [
            ("Omar Haddad left", "Mona Keller", []),
            ("Omar Haddad became an admin", "Mona Keller", []),
            ("Changed", "Mona Keller", [("Plan offered", "", "Hot Desk")]),
            ("Changed", "Frida Berg", [
                ("Who pays", "Lin & Co", "Ada Lovelace"),
                ("Who may spend", "Team admins only", "Everyone in the team"),
            ]),
            ("Omar Haddad joined", "Mona Keller", []),
            ("Lin & Co joined as an admin", "Mona Keller", []),
            ("Created", "Mona Keller", []),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("deed", "said"),
        [
            ("suspend", "Lin & Co pays for this team, but is suspended"),
            ("archive", "Lin & Co pays for this team, but is archived"),
        ],
    )
    def test_a_payer_who_cannot_pay_is_pointed_out(self, w, mona, deed, said):
        if deed == "suspend":
            w.lin.suspend(by=w.mona, reason="x")
        else:
            Customer.objects.filter(pk=w.lin.pk).update(archived_at=w.mona.joined_at)
        assert said in words(mona.get(f"/panel/teams/{w.team.pk}/"))

    def test_it_leads_to_the_list_of_its_people_and_the_customers_lead_back(self, w, mona):
        text = mona.get(f"/panel/teams/{w.team.pk}/").content.decode()
        assert f'href="/panel/customers/?team={w.team.pk}"' in text
        record = mona.get(f"/panel/customers/{w.omar.pk}/").content.decode()
        assert f'href="/panel/teams/{w.team.pk}/"' in record

    def test_thirty_people_ask_as_much_as_one(self, w, mona):
        crew = Team.objects.start("Crew", payer=w.lin, by=w.mona)
        crew.add(w.ada, by=w.mona)
        asked(mona, f"/panel/teams/{crew.pk}/")
        one = asked(mona, f"/panel/teams/{crew.pk}/")
        for number in range(30):
            kim = story.person(w.house, f"Kim {number}")
            w.hot_desk.sign_up(kim, by=w.mona)
            crew.add(kim, is_admin=True, by=w.mona)
        assert asked(mona, f"/panel/teams/{crew.pk}/") == one


class TestArchiving:
    def test_a_team_is_archived_and_comes_back(self, w, frida):
        assert frida.post(f"/panel/teams/{w.team.pk}/archive/").status_code == 302
        page = frida.get(f"/panel/teams/{w.team.pk}/")
        assert "Nobody joins it" in words(page)
        assert "/people/new/" not in page.content.decode()
        frida.post(f"/panel/teams/{w.team.pk}/restoring/")
        w.team.refresh_from_db()
        assert w.team.archived_at is None

    def test_one_with_running_contracts_says_which(self, w, frida):
        w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.mona)
        page = f"/panel/teams/{w.team.pk}/archive/"
        assert "Omar Haddad" in words(frida.get(page))
        assert frida.post(page).status_code == 422
        w.team.refresh_from_db()
        assert w.team.archived_at is None

    def test_a_name_that_was_taken_meanwhile_is_told(self, w, frida):
        w.team.archive(by=w.mona)
        Team.objects.start("Lin & Co", by=w.mona)
        answer = frida.post(f"/panel/teams/{w.team.pk}/restoring/")
        assert answer.status_code == 422
        assert "A team has this name already" in words(answer)


def test_what_is_booked_for_a_team_is_told(w, client):
    story.bookable(w)
    at = {"start": story.moment("2026-11-23 10:00"), "end": story.moment("2026-11-23 11:00")}
    booking = w.kestrel.book(customer=w.lin, on_behalf_of=w.team, **at, by=w.mona)
    client.force_login(w.frida)
    page = client.get(f"/panel/teams/{w.team.pk}/")
    assert page.context["bookings"] == [booking]
    assert "Kestrel · Lin & Co" in words(page)
