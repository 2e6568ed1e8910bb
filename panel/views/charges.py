"""Charges: all of them, one with its whole explanation, and taking one back."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import charging, deposits
from billing.models import Charge, Invoice
from billing.models.crediting import left_to_credit
from kit.money import ZERO
from kit.once import creates
from kit.policies import policy
from panel import accounts, exports, rows
from panel.filters_charges import ChargeFilter
from panel.forms.accounts import DepositForm
from panel.forms.charges import TakeBackForm
from panel.lists import page
from panel.views.accounts import sums_of
from spaces.models import Todays

SORTS = {"on": "on", "amount": "amount"}

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def charges(request: HttpRequest) -> HttpResponse:
    """Every charge, the newest first: by state, kind, period and customer."""
    filters = _filtered(request)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "-on"
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(filters.locations) > 1,
        "page": page(filters.qs, Charge.objects.explained(), sort=sort, query=request.GET),
        "sums": sums_of(filters.qs),
    }
    return render(request, "panel/charges/list.html", context)


def _filtered(request: HttpRequest) -> ChargeFilter:
    locations = rows.locations_within_reach(request, "see_panel")
    return ChargeFilter(request, Todays.at(locations), locations)


@policy("see_panel")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered list as a file; what was taken back is in it and says so."""
    head = [_("Date"), _("What for"), _("Kind"), _("Customer"), _("Used by"), _("Team"), _("State"),
            _("Invoice"), _("Net"), _("Tax"), _("Total"), _("Currency"), _("Location")]  # fmt: skip
    found = _filtered(request).qs.explained().order_by("on", "pk")
    return exports.table("charges.csv", head, _cells(found))


def _cells(found: QuerySet[Charge]) -> Iterator[list[Any]]:
    for one in found.iterator(chunk_size=2000):
        currency, invoice = one.currency, one.invoice
        yield [
            one.on, one.text, one.get_kind_display(), one.customer.name,
            (one.used_by or one.customer).name, one.on_behalf_of.name if one.on_behalf_of else "",
            one.state, invoice.number if invoice else "",
            *(exports.amount(value, currency) for value in (one.amount, one.tax, one.total)),
            currency, one.location.name,
        ]  # fmt: skip


@policy("see_panel")
@require_safe
def charge(request: HttpRequest, pk: int) -> HttpResponse:
    """One charge: how its amount came about, what it is of, and what became of it."""
    one = rows.charge(request, pk)
    may_keep = request.user.may("keep_books", at=one.location)
    is_held = deposits.held(Charge.objects.filter(pk=pk)).exists()
    becomes = _what_becomes(one)["becomes"]
    context = {
        "charge": one,
        "siblings": _siblings(one),
        "credits": list(one.line.credits.all()) if one.invoice else [],
        "date": accounts.date_of(one) if one.state == "waiting" else None,
        "today": one.location.today(),
        "returned": getattr(one, "deposit_return", None),
        "may_take_back": may_keep and becomes != "nothing",
        "becomes": becomes,
        "may_give_back": may_keep and is_held,
        "crumbs": _crumbs(one)[:-1],
    }  # fmt: skip
    return render(request, "panel/charges/record.html", context)


def _left(one: Charge) -> Any:
    """What of a charge is not credited."""
    return left_to_credit(one.line).total if one.invoice else one.total


def _siblings(one: Charge) -> list[Charge]:
    """What else was charged for the same cycle, or for the same booking: the fee and what was
    adjusted."""
    related = Charge.objects.explained().exclude(pk=one.pk).order_by("pk")
    if one.cycle_id is not None:
        return list(related.filter(cycle=one.cycle_id))
    if one.booking_id is not None:
        return list(related.filter(booking=one.booking_id))
    return []


@policy("keep_books")
@reads_and_writes
@creates
def taking_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a charge back: voided, or credited where an invoice has taken it."""
    one = rows.charge(request, pk)
    form = TakeBackForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            charging.take_back(one, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, _("The charge is taken back."))
            return redirect("panel:charge", pk)
        one = rows.charge(request, pk)
    context = {"form": form, "charge": one, "crumbs": _crumbs(one), **_what_becomes(one)}
    return render(request, "panel/charges/taking_back.html", context, status=form.status)


def _what_becomes(one: Charge) -> dict[str, Any]:
    """What taking a charge back will do: `becomes` is "void", "off_draft", "credit" or
    "nothing"."""
    invoice, left = one.invoice, _left(one)
    if one.is_void or (invoice is not None and invoice.state == Invoice.State.ISSUED and left <= 0):
        return {"becomes": "nothing", "left": ZERO}
    if invoice is not None:
        is_draft = invoice.state == Invoice.State.DRAFT
        return {"becomes": "off_draft" if is_draft else "credit", "left": left}
    return {"becomes": "void", "left": left}


@policy("keep_books")
@reads_and_writes
@creates
def deposit_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a deposit back, whole or less with a reason."""
    one = rows.charge(request, pk)
    if one.kind != Charge.Kind.DEPOSIT:
        raise Http404
    worth = deposits.worth(one) if one.invoice else ZERO
    form = DepositForm.of(request, worth=worth, currency=one.currency)
    if form.is_valid():
        what = {name: form.cleaned_data[name] for name in ("amount", "reason")}
        with form.showing_refusals():
            deposits.give_back(one, **what, by=request.user)
            messages.success(request, _("The deposit is given back."))
            return redirect("panel:account", one.customer_id)
        one = rows.charge(request, pk)
    is_held = deposits.held(Charge.objects.filter(pk=pk)).exists()
    context = {
        "form": form, "charge": one, "worth": worth, "is_held": is_held, "crumbs": _crumbs(one),
    }  # fmt: skip
    return render(request, "panel/charges/deposit_return.html", context, status=form.status)


def _crumbs(one: Charge) -> list[tuple[str, str]]:
    return [*accounts.crumbs(one.customer), (one.text, reverse("panel:charge", args=[one.pk]))]
