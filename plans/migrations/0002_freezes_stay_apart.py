"""Freezes of one contract never overlap: on PostgreSQL an exclusion constraint.

SQLite has triggers for it, declared beside the model. A range over the contract's key stands in
for equality, so that no extension is needed.
"""

from django.db import migrations

from kit.schema import PostgresSQL

ADD = """
ALTER TABLE plans_freeze ADD CONSTRAINT freezes_stay_apart EXCLUDE USING gist (
    int8range(contract_id, contract_id, '[]') WITH &&,
    daterange(from_on, until, '[]') WITH &&
) WHERE (withdrawn_at IS NULL)
"""
DROP = "ALTER TABLE plans_freeze DROP CONSTRAINT freezes_stay_apart"


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial")]

    operations = [PostgresSQL(ADD, DROP)]
