"""Deposits come back when the customer's last contract has ended: they pay what is open, and the
rest is credit on the account."""

import datetime as dt
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from billing.models import accounts
from billing.models.accounts import Account
from billing.models.charges import Charge
from billing.models.crediting import left_of
from billing.models.paying import Payment, WriteOff, _paid, use, valid_amount
from billing.models.runs import DepositReturn
from customers.models import Customer
from kit import audit, locks
from kit.money import ZERO
from kit.problems import Problem, Refused, check_fields, in_words
from plans.models import Contract


def held(charges=None):
    """Deposits that were invoiced and have not come back."""
    found = Charge.objects.all() if charges is None else charges
    return found.filter(
        kind=Charge.Kind.DEPOSIT, deposit_return=None, line__invoice__state="issued",
    ).select_related("customer", "location", "contract__customer", "line__invoice")  # fmt: skip


def worth(charge: Charge) -> Decimal:
    """What there is to come back: what was not credited, and of an invoice whose rest was written
    off no more than was paid."""
    left, invoice = left_of(charge.line).total, charge.line.invoice
    given_up = WriteOff.objects.filter(invoice=invoice, withdrawn_at=None).first()
    return left if given_up is None else min(left, invoice.settled - given_up.amount)


@transaction.atomic
def give_back(
    charge: Charge, *, by, amount: Decimal | int | str | None = None, reason: str = "",
    on: dt.date | None = None,
) -> DepositReturn:  # fmt: skip
    """Give a deposit back, whole or less with a reason. It pays the oldest open invoices of the
    account first; the rest is credit, to be used or paid out.

    Raises `Refused` with `not_books`, `not_a_deposit`, `returned_already`, `more_than_held`,
    `reason_missing`, `invalid_amount` or `amount_too_fine`.
    """
    locks.take(customers=[charge.customer_id])
    Account.objects.of(charge.customer, charge.location)
    accounts.hold(charge.customer_id)
    if by is not None and not by.may("keep_books", at=charge.location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    found = held().filter(pk=charge.pk).first()
    if found is None:
        kind = charge.kind == Charge.Kind.DEPOSIT
        code = "returned_already" if kind else "not_a_deposit"
        raise Refused(Problem(code, _("There is no deposit to be given back.")))
    whole = worth(found)
    on = on or found.location.today()
    back = whole
    if amount is not None and str(amount).strip() not in ("0", "0.00"):
        back = valid_amount(amount, found.location.currency)
    elif amount is not None:
        back = ZERO
    if back > whole:
        text = _("The deposit is less than that.")
        raise Refused(Problem("more_than_held", text, "amount"))
    if back < whole and not reason.strip():
        text = _("Say why a part is kept.")
        raise Refused(Problem("reason_missing", text, "reason"))
    payment = None
    if back:
        payment = _paid(
            found.customer, found.location, back, on=on, method=Payment.Method.DEPOSIT, by=by,
            reason=found.text,
        )  # fmt: skip
    row = DepositReturn(
        charge=found, amount=back, kept=whole - back, reason=reason.strip(), payment=payment,
        on=on, by=by,
    )  # fmt: skip
    check_fields(row, leaving_out=("charge", "payment", "by"))
    with in_words():
        row.save(force_insert=True)
    changes: dict[str, list] = {"amount": [None, back], "kept": [None, whole - back]}
    audit.record("deposit.return", found, by=by, changes=changes)
    if payment is not None:
        use(payment)
    return row


def due(*, on: dt.date | None = None) -> list[Charge]:
    """Deposits of customers whose last contract has ended: none running, frozen or to come."""
    found = []
    for charge in held():
        # What a job for a day ahead does not do either.
        day = min(on or charge.location.today(), charge.location.today())
        owner = charge.contract.customer if charge.contract else charge.customer
        running = Contract.objects.filter(customer=owner).running_or_scheduled(on=day)
        if worth(charge) and not running.exists():
            found.append(charge)
    return found


def return_due(*, on: dt.date | None = None) -> int:
    """Give back what is due, one transaction each; returns how many."""
    count = 0
    for charge in due(on=on):
        day = min(on or charge.location.today(), charge.location.today())
        give_back(charge, by=None, on=day)
        count += 1
    return count


def of(customer: Customer) -> list[Charge]:
    """The deposits of a customer that have not come back."""
    return list(held(customer.charges.all()))
