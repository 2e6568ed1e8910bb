"""A customer's account: what is owed and why, what comes next, and what is done about it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import charging
from billing.accounts import Standing
from billing.dates import next_due
from billing.giving import give_back, left_to_give
from billing.models import Charge, Claim, CreditNote, Invoice, Payment, Subscription
from billing.models.issuing import composed, invoice_now
from billing.models.paying import open_payables, receive
from billing.models.paying import refund as pay_out
from customers.models import Customer
from kit.money import ZERO
from kit.once import creates
from kit.policies import policy
from panel import accounts
from panel.filters_charges import ChargeFilter
from panel.forms.accounts import (
    ChargeForm,
    ClaimForm,
    GiveBackForm,
    InvoiceNowForm,
    ReceiveForm,
    RefundForm,
)
from panel.lists import page
from plans.previews import taken_back
from spaces.models import Location, Todays

LATEST = 6

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """What is due, what comes next and why then, what is not invoiced and why, and every charge
    with its explanation."""
    customer = accounts.seen(request, pk)
    places = accounts.places(customer, request.user)
    here: dict[str, Any] = {"customer": customer, "location__in": [one.pk for one in places]}
    filters = ChargeFilter(request, Todays.at(places), places, Charge.objects.filter(**here))
    invoices = Invoice.objects.filter(**here).shown()[: LATEST + 1]
    payments = Payment.objects.filter(**here).select_related(
        "location", "invoice", "claim", "reversed_by"
    )
    context = {
        "customer": customer,
        "places": places,
        "several": len(places) > 1,
        "suspension": customer.suspension,
        "standings": accounts.standings_at(customer, places),
        "next_invoices": accounts.next_invoices(customer, places),
        "not_invoiced": accounts.not_invoiced(customer, places, request.user),
        "filters": filters,
        "page": page(filters.qs, Charge.objects.explained(), sort="-on", query=request.GET),
        "sums": sums_of(filters.qs),
        "invoices": [(one, one.settlement_on(one.location.today())) for one in invoices],
        "claims": Claim.objects.filter(**here).shown()[: LATEST + 1],
        "payments": payments[: LATEST + 1],
        "credit_notes": CreditNote.objects.filter(**here).select_related("location")[:LATEST],
        "deposits": accounts.deposits_at(customer, places),
        "subscriptions": subscriptions_of(with_terms(Subscription.objects.filter(**here))),
        "paid_by": _paid_by(customer, request.user),
        "latest": LATEST,
        "may_keep": bool(accounts.places(customer, request.user, "keep_books")),
        "may_serve": bool(accounts.places(customer, request.user, "serve_customers")),
        "crumbs": accounts.crumbs(customer)[:-1],
    }
    return render(request, "panel/accounts/account.html", context)


def sums_of(found: QuerySet[Charge]) -> list[dict[str, Any]]:
    """What charges come to, by currency; what was taken back does not count."""
    standing = found.order_by().filter(void=None).values(currency=F("location__currency"))
    sums = standing.annotate(net=Sum("amount"), taxes=Sum("tax")).order_by("currency")
    return [one | {"total": one["net"] + one["taxes"]} for one in sums]


def with_terms(found: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """With what a row says of them."""
    return found.select_related("product", "location", "on_behalf_of", "customer")


def subscriptions_of(found: Iterable[Subscription]) -> list[tuple[Subscription, str, Any]]:
    """Subscriptions with their state and the day on which they are due next, the running first."""
    rows = []
    for one in found:
        today = one.location.today()
        rows.append((one, one.state_on(today), next_due(one, today)))
    over = ("ended", "called_off")
    return sorted(rows, key=lambda row: row[1] in over)


def _paid_by(customer: Customer, user: Any) -> QuerySet[Customer]:
    """On whose accounts stands what this customer had for a team."""
    had = Q(charges__used_by=customer)
    return Customer.objects.visible_to(user).filter(had).exclude(pk=customer.pk).distinct()


# What is done


@policy("keep_books")
@reads_and_writes
@creates
def charge(request: HttpRequest, pk: int) -> HttpResponse:
    """Charge something that is neither a plan, a booking nor a product."""
    customer = accounts.seen(request, pk)
    places = accounts.within(request, customer, "keep_books")
    form = ChargeForm.of(request, places=places)
    asked, offer = "preview" in request.POST, None
    if form.is_valid():
        with form.showing_refusals():
            if asked:
                with taken_back():
                    offer = charging.charge_other(
                        customer, form.place, **form.what, by=request.user
                    )
            else:
                charging.charge_other(customer, form.place, **form.what, by=request.user)
                messages.success(request, _("It is on the account."))
                return redirect("panel:account", pk)
    return _page(
        request, "charge", customer, form, asked=asked, offer=offer,
        offer_on=accounts.date_of(offer) if offer is not None else None,
        at_once=offer is not None and offer.price > 0 and charging.is_invoiced_at_once(
            customer, offer.location, customer, request.user, on=offer.location.today()
        ),
    )  # fmt: skip


@policy("keep_books")
@reads_and_writes
@creates
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Invoice what waits now, and not on its date: all of it, or what is ticked."""
    customer = accounts.seen(request, pk)
    place = accounts.within(request, customer, "keep_books")[0]
    waiting = list(customer.charges.filter(location=place).waiting().order_by("on", "pk"))
    for one in waiting:
        one.location = place
    only = request.GET.get("charge", "")
    initial = {"charges": [int(only)]} if only.isdecimal() and len(only) < 19 else {}
    form = InvoiceNowForm.of(request, waiting=waiting, currency=place.currency, initial=initial)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            made = invoice_now(
                customer, place, list(form.cleaned_data["charges"]), by=request.user,
                issue=form.issues,
            )  # fmt: skip
            words = _("%s is issued.") % made if made.number else _("The draft is there.")
            messages.success(request, words)
            return redirect("panel:invoice", made.pk)
    ticked = {str(key) for key in form["charges"].value() or ()}
    chosen = [one for one in waiting if str(one.pk) in ticked]
    total = composed(customer, place, chosen)[0].total if chosen else ZERO
    return _page(
        request, "invoice", customer, form, asked=asked, place=place, waiting=waiting,
        ticked=ticked, chosen=chosen, total=total,
    )  # fmt: skip


