"""Claims: what is owed without an invoice is settled, reminded of and counted like one."""

import datetime as dt
import random
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from billing import debts, sending
from billing.accounts import aged, balance_of, standings
from billing.models import Account, AccountEntry, Claim, Invoice, Payment, Reminder
from billing.models.claims import ClaimSettlement
from billing.models.paying import receive, refund
from customers.models import Customer
from kit.models import OutboxMessage
from kit.problems import Refused
from tests import story
from tests.billing.test_invoices import issued, refused
from tests.billing.test_payments import credit, state
from tests.story import day

D = Decimal
DAY = dt.timedelta(days=1)


def claimed(w, amount=100, customer=None, text="Opening balance", **fields) -> Claim:
    return (customer or w.ada).claim(text=text, amount=amount, by=w.anton, **fields)


def stands(claim: Claim) -> tuple:
    claim = Claim.objects.get(pk=claim.pk)
    return (claim.settlement, claim.due)


def due_then(location, customer, on: dt.date) -> Decimal:
    """What a customer owes a location at the end of a day, by the page of aged debt."""
    return sum((one.total for one in aged(location, on=on) if one.customer == customer), D(0))


def credit_then(location, customer, on: dt.date) -> Decimal:
    entries = AccountEntry.objects.filter(
        account__customer=customer, account__location=location, on__lte=on
    )
    return sum((one.value for one in entries), D(0))


def balances_every_day(location, customer, *, since: dt.date, until: dt.date) -> None:
    """Raise `AssertionError` unless on each day the balance is what is due less the credit, and
    nothing is settled by more than there is of it."""
    on = since
    for payable in (*customer.invoices.all(), *customer.claims.all()):
        settled = D(0)
        for _on, changes in groupby(payable.allocations.order_by("on"), key=attrgetter("on")):
            settled += sum(one.value for one in changes)
            assert 0 <= settled <= payable.due + payable.settled
    while on <= until:
        should = due_then(location, customer, on) - credit_then(location, customer, on)
        assert balance_of(customer, on=on, location=location) == should, on
        on += DAY


# What is entered


def test_a_claim_is_owed_without_tax_and_due_after_the_days_of_its_customer(w):
    w.ada.edit({"payment_days": 30}, by=w.mona)
    claim = claimed(w, "120.50", on=day("2026-11-10"))
    assert (claim.amount, claim.on, claim.due_on, claim.location) == (
        D("120.50"), day("2026-11-10"), day("2026-12-10"), w.house,
    )  # fmt: skip
    assert stands(claim) == ("open", D("120.50"))
    assert balance_of(w.ada, on=story.TODAY) == D("120.50")
    assert balance_of(w.ada, on=day("2026-11-09")) == 0
    [standing] = standings(w.ada)
    assert (standing.due, standing.overdue) == (D("120.50"), 0)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"amount": 0}, "invalid_amount", "amount"),
        ({"amount": -5}, "invalid_amount", "amount"),
        ({"amount": "1.005"}, "amount_too_fine", "amount"),
        ({"text": "  "}, "required", "text"),
        ({"on": day("2026-11-21")}, "future_date", "on"),
        ({"on": day("2026-11-10"), "due_on": day("2026-11-09")}, "due_before_on", "due_on"),
    ],
)
def test_what_is_no_claim_is_refused_beside_its_field(w, fields, code, field):
    with pytest.raises(Refused) as caught:
        claimed(w, **fields)
    assert [(one.code, one.field) for one in caught.value.problems] == [(code, field)]
    assert not Claim.objects.exists()


def test_only_those_who_keep_the_books_claim_write_off_and_cancel(w):
    claim = claimed(w)
    for deed in (
        lambda: w.ada.claim(text="x", amount=1, by=w.frida),
        lambda: claim.record_payment(amount=1, by=w.frida),
        lambda: claim.write_off(reason="x", by=w.frida),
        lambda: claim.cancel(reason="x", by=w.frida),
    ):
        assert refused(deed) == ["not_books"]


