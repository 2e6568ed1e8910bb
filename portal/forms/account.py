from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer
from kit.countries import country_field
from kit.forms import EditForm

FOR_COMPANIES = ("company_name", "tax_number")
AUTOCOMPLETE = {
    "full_name": "name", "company_name": "organization", "phone": "tel",
    "address": "street-address", "postal_code": "postal-code", "city": "address-level2",
    "country": "country", "billing_email": "off", "tax_number": "off",
}  # fmt: skip


class AccountForm(EditForm, forms.ModelForm):
    """What customers change about themselves. It only reads: the verb checks and saves."""

    class Meta:
        model = Customer
        fields = [
            "company_name", "full_name", "phone", "address", "postal_code", "city", "country",
            "billing_email", "tax_number",
        ]  # fmt: skip
        labels = {
            "full_name": _l("Name"),
            "company_name": _l("Company name"),
            "address": _l("Street"),
            "billing_email": _l("E-mail for invoices"),
        }
        help_texts = {
            "billing_email": _l("If invoices should go somewhere else than to your own e-mail."),
        }
        widgets = {
            "billing_email": forms.EmailInput,
            "phone": forms.TextInput(attrs={"type": "tel"}),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.record.is_company:
            for name in FOR_COMPANIES:
                del self.fields[name]
        else:
            self.fields["company_name"].required = True
            self.fields["full_name"].label = _("Primary contact")
        self.fields["country"] = country_field(self.record.country)
        self.fields["country"].show_hidden_initial = True
        for name, field in self.fields.items():
            field.widget.attrs["autocomplete"] = AUTOCOMPLETE[name]

    def _post_clean(self) -> None:
        """The record's own checks are the verb's, which asks them under its lock."""
