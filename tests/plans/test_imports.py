"""Customers from CSV files: the files that spaces really have."""

import codecs
import csv
import datetime as dt
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models import Account, BilledCycle
from bookings import credits
from bookings.models import CreditGrant, PlanCredit, ResourceType
from customers.models import Customer, StatusChange, Suspension, Team, TimelineEntry
from kit.problems import Refused
from plans.imports import applying, undoing
from plans.imports.columns import guess, valid_mapping
from plans.imports.planning import Planner
from plans.imports.reading import read
from plans.models import Contract, ContractEvent, CustomerImport, Plan
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent.parent / "data"
HEADER = "type,full_name,company_name,email,plan,contract_starts_on,contract_ends_on\n"


@pytest.fixture
def riverside(at):
    at("2026-11-20")
    house = story.house()
    for name in ("Hot Desk", "Dedicated Desk", "Private Office", "Virtual Office"):
        story.plan(house, name, "100", billing_day=1)
    return house


def made(content: str | bytes, by=None, **options) -> CustomerImport:
    """A file as the panel imports it: taken in, checked, applied."""
    content = content.encode() if isinstance(content, str) else content
    mapping = options.pop("mapping", {})
    one = applying.start(file_name="people.csv", content=content, by=by, **options)
    applying.ask_for_check(one, {**one.mapping, **mapping})
    if one.state == "to_check":
        applying.check(one)
    applying.ask_to_apply(one)
    if one.state == "to_apply":
        applying.apply(one)
    return one


def dry_run(content: str | bytes, *, mapping=None, dates="iso", location=None):
    table = read(content.encode() if isinstance(content, str) else content)
    chosen = valid_mapping(table.headers, {**guess(table.headers), **(mapping or {})})
    return Planner(table, chosen, dates=dates, location=location).plan(table.lines)


def problems(content: str | bytes, **how) -> list[tuple[int, str]]:
    return [
        (row.line.number, problem["column"])
        for row in dry_run(content, **how)
        for problem in row.problems
    ]


def refused(content: bytes) -> list[str]:
    with pytest.raises(Refused) as caught:
        read(content)
    return caught.value.codes


def dump() -> dict[str, list]:
    """Every row of our tables but those that an import may leave behind."""
    left_out = ("customerimport", "importrow", "auditentry", "outboxmessage", "cache", "jobrun")
    tables = [
        name
        for name in connection.introspection.table_names()
        if name.startswith(("customers_", "plans_", "spaces_", "kit_"))
        and not name.endswith(left_out)
    ]
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - our own tables
            found[table] = cursor.fetchall()
    return found


class TestReading:
    @pytest.mark.parametrize(
        ("encoding", "mark"),
        [
            ("utf-8", b""),
            ("utf-8", codecs.BOM_UTF8),
            ("utf-16-le", codecs.BOM_UTF16_LE),
            ("utf-16-be", codecs.BOM_UTF16_BE),
            ("cp1252", b""),
        ],
    )
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_encodings_and_separators(self, encoding, mark, separator):
        text = separator.join(("full_name", "email")) + "\r\n"
        text += separator.join(("Zoë Müller", "zoe@example.com")) + "\r\n"
        table = read(mark + text.encode(encoding))
        assert table.headers == ["full_name", "email"]
        assert table.lines[0].cells == ["Zoë Müller", "zoe@example.com"]

    def test_quoted_line_breaks_and_the_line_a_row_starts_on(self):
        table = read(b'full_name,notes,email\nA,"one\ntwo, three",a@example.com\n\nB,,b@e.com\n')
        assert [(line.number, line.cells[1]) for line in table.lines] == [
            (2, "one\ntwo, three"),
            (5, ""),
        ]

    def test_what_is_no_table_gets_one_clear_refusal(self):
        assert refused(b"") == ["file_empty"]
        assert refused(b"\n\n") == ["file_empty"]
        assert refused(b"a,b\0c\n") == ["nul_bytes"]
        assert refused(b"PK\x03\x04rest") == ["not_text"]
        assert refused(b"\x81\x8d\xff") == ["not_text"]
        assert refused(b"Ada,ada@example.com\n") == ["no_header"]
        assert refused(b"email,Email\n") == ["header_twice"]
        assert refused(b'full_name,email\n"Ada,ada@example.com\n') == ["bad_quotes"]
        assert refused(b"x" * (50 * 1024 * 1024 + 1)) == ["file_too_large"]


