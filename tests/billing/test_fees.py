"""Fees by the cycle: what is charged, for which days, and on which date it is invoiced."""

from decimal import Decimal

import pytest

from billing.models import BilledCycle, Charge
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, fees, invoiced
from tests.story import day

D = Decimal


@pytest.fixture
def house(db):
    return story.house(tax_rate=0)


def signed(at, house, on: str, price="300", **terms):
    """Ada signs a plan on a day from that day on, unless said otherwise."""
    at(on)
    starts_on = terms.pop("starts_on", day(on))
    how = {name: terms.pop(name) for name in ("discount", "quantity", "bill_missed")
           if name in terms}  # fmt: skip
    plan = story.plan(house, price=price, **{"billing_day": 1, **terms})
    ada = story.person(house, "Ada Lovelace")
    return plan.sign_up(ada, starts_on=starts_on, by=None, **how)


@pytest.mark.parametrize(
    ("on", "price", "terms", "run", "fee"),
    [
        ("2026-11-20", "300", {}, "2026-12-01", "110.00"),
        ("2026-06-19", "250", {"billing_day": 25}, "2026-06-25", "48.39"),
        ("2027-02-10", "900", {"cycle_length": 3}, "2027-04-01", "500.00"),
        ("2028-02-10", "900", {"cycle_length": 3}, "2028-04-01", "504.40"),
        ("2026-11-20", "300", {"discount": 10}, "2026-12-01", "99.00"),
        ("2026-11-20", "300", {"quantity": 3}, "2026-12-01", "330.00"),
        ("2026-11-20", "300", {"prorate_first": False}, "2026-12-01", "300.00"),
        ("2026-11-20", "300", {"fee_due": "in_advance"}, "2026-11-20", "110.00"),
        ("2026-11-20", "100", {"cycle_unit": "week", "billing_day": None}, "2026-11-27", "100.00"),
    ],
)
def test_the_worked_examples(at, house, on, price, terms, run, fee):
    contract = signed(at, house, on, price, **terms)
    bill(at, run)
    assert [amount for _days, amount in fees(contract.customer)] == [D(fee)]
    assert invoiced(contract.customer) == [(run, [D(fee)])]
    assert contract.customer.invoices.get().total == D(fee)


def test_a_part_of_a_cycle_is_not_paid_while_frozen(at, house):
    contract = signed(at, house, "2026-11-20", prorate_first=False)
    contract.freeze(from_on=day("2026-11-25"), until=day("2026-11-30"), by=None)
    bill(at, "2026-12-01")
    assert fees(contract.customer) == [("2026-11-20 2026-11-30", D("240.00"))]


def test_a_cycle_frozen_on_all_its_days_is_waived_and_says_so(at, house):
    contract = signed(at, house, "2026-11-01")
    contract.freeze(from_on=day("2026-11-01"), until=day("2026-11-30"), by=None)
    report = bill(at, "2026-12-01")
    row = BilledCycle.objects.get()
    assert (row.kind, row.reason, row.due_on) == ("waiver", "frozen", day("2026-12-01"))
    assert report.invoiced == 0
    assert not Charge.objects.exists()


def test_the_31st_of_the_month_over_two_years(at, house):
    contract = signed(at, house, "2026-01-31", billing_day=None)
    bill(at, "2028-02-29")
    found = fees(contract.customer)
    assert len(found) == 25
    assert {amount for _days, amount in found} == {D(300)}
    assert [days for days, _amount in found][:3] == [
        "2026-01-31 2026-02-27", "2026-02-28 2026-03-30", "2026-03-31 2026-04-29",
    ]  # fmt: skip
    assert found[-1][0] == "2028-01-31 2028-02-28"


def test_a_yearly_cycle_from_the_29th_of_february(at, house):
    contract = signed(
        at, house, "2028-02-29", "1200", billing_day=None, cycle_length=12, fee_due="in_advance"
    )
    bill(at, "2032-02-29")
    assert [days for days, _fee in fees(contract.customer)] == [
        "2028-02-29 2029-02-27", "2029-02-28 2030-02-27", "2030-02-28 2031-02-27",
        "2031-02-28 2032-02-28", "2032-02-29 2033-02-27",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "price", "fee"), [("JPY", "30000", "11000"), ("KWD", "100", "36.667")]
)
def test_currencies_without_and_with_three_decimals(at, currency, price, fee):
    house = story.house(tax_rate=0, currency=currency)
    contract = signed(at, house, "2026-11-20", price)
    bill(at, "2026-12-01")
    assert fees(contract.customer) == [("2026-11-20 2026-11-30", D(fee))]
    assert contract.customer.invoices.get().total == D(fee)


