"""What each row of a file would do: create, update, nothing, or what is wrong with it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from customers.models import Customer, Team, TeamMembership
from kit import words
from kit.cells import natural
from kit.problems import Refused, check_fields
from plans.imports.columns import COLUMNS, CUSTOM, value
from plans.imports.reading import Line, Table
from plans.models import Contract, Plan
from plans.models.imports import ImportRow
from plans.models.signing import drafted, sign_up_problems
from spaces.models import Location

Action = ImportRow.Action
PAGE = 500
FIELDS = (
    "type", "full_name", "company_name", "email", "phone", "address", "city", "postal_code",
    "country", "tax_number", "notes", "external_id", "registered_on",
)  # fmt: skip


@dataclass
class RowPlan:
    """One row's share of the import. `before` and `after` are customer fields that change."""

    line: Line
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    customer: Customer | None = None
    is_new: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    contract: Contract | None = None
    team: str = ""
    team_is_new: bool = False
    suspend: bool = False

    @property
    def action(self) -> str:
        if self.problems:
            return Action.ERROR
        if self.is_new:
            return Action.CREATE
        changes = self.after or self.contract or self.team or self.suspend
        return Action.UPDATE if changes else Action.SAME

    @property
    def name(self) -> str:
        if self.customer is not None and self.customer.name:
            return self.customer.name
        return str(self.values.get("full_name", ""))

    def changes(self) -> list[dict[str, str]]:
        """What the row does, column by column, in words."""
        found = [
            {"column": column, "old": _shown(self.before.get(column)), "new": _shown(new)}
            for column, new in self.after.items()
        ]
        if self.contract is not None:
            text = _("%(plan)s from %(day)s") % {
                "plan": self.contract.plan, "day": words.day(self.contract.starts_on),
            }  # fmt: skip
            if self.contract.ends_on:
                text = _("%(text)s to %(day)s") % {
                    "text": text, "day": words.day(self.contract.ends_on),
                }  # fmt: skip
            found.append({"column": "plan", "old": "", "new": text})
        if self.team:
            text = _("%s (a new team)") % self.team if self.team_is_new else self.team
            found.append({"column": "team", "old": "", "new": text})
        if self.suspend:
            found.append({"column": "active", "old": "", "new": _("Suspended")})
        return found


