"""Tax: rates with the day from which they hold, exemptions, small business."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from customers.models.exemptions import OF_CUSTOMERS
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed, DateInput
from spaces.taxes import OF_RATES


def rate_field(help_text: Any = "", *, required: bool = False) -> forms.DecimalField:
    """Return the field of a tax rate in percent."""
    return forms.DecimalField(
        label=_l("Tax rate"), required=required, min_value=0, max_value=100, decimal_places=4,
        help_text=help_text, widget=Affixed({"inputmode": "decimal"}, after="%"),
    )  # fmt: skip


def own_rate_field() -> forms.DecimalField:
    """Return the field of an own tax rate, empty where the location's holds."""
    return rate_field(_l("Empty: the location's."))


class TaxRateForm(HouseForm, OnceForm):
    """A tax rate and the day from which it holds."""

    rate = rate_field()
    category = forms.ChoiceField(
        label=_l("Category"), required=False,
        choices=[("", _l("As the rate says: standard, or zero rated")),
                 *((one.value, one.label) for one in OF_RATES)],
    )  # fmt: skip
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=200,
        help_text=_l("Printed on invoices where something is exempt from tax."),
    )  # fmt: skip
    from_on = forms.DateField(label=_l("From"), widget=DateInput())

    def __init__(self, *args, is_location: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["rate"].required = is_location
        if not is_location:
            self.fields["rate"].help_text = _("Empty: from then on the location's rate holds.")


class ExemptionForm(HouseForm, OnceForm):
    """Why a customer is not taxed, and the day from which that holds."""

    category = forms.ChoiceField(
        label=_l("Tax"), required=False,
        choices=[("", _l("Taxed like everybody")),
                 *((one.value, one.label) for one in OF_CUSTOMERS)],
    )  # fmt: skip
    reason = forms.CharField(
        label=_l("Reason"), required=False, max_length=200, help_text=_l("Printed on invoices."),
    )  # fmt: skip
    from_on = forms.DateField(label=_l("From"), widget=DateInput())


class SmallBusinessForm(HouseForm, OnceForm):
    """Whether a location charges tax at all, and from which day."""

    applies = forms.TypedChoiceField(
        label=_l("Small business"), coerce=lambda value: value == "yes",
        choices=[("yes", _l("Charges no tax, as a small business")), ("no", _l("Charges tax"))],
        widget=forms.RadioSelect, initial="yes",
    )  # fmt: skip
    text = forms.CharField(
        label=_l("Text on invoices"), required=False, max_length=200,
        help_text=_l("Empty: what the law of the country wants."),
    )  # fmt: skip
    from_on = forms.DateField(label=_l("From"), widget=DateInput())
