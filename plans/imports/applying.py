"""The dry run and the import itself, in the panel, by the worker and by command alike."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from customers.models import StatusChange, Team, TeamMembership, TimelineEntry, timeline
from customers.models.customer import PERSONAL
from kit import audit, bulk, clock, locks, words
from kit.problems import Problem, Refused
from plans.announcements import announce
from plans.imports.columns import guess, valid_mapping
from plans.imports.planning import Action, Planner, RowPlan
from plans.imports.reading import Line, Table, read
from plans.models import Contract, CustomerImport, ImportRow
from plans.models.signing import signed_changes

log = logging.getLogger(__name__)

CHUNK = 500
LEASE = dt.timedelta(minutes=5)
SMALL = 300
State = CustomerImport.State
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def start(*, file_name: str, content: bytes, by, **options) -> CustomerImport:
    """Take a file in: it is read, its headers are guessed, nothing else happens yet.

    A mapping that was used for a file with the same headers is taken up again. Raises
    `Refused` with what `reading.read` refuses.
    """
    table = read(content)
    earlier = next(
        (
            one
            for one in CustomerImport.objects.exclude(applied_at=None).defer("content")[:50]
            if one.headers == table.headers
        ),
        None,
    )
    return CustomerImport.objects.create(
        file_name=file_name[:255],
        content=content,
        headers=table.headers,
        mapping=earlier.mapping if earlier else guess(table.headers),
        dates=options.pop("dates", earlier.dates if earlier else "iso"),
        total=len(table.lines),
        made_by=by,
        **options,
    )


def first_rows(customer_import: CustomerImport, count: int = 3) -> list[list[str]]:
    """The cells of the file's first rows, to show what its columns hold."""
    content = CustomerImport.objects.values_list("content", flat=True).get(pk=customer_import.pk)
    return [line.cells for line in read(bytes(content)).lines[:count]]


def ask_for_check(customer_import: CustomerImport, mapping: dict[str, str]) -> None:
    """Settle the columns and order the dry run; small files get it at once.

    Raises `Refused` with `bad_mapping`.
    """
    try:
        customer_import.mapping = valid_mapping(customer_import.headers, mapping)
    except ValidationError as error:
        raise Refused(Problem("bad_mapping", " ".join(error.messages), "mapping")) from None
    small = customer_import.total <= SMALL
    settled = (State.MAPPING, State.CHECKED, State.REFUSED)
    moved = CustomerImport.objects.filter(pk=customer_import.pk, state__in=settled).update(
        state=State.TO_CHECK,
        mapping=customer_import.mapping,
        done=0,
        error="",
        ordered_at=clock.now(),
        # Whoever works on it holds it: the worker must not begin the same at once.
        leased_until=clock.now() + LEASE if small else None,
    )
    if not moved:
        raise Refused(Problem("under_way", _("This import is under way already."), "mapping"))
    customer_import.refresh_from_db()
    if small:
        check(customer_import)


def ask_to_apply(customer_import: CustomerImport) -> None:
    """Order the import after its dry run, or the rest of one that stopped; small files are
    applied at once.

    Raises `Refused` with `not_checked`.
    """
    small = customer_import.total <= SMALL
    ready = (State.CHECKED, State.STOPPED)
    moved = CustomerImport.objects.filter(pk=customer_import.pk, state__in=ready).update(
        state=State.TO_APPLY,
        done=0,
        error="",
        ordered_at=clock.now(),
        leased_until=clock.now() + LEASE if small else None,
    )
    if not moved:
        raise Refused(Problem("not_checked", _("There is no dry run to go by.")))
    customer_import.refresh_from_db()
    if small:
        _apply_or_stop(customer_import)


def check(customer_import: CustomerImport, progress: Progress = silent) -> None:
    """The dry run: every row with what it would do. Stores that, and nothing of the customers."""
    table, planner = _prepared(customer_import, dry_run=True)
    customer_import.rows.filter(applied=False).delete()
    for lines, done in _chunks(table.lines):
        rows = [_row(customer_import, plan, applied=False) for plan in planner.plan(lines)]
        bulk.insert(rows)
        _tell(customer_import, done, progress)
    CustomerImport.objects.filter(pk=customer_import.pk).update(
        state=State.CHECKED, leased_until=None
    )
    customer_import.refresh_from_db()


