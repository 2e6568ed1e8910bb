"""The words of templates."""

import datetime as dt
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from kit.templatetags import house


def render(source: str, **context) -> str:
    return Template("{% load house %}" + source).render(Context(context))


def text(html: str) -> str:
    from django.utils.html import strip_tags

    return strip_tags(html)


def test_money_is_shown_in_the_currency_with_its_decimals():
    assert house.money(Decimal("1234.5"), "EUR") == "€1,234.50"
    assert house.money(Decimal("1234"), "JPY") == "JP¥1,234"
    assert house.money(Decimal("1.5"), "KWD") == "KWD1.500"
    assert house.money(None, "EUR") == ""


def test_days_are_shown_with_the_day_first_and_known_to_machines():
    shown = house.day(dt.date(2026, 6, 1))
    assert shown == '<time datetime="2026-06-01">1 Jun 2026</time>'


def test_a_moment_is_shown_on_the_wall_of_the_place():
    at = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    assert text(house.moment(at, "Europe/Vienna")) == "2 Jul 2026, 00:30"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (dt.date(2026, 6, 1), dt.date(2026, 6, 30), "1 Jun to 30 Jun 2026"),
        (dt.date(2025, 12, 1), dt.date(2026, 1, 31), "1 Dec 2025 to 31 Jan 2026"),
        (dt.date(2026, 6, 1), dt.date(2026, 6, 1), "1 Jun 2026"),
        (dt.date(2026, 6, 1), None, "from 1 Jun 2026"),
    ],
)
def test_a_period_is_shown_with_both_of_its_days(first, last, words):
    assert text(house.period(first, last)) == words


def test_initials_come_from_the_first_and_the_last_word():
    names = ["Ada Lovelace", "Lin & Co", "noor", "Jean-Luc de la Tour", "& Co", ""]
    assert [house.initials(name) for name in names] == ["AL", "LC", "N", "JT", "C", ""]


def test_a_known_state_has_its_words_and_an_unknown_one_is_plain():
    assert house.badge("called_off") == '<span class="badge badge--called_off">Called off</span>'
    assert 'badge--plain">&lt;Hot Desk&gt;<' in house.badge("<Hot Desk>")


def test_an_icon_that_the_house_does_not_have_is_a_mistake():
    assert 'aria-hidden="true"' in house.icon("users")
    assert 'role="img" aria-label="People"' in house.icon("users", label="People")
    with pytest.raises(ValueError, match="unicorn"):
        house.icon("unicorn")


def test_sorting_keeps_the_filters_and_starts_at_the_first_page():
    request = RequestFactory().get("/?status=member&after=xyz&sort=name")
    html = render('{% column "name" "Name" sort=sort %}', request=request, sort="name")
    assert 'aria-sort="ascending"' in html
    assert 'href="?status=member&amp;sort=-name"' in html


def test_every_kind_of_timeline_entry_has_a_look():
    from customers.models import TimelineEntry

    assert set(TimelineEntry.Kind.values) <= set(house.TIMELINE_LOOKS)
