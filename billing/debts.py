"""Overdue invoices and claims: reminders on the days that the space has set, then, if it wishes, a
suspension that ends by itself when nothing is overdue any more."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from billing.models.claims import Claim
from billing.models.documents import Delivery
from billing.models.invoices import Invoice
from billing.models.runs import Reminder
from customers.models import Customer, Suspension
from kit import locks
from kit.problems import Refused
from spaces.models import Location


class Step(NamedTuple):
    """What is due for an overdue invoice or claim on a day: a reminder after so many days, or a
    suspension (days None)."""

    payable: Any
    days: int | None
    overdue: int

    @property
    def invoice(self) -> Invoice | None:
        return self.payable if isinstance(self.payable, Invoice) else None

    @property
    def customer(self) -> Customer:
        return self.payable.customer


def steps(location: Location, on: dt.date) -> Iterator[Step]:
    """What is to be sent on a day, or done: asked of tomorrow it is the rehearsal.

    Of several reminders that a late job has missed only the last one goes out.
    """
    days = location.reminders
    least = min([*days, location.suspend_after_days or 366], default=366)
    latest = on - dt.timedelta(days=least - 1)
    overdue: list[Any] = [
        payable
        for rows in (Invoice.objects, Claim.objects)
        for payable in rows.filter(location=location)
        .overdue(on=latest)
        .select_related("customer", "location")
        .prefetch_related("reminders", "customer__suspensions")
        .order_by("pk")
    ]
    overdue.sort(key=lambda one: (one.customer.sort_name, one.due_on))
    for payable in overdue:
        late = (on - payable.due_on).days
        told = {reminder.days for reminder in payable.reminders.all()}
        reached = [day for day in days if day <= late]
        if reached and reached[-1] not in told and not any(day > reached[-1] for day in told):
            yield Step(payable, reached[-1], late)
        limit = location.suspend_after_days
        if limit is not None and late >= limit and payable.customer.suspension is None:
            yield Step(payable, None, late)


def remind(*, on: dt.date | None = None) -> dict[str, int]:
    """Send the reminders of a day and suspend whom the space wants suspended; doing it twice does
    it once. A customer that cannot be suspended does not hold back the others."""
    sent = suspended = 0
    for location in Location.objects.all():
        day = on or location.today()
        if day > location.today():
            continue
        for step in list(steps(location, day)):
            if step.days is not None:
                sent += _send(step.payable, step.days, day)
            else:
                suspended += _suspend(step, day)
    return {"reminded": sent, "suspended": suspended}


@transaction.atomic
def _send(payable: Any, days: int, on: dt.date) -> int:
    payable._lock_account()
    if not payable.due or payable.reminders.filter(days__gte=days).exists():
        return 0
    Reminder.objects.create(days=days, on=on, due=payable.due, **payable.as_argument)
    Delivery.objects.create(
        kind=Delivery.Kind.REMINDER, **payable.as_argument,
        to=payable.customer.billing_email or payable.customer.email,
    )  # fmt: skip
    return 1


def _suspend(step: Step, on: dt.date) -> int:
    payable = step.payable
    customer, location = payable.customer, payable.location
    try:
        with transaction.atomic():
            customer.lock_with_login()
            still = type(payable).objects.filter(pk=payable.pk)
            if not still.overdue(on=on).exists():
                return 0
            customer.suspend(
                by=None, cause=Suspension.Cause.DEBT, on=on,
                reason=_("%(invoice)s is %(days)d days overdue")
                % {"invoice": payable, "days": step.overdue},
                cancel_bookings=location.debt_cancels_bookings,
            )  # fmt: skip
    except Refused:  # suspended meanwhile
        return 0
    return 1


def lift_if_paid(customer: Customer, *, on: dt.date) -> bool:
    """End a suspension for debt when nothing is overdue any more; the missed fees are charged. The
    customer is locked."""
    customer.forget()
    suspension = customer.suspension
    if suspension is None or suspension.cause != Suspension.Cause.DEBT:
        return False
    if any(rows.overdue(on=on).exists() for rows in (customer.invoices, customer.claims)):
        return False
    customer.reinstate(by=None, bill_missed=True, on=max(on, suspension.suspended_on))
    return True


def lift_paid(*, on: dt.date | None = None) -> int:
    """End every suspension for debt whose debt is gone by other ways than a payment."""
    count = 0
    for suspension in Suspension.objects.open().filter(cause=Suspension.Cause.DEBT):
        with transaction.atomic():
            locks.take(customers=[suspension.customer_id])
            customer = Customer.objects.select_related("location").get(pk=suspension.customer_id)
            count += lift_if_paid(customer, on=on or customer.location.today())
    return count
