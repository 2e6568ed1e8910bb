"""Who works here: invited, given roles, ended."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.models import Invitation, StaffRole, User
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from panel.forms.staff import InviteStaffForm, RolesForm

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("own_everywhere")
@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    """Everybody who holds a role, with where, and whether they have accepted and how safely."""
    return render(request, "panel/staff/list.html", {"people": _people()})


def _people():
    held = StaffRole.objects.filter(ended_at=None).select_related("location").order_by("pk")
    return User.objects.staff().prefetch_related(
        Prefetch("staff_roles", held, to_attr="roles_held"),
        Prefetch("invitations", Invitation.objects.standing(), to_attr="invited"),
        "authenticator_set",
    )


def _person(pk: int) -> Any:
    return get_object_or_404(_people(), pk=pk)


@policy("own_everywhere")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Invite a colleague."""
    form = InviteStaffForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            user = form.invite(by=request.user)
            words = _("%s works here now.") if user.is_verified else _("%s is invited.")
            messages.success(request, words % user)
            return redirect("panel:staff")
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/staff/new.html", context, status=form.status)


@policy("own_everywhere")
@reads_and_writes
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """What a colleague may do, and where."""
    user = _person(pk)
    form = RolesForm.of(request, initial={"roles": user.held_roles})
    if form.is_valid():
        with form.showing_refusals():
            user.set_roles(form.cleaned_data["roles"], by=request.user)
            messages.success(request, _("Saved."))
            return redirect("panel:staff")
    context = {"form": form, "person": user, "crumbs": _crumbs()}
    return render(request, "panel/staff/person.html", context, status=form.status)


@policy("own_everywhere")
@require_POST
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the link once more; the earlier one works no more."""
    user = _person(pk)
    if not user.invited:
        return redirect("panel:staff_person", pk)
    Invitation.objects.send(user.email, full_name=user.full_name, user=user, by=request.user)
    messages.success(request, _("A new link is on its way to %s.") % user.email)
    return redirect("panel:staff_person", pk)


@policy("own_everywhere")
@reads_and_writes
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """A colleague leaves: every role and every session ends at once."""
    user = _person(pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            user.end_staff(by=request.user)
            messages.success(request, _("%s does not work here any more.") % user)
            return redirect("panel:staff")
    context = {"form": form, "person": user, "crumbs": _crumbs(user)}
    return render(request, "panel/staff/end.html", context, status=form.status)


def _crumbs(user: User | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Staff"), reverse("panel:staff"))]
    if user:
        crumbs.append((str(user), reverse("panel:staff_person", args=[user.pk])))
    return crumbs
