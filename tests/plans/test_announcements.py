"""Starts, ends, freezes: each announced exactly once, with its true date, whatever the job did."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from customers.models import Customer, StatusChange, TimelineEntry
from customers.signals import became_contact, became_member
from plans import announcements, signals
from plans.announcements import announce, roll
from plans.models import ContractEvent, HeldAnnouncement
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db
TODAY = story.TODAY


@pytest.fixture
def heard():
    """What was announced, in order: (word, date). The house flips the customer first."""
    words = []
    receivers = []
    for name, signal in {
        "started": signals.contract_started,
        "ended": signals.contract_ended,
        "frozen": signals.contract_frozen,
        "resumed": signals.contract_resumed,
        "member": became_member,
        "contact": became_contact,
    }.items():

        def hear(sender, on, name=name, **kwargs):
            words.append((name, on.isoformat()))

        signal.connect(hear)
        receivers.append((signal, hear))
    yield words
    for signal, hear in receivers:
        signal.disconnect(hear)


def changes(customer, **which) -> list[tuple[str, str]]:
    return [
        (change.status, change.on.isoformat())
        for change in StatusChange.objects.filter(customer=customer, **which)
    ]


def test_signing_for_today_announces_start_and_member_at_once(desk, kim, heard):
    desk.sign_up(kim, by=None)
    assert heard == [("member", "2026-11-20"), ("started", "2026-11-20")]


def test_a_later_start_waits_for_its_day(desk, kim, heard):
    desk.sign_up(kim, starts_on=day("2026-12-01"), by=None)
    roll(on=day("2026-11-30"))
    assert heard == []
    roll(on=day("2026-12-01"))
    roll(on=day("2026-12-01"))
    assert heard == [("member", "2026-12-01"), ("started", "2026-12-01")]


def test_a_job_that_was_dead_catches_up_with_the_true_dates(desk, kim, heard):
    contract = desk.sign_up(kim, starts_on=day("2026-12-01"), ends_on=day("2027-02-28"), by=None)
    contract.freeze(from_on=day("2027-01-10"), until=day("2027-01-20"), by=None)
    assert kim.status_on(day("2027-03-01")) == "contact"
    roll(on=day("2027-06-01"))
    assert heard == [
        ("member", "2026-12-01"), ("started", "2026-12-01"),
        ("contact", "2027-01-10"), ("frozen", "2027-01-10"),
        ("member", "2027-01-21"), ("resumed", "2027-01-21"),
        ("contact", "2027-03-01"), ("ended", "2027-03-01"),
    ]  # fmt: skip
    told = kim.timeline.filter(kind__in=["became_member", "became_contact"]).order_by("on")
    assert [entry.on.isoformat() for entry in told] == [
        "2026-12-01", "2027-01-10", "2027-01-21", "2027-03-01",
    ]  # fmt: skip


def test_two_contracts_of_which_one_ends_leave_a_member(riverside, desk, kim, heard):
    desk.sign_up(kim, ends_on=day("2026-11-30"), by=None)
    story.plan(riverside, "Virtual", "20").sign_up(kim, by=None)
    heard.clear()
    roll(on=day("2026-12-05"))
    assert heard == [("ended", "2026-12-01")]
    assert kim.status_on(day("2026-12-01")) == "member"


def test_contracts_that_touch_flip_nobody(desk, kim, heard):
    desk.sign_up(kim, ends_on=day("2027-03-31"), by=None)
    desk.sign_up(kim, starts_on=day("2027-04-01"), by=None)
    heard.clear()
    roll(on=day("2027-04-02"))
    assert heard == [("ended", "2027-04-01"), ("started", "2027-04-01")]
    assert changes(kim) == [("member", "2026-11-20")]


def test_freezes_that_touch_are_one_freeze(desk, kim, heard):
    contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
    contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-10"), by=None)
    contract.freeze(from_on=day("2026-12-11"), until=day("2026-12-15"), by=None)
    heard.clear()
    roll(on=day("2027-01-01"))
    assert [word for word in heard if word[0] in ("frozen", "resumed")] == [
        ("frozen", "2026-12-01"), ("resumed", "2026-12-16"),
    ]  # fmt: skip


def test_a_contract_called_off_announces_nothing(desk, kim, heard):
    desk.sign_up(kim, starts_on=day("2026-12-01"), by=None).call_off(by=None)
    roll(on=day("2027-01-01"))
    assert heard == []


def test_a_clock_set_back_announces_nothing_twice_and_withdraws_nothing(desk, kim, heard):
    desk.sign_up(kim, starts_on=day("2026-12-01"), by=None)
    roll(on=day("2026-12-05"))
    said = list(heard)
    for on in ("2026-11-25", "2026-12-05", "2026-11-01"):
        roll(on=day(on))
    assert heard == said
    assert not ContractEvent.objects.exclude(withdrawn_at=None).exists()


def test_an_edit_that_makes_a_row_untrue_withdraws_it_and_corrects_the_last_word(desk, kim, heard):
    contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
    contract.freeze(from_on=day("2026-11-10"), until=day("2026-11-15"), by=None)
    heard.clear()
    # Announced as a member again on the 16th; then the freeze turns out to have gone on.
    contract.freeze(from_on=day("2026-11-16"), until=day("2026-11-30"), by=None)
    assert kim.status == "contact"
    assert heard == [("contact", "2026-11-16")]
    assert changes(kim, withdrawn_at=None)[-1] == ("contact", "2026-11-16")
    assert ("member", "2026-11-16") in changes(kim, withdrawn_at__isnull=False)
    roll(on=TODAY)
    assert heard == [("contact", "2026-11-16")]
    roll(on=day("2026-12-01"))
    assert heard[1:] == [("member", "2026-12-01"), ("resumed", "2026-12-01")]


def test_a_backdated_contract_that_fills_a_gap_is_put_right(desk, kim, heard):
    desk.sign_up(kim, starts_on=day("2026-10-01"), ends_on=day("2026-11-10"), by=None)
    assert changes(kim) == [("member", "2026-10-01"), ("contact", "2026-11-11")]
    heard.clear()
    desk.sign_up(kim, starts_on=day("2026-11-11"), by=None)
    assert heard == [("started", "2026-11-11"), ("member", "2026-11-11")]
    assert changes(kim, withdrawn_at=None) == [
        ("member", "2026-10-01"), ("member", "2026-11-11"),
    ]  # fmt: skip


def test_the_same_day_announced_again_has_the_next_generation(desk, kim, heard):
    contract = desk.sign_up(kim, starts_on=day("2026-11-01"), by=None)
    contract.freeze(from_on=day("2026-11-10"), by=None)
    contract.resume(on=day("2026-11-10"), by=None)
    assert kim.status == "member"
    contract.freeze(from_on=day("2026-11-10"), until=day("2026-11-12"), by=None)
    frozen = ContractEvent.objects.filter(kind="frozen").order_by("generation")
    assert [(e.generation, e.withdrawn_at is None) for e in frozen] == [(1, False), (2, True)]
    live = changes(kim, withdrawn_at=None)
    assert live[-2:] == [("contact", "2026-11-10"), ("member", "2026-11-13")]


def test_a_failing_receiver_keeps_the_contract_and_is_retried(desk, kim, heard):
    def fail(sender, **kwargs):
        raise RuntimeError("the printer is on fire")

    signals.contract_started.connect(fail)
    try:
        contract = desk.sign_up(kim, starts_on=day("2026-11-01"), ends_on=TODAY, by=None)
        assert contract.pk
        assert kim.status == "member"
        assert not contract.events.exists()
        assert "on fire" in HeldAnnouncement.objects.get(customer=kim).error
        other = story.person(kim.location)
        outcome = roll(on=day("2026-11-25"))
        assert list(outcome.held) == [kim.pk]
    finally:
        signals.contract_started.disconnect(fail)
    heard.clear()
    assert roll(on=day("2026-11-25")).held == {}
    assert heard == [
        ("member", "2026-11-01"), ("started", "2026-11-01"),
        ("contact", "2026-11-21"), ("ended", "2026-11-21"),
    ]  # fmt: skip
    assert not HeldAnnouncement.objects.exists()
    assert other.status == "contact"


def test_a_failure_holds_back_later_events_of_that_customer_only(desk, kim, heard):
    fine = story.person(kim.location)
    for customer in (kim, fine):
        desk.sign_up(customer, starts_on=day("2026-12-01"), ends_on=day("2026-12-31"), by=None)

    def fail(sender, contract, **kwargs):
        if contract.customer == kim:
            raise RuntimeError("no")

    signals.contract_ended.connect(fail)
    try:
        outcome = roll(on=day("2027-02-01"))
    finally:
        signals.contract_ended.disconnect(fail)
    assert outcome.announced == 3
    assert [e.kind for e in ContractEvent.objects.filter(contract__customer=kim)] == ["started"]
    roll(on=day("2027-02-01"))
    assert changes(kim) == changes(fine)


def test_imported_contracts_are_quiet(desk, kim):
    said = []

    def hear(sender, quiet, **kwargs):
        said.append(quiet)

    became_member.connect(hear)
    try:
        desk.sign_up(kim, quiet=True, by=None)
    finally:
        became_member.disconnect(hear)
    assert said == [True]


def test_each_contract_goes_by_the_date_on_its_own_locations_wall(at, riverside, desk, heard):
    auckland = story.house(name="Harbour", timezone="Pacific/Auckland")
    far = story.plan(auckland, "Far Desk").sign_up(
        story.person(auckland), starts_on=day("2026-12-01"), by=None
    )
    near = desk.sign_up(story.person(riverside), starts_on=day("2026-12-01"), by=None)
    at("2026-11-30 12:00Z")  # already 1 December in Auckland
    roll()
    assert far.events.count() == 1
    assert near.events.count() == 0
    assert far.customer.status == "member"
    assert near.customer.status == "contact"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London"])
def test_the_process_time_zone_does_not_matter(at, settings, zone, desk, kim):
    contract = desk.sign_up(kim, ends_on=day("2027-05-15"), by=None)
    settings.TIME_ZONE = zone
    for moment, status in {"2027-05-15 22:30Z": "member", "2027-05-15 23:30Z": "contact"}.items():
        at(moment)  # London is an hour ahead of Greenwich in May
        assert kim.status == status
        assert contract.state == ("ending" if status == "member" else "ended")
        assert list(Customer.objects.members(on=kim.location.today())) == (
            [kim] if status == "member" else []
        )


def test_nothing_but_contracts_decides_the_status(desk, kim):
    """Every column and row of a customer may change: only a contract makes a member."""
    kim.suspend(by=None, reason="Loud")
    story.Team.objects.start("Crew", by=None, payer=kim).add(kim, by=None)
    kim.edit({"type": "company", "company_name": "Kim Ltd"}, by=None)
    assert kim.status == "contact"
    sql = str(Customer.objects.members(on=TODAY).query)
    tables = {name for name in connection.introspection.table_names() if f'"{name}"' in sql}
    assert tables == {
        "customers_customer", "plans_contract", "plans_calloff", "plans_freeze",
    }  # fmt: skip


def test_suspension_changes_neither_status_nor_contract(w):
    assert w.viktor.status == "member"
    assert w.viktor_contract.state == "active"


def test_the_ledgers_cannot_be_rewritten(w):
    event = ContractEvent.objects.first()
    change = StatusChange.objects.first()
    attempts: list[tuple[Any, dict]] = [
        (event, {"on": TODAY}),
        (change, {"status": "contact", "on": TODAY}),
    ]
    for row, column in attempts:
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**column)


def test_a_killed_roll_is_simply_repeated(riverside, desk, monkeypatch):
    people = [story.person(riverside) for _ in range(7)]
    for number, customer in enumerate(people):
        first = TODAY + dt.timedelta(number + 1)
        desk.sign_up(customer, starts_on=first, ends_on=first + dt.timedelta(20), by=None)
    monkeypatch.setattr(announcements, "CHUNK", 2)
    real, calls = announcements.signals.contract_ended.send, []

    class Killed(BaseException):
        pass

    def die(**kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return real(**kwargs)

    monkeypatch.setattr(announcements.signals.contract_ended, "send", die)
    with pytest.raises(Killed):
        roll(on=day("2027-03-01"))
    roll(on=day("2027-03-01"))
    for customer in people:
        assert [status for status, _on in changes(customer)] == ["member", "contact"]
    assert ContractEvent.objects.count() == 14
    assert TimelineEntry.objects.filter(kind="became_contact").count() == 7


def test_announcing_touches_only_who_is_asked_for(desk, kim, riverside, heard):
    desk.sign_up(kim, starts_on=day("2026-12-01"), by=None)
    announce([story.person(riverside).pk], on=day("2027-01-01"))
    assert heard == []


class TestAfterAnEdit:
    """Whatever is edited behind the daily job's back, the last word is the truth."""

    def test_a_second_contract_counts_once_the_first_one_turns_out_to_have_ended(self, desk, kim):
        first = desk.sign_up(kim, starts_on=day("2026-01-01"), by=None)
        desk.sign_up(kim, starts_on=day("2026-03-01"), by=None)
        first.cancel(last_day=day("2026-01-31"), by=None)
        assert changes(kim, withdrawn_at=None) == [
            ("member", "2026-01-01"), ("contact", "2026-02-01"), ("member", "2026-03-01"),
        ]  # fmt: skip
        told = kim.timeline.filter(kind="became_member", on=day("2026-03-01")).get()
        assert told.text == "After a change of contract Hot Desk"

    def test_an_earlier_edit_leaves_the_later_word_standing(self, desk, kim):
        contract = desk.sign_up(
            kim, starts_on=day("2026-01-01"), ends_on=day("2026-10-31"), by=None
        )
        other = desk.sign_up(kim, starts_on=day("2026-11-10"), by=None)
        assert contract.state == "ended"
        other.freeze(from_on=day("2026-11-12"), until=day("2026-11-14"), by=None)
        live = changes(kim, withdrawn_at=None)
        assert live[-1] == ("member", "2026-11-15")
        assert kim.status == "member"

    def test_a_contract_in_another_zone_is_not_announced_a_day_early(self, at, desk, kim, heard):
        auckland = story.house(name="Harbour", timezone="Pacific/Auckland")
        far = story.plan(auckland, "Far Desk")
        near = desk.sign_up(kim, starts_on=day("2026-11-21"), by=None)
        at("2026-11-20 12:00Z")  # the 21st in Auckland, the 20th in London
        far.sign_up(kim, starts_on=day("2027-01-01"), by=None)
        assert near.events.count() == 0
        assert kim.status == "contact"
        assert heard == []
        near.call_off(by=None)
        assert heard == []

    @pytest.mark.parametrize("seed", range(12))
    def test_random_edits_end_with_the_truth(self, desk, riverside, kim, seed):
        import random

        from kit.problems import Refused

        chance = random.Random(seed)

        def some_day():
            return TODAY + dt.timedelta(chance.randrange(-120, 40))

        contracts = []
        for _step in range(14):
            try:
                match chance.choice(["sign", "sign", "cancel", "freeze", "resume", "withdraw"]):
                    case "sign":
                        start = some_day()
                        end = start + dt.timedelta(chance.randrange(80))
                        ends_on = chance.choice([None, end])
                        contracts.append(
                            desk.sign_up(kim, starts_on=start, ends_on=ends_on, by=None)
                        )
                    case "cancel":
                        chance.choice(contracts or [None]).cancel(last_day=some_day(), by=None)
                    case "freeze":
                        start = some_day()
                        until = start + dt.timedelta(chance.randrange(20))
                        chance.choice(contracts or [None]).freeze(
                            from_on=start, until=until, by=None
                        )
                    case "resume":
                        chance.choice(contracts or [None]).resume(on=some_day(), by=None)
                    case "withdraw":
                        chance.choice(contracts or [None]).withdraw_cancellation(by=None)
            except (Refused, AttributeError):
                continue
            told = StatusChange.objects.filter(customer=kim)
            live = [c for c in told if c.withdrawn_at is None]
            turns = [turn for turn in kim.turns() if turn.on <= TODAY]
            assert {(turn.on, turn.status) for turn in turns} <= {(c.on, c.status) for c in live}
            last_word = max(told, key=lambda c: (c.on, c.pk), default=None)
            assert (last_word.status if last_word else "contact") == kim.status_on(TODAY)
        before = list(told.values_list())
        roll(on=TODAY)
        assert list(told.values_list()) == before
