"""The letters that the house writes when something has happened; all of it stands here.

They are written in the transaction of what they tell of, and leave after its commit.
"""

import datetime as dt

from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext as _

from bookings.models import Booking, LateFee
from bookings.signals import (
    booking_approved,
    booking_cancelled,
    booking_changed,
    booking_made,
    booking_restored,
)
from customers import signals
from customers.models import Customer, Invitation, Suspension
from kit import clock, words
from kit.templatetags.house import money
from plans.models import Contract
from plans.signals import (
    cancellation_withdrawn,
    contract_cancelled,
    contract_ended,
    contract_started,
)
from spaces import letters
from spaces.models import Location

OLD_NEWS = dt.timedelta(days=7)


def _write(customer: Customer, **what) -> None:
    """To the person, and to the login that acts for them where its address is another one."""
    addresses = [customer.email, customer.user.email if customer.user else ""]
    for address in dict.fromkeys(filter(None, addresses)):
        letters.write(address, house=customer.location, **what)


@receiver(signals.suspended)
def tell_suspended(sender, customer: Customer, suspension: Suspension, **kwargs):
    house = customer.location
    if suspension.cause == Suspension.Cause.APPROVAL:
        _write(
            customer,
            subject=_("We have your registration at %s") % house,
            lines=[
                _("Thank you, %s.") % customer.full_name,
                _("Somebody of the team looks at every registration. You get an e-mail as soon "
                  "as you can sign in."),
            ],
        )  # fmt: skip
        if house.contact_email:
            letters.write(
                house.contact_email,
                subject=_("%s waits for approval") % customer.name,
                lines=[_("Somebody has registered at %s.") % house],
                facts=[(_("Name"), customer.name), (_("E-mail"), customer.email)],
                action=_("Look at it"),
                url=reverse("panel:customer", args=[customer.pk]),
                house=house,
            )
        return
    _write(
        customer,
        subject=_("Your access to %s is closed") % house,
        lines=[
            _("From now on you cannot sign in, book or buy. Contracts that you have go on."),
            _("If this is a mistake, or to talk about it, please answer this e-mail or come to "
              "the front desk."),
        ],
        facts=[(_("Reason"), suspension.reason)],
    )  # fmt: skip


@receiver(signals.reinstated)
def tell_reinstated(sender, customer: Customer, suspension: Suspension, **kwargs):
    house = customer.location
    waited = suspension.cause == Suspension.Cause.APPROVAL
    subject = _("Welcome to %s") if waited else _("Your access to %s is open again")
    _write(
        customer,
        subject=subject % house,
        lines=[
            _("Your registration is approved: you can sign in now and choose a plan.")
            if waited
            else _("You can sign in, book and buy again.")
        ],
        action=_("Sign in"),
        url=reverse("portal:login"),
    )


@receiver(signals.invited)
def tell_invited(sender, invitation: Invitation, token: str, by, **kwargs):
    """The only place where the token of an invitation is written down."""
    house = _house_of(invitation)
    who = str(by) if by is not None else str(house or "Coworking")
    if invitation.team is not None:
        subject = _("%(who)s invites you into the team %(team)s")
        subject %= {"who": who, "team": invitation.team}
        lines = [_("You are then one of its people, and see it in your portal.")]
    elif invitation.user is not None:
        subject = _("Your login for the panel of %s") % (house or "Coworking")
        lines = [_("%s has made you a login to work with. Choose a password for it.") % who]
    else:
        subject = _("Your portal at %s") % house
        lines = [
            _("In the portal you see your plan, change it, and manage your own data. Choose a "
              "password to begin.")
        ]  # fmt: skip
    greeting = [_("Hello %s,") % invitation.full_name] if invitation.full_name else []
    letters.write(
        invitation.email,
        subject=subject,
        lines=[*greeting, *lines],
        action=_("Accept the invitation"),
        url=reverse("portal:invitation", args=[token]),
        closing=[
            _("The link works once, until %s. Do not pass it on.")
            % words.day(invitation.expires_at.date())
        ],
        house=house,
    )


def _house_of(invitation: Invitation):
    if invitation.customer is not None:
        return invitation.customer.location
    if invitation.team is not None:
        return invitation.team.home
    return Location.objects.order_by("pk").first()