def test_a_claim_at_another_location_is_on_its_account_there(w):
    hill = story.house(name="Hill House")
    claimed(w, 30, location=hill)
    assert balance_of(w.ada, on=story.TODAY, location=w.house) == 0
    assert balance_of(w.ada, on=story.TODAY, location=hill) == 30
    assert w.ada in Customer.objects.at_places(frozenset([hill.pk]))


# How it is settled


def test_a_claim_is_paid_in_parts_like_an_invoice(w):
    claim = claimed(w)
    payment = claim.record_payment(amount=40, by=w.anton)
    assert (payment.claim, payment.invoice) == (claim, None)
    assert stands(claim) == ("part_paid", 60)
    claim.record_payment(amount=100, by=w.anton)
    assert stands(claim) == ("paid", 0)
    assert credit(w.ada) == 40
    assert balance_of(w.ada, on=story.TODAY) == -40


def test_credit_pays_the_oldest_open_one_whether_invoice_or_claim(w):
    invoice = issued(w)  # 120, due on 4 December
    old = claimed(w, 50, on=day("2026-01-31"), due_on=day("2026-01-31"))
    later = claimed(w, 70, due_on=day("2027-01-01"))
    receive(w.ada, w.house, amount=190, by=w.anton)
    assert (stands(old), state(invoice), stands(later)) == (
        ("paid", 0), ("paid", 0), ("part_paid", 50),
    )  # fmt: skip


def test_credit_on_the_account_pays_a_new_claim_at_once(w):
    receive(w.ada, w.house, amount=80, by=w.anton)
    claim = claimed(w)
    assert claim.due == 20
    assert stands(claim) == ("part_paid", 20)
    assert credit(w.ada) == 0


def test_an_opening_credit_is_account_credit_and_no_payment_for_anything(w):
    payment = receive(w.ada, w.house, amount=80, method="opening", by=w.anton)
    assert payment.get_method_display() == "Opening credit"
    assert (credit(w.ada), balance_of(w.ada, on=story.TODAY)) == (80, -80)
    invoice, claim = issued(w), claimed(w)
    for deed in (
        lambda: invoice.record_payment(amount=1, method="opening", by=w.anton),
        lambda: claim.record_payment(amount=1, method="opening", by=w.anton),
        lambda: refund(w.ada, w.house, amount=1, method="opening", by=w.anton),
    ):
        assert refused(deed) == ["opening"]
    payment.reverse(reason="Typed wrongly", by=w.anton)
    assert balance_of(w.ada, on=story.TODAY) == 220


def test_a_payment_is_not_dated_before_the_claim(w):
    claim = claimed(w, on=day("2026-11-10"))
    code = refused(lambda: claim.record_payment(amount=1, on=day("2026-11-09"), by=w.anton))
    assert code == ["before_claim"]


def test_a_claim_is_written_off_and_expected_again(w):
    claim = claimed(w)
    claim.record_payment(amount=30, by=w.anton)
    claim.write_off(reason="Gone", by=w.anton)
    assert stands(claim) == ("written_off", 0)
    assert balance_of(w.ada, on=story.TODAY) == 0
    assert refused(lambda: claim.write_off(reason="x", by=w.anton)) == ["written_off"]
    claim.withdraw_write_off(by=w.anton)
    assert stands(claim) == ("part_paid", 70)
    assert balance_of(w.ada, on=story.TODAY) == 70


@pytest.mark.parametrize("way", ["payment", "credit", "nothing", "written_off"])
def test_a_cancelled_claim_gives_back_what_has_paid_it(w, way):
    if way == "credit":
        receive(w.ada, w.house, amount=30, by=w.anton)
    claim = claimed(w)
    payment = claim.record_payment(amount=30, by=w.anton) if way == "payment" else None
    if way == "written_off":
        claim.write_off(reason="Gone", by=w.anton)
    claim.cancel(reason="Entered twice", by=w.anton)
    assert stands(claim) == ("cancelled", 0)
    paid = 30 if way in ("payment", "credit") else 0
    assert (credit(w.ada), balance_of(w.ada, on=story.TODAY)) == (paid, -paid)
    assert refused(lambda: claim.cancel(reason="x", by=w.anton)) == ["cancelled_already"]
    assert refused(lambda: claim.write_off(reason="x", by=w.anton)) == ["nothing_due"]
    if payment is not None:
        payment.reverse(reason="Bounced", by=w.anton)
        assert stands(claim) == ("cancelled", 0)
        assert (credit(w.ada), balance_of(w.ada, on=story.TODAY)) == (0, 0)


