"""The billing run: every billing date that has come and is not done, for every account.

Accounts are taken in chunks: locked in key order, read in a handful of queries, worked out by pure
functions, written at once, numbered last. Killed at any point and repeated, late, or several at
once: what is settled has its row, what is invoiced has its line, and nothing is done twice. A
preview goes the same way and stores nothing.
"""

import datetime as dt
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import settling, taxing
from billing.dates import next_billing_date
from billing.models.accounts import Account
from billing.models.charges import BilledCycle, Charge, ChargeVoid
from billing.models.invoices import Invoice, InvoiceLine
from billing.models.issuing import by_document, composed, issue_all, obstacles
from billing.models.numbering import Series
from billing.models.runs import BillingRun, BillingRunItem
from billing.models.subscriptions import Subscription
from customers.models import Suspension
from kit import audit, bulk, clock, locks
from kit.money import ZERO
from kit.problems import Problem, Refused
from plans.models import Contract
from spaces.models import Location

log = logging.getLogger(__name__)

# How many accounts at once. SQLite lets one write at a time and gives nobody a turn: its chunks
# are smaller, and between them others get theirs.
CHUNK, SMALL_CHUNK = 200, 50
DAY = dt.timedelta(days=1)
Outcome = BillingRunItem.Outcome
Progress = Callable[[int, int], None]


# What is known of an account


@dataclass
class Facts:
    """All that decides what an account is invoiced: read at once, and nothing asked afterwards."""

    account: Account
    agreements: list[Any]
    unsettled: list[tuple[Any, Any]]  # (agreement, cycle) due by the date
    waiting: list[Charge]
    suspensions: dict[int, list[Suspension]]

    @property
    def location(self) -> Location:
        return self.account.location


class Planned(NamedTuple):
    """An invoice as it would be: for a billing date, with its charges; `outcome` says what becomes
    of it."""

    date: dt.date
    charges: list[Charge]
    outcome: str
    invoice: Invoice
    lines: list[InvoiceLine]
    why: str = ""


@dataclass
class Plan:
    """What is to be done for an account: cycles to settle, invoices to make, and what is left."""

    account: Account
    settled: list[settling.Settled] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    held: list[tuple[Any, Any]] = field(default_factory=list)  # not billed: suspended


def worked_out(facts: Facts, on: dt.date) -> Plan:
    """What billing an account for every date up to `on` makes; a pure function of the facts.

    Cycles due are settled first. Each charge goes onto the first billing date on or after the day
    from which it may be taken; a date's charges are one invoice. One of nothing to
    pay is made or left out, as the location says.
    """
    plan = Plan(facts.account)
    charges = list(facts.waiting)
    for agreement, cycle in facts.unsettled:
        suspensions = facts.suspensions.get(agreement.customer_id, [])
        verdict = settling.verdict(agreement, cycle, suspensions)
        if verdict is None:
            plan.held.append((agreement, cycle))
            continue
        settled = settling.settled(agreement, cycle, facts.account.customer, verdict)
        plan.settled.append(settled)
        if settled.charge is not None:
            charges.append(settled.charge)
    by_date: dict[dt.date, list[Charge]] = defaultdict(list)
    dates: dict[dt.date, dt.date] = {}

    def date_from(day: dt.date) -> dt.date:
        if day not in dates:
            dates[day] = next_billing_date(facts.agreements, facts.location.billing_day, day)
        return dates[day]

    for charge in charges:
        by_date[date_from(charge.ripe_on)].append(charge)
    for date in sorted(date for date in by_date if date <= on):
        plan.planned += [_planned(facts, date, part) for part in by_document(by_date[date])]
    return plan


def _planned(facts: Facts, date: dt.date, charges: list[Charge]) -> Planned:
    location = facts.location
    invoice, lines = composed(facts.account.customer, location, charges, billing_date=date)
    outcome = Outcome.INVOICED if location.run_issues else Outcome.DRAFTED
    if not invoice.total and not location.zero_invoices:
        outcome = Outcome.ZERO
    why = ""
    if outcome == Outcome.INVOICED:
        why = " ".join(str(one.text) for one in obstacles(invoice.customer, location, lines))
    return Planned(date, charges, Outcome.DRAFTED if why else outcome, invoice, lines, why)


# Reading


