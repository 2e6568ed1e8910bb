from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer, User
from kit.countries import country_field
from kit.forms import EditForm, HouseForm, LinesField
from kit.once import OnceForm
from kit.widgets import Affixed, DateInput, RadioCards
from spaces.models import Location

HELPS = {
    "individual": _l("A person who uses the space for themselves."),
    "company": _l("A legal name, and one person to talk to."),
}
ICONS = {"individual": "user-round", "company": "building-2"}

# Fields that are shown once another one says so, and are not optional then.
ONCE_SAID = ("company_name", "tax_exempt_reason")


class CustomerForm(HouseForm, forms.ModelForm):
    """The words of a customer. It only reads them: the verb checks and saves."""

    tax_exempt = forms.BooleanField(label=_l("Exempt from tax"), required=False)
    tax_exempt_reason = forms.CharField(
        label=_l("Reason for the exemption"), required=False, max_length=200
    )

    class Meta:
        model = Customer
        fields = [
            "type", "full_name", "company_name", "email", "phone", "address", "city",
            "postal_code", "country", "billing_email", "tax_number", "tax_exempt",
            "tax_exempt_reason", "payment_days", "invoice_at", "location", "registered_on",
            "external_id",
        ]  # fmt: skip
        labels = {
            "full_name": _l("Name"),
            "company_name": _l("Company name"),
            "address": _l("Street"),
            "external_id": _l("Number elsewhere"),
        }
        help_texts = {
            "company_name": _l("The legal name. The person below is its primary contact."),
            "billing_email": _l("Where invoices go, if not to the e-mail above."),
            "external_id": _l("The customer's number in your other systems. An import finds it."),
            "payment_days": _l("Empty: as the location has it."),
        }
        widgets = {
            "email": forms.EmailInput,
            "billing_email": forms.EmailInput,
            "phone": forms.TextInput(attrs={"type": "tel"}),
            "payment_days": Affixed({"inputmode": "numeric"}, after=_l("days")),
            "registered_on": DateInput,
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["type"] = forms.ChoiceField(
            label=_("Type"),
            choices=Customer.Type.choices,
            widget=RadioCards(helps=HELPS, icons=ICONS),
            error_messages={"required": _("Choose whether this is a person or a company.")},
        )
        locations = list(Location.objects.all())
        if len(locations) == 1:
            del self.fields["location"]
        record = getattr(self, "record", None)
        self.fields["country"] = country_field(record.country if record else "")
        self.fields["invoice_at"].required = False
        self._call_for(True)
        for field in self.fields.values():
            # Staff type what belongs to others: their own browser's words are no help.
            field.widget.attrs.setdefault("autocomplete", "off")

    def full_clean(self) -> None:
        """Whether they are missing is for the verb to say, together with all else."""
        self._call_for(False)
        super().full_clean()
        self._call_for(True)

    def _call_for(self, is_required: bool) -> None:
        for name in ONCE_SAID:
            if name in self.fields:
                self.fields[name].required = is_required

    def _post_clean(self) -> None:
        """The record's own checks are the verb's, which asks them under its lock."""


class NewCustomerForm(OnceForm, CustomerForm):
    """A customer to be added. A known e-mail is shown, and asked about, before it is taken."""

    notes = LinesField(label=_l("Notes"), required=False, max_length=20_000)
    another = forms.BooleanField(label=_l("Add another customer with this e-mail"), required=False)

    def __init__(self, *args, user: User, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        self.known: list[Customer] = []

    def clean(self):
        cleaned = super().clean()
        if email := cleaned.get("email"):
            seen = Customer.objects.visible_to(self.user)
            self.known = list(seen.with_email(email).select_related("location")[:5])
        if self.known and not cleaned.get("another"):
            raise ValidationError(_("A customer with this e-mail is known."), code="known_email")
        return cleaned

    @property
    def words(self) -> dict[str, Any]:
        """What `Customer.objects.register` takes."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("form_key", "another")
        }


class EditCustomerForm(EditForm, CustomerForm):
    """A customer's words, changed beside other people. Exemptions have a page of their own."""

    elsewhere = ("tax_exempt", "tax_exempt_reason")


class NotesForm(EditForm, forms.Form):
    notes = LinesField(
        label=_l("Notes"), required=False, max_length=20_000,
        widget=forms.Textarea({"autofocus": True}),
    )  # fmt: skip
