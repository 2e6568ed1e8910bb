"""The portal's bar: home, bookings, invoices; then plans, the shop, the team of whoever is in one,
the account, which on narrow screens are behind one button."""

from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from customers import doors
from portal import rows


class Item(NamedTuple):
    label: str
    url: str
    icon: str
    current: bool
    is_minor: bool


def items(request: Any) -> list[Item]:
    """Where this person may go; the one whose address the page lies under is current."""
    if not request.user.is_authenticated:
        return []
    doors.look(request)
    if request.customer is None:
        return []
    home = reverse("portal:home")
    major = [
        (_("Home"), home, "house", [home + "contracts/"]),
        (_("Book"), reverse("portal:book"), "calendar-plus", []),
        (_("Bookings"), reverse("portal:bookings"), "calendar-check", []),
        (
            _("Invoices"),
            reverse("portal:invoices"),
            "receipt-text",
            [home + "credit-notes/", home + "claims/"],
        ),
    ]
    minor = [
        (_("Plans"), reverse("portal:plans"), "armchair", []),
        (_("Shop"), reverse("portal:shop"), "shopping-bag",
         [home + "purchases/", home + "subscriptions/"]),
        *_teams(request),
        (_("Account"), reverse("portal:account"), "circle-user", []),
    ]  # fmt: skip
    return [
        Item(label, url, icon, _is_here(request.path, [url, *more], home), is_minor)
        for places, is_minor in ((major, False), (minor, True))
        for label, url, icon, more in places
    ]


def _teams(request: Any) -> list[tuple[str, str, str, list[str]]]:
    """One team is gone to at once, several by their list."""
    keys = list(rows.teams(request.customer).values_list("pk", flat=True)[:2])
    if not keys:
        return []
    several = reverse("portal:teams")
    if len(keys) == 1:
        return [(_("Team"), reverse("portal:team", args=keys), "users-round", [several])]
    return [(_("Teams"), several, "users-round", [])]


def _is_here(path: str, addresses: list[str], home: str) -> bool:
    return any(path == one or (one != home and path.startswith(one)) for one in addresses)
