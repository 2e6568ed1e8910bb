import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.hours import DAY, Closed, day_span, open_on, utc, without
from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from spaces.models import Location

# Days that can be reckoned with: a closure for good ends within them as well.
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2200, 12, 31)
# Of a resource, or of a whole location: never of both.
_ONE_OF = Q(resource=None, location__isnull=False) | Q(resource__isnull=False, location=None)


class Weekday(models.IntegerChoices):
    MONDAY = 0, gettext_lazy("Monday")
    TUESDAY = 1, gettext_lazy("Tuesday")
    WEDNESDAY = 2, gettext_lazy("Wednesday")
    THURSDAY = 3, gettext_lazy("Thursday")
    FRIDAY = 4, gettext_lazy("Friday")
    SATURDAY = 5, gettext_lazy("Saturday")
    SUNDAY = 6, gettext_lazy("Sunday")


class OpeningHoursQuerySet(models.QuerySet["OpeningHours"]):
    @transaction.atomic
    def set_for(
        self, owner: Any, weekly: Iterable[tuple[int, dt.time, dt.time]], *, by,
        keep_bookings: bool = False,
    ) -> list["OpeningHours"]:  # fmt: skip
        """Let a resource or a location be open at these (weekday, opens, closes), and at no other
        times; none at all means always (a resource: as its location).

        What is booked and would lie outside stands against it, unless it is kept knowingly. Raises
        `Refused` with `closes_before_opening`, `hours_overlap` or `bookings_outside` (one problem
        for each booking).
        """
        name = _owner(owner)
        lock_owner(owner)
        rows = [
            self.model(weekday=weekday, opens=opens, closes=closes, **{name: owner})
            for weekday, opens, closes in sorted(weekly)
        ]
        refuse_if(_overlaps(rows))
        if not keep_bookings:
            refuse_if(_outside(owner, rows))
        before = [str(row) for row in self.filter(**{name: owner})]
        self.filter(**{name: owner}).delete()
        with in_words():
            for row in rows:
                check_fields(row, leaving_out=("resource", "location"))
                row.save()
        after = [str(row) for row in rows]
        if before != after:
            audit.record("opening_hours.set", owner, by=by, changes={"hours": [before, after]})
        return rows


def _outside(owner: Any, rows: Sequence["OpeningHours"]) -> list[Problem]:
    """The bookings ahead that the hours of now hold and the new ones do not, each as a problem."""
    from bookings.models.booking import Booking

    new = _weekly(rows)
    if isinstance(owner, Location):
        resources: Any = owner.resources.filter(opening_hours=None)
        old = _weekly(owner.opening_hours.all())
    else:
        resources = [owner]
        usual = _weekly(owner.location.opening_hours.all())
        old = _weekly(owner.opening_hours.all()) or usual
        new = new or usual
    now = clock.now()
    ahead = Booking.objects.standing(at=now).filter(resource__in=resources, end__gt=now)
    return [
        Problem("bookings_outside", _("%s is booked already.") % booking.words)
        for booking in ahead.select_related("resource__location").order_by("start", "pk")
        if _holds(old, booking) and not _holds(new, booking)
    ]


def _weekly(rows: Iterable["OpeningHours"]) -> dict[int, list[tuple[dt.time, dt.time]]] | None:
    """Hours by weekday; None where there are none: always open."""
    found: dict[int, list[tuple[dt.time, dt.time]]] = {}
    for row in rows:
        found.setdefault(row.weekday, []).append((row.opens, row.closes))
    return found or None


def _holds(weekly: dict[int, list[tuple[dt.time, dt.time]]] | None, booking: Any) -> bool:
    """Whether a booking lies within weekly hours."""
    open_then = [stretch for day in booking.days for stretch in open_on(weekly, day, booking.zone)]
    return not without([(utc(booking.start), utc(booking.end))], open_then)


def _owner(owner: Any) -> str:
    return "location" if isinstance(owner, Location) else "resource"


