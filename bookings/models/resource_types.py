import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models.hours import Weekday
from kit import audit, clock, edits, money
from kit.fields import Line
from kit.problems import Problem, check_fields, in_words, refuse_if, speak_for
from plans.models import Plan
from plans.models.plans import valid_price
from spaces import signals as of_spaces
from spaces.models import Location
from spaces.taxes import DatedTaxRate, HasTaxRates


class ResourceTypeQuerySet(models.QuerySet["ResourceType"]):
    @transaction.atomic
    def make(self, *, by, **fields: Any) -> "ResourceType":
        """Add a type of resources. Raises `Refused` with `type_exists` or what is wrong."""
        made = self.model(**fields)
        with in_words():
            check_fields(made)
            made.save(force_insert=True)
        audit.record("resource_type.make", made, by=by, changes={"name": [None, made.name]})
        return made


class ResourceType(HasTaxRates):
    """What kind of thing a resource is, and what it costs: rates hang on the type.

    `half_day_hours` is the longest part of a day that a half-day rate covers.
    """

    class Kind(models.TextChoices):
        MEETING_ROOM = "meeting_room", gettext_lazy("Meeting room")
        DESK = "desk", gettext_lazy("Desk")
        PHONE_BOOTH = "phone_booth", gettext_lazy("Phone booth")
        EVENT_SPACE = "event_space", gettext_lazy("Event space")
        OTHER = "other", gettext_lazy("Other")

    name = Line(gettext_lazy("name"), max_length=120, unique=True)
    kind = Line(gettext_lazy("kind"), max_length=20, choices=Kind, default=Kind.MEETING_ROOM)
    half_day_hours = models.PositiveSmallIntegerField(
        gettext_lazy("half a day, in hours"),
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(24)],
    )
    bound_to_premises = models.BooleanField(
        gettext_lazy("bound to the premises"),
        default=True,
        help_text=gettext_lazy("What is bound to the premises is never reverse charged."),
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = ResourceTypeQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = gettext_lazy("resource type")
        constraints = [
            models.CheckConstraint(
                condition=Q(half_day_hours__gte=1, half_day_hours__lte=24),
                name="resource_type_half_day",
            )
        ]

    def __str__(self):
        return self.name

    @transaction.atomic
    def edit(self, changes: dict[str, Any], *, by, seen: dict | None = None) -> list[str]:
        """Change the type's words; returns the changed fields. Raises `Refused` as `make` does."""
        self._lock()
        changes = self.edit_tax(changes, by=by)
        with in_words():
            changed = edits.apply(self, changes, seen=seen, by=by, verb="resource_type.edit")
        if "bound_to_premises" in changed:
            of_spaces.tax_changed.send(sender=ResourceType, changed=self, from_on=None, by=by)
        return changed

    def today(self) -> dt.date:
        """Today at the first location: a type belongs to none."""
        location = Location.objects.order_by("pk").first()
        return location.today() if location else clock.today_in("UTC")

    def lock_for_tax(self, by) -> None:
        self._lock()

    @property
    def is_bound(self) -> bool:
        """Whether what is booked is bound to the premises: taxed where they are."""
        return self.bound_to_premises

    def _lock(self) -> None:
        list(ResourceType.objects.select_for_update(no_key=True).filter(pk=self.pk))
        self.refresh_from_db()

    @transaction.atomic
    def add_rate(
        self, *, per: str, price: Decimal | int | str, by, audience: str = "everyone",
        plans: Collection[Plan] = (), location: Location | None = None,
        weekdays: Collection[int] = (), from_time: dt.time | None = None,
        until_time: dt.time | None = None,
    ) -> "Rate":  # fmt: skip
        """Say what resources of this type cost: per "hour", "half_day" or "day".

        For bookings made from now on. Raises `Refused` with `invalid_price`, `price_too_fine`,
        `plans_missing` or `several_currencies`.
        """
        rate = Rate(
            type=self, per=per, price=valid_price(price, _currency_at(location)),
            audience=audience, location=location, from_time=from_time, until_time=until_time,
            weekdays="".join(str(day) for day in sorted(set(weekdays))),
        )  # fmt: skip
        check_fields(rate, leaving_out=("type", "location"))
        if audience == Rate.Audience.PLANS and not plans:
            text = _("Choose at least one plan.")
            refuse_if([Problem("plans_missing", text, "plans")])
        with in_words():
            rate.save()
        rate.plans.set(plans if audience == Rate.Audience.PLANS else [])
        changes = {"rate": [None, str(rate)], "price": [None, rate.price]}
        audit.record("resource_type.add_rate", self, by=by, changes=changes)
        return rate


class ResourceTypeTaxRate(DatedTaxRate):
    """A resource type's own tax rate from a day on."""

    resource_type = models.ForeignKey(ResourceType, models.CASCADE, related_name="tax_rates")

    class Meta(DatedTaxRate.Meta):
        constraints = DatedTaxRate.rules("resource_type")


def _currency_at(location: Location | None) -> str:
    """The currency of a rate: that of its location, or the one that all locations have."""
    if location is not None:
        return location.currency
    currencies = set(Location.objects.values_list("currency", flat=True))
    if len(currencies) > 1:
        text = _("Say at which location: they do not have one currency.")
        refuse_if([Problem("several_currencies", text, "location")])
    return next(iter(currencies), "")


class Rate(models.Model):
    """What a type of resources costs, for whom and when; the cheapest one that holds counts.

    `price` is per hour, half day or day, in the location's currency (location None: everywhere).
    `weekdays` are digits, Monday being 0; empty: every day. `from_time` and `until_time` are on
    the location's wall; an hourly rate holds for the steps that begin between them, the others for
    what lies between them as a whole.
    """

    class Per(models.TextChoices):
        HOUR = "hour", gettext_lazy("an hour")
        HALF_DAY = "half_day", gettext_lazy("half a day")
        DAY = "day", gettext_lazy("a day")

    class Audience(models.TextChoices):
        EVERYONE = "everyone", gettext_lazy("Everyone")
        MEMBERS = "members", gettext_lazy("Members")
        CONTACTS = "contacts", gettext_lazy("Contacts")
        PLANS = "plans", gettext_lazy("Some plans")

    type = models.ForeignKey(ResourceType, models.CASCADE, related_name="rates")
    location = models.ForeignKey(
        Location, models.CASCADE, null=True, blank=True, related_name="rates"
    )
    per = Line(gettext_lazy("per"), max_length=10, choices=Per, default=Per.HOUR)
    price = money.MoneyField(gettext_lazy("price"))
    audience = Line(gettext_lazy("for"), max_length=10, choices=Audience, default=Audience.EVERYONE)
    plans = models.ManyToManyField(Plan, blank=True, related_name="rates")
    weekdays = Line(gettext_lazy("weekdays"), max_length=7, blank=True)
    from_time = models.TimeField(gettext_lazy("from"), null=True, blank=True)
    until_time = models.TimeField(gettext_lazy("until"), null=True, blank=True)

    class Meta:
        ordering = ["per", "price", "id"]
        verbose_name = gettext_lazy("rate")
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="rate_not_negative"),
            models.CheckConstraint(
                condition=Q(per__in=["hour", "half_day", "day"]), name="rate_per_known"
            ),
            models.CheckConstraint(
                condition=Q(audience__in=["everyone", "members", "contacts", "plans"]),
                name="rate_audience_known",
            ),
        ]

    def __str__(self):
        return f"{self.price:f} {self.get_per_display()}"

    def clean(self):
        if set(self.weekdays) - set("0123456"):
            wrong = ValidationError(_("Choose days of the week."), code="unknown_weekday")
            raise ValidationError({"weekdays": wrong})
        until = self.until_time
        if self.from_time and until and until != dt.time() and until <= self.from_time:
            wrong = ValidationError(_("It ends before it begins."), code="ends_before_start")
            raise ValidationError({"until_time": wrong})

    @property
    def weekday_names(self) -> list[str]:
        return [str(Weekday(int(digit)).label) for digit in self.weekdays]

    @transaction.atomic
    def end(self, *, by) -> None:
        """Nothing is booked at this rate any more; what was booked keeps its price."""
        audit.record(
            "resource_type.end_rate", self.type, by=by, changes={"rate": [str(self), None]}
        )
        self.delete()


speak_for(
    "bookings_resourcetype.name",
    Problem("type_exists", gettext_lazy("There is a type of this name."), "name"),
)
speak_for(
    "bookings_resourcetype_name_key",
    Problem("type_exists", gettext_lazy("There is a type of this name."), "name"),
)
