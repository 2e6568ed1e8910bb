"""What lists of money can be narrowed down by: invoices, credit notes and payments."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from billing.models import Claim, ClaimSettlement, CreditNote, Invoice, Payment, Settlement
from customers.models import Customer
from panel.filters import HouseFilter, choice, date, key
from spaces.models import Location, Todays

DRAFT = "draft"
# In the order in which people work them off.
SETTLEMENTS = [
    (DRAFT, _("Drafts")),
    (Settlement.OPEN, _("Open")),
    (Settlement.PART_PAID, _("Part paid")),
    (Settlement.OVERDUE, _("Overdue")),
    (Settlement.PAID, _("Paid")),
    (Settlement.CREDITED, _("Credited")),
    (Settlement.WRITTEN_OFF, _("Written off")),
]
# What there is to do something about: counted.
TO_DO = {DRAFT, Settlement.OPEN, Settlement.PART_PAID, Settlement.OVERDUE}


class MoneyFilter(HouseFilter):
    """Rows of the locations that a person may see, found by customer, number and days."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=200)
    location = choice(_("Location"), field_name="location_id")
    customer = key(_("Customer"), "customer_id")
    # Shown otherwise than as chips.
    silent: tuple[str, ...] = ("q",)

    def __init__(
        self, request: HttpRequest, queryset: QuerySet, todays: Todays, locations: list[Location]
    ):
        super().__init__(request, queryset, todays)
        self.locations = locations
        self.offer("location", locations if len(locations) > 1 else [])

    @property
    def chips(self) -> list[tuple[Any, Any, str]]:
        """Those of `HouseFilter`, with the customer by name."""
        fields = self.form.fields
        silent = {fields[name].label for name in self.silent}
        found = []
        for label, value, address in super().chips:
            if label in silent:
                continue
            if label == fields["customer"].label:
                seen = Customer.objects.visible_to(self.request.user)
                value = seen.filter(pk=value).first() or value
            found.append((label, value, address))
        return found

    def search(self, queryset, name, value):
        return queryset.filter(self.words(value))

    def words(self, value: str) -> Q:
        """What a search looks through."""
        return Q(customer__in=Customer.objects.matching(value))


class InvoiceFilter(MoneyFilter):
    """`settlement` is shown as tabs, the others as a bar and chips."""

    settlement = choice(_("State"), SETTLEMENTS, method="pass_over")
    from_on = date(_("Issued from"), field_name="issued_on", lookup_expr="gte")
    until_on = date(_("Issued until"), field_name="issued_on", lookup_expr="lte")
    run = key(_("Billing run"), "run_id")
    silent = ("q", "settlement")

    class Meta:
        model = Invoice
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Invoice.objects.visible_to(request.user), todays, locations)

    def words(self, value: str) -> Q:
        return super().words(value) | Q(number__icontains=value.strip())

    def filter_queryset(self, queryset):
        self.however_settled = super().filter_queryset(queryset)
        return self.settled_as(self.asked.get("settlement"))

    def pass_over(self, queryset, name, value):
        """Asked about last, so that the tabs can count what the others leave."""
        return queryset

    def settled_as(self, settlement: str | None) -> QuerySet[Invoice]:
        if not settlement:
            return self.however_settled
        if settlement == DRAFT:
            return self.however_settled.drafts()
        return self.however_settled.in_settlement(settlement, on=self.todays)

    @property
    def tabs(self) -> list[tuple[str, str, int | None, bool]]:
        """(words, address, how many where that matters, whether it is shown) for each state."""
        self.qs  # noqa: B018 - settles what the tabs count
        shown = self.asked.get("settlement", "")
        found: list[tuple[str, str, int | None, bool]] = [
            (_g("All"), self._without("settlement"), None, not shown)
        ]
        for value, label in SETTLEMENTS:
            query = self.data.copy()
            for name in ("after", "before"):
                query.pop(name, None)
            query["settlement"] = value
            count = self.settled_as(value).count() if value in TO_DO else None
            found.append((str(label), f"?{query.urlencode()}", count, value == shown))
        return found


class CreditNoteFilter(MoneyFilter):
    from_on = date(_("Issued from"), field_name="issued_on", lookup_expr="gte")
    until_on = date(_("Issued until"), field_name="issued_on", lookup_expr="lte")

    class Meta:
        model = CreditNote
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, CreditNote.objects.visible_to(request.user), todays, locations)

    def words(self, value: str) -> Q:
        text = value.strip()
        by_number = Q(number__icontains=text) | Q(invoice__number__icontains=text)
        return super().words(value) | by_number


class ClaimFilter(MoneyFilter):
    settlement = choice(_("State"), ClaimSettlement.choices, method="by_settlement")
    from_on = date(_("From"), field_name="on", lookup_expr="gte")
    until_on = date(_("Until"), field_name="on", lookup_expr="lte")

    class Meta:
        model = Claim
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        super().__init__(request, Claim.objects.visible_to(request.user), todays, locations)

    def by_settlement(self, queryset, name, value):
        return queryset.in_settlement(value, on=self.todays)

    def words(self, value: str) -> Q:
        text = value.strip()
        found = super().words(value) | Q(text__icontains=text)
        key = text.upper().removeprefix("CLAIM-")
        if key != text and key.isdecimal() and len(key) < 19:
            found |= Q(pk=int(key))
        return found


class PaymentFilter(MoneyFilter):
    kind = choice(_("Kind"), Payment.Kind.choices)
    method = choice(_("Method"), Payment.Method.choices)
    from_on = date(_("From"), field_name="on", lookup_expr="gte")
    until_on = date(_("Until"), field_name="on", lookup_expr="lte")

    class Meta:
        model = Payment
        fields: list[str] = []

    def __init__(self, request: HttpRequest, todays: Todays, locations: list[Location]):
        places = request.user.places("keep_books")
        found = Payment.objects.visible_to(request.user)
        found = found if places is None else found.filter(location__in=places)
        super().__init__(request, found, todays, locations)

    def words(self, value: str) -> Q:
        text = value.strip()
        by_words = Q(reference__icontains=text) | Q(invoice__number__icontains=text)
        return super().words(value) | by_words | Q(claim__text__icontains=text)