def apply(customer_import: CustomerImport, progress: Progress = silent) -> None:
    """Do what the dry run showed, as the database is now; good rows first and last.

    Goes in chunks, each a transaction, so that a killed import is simply continued. With
    `all_or_nothing` it is one transaction, and one bad row leaves everything as it was.
    """
    table, planner = _prepared(customer_import)
    if customer_import.all_or_nothing:
        _apply_all_or_nothing(customer_import, planner, table.lines)
        progress(len(table.lines), len(table.lines))
    else:
        applied = set(customer_import.rows.filter(applied=True).values_list("line", flat=True))
        for lines, done in _chunks(table.lines):
            left = [line for line in lines if line.number not in applied]
            if left:
                _apply_chunk(customer_import, planner, left)
                locks.let_others_write()
            _tell(customer_import, done, progress)
    customer_import.refresh_from_db()
    if customer_import.state == State.TO_APPLY:
        with transaction.atomic():
            now = clock.now()
            CustomerImport.objects.filter(pk=customer_import.pk).update(
                state=State.APPLIED, applied_at=now, leased_until=None
            )
            audit.record(
                "import.apply", customer_import, by=customer_import.made_by,
                changes={"rows": [None, customer_import.counts()]},
            )  # fmt: skip
        customer_import.refresh_from_db()


def work_one() -> bool:
    """Take the next waiting import and do its dry run or apply it; whether there was one."""
    now = clock.now()
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        waiting = (
            CustomerImport.objects.filter(
                Q(leased_until=None) | Q(leased_until__lt=now),
                state__in=(State.TO_CHECK, State.TO_APPLY),
            )
            .select_for_update(skip_locked=skip)
            .order_by("pk")
            .first()
        )
        if waiting is None:
            return False
        waiting.leased_until = now + LEASE
        waiting.save(update_fields=["leased_until"])
    try:
        if waiting.state == State.TO_CHECK:
            check(waiting)
        else:
            _apply_or_stop(waiting)
    except Exception as error:
        log.exception("the dry run of import %s failed", waiting.pk)
        CustomerImport.objects.filter(pk=waiting.pk, state=State.TO_CHECK).update(
            state=State.REFUSED, error=str(error)[:2000], leased_until=None
        )
    return True


def _apply_or_stop(customer_import: CustomerImport) -> None:
    """Apply; what fails leaves an import that can be continued, or undone, as far as it came."""
    try:
        apply(customer_import)
    except Exception as error:
        log.exception("import %s stopped", customer_import.pk)
        some = customer_import.rows.filter(applied=True).exists()
        CustomerImport.objects.filter(pk=customer_import.pk).update(
            state=State.STOPPED if some else State.REFUSED,
            error=str(error)[:2000],
            leased_until=None,
        )
        customer_import.refresh_from_db()


def _prepared(customer_import: CustomerImport, *, dry_run: bool = False) -> tuple[Table, Planner]:
    table = read(bytes(customer_import.content))
    planner = Planner(
        table,
        customer_import.mapping,
        dates=customer_import.dates,
        location=customer_import.location,
        dry_run=dry_run,
    )
    return table, planner


def _chunks(lines: Sequence[Line]) -> Iterator[tuple[Sequence[Line], int]]:
    for first in range(0, len(lines), CHUNK):
        chunk = lines[first : first + CHUNK]
        yield chunk, first + len(chunk)


def _tell(customer_import: CustomerImport, done: int, progress: Progress) -> None:
    CustomerImport.objects.filter(pk=customer_import.pk).update(
        done=done, leased_until=clock.now() + LEASE
    )
    progress(done, customer_import.total)


def _apply_all_or_nothing(customer_import, planner: Planner, lines: Sequence[Line]) -> None:
    try:
        with transaction.atomic():
            plans = _write(customer_import, planner, lines)
            if any(plan.problems for plan in plans):
                raise _Wrong(plans)
    except _Wrong as wrong:
        with transaction.atomic():
            rows = [_row(customer_import, plan, applied=False) for plan in wrong.plans]
            _keep(customer_import, rows)
            _refuse(customer_import, _("Rows are wrong, so nothing was imported."))
    except (IntegrityError, Refused) as error:
        _refuse(customer_import, str(error)[:2000])


