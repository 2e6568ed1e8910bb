"""What a decision changes of what was charged: replaced, credited at once, or invoiced at once."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing import debts
from billing.accounts import balance_of
from billing.charging import take_back
from billing.giving import give_back, left_to_give
from billing.models import Account, BilledCycle, Charge, Delivery, Product
from billing.models.issuing import invoice_now
from billing.models.paying import refund
from billing.runs import run_billing
from bookings.endings import cancel_with_bookings
from bookings.models import ResourceType
from customers.models import Team
from kit.models import OutboxMessage
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, invoiced
from tests.billing.test_fees import signed
from tests.story import day

D = Decimal


@pytest.fixture
def house(db):
    return story.house(tax_rate=0)


def credited(customer) -> list[tuple[str, Decimal]]:
    """The credit notes of a customer: (date, total)."""
    notes = customer.credit_notes.order_by("pk")
    return [(str(note.issued_on), note.total) for note in notes]


def due(customer) -> Decimal:
    return sum((invoice.due for invoice in customer.invoices.issued()), D(0))


def credit_of(customer) -> Decimal:
    return sum((account.credit for account in Account.objects.filter(customer=customer)), D(0))


def balance(customer) -> Decimal:
    found = balance_of(customer, on=customer.location.today())
    assert found == due(customer) - credit_of(customer)
    return found


def in_advance(at, house, on="2026-06-01", price="300", **terms):
    """A contract that pays in advance, and its first invoice."""
    contract = signed(at, house, on, price, fee_due="in_advance", **terms)
    bill(at, on)
    return contract


def yearly(at, house, on="2026-01-01"):
    return in_advance(at, house, on, "1200", cycle_length=12)


# Invoiced and smaller


def test_a_last_day_within_a_paid_cycle_is_a_credit_note_at_once(at, house):
    contract = in_advance(at, house)
    ada = contract.customer
    ada.invoices.get().record_payment(amount=300, by=None)
    at("2026-06-05")
    contract.cancel(last_day=day("2026-06-10"), by=None)
    assert credited(ada) == [("2026-06-05", D(200))]
    assert (credit_of(ada), balance(ada)) == (200, -200)
    note = ada.credit_notes.get()
    assert note.reason == "Last day 10 June 2026, 11 to 30 June 2026 not used"
    refund(ada, house, amount=200, by=None)
    assert balance(ada) == 0


def test_unpaid_the_credit_note_lowers_what_is_due(at, house):
    contract = in_advance(at, house)
    at("2026-06-05")
    contract.cancel(last_day=day("2026-06-10"), by=None)
    assert (due(contract.customer), credit_of(contract.customer)) == (100, 0)


def test_a_freeze_with_a_part_paid_leaves_nothing_to_remind_of_or_to_suspend_for(at, house):
    house.edit({"reminder_days": "3", "suspend_after_days": 10}, by=None)
    contract = in_advance(at, house)
    ada = contract.customer
    at("2026-06-06")
    contract.freeze(from_on=day("2026-06-07"), until=day("2026-06-26"), by=None)
    ada.invoices.get().record_payment(amount=100, by=None)
    assert (due(ada), balance(ada)) == (0, 0)
    for on in ("2026-06-20", "2026-06-30"):
        at(on)
        assert debts.remind() == {"reminded": 0, "suspended": 0}
    assert ada.credit_notes.get().lines.get().detail == "Frozen 7 to 26 June 2026"


def test_a_debt_that_a_decision_settles_ends_the_suspension_for_it(at, house):
    house.edit({"suspend_after_days": 1}, by=None)
    contract = in_advance(at, house)
    ada = contract.customer
    ada.invoices.get().record_payment(amount=100, by=None)
    at("2026-06-25")
    assert debts.remind()["suspended"] == 1
    contract.freeze(from_on=day("2026-06-07"), until=day("2026-06-26"), by=None)
    ada.forget()
    assert ada.suspension is None


@pytest.mark.parametrize("decided", ["2026-02-01", "2026-01-20"])
def test_a_change_to_a_free_plan_gives_the_rest_of_a_paid_year_back_at_once(at, house, decided):
    contract = yearly(at, house)
    ada = contract.customer
    ada.invoices.get().record_payment(amount=1200, by=None)
    free = story.plan(house, "Friend", "0", billing_day=1, fee_due="in_advance")
    at(decided)
    contract.change_plan(to=free, starts_on=day("2026-02-01"), by=None)
    assert credited(ada) == [(decided, D("1098.08"))]
    assert balance(ada) == D("-1098.08")
    bill(at, "2026-12-01")
    assert balance(ada) == D("-1098.08")
    refund(ada, house, amount=D("1098.08"), by=None)
    assert balance(ada) == 0


def test_a_change_that_is_withdrawn_is_invoiced_again_on_that_day(at, house):
    contract = yearly(at, house)
    ada = contract.customer
    ada.invoices.get().record_payment(amount=1200, by=None)
    free = story.plan(house, "Friend", "0", billing_day=1, fee_due="in_advance")
    at("2026-01-20")
    contract.change_plan(to=free, starts_on=day("2026-02-01"), by=None)
    at("2026-01-25")
    contract.withdraw_change(by=None)
    last = ada.invoices.order_by("pk").last()
    assert (str(last.issued_on), last.total, last.due) == ("2026-01-25", D("1098.08"), 0)
    assert balance(ada) == 0
    assert invoice_total(bill(at, "2026-12-31")) == 0


def invoice_total(report) -> Decimal:
    return sum(report.totals.values(), D(0))


def test_a_freeze_that_is_withdrawn_is_invoiced_at_once_and_not_in_a_year(at, house):
    contract = yearly(at, house, "2027-01-01")
    ada = contract.customer
    ada.invoices.get().record_payment(amount=1200, by=None)
    at("2027-01-05")
    contract.freeze(from_on=day("2027-08-01"), until=day("2027-08-31"), by=None)
    assert credited(ada) == [("2027-01-05", D("101.92"))]
    refund(ada, house, amount=D("101.92"), by=None)
    at("2027-01-10")
    contract.resume(on=day("2027-08-01"), by=None)
    last = ada.invoices.order_by("pk").last()
    assert (str(last.issued_on), last.due) == ("2027-01-10", D("101.92"))
    charge = last.lines.get().charge
    assert (charge.kind, charge.cycle) == ("adjustment", contract.billed_cycles.get())


def test_the_new_plan_begins_after_the_old_one_is_credited(at, house):
    contract = in_advance(at, house, price="900")
    ada = contract.customer
    smaller = story.plan(house, "Desk", "300", billing_day=1, fee_due="in_advance")
    at("2026-06-11")
    contract.change_plan(to=smaller, starts_on=day("2026-06-11"), by=None)
    [old] = ada.invoices.filter(issued_on="2026-06-01")
    assert old.due == 300
    bill(at, "2026-06-11")
    bill(at, "2026-07-01")
    assert invoiced(ada) == [
        ("2026-06-01", [D(900)]), ("2026-06-11", [D(200)]), ("2026-07-01", [D(300)]),
    ]  # fmt: skip
    assert due(ada) == 800


def test_days_of_the_new_plan_that_have_passed_are_paid_by_the_credit(at, house):
    """A change that is recorded late charges the new plan beside what it credits."""
    contract = in_advance(at, house, price="900")
    ada = contract.customer
    ada.invoices.get().record_payment(amount=900, by=None)
    smaller = story.plan(house, "Desk", "300", billing_day=1, fee_due="in_advance")
    at("2026-06-15")
    contract.change_plan(to=smaller, starts_on=day("2026-06-11"), by=None)
    assert credited(ada) == [("2026-06-15", D(600))]
    last = ada.invoices.order_by("pk").last()
    assert (str(last.issued_on), last.total, last.due) == ("2026-06-15", 200, 0)
    assert credit_of(ada) == 400


def test_where_runs_leave_drafts_so_does_a_decision(at, house):
    contract = in_advance(at, house, price="900")
    house.edit({"run_issues": False}, by=None)
    smaller = story.plan(house, "Desk", "300", billing_day=1, fee_due="in_advance")
    at("2026-06-15")
    contract.change_plan(to=smaller, starts_on=day("2026-06-11"), by=None)
    draft = contract.customer.invoices.drafts().get()
    assert (draft.total, contract.customer.credit_notes.count()) == (200, 1)


def test_a_credit_lowers_a_write_off_first(at, house):
    contract = in_advance(at, house)
    ada = contract.customer
    invoice = ada.invoices.get()
    at("2026-06-05")
    invoice.write_off(reason="Moved away", by=None)
    contract.cancel(last_day=day("2026-06-10"), by=None)
    assert invoice.write_offs.get(withdrawn_at=None).amount == 100
    assert (credit_of(ada), balance(ada)) == (0, 0)


def test_a_paid_and_frozen_year_holds_nothing_else_back(at, house):
    office = in_advance(at, house, "2026-01-01", "12000", cycle_length=12)
    ada = office.customer
    ada.invoices.get().record_payment(amount=12000, by=None)
    desk = story.plan(house, "Desk", "200", billing_day=1)
    desk.sign_up(ada, starts_on=day("2026-01-01"), by=None)
    at("2026-01-10")
    office.freeze(from_on=day("2026-02-01"), until=day("2026-07-31"), by=None)
    for month in range(2, 9):
        bill(at, f"2026-{month:02}-01")
    assert [nets for _date, nets in invoiced(ada)[1:]] == [[D(200)]] * 7


def test_a_last_day_that_is_known_too_late_credits_the_rest_of_what_was_invoiced(at, house):
    contract = in_advance(at, house, "2026-07-15", billing_day=15)
    ada = contract.customer
    bill(at, "2026-08-15")
    at("2026-08-20")
    contract.cancel(last_day=day("2026-08-14"), by=None)
    assert credited(ada) == [("2026-08-20", D(300))]
    assert due(ada) == 300


def test_one_decision_makes_one_credit_note_for_each_invoice(at, house):
    contract = signed(at, house, "2026-06-01", "70", cycle_unit="week", billing_day=None,
                      fee_due="in_advance")  # fmt: skip
    ada = contract.customer
    at("2026-06-20")
    contract.cancel(last_day=day("2026-07-20"), by=None)
    from billing.finals import final_invoice

    final_invoice(contract, by=None)
    assert ada.invoices.count() == 1
    at("2026-06-22")
    contract.cancel(last_day=day("2026-06-28"), by=None)
    assert credited(ada) == [("2026-06-22", D(220))]
    assert ada.credit_notes.get().lines.count() == 4
    assert Delivery.objects.filter(kind="credit_note").count() == 1


# What staff gave


@pytest.mark.parametrize(
    ("by_hand", "frozen", "withdrawn"), [(300, 0, 0), (100, 100, 100), (250, 50, 50)]
)
def test_what_staff_credited_stays_given_and_counts_for_the_limit(
    at, house, by_hand, frozen, withdrawn
):
    contract = in_advance(at, house)
    ada = contract.customer
    invoice = ada.invoices.get()
    invoice.credit({invoice.lines.get(): D(by_hand)}, reason="Goodwill", by=None)
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    assert sum(total for _on, total in credited(ada)) == by_hand + frozen
    contract.resume(on=day("2026-06-11"), by=None)
    assert sum(total for _on, total in credited(ada)) == by_hand + frozen
    charged = ada.invoices.exclude(pk=invoice.pk)
    assert sum(one.total for one in charged) == withdrawn
    assert balance(ada) == 300 - by_hand - frozen + withdrawn


def test_a_freeze_and_then_a_full_credit_by_hand_share_the_line(at):
    house = story.house(tax_rate=20)
    contract = in_advance(at, house)
    ada = contract.customer
    invoice = ada.invoices.get()
    invoice.record_payment(amount=360, by=None)
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-16"), by=None)
    assert credited(ada) == [("2026-06-01", D(72))]
    invoice.credit(reason="Goodwill", by=None)
    assert credited(ada) == [("2026-06-01", D(72)), ("2026-06-01", D(288))]


def test_after_a_full_credit_by_hand_a_freeze_gives_nothing(at):
    house = story.house(tax_rate=20)
    contract = in_advance(at, house)
    contract.customer.invoices.get().credit(reason="Goodwill", by=None)
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-16"), by=None)
    assert credited(contract.customer) == [("2026-06-01", D(360))]


def test_a_fee_that_staff_voided_stays_given(at, house):
    contract = signed(at, house, "2026-06-01")
    at("2026-07-01")
    contract.freeze(from_on=day("2026-09-01"), by=None)  # settles June
    take_back(contract.charges.get(), reason="Goodwill", by=None)
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    contract.resume(on=day("2026-06-11"), by=None)
    assert not contract.charges.standing().exists()
    assert not contract.customer.invoices.exists()


# Not on an issued invoice


def settled_but_not_invoiced(at, house):
    contract = signed(at, house, "2026-06-01")
    at("2026-07-03")
    contract.freeze(from_on=day("2026-09-01"), by=None)
    return contract


def prices(contract) -> list[Decimal]:
    return [charge.price for charge in contract.charges.standing().order_by("pk")]


def test_a_charge_that_waits_is_replaced_in_either_direction(at, house):
    contract = settled_but_not_invoiced(at, house)
    assert prices(contract) == [300]
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    assert prices(contract) == [200]
    contract.resume(on=day("2026-06-16"), by=None)
    assert prices(contract) == [250]
    new = contract.charges.standing().get()
    assert (new.kind, str(new.on), new.replaces.void.cause) == ("fee", "2026-07-01", "decision")
    bill(at, "2026-07-04")
    assert invoiced(contract.customer) == [("2026-07-01", [D(250)])]
    assert not contract.customer.credit_notes.exists()


def test_a_charge_of_which_nothing_is_left_is_voided_and_comes_back(at, house):
    contract = settled_but_not_invoiced(at, house)
    contract.freeze(from_on=day("2026-06-01"), until=day("2026-06-30"), by=None)
    assert prices(contract) == []
    contract.resume(on=day("2026-06-21"), by=None)
    assert prices(contract) == [100]


def test_the_line_of_a_draft_is_replaced_with_it(at, house):
    house.edit({"run_issues": False}, by=None)
    contract = signed(at, house, "2026-06-01")
    other = story.plan(house, "Locker room", "50", billing_day=1)
    other.sign_up(contract.customer, starts_on=day("2026-06-01"), by=None)
    bill(at, "2026-07-01")
    draft = contract.customer.invoices.get()
    assert draft.total == 350
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    draft.refresh_from_db()
    assert (draft.total, [line.net for line in draft.lines.all()]) == (250, [200, 50])
    draft.issue(by=None)
    assert due(contract.customer) == 250


def test_a_draft_without_lines_is_deleted(at, house):
    house.edit({"run_issues": False}, by=None)
    contract = signed(at, house, "2026-06-01")
    bill(at, "2026-07-01")
    contract.freeze(from_on=day("2026-06-01"), until=day("2026-06-30"), by=None)
    assert not contract.customer.invoices.exists()


# Invoiced and larger


def test_a_price_step_for_days_that_are_invoiced_is_invoiced_at_once(at, house):
    contract = in_advance(at, house)
    at("2026-06-05")
    contract.add_price_step(360, from_on=day("2026-06-01"), by=None)
    last = contract.customer.invoices.order_by("pk").last()
    assert (str(last.issued_on), last.total) == ("2026-06-05", 60)
    contract.plan.set_price(500, from_on=day("2026-06-01"), by=None)
    assert due(contract.customer) == 360


def test_a_lower_price_step_is_credited(at, house):
    contract = in_advance(at, house)
    at("2026-06-05")
    contract.add_price_step(240, from_on=day("2026-06-01"), by=None)
    assert credited(contract.customer) == [("2026-06-05", D(60))]
    assert contract.customer.credit_notes.get().reason == "Price of €240.00"


def test_a_cycle_that_was_waived_as_frozen_is_charged_when_a_day_of_it_is_billed_again(at, house):
    contract = signed(at, house, "2026-05-20", fee_due="in_advance", starts_on=day("2026-06-01"))
    contract.freeze(from_on=day("2026-06-01"), until=day("2026-06-30"), by=None)
    bill(at, "2026-06-01")
    assert contract.billed_cycles.get().reason == "frozen"
    at("2026-06-20")
    contract.resume(on=day("2026-06-21"), by=None)
    assert due(contract.customer) == 100


def test_the_end_of_a_subscription_is_credited_likewise(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    locker = Product.objects.offer(name="Locker", price=30, location=house, recurring=True, by=None)
    subscription = locker.subscribe(ada, starts_on=day("2026-06-01"), fee_due="in_advance", by=None)
    bill(at, "2026-06-01")
    at("2026-06-10")
    subscription.end(last_day=day("2026-06-20"), by=None)
    assert credited(ada) == [("2026-06-10", D(10))]


def test_whoever_was_charged_is_credited_although_somebody_else_pays_for_the_team_now(at, house):
    at("2026-06-01")
    ada, lin, omar = (story.person(house, name) for name in ("Ada L", "Lin C", "Omar H"))
    team = Team.objects.start("Lin & Co", by=None, payer=lin)
    team.add(ada, by=None)
    plan = story.plan(house, "Desk", "300", billing_day=1, fee_due="in_advance")
    contract = plan.sign_up(ada, starts_on=day("2026-06-01"), on_behalf_of=team, by=None)
    bill(at, "2026-06-01")
    team.edit({"payer": omar}, by=None)
    at("2026-06-10")
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    assert credited(lin) == [("2026-06-10", D(100))]
    at("2026-06-11")
    contract.resume(on=day("2026-06-16"), by=None)
    assert due(lin) == 250
    assert not omar.invoices.exists()


# Bookings


@pytest.fixture
def kestrel(house):
    rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    return story.room(house, rooms, "Kestrel", free_cancellation_hours=24, late_fee=D(50))


def booked(kestrel, customer, start: str):
    begins = story.moment(start)
    return kestrel.book(
        customer=customer, start=begins, end=begins + dt.timedelta(hours=2), by=None
    )


def test_what_is_kept_of_an_invoiced_booking_is_paid_by_its_credit(at, house, kestrel):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    booking = booked(kestrel, ada, "2026-06-02 10:00")
    invoice_now(ada, house, by=None).record_payment(amount=120, by=None)
    booking.cancel(by=None, reason="Three invoices unpaid")
    assert credited(ada) == [("2026-06-01", D(120))]
    last = ada.invoices.order_by("pk").last()
    assert (last.total, last.due, credit_of(ada)) == (60, 0, 60)
    assert ada.credit_notes.get().reason == "The booking was cancelled."


def test_what_waits_is_charged_on_its_billing_date_as_before(at, house, kestrel):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    booked(kestrel, ada, "2026-06-02 10:00").cancel(by=None)
    assert not ada.invoices.exists()
    assert [charge.price for charge in ada.charges.standing()] == [60]


def test_bookings_that_end_with_a_contract_share_its_credit_note(at, house, kestrel):
    contract = signed(at, house, "2026-06-01", fee_due="in_advance")
    ada = contract.customer
    for on in ("2026-06-20", "2026-06-21", "2026-06-22"):
        booked(kestrel, ada, f"{on} 10:00")
    run_billing()
    invoice_now(ada, house, by=None)
    assert ada.invoices.count() == 2
    at("2026-06-05")
    cancel_with_bookings(contract, last_day=day("2026-06-10"), by=None)
    assert sorted(total for _on, total in credited(ada)) == [200, 360]
    assert due(ada) == 100


def test_a_suspension_that_cancels_bookings_makes_one_credit_note(at, house, kestrel):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    for on in ("2026-06-20", "2026-06-21"):
        booked(kestrel, ada, f"{on} 10:00")
    invoice_now(ada, house, by=None)
    ada.suspend(by=None, reason="Noise", cancel_bookings=True)
    assert credited(ada) == [("2026-06-01", D(240))]
    assert Delivery.objects.filter(kind="credit_note").count() == 1


# Dates


@pytest.mark.parametrize(
    ("on", "codes"), [("2026-06-09", ["before_invoice"]), ("2026-06-21", ["future_date"])]
)
def test_no_date_lies_before_the_invoice_or_ahead(at, house, on, codes):
    contract = in_advance(at, house, "2026-06-10", billing_day=10)
    invoice = contract.customer.invoices.get()
    at("2026-06-20")
    for what in (
        lambda: invoice.credit(reason="Goodwill", by=None, on=day(on)),
        lambda: invoice.record_payment(amount=10, by=None, on=day(on)),
        lambda: invoice.write_off(reason="Gone", by=None, on=day(on)),
    ):
        with pytest.raises(Refused) as caught:
            what()
        assert caught.value.codes == codes
    assert invoice.due == 300


def test_a_payment_is_not_reversed_before_it_was_made(at, house):
    contract = in_advance(at, house)
    at("2026-06-20")
    payment = contract.customer.invoices.get().record_payment(amount=300, by=None)
    with pytest.raises(Refused) as caught:
        payment.reverse(reason="Wrong", by=None, on=day("2026-06-19"))
    assert caught.value.codes == ["before_payment"]


# Give back


def test_money_is_given_back_on_open_invoices_first_then_on_the_latest_paid_one(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    coffee = Product.objects.offer(name="Machine", price=100, location=house, by=None)
    invoices = []
    for _number in range(3):
        coffee.sell(ada, by=None)
        invoices.append(invoice_now(ada, house, by=None))
    invoices[0].record_payment(amount=100, by=None)
    invoices[1].record_payment(amount=100, by=None)
    assert left_to_give(ada, house) == 300
    notes = give_back(ada, amount=150, location=house, reason="Noise", by=None)
    assert [(note.invoice, note.total) for note in notes] == [
        (invoices[2], 100), (invoices[1], 50),
    ]  # fmt: skip
    assert balance(ada) == -50
    with pytest.raises(Refused) as caught:
        give_back(ada, amount=D("150.01"), location=house, reason="Noise", by=None)
    assert caught.value.codes == ["more_than_left"]
    assert "€150.00" in str(caught.value)
    assert ada.credit_notes.count() == 2


def test_what_one_credit_note_leaves_over_may_pay_the_next_invoice(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    machine = Product.objects.offer(name="Machine", price=100, location=house, by=None)
    invoices = []
    for _number in range(2):
        machine.sell(ada, by=None)
        invoices.append(invoice_now(ada, house, by=None))
    invoices[0].record_payment(amount=60, by=None)
    give_back(ada, amount=150, location=house, reason="Noise", by=None)
    assert (due(ada), credit_of(ada), balance(ada)) == (0, 10, -10)


def test_what_is_given_back_includes_the_tax(at):
    house = story.house(tax_rate=20)
    contract = in_advance(at, house)
    [note] = give_back(contract.customer, amount=36, location=house, reason="Noise", by=None)
    assert (note.net, note.tax, note.total) == (30, 6, 36)


@pytest.mark.parametrize(
    ("amount", "reason", "codes"),
    [(0, "Noise", ["invalid_amount"]), (-5, "Noise", ["invalid_amount"]),
     ("1.005", "Noise", ["amount_too_fine"]), (5, " ", ["reason_missing"])],
)  # fmt: skip
def test_what_is_wrong_with_giving_back_is_said(at, house, amount, reason, codes):
    contract = in_advance(at, house)
    with pytest.raises(Refused) as caught:
        give_back(contract.customer, amount=amount, location=house, reason=reason, by=None)
    assert caught.value.codes == codes
    assert not contract.customer.credit_notes.exists()


def test_a_deposit_is_not_given_back_as_goodwill(at, house):
    contract = signed(at, house, "2026-06-01", deposit=D(400))
    with pytest.raises(Refused):
        give_back(contract.customer, amount=1, location=house, reason="Noise", by=None)


# The database


@pytest.mark.parametrize("field", ["price", "amount", "tax"])
def test_the_database_refuses_a_charge_below_zero(at, house, field):
    contract = in_advance(at, house)
    charge = Charge.objects.get()
    charge.pk, charge.cycle, charge.price, charge.amount, charge.tax = None, None, 0, 0, 0
    setattr(charge, field, -1)
    if field != "price":
        charge.price = charge.amount
    with pytest.raises(IntegrityError), transaction.atomic():
        charge.save(force_insert=True)
    assert BilledCycle.objects.get().contract == contract


# One e-mail with everything


def test_one_decision_sends_one_e_mail_with_all_its_documents(at, house):
    contract = in_advance(at, house)
    customer = contract.customer
    customer.invoices.get().record_payment(amount=300, by=None)
    office = story.plan(house, "Office", "600", billing_day=1, fee_due="in_advance")
    at("2026-06-20")
    deliveries, letters = Delivery.objects.count(), OutboxMessage.objects.count()
    contract.change_plan(to=office, starts_on=day("2026-06-11"), by=None)
    assert Delivery.objects.count() == deliveries + 2
    note, invoice = customer.credit_notes.get(), customer.invoices.latest("pk")
    money = [one for one in OutboxMessage.objects.all()[letters:] if "RH-" in one.subject]
    [letter] = money
    assert note.number in letter.subject
    assert invoice.number in letter.subject
    assert not Delivery.objects.filter(written_at=None, invoice=invoice).exists()
