from coworking.management.commands.suspend import customer_of
from kit.commands import HouseCommand, Result


class Command(HouseCommand):
    help = (
        "Lift a customer's suspension, or let in somebody who waits for approval. Fees that fell "
        "due meanwhile are waived."
    )

    def add_arguments(self, parser):
        parser.add_argument("id", type=int, metavar="ID", help="the number in its address")
        parser.add_argument(
            "--bill-missed", action="store_true", help="charge the missed fees in full instead"
        )

    def work(self, *, id, bill_missed, **options) -> Result:
        customer = customer_of(id)
        suspension = customer.reinstate(by=None, bill_missed=bill_missed)
        figures = {
            "customer": customer.pk,
            "bill_missed": bill_missed,
            "lifted_on": suspension.lifted_on,
        }
        return Result(f"{customer.name} is not suspended any more.", figures)
