"""Numbers without gaps: a counter row per series, locked last, never a database sequence."""

import datetime as dt
import re
from collections.abc import Iterable

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kit import locks, words
from kit.fields import Line
from kit.problems import Problem, Refused
from spaces.models import Location

DIGITS = 5


class Series(models.Model):
    """The numbers of a location's invoices or credit notes: a prefix, and how far it has come.

    A location that takes another prefix begins another series; no prefix is ever used twice.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", gettext_lazy("Invoices")
        CREDIT_NOTE = "credit_note", gettext_lazy("Credit notes")

    location = models.ForeignKey(Location, models.PROTECT, related_name="series")
    kind = Line(max_length=11, choices=Kind)
    prefix = Line(max_length=16, unique=True)
    last_number = models.PositiveIntegerField(default=0)
    last_issued_on = models.DateField(null=True)

    class Meta:
        ordering = ["location", "kind", "id"]

    def __str__(self):
        return self.prefix

    @classmethod
    def of(cls, location: Location, kind: str) -> "Series":
        """The series in which a location numbers now; made when it is first needed.

        Where another location has numbered with the prefix, it gets the location's key behind it.
        """
        of_invoices = kind == cls.Kind.INVOICE
        wanted = location.invoice_prefix if of_invoices else location.credit_note_prefix
        wanted = wanted or _made_up(location, kind)
        series = cls._begun(location, kind, wanted)
        if (series.location_id, series.kind) != (location.pk, kind):
            series = cls._begun(location, kind, f"{wanted}{location.pk}-")
        return series

    @classmethod
    def _begun(cls, location: Location, kind: str, prefix: str) -> "Series":
        series, made = cls.objects.get_or_create(
            prefix=prefix, defaults={"location": location, "kind": kind}
        )
        if made:
            locks.born(counter=series)
        return series

    @classmethod
    def next_number(cls, location: Location, kind: str) -> str:
        """The number that would be given next; nothing is stored. Raises `Refused` as `of` does."""
        with transaction.atomic():
            series = cls.of(location, kind)
            transaction.set_rollback(True)
        return series.named(series.last_number + 1)

    def take(self, count: int, *, on: dt.date) -> list[int]:
        """The next numbers, for documents of that date. The row is locked.

        Raises `Refused` with `date_goes_back` where a later date has its number already.
        """
        self.refresh_from_db(fields=["last_number", "last_issued_on"])
        if count and self.last_issued_on is not None and on < self.last_issued_on:
            text = _("%(last)s was issued on %(later)s: no number can be dated %(day)s any more.")
            raise Refused(
                Problem(
                    "date_goes_back",
                    text % {"last": self.named(self.last_number), "day": words.day(on),
                            "later": words.day(self.last_issued_on)},
                    "on",
                )
            )  # fmt: skip
        numbers = list(range(self.last_number + 1, self.last_number + count + 1))
        if count:
            self.last_number, self.last_issued_on = numbers[-1], on
            self.save(update_fields=["last_number", "last_issued_on"])
        return numbers

    def named(self, number: int) -> str:
        """A number as it is printed: "RH-00012"."""
        return f"{self.prefix}{number:0{DIGITS}d}"


def lock(locations: Iterable[Location]) -> None:
    """Lock the counters, invoices and credit notes alike: the last locks that a transaction takes.

    Those of every location at once: whoever credits something here may credit something there in
    the same deed, and must not come back for a second lock.
    """
    for location in sorted(locations, key=lambda one: one.pk):
        for kind in (Series.Kind.INVOICE, Series.Kind.CREDIT_NOTE):
            Series.of(location, kind)
    locks.take(counter=Series.objects.values_list("pk", flat=True))


def _made_up(location: Location, kind: str) -> str:
    initials = "".join(word[0] for word in re.findall(r"[A-Za-z0-9]+", words.plain(location.name)))
    stem = initials[:6].upper() or "INV"
    return f"{stem}-C" if kind == Series.Kind.CREDIT_NOTE else f"{stem}-"
