"""The plan that a team offers to those it invites."""

import pytest

from customers.models import Team
from kit.models import AuditEntry
from kit.problems import Refused
from plans.models import TeamDefaultPlan

pytestmark = pytest.mark.django_db


def chosen(team) -> str:
    found = TeamDefaultPlan.objects.filter(team=team).first()
    return str(found) if found else ""


def test_a_plan_is_chosen_changed_and_taken_away(w):
    for plan, name in ((w.hot_desk, "Hot Desk"), (w.office, "Private Office"), (None, "")):
        TeamDefaultPlan.objects.choose(w.team, plan, by=w.frida)
        assert chosen(w.team) == name
    changes = AuditEntry.objects.filter(verb="team.set_default_plan").values_list(
        "changes", flat=True
    )
    assert [one["default_plan"] for one in changes.order_by("pk")] == [
        [None, w.hot_desk.pk], [w.hot_desk.pk, w.office.pk], [w.office.pk, None],
    ]  # fmt: skip


def test_choosing_the_same_plan_again_changes_nothing(w):
    for _time in range(2):
        TeamDefaultPlan.objects.choose(w.team, w.hot_desk, by=w.frida)
    assert AuditEntry.objects.filter(verb="team.set_default_plan").count() == 1


def test_an_archived_plan_is_not_offered(w):
    team = Team.objects.start("Crew", by=w.mona)
    w.office.archive(by=w.mona)
    with pytest.raises(Refused) as caught:
        TeamDefaultPlan.objects.choose(team, w.office, by=w.frida)
    assert [(one.code, one.field) for one in caught.value.problems] == [
        ("plan_archived", "default_plan")
    ]
    assert chosen(team) == ""
