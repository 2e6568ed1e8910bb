"""What each role may do. Roles add up; a page names the right that it needs as its policy.

A role may be limited to a location. A right alone opens a page; what is done to a record asks for
the right at the record's location, and what concerns the whole space for the right everywhere.
"""

from django.http import HttpRequest

from customers import doors
from kit import policies

RIGHTS: dict[str, frozenset[str]] = {
    # Whoever works here sees customers, plans and contracts.
    "see_panel": frozenset({"front_desk", "manager", "accountant", "owner"}),
    # Customers, teams, suspensions, invitations, sign up and cancel at the plan's terms.
    "serve_customers": frozenset({"front_desk", "manager", "owner"}),
    # Price overrides, discounts, backdating, archive, import, plans, reports.
    "manage_space": frozenset({"manager", "owner"}),
    # Charges, runs, invoices, payments, reports.
    "keep_books": frozenset({"accountant", "manager", "owner"}),
    # Settings, staff and roles, erasure, full export.
    "own_space": frozenset({"owner"}),
}

WORDS = {
    "see_panel": "staff",
    "serve_customers": "front desk, managers and owners",
    "manage_space": "managers and owners",
    "keep_books": "accountants, managers and owners",
    "own_space": "owners",
}

# Rights that some pages ask for without a limit to locations.
EVERYWHERE = {"manage_space": "manage_everywhere", "own_space": "own_everywhere"}


def _test(right: str):
    def may(request: HttpRequest) -> bool:
        return request.user.is_authenticated and request.user.may(right)

    return may


def _test_everywhere(right: str):
    def may(request: HttpRequest) -> bool:
        return request.user.is_authenticated and request.user.may_everywhere(right)

    return may


def define_policies() -> None:
    for right, words in WORDS.items():
        policies.define(right, words, _test(right))
    for right, name in EVERYWHERE.items():
        words = f"{WORDS[right]} of every location"
        policies.define(name, words, _test_everywhere(right))
    policies.define(
        "portal",
        "whoever has signed in and is not turned away",
        doors.lets_in,
        keep=doors.keep,
    )
    policies.define(
        "customer",
        "whoever has signed in and acts for a customer",
        doors.lets_customer_in,
        keep=doors.keep,
    )
    policies.define(
        "entrance",
        "whoever is on the way in, and whoever is in and is not turned away",
        lambda request: not request.user.is_authenticated or doors.lets_in(request),
        open=True,
        keep=lambda request, answer: (
            doors.keep(request, answer) if request.user.is_authenticated else answer()
        ),
    )
