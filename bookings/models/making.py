"""Booking a resource: what is locked, what stands against it, and the deed."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, Sum
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from bookings import signals
from bookings.availability import Alternative, Availability, acts_for_house, around
from bookings.hours import day_span, utc
from bookings.models.booking import Booking, State
from bookings.models.ledger import give_back, spend
from bookings.models.resources import Resource
from bookings.models.series import Series
from bookings.prices import Quote, Tariff
from bookings.standing import Standing
from customers.models import Customer, Team
from kit import audit, clock, locks
from kit.money import ZERO
from kit.problems import Problem, Refused, check_fields, in_words
from kit.templatetags.house import money as money_words
from plans.models import Contract

# Reasons that another time or another resource would do away with.
ELSEWHERE = frozenset("taken occupied closed in_the_past too_late too_far_ahead".split())


class Wish(NamedTuple):
    """A resource at a time that somebody wants."""

    resource: Resource
    start: dt.datetime
    end: dt.datetime


class Unavailable(Refused):
    """A booking was refused. `.alternatives` are the nearest times that are free, at most three;
    `.wish` is what was wanted."""

    def __init__(self, *problems: Problem, wish: Wish, asked: dict[str, Any]):
        super().__init__(*problems)
        self.wish = wish
        self._asked = asked

    @cached_property
    def alternatives(self) -> list[Alternative]:
        """Looked up when asked for: nothing is held meanwhile."""
        if not ELSEWHERE & set(self.codes):
            return []
        wish = self.wish
        return around(*wish).nearest(*wish, **self._asked)


def lock(
    people: Iterable[Any],
    resources: Iterable[Any],
    *,
    teams: Iterable[Any] = (),
    bookings: Sequence[Booking] = (),
) -> None:
    """Hold whatever a booking of these people may touch: them, the contracts whose credit it may
    use or give back, and the resources. In the order of the house."""
    keys = {one.pk if isinstance(one, Customer) else one for one in people}
    locks.take(customers=keys, teams=teams)
    lock_credit(keys, resources, bookings=bookings)


def lock_credit(
    people: Iterable[int], resources: Iterable[Any], *, bookings: Sequence[Booking] = ()
) -> None:
    """The later half of `lock`, for deeds that hold their customers already."""
    used = Q(credit_grants__entries__booking__in=[one.pk for one in bookings])
    contracts = Contract.objects.filter(Q(customer__in=people) | used)
    locks.take(contracts=set(contracts.values_list("pk", flat=True)), resources=resources)
    if bookings:
        keys = {*people, *(one.customer_id for one in bookings)}
        signals.bookings_changing.send(sender=Booking, bookings=bookings, customers=keys)


@transaction.atomic
def book(
    resource: Resource, *, customer: Customer, start: dt.datetime, end: dt.datetime, by,
    attendees: int = 1, note: str = "", on_behalf_of: Team | None = None,
    at: dt.datetime | None = None,
) -> Booking:  # fmt: skip
    """Book `resource` for `customer` from `start` to `end`, aware datetimes, half-open.

    `by` acts: the customer's own login, an admin of the team that pays, staff, or None for the
    system. Price, discount and credit are fixed now. Where staff approve bookings, one that a
    customer makes is tentative: it takes the time at once and lapses unless it is approved before
    it begins. Raises `Unavailable`, a `Refused` that knows the nearest free times, with the codes
    of `bookings.availability`, `no_rate`, `over_limit`, or what is wrong with a field.
    """
    at = at or clock.now()
    wish = Wish(resource, start, end)
    [made] = book_all(
        [wish], customer=customer, by=by, attendees=attendees, note=note,
        on_behalf_of=on_behalf_of, at=at,
    )  # fmt: skip
    return made


@transaction.atomic
def book_all(
    wishes: Sequence[Wish], *, customer: Customer, by, at: dt.datetime, attendees: int = 1,
    note: str = "", on_behalf_of: Team | None = None, series: Series | None = None,
) -> list[Booking]:  # fmt: skip
    """Book several at once, or none of them; the first that cannot be had says why."""
    payer = on_behalf_of.payer if on_behalf_of is not None else None
    people = [customer, *([payer] if payer else [])]
    found = lapsing([(one.resource.pk, one.start, one.end) for one in wishes], at)
    lock(
        [*people, *(one.customer_id for one in found)],
        {one.resource.pk for one in wishes},
        teams=[on_behalf_of] if on_behalf_of is not None else [],
        bookings=found,
    )  # fmt: skip
    _read_afresh(customer, on_behalf_of, payer)
    resources = {
        one.pk: one
        for one in Resource.objects.with_times().filter(pk__in={w.resource.pk for w in wishes})
    }
    for one in found:
        lapse(one)
    standing = Standing.of(customer, on_behalf_of)
    tariff = Tariff.of(list(resources.values()))
    availability = Availability.of(
        resources.values(), min(utc(one.start) for one in wishes),
        max(max(utc(one.start), utc(one.end)) for one in wishes),
    )  # fmt: skip
    made: list[Booking] = []
    for wish in wishes:
        resource = resources[wish.resource.pk]
        asked = {"at": at, "standing": standing, "attendees": attendees, "by": by}
        problems = availability.problems(resource, wish.start, wish.end, **asked)
        problems += _meets(made, resource, wish)
        booking = Booking(
            customer=customer, resource=resource, start=utc(wish.start), end=utc(wish.end),
            attendees=attendees, note=note.strip(), on_behalf_of=on_behalf_of, series=series,
            by=by, booked_at=at, blocked_from=utc(wish.start),
            state=_first_state(resource, by),
        )  # fmt: skip
        quote = None
        if not problems:
            booking.take_terms(resource)
            quote, problems = _priced(tariff, booking, standing, by)
        if problems or quote is None:
            raise Unavailable(*problems, wish=wish, asked=asked)
        take_price(booking, quote)
        check_fields(
            booking, leaving_out=("customer", "resource", "on_behalf_of", "series", "by",
                                  "approved_by", "cancelled_by")
        )  # fmt: skip
        with in_words():
            booking.save(force_insert=True)
        spend(booking, quote, by=by)
        _note(booking, by)
        made.append(booking)
    for number, booking in enumerate(made):
        booking.together = made if number == 0 else []
        signals.booking_made.send(sender=Booking, booking=booking, by=by)
    return made


def _read_afresh(customer: Customer, team: Team | None, payer: Customer | None) -> None:
    """What was read before the locks may have changed: suspended, archived, another payer."""
    customer.forget()
    customer.refresh_from_db(fields=["archived_at", "user"])
    if team is not None:
        team.refresh_from_db(fields=["archived_at", "payer", "spending", "spending_limit",
                                     "discount"])  # fmt: skip
        if team.payer_id != (payer.pk if payer else None):
            raise Refused(Problem("changed_meanwhile", _("The team has another payer by now.")))


def _first_state(resource: Resource, by) -> str:
    """Staff who serve customers need nobody's approval."""
    if resource.needs_approval and not acts_for_house(by, resource.location):
        return State.TENTATIVE
    return State.CONFIRMED


