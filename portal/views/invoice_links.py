"""The private page of one invoice, for whoever has its address: without a login, also for those
who are suspended, and without a way to anything else."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.models import Invoice, InvoiceLink
from kit.policies import policy
from portal.billed import Billed
from portal.views.invoices import shown_pdf


def _kept_private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The address is the key: no search engine lists it, no other page hears of it, and no browser
    keeps what it shows."""

    @wraps(view)
    def kept(request: HttpRequest, token: str) -> HttpResponse:
        answer = view(request, token)
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        answer["Cache-Control"] = "private, no-store"
        return answer

    return kept


@policy("private_link")
@require_safe
@_kept_private
def invoice(request: HttpRequest, token: str) -> HttpResponse:
    """The invoice, and how to pay it."""
    one = _invoice(token)
    context = {"invoice": one, "it": Billed.today(one), "token": token}
    return render(request, "portal/invoices/private.html", context)


@policy("private_link")
@require_safe
@_kept_private
def pdf(request: HttpRequest, token: str) -> HttpResponse:
    return shown_pdf(_invoice(token))


def _invoice(token: str) -> Invoice:
    """The invoice of an address that works. One that works no more is as unknown as any other."""
    found = InvoiceLink.objects.filter(token=token, revoked_at=None).values_list("invoice")
    one = Invoice.objects.issued().filter(pk__in=found).shown().first()
    if one is None:
        raise Http404
    return one
