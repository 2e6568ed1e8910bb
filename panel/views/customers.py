from typing import NamedTuple

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.accounts import Standing as Owed
from billing.documents import unprintable_of
from bookings.models import Booking
from bookings.standing import Standing
from customers.models import Customer
from kit import clock
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import policy
from kit.spans import Span
from panel import accounts, rows
from panel.filters import CustomerFilter
from panel.forms.customers import EditCustomerForm, NewCustomerForm, NotesForm
from panel.lists import page
from plans.models import Contract
from spaces.models import Location, Todays

SORTS = {"name": "sort_name", "registered": "registered_on"}
ENTRIES_SHOWN = 30
BOOKINGS_SHOWN, PAST_SHOWN = 5, 3

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def customers(request: HttpRequest) -> HttpResponse:
    """Everybody, by name: searched, filtered, sorted, a page at a time."""
    locations = list(Location.objects.all())
    todays = Todays.at(locations)
    filters = CustomerFilter(request, todays, locations)
    sort = _sort(request)
    return render(
        request,
        "panel/customers/list.html",
        {
            "filters": filters,
            "sort": sort,
            "several": len(locations) > 1,
            "on": filters.asked.get("on"),
            "page": page(
                filters.qs,
                _with_rows(filters),
                sort=sort.replace(sort.removeprefix("-"), SORTS[sort.removeprefix("-")]),
                query=request.GET,
            ),
        },
    )


def _sort(request: HttpRequest) -> str:
    asked = request.GET.get("sort", "")
    return asked if asked.removeprefix("-") in SORTS else "name"


def _with_rows(filters: CustomerFilter):
    """What a row shows besides the customer itself, in as many queries for 30 as for one."""
    running = filters.contracts("in_force").select_related("plan").order_by("starts_on")
    return (
        Customer.objects.with_status(on=filters.asked_on)
        .select_related("location")
        .prefetch_related("suspensions", Prefetch("contracts", running, to_attr="running"))
    )


@policy("serve_customers")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Add a customer, whose type must be chosen."""
    form = NewCustomerForm.of(request, user=request.user)
    form.offer_locations(rows.locations_within_reach(request, "serve_customers"))
    if form.is_valid():
        with form.showing_refusals():
            customer = Customer.objects.register(**form.words, by=request.user)
            messages.success(request, _("%s is a customer now.") % customer.name)
            return redirect("panel:customer", customer.pk)
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/customers/new.html", context, status=form.status)


@policy("see_panel")
@require_safe
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """The record: who they are, why they are member or contact, and what can be done."""
    customer = rows.customer(request, pk)
    today = customer.location.today()
    contracts = _contracts(customer, today)
    everything = "all" in request.GET
    timeline = customer.timeline.select_related("by")
    entries = list(timeline if everything else timeline[: ENTRIES_SHOWN + 1])
    turns = customer.turns()
    return render(
        request,
        "panel/customers/record.html",
        {
            "customer": customer,
            "today": today,
            "status": customer.status_on(today),
            "turn": next((turn for turn in reversed(turns) if turn.on <= today), None),
            "coming_turn": next((turn for turn in turns if turn.on > today), None),
            "suspension": customer.suspensions.open().select_related("suspended_by").first(),
            "may_serve": request.user.may("serve_customers", at=customer.location),
            "invitation": customer.invitation,
            "contracts": contracts,
            "spans": [_span(contract, today) for contract in contracts],
            "memberships": customer.team_memberships.filter(left_at=None).select_related("team"),
            "bookings": _bookings(customer, request),
            "pots": Standing.of(customer).all_pots(today),
            "account": _account(customer, request),
            "check_in": customer.check_ins.filter(left_at=None)
            .select_related("location", "by")
            .first(),
            "entries": entries if everything else entries[:ENTRIES_SHOWN],
            "more_entries": not everything and len(entries) > ENTRIES_SHOWN,
            "against_discarding": customer.discard_problems(),
            "unprintable": unprintable_of(customer),
            "crumbs": _crumbs(),
        },
    )


class Bookings(NamedTuple):
    """What lies ahead of a customer, and what was last."""

    ahead: list[Booking]
    past: list[Booking]
    more: bool


def _bookings(customer: Customer, request: HttpRequest) -> Bookings:
    """A customer's bookings, where this person may see them."""
    now = clock.now()
    seen = Booking.objects.visible_to(request.user).filter(customer=customer).shown()
    ahead = list(seen.upcoming(at=now)[: BOOKINGS_SHOWN + 1])
    over = seen.exclude(pk__in=[one.pk for one in ahead]).filter(start__lte=now)
    past = list(over.order_by("-start", "-pk")[: PAST_SHOWN + 1])
    more = len(ahead) > BOOKINGS_SHOWN or len(past) > PAST_SHOWN
    return Bookings(ahead[:BOOKINGS_SHOWN], past[:PAST_SHOWN], more)


