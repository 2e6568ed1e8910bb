from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms import TimeInput
from bookings.models import Rate, ResourceType, Weekday
from kit.forms import EditForm, HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed, MoneyInput, RadioCards
from panel.forms.taxes import own_rate_field
from plans.models import Plan
from spaces.models import Location

KINDS = {
    "meeting_room": "presentation", "desk": "lamp-desk", "phone_booth": "phone",
    "event_space": "projector", "other": "door-open",
}  # fmt: skip
WHO = {
    "everyone": _("Members and contacts pay the same."),
    "members": _("Whoever has a contract in force on the day."),
    "contacts": _("Whoever has none on the day."),
    "plans": _("Choose the plans beneath."),
}
ICONS = {
    "everyone": "users-round", "members": "badge-check", "contacts": "user-round",
    "plans": "armchair",
}  # fmt: skip
PER = {
    "hour": _("Step by step, for as long as it is booked."),
    "half_day": _("At most this for a short part of a day."),
    "day": _("At most this for a day."),
}


class TypeFields(forms.ModelForm):
    """What a type of resources says of all of them."""

    tax_rate = own_rate_field()

    class Meta:
        model = ResourceType
        fields = ["name", "kind", "half_day_hours", "tax_rate", "bound_to_premises"]
        labels = {
            "name": _("Name"),
            "kind": _("Kind"),
            "half_day_hours": _("Half a day is up to"),
        }
        help_texts = {
            "name": _("Such as “Meeting rooms”: what costs the same has one type."),
            "half_day_hours": _("Counts where there is a price for half a day."),
        }
        widgets = {
            "kind": RadioCards(icons=KINDS),
            "half_day_hours": Affixed({"inputmode": "numeric"}, after=_("hours")),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def _post_clean(self) -> None:
        """The record itself checks its fields when it is written."""


class NewTypeForm(OnceForm, HouseForm, TypeFields):
    """A type to be made."""

    @property
    def words(self) -> dict[str, Any]:
        """What `ResourceType.objects.make` takes."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class EditTypeForm(EditForm, TypeFields):
    """A type, changed beside other people. Its tax rate has a page of its own."""

    elsewhere = ("tax_rate",)


class RateForm(HouseForm, OnceForm):
    """A price: per what, for whom, and when."""

    per = forms.ChoiceField(
        label=_("The price is for"), choices=Rate.Per.choices, initial=Rate.Per.HOUR,
        widget=RadioCards(helps=PER),
    )  # fmt: skip
    price = forms.DecimalField(label=_("Price"), min_value=0, decimal_places=4)
    location = forms.ModelChoiceField(
        Location.objects.all(), label=_("Where"), required=False, empty_label=_("Every location")
    )
    audience = forms.ChoiceField(
        label=_("For whom"), choices=Rate.Audience.choices, initial=Rate.Audience.EVERYONE,
        widget=RadioCards(helps=WHO, icons=ICONS),
    )  # fmt: skip
    plans = forms.ModelMultipleChoiceField(
        Plan.objects.live(), label=_("Plans"), required=False, widget=forms.CheckboxSelectMultiple
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"), choices=Weekday.choices, coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple, help_text=_("None ticked: every day."),
    )  # fmt: skip
    from_time = forms.TimeField(label=_("From"), required=False, widget=TimeInput)
    until_time = forms.TimeField(
        label=_("Until"), required=False, widget=TimeInput,
        help_text=_("Both empty: the whole day."),
    )  # fmt: skip

    def __init__(self, *args, locations: list[Location], everywhere: bool, **kwargs):
        """`locations` may be chosen; `everywhere`: a price for all of them too."""
        super().__init__(*args, **kwargs)
        currencies = {location.currency for location in locations}
        self.fields["price"].widget = (
            MoneyInput(currency=currencies.pop()) if len(currencies) == 1 else Affixed()
        )
        self.fields["location"].required = not everywhere
        self.offer_locations(locations)
        if everywhere and Location.objects.count() == 1:
            del self.fields["location"]

    @property
    def words(self) -> dict[str, Any]:
        """What `ResourceType.add_rate` takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_key"}
