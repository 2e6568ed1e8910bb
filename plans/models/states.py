"""What a contract is on a day, and the refusals that follow from it and from dates."""

import datetime as dt

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kit.problems import Problem

EARLIEST, LATEST = dt.date(1980, 1, 1), dt.date(2199, 12, 31)


class State(models.TextChoices):
    """What a contract is on a day: the first of these that holds."""

    CALLED_OFF = "called_off", gettext_lazy("Called off")
    SCHEDULED = "scheduled", gettext_lazy("Scheduled")
    ENDED = "ended", gettext_lazy("Ended")
    FROZEN = "frozen", gettext_lazy("Frozen")
    ENDING = "ending", gettext_lazy("Ending")
    ACTIVE = "active", gettext_lazy("Active")


def over(state: str) -> Problem:
    text = {
        State.ENDED: _("This contract has ended."),
        State.CALLED_OFF: _("This contract was called off."),
    }[State(state)]
    return Problem(state, text)


def backwards(field: str) -> Problem:
    return Problem("ends_before_start", _("The last day lies before the first one."), field)


def far_away(field: str) -> Problem:
    return Problem("date_out_of_range", _("This date is too far away."), field)


PLAN_CHANGES = Problem(
    "plan_changes", gettext_lazy("A change of plan stands: withdraw the change first.")
)
