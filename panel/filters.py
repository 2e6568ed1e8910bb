"""What lists can be narrowed down by. The address keeps it, chips show it."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.hours import day_span
from bookings.models import Booking, Resource, ResourceType
from bookings.models import State as BookingState
from customers.models import Customer, Suspension, Team, TeamMembership
from customers.models.status import Status
from kit import clock
from kit.templatetags.house import day
from kit.widgets import DateInput
from plans.models import Contract, Plan
from plans.models.states import State
from spaces.models import Location, Todays

YES, NO, WAITS = "yes", "no", "approval"


def choice(label, choices=(), **kwargs) -> django_filters.ChoiceFilter:
    """One of a few; an empty address means all of them. Without choices they are set later."""
    return django_filters.ChoiceFilter(
        label=label, choices=choices, empty_label=kwargs.pop("empty", _("All")), **kwargs
    )


def date(label, **kwargs) -> django_filters.DateFilter:
    return django_filters.DateFilter(label=label, widget=DateInput, **kwargs)


def contract_day(label, bound: str) -> django_filters.DateFilter:
    """A bound on a day of a contract. One that was called off neither starts nor ends."""

    def within(queryset, name, value):
        return queryset.standing().filter(**{name: value})

    return date(label, field_name=bound, method=within)


def key(label: Any, column: str) -> django_filters.NumberFilter:
    """One row by its key, no larger than a database can hold."""
    return django_filters.NumberFilter(
        label=label, field_name=column, min_value=1, max_value=2**63 - 1, decimal_places=0
    )


class HouseFilter(django_filters.FilterSet):
    """A filter set whose choices are read once, and that can tell what is filtered by."""

    def __init__(self, request: HttpRequest, queryset: QuerySet, todays: Todays):
        self.todays = todays
        super().__init__(request.GET, queryset, request=request)

    def offer(self, name: str, rows: Iterable[Any]) -> None:
        """Give a choice its rows; one that leaves no choice is not offered."""
        choices = [(str(row.pk), str(row)) for row in rows]
        if choices:
            self.filters[name].extra["choices"] = choices
        else:
            del self.filters[name]

    @property
    def asked(self) -> dict[str, Any]:
        """What is filtered by, understood: name → value. What is not understood is left out."""
        self.form.is_valid()
        return {
            name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")
        }

    @property
    def chips(self) -> list[tuple[Any, Any, str]]:
        """(name, value, the address without it) for each, the search box left out."""
        found = []
        for name, value in self.asked.items():
            if name == "q":
                continue
            field = self.form.fields[name]
            words = dict(getattr(field, "choices", ())).get(value, value)
            if isinstance(value, dt.date):
                words = day(value)
            found.append((field.label, words, self._without(name)))
        return found

    @property
    def unread(self) -> list[tuple[Any, str, str]]:
        """(name, value, the address without it) for each that is in the address and cannot be
        understood: it is told, not dropped silently."""
        return [
            (self.form.fields[name].label, self.data.get(name, ""), self._without(name))
            for name in self.form.errors
        ]

    @property
    def clear_url(self) -> str:
        return self._without(*self.asked, *self.form.errors)

    def _without(self, *names: str) -> str:
        query = self.data.copy()
        for name in (*names, "after", "before"):
            query.pop(name, None)
        return f"?{query.urlencode()}"


class ArchiveFilter(HouseFilter):
    """A list of what can be archived. A search finds the archived too."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=200)
    archived = choice(
        _("Archive"), [(YES, _("Archived only")), ("all", _("Archived too"))],
        method="pass_over", empty=_("Not archived"),
    )  # fmt: skip

    def filter_queryset(self, queryset):
        found = super().filter_queryset(queryset)
        archived = self.asked.get("archived")
        if archived == YES:
            return found.archived()
        return found if archived or "q" in self.asked else found.live()

    def search(self, queryset, name, value):
        return queryset.matching(value)

    def pass_over(self, queryset, name, value):
        """Asked about together with the others."""
        return queryset


