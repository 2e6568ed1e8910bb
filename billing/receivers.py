"""What this room does when something is announced; all of it stands here.

Receivers of this room hear after those of bookings: whatever earlier locks are needed are held by
then, and the accounts come last.
"""

import datetime as dt
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.dispatch import receiver
from django.utils.translation import gettext as _

from billing import charging, runs, settling, taxing
from billing.corrections import Corrections, correcting
from billing.models import accounts
from billing.models.accounts import Account
from billing.models.charges import BilledCycle, Charge
from billing.models.subscriptions import Subscription
from bookings import signals as of_bookings
from bookings.explaining import sums_to
from bookings.models import Booking, LateFee
from customers import signals as of_customers
from customers.models import Customer
from kit import words
from kit.problems import Problem
from plans import signals as of_plans
from plans.cycles import DAY
from plans.models import Contract
from spaces import signals as of_spaces

# Contracts


@receiver(of_plans.contract_changed)
def bill_what_was_decided(contract: Contract, by, due_before, on, signed, **signal):
    """Settle what had fallen due as it was, correct what is settled, and charge and invoice what a
    signature costs."""
    touched = [contract]
    if signed is not None and signed.pk != contract.pk:
        touched.append(signed)
    for one in touched:
        Account.objects.of(charging.payer_of(one.customer, one.on_behalf_of), one.location)
    accounts.hold(contract.customer_id)
    with correcting(on=on, by=by) as corrections:
        corrections.follow(contract, due_before, signed=signed is contract)
        if signed is not None and signed is not contract:
            corrections.follow(signed, (), signed=True)
        for one in _called_off(contract):
            if one is not contract:
                corrections.correct(one)
            corrections.take_back_signing(one)
        if signed is not None:
            instead_of = contract if signed is not contract else None
            corrections.then(
                partial(settling.charge_signing, signed, instead_of=instead_of, by=by, on=on)
            )


def _called_off(contract: Contract) -> list[Contract]:
    """The contract itself where it is called off for good, or the one that was to take its place:
    not one whose fee and deposit count for another that stands."""
    found = []
    news = [change.new for change in contract.plan_changes.select_related("new__location")]
    for one in [contract, *news]:
        stands_in = one.plan_changes.filter(withdrawn_at=None).exists()
        if one.is_called_off and not stands_in:
            found.append(one)
    return found


@receiver(of_plans.contracts_taken_back)
def forget_waivers(contracts, **signal):
    """What billing has written of contracts of an import that is undone: waivers, and accounts on
    which nothing ever was."""
    BilledCycle.objects.filter(contract__in=contracts, kind=BilledCycle.Kind.WAIVER).delete()
    people = Customer.objects.filter(contracts__in=contracts)
    others = Contract.objects.filter(~Q(pk__in=contracts), customer=OuterRef("customer"))
    empty = Account.untouched().filter(customer__in=people).filter(~Exists(others))
    for relation in ("charges", "invoices", "payments", "claims", "subscriptions"):
        empty = empty.filter(**{f"customer__{relation}": None})
    Account.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).delete()


@receiver(of_plans.price_changing)
def settle_at_the_old_price(plan, on, by, **signal):
    _settle_due(plan.contracts.standing().filter(starts_on__lte=on), on=on, by=by)


@receiver(of_customers.team_changing)
def settle_as_the_team_was(team, payer, by, **signal):
    """Another payer or discount touches only what is charged afterwards: what a billing run should
    have invoiced by now is invoiced before, with the dates of the contracts that are paid there."""
    agreements: list[Any] = [
        *team.contracts.standing().select_related("customer", "location"),
        *team.subscriptions.filter(called_off_at=None).select_related("customer", "location"),
    ]
    pairs = {(charging.payer_of(one.customer, team), one.location) for one in agreements}
    pairs |= {(payer or one.customer, one.location) for one in agreements}
    for who, place in pairs:
        Account.objects.of(who, place)
    accounts.hold(*{who.pk for who, _place in pairs}, *{one.customer_id for one in agreements})
    for who, place in sorted(pairs, key=lambda pair: (pair[1].pk, pair[0].pk)):
        runs.catch_up(who, place, on=place.today())


