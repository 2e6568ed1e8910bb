from kit import policies
from kit.commands import DONE, WRONG, HouseCommand, Result


class Command(HouseCommand):
    help = "List every address with who may come; exit 1 if one does not say."

    def work(self, **options) -> Result:
        routes = sorted(policies.routes(), key=lambda route: route.address)
        width = max(len(route.address) for route in routes)
        for route in routes:
            words = policies.named(route.policy).words if route.policy else "NOBODY SAID"
            self.say(f"/{route.address:<{width}}  {words}")
        mistakes = policies.mistakes()
        for mistake in mistakes:
            self.say(mistake)
        figures = {
            "routes": [
                {"address": f"/{r.address}", "name": r.name, "policy": r.policy} for r in routes
            ],
            "mistakes": mistakes,
        }
        text = f"{len(routes)} routes, {len(mistakes)} mistakes."
        return Result(text, figures, WRONG if mistakes else DONE)
