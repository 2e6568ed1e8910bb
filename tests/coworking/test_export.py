"""The whole space as open files, whole or not at all, and readable back exactly."""

import csv
import datetime as dt
import hashlib
import json
import threading
import tracemalloc
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections, models
from hypothesis import given
from hypothesis import strategies as st

from coworking import export
from customers.models import Customer, User
from kit import bulk
from kit.models import AuditEntry
from kit.problems import Refused
from plans.models import Contract, CustomerImport, Plan
from tests import story

NASTY = {
    "formula": "=HYPERLINK(1)",
    "apostrophe": "'Ada",
    "lines": 'one\r\ntwo\n"three", four;\ttab',
    "umlauts": "Zoë Müller 李 🏢",
}


@pytest.fixture
def rich(w):
    """The small world with values that are hard to write down."""
    w.ada.edit({"notes": NASTY["lines"], "custom": NASTY, "city": NASTY["formula"]}, by=w.mona)
    w.omar.edit({"full_name": NASTY["umlauts"], "phone": "+44 117", "city": "@home"}, by=w.mona)
    w.ada_contract.add_price_step("199.5", from_on=dt.date(2027, 1, 1), by=w.mona)
    w.ada_contract.freeze(from_on=dt.date(2026, 12, 1), by=w.mona)
    CustomerImport.objects.create(file_name="a.csv", content=bytes(range(256)), made_by=w.mona)
    return w


def told(*args, **options) -> tuple[int, dict]:
    out = StringIO()
    code = 0
    try:
        call_command("export_all", *args, **options, json=True, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(out.getvalue())


def test_a_folder_holds_a_file_per_table_and_a_manifest_that_fits(rich, tmp_path):
    code, figures = told(tmp_path / "out")
    folder = tmp_path / "out"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert code == 0
    assert figures["tables"] == len(manifest["tables"])
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(f"{table}.csv" for table in manifest["tables"]), "manifest.json"]
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for table, described in manifest["tables"].items():
        content = (folder / f"{table}.csv").read_bytes()
        assert hashlib.sha256(content).hexdigest() == described["sha256"]
        header, *lines = csv.reader(StringIO(content.decode(), newline=""))
        assert header == described["columns"]
        assert len(lines) == described["rows"]
        keys = [int(line[0]) for line in lines]
        assert keys == sorted(keys)
    assert manifest["tables"]["customers_customer"]["rows"] == Customer.objects.count()
    assert manifest["version"]
    assert manifest["made_at"].startswith("2026-11-20T12:00:00")
    assert manifest["migrations"]["customers"].startswith("00")
    assert figures["rows"] == sum(table["rows"] for table in manifest["tables"].values())


def test_every_value_can_be_read_back_exactly(rich, tmp_path):
    export.export(tmp_path / "out")
    for model in export.tables():
        fields = export.columns(model)
        names = [field.attname for field in fields]
        stored = list(model._base_manager.order_by("pk").values_list(*names))
        read = [
            tuple(export.value(field, row[str(field.column)]) for field in fields)
            for row in export.rows(tmp_path / "out", model._meta.db_table)
        ]
        plain = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in stored]
        assert read == plain, model


def test_values_are_written_as_people_and_machines_expect(rich, tmp_path):
    export.export(tmp_path / "out")
    rows = {row["email"]: row for row in export.rows(tmp_path / "out", "customers_customer")}
    ada, omar = rows["ada@example.com"], rows["omar@example.com"]
    assert ada["city"] == "'=HYPERLINK(1)"
    assert omar["city"] == "'@home"
    assert omar["phone"] == "'+44 117"
    assert omar["full_name"] == NASTY["umlauts"]
    plans = export.rows(tmp_path / "out", "plans_plan")
    assert {row["offered_in_portal"] for row in plans} <= {"true", "false"}
    assert ada["registered_on"] == "2026-11-20"
    assert ada["archived_at"] == ""
    assert json.loads(ada["custom"]) == NASTY
    assert ada["notes"] == NASTY["lines"]
    [step] = export.rows(tmp_path / "out", "plans_pricestep")
    assert step["price"] == "199.5"
    prices = export.rows(tmp_path / "out", "plans_planprice")
    assert [(row["price"], row["from_on"]) for row in prices] == [("250", ""), ("900", "")]
    [event, *_others] = export.rows(tmp_path / "out", "plans_contractevent")
    assert event["at"] == "2026-11-20T12:00:00+00:00"


