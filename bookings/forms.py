"""Fields that both faces ask for: a day and times on the wall of a place, and how it repeats."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bookings.hours import DAY
from bookings.models import Scope, Weekday
from bookings.repeats import DAILY, MONTHLY, MOST, WEEKLY, Pattern
from kit import clock
from kit.widgets import DateInput


class TimeInput(forms.TimeInput):
    """The browser's own control for a time, which wants and sends 09:30."""

    input_type = "time"

    def __init__(self, attrs=None):
        super().__init__(attrs, format="%H:%M")


class WhenForm(forms.Form):
    """Mixin: from a time of a day until a time of the same day, or of a later one.

    Times are on the wall of the place; `zone` is its time zone. Until 00:00 is the end of the day.
    """

    on = forms.DateField(label=_("Day"), widget=DateInput)
    starts = forms.TimeField(label=_("From"), widget=TimeInput)
    ends = forms.TimeField(label=_("Until"), widget=TimeInput)
    until_on = forms.DateField(
        label=_("Last day"), widget=DateInput, required=False,
        help_text=_("Empty: the same day."),
    )  # fmt: skip

    def clean_on(self) -> dt.date:
        return _sane(self.cleaned_data["on"])

    def clean_until_on(self) -> dt.date | None:
        last = self.cleaned_data["until_on"]
        return None if last is None else _sane(last)

    @staticmethod
    def of_times(start: dt.datetime, end: dt.datetime, zone: str) -> dict[str, Any]:
        """What the fields show for a stretch of time."""
        place = clock.zone(zone)
        first, last = start.astimezone(place), end.astimezone(place)
        last_day = last.date() - DAY if last.time() == dt.time() else last.date()
        return {
            "on": first.date(), "starts": first.time(), "ends": last.time(),
            "until_on": None if last_day == first.date() else last_day,
        }  # fmt: skip

    def times(self, zone: str) -> tuple[dt.datetime, dt.datetime]:
        """The moments that a valid form names, aware, on the wall of a zone."""
        place, fields = clock.zone(zone), self.cleaned_data
        last = fields.get("until_on") or fields["on"]
        if fields["ends"] == dt.time():
            last += DAY
        return (
            dt.datetime.combine(fields["on"], fields["starts"], place),
            dt.datetime.combine(last, fields["ends"], place),
        )

    def problem_field(self, field: str | None) -> str | None:
        """Where a problem about `start` or `end` is shown."""
        return {"start": "starts", "end": "ends"}.get(field or "", field)

    def refuse(self, problems) -> None:
        renamed = [one._replace(field=self.problem_field(one.field)) for one in problems]
        super().refuse(renamed)  # type: ignore[misc]


def _sane(day: dt.date) -> dt.date:
    """Dates that can be reckoned with; how far ahead one may book is for the verbs to say."""
    if not 2000 <= day.year <= 2200:
        raise ValidationError(_("This date is too far away."), code="date_out_of_range")
    return day


class RepeatForm(forms.Form):
    """Mixin: whether and how a booking repeats."""

    frequency = forms.ChoiceField(
        label=_("Repeats"), required=False,
        choices=[("", _("Does not repeat")), (DAILY, _("Every day")), (WEEKLY, _("Every week")),
                 (MONTHLY, _("Every month"))],
    )  # fmt: skip
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"), choices=Weekday.choices, coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    every = forms.IntegerField(label=_("Every"), min_value=1, max_value=99, required=False)
    until = forms.DateField(label=_("Until"), widget=DateInput, required=False)
    count = forms.IntegerField(
        label=_("Or so many times"), min_value=1, max_value=MOST, required=False
    )

    @property
    def pattern(self) -> Pattern | None:
        """The pattern of a valid form; None where it does not repeat."""
        fields = self.cleaned_data
        if not fields.get("frequency"):
            return None
        return Pattern(
            frequency=fields["frequency"],
            every=fields.get("every") or 1,
            weekdays=tuple(fields.get("weekdays") or ()),
            until=fields.get("until"),
            count=fields.get("count"),
        )


class ScopeForm(forms.Form):
    """Mixin: which bookings of a series are meant; taken out for one that is in none."""

    scope = forms.ChoiceField(
        label=_("Which ones"), choices=Scope.choices, initial=Scope.ONE, required=False,
        widget=forms.RadioSelect,
    )  # fmt: skip

    def clean_scope(self) -> str:
        return self.cleaned_data.get("scope") or Scope.ONE
