import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.hours import days_of, local, minutes
from bookings.models.cancelling import Cancellable
from bookings.models.moving import Movable
from bookings.models.resources import Resource
from customers.models import Customer, Team, TeamMembership
from kit import clock, money, words
from kit.fields import Line, Text
from kit.problems import Problem, speak_for

LONGEST = dt.timedelta(days=31)
# The states in which the time is taken.
BLOCKING = ("tentative", "confirmed", "no_show")


class State(models.TextChoices):
    TENTATIVE = "tentative", gettext_lazy("Waits for approval")
    CONFIRMED = "confirmed", gettext_lazy("Booked")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    LAPSED = "lapsed", gettext_lazy("Not approved in time")
    NO_SHOW = "no_show", gettext_lazy("Did not come")


class BookingQuerySet(models.QuerySet["Booking"]):
    def blocking(self) -> "BookingQuerySet":
        """Bookings whose row takes the time, as the database sees it."""
        return self.filter(state__in=BLOCKING)

    def standing(self, *, at: dt.datetime) -> "BookingQuerySet":
        """Bookings that take their time: not cancelled, and not left unapproved until they began.

        See also `Booking.state_at`.
        """
        return self.blocking().filter(~Q(state=State.TENTATIVE, start__lte=at))

    def lapsing(self, *, at: dt.datetime) -> "BookingQuerySet":
        """Those that nobody approved before they began, and whose row does not say so yet."""
        return self.filter(state=State.TENTATIVE, start__lte=at)

    def overlapping(self, start: dt.datetime, end: dt.datetime) -> "BookingQuerySet":
        """Those whose blocked time, preparation included, has a moment in common with a stretch.

        No booking is longer than `LONGEST` and a day of preparation, which lets an index find them.
        """
        earliest = start - LONGEST - dt.timedelta(days=1)
        return self.filter(
            blocked_from__gte=earliest, blocked_from__lt=end, blocked_until__gt=start
        )

    def upcoming(self, *, at: dt.datetime) -> "BookingQuerySet":
        """Standing bookings that are not over, the next one first."""
        return self.standing(at=at).filter(end__gt=at).order_by("start", "pk")

    def visible_to(self, user) -> "BookingQuerySet":
        """For staff those of their locations; for the others those of their own customers, and
        those made for a team that one of them is admin of."""
        if user.is_staff:
            places = user.places("see_panel")
            return self if places is None else self.filter(resource__location__in=places)
        return self.of_customers(Customer.objects.acted_for_by(user))

    def of_customers(self, customers: Any) -> "BookingQuerySet":
        """What these use, and what others use for a team that one of these is admin of."""
        admins = TeamMembership.objects.filter(
            team=OuterRef("on_behalf_of"), customer__in=customers, is_admin=True, left_at=None
        )
        return self.filter(Q(customer__in=customers) | Q(Exists(admins)))

    def shown(self) -> "BookingQuerySet":
        """With what a row says of them."""
        return self.select_related("resource__location", "resource__type", "customer__location",
                                   "on_behalf_of", "by")  # fmt: skip


class Before(NamedTuple):
    """What a booking was before it was changed; sent with `booking_changed`."""

    resource_id: int
    start: dt.datetime
    end: dt.datetime
    price: Decimal
    amount: Decimal
    credit_used: int
    credit_amount: Decimal


