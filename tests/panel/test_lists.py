"""Paging by key: whatever the order and wherever values are missing, each row comes once."""

import pytest
from django.http import QueryDict

from panel.lists import page
from plans.models import Contract
from tests import story
from tests.story import TODAY, day


def walked(sort: str, size: int = 3) -> tuple[list[int], list[int]]:
    """All keys found by going forwards, and by going all the way back again."""

    def turn(query: str):
        found = Contract.objects.all()
        return page(found, found.with_state(on=TODAY), sort=sort, query=QueryDict(query), size=size)

    here = turn("")
    forwards = [row.pk for row in here.rows]
    while here.next:
        here = turn(f"after={here.next}")
        forwards += [row.pk for row in here.rows]
    backwards = [row.pk for row in reversed(here.rows)]
    while here.previous:
        here = turn(f"before={here.previous}")
        backwards += [row.pk for row in reversed(here.rows)]
    return forwards, backwards


@pytest.mark.parametrize("sort", ["starts_on", "-starts_on", "ends_on", "-ends_on"])
def test_every_row_comes_once_there_and_back(w, sort):
    for number in range(9):
        ends_on = None if number % 3 else day("2027-03-31")
        kim = story.person(w.house)
        w.hot_desk.sign_up(kim, starts_on=TODAY, ends_on=ends_on, by=w.mona)
    forwards, backwards = walked(sort)
    assert sorted(forwards) == sorted(Contract.objects.values_list("pk", flat=True))
    assert backwards == forwards[::-1]
    values = [
        getattr(Contract.objects.get(pk=pk), sort.removeprefix("-")) or day("9999-12-31")
        for pk in forwards
    ]
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_beyond_five_hundred_nobody_counts(w, monkeypatch):
    monkeypatch.setattr("panel.lists.COUNTED", 2)
    found = Contract.objects.all()
    shown = page(found, found, sort="starts_on", query=QueryDict())
    assert (shown.total, shown.more) == (2, True)


def test_every_page_tells_how_many_there_are_in_all(w):
    found = Contract.objects.all()
    first = page(found, found, sort="starts_on", query=QueryDict(), size=3)
    second = page(found, found, sort="starts_on", query=QueryDict(f"after={first.next}"), size=3)
    assert (first.total, second.total, len(second.rows)) == (4, 4, 1)


@pytest.mark.parametrize("key", ["x", "W10", "WyJcdTAwMDAiLDFd", "bnVsbA", "e30", "%00"])
def test_a_key_that_cannot_be_read_is_the_first_page(w, key):
    found = Contract.objects.all()
    first = page(found, found, sort="starts_on", query=QueryDict())
    assert page(found, found, sort="starts_on", query=QueryDict(f"after={key}")).rows == first.rows