def test_cancelling_says_why(w):
    claim = claimed(w)
    assert refused(lambda: claim.cancel(reason=" ", by=w.anton)) == ["reason_missing"]
    assert refused(lambda: claim.cancel(reason="x", on=day("2026-11-19"), by=w.anton)) == [
        "before_claim"
    ]


def test_a_reversed_payment_makes_its_claim_due_again_even_a_written_off_one(w):
    claim = claimed(w)
    payment = claim.record_payment(amount=60, by=w.anton)
    claim.write_off(reason="Gone", by=w.anton)
    payment.reverse(reason="Bounced", by=w.anton)
    assert stands(claim) == ("open", 100)


# Money for what was written off


def test_money_for_a_written_off_invoice_lowers_its_write_off_first(w):
    invoice = issued(w)
    invoice.write_off(reason="Bankrupt", by=w.anton)
    invoice.record_payment(amount=50, by=w.anton)
    assert state(invoice) == ("written_off", 0)
    assert [one.amount for one in invoice.write_offs.filter(withdrawn_at=None)] == [70]
    assert not Account.objects.get(customer=w.ada).entries.exists()
    assert balance_of(w.ada, on=story.TODAY) == 0
    invoice.record_payment(amount=100, by=w.anton)
    assert state(invoice) == ("paid", 0)
    assert credit(w.ada) == 30
    assert balance_of(w.ada, on=story.TODAY) == -30


def test_money_for_a_written_off_claim_lowers_its_write_off_too(w):
    claim = claimed(w)
    claim.write_off(reason="Gone", by=w.anton)
    claim.record_payment(amount=100, by=w.anton)
    assert stands(claim) == ("paid", 0)


def test_money_dated_before_the_write_off_lowers_it_from_its_own_day(at, w):
    invoice = issued(w)
    at("2026-11-25")
    invoice.write_off(reason="Bankrupt", by=w.anton)
    at("2026-11-28")
    invoice.record_payment(amount=50, on=day("2026-11-22"), by=w.anton)
    for on, owes in (("2026-11-21", 120), ("2026-11-22", 70), ("2026-11-25", 0)):
        assert balance_of(w.ada, on=day(on)) == due_then(w.house, w.ada, day(on)) == owes, on


def test_what_is_credited_of_a_written_off_invoice_and_then_paid(at, w):
    """300 written off, 200 credited after the last day 10 June, then 60 come in after all."""
    plan = story.plan(w.house, "Prepaid", "250", billing_day=1, fee_due="in_advance")
    nina = story.person(w.house, "Nina Novak")
    at("2027-06-01")
    contract = plan.sign_up(nina, starts_on=day("2027-06-01"), by=None)
    from billing.runs import run_billing

    run_billing()
    invoice = nina.invoices.get()
    assert invoice.total == 300
    invoice.write_off(reason="Gone", by=w.anton)
    contract.cancel(last_day=day("2027-06-10"), by=None)
    standing = invoice.write_offs.get(withdrawn_at=None)
    assert (standing.amount, credit(nina)) == (100, 0)
    invoice.record_payment(amount=60, by=w.anton)
    standing = invoice.write_offs.get(withdrawn_at=None)
    assert (standing.amount, credit(nina), state(invoice)) == (40, 0, ("written_off", 0))


# A refund whose payment came back


def test_what_was_paid_out_of_a_reversed_payment_is_claimed(w):
    invoice = issued(w)
    payment = invoice.record_payment(amount=200, by=w.anton)
    refund(w.ada, w.house, amount=80, by=w.anton, reason="Paid too much")
    reversal = payment.reverse(reason="Bounced", by=w.anton)
    claim = Claim.objects.get()
    assert (claim.amount, claim.reversal, claim.customer) == (80, reversal, w.ada)
    assert state(invoice) == ("open", 120)
    assert credit(w.ada) == 0
    assert balance_of(w.ada, on=story.TODAY) == 200 == due_then(w.house, w.ada, story.TODAY)
    receive(w.ada, w.house, amount=200, by=w.anton)
    assert (state(invoice), stands(claim)) == (("paid", 0), ("paid", 0))
    assert balance_of(w.ada, on=story.TODAY) == 0


