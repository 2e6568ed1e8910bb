import datetime as dt

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models.timeline import TimelineEntry
from kit import audit, clock, guards, words
from kit.problems import Problem, Refused, in_words, refuse_if, speak_for
from plans.cycles import DAY, merged
from plans.models.states import EARLIEST, LATEST, State, backwards, far_away, over


class FreezeQuerySet(models.QuerySet):
    def standing(self) -> "FreezeQuerySet":
        """Freezes that were not taken back."""
        return self.filter(withdrawn_at=None)

    def covering(self, on) -> "FreezeQuerySet":
        """Freezes with a date (or date expression) among their days."""
        return self.standing().filter(Q(until=None) | Q(until__gte=on), from_on__lte=on)


class Freeze(models.Model):
    """Days of a contract that cost nothing and do not count; `until` is the last frozen day
    (None: until resumed). Freezes of one contract never overlap."""

    contract = models.ForeignKey("plans.Contract", models.CASCADE, related_name="freezes")
    from_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    frozen_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    frozen_at = models.DateTimeField(default=clock.now)
    resumed_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ["from_on"]
        indexes = [models.Index(fields=["contract", "from_on"], name="freeze_of_contract")]
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("from_on")),
                name="freeze_ends_after_it_starts",
            )
        ]

    def __str__(self):
        return f"{self.from_on} to {self.until or '…'}"

    @property
    def days(self) -> tuple[dt.date, dt.date | None]:
        return (self.from_on, self.until)


class Freezable(models.Model):
    """How days of a contract are frozen, and billed again."""

    class Meta:
        abstract = True

    @transaction.atomic
    def freeze(
        self, *, from_on: dt.date, by, until: dt.date | None = None, on: dt.date | None = None
    ) -> Freeze:
        """Freeze from a first to a last day (`until`, included; None: until resumed).

        Staff freeze any days. Customers freeze from today on, with a last day, within the
        days a year of their terms. Raises `Refused` with `called_off`, `ended`,
        `ends_before_start`, `before_start`, `after_end`, `freezes_overlap`, `from_past`,
        `last_day_missing` or `freeze_days_used`.
        """
        on = self._begin(on)
        refuse_if(self.freeze_problems(from_on=from_on, until=until, by=by, on=on))
        with in_words():
            freeze = self.freezes.create(from_on=from_on, until=until, frozen_by=by)
        self._forget()
        text = _("%(plan)s, %(first)s to %(last)s") % {
            "plan": self,
            "first": words.day(from_on),
            "last": words.day(until) if until else "…",
        }
        self._tell(TimelineEntry.Kind.FROZE, on, by, text)
        audit.record(
            "contract.freeze", self, by=by,
            changes={"from_on": [None, from_on], "until": [None, until]},
        )  # fmt: skip
        self._announce(by)
        return freeze

    def freeze_problems(
        self, *, from_on: dt.date, until: dt.date | None, by, on: dt.date
    ) -> list[Problem]:
        """What stands against freezing these days."""
        state = self.state_on(on)
        if state in (State.CALLED_OFF, State.ENDED):
            return [over(state)]
        problems = []
        if until is not None and until < from_on:
            problems.append(backwards("until"))
        if not EARLIEST <= from_on <= LATEST or (until and until > LATEST):
            problems.append(far_away("from_on"))
        if self.ends_on is not None and from_on > self.ends_on:
            problems.append(Problem("after_end", _("The contract has ended by then."), "from_on"))
        if until is not None and until < self.starts_on:
            problems.append(Problem("before_start", _("The contract starts later."), "until"))
        last = until or dt.date.max
        if any(f.from_on <= last and (f.until or dt.date.max) >= from_on
               for f in self.freezes.standing()):  # fmt: skip
            problems.append(
                Problem(
                    "freezes_overlap",
                    _("The contract is frozen on some of these days already."),
                    "from_on",
                )
            )
        if not problems and self.is_own_login(by):
            problems += self._self_freeze_problems(from_on, until, on)
        return problems

    def _self_freeze_problems(self, from_on, until, on) -> list[Problem]:
        if from_on < on:
            return [Problem("from_past", _("Choose today or a later day."), "from_on")]
        if until is None:
            return [Problem("last_day_missing", _("Choose the last frozen day."), "until")]
        for year in range(from_on.year, until.year + 1):
            first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
            raw = [freeze.days for freeze in self.freezes.standing()] + [(from_on, until)]
            spans = merged(raw, self.starts_on, self.ends_on)
            used = sum(
                (min(stop or last, last) - max(start, first)).days + 1
                for start, stop in spans
                if start <= last and (stop or last) >= first
            )
            if used > self.freeze_days_a_year:
                return [
                    Problem(
                        "freeze_days_used",
                        _("Your plan can be frozen on %(days)d days a year; this makes %(used)d in "
                          "%(year)d.")
                        % {"days": self.freeze_days_a_year, "used": used, "year": year},
                        "until",
                    )
                ]  # fmt: skip
        return []

    @transaction.atomic
    def resume(self, *, on: dt.date, by, today: dt.date | None = None) -> Freeze:
        """End a freeze: `on` is the first day that is billed again.

        On the freeze's own first day the freeze is taken back. Customers end what they froze
        themselves, today or later. Raises `Refused` with `called_off`, `ended`, `not_frozen`,
        `staff_froze` or `from_past`.
        """
        today = self._begin(today)
        state = self.state_on(today)
        if state in (State.CALLED_OFF, State.ENDED):
            raise Refused(over(state))
        freeze = self.freezes.covering(on).first()
        if freeze is None:
            raise Refused(Problem("not_frozen", _("The contract is not frozen on that day."), "on"))
        if self.is_own_login(by):
            refuse_if(_self_resume_problems(freeze, on, by=by, today=today))
        before = freeze.until
        freeze.resumed_by = by
        if on == freeze.from_on:
            freeze.withdrawn_at = clock.now()
        else:
            freeze.until = on - DAY
        freeze.save(update_fields=["until", "resumed_by", "withdrawn_at"])
        self._forget()
        text = _("%(plan)s, from %(day)s") % {"plan": self, "day": words.day(on)}
        self._tell(TimelineEntry.Kind.RESUMED, today, by, text)
        audit.record("contract.resume", self, by=by, changes={"until": [before, freeze.until]})
        self._announce(by)
        return freeze


