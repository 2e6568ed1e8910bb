from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from bookings.models import SharedCredit
from bookings.pots import Pot
from bookings.standing import Standing
from customers.doors import PortalRequest
from customers.forms import TeamInvitationForm
from customers.models import Customer, Team, TeamMembership
from kit import clock
from kit.once import creates
from kit.policies import policy
from portal import rows
from portal.forms.bookings import SharedCreditForm
from portal.forms.teams import LeaveForm, SpendingForm
from spaces.models import Todays

SHOWN = 10
reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@require_safe
def teams(request: PortalRequest) -> HttpResponse:
    """The teams that one is in or pays for."""
    found = rows.teams(request.customer).with_size()
    context = {"customer": request.customer, "teams": found}
    return render(request, "portal/teams/list.html", context)


@policy("customer")
@require_safe
def team(request: PortalRequest, pk: int) -> HttpResponse:
    """Who is in the team, who pays, who may spend; for admins also how to reach each one, what is
    booked for the team, and the credit that it may use."""
    team = rows.team(request, pk)
    memberships = list(team.present().select_related("customer__location"))
    own = next((one for one in memberships if one.customer_id == request.customer.pk), None)
    is_admin = own is not None and own.is_admin
    context = {
        "team": team,
        "customer": request.customer,
        "memberships": memberships,
        "own": own,
        "is_admin": is_admin,
        "is_payer": team.payer_id == request.customer.pk,
        "statuses": _statuses(memberships) if is_admin else {},
        "invitations": list(team.invitations.open()) if is_admin else [],
        "full": bool(team.invitation_problems()) if is_admin else False,
        "bookings": list(_bookings(team)) if is_admin else [],
        "credit_is_open": _credit_is_open(team),
        "pots": _shared_pots(team) if is_admin or team.payer_id == request.customer.pk else [],
        "crumbs": _crumbs(request),
    }
    return render(request, "portal/teams/team.html", context)


def _statuses(memberships: list[TeamMembership]) -> dict[int, str]:
    """ "member" or "contact" of each today, by the customer's key."""
    people = Customer.objects.filter(pk__in=[one.customer_id for one in memberships])
    todays = Todays.at({one.customer.location for one in memberships})
    return {one.pk: one.shown_status for one in people.with_status(on=todays)}


def _bookings(team: Team) -> Any:
    """What the team's people have booked for it and is not over."""
    return rows.team_bookings(team).upcoming(at=clock.now())[:SHOWN]


def _credit_is_open(team: Team) -> bool:
    return SharedCredit.objects.open().filter(team=team).exists()


def _shared_pots(team: Team) -> list[Pot]:
    """What is left of the payer's booking credit where the team may use it."""
    if team.payer is None or not _credit_is_open(team):
        return []
    return Standing.of(team.payer).all_pots(team.payer.location.today())


@policy("customer")
@reads_and_writes
@creates
def credit(request: PortalRequest, pk: int) -> HttpResponse:
    """Open one's booking credit to the team, or close it; for who pays."""
    team = rows.team(request, pk)
    if team.payer_id != request.customer.pk:
        raise Http404
    is_open = _credit_is_open(team)
    form = SharedCreditForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            opens = "close" not in request.POST
            SharedCredit.objects.set_for(team, opens, by=request.user)
            said = _("The team may use your credit now.")
            messages.success(request, said if opens else _("Your credit is for you alone again."))
            return redirect("portal:team", pk)
    pots = Standing.of(request.customer).all_pots(request.customer.location.today())
    return _page(request, "credit", team, form, is_open=is_open, pots=pots)


@policy("customer")
@reads_and_writes
@creates
def invitation(request: PortalRequest, pk: int) -> HttpResponse:
    """Invite somebody into the team by e-mail; for its admins."""
    team = _as_admin(request, pk)
    form = TeamInvitationForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            sent = team.invite(
                form.cleaned_data["email"],
                full_name=form.cleaned_data["full_name"],
                by=request.user,
            )
            messages.success(request, _("%s gets an e-mail with a link.") % sent.email)
            return redirect("portal:team", pk)
    return _page(request, "invitation", team, form)


@policy("customer")
@reads_and_writes
@creates
def invitation_withdrawal(request: PortalRequest, pk: int, invitation: int) -> HttpResponse:
    """Take an invitation back; for the team's admins."""
    team = _as_admin(request, pk)
    found = get_object_or_404(team.invitations.open(), pk=invitation)
    form = LeaveForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            found.withdraw(by=request.user)
            messages.success(request, _("The invitation of %s is withdrawn.") % found.email)
            return redirect("portal:team", pk)
    return _page(request, "invitation_withdrawal", team, form, invitation=found)


@policy("customer")
@reads_and_writes
@creates
def removal(request: PortalRequest, pk: int, membership: int) -> HttpResponse:
    """Take somebody out of the team; for its admins."""
    team = _as_admin(request, pk)
    found = get_object_or_404(team.present().select_related("customer__location"), pk=membership)
    form = LeaveForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            team.remove(found.customer, by=request.user)
            messages.success(request, _("%s is not in the team any more.") % found.customer.name)
            return redirect("portal:team", pk)
    return _page(request, "removal", team, form, membership=found)


@policy("customer")
@reads_and_writes
@creates
def leaving(request: PortalRequest, pk: int) -> HttpResponse:
    """Leave the team oneself."""
    team = rows.team(request, pk)
    own = get_object_or_404(team.present(), customer=request.customer)
    is_only_admin = own.is_admin and team.admins().count() == 1
    form = LeaveForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            team.remove(request.customer, by=request.user)
            messages.success(request, _("You have left the team %s.") % team.name)
            return redirect("portal:home")
    return _page(request, "leaving", team, form, is_only_admin=is_only_admin)


@policy("customer")
@reads_and_writes
@creates
def spending(request: PortalRequest, pk: int) -> HttpResponse:
    """Say who may spend for the team, and how much a month; for who pays."""
    team = rows.team(request, pk)
    if team.payer_id != request.customer.pk:
        raise Http404
    form = SpendingForm.of(request, team=team, currency=request.customer.location.currency)
    if form.is_valid():
        with form.showing_refusals():
            fields = form.cleaned_data
            team.set_spending(fields["spending"], fields["limit"], by=request.user)
            messages.success(request, _("Saved. It holds from now on."))
            return redirect("portal:team", pk)
    return _page(request, "spending", team, form)


def _as_admin(request: PortalRequest, pk: int) -> Team:
    """The team, for its admins; to the others the page is not there."""
    team = rows.team(request, pk)
    get_object_or_404(team.present(), customer=request.customer, is_admin=True)
    return team


def _crumbs(request: PortalRequest) -> list[tuple[str, str]]:
    several = rows.teams(request.customer).count() > 1
    return [(_("Teams"), reverse("portal:teams"))] if several else []


def _page(request: PortalRequest, name: str, team: Team, form, **more) -> HttpResponse:
    context = {
        "form": form,
        "team": team,
        "customer": request.customer,
        "crumbs": [*_crumbs(request), (team.name, reverse("portal:team", args=[team.pk]))],
        **more,
    }
    return render(request, f"portal/teams/{name}.html", context, status=form.status)
