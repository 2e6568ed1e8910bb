"""Invoices: the list, one of them as a document with its history, and what is done to it."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import documents, einvoice
from billing import sending as post
from billing.measures import purchase_orders
from billing.models import Invoice, InvoiceLine, InvoiceLink, Settlement, accounts
from billing.models.crediting import left_to_credit
from billing.models.issuing import buyer_of, seller_of
from billing.replacing import problems_of, replaced
from kit.money import ZERO
from kit.once import creates
from kit.policies import policy
from panel import exports, invoice_history, rows
from panel.filters_billing import InvoiceFilter
from panel.forms.invoices import (
    CreditForm,
    DeedForm,
    IssueForm,
    ReasonForm,
    ReplacementForm,
    SendForm,
    address_of,
)
from panel.forms.payments import PaymentForm
from panel.lists import page
from spaces.models import Todays

SORTS = {"issued": "issued_on", "due": "due_on", "total": "total"}

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    """Every invoice: by how far it is paid, period and customer, a page at a time."""
    filters = filtered(request)
    sort = _sort(request)
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(filters.locations) > 1,
        "page": page(filters.qs, Invoice.objects.shown(), sort=_column(sort), query=request.GET),
        "sums": sums_of(filters.qs),
    }
    return render(request, "panel/invoices/list.html", context)


def filtered(request: HttpRequest) -> InvoiceFilter:
    """The invoices that the address asks for."""
    locations = rows.locations_within_reach(request, "see_panel")
    return InvoiceFilter(request, Todays.at(locations), locations)


def _sort(request: HttpRequest) -> str:
    asked = request.GET.get("sort", "")
    return asked if asked.removeprefix("-") in SORTS else "-issued"


def _column(sort: str) -> str:
    name = sort.removeprefix("-")
    return sort.replace(name, SORTS[name])


def sums_of(found: QuerySet[Invoice]) -> list[dict[str, Any]]:
    """What invoices ask for and what of it is due, by currency."""
    by_currency: Any = found.order_by().values(currency=F("location__currency"))
    due = Sum(F("total") - F("settled"), filter=Q(state=Invoice.State.ISSUED))
    return list(by_currency.annotate(due=due, total=Sum("total")).order_by("currency"))


@policy("see_panel")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered list as a file."""
    head = [_("Number"), _("State"), _("Customer"), _("Location"), _("Issued"), _("Due"), _("Net"),
            _("Tax"), _("Total"), _("Still due"), _("Currency")]  # fmt: skip
    found = filtered(request).qs.shown().order_by("issued_on", "pk")
    return exports.table("invoices.csv", head, _cells(found))


def _cells(found: QuerySet[Invoice]) -> Iterator[list[Any]]:
    for one in found.iterator(chunk_size=2000):
        currency = one.currency
        yield [
            one.number, one.shown_settlement, one.people, one.location.name, one.issued_on,
            one.due_on,
            *(exports.amount(value, currency) for value in (one.net, one.tax, one.total, one.due)),
            currency,
        ]  # fmt: skip


