"""What is asked of the page of aged debt."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from kit.forms import HouseForm
from kit.widgets import DateInput


class AsOfForm(HouseForm, forms.Form):
    """The day at whose end something is asked for: today, or an earlier one."""

    on = forms.DateField(label=_l("As of"), widget=DateInput)

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.initial.setdefault("on", today)

    def clean_on(self) -> dt.date:
        on: dt.date = self.cleaned_data["on"]
        if on > self.today:
            raise ValidationError(_("This date has not come yet."), code="future_date")
        return on

    @property
    def day(self) -> dt.date:
        """The day that is asked for; today where none is, or a wrong one."""
        return self.cleaned_data["on"] if self.is_bound and self.is_valid() else self.today