def due_accounts(location: Location, on: dt.date) -> list[int]:
    """The keys of the customers whose account at a location may have something to bill."""
    last_is_settled = Exists(
        BilledCycle.objects.filter(contract=OuterRef("pk"), ends_on__gt=OuterRef("ends_on"))
    )
    contracts = (
        Contract.objects.standing()
        .filter(location=location, starts_on__lte=on)
        .filter(Q(ends_on=None) | ~last_is_settled)
    )
    subscriptions = Subscription.objects.filter(
        location=location, starts_on__lte=on, called_off_at=None
    )
    found: set[int] = set()
    for rows in (contracts, subscriptions):
        for own, payer in rows.values_list("customer", "on_behalf_of__payer"):
            found.add(payer or own)
    ripe = Charge.objects.filter(location=location).waiting().ripe(on=on)
    found |= set(ripe.values_list("customer", flat=True).distinct())
    return sorted(found)


def facts_of(account_list: Sequence[Account], on: dt.date) -> list[Facts]:
    """The facts of accounts of one location: a handful of queries, however many they are."""
    keys = [account.customer_id for account in account_list]
    location = account_list[0].location
    prefetch_related_objects([location], "tax_rates", "small_business_periods")
    prefetch_related_objects([account.customer for account in account_list], "exemptions")
    of_account: dict[int, list[Any]] = defaultdict(list)
    agreements: list[Any] = [*_contracts(keys, location), *_subscriptions(keys, location)]
    for agreement in agreements:
        agreement.location = location
        team = agreement.on_behalf_of
        of_account[team.payer_id if team and team.payer_id else agreement.customer_id].append(
            agreement
        )
    everything = [one for many in of_account.values() for one in many]
    cycles = _unsettled(everything, on)
    people = {one.customer_id for one in everything}
    suspensions: dict[int, list[Suspension]] = defaultdict(list)
    for one in Suspension.objects.filter(customer__in=people).order_by("suspended_at", "pk"):
        suspensions[one.customer_id].append(one)
    waiting: dict[int, list[Charge]] = defaultdict(list)
    found = Charge.objects.filter(location=location, customer__in=keys).waiting().ripe(on=on)
    for charge in found.order_by("pk"):
        charge.location = location
        waiting[charge.customer_id].append(charge)
    return [
        Facts(
            account,
            of_account[account.customer_id],
            [pair for one in of_account[account.customer_id] for pair in cycles[_key(one)]],
            waiting[account.customer_id],
            suspensions,
        )
        for account in account_list
    ]


def _key(agreement: Any) -> tuple[type, int]:
    return type(agreement), agreement.pk


def _mine(keys: Iterable[int]) -> Q:
    own = Q(customer__in=keys) & (Q(on_behalf_of=None) | Q(on_behalf_of__payer=None))
    return own | Q(on_behalf_of__payer__in=keys)


def _contracts(keys: list[int], location: Location) -> list[Contract]:
    return list(
        Contract.objects.standing()
        .filter(_mine(keys), location=location)
        .select_related("customer", "on_behalf_of")
        .prefetch_related(
            "freezes", "call_offs", "price_steps", "plan", "plan__prices", "plan__tax_rates",
        )
        .order_by("pk")
    )  # fmt: skip


def _subscriptions(keys: list[int], location: Location) -> list[Subscription]:
    return list(
        Subscription.objects.filter(_mine(keys), location=location, called_off_at=None)
        .select_related("customer", "on_behalf_of")
        .prefetch_related("product__tax_rates")
        .order_by("pk")
    )


def _unsettled(agreements: list[Any], on: dt.date) -> dict[tuple[type, int], list[tuple[Any, Any]]]:
    """The cycles due by a date that have no row, by agreement.

    Rows are only counted: where there are as many as cycles up to the last one, none is missing
    before it, and the rest is looked for after it.
    """
    found: dict[tuple[type, int], list[tuple[Any, Any]]] = defaultdict(list)
    for kind, name in ((Contract, "contract"), (Subscription, "subscription")):
        mine = [one for one in agreements if isinstance(one, kind)]
        rows = BilledCycle.objects.filter(**{f"{name}__in": [one.pk for one in mine]})
        counts = {
            key: (number, last)
            for key, number, last in rows.order_by()
            .values(name)
            .annotate(number=Count("pk"), last=Max("starts_on"))
            .values_list(name, "number", "last")
        }
        gaps = {one.pk for one in mine if one.pk in counts and _has_gap(one, *counts[one.pk])}
        starts: dict[int, set[dt.date]] = defaultdict(set)
        for key, start in rows.filter(**{f"{name}__in": gaps}).values_list(name, "starts_on"):
            starts[key].add(start)
        for one in mine:
            since = None
            if one.pk in counts and one.pk not in gaps:
                since = counts[one.pk][1]
                starts[one.pk] = {since}
            for cycle in one.fallen_due(on, since=since):
                if cycle.start not in starts[one.pk]:
                    found[_key(one)].append((one, cycle))
    return found