def _meets(made: Sequence[Booking], resource: Resource, wish: Wish) -> list[Problem]:
    """Two of the same series must keep apart as well."""
    start, until = utc(wish.start), utc(wish.end) + resource.preparation
    for other in made:
        if other.resource_id == resource.pk and other.start < until and start < other.blocked_until:
            return [Problem("taken", _("Two of these times overlap."), "start")]
    return []


def _priced(tariff, booking, standing, by) -> tuple[Quote | None, list[Problem]]:
    try:
        quote = tariff.quote(booking.resource, booking.start, booking.end, standing=standing)
    except Refused as refused:
        return None, refused.problems
    problems = []
    if not acts_for_house(by, booking.resource.location):
        problems = limit_problems(booking, standing, quote)
    return quote, problems


def limit_problems(booking: Booking, standing: Standing, quote: Quote) -> list[Problem]:
    """Whether a booking would take somebody beyond what they may spend for a team in a month."""
    team = standing.team
    if team is None or standing.payer is None or team.spending_limit is None or not quote.amount:
        return []
    day = booking.on
    first = day.replace(day=1)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    start, end = day_span(first, booking.zone)[0], day_span(following, booking.zone)[0]
    others = Booking.objects.blocking().filter(
        on_behalf_of=team, customer=booking.customer, start__gte=start, start__lt=end
    )
    spent = others.exclude(pk=booking.pk).aggregate(sum=Sum("amount"))["sum"] or ZERO
    if spent + quote.amount <= team.spending_limit:
        return []
    left = max(ZERO, team.spending_limit - spent)
    text = _("%(left)s of what one may spend for %(team)s that month are left; this costs %(sum)s.")
    parts = {
        "left": money_words(left, quote.currency), "team": team.name,
        "sum": money_words(quote.amount, quote.currency),
    }  # fmt: skip
    return [Problem("over_limit", text % parts, "on_behalf_of")]


