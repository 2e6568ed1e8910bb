"""The whole space as open files: one CSV per table and a manifest, for people and for moving.

A table's file has a header of column names and its rows in the order of their keys. Dates and times
of day are ISO, moments ISO in UTC, amounts and rates plain decimals, truth values true or false,
lists and objects JSON, files base64; an empty cell is a missing value. Texts that a spreadsheet
would run as a formula carry an apostrophe in front (`kit.cells`), and an apostrophe alone is an
empty text in a column whose text may be missing; so `value` gives back exactly what was there.

Left out are what only this installation needs or makes anew: sessions, the cache, keys of sent
forms, pending e-mail confirmations, `session_epoch` of logins, and the plain forms of names that
searching and sorting need. Passwords are in it as hashes: keep it like a backup.
"""

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import os
import shutil
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from kit import clock
from kit.cells import harmless, natural
from kit.money import ScaledField
from kit.problems import Problem, Refused
from kit.words import PlainTextField

Progress = Callable[[int, int], None]

ROOMS = ("kit", "spaces", "customers", "plans", "bookings", "billing")
ALSO = ("account.emailaddress", "mfa.authenticator")
LEFT_OUT = ("kit.submittedform", "kit.cacheentry")
LEFT_OUT_COLUMNS = {"customers.user": ("session_epoch",)}
# What an import that was undone leaves behind, and nothing else.
TRACES = frozenset(
    {"kit_auditentry", "kit_outboxmessage", "plans_customerimport", "plans_importrow"}
)
FORMAT = 1
PAGE = 1000
MANIFEST = "manifest.json"
EMPTY_TEXT = "'"


