"""Payments, credit notes, account credit, write-offs, deposits: what is due, and why."""

import datetime as dt
from decimal import Decimal

import pytest

from billing.accounts import aged, balance_of
from billing.deposits import give_back, return_due
from billing.models import Account, Invoice, Settlement
from billing.models.paying import receive, refund
from kit.problems import Refused
from tests import story
from tests.billing.test_invoices import charged, issued, refused
from tests.story import day

D = Decimal


def state(invoice: Invoice) -> tuple:
    invoice = Invoice.objects.get(pk=invoice.pk)
    return (invoice.settlement, invoice.due)


def credit(customer) -> Decimal:
    return Account.objects.get(customer=customer).credit


def test_part_then_all(w):
    invoice = issued(w)
    invoice.record_payment(amount=50, by=w.anton)
    assert state(invoice) == ("part_paid", 70)
    invoice.record_payment(amount=70, on=story.TODAY, method="cash", by=w.anton)
    assert state(invoice) == ("paid", 0)


@pytest.mark.parametrize(
    ("amount", "on", "code"),
    [(0, None, "invalid_amount"), (-5, None, "invalid_amount"), ("x", None, "invalid_amount"),
     ("1.005", None, "amount_too_fine"), (1, "2026-11-21", "future_date")],
)  # fmt: skip
def test_what_is_no_payment(w, amount, on, code):
    invoice = issued(w)
    assert refused(
        lambda: invoice.record_payment(amount=amount, on=day(on) if on else None, by=w.anton)
    ) == [code]


def test_too_much_pays_the_oldest_open_invoice_and_the_rest_the_next_one(w):
    first, second = issued(w), issued(w, 200)
    second.record_payment(amount=400, by=w.anton)
    assert (state(first), state(second)) == (("paid", 0), ("paid", 0))
    assert credit(w.ada) == 40
    third = issued(w)
    assert state(third) == ("part_paid", 80)
    assert credit(w.ada) == 0


def test_a_wrong_payment_is_reversed_by_a_row(w):
    first, second = issued(w), issued(w, 200)
    payment = second.record_payment(amount=400, by=w.anton)
    assert refused(lambda: payment.reverse(reason=" ", by=w.anton)) == ["reason_missing"]
    payment.reverse(reason="Bounced", by=w.anton)
    assert (state(first), state(second)) == (("open", 120), ("open", 240))
    assert credit(w.ada) == 0
    assert refused(lambda: payment.reverse(reason="Again", by=w.anton)) == ["reversed_already"]
    assert balance_of(w.ada, on=story.TODAY) == 360


def test_a_reversed_payment_takes_its_credit_back_from_what_it_paid_later(w):
    first = issued(w)
    payment = first.record_payment(amount=200, by=w.anton)
    second = issued(w)
    assert state(second) == ("part_paid", 40)
    payment.reverse(reason="Bounced", by=w.anton)
    assert (state(first), state(second)) == (("open", 120), ("open", 120))


def test_money_that_names_no_invoice_pays_the_oldest(w):
    first, second = issued(w), issued(w)
    receive(w.ada, w.house, amount=150, by=w.anton)
    assert (state(first), state(second)) == (("paid", 0), ("part_paid", 90))


def test_an_unpaid_invoice_that_is_credited_is_credited(w):
    invoice = issued(w)
    note = invoice.credit(reason="Mistake", by=w.anton)
    assert (note.net, note.tax, note.total) == (100, 20, 120)
    assert state(invoice) == ("credited", 0)
    assert refused(lambda: invoice.credit(reason="Again", by=w.anton)) == ["nothing_to_credit"]


def test_a_credit_lowers_what_is_due_first_and_the_rest_is_credit(w):
    invoice = issued(w, 100, 50)
    invoice.record_payment(amount=100, by=w.anton)
    line = invoice.lines.first()
    invoice.credit([line], reason="Not delivered", by=w.anton)
    assert state(invoice) == ("paid", 0)
    assert credit(w.ada) == 40


def test_a_line_is_credited_in_parts_and_never_more_than_it_has(w):
    invoice = issued(w, "33.33")
    line = invoice.lines.get()
    parts = [
        invoice.credit({line: D(part)}, reason="Part", by=w.anton) for part in ("11.11", "11.11")
    ]
    assert [(one.net, one.tax) for one in parts] == [(D("11.11"), D("2.22"))] * 2
    assert refused(lambda: invoice.credit({line: D("11.12")}, reason="x", by=w.anton)) == [
        "more_than_left"
    ]
    last = invoice.credit(reason="Rest", by=w.anton)
    assert (last.net, last.tax) == (D("11.11"), D("2.23"))
    assert state(invoice) == ("credited", 0)


def test_what_is_credited_as_prices_are_entered(at):
    house = story.house(prices_include_tax=True)
    at("2026-11-20")
    from billing.charging import charge_other
    from billing.models.issuing import invoice_now

    ada = story.person(house, "Ada")
    charge_other(ada, house, text="Thing", amount=120, by=None)
    invoice = invoice_now(ada, house, by=None)
    note = invoice.credit({invoice.lines.get(): D(60)}, reason="Half", by=None)
    assert (note.net, note.tax, note.total) == (50, 10, 60)


