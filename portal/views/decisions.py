"""What customers decide about a contract of theirs: each decision a page with its form."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.charging import payer_of
from bookings.endings import bookings_after, cancel_with_bookings
from bookings.models import Booking
from customers.doors import PortalRequest
from kit import clock, words
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from plans import previews
from plans.cycles import DAY
from plans.models import Contract
from plans.models.states import LATEST
from portal import rows
from portal.agreements import Agreement
from portal.comparing import Compared, compared
from portal.forms.contracts import (
    CallOffForm,
    CancelForm,
    ChangePlanForm,
    FreezeForm,
    ResumeForm,
    WithdrawForm,
    arguments,
)

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@reads_and_writes
@creates
def cancellation(request: PortalRequest, pk: int) -> HttpResponse:
    """Choose a last day, the earliest that the terms allow or a later one, and whether what is
    booked for later is kept."""
    contract = rows.contract(request, pk)
    earliest = contract.earliest_last_day(on=contract.location.today())
    form = CancelForm.of(request, earliest=earliest, latest=contract.ends_on)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            if form.cancels_bookings:
                made = cancel_with_bookings(contract, **form.what, by=request.user)
            else:
                made = contract.cancel(**form.what, by=request.user)
            messages.success(
                request, _("Cancelled. Your last day is %s.") % words.day(made.last_day)
            )
            return redirect("portal:contract", pk)
    preview, comparison, against, later = None, None, [], []
    if form.day_asked is not None:
        contract = rows.contract(request, pk)
        later = _bookings_after(contract, form.day_asked)
        try:
            what = {"last_day": form.day_asked, "by": request.user}
            preview = previews.of_cancellation(contract, **what)
            comparison = _compared(request, pk, lambda one: one.cancel(**what))
        except Refused as refused:
            against = [problem.text for problem in refused.problems]
    more = {"asked": asked, "preview": preview, "comparison": comparison, "against": against,
            "later": later}  # fmt: skip
    return _page(request, "cancellation", pk, form, **more)


def _compared(request: PortalRequest, pk: int, deed: Callable[[Contract], Any]) -> Compared | None:
    """The next invoices before and after something is decided about a contract."""
    contract = rows.contract(request, pk)
    payer = payer_of(contract.customer, contract.on_behalf_of)
    return compared(request.customer, lambda: deed(contract), payer=payer)


def _bookings_after(contract: Contract, last_day: dt.date) -> list[tuple[Booking, Any]]:
    """What is booked for later, each with what cancelling it now would keep (or None)."""
    now = clock.now()
    if last_day > LATEST:
        return []
    return [(one, one.kept(at=now)) for one in bookings_after(contract, last_day, at=now)]


@policy("customer")
@reads_and_writes
@creates
def cancellation_withdrawal(request: PortalRequest, pk: int) -> HttpResponse:
    """Take one's own cancellation back."""
    contract = rows.contract(request, pk)
    form = WithdrawForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            contract.withdraw_cancellation(by=request.user)
            messages.success(request, _("Good that you stay: your cancellation is withdrawn."))
            return redirect("portal:contract", pk)
    return _page(request, "cancellation_withdrawal", pk, form)


@policy("customer")
@reads_and_writes
@creates
def calling_off(request: PortalRequest, pk: int) -> HttpResponse:
    """Take back a contract that has not started."""
    contract = rows.contract(request, pk)
    form = CallOffForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            contract.call_off(**arguments(form), by=request.user)
            messages.success(request, _("Called off: %s does not start.") % contract.plan.name)
            return redirect("portal:contract", pk)
    return _page(request, "calling_off", pk, form)


@policy("customer")
@reads_and_writes
@creates
def freeze(request: PortalRequest, pk: int) -> HttpResponse:
    """Freeze a contract for some days of the year, after a look at what that changes."""
    contract = rows.contract(request, pk)
    first = max(contract.location.today(), contract.starts_on)
    form = FreezeForm.of(request, first=first)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            made = contract.freeze(**arguments(form), by=request.user)
            days = {"first": words.day(made.from_on), "last": words.day(form.cleaned_data["until"])}
            messages.success(request, _("Frozen from %(first)s to %(last)s.") % days)
            return redirect("portal:contract", pk)
    comparison, against, looked = None, [], False
    if asked and form.is_valid():
        try:
            what = arguments(form) | {"by": request.user}
            comparison = _compared(request, pk, lambda one: one.freeze(**what))
            looked = True
        except Refused as refused:
            against = [problem.text for problem in refused.problems]
    more = {"asked": asked, "looked": looked, "comparison": comparison, "against": against}
    return _page(request, "freeze", pk, form, **more)


