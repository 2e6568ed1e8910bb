"""Jobs leave a row each time they run, so that a dead job shows."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kit import clock
from kit.models import JobRun

LONGEST_JUMP = dt.timedelta(days=62)


@contextmanager
def running(job: str, on: dt.date) -> Iterator[JobRun]:
    """Keep when a job ran for which date; unfinished rows are runs that were killed."""
    run = JobRun.objects.create(job=job, on=on, started_at=clock.now())
    yield run
    run.finished_at = clock.now()
    run.save(update_fields=["finished_at", "failed", "summary"])


def latest(job: str) -> JobRun | None:
    """The last run of a job that came to its end."""
    return JobRun.objects.filter(job=job).exclude(finished_at=None).order_by("-id").first()


def jumps_too_far(jobs: Iterable[str], on: dt.date) -> bool:
    """Whether `on` lies more than 62 days after the furthest date that these jobs have run for.

    A wrong clock would announce, bill and remind for months that have not come; the first run
    is free.
    """
    ended = JobRun.objects.filter(job__in=list(jobs)).exclude(finished_at=None)
    furthest = ended.order_by("-on").first()
    return furthest is not None and on - furthest.on > LONGEST_JUMP
