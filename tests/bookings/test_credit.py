from decimal import Decimal

import pytest

from bookings import credits
from bookings.models import CreditEntry, CreditGrant, PlanCredit, SharedCredit
from bookings.standing import Standing
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def hours(w, rooms) -> PlanCredit:
    """The hot desk includes four hours a month."""
    return PlanCredit.objects.give(w.hot_desk, hours=4, types=[rooms], by=w.mona)


@pytest.fixture
def book(w, kestrel):
    def make(start, end, who=None, room=kestrel, **kwargs):
        who = who or w.ada
        return room.book(
            customer=who, start=story.moment(start), end=story.moment(end),
            by=kwargs.pop("by", who.user), **kwargs,
        )  # fmt: skip

    return make


def left(customer, on) -> list[Decimal]:
    return [pot.left for pot in Standing.of(customer).all_pots(day(on))]


def test_credit_covers_minutes_and_the_rest_is_charged(w, rooms, hours, book):
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    assert (booking.price, booking.credit_used, booking.amount) == (180, 180, 0)
    second = book("2026-11-23 14:00", "2026-11-23 17:00")
    assert (second.price, second.credit_used, second.amount) == (180, 60, 120)
    assert left(w.ada, "2026-11-23") == [0]


def test_credit_is_worth_its_share_of_a_capped_price(w, rooms, kestrel, book):
    PlanCredit.objects.give(w.hot_desk, hours=1, types=[rooms], by=w.mona)
    rooms.add_rate(per="day", price=90, by=None)
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    assert (booking.price, booking.credit_used, booking.amount) == (90, 60, 60)


def test_a_booking_uses_the_credit_of_the_cycle_in_which_it_takes_place(w, hours, book):
    december = book("2026-12-01 10:00", "2026-12-01 13:00")
    assert december.credit_used == 180
    assert (left(w.ada, "2026-11-20"), left(w.ada, "2026-12-24")) == ([240], [60])
    grant = CreditGrant.objects.get()
    assert (grant.starts_on, grant.ends_on) == (day("2026-12-01"), day("2027-01-01"))


def test_a_grant_is_not_prorated_and_counts_pieces(w, rooms, hours):
    kim = story.person(w.house, user=story.login("kim@example.com"))
    w.hot_desk.sign_up(kim, starts_on=day("2026-11-28"), quantity=3, by=w.mona)
    assert left(kim, "2026-11-29") == [720]


def test_cancelling_gives_it_back_exactly(w, hours, book):
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    booking.cancel(by=w.ada.user)
    assert left(w.ada, "2026-11-23") == [240]
    assert [(e.kind, e.value, e.left) for e in CreditEntry.objects.order_by("sequence")] == [
        ("grant", 240, 240), ("use", -180, 60), ("return", 180, 240),
    ]  # fmt: skip


def test_late_the_same_share_of_credit_and_money_is_kept(w, rooms, kestrel, book, at):
    PlanCredit.objects.give(w.hot_desk, hours=1, types=[rooms], by=w.mona)
    kestrel.edit({"free_cancellation_hours": 48, "late_fee": Decimal(50)}, by=None)
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    assert (booking.credit_used, booking.amount) == (60, 120)
    at("2026-11-23 09:00Z")
    fee = booking.cancel(by=w.ada.user)
    assert (fee.amount, fee.credit_used) == (60, 30)
    assert left(w.ada, "2026-11-23") == [30]
    booking.restore(by=w.mona)
    assert (booking.credit_used, booking.amount) == (60, 120)
    assert left(w.ada, "2026-11-23") == [0]


def test_moving_to_another_month_uses_that_months_credit(w, hours, book, t):
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    booking.reschedule(start=t("2026-12-07 10:00"), by=w.ada.user)
    assert booking.credit_used == 180
    assert (left(w.ada, "2026-11-23"), left(w.ada, "2026-12-07")) == ([240], [60])


def test_soonest_to_expire_first(w, rooms, hours, book):
    weekly = story.plan(w.house, "Weekly", "10", cycle_unit="week", cycle_length=1)
    PlanCredit.objects.give(weekly, hours=1, types=[rooms], by=w.mona)
    weekly.sign_up(w.ada, by=w.mona)
    book("2026-11-23 10:00", "2026-11-23 11:30")
    spent = {entry.grant.contract.plan.name: entry.value
             for entry in CreditEntry.objects.filter(kind="use")}  # fmt: skip
    assert spent == {"Weekly": -60, "Hot Desk": -30}


def test_own_before_shared_and_shared_only_for_the_team(w, rooms, hours, kestrel, book):
    PlanCredit.objects.give(w.office, hours=10, types=[rooms], by=w.mona)
    w.team.add(w.ada, by=w.mona)
    w.team.set_spending("everyone", None, by=w.lin.user)
    closed = book("2026-11-23 08:00", "2026-11-23 13:00", on_behalf_of=w.team)
    assert (closed.credit_used, closed.amount) == (240, 60)
    closed.cancel(by=w.ada.user)
    SharedCredit.objects.set_for(w.team, True, by=w.lin.user)
    opened = book("2026-11-23 08:00", "2026-11-23 13:00", on_behalf_of=w.team)
    assert (opened.credit_used, opened.amount) == (300, 0)
    shares = [(e.grant.contract.customer, e.value)
              for e in opened.credit_entries.order_by("pk")]  # fmt: skip
    assert shares == [(w.ada, -240), (w.lin, -60)]
    alone = book("2026-11-24 08:00", "2026-11-24 09:00")
    assert (alone.credit_used, alone.amount) == (0, 60)