class CustomerFilter(ArchiveFilter):
    """`on` asks as of a date, else each customer's today."""

    status = choice(_("Status"), Status.choices, method="by_status")
    type = choice(_("Type"), Customer.Type.choices)
    plan = choice(_("Plan"), method="by_contract", empty=_("Any"))
    contract = choice(_("Contract"), State.choices, method="by_contract", empty=_("Any"))
    suspended = choice(
        _("Access"),
        [(YES, _("Suspended")), (WAITS, _("Waiting for approval")), (NO, _("Not suspended"))],
        method="by_suspension",
    )
    team = choice(_("Team"), method="by_team", empty=_("Any"))
    location = choice(_("Location"), field_name="location_id")
    on = date(_("As of"), method="pass_over")

    class Meta:
        model = Customer
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Customer.objects.visible_to(request.user), todays)
        self.offer("plan", Plan.objects.only("name"))
        self.offer("team", Team.objects.live().only("name"))
        self.offer("location", locations if len(locations) > 1 else [])

    @property
    def asked_on(self) -> dt.date | Todays:
        """The day that is asked about."""
        return self.asked.get("on") or self.todays

    def contracts(self, word: str) -> QuerySet[Contract]:
        """Contracts of which a word of their queryset holds on the day asked about."""
        return Contract.objects.all().today(word, self.asked_on)

    def by_status(self, queryset, name, value):
        return getattr(queryset, f"{value}s")(on=self.asked_on)

    def by_contract(self, queryset, name, value):
        """Plan and state are asked of one contract; a plan alone means a contract in force."""
        if name == "contract" and "plan" in self.asked:
            return queryset
        contracts = self.contracts(self.asked.get("contract") or "in_force")
        if plan := self.asked.get("plan"):
            contracts = contracts.filter(plan=plan)
        return queryset.filter(Exists(contracts.filter(customer=OuterRef("pk"))))

    def by_suspension(self, queryset, name, value):
        """Whoever waits for approval is asked for apart from those who were turned away."""
        if value == NO:
            return queryset.not_suspended()
        asked = Suspension.objects.waiting() if value == WAITS else Suspension.objects.closing()
        return queryset.filter(Exists(asked.filter(customer=OuterRef("pk"))))

    def by_team(self, queryset, name, value):
        present = TeamMembership.objects.filter(team=value, left_at=None)
        return queryset.filter(Exists(present.filter(customer=OuterRef("pk"))))


class TeamFilter(ArchiveFilter):
    class Meta:
        model = Team
        fields: list[str] = []

    def __init__(self, request: HttpRequest):
        super().__init__(request, Team.objects.visible_to(request.user), Todays())


class ContractFilter(HouseFilter):
    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=200)
    state = choice(_("State"), State.choices, method="by_state")
    plan = choice(_("Plan"), field_name="plan_id")
    cancelled = choice(_("Cancelled"), [(YES, _("Cancelled"))], method="by_cancellation")
    starts_from = contract_day(_("Starts from"), "starts_on__gte")
    starts_until = contract_day(_("Starts until"), "starts_on__lte")
    ends_from = contract_day(_("Ends from"), "ends_on__gte")
    ends_until = contract_day(_("Ends until"), "ends_on__lte")
    location = choice(_("Location"), field_name="location_id")

    class Meta:
        model = Contract
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Contract.objects.visible_to(request.user), todays)
        self.offer("plan", Plan.objects.only("name"))
        self.offer("location", locations if len(locations) > 1 else [])

    def search(self, queryset, name, value):
        return queryset.filter(customer__in=Customer.objects.matching(value))

    def by_state(self, queryset, name, value):
        return queryset.today(value, self.todays)

    def by_cancellation(self, queryset, name, value):
        return queryset.cancelled().today("ending", self.todays)


class BookingFilter(HouseFilter):
    """What lies ahead, unless a day or a state that is over is asked for."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=200)
    state = choice(
        _("State"), [*BookingState.choices, ("every", _("Every state"))], method="by_state",
        empty=_("Standing"),
    )  # fmt: skip
    type = choice(_("Type"), field_name="resource__type_id")
    resource = choice(_("Resource"), field_name="resource_id")
    from_on = date(_("From"), method="by_first_day")
    until_on = date(_("Until"), method="by_last_day")
    customer = key(_("Customer"), "customer_id")
    team = key(_("Team"), "on_behalf_of_id")
    location = choice(_("Location"), field_name="resource__location_id")

    class Meta:
        model = Booking
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Booking.objects.visible_to(request.user), todays)
        self._zones = {location.timezone for location in locations} or {"UTC"}
        self._now = clock.now()
        resources = Resource.objects.visible_to(request.user).live().only("name")
        self.offer("type", ResourceType.objects.only("name"))
        self.offer("resource", resources)
        self.offer("location", locations if len(locations) > 1 else [])

    def filter_queryset(self, queryset):
        asked = self.asked
        found = super().filter_queryset(queryset)
        if "state" not in asked:
            found = found.standing(at=self._now)
        over = {BookingState.CANCELLED, BookingState.LAPSED, BookingState.NO_SHOW, "every"}
        if not asked.keys() & {"from_on", "until_on"} and asked.get("state") not in over:
            found = found.filter(end__gt=self._now)
        return found

    @property
    def waiting(self) -> int:
        """How many wait for approval."""
        tentative = Booking.objects.visible_to(self.request.user).standing(at=self._now)
        return tentative.filter(state=BookingState.TENTATIVE).count()

    def search(self, queryset, name, value):
        return queryset.filter(customer__in=Customer.objects.matching(value))

    def by_state(self, queryset, name, value):
        match value:
            case "every":
                return queryset
            case BookingState.LAPSED:
                lapsing = queryset.lapsing(at=self._now)
                return queryset.filter(state=value) | lapsing
            case BookingState.TENTATIVE:
                return queryset.standing(at=self._now).filter(state=value)
        return queryset.filter(state=value)

    def by_first_day(self, queryset, name, value):
        return queryset.filter(end__gt=min(day_span(value, zone)[0] for zone in self._zones))

    def by_last_day(self, queryset, name, value):
        return queryset.filter(start__lt=max(day_span(value, zone)[1] for zone in self._zones))
