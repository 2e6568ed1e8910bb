import datetime as dt
import zoneinfo
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils.translation import gettext_lazy as _

from kit import clock, money


class LocationQuerySet(models.QuerySet):
    def todays(self) -> dict[dt.date, list[int]]:
        """Today's local date(s) with the keys of the locations where it is that date."""
        found: dict[dt.date, list[int]] = {}
        for key, zone in self.values_list("pk", "timezone"):
            found.setdefault(clock.today_in(zone), []).append(key)
        return found


class Location(models.Model):
    """A house of the space: its zone, currency, taxes and terms of payment.

    Every rule that says "today" means `today()`, the date on this location's wall. Rates are
    Decimal percent. `billing_day` is the day of the month on which accounts without a contract
    are invoiced, `payment_days` how long an invoice may stay unpaid.
    """

    class InvoiceAt(models.TextChoices):
        CYCLE_END = "cycle_end", _("at the end of the billing cycle")
        PURCHASE = "purchase", _("at every purchase")

    name = models.CharField(_("name"), max_length=120, unique=True)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    tax_rate = money.RateField(_("tax rate in percent"), default=Decimal(0))
    prices_include_tax = models.BooleanField(_("prices include tax"), default=False)
    billing_day = models.PositiveSmallIntegerField(
        _("billing day"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    payment_days = models.PositiveSmallIntegerField(
        _("days to pay"), default=14, validators=[MaxValueValidator(365)]
    )
    invoice_at = models.CharField(
        _("invoice"), max_length=12, choices=InvoiceAt, default=InvoiceAt.CYCLE_END
    )
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    address = models.CharField(_("address"), max_length=300, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    tax_number = models.CharField(_("tax number"), max_length=40, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = LocationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(billing_day__gte=1, billing_day__lte=31), name="location_billing_day"
            ),
            models.CheckConstraint(
                condition=Q(invoice_at__in=["cycle_end", "purchase"]), name="location_invoice_at"
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        wrong = {}
        if self.timezone not in zoneinfo.available_timezones():
            wrong["timezone"] = ValidationError(
                _("This is not a time zone such as Europe/London."), code="unknown_timezone"
            )
        if not money.is_currency(self.currency):
            wrong["currency"] = ValidationError(
                _("This is not a currency code such as EUR."), code="unknown_currency"
            )
        if wrong:
            raise ValidationError(wrong)

    def today(self) -> dt.date:
        """The local date here and now: the one date that "today" means in the rules."""
        return clock.today_in(self.timezone)


def today_of(location_field: str = "location_id"):
    """An expression for queries: each row's today, by the location it belongs to.

    With every location on the same date (nearly always) it is that date as a plain value.
    """
    todays = Location.objects.all().todays()
    if len(todays) < 2:
        day = next(iter(todays), clock.today_in("UTC"))
        return Value(day, output_field=models.DateField())
    (most, _keys), *others = sorted(todays.items(), key=lambda item: -len(item[1]))
    return Case(
        *(When(**{f"{location_field}__in": keys}, then=Value(day)) for day, keys in others),
        default=Value(most),
        output_field=models.DateField(),
    )