def _refuse(customer_import: CustomerImport, why: str) -> None:
    CustomerImport.objects.filter(pk=customer_import.pk).update(
        state=State.REFUSED, leased_until=None, error=why
    )


class _Wrong(Exception):
    def __init__(self, plans: list[RowPlan]):
        self.plans = plans


def _apply_chunk(customer_import, planner: Planner, lines: Sequence[Line]) -> None:
    """One transaction; what the database refuses is halved until the bad row stands alone."""
    try:
        with transaction.atomic():
            _write(customer_import, planner, lines)
    except (IntegrityError, Refused) as error:
        if len(lines) > 1:
            middle = len(lines) // 2
            _apply_chunk(customer_import, planner, lines[:middle])
            _apply_chunk(customer_import, planner, lines[middle:])
            return
        [plan] = planner.plan(lines)
        plan.problems.append({"column": "", "value": "", "text": str(error)})
        _keep(customer_import, [_row(customer_import, plan)])


def _write(customer_import, planner: Planner, lines: Sequence[Line]) -> list[RowPlan]:
    """Plan under the locks of what these rows touch, then write them set by set.

    The import itself is locked first: of two that work on it, the second finds the rows of the
    first applied and leaves them alone.
    """
    CustomerImport.objects.select_for_update().get(pk=customer_import.pk)
    numbers = [line.number for line in lines]
    applied = set(
        customer_import.rows.filter(applied=True, line__in=numbers).values_list("line", flat=True)
    )
    lines = [line for line in lines if line.number not in applied]
    touched = planner.touched(lines)
    locks.take(
        users=touched["users"],
        customers=touched["customers"],
        teams=touched["teams"],
        plans=touched["plans"],
    )
    plans = planner.plan(lines)
    good = [plan for plan in plans if not plan.problems]
    rows = {plan.line.number: _row(customer_import, plan) for plan in plans}
    last_told = TimelineEntry.objects.aggregate(last=Max("pk"))["last"] or 0
    last_change = StatusChange.objects.aggregate(last=Max("pk"))["last"] or 0
    by = customer_import.made_by
    _write_customers(good, by)
    _write_contracts([plan for plan in good if plan.contract], by)
    for plan in good:
        made = rows[plan.line.number].made
        if plan.team:
            made |= _join(plan, by)
        if plan.suspend:
            made["suspension"] = _suspend(plan, by)
    signed = [plan.customer.pk for plan in good if plan.contract and plan.customer]
    withdrawn = _withdrawn(signed)
    announce(signed, by=by)
    _remember(good, rows, last_told, last_change)
    for key, customer_key in _withdrawn(signed) - withdrawn:
        row = next(rows[p.line.number] for p in good if p.customer.pk == customer_key)
        row.made.setdefault("withdrawn", []).append(key)
    _keep(customer_import, list(rows.values()))
    return plans


def _write_customers(plans: list[RowPlan], by) -> None:
    new = [plan.customer for plan in plans if plan.is_new and plan.customer is not None]
    bulk.insert(new)
    for customer in new:
        locks.born(customers=customer)
    bulk.insert(
        [
            timeline.drafted(
                customer,
                TimelineEntry.Kind.REGISTERED,
                on=cast(dt.date, customer.registered_on),
                by=by,
            )
            for customer in new
        ]
    )
    entries = [
        audit.drafted(
            "customer.register", customer, by=by,
            changes={"type": [None, customer.type]},
            personal={"name": [None, customer.name], "email": [None, customer.email]},
        )
        for customer in new
    ]  # fmt: skip
    for plan in plans:
        if plan.is_new or not plan.after or plan.customer is None:
            continue
        customer = plan.customer
        customer.version += 1
        customer.save(update_fields=[*plan.after, "version", "sort_name", "search_text"])
        if "type" in plan.after:
            timeline.tell(
                customer, TimelineEntry.Kind.CHANGED_TYPE, on=customer.location.today(), by=by,
                text=str(customer.get_type_display()),
            )  # fmt: skip
        changes = {name: [plan.before[name], new] for name, new in plan.after.items()}
        if "location" in changes:
            changes["location"] = [one.pk for one in changes["location"]]
        entries.append(
            audit.drafted(
                "customer.edit", customer, by=by,
                changes={k: v for k, v in changes.items() if k not in PERSONAL},
                personal={k: v for k, v in changes.items() if k in PERSONAL},
            )
        )  # fmt: skip
    bulk.insert(entries)


