"""Tax: from which day which rate holds, for what is sold, for a location and for a customer."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.retaxing import compared, kept_lines
from kit.once import creates
from kit.policies import policy
from kit.templatetags.house import percent
from panel import rows
from panel.forms.taxes import ExemptionForm, SmallBusinessForm, TaxRateForm
from panel.views.bulk_invoices import MOST_AT_ONCE

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("manage_space")
@reads_and_writes
@creates
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the tax rate of a plan from a day on."""
    return _rate(request, rows.plan(request, pk), "plan", reverse("panel:plans"), _("Plans"))


@policy("manage_space")
@reads_and_writes
@creates
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the tax rate of a product from a day on."""
    one = rows.product(request, pk)
    return _rate(request, one, "product", reverse("panel:products"), _("Products"))


@policy("manage_space")
@reads_and_writes
@creates
def resource_type(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the tax rate of a resource type from a day on."""
    one = rows.resource_type(request, pk)
    return _rate(request, one, "resource_type", reverse("panel:resources"), _("Resources"))


@policy("own_space")
@reads_and_writes
@creates
def location(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the tax rate of a location from a day on."""
    one = rows.location(request, pk)
    form = TaxRateForm.of(request, is_location=True, initial={"from_on": one.today()})
    return _change(
        request, one, form, lambda what: one.set_tax_rate(**what, by=request.user),
        name="location_tax", back=reverse("panel:settings"), title=_("Tax rate"),
        crumbs=[(_("Settings"), reverse("panel:settings"))], dated=_rates_of(one),
        saved=_("The tax rate is set."),
    )  # fmt: skip


@policy("own_space")
@reads_and_writes
@creates
def small_business(request: HttpRequest, pk: int) -> HttpResponse:
    """Say from which day a location charges no tax as a small business."""
    one = rows.location(request, pk)
    form = SmallBusinessForm.of(request, initial={"from_on": one.today()})
    dated = [
        (row.from_on, row.text if row.applies else _("Charges tax"), "")
        for row in one.small_business_periods.order_by("-from_on")
    ]
    return _change(
        request, one, form, lambda what: one.set_small_business(**what, by=request.user),
        name="location_small_business", back=reverse("panel:settings"), title=_("Small business"),
        crumbs=[(_("Settings"), reverse("panel:settings"))], dated=dated, saved=_("Saved."),
    )  # fmt: skip


@policy("keep_books")
@reads_and_writes
@creates
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """Exempt a customer from tax from a day on, or tax them again."""
    one = rows.customer(request, pk)
    form = ExemptionForm.of(request, initial={"from_on": one.location.today()})
    dated = [
        (row.from_on, row.get_category_display() if row.category else _("Taxed"), row.reason)
        for row in one.exemptions.order_by("-from_on")
    ]
    back = reverse("panel:customer", args=[pk])
    return _change(
        request, one, form, lambda what: one.set_exemption(**what, by=request.user),
        name="customer_tax", back=back, title=_("Exemption from tax"),
        crumbs=[(_("Customers"), reverse("panel:customers")), (one.name, back)], dated=dated,
        saved=_("Saved."),
    )  # fmt: skip


def _rate(request: HttpRequest, one: Any, name: str, listed: str, list_title: str) -> HttpResponse:
    form = TaxRateForm.of(request, is_location=False, initial={"from_on": one.today()})
    back = reverse(f"panel:{name}", args=[one.pk])
    return _change(
        request, one, form, lambda what: one.set_tax_rate(**what, by=request.user),
        name=f"{name}_tax", back=back, title=_("Tax rate"),
        crumbs=[(list_title, listed), (str(one), back)], dated=_rates_of(one),
        saved=_("The tax rate is set."),
    )  # fmt: skip


def _rates_of(one: Any) -> list[tuple[Any, str, str]]:
    """The rates by date, the latest first: (from, words, reason)."""
    latest_first = sorted(
        one.tax_rates.all(), key=lambda row: row.from_on or dt.date.min, reverse=True
    )
    return [
        (row.from_on, _("the location's") if row.rate is None else percent(row.rate),
         row.reason or row.get_category_display())
        for row in latest_first
    ]  # fmt: skip


def _replacements(invoices: set[int]) -> str:
    """The page on which invoices that keep their tax can be replaced; "" where there are none."""
    if not invoices:
        return ""
    query = QueryDict(mutable=True)
    query.setlist("ids", [str(key) for key in sorted(invoices)[: MOST_AT_ONCE + 1]])
    return f"{reverse('panel:invoices_replacement')}?{query.urlencode()}"


def _change(
    request: HttpRequest, one: Any, form: Any, deed: Callable[[dict[str, Any]], Any], *,
    name: str, back: str, title: str, crumbs: list, dated: list, saved: str,
) -> HttpResponse:  # fmt: skip
    """Show what the change would do, or make it."""
    asked, change = "preview" in request.POST, None
    if form.is_valid():
        what = {key: value for key, value in form.cleaned_data.items() if key != "form_key"}
        with form.showing_refusals():
            if asked:
                change = compared(one, lambda: deed(what), from_on=what["from_on"])
            else:
                deed(what)
                messages.success(request, saved)
                kept = {one.line.invoice_id for one in kept_lines(one, what["from_on"])}
                return redirect(_replacements(kept) or back)
    context = {
        "form": form, "asked": asked, "change": change, "subject": one, "title": title,
        "address": reverse(f"panel:{name}", args=[one.pk]), "back": back, "crumbs": crumbs,
        "dated": dated,
    }  # fmt: skip
    return render(request, "panel/taxes/change.html", context, status=200 if asked else form.status)
