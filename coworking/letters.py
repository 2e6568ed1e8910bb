"""The letters that the house writes when something has happened; all of it stands here.

They are written in the transaction of what they tell of, and leave after its commit.
"""

import datetime as dt

from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext as _

from customers import signals
from customers.models import Customer, Invitation, Suspension
from kit import words
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
