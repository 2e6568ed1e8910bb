"""The proofs find nothing in a sound house, and each finds what it is for."""

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models.paying import receive, refund
from bookings.models import PlanCredit, Resource, ResourceType
from coworking.integrity import PROOFS
from customers.models import Customer, StatusChange
from kit import audit, guards
from kit.models import AuditEntry
from plans.models import ContractEvent, Plan, PlanPrice
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


def findings() -> dict[str, list[str]]:
    found = {proof.name: list(proof.find()) for proof in PROOFS}
    return {name: wrong for name, wrong in found.items() if wrong}


def by_force(statement: str, *values) -> None:
    """Change history behind the guards' backs."""
    guards.down()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    guards.up()


def test_a_sound_house_has_no_findings(w, capsys):
    w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-10"), by=w.mona)
    audit.seal()
    assert findings() == {}
    call_command("check_integrity")
    assert capsys.readouterr().out.splitlines()[-1] == f"{len(PROOFS)} proofs, 0 findings."


def test_a_contract_that_waits_for_the_daily_job_is_no_finding(w, at):
    w.hot_desk.sign_up(w.omar, starts_on=day("2026-11-25"), by=w.mona)
    w.ada_contract.cancel(last_day=day("2026-11-30"), by=w.mona)
    at("2026-12-05")
    assert findings() == {}


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("audit log", "UPDATE kit_auditentry SET verb = 'nothing' WHERE place = 1"),
        ("audit log", "DELETE FROM kit_auditentry WHERE place = 1"),
        ("announcements", "UPDATE plans_contractevent SET \"on\" = '2020-01-01'"),
        ("statuses", "UPDATE customers_statuschange SET status = 'contact'"),
        ("names", "UPDATE customers_customer SET sort_name = 'zzz' WHERE full_name LIKE 'Ada%'"),
    ],
)
def test_what_was_changed_by_force_is_found(w, name, statement):
    audit.seal()
    by_force(statement.replace("%", "%%"))
    assert name in findings()


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("claims", "UPDATE billing_claim SET settled = settled + 10000 WHERE settled < amount"),
        ("accounts", "UPDATE billing_claim SET amount = amount + 10000"),
        ("claims", "UPDATE billing_allocation SET value = value / 2 WHERE claim_id IS NOT NULL"),
        ("accounts", "UPDATE billing_writeoff SET amount = amount / 2"),
        ("accounts", "DELETE FROM billing_claimcancellation"),
    ],
)
def test_a_claim_that_was_changed_by_force_is_found(w, name, statement):
    """Paid in part, written off and cancelled claims, and one for a refund, are in order."""
    paid, lost, wrong = (w.ada.claim(text="Fee", amount=50, by=w.mona) for _number in range(3))
    lost.write_off(reason="Gone", by=w.mona)
    wrong.cancel(reason="Entered twice", by=w.mona)
    paid.record_payment(amount=20, by=w.mona)
    payment = receive(w.noor, w.house, amount=80, by=w.mona)
    refund(w.noor, w.house, amount=80, by=w.mona)
    payment.reverse(reason="Bounced", by=w.mona)
    audit.seal()
    assert findings() == {}
    by_force(statement)
    assert name in findings()


def test_a_guard_that_is_down_is_found(w, capsys):
    guards.down(labels=["plans"])
    assert any("plans_contractevent" in sentence for sentence in findings()["guards"])
    with pytest.raises(SystemExit) as ended:
        call_command("check_integrity")
    assert ended.value.code == 1
    guards.up()


def test_a_plan_without_a_price_and_one_with_too_many_subscribers_are_found(w):
    PlanPrice.objects.filter(plan=w.office).delete()
    assert set(findings()) == {"contracts"}
    PlanPrice.objects.create(plan=w.office, price=900)
    Plan.objects.filter(pk=w.hot_desk.pk).update(subscriber_limit=1)
    assert set(findings()) == {"limited plans"}


def test_looking_changes_nothing(w):
    models = [AuditEntry, ContractEvent, StatusChange, Customer]
    before = [model._default_manager.count() for model in models]
    findings()
    assert [model._default_manager.count() for model in models] == before


class TestBookings:
    @pytest.fixture
    def booking(self, w):
        rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
        rooms.add_rate(per="hour", price=60, by=None)
        PlanCredit.objects.give(w.hot_desk, hours=1, types=[rooms], by=w.mona)
        kestrel = story.room(w.house, rooms)
        booking = kestrel.book(
            customer=w.ada, start=story.moment("2026-11-23 10:00"),
            end=story.moment("2026-11-23 12:00"), by=w.mona,
        )  # fmt: skip
        kestrel.book(
            customer=w.noor, start=story.moment("2026-11-23 13:00"),
            end=story.moment("2026-11-23 14:00"), by=w.mona,
        )  # fmt: skip
        story.room(w.house, rooms, "Heron").assign(contract=w.lin_contract, by=w.mona)
        return booking

    def test_a_sound_house_with_bookings_has_no_findings(self, w, booking):
        booking.reschedule(end=story.moment("2026-11-23 11:00"), by=w.mona)
        booking.cancel(by=w.mona)
        assert findings() == {}

    def test_an_overlap_is_found(self, booking):
        if connection.vendor == "postgresql":
            by_force("SET CONSTRAINTS ALL IMMEDIATE")
            by_force("ALTER TABLE bookings_booking DROP CONSTRAINT bookings_stay_apart")
        by_force(
            "UPDATE bookings_booking SET blocked_until = %s WHERE id = %s",
            "2026-11-23 13:30:00", booking.pk,
        )  # fmt: skip
        [found] = findings()["bookings"]
        assert "overlap" in found

    def test_a_booking_in_a_contracts_days_is_found(self, w, booking):
        heron = Resource.objects.get(name="Heron")
        by_force("UPDATE bookings_booking SET resource_id = %s WHERE id = %s", heron.pk, booking.pk)
        [found] = findings()["bookings"]
        assert f"Booking {booking.pk} lies in the days of assignment" in found

    def test_a_sum_that_does_not_follow_is_found(self, booking):
        by_force("UPDATE bookings_booking SET amount = 10000 WHERE id = %s", booking.pk)
        [found] = findings()["booking prices"]
        assert f"Booking {booking.pk}" in found

    def test_credit_that_does_not_add_up_is_found(self, booking):
        by_force('UPDATE bookings_creditentry SET "left" = "left" + 10000 WHERE sequence = 2')
        assert "does not add up" in findings()["booking credit"][0]

    def test_a_booking_that_says_other_credit_than_it_used_is_found(self, booking):
        by_force("UPDATE bookings_booking SET credit_used = 30 WHERE id = %s", booking.pk)
        assert findings()["booking credit"] == [
            f"Booking {booking.pk} has used other credit than it says."
        ]
