"""One deed for many customers at once: first what stands against each, then whatever can be done.

Each customer is a transaction of its own. Those refused stay on the page with their reasons.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods

from customers.models import Customer
from customers.models.customer import CustomerQuerySet
from kit.forms import ConfirmForm
from kit.policies import policy
from kit.problems import Problem, Refused
from panel.forms.bulk import BulkSuspendForm, TeamForm
from panel.views.suspensions import bookings_ahead
from spaces.models import Location

MOST_AT_ONCE = 100

Against = dict[int, list[Problem]]

reads_and_writes = require_http_methods(["GET", "HEAD", "POST"])


class Words(NamedTuple):
    """What the page of a deed says: before it, on its button, and after it."""

    title: str | Promise
    note: str | Promise
    icon: str
    will: str | Promise
    button: Any
    done: Any
    danger: bool = False


ARCHIVE = Words(
    title=_l("Archive customers"),
    note=_l(
        "Archived customers leave the lists. A search finds them, reports keep them, and they can "
        "be brought back at any time."
    ),
    icon="archive",
    will=_l("Will be archived"),
    button=ngettext_lazy("Archive %d customer", "Archive %d customers"),
    done=ngettext_lazy("%d customer is archived.", "%d customers are archived."),
)
SUSPEND = Words(
    title=_l("Suspend customers"),
    note=_l(
        "They are signed out of the portal at once and make no bookings. Contracts stay as they "
        "are; fees that fall due meanwhile are not billed."
    ),
    icon="ban",
    will=_l("Will be suspended"),
    button=ngettext_lazy("Suspend %d customer", "Suspend %d customers"),
    done=ngettext_lazy("%d customer is suspended.", "%d customers are suspended."),
    danger=True,
)
REINSTATE = Words(
    title=_l("Lift suspensions"),
    note=_l(
        "They may use the portal and book again. Fees that fell due meanwhile are waived; to "
        "charge them, lift the suspension on the customer's own page."
    ),
    icon="shield-check",
    will=_l("Will not be suspended any more"),
    button=ngettext_lazy("Lift %d suspension", "Lift %d suspensions"),
    done=ngettext_lazy("%d suspension is lifted.", "%d suspensions are lifted."),
)
TEAM = Words(
    title=_l("Add customers to a team"),
    note=_l("They join as people of the team, not as its admins."),
    icon="users",
    will=_l("Will join"),
    button=ngettext_lazy("Add %d customer", "Add %d customers"),
    done=ngettext_lazy("%d customer has joined.", "%d customers have joined."),
)


@policy("manage_space")
@reads_and_writes
def archive(request: HttpRequest) -> HttpResponse:
    """Archive the ticked customers."""
    ticked = _ticked(request).live()
    return _bulk(
        request,
        ARCHIVE,
        ticked,
        form=ConfirmForm.of(request),
        against=lambda chosen: ticked.archive_problems(on=Location.objects.all().todays()),
        deed=lambda customer: customer.archive(by=request.user),
    )


@policy("serve_customers")
@reads_and_writes
def suspend(request: HttpRequest) -> HttpResponse:
    """Suspend the ticked customers, all for one reason."""
    ticked = _ticked(request)
    form = BulkSuspendForm.of(request, ahead=bookings_ahead(ticked.not_suspended()))
    return _bulk(
        request,
        SUSPEND,
        ticked,
        form=form,
        against=lambda chosen: {one.pk: one.suspend_problems() for one in chosen},
        deed=lambda customer: customer.suspend(**form.cleaned_data, by=request.user),
    )


@policy("serve_customers")
@reads_and_writes
def reinstate(request: HttpRequest) -> HttpResponse:
    """Lift the suspensions of the ticked customers; missed fees are waived."""
    return _bulk(
        request,
        REINSTATE,
        _ticked(request),
        form=ConfirmForm.of(request),
        against=lambda chosen: {one.pk: one.reinstate_problems() for one in chosen},
        deed=lambda customer: customer.reinstate(by=request.user),
    )


@policy("serve_customers")
@reads_and_writes
def team(request: HttpRequest) -> HttpResponse:
    """Take the ticked customers into one team."""
    form = TeamForm.of(request, user=request.user, initial={"team": request.GET.get("team")})
    found = form.chosen
    return _bulk(
        request,
        TEAM,
        _ticked(request),
        form=form,
        against=lambda chosen: found.join_problems(chosen) if found else {},
        deed=lambda customer: found.add(customer, by=request.user) if found else None,
        to=reverse("panel:team", args=[found.pk]) if found else "",
    )


def _ticked(request: HttpRequest) -> CustomerQuerySet:
    """Those of the ticked customers whom the person may see."""
    keys = [int(key) for key in _asked(request).getlist("ids") if re.fullmatch(r"[0-9]{1,18}", key)]
    seen = Customer.objects.visible_to(request.user)
    return seen.filter(pk__in=keys[:MOST_AT_ONCE])


def _asked(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _bulk(
    request: HttpRequest,
    words: Words,
    ticked: CustomerQuerySet,
    *,
    form: Any,
    against: Callable[[list[Customer]], Against],
    deed: Callable[[Customer], Any],
    to: str = "",
) -> HttpResponse:
    """The page of a deed: what stands `against` each, and then what the `deed` leaves undone.

    When nothing is left it leads `to` a page, else back to the list as it was filtered.
    """
    back_query = QueryDict(_asked(request).get("back", "")).urlencode()
    back = f"{reverse('panel:customers')}?{back_query}".rstrip("?")
    chosen = list(ticked.select_related("location").prefetch_related("suspensions"))
    beyond = _beyond_reach(request, chosen)
    if form.is_valid():
        refused = beyond | _do(deed, [one for one in chosen if one.pk not in beyond])
        done = len(chosen) - len(refused)
        if done:
            messages.success(request, words.done % done)
        if not refused:
            return redirect(to or back)
        chosen = [customer for customer in chosen if customer.pk in refused]
        problems = refused
    else:
        problems = against(chosen) | beyond
    possible = sum(not problems.get(customer.pk) for customer in chosen)
    context = {
        "words": words,
        "form": form,
        "rows": [(customer, problems.get(customer.pk, [])) for customer in chosen],
        "possible": possible,
        "button": words.button % possible,
        "too_many": len(_asked(request).getlist("ids")) > MOST_AT_ONCE,
        "most": MOST_AT_ONCE,
        "back": back,
        "back_query": back_query,
        "crumbs": [(_("Customers"), back)],
    }
    return render(request, "panel/customers/bulk.html", context, status=form.status)


def _do(deed: Callable[[Customer], Any], customers: Iterable[Customer]) -> Against:
    """Do it to each; returns the reasons of those that were refused."""
    refused = {}
    for customer in customers:
        try:
            deed(customer)
        except Refused as error:
            refused[customer.pk] = error.problems
    return refused


def _beyond_reach(request: HttpRequest, customers: Iterable[Customer]) -> Against:
    """Those at locations where the person does not have the right that the page needs."""
    right: Any = getattr(request, "policy", "")
    text = _("Your role does not reach as far as this location.")
    return {
        customer.pk: [Problem("beyond_reach", text)]
        for customer in customers
        if not request.user.may(right, at=customer.location)
    }