class TestRows:
    def test_no_type_is_an_individual_and_no_plan_a_contact(self, riverside):
        made("full_name,email\nAda,ada@example.com\n")
        ada = Customer.objects.get()
        assert (ada.type, ada.status, ada.registered_on) == ("individual", "contact", story.TODAY)

    def test_a_plan_is_found_without_case_and_starts_on_its_day_or_today(self, riverside):
        made(
            HEADER + ",Ada,,ada@example.com,hot desk,2026-01-15,\n,Bo,,bo@example.com,HOT DESK,,\n"
        )
        starts = Contract.objects.order_by("starts_on").values_list("starts_on", flat=True)
        assert list(starts) == [day("2026-01-15"), story.TODAY]
        contract = Contract.objects.first()
        assert (contract.signed_on, contract.quiet, contract.bill_missed) == (
            story.TODAY, True, False,
        )  # fmt: skip

    def test_what_is_wrong_is_said_with_its_column(self, riverside):
        rows = {
            "person,Ada,,ada@example.com,,,": "type",
            "company,Ada,,ada@example.com,,,": "company_name",
            ",,,ada@example.com,,,": "full_name",
            ",Ada,,,,,": "email",
            ",Ada,,ada-at-example,,,": "email",
            ",Ada,,ada@example.com,Golden Desk,,": "plan",
            ",Ada,,ada@example.com,,2026-02-31,": "contract_starts_on",
            ",Ada,,ada@example.com,Hot Desk,2026-02-10,2026-02-01": "contract_ends_on",
            f",{'A' * 201},,ada@example.com,,,": "full_name",
        }
        for row, column in rows.items():
            assert problems(HEADER + row + "\n") == [(2, column)], row

    def test_dates_come_in_the_chosen_form_and_a_time_is_ignored(self, riverside):
        for form, text in {
            "iso": "2026-02-05 09:00",
            "day-first": "5/2/2026",
            "month-first": "2/5/2026 00:00:00",
        }.items():
            [row] = dry_run(f"full_name,email,registered_on\nA,a@e.com,{text}\n", dates=form)
            assert row.after["registered_on"] == day("2026-02-05"), form
        assert problems("full_name,email,registered_on\nA,a@e.com,5/2/2026\n") == [
            (2, "registered_on")
        ]

    def test_an_email_twice_is_wrong_in_the_later_row_unless_both_have_ids(self, riverside):
        text = "full_name,email,external_id\nA,a@e.com,\nB,A@E.com,\n"
        assert problems(text) == [(3, "email")]
        assert problems("full_name,email,external_id\nA,a@e.com,1\nB,a@e.com,2\n") == []
        assert problems("full_name,email,external_id\nA,a@e.com,1\nB,b@e.com,1\n") == [
            (3, "external_id")
        ]

    def test_customers_are_found_by_id_then_by_email_never_by_name(self, riverside):
        by_id = story.person(riverside, "Ada One", email="old@e.com", external_id="7")
        by_email = story.person(riverside, "Bo Two", email="bo@e.com")
        made(
            "full_name,email,external_id\n"
            "Ada New,new@e.com,7\nBo Two,bo@e.com,8\nAda One,x@e.com,\n"
        )
        by_id.refresh_from_db()
        by_email.refresh_from_db()
        assert (by_id.full_name, by_id.email) == ("Ada New", "new@e.com")
        assert by_email.external_id == "8"
        assert Customer.objects.count() == 3

    def test_an_email_of_several_customers_needs_the_external_id(self, riverside):
        for number in ("1", "2"):
            story.person(riverside, email="desk@e.com", external_id=number)
        assert problems("full_name,email\nA,desk@e.com\n") == [(2, "email")]
        assert problems("full_name,email,external_id\nA,desk@e.com,2\n") == []

    def test_empty_cells_leave_what_is_stored(self, riverside):
        story.company(riverside, "Acme", "Cleo", email="cleo@e.com", phone="123", notes="VIP")
        made("type,full_name,company_name,email,phone,notes\n,Cleo,,cleo@e.com,,\n")
        acme = Customer.objects.get()
        assert (acme.type, acme.company_name, acme.phone, acme.notes) == (
            "company", "Acme", "123", "VIP",
        )  # fmt: skip
        assert acme.version == 1

    def test_unknown_columns_are_ignored_or_kept_as_custom_values(self, riverside):
        text = "full_name,email,Favourite colour\nAda,ada@e.com,blue\n"
        made(text)
        assert Customer.objects.get().custom == {}
        made(text, mapping={"Favourite colour": "custom"})
        assert Customer.objects.get().custom == {"Favourite colour": "blue"}

    def test_inactive_suspends_after_signing_and_never_lifts(self, riverside):
        text = "full_name,email,plan,active\nAda,ada@e.com,Hot Desk,{}\n"
        made(text.format("no"))
        ada = Customer.objects.get()
        assert (ada.status, ada.suspension.cause) == ("member", "manual")
        made(text.format("yes"))
        assert Customer.objects.get().suspension is not None
        assert Suspension.objects.count() == 1

    def test_a_new_team_is_made_once_and_the_dry_run_says_so(self, riverside):
        text = "full_name,email,team\nAda,ada@e.com,Crew\nBo,bo@e.com,crew\n"
        first, second = dry_run(text)
        assert (first.team_is_new, second.team_is_new) == (True, False)
        made(text)
        assert Team.objects.get().memberships.count() == 2

    def test_a_contract_with_another_last_day_is_never_overwritten(self, riverside):
        row = ",Ada,,ada@example.com,Hot Desk,2026-01-15,"
        made(HEADER + row + "\n")
        assert problems(HEADER + row + "2027-01-01\n") == [(2, "contract_ends_on")]
        assert Contract.objects.get().ends_on is None

    def test_a_plan_without_start_matches_a_running_or_scheduled_contract(self, riverside):
        made(HEADER + ",Ada,,ada@example.com,Hot Desk,2026-01-15,\n")
        assert dry_run(HEADER + ",Ada,,ada@example.com,Hot Desk,,\n")[0].action == "same"

    def test_a_limited_plan_fills_up_within_the_file(self, riverside):
        from plans.models import Plan

        Plan.objects.get(name="Hot Desk").edit({"subscriber_limit": 1}, by=None)
        text = HEADER + ",A,,a@e.com,Hot Desk,,\n,B,,b@e.com,Hot Desk,,\n"
        assert problems(text) == [(3, "plan")]
        assert made(text).counts()["error"] == 1
        assert Contract.objects.count() == 1

    def test_several_locations_need_to_be_told_apart(self, riverside):
        dock = story.house(name="Dock", timezone="Asia/Tokyo", currency="JPY")
        assert problems("full_name,email\nA,a@e.com\n") == [(2, "location")]
        assert problems("full_name,email\nA,a@e.com\n", location=dock) == []
        [row] = dry_run("full_name,email,location\nA,a@e.com,dock\n")
        assert row.customer.location == dock


