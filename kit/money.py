"""Money: exact on every engine, rounded by one function.

An amount is a `Decimal` in Python and a whole number of ten-thousandths in the database, the
same for every currency, so that sums and comparisons in SQL are exact (a decimal column is a
float on SQLite). Rates are `Decimal` percent in Python and parts per million in the database.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction

from babel.numbers import get_currency_precision, list_currencies
from django import forms
from django.core import exceptions
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.expressions import Combinable, register_combinable_fields
from django.utils.translation import gettext_lazy as _

SCALE = 10_000
ZERO = Decimal(0)
MOST = Decimal("99999999999")  # a hundred thousand million units: beyond it is a typing error


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: EUR 2, JPY 0, KWD 3."""
    return get_currency_precision(currency)


def is_currency(code: str) -> bool:
    return code in list_currencies()


def round_to(amount: Decimal | Fraction | int, currency: str) -> Decimal:
    """Round half up, away from zero, to the currency's minor unit. The only rounding of money."""
    places = exponent(currency)
    if isinstance(amount, Fraction):
        scaled = abs(amount) * 10**places
        units = int(scaled + Fraction(1, 2))
        result = Decimal(units).scaleb(-places)
        return -result if amount < 0 else result
    return Decimal(amount).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def split(
    amount: Decimal, weights: Sequence[Decimal | Fraction | int], currency: str
) -> list[Decimal]:
    """Split an amount in the proportion of weights so that the parts add up to it exactly.

    Every part is whole in the currency's minor unit; what is left over goes to the largest
    remainders, the earlier part first among equals. Weights of zero in all get equal parts.
    """
    if not weights:
        return []
    places = exponent(currency)
    units = int(Decimal(amount).scaleb(places))
    if Decimal(units).scaleb(-places) != amount:
        raise ValueError(f"{amount} is finer than {currency} has units")
    shares = [Fraction(weight) for weight in weights]
    if min(shares) < 0:
        raise ValueError("weights cannot be negative")
    if not sum(shares):
        shares = [Fraction(1)] * len(shares)
    whole = sum(shares)
    sign, units = (-1 if units < 0 else 1), abs(units)
    exact = [units * share / whole for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: units - sum(parts)]:
        parts[i] += 1
    return [Decimal(sign * part).scaleb(-places) for part in parts]


class ScaledField(models.Field):
    """A `Decimal` kept as a whole number of ten-thousandths; finer values are refused."""

    empty_strings_allowed = False
    bounds: tuple[Decimal, Decimal] = (-MOST, MOST)
    default_error_messages = {
        "invalid": _("Enter a number."),
        "too_fine": _("At most four decimals."),
    }

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def to_python(self, value):
        if value is None:
            return None
        if isinstance(value, float):
            raise exceptions.ValidationError(self.error_messages["invalid"], code="invalid")
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError, ValueError):
            raise exceptions.ValidationError(
                self.error_messages["invalid"], code="invalid"
            ) from None
        # Beyond this nothing is an amount, and the column could not hold it.
        if not number.is_finite() or number.copy_abs() > MOST * SCALE:
            raise exceptions.ValidationError(self.error_messages["invalid"], code="invalid")
        if number != number.quantize(Decimal(1) / SCALE):
            raise exceptions.ValidationError(self.error_messages["too_fine"], code="too_fine")
        return number

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return int(self.to_python(value) * SCALE)

    def from_db_value(self, value, expression, connection):
        return None if value is None else Decimal(value) / SCALE

    def value_to_string(self, obj):
        value = self.value_from_object(obj)
        return None if value is None else str(value)

    def db_check(self, connection):
        """The bounds, and on SQLite, whose columns take anything, that it is a whole number."""
        column = connection.ops.quote_name(self.column)
        least, most = (int(bound * SCALE) for bound in self.bounds)
        bounds = f"{column} BETWEEN {least} AND {most}"
        if connection.vendor != "sqlite":
            return bounds
        kinds = "('integer', 'null')" if self.null else "('integer')"
        return f"typeof({column}) IN {kinds} AND ({column} IS NULL OR {bounds})"

    @property
    def validators(self):
        least, most = self.bounds
        return [*super().validators, MinValueValidator(least), MaxValueValidator(most)]

    def formfield(self, **kwargs):
        return super().formfield(
            **{"form_class": forms.DecimalField, "decimal_places": 4, **kwargs}
        )


class MoneyField(ScaledField):
    """An amount of money in units of its currency, e.g. `Decimal("12.50")`.

    The currency stands on the location; the field does not know it.
    """

    description = _("Amount of money")
    bounds = (-MOST, MOST)


class RateField(ScaledField):
    """A percentage, e.g. `Decimal("20")`; parts per million in the database."""

    description = _("Percentage")
    bounds = (ZERO, Decimal(100))


for _connector in (Combinable.ADD, Combinable.SUB):
    register_combinable_fields(MoneyField, _connector, MoneyField, MoneyField)
register_combinable_fields(MoneyField, Combinable.MUL, models.IntegerField, MoneyField)
register_combinable_fields(models.IntegerField, Combinable.MUL, MoneyField, MoneyField)
