"""Random lives of a space: what its people sign, book, buy and owe over some months, by a seed.

The same seed gives the same life whatever the billing does meanwhile.
"""

import datetime as dt
import hashlib
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import time_machine
from django.db import transaction

from billing.charging import charge_other, take_back
from billing.models import Charge, Product, Subscription
from billing.models.paying import receive
from billing.runs import run_billing
from bookings.models import Booking, PlanCredit, ResourceType
from customers.models import Team
from kit.problems import Refused
from plans.models import Contract
from tests import story
from tests.billing.ledger import canonical

FIRST = dt.date(2026, 1, 5)
DAYS = 75
DAY = dt.timedelta(days=1)


class Life:
    """A small space and a die."""

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        includes = self.chance.random() < 0.4
        self.house = story.house(
            currency=self.chance.choice(["EUR", "EUR", "JPY", "KWD"]), prices_include_tax=includes,
            billing_day=self.chance.choice([1, 10, 31]),
            zero_invoices=self.chance.random() < 0.5,
        )  # fmt: skip
        self.people = [story.person(self.house, f"Person {n}") for n in range(5)]
        self.team = Team.objects.start("Team", by=None, payer=self.people[0])
        for one in self.people[:3]:
            self.team.add(one, by=None)
        self.team.set_spending("everyone", None, by=None)
        self.plans = [self._plan(n) for n in range(4)]
        rooms = ResourceType.objects.make(name="Rooms", by=None)
        rooms.add_rate(per="hour", price=60, by=None)
        rooms.add_rate(per="day", price=200, by=None)
        self.room = story.room(
            self.house, rooms, "Kestrel", free_cancellation_hours=24, late_fee=Decimal(50)
        )
        PlanCredit.objects.give(self.plans[0], hours=3, types=[rooms], by=None)
        self.coffee = self._product("Coffee", 3)
        self.locker = self._product("Locker", 30, recurring=True)
        self.day = FIRST

    def _product(self, name: str, price: int, **more: Any) -> Product:
        return Product.objects.offer(name=name, price=price, location=self.house, by=None, **more)

    def _plan(self, number: int):
        pick = self.chance.choice
        unit = pick(["month", "month", "month", "week"])
        return story.plan(
            self.house, f"Plan {number}", str(pick([0, 100, 250, 299, 900])), cycle_unit=unit,
            cycle_length=pick([1, 1, 2, 3]),
            billing_day=pick([None, 1, 15, 31]) if unit == "month" else None,
            fee_due=pick(["in_arrears", "in_advance"]), prorate_first=pick([True, False]),
            prorate_last=pick([True, False]), sign_up_fee=Decimal(pick([0, 0, 50])),
            deposit=Decimal(pick([0, 0, 300])),
        )  # fmt: skip

    # What may happen on a day

    def sign(self) -> None:
        start = self.day + dt.timedelta(days=self.chance.randint(-50, 20))
        length = self.chance.randint(10, 90)
        self.chance.choice(self.plans).sign_up(
            self.one(), starts_on=start, by=None, quantity=self.chance.choice([1, 1, 2]),
            ends_on=self.chance.choice([None, None, start + dt.timedelta(days=length)]),
            discount=self.chance.choice([0, 10, Decimal("33.3333")]),
            bill_missed=self.chance.random() < 0.5, on_behalf_of=self.maybe_team(),
        )  # fmt: skip

    def cancel(self) -> None:
        self.contract().cancel(last_day=self.ahead(40), by=None)

    def withdraw(self) -> None:
        self.contract().withdraw_cancellation(by=None)

    def call_off(self) -> None:
        self.contract().call_off(by=None)

    def freeze(self) -> None:
        first = self.day + dt.timedelta(days=self.chance.randint(-20, 20))
        until = first + dt.timedelta(days=self.chance.randint(0, 45))
        self.contract().freeze(from_on=first, until=self.chance.choice([until, None]), by=None)

    def resume(self) -> None:
        self.contract().resume(on=self.day + dt.timedelta(days=self.chance.randint(-3, 9)), by=None)

    def change(self) -> None:
        to = self.chance.choice(self.plans)
        self.contract().change_plan(to=to, starts_on=self.ahead(20), by=None)

    def unchange(self) -> None:
        self.contract().withdraw_change(by=None)

    def step(self) -> None:
        start = self.day + dt.timedelta(days=self.chance.randint(-10, 40))
        self.contract().add_price_step(self.chance.choice([80, 333]), from_on=start, by=None)

    def price(self) -> None:
        start = self.day + dt.timedelta(days=self.chance.randint(-10, 30))
        self.chance.choice(self.plans).set_price(
            self.chance.choice([120, 310]), from_on=start, by=None
        )

    def suspend(self) -> None:
        self.one().suspend(by=None, reason="Noise")

    def reinstate(self) -> None:
        self.one().reinstate(by=None, bill_missed=self.chance.random() < 0.5)

    def book(self) -> None:
        start = story.moment(f"{self.ahead(25)} {self.chance.randint(8, 16):02d}:00")
        length = dt.timedelta(minutes=15 * self.chance.randint(2, 20))
        self.room.book(
            customer=self.one(), start=start, end=start + length, by=None,
            on_behalf_of=self.maybe_team(),
        )  # fmt: skip

    def unbook(self) -> None:
        self.booking().cancel(by=None, waive_fee=self.chance.random() < 0.5)

    def move(self) -> None:
        booking = self.booking()
        days = dt.timedelta(days=self.chance.randint(0, 5))
        booking.reschedule(start=booking.start + days, by=None)

    def restore(self) -> None:
        self.any_of(Booking.objects.filter(state="cancelled").order_by("start", "pk")).restore(
            by=None
        )

    def sell(self) -> None:
        self.coffee.sell(self.one(), self.chance.randint(1, 3), by=None,
                         on_behalf_of=self.maybe_team())  # fmt: skip

    def subscribe(self) -> None:
        self.locker.subscribe(
            self.one(), starts_on=self.day + dt.timedelta(days=self.chance.randint(-20, 9)),
            every=self.chance.choice([(1, "month"), (2, "week"), (10, "day")]), by=None,
            fee_due=self.chance.choice(["in_arrears", "in_advance"]),
        )  # fmt: skip

    def end(self) -> None:
        self.any_of(Subscription.objects.order_by("pk")).end(last_day=self.ahead(20), by=None)

    def other(self) -> None:
        amount = self.chance.choice([10, 250])
        charge_other(self.one(), self.house, text="Other", amount=amount, by=None)

    def take_back(self) -> None:
        kinds = ["sale", "booking", "other", "sign_up_fee"]
        charges = Charge.objects.filter(kind__in=kinds, on__lte=self.day)
        found = charges.order_by("on", "kind", "text", "price", "customer", "starts_on")
        take_back(self.any_of(found), reason="Taken back", by=None)

    def pay(self) -> None:
        receive(self.one(), self.house, amount=self.chance.choice([50, 1000]), by=None)

    def payer(self) -> None:
        self.team.edit({"payer": self.one()}, by=None)

    def team_discount(self) -> None:
        self.team.edit({"discount": Decimal(self.chance.choice([0, 25]))}, by=None)

    # Whom and what

    def one(self):
        return self.chance.choice(self.people)

    def maybe_team(self):
        return self.team if self.chance.random() < 0.3 else None

    def ahead(self, most: int) -> dt.date:
        return self.day + dt.timedelta(days=self.chance.randint(0, most))

    def any_of(self, rows):
        found = list(rows)
        if not found:
            raise Refused
        return found[self.chance.randrange(len(found))]

    def contract(self) -> Contract:
        return self.any_of(Contract.objects.order_by("pk"))

    def booking(self) -> Booking:
        return self.any_of(Booking.objects.filter(state="confirmed").order_by("start", "pk"))

    DEEDS = (
        ["sign"] * 4 + ["book"] * 5 + ["sell"] * 3 + ["unbook"] * 2 + ["freeze"] * 2
        + ["cancel", "withdraw", "call_off", "resume", "change", "unchange", "step", "price",
           "suspend", "reinstate", "move", "restore", "subscribe", "end", "other", "take_back",
           "pay", "payer", "team_discount"]
    )  # fmt: skip

    def live(self) -> None:
        """One day: some deeds, those that are refused undone."""
        for _number in range(self.chance.choice([0, 1, 1, 2, 3])):
            # A deed that is refused must not throw the die of the next one off.
            deed, seed = self.chance.choice(self.DEEDS), self.chance.random()
            rest, self.chance = self.chance, random.Random(seed)
            try:
                with transaction.atomic():
                    getattr(self, deed)()
            except Refused:
                pass
            finally:
                self.chance = rest
            for person in self.people:
                person.refresh_from_db()
            self.team.refresh_from_db()


def lived(
    seed: int, runs_on: Callable[[int], bool], *, days: int = DAYS,
    summary: Callable[[], Any] = canonical,
) -> Any:  # fmt: skip
    """What came of a life with the billing run on some of its days, and always on the last one."""
    with time_machine.travel(f"{FIRST} 12:00Z", tick=False) as clock:
        life = Life(seed)
        for number in range(days):
            life.day = FIRST + number * DAY
            clock.move_to(dt.datetime.combine(life.day, dt.time(12), dt.UTC))
            life.live()
            if runs_on(number) or number == days - 1:
                report = run_billing()
                assert not report.failed, report.failed
    return summary()


def digest(seed: int) -> str:
    """One line that says all of what came of a life."""
    found = "\n".join(map(repr, lived(seed, lambda number: number % 7 == 0)))
    return hashlib.sha256(found.encode()).hexdigest()
