"""What bookings do to the ledger of credit. Contracts are locked by whoever calls."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from bookings.models.credits import MINUTES, CreditEntry, CreditGrant
from bookings.pots import Pot
from kit.money import ZERO

if TYPE_CHECKING:
    from bookings.models.booking import Booking
    from bookings.prices import Quote

Kind = CreditEntry.Kind


def spend(booking: "Booking", quote: "Quote", *, by) -> None:
    """Write what a booking uses, granting what nobody has needed before.

    Raises `Refused` with `credit_used_up`.
    """
    for use in quote.settled.uses:
        grant = granted(use.pot, by=by)
        grant.write(Kind.USE, -use.value, on=booking.on, by=by, booking=booking)


def granted(pot: Pot, *, by=None) -> CreditGrant:
    """The grant of a pot, written now if it is not there yet."""
    if pot.grant is not None:
        return pot.grant
    grant, made = CreditGrant.objects.get_or_create(
        contract=pot.contract, credit=pot.credit, starts_on=pot.starts_on,
        defaults={
            "ends_on": pot.ends_on, "unit": pot.unit,
            "value": pot.credit.value * pot.contract.quantity,
        },
    )  # fmt: skip
    if made:
        grant.write(Kind.GRANT, grant.value, on=grant.starts_on, by=by)
    pot.grant = grant
    return grant


def used(booking: "Booking") -> dict[CreditGrant, Decimal]:
    """What a booking holds of each grant by now: what it used less what it gave back."""
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    grants: dict[int, CreditGrant] = {}
    for entry in booking.credit_entries.select_related("grant").order_by("pk"):
        grants[entry.grant_id] = entry.grant
        sums[entry.grant_id] -= entry.value
    return {grants[key]: value for key, value in sums.items() if value}


def give_back(
    booking: "Booking", *, by, on: dt.date, minutes_kept: int = 0, money_kept: Decimal = ZERO
) -> None:
    """Give back what a booking holds, but for some minutes and some money that are kept.

    `booking.credit_used` and `credit_amount` say what it uses now; whatever the ledger has beyond
    that was kept of an earlier change and stays kept. Given back to the pots that expire last
    first, so that what is kept is what would have been void soonest.
    """
    back = {MINUTES: Decimal(booking.credit_used - minutes_kept),
            "money": booking.credit_amount - money_kept}  # fmt: skip
    holds = sorted(used(booking).items(), key=lambda pair: (pair[0].ends_on, pair[0].pk))
    for grant, value in reversed(holds):
        returned = min(value, back[grant.unit])
        if returned > 0:
            grant.write(Kind.RETURN, returned, on=on, by=by, booking=booking)
            back[grant.unit] -= returned