class Planner:
    """Reads rows against the database as it is now; makes nothing.

    Asked again under the locks of what the rows touch, it says what holds then.
    """

    def __init__(
        self,
        table: Table,
        mapping: dict[str, str],
        *,
        dates: str,
        location: Location | None,
        dry_run: bool = False,
    ):
        self.dry_run = dry_run
        self.table, self.mapping, self.dates = table, mapping, dates
        self.locations = {words.folded(one.name): one for one in Location.objects.all()}
        self.location = location
        if location is None and len(self.locations) == 1:
            self.location = next(iter(self.locations.values()))
        self.plans: dict[str, list[Plan]] = defaultdict(list)
        for plan in Plan.objects.select_related("location").order_by("pk"):
            self.plans[words.folded(plan.name)].append(plan)
        self._find_repeats()
        self._find_rows_about_the_same()
        self._start_afresh()

    def plan(self, lines: Sequence[Line]) -> list[RowPlan]:
        """The share of some rows, in their order."""
        rows = [self._read(line) for line in lines]
        self._match(rows)
        self.teams = {}
        if any(row.values.get("team") for row in rows):
            self.teams = {words.folded(team.name): team for team in Team.objects.live()}
        if not self.dry_run:  # what earlier rows did stands in the database by now
            self._start_afresh()
        for row in rows:
            if not row.problems:
                self._decide(row)
        return rows

    def _start_afresh(self) -> None:
        """Forget what rows planned so far would fill: teams to come and places in plans."""
        self._teams_to_come: dict[str, str] = {}
        self._joining: dict[str, int] = defaultdict(int)
        self._signing: dict[int, list[tuple[dt.date, dt.date | None]]] = defaultdict(list)

    def touched(self, lines: Sequence[Line]) -> dict[str, list[int]]:
        """The keys of what rows may write to, for locking: logins, customers, teams, plans."""
        rows = [self._read(line).values for line in lines]
        said: dict[str, set] = {
            column: {row[column] for row in rows if row.get(column)}
            for column in ("external_id", "email", "team", "plan")
        }
        customers = Customer.objects.filter(
            Q(external_id__in=said["external_id"]) | Q(email__in=said["email"])
        )
        teams = {words.folded(name) for name in said["team"]}
        live = Team.objects.live().values_list("pk", "name") if teams else ()
        plans = {words.folded(name) for name in said["plan"]}
        return {
            "users": list(customers.exclude(user=None).values_list("user_id", flat=True)),
            "customers": list(customers.values_list("pk", flat=True)),
            "teams": [key for key, name in live if words.folded(name) in teams],
            "plans": [plan.pk for name in plans for plan in self.plans.get(name, ())],
        }

    # The file alone

    def _read(self, line: Line) -> RowPlan:
        row = RowPlan(line)
        width = len(self.table.headers)
        if any(cell.strip() for cell in line.cells[width:]):
            row.problems.append(
                _problem("", "", _("The row has more cells than the file has columns."))
            )
        for header, cell in zip(self.table.headers, line.cells, strict=False):
            column, text = self.mapping.get(header, ""), natural(cell.strip())
            if not column or not text:
                continue
            if column == CUSTOM:
                row.values.setdefault("custom", {})[header] = text
                continue
            try:
                row.values[column] = value(column, text, dates=self.dates)
            except ValidationError as error:
                row.values.setdefault(column, None)
                row.problems.append(_problem(column, text, " ".join(error.messages)))
        for column in ("full_name", "email"):
            if column not in row.values:
                row.problems.append(_problem(column, "", _("This is missing.")))
        starts_on, ends_on = (row.values.get(c) for c in ("contract_starts_on", "contract_ends_on"))
        if starts_on and ends_on and ends_on < starts_on:
            row.problems.append(
                _problem("contract_ends_on", ends_on.isoformat(),
                         _("The last day lies before the first one."))
            )  # fmt: skip
        if repeated := self._repeats.get(line.number):
            row.problems.append(_problem(*repeated))
        return row

    def _find_repeats(self) -> None:
        """Rows that repeat an earlier one's external id, or its e-mail where not both have ids."""
        self._repeats: dict[int, tuple[str, str, str]] = {}
        by_email: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        by_id: dict[str, int] = {}
        for line in self.table.lines:
            cells = {
                self.mapping.get(header, ""): natural(cell.strip())
                for header, cell in zip(self.table.headers, line.cells, strict=False)
            }
            external_id, email = cells.get("external_id", ""), cells.get("email", "")
            try:
                email = value("email", email, dates=self.dates)
            except ValidationError:
                email = ""
            if external_id in by_id:
                text = _("Line %d has this external id already.") % by_id[external_id]
                self._repeats[line.number] = ("external_id", external_id, text)
            elif email:
                for number, has_id in by_email[email]:
                    if not (has_id and external_id):
                        text = _("Line %d has this e-mail already.") % number
                        self._repeats[line.number] = ("email", email, text)
                        break
            if external_id:
                by_id.setdefault(external_id, line.number)
            if email:
                by_email[email].append((line.number, bool(external_id)))

    # The file against the database

    def _find_rows_about_the_same(self) -> None:
        """Rows that find, by id or e-mail, a customer whom an earlier row has found already."""
        taken: dict[int, int] = {}
        for start in range(0, len(self.table.lines), PAGE):
            rows = [self._read(line) for line in self.table.lines[start : start + PAGE]]
            ids = {row.values["external_id"] for row in rows if row.values.get("external_id")}
            emails = {row.values["email"] for row in rows if row.values.get("email")}
            known = list(
                Customer.objects.filter(Q(external_id__in=ids) | Q(email__in=emails)).values_list(
                    "pk", "external_id", "email"
                )
            )
            by_id = {theirs: found for found, theirs, _email in known if theirs}
            by_email: dict[str, list[tuple[int, str]]] = defaultdict(list)
            for found, theirs, address in known:
                by_email[address].append((found, theirs))
            for row in rows:
                external_id, email = row.values.get("external_id"), row.values.get("email")
                key: int | None = by_id.get(external_id) if external_id else None
                if key is None and email:
                    others = [k for k, theirs in by_email[email] if not (external_id and theirs)]
                    key = others[0] if len(others) == 1 else None
                if key is None or row.line.number in self._repeats:
                    continue
                if key in taken:
                    text = _("Line %d is about the same customer.") % taken[key]
                    self._repeats[row.line.number] = ("email", email or "", text)
                else:
                    taken[key] = row.line.number

    def _match(self, rows: Iterable[RowPlan]) -> None:
        """Find each row's customer: by external id, then by e-mail, never by name."""
        ids = {row.values["external_id"] for row in rows if row.values.get("external_id")}
        emails = {row.values["email"] for row in rows if row.values.get("email")}
        contracts = Contract.objects.prefetch_related("plan").with_history()
        memberships = TeamMembership.objects.filter(left_at=None).prefetch_related("team")
        found = list(
            Customer.objects.filter(Q(external_id__in=ids) | Q(email__in=emails))
            .prefetch_related(
                "location",
                "suspensions",
                Prefetch("contracts", contracts),
                Prefetch("team_memberships", memberships),
            )
            .order_by("pk")
        )
        by_id = {customer.external_id: customer for customer in found if customer.external_id}
        by_email: dict[str, list[Customer]] = defaultdict(list)
        for one in found:
            by_email[one.email].append(one)
        for row in rows:
            external_id, email = row.values.get("external_id"), row.values.get("email")
            customer: Customer | None = by_id.get(external_id) if external_id else None
            if customer is None and email:
                candidates = by_email[email]
                if external_id:  # whoever has another id is somebody else
                    candidates = [one for one in candidates if not one.external_id]
                if len(candidates) > 1:
                    row.problems.append(
                        _problem("email", email,
                                 _("Several customers have this e-mail: give the external id."))
                    )  # fmt: skip
                    continue
                customer = candidates[0] if candidates else None
            row.customer = customer

    def _decide(self, row: RowPlan) -> None:
        location = self._location(row)
        if location is None:
            return
        if row.customer is None:
            row.is_new = True
            row.customer = Customer(type=Customer.Type.INDIVIDUAL, location=location)
        today = row.customer.location.today()
        self._take_over_fields(row, today)
        if not row.problems:
            self._take_over_contract(row, location)
            self._take_over_team(row)
            row.suspend = row.values.get("active") is False and (
                row.is_new or row.customer.suspension is None
            )
        if row.customer.archived_at and row.action == Action.UPDATE:
            row.problems.append(
                _problem("email", row.customer.email,
                         _("This customer is archived: restore it first."))
            )  # fmt: skip

    def _location(self, row: RowPlan) -> Location | None:
        name = row.values.get("location")
        if name:
            found = self.locations.get(words.folded(name))
            if found is None:
                row.problems.append(_problem("location", name, _("There is no such location.")))
            return found
        if row.customer is not None:
            return row.customer.location
        if self.location is None:
            row.problems.append(_problem("location", "", _("Say at which location.")))
        return self.location

    def _take_over_fields(self, row: RowPlan, today: dt.date) -> None:
        """Empty cells leave what is stored; what is out of bounds is said with its column."""
        customer = row.customer
        assert customer is not None  # noqa: S101 - set by the caller
        given = {name: row.values[name] for name in FIELDS if row.values.get(name) is not None}
        if row.values.get("location") and not row.is_new:
            given["location"] = self.locations[words.folded(row.values["location"])]
        if row.is_new:
            given.setdefault("registered_on", today)
        if custom := row.values.get("custom"):
            given["custom"] = {**customer.custom, **custom}
        for name, new in given.items():
            old = getattr(customer, name)
            if row.is_new or new != old:
                row.before[name], row.after[name] = old, new
                setattr(customer, name, new)
        try:
            check_fields(customer, leaving_out=("location", "user"))
        except Refused as refused:
            for problem in refused.problems:
                column = problem.field if problem.field in COLUMNS else ""
                text = str(row.values.get(column or "", "") or "")
                row.problems.append(_problem(column or "", text, str(problem.text)))

    def _take_over_contract(self, row: RowPlan, location: Location) -> None:
        name = row.values.get("plan")
        if not name:
            return
        customer = row.customer
        assert customer is not None  # noqa: S101 - set by the caller
        candidates = self.plans.get(words.folded(name), [])
        if not candidates:
            row.problems.append(_problem("plan", name, _("There is no plan of this name.")))
            return
        same = [] if row.is_new else self._same_contracts(row, candidates)
        ends_on = row.values.get("contract_ends_on")
        if same:
            if ends_on and all(contract.ends_on != ends_on for contract in same):
                day = words.day(same[0].ends_on) if same[0].ends_on else _("no day")
                text = _("The last day of this contract is %s here. Change it on the contract.")
                row.problems.append(_problem("contract_ends_on", ends_on.isoformat(), text % day))
            return

        def rank(one: Plan) -> tuple[bool, bool, bool]:
            away = one.location_id != location.pk
            return one.archived_at is not None, away, one.location_id is not None

        plan, *others = sorted(candidates, key=rank)
        if others and rank(others[0]) == rank(plan):
            row.problems.append(_problem("plan", name, _("Several plans have this name.")))
            return
        at = plan.location or location
        contract = drafted(
            plan,
            customer,
            location=at,
            on=at.today(),
            starts_on=row.values.get("contract_starts_on"),
            ends_on=ends_on,
            quiet=True,
        )
        problems = sign_up_problems(contract, by=None, on=at.today(), also=self._signing[plan.pk])
        for problem in problems:
            column = {"starts_on": "contract_starts_on", "ends_on": "contract_ends_on"}.get(
                problem.field or "", "plan"
            )
            text = str(row.values.get(column) or "")
            row.problems.append(_problem(column, text, str(problem.text)))
        if not problems:
            self._signing[plan.pk].append((contract.starts_on, contract.ends_on))
            row.contract = contract

    def _same_contracts(self, row: RowPlan, candidates: list[Plan]) -> list[Contract]:
        """With a start date, contracts of that plan that start that day; without one, those in
        force, frozen or scheduled."""
        assert row.customer is not None  # noqa: S101 - set by the caller
        keys = {plan.pk for plan in candidates}
        starts_on = row.values.get("contract_starts_on")
        today = row.customer.location.today()
        return [
            contract
            for contract in row.customer.contracts.all()
            if contract.plan_id in keys
            and not contract.is_called_off
            and (
                contract.starts_on == starts_on
                if starts_on
                else contract.ends_on is None or contract.ends_on >= today
            )
        ]

    def _take_over_team(self, row: RowPlan) -> None:
        name = row.values.get("team")
        if not name:
            return
        assert row.customer is not None  # noqa: S101 - set by the caller
        plain = words.folded(name)
        if not row.is_new and any(
            words.folded(membership.team.name) == plain
            for membership in row.customer.team_memberships.all()
        ):
            return
        team = self.teams.get(plain)
        if team is not None and team.size_limit is not None:
            present = team.memberships.filter(left_at=None).count() + self._joining[plain]
            if present >= team.size_limit:
                text = _("The team is full: %d people.") % team.size_limit
                row.problems.append(_problem("team", name, text))
                return
        row.team_is_new = team is None and plain not in self._teams_to_come
        row.team = team.name if team else self._teams_to_come.setdefault(plain, name)
        self._joining[plain] += 1


def _problem(column: str, text: str, why: str) -> dict[str, str]:
    return {"column": column, "value": text, "text": why}


def _shown(one: Any) -> str:
    if one is None:
        return ""
    if isinstance(one, dt.date):
        return one.isoformat()
    if isinstance(one, dict):
        return ", ".join(f"{key}: {text}" for key, text in one.items())
    return str(one)