class Booking(Cancellable, Movable, models.Model):
    """Somebody uses a resource from `start` to `end`, half-open; the database lets no two overlap.

    `customer` uses it, `by` made it, `on_behalf_of` is the team that pays (None: the customer).
    The row blocks [`blocked_from`, `blocked_until`): preparation follows the end. `price` is fixed
    when booked: after the caps of half days and days, before discount, credit and tax.
    `credit_used` are the minutes, of `billed_minutes`, that booking credit covers,
    `credit_amount` the money that credit in money covers; `amount` is what is left to pay, before
    tax. `explanation` says how all of this came about; see `bookings.prices.Quote`. The terms of
    giving it up, `free_cancellation_hours` and `late_fee` in percent, are the resource's of the
    day on which it was booked, or moved there.
    """

    State = State

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="bookings")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="bookings")
    start = models.DateTimeField(gettext_lazy("from"))
    end = models.DateTimeField(gettext_lazy("until"))
    blocked_from = models.DateTimeField()
    blocked_until = models.DateTimeField()
    attendees = models.PositiveIntegerField(gettext_lazy("people"), default=1)
    note = Text(gettext_lazy("note"), max_length=2000, blank=True)
    on_behalf_of = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="bookings"
    )
    series = models.ForeignKey(
        "bookings.Series", models.PROTECT, null=True, blank=True, related_name="bookings"
    )
    state = Line(max_length=10, choices=State, default=State.CONFIRMED)
    price = money.MoneyField(default=money.ZERO)
    discount = money.RateField(default=money.ZERO)
    billed_minutes = models.PositiveIntegerField(default=0)
    credit_used = models.PositiveIntegerField(default=0)
    credit_amount = money.MoneyField(default=money.ZERO)
    amount = money.MoneyField(default=money.ZERO)
    explanation = models.JSONField(default=dict)
    free_cancellation_hours = models.PositiveIntegerField(default=0)
    late_fee = money.RateField(default=100)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    booked_at = models.DateTimeField(default=clock.now)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    reason = Line(gettext_lazy("reason"), max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    # The bookings that one deed is about: the first one carries them all, the others none; None
    # where a booking is alone. Whoever writes to people writes once.
    together: "list[Booking] | None" = None

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["start", "id"]
        verbose_name = gettext_lazy("booking")
        indexes = [
            models.Index(fields=["resource", "blocked_from"], name="booking_of_resource"),
            models.Index(fields=["customer", "start"], name="booking_of_customer"),
            models.Index(fields=["on_behalf_of", "start"], name="booking_of_team"),
            models.Index(fields=["start", "id"], name="booking_by_start"),
            models.Index(fields=["blocked_from"], name="booking_by_time"),
            models.Index(
                fields=["start"], condition=Q(state="tentative"), name="booking_waits_for_approval"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=models.F("start")), name="booking_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(blocked_from=models.F("start"), blocked_until__gte=models.F("end")),
                name="booking_blocks_its_time",
            ),
            models.CheckConstraint(condition=Q(attendees__gte=1), name="booking_attendees"),
            models.CheckConstraint(
                condition=Q(state__in=["tentative", "confirmed", "cancelled", "lapsed", "no_show"]),
                name="booking_state_known",
            ),
            models.CheckConstraint(
                condition=Q(price__gte=0, amount__gte=0, credit_amount__gte=0),
                name="booking_sums_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(credit_used__lte=models.F("billed_minutes")),
                name="booking_credit_within_its_time",
            ),
        ]

    def __str__(self):
        return self.words

    @property
    def zone(self) -> str:
        return self.resource.location.timezone

    @property
    def local_start(self) -> dt.datetime:
        return local(self.start, self.zone)

    @property
    def local_end(self) -> dt.datetime:
        return local(self.end, self.zone)

    @property
    def on(self) -> dt.date:
        """The local day on which it starts: its service date, and the day of its credit."""
        return self.local_start.date()

    @property
    def days(self) -> list[dt.date]:
        return days_of(self.start, self.end, self.zone)

    @property
    def minutes(self) -> int:
        """Its true length."""
        return minutes(self.start, self.end)

    @property
    def words(self) -> str:
        """The resource and the time: "Kestrel, 20 Nov 2026, 10:00 to 11:30"."""
        start, end = self.local_start, self.local_end
        until = f"{end:%H:%M}"
        if end.date() != start.date():
            until = f"{words.day(end.date())}, {until}"
        return _("%(resource)s, %(day)s, %(from)s to %(until)s") % {
            "resource": self.resource.name, "day": words.day(start.date()),
            "from": f"{start:%H:%M}", "until": until,
        }  # fmt: skip

    @property
    def currency(self) -> str:
        return self.resource.location.currency

    @property
    def payer(self) -> Customer:
        """Whose account pays: the team's payer, else the customer."""
        team = self.on_behalf_of
        return team.payer if team is not None and team.payer_id else self.customer

    def state_at(self, at: dt.datetime) -> str:
        """The state at a moment; one that was not approved until it began has lapsed.

        See also `BookingQuerySet.standing`.
        """
        if self.state == State.TENTATIVE and self.start <= at:
            return State.LAPSED
        return self.state

    @property
    def shown_state(self) -> str:
        return self.state_at(clock.now())

    def take_terms(self, resource: Resource) -> None:
        """What giving it up costs from now on, and how long it is prepared after."""
        self.free_cancellation_hours = resource.free_cancellation_hours
        self.late_fee = resource.late_fee
        self.blocked_until = self.end + resource.preparation

    @property
    def free_until(self) -> dt.datetime:
        """Until when it is cancelled or moved free of charge."""
        return self.start - dt.timedelta(hours=self.free_cancellation_hours)

    def is_late(self, at: dt.datetime) -> bool:
        """Whether giving it up costs something by now; what waits for approval never does."""
        return self.state == State.CONFIRMED and at > self.free_until


class LateFee(models.Model):
    """What was kept of a booking that was given up too late, in whole or in part.

    `amount` is owed, before tax; `credit_used` minutes and `credit_amount` of the booking's credit
    are not given back. One that was taken back, because the booking was restored, stays as a row.
    """

    class Cause(models.TextChoices):
        CANCELLED = "cancelled", gettext_lazy("Cancelled late")
        MOVED = "moved", gettext_lazy("Moved late")
        SHORTENED = "shortened", gettext_lazy("Shortened late")

    booking = models.ForeignKey(Booking, models.PROTECT, related_name="late_fees")
    cause = Line(max_length=10, choices=Cause)
    percent = money.RateField()
    minutes = models.PositiveIntegerField()
    amount = money.MoneyField()
    credit_used = models.PositiveIntegerField(default=0)
    credit_amount = money.MoneyField(default=money.ZERO)
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0, credit_amount__gte=0), name="late_fee_not_negative"
            )
        ]

    def __str__(self):
        return f"{self.get_cause_display()}: {self.amount:f}"


TAKEN = Problem("taken", gettext_lazy("Somebody else has booked this meanwhile."))
OCCUPIED = Problem("occupied", gettext_lazy("A contract occupies this."))
speak_for(
    "booking_ends_after_it_starts",
    Problem("ends_before_start", gettext_lazy("It ends before it begins."), "end"),
)
