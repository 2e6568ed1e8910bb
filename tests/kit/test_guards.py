"""History cannot be rewritten, not even in the database itself, and no migration loses that."""

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.utils import DatabaseError

from customers.models import Customer, StatusChange
from kit import guards
from kit.models import AuditEntry
from kit.schema import Batch
from plans.models import ContractEvent, Freeze
from tests.history import GUARDED, MODELS

LEDGERS = sorted(
    guard.table for guard in guards._guards.values() if guard.name.endswith("_stays_as_written")
)
KEPT = sorted(guard.table for guard in guards._guards.values() if guard.event == "DELETE")


def columns_of(table: str) -> list[str]:
    """The columns that the guards of a table speak of."""
    texts = " ".join(guard.postgresql for guard in guards._guards.values() if guard.table == table)
    return sorted(set(re.findall(r'NEW\."(\w+)"', texts)))


def run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused_by(name: str, sql: str, *values: Any) -> None:
    with pytest.raises(DatabaseError, match=name), transaction.atomic():
        run(sql, *values)


def other_value(field: models.Field) -> Any:
    """A value of the field's kind that no row of the story has."""
    match field:
        case models.JSONField():
            return {"tampered": [1, 2]}
        case models.BinaryField():
            return b"tampered"
        case models.BooleanField():
            return True
        case models.DateTimeField():
            return dt.datetime(1999, 1, 1, tzinfo=dt.UTC)
        case models.DateField():
            return dt.date(1999, 1, 1)
        case models.CharField() | models.TextField():
            return "tampered"[: field.max_length]
    return 10**8


# What they refuse


@pytest.mark.django_db
@pytest.mark.parametrize("table", LEDGERS)
def test_no_written_column_of_a_ledger_can_be_changed(history, table):
    model = MODELS[table]
    row = model._base_manager.order_by("pk").values().first()
    assert row is not None
    attacked = []
    for column in columns_of(table):
        field = next(f for f in model._meta.local_fields if f.column == column)
        if row[field.attname] is None:
            continue
        value = field.get_db_prep_save(other_value(field), connection)
        refused_by(
            f"{table}_stays_as_written",
            f'UPDATE {table} SET "{column}" = %s WHERE id = %s',  # noqa: S608
            value,
            row["id"],
        )
        attacked.append(column)
    assert len(attacked) >= 4


@pytest.mark.django_db
@pytest.mark.parametrize("table", KEPT)
def test_a_kept_row_is_never_deleted(history, table):
    refused_by(f"{table}_is_kept", f"DELETE FROM {table}")  # noqa: S608
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
        refused_by(f"{table}_is_not_emptied", f"TRUNCATE {table} CASCADE")


@pytest.mark.django_db
def test_a_frozen_column_may_be_written_with_what_stands_there(history):
    run("UPDATE kit_auditentry SET verb = verb")


@pytest.mark.django_db
def test_a_value_that_is_set_once_is_set_once(history):
    run("INSERT INTO kit_auditentry (at, verb, kind, changes, salt, digest) "
        "VALUES ('2026-11-20 12:00:00', 'x', 'y', '{}', 'salt', 'digest')")  # fmt: skip
    entry = AuditEntry.objects.get(verb="x")
    place = 10**6
    AuditEntry.objects.filter(pk=entry.pk).update(place=place, seal="seal")
    for change in ("place = place + 1", "place = NULL", "seal = 'other'"):
        refused_by(
            "stays_as_written",
            f"UPDATE kit_auditentry SET {change} WHERE place = %s",  # noqa: S608
            place,
        )
    event = ContractEvent.objects.order_by("pk")[0]
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    ContractEvent.objects.filter(pk=event.pk).update(withdrawn_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        ContractEvent.objects.filter(pk=event.pk).update(withdrawn_at=None)


@pytest.mark.django_db
def test_personal_values_can_only_be_erased_and_only_together_with_the_date(history):
    entry = AuditEntry.objects.exclude(personal=None).order_by("pk")[0]
    mine = AuditEntry.objects.filter(pk=entry.pk)
    now = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    others: dict[str, Any] = {"personal": {"name": [None, "Somebody else"]}}
    nothing: dict[str, Any] = {"personal": models.Value(None, output_field=models.JSONField())}
    for attempt in (others, nothing, {**others, "erased_at": now}):
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**attempt)
    run("UPDATE kit_auditentry SET personal = NULL, erased_at = %s WHERE id = %s", now, entry.pk)
    assert mine.get().personal is None


