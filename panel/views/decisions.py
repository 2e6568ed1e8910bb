"""What can be decided about a contract: each decision a page with its form, opened as a dialog."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.finals import final_invoice
from bookings import endings
from kit import clock
from kit.once import creates
from kit.policies import policy
from panel import rows, simulations
from panel.forms.contracts import (
    CallOffForm,
    CancelForm,
    ChangePlanForm,
    FreezeForm,
    PriceStepForm,
    ResumeForm,
    WithdrawForm,
    arguments,
)
from plans import previews
from plans.models import Contract

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("serve_customers")
@reads_and_writes
@creates
def cancellation(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a contract its last day; front desk keeps to notice and minimum term."""
    contract = rows.contract(request, pk)
    earliest = contract.earliest_last_day(on=contract.location.today())
    keeps_books = request.user.may("keep_books", at=contract.location)
    form = CancelForm.of(request, initial={"last_day": earliest}, keeps_books=keeps_books)
    asked = "preview" in request.POST
    simulation = None

    @transaction.atomic
    def cancel() -> None:
        what = {name: form.cleaned_data[name] for name in ("last_day", "reason")}
        if form.cancels_bookings:
            endings.cancel_with_bookings(contract, **what, by=request.user)
        else:
            contract.cancel(**what, by=request.user)
        if form.cleaned_data.get("final_invoice"):
            final_invoice(contract, by=request.user)

    if form.is_valid():
        with form.showing_refusals():
            if asked:
                simulation = simulations.of_contract(contract, cancel)
            else:
                cancel()
                messages.success(request, _("Cancelled."))
                return redirect("panel:contract", pk)
    now, last_day = clock.now(), form.day_asked
    afterwards = endings.bookings_after(contract, last_day, at=now) if last_day else ()
    return _page(
        request, "cancellation", contract, form, asked=asked, simulation=simulation,
        earliest=earliest,
        afterwards=[(one, one.kept(at=now)) for one in afterwards],
        may_break_terms=request.user.may("manage_space", at=contract.location),
    )  # fmt: skip


@policy("serve_customers")
@reads_and_writes
@creates
def cancellation_withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the last cancellation back."""
    contract = rows.contract(request, pk)
    form = WithdrawForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            contract.withdraw_cancellation(by=request.user)
            messages.success(request, _("The cancellation is withdrawn."))
            return redirect("panel:contract", pk)
    standing = contract.standing_cancellation
    return _page(request, "cancellation_withdrawal", contract, form, cancellation=standing)


@policy("serve_customers")
@reads_and_writes
@creates
def calling_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a contract that has not started."""
    contract = rows.contract(request, pk)
    form = CallOffForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            contract.call_off(**arguments(form), by=request.user)
            messages.success(request, _("Called off."))
            return redirect("panel:contract", pk)
    return _page(request, "calling_off", contract, form)


@policy("serve_customers")
@reads_and_writes
@creates
def plan_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Move to another plan from a day on; what that costs is shown before."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    form = ChangePlanForm.of(
        request, contract=contract, on=today, initial={"starts_on": _first_day(contract)}
    )
    asked = "preview" in request.POST
    preview = simulation = None
    if form.is_valid():
        with form.showing_refusals():
            if asked:
                what = arguments(form)
                preview = previews.of_change(contract, **what, by=request.user)
                simulation = simulations.of_contract(
                    contract, lambda: contract.change_plan(**what, by=request.user)
                )
            else:
                new = contract.change_plan(**arguments(form), by=request.user)
                messages.success(request, _("The plan changes to %s.") % new.plan)
                return redirect("panel:contract", new.pk)
    return _page(
        request, "plan_change", contract, form, asked=asked, preview=preview, simulation=simulation
    )


def _first_day(contract: Contract):
    """When a change is usually made: at the next cycle, or when a scheduled contract starts."""
    today = contract.location.today()
    running = contract.coming_cycles(1, on=today)
    return running[0].end if running and running[0].start <= today else contract.starts_on


@policy("serve_customers")
@reads_and_writes
@creates
def plan_change_withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a change of plan that lies ahead back."""
    contract = rows.contract(request, pk)
    form = WithdrawForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            change = contract.withdraw_change(by=request.user)
            messages.success(request, _("The change is withdrawn."))
            return redirect("panel:contract", change.contract_id)
    return _page(request, "plan_change_withdrawal", contract, form)


@policy("serve_customers")
@reads_and_writes
@creates
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze a contract for some days, or until it is resumed."""
    contract = rows.contract(request, pk)
    first = max(contract.location.today(), contract.starts_on)
    form = FreezeForm.of(request, initial={"from_on": first})
    asked, simulation = "preview" in request.POST, None
    if form.is_valid():
        what = arguments(form)
        with form.showing_refusals():
            if asked:
                simulation = simulations.of_contract(
                    contract, lambda: contract.freeze(**what, by=request.user)
                )
            else:
                contract.freeze(**what, by=request.user)
                messages.success(request, _("Frozen."))
                return redirect("panel:contract", pk)
    return _page(request, "freeze", contract, form, asked=asked, simulation=simulation)


@policy("serve_customers")
@reads_and_writes
@creates
def resumption(request: HttpRequest, pk: int) -> HttpResponse:
    """End a freeze on a day."""
    contract = rows.contract(request, pk)
    today = contract.location.today()
    ahead = [
        one
        for one in contract.freezes.all()
        if one.withdrawn_at is None and (one.until is None or one.until >= today)
    ]
    first = max(today, ahead[0].from_on) if ahead else today
    form = ResumeForm.of(request, initial={"on": first})
    asked, simulation = "preview" in request.POST, None
    if form.is_valid():
        what = arguments(form)
        with form.showing_refusals():
            if asked:
                simulation = simulations.of_contract(
                    contract, lambda: contract.resume(**what, by=request.user)
                )
            else:
                contract.resume(**what, by=request.user)
                messages.success(request, _("The freeze is ended."))
                return redirect("panel:contract", pk)
    return _page(
        request, "resumption", contract, form, freezes=ahead, asked=asked, simulation=simulation
    )


@policy("manage_space")
@reads_and_writes
@creates
def price_step(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a contract a price of its own from a day on."""
    contract = rows.contract(request, pk)
    coming = contract.coming_cycles(2, on=contract.location.today())
    initial = {"from_on": coming[-1].start} if coming else {}
    form = PriceStepForm.of(request, contract=contract, initial=initial)
    asked, simulation = "preview" in request.POST, None
    if form.is_valid():
        what = arguments(form)
        with form.showing_refusals():
            if asked:
                simulation = simulations.of_contract(
                    contract, lambda: contract.add_price_step(**what, by=request.user)
                )
            else:
                contract.add_price_step(**what, by=request.user)
                messages.success(request, _("The price is set."))
                return redirect("panel:contract", pk)
    return _page(request, "price_step", contract, form, asked=asked, simulation=simulation)


def _page(request: HttpRequest, name: str, contract: Contract, form, **more) -> HttpResponse:
    """The page of a decision, with the contract as it is stored, whatever a verb has tried."""
    contract = rows.contract(request, contract.pk)
    today = contract.location.today()
    context = {
        "form": form,
        "contract": contract,
        "today": today,
        "price": contract.price_on(today),
        "crumbs": [
            (_("Customers"), reverse("panel:customers")),
            (contract.customer.name, reverse("panel:customer", args=[contract.customer_id])),
            (contract.plan.name, reverse("panel:contract", args=[contract.pk])),
        ],
        **more,
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if more.get("asked") else form.status
    return render(request, f"panel/contracts/{name}.html", context, status=status)
