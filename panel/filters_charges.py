"""What charges can be narrowed down by."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import Charge, Product
from panel.filters import NO, YES, HouseFilter, choice, date, key
from panel.filters_billing import MoneyFilter
from plans.models import Contract
from spaces.models import Location, Todays

STATES = [
    ("waiting", _("Not invoiced yet")),
    ("draft", _("On a draft")),
    ("invoiced", _("Invoiced")),
    ("void", _("Taken back")),
]


class ChargeFilter(MoneyFilter):
    """Charges, perhaps of one customer, one product or one contract."""

    state = choice(_("State"), STATES, method="by_state")
    kind = choice(_("Kind"), Charge.Kind.choices)
    from_on = date(_("From"), field_name="on", lookup_expr="gte")
    until_on = date(_("Until"), field_name="on", lookup_expr="lte")
    customer = key(_("Customer"), "customer_id")
    product = key(_("Product"), "product_id")
    contract = key(_("Contract"), "contract_id")
    subscription = key(_("Subscription"), "subscription_id")

    class Meta:
        model = Charge
        fields: list[str] = []

    def __init__(
        self, request: HttpRequest, todays: Todays, locations: list[Location],
        among: QuerySet[Charge] | None = None,
    ):  # fmt: skip
        seen = Charge.objects.visible_to(request.user) if among is None else among
        super().__init__(request, seen, todays, locations)

    @property
    def chips(self) -> list[tuple[Any, Any, str]]:
        """With product and contract by name."""
        user = self.request.user
        named = {
            self.form.fields["product"].label: Product.objects.visible_to(user),
            self.form.fields["contract"].label: Contract.objects.visible_to(user).select_related(
                "plan"
            ),
        }
        return [
            (label, named[label].filter(pk=value).first() or value, address)
            if label in named
            else (label, value, address)
            for label, value, address in super().chips
        ]

    def words(self, value: str) -> Q:
        return super().words(value) | Q(text__icontains=value.strip())

    def by_state(self, queryset, name, value):
        match value:
            case "waiting":
                return queryset.waiting()
            case "void":
                return queryset.filter(void__isnull=False)
        return queryset.filter(line__invoice__state="draft" if value == "draft" else "issued")


class ProductFilter(HouseFilter):
    """Products that are sold, unless the archived are asked for; a search finds both."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=200)
    recurring = choice(
        _("How it is sold"), [(NO, _("By piece")), (YES, _("By period"))], method="by_rhythm"
    )
    location = choice(_("Location"), field_name="location_id")
    archived = choice(
        _("Archive"), [(YES, _("Archived only"))], method="pass_over", empty=_("Not archived")
    )

    class Meta:
        model = Product
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Product.objects.visible_to(request.user), todays)
        self.offer("location", locations if len(locations) > 1 else [])

    def filter_queryset(self, queryset):
        found = super().filter_queryset(queryset)
        if self.asked.get("archived"):
            return found.filter(archived_at__isnull=False)
        return found if "q" in self.asked else found.live()

    def search(self, queryset, name, value):
        return queryset.filter(name__icontains=value.strip())

    def by_rhythm(self, queryset, name, value):
        return queryset.filter(recurring=value == YES)

    def pass_over(self, queryset, name, value):
        return queryset
