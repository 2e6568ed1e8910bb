from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import ResourceType
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed, MoneyInput


class PlanCreditForm(HouseForm, OnceForm):
    """What a plan includes of booking per cycle: hours or money, and for what."""

    hours = forms.DecimalField(
        label=_("Hours"), required=False, decimal_places=4,
        widget=Affixed({"inputmode": "decimal"}, after=_("hours")),
    )  # fmt: skip
    amount = forms.DecimalField(label=_("Or an amount"), required=False, decimal_places=4)
    types = forms.ModelMultipleChoiceField(
        ResourceType.objects.all(), label=_("To book"), required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip

    def __init__(self, *args, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].widget = MoneyInput(currency=currency)

    @property
    def words(self) -> dict[str, Any]:
        """What `PlanCredit.objects.give` takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_key"}