def lock_owner(owner: Any) -> None:
    """Hold whatever can be booked there: nothing is booked while its times change."""
    if isinstance(owner, Location):
        keys = owner.resources.order_by("pk").values_list("pk", flat=True)
        locks.take(resources=list(keys))
    else:
        locks.take(resources=[owner])


def _overlaps(rows: Sequence["OpeningHours"]) -> list[Problem]:
    found = []
    for before, after in pairwise(rows):
        if before.weekday == after.weekday and (
            before.closes == dt.time() or after.opens < before.closes
        ):
            text = _("On %s two of the times overlap.") % after.get_weekday_display()
            found.append(Problem("hours_overlap", text, f"weekday_{after.weekday}"))
    return found


class OpeningHours(models.Model):
    """When a resource, or a location, is open on a weekday: times on its wall.

    `closes` 00:00 is the end of the day. A resource without any goes by its location's, a location
    without any is always open.
    """

    location = models.ForeignKey(
        Location, models.CASCADE, null=True, blank=True, related_name="opening_hours"
    )
    resource = models.ForeignKey(
        "bookings.Resource", models.CASCADE, null=True, blank=True, related_name="opening_hours"
    )
    weekday = models.PositiveSmallIntegerField(gettext_lazy("weekday"), choices=Weekday)
    opens = models.TimeField(gettext_lazy("opens"))
    closes = models.TimeField(gettext_lazy("closes"))

    objects = OpeningHoursQuerySet.as_manager()

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name = gettext_lazy("opening hours")
        constraints = [
            models.CheckConstraint(condition=_ONE_OF, name="hours_of_one_thing"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")) | Q(closes=dt.time()),
                name="hours_close_after_opening",
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_weekday"),
        ]

    def __str__(self):
        closes = "24:00" if self.closes == dt.time() else f"{self.closes:%H:%M}"
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{closes}"


class ClosureQuerySet(models.QuerySet["Closure"]):
    @transaction.atomic
    def close(
        self, owner: Any, *, first_on: dt.date, by, last_on: dt.date | None = None,
        from_time: dt.time | None = None, until_time: dt.time | None = None, yearly: bool = False,
        reason: str = "", keep_bookings: bool = False,
    ) -> "Closure":  # fmt: skip
        """Close a resource or a location from a first to a last day, both included.

        With times: from that time of the first day until that time of the last one. Nobody books
        into it from now on. What is booked there already stands against it, unless it is kept
        knowingly. Raises `Refused` with `ends_before_start`, `date_out_of_range`,
        `closed_for_good`, `bookings_inside` (one problem each) or what is wrong with a field.
        """
        lock_owner(owner)
        closure = self.model(
            first_on=first_on, last_on=last_on or first_on, from_time=from_time,
            until_time=until_time, yearly=yearly, reason=reason.strip(), made_by=by,
            **{_owner(owner): owner},
        )  # fmt: skip
        check_fields(closure, leaving_out=("resource", "location", "made_by"))
        if not keep_bookings:
            refuse_if(closure.bookings_problems())
        with in_words():
            closure.save()
        audit.record("closure.make", owner, by=by, changes={"closed": [None, str(closure)]})
        return closure


class Closure(models.Model):
    """Days, or a part of them, on which a resource or a whole location cannot be booked."""

    location = models.ForeignKey(
        Location, models.CASCADE, null=True, blank=True, related_name="closures"
    )
    resource = models.ForeignKey(
        "bookings.Resource", models.CASCADE, null=True, blank=True, related_name="closures"
    )
    first_on = models.DateField(gettext_lazy("first day"))
    last_on = models.DateField(gettext_lazy("last day"))
    from_time = models.TimeField(gettext_lazy("from"), null=True, blank=True)
    until_time = models.TimeField(gettext_lazy("until"), null=True, blank=True)
    yearly = models.BooleanField(gettext_lazy("every year"), default=False)
    reason = Line(gettext_lazy("reason"), max_length=200, blank=True)
    made_at = models.DateTimeField(default=clock.now)
    made_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    objects = ClosureQuerySet.as_manager()

    class Meta:
        ordering = ["first_on", "id"]
        verbose_name = gettext_lazy("closure")
        constraints = [
            models.CheckConstraint(condition=_ONE_OF, name="closure_of_one_thing"),
            models.CheckConstraint(
                condition=Q(last_on__gte=models.F("first_on")), name="closure_ends_after_it_starts"
            ),
        ]

    def __str__(self):
        days = f"{self.first_on} to {self.last_on}"
        return f"{days}, every year" if self.yearly else days

    def clean(self):
        if self.last_on and self.first_on and self.last_on < self.first_on:
            raise Refused(_BACKWARDS)
        for name in ("first_on", "last_on"):
            day = getattr(self, name)
            if day and not EARLIEST <= day <= LATEST:
                raise Refused(Problem("date_out_of_range", _("This date is too far away."), name))
        same_day = self.first_on == self.last_on
        if same_day and self.from_time and self.until_time and self.until_time <= self.from_time:
            raise Refused(_BACKWARDS)
        if self.yearly and self.last_on - self.first_on >= dt.timedelta(days=365):
            raise Refused(
                Problem("closed_for_good", _("What comes every year is shorter."), "last_on")
            )

    def stretches(self, first: dt.date, last: dt.date, zone: str) -> list[Closed]:
        """What is closed between two local dates, both included."""
        found = []
        for from_on, until_on in self._occurrences(first, last):
            start, _end = day_span(from_on, zone)
            _start, end = day_span(until_on, zone)
            if self.from_time:
                start = clock.at_wall(from_on, self.from_time, zone)
            if self.until_time:
                end = clock.at_wall(until_on, self.until_time, zone)
            if start < end:
                found.append(Closed(utc(start), utc(end), self.why))
        return found

    @property
    def why(self) -> str:
        return _("Closed: %s") % self.reason if self.reason else _("Closed")

    def _occurrences(self, first: dt.date, last: dt.date) -> Iterable[tuple[dt.date, dt.date]]:
        if not self.yearly:
            if self.first_on <= last and self.last_on >= first:
                yield (self.first_on, self.last_on)
            return
        years = self.last_on.year - self.first_on.year
        for year in range(first.year - 1, last.year + 2):
            begins, ends = _in_year(self.first_on, year), _in_year(self.last_on, year + years)
            if begins >= self.first_on and begins <= last and ends >= first:
                yield (begins, ends)

    def bookings_problems(self) -> list[Problem]:
        """The bookings ahead that lie in it, each as a problem."""
        from bookings.models.booking import Booking

        resources: Any = [self.resource]
        if self.location is not None:
            resources = self.location.resources.all()
        found = []
        now = clock.now()
        ahead = Booking.objects.standing(at=now).filter(resource__in=resources, end__gt=now)
        for booking in ahead.select_related("resource__location", "customer").order_by("start"):
            zone = booking.resource.location.timezone
            days = (booking.start.date() - DAY, booking.end.date() + DAY)
            inside = any(
                closed.start < booking.end and booking.start < closed.end
                for closed in self.stretches(*days, zone)
            )
            if inside:
                found.append(Problem("bookings_inside", _("%s is booked already.") % booking.words))
        return found

    @transaction.atomic
    def end(self, *, by) -> None:
        """Take the closure back: its days can be booked again."""
        owner: Any = self.resource or self.location
        lock_owner(owner)
        audit.record("closure.end", owner, by=by, changes={"closed": [str(self), None]})
        self.delete()


def _in_year(day: dt.date, year: int) -> dt.date:
    """The same day of another year; of 29 February, the 28th where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return dt.date(year, 2, 28)


_BACKWARDS = Problem("ends_before_start", gettext_lazy("It ends before it begins."), "last_on")
speak_for("closure_ends_after_it_starts", _BACKWARDS)
speak_for(
    "hours_close_after_opening",
    Problem("closes_before_opening", gettext_lazy("It closes before it opens.")),
)
