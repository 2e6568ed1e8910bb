from django import forms
from django.utils.translation import gettext_lazy as _

from kit.forms import HouseForm
from kit.once import OnceForm


class TakeBackForm(HouseForm, OnceForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("Kept with the charge, and printed on a credit note."),
    )  # fmt: skip