@receiver(of_spaces.location_changing)
def what_stays_with_charges(location, changes, **signal):
    """No other time zone while charges wait to be invoiced, and no other way of entering prices
    once a product has one."""
    problems = []
    if "timezone" in changes:
        waiting = taxing.provisional().filter(location=location)
        if count := waiting.count():
            names = [f"{one} ({one.customer})" for one in waiting.select_related("customer")[:3]]
            text = _("Charges wait to be invoiced: %s.") % words.some(names, count)
            problems.append(Problem("timezone_stays", text, "timezone"))
    if "prices_include_tax" in changes:
        priced = location.products.filter(price__gt=0)
        if count := priced.count():
            names = [str(one) for one in priced[:3]]
            text = _("Products have prices: %s.") % words.some(names, count)
            problems.append(Problem("prices_include_tax_stays", text, "prices_include_tax"))
    return problems


@receiver(of_spaces.tax_changed)
def follow_with_what_is_not_invoiced(changed, from_on, by, **signal):
    """What waits, or is on a draft, follows a new tax rate; what is invoiced keeps its own."""
    found = taxing.provisional().filter(taxing.charges_of(changed))
    if from_on is not None:
        found = found.filter(tax_on__gte=from_on)
    customers = set(found.order_by().values_list("customer", flat=True))
    accounts.hold(*customers)
    taxing.retax(found)


def _settle_due(contracts, *, by, on: dt.date | None = None) -> None:
    found = list(
        contracts.with_history()
        .select_related("customer", "location", "plan", "on_behalf_of__payer")
        .prefetch_related("price_steps", "plan__prices")
    )
    late = [one for one in found if settling.unsettled(one, on or one.location.today())]
    if not late:
        return
    for one in late:
        Account.objects.of(charging.payer_of(one.customer, one.on_behalf_of), one.location)
    accounts.hold(*{one.customer_id for one in late})
    for one in late:
        settling.settle(one, one.fallen_due(on or one.location.today()), by=by)


# Suspensions


@receiver(of_customers.reinstated)
def decide_about_missed_fees(customer: Customer, suspension, by, **signal):
    """What fell due while suspended is charged or waived, as whoever lifts it says."""
    accounts.hold(customer.pk)
    on = suspension.lifted_on
    agreements: list[Any] = [
        *customer.contracts.standing().select_related("location", "plan"),
        *Subscription.objects.filter(customer=customer, called_off_at=None),
    ]
    for one in agreements:
        settling.settle(one, one.fallen_due(on), by=by)


# Bookings


@receiver(of_bookings.bookings_changing)
def hold_what_they_touch(customers, **signal):
    accounts.hold(*customers)


@receiver(of_bookings.booking_made)
def charge_booking(booking: Booking, by, **signal):
    """One that waits for approval is owed once it is approved; those booked together are charged,
    and invoiced where that is done at once, together."""
    together = [booking] if booking.together is None else booking.together
    _charge([one for one in together if one.state != Booking.State.TENTATIVE], by=by)


@receiver(of_bookings.booking_approved)
def charge_approved(booking: Booking, by, **signal):
    _charge([booking], by=booking.by)


@receiver(of_bookings.booking_restored)
def charge_again(booking: Booking, by, **signal):
    """The time is owed again, and what was kept for giving it up is not."""
    withdrawn = _with_lines(
        Charge.objects.filter(booking=booking, late_fee__withdrawn_at__isnull=False, void=None)
    )
    with correcting(on=_today(booking), by=by) as corrections:
        for charge in withdrawn.order_by("pk"):
            corrections.take_back(charge, reason=_("The booking stands again."))
        _charge([booking], by=by, corrections=corrections)


@receiver(of_bookings.booking_changed)
def charge_the_difference(booking: Booking, by, before, fee, **signal):
    """Another price or day is another charge; what was kept for the short notice is one too."""
    standing = _standing(booking)
    owed = booking.amount if booking.state != Booking.State.TENTATIVE else 0
    same = [one for one in standing if one.price == owed and _is_still(one, booking)]
    gone = [one for one in standing if one not in same]
    # One that was taken back by hand stays so while its price is the same.
    by_hand = not standing and before.amount == owed and _was_charged(booking)
    is_kept = fee is not None and fee.amount and (standing or not _was_charged(booking))
    with correcting(on=_today(booking), by=by) as corrections:
        for charge in gone:
            corrections.take_back(charge, reason=_("The booking was changed."))
        if is_kept:
            minutes = _minutes(before)
            _charge_late(
                booking, fee, before.amount, minutes=minutes, by=by, corrections=corrections
            )
        if owed and not same and not by_hand:
            _charge([booking], by=by, corrections=corrections)


