"""Property test: random lives of an account against an oracle in plain fractions.

The oracle knows the dates, prices and freezes that contracts have by now, and the amounts that the
rows say. What the product works out, it works out again.
"""

import datetime as dt
import os
import random
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.management import call_command
from django.db import transaction
from django.utils.module_loading import import_string

from kit.problems import Refused
from tests import story

pytestmark = pytest.mark.django_db

# More of them by hand: LIVES=500.
LIVES = int(os.environ.get("LIVES", "3"))
FIRST, DAYS = dt.date(2026, 1, 3), 120
DAY = dt.timedelta(days=1)
CENT = Decimal("0.01")


def rows(name: str) -> Any:
    return apps.get_model("billing", name)._base_manager.all()


# The oracle


def rounded(exact: Fraction) -> Decimal:
    number = Decimal(exact.numerator) / Decimal(exact.denominator)
    return number.quantize(CENT, rounding=ROUND_HALF_UP)


def boundary(contract: Any, number: int) -> dt.date:
    """The beginning of a cycle, by its number: months from January 2000 on, weeks from the first
    day of the contract."""
    if contract.cycle_unit == "week":
        return contract.starts_on + dt.timedelta(weeks=contract.cycle_length * number)
    month = number * contract.cycle_length
    return dt.date(2000 + month // 12, month % 12 + 1, 1)


def whole_cycle(contract: Any, day: dt.date) -> tuple[dt.date, dt.date]:
    number = 0
    if contract.cycle_unit == "month":
        number = ((day.year - 2000) * 12 + day.month - 1) // contract.cycle_length
    while boundary(contract, number + 1) <= day:
        number += 1
    return boundary(contract, number), boundary(contract, number + 1)


def days(first: dt.date, end: dt.date) -> Iterator[dt.date]:
    while first < end:
        yield first
        first += DAY


def is_frozen(contract: Any, day: dt.date) -> bool:
    return any(
        one.from_on <= day and (one.until is None or day <= one.until)
        for one in contract.freezes.all()
        if one.withdrawn_at is None
    )


def fee(contract: Any, start: dt.date, price: Decimal, discount: Decimal) -> Decimal:
    """The fee of the cycle in which the contract has its day `start`, as it stands now."""
    whole_start, whole_end = whole_cycle(contract, start)
    last_end = whole_end
    if contract.ends_on is not None:
        last_end = min(whole_end, contract.ends_on + DAY)
    own = [day for day in days(start, last_end) if not contract.is_called_off]
    if not own or all(is_frozen(contract, day) for day in own):
        return Decimal(0)
    paid_from = start if contract.prorate_first else whole_start
    paid_until = last_end if contract.prorate_last else whole_end
    paid = [day for day in days(paid_from, paid_until) if day not in own or
            not is_frozen(contract, day)]  # fmt: skip
    steps = sorted((one.from_on, one.price) for one in contract.price_steps.all())
    for from_on, step in steps:
        if from_on <= start:
            price = step
    exact = Fraction(price) * contract.quantity * len(paid)
    exact /= (whole_end - whole_start).days
    return rounded(exact * (1 - Fraction(discount) / 100))


def faults() -> list[str]:
    """What the books say otherwise than the oracle."""
    found = [f"charge {one.pk} is {one.price}" for one in rows("Charge") if one.price < 0]
    found += _cycles() + _lines() + _balance() + _rates() + _invoices()
    return found


def _cycles() -> list[str]:
    found = []
    for row in rows("BilledCycle").exclude(reason__in=["suspended", "backdated"]):
        charged, left = Decimal(0), Decimal(0)
        for charge in rows("Charge").filter(cycle=row):
            void = rows("ChargeVoid").filter(charge=charge).first()
            if void is not None and getattr(void, "cause", "staff") != "staff":
                continue
            charged += charge.price
            line = rows("InvoiceLine").filter(charge=charge).first()
            left += charge.price if void is None else 0
            for credit in rows("CreditNoteLine").filter(line=line) if line is not None else ():
                part = credit.price
                left -= part
                if getattr(credit.credit_note, "cause", "staff") != "staff":
                    charged -= part
        should = fee(row.contract, row.starts_on, row.price, row.discount)
        if charged < should or (charged > should and left > 0):
            found.append(f"{row.starts_on} of {row.contract_id}: {charged} instead of {should}")
    return found


def _lines() -> list[str]:
    found = []
    for line in rows("InvoiceLine"):
        credits = list(rows("CreditNoteLine").filter(line=line))
        if sum(one.net for one in credits) > line.net or sum(one.tax for one in credits) > line.tax:
            found.append(f"line {line.pk} is credited by more than it has")
        if sum(one.price for one in credits) > line.price:
            found.append(f"line {line.pk} is credited by more than its price")
    return found


def rate_on(house: Any, customer: Any, day: dt.date) -> tuple[Decimal, Decimal]:
    """The rate of a day in percent, and the one that an exempt customer is spared."""

    def latest(found: Any) -> Any:
        held = [one for one in found if one.from_on is None or one.from_on <= day]
        return max(held, key=lambda one: one.from_on or dt.date.min)

    rate = latest(house.tax_rates.all()).rate
    exempt = [one for one in customer.exemptions.all() if one.from_on <= day]
    if exempt and latest(exempt).category:
        return Decimal(0), rate if house.prices_include_tax else Decimal(0)
    return rate, Decimal(0)


def _rates() -> list[str]:
    """What is not invoiced yet has the rate of the last contract day of its cycle."""
    found = []
    for charge in rows("Charge").exclude(cycle=None).filter(void=None):
        line = rows("InvoiceLine").filter(charge=charge).first()
        if line is not None and line.invoice.state == "issued":
            continue
        last, contract = charge.cycle.ends_on - DAY, charge.cycle.contract
        if contract.ends_on is not None and charge.cycle.starts_on <= contract.ends_on < last:
            last = contract.ends_on
        rate, spared = rate_on(charge.location, charge.customer, last)
        if (charge.tax_rate, charge.contained_rate) != (rate, spared):
            found.append(f"charge {charge.pk} has {charge.tax_rate} % instead of {rate} %")
    return found


def _invoices() -> list[str]:
    """The tax of an invoice: per rate, of the sum of its prices, rounded once."""
    found = []
    for invoice in rows("Invoice"):
        sums: dict[tuple[Any, ...], Fraction] = {}
        for line in rows("InvoiceLine").filter(invoice=invoice):
            charge = line.charge
            key = (line.tax_rate, line.tax_category, charge.includes_tax, charge.contained_rate)
            sums[key] = sums.get(key, Fraction(0)) + Fraction(line.price)
        net = tax = Decimal(0)
        for (rate, _category, included, spared), price in sums.items():
            if included:
                part = rounded(price / (1 + Fraction(spared or rate) / 100))
                net, tax = net + part, tax + (0 if spared else rounded(price) - part)
            else:
                net, tax = net + rounded(price), tax + rounded(price * Fraction(rate) / 100)
        if (net, tax) != (invoice.net, invoice.tax):
            found.append(f"invoice {invoice.pk} is {invoice.net} + {invoice.tax}: {net} + {tax}")
    return found


def _balance() -> list[str]:
    issued = [one for one in rows("Invoice") if one.state == "issued"]
    owed = sum((one.total for one in issued), Decimal(0))
    owed -= sum((one.total for one in rows("CreditNote")), Decimal(0))
    owed -= sum((one.amount for one in rows("Payment")), Decimal(0))
    owed -= sum((one.amount for one in rows("WriteOff").filter(withdrawn_at=None)), Decimal(0))
    claims = list(rows("Claim"))
    owed += sum((one.amount for one in claims if one.reversal_id is None), Decimal(0))
    due = sum((one.total - one.settled for one in issued), Decimal(0))
    due += sum((one.amount - one.settled for one in claims), Decimal(0))
    credit = sum((one.value for one in rows("AccountEntry")), Decimal(0))
    return [] if owed == due - credit else [f"balance {owed}, due {due}, credit {credit}"]


# The lives


class Life:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        pick = self.chance.choice
        self.house = story.house(tax_rate=pick([0, 20, Decimal("7.7")]),
                                 prices_include_tax=pick([True, False]),
                                 run_issues=pick([True, True, False]))  # fmt: skip
        self.ada = story.person(self.house, "Ada Lovelace")
        self.plans = [
            story.plan(
                self.house, f"Plan {number}", str(pick([0, 100, 299, 900])),
                billing_day=1 if unit == "month" else None, cycle_unit=unit,
                cycle_length=pick([1, 1, 2, 3, 12]), fee_due=pick(["in_advance", "in_arrears"]),
                prorate_first=pick([True, False]), prorate_last=pick([True, False]),
            )
            for number, unit in enumerate(["month", "month", "week"])
        ]  # fmt: skip
        self.day = FIRST
        self.sign()

    def sign(self) -> None:
        self.chance.choice(self.plans).sign_up(
            self.ada, starts_on=self.day + dt.timedelta(days=self.chance.randint(0, 10)), by=None,
            quantity=self.chance.choice([1, 1, 3]),
            discount=self.chance.choice([0, 0, 10, Decimal("33.3333")]),
        )  # fmt: skip

    def contract(self) -> Any:
        return self.any_of(apps.get_model("plans", "Contract").objects.order_by("pk"))

    def invoice(self) -> Any:
        return self.any_of(rows("Invoice").filter(state="issued").order_by("pk"))

    def any_of(self, found: Any) -> Any:
        found = list(found)
        if not found:
            raise Refused
        return found[self.chance.randrange(len(found))]

    def around(self, before: int, after: int) -> dt.date:
        return self.day + dt.timedelta(days=self.chance.randint(-before, after))

    def cancel(self) -> None:
        self.contract().cancel(last_day=self.around(20, 40), by=None)

    def withdraw(self) -> None:
        self.contract().withdraw_cancellation(by=None)

    def freeze(self) -> None:
        first = self.around(25, 25)
        until = first + dt.timedelta(days=self.chance.randint(0, 45))
        self.contract().freeze(from_on=first, until=self.chance.choice([until, None]), by=None)

    def resume(self) -> None:
        self.contract().resume(on=self.around(20, 20), by=None)

    def change(self) -> None:
        to = self.chance.choice(self.plans)
        self.contract().change_plan(to=to, starts_on=self.around(15, 20), by=None)

    def unchange(self) -> None:
        self.contract().withdraw_change(by=None)

    def step(self) -> None:
        price = self.chance.choice([80, 333])
        self.contract().add_price_step(price, from_on=self.around(20, 30), by=None)

    def run(self) -> None:
        call_command("run_billing", verbosity=0, stdout=StringIO(), stderr=StringIO())

    def issue(self) -> None:
        self.any_of(rows("Invoice").filter(state="draft").order_by("pk")).issue(by=None)

    def credit(self) -> None:
        invoice = self.invoice()
        line = self.any_of(invoice.lines.all())
        amount = rounded(Fraction(line.price) * self.chance.randint(1, 10) / 10)
        invoice.credit({line: amount}, reason="Goodwill", by=None)

    def take_back(self) -> None:
        charge = self.any_of(rows("Charge").order_by("pk"))
        import_string("billing.charging.take_back")(charge, reason="Goodwill", by=None)

    def pay(self) -> None:
        invoice = self.invoice()
        invoice.record_payment(amount=invoice.due or 50, by=None)

    def write_off(self) -> None:
        self.invoice().write_off(reason="Gone", by=None)

    def refund(self) -> None:
        account = self.any_of(rows("Account").order_by("pk"))
        import_string("billing.models.paying.refund")(
            self.ada, self.house, amount=account.credit, by=None
        )

    def replace(self) -> None:
        self.invoice().replace(reason="Wrong", by=None)

    def tax(self) -> None:
        rate = Decimal(self.chance.choice(["0", "10", "20", "7.7"]))
        self.house.set_tax_rate(rate, from_on=self.around(60, 60), by=None)

    def exempt(self) -> None:
        category = self.chance.choice(["exempt", "zero", None])
        self.ada.set_exemption(
            category=category, reason="Embassy", from_on=self.around(60, 60), by=None
        )

    def reverse(self) -> None:
        payments = rows("Payment").filter(kind="payment").order_by("pk")
        self.any_of(payments).reverse(reason="Bounced", by=None)

    def claim(self) -> None:
        self.ada.claim(text="Reminder fee", amount=5, location=self.house, by=None)

    DEEDS = (
        ["run"] * 6 + ["pay"] * 3 + ["freeze"] * 4 + ["resume"] * 3 + ["cancel"] * 3
        + ["withdraw"] * 2 + ["change"] * 3 + ["unchange"] * 2
        + ["sign", "step", "credit", "take_back", "write_off", "refund", "issue", "issue"]
        + ["replace", "replace", "tax", "exempt", "reverse", "claim"]
    )  # fmt: skip

    def live(self) -> Iterator[str]:
        """Do one thing, or nothing where it is refused; say what."""
        name = self.chance.choice(self.DEEDS)
        seed = self.chance.random()
        rest, self.chance = self.chance, random.Random(seed)
        try:
            with transaction.atomic():
                getattr(self, name)()
            yield name
        except Refused:
            pass
        finally:
            self.chance = rest
        self.ada = type(self.ada).objects.get(pk=self.ada.pk)


@pytest.mark.parametrize("seed", range(LIVES))
def test_the_books_of_a_random_life_are_what_the_oracle_says(seed):
    with time_machine.travel(f"{FIRST} 12:00Z", tick=False) as clock:
        life = Life(seed)
        done: list[str] = []
        while life.day < FIRST + DAYS * DAY:
            life.day += life.chance.choice([0, 1, 2, 5, 9]) * DAY
            clock.move_to(dt.datetime.combine(life.day, dt.time(12), dt.UTC))
            for name in life.live():
                done.append(f"{life.day} {name}")
                assert faults() == [], "\n".join(done)
        life.run()
        assert faults() == []
        assert len(done) > 5
