"""Money is exact on both engines, rounded by one function, and split without losing a cent."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import F, Max, Sum, Value
from hypothesis import given
from hypothesis import strategies as st

from kit import money
from plans.models import Contract, Plan, PlanPrice
from tests import story

D = Decimal
CURRENCIES = ["EUR", "JPY", "KWD"]


# Rounding


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        (D("1.005"), "EUR", "1.01"),
        (D("1.0049999"), "EUR", "1.00"),
        (D("-1.005"), "EUR", "-1.01"),
        (D("-1.004"), "EUR", "-1.00"),
        (Fraction(300 * 11, 30), "EUR", "110.00"),
        (Fraction(250 * 6, 31), "EUR", "48.39"),
        (Fraction(900 * 51, 91), "EUR", "504.40"),
        (Fraction(1, 200), "EUR", "0.01"),
        (Fraction(-1, 200), "EUR", "-0.01"),
        (D("99.5"), "JPY", "100"),
        (D("-99.5"), "JPY", "-100"),
        (Fraction(1, 2), "JPY", "1"),
        (D("0.0005"), "KWD", "0.001"),
        (Fraction(-1, 2000), "KWD", "-0.001"),
        (7, "EUR", "7.00"),
    ],
)
def test_a_half_is_rounded_away_from_zero_in_the_currencys_unit(amount, currency, rounded):
    assert str(money.round_to(amount, currency)) == rounded


@given(st.fractions(min_value=-(10**9), max_value=10**9), st.sampled_from(CURRENCIES))
def test_rounding_is_never_further_off_than_half_a_unit(amount, currency):
    unit = Fraction(1, 10 ** money.exponent(currency))
    rounded = Fraction(money.round_to(amount, currency))
    assert abs(rounded - amount) <= unit / 2
    assert money.round_to(-amount, currency) == -money.round_to(amount, currency)


def test_currencies_are_those_that_the_world_has():
    assert [money.exponent(code) for code in CURRENCIES] == [2, 0, 3]
    assert money.is_currency("EUR")
    assert not money.is_currency("EURO")
    assert not money.is_currency("")


# Splitting


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40),
    st.sampled_from(CURRENCIES),
)
def test_the_parts_of_a_split_add_up_and_lie_within_a_unit_of_their_share(units, weights, currency):
    amount = D(units).scaleb(-money.exponent(currency))
    parts = money.split(amount, weights, currency)
    assert sum(parts) == amount
    unit = Fraction(1, 10 ** money.exponent(currency))
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        share = Fraction(weight, whole) if whole else Fraction(1, len(weights))
        assert abs(Fraction(part) - Fraction(amount) * share) < unit
        assert part == money.round_to(part, currency)


def test_what_is_left_over_goes_to_the_earlier_among_equals():
    parts = [str(part) for part in money.split(D("100.00"), [1, 1, 1], "EUR")]
    assert parts == ["33.34", "33.33", "33.33"]
    assert [str(part) for part in money.split(D("-0.05"), [1, 1], "EUR")] == ["-0.03", "-0.02"]
    assert money.split(D(5), [], "EUR") == []


def test_a_split_refuses_what_it_cannot_do_exactly():
    with pytest.raises(ValueError, match="finer"):
        money.split(D("1.005"), [1, 1], "EUR")
    with pytest.raises(ValueError, match="negative"):
        money.split(D("1.00"), [2, -1], "EUR")


# Reading


@pytest.mark.parametrize("text", ["12.5", "12.5000", 12, D("-0.0001"), "0"])
def test_an_amount_is_read_from_text_whole_numbers_and_decimals(text):
    assert money.MoneyField().to_python(text) == D(text)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.5, "invalid"),
        ("twelve", "invalid"),
        ("", "invalid"),
        ("NaN", "invalid"),
        ("Infinity", "invalid"),
        (object(), "invalid"),
        ("1e40", "invalid"),
        ("1e400000000", "invalid"),
        ("0.00001", "too_fine"),
        (D("1.00005"), "too_fine"),
        ("1e-30", "too_fine"),
    ],
)
def test_floats_words_and_more_than_four_decimals_are_refused(value, code):
    with pytest.raises(ValidationError) as caught:
        money.MoneyField().to_python(value)
    assert caught.value.code == code


def test_an_amount_nobody_can_mean_is_refused():
    field = money.MoneyField()
    assert field.clean("99999999999", None) == money.MOST
    for value in ("100000000000", "-100000000000"):
        with pytest.raises(ValidationError):
            field.clean(value, None)


def test_a_rate_lies_between_nothing_and_all():
    field = money.RateField()
    assert field.clean("7.7", None) == D("7.7")
    for value in ("-0.1", "100.1"):
        with pytest.raises(ValidationError):
            field.clean(value, None)


def test_a_form_reads_money_and_says_what_is_wrong():
    field = money.MoneyField("price").formfield()
    assert field.clean("12.50") == D("12.5")
    with pytest.raises(ValidationError):
        field.clean("1.23456")


# In the database


@pytest.fixture
def riverside(db):
    return story.house()


@pytest.fixture
def prices(riverside):
    """Plans whose amounts a float cannot hold."""
    for number, amount in enumerate(["0.1", "0.2", "1.005", "99999999999", "-0.3"]):
        plan = Plan(name=f"Plan {number}", location=riverside)
        plan.sign_up_fee, plan.deposit = D(amount), D("0.2")
        plan.save()
    return Plan.objects.order_by("pk")


def test_amounts_come_back_as_they_went_in(prices):
    assert list(prices.values_list("sign_up_fee", flat=True)) == [
        D("0.1"), D("0.2"), D("1.005"), D("99999999999"), D("-0.3"),
    ]  # fmt: skip
    assert all(isinstance(plan.sign_up_fee, Decimal) for plan in prices)


def test_filters_compare_exactly(prices):
    assert prices.get(sign_up_fee=D("1.005")).name == "Plan 2"
    assert not prices.filter(sign_up_fee=D("1.0049")).exists()
    assert prices.filter(sign_up_fee__gt=D("1.0049")).count() == 2
    assert prices.filter(sign_up_fee__lt=D("0.1")).count() == 1
    assert prices.filter(sign_up_fee__in=[D("0.1"), D("0.2")]).count() == 2
    assert prices.filter(sign_up_fee__range=(D("0.1"), D("0.2"))).count() == 2
    assert prices.filter(sign_up_fee=F("deposit")).count() == 1
    with pytest.raises(ValidationError):
        prices.filter(sign_up_fee=1.005).exists()
    with pytest.raises(ValidationError):
        prices.filter(sign_up_fee=D("0.00001")).exists()


def test_sums_are_exact(prices):
    found = prices.aggregate(total=Sum("sign_up_fee"), most=Max("sign_up_fee"))
    assert found == {"total": D("100000000000.005"), "most": D("99999999999")}
    assert prices.none().aggregate(total=Sum("sign_up_fee"))["total"] is None


def test_arithmetic_in_the_database_is_exact_and_stays_money(prices):
    plan = prices.annotate(
        both=F("sign_up_fee") + F("deposit"),
        less=F("sign_up_fee") - F("deposit"),
        thrice=F("sign_up_fee") * 3,
        also_thrice=Value(3) * F("sign_up_fee"),
        by_column=F("sign_up_fee") * F("notice_days"),
        more=F("sign_up_fee") + Value(D("0.005"), output_field=money.MoneyField()),
    )[0]
    assert [plan.both, plan.less, plan.thrice, plan.also_thrice, plan.by_column, plan.more] == [
        D("0.3"), D("-0.1"), D("0.3"), D("0.3"), D(0), D("0.105"),
    ]  # fmt: skip
    assert prices.filter(sign_up_fee__lt=F("deposit") * 2).count() == 3
    total = prices[:2].aggregate(total=Sum(F("sign_up_fee") - F("deposit")))["total"]
    assert total == D("-0.1")


def test_money_does_not_mix_with_bare_numbers(prices):
    for expression in (F("sign_up_fee") + 5, F("sign_up_fee") * F("deposit"), F("deposit") / 2):
        with pytest.raises(FieldError):
            prices.annotate(odd=expression).first()


def test_an_update_by_expression_keeps_the_scale(prices):
    within_bounds = prices.filter(sign_up_fee__lt=money.MOST / 2)
    within_bounds.update(sign_up_fee=F("sign_up_fee") + F("deposit"))
    assert prices[0].sign_up_fee == D("0.3")
    prices.update(sign_up_fee=D("12.5"))
    assert prices[0].sign_up_fee == D("12.5")


def test_rates_are_kept_to_the_millionth(riverside):
    riverside.tax_rates.update(rate=D("7.7"))
    assert riverside.tax_rate == D("7.7")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rate FROM spaces_locationtaxrate")
        assert cursor.fetchone() == (77_000,)


def test_an_amount_that_may_be_missing_may_be_missing(w):
    assert w.ada_contract.price is None
    Contract.objects.filter(pk=w.ada_contract.pk).update(price=D("180.5"))
    assert Contract.objects.get(price=D("180.5")) == w.ada_contract


@pytest.mark.parametrize("amount", ["'12.50 euros'", "12.5"])
def test_the_database_keeps_nothing_but_whole_numbers_as_money(riverside, amount):
    """SQLite would keep a text or a float in any column; PostgreSQL refuses or rounds it."""
    plan = story.plan(riverside)
    with connection.cursor() as cursor:
        statement = f"UPDATE plans_planprice SET price = {amount} WHERE plan_id = {plan.pk}"  # noqa: S608
        if connection.vendor == "sqlite":
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(statement)
        else:
            with suppress(DataError), transaction.atomic():
                cursor.execute(statement)
        cursor.execute("SELECT price FROM plans_planprice")
        assert isinstance(cursor.fetchone()[0], int)


def test_every_amount_of_the_house_is_a_money_or_rate_field():
    """A float or decimal column would be inexact on SQLite."""
    from django.apps import apps

    wrong = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, models.DecimalField | models.FloatField)
    ]
    assert wrong == []


def test_a_price_below_zero_is_refused_by_the_database(riverside):
    plan = story.plan(riverside)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlanPrice.objects.filter(plan=plan).update(price=D("-0.0001"))