def take_price(booking: Booking, quote: Quote) -> None:
    """Put a quote onto a booking that is about to be saved."""
    booking.price, booking.discount = quote.price, quote.discount
    booking.billed_minutes, booking.amount = quote.billed_minutes, quote.amount
    booking.credit_used, booking.credit_amount = quote.settled.minutes, quote.settled.money
    booking.explanation = quote.explanation


def _note(booking: Booking, by) -> None:
    audit.record(
        "booking.make", booking, by=by,
        changes={
            "customer": [None, booking.customer_id], "resource": [None, booking.resource_id],
            "start": [None, booking.start], "end": [None, booking.end],
            "price": [None, booking.price], "state": [None, booking.state],
        },
    )  # fmt: skip


# Bookings that nobody approved before they began


def lapsing(
    stretches: Iterable[tuple[int, dt.datetime, dt.datetime]], at: dt.datetime
) -> list[Booking]:
    """Unapproved bookings that have begun and lie where somebody wants to book."""
    found: dict[int, Booking] = {}
    waiting = Booking.objects.lapsing(at=at).select_related("resource__location", "customer")
    wanted = list(stretches)
    if not wanted or not waiting.exists():
        return []
    for one in waiting.filter(resource__in={key for key, _start, _end in wanted}):
        if any(
            one.resource_id == key
            and one.start < utc(end) + one.resource.preparation
            and one.blocked_until > utc(start)
            for key, start, end in wanted
        ):
            found[one.pk] = one
    return list(found.values())


def lapse(booking: Booking) -> bool:
    """Give up the time of a booking that nobody approved; its row, customer and contracts are
    locked. False where somebody has decided about it meanwhile."""
    booking.refresh_from_db(fields=["state", "start"])
    if booking.state != State.TENTATIVE:
        return False
    give_back(booking, by=None, on=booking.on)
    booking.state, booking.version = State.LAPSED, booking.version + 1
    booking.amount = booking.credit_amount = ZERO
    booking.credit_used = 0
    booking.save(update_fields=["state", "version", "amount", "credit_amount", "credit_used"])
    audit.record(
        "booking.lapse", booking, by=None, changes={"state": [State.TENTATIVE, State.LAPSED]}
    )
    signals.booking_cancelled.send(sender=Booking, booking=booking, by=None, fee=None)
    return True


def lapse_all(*, at: dt.datetime) -> int:
    """Write down that bookings have lapsed, one transaction each; returns how many."""
    count = 0
    for booking in list(
        Booking.objects.lapsing(at=at).select_related("resource__location", "on_behalf_of")
    ):
        with transaction.atomic():
            lock([booking.customer_id], [booking.resource_id], bookings=[booking])
            count += lapse(booking)
    return count