@policy("customer")
@reads_and_writes
@creates
def resumption(request: PortalRequest, pk: int) -> HttpResponse:
    """End one's own freeze early."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    ahead = Agreement(contract, today, request.user).freezes_ahead
    own = next((one for one in ahead if one.frozen_by_id == request.user.pk), None)
    first = max(today, own.from_on) if own else today
    last = own.until if own else None
    form = ResumeForm.of(request, first=first, last=last)
    if form.is_valid():
        with form.showing_refusals():
            contract.resume(**arguments(form), by=request.user)
            back = form.cleaned_data["on"]
            messages.success(request, _("Your plan goes on from %s.") % words.day(back))
            return redirect("portal:contract", pk)
    return _page(request, "resumption", pk, form, freeze=own)


@policy("customer")
@reads_and_writes
@creates
def plan_change(request: PortalRequest, pk: int) -> HttpResponse:
    """Move to another offered plan: first which one, then from when and what it costs."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    others = rows.plans(contract.location).exclude(pk=contract.plan_id)
    wanted = request.POST.get("to") or request.GET.get("to") or ""
    if not re.fullmatch("[0-9]{1,18}", wanted):
        choices = [(plan, plan.price_on(today)) for plan in others]
        return _page(request, "plan_change_choice", pk, None, plans=choices)
    to = get_object_or_404(others, pk=int(wanted))
    asked = "preview" in request.POST
    initial = {"starts_on": _first_day(contract, today)}
    form = ChangePlanForm.of(request, plan=to, on=today, asked=asked, initial=initial)
    if form.is_valid() and not asked:
        with form.showing_refusals():
            new = contract.change_plan(to=to, **form.what, by=request.user)
            parts = {"plan": to.name, "day": words.day(new.starts_on)}
            messages.success(request, _("You change to %(plan)s on %(day)s.") % parts)
            return redirect("portal:contract", new.pk)
    preview, comparison, against = None, None, []
    if form.first_day is not None:
        contract = rows.contract(request, pk)
        what = form.what | {"to": to, "by": request.user}
        try:
            preview = previews.of_change(contract, **what)
            comparison = _compared(request, pk, lambda one: one.change_plan(**what))
        except Refused as refused:
            against = [problem.text for problem in refused.problems]
    more = {"asked": asked, "to": to, "preview": preview, "comparison": comparison,
            "against": against}  # fmt: skip
    return _page(request, "plan_change", pk, form, price=to.price_on(today), **more)


def _first_day(contract: Contract, today: dt.date) -> dt.date:
    """When a change is usually made: at the next cycle that the minimum term allows."""
    if today < contract.starts_on:
        return contract.starts_on
    least = contract.minimum_last_day
    if least is not None and least >= today:
        return least + DAY
    running = contract.coming_cycles(1, on=today)
    return running[0].end if running else today


@policy("customer")
@reads_and_writes
@creates
def plan_change_withdrawal(request: PortalRequest, pk: int) -> HttpResponse:
    """Take one's own change of plan back while it lies ahead."""
    contract = rows.contract(request, pk)
    form = WithdrawForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            change = contract.withdraw_change(by=request.user)
            messages.success(request, _("The change is withdrawn: you keep your plan."))
            return redirect("portal:contract", change.contract_id)
    return _page(request, "plan_change_withdrawal", pk, form)


def _page(request: PortalRequest, name: str, pk: int, form, **more) -> HttpResponse:
    """The page of a decision, with the contract as it is stored, whatever a verb has tried."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    context = {
        "form": form,
        "contract": contract,
        "customer": request.customer,
        "it": Agreement(contract, today, request.user),
        "today": today,
        "crumbs": [
            (_("Home"), reverse("portal:home")),
            (contract.plan.name, reverse("portal:contract", args=[contract.pk])),
        ],
        **more,
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if form is None or more.get("asked") else form.status
    return render(request, f"portal/contracts/{name}.html", context, status=status)