def _self_resume_problems(freeze: Freeze, on: dt.date, *, by, today: dt.date) -> list[Problem]:
    problems = []
    if freeze.frozen_by_id != by.pk:
        text = _("Please ask the staff, who froze this contract.")
        problems.append(Problem("staff_froze", text))
    if on < today:
        problems.append(Problem("from_past", _("Choose today or a later day."), "on"))
    return problems


APART = "freezes_stay_apart"

_OVERLAPS = """NEW.withdrawn_at IS NULL AND EXISTS (
    SELECT 1 FROM plans_freeze other
    WHERE other.contract_id = NEW.contract_id AND other.id IS NOT NEW.id
      AND other.withdrawn_at IS NULL
      AND other.from_on <= COALESCE(NEW.until, '9999-12-31')
      AND COALESCE(other.until, '9999-12-31') >= NEW.from_on
)"""

# On PostgreSQL the same is an exclusion constraint, made by a migration.
guards_of_freezes = [
    guards.Guard(f"{APART}_when_made", "plans", "plans_freeze", "INSERT", sqlite=_OVERLAPS),
    guards.Guard(f"{APART}_when_moved", "plans", "plans_freeze", "UPDATE", sqlite=_OVERLAPS),
]
_overlap = Problem(
    "freezes_overlap", gettext_lazy("The contract is frozen on some of these days already.")
)
for _name in (APART, f"{APART}_when_made", f"{APART}_when_moved"):
    speak_for(_name, _overlap)
