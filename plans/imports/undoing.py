"""An import taken back as a whole, while nothing else was built on its rows."""

from collections.abc import Iterator
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from customers.models import (
    Customer,
    StatusChange,
    Suspension,
    Team,
    TeamMembership,
    TimelineEntry,
)
from kit import audit, clock, locks
from kit.problems import Problem, Refused, refuse_if
from plans import signals
from plans.announcements import announce
from plans.models import Contract, ContractEvent, CustomerImport

# What the daily job and the import itself write; anything else was built on top.
OF_THE_JOB = (ContractEvent, StatusChange, TimelineEntry)
MOST_NAMED = 20


def undo(customer_import: CustomerImport, *, by) -> None:
    """Take an import back: its contracts with all that was announced of them, its suspensions,
    memberships, teams and customers go; fields that it changed get their old values.

    Audit rows stay. Raises `Refused` with `not_applied`, or `built_on` for each row on which
    something else stands by now.
    """
    with transaction.atomic():
        customer_import = CustomerImport.objects.select_for_update().get(pk=customer_import.pk)
        if not customer_import.can_be_undone:
            raise Refused(Problem("not_applied", _("There is nothing to undo.")))
        made = _Made(customer_import)
        locks.take(customers=made.customers, teams=made.teams)
        refuse_if(made.problems())
        made.take_back()
        # What the import's contracts had hidden from the daily job has happened all the same.
        announce(made.changed, by=by)
        customer_import.state = CustomerImport.State.UNDONE
        customer_import.undone_at, customer_import.undone_by = clock.now(), by
        customer_import.save(update_fields=["state", "undone_at", "undone_by"])
        audit.record("import.undo", customer_import, by=by)


def undo_problems(customer_import: CustomerImport) -> list[Problem]:
    """What stands against undoing, for showing it before."""
    return _Made(customer_import).problems()


