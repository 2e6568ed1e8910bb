"""The doors of the portal: who may pass, asked again for as long as a request is under way.

Whoever closes a door (`suspend`, `withdraw_access`, `archive`) moves the login's session epoch on,
under a lock on the login. A page that writes holds that lock from before its first look until it
has committed, so it either comes before the closing or finds the door closed. A page that shows
asks once more when it is ready to be sent.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from customers.models import Customer, Suspension, User
from kit import locks
from spaces.models import Location

ACTING_FOR = "acting_for"
TURNED_AWAY = "turned_away"
READS = ("GET", "HEAD", "OPTIONS")


class PortalRequest(HttpRequest):
    """What a view of the portal is given: `customers` its login may act for, and the one that
    it does act for now (None where there is none; never in pages of the policy "customer")."""

    user: Any
    customers: list[Customer]
    customer: Any


def look(request: PortalRequest) -> None:
    """Put on the request whom its login may act for (`customers`) and does (`customer` or None).

    The session remembers which one was chosen last.
    """
    if hasattr(request, "customers"):
        return
    found = Customer.objects.acted_for_by(request.user).select_related("location", "user")
    request.customers = list(found)
    by_key: dict[Any, Customer] = {customer.pk: customer for customer in request.customers}
    chosen = by_key.get(request.session.get(ACTING_FOR))
    request.customer = chosen or next(iter(request.customers), None)


def may_enter(user: Any) -> bool:
    """Staff may, whoever has a customer whose portal is open, and whoever has no customer yet."""
    return (
        user.is_staff or user.customers.with_open_portal().exists() or not user.customers.exists()
    )


def lets_in(request: Any) -> bool:
    if not request.user.is_authenticated:
        return False
    look(request)
    return request.customer is not None or may_enter(request.user)


def lets_customer_in(request: Any) -> bool:
    return lets_in(request) and request.customer is not None


def keep(request: Any, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Give an answer only while the door stays open; see the module for how."""
    if request.method in READS:
        response = rendered(answer())
        return response if still_open(request) else close(request)
    with transaction.atomic():
        locks.take(users=[request.user])
        return rendered(answer()) if still_open(request) else close(request)


def rendered(response: Any) -> HttpResponse:
    """An answer that is drawn now, and not after the door was looked at."""
    return response.render() if hasattr(response, "render") else response


def still_open(request: Any) -> bool:
    """Whether what let this request in still holds, by the database and not by what was read."""
    user, customer = request.user, getattr(request, "customer", None)
    if not user.is_authenticated:
        return True  # signed out by the view itself
    if customer is None:
        return User.objects.filter(
            pk=user.pk, session_epoch=user.session_epoch, is_active=True
        ).exists()
    return (
        Customer.objects.acted_for_by(user)
        .filter(pk=customer.pk, user__session_epoch=user.session_epoch, user__is_active=True)
        .exists()
    )


def close(request: Any) -> HttpResponse:
    """End the session of whoever is turned away; who may come for others signs in again."""
    user = User.objects.get(pk=request.user.pk)
    logout(request)
    return redirect("front_door") if may_enter(user) else turn_away(request, user)


def turn_away(request: HttpRequest, user: Any, *, with_reason: bool = False) -> HttpResponse:
    """The page that says that the door is closed and whom to ask; why, only when told so.

    The reason is for whoever has just given the right password. A page that asked for a part of
    itself is told to load anew, and the whole of it then says so.
    """
    if request.headers.get("HX-Request"):
        request.session[TURNED_AWAY] = user.pk
        return load_anew()
    suspensions = list(
        Suspension.objects.filter(customer__user=user, lifted_at=None).select_related(
            "customer__location"
        )
    )
    waiting = bool(suspensions) and all(
        one.cause == Suspension.Cause.APPROVAL for one in suspensions
    )
    houses = [one.customer.location for one in suspensions]
    houses += [one.location for one in user.customers.select_related("location")]
    house = next(iter(houses), None) or Location.objects.order_by("pk").first()
    context = {
        "waiting": waiting,
        "reasons": [one.reason for one in suspensions] if with_reason and not waiting else [],
        "house": house,
    }
    return render(request, "errors/turned_away.html", context, status=403)


def load_anew() -> HttpResponse:
    """The answer to a part of a page that may not be shown any more."""
    return HttpResponse(status=403, headers={"HX-Refresh": "true"})


class SignInFirst(LoginRequiredMiddleware):
    """Sends strangers to sign in; tells whoever's session a closed door has ended that it has.

    What is behind a private link is shown whoever asks for it.
    """

    def process_view(self, request, view, args, kwargs):
        if getattr(view, "policy", None) == "private_link":
            return None
        remembered = request.session.get(SESSION_KEY)
        if remembered is None and not request.headers.get("HX-Request"):
            remembered = request.session.pop(TURNED_AWAY, None)
        if remembered is not None and not request.user.is_authenticated:
            user = User.objects.filter(pk=remembered).first()
            if user is not None and not may_enter(user):
                return turn_away(request, user)
        redirected = super().process_view(request, view, args, kwargs)
        return load_anew() if redirected and request.headers.get("HX-Request") else redirected


__all__ = ["SignInFirst", "close", "keep", "look", "may_enter", "turn_away"]
