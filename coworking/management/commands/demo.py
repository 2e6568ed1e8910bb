from django.core.management import call_command

from coworking import story
from kit import clock, jobs, locks, outbox
from kit.commands import REFUSED, HouseCommand, Result
from spaces.models import Location


class Command(HouseCommand):
    help = (
        "Make a believable space to try: Riverside House with four plans and a year of history. "
        "Does nothing if there is a space already."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--customers", type=int, default=160, metavar="N", help="how many customers (160)"
        )
        parser.add_argument(
            "--reset", action="store_true", help="delete everything first; only for a demo space"
        )

    def work(self, *, customers, reset, **options) -> Result:
        if reset and Location.objects.exists():
            if not is_demo():
                return Result("Refused: this is not the demo space.", code=REFUSED)
            call_command("flush", interactive=False, verbosity=0)
        if Location.objects.exists():
            if not is_demo():
                return Result("There is a space already; nothing was changed.")
            self.show_people()
            return Result("The demo space is there already; nothing was changed.")
        with locks.nobody_else(), jobs.running("demo", clock.now().date()):
            house = story.build(
                customers=customers,
                progress=self.progress,
            )
            outbox.keep_back()
        self.show_people()
        count = house.customer_set.count()
        return Result(f"{house.name} is open, with {count:,} customers.", {"customers": count})

    def show_people(self) -> None:
        self.say(f"Sign in with the password {story.PASSWORD} as")
        for email, name, what in story.PEOPLE:
            self.say(f"  {email:<20} {name}, {what}")


def is_demo() -> bool:
    """Whether this is the space that this command made; it left a note saying so."""
    return jobs.latest("demo") is not None
