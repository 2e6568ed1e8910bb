from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.models import Booking, SharedCredit
from customers.forms import TeamInvitationForm
from customers.models import Customer, Team, TeamMembership
from kit import clock
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from panel import histories, rows
from panel.filters import TeamFilter
from panel.forms.pickers import Found, within_reach_of
from panel.forms.plans import house_currency
from panel.forms.teams import EditTeamForm, NewTeamForm, PersonForm
from panel.lists import page
from plans.models import Plan, TeamDefaultPlan
from spaces.models import Location

SORTS = ("name", "-name")
BOOKINGS_SHOWN = 5

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def teams(request: HttpRequest) -> HttpResponse:
    """Every team by name: how many people, who pays, which plan it offers."""
    filters = TeamFilter(request)
    sort = request.GET.get("sort", "name")
    sort = sort if sort in SORTS else "name"
    shown = (
        Team.objects.with_size()
        .select_related("payer", "default_plan__plan")
        .prefetch_related("payer__suspensions")
    )
    context = {
        "filters": filters,
        "sort": sort,
        "page": page(filters.qs, shown, sort=sort.replace("name", "sort_name"), query=request.GET),
    }
    return render(request, "panel/teams/list.html", context)


@policy("serve_customers")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Make a team; its people come afterwards."""
    form = NewTeamForm.of(request, user=request.user)
    if form.is_valid():
        with form.showing_refusals(), transaction.atomic():
            team = Team.objects.start(**form.words, by=request.user)
            _offer(team, form.cleaned_data["default_plan"], request)
            messages.success(request, _("%s is a team now. Who is in it?") % team)
            return redirect("panel:team", team.pk)
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/teams/form.html", context, status=form.status)


@policy("see_panel")
@require_safe
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """The record: who is in it, who pays, who may spend, and what changed."""
    team = rows.team(request, pk)
    currency = team.payer.location.currency if team.payer else house_currency()
    bookings = _bookings(team, request)
    context = {
        "team": team,
        "may_serve": team.is_served_by(request.user),
        "people": _people(team, request),
        "invitations": team.invitations.open().select_related("invited_by"),
        "payer_is_seen": bool(team.payer and _seen(request, [team.payer.pk])),
        "plan": _plan_of(team),
        "currency": currency,
        "zone": team.home.timezone if team.home else "UTC",
        "shared_credit": SharedCredit.objects.open().filter(team=team).first(),
        "bookings": bookings[:BOOKINGS_SHOWN],
        "more_bookings": len(bookings) > BOOKINGS_SHOWN,
        "history": histories.of_team(team, currency=currency),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/teams/record.html", context)


def _bookings(team: Team, request: HttpRequest) -> list[Booking]:
    """What lies ahead at the team's cost, where this person may see it; one more than is shown."""
    seen = Booking.objects.visible_to(request.user).filter(on_behalf_of=team)
    return list(seen.upcoming(at=clock.now()).shown()[: BOOKINGS_SHOWN + 1])


class Person(NamedTuple):
    """Somebody in a team, whether this person may look at the record, and change the team's."""

    membership: TeamMembership
    is_seen: bool
    is_served: bool


def _people(team: Team, request: HttpRequest) -> list[Person]:
    """Those who are in the team, admins first."""
    customers = (
        Customer.objects.with_status(on=Location.objects.all().todays())
        .select_related("location")
        .prefetch_related("suspensions")
    )
    present = team.present().select_related("joined_by").order_by("-is_admin", "joined_at", "pk")
    memberships = list(present.prefetch_related(Prefetch("customer", customers)))
    seen = _seen(request, [membership.customer_id for membership in memberships])
    return [
        Person(
            membership,
            is_seen=membership.customer_id in seen,
            is_served=membership.customer_id in seen
            and request.user.may("serve_customers", at=membership.customer.location),
        )
        for membership in memberships
    ]


def _seen(request: HttpRequest, keys: Iterable[int]) -> set[int]:
    """Which of these customers the person may see."""
    seen = Customer.objects.visible_to(request.user)
    return set(seen.filter(pk__in=keys).values_list("pk", flat=True))


@policy("serve_customers")
@reads_and_writes
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a team's words and terms beside others who may do the same."""
    team = rows.team(request, pk)
    form = EditTeamForm.of(request, record=team, plan=_plan_of(team), user=request.user)
    if form.is_valid():
        with form.showing_refusals(), transaction.atomic():
            changed = team.edit(form.changes, seen=form.seen, by=request.user)
            if form.chooses_plan:
                _offer(team, form.cleaned_data["default_plan"], request)
            if changed or form.chooses_plan:
                messages.success(request, _("Saved."))
            return redirect("panel:team", pk)
    context = {"form": form, "team": team, "crumbs": _crumbs(team)}
    return render(request, "panel/teams/form.html", context, status=form.status)


def _offer(team: Team, plan: Plan | None, request: HttpRequest) -> None:
    TeamDefaultPlan.objects.choose(team, plan, by=request.user)


def _plan_of(team: Team) -> Plan | None:
    chosen = TeamDefaultPlan.objects.filter(team=team).select_related("plan").first()
    return chosen.plan if chosen else None