def test_only_what_cannot_be_taken_back_from_invoices_is_claimed(w):
    payment = issued(w).record_payment(amount=300, by=w.anton)
    refund(w.ada, w.house, amount=100, by=w.anton)
    second = issued(w)
    assert state(second) == ("part_paid", 40)
    payment.reverse(reason="Bounced", by=w.anton)
    assert state(second) == ("open", 120)
    assert Claim.objects.get().amount == 100
    assert balance_of(w.ada, on=story.TODAY) == 340


def test_a_credited_invoice_stays_credited_when_its_payment_comes_back(w):
    """What was paid out for the credit note is claimed; what stayed as credit goes."""
    invoice = issued(w)
    payment = invoice.record_payment(amount=120, by=w.anton)
    invoice.credit(reason="Not delivered", by=w.anton)
    refund(w.ada, w.house, amount=90, by=w.anton)
    payment.reverse(reason="Bounced", by=w.anton)
    assert state(invoice) == ("credited", 0)
    assert (Claim.objects.get().amount, credit(w.ada)) == (90, 0)
    assert balance_of(w.ada, on=story.TODAY) == 90


def test_a_claim_for_a_refund_is_written_off_and_not_cancelled(w):
    payment = receive(w.ada, w.house, amount=80, by=w.anton)
    refund(w.ada, w.house, amount=80, by=w.anton)
    payment.reverse(reason="Bounced", by=w.anton)
    claim = Claim.objects.get()
    assert refused(lambda: claim.cancel(reason="x", by=w.anton)) == ["of_a_refund"]
    claim.write_off(reason="Gone", by=w.anton)
    assert balance_of(w.ada, on=story.TODAY) == 0


def test_a_refund_that_never_went_out_pays_the_claim_for_it(w):
    payment = receive(w.ada, w.house, amount=80, by=w.anton)
    out = refund(w.ada, w.house, amount=80, by=w.anton)
    payment.reverse(reason="Bounced", by=w.anton)
    out.reverse(reason="Never sent", by=w.anton)
    assert stands(Claim.objects.get()) == ("paid", 0)
    assert balance_of(w.ada, on=story.TODAY) == 0 == credit(w.ada)


# Reminders and suspension


@pytest.fixture
def reminding(w):
    w.house.edit({"reminder_days": "7, 14", "suspend_after_days": 21}, by=w.mona)
    w.ada.location.refresh_from_db()
    return w


def test_a_claim_is_reminded_of_and_its_customer_suspended_until_it_is_paid(at, reminding):
    w = reminding
    claim = claimed(w, 100, text="Damage to the door", due_on=day("2026-12-04"))
    at("2026-12-11")
    assert debts.remind() == {"reminded": 1, "suspended": 0}
    assert debts.remind() == {"reminded": 0, "suspended": 0}
    sending.write_due()
    letter = OutboxMessage.objects.get(subject__contains="Reminder")
    for words in ("Damage to the door", "€100.00", claim.reference):
        assert words in letter.text, words
    at("2026-12-25")
    [reminder, suspension] = list(debts.steps(w.house, day("2026-12-25")))
    assert (reminder.days, suspension.days, suspension.customer) == (14, None, w.ada)
    assert debts.remind() == {"reminded": 1, "suspended": 1}
    ada = Customer.objects.get(pk=w.ada.pk)
    assert (ada.suspension.cause, ada.suspension.reason) == (
        "debt", "Damage to the door is 21 days overdue",
    )  # fmt: skip
    claim.record_payment(amount=60, by=w.anton)
    assert Customer.objects.get(pk=w.ada.pk).suspension is not None
    claim.record_payment(amount=40, by=w.anton)
    assert Customer.objects.get(pk=w.ada.pk).suspension is None


