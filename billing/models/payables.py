"""Querysets of what is to be paid: how far invoices and claims are settled, on any day."""

import datetime as dt
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from kit import money
from spaces.models import Todays

M = TypeVar("M", bound=models.Model)


class PayableQuerySet(models.QuerySet[M]):
    """`on` is a local date. The subclasses say which columns hold the sum and the date."""

    sum_column = "total"
    date_column = "issued_on"
    # The settlement that says that all of it was taken back, and what of it is allocated so.
    taken_back = "credited"
    taken_back_by = "credit_note"

    def asked(self) -> Self:
        """Those that somebody is asked to pay."""
        return self

    def written_off(self) -> Self:
        return self.asked().filter(self._written_off())

    def unpaid(self) -> Self:
        """Those on which something is due, and that nobody has written off."""
        return self.asked().filter(settled__lt=F(self.sum_column))

    def overdue(self, *, on: Any) -> Self:
        """Unpaid ones whose due date has passed; `on` may be `Todays`."""
        return self.unpaid().filter(_late(on))

    def owed(self, *, on: dt.date) -> Self:
        """Those on which something was due at the end of a day, with it as `due_then`; today or
        earlier."""
        due = F(self.sum_column) - self._settled(on)
        field = money.MoneyField()
        asked = self.asked().filter(**{f"{self.date_column}__lte": on})
        return asked.annotate(due_then=models.ExpressionWrapper(due, output_field=field)).filter(
            due_then__gt=0
        )

    def oldest_first(self) -> Self:
        """The order in which credit pays them."""
        return self.order_by("due_on", self.date_column, "pk")

    def in_settlement(self, settlement: str, *, on: Any) -> Self:
        """Those that are `settlement` on a day, today or earlier (a local date, or `Todays`).

        Those that were not there by then are left out. See also `settlement_on` of the record.
        """
        until = None if isinstance(on, Todays) else on
        found = self.asked()
        if until is not None:
            found = found.filter(**{f"{self.date_column}__lte": until})
        given_up, taken_back = self._written_off(until), self._taken_back(until)
        if settlement == "written_off":
            return found.filter(given_up)
        found = found.filter(~given_up)
        if settlement == self.taken_back:
            return found.filter(taken_back)
        found = found.filter(~taken_back).alias(settled_then=self._settled(until))
        if settlement == "paid":
            return found.filter(settled_then=F(self.sum_column))
        found = found.filter(settled_then__lt=F(self.sum_column))
        late = _late(on)
        if settlement == "overdue":
            return found.filter(late)
        by_notes = self._settled(until, kind=self.taken_back_by)
        found = found.filter(~late).alias(by_notes=by_notes)
        if settlement == "part_paid":
            return found.filter(settled_then__gt=F("by_notes"))
        return found.filter(settled_then=F("by_notes"))

    def _taken_back(self, until: dt.date | None = None) -> Any:
        """Whether all of it was taken back, until a day or by now."""
        raise NotImplementedError

    def _written_off(self, until: dt.date | None = None) -> Exists:
        """Whether a write-off stands, or stood at the end of a day."""
        found = self._related("write_offs")
        if until is None:
            return Exists(found.filter(withdrawn_at=None))
        stood = Q(withdrawn_on=None) | Q(withdrawn_on__gt=until)
        return Exists(found.filter(stood, on__lte=until))

    def _settled(self, until: dt.date | None = None, *, kind: str | None = None) -> Any:
        """What of the sum is settled, or was at the end of a day; all of it, or by one kind of
        allocation."""
        if until is None and kind is None:
            return F("settled")
        found = self._related("allocations")
        if until is not None:
            found = found.filter(on__lte=until)
        return self._sum(found if kind is None else found.filter(kind=kind), "value")

    def _related(self, relation: str) -> models.QuerySet:
        """The rows of a relation for the outer row."""
        model: Any = self.model._meta.get_field(relation).related_model
        return model.objects.filter(**{self._name: OuterRef("pk")})

    def _sum(self, rows: models.QuerySet, name: str) -> Coalesce:
        field = money.MoneyField()
        sums = rows.order_by().values(self._name).annotate(sum=Sum(name)).values("sum")
        return Coalesce(
            Subquery(sums, output_field=field), models.Value(money.ZERO, output_field=field)
        )

    @property
    def _name(self) -> str:
        return str(self.model._meta.model_name)


def _late(on: Any) -> Q:
    """What was due before a day, or before each location's today."""
    if not isinstance(on, Todays):
        return Q(due_on__lt=on)
    parts: list[Any] = [Q(location__in=keys, due_on__lt=day) for day, keys in on.items()]
    return Q.create(parts or [Q(pk=None)], connector=Q.OR)


def one_of(first: str, second: str) -> Q:
    """Return the condition that exactly one of two relations is set."""
    return Q(**{first: None}) ^ Q(**{second: None})
