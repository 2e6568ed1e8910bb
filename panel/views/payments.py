"""Payments: what came in, what was paid out, and what was taken back."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Claim, Payment
from kit.once import creates
from kit.policies import policy
from kit.templatetags.house import money
from panel import exports, rows
from panel.filters_billing import PaymentFilter
from panel.forms.payments import ReversalForm
from panel.lists import page
from spaces.models import Todays

SORTS = {"on": "on", "amount": "amount"}


@policy("keep_books")
@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    """Every payment, the newest first: by period, method and customer, a page at a time."""
    filters = _filtered(request)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "-on"
    sums = filters.qs.order_by().values(currency=F("location__currency"))
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(filters.locations) > 1,
        "page": page(filters.qs, _shown(Payment.objects.all()), sort=sort, query=request.GET),
        "sums": sums.annotate(total=Sum("amount")).order_by("currency"),
    }
    return render(request, "panel/payments/list.html", context)


def _filtered(request: HttpRequest) -> PaymentFilter:
    locations = rows.locations_within_reach(request, "keep_books")
    return PaymentFilter(request, Todays.at(locations), locations)


def _shown(found: QuerySet[Payment]) -> QuerySet[Payment]:
    return found.select_related(
        "customer", "location", "invoice", "claim", "by", "reversed_by", "reverses__invoice"
    )


@policy("keep_books")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered list as a file; its amounts add up to what the page says."""
    head = [_("Date"), _("Kind"), _("Customer"), _("Amount"), _("Currency"), _("Method"),
            _("Reference"), _("Invoice"), _("Claim"), _("Location"), _("Reason"), _("Reversed"),
            _("Recorded by")]  # fmt: skip
    found = _shown(_filtered(request).qs).order_by("on", "pk")
    return exports.table("payments.csv", head, _cells(found))


def _cells(found: QuerySet[Payment]) -> Iterator[list[Any]]:
    for one in found.iterator(chunk_size=2000):
        yield [
            one.on, one.get_kind_display(), one.customer.name,
            exports.amount(one.amount, one.location.currency), one.location.currency,
            one.get_method_display(), one.reference, one.invoice.number if one.invoice else "",
            one.claim or "", one.location.name, one.reason,
            _("reversed") if one.is_reversed else "", str(one.by or ""),
        ]  # fmt: skip


@policy("keep_books")
@require_http_methods(["GET", "HEAD", "POST"])
@creates
def reversal(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a wrong payment back: what it paid is due again, what was paid out of it is claimed."""
    one = rows.payment(request, pk)
    form = ReversalForm.of(request)
    back = _page_of(one)
    if form.is_valid():
        with form.showing_refusals():
            reversal = one.reverse(reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, _told(reversal))
            return redirect(back)
        one = rows.payment(request, pk)
    crumbs = [(_("Payments"), reverse("panel:payments"))]
    context = {"form": form, "payment": one, "back": back, "crumbs": crumbs}
    return render(request, "panel/payments/reversal.html", context, status=form.status)


def _page_of(one: Payment) -> str:
    """The page of what a payment was recorded for."""
    if one.invoice_id is not None:
        return reverse("panel:invoice", args=[one.invoice_id])
    if one.claim_id is not None:
        return reverse("panel:claim", args=[one.claim_id])
    return reverse("panel:payments")


def _told(reversal: Payment) -> str:
    """What a reversal has done, in words."""
    claim = Claim.objects.filter(reversal=reversal).first()
    if claim is None:
        return _("The payment is reversed.")
    sum_ = money(claim.amount, reversal.location.currency)
    return _("The payment is reversed. %s of it had been paid out: that is a claim now.") % sum_