class TestWholeFiles:
    def test_a_thousand_customers_have_the_status_that_the_file_says(self, riverside):
        one = made((DATA / "customers.csv").read_bytes())
        assert one.counts() == {"create": 1000, "update": 0, "same": 0, "error": 0}
        rows = list(csv.DictReader((DATA / "customers.csv").open(encoding="utf-8", newline="")))
        for text in ("2023-06-01", "2024-02-29", "2025-08-15", "2026-11-20", "2027-06-30"):
            on = day(text)
            said = {
                row["external_id"]
                for row in rows
                if row["plan"]
                and dt.date.fromisoformat(row["contract_starts_on"]) <= on
                and (not row["contract_ends_on"]
                     or dt.date.fromisoformat(row["contract_ends_on"]) >= on)
            }  # fmt: skip
            members = Customer.objects.members(on=on).values_list("external_id", flat=True)
            assert set(members) == said
            contacts = Customer.objects.contacts(on=on).values_list("external_id", flat=True)
            assert set(contacts) == {row["external_id"] for row in rows} - said
        started = sum(
            row["plan"] != "" and row["contract_starts_on"] <= "2026-11-20" for row in rows
        )
        assert ContractEvent.objects.filter(kind="started").count() == started

    def test_importing_twice_changes_nothing(self, riverside):
        for name in ("customers.csv", "customers-nexudus.csv"):
            made((DATA / name).read_bytes())
            before = dump()
            second = made((DATA / name).read_bytes())
            assert second.counts()["same"] == second.total
            assert dump() == before

    def test_another_systems_headers_dates_and_mark_are_understood(self, riverside):
        one = made((DATA / "customers-nexudus.csv").read_bytes())
        assert one.counts() == {"create": 300, "update": 0, "same": 0, "error": 0}
        assert one.ignored == ["SendWelcomeEmail"]
        assert Customer.objects.suspended().count() == 66
        assert Contract.objects.count() == 189
        assert Customer.objects.get(email="alexparkin0@example.org").registered_on == day(
            "2023-05-29"
        )

    def test_the_messy_file_says_six_kinds_of_errors_and_takes_the_traps(self, riverside):
        one = made((DATA / "customers-messy.csv").read_bytes())
        said = {
            (problem["column"], problem["text"])
            for row in one.rows.filter(action="error")
            for problem in row.problems
        }
        assert {column for column, _text in said} == {
            "email", "plan", "contract_starts_on", "company_name", "full_name",
        }  # fmt: skip
        assert len(said) == 6
        assert one.counts()["error"] == 72
        trap = Customer.objects.get(email="hillpeter306@example.net")
        assert trap.full_name == "=cmd|'/c calc'!A1"
        two_lines = Customer.objects.get(email="ryanharris308@example.net")
        assert two_lines.notes == "first line\nsecond line; with a semicolon"
        assert Customer.objects.get(email="tobywoodward300@example.net").full_name.endswith("Leão")

    def test_all_or_nothing_imports_nothing_when_a_row_is_wrong(self, riverside):
        before = dump()
        one = made((DATA / "customers-messy.csv").read_bytes(), all_or_nothing=True)
        assert (one.state, one.counts()["error"]) == ("refused", 72)
        assert dump() == before

    def test_a_killed_import_is_continued(self, riverside, monkeypatch):
        monkeypatch.setattr(applying, "CHUNK", 100)
        content = (DATA / "customers.csv").read_bytes()
        one = applying.start(file_name="c.csv", content=content, by=None)
        applying.ask_for_check(one, one.mapping)
        applying.check(one)
        CustomerImport.objects.filter(pk=one.pk).update(state="to_apply")
        one.refresh_from_db()

        def die(done, total):
            if done == 300:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            applying.apply(one, die)
        assert Customer.objects.count() == 300
        CustomerImport.objects.update(leased_until=None)
        assert applying.work_one()
        one.refresh_from_db()
        assert one.state == "applied"
        assert one.counts()["create"] == 1000
        assert Customer.objects.count() == 1000


