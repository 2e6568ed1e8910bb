"""Whether a database belongs to this version: its applied migrations are all known here."""

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

# The first migrations until the first release; each app has one file for them now.
BEFORE_THE_FIRST_RELEASE = {
    ("billing", "0001_first_billing"),
    ("billing", "0001_billing"),
    ("billing", "0001_initial"),
    ("bookings", "0001_first_bookings"),
    ("customers", "0001_first_customers"),
    ("kit", "0001_first_kit"),
    ("plans", "0001_first_plans"),
    ("spaces", "0001_first_spaces"),
}


def unknown_migrations(using: str = DEFAULT_DB_ALIAS) -> list[tuple[str, str]]:
    """Return the applied migrations of our apps that this version does not have, sorted.

    Packages may leave out old migrations of their own; theirs are not looked at.
    """
    ours = {
        app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR
    }
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    applied = MigrationRecorder(connections[using]).applied_migrations()
    return sorted(key for key in applied if key[0] in ours and key not in known)


def why_unusable(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return what to do with a database that another version has made; empty for one of ours."""
    unknown = unknown_migrations(using)
    if not unknown:
        return ""
    connection = connections[using]
    name = connection.settings_dict["NAME"]
    if BEFORE_THE_FIRST_RELEASE.isdisjoint(unknown):
        listed = ", ".join(".".join(key) for key in unknown)
        return (
            f"The database {name} was made by a newer version of Coworking: {listed} is not known "
            "here. Install that version, or restore a backup from before its update."
        )
    way = (
        "move the file away (for example to db-old.sqlite3)"
        if connection.vendor == "sqlite"
        else "create an empty database and name it in DATABASE_URL"
    )
    return (
        f"The database {name} was made before the first release of Coworking, and its tables "
        f"cannot be migrated. To start with a new one, {way} and run this command again."
    )
