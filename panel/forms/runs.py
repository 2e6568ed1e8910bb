import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import DateInput
from spaces.models import Location

# A preview works every day out up to its date: further ahead nobody knows anything.
FURTHEST = dt.timedelta(days=400)


class RunForm(HouseForm, OnceForm):
    """For which day, and where. Asked of the address it is a preview, sent it is an order."""

    on = forms.DateField(
        label=_l("Billing date"), widget=DateInput,
        help_text=_l("Everything that is due up to this day. A later day can only be looked at."),
    )  # fmt: skip
    location = forms.ModelChoiceField(
        Location.objects.all(), label=_l("Location"), required=False,
        empty_label=_l("Every location"),
    )  # fmt: skip

    def __init__(self, *args, locations: list[Location], everywhere: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.locations = locations
        self.offer_locations(locations)
        field: Any = self.fields["location"]
        if len(locations) == 1 and everywhere:
            del self.fields["location"]
        elif not everywhere:
            field.required = True
            field.empty_label = None if len(locations) == 1 else _("Choose a location")
        today = max((location.today() for location in locations), default=None)
        self.today = today
        self.initial.setdefault("on", today)

    def clean_on(self) -> dt.date:
        on = self.cleaned_data["on"]
        if self.today is not None and abs(on - self.today) > FURTHEST:
            text = _("Choose a day within a year from today.")
            raise ValidationError(text, code="date_out_of_range")
        return on

    @property
    def chosen(self) -> list[Location]:
        """The locations that are meant."""
        one = self.cleaned_data.get("location")
        return [one] if one is not None else self.locations

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `billing.runs.ask`."""
        one = self.cleaned_data.get("location")
        return {"on": self.cleaned_data["on"], "location": one}
