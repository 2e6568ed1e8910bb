"""The billing run: once, whenever it runs, whoever is broken."""

import datetime as dt
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from billing import runs, settling
from billing.models import BilledCycle, BillingRun, Charge, Delivery, Invoice, Product
from billing.previews import preview
from billing.runs import run_billing
from kit.problems import Refused
from tests import story
from tests.billing.ledger import assert_same_outcome, bill, canonical, invoiced, outcome
from tests.story import day

D = Decimal


def refused(deed) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.codes


def test_a_run_does_what_is_due_and_the_next_one_nothing(at, w):
    report = bill(at, "2026-12-01", by=w.anton)
    assert (report.invoiced, dict(report.totals)) == (2, {"EUR": D(1380)})
    assert report.skipped == {"suspended": 1}
    before = canonical()
    assert bill(at, "2026-12-01").invoiced == 0
    assert canonical() == before
    assert all(one.issued_on == day("2026-12-01") for one in Invoice.objects.all())


def test_a_late_run_makes_one_invoice_per_account_and_missed_date_each_with_its_own_days(at, w):
    bill(at, "2027-01-15")
    assert invoiced(w.ada) == [("2026-12-01", [D(250)]), ("2027-01-01", [D(250)])]
    assert {one.issued_on for one in w.ada.invoices.all()} == {day("2027-01-15")}


def test_what_is_used_waits_for_its_billing_date(at, w):
    coffee = Product.objects.offer(name="Coffee", price=2, location=w.house, by=None)
    at("2026-11-30")
    coffee.sell(w.ada, by=w.frida)
    at("2026-12-01")
    coffee.sell(w.ada, 2, by=w.frida)
    run_billing()
    assert invoiced(w.ada) == [("2026-12-01", [D(250), D(2)])]
    bill(at, "2027-01-01")
    assert invoiced(w.ada)[1] == ("2027-01-01", [D(250), D(4)])


def test_a_contact_is_invoiced_on_the_locations_billing_day(at, w):
    w.house.edit({"billing_day": 15}, by=w.mona)
    coffee = Product.objects.offer(name="Coffee", price=2, location=w.house, by=None)
    coffee.sell(w.noor, by=w.frida)
    bill(at, "2026-12-14")
    assert not w.noor.invoices.exists()
    bill(at, "2026-12-20")
    assert invoiced(w.noor) == [("2026-12-15", [D(2)])]


def test_the_last_invoice_comes_on_the_day_after_the_last_day(at, w):
    w.ada_contract.cancel(last_day=day("2026-12-10"), by=w.mona)
    bill(at, "2026-12-20")
    assert invoiced(w.ada) == [("2026-12-01", [D(250)]), ("2026-12-11", [D("80.65")])]


def test_two_contracts_of_an_account_are_one_invoice_on_whichever_date(at, w):
    other = story.plan(w.house, "Locker room", "100", billing_day=15)
    other.sign_up(w.ada, starts_on=story.TODAY, by=w.mona)
    coffee = Product.objects.offer(name="Coffee", price=2, location=w.house, by=None)
    at("2026-12-05")
    coffee.sell(w.ada, by=w.frida)
    bill(at, "2026-12-15")
    assert [date for date, _nets in invoiced(w.ada)] == ["2026-12-01", "2026-12-15"]
    assert invoiced(w.ada)[1][1] == [D("83.33"), D(2)]


def test_drafts_where_the_location_wants_to_look_first(at, w):
    w.house.edit({"run_issues": False}, by=w.mona)
    report = bill(at, "2026-12-01")
    assert (report.invoiced, report.drafted) == (0, 2)
    assert set(Invoice.objects.values_list("state", "number")) == {("draft", None)}
    assert not Delivery.objects.exists()
    assert bill(at, "2026-12-01").drafted == 0
    w.ada.invoices.get().issue(by=w.anton)
    assert w.ada.invoices.get().number == "RH-00001"


