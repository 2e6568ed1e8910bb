"""A wrong invoice is replaced in one action: credited, and asked for again as it should be."""

from decimal import Decimal

import pytest
from django.db import transaction

from billing import debts
from billing.accounts import balance_of
from billing.charging import charge_other
from billing.models import Account, Payment, Product
from billing.models.issuing import invoice_now
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, is_sound
from tests.billing.test_fees import signed
from tests.story import day

D = Decimal


@pytest.fixture
def house(db):
    return story.house(tax_rate=20)


@pytest.fixture
def ada(house):
    return story.person(house, "Ada Lovelace")


@pytest.fixture
def invoice(at, house, ada):
    """Lunch of 300 and dinner of 100, with tax 480, issued on 20 November."""
    at("2026-11-20")
    charge_other(ada, house, text="Lunch", amount=300, by=None)
    charge_other(ada, house, text="Dinner", amount=100, by=None)
    return invoice_now(ada, house, by=None)


def credit_of(customer) -> Decimal:
    return sum((one.credit for one in Account.objects.filter(customer=customer)), D(0))


def codes(deed) -> list[str]:
    with pytest.raises(Refused) as caught, transaction.atomic():
        deed()
    return caught.value.codes


def again(invoice):
    invoice.refresh_from_db()
    return invoice


def test_an_unpaid_invoice_is_credited_and_asked_for_again(at, ada, invoice):
    ada.edit({"full_name": "Ada King"}, by=None)
    at("2026-11-25")
    new = invoice.replace(by=None, reason="Wrong name")
    assert (new.replaces, new.issued_on, new.due_on) == (
        invoice, day("2026-11-25"), day("2026-12-04"),
    )  # fmt: skip
    assert (new.total, new.due, new.buyer["name"]) == (480, 480, "Ada King")
    assert again(invoice).settlement == "credited"
    note = invoice.credit_notes.get()
    assert note.total == 480
    assert note.buyer["name"] == "Ada Lovelace"
    assert note.reason == f"Wrong name. Replaced by {new.number}."
    assert invoice.number in new.note
    assert balance_of(ada, on=day("2026-11-25")) == 480
    is_sound()


def test_what_had_paid_a_part_pays_the_new_one(at, ada, invoice):
    invoice.record_payment(amount=100, by=None)
    new = invoice.replace(by=None, reason="Wrong name")
    assert (again(new).settled, new.due, credit_of(ada)) == (100, 380, 0)
    assert new.settlement == "part_paid"
    payment = Payment.objects.get()
    payment.reverse(by=None, reason="Bounced")
    assert again(new).due == 480
    assert again(invoice).settlement == "credited"
    is_sound()


def test_a_paid_invoice_leaves_the_new_one_paid(at, ada, invoice):
    invoice.record_payment(amount=500, by=None)
    new = invoice.replace(by=None, reason="Wrong name")
    assert (again(new).due, credit_of(ada)) == (0, 20)
    is_sound()


def test_credit_that_had_paid_it_pays_the_new_one(at, house, ada, invoice):
    from billing.models.paying import receive

    receive(ada, house, amount=700, by=None)
    lunch = charge_other(ada, house, text="Cake", amount=100, by=None)
    other = invoice_now(ada, house, [lunch], by=None)
    assert (again(other).due, credit_of(ada)) == (0, 100)
    new = other.replace(by=None, reason="Wrong name")
    assert (again(new).due, credit_of(ada)) == (0, 100)
    is_sound()


def test_a_surplus_is_account_credit(at, house, ada, invoice):
    """Paid at 20 %; the right rate was 10 %."""
    invoice.record_payment(amount=480, by=None)
    house.set_tax_rate(10, from_on=day("2026-11-20"), by=None)
    new = invoice.replace(by=None, reason="Wrong rate")
    assert (new.tax, again(new).due, credit_of(ada)) == (40, 0, 40)
    assert balance_of(ada, on=day("2026-11-20")) == -40
    is_sound()


def test_a_higher_tax_leaves_the_difference_due(at, house, ada, invoice):
    invoice.record_payment(amount=480, by=None)
    house.set_tax_rate(25, from_on=day("2026-11-20"), by=None)
    new = invoice.replace(by=None, reason="Wrong rate")
    assert (again(new).total, new.due) == (500, 20)
    is_sound()


def test_what_was_credited_before_stays_credited(at, ada, invoice):
    dinner, lunch = invoice.lines.order_by("text")
    note = invoice.credit({lunch: 60}, reason="Cold", by=None)
    invoice.credit([dinner], reason="Not eaten", by=None)
    new = invoice.replace(by=None, reason="Wrong name")
    assert [(line.text, line.net) for line in new.lines.all()] == [("Lunch", 240)]
    assert new.total == 288
    assert note.total == 72
    is_sound()


def test_later_decisions_credit_the_new_line(at, house):
    contract = signed(at, house, "2026-06-01", "300", fee_due="in_advance")
    bill(at, "2026-06-01")
    old = contract.customer.invoices.get()
    new = old.replace(by=None, reason="Wrong name")
    at("2026-06-05")
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    note = contract.customer.credit_notes.latest("pk")
    assert (note.invoice, note.net) == (new, 100)
    is_sound()


