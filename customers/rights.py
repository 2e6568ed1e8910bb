"""What each role may do. Roles add up; a page names the right that it needs as its policy."""

from django.http import HttpRequest

from kit import policies

RIGHTS: dict[str, frozenset[str]] = {
    # Whoever works here sees customers, plans and contracts.
    "see_panel": frozenset({"front_desk", "manager", "accountant", "owner"}),
    # Customers, teams, suspensions, sign up and cancel at the plan's terms.
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


def may_enter(user) -> bool:
    """Staff may, and whoever has a customer whose portal is open, or no customer yet."""
    return (
        user.is_staff or user.customers.with_open_portal().exists() or not user.customers.exists()
    )


def reason_against(user) -> str:
    """Why this login's doors are closed, in the words of whoever closed them."""
    suspended = user.customers.suspended().prefetch_related("suspensions")
    return " ".join(customer.suspension.reason for customer in suspended)


def _test(right: str):
    def may(request: HttpRequest) -> bool:
        return request.user.is_authenticated and request.user.may(right)

    return may


def define_policies() -> None:
    for right, words in WORDS.items():
        policies.define(right, words, _test(right))
    policies.define(
        "portal",
        "whoever has signed in and is not turned away",
        lambda request: request.user.is_authenticated and may_enter(request.user),
    )