@pytest.mark.parametrize(("made", "number"), [(False, 0), (True, 1)])
def test_invoices_of_nothing_to_pay_are_made_or_skipped(at, w, made, number):
    free = story.plan(w.house, "Volunteer", "0", billing_day=1)
    free.sign_up(w.noor, starts_on=day("2026-11-20"), by=w.mona)
    w.house.edit({"zero_invoices": made}, by=w.mona)
    report = bill(at, "2026-12-01")
    assert w.noor.invoices.count() == number
    assert report.skipped["zero"] == 1 - number
    assert w.noor.status == "member"
    assert not Charge.objects.waiting().exists()


def test_account_credit_pays_the_new_invoice(at, w):
    from billing.models.paying import receive

    receive(w.ada, w.house, amount=100, by=w.anton)
    bill(at, "2027-01-02")
    assert [(one.settled, one.settlement) for one in w.ada.invoices.order_by("pk")] == [
        (100, "part_paid"), (0, "open"),
    ]  # fmt: skip


def test_everybody_gets_their_invoice_by_e_mail_with_a_private_link(at, w, mailoutbox):
    from billing import sending
    from kit import outbox
    from kit.models import OutboxMessage

    bill(at, "2026-12-01")
    assert Delivery.objects.filter(written_at=None).count() == 2
    assert sending.write_due() == 2
    message = OutboxMessage.objects.get(to=[w.ada.email], subject__contains="Invoice RH-00001")
    token = w.ada.invoices.get().links.get().token
    assert f"/i/{token}/" in message.text
    assert "€300.00" in message.text
    assert sending.write_due() == 0
    outbox.deliver()


def test_a_run_issues_as_one_does_by_hand(at, w):
    """Numbers, payment from credit, audit, deliveries and signals are the same."""
    from billing.charging import charge_other
    from billing.models.issuing import invoice_now
    from billing.models.paying import receive
    from billing.signals import invoice_issued
    from kit.models import AuditEntry

    heard = []

    def hear(invoice, by, **signal):
        heard.append((invoice.number, by))

    invoice_issued.connect(hear)
    try:
        for customer in (w.ada, w.noor):
            receive(customer, w.house, amount=100, by=w.anton)
        charge_other(w.noor, w.house, text="Key", amount=10, by=None)
        invoice_now(w.noor, w.house, by=w.anton)
        bill(at, "2026-12-01", by=w.anton)
    finally:
        invoice_issued.disconnect(hear)
    by_hand, by_run = w.noor.invoices.get(), w.ada.invoices.get()
    assert heard[:2] == [(by_hand.number, w.anton), (by_run.number, w.anton)]
    for invoice, paid in ((by_hand, 12), (by_run, 100)):
        assert invoice.settled == invoice.allocations.get(kind="credit").value == paid
        assert invoice.deliveries.get().to == invoice.customer.email
        entries = AuditEntry.objects.filter(verb="invoice.issue", object_id=invoice.pk)
        assert entries.get().changes["number"] == [None, invoice.number]


# Dates


def test_a_run_of_a_day_that_has_not_come_is_only_a_preview(at, w):
    assert refused(lambda: run_billing(on=day("2026-12-01"))) == ["future_date"]
    report = run_billing(on=day("2026-12-01"), dry_run=True)
    assert (report.invoiced, dict(report.totals)) == (2, {"EUR": D(1380)})
    assert not Invoice.objects.exists()
    assert not Charge.objects.exists()
    assert not BillingRun.objects.exists()


def test_a_run_dated_before_the_last_number_is_refused(at, w):
    bill(at, "2026-12-01")
    at("2026-12-05")
    assert refused(lambda: run_billing(on=day("2026-11-30"))) == ["date_goes_back"]


def test_what_is_previewed_is_what_is_done(at, w):
    for count in range(3):
        coffee = Product.objects.offer(name=f"Coffee {count}", price=2, location=w.house, by=None)
        coffee.sell(w.ada, by=w.frida)
    seen = run_billing(on=day("2027-02-03"), dry_run=True)
    done = bill(at, "2027-02-03")
    assert (seen.invoiced, seen.totals, seen.by_plan, seen.skipped) == (
        done.invoiced, done.totals, done.by_plan, done.skipped,
    )  # fmt: skip


