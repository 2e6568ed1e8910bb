from babel import Locale
from django import forms
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models import Customer
from kit.forms import EditForm

# Codes of unions and of tests, which no address is in.
NOT_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
FOR_COMPANIES = ("company_name", "tax_number")
AUTOCOMPLETE = {
    "full_name": "name", "company_name": "organization", "phone": "tel",
    "address": "street-address", "postal_code": "postal-code", "city": "address-level2",
    "country": "country", "billing_email": "off", "tax_number": "off",
}  # fmt: skip


def countries() -> dict[str, str]:
    """Every country's name in the reader's language by its code, by name."""
    names = Locale.parse(to_locale(get_language() or "en")).territories
    found = [
        (code, name)
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES
    ]
    return dict(sorted(found, key=lambda pair: pair[1]))


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
        # An import takes any two letters; editing must not lose them.
        choices = {"": "", **countries()}
        choices.setdefault(self.record.country, self.record.country)
        country = forms.ChoiceField(
            label=_("Country"), choices=list(choices.items()), required=False
        )
        country.show_hidden_initial = True
        self.fields["country"] = country
        for name, field in self.fields.items():
            field.widget.attrs["autocomplete"] = AUTOCOMPLETE[name]

    def _post_clean(self) -> None:
        """The record's own checks are the verb's, which asks them under its lock."""
