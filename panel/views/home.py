import datetime as dt
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, Min, OuterRef, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from billing.models import Claim, Invoice, Settlement
from billing.models.claims import ClaimQuerySet
from billing.models.invoices import InvoiceQuerySet
from bookings.hours import day_span
from bookings.models import Booking, CheckIn, Resource, State
from bookings.models.booking import BookingQuerySet
from customers.models import Customer, Suspension, User
from customers.models.customer import CustomerQuerySet
from kit import clock, guards, jobs
from kit.policies import policy
from kit.templatetags.house import money, number, percent
from panel.charts import columns
from panel.occupancy import Today
from plans.models import Contract, HeldAnnouncement
from plans.models.contracts import ContractQuerySet
from spaces.models import Location, Todays

DAY = dt.timedelta(days=1)
SOON = dt.timedelta(days=14)
MONTH = dt.timedelta(days=30)
DAILY_IS_DEAD_AFTER = dt.timedelta(days=2)
ROWS = 6


class Figure(NamedTuple):
    """A number and the address of the rows behind it."""

    label: str | Promise
    value: int | str
    url: str
    icon: str
    note: str | Promise = ""


@policy("see_panel")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is going on: who is here, what starts and ends, and what needs somebody."""
    todays = Location.objects.all().todays()
    today = todays.most
    live = Resource.objects.visible_to(request.user).live()
    resources = list(live.select_related("type", "location"))
    bookings = Booking.objects.visible_to(request.user)
    contracts = Contract.objects.visible_to(request.user)
    starting = contracts.standing().filter(starts_on__range=(today + DAY, today + SOON))
    ending = contracts.standing().filter(ends_on__range=(today, today + MONTH))
    customers = Customer.objects.visible_to(request.user)
    context = {
        "today": today,
        "of_today": _of_today(resources, bookings) if resources else None,
        "figures": [
            *_people(customers, todays),
            *_agreements(contracts, todays, starting, ending),
        ],
        "of_money": [
            *_money(Invoice.objects.visible_to(request.user), todays),
            *_claims(Claim.objects.visible_to(request.user)),
        ],
        "starting": _rows(starting.order_by("starts_on", "pk")),
        "ending": _rows(ending.order_by("ends_on", "pk")),
        "columns": columns([(day, customers.members(on=day).count()) for day in _months(today)]),
        "waiting": Suspension.objects.waiting().filter(customer__in=customers.live()).count(),
        "held": HeldAnnouncement.objects.filter(customer__in=customers)
        .select_related("customer")
        .order_by("since")[:ROWS],
        "daily": jobs.latest("daily"),
        "daily_is_dead": _daily_is_dead(),
        "guards_missing": guards.missing(),
        "empty": not customers.exists(),
    }
    return render(request, "panel/home.html", context)


class OfToday(NamedTuple):
    """What is booked today: the figures, and the next bookings."""

    figures: list[Figure]
    bookings: list[Booking]
    more: int


def _of_today(resources: list[Resource], bookings: BookingQuerySet) -> OfToday:
    """Bookings, arrivals and occupancy of the date that it is where each resource is."""
    now = clock.now()
    spans = [day_span(one.location.today(), one.zone) for one in resources]
    start, end = min(first for first, _last in spans), max(last for _first, last in spans)
    near = bookings.standing(at=now).filter(start__lt=end, end__gt=start).shown()
    came = CheckIn.objects.filter(booking=OuterRef("pk"), refused_because="")
    of_today: list[Any] = [
        one
        for one in near.annotate(has_come=Exists(came)).order_by("start", "pk")
        if one.resource.location.today() in one.days
    ]
    rest = [one for one in of_today if one.end > now]
    expected = [one for one in rest if one.state == State.CONFIRMED and not one.has_come]
    waiting = bookings.filter(state=State.TENTATIVE, start__gt=now).count()
    figures = [
        Figure(_("Bookings today"), len(of_today), reverse("panel:calendar"), "calendar-days"),
        Figure(_("Still expected"), len(expected), reverse("panel:check_ins"), "concierge-bell"),
        Figure(_("To approve"), waiting, f"{reverse('panel:bookings')}?state=tentative", "clock"),
        _occupancy(resources, now),
    ]
    return OfToday(figures, rest[:ROWS], max(0, len(rest) - ROWS))


def _occupancy(resources: list[Resource], now: dt.datetime) -> Figure:
    """How much of today's open hours is booked."""
    booked, open_ = Today.of(resources, now).share
    value = percent(round(100 * booked / open_)) if open_ else "–"
    hours = {"booked": number(round(booked / 60)), "open": number(round(open_ / 60))}
    note = gettext("%(booked)s of %(open)s hours") % hours if open_ else ""
    calendar = reverse("panel:calendar")
    return Figure(_("Occupancy today"), value, calendar, "chart-no-axes-column", note)


