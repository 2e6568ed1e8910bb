"""All that is due on a day, in its order. Doing it twice does it once."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from billing import debts, deposits, runs, sending
from bookings import credits
from bookings.models.making import lapse_all
from customers.models import Registration
from kit import audit, clock, jobs, once
from kit.problems import Problem, Refused
from plans.announcements import roll
from spaces.models import Location

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]


class Chore(NamedTuple):
    """One part of the daily job: its name and what does it; returns (figures, failures)."""

    name: str
    do: Callable[[dt.date | None, Progress], tuple[dict[str, Any], int]]


def roll_contracts(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Contracts that started, ended, froze or resumed; customers whose events wait."""
    outcome = roll(on=on, progress=lambda done, total: progress(done, total, "customers"))
    return {"announced": outcome.announced, "held": outcome.held}, len(outcome.held)


def lapse_bookings(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Bookings that nobody approved before they began give up their time and their credit."""
    return {"lapsed": lapse_all(at=clock.now())}, 0


def roll_credit(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Booking credit: granted where a cycle began, void where one ended."""
    written = credits.roll(on=on, progress=lambda done, total: progress(done, total, "contracts"))
    return {"entries": written}, 0


def run_billing(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Fees, charges and invoices of every billing date that has come; nothing of days ahead."""
    places = [place for place in Location.objects.all() if on is None or on <= place.today()]
    report = runs.run_billing(
        on=on, locations=places, progress=lambda done, total: progress(done, total, "accounts")
    )
    failed = {str(key[0]): text for key, text in report.failed.items()}
    return {"invoiced": report.invoiced, "drafted": report.drafted, "failed": failed}, len(failed)


def return_deposits(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """What belongs to customers who have left: what was paid in advance, and deposits."""
    return {"returned": deposits.return_due(on=on)}, 0


def remind(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Reminders of overdue invoices; suspensions for debt that begin, and that are over."""
    return {"lifted": debts.lift_paid(on=on), **debts.remind(on=on)}, 0


def write_letters(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """The e-mails with the invoices of a run and the reminders."""
    written = 0
    while count := sending.write_due():
        written += count
    return {"written": written}, 0


def seal_audit(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Audit rows get their place in the chain."""
    sealed = 0
    while count := audit.seal():
        sealed += count
    return {"sealed": sealed}, 0


def forget_forms(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Keys of forms sent more than a week ago are not needed any more."""
    return {"forgotten": once.forget(clock.now() - dt.timedelta(days=7))}, 0


def forget_registrations(on: dt.date | None, progress: Progress) -> tuple[dict[str, Any], int]:
    """Logins whose e-mail nobody verified within a month never became anybody."""
    return {"forgotten": Registration.objects.forget_unverified()}, 0


# The jobs that go by the date: what one has reached counts for the other.
BY_DATE = ("daily", "roll_contracts")
CHORES = [
    Chore("roll_contracts", roll_contracts),
    Chore("lapse_bookings", lapse_bookings),
    Chore("roll_credit", roll_credit),
    Chore("run_billing", run_billing),
    Chore("return_deposits", return_deposits),
    Chore("remind", remind),
    Chore("write_letters", write_letters),
    Chore("seal_audit", seal_audit),
    Chore("forget_forms", forget_forms),
    Chore("forget_registrations", forget_registrations),
]


def run(
    chores: list[Chore],
    *,
    job: str,
    on: dt.date | None = None,
    yes_jump: bool = False,
    progress: Progress = lambda done, total, what: None,
) -> tuple[dict[str, Any], int]:
    """Do chores for a date (None: today at each location) and keep a `JobRun`.

    Returns (figures by chore, number of failures). Raises `Refused` with `clock_jumped` when the
    date lies more than 62 days after the last run and `yes_jump` is not said.
    """
    # The furthest date reached anywhere is the one that later runs are measured against.
    day = on or max(Location.objects.all().todays(), default=clock.today_in("UTC"))
    if jobs.jumps_too_far(BY_DATE, day) and not yes_jump:
        raise Refused(
            Problem(
                "clock_jumped",
                _("%s is more than 62 days after the last run. If it is right, say --yes-jump.")
                % day.isoformat(),
            )
        )
    figures: dict[str, Any] = {}
    failures = 0
    with jobs.running(job, day) as run:
        for chore in chores:
            try:
                figures[chore.name], failed = chore.do(on, progress)
            except Exception as error:
                log.exception("%s failed", chore.name)
                figures[chore.name], failed = {"error": str(error)}, 1
            failures += failed
        run.failed, run.summary = failures, figures
    return figures, failures