@policy("serve_customers")
@require_POST
def credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the payer's booking credit to the team, or close it: `is_open` says which."""
    team = rows.team(request, pk)
    is_open = request.POST.get("is_open") == "yes"
    try:
        SharedCredit.objects.set_for(team, is_open, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        said = (
            _("%s may use the payer's booking credit now.")
            if is_open
            else _("%s does not use the payer's booking credit any more.")
        )
        messages.success(request, said % team)
    return redirect("panel:team", pk)


@policy("serve_customers")
@reads_and_writes
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide a team from lists; nobody joins it any more."""
    team = rows.team(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            team.archive(by=request.user)
            messages.success(request, _("%s is archived.") % team)
            return redirect("panel:team", pk)
    context = {
        "form": form,
        "team": team,
        "problems": team.archive_problems(on=Location.objects.all().todays()),
        "crumbs": _crumbs(team),
    }
    return render(request, "panel/teams/archive.html", context, status=form.status)


@policy("serve_customers")
@reads_and_writes
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring an archived team back."""
    team = rows.team(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            team.restore(by=request.user)
            messages.success(request, _("%s is back.") % team)
            return redirect("panel:team", pk)
    context = {"form": form, "team": team, "crumbs": _crumbs(team)}
    return render(request, "panel/teams/restore.html", context, status=form.status)


@policy("serve_customers")
@reads_and_writes
@creates
def person_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a customer into a team, as its admin or not."""
    team = rows.team(request, pk)
    form = PersonForm.of(request, user=request.user)
    if form.is_valid():
        customer = form.cleaned_data["customer"]
        with form.showing_refusals():
            team.add(customer, is_admin=form.cleaned_data["is_admin"], by=request.user)
            messages.success(
                request,
                _("%(customer)s is in %(team)s now.") % {"customer": customer.name, "team": team},
            )
            return redirect("panel:team", pk)
    context = {"form": form, "team": team, "crumbs": _crumbs(team)}
    return render(request, "panel/teams/person_new.html", context, status=form.status)


@policy("serve_customers")
@reads_and_writes
def person_removal(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    """Take a customer out of a team."""
    team, membership = _membership(request, pk, person)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            team.remove(membership.customer, by=request.user)
            words = {"customer": membership.customer.name, "team": team}
            messages.success(request, _("%(customer)s is not in %(team)s any more.") % words)
            return redirect("panel:team", pk)
    context = {"form": form, "team": team, "membership": membership, "crumbs": _crumbs(team)}
    return render(request, "panel/teams/person_removal.html", context, status=form.status)


@policy("serve_customers")
@require_POST
def person_admin(request: HttpRequest, pk: int, person: int) -> HttpResponse:
    """Make somebody in a team its admin, or no longer: `is_admin` says which."""
    team, membership = _membership(request, pk, person)
    is_admin = request.POST.get("is_admin") == "yes"
    words = {"customer": membership.customer.name, "team": team}
    try:
        team.set_admin(membership.customer, is_admin, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        said = (
            _("%(customer)s is an admin of %(team)s now.")
            if is_admin
            else _("%(customer)s is not an admin of %(team)s any more.")
        )
        messages.success(request, said % words)
    return redirect("panel:team", pk)


@policy("serve_customers")
@reads_and_writes
@creates
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Invite somebody into a team by e-mail, whether they are a customer already or not."""
    team = rows.team(request, pk)
    form = TeamInvitationForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            words = form.cleaned_data
            sent = team.invite(words["email"], full_name=words["full_name"], by=request.user)
            messages.success(request, _("An invitation is on its way to %s.") % sent.email)
            return redirect("panel:team", pk)
    context = {"form": form, "team": team, "crumbs": _crumbs(team)}
    return render(request, "panel/teams/invitation.html", context, status=form.status)


@policy("serve_customers")
@require_POST
def invitation_withdrawal(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    """Take an open invitation back."""
    team = rows.team(request, pk)
    found = get_object_or_404(team.invitations.open(), pk=invitation)
    found.withdraw(by=request.user)
    messages.success(request, _("The invitation of %s is withdrawn.") % found.email)
    return redirect("panel:team", pk)


def _membership(request: HttpRequest, pk: int, person: int) -> tuple[Team, TeamMembership]:
    """A team, and the time in it of a customer who is in it now and within reach."""
    team = rows.team(request, pk)
    customer = rows.customer(request, person)
    membership = get_object_or_404(team.present(), customer=customer)
    membership.customer = customer
    return team, membership


@policy("serve_customers")
@require_safe
def choices(request: HttpRequest) -> HttpResponse:
    """Whom some words find, to choose from: what a picker shows while one types."""
    field = request.GET.get("field", "")
    field = field if field.isidentifier() else "customer"
    text = request.GET.get(f"{field}_q", "").strip()
    picked = field in request.GET and request.GET.get(f"{field}_asked") == text
    chosen = request.GET.get(field if picked else "current", "")
    found = Found(within_reach_of(request.user), text, chosen, picked=picked)
    context = {"field": field, "found": found, "nobody": "nobody" in request.GET}
    return render(request, "panel/customers/_choices.html", context)


def _crumbs(team: Team | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Teams"), reverse("panel:teams"))]
    if team:
        crumbs.append((team.name, reverse("panel:team", args=[team.pk])))
    return crumbs