class _Made:
    """What an import made, by kind, as its rows remember it."""

    def __init__(self, customer_import: CustomerImport):
        self.rows = [
            row
            for row in customer_import.rows.filter(applied=True).defer("cells", "problems")
            if row.made
        ]
        self.customers = [row.made["customer"] for row in self.rows]
        self.new = {row.made["customer"] for row in self.rows if row.made["new"]}
        self.changed = {row.made["customer"]: row for row in self.rows if not row.made["new"]}
        self.contracts = self._keys("contract")
        self.suspensions = self._keys("suspension")
        self.memberships = self._keys("membership")
        self.teams = self._keys("team")
        self.timeline = {key for row in self.rows for key in row.made.get("timeline", ())}
        self.changes = {key for row in self.rows for key in row.made.get("changes", ())}
        self.withdrawn = {key for row in self.rows for key in row.made.get("withdrawn", ())}

    def _keys(self, kind: str) -> set[int]:
        return {row.made[kind] for row in self.rows if kind in row.made}

    def problems(self) -> list[Problem]:
        """Each row on which something else was built, in words; at most twenty."""
        found = []
        versions = dict(Customer.objects.filter(pk__in=self.customers).values_list("pk", "version"))
        built_on = self._customers_built_on()
        for row in self.rows:
            key = row.made["customer"]
            if versions.get(key) != row.made["version"]:
                why = _("%s was changed since.")
            elif key in built_on:
                why = built_on[key]
            else:
                continue
            found.append(Problem("built_on", _("Line %d: ") % row.line + why % row.name))
            if len(found) == MOST_NAMED:
                break
        return found

    def _customers_built_on(self) -> dict[int, str]:
        """Customers with something the import did not make: key → a sentence about a name."""
        found: dict[int, str] = {}
        theirs = Customer.objects.filter(pk__in=self.new)
        for key in theirs.exclude(user=None, archived_at=None).values_list("pk", flat=True):
            found[key] = _("%s was archived or has a portal account since.")
        owned = {Contract: self.contracts, Suspension: self.suspensions,
                 TeamMembership: self.memberships}  # fmt: skip
        for relation, rows in _rows_on(Customer, self.new):
            mine = owned.get(relation.related_model)
            if relation.related_model in OF_THE_JOB:
                continue
            for pk, key in rows:
                if mine is None or pk not in mine:
                    found[key] = _("%s has something new: ") + _name(relation)
        holders = dict(
            Contract.objects.filter(pk__in=self.contracts).values_list("pk", "customer_id")
        )
        for relation, rows in _rows_on(Contract, self.contracts):
            if relation.related_model in OF_THE_JOB:
                continue
            for _pk, key in rows:
                found[holders[key]] = _("The contract of %s has changed: ") + _name(relation)
        for suspension in Suspension.objects.filter(pk__in=self.suspensions).exclude(
            lifted_at=None
        ):
            found[suspension.customer_id] = _("%s was reinstated since.")
        left = TeamMembership.objects.filter(pk__in=self.memberships).exclude(left_at=None)
        for membership in left:
            found[membership.customer_id] = _("%s has left the team since.")
        for relation, rows in _rows_on(Team, self.teams):
            for pk, _key in rows:
                if relation.related_model is not TeamMembership or pk not in self.memberships:
                    for membership in TeamMembership.objects.filter(pk__in=self.memberships):
                        found[membership.customer_id] = _("The new team of %s is in use.")
        return found

    def take_back(self) -> None:
        contracts = Contract.objects.filter(pk__in=self.contracts)
        kind = Contract._meta.label_lower
        of_contracts = models.Q(cause_kind=kind, cause_id__in=self.contracts)
        TimelineEntry.objects.filter(models.Q(pk__in=self.timeline) | of_contracts).delete()
        StatusChange.objects.filter(models.Q(pk__in=self.changes) | of_contracts).delete()
        self._restore_withdrawn_changes()
        signals.contracts_taken_back.send(sender=Contract, contracts=sorted(self.contracts))
        ContractEvent.objects.filter(contract__in=self.contracts).delete()
        contracts.delete()
        Suspension.objects.filter(pk__in=self.suspensions).delete()
        TeamMembership.objects.filter(pk__in=self.memberships).delete()
        Team.objects.filter(pk__in=self.teams).delete()
        Customer.objects.filter(pk__in=self.new).delete()
        for key, row in self.changed.items():
            self._restore_fields(key, row.made)

    def _restore_withdrawn_changes(self) -> None:
        """Announcements that the import's contracts had made untrue are true again.

        The ledger does not let a withdrawal be taken back, so the row is written anew.
        """
        for change in list(StatusChange.objects.filter(pk__in=self.withdrawn)):
            key = change.pk
            change.delete()
            change.pk, change.withdrawn_at = key, None
            change.save(force_insert=True)

    def _restore_fields(self, key: int, made: dict[str, Any]) -> None:
        before = made.get("before")
        if not before:
            return
        customer = Customer.objects.get(pk=key)
        for name, old in before.items():
            field = Customer._meta.get_field(name)
            setattr(customer, field.attname, field.to_python(old))
        customer.version = made["version"] - 1
        customer.save(update_fields=[*before, "version", "sort_name", "search_text"])


def _rows_on(
    model: type[models.Model], keys: set[int]
) -> Iterator[tuple[models.ForeignObjectRel, list[tuple[int, int]]]]:
    """Every relation to a model, of whichever room, with its (key, key of the target) rows.

    A later room whose rows the daily job writes names those that nobody has built on `untouched`.
    """
    for relation in model._meta.related_objects:
        if not keys or relation.many_to_many:
            continue
        related, name = relation.related_model, relation.field.attname
        rows = related._base_manager.filter(**{f"{name}__in": keys})
        if untouched := getattr(related, "untouched", None):
            rows = rows.exclude(pk__in=untouched().values("pk"))
        yield relation, list(rows.values_list("pk", name))


def _name(relation: models.ForeignObjectRel) -> str:
    return str(relation.related_model._meta.verbose_name)
