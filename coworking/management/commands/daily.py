from coworking import daily
from kit.commands import DONE, PARTLY, HouseCommand, Result, add_date


class Command(HouseCommand):
    help = (
        "Do all that is due: contracts that start, end, freeze and resume, bookings that nobody "
        "approved, booking credit that begins and ends, billing, deposits, reminders, and the "
        "sealing of the audit log. Safe to repeat; catches up on days that it missed."
    )

    def add_arguments(self, parser):
        add_date(parser)

    def work(self, *, on, yes_jump, **options) -> Result:
        figures, failures = daily.run(
            daily.CHORES, job="daily", on=on, yes_jump=yes_jump, progress=self.progress
        )
        rolled = figures["roll_contracts"]
        for name, figure in figures.items():
            if "error" in figure:
                self.say(f"{name} failed: {figure['error']}")
        for key, error in rolled.get("held", {}).items():
            self.say(f"Customer {key} waits: {error}")
        billed = figures.get("run_billing", {})
        for key, error in billed.get("failed", {}).items():
            self.say(f"Customer {key} was not billed: {error}")
        if made := billed.get("invoiced", 0) + billed.get("drafted", 0):
            self.say(f"{made} invoices made.")
        text = f"Daily done: {rolled.get('announced', 0)} announced, {failures} failed."
        return Result(text, figures, PARTLY if failures else DONE)