@pytest.mark.django_db
def test_status_and_contract_events_go_with_what_they_speak_of(history, w):
    """Append-only for the application; but a customer that may be deleted takes its rows along."""
    ContractEvent.objects.filter(contract=w.noor_contract).delete()
    StatusChange.objects.filter(customer=w.noor).delete()


@pytest.mark.django_db
def test_freezes_of_a_contract_never_overlap_not_even_by_hand(history, w):
    [freeze] = Freeze.objects.all()
    assert freeze.until
    kept: Any = {"contract": w.ada_contract, "frozen_at": dt.datetime(2026, 11, 20, tzinfo=dt.UTC)}
    for first, last in [
        (freeze.until, freeze.until),
        (freeze.from_on, None),
        (freeze.from_on - dt.timedelta(9), freeze.from_on),
        (dt.date(2020, 1, 1), None),
    ]:
        with pytest.raises(IntegrityError, match="freezes_stay_apart"), transaction.atomic():
            Freeze.objects.bulk_create([Freeze(from_on=first, until=last, **kept)])
    after = Freeze.objects.create(from_on=freeze.until + dt.timedelta(1), **kept)
    with pytest.raises(IntegrityError, match="freezes_stay_apart"), transaction.atomic():
        Freeze.objects.filter(pk=after.pk).update(from_on=freeze.until)
    Freeze.objects.filter(pk=freeze.pk).update(withdrawn_at=kept["frozen_at"])
    Freeze.objects.filter(pk=after.pk).update(from_on=freeze.from_on)
    Freeze.objects.create(
        from_on=freeze.from_on, **{**kept, "contract": w.lin_contract}
    )  # another contract's days are its own


# That they stand


@pytest.mark.django_db
def test_every_guard_stands():
    assert guards.missing() == []


@pytest.mark.django_db
def test_a_guard_that_fell_is_named_and_put_up_again():
    name = "kit_auditentry_stays_as_written"
    run(f"DROP TRIGGER {name}" + (" ON kit_auditentry" if connection.vendor != "sqlite" else ""))
    assert guards.missing() == [name]
    guards.up()
    assert guards.missing() == []


@pytest.mark.django_db
def test_a_guard_that_was_switched_off_counts_as_fallen():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite cannot switch a trigger off")
    run("ALTER TABLE kit_auditentry DISABLE TRIGGER kit_auditentry_is_kept")
    assert guards.missing() == ["kit_auditentry_is_kept"]
    guards.up()
    assert guards.missing() == []


@pytest.mark.django_db
def test_a_guard_with_an_older_text_is_replaced_and_others_are_left_alone(monkeypatch):
    name = "kit_auditentry_is_kept"
    newer = dataclasses.replace(
        guards._guards[name], sqlite="OLD.verb <> 'trial'", postgresql="OLD.verb <> 'trial'"
    )
    monkeypatch.setitem(guards._guards, name, newer)
    assert guards.missing() == [name]
    guards.up()
    assert guards.missing() == []
    run("INSERT INTO kit_auditentry (at, verb, kind, changes, salt, digest) "
        "VALUES ('2026-11-20 12:00:00', 'trial', 'y', '{}', 'salt', 'digest')")  # fmt: skip
    run("DELETE FROM kit_auditentry WHERE verb = 'trial'")
    monkeypatch.undo()
    assert guards.missing() == [name]
    guards.up()
    assert guards.missing() == []


# Through migrations


@cache
def rendered_state() -> ProjectState:
    """The models as the migrations say; rendered once, for clones take that along."""
    state = MigrationLoader(None).project_state()
    assert state.apps
    return state


@contextmanager
def migrated(app: str, *operations) -> Iterator[Any]:
    """A migration of the app applied with everything `migrate` does around it, then undone."""
    migration = migrations.Migration("made_up", app)
    migration.operations = list(operations)  # type: ignore[misc]

    def around(backwards: bool, act: Callable) -> None:
        plan = [(migration, backwards)]
        how: Any = {"verbosity": 0, "interactive": False, "db": "default"}
        emit_pre_migrate_signal(**how, plan=plan)
        with connection.schema_editor(atomic=True) as editor:
            act(editor)
        emit_post_migrate_signal(**how, plan=plan)

    before = rendered_state()
    around(False, lambda editor: migration.apply(before.clone(), editor))
    try:
        yield
    finally:
        around(True, lambda editor: migration.unapply(before.clone(), editor))


