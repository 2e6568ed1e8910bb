"""Tax rates and their categories, as rows with the day from which they hold."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kit import audit, money
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words
from spaces import signals


class TaxCategory(models.TextChoices):
    """Why a rate is what it is; `code` is the category's code in EN 16931."""

    STANDARD = "standard", gettext_lazy("Standard rate")
    REDUCED = "reduced", gettext_lazy("Reduced rate")
    ZERO = "zero", gettext_lazy("Zero rated")
    EXEMPT = "exempt", gettext_lazy("Exempt")
    REVERSE_CHARGE = "reverse_charge", gettext_lazy("Reverse charge")
    OUTSIDE_SCOPE = "outside_scope", gettext_lazy("Outside the scope of tax")

    @property
    def code(self) -> str:
        return _CODES[self]

    @classmethod
    def read(cls, text: str) -> "TaxCategory | None":
        """Return the category of a name ("reverse_charge") or a code ("AE"); None if unknown."""
        by_code = {code: category for category, code in reversed(_CODES.items())}
        return cls(text) if text in cls.values else by_code.get(text)


_CODES = {
    TaxCategory.STANDARD: "S",
    TaxCategory.REDUCED: "S",
    TaxCategory.ZERO: "Z",
    TaxCategory.EXEMPT: "E",
    TaxCategory.REVERSE_CHARGE: "AE",
    TaxCategory.OUTSIDE_SCOPE: "O",
}
TAXED = (TaxCategory.STANDARD, TaxCategory.REDUCED)
# What the rate of a location, plan, product or resource type may be.
OF_RATES = (*TAXED, TaxCategory.ZERO, TaxCategory.EXEMPT, TaxCategory.OUTSIDE_SCOPE)


class TaxRate(NamedTuple):
    """A tax rate in percent with its category, and the reason where nothing is taxed."""

    percent: Decimal
    category: TaxCategory
    reason: str = ""


class DatedRow(models.Model):
    """Something that holds from a day on; without a day, since always."""

    from_on = models.DateField(gettext_lazy("from"), null=True, blank=True)

    class Meta:
        abstract = True


_Row = TypeVar("_Row", bound=DatedRow)


def in_force(rows: Iterable[_Row], on: dt.date) -> _Row | None:
    """Return the latest of dated rows that holds on a day; None if none does."""
    held = [row for row in rows if row.from_on is None or row.from_on <= on]
    return max(held, key=lambda row: row.from_on or dt.date.min, default=None)


class DatedTaxRate(DatedRow):
    """A tax rate in percent from a day on. None: from then on the location's rate holds."""

    rate = money.RateField(gettext_lazy("tax rate in percent"), null=True, blank=True)
    category = Line(gettext_lazy("category"), max_length=14, choices=TaxCategory, blank=True)
    reason = Line(gettext_lazy("reason printed on invoices"), max_length=200, blank=True)

    class Meta:
        abstract = True
        ordering = ["from_on"]

    def __str__(self):
        return "" if self.rate is None else f"{self.rate:f} %"

    @property
    def value(self) -> TaxRate | None:
        if self.rate is None:
            return None
        return TaxRate(self.rate, TaxCategory(self.category), self.reason)

    def clean(self):
        if self.rate is None:
            self.category, self.reason = "", ""
            return
        if not self.category:
            self.category = TaxCategory.STANDARD if self.rate else TaxCategory.ZERO
        category = TaxCategory(self.category)
        wrong: dict[str, ValidationError] = {}
        if category not in OF_RATES:
            text = _("Reverse charge belongs to a customer with a VAT id, not to a rate.")
            wrong["category"] = ValidationError(text, code="category_of_customers")
        elif bool(self.rate) != (category in TAXED):
            text = (
                _("This category has no tax: enter 0 percent.")
                if self.rate
                else _("A rate of 0 percent is zero rated, exempt or outside the scope of tax.")
            )
            wrong["category"] = ValidationError(text, code="category_of_rate")
        if category == TaxCategory.EXEMPT and not self.reason.strip():
            wrong["reason"] = ValidationError(
                _("Say why: the reason is printed on invoices."), code="reason_missing"
            )
        if wrong:
            raise ValidationError(wrong)

    @classmethod
    def rules(cls, owner: str) -> list[models.BaseConstraint]:
        """Return the constraints of a concrete model whose rows belong to `owner`."""
        return [
            models.UniqueConstraint(fields=[owner, "from_on"], name=f"{owner}_tax_rate_once_a_day"),
            models.UniqueConstraint(
                fields=[owner], condition=Q(from_on=None), name=f"{owner}_first_tax_rate_once"
            ),
            models.CheckConstraint(
                condition=Q(rate=None, category="")
                | Q(rate__gt=0, category__in=["standard", "reduced"])
                | Q(rate=0, category__in=["zero", "exempt", "outside_scope"]),
                name=f"{owner}_tax_rate_has_category",
            ),
        ]


