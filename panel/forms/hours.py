"""When something is open: a week of times, and the days on which it is closed."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from bookings.forms import TimeInput
from bookings.models import Closure, OpeningHours, Weekday
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.problems import Problem
from kit.widgets import DateInput

USUAL, OWN = "usual", "own"
OPENS, CLOSES = dt.time(8), dt.time(18)
# The names of the fields of a pair of times, by weekday; a day may have a second pair.
PAIRS = (("opens_%d", "closes_%d"), ("opens_again_%d", "closes_again_%d"))


class WeekForm(HouseForm, forms.Form):
    """A week: each day closed, or open from a time until a time, and maybe once more."""

    kind = forms.ChoiceField(label=_l("Open"), widget=forms.RadioSelect)
    keep_bookings = forms.BooleanField(
        label=_l("Keep these bookings and change the hours all the same"), required=False
    )

    outside: list[Problem]

    def __init__(self, *args, hours: Iterable[OpeningHours], usual: str, **kwargs):
        """`hours` are those that hold now, `usual` says what holds without any."""
        self.outside = []
        found = list(hours)
        kwargs["initial"] = {"kind": OWN if found else USUAL, **_initial(found)}
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["kind"]
        choices.choices = [(USUAL, usual), (OWN, _("At these times:"))]
        for day in Weekday:
            self.fields[f"weekday_{day}"] = forms.BooleanField(label=day.label, required=False)
            for pair in PAIRS:
                for name, words in zip(pair, (_("%s, from"), _("%s, until")), strict=True):
                    label = words % day.label
                    self.fields[name % day] = forms.TimeField(
                        label=label, required=False, widget=TimeInput({"aria-label": label})
                    )

    def refuse(self, problems: Iterable[Problem]) -> None:
        """The bookings that would lie outside are listed; the tick beneath keeps them."""
        problems = list(problems)
        self.outside = [one for one in problems if one.code == "bookings_outside"]
        others = [one for one in problems if one.code != "bookings_outside"]
        if self.outside:
            text = _("These times are booked: move or cancel what is listed, or keep it.")
            others.append(Problem("bookings_outside", text, "keep_bookings"))
        super().refuse(others)

    @property
    def week(self) -> list[dict[str, Any]]:
        """The days with their fields, as the page shows them."""
        return [
            {
                "open": self[f"weekday_{day}"],
                "pairs": [[self[name % day] for name in pair] for pair in PAIRS],
                "has_second": any(self[name % day].value() for name in PAIRS[1])
                or any(self[name % day].errors for name in PAIRS[1]),
            }
            for day in Weekday
        ]

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") != OWN:
            return cleaned
        days = [day for day in Weekday if cleaned.get(f"weekday_{day}")]
        if not days:
            text = _("Tick at least one day. To close it for a while, add a closure.")
            self.add_error("kind", forms.ValidationError(text, code="no_day"))
        for day in days:
            self._check(day, cleaned)
        return cleaned

    def _check(self, day: int, cleaned: dict[str, Any]) -> None:
        for number, (opens, closes) in enumerate(PAIRS):
            first, last = cleaned.get(opens % day), cleaned.get(closes % day)
            if first is not None and last is not None:
                if last <= first and last != dt.time():
                    text = _("It closes before it opens.")
                    wrong = forms.ValidationError(text, code="closes_before_opening")
                    self.add_error(closes % day, wrong)
            elif not number or first is not None or last is not None:
                name = (opens if first is None else closes) % day
                if name not in self.errors:
                    text = _("Say from when until when.")
                    self.add_error(name, forms.ValidationError(text, code="time_missing"))

    @property
    def weekly(self) -> list[tuple[int, dt.time, dt.time]]:
        """What `OpeningHours.objects.set_for` takes; nothing where the usual holds."""
        fields = self.cleaned_data
        if fields["kind"] != OWN:
            return []
        return [
            (day.value, fields[opens % day], fields[closes % day])
            for day in Weekday
            for opens, closes in PAIRS
            if fields[f"weekday_{day}"] and fields.get(opens % day) is not None
        ]


def _initial(hours: list[OpeningHours]) -> dict[str, Any]:
    """What the fields show: times that are usual where none are set, Monday to Friday."""
    found: dict[str, Any] = {}
    for day in Weekday:
        rows = [one for one in hours if one.weekday == day]
        found[f"weekday_{day}"] = bool(rows) if hours else day < Weekday.SATURDAY
        pairs = [(one.opens, one.closes) for one in rows[:2]] or [(OPENS, CLOSES)]
        for (opens, closes), times in zip(PAIRS, pairs, strict=False):
            found[opens % day], found[closes % day] = times
    return found


class ClosureForm(HouseForm, OnceForm):
    """Days on which nothing can be booked. Bookings that lie there are kept knowingly."""

    first_on = forms.DateField(label=_l("First day"), widget=DateInput)
    last_on = forms.DateField(
        label=_l("Last day"), widget=DateInput, required=False,
        help_text=_l("Empty: this one day."),
    )  # fmt: skip
    from_time = forms.TimeField(
        label=_l("From"), required=False, widget=TimeInput,
        help_text=_l("On the first day. Empty: from its beginning."),
    )  # fmt: skip
    until_time = forms.TimeField(
        label=_l("Until"), required=False, widget=TimeInput,
        help_text=_l("On the last day. Empty: to its end."),
    )  # fmt: skip
    yearly = forms.BooleanField(label=_l("Every year"), required=False)
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=200,
        help_text=_l("Told to whoever wants to book then, such as “Painters are in”."),
    )  # fmt: skip
    keep_bookings = forms.BooleanField(
        label=_l("Keep these bookings and close all the same"), required=False
    )

    inside: list[Problem]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.inside = []

    def refuse(self, problems: Iterable[Problem]) -> None:
        """The bookings that lie in it are listed; the tick beneath keeps them."""
        problems = list(problems)
        self.inside = [one for one in problems if one.code == "bookings_inside"]
        others = [one for one in problems if one.code != "bookings_inside"]
        if self.inside:
            text = _("These days are booked: move or cancel what is listed, or keep it.")
            others.append(Problem("bookings_inside", text, "keep_bookings"))
        super().refuse(others)

    @property
    def words(self) -> dict[str, Any]:
        """What `Closure.objects.close` takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_key"}


def in_order(closures: Iterable[Closure], today: dt.date) -> list[Closure]:
    """Those that are not over: every year's, running ones and those ahead."""
    return [one for one in closures if one.yearly or one.last_on >= today]
