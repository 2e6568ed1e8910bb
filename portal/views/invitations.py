"""What a link of an invitation opens."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from customers import doors
from customers.forms import PasswordForm
from customers.models import Invitation, User
from kit.forms import ConfirmForm
from kit.policies import policy

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("public")
@never_cache
@reads_and_writes
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation: as who has signed in, by signing in first, or with a new password."""
    found = Invitation.objects.by_token(token)
    if found is None:
        raise Http404
    if problems := found.problems():
        return _page(request, "over", found, status=410, problems=problems)
    if request.user.is_authenticated and found.user_id in (None, request.user.pk):
        return _as_oneself(request, found)
    if found.needs_sign_in:
        return _page(request, "sign_in", found, next=request.path)
    return _with_password(request, found)


def _as_oneself(request: Any, found: Invitation) -> HttpResponse:
    """Somebody who has signed in says yes; nothing is written once their door is closed."""
    if not doors.may_enter(request.user):
        return doors.turn_away(request, request.user)
    doors.look(request)
    form = ConfirmForm.of(request)
    if form.is_valid():
        chosen = next(
            (one for one in request.customers if str(one.pk) == request.POST.get("customer")), None
        )
        with form.showing_refusals():
            return doors.keep(request, lambda: _accept(request, found, chosen))
    return _page(request, "accept", found, form=form, customers=request.customers)


def _accept(request: Any, found: Invitation, customer: Any) -> HttpResponse:
    found.accept(by=request.user, customer=customer if found.team_id else None)
    return _arrive(request, found)


@transaction.atomic
def _with_password(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Somebody without a password chooses one: the link proves the address."""
    known = found.login or User(email=found.email, full_name=found.full_name)
    form = PasswordForm.of(request, user=known)
    if form.is_valid():
        with form.showing_refusals():
            user = found.accept_with_password(
                form.cleaned_data["password"], full_name=form.cleaned_data["full_name"]
            )
            _sign_in(request, user)
            return _arrive(request, found)
    return _page(request, "password", found, form=form)


def _sign_in(request: HttpRequest, user: User) -> None:
    from allauth.account.adapter import get_adapter

    get_adapter().login(request, user)


def _arrive(request: Any, found: Invitation) -> HttpResponse:
    if found.user_id:
        messages.success(request, _("Welcome to the team."))
        return redirect("front_door")
    if found.customer is not None:
        request.session[doors.ACTING_FOR] = found.customer_id
        messages.success(request, _("Welcome. This is your portal."))
        return redirect("portal:home")
    messages.success(request, _("You are in the team “%s” now.") % found.team)
    default = getattr(found.team, "default_plan", None)
    if default is not None and default.plan.offered_in_portal and not default.plan.archived_at:
        return redirect(f"{reverse('portal:plan_join', args=[default.plan_id])}")
    return redirect("portal:home")


def _page(request, what: str, found: Invitation, *, status: int = 200, **context) -> HttpResponse:
    form = context.get("form")
    if form is not None and form.errors:
        status = 422
    inside = {"invitation": found, "what": what, **context}
    return render(request, f"portal/invitations/{what}.html", inside, status=status)
