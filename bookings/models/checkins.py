from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models.booking import Booking
from customers.models import Customer
from kit import audit, clock, locks
from kit.fields import Line
from kit.problems import Problem, Refused, in_words, speak_for
from spaces.models import Location


class CheckInQuerySet(models.QuerySet["CheckIn"]):
    def present(self) -> "CheckInQuerySet":
        """Those who are in now."""
        return self.filter(left_at=None, refused_because="")

    def refused(self) -> "CheckInQuerySet":
        """Those who were not let in."""
        return self.filter(~Q(refused_because=""))

    def visible_to(self, user) -> "CheckInQuerySet":
        places = user.places("see_panel")
        return self if places is None else self.filter(location__in=places)

    def arrive(
        self, customer: Customer, *, by, location: Location | None = None,
        booking: Booking | None = None,
    ) -> "CheckIn":  # fmt: skip
        """Let a customer in, at home or at another location.

        Who is suspended is not let in, and that they came is kept. Raises `Refused` with
        `suspended`, `customer_archived` or `in_already`.
        """
        location = location or customer.location
        with transaction.atomic():
            locks.take(customers=[customer])
            customer.forget()
            customer.refresh_from_db(fields=["archived_at"])
            refused = _against(customer)
            made = self.model(
                customer=customer, location=location, booking=booking, by=by,
                refused_because=str(refused.text)[:500] if refused else "",
            )  # fmt: skip
            if refused:
                made.left_at = made.at
            with in_words():
                made.save(force_insert=True)
            verb = "check_in.refuse" if refused else "check_in.arrive"
            audit.record(verb, made, by=by, changes={"customer": [None, customer.pk]})
        if refused:
            raise Refused(refused)
        return made


def _against(customer: Customer) -> Problem | None:
    if suspension := customer.suspension:
        text = _("%(name)s is suspended: %(reason)s") % {
            "name": customer.name, "reason": suspension.reason,
        }  # fmt: skip
        return Problem("suspended", text, "customer")
    if customer.archived_at:
        return Problem("customer_archived", _("This customer is archived."), "customer")
    return None


class CheckIn(models.Model):
    """Somebody came to a location: let in by whom, since when, until when; or not let in, and
    why."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="check_ins")
    location = models.ForeignKey(Location, models.PROTECT, related_name="check_ins")
    booking = models.ForeignKey(
        Booking, models.PROTECT, null=True, blank=True, related_name="check_ins"
    )
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    left_at = models.DateTimeField(null=True, blank=True)
    left_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    refused_because = Line(max_length=500, blank=True)

    objects = CheckInQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = gettext_lazy("check-in")
        indexes = [models.Index(fields=["location", "-at"], name="check_in_of_location")]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "location"],
                condition=Q(left_at=None, refused_because=""),
                name="in_once",
            )
        ]

    def __str__(self):
        return f"{self.customer}"

    @transaction.atomic
    def leave(self, *, by) -> None:
        """The customer has gone. Raises `Refused` with `left_already`."""
        locks.take(customers=[self.customer_id])
        self.refresh_from_db(fields=["left_at"])
        if self.left_at:
            raise Refused(Problem("left_already", _("They have left already.")))
        self.left_at, self.left_by = clock.now(), by
        self.save(update_fields=["left_at", "left_by"])
        audit.record("check_in.leave", self, by=by)


speak_for("in_once", Problem("in_already", gettext_lazy("They are in already."), "customer"))