@policy("keep_books")
@reads_and_writes
@creates
def payment(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what came in without saying what for: the oldest are paid first."""
    customer = accounts.seen(request, pk)
    places = accounts.within(request, customer, "keep_books")
    due = _standing(customer, places[0])
    form = ReceiveForm.of(request, places=places, due=due.due if due else ZERO)
    if form.is_valid():
        with form.showing_refusals():
            receive(customer, form.place, **form.what, by=request.user)
            messages.success(request, _("The payment is recorded."))
            return redirect("panel:account", pk)
    unpaid = [one for place in places for one in open_payables(customer, place)]
    return _page(request, "payment", customer, form, unpaid=unpaid[: LATEST + 1], latest=LATEST)


@policy("keep_books")
@reads_and_writes
@creates
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter what is owed without an invoice."""
    customer = accounts.seen(request, pk)
    places = accounts.within(request, customer, "keep_books")
    form = ClaimForm.of(request, places=places, customer=customer)
    if form.is_valid():
        with form.showing_refusals():
            customer.claim(**form.what, location=form.place, by=request.user)
            messages.success(request, _("The claim is on the account."))
            return redirect("panel:account", pk)
    return _page(request, "claim", customer, form)


@policy("keep_books")
@reads_and_writes
@creates
def refund(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that credit was paid out."""
    customer = accounts.seen(request, pk)
    places = accounts.within(request, customer, "keep_books")
    standing = _standing(customer, places[0])
    credit = standing.credit if standing else ZERO
    form = RefundForm.of(request, places=places, initial={"amount": credit or None})
    if form.is_valid():
        with form.showing_refusals():
            pay_out(customer, form.place, **form.what, by=request.user)
            messages.success(request, _("The refund is recorded."))
            return redirect("panel:account", pk)
    standings = accounts.standings_at(customer, places)
    return _page(request, "refund", customer, form, standings=standings)


@policy("keep_books")
@reads_and_writes
@creates
def giving_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Give money back as credit notes on what was invoiced, shown before it is done."""
    customer = accounts.seen(request, pk)
    places = accounts.within(request, customer, "keep_books")
    form = GiveBackForm.of(request, places=places)
    asked, notes, paid = "preview" in request.POST, [], ZERO
    if form.is_valid():
        with form.showing_refusals():
            what = {**form.what, "location": form.place, "by": request.user}
            if asked:
                with taken_back():
                    notes = give_back(customer, **what)
                    paid = sum((_beyond_due(note) for note in notes), ZERO)
            else:
                notes = give_back(customer, **what)
                messages.success(
                    request,
                    _("Credited: %s.") % ", ".join(str(note) for note in notes),
                )
                return redirect("panel:account", pk)
    left = [(place, left_to_give(customer, place)) for place in places]
    return _page(
        request, "give_back", customer, form, asked=asked, notes=notes, left=left,
        to_credit=paid, total=sum((note.total for note in notes), ZERO),
    )  # fmt: skip


def _beyond_due(note: CreditNote) -> Decimal:
    """What of a credit note was not due any more, and became account credit."""
    entries = note.credit_entries.aggregate(sum=Sum("value"))
    return entries["sum"] or ZERO


def _standing(customer: Customer, place: Location) -> Standing | None:
    return next(iter(accounts.standings_at(customer, [place])), None)


def _page(
    request: HttpRequest, name: str, customer: Customer, form: Any, *, asked: bool = False,
    **more: Any,
) -> HttpResponse:  # fmt: skip
    crumbs = accounts.crumbs(customer)
    context = {"form": form, "customer": customer, "asked": asked, "crumbs": crumbs, **more}
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if asked else form.status
    return render(request, f"panel/accounts/{name}.html", context, status=status)
