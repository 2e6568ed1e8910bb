"""Suspending and reinstating by command: what the panel does, for operators and their scripts."""

import json

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def refused(command: str, *arguments, **options) -> object:
    with pytest.raises(SystemExit) as ended:
        call_command(command, *arguments, **options)
    return ended.value.code


def test_a_customer_is_suspended_and_let_in_again(w, capsys):
    call_command("suspend", w.ada.pk, reason="  Loud music ")
    assert capsys.readouterr().out == "Ada Lovelace is suspended.\n"
    suspension = w.ada.suspension
    assert (suspension.reason, suspension.cause, suspension.suspended_by) == (
        "Loud music", "manual", None,
    )  # fmt: skip
    call_command("reinstate", w.ada.pk, bill_missed=True)
    assert capsys.readouterr().out == "Ada Lovelace is not suspended any more.\n"
    suspension.refresh_from_db()
    assert suspension.bill_missed
    assert w.ada.suspension is None


@pytest.mark.parametrize("cause", ["manual", "approval", "debt"])
def test_the_cause_can_be_said(w, cause):
    call_command("suspend", w.ada.pk, reason="x", cause=cause)
    assert w.ada.suspension.cause == cause


def test_machines_get_one_object(w, capsys):
    call_command("suspend", w.ada.pk, reason="x", json=True)
    assert json.loads(capsys.readouterr().out) == {
        "summary": "Ada Lovelace is suspended.", "code": 0, "customer": w.ada.pk,
        "cause": "manual", "reason": "x", "suspended_on": "2026-11-20",
    }  # fmt: skip
    call_command("reinstate", w.ada.pk, json=True)
    assert json.loads(capsys.readouterr().out) == {
        "summary": "Ada Lovelace is not suspended any more.", "code": 0, "customer": w.ada.pk,
        "bill_missed": False, "lifted_on": "2026-11-20",
    }  # fmt: skip


def test_what_cannot_be_is_refused_in_a_sentence(w, capsys):
    assert refused("suspend", w.viktor.pk, reason="Again") == 3
    assert "suspended already" in capsys.readouterr().out
    assert refused("suspend", w.ada.pk, reason="  ") == 3
    assert refused("reinstate", w.ada.pk) == 3
    assert "not suspended" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "options"), [("suspend", {"reason": "x"}), ("reinstate", {})])
def test_an_unknown_number_is_refused(w, capsys, command, options):
    assert refused(command, 10**6, json=True, **options) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["problems"] == ["unknown_customer"]
    assert answer["summary"] == "Refused: There is no customer 1000000."
