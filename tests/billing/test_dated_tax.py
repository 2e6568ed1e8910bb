"""A charge has the tax rate that is in force on its tax day, whenever it is made and invoiced."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.charging import charge_other
from billing.models import Account, Charge, Product
from billing.models.issuing import invoice_now
from kit.problems import Refused
from spaces.taxes import TaxCategory
from tests import story
from tests.billing.ledger import bill, is_sound
from tests.billing.test_fees import signed
from tests.story import day

D = Decimal
VAT_ID = "ATU12345675"


@pytest.fixture
def house(db):
    return story.house(tax_rate=19)


def taxes(customer) -> list[tuple]:
    """What was charged and stands: (price, rate, tax)."""
    charges = customer.charges.standing().order_by("pk")
    return [(one.price, one.tax_rate, one.tax) for one in charges]


def codes(deed) -> list[str]:
    with pytest.raises(Refused) as caught, transaction.atomic():
        deed()
    return caught.value.codes


def room(house, price="100", **fields):
    from bookings.models import ResourceType

    kind = ResourceType.objects.make(name="Meeting rooms", by=None, **fields)
    kind.add_rate(per="hour", price=D(price), by=None)
    return story.room(house, kind, "Kestrel")


def booked(room, customer, on: str, hour: int = 10):
    start = story.moment(f"{on} {hour:02}:00")
    return room.book(customer=customer, start=start, end=start + dt.timedelta(hours=1), by=None)


# Rates are rows


def test_a_rate_given_when_creating_holds_since_always(house):
    [row] = house.tax_rates.all()
    assert (row.from_on, row.rate, row.category) == (None, 19, "standard")
    assert house.tax_rate == 19
    plan = story.plan(house, tax_rate=7)
    assert plan.tax_rate == 7
    assert story.plan(house, "Other").tax_rate is None


def test_a_rate_holds_from_its_day_on(at, house):
    at("2026-11-20")
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    assert house.tax_rate == 19
    assert house.tax_rate_on(day("2026-12-31")).percent == 19
    assert house.tax_rate_on(day("2027-01-01")).percent == 16
    at("2027-01-01")
    assert house.tax_rate == 16


def test_an_own_rate_ends_and_the_locations_holds_again(at, house):
    at("2026-11-20")
    plan = story.plan(house, tax_rate=7)
    plan.set_tax_rate(None, from_on=day("2027-01-01"), by=None)
    assert plan.tax_rate_on(day("2026-12-31")).percent == 7
    assert plan.tax_rate_on(day("2027-01-01")) is None


def test_bad_rates_are_refused_with_a_sentence(house):
    assert codes(lambda: house.set_tax_rate(101, by=None)) == ["max_value"]
    assert codes(lambda: house.set_tax_rate(-1, by=None)) == ["min_value"]
    assert codes(lambda: house.set_tax_rate(0, category="exempt", by=None)) == ["reason_missing"]
    assert codes(lambda: house.set_tax_rate(19, category="zero", by=None)) == ["category_of_rate"]
    assert codes(lambda: house.set_tax_rate(0, category="standard", by=None)) == [
        "category_of_rate"
    ]
    assert codes(lambda: house.set_tax_rate(0, category="AE", by=None)) == ["category_of_customers"]
    assert codes(lambda: house.set_tax_rate(0, category="what", by=None)) == ["unknown_category"]
    assert house.tax_rates.count() == 1


# The tax day


def test_a_run_after_a_change_of_rate_taxes_december_as_december(at, house):
    contract = signed(at, house, "2026-12-01", "300")
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2027-01-01")
    assert taxes(contract.customer) == [(300, 19, 57)]
    bill(at, "2027-02-01")
    assert taxes(contract.customer)[1:] == [(300, 16, 48)]
    is_sound()


def test_a_late_run_taxes_as_a_punctual_one(at, house):
    contract = signed(at, house, "2026-12-01", "300")
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2027-03-05")
    assert [tax for _price, _rate, tax in taxes(contract.customer)] == [57, 48, 48]


def test_a_booking_made_before_the_change_has_the_rate_of_its_day(at, db):
    house = story.house(tax_rate=20)
    kestrel, ada = room(house), story.person(house, "Ada")
    at("2027-01-05")
    booked(kestrel, ada, "2027-03-10")
    house.set_tax_rate(25, from_on=day("2027-03-01"), by=None)
    booked(kestrel, ada, "2027-03-11")
    booked(kestrel, ada, "2027-02-28")
    assert taxes(ada) == [(100, 25, 25), (100, 25, 25), (100, 20, 20)]


@pytest.mark.parametrize(("setting", "tax"), [("end", "97.20"), ("due", "92.40")])
def test_a_fee_over_a_change_of_rate_follows_the_setting(at, db, setting, tax):
    house = story.house(tax_rate=D("7.7"), rate_over_time=setting)
    house.set_tax_rate(D("8.1"), from_on=day("2024-01-01"), by=None)
    contract = signed(at, house, "2023-07-01", "1200", fee_due="in_advance", cycle_length=12,
                      billing_day=None)  # fmt: skip
    bill(at, "2023-07-01")
    assert [found for _price, _rate, found in taxes(contract.customer)] == [D(tax)]


@pytest.mark.parametrize(("country", "when_due"), [("GB", True), ("FR", True), ("DE", False)])
def test_unless_said_otherwise_the_country_decides_about_fees(db, country, when_due):
    assert story.house(country=country).is_taxed_when_due is when_due


def test_a_booking_that_ends_at_midnight_ends_on_the_day_before(at, house):
    kestrel, ada = room(house), story.person(house, "Ada")
    at("2026-11-20")
    booked(kestrel, ada, "2026-12-31", 23)
    assert ada.charges.get().tax_on == day("2026-12-31")


# Entered late


def test_what_waits_follows_a_new_rate_and_what_is_issued_keeps_its_own(at, house):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    coffee = Product.objects.offer(name="Coffee", price=100, location=house, by=None)
    coffee.sell(ada, by=None)
    invoice = invoice_now(ada, house, by=None)
    waiting = coffee.sell(ada, by=None)
    house.set_tax_rate(16, from_on=day("2026-11-01"), by=None)
    waiting.refresh_from_db()
    assert (waiting.tax_rate, waiting.tax) == (16, 16)
    invoice.refresh_from_db()
    assert (invoice.total, invoice.lines.get().tax) == (119, 19)
    is_sound()


def test_a_draft_follows_a_new_rate(at, house):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    charge_other(ada, house, text="Lunch", amount=100, by=None)
    charge_other(ada, house, text="Dinner", amount=50, by=None)
    invoice = invoice_now(ada, house, by=None, issue=False)
    house.set_tax_rate(10, from_on=day("2026-11-20"), by=None)
    invoice.refresh_from_db()
    assert (invoice.net, invoice.tax) == (150, 15)
    invoice.issue(by=None)
    is_sound()


def test_a_rate_for_other_days_leaves_what_waits(at, house):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    charge = charge_other(ada, house, text="Lunch", amount=100, by=None)
    house.set_tax_rate(10, from_on=day("2026-11-21"), by=None)
    charge.refresh_from_db()
    assert charge.tax == 19


def test_the_rate_of_a_fee_follows_a_change_of_the_setting(at, house):
    contract = signed(at, house, "2026-12-01", "300")
    house.edit({"run_issues": False}, by=None)
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2027-01-01")
    charge = contract.customer.charges.get()
    assert charge.tax == 57
    house.edit({"rate_over_time": "due"}, by=None)
    charge.refresh_from_db()
    assert (charge.tax_on, charge.tax) == (day("2027-01-01"), 48)
    is_sound()


def test_a_plans_own_rate_reaches_its_own_fees_only(at, house):
    mine = signed(at, house, "2026-12-01", "300")
    other = signed(at, house, "2026-12-01", "300")
    mine.plan.set_tax_rate(7, from_on=day("2026-12-15"), by=None)
    bill(at, "2027-01-01")
    assert [one.tax_rate for one in (mine.customer.charges.get(), other.customer.charges.get())] \
        == [7, 19]  # fmt: skip


def test_the_tax_of_an_issued_charge_is_frozen_by_the_database(at, house):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    charge = charge_other(ada, house, text="Lunch", amount=100, by=None)
    Charge.objects.filter(pk=charge.pk).update(tax_rate=16, tax=16)  # provisional until then
    Charge.objects.filter(pk=charge.pk).update(tax_rate=19, tax=19)
    invoice_now(ada, house, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Charge.objects.filter(pk=charge.pk).update(tax_rate=16, tax=16)


# Decisions and moves over a change of rate


def test_a_cancellation_that_leaves_only_days_before_the_change(at, house):
    """December and January at 19 and 16 %: two months in advance, paid, then left in December."""
    contract = signed(at, house, "2026-12-01", "620", fee_due="in_advance", cycle_length=2,
                      billing_day=None)  # fmt: skip
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2026-12-01")
    first = contract.customer.invoices.get()
    assert (first.net, first.tax) == (620, D("99.20"))
    at("2026-12-20")
    contract.cancel(last_day=day("2026-12-31"), by=None)
    note = contract.customer.credit_notes.get()
    assert (note.net, note.tax) == (620, D("99.20"))
    second = contract.customer.invoices.latest("pk")
    assert (second.net, second.tax) == (310, D("58.90"))
    assert second.lines.get().tax_rate == 19
    contract.withdraw_cancellation(by=None)
    assert contract.customer.credit_notes.latest("pk").total == second.total
    assert contract.customer.invoices.latest("pk").total == first.total
    is_sound()


def test_a_decision_that_moves_no_tax_day_credits_at_the_rate_of_the_line(at, house):
    contract = signed(at, house, "2026-12-01", "310", fee_due="in_advance")
    bill(at, "2026-12-01")
    house.set_tax_rate(16, from_on=day("2026-12-01"), by=None)
    at("2026-12-05")
    contract.freeze(from_on=day("2026-12-11"), until=day("2026-12-20"), by=None)
    note = contract.customer.credit_notes.get()
    assert (note.net, note.tax) == (100, 19)
    assert contract.customer.invoices.count() == 1


def test_what_was_credited_by_hand_stays_given_when_the_rate_moves(at, house):
    contract = signed(at, house, "2026-12-01", "620", fee_due="in_advance", cycle_length=2,
                      billing_day=None)  # fmt: skip
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2026-12-01")
    invoice = contract.customer.invoices.get()
    invoice.credit({invoice.lines.get(): 100}, reason="Noise", by=None)
    at("2026-12-20")
    contract.cancel(last_day=day("2026-12-31"), by=None)
    assert [note.net for note in contract.customer.credit_notes.order_by("pk")] == [100, 520]
    assert contract.customer.invoices.latest("pk").net == 210
    is_sound()


def test_a_plan_change_backdated_over_a_change_of_rate(at, house):
    contract = signed(at, house, "2026-11-01", "310", fee_due="in_advance", cycle_length=3,
                      billing_day=None)  # fmt: skip
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    bill(at, "2026-11-01")
    ada = contract.customer
    assert [(one.tax_rate, one.amount) for one in ada.charges.all()] == [(16, 310)]
    office = story.plan(house, "Office", "620", billing_day=1)
    at("2027-01-10")
    contract.change_plan(to=office, starts_on=day("2026-12-01"), by=None)
    assert ada.credit_notes.get().net == 310
    [old, december] = ada.charges.exclude(pk=ada.charges.earliest("pk").pk).order_by("kind")
    assert (old.kind, old.tax_rate, old.amount) == ("adjustment", 19, D("101.09"))
    assert (december.kind, december.tax_rate, december.amount) == ("fee", 19, 620)
    is_sound()


def test_a_booking_moved_over_a_change_of_rate_after_it_was_invoiced(at, house):
    kestrel, ada = room(house), story.person(house, "Ada")
    at("2026-11-20")
    booking = booked(kestrel, ada, "2026-12-30")
    invoice_now(ada, house, by=None)
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    start = story.moment("2027-01-04 10:00")
    booking.change(start=start, end=start + dt.timedelta(hours=1), by=None)
    note = ada.credit_notes.get()
    assert (note.net, note.tax) == (100, 19)
    assert taxes(ada)[1:] == [(100, 16, 16)]
    is_sound()


def test_a_booking_moved_within_a_rate_stays_invoiced(at, house):
    kestrel, ada = room(house), story.person(house, "Ada")
    at("2026-11-20")
    booking = booked(kestrel, ada, "2026-12-29")
    invoice_now(ada, house, by=None)
    house.set_tax_rate(16, from_on=day("2027-01-01"), by=None)
    start = story.moment("2026-12-30 10:00")
    booking.change(start=start, end=start + dt.timedelta(hours=1), by=None)
    assert not ada.credit_notes.exists()
    assert taxes(ada) == [(100, 19, 19)]


# Who is taxed


def test_a_booking_made_before_an_exemption_began(at, house):
    kestrel, ada = room(house), story.person(house, "Ada")
    at("2026-11-20")
    booked(kestrel, ada, "2026-11-30")
    booked(kestrel, ada, "2026-12-01")
    ada.set_exemption(category="exempt", reason="Embassy", from_on=day("2026-12-01"), by=None)
    assert taxes(ada) == [(100, 19, 19), (100, 0, 0)]
    exempt = ada.charges.latest("pk")
    assert (exempt.tax_category, exempt.tax_note) == ("exempt", "Embassy")
    ada.set_exemption(category=None, from_on=day("2026-12-15"), by=None)
    booked(kestrel, ada, "2026-12-14")
    booked(kestrel, ada, "2026-12-15")
    assert [rate for _price, rate, _tax in taxes(ada)[2:]] == [0, 19]
    assert ada.tax_exempt is False


def test_reverse_charge_needs_a_vat_id_and_is_for_what_is_not_bound(at, house):
    lin = story.company(house, "Lin & Co")
    at("2026-11-20")
    wanted = {"category": "reverse_charge", "from_on": day("2026-11-20"), "by": None}
    assert codes(lambda: lin.set_exemption(**wanted)) == ["vat_id_missing"]
    lin.edit({"tax_number": "ATU12345670"}, by=None)  # a wrong check digit
    assert codes(lambda: lin.set_exemption(**wanted)) == ["vat_id_missing"]
    lin.edit({"tax_number": VAT_ID}, by=None)
    lin.set_exemption(**wanted)
    office = story.plan(house, "Office", "900", kind="private_office", billing_day=1,
                        fee_due="in_advance")  # fmt: skip
    post = story.plan(house, "Post", "50", kind="virtual_office", billing_day=1,
                      fee_due="in_advance")  # fmt: skip
    for plan in (office, post):
        plan.sign_up(lin, starts_on=day("2026-12-01"), by=None)
    bill(at, "2026-12-01")
    found = {one.contract.plan: (one.tax_category, one.tax) for one in lin.charges.all()}
    assert found == {office: ("standard", 171), post: ("reverse_charge", 0)}


@pytest.mark.parametrize(
    ("number", "vat_id"), [("", ""), ("12/345/67890", ""), ("", "DE136695976")]
)
def test_a_small_business_taxes_nobody_and_says_so(at, number, vat_id):
    house = story.house(tax_rate=19, country="DE", tax_number=number, vat_id=vat_id)
    ada = story.person(house, "Ada")
    at("2026-11-20")
    house.set_small_business(from_on=day("2026-11-01"), by=None)
    charge = charge_other(ada, house, text="Lunch", amount=100, tax_rate=D(7), by=None)
    assert (charge.tax, charge.tax_category) == (
        0, "exempt" if number or vat_id else "outside_scope",
    )  # fmt: skip
    assert "§ 19 UStG" in charge.tax_note
    invoice = invoice_now(ada, house, by=None)
    assert "§ 19 UStG" in invoice.tax_sums[0]["note"]
    note = invoice.credit(reason="Cold", by=None)
    assert "§ 19 UStG" in note.tax_sums[0]["note"]
    house.set_small_business(False, from_on=day("2027-01-01"), by=None)
    at("2027-01-01")
    assert charge_other(ada, house, text="Lunch", amount=100, by=None).tax == 19


def test_a_small_business_beats_an_exemption_and_an_own_rate(at, house):
    ada = story.person(house, "Ada", tax_exempt=True, tax_exempt_reason="Embassy")
    at("2026-11-20")
    house.set_small_business(text="No VAT here", by=None)
    coffee = Product.objects.offer(name="Coffee", price=3, tax_rate=7, location=house, by=None)
    assert coffee.sell(ada, by=None).tax_note == "No VAT here"


# Prices with the tax in them


def test_three_items_of_100_add_up_in_the_export_of_charges_too(at):
    house = story.house(tax_rate=20, prices_include_tax=True)
    ada = story.person(house, "Ada")
    at("2026-11-20")
    for _number in range(3):
        charge_other(ada, house, text="Lunch", amount=100, by=None)
    invoice = invoice_now(ada, house, by=None)
    assert (invoice.net, invoice.tax) == (250, 50)
    charges = ada.charges.all()
    assert sorted(one.amount for one in charges) == [D("83.33"), D("83.33"), D("83.34")]
    assert sum(one.amount for one in charges) == 250
    assert sum(one.tax for one in charges) == 50
    is_sound()


def test_the_exempt_pay_the_price_less_the_tax_that_it_contains(at):
    house = story.house(tax_rate=20, prices_include_tax=True)
    ada = story.person(house, "Ada", tax_exempt=True, tax_exempt_reason="Embassy")
    at("2026-11-20")
    charge = charge_other(ada, house, text="Lunch", amount=100, by=None)
    assert (charge.price, charge.amount, charge.tax) == (100, D("83.33"), 0)
    invoice = invoice_now(ada, house, by=None)
    assert invoice.total == D("83.33")
    invoice.credit({invoice.lines.get(): 20}, reason="Cold", by=None)
    assert invoice.credit_notes.get().total == D("16.67")
    assert codes(lambda: invoice.credit({invoice.lines.get(): 81}, reason="x", by=None)) == [
        "more_than_left"
    ]
    invoice.credit(reason="Rest", by=None)
    assert sum(one.total for one in invoice.credit_notes.all()) == D("83.33")
    is_sound()


def test_a_fee_of_the_exempt_is_corrected_to_the_cent(at):
    house = story.house(tax_rate=20, prices_include_tax=True)
    contract = signed(at, house, "2026-06-01", "100", fee_due="in_advance")
    contract.customer.set_exemption(category="E", reason="Embassy", from_on=day("2026-06-01"),
                                    by=None)  # fmt: skip
    bill(at, "2026-06-01")
    at("2026-06-02")
    contract.freeze(from_on=day("2026-06-04"), until=day("2026-06-10"), by=None)
    contract.freeze(from_on=day("2026-06-14"), until=day("2026-06-16"), by=None)
    assert [one.total for one in contract.customer.credit_notes.order_by("pk")] == [
        D("19.44"), D("8.33"),
    ]  # fmt: skip
    is_sound()


def test_a_new_rate_leaves_the_price_and_changes_the_net(at):
    house = story.house(tax_rate=20, prices_include_tax=True)
    ada = story.person(house, "Ada")
    at("2026-11-20")
    charge = charge_other(ada, house, text="Lunch", amount=100, by=None)
    house.set_tax_rate(25, from_on=day("2026-11-20"), by=None)
    charge.refresh_from_db()
    assert (charge.price, charge.amount, charge.tax) == (100, 80, 20)


# Documents of their own


def test_what_is_outside_the_scope_of_tax_is_on_a_document_of_its_own(at, house):
    contract = signed(at, house, "2026-11-01", "300", sign_up_fee=D(50), deposit=D(400))
    fee, deposit = contract.customer.invoices.order_by("pk")
    assert [line.tax_category for line in fee.lines.all()] == ["standard"]
    assert [line.tax_category for line in deposit.lines.all()] == ["outside_scope"]
    assert Account.objects.get(customer=contract.customer).credit == 0


def test_a_run_makes_two_invoices_where_a_part_is_outside_the_scope(at, house):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    parking = Product.objects.offer(name="Parking fine", price=30, location=house, by=None)
    parking.set_tax_rate(0, category=TaxCategory.OUTSIDE_SCOPE, reason="A penalty", by=None)
    parking.sell(ada, by=None)
    charge_other(ada, house, text="Lunch", amount=10, by=None)
    bill(at, "2026-12-01")
    assert [invoice.total for invoice in ada.invoices.order_by("pk")] == [D("11.90"), 30]
    is_sound()


def test_a_charge_that_missed_a_new_rate_has_it_by_the_time_it_is_invoiced(at, house):
    """Made while the rate was being set: neither has seen the other."""
    ada = story.person(house, "Ada")
    at("2026-11-20")
    charge = charge_other(ada, house, text="Lunch", amount=100, by=None)
    house.tax_rates.create(from_on=day("2026-11-20"), rate=16, category="standard")
    with pytest.raises(AssertionError, match="tax: Charge"):
        is_sound()
    bill(at, "2026-12-01")
    charge.refresh_from_db()
    assert (charge.tax, ada.invoices.get().tax) == (16, 16)
    is_sound()
