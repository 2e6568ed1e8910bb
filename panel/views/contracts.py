import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.charging import payer_of
from billing.foresight import compared
from customers.models import User
from kit.once import creates
from kit.policies import policy
from kit.templatetags.house import day
from panel import rows
from panel.filters import ContractFilter
from panel.forms.contracts import SignUpForm
from panel.lists import page
from plans import previews
from plans.models import Contract, PlanChange
from plans.models.states import State
from spaces.models import Location, Todays

SORTS = {"start": "starts_on", "end": "ends_on"}
CYCLES_SHOWN = 6
OVER = (State.ENDED, State.CALLED_OFF)


@policy("see_panel")
@require_safe
def contracts(request: HttpRequest) -> HttpResponse:
    """Every contract: by state, plan and dates, a page at a time."""
    locations = list(Location.objects.all())
    todays = Todays.at(locations)
    filters = ContractFilter(request, todays, locations)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "-start"
    shown = Contract.objects.with_state(on=todays).select_related("customer", "plan", "location")
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(locations) > 1,
        "page": page(
            filters.qs,
            shown,
            sort=sort.replace(sort.removeprefix("-"), SORTS[sort.removeprefix("-")]),
            query=request.GET,
        ),
    }
    return render(request, "panel/contracts/list.html", context)


@policy("serve_customers")
@require_http_methods(["GET", "HEAD", "POST"])
@creates
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign a customer up to a plan; what that brings is shown before."""
    customer = rows.customer(request, pk)
    today = customer.location.today()
    form = SignUpForm.of(request, customer=customer, user=request.user, on=today)
    asked = "preview" in request.POST
    preview, at_once = None, []
    if form.is_valid():
        plan, what = form.cleaned_data["plan"], form.what | {"by": request.user}
        with form.showing_refusals():
            if asked:
                preview = previews.of_sign_up(plan, customer, **what)
                payer = payer_of(customer, what.get("on_behalf_of"))
                at_once = compared(payer, lambda: plan.sign_up(customer, **what)).invoices
            else:
                contract = plan.sign_up(customer, **what)
                messages.success(request, _signed(contract))
                return redirect("panel:customer", customer.pk)
    context = {
        "form": form,
        "customer": customer,
        "today": today,
        "asked": asked,
        "preview": preview,
        "at_once": at_once,
        "crumbs": [
            (_("Customers"), reverse("panel:customers")),
            (customer.name, reverse("panel:customer", args=[customer.pk])),
        ],
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if asked else form.status
    return render(request, "panel/contracts/new.html", context, status=status)


def _signed(contract: Contract) -> str:
    words = {"customer": contract.customer.name, "plan": contract.plan.name}
    if contract.starts_on > contract.location.today():
        return _("%(customer)s has signed %(plan)s.") % words
    return _("%(customer)s is on %(plan)s now.") % words


@policy("see_panel")
@require_safe
def contract(request: HttpRequest, pk: int) -> HttpResponse:
    """A contract: its terms, its state and why, its fees, and all that was decided about it."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    changes = list(contract.plan_changes.select_related("new__plan", "by", "withdrawn_by"))
    context = {
        "contract": contract,
        "today": today,
        "state": contract.state_on(today),
        "freeze": contract.freezes.covering(today).first(),
        "earliest": _earliest(contract, today),
        "can_set_price": "add_price_step" in contract.deeds(on=today)
        and request.user.may("manage_space", at=contract.location),
        "cycles": contract.coming_cycles(CYCLES_SHOWN, on=today),
        "prices": contract.price_history(),
        "freezes": [one for one in contract.freezes.all() if one.withdrawn_at is None],
        "change": next((one for one in changes if one.withdrawn_at is None), None),
        "origin": _origin(contract),
        "occupied": contract.assignments.standing().select_related("resource__location"),
        "may_serve": request.user.may("serve_customers", at=contract.location),
        "is_over": contract.state_on(today) in OVER,
        "decisions": _decisions(contract, changes),
        "crumbs": [
            (_("Customers"), reverse("panel:customers")),
            (contract.customer.name, reverse("panel:customer", args=[contract.customer_id])),
        ],
    }
    return render(request, "panel/contracts/record.html", context)


def _earliest(contract: Contract, today: dt.date) -> dt.date | None:
    """The earliest last day by the terms, while that can still be chosen."""
    if "cancel" not in contract.deeds(on=today):
        return None
    return contract.earliest_last_day(on=today)


class Decided(NamedTuple):
    """One decision about a contract, as a line of its history."""

    icon: str
    title: str
    at: dt.datetime
    by: User | None
    reason: str
    withdrawn_at: dt.datetime | None = None
    withdrawn_by: User | None = None


def _decisions(contract: Contract, changes: Iterable[PlanChange]) -> list[Decided]:
    """What was decided about a contract, the latest first, taken back or not."""

    def of(row, icon: str, title: str) -> Decided:
        return Decided(icon, title, row.at, row.by, row.reason, row.withdrawn_at, row.withdrawn_by)

    cancellations = contract.cancellations.select_related("by", "withdrawn_by")
    call_offs = contract.call_offs.select_related("by", "withdrawn_by")
    found = [
        *(
            of(row, "calendar-x", format_html(_("Cancelled, last day {}"), day(row.last_day)))
            for row in cancellations
        ),
        *(of(row, "file-x", _("Called off")) for row in call_offs),
        *(of(row, "repeat", _("Changed to %s") % row.new.plan) for row in changes),
        *(
            Decided(
                "snowflake",
                _("Frozen"),
                row.frozen_at,
                row.frozen_by,
                "",
                row.withdrawn_at,
                row.resumed_by if row.withdrawn_at else None,
            )
            for row in contract.freezes.select_related("frozen_by", "resumed_by")
        ),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _origin(contract: Contract) -> PlanChange | None:
    """The change of plan that made this contract, or None."""
    return PlanChange.objects.filter(new=contract).select_related("contract__plan").first()
