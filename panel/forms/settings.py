import zoneinfo
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import Series
from kit.countries import country_field
from kit.forms import EditForm, HouseForm, LinesField
from kit.once import OnceForm
from kit.problems import Refused
from kit.widgets import Affixed
from panel.forms.taxes import rate_field
from plans.previews import taken_back
from spaces.models import Location

# Each inner tuple is one line on the screen.
SECTIONS: list[tuple[Any, list[tuple[str, ...]]]] = [
    (_("The house"), [("name", "timezone"), ("contact_email", "contact_phone")]),
    (_("Members portal"), [("registration",)]),
    (
        _("On invoices"),
        [
            ("legal_name",),
            ("address",),
            ("postal_code", "city", "country"),
            ("vat_id", "tax_number"),
            ("register_line",),
        ],
    ),
    (
        _("Billing"),
        [
            ("billing_day", "payment_days"),
            ("invoice_at",),
            ("tax_rate", "rate_over_time"),
            ("prices_include_tax",),
            ("run_issues",),
            ("zero_invoices",),
        ],
    ),
    (_("Numbers"), [("invoice_prefix", "credit_note_prefix")]),
    (_("How to pay"), [("bank_name",), ("iban", "bic"), ("payment_text",)]),
    (
        _("When an invoice is overdue"),
        [("reminder_days", "suspend_after_days"), ("debt_cancels_bookings",)],
    ),
]


class LocationFields(forms.ModelForm):
    """How a location is run."""

    tax_rate = rate_field(required=True)

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
            "payment_days": Affixed({"inputmode": "numeric"}, after=_("days")),
            "suspend_after_days": Affixed({"inputmode": "numeric"}, after=_("days overdue")),
            "payment_text": forms.Textarea({"rows": 3}),
        }
        labels = {
            "prices_include_tax": _("Prices are entered with tax"),
            "invoice_at": _("Bookings and purchases are invoiced"),
            "reminder_days": _("Reminders"),
            "suspend_after_days": _("Suspend after"),
            "payment_text": _("In words"),
            "register_line": _("Register of companies"),
        }
        help_texts = {
            "billing_day": _("Of the month, for accounts without a contract."),
            "reminder_days": _("Days after the due date, such as 7, 14, 28. Empty: none."),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        stored = self.record.country if hasattr(self, "record") else ""
        self.fields["country"] = country_field(stored, show_hidden_initial=hasattr(self, "record"))
        text = self.fields["payment_text"]
        self.fields["payment_text"] = LinesField(
            label=text.label, help_text=text.help_text, widget=text.widget,
            required=False, max_length=1000,
            show_hidden_initial=hasattr(self, "record"),
        )  # fmt: skip

    def _post_clean(self) -> None:
        """The record itself checks its fields when it is written."""

    @property
    def sections(self):
        return [
            (title, [[self[name] for name in line if name in self.fields] for line in lines])
            for title, lines in SECTIONS
        ]


class EditLocationForm(EditForm, LocationFields):
    """How a location is run from now on. Its tax rate has a page of its own."""

    elsewhere = ("tax_rate",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, kind in NUMBERED.items():
            self.fields[name].help_text = next_number(self.record, kind)


NUMBERED = {
    "invoice_prefix": Series.Kind.INVOICE,
    "credit_note_prefix": Series.Kind.CREDIT_NOTE,
}


def next_number(location: Location, kind: str) -> str:
    """What the next document of a kind would be called, in a sentence."""
    try:
        with taken_back():
            series = Series.of(location, kind)
            number = series.named(series.last_number + 1)
    except Refused as refused:
        return str(refused)
    words = gettext("The next one is %s. Another prefix starts at 1 again.") % number
    return (
        words
        if getattr(location, f"{kind}_prefix")
        else words + " " + gettext("Empty: made from the location's name.")
    )


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
