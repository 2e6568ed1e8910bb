"""What of a location stays, and why: the refusal lists what depends on it."""

import pytest

from billing.charging import charge_other
from billing.models import Product
from kit.problems import Refused
from tests import story

pytestmark = pytest.mark.django_db


def refusal(deed) -> Refused:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value


def test_the_time_zone_of_a_new_location_can_be_changed():
    house = story.house()
    house.edit({"timezone": "Europe/Vienna"}, by=None)
    assert house.timezone == "Europe/Vienna"


def test_the_time_zone_stays_while_contracts_bookings_or_charges_lie_ahead(w):
    story.bookable(w)
    start, end = story.moment("2026-11-23 10:00"), story.moment("2026-11-23 11:00")
    w.kestrel.book(customer=w.omar, start=start, end=end, by=w.mona)
    refused = refusal(lambda: w.house.edit({"timezone": "Europe/Vienna"}, by=w.mona))
    assert set(refused.codes) == {"timezone_stays"}
    assert "Hot Desk (Ada Lovelace)" in str(refused)
    assert "Kestrel" in str(refused)
    assert "Charges wait to be invoiced" in str(refused)
    w.house.refresh_from_db()
    assert w.house.timezone == "Europe/London"


def test_the_time_zone_stays_while_a_charge_waits():
    house = story.house()
    ada = story.person(house, "Ada Lovelace")
    charge_other(ada, house, text="Lunch", amount=10, by=None)
    refused = refusal(lambda: house.edit({"timezone": "Europe/Vienna"}, by=None))
    assert str(refused) == "Charges wait to be invoiced: Lunch (Ada Lovelace)."


def test_prices_are_entered_with_tax_or_without_until_something_has_a_price():
    house = story.house()
    house.edit({"prices_include_tax": True}, by=None)
    story.plan(house, "Hot Desk", "250")
    refused = refusal(lambda: house.edit({"prices_include_tax": False}, by=None))
    assert refused.codes == ["prices_include_tax_stays"]
    assert str(refused) == "Plans have prices: Hot Desk."


def test_a_product_or_a_resource_with_a_price_keeps_the_way_of_entering_it():
    house = story.house()
    for name in ("Coffee", "Tea", "Lunch", "Cake"):
        Product.objects.offer(name=name, price=3, location=house, by=None)
    refused = refusal(lambda: house.edit({"prices_include_tax": True}, by=None))
    assert str(refused) == "Products have prices: Cake, Coffee, Lunch and 1 more."


def test_what_is_not_changed_is_not_asked_about(w):
    w.house.edit({"timezone": "Europe/London", "payment_days": 10}, by=w.mona)
    assert w.house.payment_days == 10
