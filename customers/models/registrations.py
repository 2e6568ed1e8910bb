import datetime as dt

from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import models, transaction
from django.utils.translation import gettext as _

from customers.models.suspensions import Suspension
from customers.models.timeline import TimelineEntry, tell
from customers.models.users import StaffRole, User
from kit import audit, clock, locks
from kit.emails import canonical
from spaces.models import Location

KEPT_UNVERIFIED = dt.timedelta(days=30)


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def unverified(self) -> "RegistrationQuerySet":
        """Registrations whose e-mail nobody has proved to read."""
        return self.filter(completed_at=None)

    def replaceable(self) -> "RegistrationQuerySet":
        """Those whose login is nobody's yet: no address proved, no customer, no role."""
        user = models.OuterRef("user")
        return self.unverified().filter(
            ~models.Exists(EmailAddress.objects.filter(user=user, verified=True)),
            ~models.Exists(StaffRole.objects.filter(user=user)),
            ~models.Exists(_customers().filter(user=user)),
        )

    def give_way(self, email: str) -> None:
        """Whoever proves to read an address takes it from those who only typed it."""
        User.objects.filter(pk__in=self.replaceable().with_email(email).values("user")).delete()

    @transaction.atomic
    def begin(
        self, email: str, password: str, *, full_name: str, location: Location
    ) -> "Registration":
        """Make a login that can do nothing before its e-mail is verified.

        An earlier one that nobody verified gives way: whoever reads the mail decides. Raises
        `Refused` with `email_taken` and `ValidationError` for what is not an address.
        """
        self.give_way(email)
        user = User.objects.create_user(email, password, full_name=full_name, verified=False)
        return self.create(user=user, location=location)

    def with_email(self, email: str) -> "RegistrationQuerySet":
        return self.filter(user__email=canonical(email))

    def forget_unverified(self) -> int:
        """Delete logins that were not verified within 30 days; returns how many."""
        old = self.replaceable().filter(at__lt=clock.now() - KEPT_UNVERIFIED)
        return User.objects.filter(pk__in=old.values("user")).delete()[1].get(User._meta.label, 0)


class Registration(models.Model):
    """A person who made a login themselves: at which location, and when they became a customer.

    Completed once the e-mail is verified, not before.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="registration")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = RegistrationQuerySet.as_manager()

    def __str__(self):
        return f"{self.user}"

    @transaction.atomic
    def complete(self, *, on: dt.date | None = None) -> list:
        """The e-mail is verified: link or make the customers of this login, once; returns them.

        Where the location lets in with approval only, a new customer waits for it.
        """
        locks.take(users=[self.user_id])
        self.refresh_from_db()
        if self.completed_at is not None:
            return []
        self.completed_at = clock.now()
        self.save(update_fields=["completed_at"])
        approval = self.location.registration == Location.Registration.APPROVAL
        return link_or_register(self.user, location=self.location, approval=approval, on=on)


def link_or_register(
    user: User, *, location: Location, approval: bool, on: dt.date | None = None
) -> list:
    """Give a verified login its customers: those of its e-mail that have no login yet, else a
    new individual.

    A suspension stays with the customer that is linked. With `approval` a new individual waits
    for it, and so does one whose e-mail is known from somebody whose portal staff have closed:
    no door opens anew by registering again.
    """
    known = _customers().with_email(user.email)
    waiting = list(known.live().filter(user=None).select_related("location"))
    locks.take(customers=waiting)
    linked = [customer for customer in waiting if customer.link(user, by=user, on=on)]
    if linked:
        return linked
    customer = _customers().register(
        type="individual", full_name=user.full_name or user.email, email=user.email,
        location=location, user=user, by=user, on=on,
    )  # fmt: skip
    tell(customer, TimelineEntry.Kind.GOT_LOGIN, on=on or location.today(), by=user)
    if approval or known.with_closed_portal().exists():
        customer.suspend(
            cause=Suspension.Cause.APPROVAL, reason=_("Waiting for approval"), by=None, on=on
        )
    audit.record("customer.register_self", customer, by=user)
    return [customer]


def _customers():
    return apps.get_model("customers.Customer").objects.all()