def _has_gap(agreement: Any, number: int, last: dt.date) -> bool:
    rhythm = agreement.rhythm
    return number != rhythm.count_at(last) - rhythm.count_at(agreement.starts_on) + 1


# Writing


@dataclass
class Report:
    """What a run did, or would do. `items` are kept for a preview; a run stores its own."""

    on: dict[int, dt.date] = field(default_factory=dict)  # by location
    run: BillingRun | None = None
    accounts: int = 0
    invoiced: int = 0
    drafted: int = 0
    totals: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    by_plan: dict[tuple[str, str], Decimal] = field(
        default_factory=lambda: defaultdict(lambda: ZERO)
    )
    skipped: Counter = field(default_factory=Counter)
    failed: dict[tuple[int, int], str] = field(default_factory=dict)
    items: list[BillingRunItem] = field(default_factory=list)

    def note(self, plan: Plan, items: list[BillingRunItem], *, keep: bool) -> None:
        self.accounts += 1
        currency = plan.account.location.currency
        for planned in plan.planned:
            if planned.outcome in (Outcome.INVOICED, Outcome.DRAFTED):
                self.invoiced += planned.outcome == Outcome.INVOICED
                self.drafted += planned.outcome == Outcome.DRAFTED
                self.totals[currency] += planned.invoice.total
                for line in planned.lines:
                    self.by_plan[_group(line.charge), currency] += line.net
        for item in items:
            if item.outcome not in (Outcome.INVOICED, Outcome.DRAFTED):
                self.skipped[str(item.outcome)] += 1
        if keep:
            self.items += items


def _group(charge: Charge) -> str:
    """What a charge is counted under: its plan or product, else its kind."""
    name = charge.explanation.get("name")
    return str(name or charge.get_kind_display())


def items_of(plan: Plan, run: BillingRun | None) -> list[BillingRunItem]:
    """What is reported of an account."""
    account = plan.account
    items = [
        BillingRunItem(
            run=run, customer=account.customer, location=account.location,
            billing_date=one.date, outcome=one.outcome, amount=one.invoice.total,
            invoice=one.invoice if one.outcome in (Outcome.INVOICED, Outcome.DRAFTED) else None,
            text=_words(one)[:300],
        )
        for one in plan.planned
    ]  # fmt: skip
    for agreement, cycle in plan.held:
        items.append(
            BillingRunItem(
                run=run, customer=account.customer, location=account.location,
                billing_date=cycle.due_on, outcome=Outcome.SUSPENDED, amount=cycle.fee,
                text=_("%s is suspended: whoever lifts it says whether this fee is charged.")
                % agreement.customer.name[:200],
            )
        )  # fmt: skip
    return items


def _words(planned: Planned) -> str:
    if planned.outcome == Outcome.ZERO:
        return _("The location makes no invoices of nothing to pay.")
    return _("Left as a draft. %s") % planned.why if planned.why else ""


def run_billing(
    *, on: dt.date | None = None, by=None, dry_run: bool = False,
    locations: Iterable[Location] | None = None, progress: Progress = lambda done, total: None,
    run: BillingRun | None = None, chunk: int | None = None,
) -> Report:  # fmt: skip
    """Do every billing date on or before `on` (None: each location's today) that is not done.

    One invoice per account and date, all issued on the run's date, or drafts where the location
    says so. With `dry_run` nothing is stored, and `on` may lie ahead. An account that cannot be
    worked out or stored is left as it is and reported; the others go on. Raises `Refused` with
    `not_books`, `future_date` or `date_goes_back` (a later date has its number already).
    """
    places = list(locations if locations is not None else Location.objects.all())
    if by is not None and not all(by.may("keep_books", at=place) for place in places):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    if not dry_run and on is not None:
        reached = [place for place in places if on <= place.today()]
        if places and not reached:
            raise Refused(_AHEAD)
        places = reached  # where the day has not come it comes by itself
    days = {place.pk: on or place.today() for place in places}
    report = Report(on=days)
    if not dry_run:
        for place in places:
            _refuse_date(place, days[place.pk])
    if chunk is None:
        chunk = SMALL_CHUNK if connection.vendor == "sqlite" and not dry_run else CHUNK
    if not dry_run and (places or run is not None):
        report.run = run or BillingRun.objects.create(
            on=on, by=by, location=places[0] if len(places) == 1 else None
        )
    work = [(place, due_accounts(place, days[place.pk])) for place in places]
    total, done = sum(len(keys) for _place, keys in work), 0
    for place, keys in work:
        for start in range(0, len(keys), chunk):
            part = keys[start : start + chunk]
            _bill(part, place, days[place.pk], report, by, dry_run=dry_run)
            done += len(part)
            if report.run is not None:
                BillingRun.objects.filter(pk=report.run.pk).update(done=done, total=total)
            progress(done, total)
            if not dry_run and done < total:
                locks.let_others_write()
    if report.run is not None:
        _finish(report, total)
    return report


