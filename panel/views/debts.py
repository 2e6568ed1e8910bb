"""Aged debt: who owes how much since when, and what the next daily job will do about it."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing import debts as reminding
from billing.accounts import BRACKETS, Aged, aged
from kit.money import ZERO
from kit.policies import policy
from panel import exports, rows
from panel.forms.debts import AsOfForm
from spaces.models import Location

SHOWN = 200
DAY = dt.timedelta(days=1)


@policy("keep_books")
@require_safe
def debts(request: HttpRequest) -> HttpResponse:
    """What is owed at a location, by how long it is overdue, and what goes out tomorrow."""
    locations, place = _place(request)
    context: dict[str, Any] = {"locations": locations, "place": place}
    if place is not None:
        today = place.today()
        form = _as_of(request, today)
        found = aged(place, on=form.day)
        steps = list(reminding.steps(place, today + DAY))
        context |= {
            "form": form,
            "day": form.day,
            "is_today": form.day == today,
            "tomorrow": today + DAY,
            "brackets": _brackets(),
            "rows": [(one, _cells_of(one.sums)) for one in found[:SHOWN]],
            "more": max(len(found) - SHOWN, 0),
            "number": len(found),
            "sums": _cells_of(_sums(found)),
            "total": sum((one.total for one in found), ZERO),
            "steps": steps[:SHOWN],
            "number_steps": len(steps),
            "more_steps": max(len(steps) - SHOWN, 0),
            "reminders": place.reminders,
        }
    return render(request, "panel/debts/list.html", context)


def _place(request: HttpRequest) -> tuple[list[Location], Location | None]:
    """The locations whose books this person keeps, and the one that the address asks for."""
    locations = rows.locations_within_reach(request, "keep_books")
    asked = request.GET.get("location", "")
    chosen = next((one for one in locations if str(one.pk) == asked), None)
    return locations, chosen or next(iter(locations), None)


def _as_of(request: HttpRequest, today: dt.date) -> AsOfForm:
    return AsOfForm(request.GET if request.GET.get("on") else None, today=today)


def _brackets() -> list[str]:
    """The heads of the columns of `aged`."""
    return [
        _("Not yet due"), _("1 to 30 days"), _("31 to 60 days"), _("61 to 90 days"),
        _("Over 90 days"),
    ]  # fmt: skip


def _cells_of(sums: Iterable[Decimal]) -> list[tuple[Decimal, str]]:
    """Each sum with the head of its column."""
    return list(zip(sums, _brackets(), strict=True))


def _sums(found: list[Aged]) -> list[Decimal]:
    return [sum((one.sums[n] for one in found), ZERO) for n in range(len(BRACKETS))]


@policy("keep_books")
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same as a file, with the same sums in its last row."""
    _locations, place = _place(request)
    if place is None:
        raise PermissionDenied
    head = [_("Customer"), _("E-mail"), *_brackets(), _("Total"), _("Currency")]
    return exports.table("aged-debt.csv", head, _cells(place, _as_of(request, place.today()).day))


def _cells(place: Location, on: dt.date) -> Iterator[list[Any]]:
    found, currency = aged(place, on=on), place.currency
    for one in found:
        sums = [exports.amount(value, currency) for value in (*one.sums, one.total)]
        email = one.customer.billing_email or one.customer.email
        yield [one.customer.name, email, *sums, currency]
    total = sum((one.total for one in found), ZERO)
    sums = [exports.amount(value, currency) for value in (*_sums(found), total)]
    yield [_("Total"), "", *sums, currency]