@receiver(of_bookings.booking_cancelled)
def charge_what_is_kept(booking: Booking, by, fee, **signal):
    """Give the price back, and charge what is kept for the short notice beside it. The reason that
    somebody has given is printed on no document."""
    standing = _standing(booking)
    printed = _("The booking was cancelled.")
    # Of a booking whose price was taken back by hand nothing is kept either.
    is_kept = fee is not None and fee.amount and (standing or not _was_charged(booking))
    with correcting(on=_today(booking), by=by) as corrections:
        for charge in standing:
            corrections.take_back(charge, reason=booking.reason or printed, printed=printed)
        if is_kept:
            was = standing[0].price if standing else sums_to(booking.explanation)
            _charge_late(booking, fee, was, minutes=booking.minutes, by=by, corrections=corrections)


def _was_charged(booking: Booking) -> bool:
    return Charge.objects.filter(booking=booking, kind=Charge.Kind.BOOKING).exists()


def _is_still(charge: Charge, booking: Booking) -> bool:
    """Whether a charge says what the booking is; an invoiced one of the same price and tax is
    left."""
    on = taxing.booking_day(booking)
    if charge.state == "invoiced":
        return charge.tax_on == on or taxing.is_taxed_so(charge, taxing.tax_now(charge, on))
    said = (charge.on, charge.text, charge.tax_on)
    return said == (booking.on, _text(booking), on)


def _minutes(before: Any) -> int:
    return int((before.end - before.start).total_seconds() // 60)


def _standing(booking: Booking) -> list[Charge]:
    """The charges of a booking's time that were neither voided nor credited."""
    found = Charge.objects.filter(booking=booking, kind=Charge.Kind.BOOKING).standing()
    found = _with_lines(found).order_by("pk")
    return [one for one in found if not _is_credited(one)]


def _with_lines(charges: Any) -> Any:
    """With what taking them back asks for."""
    return charges.select_related(
        "customer", "location", "product", "void", "line__invoice__location"
    )


def _is_credited(charge: Charge) -> bool:
    from billing.models.crediting import left_of

    line = getattr(charge, "line", None)
    return line is not None and bool(line.total) and not left_of(line).total


def _charge(bookings: list[Booking], *, by, corrections: Corrections | None = None) -> None:
    """Put bookings on the account of whoever pays, and invoice them where that is done at once."""
    owed = [one for one in bookings if one.amount]
    if not owed:
        return
    first = owed[0]
    payer, place = first.payer, first.resource.location
    charges = [
        charging.stored(
            charging.drafted(
                payer, place, kind=Charge.Kind.BOOKING, text=_text(one), on=one.on,
                explanation={"kind": "booking", "name": one.resource.type.name,
                             "booking": one.explanation},
                item=one.resource.type, tax_on=taxing.booking_day(one), used_by=one.customer,
                ripe_on=max(one.on + DAY, place.today()), on_behalf_of=one.on_behalf_of,
                booking=one, by=by,
            )
        )
        for one in owed
    ]  # fmt: skip
    at_once = charging.is_invoiced_at_once(payer, place, first.customer, by, on=place.today())
    if corrections is not None:
        corrections.charge(charges, at_once=at_once)
    elif at_once:
        Account.objects.of(payer, place)
        accounts.hold(first.customer_id)
        charging.invoice_at_once(payer, place, charges, by=by)


def _charge_late(
    booking: Booking, fee: LateFee, was, *, minutes: int, by, corrections: Corrections
) -> None:
    payer, place = booking.payer, booking.resource.location
    charge = charging.stored(
        charging.drafted(
            payer, place, kind=Charge.Kind.LATE_FEE, on=_today(booking),
            text=_("%(what)s: %(booking)s")
            % {"what": fee.get_cause_display(), "booking": _text(booking)},
            explanation={
                "kind": "late_fee", "name": booking.resource.type.name, "of": f"{was:f}",
                "percent": f"{fee.percent:f}", "minutes": fee.minutes, "of_minutes": minutes,
            },
            item=booking.resource.type, used_by=booking.customer,
            on_behalf_of=booking.on_behalf_of, booking=booking, late_fee=fee, by=by,
        )
    )  # fmt: skip
    at_once = charging.is_invoiced_at_once(payer, place, booking.customer, by, on=place.today())
    corrections.charge([charge], at_once=at_once)


def _text(booking: Booking) -> str:
    if booking.on_behalf_of is None or booking.payer.pk == booking.customer_id:
        return booking.words
    return f"{booking.words} ({booking.customer.name})"


def _today(booking: Booking) -> dt.date:
    return booking.resource.location.today()


# What leaves the house


@receiver(charging.signals.credit_note_issued)
def send_credited(credit_note, by, **signal):
    from billing import sending

    sending.send(credit_note, by=by)
