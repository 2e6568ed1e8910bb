from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from customers.models import Team, User
from kit.forms import HouseForm
from panel.forms.suspensions import cancel_label


class BulkSuspendForm(HouseForm, forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("The same for everybody. It is told to whoever signs in."),
    )  # fmt: skip
    cancel_bookings = forms.BooleanField(
        required=False, help_text=_("Nothing is charged for them. Otherwise they stay.")
    )

    def __init__(self, *args, ahead: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["cancel_bookings"].label = cancel_label(ahead)
        if not ahead:
            del self.fields["cancel_bookings"]


class TeamForm(HouseForm, forms.Form):
    """Which team to join. Choosing one shows at once what stands against whom."""

    team = forms.ModelChoiceField(
        Team.objects.live(), label=_("Team"), empty_label=_("Choose a team"),
        widget=forms.Select(
            {
                "hx-get": reverse_lazy("panel:customers_team"),
                "hx-include": "closest form",
                "hx-params": "ids,team,back",
                "hx-target": "#rows",
                "hx-select": "#rows",
                "hx-swap": "outerHTML",
            }
        ),
    )  # fmt: skip

    def __init__(self, *args, user: User, **kwargs):
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset = Team.objects.live().served_by(user)

    @property
    def chosen(self) -> Team | None:
        """The team that was sent, or that the address asks about."""
        if self.is_bound:
            return self.cleaned_data.get("team") if self.is_valid() else None
        try:
            return self.fields["team"].to_python(self.initial.get("team"))
        except forms.ValidationError:
            return None