class OfAccount(NamedTuple):
    """What is owed, and the next invoice."""

    standings: list[Owed]
    next: accounts.Next | None


def _account(customer: Customer, request: HttpRequest) -> OfAccount:
    """The account at a glance, at the locations that this person may see."""
    places = accounts.places(customer, request.user)
    coming = accounts.next_invoices(customer, places, count=1)
    return OfAccount(accounts.standings_at(customer, places), next(iter(coming), None))


def _contracts(customer: Customer, today) -> list[Contract]:
    """The customer's contracts, the newest first, with all that a row shows and allows."""
    found = (
        customer.contracts.with_history()
        .select_related("plan", "location", "changed_from")
        .prefetch_related("plan__prices", "price_steps", "cancellations", "plan_changes")
    )
    contracts = list(found)
    for contract in contracts:
        contract.customer = customer
        contract.state_then = contract.state_on(today)
    return contracts


def _span(contract: Contract, today) -> Span:
    return Span(
        label=contract.plan.name,
        start=contract.starts_on,
        end=contract.ends_on,
        state=contract.state_on(today),
        url=reverse("panel:contract", args=[contract.pk]),
        gaps=[freeze.days for freeze in contract.freezes.all() if freeze.withdrawn_at is None],
    )


@policy("serve_customers")
@reads_and_writes
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a customer's words, type included, beside others who may do the same."""
    customer = rows.customer(request, pk)
    form = EditCustomerForm.of(request, record=customer)
    form.offer_locations(
        [customer.location, *rows.locations_within_reach(request, "serve_customers")]
    )
    if form.is_valid():
        with form.showing_refusals():
            changed = customer.edit(form.changes, seen=form.seen, by=request.user)
            if changed:
                messages.success(request, _("Saved."))
            return redirect("panel:customer", customer.pk)
    return render(
        request,
        "panel/customers/edit.html",
        {"form": form, "customer": customer, "crumbs": _crumbs(customer)},
        status=form.status,
    )


@policy("serve_customers")
@reads_and_writes
def notes(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a customer's notes, in place or on a page of their own."""
    customer = rows.customer(request, pk)
    form = NotesForm.of(request, record=customer)
    if form.is_valid():
        with form.showing_refusals():
            customer.edit(form.changes, seen=form.seen, by=request.user)
            return redirect("panel:customer", customer.pk)
    return render(
        request,
        "panel/customers/notes.html",
        {"form": form, "customer": customer, "crumbs": _crumbs(customer)},
        status=form.status,
    )


@policy("manage_space")
@reads_and_writes
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide a customer with a past from lists."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.archive(by=request.user)
            messages.success(request, _("%s is archived.") % customer.name)
            return redirect("panel:customer", customer.pk)
    return render(
        request,
        "panel/customers/archive.html",
        {
            "form": form,
            "customer": customer,
            "problems": customer.archive_problems(on=customer.location.today()),
            "crumbs": _crumbs(customer),
        },
        status=form.status,
    )


@policy("manage_space")
@reads_and_writes
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring an archived customer back."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.restore(by=request.user)
            messages.success(request, _("%s is back.") % customer.name)
            return redirect("panel:customer", customer.pk)
    return render(
        request,
        "panel/customers/restore.html",
        {"form": form, "customer": customer, "crumbs": _crumbs(customer)},
        status=form.status,
    )


@policy("manage_space")
@reads_and_writes
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a customer that has no history."""
    customer = rows.customer(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            customer.discard(by=request.user)
            messages.success(request, _("%s is deleted.") % customer.name)
            return redirect("panel:customers")
    return render(
        request,
        "panel/customers/discard.html",
        {
            "form": form,
            "customer": customer,
            "problems": customer.discard_problems(),
            "crumbs": _crumbs(customer),
        },
        status=form.status,
    )


def _crumbs(customer: Customer | None = None) -> list[tuple[str, str]]:
    """Where a page lies: under the list, or under a customer's record."""
    crumbs = [(_("Customers"), reverse("panel:customers"))]
    if customer:
        crumbs.append((customer.name, reverse("panel:customer", args=[customer.pk])))
    return crumbs