def test_a_fee_with_the_tax_in_its_price(at):
    house = story.house(prices_include_tax=True)
    contract = signed(at, house, "2026-11-01", "100")
    bill(at, "2026-12-01")
    charge = contract.customer.charges.get()
    assert (charge.price, charge.amount, charge.tax) == (D(100), D("83.33"), D("16.67"))
    invoice = contract.customer.invoices.get()
    assert (invoice.net, invoice.tax, invoice.total) == (D("83.33"), D("16.67"), D(100))


def test_the_price_in_force_on_the_first_day_of_the_cycle_counts(at, house):
    contract = signed(at, house, "2026-11-01")
    contract.plan.set_price(360, from_on=day("2026-12-02"), by=None)
    contract.add_price_step(330, from_on=day("2027-02-01"), by=None)
    bill(at, "2027-03-01")
    assert [fee for _days, fee in fees(contract.customer)] == [300, 300, 360, 330]


def test_a_backdated_price_touches_only_what_is_charged_afterwards(at, house):
    contract = signed(at, house, "2026-11-01", fee_due="in_advance")
    at("2026-11-10")
    contract.plan.set_price(600, from_on=day("2026-11-01"), by=None)
    bill(at, "2026-12-01")
    assert [fee for _days, fee in fees(contract.customer)] == [300, 600]


# Missed cycles


@pytest.mark.parametrize("bill_missed", [True, False])
def test_a_backdated_contract(at, house, bill_missed):
    """In arrears from 1 September, signed on 20 November: September and October are missed,
    November is billed on 1 December."""
    contract = signed(at, house, "2026-11-20", starts_on=day("2026-09-01"), bill_missed=bill_missed)
    rows = [(str(one.starts_on), one.kind, one.reason) for one in BilledCycle.objects.all()]
    if bill_missed:
        assert rows == [("2026-09-01", "fee", ""), ("2026-10-01", "fee", "")]
        assert len(fees(contract.customer)) == 2
    else:
        assert rows == [
            ("2026-09-01", "waiver", "backdated"),
            ("2026-10-01", "waiver", "backdated"),
        ]
    bill(at, "2026-12-01")
    expected = [D(300)] * (3 if bill_missed else 1)
    assert invoiced(contract.customer) == [("2026-12-01", expected)]


def test_contracts_that_were_signed_before_there_was_billing_are_settled_by_what_they_keep(
    at, house
):
    contract = signed(at, house, "2026-11-20", starts_on=day("2026-09-01"))
    BilledCycle.objects.all().delete()
    bill(at, "2026-12-01")
    assert [one.reason for one in BilledCycle.objects.all()] == ["backdated", "backdated", ""]
    assert invoiced(contract.customer) == [("2026-12-01", [D(300)])]


@pytest.mark.parametrize("bill_missed", [True, False])
def test_fees_due_while_suspended(at, house, bill_missed):
    contract = signed(at, house, "2026-06-01")
    ada = contract.customer
    at("2026-06-20")
    ada.suspend(by=None, reason="Noise")
    report = bill(at, "2026-07-01")
    assert report.skipped == {"suspended": 1}
    bill(at, "2026-08-01")
    assert not fees(ada)
    at("2026-08-10")
    ada.reinstate(by=None, bill_missed=bill_missed)
    assert len(fees(ada)) == (2 if bill_missed else 0)
    bill(at, "2026-09-01")
    assert invoiced(ada) == [("2026-09-01", [D(300)] * (3 if bill_missed else 1))]


def test_a_fee_due_on_the_day_of_the_suspension_is_billed_and_one_on_the_day_of_the_lift_is_not(
    at, house
):
    contract = signed(at, house, "2026-06-01")
    at("2026-07-01")
    contract.customer.suspend(by=None, reason="Noise")
    at("2026-08-01")
    contract.customer.reinstate(by=None)
    bill(at, "2026-08-01")
    assert [days for days, _fee in fees(contract.customer)] == ["2026-06-01 2026-06-30"]
    assert [one.reason for one in BilledCycle.objects.all()] == ["", "suspended"]


def test_a_suspension_that_takes_anothers_place_decides_for_both(at, house):
    contract = signed(at, house, "2026-06-01")
    ada = contract.customer
    at("2026-06-20")
    ada.suspend(by=None, reason="Unpaid", cause="debt")
    at("2026-07-10")
    ada.suspend(by=None, reason="Noise")
    bill(at, "2026-07-15")
    assert not BilledCycle.objects.exists()
    at("2026-07-20")
    ada.reinstate(by=None, bill_missed=True)
    assert [fee for _days, fee in fees(ada)] == [300]