def _is_old(contract: Contract, on: dt.date, quiet: bool) -> bool:
    return quiet or on < contract.location.today() - OLD_NEWS


@receiver(contract_started)
def tell_started(sender, contract: Contract, on: dt.date, quiet: bool, **kwargs):
    if _is_old(contract, on, quiet):
        return
    before = getattr(contract, "changed_from", None)
    price = contract.price_on(on) * contract.quantity
    facts = [
        (_("First day"), words.day(contract.starts_on)),
        (_("Price"), f"{money(price, contract.location.currency)} {contract.per_cycle}"),
    ]
    if contract.ends_on:
        facts.append((_("Last day"), words.day(contract.ends_on)))
    if before is not None and before.withdrawn_at is None:
        subject = _("You have moved to %s") % contract.plan
        lines = [_("From today on your plan is %(new)s instead of %(old)s.")
                 % {"new": contract.plan, "old": before.contract.plan}]  # fmt: skip
    else:
        subject = _("%s starts today") % contract.plan
        if on < contract.location.today():
            subject = _("%(plan)s started on %(day)s") % {
                "plan": contract.plan, "day": words.day(on),
            }  # fmt: skip
        lines = [_("Welcome to %s. This is what you have signed.") % contract.location]
    _write(
        contract.customer, subject=subject, lines=lines, facts=facts,
        action=_("Open your portal"), url=reverse("portal:home"),
    )  # fmt: skip


@receiver(contract_ended)
def tell_ended(sender, contract: Contract, on: dt.date, quiet: bool, **kwargs):
    """Whoever moved to another plan reads that instead."""
    moved = contract.plan_changes.filter(withdrawn_at=None).exists()
    if moved or _is_old(contract, on, quiet):
        return
    _write(
        contract.customer,
        subject=_("%s has ended") % contract.plan,
        lines=[
            _("Your last day was %s. Thank you for having been with us.")
            % words.day(contract.ends_on or on),
            _("You stay in our books as a contact, and your portal stays open."),
        ],
        action=_("See the plans"),
        url=reverse("portal:home"),
    )


@receiver(contract_cancelled)
def tell_cancelled(sender, contract: Contract, **kwargs):
    """A cancellation in writing. One whose last day has passed is told by its end alone."""
    last_day = contract.ends_on
    if last_day is None or last_day < contract.location.today():
        return
    fee = next(iter(contract.coming_cycles(1, on=last_day)), None)
    facts = [(_("Last day"), words.day(last_day))]
    if fee is not None and fee.fee:
        amount = money(contract.discounted(fee), contract.location.currency)
        facts.append((_("Last fee"), _("%(amount)s, due on %(day)s") % {
            "amount": amount, "day": words.day(fee.due_on),
        }))  # fmt: skip
    _write(
        contract.customer,
        subject=_("%(plan)s is cancelled: your last day is %(day)s")
        % {"plan": contract.plan, "day": words.day(last_day)},
        heading=_("Your last day is %s") % words.day(last_day),
        lines=[_("The cancellation of your %s is confirmed.") % contract.plan],
        facts=facts,
        closing=[_("Until then it can be withdrawn.")],
        action=_("Open your portal"),
        url=reverse("portal:home"),
    )


@receiver(cancellation_withdrawn)
def tell_cancellation_withdrawn(sender, contract: Contract, **kwargs):
    goes_on = (
        _("It ends on %s, as agreed before.") % words.day(contract.ends_on)
        if contract.ends_on
        else _("It goes on until somebody cancels it.")
    )
    _write(
        contract.customer,
        subject=_("%s goes on") % contract.plan,
        lines=[_("The cancellation of your %s is withdrawn.") % contract.plan, goes_on],
        action=_("Open your portal"),
        url=reverse("portal:home"),
    )


# Bookings. What is over needs no letter, and what was booked together is told in one.

DATES_NAMED = 12