def _write_contracts(plans: list[RowPlan], by) -> None:
    contracts: list[Contract] = []
    for plan in plans:
        contract = plan.contract
        if contract is None or plan.customer is None:
            continue
        contract.customer, contract.signed_by = plan.customer, by
        contracts.append(contract)
    bulk.insert(contracts)
    bulk.insert(
        [
            timeline.drafted(
                contract.customer, TimelineEntry.Kind.SIGNED, on=contract.signed_on, by=by,
                cause=contract,
                text=_("%(plan)s from %(day)s")
                % {"plan": contract.plan, "day": words.day(contract.starts_on)},
            )
            for contract in contracts
        ]
    )  # fmt: skip
    bulk.insert(
        [
            audit.drafted("contract.sign", contract, by=by, changes=signed_changes(contract))
            for contract in contracts
        ]
    )


def _join(plan: RowPlan, by) -> dict[str, int]:
    made = {}
    team = Team.objects.live().filter(name=plan.team).first()
    if team is None:
        team = Team.objects.all().start(plan.team, by=by)
        made["team"] = team.pk
    membership: TeamMembership = team.add(plan.customer, by=by)
    return {**made, "membership": membership.pk}


def _suspend(plan: RowPlan, by) -> int:
    assert plan.customer is not None  # noqa: S101 - good rows have one
    reason = _("Not active in the imported file")
    return plan.customer.suspend(by=by, reason=reason).pk


def _withdrawn(customers: list[int]) -> set[tuple[int, int]]:
    """Announcements of these customers that are withdrawn by now: (key, customer)."""
    rows = StatusChange.objects.filter(customer__in=customers).exclude(withdrawn_at=None)
    return set(rows.values_list("pk", "customer_id"))


def _remember(plans: list[RowPlan], rows: dict[int, ImportRow], told: int, changed: int) -> None:
    """Keep on each row what it made, so that the import can be undone."""
    of_customer = {plan.customer.pk: rows[plan.line.number] for plan in plans if plan.customer}
    for plan in plans:
        row, customer = rows[plan.line.number], plan.customer
        if customer is None or plan.action == Action.SAME:
            continue
        row.made |= {"customer": customer.pk, "new": plan.is_new, "version": customer.version}
        if not plan.is_new and plan.after:
            before = {
                name: old.pk if isinstance(old, type(customer.location)) else old
                for name, old in plan.before.items()
            }
            row.made["before"] = before
        if plan.contract is not None:
            row.made["contract"] = plan.contract.pk
    mine = {"customer__in": [key for key, row in of_customer.items() if row.made]}
    for name, model, last in (
        ("timeline", TimelineEntry, told),
        ("changes", StatusChange, changed),
    ):
        for key, customer_key in model._default_manager.filter(pk__gt=last, **mine).values_list(
            "pk", "customer_id"
        ):
            of_customer[customer_key].made.setdefault(name, []).append(key)


def _row(customer_import, plan: RowPlan, *, applied: bool = True) -> ImportRow:
    return ImportRow(
        customer_import=customer_import,
        line=plan.line.number,
        cells=plan.line.cells,
        name=plan.name[:400],
        action=plan.action,
        problems=plan.problems,
        changes=plan.changes(),
        applied=applied and not plan.problems,
    )


def _keep(customer_import, rows: list[ImportRow]) -> None:
    """Put rows in the place of those of the dry run."""
    customer_import.rows.filter(applied=False, line__in=[row.line for row in rows]).delete()
    bulk.insert(rows)
