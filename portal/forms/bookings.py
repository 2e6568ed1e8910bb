import datetime as dt
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from bookings.availability import FURTHEST_AHEAD
from bookings.forms import RepeatForm, ScopeForm, TimeInput, WhenForm
from bookings.models import Booking, Resource
from customers.models import Customer, Team
from kit import clock, words
from kit.forms import HouseForm
from kit.once import KEY, OnceForm, new_key
from kit.widgets import DateInput
from portal import rows

ONESELF = "oneself"
UNTIL = "until"
LENGTHS = (15, 30, 45, 60, 90, 120, 180, 240, 360, 480)
HOUR = dt.timedelta(hours=1)


def team_choices(customer: Customer, teams: dict[str, Team]) -> list[tuple[str, str]]:
    """For oneself, or for one of these teams, each with who pays."""
    return [
        (ONESELF, _("For myself: %s pays") % customer.name),
        *((key, _paid_for(team)) for key, team in teams.items()),
    ]


def _paid_for(team: Team) -> str:
    if team.payer is None:
        return _("For the team %s: everybody pays their own") % team
    return _("For the team %(team)s: %(payer)s pays") % {"team": team, "payer": team.payer}


class FindForm(forms.Form):
    """When, how long, how many people? A question: what is not asked has a sensible answer."""

    on = forms.DateField(label=_l("Day"), widget=DateInput)
    starts = forms.TimeField(label=_l("From"), widget=TimeInput)
    length = forms.ChoiceField(label=_l("How long"))
    ends = forms.TimeField(label=_l("Until"), widget=TimeInput, required=False)
    people = forms.IntegerField(
        label=_l("People"), min_value=1, max_value=10_000,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )  # fmt: skip
    type = forms.TypedChoiceField(label=_l("What"), required=False, coerce=int, empty_value=None)
    team = forms.TypedChoiceField(label=_l("Who pays"), required=False)

    def __init__(self, data, *, customer: Customer, resources: list[Resource], **kwargs):
        super().__init__(data, **kwargs)
        self.customer = customer
        length = cast(forms.ChoiceField, self.fields["length"])
        length.choices = [
            *((str(minutes), words.length(minutes)) for minutes in LENGTHS),
            (UNTIL, _("Until a time")),
        ]
        types = {one.type_id: one.type.name for one in resources}
        ordered = sorted(types.items(), key=lambda pair: pair[1])
        cast(forms.ChoiceField, self.fields["type"]).choices = [("", _("Anything")), *ordered]
        if len(types) < 2:
            del self.fields["type"]
        teams = {str(team.pk): team for team in rows.booking_teams(customer)}
        team = cast(forms.TypedChoiceField, self.fields["team"])
        team.choices, team.coerce = team_choices(customer, teams), teams.get
        if not teams:
            del self.fields["team"]
        self.fields["on"].widget.attrs["min"] = customer.location.today().isoformat()

    @staticmethod
    def usual(start: dt.datetime) -> dict[str, Any]:
        """What is asked by default: one hour from a local moment on, for one person."""
        return {
            "on": start.date().isoformat(), "starts": f"{start:%H:%M}", "length": "60",
            "ends": "", "people": "1", "type": "", "team": ONESELF,
        }  # fmt: skip

    def clean_on(self) -> dt.date:
        day, today = self.cleaned_data["on"], self.customer.location.today()
        if day < today:
            raise ValidationError(_("This day has passed."), code="in_the_past")
        if day - today > FURTHEST_AHEAD:
            raise ValidationError(_("This date is too far away."), code="date_out_of_range")
        return day

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or self.cleaned_data
        if fields.get("length") == UNTIL and not self.errors and fields.get("ends") is None:
            self.add_error("ends", ValidationError(_("Say until when."), code="required"))
        if self.errors:
            return fields
        start, end = self.times
        if not clock.exists(start):
            text = _("This time does not exist on that day: the clock goes forward.")
            self.add_error("starts", ValidationError(text, code="time_does_not_exist"))
        elif start.astimezone(dt.UTC) < clock.now().replace(second=0, microsecond=0):
            self.add_error("starts", ValidationError(_("This time has passed."), "in_the_past"))
        elif end.astimezone(dt.UTC) <= start.astimezone(dt.UTC):
            wrong = ValidationError(_("It ends before it begins."), code="ends_before_start")
            self.add_error("ends", wrong)
        return fields

    @property
    def times(self) -> tuple[dt.datetime, dt.datetime]:
        """The moments that are asked about, on the wall of the customer's home."""
        zone, fields = clock.zone(self.customer.location.timezone), self.cleaned_data
        starts = fields["starts"].replace(second=0, microsecond=0)
        start = dt.datetime.combine(fields["on"], starts, zone)
        if fields["length"] == UNTIL:
            ends = fields["ends"].replace(second=0, microsecond=0)
            last = fields["on"] + dt.timedelta(days=ends == dt.time())
            return start, dt.datetime.combine(last, ends, zone)
        end = start.astimezone(dt.UTC) + dt.timedelta(minutes=int(fields["length"]))
        return start, end.astimezone(zone)

    @property
    def for_team(self) -> Team | None:
        return self.cleaned_data.get("team") or None


