import signal
import threading
from types import FrameType

from django.db import close_old_connections

from coworking import daily
from kit import audit, clock, jobs, outbox
from kit.commands import HouseCommand, Result
from kit.problems import Refused
from spaces.models import Location


class Command(HouseCommand):
    help = (
        "The background worker: sends e-mail, works off imports, and does the daily job once a "
        "location's day has turned. Start one or several; stop with Ctrl-C or SIGTERM."
    )

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="do what is due now and stop")
        parser.add_argument(
            "--every", type=float, default=2.0, metavar="SECONDS", help="pause between rounds"
        )

    def work(self, *, once, every, **options) -> Result:
        self.stopping = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.stop)
        rounds = 0
        while not self.stopping.is_set():
            busy = self.round()
            rounds += 1
            if once and not busy:
                break
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
        if self.day_has_turned():
            try:
                daily.run(daily.CHORES, job="daily")
            except Refused as refused:
                self.stderr.write(str(refused))
                self.stopping.wait(60)
        return bool(sent) or sealed == 1000

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
