"""A customer's account as a page shows it: what is due, what comes and why on that day, and what is
not invoiced, each with the way to mend it."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing import deposits, foresight, runs
from billing.accounts import Standing, standings
from billing.dates import next_billing_date
from billing.foresight import Coming
from billing.models import Account, Charge
from billing.models.crediting import left_of
from customers.models import Customer
from customers.rights import WORDS
from kit import words
from spaces.models import Location

# Of a thousand things that wait, as many are shown one by one.
WAITING_SHOWN = 12


def places(customer: Customer, user: Any, right: str = "see_panel") -> list[Location]:
    """The locations of a customer's accounts where a person has a right, home first."""
    allowed = user.places(right)
    found = {one.pk: one for one in foresight.places_of(customer)}
    found.setdefault(customer.location_id, customer.location)
    kept = [one for one in found.values() if allowed is None or one.pk in allowed]
    return sorted(kept, key=lambda one: (one.pk != customer.location_id, one.pk))


def seen(request: HttpRequest, pk: int) -> Customer:
    """A customer whom the person may see; what is done asks for the right at the account."""
    found = Customer.objects.visible_to(request.user).select_related("location", "user")
    return get_object_or_404(found, pk=pk)


def within(request: HttpRequest, customer: Customer, right: str) -> list[Location]:
    """The locations of the account where a person has a right, the one asked for first; refused
    where there is none."""
    found = places(customer, request.user, right)
    if not found:
        raise PermissionDenied(WORDS[right])
    asked = request.GET.get("location", "")
    return sorted(found, key=lambda one: str(one.pk) != asked)


def crumbs(customer: Customer) -> list[tuple[str, str]]:
    """Where a page about an account lies."""
    return [
        (gettext("Customers"), reverse("panel:customers")),
        (customer.name, reverse("panel:customer", args=[customer.pk])),
        (gettext("Account"), reverse("panel:account", args=[customer.pk])),
    ]


def facts(customer: Customer, place: Location) -> runs.Facts:
    """What decides what an account is invoiced, as a billing run of today reads it."""
    account = Account.objects.filter(customer=customer, location=place).first()
    account = account or Account(customer=customer, location=place)
    account.location = place
    [found] = runs.facts_of([account], place.today())
    return found


def date_of(charge: Charge) -> dt.date:
    """The billing date that takes a charge which waits; it may have passed."""
    agreed = facts(charge.customer, charge.location).agreements
    return next_billing_date(agreed, charge.location.billing_day, charge.ripe_on)


class Next(NamedTuple):
    """An invoice that is to come, and why on that day."""

    coming: Coming
    because: str
    is_late: bool


def next_invoices(
    customer: Customer, at: Iterable[Location], *, count: int = foresight.SHOWN
) -> list[Next]:
    """The next invoices at these locations, the next one first."""
    found = []
    for place in at:
        coming = foresight.coming(customer, place, count=count)
        agreed = facts(customer, place).agreements if coming else []
        found += [
            Next(one, foresight.because(agreed, one.date), one.date <= place.today())
            for one in coming
        ]
    return sorted(found, key=lambda one: (one.coming.date, one.coming.location.pk))[:count]


def standings_at(customer: Customer, at: Iterable[Location]) -> list[Standing]:
    """What is due, overdue, left as credit and waiting, at these locations."""
    keys = {one.pk for one in at}
    return [one for one in standings(customer) if one.location.pk in keys]


class Waits(NamedTuple):
    """Something that is not invoiced: what, why, and where that is mended."""

    code: str
    what: str
    text: str
    amount: Decimal
    currency: str
    date: dt.date | None
    url: str
    mend: tuple[str | Promise, str, bool] | None  # words, address, opened in a dialog


class NotInvoiced(NamedTuple):
    """What is not invoiced; of what only waits for its date the rest is counted."""

    urgent: list[Waits]
    waiting: list[Waits]
    more: int
    waived: list[Waits]

    def __bool__(self) -> bool:
        return bool(self.urgent or self.waiting or self.waived)


def not_invoiced(customer: Customer, at: Iterable[Location], user: Any) -> NotInvoiced:
    """Why what is owed is not on an invoice yet, or never will be."""
    by_key = {one.pk: one for one in at}
    found = []
    for why in foresight.why_not(customer):
        place = by_key.get(getattr(why.subject, "location_id", None) or customer.location_id)
        if place is not None:
            found.append(_waits(why, customer, place, user))
    urgent = [one for one in found if one.code not in ("waits", "waived")]
    waiting = [one for one in found if one.code == "waits"]
    waived = [one for one in found if one.code == "waived"]
    more = max(0, len(waiting) - WAITING_SHOWN)
    return NotInvoiced(urgent, waiting[:WAITING_SHOWN], more, waived)


def _waits(why: foresight.Why, customer: Customer, place: Location, user: Any) -> Waits:
    subject, what, url = why.subject, "", ""
    if isinstance(subject, Charge):
        what = subject.text
        url = reverse("panel:charge", args=[subject.pk]) if subject.pk else ""
    elif why.code == "draft":
        what = str(_("Draft of an invoice"))
        url = reverse("panel:invoice", args=[subject.pk])
    elif why.code == "waived":
        url = reverse("panel:contract", args=[subject.pk])
    return Waits(
        why.code, what, why.text, why.amount, place.currency, why.date, url,
        _mend(why, customer, place, user),
    )  # fmt: skip


def _mend(
    why: foresight.Why, customer: Customer, place: Location, user: Any
) -> tuple[str | Promise, str, bool] | None:
    """What can be done about it by this person."""
    keeps = user.may("keep_books", at=place)
    match why.code:
        case "suspended" if user.may("serve_customers", at=place):
            suspended = why.subject.customer_id
            address = reverse("panel:customer_reinstatement", args=[suspended])
            return _("Lift the suspension"), address, True
        case "draft" if keeps:
            return _("To the draft"), reverse("panel:invoice", args=[why.subject.pk]), False
        case "late" if keeps:
            return _("To the billing runs"), reverse("panel:runs"), False
        case "waits" if keeps:
            address = reverse("panel:invoice_new", args=[customer.pk])
            query = f"location={place.pk}&charge={why.subject.pk}"
            return _("Invoice now"), f"{address}?{query}", True
    return None


class HeldFee(NamedTuple):
    """A fee that fell due while its customer was suspended, and is neither charged nor waived."""

    text: str
    amount: Decimal
    currency: str


def held_fees(customer: Customer) -> list[HeldFee]:
    """The fees that whoever lifts a customer's suspension decides about, wherever they are
    charged; before tax."""
    teams = [one.team_id for one in customer.team_memberships.filter(left_at=None)]
    payers = Customer.objects.filter(pays_for_teams__in=teams).exclude(pk=customer.pk).distinct()
    found = []
    for payer in [customer, *payers.select_related("location")]:
        for place in foresight.places_of(payer):
            held = runs.worked_out(facts(payer, place), place.today()).held
            found += [
                HeldFee(
                    f"{agreement}, {words.span(cycle.start, cycle.last_day)}",
                    agreement.discounted(cycle), place.currency,
                )
                for agreement, cycle in held
                if agreement.customer_id == customer.pk
            ]  # fmt: skip
    return found


class Deposit(NamedTuple):
    """A deposit that is held, and what of it was not credited."""

    charge: Charge
    worth: Decimal


def deposits_at(customer: Customer, at: Iterable[Location]) -> list[Deposit]:
    held = deposits.held(customer.charges.filter(location__in=[one.pk for one in at]))
    return [Deposit(one, left_of(one.line).total) for one in held.prefetch_related("line__credits")]