class TestUndoing:
    def test_undo_leaves_everything_as_it_was(self, w):
        ada_events = ContractEvent.objects.count()
        before = dump()
        one = made((DATA / "customers.csv").read_bytes())
        assert Customer.objects.count() > 700
        undoing.undo(one, by=None)
        assert dump() == before
        assert ContractEvent.objects.count() == ada_events

    def test_undo_restores_changed_fields_and_takes_back_contracts_and_suspensions(self, w):
        before = dump()
        text = (
            "full_name,email,phone,plan,contract_starts_on,team,active\n"
            "Noor New,noor@example.com,999,Hot Desk,2026-11-11,Crew,no\n"
            "Ada Lovelace,ada@example.com,555,Private Office,2026-01-01,Lin & Co,yes\n"
        )
        one = made(text)
        assert one.counts()["update"] == 2
        noor = Customer.objects.get(email="noor@example.com")
        assert (noor.full_name, noor.status) == ("Noor New", "member")
        assert StatusChange.objects.exclude(withdrawn_at=None).exists()
        undoing.undo(one, by=None)
        after = dump()
        # A session that a suspension ended stays ended: that is not undone.
        users = "customers_user"
        assert {k: v for k, v in after.items() if k != users} == {
            k: v for k, v in before.items() if k != users
        }

    def test_what_the_daily_job_wrote_does_not_stand_in_the_way(self, riverside):
        before = dump()
        one = made(HEADER + ",Ada,,ada@e.com,Hot Desk,2026-12-01,2026-12-31\n")
        call_command("daily", on=day("2027-01-15"))
        assert ContractEvent.objects.count() == 2
        undoing.undo(one, by=None)
        assert dump() == before

    @pytest.mark.parametrize(
        "deed",
        [
            lambda c, k: c.edit({"phone": "1"}, by=None),
            lambda c, k: c.suspend(by=None, reason="Loud"),
            lambda c, k: k.cancel(last_day=story.day("2027-01-31"), by=None),
            lambda c, k: k.freeze(from_on=story.day("2027-01-01"), by=None),
            lambda c, k: k.add_price_step("5", from_on=story.day("2027-01-01"), by=None),
            lambda c, k: k.plan.sign_up(c, by=None),
            lambda c, k: Team.objects.start("Crew", by=None).add(c, by=None),
            lambda c, k: Team.objects.start("Crew", by=None, payer=c),
        ],
    )
    def test_undo_is_refused_when_something_was_built_on_it(self, riverside, deed):
        one = made(HEADER + ",Ada,,ada@e.com,Hot Desk,2026-11-01,\n")
        deed(Customer.objects.get(), Contract.objects.get())
        before = dump()
        with pytest.raises(Refused) as caught:
            undoing.undo(one, by=None)
        assert set(caught.value.codes) == {"built_on"}
        assert dump() == before

    def test_unused_booking_credit_of_its_contracts_goes_with_it(self, riverside):
        rooms = self.rooms_with_credit()
        before = dump()
        one = made(HEADER + ",Ada,,ada@e.com,Hot Desk,2026-11-01,\n")
        credits.roll(on=story.TODAY)
        assert CreditGrant.objects.exists()
        undoing.undo(one, by=None)
        assert dump() == before
        assert rooms.pk

    def test_what_was_booked_on_its_credit_stands_in_the_way(self, w):
        """Also for a customer who was there before: the credit is the import's."""
        rooms = self.rooms_with_credit()
        one = made(HEADER + ",Omar Haddad,,omar@example.com,Hot Desk,2026-11-01,\n")
        room = story.room(w.house, rooms)
        booking = room.book(
            customer=w.omar, start=story.moment("2026-11-23 10:00"),
            end=story.moment("2026-11-23 11:00"), by=None,
        )  # fmt: skip
        assert booking.credit_used == 60
        with pytest.raises(Refused) as caught:
            undoing.undo(one, by=None)
        assert set(caught.value.codes) == {"built_on"}

    def rooms_with_credit(self) -> ResourceType:
        rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
        rooms.add_rate(per="hour", price=60, by=None)
        desk = Plan.objects.get(name="Hot Desk")
        PlanCredit.objects.give(desk, hours=4, types=[rooms], by=None)
        return rooms

    def test_an_import_is_undone_once(self, riverside):
        one = made("full_name,email\nAda,ada@e.com\n")
        undoing.undo(one, by=None)
        with pytest.raises(Refused):
            undoing.undo(one, by=None)


