from coworking.integrity import PROOFS
from kit.commands import DONE, WRONG, HouseCommand, Result

MOST_SHOWN = 20


class Command(HouseCommand):
    help = (
        "Prove the invariants on the data as it is: guards, audit log, contracts, freezes, "
        "announcements, statuses. Says what is wrong, and exits 1 if anything is."
    )

    def work(self, **options) -> Result:
        found: dict[str, list[str]] = {}
        for number, proof in enumerate(PROOFS):
            self.progress(number, len(PROOFS), proof.name)
            wrong = list(proof.find())
            if wrong:
                found[proof.name] = wrong
            self.say(f"{proof.name:<16} {'in order' if not wrong else f'{len(wrong)} wrong'}")
            for sentence in wrong[:MOST_SHOWN]:
                self.say(f"    {sentence}")
        total = sum(map(len, found.values()))
        text = f"{len(PROOFS)} proofs, {total} findings."
        return Result(text, {"findings": found}, WRONG if total else DONE)
