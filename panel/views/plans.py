import datetime as dt

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kit.once import creates
from kit.policies import allows, policy
from kit.problems import Refused
from panel import rows, simulations
from panel.forms.plans import EditPlanForm, NewPlanForm, PriceForm, house_currency
from plans.models import Contract, Plan
from spaces.models import Location

DAY = dt.timedelta(days=1)


@policy("see_panel")
@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan with its price of today and its subscribers."""
    in_force = Contract.objects.today("in_force", Location.objects.all().todays())
    running = in_force.values("plan").annotate(number=Count("pk"))
    subscribers = dict(running.values_list("plan", "number"))
    shown = Plan.objects.prefetch_related("prices", "location")
    archived = "archived" in request.GET
    shown = shown.exclude(archived_at=None) if archived else shown.live()
    context = {
        "plans": [
            (plan, plan.price_on(plan.today()), subscribers.get(plan.pk, 0)) for plan in shown
        ],
        "archived": archived,
        "archived_count": Plan.objects.exclude(archived_at=None).count(),
        "may_manage": allows(request, "manage_space"),
    }
    return render(request, "panel/plans/list.html", context)


@policy("see_panel")
@require_safe
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """A plan: its terms, its prices by date, who is on it."""
    one = rows.plan(request, pk)
    today = one.today()
    contracts = one.contracts.aggregate(
        running=Count("pk", filter=Q(pk__in=Contract.objects.in_force(on=today).values("pk"))),
        frozen=Count("pk", filter=Q(pk__in=Contract.objects.frozen(on=today).values("pk"))),
        scheduled=Count("pk", filter=Q(pk__in=Contract.objects.scheduled(on=today).values("pk"))),
    )
    prices = sorted(one.dated_prices, key=lambda pair: pair[0] or dt.date.min)
    current = one.price_on(today)
    context = {
        "plan": one,
        "today": today,
        "price": current,
        "prices": [(since, price, since is not None and since > today) for since, price in prices][
            ::-1
        ],
        "contracts": contracts,
        "credits": one.credits.live().prefetch_related("types"),
        "credit_currency": one.currency or house_currency(),
        "crumbs": _crumbs(),
        "may_manage": allows(request, "manage_space"),
    }
    return render(request, "panel/plans/show.html", context)


@policy("manage_space")
@creates
def new(request: HttpRequest) -> HttpResponse:
    """Make a plan."""
    form = NewPlanForm.of(request)
    _offer_locations(form, request)
    if form.is_valid():
        with form.showing_refusals():
            made = form.filled_in().offer(by=request.user)
            messages.success(request, _("The plan %s is there.") % made)
            return redirect("panel:plan", made.pk)
    context = {"form": form, "crumbs": _crumbs()}
    return render(request, "panel/plans/form.html", context, status=422 if form.errors else 200)


@policy("manage_space")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a plan for contracts signed from now on."""
    one = rows.plan(request, pk)
    form = EditPlanForm.of(request, record=one, instance=one)
    _offer_locations(form, request)
    if form.is_valid():
        with form.showing_refusals():
            one.edit(form.changes, seen=form.seen, by=request.user)
            messages.success(request, _("Saved. Signed contracts keep their terms."))
            return redirect("panel:plan", pk)
    context = {"form": form, "plan": one, "crumbs": _crumbs(one)}
    return render(request, "panel/plans/form.html", context, status=422 if form.errors else 200)


@policy("manage_space")
@creates
def price(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a price from a day on."""
    one = rows.plan(request, pk)
    initial = {"from_on": one.today() + DAY}
    form = PriceForm.of(request, currency=one.currency, initial=initial)
    asked, followers = "preview" in request.POST, None
    if form.is_valid():
        fields = form.cleaned_data
        what = {"price": fields["price"], "from_on": fields["from_on"]}
        with form.showing_refusals():
            if asked:
                currency = one.currency or house_currency()
                followers = simulations.followers(one, **what, currency=currency)
            else:
                one.set_price(**what, by=request.user)
                messages.success(request, _("The new price is set."))
                return redirect("panel:plan", pk)
    context = {
        "form": form, "plan": one, "asked": asked, "followers": followers, "crumbs": _crumbs(one),
    }  # fmt: skip
    status = 200 if asked else form.status
    return render(request, "panel/plans/price.html", context, status=status)


@policy("manage_space")
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Take no new contracts on this plan, or take them again."""
    one = rows.plan(request, pk)
    if request.method == "POST":
        try:
            if one.archived_at:
                one.restore(by=request.user)
                messages.success(request, _("%s takes new contracts again.") % one)
            else:
                one.archive(by=request.user)
                messages.success(request, _("%s takes no new contracts.") % one)
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("panel:plan", pk)
    return render(request, "panel/plans/archive.html", {"plan": one, "crumbs": _crumbs(one)})


def _offer_locations(form: NewPlanForm | EditPlanForm, request: HttpRequest) -> None:
    """Whoever manages some locations makes plans for each of those, not for all of them."""
    form.offer_locations(rows.locations_within_reach(request, "manage_space"))
    if "location" in form.fields and not request.user.may_everywhere("manage_space"):
        form.fields["location"].required = True


def _crumbs(one: Plan | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Plans"), reverse("panel:plans"))]
    if one is not None:
        crumbs.append((one.name, reverse("panel:plan", args=[one.pk])))
    return crumbs
