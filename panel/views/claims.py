"""Claims: the list, one of them with its history, and what is done to it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Claim, ClaimSettlement
from kit.money import ZERO
from kit.once import creates
from kit.policies import policy
from panel import exports, invoice_history, rows
from panel.filters_billing import ClaimFilter
from panel.forms.invoices import DeedForm, ReasonForm
from panel.forms.payments import PaymentForm
from panel.lists import page
from spaces.models import Todays

SORTS = {"on": "on", "due": "due_on", "amount": "amount"}

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def claims(request: HttpRequest) -> HttpResponse:
    """Every claim, the newest first: by state, period and customer, a page at a time."""
    filters = _filtered(request)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "-on"
    name = sort.removeprefix("-")
    column = sort.replace(name, SORTS[name])
    sums: Any = filters.qs.order_by().values(currency=F("location__currency"))
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(filters.locations) > 1,
        "page": page(filters.qs, Claim.objects.shown(), sort=column, query=request.GET),
        "sums": sums.annotate(due=Sum(F("amount") - F("settled")), total=Sum("amount")).order_by(
            "currency"
        ),
        "crumbs": _crumbs()[:1],
    }
    return render(request, "panel/claims/list.html", context)


def _filtered(request: HttpRequest) -> ClaimFilter:
    locations = rows.locations_within_reach(request, "see_panel")
    return ClaimFilter(request, Todays.at(locations), locations)


@policy("see_panel")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered list as a file."""
    head = [_("Reference"), _("State"), _("What for"), _("Customer"), _("Location"), _("Date"),
            _("Due"), _("Amount"), _("Still due"), _("Currency")]  # fmt: skip
    found = _filtered(request).qs.shown().order_by("on", "pk")
    return exports.table("claims.csv", head, _cells(found))


def _cells(found: QuerySet[Claim]) -> Iterator[list[Any]]:
    for one in found.iterator(chunk_size=2000):
        currency = one.currency
        yield [
            one.reference, one.shown_settlement, one.text, one.customer.name, one.location.name,
            one.on, one.due_on, exports.amount(one.amount, currency),
            exports.amount(one.due, currency), currency,
        ]  # fmt: skip


@policy("see_panel")
@require_safe
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """The record: what is due, since when, and all that has happened to it."""
    one = rows.claim(request, pk)
    today = one.location.today()
    settlement = one.settlement_on(today)
    context = {
        "claim": one,
        "settlement": settlement,
        "late": (today - one.due_on).days if settlement == ClaimSettlement.OVERDUE else 0,
        "history": invoice_history.of_claim(one),
        "may_keep": request.user.may("keep_books", at=one.location),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/claims/record.html", context)


@policy("keep_books")
@reads_and_writes
@creates
def payment(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what came in."""
    one = rows.claim(request, pk)
    written_off = one.standing_write_off
    form = PaymentForm.of(
        request, currency=one.currency, today=one.location.today(),
        due=one.due or (written_off.amount if written_off else ZERO),
    )  # fmt: skip
    if form.is_valid():
        with form.showing_refusals():
            one.record_payment(**form.what, by=request.user)
            messages.success(request, _("The payment is recorded."))
            return redirect("panel:claim", pk)
    return _page(request, "payment", pk, form, written_off=written_off)


@policy("keep_books")
@reads_and_writes
@creates
def write_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up what is due."""
    one = rows.claim(request, pk)
    form = ReasonForm.of(request)
    form.fields["reason"].help_text = _("Kept with the claim.")
    if form.is_valid():
        with form.showing_refusals():
            one.write_off(reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, _("Written off."))
            return redirect("panel:claim", pk)
    return _page(request, "write_off", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def write_off_withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """Expect it after all."""
    one = rows.claim(request, pk)
    form = DeedForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.withdraw_write_off(by=request.user)
            messages.success(request, _("It is due again."))
            return redirect("panel:claim", pk)
    return _page(request, "write_off_withdrawal", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def cancellation(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a claim that should not have been made."""
    one = rows.claim(request, pk)
    form = ReasonForm.of(request)
    form.fields["reason"].help_text = _("Kept with the claim.")
    if form.is_valid():
        with form.showing_refusals():
            one.cancel(reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, _("The claim is cancelled."))
            return redirect("panel:claim", pk)
    return _page(request, "cancellation", pk, form)


def _page(request: HttpRequest, name: str, pk: int, form: Any, **more: Any) -> HttpResponse:
    """The form of what is done, about the claim as it is stored."""
    one = rows.claim(request, pk)
    crumbs = [*_crumbs(), (one.text, reverse("panel:claim", args=[pk]))]
    context = {"form": form, "claim": one, "crumbs": crumbs, **more}
    return render(request, f"panel/claims/{name}.html", context, status=form.status)


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Invoices"), reverse("panel:invoices")), (_("Claims"), reverse("panel:claims"))]