def test_no_text_cell_starts_like_a_formula(rich, tmp_path):
    """Numbers and dates are left as they are: a discount of -5 is a number."""
    export.export(tmp_path / "out")
    for model in export.tables():
        texts = [
            str(field.column)
            for field in export.columns(model)
            if isinstance(field, models.CharField | models.TextField | models.JSONField)
        ]
        for row in export.rows(tmp_path / "out", model._meta.db_table):
            for column in texts:
                assert not row[column].startswith(("=", "+", "-", "@", "\t", "\r")), row


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KINDS: list[tuple[models.Field, st.SearchStrategy]] = [
    (models.CharField(max_length=9), texts),
    (models.CharField(max_length=9, null=True), st.none() | texts),
    (models.TextField(), st.sampled_from(["", "'", "''", "'=", "=", "-1", "\r", "\t", "@a"])),
    (models.TextField(null=True), st.none() | st.sampled_from(["", "'", "''", "'=", "="])),
    (models.BooleanField(), st.booleans()),
    (models.BooleanField(null=True), st.none() | st.booleans()),
    (models.IntegerField(), st.integers()),
    (models.IntegerField(null=True), st.none() | st.integers()),
    (models.DateField(), st.dates()),
    (models.DateTimeField(), st.datetimes(timezones=st.just(dt.UTC))),
    (models.BinaryField(), st.binary()),
    (models.JSONField(), st.recursive(
        texts | st.integers() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5,
    )),
    (Plan._meta.get_field("deposit"), st.decimals(-(10**9), 10**9, places=4)),
    (Contract._meta.get_field("price"), st.none() | st.decimals(-9, 9, places=2)),
    (Customer._meta.get_field("location"), st.integers(1, 10**9)),
    (Customer._meta.get_field("user"), st.none() | st.integers(1, 10**9)),
]  # fmt: skip


@pytest.mark.parametrize(("field", "values"), KINDS, ids=str)
def test_each_kind_of_value_survives_the_way_through_a_cell(field, values):
    @given(values)
    def round_trip(value):
        text = export.cell(field, value)
        [[read]] = csv.reader(StringIO(export._csv([[text]]).decode(), newline=""))
        assert export.value(field, read) == value

    round_trip()


def test_a_kind_of_field_that_nobody_thought_of_is_a_mistake():
    with pytest.raises(TypeError, match="no form"):
        export.cell(models.DurationField(), dt.timedelta(1))


def test_every_column_of_every_table_has_a_form_or_is_left_out_on_purpose():
    known = (
        models.BooleanField, models.JSONField, models.BinaryField, models.DateField,
        models.TimeField, export.ScaledField, models.IntegerField, models.CharField,
        models.TextField,
    )  # fmt: skip
    for model in export.tables():
        for field in export.columns(model):
            assert isinstance(export._kind(field), known), field


def test_whatever_is_not_exported_is_not_exported_on_purpose():
    """A table that a new package brings must be thought of."""
    exported = {model._meta.label_lower for model in export.tables()}
    others = {m._meta.label_lower for m in apps.get_models(include_auto_created=True)} - exported
    assert others == {
        "kit.submittedform",  # for a week, so that a form acts once
        "kit.cacheentry",
        "sessions.session",
        "account.emailconfirmation",  # links that are on their way
        "usersessions.usersession",
        "contenttypes.contenttype",  # Django's own lists, made by every migration
        "auth.permission",
        "auth.group",
        "auth.group_permissions",
    }
    left_out = {
        f"{model._meta.label_lower}.{field.name}"
        for model in export.tables()
        for field in set(model._meta.local_concrete_fields) - set(export.columns(model))
    }
    assert left_out == {
        "customers.user.session_epoch",
        "customers.customer.sort_name",
        "customers.team.sort_name",
        "customers.customer.search_text",
    }