def _of_bookings(booking: Booking, by, *, subject: str, lines: list[str], facts=()) -> None:
    together = [booking] if booking.together is None else booking.together
    ahead = [one for one in together if one.end > clock.now()]
    if not ahead:
        return
    dates = [(_("When"), one.words) for one in ahead[:DATES_NAMED]]
    if len(ahead) > DATES_NAMED:
        dates.append((_("And"), _("%d more dates") % (len(ahead) - DATES_NAMED)))
    who = [(_("For"), booking.customer.name)] if booking.on_behalf_of else []
    if booking.on_behalf_of is not None:
        who.append((_("Team"), booking.on_behalf_of.name))
    _write(
        booking.customer,
        subject=subject % booking.resource.name,
        lines=lines,
        facts=[*dates, *who, *facts],
        action=_("See the booking"),
        url=reverse("portal:booking", args=[ahead[0].pk]),
    )


def _to_pay(booking: Booking) -> list[tuple[str, str]]:
    facts = [(_("To pay, before tax"), money(booking.amount, booking.currency))]
    if booking.credit_used:
        facts.insert(0, (_("Booking credit used"), words.length(booking.credit_used)))
    if len(booking.together or []) > 1:
        return []
    return facts


def _kept(fee: LateFee | None, booking: Booking) -> list[tuple[str, str]]:
    if fee is None or not fee.amount:
        return []
    return [(_("Kept for the short notice, before tax"), money(fee.amount, booking.currency))]


@receiver(booking_made)
def tell_booked(sender, booking: Booking, by, **kwargs):
    if booking.state == Booking.State.TENTATIVE:
        _of_bookings(
            booking, by, subject=_("We have your request for %s"),
            lines=[_("The time is kept for you. You get an e-mail once it is approved; if nobody "
                     "does so before it begins, it lapses and costs nothing.")],
            facts=_to_pay(booking),
        )  # fmt: skip
        _tell_house_of_request(booking)
        return
    lines = [_("It is booked.")]
    if booking.free_cancellation_hours:
        lines.append(
            _("You can change or cancel it free of charge until %s.")
            % _moment(booking.free_until, booking.zone)
        )
    _of_bookings(booking, by, subject=_("Booked: %s"), lines=lines, facts=_to_pay(booking))


def _tell_house_of_request(booking: Booking) -> None:
    house = booking.resource.location
    if not house.contact_email or booking.together == []:
        return
    letters.write(
        house.contact_email,
        subject=_("%(name)s asks for %(resource)s")
        % {"name": booking.customer.name, "resource": booking.resource.name},
        lines=[_("The booking waits for approval.")],
        facts=[(_("When"), booking.words), (_("People"), str(booking.attendees))],
        action=_("Look at it"),
        url=reverse("panel:booking", args=[booking.pk]),
        house=house,
    )


@receiver(booking_approved)
def tell_approved(sender, booking: Booking, by, **kwargs):
    _of_bookings(
        booking, by, subject=_("Approved: %s"), lines=[_("Your booking is approved.")],
        facts=_to_pay(booking),
    )  # fmt: skip


@receiver(booking_changed)
def tell_changed(sender, booking: Booking, by, before, fee, **kwargs):
    if (before.start, before.end, before.resource_id, before.amount) == (
        booking.start, booking.end, booking.resource_id, booking.amount,
    ):  # fmt: skip
        return
    _of_bookings(
        booking, by, subject=_("Changed: %s"), lines=[_("Your booking is changed. It is now:")],
        facts=[*_to_pay(booking), *_kept(fee, booking)],
    )  # fmt: skip


@receiver(booking_cancelled)
def tell_booking_cancelled(sender, booking: Booking, by, fee, **kwargs):
    if booking.state == Booking.State.LAPSED:
        _of_bookings(
            booking, by, subject=_("Not approved: %s"),
            lines=[_("Your request was not approved in time. It costs nothing.")],
        )  # fmt: skip
        return
    lines = [_("The booking is cancelled, and its time is free again.")]
    facts = _kept(fee, booking)
    if booking.reason:
        facts.append((_("Reason"), booking.reason))
    _of_bookings(booking, by, subject=_("Cancelled: %s"), lines=lines, facts=facts)


@receiver(booking_restored)
def tell_restored(sender, booking: Booking, by, **kwargs):
    _of_bookings(
        booking, by, subject=_("Booked again: %s"), lines=[_("Your booking stands again.")],
        facts=_to_pay(booking),
    )  # fmt: skip


def _moment(moment: dt.datetime, zone: str) -> str:
    local = moment.astimezone(clock.zone(zone))
    return f"{words.day(local.date())}, {local:%H:%M}"