class TestCommand:
    def test_dry_run_stores_nothing_and_tells_bad_rows_by_its_exit_code(self, riverside, capsys):
        before = dump()
        with pytest.raises(SystemExit) as ended:
            call_command("import_customers", str(DATA / "customers-messy.csv"), dry_run=True)
        assert ended.value.code == 2
        assert dump() == before
        assert not CustomerImport.objects.exists()
        assert "72 wrong" in capsys.readouterr().out.splitlines()[-1]

    def test_import_and_undo(self, riverside, capsys):
        call_command("import_customers", str(DATA / "customers.csv"))
        key = CustomerImport.objects.get().pk
        call_command("import_customers", undo=key)
        assert not Customer.objects.exists()
        assert capsys.readouterr().out.splitlines()[-1] == f"Import {key} is undone."

    def test_headers_of_their_own_are_mapped(self, riverside, tmp_path):
        file = tmp_path / "own.csv"
        file.write_text("Wer;Post;Seit\nAda;ada@e.com;05.02.2026\n")
        call_command(
            "import_customers", str(file), mapping=["Wer=full_name", "Post=email",
            "Seit=registered_on"], dates="day-first",
        )  # fmt: skip
        assert Customer.objects.get().registered_on == day("2026-02-05")

    def test_a_file_that_is_not_there_is_refused(self, riverside):
        with pytest.raises(SystemExit) as ended:
            call_command("import_customers", "nowhere.csv")
        assert ended.value.code == 3


