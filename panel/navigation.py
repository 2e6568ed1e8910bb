"""The panel's sidebar: only what the person may see."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from kit import policies


class Item(NamedTuple):
    label: str
    url: str
    icon: str
    current: bool


# Route, words, icon, and the policy of the page behind it.
PLACES = [
    ("panel:home", _("Home"), "house", "see_panel"),
    ("panel:check_ins", _("Front desk"), "concierge-bell", "see_panel"),
    ("panel:calendar", _("Calendar"), "calendar-days", "see_panel"),
    ("panel:bookings", _("Bookings"), "calendar-check", "see_panel"),
    ("panel:customers", _("Customers"), "users-round", "see_panel"),
    ("panel:teams", _("Teams"), "users", "see_panel"),
    ("panel:contracts", _("Contracts"), "file-text", "see_panel"),
    ("panel:invoices", _("Invoices"), "receipt-text", "see_panel"),
    ("panel:payments", _("Payments"), "banknote", "keep_books"),
    ("panel:runs", _("Billing runs"), "calendar-clock", "keep_books"),
    ("panel:debts", _("Aged debt"), "hourglass", "keep_books"),
    ("panel:resources", _("Resources"), "lamp-desk", "see_panel"),
    ("panel:plans", _("Plans"), "armchair", "see_panel"),
    ("panel:products", _("Products"), "shopping-bag", "see_panel"),
    ("panel:imports", _("Import"), "file-up", "manage_everywhere"),
    ("panel:staff", _("Staff"), "user-cog", "own_everywhere"),
    ("panel:settings", _("Settings"), "settings", "own_space"),
    ("panel:components", _("Components"), "palette", "own_space"),
]

# Pages that lie beside the place they belong to.
BESIDE = {"/resource-types/": "/resources/", "/credit-notes/": "/invoices/",
          "/charges/": "/invoices/", "/claims/": "/invoices/",
          "/subscriptions/": "/products/"}  # fmt: skip


def items(request: HttpRequest) -> list[Item]:
    """The places this person may go to; the one whose address the page lies under is current."""
    found = [
        Item(str(label), reverse(route), icon, False)
        for route, label, icon, policy in PLACES
        if policies.allows(request, policy) and (route != "panel:components" or settings.DEBUG)
    ]
    path = request.path
    for beside, place in BESIDE.items():
        path = path.replace(beside, place, 1)
    under = [item for item in found if path.startswith(item.url)]
    here = max((item.url for item in under), key=len, default=None)
    return [item._replace(current=item.url == here) for item in found]


def navigation(request: HttpRequest) -> dict[str, object]:
    """The context of every page: `nav`, asked for by the panel's pages only."""
    return {"nav": SimpleLazyObject(lambda: items(request))}