def test_the_purchase_order_is_the_one_of_now(at, house):
    contract = signed(at, house, "2026-06-01", "300", fee_due="in_advance")
    bill(at, "2026-06-01")
    old = contract.customer.invoices.get()
    type(contract).objects.filter(pk=contract.pk).update(purchase_order="PO-7")
    new = old.replace(by=None, reason="No order number")
    assert [line.purchase_order for line in new.lines.all()] == ["PO-7"]
    is_sound()


def test_a_replacement_keeps_what_staff_gave_given(at, house):
    contract = signed(at, house, "2026-06-01", "300", fee_due="in_advance")
    bill(at, "2026-06-01")
    old = contract.customer.invoices.get()
    old.credit({old.lines.get(): 100}, reason="Noise", by=None)
    new = old.replace(by=None, reason="Wrong name")
    at("2026-06-05")
    contract.freeze(from_on=day("2026-06-11"), until=day("2026-06-20"), by=None)
    assert contract.customer.credit_notes.latest("pk").net == 100
    assert again(new).net == 200
    is_sound()


def test_staff_may_give_another_due_date(at, ada, invoice):
    at("2027-01-10")
    assert codes(lambda: invoice.replace(by=None, reason="x", due_on=day("2027-01-09"))) == [
        "due_too_early"
    ]
    new = invoice.replace(by=None, reason="Wrong name", due_on=day("2027-01-31"))
    assert new.due_on == day("2027-01-31")


def test_reminders_go_on_and_no_suspension_is_lifted(at, house, ada, invoice):
    house.edit({"suspend_after_days": 10}, by=None)
    at("2026-12-14")
    debts.remind()
    assert type(ada).objects.get(pk=ada.pk).suspension.cause == "debt"
    new = invoice.replace(by=None, reason="Wrong name")
    assert type(ada).objects.get(pk=ada.pk).suspension is not None
    assert [one.days for one in new.reminders.all()] == [7]
    assert debts.remind() == {"reminded": 0, "suspended": 0}
    at("2026-12-18")
    assert debts.remind()["reminded"] == 1


def test_what_cannot_be_replaced_is_refused(at, house, ada, invoice):
    charge_other(ada, house, text="Cake", amount=10, by=None)
    draft = invoice_now(ada, house, by=None, issue=False)
    assert codes(lambda: draft.replace(by=None, reason="x")) == ["not_issued"]
    assert codes(lambda: invoice.replace(by=None, reason=" ")) == ["reason_missing"]
    invoice.write_off(reason="Lost", by=None)
    assert codes(lambda: invoice.replace(by=None, reason="x")) == ["written_off"]
    invoice.withdraw_write_off(by=None)
    invoice.credit(reason="All", by=None)
    assert codes(lambda: again(invoice).replace(by=None, reason="x")) == ["nothing_to_credit"]


def test_a_deposit_that_was_returned_is_refused(at, house):
    from billing.deposits import return_due

    contract = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    deposit = contract.customer.invoices.get()
    deposit.record_payment(amount=400, by=None)
    contract.cancel(last_day=day("2026-06-05"), by=None)
    at("2026-06-10")
    return_due()
    assert codes(lambda: again(deposit).replace(by=None, reason="x"))[0] in (
        "deposit_returned", "nothing_to_credit",
    )  # fmt: skip


def test_a_deposit_that_is_held_is_asked_for_again(at, house):
    from billing.deposits import held

    contract = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    deposit = contract.customer.invoices.get()
    deposit.record_payment(amount=400, by=None)
    new = deposit.replace(by=None, reason="Wrong name")
    assert again(new).due == 0
    contract.cancel(last_day=day("2026-06-05"), by=None)
    assert [one.line.invoice for one in held(contract.customer.charges.all())][-1:] == [new]
    is_sound()


def test_replaced_twice_each_takes_the_place_of_the_last(at, ada, invoice):
    second = invoice.replace(by=None, reason="Wrong name")
    third = again(second).replace(by=None, reason="Wrong again")
    assert (third.replaces, third.replaces.replaces) == (second, invoice)
    assert codes(lambda: again(invoice).replace(by=None, reason="x")) == ["nothing_to_credit"]
    assert balance_of(ada, on=day("2026-11-20")) == 480
    is_sound()


def test_those_who_do_not_keep_the_books_replace_nothing(w):
    story.billed(w)
    invoice = w.ada.invoices.issued().first()
    assert codes(lambda: invoice.replace(by=w.frida, reason="x")) == ["not_books"]


def test_a_sale_takes_no_more_from_the_stock(at, house, ada):
    at("2026-11-20")
    book = Product.objects.offer(name="Book", price=10, stock=5, location=house, by=None)
    book.sell(ada, 2, by=None)
    invoice_now(ada, house, by=None).replace(by=None, reason="Wrong name")
    book.refresh_from_db()
    assert book.stock == 3