def tables() -> list[type[models.Model]]:
    """The models whose tables are exported, by table name."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ROOMS or model._meta.label_lower in ALSO
        if model._meta.label_lower not in LEFT_OUT
    ]
    return sorted(found, key=lambda model: model._meta.db_table)


def columns(model: type[models.Model]) -> list[models.Field]:
    """The columns of a table that are exported, in the order of the model."""
    left_out = LEFT_OUT_COLUMNS.get(model._meta.label_lower, ())
    return [
        field
        for field in model._meta.local_concrete_fields
        if field.name not in left_out and not isinstance(field, PlainTextField)
    ]


def cell(field: models.Field, value: Any) -> str:
    """A value as the text of its cell. Raises `TypeError` for a kind of field unknown here."""
    if value is None:
        return ""
    match _kind(field):
        case models.BooleanField():
            return "true" if value else "false"
        case models.JSONField():
            return harmless(
                json.dumps(
                    value, cls=DjangoJSONEncoder, ensure_ascii=False, sort_keys=True,
                    separators=(",", ":"),
                )
            )  # fmt: skip
        case models.BinaryField():
            return _text(field, base64.b64encode(value).decode())
        case models.DateTimeField():
            return value.astimezone(dt.UTC).isoformat()
        case models.DateField() | models.TimeField():
            return value.isoformat()
        case ScaledField():
            return f"{value:f}"
        case models.IntegerField():
            return str(value)
        case models.CharField() | models.TextField():
            return _text(field, value)
    raise TypeError(f"{field} has no form in an export")


def value(field: models.Field, text: str) -> Any:
    """The value that `cell` made this text of. Raises `ValueError` for what is none."""
    kind = _kind(field)
    if text == "" and field.null:
        return None
    match kind:
        case models.BooleanField():
            if text not in ("true", "false"):
                raise ValueError(f"{text!r} is neither true nor false")
            return text == "true"
        case models.JSONField():
            return json.loads(natural(text))
        case models.BinaryField():
            return base64.b64decode("" if text == EMPTY_TEXT else natural(text), validate=True)
        case models.DateTimeField():
            return parse_datetime(text)
        case models.DateField():
            return dt.date.fromisoformat(text)
        case models.TimeField():
            return dt.time.fromisoformat(text)
        case ScaledField():
            return Decimal(text)
        case models.IntegerField():
            return int(text)
    return "" if text == EMPTY_TEXT else natural(text)


def _text(field: models.Field, text: str) -> str:
    return EMPTY_TEXT if field.null and text == "" else harmless(text)


def _kind(field: models.Field) -> models.Field:
    """The field itself; for a foreign key the one that it points to."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def export(
    folder: Path, *, progress: Progress = lambda done, total: None, using: str = DEFAULT_DB_ALIAS
) -> dict[str, Any]:
    """Write everything into a folder that is new or empty; returns the manifest.

    All tables show the same moment. The files are written beside it and take its place when
    they are whole. `progress` is told (rows done, rows in all). Raises `Refused` with
    `folder_not_empty`, `not_a_folder` or `cannot_write`.
    """
    folder = folder.absolute()
    _refuse_unless_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise Refused(_cannot_write(error)) from error
    try:
        with _moment(using, part):
            manifest = _write(part, progress, using)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise Refused(_cannot_write(error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def rows(folder: Path, table: str) -> Iterator[dict[str, str]]:
    """The cells of an exported table, row by row, by column name."""
    csv.field_size_limit(2**31 - 1)
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def differences(one: Path, other: Path, *, leaving_out: Collection[str] = ()) -> list[str]:
    """What two exports do not have in common, a line per table; empty when they are equal.

    `leaving_out` names tables that may differ, such as `TRACES`.
    """
    found = []
    left, right = (_manifest(folder)["tables"] for folder in (one, other))
    for table in sorted({*left, *right} - set(leaving_out)):
        if left.get(table) == right.get(table):
            continue
        if table not in left or table not in right:
            found.append(f"{table}: only in one of them")
            continue
        lines = [Counter(map(_line, rows(folder, table))) for folder in (one, other)]
        gone, new = list((lines[0] - lines[1]).elements()), list((lines[1] - lines[0]).elements())
        found.append(f"{table}: {len(gone)} rows gone {gone[:3]}, {len(new)} rows new {new[:3]}")
    return found


def _line(row: dict[str, str]) -> str:
    return " ".join(f"{name}={text}" for name, text in row.items() if text)


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def _refuse_unless_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Refused(Problem("not_a_folder", _("%s is a file, not a folder.") % folder))
    if folder.is_dir() and any(folder.iterdir()):
        raise Refused(
            Problem("folder_not_empty", _("%s is not empty: name a new folder.") % folder)
        )


def _cannot_write(error: OSError) -> Problem:
    return Problem("cannot_write", _("The export cannot be written: %s") % error)


@contextmanager
def _moment(using: str, part: Path) -> Iterator[None]:
    """While this lasts the database shows one moment to us, whoever writes meanwhile.

    Inside a transaction it is the caller's. PostgreSQL keeps a moment for one transaction;
    of SQLite, where a long read would hold up every writer, this thread reads a copy.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(using=using):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        file = part / "copy.sqlite3"
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])
        copy = connection.copy()
        copy.settings_dict["NAME"] = str(file)
        connections[using] = copy
        try:
            yield
        finally:
            connections[using] = connection
            copy.close()
            file.unlink()


def _write(part: Path, progress: Progress, using: str) -> dict[str, Any]:
    wanted = tables()
    total = sum(model._base_manager.using(using).count() for model in wanted)
    done = 0
    described: dict[str, Any] = {}
    for model in wanted:
        header = [str(field.column) for field in columns(model)]
        digest, count = hashlib.sha256(), 0
        with (part / f"{model._meta.db_table}.csv").open("wb") as file:
            for lines in chain([[header]], _pages(model, using)):
                text = _csv(lines)
                digest.update(text)
                file.write(text)
                if lines != [header]:
                    count += len(lines)
                    progress(done + count, total)
            file.flush()
            os.fsync(file.fileno())
        done += count
        described[model._meta.db_table] = {
            "rows": count,
            "sha256": digest.hexdigest(),
            "columns": header,
        }
    manifest = {
        "format": FORMAT,
        "version": _version(),
        "made_at": clock.now().isoformat(),
        "migrations": _migrations(),
        "tables": described,
    }
    text_of_manifest = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (part / MANIFEST).write_text(text_of_manifest, encoding="utf-8")
    return manifest


def _pages(model: type[models.Model], using: str) -> Iterator[list[list[str]]]:
    """The rows as cells, in pages that are fetched whole; those with files one at a time."""
    fields = columns(model)
    key = [field.primary_key for field in fields].index(True)
    size = 1 if any(isinstance(field, models.BinaryField) for field in fields) else PAGE
    everything = model._base_manager.using(using).order_by("pk")
    ahead = everything
    while page := list(ahead.values_list(*(field.attname for field in fields))[:size]):
        yield [list(map(cell, fields, row)) for row in page]
        ahead = everything.filter(pk__gt=page[-1][key])


def _csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def _version() -> str:
    text = (settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["version"]


def _migrations() -> dict[str, str]:
    """The last migration of each room: what shape the tables have."""
    leaves = MigrationLoader(None).graph.leaf_nodes()
    return {app: name for app, name in sorted(leaves) if app in ROOMS}