def test_imported_customers_are_told_on_the_timeline(riverside):
    made(HEADER + ",Ada,,ada@e.com,Hot Desk,2026-11-01,\n")
    kinds = TimelineEntry.objects.order_by("on", "id").values_list("kind", "on")
    assert list(kinds) == [
        ("became_member", day("2026-11-01")),
        ("registered", story.TODAY),
        ("signed", story.TODAY),
    ]


class TestSeveralAtOnce:
    def test_a_second_worker_leaves_applied_rows_alone(self, riverside):
        text = "full_name,email\n" + "".join(f"P {n},p{n}@e.com\n" for n in range(20))
        one = made(text)
        before = dump()
        CustomerImport.objects.filter(pk=one.pk).update(state="to_apply", leased_until=None)
        assert applying.work_one()
        one.refresh_from_db()
        assert (one.state, one.counts()["create"]) == ("applied", 20)
        assert dump() == before
        undoing.undo(one, by=None)
        assert not Customer.objects.exists()

    def test_a_small_import_is_held_by_whoever_ordered_it(self, riverside, monkeypatch):
        seen = []
        real = applying.apply

        def look(customer_import, *args):
            seen.append(applying.work_one())
            return real(customer_import, *args)

        monkeypatch.setattr(applying, "apply", look)
        made("full_name,email\nAda,ada@e.com\n")
        assert seen == [False]

    def test_an_import_that_stops_halfway_is_continued_or_undone(self, riverside, monkeypatch):
        monkeypatch.setattr(applying, "CHUNK", 2)
        text = "full_name,email\n" + "".join(f"P {n},p{n}@e.com\n" for n in range(6))
        before = dump()
        calls = []
        real = applying._write_customers

        def fail(plans, by):
            calls.append(1)
            if len(calls) == 2:
                raise OSError("the disk is full")
            real(plans, by)

        monkeypatch.setattr(applying, "_write_customers", fail)
        one = made(text)
        assert (one.state, one.error) == ("stopped", "the disk is full")
        assert Customer.objects.count() == 2
        applying.ask_to_apply(one)
        assert (one.state, Customer.objects.count()) == ("applied", 6)
        undoing.undo(one, by=None)
        assert dump() == before

    def test_a_dry_run_says_the_same_in_chunks_as_in_one(self, riverside, monkeypatch):
        from plans.models import Plan

        Plan.objects.get(name="Hot Desk").edit({"subscriber_limit": 2}, by=None)
        rows = "".join(f",P {n},,p{n}@e.com,Hot Desk,,\n" for n in range(5))
        monkeypatch.setattr(applying, "CHUNK", 2)
        one = applying.start(file_name="x.csv", content=(HEADER + rows).encode(), by=None)
        applying.ask_for_check(one, one.mapping)
        said = one.counts()
        assert (said["create"], said["error"]) == (2, 3)
        applying.ask_to_apply(one)
        assert one.counts() == said


