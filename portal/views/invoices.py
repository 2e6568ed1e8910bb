"""What is to be paid, what is to come, and every invoice as a document."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing import documents
from billing.measures import purchase_orders
from customers.doors import PortalRequest
from kit.policies import policy
from portal import owing, rows
from portal.billed import Billed, Claimed, rates
from portal.paging import page_of

# As many claims are listed, the latest first; there are hardly ever more.
CLAIMS = 50


@policy("customer")
@require_safe
def invoices(request: PortalRequest) -> HttpResponse:
    """What is due and how to pay it, what is to come and why, and what has been."""
    customer = request.customer
    found = rows.invoices(customer).prefetch_related("credit_notes")
    page = page_of(found, request.GET.get("after", ""), by="issued_on", newest_first=True)
    context = {"customer": customer, "page": page}
    if not page.is_later:
        accounts = owing.accounts(customer)
        ahead = owing.next_invoices(customer)
        context |= {
            "dues": owing.dues(customer, accounts),
            "credit": owing.credit_of(accounts),
            "ahead": ahead,
            "claims": rows.claims(customer)[:CLAIMS],
        }
    return render(request, "portal/invoices/list.html", context)


@policy("customer")
@require_safe
def invoice(request: PortalRequest, pk: int) -> HttpResponse:
    """One invoice: every line opens to say why; what was paid, and how to pay the rest."""
    one = rows.invoice(request, pk)
    context = {"invoice": one, "it": Billed.today(one), "crumbs": _crumbs()}
    return render(request, "portal/invoices/invoice.html", context)


@policy("customer")
@require_safe
def invoice_pdf(request: PortalRequest, pk: int) -> HttpResponse:
    return shown_pdf(rows.invoice(request, pk))


@policy("customer")
@require_safe
def claim(request: PortalRequest, pk: int) -> HttpResponse:
    """One claim: what is owed and how to pay it."""
    one = rows.claim(request, pk)
    context = {"claim": one, "it": Claimed.today(one), "crumbs": _crumbs()}
    return render(request, "portal/invoices/claim.html", context)


@policy("customer")
@require_safe
def credit_note(request: PortalRequest, pk: int) -> HttpResponse:
    """One credit note: what was given back of which invoice."""
    note = rows.credit_note(request, pk)
    invoice = note.invoice
    lines = list(note.lines.select_related("line__charge"))
    context = {
        "note": note,
        "rates": rates(note),
        "lines": lines,
        "orders": purchase_orders(row.line for row in lines),
        "crumbs": [*_crumbs(), (invoice.number, reverse("portal:invoice", args=[invoice.pk]))],
    }
    return render(request, "portal/invoices/credit_note.html", context)


@policy("customer")
@require_safe
def credit_note_pdf(request: PortalRequest, pk: int) -> HttpResponse:
    return shown_pdf(rows.credit_note(request, pk))


def shown_pdf(record: documents.Record) -> HttpResponse:
    """The document as it is kept, which the browser opens."""
    answer = HttpResponse(bytes(documents.document_of(record).pdf), content_type="application/pdf")
    name = get_valid_filename(record.number or "").encode("ascii", "ignore").decode()
    answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Invoices"), reverse("portal:invoices"))]
