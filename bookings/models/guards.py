"""What keeps two bookings of a resource apart, whoever writes them.

On PostgreSQL exclusion constraints, made by a migration, keep bookings from bookings and contracts
from contracts; SQLite has triggers for the same. Between the two kinds triggers stand on both:
on PostgreSQL they first lock the resource, so that what they see is all there is.
"""

from bookings.models.booking import BLOCKING, OCCUPIED, TAKEN
from kit.guards import Guard
from kit.problems import speak_for

APART, ASSIGNED_APART = "bookings_stay_apart", "assignments_stay_apart"
FOREVER = "'9999-12-31'"
_BLOCKS = "state IN ({})".format(", ".join(f"'{state}'" for state in BLOCKING))
_LOCK = "PERFORM 1 FROM bookings_resource WHERE id = NEW.resource_id FOR NO KEY UPDATE;"


def _meets(table: str, own: str, other: str, *, same_table: bool, forever: str) -> str:
    """Whether a new row and another one of `table` want the same resource at the same time."""
    others_end, new_end = "other.blocked_until", "NEW.blocked_until"
    if table == "bookings_assignment":
        others_end = f"COALESCE({others_end}, {forever})"
    if own.startswith("NEW.withdrawn_at"):
        new_end = f"COALESCE({new_end}, {forever})"
    itself = " AND other.id IS NOT NEW.id" if same_table else ""
    # Names are ours, nothing comes from outside.
    return (
        f"{own} AND EXISTS (SELECT 1 FROM {table} other "  # noqa: S608
        f"WHERE other.resource_id = NEW.resource_id{itself} AND other.{other} "
        f"AND other.blocked_from < {new_end} AND {others_end} > NEW.blocked_from)"
    )


_BOOKING, _ASSIGNMENT = f"NEW.{_BLOCKS}", "NEW.withdrawn_at IS NULL"
_STANDS = "withdrawn_at IS NULL"
_MOMENT = f"{FOREVER}::timestamptz"


def _pair(name: str, table: str, sqlite: str, postgresql: str = "") -> list[Guard]:
    return [
        Guard(
            f"{name}_when_{word}", "bookings", table, event, sqlite=sqlite, postgresql=postgresql,
            first=_LOCK if postgresql else "",
        )
        for word, event in (("made", "INSERT"), ("moved", "UPDATE"))
    ]  # fmt: skip


guards_of_bookings = [
    *_pair(
        APART, "bookings_booking",
        _meets("bookings_booking", _BOOKING, _BLOCKS, same_table=True, forever=FOREVER),
    ),
    *_pair(
        ASSIGNED_APART, "bookings_assignment",
        _meets("bookings_assignment", _ASSIGNMENT, _STANDS, same_table=True, forever=FOREVER),
    ),
    *_pair(
        "bookings_keep_off_assignments", "bookings_booking",
        _meets("bookings_assignment", _BOOKING, _STANDS, same_table=False, forever=FOREVER),
        _meets("bookings_assignment", _BOOKING, _STANDS, same_table=False, forever=_MOMENT),
    ),
    *_pair(
        "assignments_keep_off_bookings", "bookings_assignment",
        _meets("bookings_booking", _ASSIGNMENT, _BLOCKS, same_table=False, forever=FOREVER),
        _meets("bookings_booking", _ASSIGNMENT, _BLOCKS, same_table=False, forever=_MOMENT),
    ),
]  # fmt: skip

for _name, _problem in (
    (APART, TAKEN),
    (ASSIGNED_APART, OCCUPIED),
    ("bookings_keep_off_assignments", OCCUPIED),
    ("assignments_keep_off_bookings", TAKEN),
):
    speak_for(f"{_name}_when_made", _problem)
    speak_for(f"{_name}_when_moved", _problem)
# What PostgreSQL calls the exclusion constraints.
speak_for(APART, TAKEN)
speak_for(ASSIGNED_APART, OCCUPIED)
