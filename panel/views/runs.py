"""Billing runs: looked at before, ordered, watched, and what came of them."""

import datetime as dt
from typing import Any, NamedTuple

from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing import previews
from billing import runs as billing
from billing.models import Account, BillingRun, BillingRunItem
from customers.models import Customer
from kit import clock
from kit.once import creates, new_key
from kit.policies import policy
from panel import rows
from panel.forms.runs import FURTHEST, RunForm
from spaces.models import Location

SHOWN = 200
RUNS_SHOWN = 50
# A run that nobody has taken up by then lacks its worker.
PATIENCE = dt.timedelta(seconds=20)
Outcome = BillingRunItem.Outcome
MADE = (Outcome.INVOICED, Outcome.DRAFTED)


@policy("keep_books")
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The runs so far, the newest first."""
    found = _seen(request).select_related("by", "location")
    places = list(Location.objects.all())
    context = {
        "runs": found[:RUNS_SHOWN], "several": len(places) > 1, "zone": _zone(places),
    }  # fmt: skip
    return render(request, "panel/runs/list.html", context)


def _zone(places: list[Location]) -> str:
    """On whose wall moments are told that belong to every location."""
    return places[0].timezone if places else "UTC"


def _seen(request: HttpRequest) -> QuerySet[BillingRun]:
    """Those of the locations whose books the person keeps, and those of every location."""
    places = request.user.places("keep_books")
    if places is None:
        return BillingRun.objects.all()
    return BillingRun.objects.filter(Q(location__in=places) | Q(location=None))


@policy("keep_books")
@require_http_methods(["GET", "HEAD", "POST"])
@creates
def new(request: HttpRequest) -> HttpResponse:
    """What a run would do, and the order to do it."""
    locations = rows.locations_within_reach(request, "keep_books")
    everywhere = request.user.places("keep_books") is None
    sent = request.method == "POST"
    asked = request.POST if sent else request.GET if "on" in request.GET else None
    form = RunForm(_with_key(asked), locations=locations, everywhere=everywhere)
    context = {"form": form, "key": new_key(), "several": len(locations) > 1, "crumbs": _crumbs()}
    if form.is_valid():
        what, chosen = form.what, form.chosen
        if sent:
            with form.showing_refusals():
                made = billing.ask(**what, by=request.user)
                return redirect("panel:run", made.pk)
        context |= _previewed(chosen, what["on"]) | {"location": what["location"]}
    return render(request, "panel/runs/new.html", context, status=form.status if sent else 200)


def _with_key(asked: QueryDict | None) -> QueryDict | None:
    """An address carries no key: it only asks."""
    if asked is None or "form_key" in asked:
        return asked
    found = asked.copy()
    found["form_key"] = "asks"
    return found


class Skipped(NamedTuple):
    """An account that is left out of a run, and why."""

    customer: Customer
    location: Location
    outcome: str
    amount: Any
    why: str
    date: dt.date | None


def _previewed(places: list[Location], on: dt.date) -> dict[str, Any]:
    """What the page shows of a preview: the biggest changes, and the sums of everything."""
    preview = previews.preview(on=on, locations=places)
    report = preview.report
    groups = sorted(report.by_plan.items(), key=lambda one: (one[0][1], -one[1], one[0][0]))
    return {
        "preview": preview,
        "on": on,
        "made": report.invoiced + report.drafted,
        "totals": sorted(report.totals.items()),
        "groups": [(name, currency, net) for (name, currency), net in groups],
        "rows": preview.rows[:SHOWN],
        "more_rows": max(len(preview.rows) - SHOWN, 0),
        "counts": {kind: preview.count(kind) for kind in ("new", "changed", "vanished", "same")},
        "skipped": _skipped(preview.skipped[:SHOWN]),
        "more_skipped": max(len(preview.skipped) - SHOWN, 0),
        "number_skipped": len(preview.skipped),
        "ahead": any(on > place.today() for place in places),
        "leaves_drafts": any(not place.run_issues for place in places),
        "running": BillingRun.objects.waiting().order_by("-pk").first(),
    }


def _skipped(items: list[BillingRunItem]) -> list[Skipped]:
    """Those that come to nothing, what is broken first."""
    customers = Customer.objects.in_bulk({one.customer_id for one in items})
    order = [Outcome.FAILED, Outcome.SUSPENDED, Outcome.ZERO]
    found = [
        Skipped(
            customers[one.customer_id], one.location, one.outcome, one.amount, one.text,
            one.billing_date,
        )
        for one in items
        if one.customer_id in customers
    ]  # fmt: skip
    return sorted(
        found, key=lambda one: (order.index(Outcome(one.outcome)), one.customer.sort_name)
    )


@policy("keep_books")
@require_safe
def lines(request: HttpRequest, customer: int) -> HttpResponse:
    """The lines that a run would put on a customer's invoices: a part of the preview."""
    found = get_object_or_404(Customer.objects.visible_to(request.user), pk=customer)
    places = rows.locations_within_reach(request, "keep_books")
    place = next((one for one in places if str(one.pk) == request.GET.get("location")), None)
    on = _day(request.GET.get("on", ""))
    if place is None or on is None or abs(on - place.today()) > FURTHEST:
        return render(request, "panel/runs/_lines.html", {"invoices": []})
    account = Account.objects.filter(customer=found, location=place).first()
    account = account or Account(customer=found, location=place)
    account.location = place
    [facts] = billing.facts_of([account], on)
    planned = [one for one in billing.worked_out(facts, on).planned if one.outcome in MADE]
    context = {"invoices": planned, "currency": place.currency, "customer": found}
    return render(request, "panel/runs/_lines.html", context)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