class HasTaxRates(models.Model):
    """Has a tax rate from a day on, in rows `tax_rates`.

    `tax_rate=` when creating writes the row that holds since always; `.tax_rate` reads today's.
    """

    tax_rates: Any  # the manager of the rows of a concrete model

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args, **kwargs):
        adding = self._state.adding
        super().save(*args, **kwargs)
        if adding and getattr(self, "_first_tax_rate", None) is not None:
            self._write_rate(self._first_tax_rate, category="", reason="", from_on=None)

    @property
    def tax_rate(self) -> Decimal | None:
        """Today's rate in percent; None where the location's holds."""
        if self._state.adding:
            return getattr(self, "_first_tax_rate", None)
        found = self.tax_rate_on(self.today())
        return found.percent if found is not None else None

    @tax_rate.setter
    def tax_rate(self, rate: Any) -> None:
        if not self._state.adding:
            raise AttributeError("A stored rate changes from a day on: use set_tax_rate().")
        self._first_tax_rate = rate

    def today(self) -> dt.date:
        raise NotImplementedError

    def tax_rate_on(self, on: dt.date) -> TaxRate | None:
        """Return the own rate that holds on a day; None where the location's holds."""
        row = in_force(self.tax_rates.all(), on)
        return row.value if row is not None else None

    def _write_rate(self, rate: Any, *, category: str, reason: str, from_on: dt.date | None) -> Any:
        known = TaxCategory.read(category) if category else ""
        if known is None:
            text = _("This is not a category of tax.")
            raise Refused(Problem("unknown_category", text, "category"))
        with in_words():
            row = self.tax_rates.filter(from_on=from_on).first()
            row = row or self.tax_rates.model(**{self.tax_rates.field.name: self}, from_on=from_on)
            row.rate, row.category, row.reason = rate, known, reason.strip()
            check_fields(row, leaving_out=(self.tax_rates.field.name,))
            row.save()
        getattr(self, "_prefetched_objects_cache", {}).pop("tax_rates", None)
        return row

    @transaction.atomic
    def set_tax_rate(
        self, rate: Decimal | int | str | None, *, by: Any, from_on: dt.date | None = None,
        category: str = "", reason: str = "",
    ) -> Any:  # fmt: skip
        """Set the rate from a day on (today unless said otherwise); returns the row.

        None: the location's rate holds from then on. The category is that of the rate, standard or
        zero, unless said otherwise; exempt needs a reason. What is charged and not invoiced
        follows, what is invoiced keeps its rate. A row of the same day is replaced. Raises
        `Refused` with `needs_manager`, `unknown_category`, `category_of_rate`,
        `category_of_customers`, `reason_missing` or what is wrong with the rate.
        """
        self.lock_for_tax(by)
        from_on = from_on or self.today()
        before = self.tax_rate_on(from_on)
        row = self._write_rate(rate, category=category, reason=reason, from_on=from_on)
        audit.record(
            f"{self._meta.model_name}.set_tax_rate", self, by=by,
            changes={
                "tax_rate": [before and before.percent, row.rate],
                "category": [before and before.category, row.category],
                "from_on": [None, from_on],
            },
        )  # fmt: skip
        signals.tax_changed.send(sender=type(self), changed=self, from_on=from_on, by=by)
        return row

    def edit_tax(self, changes: dict[str, Any], *, by: Any) -> dict[str, Any]:
        """Set the rate that an edit names from today on; returns the other changes."""
        others = {name: value for name, value in changes.items() if name != "tax_rate"}
        if "tax_rate" in changes and changes["tax_rate"] != self.tax_rate:
            self.set_tax_rate(changes["tax_rate"], by=by)
        return others

    def lock_for_tax(self, by: Any) -> None:
        """Lock the row and raise `Refused` where somebody may not change its tax."""
        raise NotImplementedError


# The words that the law of a country wants on invoices of small businesses.
SMALL_BUSINESS = {
    "AT": "Umsatzsteuerbefreit gemäß § 6 Abs. 1 Z 27 UStG (Kleinunternehmer)",
    "BE": "Régime particulier de franchise des petites entreprises",
    "DE": "Gemäß § 19 UStG wird keine Umsatzsteuer berechnet (Kleinunternehmer)",
    "ES": "Exento de IVA",
    "FR": "TVA non applicable, art. 293 B du CGI",
    "IT": "Operazione effettuata ai sensi dell'art. 1, commi da 54 a 89, L. 190/2014",
    "LU": "Régime de franchise des petites entreprises, art. 57 de la loi TVA",
    "NL": "Vrijgesteld van btw, kleineondernemersregeling (art. 25 Wet OB 1968)",
    "PT": "IVA – regime de isenção, art. 53.º do CIVA",
}
IN_OTHER_COUNTRIES = "Exempt from VAT: special scheme for small enterprises"


def small_business_text(country: str) -> str:
    """Return what a small business of a country prints on its invoices, in the country's words."""
    return SMALL_BUSINESS.get(country.upper(), IN_OTHER_COUNTRIES)