def test_two_exports_of_the_same_state_are_the_same_files(rich, tmp_path, at):
    export.export(tmp_path / "one")
    at("2026-11-20 13:00Z")
    export.export(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        other = (tmp_path / "two" / path.name).read_bytes()
        if path.name == "manifest.json":
            one, two = json.loads(path.read_bytes()), json.loads(other)
            assert one.pop("made_at") < two.pop("made_at")
            assert one == two
        else:
            assert path.read_bytes() == other
    assert export.differences(tmp_path / "one", tmp_path / "two") == []


def test_what_differs_between_two_exports_is_told_by_table(rich, tmp_path):
    export.export(tmp_path / "one")
    rich.omar.edit({"city": "Bath"}, by=rich.mona)
    export.export(tmp_path / "two")
    told_of = export.differences(tmp_path / "one", tmp_path / "two")
    assert [line.partition(":")[0] for line in told_of] == [
        "customers_customer", "kit_auditentry",
    ]  # fmt: skip
    assert "city=Bath" in told_of[0]
    rest = export.differences(
        tmp_path / "one", tmp_path / "two", leaving_out={"customers_customer", *export.TRACES}
    )
    assert rest == []


# Where it may be written


def test_a_folder_with_something_in_it_is_refused_and_left_alone(w, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, answer = told(tmp_path)
    assert (code, answer["problems"]) == (3, ["folder_not_empty"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_and_a_new_one_in_a_new_place_are_taken(w, tmp_path):
    (tmp_path / "empty").mkdir()
    assert told(tmp_path / "empty")[0] == 0
    assert told(tmp_path / "new" / "deeper")[0] == 0
    assert told(str(tmp_path / "empty"))[0] == 3, "the second time it is not empty any more"


def test_a_file_in_the_place_of_the_folder_is_refused(w, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert told(tmp_path / "out")[1]["problems"] == ["not_a_folder"]
    assert told(tmp_path / "out" / "deeper")[1]["problems"] == ["cannot_write"]


def test_only_the_owner_of_the_files_may_look_into_the_folder(w, tmp_path):
    export.export(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_an_export_that_fails_halfway_leaves_nothing_that_looks_whole(w, tmp_path, monkeypatch):
    really, calls = export.cell, []

    def fail(field, value):
        calls.append(1)
        if len(calls) > 500:
            raise OSError("no space left on device")
        return really(field, value)

    monkeypatch.setattr(export, "cell", fail)
    with pytest.raises(Refused) as caught:
        export.export(tmp_path / "out")
    assert caught.value.codes == ["cannot_write"]
    assert "no space left" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_row_once(rich, tmp_path):
    steps: list[tuple[int, int]] = []
    manifest = export.export(
        tmp_path / "out", progress=lambda done, total: steps.append((done, total))
    )
    total = sum(table["rows"] for table in manifest["tables"].values())
    assert steps[-1] == (total, total)
    assert steps == sorted(steps)


# Large, and while others write


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "PAGE", 200)
    house = story.house()
    peaks = []
    for count in (1_000, 2_000):
        bulk.insert(
            [
                Customer(
                    type="individual", full_name=f"Person {number}", email="p@example.com",
                    location=house, registered_on=story.TODAY, notes="x" * 500,
                )
                for number in range(count)
            ]
        )  # fmt: skip
        tracemalloc.start()
        export.export(tmp_path / str(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


@pytest.mark.django_db(transaction=True)
def test_an_export_shows_one_moment_while_others_write(tmp_path, monkeypatch):
    """A table that is read later must not show what was written after the first one was read."""
    house = story.house()
    story.person(house)
    really = export._pages
    meanwhile = threading.Thread(target=_write_one, args=[house])

    def pages(model, using):
        yield from really(model, using)
        if model is Customer:
            meanwhile.start()
            meanwhile.join(30)

    monkeypatch.setattr(export, "_pages", pages)
    manifest = export.export(tmp_path / "out")
    assert Customer.objects.count() == 2, "the writer did not have to wait"
    counts = {table: described["rows"] for table, described in manifest["tables"].items()}
    assert (counts["customers_customer"], counts["customers_timelineentry"]) == (1, 1)
    assert counts["kit_auditentry"] == 1
    assert AuditEntry.objects.count() == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def _write_one(house) -> None:
    story.person(house)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_the_copy_that_is_read_of_sqlite_is_gone_afterwards(tmp_path):
    story.login("mona@example.com", "owner")
    for name in ("one", "two"):
        assert told(tmp_path / name)[0] == 0
    assert list(connections.databases) == ["default"]
    assert not list(tmp_path.rglob("*.sqlite3"))
    [row] = export.rows(tmp_path / "one", "customers_user")
    assert row["email"] == "mona@example.com"
    assert "session_epoch" not in row
    assert User.objects.get().email == row["email"]
    assert int(row["id"]) == User.objects.get().pk