def field_to_change(table: str) -> models.Field:
    """A column of the ledger that no constraint and no index needs."""
    name = {
        "kit_auditentry": "salt",
        "customers_statuschange": "text",
        "plans_contractevent": "at",
        "plans_freeze": "frozen_at",
        "bookings_booking": "reason",
        "bookings_assignment": "made_at",
        "bookings_creditentry": "at",
        "bookings_creditgrant": "unit",
        "billing_accountentry": "at",
        "billing_allocation": "at",
        "billing_billedcycle": "due_on",
        "billing_charge": "at",
        "billing_chargevoid": "at",
        "billing_claim": "at",
        "billing_claimcancellation": "at",
        "billing_creditnote": "reason",
        "billing_creditnoteline": "text",
        "billing_document": "made_with",
        "billing_invoice": "note",
        "billing_invoiceline": "detail",
        "billing_payment": "reference",
        "billing_subscription": "signed_on",
        "billing_writeoff": "at",
        "plans_contract": "notes",
    }[table]
    return next(field for field in MODELS[table]._meta.local_fields if field.name == name)


def still_guards(table: str) -> None:
    assert guards.missing() == []
    if table not in LEDGERS:
        return
    change = {
        "kit_auditentry": "verb = 'tampered'",
        "bookings_creditgrant": "starts_on = '1999-01-01'",
        "billing_billedcycle": "starts_on = '1999-01-01'",
        "billing_creditnote": "issued_on = '1999-01-01'",
        "billing_creditnoteline": "sequence = 99",
        "billing_document": "sha256 = 'tampered'",
        "billing_invoice": "number = 'tampered'",
    }.get(table, "\"on\" = '1999-01-01'")
    refused_by(f"{table}_stays_as_written", f"UPDATE {table} SET {change}")  # noqa: S608


def redeclared(monkeypatch, table: str, column: str, new: str | None) -> None:
    """The guards of a table as the next version would write them: a column renamed or gone."""
    for guard in list(guards._guards.values()):
        if guard.table != table or f'"{column}"' not in guard.sqlite:
            continue
        if new is None:
            frozen = [name for name in columns_of(table) if name != column]
            [later, *_rest] = guards.append_only(guard.app, table, frozen=frozen, deletable=True)
        else:
            later = dataclasses.replace(
                guard,
                sqlite=guard.sqlite.replace(f'"{column}"', f'"{new}"'),
                postgresql=guard.postgresql.replace(f'"{column}"', f'"{new}"'),
            )
        monkeypatch.setitem(guards._guards, guard.name, later)


def _named(table: str) -> tuple[str, str]:
    model = MODELS[table]
    return model._meta.app_label, model._meta.model_name or ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("app", sorted({_named(table)[0] for table in GUARDED}))
def test_changed_tables_keep_their_rows_and_guards(history, app, monkeypatch):
    """Columns are widened, renamed, dropped and added: on SQLite each remakes the table, which
    loses its triggers."""
    tables = [table for table in GUARDED if _named(table)[0] == app]
    rows = {table: MODELS[table]._base_manager.count() for table in tables}
    _widen(app, rows)
    _rename(app, tables, monkeypatch)
    _point_elsewhere(app, tables)
    _drop(app, rows, monkeypatch)


def _widen(app: str, rows: dict[str, int]) -> None:
    wider = [
        migrations.AlterField(
            _named(table)[1], field_to_change(table).name, models.TextField(null=True)
        )
        for table in rows
    ]
    with migrated(app, Batch(wider)):
        for table, count in rows.items():
            still_guards(table)
            assert MODELS[table]._base_manager.values("pk").count() == count
    for table in rows:
        still_guards(table)