def test_names_are_exact_but_for_case(riverside):
    story.plan(riverside, "Büro", "10")
    story.plan(riverside, "Buro", "20")
    made(HEADER + ",A,,a@e.com,buro,,\n,B,,b@e.com,BÜRO,,\n")
    signed = dict(Contract.objects.values_list("customer__email", "plan__name"))
    assert signed == {"a@e.com": "Buro", "b@e.com": "Büro"}
    assert problems(HEADER + ",C,,c@e.com,Bürö,,\n") == [(2, "plan")]


def test_undo_after_the_daily_job_leaves_the_announced_status_true(riverside, at):
    from plans.models import Plan

    desk = Plan.objects.get(name="Hot Desk")
    kim = story.person(riverside, "Kim Doe", email="kim@e.com")
    desk.sign_up(kim, starts_on=day("2026-10-01"), ends_on=day("2026-11-30"), by=None)
    # A year until its first invoice: one that is issued would keep the contract.
    Plan.objects.get(name="Private Office").edit({"cycle_length": 12}, by=None)
    one = made(HEADER + ",Kim Doe,,kim@e.com,Private Office,2026-11-20,\n")
    at("2026-12-05")
    call_command("daily")
    undoing.undo(one, by=None)
    live = StatusChange.objects.filter(customer=kim, withdrawn_at=None).order_by("on")
    assert [(c.status, c.on.isoformat()) for c in live] == [
        ("member", "2026-10-01"), ("contact", "2026-12-01"),
    ]  # fmt: skip


def test_an_import_whose_contracts_were_billed_stays(riverside, at):
    one = made(HEADER + ",Kim Doe,,kim@e.com,Hot Desk,2026-11-20,\n")
    at("2027-01-05")
    call_command("daily")
    with pytest.raises(Refused) as caught:
        undoing.undo(one, by=None)
    assert "Kim Doe" in str(caught.value)


def test_what_billing_has_waived_goes_with_an_import_that_is_undone(riverside, at):
    one = made(HEADER + ",Kim Doe,,kim@e.com,Private Office,2026-09-20,\n")
    call_command("run_billing")
    assert BilledCycle.objects.filter(kind="waiver").exists()
    undoing.undo(one, by=None)
    assert not BilledCycle.objects.exists()
    assert not Account.objects.exists()


def test_a_plan_name_that_several_plans_have_is_told_apart_first(riverside):
    story.plan(riverside, "Hot Desk", "10")
    assert problems(HEADER + ",A,,a@e.com,Hot Desk,,\n") == [(2, "plan")]


def test_a_header_with_our_own_name_comes_before_one_that_means_it():
    assert guess(["id", "external_id", "name", "full_name"]) == {
        "id": "", "external_id": "external_id", "name": "", "full_name": "full_name",
    }  # fmt: skip
