import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.hours import Stretch
from bookings.models.feeds import HasResourceFeed
from bookings.models.resource_types import ResourceType
from customers.models import Customer, Team
from kit import audit, clock, edits, locks, money
from kit.fields import Line, Text
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from plans.models import Plan
from spaces.models import Location

if TYPE_CHECKING:
    from bookings.models.assignments import Assignment
    from bookings.models.booking import Booking
    from bookings.prices import Quote

LONGEST_PICTURE = 3 * 1024 * 1024
# How the files begin that browsers show.
PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
LIMITS = ("plans", "teams")


class ResourceQuerySet(models.QuerySet["Resource"]):
    def live(self) -> "ResourceQuerySet":
        """Resources that can be booked."""
        return self.filter(archived_at=None)

    def visible_to(self, user) -> "ResourceQuerySet":
        """For staff those of their locations, for the others whatever is not archived."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(location__in=places)
        return self.live()

    def with_times(self) -> "ResourceQuerySet":
        """With what decides when they can be booked, and by whom."""
        return self.select_related("type", "location").prefetch_related("plans", "teams")

    @transaction.atomic
    def make(self, *, by, plans=(), teams=(), **fields: Any) -> "Resource":
        """Add something that can be booked.

        Raises `Refused` with `resource_exists` or what is wrong with a field.
        """
        made = self.model(**fields)
        with in_words():
            check_fields(made, leaving_out=("location", "type"))
            made.save(force_insert=True)
        made.plans.set(plans)
        made.teams.set(teams)
        locks.born(resources=made)
        audit.record("resource.make", made, by=by, changes={"name": [None, made.name]})
        return made


class Resource(HasResourceFeed, models.Model):
    """Something that can be booked: a room, a desk, a phone booth.

    Lengths are in minutes, `earliest_days` and `lead_minutes` say how long before its start a
    booking can be made (None: any time ahead). `step_minutes` is the unit billed, rounded up.
    `preparation_minutes` follow a booking and block the resource. A booking is cancelled free of
    charge until `free_cancellation_hours` before its start; later `late_fee` percent are kept.
    """

    class Audience(models.TextChoices):
        EVERYONE = "everyone", gettext_lazy("Everyone")
        MEMBERS = "members", gettext_lazy("Members")
        CONTACTS = "contacts", gettext_lazy("Contacts")
        PLANS = "plans", gettext_lazy("Whoever has one of some plans")
        TEAMS = "teams", gettext_lazy("Whoever is in one of some teams")

    location = models.ForeignKey(
        Location, models.PROTECT, related_name="resources", verbose_name=gettext_lazy("location")
    )
    type = models.ForeignKey(
        ResourceType, models.PROTECT, related_name="resources", verbose_name=gettext_lazy("type")
    )
    name = Line(gettext_lazy("name"), max_length=120)
    description = Text(gettext_lazy("description"), max_length=5000, blank=True)
    amenities = Text(
        gettext_lazy("amenities"), max_length=2000, blank=True,
        help_text=gettext_lazy("One a line: a screen, a whiteboard, daylight."),
    )  # fmt: skip
    capacity = models.PositiveIntegerField(
        gettext_lazy("people"), default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
    )  # fmt: skip
    minimum_minutes = models.PositiveIntegerField(
        gettext_lazy("shortest booking"), null=True, blank=True,
        validators=[MaxValueValidator(31 * 24 * 60)],
    )  # fmt: skip
    maximum_minutes = models.PositiveIntegerField(
        gettext_lazy("longest booking"), null=True, blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31 * 24 * 60)],
    )  # fmt: skip
    step_minutes = models.PositiveIntegerField(
        gettext_lazy("step"), default=15, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    earliest_days = models.PositiveIntegerField(
        gettext_lazy("can be booked ahead"), null=True, blank=True,
        validators=[MaxValueValidator(1000)],
    )  # fmt: skip
    lead_minutes = models.PositiveIntegerField(
        gettext_lazy("at the latest before the start"), default=0,
        validators=[MaxValueValidator(60 * 24 * 60)],
    )  # fmt: skip
    preparation_minutes = models.PositiveIntegerField(
        gettext_lazy("preparation after a booking"), default=0, validators=[MaxValueValidator(1440)]
    )
    who_may_book = Line(
        gettext_lazy("who may book"), max_length=10, choices=Audience, default=Audience.EVERYONE
    )
    plans = models.ManyToManyField(Plan, blank=True, related_name="resources")
    teams = models.ManyToManyField(Team, blank=True, related_name="resources")
    needs_approval = models.BooleanField(gettext_lazy("staff approve each booking"), default=False)
    free_cancellation_hours = models.PositiveIntegerField(
        gettext_lazy("free of charge until"), default=0, validators=[MaxValueValidator(24 * 60)]
    )
    late_fee = money.RateField(gettext_lazy("kept of a late cancellation"), default=100)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = gettext_lazy("resource")
        constraints = [
            models.UniqueConstraint(
                fields=["location", "name"], condition=Q(archived_at=None), name="resource_once"
            ),
            models.CheckConstraint(condition=Q(capacity__gte=1), name="resource_capacity"),
            models.CheckConstraint(
                condition=Q(step_minutes__gte=1, step_minutes__lte=1440), name="resource_step"
            ),
            models.CheckConstraint(
                condition=Q(preparation_minutes__lte=1440), name="resource_preparation"
            ),
            models.CheckConstraint(
                condition=Q(who_may_book__in=["everyone", "members", "contacts", "plans", "teams"]),
                name="resource_audience",
            ),
            models.CheckConstraint(
                condition=Q(late_fee__gte=0, late_fee__lte=100), name="resource_late_fee"
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        shortest, longest = self.minimum_minutes, self.maximum_minutes
        if shortest and longest and longest < shortest:
            text = _("The longest booking is shorter than the shortest.")
            wrong = ValidationError(text, code="longest_too_short")
            raise ValidationError({"maximum_minutes": wrong})

    @property
    def zone(self) -> str:
        return self.location.timezone

    @property
    def step(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.step_minutes)

    @property
    def preparation(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.preparation_minutes)

    @property
    def amenity_list(self) -> list[str]:
        return [line.strip() for line in self.amenities.splitlines() if line.strip()]

    # What can be asked of it

    def problems(
        self, *, customer: Customer | None = None, start: dt.datetime, end: dt.datetime,
        attendees: int = 1, on_behalf_of: Team | None = None, by=None,
        at: dt.datetime | None = None, leaving_out: "Iterable[Booking]" = (),
    ) -> list[Problem]:  # fmt: skip
        """All that stands against booking this from `start` to `end` (aware datetimes), asked now.

        Without a customer: whether it is free. The one answer for the day view, the form, the
        verbs and the calendar; see `bookings.availability` for the codes. `by` None or staff who
        serve customers here act for the house, and are not held up by limits of length, lead time
        and eligibility.
        """
        from bookings.availability import Availability
        from bookings.standing import Standing

        standing = Standing.of(customer, on_behalf_of) if customer else None
        return Availability.of([self], start, end).problems(
            self, start, end, standing=standing, attendees=attendees, by=by,
            at=at or clock.now(), leaving_out={one.pk for one in leaving_out},
        )  # fmt: skip

    def free(self, on: dt.date) -> list[Stretch]:
        """The stretches of a local date in which nothing stands against a booking by its times:
        open, and neither booked nor being prepared nor occupied. In UTC, [start, end)."""
        from bookings.availability import Availability

        return Availability.on([self], on).free(self, on)

    def quote(
        self, *, customer: Customer, start: dt.datetime, end: dt.datetime,
        on_behalf_of: Team | None = None,
    ) -> "Quote":  # fmt: skip
        """What a booking would cost and why, with the credit that it would use. Nothing is stored.

        Raises `Refused` with `no_rate`.
        """
        from bookings.prices import Tariff
        from bookings.standing import Standing

        standing = Standing.of(customer, on_behalf_of)
        return Tariff.of([self]).quote(self, start, end, standing=standing)

    # What can be done with it

    def book(
        self, *, customer: Customer, start: dt.datetime, end: dt.datetime, by, attendees: int = 1,
        note: str = "", on_behalf_of: Team | None = None, at: dt.datetime | None = None,
    ) -> "Booking":  # fmt: skip
        """Book this for a customer; see `bookings.models.making.book`."""
        from bookings.models.making import book

        return book(
            self, customer=customer, start=start, end=end, by=by, attendees=attendees, note=note,
            on_behalf_of=on_behalf_of, at=at,
        )  # fmt: skip

    def assign(self, *, contract, by, first_on: dt.date | None = None) -> "Assignment":
        """Let a contract occupy this; see `bookings.models.assignments.assign`."""
        from bookings.models.assignments import assign

        return assign(self, contract=contract, by=by, first_on=first_on)

    def close(self, **when: Any):
        """Close it for some days; see `ClosureQuerySet.close`."""
        from bookings.models.hours import Closure

        return Closure.objects.close(self, **when)

    @transaction.atomic
    def edit(
        self, changes: dict[str, Any], *, by, seen: dict[str, Any] | None = None, plans=None,
        teams=None,
    ) -> list[str]:  # fmt: skip
        """Change the resource for bookings made from now on; returns the changed fields.

        Raises `Refused` with `resource_exists`, `changed_meanwhile`, `other_location` or what is
        wrong with a field.
        """
        locks.take(resources=[self])
        self.refresh_from_db()
        if changes.get("location", self.location) != self.location:
            text = _("A resource stays where it is: add one at the other location.")
            raise Refused(Problem("other_location", text, "location"))
        with in_words():
            changed = edits.apply(self, changes, seen=seen, by=by, verb="resource.edit")
        for name, wanted in (("plans", plans), ("teams", teams)):
            if wanted is None:
                continue
            relation = getattr(self, name)
            before = sorted(relation.values_list("pk", flat=True))
            after = sorted(one.pk for one in wanted)
            if before != after:
                relation.set(wanted)
                audit.record("resource.edit", self, by=by, changes={name: [before, after]})
                changed.append(name)
        return changed

    def archive_problems(self, *, at: dt.datetime) -> list[Problem]:
        """What stands against archiving: bookings ahead, and contracts that occupy it."""
        problems = []
        ahead = self.bookings.standing(at=at).filter(end__gt=at).count()
        if ahead:
            text = ngettext(
                "%d booking lies ahead: move or cancel it first.",
                "%d bookings lie ahead: move or cancel them first.", ahead,
            ) % ahead  # fmt: skip
            problems.append(Problem("bookings_ahead", text))
        if self.assignments.standing().filter(
            Q(blocked_until=None) | Q(blocked_until__gt=at)
        ).exists():  # fmt: skip
            problems.append(Problem("occupied", _("A contract occupies it.")))
        return problems

    @transaction.atomic
    def archive(self, *, by, at: dt.datetime | None = None) -> None:
        """Take it out of the lists and the calendar; what was booked stays.

        Raises `Refused` with `already_archived`, `bookings_ahead` or `occupied`.
        """
        locks.take(resources=[self])
        self.refresh_from_db(fields=["archived_at"])
        if self.archived_at:
            raise Refused(Problem("already_archived", _("This resource is archived already.")))
        refuse_if(self.archive_problems(at=at or clock.now()))
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])
        audit.record("resource.archive", self, by=by)

    @transaction.atomic
    def restore(self, *, by) -> None:
        """Let it be booked again. Raises `Refused` with `not_archived` or `resource_exists`."""
        locks.take(resources=[self])
        self.refresh_from_db(fields=["archived_at"])
        if not self.archived_at:
            raise Refused(Problem("not_archived", _("This resource is not archived.")))
        self.archived_at = None
        with in_words():
            self.save(update_fields=["archived_at"])
        audit.record("resource.restore", self, by=by)

    @transaction.atomic
    def show_picture(self, content: bytes | None, *, by) -> "ResourcePicture | None":
        """Give it a picture, a PNG or JPEG of at most 3 MB; None takes it away.

        Raises `Refused` with `no_picture` or `picture_too_large`.
        """
        locks.take(resources=[self])
        if content is None:
            ResourcePicture.objects.filter(resource=self).delete()
            audit.record("resource.show_picture", self, by=by, changes={"picture": [None, None]})
            return None
        kind = next((kind for start, kind in PICTURES if content.startswith(start)), None)
        if kind is None:
            raise Refused(Problem("no_picture", _("Choose a PNG or JPEG picture."), "picture"))
        if len(content) > LONGEST_PICTURE:
            text = _("The picture is larger than 3 MB.")
            raise Refused(Problem("picture_too_large", text, "picture"))
        digest = hashlib.sha256(content).hexdigest()
        picture, _made = ResourcePicture.objects.update_or_create(
            resource=self, defaults={"content": content, "media_type": kind, "digest": digest}
        )
        changes: dict[str, list] = {"picture": [None, digest]}
        audit.record("resource.show_picture", self, by=by, changes=changes)
        return picture


class ResourcePicture(models.Model):
    """What a resource looks like. It lies in the database, so that a backup has it."""

    resource = models.OneToOneField(Resource, models.CASCADE, related_name="picture")
    content = models.BinaryField()
    media_type = Line(max_length=20)
    digest = Line(max_length=64)

    def __str__(self):
        return f"{self.resource}"


speak_for(
    "resource_once",
    Problem("resource_exists", gettext_lazy("There is a resource of this name here."), "name"),
)
