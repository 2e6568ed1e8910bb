"""Two people edit one record's words: what each did not touch is merged, a real collision shows.

The record has a `version`. An edit names the new values and what its author saw; a field that
somebody else changed meanwhile to something else is refused with both values.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from kit import audit
from kit.problems import Problem, Refused, check_fields


def apply(
    record: Any,
    changes: dict[str, Any],
    *,
    seen: dict[str, Any] | None = None,
    by: models.Model | None,
    verb: str,
    personal: frozenset[str] = frozenset(),
) -> list[str]:
    """Write `changes` (field → value) onto a freshly read, locked record; returns what changed.

    `seen` holds the values that the author of the edit was looking at; a field that still holds
    what was seen was not touched and is left as others made it. Raises `Refused` with
    `changed_meanwhile` for each field that collides, and with what `clean` finds.
    """
    if seen is not None:
        changes = {
            name: value
            for name, value in changes.items()
            if name not in seen or seen[name] != value
        }
    before = audit.snapshot(record, list(changes))
    collisions = [
        Problem(
            "changed_meanwhile",
            _("Meanwhile this was changed to “%(theirs)s”. Save again to put yours in its place.")
            % {"theirs": before[name]},
            name,
        )
        for name, value in changes.items()
        if seen is not None and name in seen and before[name] not in (seen[name], value)
    ]
    if collisions:
        raise Refused(*collisions)
    for name, value in changes.items():
        setattr(record, name, value)
    check_fields(record)
    changed = [name for name, old in before.items() if getattr(record, name) != old]
    if changed:
        record.version += 1
        record.save()
        open_, private = audit.differences(before, record, personal=personal)
        audit.record(verb, record, by=by, changes=open_, personal=private)
    return changed
