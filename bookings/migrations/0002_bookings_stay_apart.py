"""On PostgreSQL two bookings of a resource cannot overlap, nor two contracts on one.

On SQLite triggers keep them apart: see `bookings.models.guards`.
"""

from django.db import migrations

from kit.schema import PostgresSQL

ADD = [
    """
ALTER TABLE bookings_booking ADD CONSTRAINT bookings_stay_apart EXCLUDE USING gist (
    int8range(resource_id, resource_id, '[]') WITH &&,
    tstzrange(blocked_from, blocked_until, '[)') WITH &&
) WHERE (state IN ('tentative', 'confirmed', 'no_show'))
""",
    """
ALTER TABLE bookings_assignment ADD CONSTRAINT assignments_stay_apart EXCLUDE USING gist (
    int8range(resource_id, resource_id, '[]') WITH &&,
    tstzrange(blocked_from, blocked_until, '[)') WITH &&
) WHERE (withdrawn_at IS NULL)
""",
]
DROP = [
    "ALTER TABLE bookings_booking DROP CONSTRAINT bookings_stay_apart",
    "ALTER TABLE bookings_assignment DROP CONSTRAINT assignments_stay_apart",
]


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]

    operations = [PostgresSQL(ADD, DROP)]
