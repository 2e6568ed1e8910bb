"""Customers are charged as they book and buy; what is taken back is voided, or credited."""

import datetime as dt
from decimal import Decimal

import pytest

from billing import tax, taxing
from billing.charging import charge_other, take_back
from billing.explaining import reasons
from billing.models import Charge, CreditNote, Invoice, Product
from customers.models import Team
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill
from tests.story import day, moment

D = Decimal


@pytest.fixture
def kestrel(w):
    """A room at 60 an hour: free to cancel until a day before, half of it after."""
    from bookings.models import ResourceType

    rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    return story.room(w.house, rooms, "Kestrel", capacity=6, free_cancellation_hours=24,
                      late_fee=D(50))  # fmt: skip


@pytest.fixture
def coffee(w) -> Product:
    return Product.objects.offer(
        name="Coffee", price="2.50", location=w.house, offered_in_portal=True, by=w.mona
    )


def booked(w, kestrel, customer, on="2026-11-24", hours=2, by=None, **how):
    start = moment(f"{on} 10:00")
    return kestrel.book(
        customer=customer,
        start=start,
        end=start + dt.timedelta(hours=hours),
        by=by or w.mona,
        **how,
    )


def refused(deed) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.codes


def taxed(charge):
    """The net and the tax that the price of a charge leads to."""
    return tax.of(taxing.priced(charge), charge.currency)


# Bookings


def test_a_booking_is_charged_at_once_and_explains_itself(w, kestrel):
    booking = booked(w, kestrel, w.ada)
    charge = w.ada.charges.get()
    assert (charge.kind, charge.amount, charge.tax, charge.on) == ("booking", 120, 24, booking.on)
    assert [reason.words for reason in reasons(charge)] == [
        "2 h at €60.00 an hour", "20\N{NO-BREAK SPACE}% tax: the location's rate",
    ]  # fmt: skip


def test_a_booking_that_waits_for_approval_is_charged_once_it_is_approved(w, kestrel):
    kestrel.edit({"needs_approval": True}, by=w.mona)
    booking = booked(w, kestrel, w.ada, by=w.ada.user)
    assert not w.ada.charges.exists()
    booking.approve(by=w.frida)
    assert w.ada.charges.get().amount == 120


def test_what_is_free_is_not_charged(w):
    from bookings.models import ResourceType

    free = story.room(w.house, ResourceType.objects.make(name="Phone booths", by=None), "Booth")
    booked(w, free, w.ada)
    assert not Charge.objects.exists()


def test_cancelled_in_time_the_charge_is_voided(w, kestrel):
    booked(w, kestrel, w.ada).cancel(by=w.mona, reason="Ill")
    charge = w.ada.charges.get()
    assert charge.is_void
    assert charge.void.reason == "Ill"
    assert not Charge.objects.waiting().exists()


def test_cancelled_late_a_share_is_kept_as_a_charge_of_its_own(w, kestrel):
    booking = booked(w, kestrel, w.ada, on="2026-11-21")
    fee = booking.cancel(by=w.ada.user)
    assert fee.amount == 60
    [charge] = w.ada.charges.waiting()
    assert (charge.kind, charge.amount, charge.late_fee) == ("late_fee", 60, fee)
    assert taxed(charge).net == 60


def test_cancelled_after_its_invoice_it_is_credited_in_one_action(at, w, kestrel):
    booking = booked(w, kestrel, w.noor, on="2026-12-20", by=w.noor.user)
    [invoice] = w.noor.invoices.all()
    assert invoice.total == 144
    booking.cancel(by=w.noor.user)
    invoice.refresh_from_db()
    assert (invoice.due, invoice.settlement) == (0, "credited")
    assert CreditNote.objects.get().total == 144


def test_restored_it_is_charged_again_and_what_was_kept_is_not(w, kestrel):
    booking = booked(w, kestrel, w.ada, on="2026-11-21")
    booking.cancel(by=w.ada.user)
    booking.restore(by=w.mona)
    assert [(one.kind, one.amount) for one in Charge.objects.waiting()] == [("booking", 120)]


def test_moved_it_is_charged_for_its_new_time(w, kestrel):
    booking = booked(w, kestrel, w.ada)
    booking.reschedule(start=moment("2026-11-26 10:00"), end=moment("2026-11-26 13:00"), by=w.mona)
    [charge] = Charge.objects.waiting()
    assert (charge.amount, charge.on) == (180, day("2026-11-26"))
    assert Charge.objects.count() == 2


def test_shortened_late_the_rest_and_the_share_are_two_charges(w, kestrel):
    booking = booked(w, kestrel, w.ada, on="2026-11-21")
    booking.reschedule(end=moment("2026-11-21 11:00"), start=booking.start, by=w.ada.user)
    waiting = Charge.objects.waiting().order_by("pk")
    assert [(one.kind, one.amount) for one in waiting] == [("late_fee", 30), ("booking", 60)]
    assert all(taxed(one) == (one.amount, one.tax) for one in waiting)


