import datetime as dt

import pytest
from django.core.management import call_command

from coworking import daily
from kit import jobs
from kit.models import AuditEntry, JobRun
from plans.models import ContractEvent
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


def test_the_daily_job_does_what_is_due_and_says_so(w, capsys):
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-11-25"), by=w.mona)
    call_command("daily", on=day("2026-11-26"))
    assert capsys.readouterr().out.splitlines()[-1] == "Daily done: 1 announced, 0 failed."
    assert not AuditEntry.objects.filter(place=None).exists()
    call_command("daily", on=day("2026-11-26"))
    assert "0 announced" in capsys.readouterr().out
    assert jobs.latest("daily").on == day("2026-11-26")


@pytest.mark.parametrize("command", ["daily", "roll_contracts"])
def test_a_clock_that_jumps_is_refused_without_saying_so(w, command):
    call_command(command, on=day("2026-11-20"))
    call_command(command, on=day("2027-01-21"))  # 62 days later
    with pytest.raises(SystemExit) as ended:
        call_command(command, on=day("2027-03-25"))  # 63 days later
    assert ended.value.code == 3
    call_command(command, on=day("2027-03-25"), yes_jump=True)
    assert jobs.latest(command).on == day("2027-03-25")


def test_what_one_job_has_reached_counts_for_the_other(w):
    call_command("daily", on=day("2026-11-20"))
    with pytest.raises(SystemExit):
        call_command("roll_contracts", on=day("2027-03-25"))


def test_a_date_that_is_none_is_refused(w, capsys):
    from coworking.management.commands.daily import Command

    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "daily", "--on", "31.12.2026"])
    assert ended.value.code == 3
    assert "'31.12.2026' is not a date such as 2026-11-30" in capsys.readouterr().err


def test_the_first_run_may_be_for_any_day(w):
    call_command("daily", on=day("2030-01-01"))
    assert jobs.latest("daily").on == day("2030-01-01")


def test_a_chore_that_fails_is_told_and_the_others_go_on(w, monkeypatch, capsys):
    def fail(on, progress):
        raise RuntimeError("out of paper")

    chores = [daily.Chore("roll_contracts", fail), *daily.CHORES[1:]]
    monkeypatch.setattr(daily, "CHORES", chores)
    with pytest.raises(SystemExit) as ended:
        call_command("daily")
    assert ended.value.code == 2
    assert "out of paper" in capsys.readouterr().out
    assert not AuditEntry.objects.filter(place=None).exists()
    assert JobRun.objects.get().failed == 1


def test_the_worker_does_the_daily_job_once_the_day_has_turned(w, at, capsys):
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-11-21"), by=w.mona)
    call_command("work", once=True)
    assert jobs.latest("daily").on == story.TODAY
    at("2026-11-20 23:59Z")
    call_command("work", once=True)
    assert not ContractEvent.objects.filter(contract__customer=w.omar).exists()
    at("2026-11-21 00:01Z")
    call_command("work", once=True)
    assert ContractEvent.objects.filter(contract__customer=w.omar).exists()
    runs = JobRun.objects.filter(job="daily").count()
    call_command("work", once=True)
    assert JobRun.objects.filter(job="daily").count() == runs


def test_the_worker_follows_the_location_whose_day_turns_last(w, at):
    story.house(name="Dock", timezone="Pacific/Auckland", currency="NZD")
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-11-21"), by=w.mona)
    at("2026-11-20 12:30Z")  # the 21st in Auckland, still the 20th in London
    call_command("work", once=True)
    assert not ContractEvent.objects.filter(contract__customer=w.omar).exists()
    at("2026-11-21 00:30Z")
    call_command("work", once=True)
    assert ContractEvent.objects.filter(contract__customer=w.omar).exists()


def test_a_run_without_locations_has_nothing_to_do(db):
    call_command("daily")
    call_command("work", once=True)
    assert isinstance(jobs.latest("daily").on, dt.date)