def test_a_write_off_and_its_withdrawal(w):
    invoice = issued(w)
    invoice.record_payment(amount=20, by=w.anton)
    invoice.write_off(reason="Bankrupt", by=w.anton)
    assert state(invoice) == ("written_off", 0)
    assert balance_of(w.ada, on=story.TODAY) == 0
    invoice.withdraw_write_off(by=w.anton)
    assert state(invoice) == ("part_paid", 100)
    assert balance_of(w.ada, on=story.TODAY) == 100


def test_the_balance_of_a_day(at, w):
    invoice = issued(w)
    at("2026-11-25")
    invoice.record_payment(amount=50, by=w.anton)
    charged(w, 999)
    assert balance_of(w.ada, on=day("2026-11-19")) == 0
    assert balance_of(w.ada, on=day("2026-11-20")) == 120
    assert balance_of(w.ada, on=day("2026-11-25"), location=w.house) == 70


@pytest.mark.parametrize(
    "settlement", ["open", "part_paid", "overdue", "paid", "credited", "written_off"]
)
def test_the_settlement_is_the_same_in_python_and_in_sql(at, w, settlement):
    found = {}
    for word in ("open", "part_paid", "paid", "credited", "written_off"):
        found[word] = issued(w)
    found["part_paid"].record_payment(amount=1, by=w.anton)
    found["paid"].record_payment(amount=120, by=w.anton)
    found["credited"].credit(reason="x", by=w.anton)
    found["written_off"].write_off(reason="x", by=w.anton)
    on = story.TODAY + dt.timedelta(15 if settlement == "overdue" else 3)
    for invoice in Invoice.objects.all():
        in_sql = Invoice.objects.in_settlement(settlement, on=on).filter(pk=invoice.pk).exists()
        assert in_sql == (invoice.settlement_on(on) == settlement), invoice
    assert Invoice.objects.in_settlement(settlement, on=on).exists()


def test_the_settlement_of_a_past_day_is_that_of_its_end(at, w):
    invoice = issued(w)
    steps = [
        ("2026-11-25", "part_paid", lambda: invoice.record_payment(amount=50, by=w.anton)),
        ("2026-12-20", "written_off", lambda: invoice.write_off(reason="x", by=w.anton)),
        ("2026-12-21", "overdue", lambda: invoice.withdraw_write_off(by=w.anton)),
        ("2026-12-22", "paid", lambda: invoice.record_payment(amount=70, by=w.anton)),
        ("2026-12-23", "credited", lambda: invoice.credit(reason="x", by=w.anton)),
    ]
    for on, _settlement, what in steps:
        at(on)
        what()
    expected = [("2026-11-19", "draft"), ("2026-11-20", "open"), ("2026-12-19", "overdue")]
    expected += [(on, settlement) for on, settlement, _what in steps]
    invoice = Invoice.objects.shown().get()
    for on, settlement in expected:
        assert invoice.settlement_on(day(on)) == settlement, on
        for word in Settlement.values:
            in_sql = Invoice.objects.in_settlement(word, on=day(on)).exists()
            assert in_sql == (word == settlement), (on, word)


def test_what_only_a_credit_note_has_lowered_is_open_and_not_part_paid(w):
    invoice = issued(w, 100, 50)
    invoice.credit([invoice.lines.first()], reason="Not delivered", by=w.anton)
    assert state(invoice)[0] == "open"


def test_aged_debt_adds_up(at, w):
    issued(w)
    at("2026-12-10")
    issued(w, 50)
    [row] = aged(w.house, on=day("2027-01-10"))
    assert row.sums == (D(0), D(60), D(120), D(0), D(0))
    assert row.total == balance_of(w.ada, on=day("2027-01-10"))


# Deposits


@pytest.fixture
def ended(at, w):
    """Nina's contract has ended; her deposit of 400 was paid."""
    nina = story.person(w.house, "Nina Novak")
    plan = story.plan(w.house, "Desk", "300", billing_day=1, deposit=D(400))
    contract = plan.sign_up(nina, starts_on=story.TODAY, ends_on=day("2026-11-25"), by=None)
    nina.invoices.get().record_payment(amount=400, by=w.anton)
    w.nina, w.contract = nina, contract
    return w


def test_a_deposit_comes_back_when_the_last_contract_has_ended(at, ended):
    at("2026-11-25")
    assert return_due() == 0
    at("2026-11-26")
    open_one = issued(ended, 100, customer=ended.nina)
    assert return_due() == 1
    assert state(open_one) == ("paid", 0)
    assert credit(ended.nina) == 280
    assert balance_of(ended.nina, on=day("2026-11-26")) == -280
    refund(ended.nina, ended.house, amount=280, by=ended.anton)
    assert balance_of(ended.nina, on=day("2026-11-26")) == 0
    assert return_due() == 0


def test_another_contract_to_come_keeps_the_deposit(at, ended):
    ended.hot_desk.sign_up(ended.nina, starts_on=day("2027-02-01"), by=None)
    at("2026-12-20")
    assert return_due() == 0


def test_staff_return_less_with_a_reason(at, ended):
    charge = ended.nina.charges.get(kind="deposit")
    assert refused(lambda: give_back(charge, amount=300, by=ended.anton)) == ["reason_missing"]
    row = give_back(charge, amount=300, reason="A broken lamp", by=ended.anton)
    assert (row.amount, row.kept) == (300, 100)
    with pytest.raises(Refused):
        give_back(charge, by=ended.anton)
