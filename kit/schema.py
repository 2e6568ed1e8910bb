"""Operations for migrations that Django does not bring: many tables at once, SQL for PostgreSQL."""

from collections.abc import Sequence

from django.db.migrations.operations import CreateModel, RunSQL
from django.db.migrations.operations.base import Operation, OperationCategory


class CreateModels(Operation):
    """Create the tables of a first migration.

    It does what the listed `CreateModel` operations do one after the other. Each of them would
    make Django render every related model of the project again, which was most of the time that
    `migrate` took; here they are rendered once. The models may refer to each other in this order.
    """

    category = OperationCategory.ADDITION
    serialization_expand_args = ["models"]

    def __init__(self, models: Sequence[CreateModel]):
        self.models = models

    def state_forwards(self, app_label, state):
        # Models that are added to a rendered state are rendered one by one.
        state.__dict__.pop("apps", None)
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return "Create the models " + ", ".join(model.name for model in self.models)


class PostgresSQL(RunSQL):
    """Run SQL on PostgreSQL only, for example an exclusion constraint."""

    def _run_sql(self, schema_editor, sqls):
        if schema_editor.connection.vendor == "postgresql":
            super()._run_sql(schema_editor, sqls)
