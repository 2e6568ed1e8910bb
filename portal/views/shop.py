"""The shop: what can be bought, once or by period, and what one has by period."""

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Product, Subscription
from customers.doors import PortalRequest
from kit import words
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from plans.cycles import DAY
from portal import rows
from portal import shop as shown
from portal.comparing import compared
from portal.forms.shop import BuyForm, EndForm, SubscribeForm, TakeBackForm

BOUGHT_SHOWN = 5

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@require_safe
def shop(request: PortalRequest) -> HttpResponse:
    """What can be bought, and why something cannot; then what one has already."""
    customer = request.customer
    offered = shown.offered(customer, by=request.user)
    context = {
        "customer": customer,
        "offered": offered,
        "several": len({one.product.location_id for one in offered}) > 1,
        "subscriptions": shown.mine(customer),
        "bought": rows.purchases(customer)[:BOUGHT_SHOWN],
    }
    return render(request, "portal/shop/shop.html", context)


@policy("customer")
@reads_and_writes
@creates
def product(request: PortalRequest, pk: int) -> HttpResponse:
    """Buy something, after a look at what it costs and when it is to be paid."""
    found = rows.product(request, pk)
    return _subscribe(request, found) if found.recurring else _buy(request, found)


def _buy(request: PortalRequest, product: Product) -> HttpResponse:
    customer = request.customer
    form = BuyForm.of(request, customer=customer, left=product.stock)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            charge = product.sell(customer, **form.what, by=request.user)
            messages.success(request, _("Thank you. You have bought %s.") % charge.text)
            return redirect("portal:purchase", charge.pk)
    preview, against = None, []
    if form.may_be_asked:
        try:
            preview = shown.of_sale(rows.product(request, product.pk), customer, **form.what,
                                    by=request.user)  # fmt: skip
        except Refused as refused:
            against = [str(problem.text) for problem in refused.problems]
    more = {"preview": preview, "against": against, "asked": asked}
    return _page(request, "buy", product.pk, form, **more)


def _subscribe(request: PortalRequest, product: Product) -> HttpResponse:
    customer, today = request.customer, product.location.today()
    form = SubscribeForm.of(request, customer=customer, left=product.left(today), on=today)
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        with form.showing_refusals():
            made = product.subscribe(customer, **form.what, by=request.user)
            parts = {"what": made, "day": words.day(made.starts_on)}
            messages.success(request, _("%(what)s is yours from %(day)s.") % parts)
            return redirect(reverse("portal:shop") + "#subscriptions")
    preview, comparison, against = None, None, []
    if form.may_be_asked:
        what = form.what | {"by": request.user}
        try:
            preview = shown.of_subscription(rows.product(request, product.pk), customer, **what)
            again = rows.product(request, product.pk)
            comparison = compared(
                customer, lambda: again.subscribe(customer, **what), payer=preview.payer
            )
        except Refused as refused:
            against = [str(problem.text) for problem in refused.problems]
    more = {"preview": preview, "comparison": comparison, "against": against, "asked": asked}
    return _page(request, "subscribe", product.pk, form, **more)


def _page(request: PortalRequest, name: str, pk: int, form: BuyForm, **more: Any) -> HttpResponse:
    """The page of a product as it is stored, whatever a verb has tried."""
    product = rows.product(request, pk)
    context = {
        "product": product,
        "left": product.left(product.location.today()),
        "customer": request.customer,
        "form": form,
        "crumbs": [(_("Shop"), reverse("portal:shop"))],
        **more,
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if more["asked"] else form.status
    return render(request, f"portal/shop/{name}.html", context, status=status)


@policy("customer")
@require_safe
def purchase(request: PortalRequest, pk: int) -> HttpResponse:
    """What was bought, what it costs and why, and when it is to be paid."""
    charge = rows.purchase(request, pk)
    context = {
        "charge": charge,
        "it": shown.standing_of(charge),
        "is_own": charge.customer_id == request.customer.pk,
        "crumbs": [(_("Shop"), reverse("portal:shop"))],
    }
    return render(request, "portal/shop/purchase.html", context)


@policy("customer")
@reads_and_writes
@creates
def ending(request: PortalRequest, pk: int) -> HttpResponse:
    """Set the last day of something that one has by period, after a look at what that brings; what
    has not begun is taken back."""
    one = rows.subscription(request, pk)
    today = one.location.today()
    if one.state_on(today) == "scheduled":
        return _taken_back(request, one)
    form = EndForm.of(request, first=today, usual=_usual_last_day(one, today))
    asked = "preview" in request.POST
    if form.is_valid() and not asked:
        last_day = form.cleaned_data["last_day"]
        with form.showing_refusals():
            one.end(last_day=last_day, by=request.user)
            parts = {"what": one, "day": words.day(last_day)}
            messages.success(request, _("The last day of %(what)s is %(day)s.") % parts)
            return redirect(reverse("portal:shop") + "#subscriptions")
    preview, comparison, against = None, None, []
    if (last_day := form.day_asked) is not None:
        what = {"last_day": last_day, "by": request.user}
        try:
            preview = shown.of_ending(rows.subscription(request, pk), **what)
            again = rows.subscription(request, pk)
            comparison = compared(
                request.customer, lambda: again.end(**what), payer=shown.payer_of(again)
            )
        except Refused as refused:
            against = [str(problem.text) for problem in refused.problems]
    more = {"preview": preview, "comparison": comparison, "against": against, "asked": asked}
    return _ending_page(request, "ending", pk, form, **more)


def _usual_last_day(one: Subscription, today: dt.date) -> dt.date:
    """The end of the period that runs: until then it is paid or will be. Or the day that is set."""
    if one.ends_on is not None:
        return one.ends_on
    running = [cycle for cycle in one.cycles(today + DAY) if cycle.end > today]
    return running[-1].last_day if running else today


def _taken_back(request: PortalRequest, one: Subscription) -> HttpResponse:
    form = TakeBackForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.end(last_day=one.starts_on - DAY, by=request.user)
            messages.success(request, _("Taken back: %s does not begin.") % one)
            return redirect("portal:shop")
    return _ending_page(request, "taking_back", one.pk, form, asked=False)


def _ending_page(
    request: PortalRequest, name: str, pk: int, form: Any, **more: Any
) -> HttpResponse:  # fmt: skip
    context = {
        "subscription": rows.subscription(request, pk),
        "customer": request.customer,
        "form": form,
        "crumbs": [(_("Shop"), reverse("portal:shop"))],
        **more,
    }
    status = 200 if more["asked"] else form.status
    return render(request, f"portal/shop/{name}.html", context, status=status)
