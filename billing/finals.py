"""The final invoice of a contract that has its last day, made at once and not on its date."""

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext as _

from billing import charging, settling
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.invoices import Invoice
from billing.models.issuing import invoice_now
from kit import locks
from kit.problems import Problem, Refused
from plans.cycles import DAY
from plans.models import Contract


@transaction.atomic
def final_invoice(contract: Contract, *, by, on: dt.date | None = None) -> Invoice:
    """Charge what is still to come of a contract until its last day, and invoice it now together
    with all that waits on the account. Its dates find it done when they come.

    A cancellation that is withdrawn afterwards is charged on top, day by day. Raises `Refused` with
    `not_books`, `no_last_day`, `nothing_to_invoice` or what issuing refuses.
    """
    locks.take(customers=[contract.customer_id])
    payer = charging.payer_of(contract.customer, contract.on_behalf_of)
    Account.objects.of(payer, contract.location)
    accounts.hold(contract.customer_id)
    if by is not None and not by.may("keep_books", at=contract.location):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    if contract.ends_on is None:
        raise Refused(Problem("no_last_day", _("The contract has no last day yet.")))
    settling.settle(contract, contract.cycles(contract.ends_on + DAY), by=by)
    return invoice_now(payer, contract.location, by=by, on=on)
