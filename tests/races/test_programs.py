"""Random programs of booking operations against a model of plain intervals.

Each program has days of its own. `RACE_ROUNDS=20` plays 500 of them one after the other and 200 at
the same time; without it a part of them is played.
"""

import datetime as dt
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from bookings.models import Booking, Resource, ResourceType
from kit.problems import Refused
from tests import story
from tests.races.crowd import at_once, losers
from tests.races.test_bookings import overlaps

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

FULL = bool(os.environ.get("RACE_ROUNDS"))
QUARTER = dt.timedelta(minutes=15)
FIRST = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
DEEDS = ("book", "book", "book", "cancel", "restore", "reschedule", "lengthen", "move_to")
TURNED_AWAY = {"taken", "too_long", "ends_before_start", "not_standing", "not_cancelled"}


@dataclass
class Model:
    """What should be so: for each booking its room and time, and whether it takes it."""

    rooms: list[Resource]
    rows: dict[int, list[Any]] = field(default_factory=dict)

    def is_free(self, room: int, start, end, *, but: int | None = None) -> bool:
        ready = self.rooms[room].preparation
        return all(
            key == but
            or other != room
            or not takes
            or until + self.rooms[other].preparation <= start
            or end + ready <= from_
            for key, (other, from_, until, takes) in self.rows.items()
        )

    def overlapping(self) -> list[tuple[int, int]]:
        rows = [(key, *row) for key, row in self.rows.items() if row[3]]
        return [
            (a[0], b[0])
            for number, a in enumerate(rows)
            for b in rows[number + 1 :]
            if a[1] == b[1]
            and a[2] < b[3] + self.rooms[b[1]].preparation
            and b[2] < a[3] + self.rooms[a[1]].preparation
        ]


@pytest.fixture
def house(at):
    at("2026-11-20")
    place = story.house()
    kind = ResourceType.objects.make(name="Meeting rooms", by=None)
    kind.add_rate(per="hour", price=60, by=None)
    rooms = [
        story.room(place, kind, name, preparation_minutes=minutes)
        for name, minutes in (("Kestrel", 0), ("Heron", 15), ("Owl", 30))
    ]
    return rooms, story.person(place)


def play(seed: int, rooms: list[Resource], customer, day: dt.datetime, model: Model) -> int:
    """One program; says how many of its deeds did something. Fails where model and house differ."""
    chance = random.Random(seed)
    done = 0
    for _step in range(chance.randrange(3, 7)):
        deed = chance.choice(DEEDS)
        room = chance.randrange(len(rooms))
        start = day + chance.randrange(0, 40) * QUARTER
        end = start + chance.randrange(-1, 12) * QUARTER
        key = chance.choice(list(model.rows)) if model.rows else None
        if key is None:
            deed = "book"
        expected, verb = plan(deed, key, room, start, end, model, rooms, customer)
        made, codes = outcome(verb)
        assert expected == (not codes), (seed, deed, codes)
        if not codes:
            note(deed, key, room, start, end, model, made)
            done += 1
        assert model.overlapping() == []
    return done


def outcome(verb) -> tuple[Any, set[str]]:
    """What a verb gave back, and why it was refused; a reason nobody expects fails the test."""
    try:
        return verb(), set()
    except Refused as refused:
        codes = set(refused.codes)
    assert codes <= TURNED_AWAY, codes
    return None, codes


def plan(deed, key, room, start, end, model: Model, rooms, customer):
    """Whether a deed should succeed, and the deed."""
    if deed == "book":
        return (
            end > start and model.is_free(room, start, end),
            lambda: rooms[room].book(customer=customer, start=start, end=end, by=None),
        )
    assert key is not None
    own_room, from_, until, takes = model.rows[key]
    booking = Booking.objects.get(pk=key)
    match deed:
        case "cancel":
            return takes, lambda: booking.cancel(by=None)
        case "restore":
            return (
                not takes and model.is_free(own_room, from_, until, but=key),
                lambda: booking.restore(by=None),
            )
        case "reschedule":
            length = until - from_
            return (
                takes and model.is_free(own_room, start, start + length, but=key),
                lambda: booking.reschedule(start=start, by=None),
            )
        case "lengthen":
            new_end = until + (end - start)
            return (
                takes and new_end > from_ and model.is_free(own_room, from_, new_end, but=key),
                lambda: booking.reschedule(end=new_end, by=None),
            )
    return (
        takes and model.is_free(room, from_, until, but=key),
        lambda: booking.move_to(rooms[room], by=None),
    )


def note(deed, key, room, start, end, model: Model, made) -> None:
    """The model does what the house has done."""
    if deed == "book":
        model.rows[made.pk] = [room, start, end, True]
        return
    row = model.rows[key]
    match deed:
        case "cancel" | "restore":
            row[3] = deed == "restore"
        case "reschedule":
            row[1], row[2] = start, start + (row[2] - row[1])
        case "lengthen":
            row[2] += end - start
        case "move_to":
            row[0] = room


def test_random_programs_do_what_a_model_of_intervals_does(house):
    rooms, customer = house
    done = 0
    for seed in range(500 if FULL else 120):
        model = Model(rooms)
        done += play(seed, rooms, customer, FIRST + dt.timedelta(days=2 * seed), model)
        for key, (room, start, end, takes) in model.rows.items():
            booking = Booking.objects.get(pk=key)
            assert (booking.resource, booking.start, booking.end) == (rooms[room], start, end)
            assert (booking.state == "confirmed") == takes
    assert done > 200
    assert overlaps() == 0


def test_programs_at_the_same_time_never_overlap(house):
    """Forty of them on one day and the same rooms: what each may do depends on the others, and
    nothing but that a refusal is polite and no two bookings meet is asked."""
    rooms, customer = house
    programs = 200 if FULL else 40

    def program(seed: int):
        def run() -> int:
            chance = random.Random(seed)
            morning = FIRST + dt.timedelta(days=seed // 40)
            done = 0
            mine: list[int] = []
            for _step in range(4):
                start = morning + chance.randrange(0, 40) * QUARTER
                end = start + chance.randrange(1, 8) * QUARTER
                room = Resource.objects.get(pk=rooms[chance.randrange(3)].pk)
                deed = chance.choice(DEEDS) if mine else "book"
                made, codes = outcome(
                    lambda deed=deed, room=room, start=start, end=end: act(
                        deed, mine, chance, room, start, end, customer
                    )
                )
                done += not codes
                if made is not None and deed == "book":
                    mine.append(made.pk)
            return done

        return run

    done = 0
    for first in range(0, programs, 40):
        results = at_once(*[program(seed) for seed in range(first, first + 40)])
        assert losers(results) == []
        done += sum(results)
        assert overlaps() == 0
    assert done > programs / 2


def act(deed, mine, chance, room, start, end, customer):
    if deed == "book":
        return room.book(customer=customer, start=start, end=end, by=None)
    one = Booking.objects.get(pk=chance.choice(mine))
    match deed:
        case "cancel":
            return one.cancel(by=None)
        case "restore":
            return one.restore(by=None)
        case "move_to":
            return one.move_to(room, by=None)
    return one.reschedule(start=start, end=end, by=None)
