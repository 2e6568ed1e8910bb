"""The audit log: every change with who, what, the old and the new value.

A row is written in the transaction of the change, unchained, so that writers never wait for
each other. `seal()` gives committed rows their place and a hash over the row before, so that
later tampering shows. Personal values stand in a column of their own that erasure may blank;
the salted digest beside it keeps the chain provable.
"""

import hashlib
import json
import secrets
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

from kit import clock, guards
from kit.models import AuditEntry

SEALER = 7_325_001  # the key of the advisory lock, ours alone

FROZEN = ("at", "by_id", "verb", "kind", "object_id", "changes", "salt", "digest")


def declare_guards() -> None:
    guards.declare(
        *guards.append_only(
            "kit",
            "kit_auditentry",
            frozen=FROZEN,
            set_once=("place", "seal"),
            erasable=("personal",),
        )
    )


def record(
    verb: str,
    subject: models.Model,
    *,
    by: models.Model | None,
    changes: dict[str, list] | None = None,
    personal: dict[str, list] | None = None,
) -> AuditEntry:
    """Write that `by` (None for the system) did `verb` to `subject`.

    `changes` and `personal` map a field to [old, new]; personal ones can be erased later.
    """
    entry = drafted(verb, subject, by=by, changes=changes, personal=personal)
    entry.save(force_insert=True)
    return entry


def drafted(verb, subject, *, by, changes=None, personal=None) -> AuditEntry:
    """The row that `record` would write, for callers that write many at once."""
    salt = secrets.token_hex(16)
    private = _plain(personal) if personal else None
    return AuditEntry(
        at=clock.now(),
        by_id=by.pk if by is not None else None,
        verb=verb,
        kind=subject._meta.label_lower,
        object_id=subject.pk,
        changes=_plain(changes or {}),
        personal=private,
        salt=salt,
        digest=_digest(salt, private),
    )


def differences(
    before: dict[str, Any], record: models.Model, *, personal: frozenset[str] = frozenset()
) -> tuple[dict[str, list], dict[str, list]]:
    """What changed on a record since `before` (field → value), split into (open, personal)."""
    found: dict[str, list] = {}
    private: dict[str, list] = {}
    for name, old in before.items():
        new = getattr(record, name)
        if new != old:
            (private if name in personal else found)[name] = [old, new]
    return found, private


def snapshot(record: models.Model, names: list[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def seal(limit: int = 1000) -> int:
    """Chain up to `limit` committed rows; returns how many. Two sealers cannot collide."""
    place: int
    if not AuditEntry.objects.filter(place=None).exists():
        return 0
    with transaction.atomic():
        _be_the_only_sealer()
        last = AuditEntry.objects.exclude(place=None).order_by("-place").first()
        place, previous = (last.place or 0, last.seal or "") if last else (0, "")
        rows = list(AuditEntry.objects.filter(place=None).order_by("pk")[:limit])
        for row in rows:
            place += 1
            row.place, row.seal = place, _seal(row, place, previous)
            previous = row.seal
        AuditEntry.objects.bulk_update(rows, ["place", "seal"], batch_size=200)
    return len(rows)


def _be_the_only_sealer() -> None:
    """Wait for another sealer's commit; the rows read afterwards are all that it left.

    Locking the last row would not do: whoever waited for it gets the row that was the last one
    before the wait. SQLite has one writer at a time by itself.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALER])


def broken() -> list[str]:
    """What does not fit in the sealed chain, in words; empty when every row is as written."""
    found = []
    previous, last = "", 0
    rows = AuditEntry.objects.exclude(place=None).order_by("place")
    while page := list(rows.filter(place__gt=last)[:1000]):
        for row in page:
            place = row.place or 0
            if place != last + 1:
                found.append(f"the audit log lacks row {last + 1}")
            if row.seal != _seal(row, place, previous):
                found.append(f"row {place} of the audit log is not as it was written")
            if row.personal is not None and row.digest != _digest(row.salt, row.personal):
                found.append(f"personal values in row {place} of the audit log were changed")
            previous, last = row.seal or "", place
    return found


class _Encoder(DjangoJSONEncoder):
    """A record is kept as its key: the log has ids instead of foreign keys."""

    def default(self, o):
        return o.pk if isinstance(o, models.Model) else super().default(o)


def _plain(values: dict) -> dict:
    """The values as JSON that every engine gives back as it was; floats therefore as text."""
    return json.loads(json.dumps(values, cls=_Encoder), parse_float=str)


def _digest(salt: str, personal: dict | None) -> str:
    text = salt + json.dumps(personal, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _seal(row: AuditEntry, place: int, previous: str) -> str:
    content = [
        place,
        previous,
        row.at.isoformat(),
        row.by_id,
        row.verb,
        row.kind,
        row.object_id,
        row.changes,
        row.digest,
    ]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
