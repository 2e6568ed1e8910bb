"""What is asked at every start and before every deployment."""

import logging

from django.core.checks import Error, Tags, register
from django.db import DatabaseError

from coworking import versions
from kit import guards, policies

log = logging.getLogger(__name__)


@register(Tags.security)
def every_route_says_who_may_come(app_configs, **kwargs) -> list[Error]:
    """Routes without a policy, policies nobody defined, names of routes that are gone."""
    return [Error(mistake, id="coworking.E001") for mistake in policies.mistakes()]


@register("guards", deploy=True)
def every_guard_stands(app_configs, databases=None, **kwargs) -> list[Error]:
    """Triggers that keep history from being rewritten; never asked while migrating."""
    found = []
    for alias in databases or ():
        found += [
            Error(
                f"The guard {name} is not standing in the database.",
                hint="Run manage.py migrate, which puts it up.",
                id="coworking.E002",
            )
            for name in guards.missing(alias)
        ]
    return found


def say_at_start() -> None:
    """Log an error when a server starts on another version's database or without its guards."""
    try:
        reason = versions.why_unusable()
        missing = guards.missing()
    except DatabaseError:
        return  # /readyz tells of a database that does not answer
    if reason:
        log.error("%s", reason)
    elif missing:
        log.error("guards are not standing, run manage.py migrate: %s", ", ".join(missing))
