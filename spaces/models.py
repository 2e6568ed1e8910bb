import datetime as dt
import zoneinfo
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Case, Q, When
from django.utils.translation import gettext_lazy as _

from kit import audit, clock, edits, money
from kit.emails import canonical
from kit.fields import Line, Text
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from kit.vat_ids import vat_id
from spaces import signals
from spaces.taxes import (
    DatedRow,
    DatedTaxRate,
    HasTaxRates,
    TaxCategory,
    TaxRate,
    in_force,
    small_business_text,
)


class Todays(dict[dt.date, list[int]]):
    """The local date(s) that it is today, each with the keys of the locations where it is that.

    Nearly always one date. Lists ask once and hand it to querysets as `on=`, where each row's
    own today is meant.
    """

    @classmethod
    def at(cls, locations: "Iterable[Location]") -> "Todays":
        """The dates at these locations."""
        found = cls()
        for location in locations:
            found.setdefault(location.today(), []).append(location.pk)
        return found

    @property
    def most(self) -> dt.date:
        """The date on most walls; Greenwich's where there is no location yet."""
        return max(self, key=lambda day: len(self[day]), default=clock.today_in("UTC"))

    @property
    def others(self) -> list[tuple[dt.date, list[int]]]:
        """The dates of the other locations, with their keys."""
        return [(day, keys) for day, keys in self.items() if day != self.most]

    def each(
        self, expression: Callable[[dt.date], Any], *, output_field: models.Field
    ) -> "Case | Any":
        """`expression(today)` with each row's own today, by its column `location`."""
        if not self.others:
            return expression(self.most)
        return Case(
            *(When(location__in=keys, then=expression(day)) for day, keys in self.others),
            default=expression(self.most),
            output_field=output_field,
        )


class LocationQuerySet(models.QuerySet["Location"]):
    def todays(self) -> Todays:
        """Today's local date(s) with the keys of the locations where it is that date."""
        return Todays.at(self.only("timezone"))

    def open_for_registration(self) -> "LocationQuerySet":
        """Locations where people may register themselves, at once or with approval."""
        return self.exclude(registration=Location.Registration.CLOSED)

    @transaction.atomic
    def establish(self, *, by, **fields: Any) -> "Location":
        """Open a location: `establish(name=…, timezone=…, currency=…, by=mona)`.

        Raises `Refused` with `location_exists` or what is wrong with a field.
        """
        location = self.model(**fields)
        with in_words():
            check_fields(location)
            location.save(force_insert=True)
        audit.record("location.establish", location, by=by, changes={"name": [None, location.name]})
        return location