@pytest.mark.parametrize("way", ["write_off", "cancel", "receive"])
def test_the_suspension_is_lifted_whichever_way_the_claim_goes(at, reminding, way):
    w = reminding
    claim = claimed(w, due_on=day("2026-12-04"))
    at("2026-12-25")
    debts.remind()
    assert Customer.objects.get(pk=w.ada.pk).suspension.cause == "debt"
    if way == "receive":
        receive(w.ada, w.house, amount=100, by=w.anton)
    else:
        getattr(claim, way)(reason="x", by=w.anton)
    assert Customer.objects.get(pk=w.ada.pk).suspension is None


def test_a_reminder_that_waits_for_a_paid_claim_is_not_sent(at, reminding):
    claim = claimed(reminding, due_on=day("2026-12-04"))
    at("2026-12-11")
    debts.remind()
    claim.record_payment(amount=100, by=reminding.anton)
    sending.write_due()
    assert not OutboxMessage.objects.filter(subject__contains="Reminder").exists()
    assert Reminder.objects.get().claim == claim


# Any day


@pytest.mark.parametrize("settlement", ClaimSettlement.values)
def test_the_settlement_is_the_same_in_python_and_in_sql(w, settlement):
    found = {word: claimed(w) for word in ("open", "part_paid", "paid", "cancelled", "written_off")}
    found["part_paid"].record_payment(amount=1, by=w.anton)
    found["paid"].record_payment(amount=100, by=w.anton)
    found["cancelled"].cancel(reason="x", by=w.anton)
    found["written_off"].write_off(reason="x", by=w.anton)
    on = story.TODAY + dt.timedelta(15 if settlement == "overdue" else 3)
    in_sql = set(Claim.objects.in_settlement(settlement, on=on))
    assert in_sql
    for claims in (Claim.objects.all(), Claim.objects.shown()):
        assert {one for one in claims if one.settlement_on(on) == settlement} == in_sql


def test_the_settlement_of_a_past_day_is_that_of_its_end(at, w):
    claim = claimed(w)
    steps = [
        ("2026-11-25", "part_paid", lambda: claim.record_payment(amount=50, by=w.anton)),
        ("2026-12-20", "written_off", lambda: claim.write_off(reason="x", by=w.anton)),
        ("2026-12-21", "overdue", lambda: claim.withdraw_write_off(by=w.anton)),
        ("2026-12-22", "paid", lambda: claim.record_payment(amount=50, by=w.anton)),
        ("2026-12-23", "cancelled", lambda: claim.cancel(reason="x", by=w.anton)),
    ]
    for on, _settlement, what in steps:
        at(on)
        what()
    expected = [("2026-11-19", ""), ("2026-11-20", "open"), ("2026-12-19", "overdue")]
    expected += [(on, settlement) for on, settlement, _what in steps]
    claim = Claim.objects.shown().get()
    for on, settlement in expected:
        assert claim.settlement_on(day(on)) == settlement, on
        for word in ClaimSettlement.values:
            in_sql = Claim.objects.in_settlement(word, on=day(on)).exists()
            assert in_sql == (word == settlement), (on, word)
    balances_every_day(w.house, w.ada, since=day("2026-11-18"), until=day("2026-12-24"))


def test_aged_debt_of_a_past_day_has_claims_in_their_columns(at, w):
    claimed(w, 40, on=day("2026-09-01"), due_on=day("2026-09-15"))
    issued(w)
    at("2027-01-05")
    receive(w.ada, w.house, amount=160, by=w.anton)
    [row] = aged(w.house, on=day("2026-12-31"))
    assert row.sums == (0, 120, 0, 0, 40)
    assert row.total == balance_of(w.ada, on=day("2026-12-31"))
    assert aged(w.house, on=day("2027-01-05")) == []


def test_credit_of_an_earlier_day_pays_an_invoice_from_its_own_day(at, w):
    """A payment that is entered late is dated before the invoice that its rest pays."""
    issued(w)
    at("2026-12-01")
    receive(w.ada, w.house, amount=50, on=day("2026-11-10"), by=w.anton)
    assert balance_of(w.ada, on=day("2026-11-15")) == -50
    balances_every_day(w.house, w.ada, since=day("2026-11-08"), until=day("2026-12-01"))