def test_only_who_pays_opens_the_credit(w):
    w.omar.user = story.login("omar@example.com")
    w.omar.save()
    with pytest.raises(Refused, match="Only who pays"):
        SharedCredit.objects.set_for(w.team, True, by=w.omar.user)
    SharedCredit.objects.set_for(w.team, True, by=w.frida)
    SharedCredit.objects.set_for(w.team, False, by=w.lin.user)
    assert not SharedCredit.objects.open().exists()


def test_credit_in_money_covers_a_sum(w, rooms, book):
    PlanCredit.objects.give(w.hot_desk, amount=100, types=[rooms], by=w.mona)
    booking = book("2026-11-23 10:00", "2026-11-23 13:00")
    assert (booking.price, booking.credit_amount, booking.amount) == (180, 100, 80)
    booking.cancel(by=w.ada.user)
    assert left(w.ada, "2026-11-23") == [100]


def test_credit_is_for_its_types_only(w, hours, book):
    from bookings.models import ResourceType

    booths = ResourceType.objects.make(name="Booths", by=None)
    booths.add_rate(per="hour", price=10, by=None)
    booth = story.room(w.house, booths, "Booth")
    assert book("2026-11-23 10:00", "2026-11-23 11:00", room=booth).credit_used == 0


def test_discount_comes_before_credit(w, rooms, book):
    PlanCredit.objects.give(w.office, hours=1, types=[rooms], by=w.mona)
    w.team.edit({"discount": Decimal(10)}, by=w.mona)
    booking = book("2026-11-23 10:00", "2026-11-23 13:00", who=w.lin, on_behalf_of=w.team)
    assert (booking.price, booking.credit_used, booking.amount) == (180, 60, 108)


def test_a_frozen_contract_gives_nothing_on_its_frozen_days(w, hours, book):
    w.ada_contract.freeze(from_on=day("2026-11-23"), until=day("2026-11-25"), by=w.mona)
    assert book("2026-11-23 10:00", "2026-11-23 11:00").credit_used == 0
    assert book("2026-11-26 10:00", "2026-11-26 11:00").credit_used == 60


@pytest.mark.parametrize("how", ["cancel", "freeze", "change"])
def test_what_will_not_come_is_withdrawn_and_the_booking_is_charged(w, rooms, hours, book, how):
    booking = book("2026-12-07 10:00", "2026-12-07 13:00")
    assert booking.amount == 0
    match how:
        case "cancel":
            w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
        case "freeze":
            w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-31"), by=w.mona)
        case "change":
            w.ada_contract.change_plan(to=w.office, starts_on=day("2026-12-01"), by=w.mona)
    booking.refresh_from_db()
    assert (booking.price, booking.credit_used, booking.amount) == (180, 0, 180)
    assert CreditGrant.objects.get().left == 240
    credits.roll(on=day("2026-11-20"))
    assert CreditGrant.objects.get(starts_on=day("2026-12-01")).left == 0
    if how == "cancel":
        w.ada_contract.withdraw_cancellation(by=w.mona)
        credits.roll(on=day("2026-11-20"))
        assert CreditGrant.objects.get(starts_on=day("2026-12-01")).left == 240


def test_the_daily_job_grants_what_began_and_lets_expire_what_ended(w, hours):
    assert credits.roll(on=day("2026-11-20")) >= 1
    grant = CreditGrant.objects.get(contract=w.ada_contract)
    assert (grant.starts_on, grant.left) == (day("2026-11-01"), 240)
    assert credits.roll(on=day("2026-11-20")) == 0
    credits.roll(on=day("2026-12-01"))
    kinds = [(entry.kind, entry.on) for entry in grant.entries.all()]
    assert kinds == [("grant", day("2026-11-01")), ("expiry", day("2026-12-01"))]
    assert credits.roll(on=day("2026-12-01")) == 0


def test_what_is_left_is_right_even_if_no_job_ever_ran(w, hours):
    assert left(w.ada, "2027-08-15") == [240]


def test_a_plan_that_includes_it_no_more_keeps_what_it_granted(w, hours, book):
    book("2026-11-23 10:00", "2026-11-23 11:00")
    hours.end(by=w.mona)
    assert left(w.ada, "2026-11-23") == [180]
    assert left(w.ada, "2026-12-23") == []


def test_an_import_with_unused_credit_can_be_undone(w, hours):
    """What the daily job wrote does not count."""
    credits.forget_unused([w.ada_contract.pk])
    credits.roll(on=day("2026-11-20"))
    credits.forget_unused([w.ada_contract.pk])
    assert not CreditGrant.objects.filter(contract=w.ada_contract).exists()


def test_credits_are_refused_in_words(w, rooms):
    def codes(**what):
        with pytest.raises(Refused) as caught:
            PlanCredit.objects.give(w.hot_desk, by=None, **what)
        return caught.value.codes

    assert codes(hours=1, amount=1, types=[rooms]) == ["hours_or_amount"]
    assert codes(types=[rooms]) == ["hours_or_amount"]
    assert codes(hours=0, types=[rooms]) == ["too_small"]
    assert codes(hours="0.3333", types=[rooms]) == ["too_fine"]
    assert codes(hours=1, types=[]) == ["types_missing"]
