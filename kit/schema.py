"""Operations for migrations that Django does not bring: a batch, and SQL for PostgreSQL only."""

from collections.abc import Sequence

from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation


class Batch(Operation):
    """Run operations on different models as one.

    Django renders every related model of the project again for each operation, which was most of
    the time that `migrate` took; here they are rendered once. No operation may depend on another
    one but by a foreign key to a model that is created.
    """

    serialization_expand_args = ["operations"]

    def __init__(self, operations: Sequence[Operation]):
        self.operations = operations

    def state_forwards(self, app_label, state):
        # In a state that is rendered each change would be rendered by itself.
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return "; ".join(operation.describe() for operation in self.operations)


class PostgresSQL(RunSQL):
    """Run SQL on PostgreSQL only, for example an exclusion constraint."""

    def _run_sql(self, schema_editor, sqls):
        if schema_editor.connection.vendor == "postgresql":
            super()._run_sql(schema_editor, sqls)  # type: ignore[misc]