def test_a_payment_that_is_entered_late_is_credit_while_a_wrong_one_had_paid_it(at, w):
    invoice = issued(w)
    at("2026-12-01")
    wrong = invoice.record_payment(amount=120, by=w.anton)
    at("2026-12-10")
    wrong.reverse(reason="Of somebody else", by=w.anton)
    right = invoice.record_payment(amount=120, on=day("2026-12-05"), by=w.anton)
    assert balance_of(w.ada, on=day("2026-12-07")) == -120
    settlements = [invoice.settlement_on(day(f"2026-12-{on}")) for on in ("04", "07", "10")]
    assert settlements == ["paid", "paid", "paid"]
    at("2026-12-12")
    right.reverse(reason="Bounced", on=day("2026-12-08"), by=w.anton)
    assert state(invoice) == ("overdue", 120)
    balances_every_day(w.house, w.ada, since=day("2026-11-18"), until=day("2026-12-13"))


def test_nobody_is_archived_while_a_claim_is_unpaid(w):
    nina = story.person(w.house, "Nina Novak")
    claim = claimed(w, customer=nina)
    assert refused(lambda: nina.archive(by=w.mona)) == ["unpaid"]
    assert [one.code for one in nina.discard_problems()] == ["has_charges"]
    claim.write_off(reason="Gone", by=w.anton)
    nina.archive(by=w.mona)


# The database itself


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_claim SET amount = 1",
        "UPDATE billing_claim SET text = 'x'",
        "UPDATE billing_claim SET settled = 5",
        "UPDATE billing_claim SET settled = 2000000",
        "DELETE FROM billing_claim",
        "UPDATE billing_claimcancellation SET reason = 'y'",
        "DELETE FROM billing_claimcancellation",
        "UPDATE billing_allocation SET claim_id = NULL",
        "UPDATE billing_payment SET claim_id = NULL",
        """INSERT INTO billing_claimcancellation (claim_id, reason, "on", at)
        SELECT id, 'x', "on", at FROM billing_claim WHERE settled < amount""",
    ],
)
def test_the_database_refuses_to_rewrite_a_claim(w, sql):
    claimed(w).cancel(reason="x", by=w.anton)
    claimed(w).record_payment(amount=1, by=w.anton)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


# Everything at once


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_balance_is_what_is_due_less_the_credit(at, w, seed):
    """On each day, also where things are entered later than they are dated."""
    chance = random.Random(seed)
    today = story.TODAY

    def earlier() -> dt.date:
        return today - chance.choice([0, 0, 0, 1, 3, 9]) * DAY

    def one_of(rows):
        found = list(rows.order_by("pk"))
        if not found:
            raise Refused
        return chance.choice(found)

    def payable():
        return one_of(chance.choice([Invoice.objects.issued(), Claim.objects.all()]))

    deeds = [
        lambda: issued(w, chance.choice([50, 100])),
        lambda: claimed(w, chance.choice([30, 90]), on=earlier()),
        lambda: payable().record_payment(amount=chance.choice([20, 150]), on=earlier(), by=None),
        lambda: receive(w.ada, w.house, amount=70, on=earlier(), by=None),
        lambda: refund(w.ada, w.house, amount=chance.choice([10, 40]), on=earlier(), by=None),
        lambda: one_of(Payment.objects.all()).reverse(reason="x", on=earlier(), by=None),
        lambda: payable().write_off(reason="x", on=earlier(), by=None),
        lambda: payable().withdraw_write_off(on=earlier(), by=None),
        lambda: one_of(Claim.objects.all()).cancel(reason="x", on=earlier(), by=None),
        lambda: one_of(Invoice.objects.issued()).credit(reason="x", by=None),
    ]
    for number in range(40):
        if number % 3 == 0:
            today += chance.choice([0, 1, 4]) * DAY
            at(str(today))
        try:
            with transaction.atomic():
                chance.choice(deeds)()
        except Refused:
            continue
    balances_every_day(w.house, w.ada, since=story.TODAY - 10 * DAY, until=today)