_AHEAD = Problem(
    "future_date", gettext_lazy("This date has not come yet: only a preview may look ahead."), "on"
)


def _refuse_date(place: Location, on: dt.date) -> None:
    if on > place.today():
        raise Refused(_AHEAD)
    last = Series.of(place, Series.Kind.INVOICE)
    if place.run_issues and last.last_issued_on is not None and on < last.last_issued_on:
        last.take(1, on=on)  # says why in words


def _finish(report: Report, total: int) -> None:
    run: Any = report.run
    run.refresh_from_db()
    run.finished_at, run.done, run.total = clock.now(), total, total
    run.invoiced, run.failed = report.invoiced + report.drafted, len(report.failed)
    run.save(update_fields=["finished_at", "done", "total", "invoiced", "failed"])


def _bill(
    keys: list[int], place: Location, on: dt.date, report: Report, by, *, dry_run: bool
) -> None:
    """A chunk of accounts; one that the database refuses is halved until the broken account stands
    alone."""
    try:
        with nullcontext() if dry_run else transaction.atomic():
            found = bill_accounts(keys, place, on, report.run, by, dry_run=dry_run)
    except Refused:
        raise
    except Exception as error:
        if len(keys) > 1:
            middle = len(keys) // 2
            _bill(keys[:middle], place, on, report, by, dry_run=dry_run)
            _bill(keys[middle:], place, on, report, by, dry_run=dry_run)
            return
        _fail(keys[0], place, report, error)
        return
    for plan, items, broken in found:
        if broken is not None:
            _fail(plan.account.customer_id, place, report, broken)
        else:
            report.note(plan, items, keep=dry_run)


def _fail(key: int, place: Location, report: Report, error: Exception) -> None:
    log.error("billing customer %s failed", key, exc_info=error)
    text = _("This account could not be billed and was left as it is (%s).")
    text = (text % f"{type(error).__name__}: {error}")[:300]
    report.failed[key, place.pk] = text
    item = BillingRunItem(
        run=report.run, customer_id=key, location=place, outcome=Outcome.FAILED, text=text
    )
    if report.run is not None:
        item.save()
    else:
        report.items.append(item)


def bill_accounts(
    keys: Sequence[int], place: Location, on: dt.date, run: BillingRun | None, by, *,
    dry_run: bool = False,
) -> list[tuple[Plan, list[BillingRunItem], Exception | None]]:  # fmt: skip
    """Bill the accounts of these customers at a location, in the caller's transaction."""
    if not dry_run:
        Account.objects.open_for((key, place.pk) for key in keys)
        mine = Account.objects.filter(location=place, customer__in=keys)
        locks.take(accounts=mine.values_list("pk", flat=True))
        # A rate that was set while a charge was made has not seen it.
        taxing.retax(taxing.provisional().filter(location=place, customer__in=keys))
    found = _accounts(keys, place, dry_run=dry_run)
    plans: list[tuple[Plan, list[BillingRunItem], Exception | None]] = []
    if not found:
        return []
    for facts in facts_of(found, on):
        try:
            plan = worked_out(facts, on)
            plans.append((plan, items_of(plan, run), None))
        except Exception as broken:
            plans.append((Plan(facts.account), [], broken))
    if not dry_run:
        _store([plan for plan, _items, error in plans if error is None], place, on, run, by)
        # Made anew: an invoice has its key by now.
        plans = [(plan, items_of(plan, run) if error is None else [], error)
                 for plan, _items, error in plans]  # fmt: skip
        if run is not None:
            bulk.insert([item for _plan, items, _error in plans for item in items])
    return plans


