import datetime as dt

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from billing.charging import payer_of
from customers.doors import PortalRequest
from customers.models.status import Status
from kit import words
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from plans import previews
from plans.cycles import DAY
from plans.models import Contract, Plan
from plans.models.states import State
from portal import rows
from portal.comparing import compared
from portal.forms.contracts import JoinForm

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


@policy("customer")
@require_safe
def plans(request: PortalRequest) -> HttpResponse:
    """What one could sign at one's location, with all that it costs and binds to."""
    customer = request.customer
    today = customer.location.today()
    offered = list(rows.plans(customer.location))
    full = Plan.objects.filter(pk__in=[plan.pk for plan in offered]).full_from(today)
    running = customer.contracts.running_or_scheduled(on=today)
    mine = {one.plan_id: one for one in running.with_history().order_by("-starts_on")}
    context = {
        "customer": customer,
        "today": today,
        "plans": [
            (plan, plan.price_on(today), mine.get(plan.pk), plan.pk in full) for plan in offered
        ],
    }
    return render(request, "portal/plans/list.html", context)


@policy("customer")
@reads_and_writes
@creates
def join(request: PortalRequest, pk: int) -> HttpResponse:
    """Sign a plan, after a look at its days, its money and what it binds to."""
    plan, customer = rows.plan(request, pk), request.customer
    today = customer.location.today()
    asked = "preview" in request.POST
    form = JoinForm.of(request, plan=plan, customer=customer, on=today, asked=asked)
    if form.is_valid() and not asked:
        with form.showing_refusals():
            contract = plan.sign_up(customer, **form.what, by=request.user)
            messages.success(request, _welcome(contract))
            return redirect("portal:contract", contract.pk)
    preview, comparison, against = None, None, []
    if form.first_day is not None:
        what = form.what | {"by": request.user}
        try:
            preview = previews.of_sign_up(plan, customer, **what)
            comparison = compared(
                customer, lambda: plan.sign_up(customer, **what),
                payer=payer_of(customer, what["on_behalf_of"]),
            )  # fmt: skip
        except Refused as refused:
            against = [problem.text for problem in refused.problems]
    context = {
        "form": form,
        "member_from": _member_from(preview) if preview else None,
        "plan": plan,
        "price": plan.price_on(form.first_day or today),
        "customer": customer,
        "today": today,
        "asked": asked,
        "preview": preview,
        "comparison": comparison,
        "against": against,
        "crumbs": [(_("Plans"), reverse("portal:plans"))],
    }
    # What is only asked about is an answer, even when the answer is no.
    status = 200 if asked else form.status
    return render(request, "portal/plans/join.html", context, status=status)


def _member_from(preview: previews.SignUp) -> dt.date | None:
    """The day on which signing makes a member of a contact; None for whoever is one by then."""
    first = preview.contract.starts_on
    became = {turn.on for turn in preview.turns if turn.status == Status.MEMBER}
    if preview.status_before == Status.CONTACT and preview.status == Status.MEMBER:
        became.add(first)
    return first if first in became else None


def _welcome(contract: Contract) -> str:
    first = contract.starts_on
    parts = {"plan": contract.plan.name, "day": words.day(first)}
    becomes_member = contract.customer.status_on(first - DAY) == Status.CONTACT
    if contract.state == State.SCHEDULED:
        if becomes_member:
            return _("%(plan)s is yours from %(day)s. You are a member from that day on.") % parts
        return _("%(plan)s is yours from %(day)s.") % parts
    if becomes_member:
        return _("Welcome! %(plan)s is yours, and you are a member from today.") % parts
    return _("%(plan)s is yours from today.") % parts
