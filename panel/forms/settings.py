import zoneinfo
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kit.countries import country_field
from kit.forms import EditForm, HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed
from spaces.models import Location

# Each inner tuple is one line on the screen.
SECTIONS: list[tuple[Any, list[tuple[str, ...]]]] = [
    (_("The house"), [("name", "timezone"), ("contact_email", "contact_phone")]),
    (_("Members portal"), [("registration",)]),
    (
        _("On invoices"),
        [("legal_name", "tax_number"), ("address",), ("postal_code", "city", "country")],
    ),
    (
        _("Money"),
        [("tax_rate", "prices_include_tax"), ("billing_day", "payment_days"), ("invoice_at",)],
    ),
]


class LocationFields(forms.ModelForm):
    """How a location is run."""

    timezone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
    )

    class Meta:
        model = Location
        fields = [name for _title, lines in SECTIONS for line in lines for name in line]
        widgets = {
            "registration": forms.RadioSelect,
            "contact_email": forms.EmailInput,
            "tax_rate": Affixed(after="%"),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        stored = self.record.country if hasattr(self, "record") else ""
        self.fields["country"] = country_field(stored, show_hidden_initial=hasattr(self, "record"))

    def _post_clean(self) -> None:
        """The record itself checks its fields when it is written."""

    @property
    def sections(self):
        return [
            (title, [[self[name] for name in line if name in self.fields] for line in lines])
            for title, lines in SECTIONS
        ]


class EditLocationForm(EditForm, LocationFields):
    pass


class NewLocationForm(OnceForm, HouseForm, LocationFields):
    """A further location; its currency is chosen once."""

    currency = forms.CharField(
        label=_("Currency"), max_length=3, min_length=3, help_text=_("Such as EUR. It stays.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if first := Location.objects.order_by("pk").first():
            for name in ("timezone", "currency", "tax_rate", "prices_include_tax", "country"):
                self.initial[name] = getattr(first, name)

    @property
    def sections(self):
        first, *others = super().sections
        title, lines = first
        return [(title, [*lines, [self["currency"]]]), *others]

    @property
    def words(self):
        found = {name: self.cleaned_data[name] for name in (*self.Meta.fields, "currency")}
        return {**found, "currency": found["currency"].upper()}