def address_fields(start: dt.datetime, end: dt.datetime, zone: str, **more: Any) -> dict[str, str]:
    """A time as the fields of a form or of an address: what `WhenForm` reads."""
    shown = WhenForm.of_times(start, end, zone)
    found = {
        "on": shown["on"].isoformat(), "starts": f"{shown['starts']:%H:%M}",
        "ends": f"{shown['ends']:%H:%M}",
    }  # fmt: skip
    if shown["until_on"]:
        found["until_on"] = shown["until_on"].isoformat()
    return found | {name: str(value) for name, value in more.items() if value}


class PeopleForm(forms.Form):
    """Mixin: how many come, and what there is to say about it."""

    attendees = forms.IntegerField(
        label=_l("People"), min_value=1, max_value=10_000,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )  # fmt: skip
    note = forms.CharField(
        label=_l("Note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2}),
        help_text=_l("You and the staff can read it."),
    )  # fmt: skip


class BookForm(WhenForm, PeopleForm, RepeatForm, HouseForm, OnceForm):
    """A resource to be booked: when, for whom, who pays, and whether it repeats.

    It is filled in from the outset, by what the address asks for, so that the first look at the
    page shows a price already.
    """

    on_behalf_of = forms.TypedChoiceField(label=_l("Who pays"), widget=forms.RadioSelect)
    customer = forms.TypedChoiceField(label=_l("For whom"))

    field_order = ("on", "starts", "ends", "until_on", "attendees", "customer", "on_behalf_of")

    def __init__(self, *args, customer: Customer, resource: Resource, **kwargs):
        super().__init__(*args, **kwargs)
        self.booker, self.resource = customer, resource
        teams = {str(team.pk): team for team in rows.booking_teams(customer)}
        field = cast(forms.TypedChoiceField, self.fields["on_behalf_of"])
        field.choices, field.coerce = team_choices(customer, teams), teams.get
        if not teams:
            del self.fields["on_behalf_of"]
        mates = list(rows.team_mates(customer)) if teams else []
        people = {str(one.customer_id): one.customer for one in mates}
        whom = cast(forms.TypedChoiceField, self.fields["customer"])
        whom.choices = [
            (ONESELF, _("Myself")),
            *((key, person.name) for key, person in people.items()),
        ]
        whom.coerce = people.get
        whom.help_text = _("People of the teams that you are an admin of.")
        if not people:
            del self.fields["customer"]
        self.fields["on"].widget.attrs["min"] = resource.location.today().isoformat()
        self.fields["attendees"].widget.attrs["max"] = resource.capacity

    @classmethod
    def asked(cls, query: Any, *, start: dt.datetime, end: dt.datetime, zone: str, **kwargs: Any):
        """The form as an address fills it in; what the address leaves out has its usual value."""
        names = ("on", "starts", "ends", "until_on")
        named = {name: query[name] for name in names if name in query}
        when = named if {"on", "starts", "ends"} <= named.keys() else None
        data = {
            KEY: new_key(), **(when or address_fields(start, end, zone)),
            "attendees": query.get("people") or "1",
            "on_behalf_of": query.get("team") or ONESELF,
            "customer": ONESELF,
            "every": "1",
        }  # fmt: skip
        return cls(data, **kwargs)

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or self.cleaned_data
        if fields.get("customer") and "on_behalf_of" in fields and not fields["on_behalf_of"]:
            text = _("Say for which team: for others you book for a team that they are in.")
            self.add_error("on_behalf_of", ValidationError(text, code="team_missing"))
        return fields

    @property
    def customer_asked(self) -> Customer:
        """Who uses it."""
        return self.cleaned_data.get("customer") or self.booker

    @property
    def team_asked(self) -> Team | None:
        return self.cleaned_data.get("on_behalf_of") or None

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `Resource.book`, but for who acts."""
        start, end = self.times(self.resource.zone)
        return {
            "start": start,
            "end": end,
            "customer": self.customer_asked,
            "attendees": self.cleaned_data["attendees"],
            "note": self.cleaned_data["note"],
            "on_behalf_of": self.team_asked,
        }


class ChangeForm(WhenForm, PeopleForm, ScopeForm, HouseForm, OnceForm):
    """A booking with another time, another resource, more people, or another note."""

    resource = forms.ModelChoiceField(
        label=_l("Where"), queryset=Resource.objects.none(), empty_label=None
    )

    field_order = ("scope", "resource", "on", "starts", "ends", "until_on", "attendees", "note")

    def __init__(self, *args, booking: Booking, begun: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.booking = booking
        cast(Any, self.fields["resource"]).queryset = rows.resources_beside(booking)
        if booking.series_id is None:
            del self.fields["scope"]
        if begun:
            self.fields["ends"].label = _("Ends at")
            for name in ("resource", "on", "starts"):
                self.fields[name].disabled = True
                self.initial[name] = self.of_booking(booking)[name]

    @classmethod
    def of_booking(cls, booking: Booking) -> dict[str, Any]:
        return {
            **cls.of_times(booking.start, booking.end, booking.zone),
            "resource": booking.resource_id, "attendees": booking.attendees, "note": booking.note,
        }  # fmt: skip

    @classmethod
    def asked(cls, query: Any, *, booking: Booking, **kwargs: Any):
        """The form as the booking is, or as an address would have it."""
        times = address_fields(booking.start, booking.end, booking.zone)
        data = {
            KEY: new_key(), "scope": "one", "resource": booking.resource_id, **times,
            "attendees": booking.attendees, "note": booking.note,
        }  # fmt: skip
        if {"on", "starts", "ends"} <= query.keys():
            data.pop("until_on", None)
        names = ("on", "starts", "ends", "until_on", "resource", "scope")
        return cls(data | {name: query[name] for name in names if name in query}, booking=booking,
                   **kwargs)  # fmt: skip

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `bookings.repeats.change`: only what is to be different."""
        fields, booking = self.cleaned_data, self.booking
        start, end = self.times(booking.zone)
        wanted = {
            "start": (booking.start, start), "end": (booking.end, end),
            "resource": (booking.resource, fields["resource"]),
            "attendees": (booking.attendees, fields["attendees"]),
            "note": (booking.note, fields["note"].strip()),
        }  # fmt: skip
        changed = {name: after for name, (before, after) in wanted.items() if before != after}
        return {"scope": fields.get("scope") or "one", **changed}


class CancelBookingForm(ScopeForm, HouseForm, OnceForm):
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=500,
        help_text=_l("If there is something the house should know."),
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args, booking: Booking, **kwargs):
        super().__init__(*args, **kwargs)
        if booking.series_id is None:
            del self.fields["scope"]

    @property
    def scope_asked(self) -> str:
        """Which ones; what is asked about before anything was sent is the one alone."""
        if not self.is_bound or "scope" not in self.fields:
            return "one"
        return getattr(self, "cleaned_data", {}).get("scope") or "one"


class SharedCreditForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it opens the payer's credit to the team, or closes it."""