def _rename(app: str, tables: list[str], monkeypatch) -> None:
    fields = {table: field_to_change(table) for table in tables}
    before = {
        table: MODELS[table]._base_manager.order_by("pk").values_list(field.name, flat=True)
        for table, field in fields.items()
    }
    values = {table: list(found) for table, found in before.items()}
    operations = [
        migrations.RenameField(_named(table)[1], field.name, "renamed")
        for table, field in fields.items()
    ]
    with monkeypatch.context() as patch:
        for table, field in fields.items():
            redeclared(patch, table, str(field.column), "renamed")
        with migrated(app, Batch(operations)):
            for table in tables:
                still_guards(table)
                if table in LEDGERS:
                    with pytest.raises(IntegrityError), transaction.atomic():
                        run(f"UPDATE {table} SET renamed = '1999-01-01'")  # noqa: S608
            patch.undo()
    for table in tables:
        still_guards(table)
        assert list(before[table].all()) == values[table]


def _point_elsewhere(app: str, tables: list[str]) -> None:
    points = [
        migrations.AddField(
            _named(table)[1],
            "somewhere",
            models.ForeignKey("spaces.Location", models.PROTECT, null=True, related_name="+"),
        )
        for table in tables
    ]
    with migrated(app, Batch(points)):
        for table in tables:
            still_guards(table)
    for table in tables:
        still_guards(table)


def _drop(app: str, rows: dict[str, int], monkeypatch) -> None:
    fields = {table: field_to_change(table) for table in rows}
    defaults, removals = [], []
    for table, field in fields.items():
        # Coming back, the column needs something for the rows that are there.
        with_default = field.clone()
        if not with_default.has_default():
            is_date = isinstance(field, models.DateField)
            with_default.default = dt.date(2026, 1, 1) if is_date else ""
        model = _named(table)[1]
        defaults.append(migrations.AlterField(model, field.name, with_default))
        removals.append(migrations.RemoveField(model, field.name))
    with monkeypatch.context() as patch:
        for table, field in fields.items():
            redeclared(patch, table, str(field.column), None)
        with migrated(app, Batch(defaults), Batch(removals)), connection.cursor() as cursor:
            for table, count in rows.items():
                still_guards(table)
                found = connection.introspection.get_table_description(cursor, table)
                assert fields[table].column not in [column.name for column in found]
                cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
                assert cursor.fetchone() == (count,)
            patch.undo()
    for table in rows:
        still_guards(table)


@pytest.mark.django_db(transaction=True)
def test_without_the_care_around_migrations_a_remade_table_loses_its_guards(history):
    """The control of the tests above: on SQLite the triggers go with the old table."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite remakes tables")
    with connection.schema_editor(atomic=True) as editor:
        editor._remake_table(AuditEntry)  # type: ignore[attr-defined]
    assert set(guards.missing()) == {"kit_auditentry_is_kept", "kit_auditentry_stays_as_written"}
    guards.up()


@pytest.mark.django_db(transaction=True)
def test_a_table_that_ledgers_point_to_can_be_remade(history):
    name = models.CharField(max_length=300)
    with migrated("customers", migrations.AlterField("customer", "full_name", name)):
        still_guards("plans_contractevent")
        assert Customer.objects.exists()
    assert guards.missing() == []


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_fails_leaves_guards_that_the_next_one_puts_up(history):
    class Broken(Exception):
        pass

    def fail(apps, editor):
        raise Broken

    with suppress(Broken), migrated("kit", migrations.RunPython(fail, fail)):
        pass
    assert "kit_auditentry_is_kept" in guards.missing()
    call_command("migrate", verbosity=0)
    assert guards.missing() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("app", "target"),
    [
        ("billing", "zero"),
        ("bookings", "0001"),
        ("bookings", "zero"),
        ("plans", "0001"),
        ("plans", "zero"),
        ("customers", "zero"),
    ],
)
def test_migrating_back_and_forth_keeps_the_guards(app, target):
    try:
        call_command("migrate", app, target, verbosity=0)
        assert "kit_auditentry_is_kept" not in guards.missing()
    finally:
        call_command("migrate", verbosity=0)
    assert guards.missing() == []


@pytest.mark.django_db(transaction=True)
def test_the_ground_itself_can_go_back_to_nothing_and_return():
    try:
        call_command("migrate", "kit", "zero", verbosity=0)
        assert "kit_auditentry" not in connection.introspection.table_names()
    finally:
        call_command("migrate", verbosity=0)
    assert guards.missing() == []


@pytest.mark.django_db(transaction=True)
def test_flush_empties_every_table_and_leaves_the_guards_standing(history):
    call_command("flush", interactive=False, verbosity=0, stdout=StringIO())
    for table in GUARDED:
        assert not MODELS[table]._base_manager.exists()
    assert guards.missing() == []
