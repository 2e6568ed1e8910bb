"""What machines ask: is the process alive, and may it be sent visitors?"""

import datetime as dt

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from coworking import versions
from kit import clock, guards, jobs
from kit.policies import policy

# A day, and the time that a busy night may take.
DAILY_IS_LATE_AFTER = dt.timedelta(hours=26)


@require_safe
@never_cache
@policy("public")
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
@policy("public")
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether this process may be sent visitors: 200 or 503, and what was found, in words.

    The database must answer, every migration must have been applied and every guard must stand.
    A daily run that is late is told and does not close the door: pages are right without it.
    """
    try:
        migrations = _migrations()
        migrated = migrations == "ok"
        # Before the migrations there are no tables to ask.
        fallen = len(guards.missing()) if migrated else 0
        daily = _daily() if migrated else "unknown"
    except Exception:  # whatever stands between us and the database is the same answer
        return JsonResponse({"status": "not ready", "database": "does not answer"}, status=503)
    ready = migrated and not fallen
    return JsonResponse(
        {
            "status": "ready" if ready else "not ready",
            "database": "ok",
            "migrations": migrations,
            "guards": f"{fallen} missing" if fallen else "ok",
            "daily": daily,
        },
        status=200 if ready else 503,
    )


def _migrations() -> str:
    """Return "ok", or what stands between the tables of the database and this version."""
    if versions.unknown_migrations():
        return "made by another version"
    executor = MigrationExecutor(connection)
    unapplied = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return f"{unapplied} to apply" if unapplied else "ok"


def _daily() -> str:
    """Say "ok", "never ran", or "late" with the time of the last run that came to its end."""
    run = jobs.latest("daily")
    if run is None or run.finished_at is None:
        return "never ran"
    if clock.now() - run.finished_at > DAILY_IS_LATE_AFTER:
        return f"late: last run ended {run.finished_at:%Y-%m-%d %H:%M} UTC"
    return "ok"
