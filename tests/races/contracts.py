"""People whose contracts start, end, freeze, resume, touch and overlap in the next weeks."""

import datetime as dt
import random

from tests import story

PEOPLE = 24
DAY = dt.timedelta(days=1)


def world() -> None:
    chance = random.Random(7)
    house = story.house()
    plans = [story.plan(house, name, "100") for name in ("Hot Desk", "Dedicated Desk")]
    for number in range(PEOPLE):
        customer = story.person(house, f"Person {number}")
        first = story.TODAY + chance.randrange(1, 20) * DAY
        last = None if number % 5 == 0 else first + chance.randrange(1, 25) * DAY
        contract = chance.choice(plans).sign_up(customer, starts_on=first, ends_on=last, by=None)
        if last and number % 3 == 0:
            gap = chance.choice([1, 1, 6])
            plans[0].sign_up(customer, starts_on=last + gap * DAY, by=None)
        if number % 4 == 0:
            frozen = first + chance.randrange(0, 10) * DAY
            if last is None or frozen <= last:
                contract.freeze(from_on=frozen, until=frozen + 3 * DAY, by=None)
