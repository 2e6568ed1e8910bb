"""Teams: a named group of customers, with admins, perhaps a payer and a limit."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction

from customers.models import Customer, Team, TeamMembership
from kit import clock
from kit.models import AuditEntry
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


def codes(deed) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.codes


def test_a_team_takes_customers_of_either_status_and_type(w):
    crew = Team.objects.start("  Crew ", by=w.mona)
    for customer in (w.ada, w.lin, w.noor, w.viktor):
        crew.add(customer, by=w.mona)
    assert crew.name == "Crew"
    assert set(crew.customers.all()) == {w.ada, w.lin, w.noor, w.viktor}
    assert set(w.lin.teams.all()) == {w.team, crew}, "a company may be in several teams"
    assert w.lin.status == "member"
    assert w.noor.status == "contact"


def test_a_name_is_one_living_teams(w):
    assert codes(lambda: Team.objects.start("Lin & Co", by=w.mona)) == ["team_exists"]
    Team.objects.filter(pk=w.team.pk).update(archived_at=w.mona.joined_at)
    Team.objects.start("Lin & Co", by=w.mona)
    assert Team.objects.live().count() == 1


def test_a_team_without_a_name_is_refused(w):
    assert codes(lambda: Team.objects.start("  ", by=w.mona)) == ["required"]


def test_joining_and_leaving_are_on_the_customers_timeline(w):
    membership = w.team.add(w.ada, by=w.frida, on=day("2026-11-10"))
    assert (membership.joined_by, membership.left_at) == (w.frida, None)
    assert codes(lambda: w.team.add(w.ada, by=w.mona)) == ["in_team_already"]
    w.team.remove(w.ada, by=w.mona, on=day("2026-11-12"))
    membership.refresh_from_db()
    assert membership.left_by == w.mona
    told = w.ada.timeline.filter(kind__in=["joined_team", "left_team"]).order_by("on")
    assert [(entry.kind, entry.on.day, entry.text) for entry in told] == [
        ("joined_team", 10, "Lin & Co"), ("left_team", 12, "Lin & Co"),
    ]  # fmt: skip
    assert codes(lambda: w.team.remove(w.ada, by=w.mona)) == ["not_in_team"]


def test_who_left_may_come_again_and_the_first_time_is_kept(w):
    w.team.remove(w.omar, by=w.mona)
    w.team.add(w.omar, by=w.mona)
    assert w.team.memberships.filter(customer=w.omar).count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMembership.objects.create(team=w.team, customer=w.omar)


def test_a_full_team_takes_nobody_until_somebody_leaves(w):
    pair = Team.objects.start("Pair", by=w.mona, size_limit=2)
    pair.add(w.ada, by=w.mona)
    pair.add(w.omar, by=w.mona)
    assert codes(lambda: pair.add(w.noor, by=w.mona)) == ["team_full"]
    pair.remove(w.ada, by=w.mona)
    pair.add(w.noor, by=w.mona)


def test_the_archived_join_nothing(w):
    w.noor.archive(by=w.mona)
    assert codes(lambda: w.team.add(w.noor, by=w.mona)) == ["customer_archived"]
    Team.objects.filter(pk=w.team.pk).update(archived_at=w.mona.joined_at)
    w.team.refresh_from_db()
    assert codes(lambda: w.team.add(w.ada, by=w.mona)) == ["team_archived"]


def test_admins_are_set_and_unset(w):
    assert w.team.memberships.get(customer=w.lin).is_admin
    assert w.team.set_admin(w.omar, True, by=w.mona).is_admin
    assert not w.team.set_admin(w.omar, False, by=w.mona).is_admin
    assert codes(lambda: w.team.set_admin(w.ada, True, by=w.mona)) == ["not_in_team"]
    w.team.remove(w.omar, by=w.mona)
    assert codes(lambda: w.team.set_admin(w.omar, True, by=w.mona)) == ["not_in_team"]


def test_a_team_makes_nobody_a_member(w):
    assert w.team.payer == w.lin
    assert w.omar in Customer.objects.contacts(on=story.TODAY)


def test_a_discount_is_for_managers(w):
    assert codes(lambda: w.team.edit({"discount": Decimal(5)}, by=w.frida)) == ["needs_manager"]
    assert codes(lambda: Team.objects.start("Crew", discount=Decimal(5), by=w.frida)) == [
        "needs_manager"
    ]
    w.team.edit({"discount": Decimal(5)}, by=w.manager)
    w.team.edit({"name": "Harbour", "discount": Decimal(5)}, by=w.frida)


def test_a_discount_is_a_percentage(w):
    assert codes(lambda: Team.objects.start("Odd", by=w.mona, discount="101")) == ["max_value"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Team.objects.filter(pk=w.team.pk).update(discount="100.0001")


# Who may do what


def test_only_the_teams_admins_and_staff_take_somebody_out(w):
    w.team.add(w.ada, by=w.mona)
    assert codes(lambda: w.team.remove(w.omar, by=w.ada.user)) == ["not_team_admin"]
    assert codes(lambda: w.team.remove(w.omar, by=w.noor.user)) == ["not_team_admin"]
    assert codes(lambda: w.team.remove(w.omar, by=w.anton)) == ["not_team_admin"]
    assert w.team.remove(w.omar, by=w.lin.user).left_by == w.lin.user
    w.team.remove(w.lin, by=w.frida)


def test_an_admin_who_is_suspended_takes_nobody_out(w):
    w.lin.suspend(by=w.mona, reason="x")
    assert not w.team.is_admin(w.lin.user)
    assert codes(lambda: w.team.remove(w.omar, by=w.lin.user)) == ["not_team_admin"]


def test_an_admin_who_left_is_none(w):
    w.team.remove(w.lin, by=w.mona)
    assert not w.team.is_admin(w.lin.user)
    assert list(w.team.admins()) == []


def test_everybody_may_leave(w):
    w.team.add(w.ada, by=w.mona)
    w.team.remove(w.ada, by=w.ada.user)
    left = w.ada.timeline.filter(kind="left_team").get()
    assert (left.by, left.text) == (w.ada.user, "Lin & Co")


def test_admins_are_made_by_staff_only(w):
    assert codes(lambda: w.team.set_admin(w.omar, True, by=w.lin.user)) == ["staff_only"]
    w.team.set_admin(w.omar, True, by=w.frida)
    assert set(w.team.admins()) == {w.lin, w.omar}


@pytest.mark.parametrize("deed", ["edit", "archive", "restore"])
def test_what_is_the_staffs_is_refused_to_the_teams_admins(w, deed):
    deeds = {
        "edit": lambda: w.team.edit({"name": "Mine"}, by=w.lin.user),
        "archive": lambda: w.team.archive(by=w.lin.user),
        "restore": lambda: w.team.restore(by=w.lin.user),
    }
    assert codes(deeds[deed]) == ["staff_only"]


def test_the_payer_and_staff_say_who_may_spend(w):
    w.team.set_spending("everyone", Decimal("50"), by=w.lin.user)
    w.team.refresh_from_db()
    assert (w.team.spending, w.team.spending_limit) == ("everyone", Decimal("50"))
    w.team.set_spending("admins", None, by=w.frida)
    assert codes(lambda: w.team.set_spending("everyone", None, by=w.ada.user)) == ["not_payer"]
    assert codes(lambda: w.team.set_spending("nobody", None, by=w.mona)) == ["invalid_choice"]
    assert codes(lambda: w.team.set_spending("admins", Decimal(-1), by=w.mona)) == ["negative"]
    w.lin.suspend(by=w.mona, reason="x")
    assert codes(lambda: w.team.set_spending("everyone", None, by=w.lin.user)) == ["not_payer"]


def test_without_a_payer_only_staff_say_who_may_spend(w):
    crew = Team.objects.start("Crew", by=w.mona)
    crew.add(w.ada, is_admin=True, by=w.mona)
    assert codes(lambda: crew.set_spending("everyone", None, by=w.ada.user)) == ["not_payer"]


def test_who_may_spend_for_a_team(w):
    def problems(customer) -> list[str]:
        return [problem.code for problem in w.team.spending_problems(customer)]

    assert problems(w.lin) == []
    assert problems(w.omar) == ["may_not_spend"]
    assert problems(w.ada) == ["not_in_team"]
    w.team.set_spending("everyone", None, by=w.mona)
    assert problems(w.omar) == []
    w.team.remove(w.omar, by=w.mona)
    assert problems(w.omar) == ["not_in_team"]


# Editing


def test_an_edit_says_what_changed_and_the_log_keeps_keys(w):
    changed = w.team.edit(
        {"name": "Harbour", "payer": w.ada, "size_limit": 4, "discount": Decimal(10)}, by=w.mona
    )
    assert set(changed) == {"name", "payer", "size_limit", "discount"}
    entry = AuditEntry.objects.get(verb="team.edit", object_id=w.team.pk)
    assert entry.changes["payer"] == [w.lin.pk, w.ada.pk]
    assert w.team.version == 2


def test_two_who_edit_one_team_are_merged_or_told(w):
    w.team.edit({"size_limit": 9}, seen={"size_limit": None}, by=w.mona)
    w.team.edit({"name": "Harbour"}, seen={"name": "Lin & Co"}, by=w.frida)
    w.team.refresh_from_db()
    assert (w.team.name, w.team.size_limit) == ("Harbour", 9)
    late = {"size_limit": 5}
    assert codes(lambda: w.team.edit(late, seen={"size_limit": None}, by=w.frida)) == [
        "changed_meanwhile"
    ]


def test_an_archived_customer_pays_for_nothing_new(w):
    w.noor.archive(by=w.mona)
    assert codes(lambda: w.team.edit({"payer": w.noor}, by=w.mona)) == ["payer_archived"]
    assert codes(lambda: Team.objects.start("Crew", payer=w.noor, by=w.mona)) == ["payer_archived"]
    w.team.edit({"payer": None}, by=w.mona)
    w.team.refresh_from_db()
    assert w.team.payer is None


def test_a_team_whose_payer_was_archived_later_can_still_be_renamed(w):
    w.team.edit({"payer": w.noor}, by=w.mona)
    w.noor.archive(by=w.mona)
    w.team.edit({"name": "Harbour", "payer": w.noor}, by=w.mona)


def test_a_size_limit_is_not_below_those_who_are_in(w):
    assert codes(lambda: w.team.edit({"size_limit": 1}, by=w.mona)) == ["more_people_than_that"]
    assert codes(lambda: Team.objects.start("Crew", size_limit=0, by=w.mona)) == ["too_small"]
    w.team.edit({"size_limit": 2}, by=w.mona)


def test_what_stands_against_each_joining_is_told_beforehand(w):
    w.team.edit({"size_limit": 3}, by=w.mona)
    found = w.team.join_problems([w.omar, w.ada, w.noor])
    assert {key: [one.code for one in problems] for key, problems in found.items()} == {
        w.omar.pk: ["in_team_already"], w.noor.pk: ["team_full"],
    }  # fmt: skip


def test_teams_are_found_by_any_word_of_their_name(w):
    zoe = Team.objects.start("Zoë Über GmbH", by=w.mona)
    assert list(Team.objects.matching("uber zoe")) == [zoe]
    assert list(Team.objects.matching("")) == [w.team, zoe]
    assert [team.people for team in Team.objects.with_size()] == [2, 0]


# Archiving


def test_an_archived_team_lets_nobody_in_and_comes_back_with_its_people(w):
    w.team.archive(by=w.frida)
    assert w.team not in Team.objects.live()
    assert codes(lambda: w.team.add(w.ada, by=w.mona)) == ["team_archived"]
    assert codes(lambda: w.team.archive(by=w.mona)) == ["already_archived"]
    assert list(Team.objects.visible_to(w.lin.user)) == []
    w.team.restore(by=w.mona)
    assert codes(lambda: w.team.restore(by=w.mona)) == ["not_archived"]
    assert w.team.present().count() == 2


def test_a_team_that_pays_for_running_contracts_stays(w):
    contract = w.hot_desk.sign_up(w.omar, on_behalf_of=w.team, by=w.mona)
    with pytest.raises(Refused) as caught:
        w.team.archive(by=w.mona)
    assert caught.value.codes == ["contract_running"]
    assert "Omar Haddad" in str(caught.value.problems[0].text)
    contract.cancel(last_day=story.TODAY, by=w.mona)
    w.team.archive(by=w.mona, on=day("2026-11-21"))


def test_a_name_that_was_taken_meanwhile_stops_a_team_from_coming_back(w):
    w.team.archive(by=w.mona)
    Team.objects.start("Lin & Co", by=w.mona)
    assert codes(lambda: w.team.restore(by=w.mona)) == ["team_exists"]


def test_whoever_joined_earlier_is_in_the_team_since_then(w):
    membership = w.team.add(w.ada, by=w.mona, on=day("2026-03-01"))
    assert membership.joined_at.astimezone(ZoneInfo("Europe/London")).date() == day("2026-03-01")
    today = w.team.add(w.noor, by=w.mona)
    assert today.joined_at == clock.now()
