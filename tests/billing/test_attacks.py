"""What an attack on the books has found, and what it tried in vain."""

import datetime as dt
from decimal import Decimal

import pytest
from django.apps import apps

from billing import debts, foresight, previews
from billing.accounts import balance_of, standings
from billing.charging import charge_other, take_back
from billing.deposits import return_due
from billing.models import Account, Invoice, Product
from billing.models.issuing import invoice_now
from billing.models.paying import receive, refund
from billing.runs import run_billing
from bookings import endings
from bookings.models import PlanCredit, ResourceType
from customers.models import Customer, Team
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, is_sound
from tests.billing.test_fees import signed
from tests.story import day, moment

D = Decimal


@pytest.fixture
def house(db):
    return story.house(tax_rate=0)


def rooms_of(house, **more):
    rooms = ResourceType.objects.make(name=f"Meeting rooms {house.pk}", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    terms = {"capacity": 6, "free_cancellation_hours": 24, "late_fee": D(50), **more}
    return story.room(house, rooms, f"Kestrel {house.pk}", **terms)


def book(room, customer, start, hours=2, **how):
    begins = moment(start)
    return room.book(
        customer=customer, start=begins, end=begins + dt.timedelta(hours=hours), by=None, **how
    )


def total(customer) -> Decimal:
    """What was charged less what was credited."""
    credited = sum((note.total for note in customer.credit_notes.all()), D(0))
    return sum((one.total for one in customer.charges.standing()), D(0)) - credited


def test_a_deposit_that_was_written_off_is_not_given_back(at, house):
    c = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    inv = c.customer.invoices.get()
    at("2026-08-01")
    inv.write_off(reason="never paid", by=None)
    c.cancel(last_day=day("2026-08-05"), by=None)
    at("2026-08-10")
    return_due()
    acc = Account.objects.get(customer=c.customer)
    assert acc.credit == 0, acc.credit


def test_a_credit_note_on_what_was_written_off_makes_no_credit(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    charge_other(ada, house, text="x", amount=100, by=None)
    inv = invoice_now(ada, house, by=None)
    inv.write_off(reason="gone", by=None)
    inv.credit(reason="mistake", by=None)
    assert Account.objects.get(customer=ada).credit == 0, balance_of(ada, on=day("2026-06-01"))


def test_a_lower_and_then_a_higher_plan_ask_for_no_deposit_that_is_held(at, house):
    c = signed(at, house, "2026-06-01", deposit=D(400))
    b = story.plan(house, "B", "100", deposit=D(100), billing_day=1)
    e = story.plan(house, "C", "300", deposit=D(400), billing_day=1)
    at("2026-06-10")
    n1 = c.change_plan(to=b, starts_on=day("2026-06-15"), by=None)
    at("2026-06-20")
    n1.change_plan(to=e, starts_on=day("2026-06-25"), by=None)
    dep = sum(x.price for x in c.customer.charges.filter(kind="deposit"))
    assert dep == 400, dep


@pytest.mark.parametrize("due", ["in_advance", "in_arrears"])
def test_a_backdated_change_of_plan_is_paid_for_on_both_sides(at, house, due):
    c = signed(at, house, "2026-06-01", fee_due=due)
    other = story.plan(house, "Office", "600", billing_day=1, fee_due=due)
    bill(at, "2026-06-01")
    bill(at, "2026-07-01")
    bill(at, "2026-08-01")
    at("2026-08-20")
    c.change_plan(to=other, starts_on=day("2026-06-16"), by=None)
    bill(at, "2026-09-01")
    # June 150 + 300, July 600, August 600 (+ Sept 600 in advance)
    want = 150 + 300 + 600 + 600 + (600 if due == "in_advance" else 0)
    assert total(c.customer) == want, total(c.customer)


def test_a_change_of_plan_a_day_late_is_paid_for_on_both_sides(at, house):
    c = signed(at, house, "2026-06-01", fee_due="in_advance")
    other = story.plan(house, "Office", "600", billing_day=1, fee_due="in_advance")
    bill(at, "2026-06-01")
    at("2026-06-17")
    c.change_plan(to=other, starts_on=day("2026-06-16"), by=None)
    bill(at, "2026-06-30")
    assert total(c.customer) == 150 + 300, total(c.customer)


def test_a_deposit_that_came_back_is_not_credited_again(at, house):
    c = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    inv = c.customer.invoices.get()
    inv.record_payment(amount=400, by=None)
    at("2026-08-01")
    c.cancel(last_day=day("2026-08-05"), by=None)
    at("2026-08-10")
    return_due()
    acc = Account.objects.get(customer=c.customer)
    assert acc.credit == 400
    with pytest.raises(Refused):
        take_back(c.charges.get(kind="deposit"), reason="again", by=None)
    assert Account.objects.get(customer=c.customer).credit == 400


def test_what_a_contact_owes_is_explained_before_the_first_invoice(at, house):
    room = rooms_of(house)
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    book(room, ada, "2026-06-20 10:00")
    assert standings(ada), "standing"
    why = foresight.why_not(ada)
    assert [one.code for one in why] == ["waits"], why


def test_what_one_may_spend_for_a_team_holds_for_lockers(w):
    locker = Product.objects.offer(
        name="Locker", price=30, location=w.house, recurring=True, offered_in_portal=True, by=w.mona
    )
    w.team.set_spending("everyone", D(5), by=w.mona)
    w.omar.user = story.login("omar@example.com")
    w.omar.save()
    with pytest.raises(Refused):
        locker.subscribe(
            w.omar, starts_on=story.TODAY, quantity=10, on_behalf_of=w.team, by=w.omar.user
        )


def test_what_is_due_again_is_paid_from_credit(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    charge_other(ada, house, text="x", amount=100, by=None)
    inv = invoice_now(ada, house, by=None)
    inv.write_off(reason="gone", by=None)
    receive(ada, house, amount=100, by=None)
    inv.withdraw_write_off(by=None)
    inv.refresh_from_db()
    assert inv.due == 0


def test_a_suspension_gives_up_bookings_invoiced_at_two_locations(at):
    a, b = story.house(tax_rate=0), story.house(name="Hill House", tax_rate=0)
    ra, rb = rooms_of(a), rooms_of(b)
    at("2026-06-01")
    ada = story.person(a, "Ada L")
    for r, h in ((ra, a), (rb, b)):
        book(r, ada, "2026-06-20 10:00")
        invoice_now(ada, h, by=None)
    ada.suspend(by=None, reason="x", cancel_bookings=True)
    assert balance_of(ada, on=day("2026-06-01")) == 0


def test_nothing_is_kept_of_a_booking_whose_price_was_taken_back(at, house):
    room = rooms_of(house)
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    b = book(room, ada, "2026-06-02 10:00")
    take_back(ada.charges.get(), reason="on the house", by=None)
    b.cancel(by=None)
    assert total(ada) in (0, 60), total(ada)


def test_payments_are_reversed_one_after_the_other(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    inv = []
    for n in (100, 200, 50):
        charge_other(ada, house, text="x", amount=n, by=None)
        inv.append(invoice_now(ada, house, by=None))
    p1 = inv[0].record_payment(amount=180, by=None)
    p2 = inv[1].record_payment(amount=200, by=None)
    inv[1].refresh_from_db()
    inv[1].credit(reason="r", by=None)
    is_sound()
    for p in (p1, p2):
        p.refresh_from_db()
        p.reverse(by=None, reason="bounced")
        is_sound()
    assert balance_of(ada, on=day("2026-06-01")) == 150


def test_a_wrong_refund_is_reversed(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada L")
    receive(ada, house, amount=80, by=None)
    r = refund(ada, house, amount=80, by=None)
    r.reverse(by=None, reason="typo")


def test_a_payment_ends_a_suspension_for_debt_and_the_missed_fees_are_charged(at):
    h = story.house(tax_rate=0, suspend_after_days=5)
    room = rooms_of(h)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    p = story.plan(h, "P", "300", billing_day=1, fee_due="in_advance")
    PlanCredit.objects.give(p, hours=3, types=[room.type], by=None)
    p.sign_up(ada, starts_on=day("2026-06-01"), by=None)
    Product.objects.offer(name="L", price=30, location=h, recurring=True, by=None).subscribe(
        ada, starts_on=day("2026-06-01"), by=None
    )
    bill(at, "2026-06-01")
    book(room, ada, "2026-07-20 10:00", hours=4)
    at("2026-06-30")
    debts.remind()
    ada = Customer.objects.get(pk=ada.pk)
    assert ada.suspension
    bill(at, "2026-07-01")
    at("2026-07-05")
    inv = ada.invoices.order_by("pk").first()
    inv.record_payment(amount=inv.total, by=None)
    ada = Customer.objects.get(pk=ada.pk)
    assert not ada.suspension
    bill(at, "2026-08-01")
    assert [str(one.on) for one in ada.charges.filter(kind="fee")] == [
        "2026-06-01", "2026-07-01", "2026-08-01",
    ]  # fmt: skip


def test_each_charge_that_waits_is_explained_once(at):
    h = story.house(tax_rate=0)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    story.plan(h, "P", "300", billing_day=1).sign_up(ada, starts_on=day("2026-06-01"), by=None)
    charge_other(ada, h, text="more", amount=1000, by=None)
    charge_other(ada, h, text="plus", amount=10, by=None)
    at("2026-07-20")
    ada.suspend(by=None, reason="x")
    for d in ("2026-07-20", "2026-08-20"):
        at(d)
        why = foresight.why_not(Customer.objects.get(pk=ada.pk))
        keys = [x.subject.pk for x in why if x.code in ("waits", "late")]

        assert sorted(k for k in keys if k) == sorted(
            ada.charges.waiting().values_list("pk", flat=True)
        )


def test_a_preview_stores_nothing_at_all(at):
    h = story.house(tax_rate=0)
    room = rooms_of(h)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    bob = story.person(h, "Bob B")
    story.plan(h, "P", "300", billing_day=1).sign_up(ada, starts_on=day("2026-06-01"), by=None)
    book(room, bob, "2026-06-20 10:00")
    at("2026-07-20")

    def count():
        return {m._meta.label: m._base_manager.count() for m in apps.get_models()}

    before = count()
    previews.preview(on=day("2026-09-01"))
    previews.preview()
    foresight.all_coming(ada)
    foresight.why_not(ada)
    foresight.why_not(bob)
    run_billing(dry_run=True)
    assert count() == before
    dry = run_billing(dry_run=True)
    real = run_billing()
    assert dry.totals == real.totals
    assert dry.invoiced == real.invoiced


def test_another_payer_while_late_cycles_wait_at_two_locations(at):
    a, b = story.house(tax_rate=0), story.house(name="Hill House", tax_rate=0)
    at("2026-06-01")
    lin, omar, nina = (
        story.company(a, "Lin & Co", "Lin"),
        story.person(a, "Omar H"),
        story.person(a, "Nina N"),
    )
    team = Team.objects.start("T", by=None, payer=lin)
    team.add(omar, by=None)
    for h in (a, b):
        story.plan(h, "P", "300", billing_day=1).sign_up(
            omar, starts_on=day("2026-06-01"), on_behalf_of=team, by=None, location=h
        )
    bill(at, "2026-07-01")
    at("2026-08-10")
    team.edit({"payer": nina}, by=None)
    assert lin.invoices.count() == 4


def test_a_suspension_gives_up_bookings_of_two_teams(at):
    h = story.house(tax_rate=0)
    room, _room2 = rooms_of(h), None
    at("2026-06-01")
    omar = story.person(h, "Omar H")
    payers = [story.person(h, f"Payer {n}") for n in range(2)]
    for n, p in enumerate(payers):
        t = Team.objects.start(f"T{n}", by=None, payer=p)
        t.add(omar, by=None)
        t.set_spending("everyone", None, by=None)
        book(room, omar, f"2026-06-2{n} 10:00", on_behalf_of=t)
    book(room, omar, "2026-06-25 10:00")
    invoice_now(payers[0], h, by=None)
    invoice_now(omar, h, by=None)
    omar.suspend(by=None, reason="x", cancel_bookings=True)
    for p in (*payers, omar):
        assert balance_of(p, on=day("2026-06-01")) == 0
        assert not p.charges.waiting().exists()


def test_a_former_payer_is_credited_when_the_booking_is_given_up(at):
    h = story.house(tax_rate=0)
    room = rooms_of(h)
    at("2026-06-01")
    omar, lin = story.person(h, "Omar H"), story.person(h, "Lin")
    t = Team.objects.start("T", by=None, payer=lin)
    t.add(omar, by=None)
    t.set_spending("everyone", None, by=None)
    b = book(room, omar, "2026-06-20 10:00", on_behalf_of=t)
    invoice_now(lin, h, by=None)
    t.edit({"payer": None}, by=None)
    b.refresh_from_db()
    b.reschedule(start=moment("2026-06-21 10:00"), end=moment("2026-06-21 13:00"), by=None)
    b.cancel(by=None)
    assert balance_of(lin, on=day("2026-06-01")) == 0


def test_bookings_invoiced_at_once_go_with_their_contract(at):
    h = story.house(tax_rate=0, invoice_at="purchase")
    room = rooms_of(h)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    c = story.plan(h, "P", "300", billing_day=1, fee_due="in_advance").sign_up(
        ada, starts_on=day("2026-06-01"), by=None
    )
    bill(at, "2026-06-01")
    book(room, ada, "2026-06-20 10:00")
    book(room, ada, "2026-06-21 10:00")
    assert ada.invoices.count() == 3
    endings.cancel_with_bookings(c, last_day=day("2026-06-15"), reason="x", by=None)


def test_debt_at_two_locations_is_paid_at_both(at):
    a, b = story.house(tax_rate=0, suspend_after_days=5), story.house(name="Hill House", tax_rate=0)
    at("2026-06-01")
    ada = story.person(a, "Ada L")
    for h in (a, b):
        story.plan(h, "P", "300", billing_day=1, fee_due="in_advance").sign_up(
            ada, starts_on=day("2026-06-01"), by=None, location=h
        )
    bill(at, "2026-06-01")
    at("2026-06-30")
    debts.remind()
    bill(at, "2026-07-01")
    at("2026-07-20")
    assert Customer.objects.get(pk=ada.pk).suspension
    i1, i2 = ada.invoices.order_by("pk")
    i1.record_payment(amount=300, by=None)
    assert Customer.objects.get(pk=ada.pk).suspension
    i2.record_payment(amount=300, by=None)
    assert not Customer.objects.get(pk=ada.pk).suspension
    bill(at, "2026-08-01")


def test_drafts_and_issued_invoices_side_by_side(at):
    h = story.house(tax_rate=0, run_issues=False)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    story.plan(h, "P", "300", billing_day=1).sign_up(ada, starts_on=day("2026-06-01"), by=None)
    bill(at, "2026-07-01")
    bill(at, "2026-07-02")
    h.edit({"run_issues": True}, by=None)
    bill(at, "2026-08-01")
    for i in ada.invoices.drafts():
        i.issue(by=None)
    bill(at, "2026-08-02")
    assert ada.invoices.issued().count() == 2


def test_another_billing_day_loses_nothing(at):
    h = story.house(tax_rate=0)
    room = rooms_of(h)
    at("2026-06-01")
    ada = story.person(h, "Ada L")
    book(room, ada, "2026-06-05 10:00")
    at("2026-06-06")
    h.edit({"billing_day": 5}, by=None)
    bill(at, "2026-07-01")
    assert not ada.invoices.exists()
    bill(at, "2026-07-05")
    assert ada.invoices.count() == 1


def test_a_prefix_of_another_location_is_refused_and_stops_nobody_else(at):
    first, second = story.house(tax_rate=0), story.house(name="Hill House", tax_rate=0)
    at("2026-06-01")
    for place in (first, second):
        ada = story.person(place, "Ada Lovelace")
        story.plan(place, "P", "300", billing_day=1).sign_up(
            ada, starts_on=day("2026-06-01"), by=None
        )
    first.edit({"invoice_prefix": "A-"}, by=None)
    with pytest.raises(Refused) as caught:
        second.edit({"invoice_prefix": "A-"}, by=None)
    assert caught.value.codes == ["prefix_taken"]
    bill(at, "2026-07-01")
    first.edit({"invoice_prefix": ""}, by=None)
    second.edit({"invoice_prefix": "A-"}, by=None)  # which has numbered the first one's
    assert bill(at, "2026-08-01").invoiced == 2
    numbers = (
        Invoice.objects.filter(location=second).order_by("pk").values_list("number", flat=True)
    )
    assert list(numbers) == ["HH-00001", f"A-{second.pk}-00001"]


def test_a_date_that_has_come_at_one_location_only_is_done_there(at):
    early = story.house(tax_rate=0, timezone="Pacific/Auckland")
    late = story.house(name="Hill House", tax_rate=0, timezone="America/Los_Angeles")
    at("2026-06-01")
    for place in (early, late):
        ada = story.person(place, "Ada Lovelace")
        story.plan(place, "P", "300", billing_day=1).sign_up(ada, starts_on=place.today(), by=None)
    at("2026-06-30 12:00Z")
    assert run_billing(on=day("2026-07-01")).invoiced == 1
    with pytest.raises(Refused):
        run_billing(on=day("2026-07-02"))


def test_a_booking_on_the_house_stays_so_when_it_is_moved(at, house):
    room = rooms_of(house)
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    booking = book(room, ada, "2026-06-20 10:00")
    take_back(ada.charges.get(), reason="On the house", by=None)
    booking.reschedule(start=moment("2026-06-21 10:00"), by=None)
    assert total(ada) == 0
    booking.reschedule(end=moment("2026-06-21 14:00"), start=booking.start, by=None)
    assert total(ada) == 240


def test_pieces_go_back_into_stock_once(at, house):
    at("2026-06-01")
    badge = Product.objects.offer(name="Badge", price=5, stock=3, location=house, by=None)
    ada = story.person(house, "Ada Lovelace")
    charge = badge.sell(ada, by=None)
    invoice_now(ada, house, by=None)
    take_back(charge, reason="Lost", by=None)
    with pytest.raises(Refused):
        take_back(charge, reason="Lost", by=None)
    badge.refresh_from_db()
    assert badge.stock == 3


def test_a_payment_that_bounces_takes_the_write_off_of_the_rest_back(at, house):
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    charge_other(ada, house, text="Thing", amount=120, by=None)
    invoice = invoice_now(ada, house, by=None)
    payment = invoice.record_payment(amount=40, by=None)
    invoice.write_off(reason="Gone", by=None)
    payment.reverse(reason="Bounced", by=None)
    invoice.refresh_from_db()
    assert (invoice.settlement, invoice.due) == ("open", 120)


@pytest.mark.parametrize("parts", [["0.01"] * 6, ["0.05", "0.04"], ["33.33", "33.33", "33.34"]])
def test_a_price_with_tax_in_it_is_credited_in_small_parts(at, parts):
    house = story.house(prices_include_tax=True)
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    charge_other(ada, house, text="Thing", amount=sum(map(D, parts)), by=None)
    invoice = invoice_now(ada, house, by=None)
    for part in parts:
        invoice.credit({invoice.lines.get(): D(part)}, reason="Part", by=None)
        invoice.refresh_from_db()
    assert invoice.settlement == "credited"


def test_a_booking_that_was_free_for_a_while_is_charged_again(at, house):
    room, free = rooms_of(house), None
    kind = ResourceType.objects.make(name="Free", by=None)
    free = story.room(house, kind, "Booth")
    at("2026-06-01")
    ada = story.person(house, "Ada Lovelace")
    booking = book(room, ada, "2026-06-20 10:00")
    booking.move_to(free, by=None)
    assert total(ada) == 0
    booking.move_to(room, by=None)
    assert total(ada) == 120


def test_what_was_kept_of_a_deposit_is_credited_once(at, house):
    from billing.deposits import give_back

    contract = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    invoice = contract.customer.invoices.get()
    invoice.record_payment(amount=400, by=None)
    give_back(contract.charges.get(kind="deposit"), amount=300, reason="A lamp", by=None)
    invoice.refresh_from_db()
    invoice.credit(reason="The lamp was found", by=None)
    assert Account.objects.get(customer=contract.customer).credit == 400
    with pytest.raises(Refused):
        invoice.credit(reason="Again", by=None)


def test_a_paid_deposit_comes_back_although_the_rest_was_written_off(at, house):
    contract = signed(at, house, "2026-06-01", price="0", deposit=D(450))
    invoice = contract.customer.invoices.get()
    invoice.record_payment(amount=400, by=None)
    invoice.write_off(reason="Rest", by=None)
    contract.cancel(last_day=day("2026-06-05"), by=None)
    at("2026-06-10")
    assert return_due() == 1
    assert Account.objects.get(customer=contract.customer).credit == 400


def test_a_backdated_change_keeps_what_was_waived(at, house):
    """July was waived for a suspension: it stays so on the new plan."""
    contract = signed(at, house, "2026-06-01")
    other = story.plan(house, "Office", "600", billing_day=1)
    bill(at, "2026-07-01")
    at("2026-07-20")
    contract.customer.suspend(by=None, reason="Noise")
    at("2026-08-10")
    Customer.objects.get(pk=contract.customer_id).reinstate(by=None)
    at("2026-08-20")
    contract.change_plan(to=other, starts_on=day("2026-07-01"), by=None)
    bill(at, "2026-09-01")
    assert total(contract.customer) == 300 + 600


def test_a_backdated_change_of_a_backdated_contract_waives_no_more_than_was_waived(at, house):
    """From September, signed on 20 November without the missed fees; moved from November on."""
    contract = signed(at, house, "2026-11-20", starts_on=day("2026-09-01"))
    other = story.plan(house, "Office", "600", billing_day=1)
    bill(at, "2026-12-01")
    at("2026-12-20")
    contract.change_plan(to=other, starts_on=day("2026-11-01"), by=None)
    bill(at, "2027-01-01")
    assert total(contract.customer) == 1200


def test_a_job_for_a_day_ahead_gives_nothing_back_early(at, house):
    contract = signed(at, house, "2026-06-01", price="0", deposit=D(400))
    contract.cancel(last_day=day("2026-06-30"), by=None)
    assert return_due(on=day("2026-07-10")) == 0


def test_the_front_desk_changes_no_product_and_runs_no_billing(w):
    badge = Product.objects.offer(name="Badge", price=5, location=w.house, by=w.mona)
    for deed in (
        lambda: badge.edit({"price": 1}, by=w.frida),
        lambda: badge.restock(9, by=w.frida),
        lambda: badge.archive(by=w.frida),
        lambda: Product.objects.offer(name="Pin", price=5, location=w.house, by=w.frida),
        lambda: run_billing(by=w.frida),
    ):
        with pytest.raises(Refused):
            deed()


def test_an_exemption_touches_only_what_is_due_afterwards(at):
    house = story.house()
    contract = signed(at, house, "2026-06-01")
    at("2026-07-05")
    ada = Customer.objects.get(pk=contract.customer_id)
    ada.edit({"tax_exempt": True, "tax_exempt_reason": "Abroad"}, by=None)
    bill(at, "2026-08-01")
    assert [one.tax for one in ada.charges.filter(kind="fee")] == [60, 0]
