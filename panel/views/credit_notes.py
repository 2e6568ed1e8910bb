"""Credit notes: the list, and one of them as a document."""

from typing import Any

from django.contrib import messages
from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import documents, einvoice
from billing import sending as post
from billing.measures import purchase_orders
from billing.models import CreditNote
from kit.once import creates
from kit.policies import policy
from panel import rows
from panel.filters_billing import CreditNoteFilter
from panel.forms.invoices import SendForm
from panel.lists import page
from panel.views.invoices import shown_pdf
from spaces.models import Todays

SORTS = {"issued": "issued_on", "total": "total"}


@policy("see_panel")
@require_safe
def credit_notes(request: HttpRequest) -> HttpResponse:
    """Every credit note, the newest first, a page at a time."""
    locations = rows.locations_within_reach(request, "see_panel")
    filters = CreditNoteFilter(request, Todays.at(locations), locations)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "-issued"
    name = sort.removeprefix("-")
    shown = CreditNote.objects.select_related("customer", "location", "invoice")
    sums = filters.qs.order_by().values(currency=F("location__currency"))
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(locations) > 1,
        "page": page(filters.qs, shown, sort=sort.replace(name, SORTS[name]), query=request.GET),
        "sums": sums.annotate(total=Sum("total")).order_by("currency"),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/credit_notes/list.html", context)


@policy("see_panel")
@require_safe
def credit_note(request: HttpRequest, pk: int) -> HttpResponse:
    """What was given back, line by line, and of which invoice."""
    note = rows.credit_note(request, pk)
    lines = list(note.lines.select_related("line__charge"))
    context = {
        "note": note,
        "seller": note.seller,
        "buyer": note.buyer,
        "lines": lines,
        "orders": purchase_orders(row.line for row in lines),
        "deliveries": note.deliveries.select_related("asked_by").order_by("-pk"),
        "lowered": note.allocations.aggregate(sum=Sum("value"))["sum"] or 0,
        "unprintable": documents.unprintable_in(note),
        "no_xml": einvoice.problems_of(note),
        "may_keep": request.user.may("keep_books", at=note.location),
        "crumbs": _crumbs(note.invoice),
    }
    context["rest"] = note.total - context["lowered"]
    return render(request, "panel/credit_notes/record.html", context)


@policy("see_panel")
@require_safe
def pdf(request: HttpRequest, pk: int) -> HttpResponse:
    note = rows.credit_note(request, pk)
    return shown_pdf(bytes(documents.document_of(note).pdf), note.number)


@policy("keep_books")
@require_http_methods(["GET", "HEAD", "POST"])
@creates
def sending(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it by e-mail, to the customer or to somebody else."""
    note = rows.credit_note(request, pk)
    usual = note.customer.billing_email or note.customer.email
    form = SendForm.of(request, initial={"to": usual})
    if form.is_valid():
        delivery = post.send(note, by=request.user, to=form.cleaned_data["to"])
        messages.success(request, _("On its way to %s.") % delivery.to)
        return redirect("panel:credit_note", pk)
    crumbs = [*_crumbs(), (note.number, reverse("panel:credit_note", args=[pk]))]
    context = {"form": form, "note": note, "crumbs": crumbs}
    return render(request, "panel/credit_notes/sending.html", context, status=form.status)


def _crumbs(invoice: Any = None) -> list[tuple[str, str]]:
    crumbs = [(_("Invoices"), reverse("panel:invoices"))]
    if invoice is not None:
        crumbs.append((str(invoice), reverse("panel:invoice", args=[invoice.pk])))
    return crumbs
