"""Subscriptions: recurring products, from a day on and until somebody ends them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.charging import payer_of
from billing.dates import next_due
from billing.models import Charge, Product, Subscription
from customers.models import Customer
from kit.once import creates
from kit.policies import policy
from panel import accounts, rows, simulations
from panel.forms.accounts import EndForm
from panel.forms.products import SubscribeForm

SHOWN = 12
OVER = ("ended", "called_off")

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """A subscription: its terms, when it is due next, and what was charged for it."""
    one = rows.subscription(request, pk)
    today = one.location.today()
    charges = Charge.objects.filter(subscription=one).explained().order_by("-on", "-pk")
    context = {
        "subscription": one,
        "state": one.state_on(today),
        "due": next_due(one, today),
        "payer": payer_of(one.customer, one.on_behalf_of),
        "charges": charges[:SHOWN],
        "has_more": charges.count() > SHOWN,
        "may_end": request.user.may("serve_customers", at=one.location)
        and one.state_on(today) not in OVER,
        "crumbs": _crumbs(one)[:-1],
    }
    return render(request, "panel/subscriptions/record.html", context)


@policy("serve_customers")
@reads_and_writes
@creates
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a customer have a recurring product."""
    customer = accounts.seen(request, pk)
    accounts.within(request, customer, "serve_customers")
    crumbs = accounts.crumbs(customer)
    return _subscribe(request, crumbs[-1][1], customer=customer, crumbs=crumbs)


@policy("serve_customers")
@reads_and_writes
@creates
def of_product(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody have this recurring product."""
    one = rows.product(request, pk)
    if not one.recurring:
        return redirect("panel:product_sale", pk)
    back = reverse("panel:product", args=[pk])
    crumbs = [(_("Products"), reverse("panel:products")), (one.name, back)]
    return _subscribe(request, back, product=one, crumbs=crumbs)


def _subscribe(
    request: HttpRequest, back: str, *, crumbs: list[tuple[str, str]],
    product: Product | None = None, customer: Customer | None = None,
) -> HttpResponse:  # fmt: skip
    """The form of a subscription; the next invoices with it and without are shown before."""
    initial = {"product": request.GET.get("product", "")}
    form = SubscribeForm.of(
        request, user=request.user, product=product, customer=customer, initial=initial
    )
    asked, simulation = "preview" in request.POST, None
    if form.is_valid():
        chosen, to, what = form.chosen_product, form.chosen_customer, form.what
        with form.showing_refusals():
            if asked:
                simulation = simulations.simulated(
                    payer_of(to, what.get("on_behalf_of")),
                    lambda: chosen.subscribe(to, **what, by=request.user),
                )
            else:
                made = chosen.subscribe(to, **what, by=request.user)
                words = {"what": made, "customer": to.name}
                messages.success(request, _("%(customer)s has %(what)s.") % words)
                return redirect("panel:subscription", made.pk)
    context = {
        "form": form, "product": product, "customer": customer, "asked": asked,
        "simulation": simulation, "address": request.path, "back": back, "crumbs": crumbs,
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/subscriptions/new.html", context, status=status)


@policy("serve_customers")
@reads_and_writes
@creates
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the last day; what that gives back is shown before."""
    one = rows.subscription(request, pk)
    form = EndForm.of(request, today=one.location.today())
    asked, simulation = "preview" in request.POST, None
    if form.is_valid():
        last_day = form.cleaned_data["last_day"]
        with form.showing_refusals():
            if asked:
                simulation = simulations.simulated(
                    payer_of(one.customer, one.on_behalf_of),
                    lambda: one.end(last_day=last_day, by=request.user),
                )
            else:
                one.end(last_day=last_day, by=request.user)
                messages.success(request, _("The last day is set."))
                return redirect("panel:subscription", pk)
    one = rows.subscription(request, pk)
    context = {
        "form": form, "subscription": one, "asked": asked, "simulation": simulation,
        "crumbs": _crumbs(one),
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/subscriptions/end.html", context, status=status)


def _crumbs(one: Subscription) -> list[tuple[str, str]]:
    customer = one.customer
    return [*accounts.crumbs(customer), (one.product.name, _address(one))]


def _address(one: Subscription) -> str:
    return reverse("panel:subscription", args=[one.pk])