def test_a_preview_says_what_is_new_changed_and_gone_biggest_change_first(at, w):
    bill(at, "2026-12-01")
    w.lin_contract.add_price_step(1200, from_on=day("2026-12-01"), by=w.mona)
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-11"), by=w.mona)
    w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-31"), by=w.mona)
    found = preview(on=day("2027-01-01"))
    assert [(row.customer, row.kind, row.before, row.now) for row in found.rows] == [
        (w.lin, "changed", 1080, 1440),
        (w.ada, "vanished", 300, 0),
        (w.omar, "new", 0, D("203.22")),
    ]
    assert [item.outcome for item in found.skipped] == ["suspended", "suspended"]


# Broken accounts


def test_a_customer_that_is_broken_is_reported_and_the_others_are_billed(at, w, monkeypatch):
    true = settling.verdict

    def verdict(agreement, cycle, suspensions):
        if agreement.customer_id == w.ada.pk:
            raise ValueError("out of order")
        return true(agreement, cycle, suspensions)

    monkeypatch.setattr(settling, "verdict", verdict)
    report = bill(at, "2026-12-01")
    assert list(report.failed) == [(w.ada.pk, w.house.pk)]
    assert w.lin.invoices.count() == 1
    item = report.run.items.get(outcome="failed")
    assert item.customer == w.ada
    assert item.text.endswith("was left as it is (ValueError: out of order).")
    monkeypatch.undo()
    assert bill(at, "2026-12-02").invoiced == 1


def test_an_account_that_the_database_refuses_stands_alone_in_the_end(at, w):
    from plans.models import Contract

    for name in range(9):
        w.hot_desk.sign_up(story.person(w.house, f"P{name}"), starts_on=story.TODAY, by=None)
    Contract.objects.filter(pk=w.ada_contract.pk).update(quantity=2_000_000_000)
    report = bill(at, "2026-12-01")
    assert list(report.failed) == [(w.ada.pk, w.house.pk)]
    assert report.invoiced == 10
    numbers = Invoice.objects.order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, 11))
    Contract.objects.filter(pk=w.ada_contract.pk).update(quantity=1)