def _accounts(keys: Sequence[int], place: Location, *, dry_run: bool) -> list[Account]:
    from customers.models import Customer

    known = {
        account.customer_id: account
        for account in Account.objects.filter(location=place, customer__in=keys)
        .select_related("customer")
        .with_credit()
    }
    if dry_run:  # an account that was never opened is looked at all the same
        for customer in Customer.objects.filter(pk__in=set(keys) - known.keys()):
            known[customer.pk] = Account(customer=customer, location=place)
    for account in known.values():
        account.location = place
    return [known[key] for key in sorted(known)]


def _store(plans: list[Plan], place: Location, on: dt.date, run: BillingRun | None, by) -> None:
    """Write what was worked out: rows that settle, charges, lines, and invoices with their
    numbers last."""
    settled = [one for plan in plans for one in plan.settled]
    for one in settled:
        one.row.by = by
    bulk.insert([one.row for one in settled])
    charges = [one.charge for one in settled if one.charge is not None]
    for charge in charges:
        charge.cycle, charge.by = charge.cycle, by  # the key of the row is there now
    bulk.insert(charges)
    let_go = [
        ChargeVoid(charge=charge, reason=_("Nothing to pay."), on=planned.date, by=by)
        for plan in plans for planned in plan.planned if planned.outcome == Outcome.ZERO
        for charge in planned.charges
    ]  # fmt: skip
    bulk.insert(let_go)
    made = [
        (plan.account, planned)
        for plan in plans
        for planned in plan.planned
        if planned.outcome in (Outcome.INVOICED, Outcome.DRAFTED)
    ]
    for (_account, planned), key in zip(made, bulk.reserve_keys(Invoice, len(made)), strict=True):
        planned.invoice.pk, planned.invoice.run, planned.invoice.made_by = key, run, by
        for line in planned.lines:
            line.invoice_id, line.charge = key, line.charge
    bulk.insert([line for _account, planned in made for line in planned.lines])
    ready = [one.invoice for _account, one in made if one.outcome == Outcome.INVOICED]
    if ready:
        issue_all(ready, place, on=on, by=by)
    invoices = [one.invoice for _account, one in made if one.outcome == Outcome.DRAFTED]
    bulk.insert(invoices)
    bulk.insert(
        [
            audit.drafted("invoice.draft", invoice, by=by, changes={"total": [None, invoice.total]})
            for invoice in invoices
        ]
    )


# One account at a time


def catch_up(customer: Any, place: Location, *, on: dt.date) -> None:
    """Do what a run for today would do for one account, where it is late; the account is locked."""
    from billing.charging import issue_date

    found = bill_accounts([customer.pk], place, issue_date(place, on), None, None)
    for _plan, _items, error in found:
        if error is not None:
            raise error


# In the panel: confirmed there, done by the worker

LEASE = dt.timedelta(minutes=5)


@transaction.atomic
def ask(*, by, on: dt.date | None = None, location: Location | None = None) -> BillingRun:
    """Order a run, to be done by the worker. Raises `Refused` as `run_billing` does, and with
    `not_books`, or `running` while another one waits or runs."""
    places = [location] if location is not None else list(Location.objects.all())
    if by is not None and not all(by.may("keep_books", at=place) for place in places):
        raise Refused(Problem("not_books", _("This is for those who keep the books.")))
    for place in places:
        _refuse_date(place, on or place.today())
    if BillingRun.objects.waiting().exists():
        text = _("Another run waits or is under way: see how far it is first.")
        raise Refused(Problem("running", text))
    run = BillingRun.objects.create(on=on, by=by, location=location, asked=True)
    audit.record("billing_run.ask", run, by=by, changes={"on": [None, on]})
    return run


def work_one() -> bool:
    """Take the run that waits, or that a worker who died has left, and do it; whether there was
    one."""
    now = clock.now()
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        waiting = (
            BillingRun.objects.waiting()
            .filter(Q(leased_until=None) | Q(leased_until__lt=now))
            .select_for_update(skip_locked=skip)
            .order_by("pk")
            .first()
        )
        if waiting is None:
            return False
        waiting.leased_until = now + LEASE
        waiting.save(update_fields=["leased_until"])
    places = [waiting.location] if waiting.location else None

    def hold_on(done: int, total: int) -> None:
        BillingRun.objects.filter(pk=waiting.pk).update(leased_until=clock.now() + LEASE)

    try:
        run_billing(on=waiting.on, by=waiting.by, locations=places, run=waiting, progress=hold_on)
    except Exception as error:
        log.exception("billing run %s stopped", waiting.pk)
        BillingRun.objects.filter(pk=waiting.pk).update(
            finished_at=clock.now(), error=str(error)[:2000]
        )
    return True