def test_for_a_team_its_payer_is_charged_and_the_charge_names_who_used_it(w, kestrel):
    w.team.set_spending("everyone", None, by=w.mona)
    booked(w, kestrel, w.omar, on_behalf_of=w.team)
    charge = Charge.objects.get()
    assert (charge.customer, charge.used_by, charge.on_behalf_of) == (w.lin, w.omar, w.team)
    assert "Omar Haddad" in charge.text
    other = story.person(w.house, "Nina Novak")
    w.team.edit({"payer": other}, by=w.mona)
    assert Charge.objects.get().customer == w.lin
    Charge.objects.get().booking.cancel(by=w.mona)
    assert Charge.objects.get().is_void


def test_without_a_payer_everybody_pays_their_own(w, kestrel):
    team = Team.objects.start("Friends", by=w.mona)
    team.add(w.ada, is_admin=True, by=w.mona)
    booked(w, kestrel, w.ada, on_behalf_of=team)
    assert w.ada.charges.get().used_by is None


def test_a_series_of_a_contact_is_one_invoice(w, kestrel):
    from bookings.models.making import Wish
    from bookings.repeats import Pattern, book_series

    starts = [moment(f"2026-11-{number} 10:00") for number in (23, 24, 25)]
    wishes = [Wish(kestrel, start, start + dt.timedelta(hours=1)) for start in starts]
    book_series(wishes, Pattern("daily", count=3), customer=w.noor, by=w.noor.user)
    [invoice] = w.noor.invoices.all()
    assert (invoice.lines.count(), invoice.net) == (3, 180)


# Selling


def test_a_sale_is_charged_at_once_with_its_tax(w, coffee):
    charge = coffee.sell(w.ada, 3, by=w.frida)
    assert (charge.amount, charge.tax, charge.on) == (D("7.50"), D("1.50"), story.TODAY)
    assert taxed(charge) == (charge.amount, charge.tax)


def test_stock_never_goes_below_zero(w, coffee):
    coffee.restock(3, by=w.mona)
    coffee.sell(w.ada, 2, by=w.frida)
    assert refused(lambda: coffee.sell(w.ada, 2, by=w.frida)) == ["out_of_stock"]
    coffee.refresh_from_db()
    assert coffee.stock == 1
    take_back(w.ada.charges.get(), reason="Spilled", by=w.anton)
    coffee.refresh_from_db()
    assert coffee.stock == 3


@pytest.mark.parametrize(
    ("buyers", "customer", "codes"),
    [
        ("members", "noor", ["members_only"]),
        ("contacts", "ada", ["contacts_only"]),
        ("plans", "noor", ["plans_only"]),
        ("plans", "ada", []),
        ("everyone", "viktor", ["suspended"]),
    ],
)
def test_who_may_buy(w, coffee, buyers, customer, codes):
    coffee.edit({"buyers": buyers}, plans=[w.hot_desk], by=w.mona)
    found = coffee.problems(getattr(w, customer), by=w.frida, on=story.TODAY)
    assert [problem.code for problem in found] == codes


def test_for_a_team_the_better_status_of_the_two_decides(w, coffee):
    coffee.edit({"buyers": "members"}, by=w.mona)
    assert refused(lambda: coffee.sell(w.omar, by=w.frida)) == ["members_only"]
    coffee.sell(w.omar, on_behalf_of=w.team, by=w.frida)
    assert w.lin.charges.get().used_by == w.omar
    w.lin.suspend(by=w.mona, reason="Unpaid")
    assert refused(lambda: coffee.sell(w.omar, on_behalf_of=w.team, by=w.frida)) == [
        "payer_suspended"
    ]


def test_a_teams_discount_and_limit_hold_for_what_is_bought(w, coffee):
    w.team.edit({"discount": D(20)}, by=w.mona)
    w.team.set_spending("everyone", D(5), by=w.mona)
    w.omar.user = story.login("omar@example.com")
    w.omar.save()
    coffee.sell(w.omar, 2, on_behalf_of=w.team, by=w.omar.user)
    assert w.lin.charges.get().amount == 4
    assert refused(lambda: coffee.sell(w.omar, on_behalf_of=w.team, by=w.omar.user)) == [
        "over_limit"
    ]


def test_the_shop_sells_only_what_it_offers_and_only_to_oneself(w, coffee):
    coffee.edit({"offered_in_portal": False}, by=w.mona)
    assert refused(lambda: coffee.sell(w.ada, by=w.ada.user)) == ["not_offered"]
    coffee.edit({"offered_in_portal": True}, by=w.mona)
    assert refused(lambda: coffee.sell(w.ada, by=w.noor.user)) == ["not_yours"]


# At once


def test_what_contacts_buy_themselves_is_invoiced_at_once(w, coffee):
    coffee.sell(w.noor, by=w.noor.user)
    invoice = w.noor.invoices.get()
    assert (invoice.state, invoice.total, invoice.issued_on) == ("issued", 3, story.TODAY)


