from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import StaffRole, User
from kit.forms import HouseForm
from kit.once import OnceForm
from spaces.models import Location

# What each role is for, as the person reads it who gives it.
DOES = {
    StaffRole.Role.FRONT_DESK: _("customers, teams, suspensions, sign up and cancel by the terms"),
    StaffRole.Role.MANAGER: _("that, and plans, prices, discounts, imports, archive"),
    StaffRole.Role.ACCOUNTANT: _("sees everything; charges, invoices and payments"),
    StaffRole.Role.OWNER: _("everything, also settings and who works here"),
}
Held = tuple[str, Location | None]


class RolesField(forms.MultipleChoiceField):
    """Roles, each everywhere or at a location: (role, location or None) for each that is ticked."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any):
        super().__init__(**{"label": _("Roles"), **kwargs})

    def offer(self, locations: list[Location]) -> None:
        """Everywhere, and each location where there are several."""
        self.locations = {str(one.pk): one for one in locations}
        everywhere = [(role.value, self._words(role)) for role in StaffRole.Role]
        if len(locations) < 2:
            self.choices = everywhere
            return
        named = [
            (str(one), [(f"{role.value}@{one.pk}", role.label) for role in StaffRole.Role])
            for one in locations
        ]
        self.choices = [(_("At every location"), everywhere), *named]

    def _words(self, role: StaffRole.Role) -> str:
        return f"{role.label}: {DOES[role]}"

    def clean(self, value: Any) -> list[Held]:
        found = []
        for ticked in super().clean(value):
            role, _at, place = ticked.partition("@")
            found.append((role, self.locations[place] if place else None))
        return found

    def prepare_value(self, value: Any) -> Any:
        """What is held, as the boxes that are ticked."""
        if isinstance(value, frozenset):
            return [role if place is None else f"{role}@{place}" for role, place in value]
        return value


class RolesForm(HouseForm, forms.Form):
    """Which roles a login holds."""

    roles = RolesField(error_messages={"required": _("Choose at least one role.")})

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        roles: Any = self.fields["roles"]
        roles.offer(list(Location.objects.all()))


class InviteStaffForm(OnceForm, RolesForm):
    """Somebody new who works here."""

    full_name = forms.CharField(
        label=_("Name"),
        max_length=200,
        error_messages={"required": _("Say the name of the new colleague.")},
    )
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput,
        help_text=_("They get a link to choose a password. A customer keeps their own."),
    )
    field_order = ["full_name", "email", "roles"]

    def invite(self, *, by: User) -> User:
        wanted = self.cleaned_data
        return User.objects.invite_staff(
            wanted["email"], wanted["roles"], full_name=wanted["full_name"], by=by
        )
