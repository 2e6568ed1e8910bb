"""Products: what is sold besides plans and bookings, and selling it."""

from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import charging
from billing.models import Charge, Product, Subscription
from customers.models import Customer
from kit.forms import ConfirmForm
from kit.once import creates
from kit.policies import allows, policy
from panel import accounts, rows
from panel.filters_charges import ProductFilter
from panel.forms.products import EditProductForm, NewProductForm, SellForm, StockForm
from panel.lists import page
from panel.views.accounts import subscriptions_of, with_terms
from plans.previews import taken_back
from spaces.models import Todays

SORTS = {"name": "name", "price": "price"}
SHOWN = 12

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("see_panel")
@require_safe
def products(request: HttpRequest) -> HttpResponse:
    """Everything that is sold: what it costs, what is left, and who may buy it."""
    locations = rows.locations_within_reach(request, "see_panel")
    filters = ProductFilter(request, Todays.at(locations), locations)
    asked = request.GET.get("sort", "")
    sort = asked if asked.removeprefix("-") in SORTS else "name"
    shown = Product.objects.select_related("location").prefetch_related("plans")
    found = page(filters.qs, shown, sort=sort, query=request.GET)
    context = {
        "filters": filters,
        "sort": sort,
        "several": len(locations) > 1,
        "page": found,
        "products": _with_left(found.rows),
        "may_manage": allows(request, "manage_space"),
        "may_serve": allows(request, "serve_customers"),
    }
    return render(request, "panel/products/list.html", context)


def _with_left(found: list[Product]) -> list[tuple[Product, int | None]]:
    """Products with how many are left, see `Product.left`: one question for all of them."""
    counted = [one for one in found if one.recurring and one.stock is not None]
    taken: dict[int, int] = {}
    for place in {one.location for one in counted}:
        running = Subscription.objects.running_or_scheduled(on=place.today())
        mine = running.filter(product__in=[one for one in counted if one.location == place])
        sums = mine.order_by().values("product").annotate(sum=Sum("quantity"))
        taken |= dict(sums.values_list("product", "sum"))
    return [(one, None if one.stock is None else one.stock - taken.get(one.pk, 0)) for one in found]


@policy("see_panel")
@require_safe
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """A product: what it is, who may buy it, and who did."""
    one = rows.product(request, pk)
    today = one.location.today()
    sales = Charge.objects.filter(product=one).explained().order_by("-on", "-pk")
    found = None
    if one.recurring:
        running = one.subscriptions.running_or_scheduled(on=today)
        found = page(running, with_terms(running), sort="-starts_on", query=request.GET)
    context = {
        "product": one,
        "left": one.left(today),
        "sales": [] if one.recurring else sales[:SHOWN],
        "has_more_sales": not one.recurring and sales.count() > SHOWN,
        "page": found,
        "subscriptions": subscriptions_of(found.rows) if found else [],
        "may_manage": request.user.may("manage_space", at=one.location),
        "may_serve": request.user.may("serve_customers", at=one.location),
        "crumbs": _crumbs(),
    }
    return render(request, "panel/products/record.html", context)


@policy("manage_space")
@reads_and_writes
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Put something on sale."""
    form = NewProductForm.of(request)
    form.offer_locations(rows.locations_within_reach(request, "manage_space"))
    if form.is_valid():
        with form.showing_refusals():
            made = Product.objects.offer(**form.what, by=request.user)
            messages.success(request, _("%s is on sale.") % made)
            return redirect("panel:product", made.pk)
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/products/form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a product for what is sold from now on."""
    one = rows.product(request, pk)
    form = EditProductForm.of(request, record=one)
    if form.is_valid():
        with form.showing_refusals():
            plans = form.cleaned_data["plans"]
            one.edit(form.changes, seen=form.seen, plans=plans, by=request.user)
            messages.success(request, _("Saved. What was sold stays as it is."))
            return redirect("panel:product", pk)
    context = {"form": form, "product": one, "crumbs": _crumbs(one)}
    return render(request, "panel/products/form.html", context, status=form.status)


@policy("manage_space")
@reads_and_writes
@creates
def stock(request: HttpRequest, pk: int) -> HttpResponse:
    """Say how many there are, by counting them."""
    one = rows.product(request, pk)
    form = StockForm.of(request, initial={"stock": one.stock})
    if form.is_valid():
        with form.showing_refusals():
            one.restock(form.cleaned_data["stock"], by=request.user)
            messages.success(request, _("Counted."))
            return redirect("panel:product", pk)
    return _deed(request, "stock", one, form)


@policy("manage_space")
@reads_and_writes
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Sell it no more."""
    one = rows.product(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.archive(by=request.user)
            messages.success(request, _("%s is not sold any more.") % one)
            return redirect("panel:product", pk)
    return _deed(request, "archive", one, form)


@policy("manage_space")
@reads_and_writes
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Sell it again."""
    one = rows.product(request, pk)
    form = ConfirmForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            one.restore(by=request.user)
            messages.success(request, _("%s is sold again.") % one)
            return redirect("panel:product", pk)
    return _deed(request, "restore", one, form)


def _deed(request: HttpRequest, name: str, one: Product, form: Any) -> HttpResponse:
    context = {"form": form, "product": one, "crumbs": _crumbs(one)}
    return render(request, f"panel/products/{name}.html", context, status=form.status)


# Selling


@policy("serve_customers")
@reads_and_writes
@creates
def sale_of(request: HttpRequest, pk: int) -> HttpResponse:
    """Sell this product to somebody."""
    one = rows.product(request, pk)
    if one.recurring:
        return redirect("panel:product_subscription", pk)
    crumbs = _crumbs(one)
    return _sell(request, reverse("panel:product", args=[pk]), product=one, crumbs=crumbs)


@policy("serve_customers")
@reads_and_writes
@creates
def sale_to(request: HttpRequest, pk: int) -> HttpResponse:
    """Sell something to this customer."""
    customer = accounts.seen(request, pk)
    accounts.within(request, customer, "serve_customers")
    crumbs = accounts.crumbs(customer)
    return _sell(request, crumbs[-1][1], customer=customer, crumbs=crumbs)


def _sell(
    request: HttpRequest, back: str, *, crumbs: list[tuple[str, str]],
    product: Product | None = None, customer: Customer | None = None,
) -> HttpResponse:  # fmt: skip
    """The form of a sale; what it costs and why is shown before it is made."""
    initial = {"product": request.GET.get("product", "")}
    form = SellForm.of(
        request, user=request.user, product=product, customer=customer, initial=initial
    )
    asked, offer = "preview" in request.POST, None
    if form.is_valid():
        what, to = form.what, form.chosen_customer
        with form.showing_refusals():
            if asked:
                with taken_back():
                    offer = form.chosen_product.sell(to, **what, by=request.user)
            else:
                made = form.chosen_product.sell(to, **what, by=request.user)
                words = {"what": made.text, "customer": to.name}
                messages.success(request, _("%(what)s: sold to %(customer)s.") % words)
                return redirect(back)
    context = {
        "form": form, "product": product, "customer": customer, "asked": asked, "offer": offer,
        "offer_on": accounts.date_of(offer) if offer is not None else None,
        "at_once": offer is not None and charging.is_invoiced_at_once(
            offer.customer, offer.location, offer.used_by or offer.customer, request.user,
            on=offer.location.today(),
        ),
        "address": request.path, "back": back, "crumbs": crumbs,
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/products/sale.html", context, status=status)


def _crumbs(one: Product | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Products"), reverse("panel:products"))]
    if one is not None:
        crumbs.append((one.name, reverse("panel:product", args=[one.pk])))
    return crumbs
