"""One deed for many invoices at once: first what stands against each, then whatever can be done.

Each invoice is a transaction of its own. Those refused stay on the page with their reasons.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from billing import documents
from billing import sending as post
from billing.models import Delivery, Invoice, accounts
from billing.models.invoices import InvoiceQuerySet
from billing.replacing import problems_of
from kit.policies import policy
from kit.problems import Problem, Refused
from panel import exports
from panel.forms.invoices import BulkIssueForm, BulkReplacementForm, BulkSendForm, address_of
from panel.views.invoices import filtered

MOST_AT_ONCE = 100
MOST_IN_ARCHIVE = 500

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


class Words(NamedTuple):
    """What the page of a deed says: before it, on its button, and after it."""

    title: str | Promise
    note: str | Promise
    icon: str
    will: str | Promise
    button: Any
    done: Any


ISSUE = Words(
    title=_l("Issue drafts"),
    note=_l(
        "Each gets its number, today's date, and the names and addresses as they are now. From "
        "then on it stays as it is."
    ),
    icon="file-check",
    will=_l("Will be issued"),
    button=ngettext_lazy("Issue %d invoice", "Issue %d invoices"),
    done=ngettext_lazy("%d invoice is issued.", "%d invoices are issued."),
)
SEND = Words(
    title=_l("Send invoices by e-mail"),
    note=_l("Each goes to its customer's address for invoices, with a private link to it."),
    icon="send",
    will=_l("Will be sent to %s"),
    button=ngettext_lazy("Send %d invoice", "Send %d invoices"),
    done=ngettext_lazy("%d invoice is on its way.", "%d invoices are on their way."),
)


REPLACE = Words(
    title=_l("Replace invoices"),
    note=_l(
        "What is left of each is credited, and a new invoice asks the same with names, addresses "
        "and tax as they are now. What had paid the old one pays the new one."
    ),
    icon="refresh-cw",
    will=_l("Will be replaced"),
    button=ngettext_lazy("Replace %d invoice", "Replace %d invoices"),
    done=ngettext_lazy("%d invoice is replaced.", "%d invoices are replaced."),
)


@policy("keep_books")
@reads_and_writes
def issue(request: HttpRequest) -> HttpResponse:
    """Issue the ticked drafts."""
    form = BulkIssueForm.of(request)

    def deed(one: Invoice) -> None:
        one.issue(by=request.user, send=form.cleaned_data["send"])

    return _bulk(request, ISSUE, form=form, against=_issued_already, deed=deed)


def _issued_already(one: Invoice) -> list[Problem]:
    if one.state == Invoice.State.DRAFT:
        return []
    return [Problem("issued_already", _("This invoice is issued already."))]


@policy("keep_books")
@reads_and_writes
def sending(request: HttpRequest) -> HttpResponse:
    """Send the ticked invoices; what was sent since the page was shown is not sent again."""
    form = BulkSendForm.of(request)

    def deed(one: Invoice) -> None:
        with transaction.atomic():
            accounts.hold(one.customer_id)
            since = one.deliveries.filter(asked_at__gte=form.cleaned_data["seen_at"])
            if since.filter(kind=Delivery.Kind.INVOICE).exists():
                raise Refused(Problem("sent_already", _("This was sent a moment ago.")))
            post.send(one, by=request.user)

    return _bulk(request, SEND, form=form, against=_not_to_be_sent, deed=deed)


def _not_to_be_sent(one: Invoice) -> list[Problem]:
    if one.state == Invoice.State.DRAFT:
        return [Problem("not_issued", _("A draft is not sent: issue it first."))]
    if not address_of(one):
        return [Problem("no_address", _("The customer has no e-mail address."))]
    return []


def _bulk(
    request: HttpRequest,
    words: Words,
    *,
    form: Any,
    against: Callable[[Invoice], list[Problem]],
    deed: Callable[[Invoice], Any],
) -> HttpResponse:
    """The page of a deed: what stands `against` each; sent, the `deed` is done to the others.

    It answers with a page that lists those that are left with what was said of them, or leads
    back to the list as it was filtered.
    """
    back_query = QueryDict(_asked(request).get("back", "")).urlencode()
    back = f"{reverse('panel:invoices')}?{back_query}".rstrip("?")
    chosen = list(_chosen(request).shown()[: MOST_AT_ONCE + 1])
    too_many, chosen = len(chosen) > MOST_AT_ONCE, chosen[:MOST_AT_ONCE]
    problems = {one.pk: against(one) + _beyond_reach(request, one) for one in chosen}
    if form.is_valid():
        done = 0
        for one in chosen:
            if problems[one.pk]:
                continue
            try:
                deed(one)
                done += 1
            except Refused as refused:
                problems[one.pk] = refused.problems
        if done:
            messages.success(request, words.done % done)
        chosen = [one for one in chosen if problems[one.pk]]
        if not chosen:
            return redirect(back)
    possible = sum(not found for found in problems.values()) if not form.is_bound else 0
    context = {
        "words": words,
        "form": form,
        "rows": [(one, problems[one.pk], _will(words, one)) for one in chosen],
        "possible": possible,
        "button": words.button % possible,
        "too_many": too_many,
        "most": MOST_AT_ONCE,
        "back": back,
        "back_query": back_query,
        "crumbs": [(_("Invoices"), back)],
    }
    return render(request, "panel/invoices/bulk.html", context, status=form.status)


def _will(words: Words, one: Invoice) -> str:
    text = str(words.will)
    return text % address_of(one) if "%s" in text else text


def _asked(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _chosen(request: HttpRequest) -> InvoiceQuerySet:
    """The ticked invoices, or every one of the filtered list where the address says `every`."""
    if request.method != "POST" and "every" in request.GET:
        return filtered(request).qs.order_by("pk")
    return _ticked(request)


def _ticked(request: HttpRequest) -> InvoiceQuerySet:
    """Those of the ticked invoices that the person may see, in the order of their numbers."""
    keys = [int(key) for key in _asked(request).getlist("ids") if re.fullmatch(r"[0-9]{1,18}", key)]
    return Invoice.objects.visible_to(request.user).filter(pk__in=keys).order_by("pk")


def _beyond_reach(request: HttpRequest, one: Invoice) -> list[Problem]:
    if request.user.may("keep_books", at=one.location):
        return []
    return [Problem("beyond_reach", _("Your role does not reach as far as this location."))]


@policy("keep_books")
@reads_and_writes
def replacement(request: HttpRequest) -> HttpResponse:
    """Replace the ticked invoices by new ones."""
    form = BulkReplacementForm.of(request)

    def deed(one: Invoice) -> None:
        one.replace(reason=form.cleaned_data["reason"], by=request.user)

    return _bulk(request, REPLACE, form=form, against=problems_of, deed=deed)


@policy("see_panel")
@require_safe
def archive(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The PDFs of the ticked invoices, or else of the filtered list, in one file."""
    found = _ticked(request) if request.GET.getlist("ids") else filtered(request).qs
    keys = list(found.issued().order_by("pk").values_list("pk", flat=True)[: MOST_IN_ARCHIVE + 1])
    back = request.GET.copy()
    address = f"{reverse('panel:invoices')}?{QueryDict(back.get('back', '')).urlencode()}"
    if not keys:
        messages.error(request, _("None of these has a PDF yet: drafts get theirs when issued."))
        return redirect(address.rstrip("?"))
    if len(keys) > MOST_IN_ARCHIVE:
        text = _("At most %d PDFs at once: choose a shorter period.")
        messages.error(request, text % MOST_IN_ARCHIVE)
        return redirect(address.rstrip("?"))
    return exports.archive("invoices.zip", _files(keys))


def _files(keys: list[int]) -> Iterator[tuple[str, bytes]]:
    """The documents by number; what could not be drawn is told in a file of its own."""
    left_out = []
    for key in keys:
        one = Invoice.objects.select_related("customer", "location").get(pk=key)
        name = str(one.number)
        try:
            content = bytes(documents.document_of(one).pdf)
        except Exception as error:
            left_out.append(f"{name}: {error}")
            continue
        yield exports.file_name(name, ".pdf"), content
    if left_out:
        yield "left-out.txt", "\n".join([_("Could not be drawn:"), *left_out]).encode()
