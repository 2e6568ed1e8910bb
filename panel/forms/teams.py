from typing import Any

from django import forms
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from customers.models import Team, User
from kit.forms import EditForm, HouseForm
from kit.once import OnceForm
from kit.widgets import Affixed, MoneyInput, RadioCards
from panel.forms.pickers import CustomerField, within_reach_of
from panel.forms.plans import house_currency
from plans.models import Plan

SPENDERS = {
    "admins": _("Only the admins of the team book and buy at its cost."),
    "everyone": _("Everybody in the team books and buys at its cost."),
}


class TeamFields(HouseForm, forms.Form):
    """The words and terms of a team, for making and for editing it."""

    name = forms.CharField(label=_("Name"), max_length=200)
    payer = CustomerField(
        label=_("Who pays"),
        nobody=True,
        help_text=_("Pays for what the people book and buy for the team, from now on."),
    )
    spending = forms.ChoiceField(
        label=_("Who may spend for the team"),
        choices=Team.Spending.choices,
        initial=Team.Spending.ADMINS,
        widget=RadioCards(helps=SPENDERS, icons={"admins": "shield", "everyone": "users-round"}),
    )
    spending_limit = forms.DecimalField(
        label=_("At most per person and month"), required=False, min_value=0, decimal_places=4,
        help_text=_("Empty: any sum."),
    )  # fmt: skip
    size_limit = forms.IntegerField(
        label=_("Maximum people"), required=False, min_value=1, max_value=100_000,
        widget=Affixed({"inputmode": "numeric"}, after=_("people")),
        help_text=_("Empty: no limit."),
    )  # fmt: skip
    discount = forms.DecimalField(
        label=_("Discount"), required=False, min_value=0, max_value=100, decimal_places=4,
        widget=Affixed({"inputmode": "decimal"}, after="%"),
        help_text=_("On what is charged for the team, from now on."),
    )  # fmt: skip

    def __init__(self, *args, user: User, currency: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["spending_limit"].widget = MoneyInput(currency=currency)
        if not user.may("manage_space"):
            del self.fields["discount"]
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def offer(self, user: User, *, payer: int | None = None, plan: Plan | None = None) -> None:
        """Fill the choices, with what stands there already.

        The plan is a field of the form and not of the team, which knows no plans.
        """
        customer: Any = self.fields["payer"]
        customer.offer(within_reach_of(user), kept=payer)
        self.fields["default_plan"] = forms.ModelChoiceField(
            Plan.objects.filter(Q(archived_at=None) | Q(pk=plan.pk if plan else None)),
            label=_("Plan offered to newcomers"), required=False, initial=plan,
            empty_label=_("No plan"), show_hidden_initial=True,
            help_text=_("Whoever is invited into the team is shown this plan first."),
        )  # fmt: skip

    def clean_discount(self):
        return self.cleaned_data["discount"] or 0


class NewTeamForm(OnceForm, TeamFields):
    """A team to be made."""

    def __init__(self, *args, user: User, **kwargs):
        super().__init__(*args, user=user, currency=house_currency(), **kwargs)
        self.offer(user)

    @property
    def words(self) -> dict[str, Any]:
        """What `Team.objects.start` takes."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("form_key", "default_plan")
        }


class EditTeamForm(EditForm, TeamFields):
    """A team's words and terms, changed beside other people who may change them too."""

    def __init__(self, *args, record: Team, plan: Plan | None, user: User, **kwargs):
        currency = record.payer.location.currency if record.payer else house_currency()
        super().__init__(*args, record=record, user=user, currency=currency, **kwargs)
        self.offer(user, payer=record.payer_id, plan=plan)

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields of the team that were changed; the plan has a verb of its own."""
        return [name for name in super().changed_data if name != "default_plan"]

    @property
    def chooses_plan(self) -> bool:
        return "default_plan" in super().changed_data


class PersonForm(OnceForm, HouseForm):
    """A customer who joins a team."""

    customer = CustomerField(label=_("Customer"))
    is_admin = forms.BooleanField(
        label=_("Admin of the team"), required=False,
        help_text=_("Sees the team's people in the portal, invites and removes them."),
    )  # fmt: skip

    def __init__(self, *args, user: User, **kwargs):
        super().__init__(*args, **kwargs)
        customer: Any = self.fields["customer"]
        customer.offer(within_reach_of(user))
