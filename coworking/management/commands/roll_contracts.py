from coworking import daily
from kit.commands import DONE, PARTLY, HouseCommand, Result, add_date


class Command(HouseCommand):
    help = (
        "Announce every contract that has started, ended, been frozen or resumed and was not "
        "announced yet, with its true date. Safe to repeat. Statuses are right without it."
    )

    def add_arguments(self, parser):
        add_date(parser)

    def work(self, *, on, yes_jump, **options) -> Result:
        figures, failures = daily.run(
            [daily.CHORES[0]], job="roll_contracts", on=on, yes_jump=yes_jump,
            progress=self.progress,
        )  # fmt: skip
        return summary(self, figures["roll_contracts"], failures)


def summary(command: HouseCommand, rolled: dict, failures: int) -> Result:
    if "error" in rolled:
        return Result(f"Contracts could not be rolled: {rolled['error']}", rolled, PARTLY)
    for key, error in rolled["held"].items():
        command.say(f"Customer {key} waits: {error}")
    text = f"{rolled['announced']} announced, {len(rolled['held'])} customers waiting."
    return Result(text, rolled, PARTLY if failures else DONE)