@policy("see_panel")
@require_safe
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """The record: the document line by line, what is due, and all that has happened to it."""
    one = rows.invoice(request, pk)
    is_draft = one.state == Invoice.State.DRAFT
    today = one.location.today()
    settlement = one.settlement_on(today)
    may_keep = request.user.may("keep_books", at=one.location)
    lines = _lines(one)
    context = {
        "invoice": one,
        "is_draft": is_draft,
        "settlement": settlement,
        "late": (today - one.due_on).days if settlement == Settlement.OVERDUE and one.due_on else 0,
        "seller": seller_of(one.location) if is_draft else one.seller,
        "buyer": buyer_of(one.customer) if is_draft else one.buyer,
        "lines": lines,
        "orders": purchase_orders(lines),
        "history": invoice_history.of(one),
        "may_keep": may_keep,
        "may_credit": may_keep
        and not is_draft
        and any(left_to_credit(line).total for line in lines),
        "link": None if is_draft else _link_of(one),
        "unprintable": documents.unprintable_in(one),
        "no_xml": [] if is_draft else einvoice.problems_of(one),
        "address": address_of(one),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/invoices/record.html", context)


def _lines(one: Invoice) -> list[InvoiceLine]:
    """The lines with what is behind them, and what of them was credited."""
    related = one.lines.select_related(
        "charge__contract__plan", "charge__booking__resource", "charge__product",
        "charge__subscription__product", "charge__used_by", "charge__on_behalf_of",
    )  # fmt: skip
    return list(related.prefetch_related("credits__credit_note"))


def _link_of(one: Invoice) -> str:
    """The private address that works; "" for none."""
    link = one.links.filter(revoked_at=None).first()
    return f"{settings.BASE_URL}/i/{link.token}/" if link else ""


@policy("see_panel")
@require_safe
def pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The document as it is kept; a draft as it would be."""
    one = rows.invoice(request, pk)
    is_draft = one.state == Invoice.State.DRAFT
    content = documents.preview(one) if is_draft else documents.document_of(one).pdf
    return shown_pdf(bytes(content), one.number or f"draft-{one.pk}")


def shown_pdf(content: bytes, name: str) -> HttpResponse:
    """A PDF that the browser opens."""
    response = HttpResponse(content, content_type="application/pdf")
    file = exports.file_name(name, ".pdf")
    response["Content-Disposition"] = f'inline; filename="{file}"'
    return response


# A draft


@policy("keep_books")
@reads_and_writes
@creates
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Number the draft and send it."""
    one = rows.invoice(request, pk)
    form = IssueForm.of(request, today=one.location.today())
    if form.is_valid():
        what = {name: form.cleaned_data[name] for name in ("on", "send")}
        with form.showing_refusals():
            one.issue(**what, by=request.user)
            messages.success(request, _("%s is issued.") % one.number)
            return redirect("panel:invoice", pk)
    return _page(request, "issue", pk, form, unprintable=documents.unprintable_in(one))


@policy("keep_books")
@reads_and_writes
@creates
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the draft; its charges wait again."""
    one = rows.invoice(request, pk)
    form = DeedForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.discard(by=request.user)
            messages.success(request, _("The draft is deleted. What was on it waits again."))
            return redirect("panel:invoices")
    return _page(request, "discard", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def line_removal(request: HttpRequest, pk: int, line: int) -> HttpResponse:
    """Take a line off the draft; it waits for the next invoice."""
    one = rows.invoice(request, pk)
    row = get_object_or_404(one.lines.select_related("charge"), pk=line)
    form = DeedForm.of(request)
    if form.is_valid():
        with form.showing_refusals(), transaction.atomic():
            accounts.hold(one.customer_id)
            one.remove(row.charge, by=request.user)
            messages.success(request, _("Taken off. It waits for the next invoice."))
            if not Invoice.objects.filter(pk=pk).exists():
                return redirect("panel:invoices")
            return redirect("panel:invoice", pk)
    return _page(request, "line_removal", pk, form, line=row)


# An issued invoice


@policy("keep_books")
@reads_and_writes
@creates
def payment(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what came in."""
    one = rows.invoice(request, pk)
    written_off = one.standing_write_off
    form = PaymentForm.of(
        request, currency=one.currency, today=one.location.today(),
        due=one.due or (written_off.amount if written_off else ZERO),
    )  # fmt: skip
    if form.is_valid():
        with form.showing_refusals():
            one.record_payment(**form.what, by=request.user)
            messages.success(request, _("The payment is recorded."))
            return redirect("panel:invoice", pk)
    return _page(request, "payment", pk, form, written_off=written_off)


@policy("keep_books")
@reads_and_writes
@creates
def credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Give back the whole invoice, or parts of it."""
    one = rows.invoice(request, pk)
    form = CreditForm.of(request, lines=one.creditable(), currency=one.currency)
    if form.is_valid():
        with form.showing_refusals():
            note = one.credit(**form.what, by=request.user)
            messages.success(request, _("Credited: %s.") % note.number)
            return redirect("panel:invoice", pk)
    return _page(request, "credit", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def replacement(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace a wrong invoice by a new one."""
    one = rows.invoice(request, pk)
    form = ReplacementForm.of(request, due_on=one.due_on)
    if form.is_valid():
        what = {key: form.cleaned_data[key] for key in ("reason", "due_on")}
        with form.showing_refusals():
            new = one.replace(**what, by=request.user)
            messages.success(request, _("%(new)s replaces %(old)s.") % {"new": new, "old": one})
            return redirect("panel:invoice", new.pk)
    against = problems_of(one)
    return _page(
        request, "replacement", pk, form, against=against,
        preview=None if against else replaced(one, by=request.user),
    )  # fmt: skip


@policy("keep_books")
@reads_and_writes
@creates
def write_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up what is due."""
    one = rows.invoice(request, pk)
    form = ReasonForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.write_off(reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, _("Written off."))
            return redirect("panel:invoice", pk)
    return _page(request, "write_off", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def write_off_withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    """Expect it after all."""
    one = rows.invoice(request, pk)
    form = DeedForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.withdraw_write_off(by=request.user)
            messages.success(request, _("It is due again."))
            return redirect("panel:invoice", pk)
    return _page(request, "write_off_withdrawal", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def sending(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it by e-mail, to the customer or to somebody else."""
    one = rows.invoice(request, pk)
    form = SendForm.of(request, initial={"to": address_of(one)})
    if one.state == Invoice.State.DRAFT:
        return redirect("panel:invoice_issue", pk)
    if form.is_valid():
        delivery = post.send(one, by=request.user, to=form.cleaned_data["to"])
        messages.success(request, _("On its way to %s.") % delivery.to)
        return redirect("panel:invoice", pk)
    return _page(request, "sending", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the private address that shows this invoice without signing in."""
    one = rows.invoice(request, pk)
    form = DeedForm.of(request)
    if one.state == Invoice.State.DRAFT:
        return redirect("panel:invoice", pk)
    if form.is_valid():
        InvoiceLink.of(one)
        messages.success(request, _("The private link is ready to be copied."))
        return redirect("panel:invoice", pk)
    return _page(request, "link", pk, form)


@policy("keep_books")
@reads_and_writes
@creates
def link_revocation(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the private address work no more."""
    one = rows.invoice(request, pk)
    form = DeedForm.of(request)
    if form.is_valid():
        standing = one.links.filter(revoked_at=None).first()
        if standing is not None:
            standing.revoke(by=request.user)
        messages.success(request, _("The private link works no more."))
        return redirect("panel:invoice", pk)
    return _page(request, "link_revocation", pk, form)


def _page(request: HttpRequest, name: str, pk: int, form: Any, **more: Any) -> HttpResponse:
    """The form of a deed, about the invoice as it is stored."""
    one = rows.invoice(request, pk)
    context = {"form": form, "invoice": one, "crumbs": _crumbs(one), **more}
    return render(request, f"panel/invoices/{name}.html", context, status=form.status)


def _crumbs(one: Invoice | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Invoices"), reverse("panel:invoices"))]
    if one is not None:
        crumbs.append((str(one), reverse("panel:invoice", args=[one.pk])))
    return crumbs