def test_what_staff_add_for_them_and_what_members_buy_waits(w, coffee):
    coffee.sell(w.noor, by=w.frida)
    coffee.sell(w.ada, by=w.ada.user)
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("where", ["customer", "location"])
def test_with_purchase_everything_is_invoiced_as_it_is_made(w, kestrel, coffee, where):
    if where == "customer":
        w.ada.edit({"invoice_at": "purchase"}, by=w.mona)
    else:
        w.house.edit({"invoice_at": "purchase"}, by=w.mona)
    coffee.refresh_from_db()
    coffee.sell(w.ada, by=w.frida)
    booked(w, type(kestrel).objects.get(), w.ada, by=w.frida)
    assert [one.total for one in w.ada.invoices.order_by("pk")] == [3, 144]
    w.lin.edit({"invoice_at": "cycle_end"}, by=w.mona)
    coffee.sell(w.lin, by=w.frida)
    assert not w.lin.invoices.exists()


# By the staff


def test_staff_charge_something_else_with_a_text(w):
    charge = charge_other(w.ada, w.house, text="Lost key", amount="25", by=w.anton)
    assert (charge.amount, charge.tax, charge.text) == (25, 5, "Lost key")
    assert refused(
        lambda: charge_other(w.ada, w.house, text="Goodwill", amount="-10", by=w.anton)
    ) == ["invalid_amount"]
    assert refused(lambda: charge_other(w.ada, w.house, text=" ", amount="0.001", by=w.anton)) == [
        "amount_too_fine"
    ]
    assert refused(lambda: charge_other(w.ada, w.house, text=" ", amount=1, by=w.anton)) == [
        "required"
    ]
    assert refused(lambda: charge_other(w.ada, w.house, text="x", amount=1, by=w.frida)) == [
        "not_books"
    ]


def test_an_exempt_customer_pays_no_tax_and_the_charge_says_why(w, coffee):
    w.ada.edit({"tax_exempt": True, "tax_exempt_reason": "Reverse charge"}, by=w.mona)
    charge = coffee.sell(w.ada, by=w.frida)
    assert (charge.tax, charge.tax_rate, charge.tax_note) == (0, 0, "Reverse charge")
    assert reasons(charge)[-1].words == "No tax: Reverse charge"


def test_the_items_own_rate_beats_the_locations(w, coffee):
    coffee.edit({"tax_rate": D(10)}, by=w.mona)
    assert coffee.sell(w.ada, by=w.frida).tax == D("0.25")


# Late runs make no difference


def test_what_a_late_run_should_have_invoiced_is_voided_while_no_invoice_has_it(at, w, kestrel):
    booking = booked(w, kestrel, w.ada)
    at("2026-12-03")
    booking.cancel(by=w.mona, reason="Never came", waive_fee=True)
    bill(at, "2026-12-04")
    invoice = w.ada.invoices.get()
    assert str(invoice.billing_date) == "2026-12-01"
    assert [line.net for line in invoice.lines.all()] == [250]
    assert not invoice.credit_notes.exists()


# Subscriptions


@pytest.fixture
def locker(w) -> Product:
    return Product.objects.offer(
        name="Locker", price=30, location=w.house, recurring=True, stock=2, by=w.mona
    )


def test_a_subscription_is_settled_once_a_period_and_makes_no_member(at, w, locker):
    locker.subscribe(w.noor, starts_on=day("2026-11-20"), by=w.mona)
    assert w.noor.status == "contact"
    bill(at, "2026-12-20")
    bill(at, "2027-01-20")
    assert [(str(one.starts_on), one.price) for one in w.noor.charges.all()] == [
        ("2026-11-20", 30), ("2026-12-20", 30),
    ]  # fmt: skip
    assert [str(one.billing_date) for one in w.noor.invoices.order_by("pk")] == [
        "2026-12-20", "2027-01-20",
    ]  # fmt: skip


def test_a_subscription_in_advance_that_ends_gives_the_rest_back_by_day(at, w, locker):
    one = locker.subscribe(
        w.noor, starts_on=day("2026-11-20"), every=(30, "day"), fee_due="in_advance", by=w.mona
    )
    bill(at, "2026-11-20")
    at("2026-11-25")
    one.end(last_day=day("2026-11-29"), by=w.mona)
    assert [charge.price for charge in one.charges.order_by("pk")] == [30]
    assert w.noor.credit_notes.get().net == 20


def test_there_are_only_so_many_lockers(w, locker):
    for customer in (w.ada, w.lin):
        locker.subscribe(customer, starts_on=story.TODAY, by=w.mona)
    assert refused(lambda: locker.subscribe(w.noor, starts_on=story.TODAY, by=w.mona)) == [
        "out_of_stock"
    ]
    assert refused(lambda: locker.sell(w.noor, by=w.mona)) == ["out_of_stock", "recurring"]


def test_a_subscription_keeps_the_price_at_which_it_was_sold(at, w, locker):
    one = locker.subscribe(w.noor, starts_on=story.TODAY, every=(2, "week"), by=w.mona)
    locker.edit({"price": 99}, by=w.mona)
    bill(at, "2026-12-04")
    assert one.charges.get().price == 30