# Teams


def test_a_contract_for_a_team_is_on_its_payers_account_at_the_better_discount(at, house):
    from customers.models import Team

    at("2026-11-01")
    lin, omar = story.company(house, "Lin & Co"), story.person(house, "Omar Haddad")
    team = Team.objects.start("Lin & Co", by=None, payer=lin)
    team.edit({"discount": D(20)}, by=None)
    team.add(omar, by=None)
    plan = story.plan(house, price="300", billing_day=1)
    plan.sign_up(omar, starts_on=day("2026-11-01"), discount=10, on_behalf_of=team, by=None)
    at("2026-12-01")
    team.edit({"discount": D(50)}, by=None)
    bill(at, "2026-12-01")
    charge = lin.charges.get()
    assert (charge.price, charge.used_by, charge.on_behalf_of) == (D(240), omar, team)
    assert charge.explanation["team"] == "Lin & Co"
    assert not omar.charges.exists()


# Signing


def test_sign_up_fee_and_deposit_are_invoiced_when_the_contract_is_signed(at):
    house = story.house()
    contract = signed(at, house, "2026-11-20", sign_up_fee=D(50), deposit=D(400), discount=10)
    fee, deposit = contract.customer.invoices.order_by("pk")
    [line], [held] = fee.lines.all(), deposit.lines.all()
    assert (line.charge.kind, line.net, line.tax) == ("sign_up_fee", D(45), D(9))
    assert (held.charge.kind, held.net, held.tax) == ("deposit", D(400), D(0))
    assert held.tax_category == "outside_scope"
    for invoice in (fee, deposit):
        assert (invoice.state, invoice.issued_on) == ("issued", day("2026-11-20"))


def test_calling_off_credits_both(at, house):
    contract = signed(at, house, "2026-11-20", starts_on=day("2026-12-01"), sign_up_fee=D(50),
                      deposit=D(400))  # fmt: skip
    contract.call_off(by=None)
    invoices = contract.customer.invoices.all()
    assert [(one.due, one.settlement) for one in invoices] == [(0, "credited")] * 2
    assert [one.credit_notes.get().lines.count() for one in invoices] == [1, 1]


def test_a_higher_plan_asks_for_the_difference_of_the_deposit_and_for_no_sign_up_fee(at, house):
    contract = signed(at, house, "2026-11-01", deposit=D(400))
    office = story.plan(house, "Office", "900", deposit=D(1000), sign_up_fee=D(99))
    at("2026-11-20")
    new = contract.change_plan(to=office, starts_on=day("2026-12-01"), by=None)
    assert [one.price for one in new.charges.all()] == [D(600)]
    contract.withdraw_change(by=None)
    assert [one.due for one in contract.customer.invoices.order_by("pk")] == [D(400), D(0)]


# The final invoice, at once


@pytest.mark.parametrize("due", ["in_arrears", "in_advance"])
def test_the_final_invoice_is_made_at_once_and_its_date_finds_it_done(at, house, due):
    from billing.finals import final_invoice

    contract = signed(at, house, "2026-06-01", fee_due=due)
    bill(at, "2026-07-01")
    at("2026-07-10")
    contract.cancel(last_day=day("2026-08-10"), by=None)
    invoice = final_invoice(contract, by=None)
    expected = [D(300), D("96.77")] if due == "in_arrears" else [D("96.77")]
    assert [line.net for line in invoice.lines.all()] == expected
    bill(at, "2026-09-01")
    assert not Charge.objects.waiting().exists()
    assert contract.customer.invoices.count() == (2 if due == "in_arrears" else 3)


def test_there_is_no_final_invoice_of_what_goes_on(at, house):
    from billing.finals import final_invoice

    contract = signed(at, house, "2026-06-01")
    with pytest.raises(Refused) as caught:
        final_invoice(contract, by=None)
    assert caught.value.codes == ["no_last_day"]


def test_a_price_set_after_the_final_invoice_counts_when_the_contract_goes_on(at, house):
    from billing.finals import final_invoice

    contract = signed(at, house, "2026-06-01")
    at("2026-06-10")
    contract.cancel(last_day=day("2026-08-31"), by=None)
    final_invoice(contract, by=None)
    contract.add_price_step(400, from_on=day("2026-08-01"), by=None)
    contract.withdraw_cancellation(by=None)
    assert sum(one.price for one in contract.charges.all()) == 300 + 300 + 400