def _people(customers: CustomerQuerySet, todays: Todays) -> list[Figure]:
    everybody = customers.live()
    members = everybody.members(on=todays).count()
    closed = Suspension.objects.closing().filter(customer__in=everybody).count()
    page = reverse("panel:customers")
    return [
        Figure(_("Members"), members, f"{page}?status=member", "badge-check"),
        Figure(_("Contacts"), everybody.count() - members, f"{page}?status=contact", "user-round"),
        Figure(_("Suspended"), closed, f"{page}?suspended=yes", "ban"),
    ]


def _agreements(
    contracts: ContractQuerySet, todays: Todays, starting: QuerySet, ending: QuerySet
) -> list[Figure]:
    today = todays.most
    ended = contracts.standing().filter(ends_on__range=(today - MONTH, today - DAY))
    return [
        Figure(
            _("Starting"), starting.count(),
            _address(starts_from=today + DAY, starts_until=today + SOON, sort="start"),
            "calendar-plus", _("in the next 14 days"),
        ),
        Figure(
            _("Ending"), ending.count(),
            _address(ends_from=today, ends_until=today + MONTH, sort="end"),
            "calendar-x", _("in the next 30 days"),
        ),
        Figure(
            _("Ended"), ended.count(),
            _address(ends_from=today - MONTH, ends_until=today - DAY, sort="-end"),
            "history", _("in the last 30 days"),
        ),
        Figure(
            _("Cancelled"), contracts.cancelled().today("ending", todays).count(),
            _address(cancelled="yes", sort="end"), "file-x", _("and still running"),
        ),
        Figure(
            _("Frozen"), contracts.today("frozen", todays).count(), _address(state="frozen"),
            "snowflake", _("today"),
        ),
    ]  # fmt: skip


def _money(invoices: InvoiceQuerySet, todays: Todays) -> list[Figure]:
    """Invoices that nobody has paid: those whose day has not come, and those whose day has."""
    page = reverse("panel:invoices")
    found = []
    for settlement, label, icon, nothing in (
        (Settlement.OPEN, _("Unpaid, not due yet"), "receipt-text", _("everything is paid")),
        (Settlement.OVERDUE, _("Overdue"), "hourglass", _("nobody is late")),
    ):
        asked = invoices.in_settlement(settlement, on=todays).order_by()
        sums = asked.values_list("location__currency").annotate(
            number=Count("pk"), left=Sum(F("total") - F("settled"))
        )
        rows = list(sums.order_by("location__currency"))
        note = ", ".join(money(left, currency) for currency, _number, left in rows) or nothing
        value = sum(number for _currency, number, _left in rows)
        found.append(Figure(label, value, f"{page}?settlement={settlement}", icon, note))
    return found


def _claims(claims: ClaimQuerySet) -> list[Figure]:
    """Unpaid claims, where there are any."""
    unpaid = claims.unpaid().order_by()
    sums = unpaid.values_list("location__currency").annotate(
        number=Count("pk"), left=Sum(F("amount") - F("settled"))
    )
    rows = list(sums.order_by("location__currency"))
    if not rows:
        return []
    note = ", ".join(money(left, currency) for currency, _count, left in rows)
    value = sum(count for _currency, count, _left in rows)
    return [Figure(_("Unpaid claims"), value, reverse("panel:claims"), "scroll-text", note)]


def _address(**asked: object) -> str:
    return f"{reverse('panel:contracts')}?{urlencode(asked)}"


def _rows(contracts: QuerySet) -> list[Contract]:
    return list(contracts.select_related("customer", "plan")[:ROWS])


def _months(today: dt.date) -> list[dt.date]:
    """The first days of the last twelve months, and today."""
    this_month = today.year * 12 + today.month - 1
    firsts = [divmod(month, 12) for month in range(this_month - 11, this_month + 1)]
    days = [dt.date(year, month + 1, 1) for year, month in firsts]
    return [*days, today] if today.day > 1 else days


def _daily_is_dead() -> bool:
    """Whether the daily job has not run for two days, in a house that is older than that."""
    last = jobs.latest("daily")
    since = last.started_at if last else User.objects.aggregate(first=Min("joined_at"))["first"]
    return since is not None and clock.now() - since > DAILY_IS_DEAD_AFTER