def test_the_command_reports_and_ends_with_2_when_somebody_was_left_out(at, w, monkeypatch, capsys):
    at("2026-12-01")
    call_command("run_billing", dry_run=True)
    assert "2 invoices would be issued, €1,380.00" in capsys.readouterr().out
    monkeypatch.setattr(runs, "worked_out", lambda facts, on: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        call_command("run_billing")
    assert ended.value.code == 2
    assert "was not billed: This account could not be billed" in capsys.readouterr().out
    monkeypatch.undo()
    out = StringIO()
    call_command("run_billing", stdout=out)
    assert "2 invoices issued, €1,380.00; 3 accounts, 0 failed." in out.getvalue()
    with pytest.raises(SystemExit) as ended:
        call_command("run_billing", on=day("2026-11-01"))
    assert ended.value.code == 3


def test_the_number_of_queries_does_not_depend_on_the_accounts(at, w):
    def made(number):
        for one in range(number):
            w.hot_desk.sign_up(story.person(w.house, f"Q{one}"), starts_on=story.TODAY, by=None)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for number, on in ((2, "2026-12-01"), (30, "2027-01-01")):
        made(number)
        at(on)
        with CaptureQueriesContext(connection) as captured:
            run_billing()
        counts.append(len(captured))
    assert counts[1] <= counts[0] + 2, counts


# In the panel


def test_a_run_that_was_ordered_is_done_by_the_worker(at, w):
    at("2026-12-01")
    run = runs.ask(by=w.anton)
    assert refused(lambda: runs.ask(by=w.anton)) == ["running"]
    assert runs.work_one()
    run.refresh_from_db()
    assert (run.invoiced, run.done, run.total, run.failed) == (2, 3, 3, 0)
    assert run.finished_at is not None
    assert not runs.work_one()


def test_a_run_that_a_dead_worker_left_is_taken_up_again(at, w):
    at("2026-12-01")
    run = runs.ask(by=w.anton)
    BillingRun.objects.filter(pk=run.pk).update(leased_until="2026-12-01 12:04Z")
    assert not runs.work_one()
    at("2026-12-01 12:05Z")
    assert runs.work_one()
    assert Invoice.objects.count() == 2


# A job that was missing


def lived(at, w, kestrel, runs_on: set[str]) -> Any:
    """Three months in which all kinds of things happen, with the job running on some days."""
    from billing.charging import charge_other

    coffee = Product.objects.offer(name="Coffee", price="2.50", location=w.house, by=None)
    desk = story.plan(w.house, "Desk", "310", billing_day=None, fee_due="in_advance")
    locker = Product.objects.offer(
        name="Locker", price=30, location=w.house, recurring=True, by=None
    )
    nina = story.person(w.house, "Nina Novak")
    state = {}

    def booked(name, customer, on):
        start = story.moment(f"{on} 10:00")
        state[name] = kestrel.book(customer=customer, start=start, by=w.mona,
                                   end=start + dt.timedelta(hours=2))  # fmt: skip

    deeds = {
        "2026-11-21": lambda: state.update(desk=desk.sign_up(nina, starts_on=day("2026-11-21"),
                                                             by=None)),
        "2026-11-22": lambda: booked("first", w.ada, "2026-11-28"),
        "2026-11-23": lambda: coffee.sell(w.noor, 2, by=w.frida),
        "2026-11-24": lambda: locker.subscribe(w.noor, starts_on=day("2026-11-24"), by=w.mona),
        "2026-12-02": lambda: booked("second", w.ada, "2026-12-20"),
        "2026-12-03": lambda: state["first"].cancel(by=w.mona, waive_fee=True),
        "2026-12-05": lambda: w.ada_contract.freeze(from_on=day("2026-12-10"),
                                                    until=day("2026-12-19"), by=w.mona),
        "2026-12-06": lambda: charge_other(w.lin, w.house, text="Key", amount=20, by=None),
        "2026-12-15": lambda: state.update(office=w.lin_contract.change_plan(
            to=desk, starts_on=day("2026-12-20"), by=w.mona)),
        "2026-12-24": lambda: state["desk"].cancel(last_day=day("2027-01-05"), by=None),
        "2026-12-28": lambda: w.viktor.reinstate(by=w.mona, bill_missed=True),
        "2027-01-02": lambda: w.hot_desk.set_price(275, from_on=day("2027-02-01"), by=w.mona),
        "2027-01-08": lambda: state["second"].reschedule(
            start=story.moment("2027-01-09 10:00"), end=story.moment("2027-01-09 13:00"),
            by=w.mona, waive_fee=True),
        "2027-01-12": lambda: w.ada.suspend(by=w.mona, reason="Noise"),
        "2027-02-03": lambda: w.ada.reinstate(by=w.mona),
        "2027-02-05": lambda: w.ada_contract.cancel(last_day=day("2027-02-20"), by=w.mona),
    }  # fmt: skip
    on = story.TODAY
    while on <= day("2027-03-02"):
        at(f"{on}")
        if str(on) in deeds:
            deeds[str(on)]()
        if str(on) in runs_on or on == day("2027-03-02"):
            run_billing()
        on += dt.timedelta(days=1)
    return outcome()


@pytest.fixture
def kestrel(w):
    from bookings.models import ResourceType

    rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    return story.room(w.house, rooms, "Kestrel")


def every_day() -> list[str]:
    return [str(story.TODAY + dt.timedelta(days=number)) for number in range(103)]


_undisturbed: list = []


@pytest.mark.parametrize("missing", [0, 1, 2, 31, 62, 103])
def test_a_job_that_was_missing_makes_no_difference(at, w, kestrel, missing):
    """The same for each cycle and booking: with a hole of so many days from the 25th of November
    on, and all the way."""
    days = every_day()
    found = lived(at, w, kestrel, set(days[:5] + days[5 + missing :]))
    if not _undisturbed:
        _undisturbed.append(found)
    assert_same_outcome(found, _undisturbed[0])


def test_every_cycle_of_that_life_is_settled_once(at, w, kestrel):
    lived(at, w, kestrel, set(every_day()[::7]))
    keys = list(BilledCycle.objects.values_list("contract", "subscription", "starts_on"))
    assert len(keys) == len(set(keys)) > 12