class Location(HasTaxRates):
    """A house of the space: its zone, currency, taxes and terms of payment.

    Every rule that says "today" means `today()`, the date on this location's wall. Rates are
    Decimal percent. `billing_day` is the day of the month on which accounts without a contract
    are invoiced, `payment_days` how long an invoice may stay unpaid. `rate_over_time` says on which
    day of a cycle the tax rate of its fee is read (empty: as usual in the country).
    """

    class RateOverTime(models.TextChoices):
        USUAL = "", _("as usual in the country")
        END = "end", _("of the last day of the cycle")
        DUE = "due", _("of the day on which the fee is due")

    class InvoiceAt(models.TextChoices):
        CYCLE_END = "cycle_end", _("at the end of the billing cycle")
        PURCHASE = "purchase", _("at every purchase")

    class Registration(models.TextChoices):
        OPEN = "open", _("Open: whoever registers can start at once")
        APPROVAL = "approval", _("With approval: staff approve each person who registers")
        CLOSED = "closed", _("Closed: only by invitation")

    name = Line(_("name"), max_length=120, unique=True)
    timezone = Line(_("time zone"), max_length=64, default="UTC")
    currency = Line(_("currency"), max_length=3, default="EUR")
    prices_include_tax = models.BooleanField(_("prices include tax"), default=False)
    rate_over_time = Line(
        _("tax rate of a fee"), max_length=3, choices=RateOverTime, blank=True, default=""
    )
    billing_day = models.PositiveSmallIntegerField(
        _("billing day"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    payment_days = models.PositiveSmallIntegerField(
        _("days to pay"), default=14, validators=[MaxValueValidator(365)]
    )
    invoice_at = Line(_("invoice"), max_length=12, choices=InvoiceAt, default=InvoiceAt.CYCLE_END)
    registration = Line(
        _("registration"), max_length=10, choices=Registration, default=Registration.OPEN
    )
    contact_email = Line(_("contact e-mail"), max_length=254, blank=True)
    contact_phone = Line(_("contact phone"), max_length=40, blank=True)
    legal_name = Line(_("legal name"), max_length=200, blank=True)
    address = Line(_("address"), max_length=300, blank=True)
    city = Line(_("city"), max_length=120, blank=True)
    postal_code = Line(_("postal code"), max_length=20, blank=True)
    country = Line(_("country"), max_length=2, blank=True)
    tax_number = Line(_("tax number"), max_length=40, blank=True)
    vat_id = Line(_("VAT id"), max_length=30, blank=True)
    register_line = Line(
        _("entry in the register of companies"),
        max_length=200,
        blank=True,
        help_text=_("Such as HRB 12345, Amtsgericht Berlin."),
    )
    # What is printed on invoices, and how they are numbered and run.
    invoice_prefix = Line(
        _("prefix of invoice numbers"),
        max_length=12,
        blank=True,
        help_text=_("Empty: made from the location's name. Another prefix starts at 1 again."),
    )
    credit_note_prefix = Line(_("prefix of credit note numbers"), max_length=12, blank=True)
    bank_name = Line(_("bank"), max_length=120, blank=True)
    iban = Line(_("IBAN or account number"), max_length=40, blank=True)
    bic = Line(_("BIC or sort code"), max_length=20, blank=True)
    payment_text = Text(
        _("how to pay"),
        max_length=1000,
        blank=True,
        help_text=_("Printed on invoices, under the bank details."),
    )
    run_issues = models.BooleanField(
        _("billing runs issue and send the invoices"),
        default=True,
        help_text=_("Otherwise they leave drafts, which you issue after a look."),
    )
    zero_invoices = models.BooleanField(
        _("make invoices of nothing to pay"),
        default=False,
        help_text=_("For plans that cost nothing, and where everything is covered."),
    )
    reminder_days = Line(
        _("reminders, days after the due date"),
        max_length=60,
        blank=True,
        default="7, 14, 28",
        help_text=_("Such as 7, 14, 28. Empty: no reminders."),
    )
    suspend_after_days = models.PositiveSmallIntegerField(
        _("suspend when overdue for days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("Empty: nobody is suspended for unpaid invoices by itself."),
    )
    debt_cancels_bookings = models.BooleanField(
        _("cancel future bookings of those suspended for unpaid invoices"), default=False
    )
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
            models.CheckConstraint(
                condition=Q(registration__in=["open", "approval", "closed"]),
                name="location_registration",
            ),
            models.CheckConstraint(
                condition=Q(rate_over_time__in=["", "end", "due"]), name="location_rate_over_time"
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
        if self.contact_email:
            try:
                self.contact_email = canonical(self.contact_email)
            except ValidationError as error:
                wrong["contact_email"] = error
        if self.country and not (len(self.country) == 2 and self.country.isalpha()):
            wrong["country"] = ValidationError(
                _("Use the two letters of the country, such as GB."), code="unknown_country"
            )
        if self.vat_id:
            valid = vat_id(self.vat_id, self.country)
            self.vat_id = valid or self.vat_id
            if not valid:
                wrong["vat_id"] = ValidationError(
                    _("This is not a valid VAT id, such as DE136695976. Check letters and digits."),
                    code="invalid_vat_id",
                )
        for name in ("invoice_prefix", "credit_note_prefix"):
            setattr(self, name, getattr(self, name).strip())
        if self.invoice_prefix and self.invoice_prefix == self.credit_note_prefix:
            wrong["credit_note_prefix"] = ValidationError(
                _("Credit notes need a prefix of their own."), code="prefix_taken"
            )
        for name in ("invoice_prefix", "credit_note_prefix"):
            prefix = getattr(self, name)
            same = Q(invoice_prefix=prefix) | Q(credit_note_prefix=prefix)
            if prefix and Location.objects.filter(same).exclude(pk=self.pk).exists():
                wrong[name] = ValidationError(
                    _("Another location has this prefix: no number may be given twice."),
                    code="prefix_taken",
                )
        try:
            self.reminder_days = ", ".join(str(day) for day in self.reminders)
        except ValueError:
            wrong["reminder_days"] = ValidationError(
                _("Write days like 7, 14, 28, each at most 365."), code="unknown_days"
            )
        if wrong:
            raise ValidationError(wrong)

    @transaction.atomic
    def edit(self, changes: dict[str, Any], *, by, seen: dict[str, Any] | None = None) -> list[str]:
        """Change how the location is run; returns the changed fields. Its currency stays.

        Raises `Refused` with `changed_meanwhile`, `location_exists`, `currency_stays`,
        `timezone_stays` (bookings, assignments, contracts or charges lie ahead),
        `prices_include_tax_stays` (something has a price) or what is wrong with a field.
        """
        if "currency" in changes:
            raise Refused(
                Problem("currency_stays", _("What was signed is in this currency."), "currency")
            )
        self._lock()
        changes = self.edit_tax(changes, by=by)
        others = {name: value for name, value in changes.items() if getattr(self, name) != value}
        answers: Any = signals.location_changing.send(Location, location=self, changes=others)
        refuse_if(problem for _receiver, found in answers for problem in found)
        with in_words():
            changed = edits.apply(self, changes, seen=seen, by=by, verb="location.edit")
        if TAX_FIELDS.intersection(changed):
            signals.tax_changed.send(sender=Location, changed=self, from_on=None, by=by)
        return changed

    def _lock(self) -> None:
        list(Location.objects.select_for_update().filter(pk=self.pk))
        self.refresh_from_db()

    def lock_for_tax(self, by: Any) -> None:
        self._lock()

    @property
    def tax_rate(self) -> Decimal:
        """Today's tax rate in percent."""
        return HasTaxRates.tax_rate.__get__(self) or Decimal(0)

    @tax_rate.setter
    def tax_rate(self, rate: Any) -> None:
        HasTaxRates.tax_rate.__set__(self, rate)

    def own_rate_on(self, on: dt.date) -> TaxRate:
        """Return the location's tax rate that holds on a day; zero where none was entered."""
        return self.tax_rate_on(on) or TaxRate(Decimal(0), TaxCategory.ZERO)

    @property
    def is_taxed_when_due(self) -> bool:
        """Whether a fee has the rate of its due day; else that of the last day of its cycle."""
        usual = "due" if self.country.upper() in ("GB", "FR") else "end"
        return (self.rate_over_time or usual) == self.RateOverTime.DUE

    def small_business_on(self, on: dt.date) -> str:
        """Return the text of a small business that holds on a day; empty where it is none."""
        row = in_force(self.small_business_periods.all(), on)
        return row.text if row is not None and row.applies else ""

    @property
    def today_small_business(self) -> str:
        """Today's text of a small business; empty where it is none."""
        return self.small_business_on(self.today())

    @transaction.atomic
    def set_small_business(
        self, applies: bool = True, *, by, from_on: dt.date | None = None, text: str = ""
    ) -> "SmallBusinessPeriod":
        """Say that the location charges no tax as a small business from a day on (today unless said
        otherwise), or not any more. Returns the row. The text is the country's unless given."""
        self._lock()
        from_on = from_on or self.today()
        words = (text.strip() or small_business_text(self.country)) if applies else ""
        row, _made = self.small_business_periods.update_or_create(
            from_on=from_on, defaults={"applies": applies, "text": words}
        )
        getattr(self, "_prefetched_objects_cache", {}).pop("small_business_periods", None)
        audit.record(
            "location.set_small_business", self, by=by,
            changes={"small_business": [None, applies], "from_on": [None, from_on]},
        )  # fmt: skip
        signals.tax_changed.send(sender=Location, changed=self, from_on=from_on, by=by)
        return row

    @property
    def reminders(self) -> list[int]:
        """After how many days overdue a reminder goes out, in order."""
        days = sorted({int(word) for word in self.reminder_days.replace(";", ",").split(",")
                       if word.strip()})  # fmt: skip
        if days and not (days[0] >= 1 and days[-1] <= 365):
            raise ValueError(days)
        return days

    def today(self) -> dt.date:
        """The local date here and now: the one date that "today" means in the rules."""
        return clock.today_in(self.timezone)


# Another value of these changes the tax of what is not invoiced yet.
TAX_FIELDS = {"rate_over_time", "country", "tax_number", "vat_id"}


class LocationTaxRate(DatedTaxRate):
    """A location's tax rate from a day on."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="tax_rates")

    class Meta(DatedTaxRate.Meta):
        constraints = DatedTaxRate.rules("location")


class SmallBusinessPeriod(DatedRow):
    """From a day on a location charges no tax as a small business, or does again."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="small_business_periods")
    applies = models.BooleanField()
    text = Line(_("text on invoices"), max_length=200, blank=True)

    class Meta:
        ordering = ["from_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["location", "from_on"], name="small_business_once_a_day"
            )
        ]

    def __str__(self):
        return self.text


_exists = Problem("location_exists", _("There is a location of this name."), "name")
speak_for("spaces_location.name", _exists)
speak_for("spaces_location_name_key", _exists)
