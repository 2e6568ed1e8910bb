"""Teams: a named group of customers, with admins, perhaps a payer and a limit."""

import pytest
from django.db import IntegrityError, transaction

from customers.models import Customer, Team, TeamMembership
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


def test_a_discount_is_a_percentage(w):
    assert codes(lambda: Team.objects.start("Odd", by=w.mona, discount="101")) == ["max_value"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Team.objects.filter(pk=w.team.pk).update(discount="100.0001")
