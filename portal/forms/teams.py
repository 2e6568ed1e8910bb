from django import forms
from django.utils.translation import gettext_lazy as _l

from customers.models import Team
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import MoneyInput, RadioCards


class SpendingForm(HouseForm, OnceForm):
    """Who may spend for the team, and up to how much."""

    spending = forms.ChoiceField(
        label=_l("Who may spend for the team"), choices=Team.Spending.choices,
        widget=RadioCards(
            helps={
                "admins": _l("Only admins sign plans and book for the team."),
                "everyone": _l("Everybody in the team may, on the payer's account."),
            },
            icons={"admins": "user-cog", "everyone": "users-round"},
        ),
    )  # fmt: skip
    limit = forms.DecimalField(
        label=_l("Most that one person spends in a month"), required=False, min_value=0,
        decimal_places=2, help_text=_l("Empty: no limit."),
    )  # fmt: skip

    def __init__(self, *args, team: Team, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial = {"spending": team.spending, "limit": team.spending_limit, **self.initial}
        self.fields["limit"].widget = MoneyInput(currency=currency)

    def refuse(self, problems) -> None:
        """The verb calls the limit by its column."""
        names = {"spending_limit": "limit"}
        super().refuse(one._replace(field=names.get(one.field, one.field)) for one in problems)


class LeaveForm(HouseForm, OnceForm):
    """Nothing to fill in: sending it confirms the deed."""
