import logging
import signal
import threading
import time
from types import FrameType

from django.db import close_old_connections

from billing import runs, sending
from bookings.models.making import lapse_all
from coworking import daily
from kit import audit, clock, jobs, outbox
from kit.commands import HouseCommand, Result
from kit.problems import Refused
from plans.imports import applying
from spaces.models import Location

log = logging.getLogger(__name__)


class Command(HouseCommand):
    help = (
        "The background worker: sends e-mail, works off imports and billing runs, lets bookings "
        "lapse that nobody approved, and does the daily job once a location's day has turned. "
        "Start one or several; stop with Ctrl-C or SIGTERM."
    )

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="do what is due now and stop")
        parser.add_argument(
            "--every", type=float, default=2.0, metavar="SECONDS", help="pause between rounds"
        )

    ask_again_at = 0.0  # after a refusal e-mails go on, the daily job waits a minute

    def work(self, *, once, every, **options) -> Result:
        self.stopping = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.stop)
        rounds = 0
        while not self.stopping.is_set():
            try:
                busy = self.round()
            except Exception:
                # A database that is away comes back; the worker is there when it does.
                log.exception("a round of work failed; the next one follows")
                busy = False
                close_old_connections()
                if once:
                    raise
            rounds += 1
            if once:
                if not busy:
                    break
                continue
            if not busy:
                self.stopping.wait(every)
            close_old_connections()
        return Result(f"Stopped after {rounds} rounds.", {"rounds": rounds})

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def round(self) -> bool:
        """One look around; whether there may be more to do at once."""
        sent, _failed = outbox.deliver()
        sealed = audit.seal()
        lapse_all(at=clock.now())
        if time.monotonic() >= self.ask_again_at and self.day_has_turned():
            try:
                daily.run(daily.CHORES, job="daily")
            except Refused as refused:
                self.stderr.write(str(refused))
                self.ask_again_at = time.monotonic() + 60
        imported = applying.work_one()
        billed = runs.work_one()
        written = sending.write_due()
        return bool(sent) or sealed == 1000 or imported or billed or bool(written)

    def day_has_turned(self) -> bool:
        """Whether some location's date is one that the daily job has not been done for."""
        todays = Location.objects.all().todays()
        last = jobs.latest("daily")
        if not todays:
            return False
        if last is None or max(todays) > last.on:
            return True
        # Locations west of the first one turn later; the job has run since they did?
        return any(
            clock.today_in(zone) > last.started_at.astimezone(zone_of(zone)).date()
            for zone in Location.objects.values_list("timezone", flat=True).distinct()
        )


def zone_of(name: str):
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