@policy("keep_books")
@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a run is, and once it is done, what came of it."""
    one = _find(request, pk)
    if one.finished_at is None:
        return render(request, "panel/runs/busy.html", {**_progress(one), "crumbs": _crumbs()})
    items = _items(request, one)
    made = items.filter(outcome__in=MADE)
    sums = made.order_by().values(currency=F("location__currency"))
    others = items.exclude(outcome__in=MADE).select_related("customer", "location")
    counts = dict(
        others.order_by().values_list("outcome").annotate(number=Count("pk")).order_by("outcome")
    )
    places = list(Location.objects.all())
    context = {
        "run": one,
        "run_key": str(one.pk),
        "zone": one.location.timezone if one.location else _zone(places),
        "sums": sums.annotate(total=Sum("amount"), number=Count("pk")).order_by("currency"),
        "made": made.count(),
        "drafts": made.filter(outcome=Outcome.DRAFTED, invoice__state="draft").count(),
        "failed": others.filter(outcome=Outcome.FAILED)[:SHOWN],
        "skipped": others.exclude(outcome=Outcome.FAILED)[:SHOWN],
        "number_failed": counts.pop(Outcome.FAILED, 0),
        "number_skipped": sum(counts.values()),
        "shown": SHOWN,
        "several": len(places) > 1,
        "crumbs": _crumbs(),
    }
    return render(request, "panel/runs/record.html", context)


def _find(request: HttpRequest, pk: int) -> BillingRun:
    return get_object_or_404(_seen(request).select_related("by", "location"), pk=pk)


def _items(request: HttpRequest, one: BillingRun) -> QuerySet[BillingRunItem]:
    places = request.user.places("keep_books")
    return one.items.all() if places is None else one.items.filter(location__in=places)


@policy("keep_books")
@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is; once done, the page loads itself again."""
    one = _find(request, pk)
    if one.finished_at is not None:
        response = HttpResponse()
        response["HX-Redirect"] = reverse("panel:run", args=[pk])
        return response
    return render(request, "shared/progress.html", _progress(one))


def _progress(one: BillingRun) -> dict[str, Any]:
    now = clock.now()
    waits = one.asked and one.leased_until is None
    return {
        "run": one,
        "label": _("Waiting to begin") if waits else _("Making invoices"),
        "done": one.done,
        "total": one.total,
        "poll_url": reverse("panel:run_progress", args=[one.pk]),
        "nobody_works": waits and now - one.started_at > PATIENCE,
    }


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Billing runs"), reverse("panel:runs"))]
