from customers.models import Customer, Suspension
from kit.commands import HouseCommand, Result
from kit.problems import Problem, Refused


def customer_of(key: int) -> Customer:
    """The customer with a key. Raises `Refused` with `unknown_customer`."""
    found = Customer.objects.filter(pk=key).select_related("location", "user").first()
    if found is None:
        raise Refused(Problem("unknown_customer", f"There is no customer {key}."))
    return found


class Command(HouseCommand):
    help = (
        "Suspend a customer: every session in the portal ends at once, and signing in is refused. "
        "Contracts stay as they are."
    )

    def add_arguments(self, parser):
        parser.add_argument("id", type=int, metavar="ID", help="the number in its address")
        parser.add_argument("--reason", required=True, help="told to whoever signs in")
        parser.add_argument(
            "--cause", choices=Suspension.Cause.values, default=Suspension.Cause.MANUAL.value
        )

    def work(self, *, id, reason, cause, **options) -> Result:
        customer = customer_of(id)
        suspension = customer.suspend(by=None, reason=reason, cause=cause)
        figures = {
            "customer": customer.pk,
            "cause": cause,
            "reason": suspension.reason,
            "suspended_on": suspension.suspended_on,
        }
        return Result(f"{customer.name} is suspended.", figures)
