"""Every command of the house speaks and ends alike."""

import datetime as dt
import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError

from kit.commands import PARTLY, WRONG, HouseCommand, Result
from kit.problems import Problem, Refused


class Command(HouseCommand):
    help = "For these tests."
    ending: Result | Refused = Result("Done it.", {"count": 3, "price": Decimal("1.50")})

    def add_arguments(self, parser):
        parser.add_argument("--loud", action="store_true")

    def work(self, *, loud=False, **options) -> Result:
        for done in range(1, 101):
            self.progress(done, 100, "customers")
        self.say("A line for people.")
        if isinstance(self.ending, Refused):
            raise self.ending
        return self.ending


def run(ending=None, **options) -> tuple[int, str, str]:
    """The exit code, standard output and standard error."""
    out, err = StringIO(), StringIO()
    command = Command(stdout=out, stderr=err, no_color=True)
    if ending is not None:
        command.ending = ending
    code = 0
    try:
        call_command(command, **options)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_the_summary_is_the_last_line_and_the_code_is_zero():
    code, out, err = run()
    assert code == 0
    assert out.splitlines() == ["A line for people.", "Done it."]
    assert err.splitlines()[-1] == "customers 100 of 100 (100 %)"


def test_machines_get_one_json_object_and_nothing_else():
    code, out, _err = run(json=True)
    assert code == 0
    assert json.loads(out) == {"summary": "Done it.", "code": 0, "count": 3, "price": "1.50"}


@pytest.mark.parametrize("code", [WRONG, PARTLY])
def test_what_went_wrong_shows_in_the_exit_code(code):
    assert run(Result("Some failed.", {"failed": [7]}, code))[0] == code
    found, out, _err = run(Result("Some failed.", {"failed": [7]}, code), json=True)
    assert found == code
    assert json.loads(out) == {"summary": "Some failed.", "code": code, "failed": [7]}


def test_a_refusal_says_why_and_is_code_three():
    refused = Refused(Problem("no", "Not today."), Problem("late", "Too late."))
    code, out, _err = run(refused)
    assert (code, out.splitlines()[-1]) == (3, "Refused: Not today. Too late.")
    code, out, _err = run(refused, json=True)
    assert code == 3
    assert json.loads(out)["problems"] == ["no", "late"]


def test_progress_on_a_log_is_a_few_lines_and_never_on_standard_output():
    _code, out, err = run()
    assert "of 100" not in out
    assert len(err.splitlines()) < 20
    assert "\r" not in err


def test_progress_on_a_terminal_is_one_line_that_is_wiped():
    class Terminal(StringIO):
        def isatty(self):
            return True

    err = Terminal()
    call_command(Command(stdout=StringIO(), stderr=err, no_color=True))
    assert err.getvalue().endswith("\r\033[K")
    assert "\n" not in err.getvalue()


# The commands of the product

OURS = sorted(name for name, app in get_commands().items() if app in ("coworking", "plans"))
# Commands of Django that do a little more here.
EXTENDED = ("flush", "migrate")


@pytest.mark.parametrize("name", [name for name in OURS if name not in EXTENDED])
def test_each_command_is_of_the_house_and_says_what_it_does(name):
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, HouseCommand)
    assert len(command.help) > 30
    page = command.create_parser("manage.py", name).format_help()
    assert "--json" in page


@pytest.mark.django_db
def test_a_wrong_date_is_told_with_an_example(capsys):
    with pytest.raises((CommandError, SystemExit)) as caught:
        call_command("roll_contracts", "--on", "30.11.2026")
    assert "such as 2026-11-30" in str(caught.value) + capsys.readouterr().err


def said(name: str, *args, **options) -> tuple[int, dict]:
    """A command's exit code and what it tells machines."""
    out = StringIO()
    code = 0
    try:
        call_command(name, *args, **options, json=True, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(out.getvalue())


@pytest.mark.django_db
def test_routes_lists_every_address_with_who_may_come():
    code, told = said("routes")
    assert code == 0
    assert told["mistakes"] == []
    assert {"address": "/healthz", "name": "healthz", "policy": "public"} in told["routes"]


def test_rolling_says_what_it_announced(w, at):
    code, told = said("roll_contracts", on=dt.date(2026, 11, 20))
    assert (code, told["announced"]) == (0, 0)
    w.hot_desk.sign_up(w.omar, starts_on=dt.date(2026, 12, 1), by=w.mona)
    code, told = said("roll_contracts", on=dt.date(2026, 12, 1))
    assert (code, told["announced"], told["held"]) == (0, 1, {})


def test_rolling_tells_which_customers_wait_and_ends_with_two(w):
    from plans.signals import contract_started

    def fail(sender, **kwargs):
        raise RuntimeError("no ink")

    w.hot_desk.sign_up(w.omar, starts_on=dt.date(2026, 12, 1), by=w.mona)
    contract_started.connect(fail)
    try:
        code, told = said("roll_contracts", on=dt.date(2026, 12, 1))
    finally:
        contract_started.disconnect(fail)
    assert code == 2
    assert told["held"] == {str(w.omar.pk): "RuntimeError: no ink"}


def test_a_clock_that_jumps_ahead_is_refused_unless_it_is_meant(w):
    assert said("daily", on=dt.date(2026, 11, 20))[0] == 0
    code, told = said("daily", on=dt.date(2027, 1, 22))
    assert (code, told["problems"]) == (3, ["clock_jumped"])
    assert said("daily", on=dt.date(2027, 1, 21))[0] == 0
    assert said("daily", on=dt.date(2027, 6, 1), yes_jump=True)[0] == 0
    assert said("daily", on=dt.date(2026, 11, 20))[0] == 0


def test_daily_seals_the_audit_log(w):
    from kit import audit
    from kit.models import AuditEntry

    code, told = said("daily", on=dt.date(2026, 11, 20))
    assert code == 0
    assert told["seal_audit"]["sealed"] > 0
    assert not AuditEntry.objects.filter(place=None).exists()
    assert audit.broken() == []


@pytest.mark.django_db
def test_an_empty_installation_gets_its_space_and_its_owner_once():
    what = {"zone": "Europe/Vienna", "currency": "eur", "owner": "Mona@Example.com"}
    code, told = said("create_space", "Riverside House", **what)
    assert (code, told["owner"]) == (0, "mona@example.com")
    assert told["link"].startswith("http://testserver/portal/password/")
    code, told = said("create_space", "Another House", **what)
    assert (code, told["problems"]) == (3, ["space_exists"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"zone": "Europe/Atlantis"}, "unknown_timezone"),
        ({"currency": "EURO"}, "max_length"),
        ({"currency": "XXY"}, "unknown_currency"),
        ({"owner": "mona"}, "invalid_email"),
    ],
)
def test_a_space_with_something_wrong_is_not_made(wrong, problem):
    from customers.models import User
    from spaces.models import Location

    what = {"zone": "Europe/Vienna", "currency": "EUR", "owner": "mona@example.com", **wrong}
    code, told = said("create_space", "Riverside House", **what)
    assert code == 3
    assert problem in told["problems"]
    assert not Location.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_owners_link_lets_them_choose_a_password(client):
    _code, told = said(
        "create_space", "Riverside House", zone="UTC", currency="EUR", owner="mona@example.com"
    )
    page = client.get(told["link"].removeprefix("http://testserver"), follow=True)
    assert page.status_code == 200
    done = client.post(
        page.redirect_chain[-1][0],
        {"password1": "a-long-enough-one", "password2": "a-long-enough-one"},
    )
    assert done.status_code == 302
    assert client.login(email="mona@example.com", password="a-long-enough-one")
