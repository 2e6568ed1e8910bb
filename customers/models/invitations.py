import datetime as dt
import hashlib
import secrets

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import signals
from customers.models.registrations import link_or_register
from customers.models.timeline import TimelineEntry, tell
from customers.models.users import User
from kit import audit, clock, locks
from kit.emails import asked_for
from kit.fields import Line
from kit.problems import Problem, Refused, in_words, refuse_if, speak_for

VALID_FOR = dt.timedelta(days=14)
MOST_A_DAY = 50  # of a team: nobody writes to strangers without end in the name of the house


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Neither accepted nor withdrawn nor too old."""
        return self.standing().filter(expires_at__gt=clock.now())

    def standing(self) -> "InvitationQuerySet":
        """Neither accepted nor withdrawn, too old or not."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def by_token(self, token: str) -> "Invitation | None":
        """The invitation of a link, in whatever state it is."""
        related = self.select_related(
            "customer__location", "customer__user", "team", "user", "invited_by"
        )
        return related.filter(token_digest=digest(token)).first()

    @transaction.atomic
    def send(self, email: str, *, by, full_name: str = "", **whom) -> "Invitation":
        """Invite to act for a customer, into a team, or to a login of staff (`user`).

        An earlier invitation of the same address for the same is withdrawn. The e-mail carries
        the only copy of the link's token; see `signals.invited`.
        """
        token = secrets.token_urlsafe(32)
        address = asked_for(email)
        for earlier in self.standing().filter(email=address, **whom):
            earlier.withdraw(by=by)
        now = clock.now()
        with in_words():
            invitation = self.create(
                email=address, full_name=full_name.strip(), token_digest=digest(token),
                invited_at=now, expires_at=now + VALID_FOR, invited_by=by, **whom,
            )  # fmt: skip
        audit.record(
            "invitation.send", invitation, by=by,
            changes={name: [None, row.pk] for name, row in whom.items()},
            personal={"email": [None, address]},
        )  # fmt: skip
        signals.invited.send(sender=Invitation, invitation=invitation, token=token, by=by)
        return invitation


class Invitation(models.Model):
    """A link in an e-mail: to act for a customer, to join a team, or to work here as staff.

    It holds 14 days and once. Only a digest of its token is kept.
    """

    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, null=True, related_name="invitations"
    )
    team = models.ForeignKey(
        "customers.Team", models.CASCADE, null=True, related_name="invitations"
    )
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="invitations")
    email = Line(gettext_lazy("e-mail"), max_length=254)
    full_name = Line(gettext_lazy("name"), max_length=200, blank=True)
    token_digest = Line(max_length=64, unique=True)
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-invited_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False, team=None, user=None)
                | Q(customer=None, team__isnull=False, user=None)
                | Q(customer=None, team=None, user__isnull=False),
                name="invitation_is_for_one_thing",
            ),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="one_standing_invitation_of_a_customer",
            ),
        ]

    def __str__(self):
        return self.email

    def problems(self) -> list[Problem]:
        """What stands against accepting it now, whoever does."""
        if self.withdrawn_at:
            return [Problem("invitation_withdrawn", _("This invitation was withdrawn."))]
        if self.accepted_at:
            return [Problem("invitation_used", _("This invitation was accepted already."))]
        if self.is_too_old:
            return [Problem("invitation_expired", _("This invitation is too old by now."))]
        if not self._may_still_invite():
            return [Problem("inviter_turned_away", _("This invitation does not hold any more."))]
        if self.customer is not None and self.customer.email != self.email:
            return [Problem("address_changed", _("This invitation went to an address of before."))]
        if self.customer is not None:
            return self.customer.invitation_problems()
        if self.team is not None:
            return self.team.invitation_problems(accepting=True)
        return []

    def _may_still_invite(self) -> bool:
        """Whoever sent it must still be somebody who may."""
        by = self.invited_by
        if by is None:
            return True
        if self.team is not None:
            return by.may("serve_customers") or (by.is_active and self.team.is_admin(by))
        if self.customer is not None:
            return by.may("serve_customers", at=self.customer.location)
        return by.may_everywhere("own_space")

    @property
    def is_too_old(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def login(self) -> User | None:
        """The login that has this address already."""
        return self.user or User.objects.filter(email=self.email).first()

    @property
    def needs_sign_in(self) -> bool:
        """Whether the address has a login with a password of its own, which must be given."""
        login = self.login
        return login is not None and login.is_verified and login.has_usable_password()

    @transaction.atomic
    def accept(self, *, by, customer=None) -> "Invitation":
        """Take it up as somebody who has signed in; `customer` says who joins a team.

        Raises `Refused` with what `problems` says, `turned_away`, `another_login` or what
        joining the team refuses.
        """
        self._lock(by, customer)
        refuse_if(self.problems())
        self._admit(by, customer)
        return self

    @transaction.atomic
    def accept_with_password(self, password: str, *, full_name: str = "") -> User:
        """Take it up with a new password: the link proves that the address is one's own.

        Returns the login. Raises `Refused` as `accept` does, and `login_exists` where the
        address has a login with a password already.
        """
        found = self.login
        self._lock(found, None)
        refuse_if(self.problems())
        if self.needs_sign_in:
            raise Refused(Problem("login_exists", _("This address has a login: sign in first.")))
        if found is None:
            name = (
                full_name.strip()
                or self.full_name
                or (self.customer.full_name if self.customer else "")
            )
            found = User.objects.create_user(self.email, password, full_name=name)
            locks.born(users=found)
        else:
            found.claim(password, full_name=full_name)
        self._admit(found, None)
        return found

    @transaction.atomic
    def withdraw(self, *, by) -> None:
        """The link works no more. Raises `Refused` with `invitation_used` or, where somebody who
        does not work here is no admin of its team, `not_team_admin`."""
        if by is not None and not by.is_staff and not (self.team and self.team.is_admin(by)):
            raise Refused(_NOT_TEAM_ADMIN)
        locked = Invitation.objects.select_for_update().get(pk=self.pk)
        if locked.accepted_at:
            raise Refused(Problem("invitation_used", _("This invitation was accepted already.")))
        if locked.withdrawn_at is None:
            self.withdrawn_at, self.withdrawn_by = clock.now(), by
            self.save(update_fields=["withdrawn_at", "withdrawn_by"])
            audit.record("invitation.withdraw", self, by=by)

    def _lock(self, user: User | None, customer) -> None:
        """Login, then customers, then team, then the invitation itself; all read afresh."""
        logins, customers = [user.pk] if user else [], []
        if self.customer_id:
            customers.append(self.customer_id)
        if customer is not None:
            customers.append(customer.pk)
        elif self.team_id and user is None:
            known = self._customers().with_email(self.email)
            customers += list(known.values_list("pk", flat=True))
        elif self.team_id and user is not None:
            customers += list(user.customers.values_list("pk", flat=True))
            known = self._customers().with_email(self.email)
            customers += list(known.values_list("pk", flat=True))
        locks.take(users=logins, customers=customers, teams=[self.team_id] if self.team_id else [])
        Invitation.objects.select_for_update().get(pk=self.pk)
        self.refresh_from_db()

    def _admit(self, user: User, customer) -> None:
        from customers.doors import may_enter

        if not user.is_active or not may_enter(user):
            raise Refused(Problem("turned_away", _("Your own access is closed.")))
        if self.customer is not None:
            if not self.customer.link(user, by=user):
                raise Refused(_HAS_LOGIN)
        elif self.team is not None:
            self.team.add(customer or self._newcomer(user), by=user, reserved=0)
        elif self.user_id != user.pk:
            text = _("This invitation is for %s: sign out and open it again.") % self.email
            raise Refused(Problem("another_login", text))
        self.accepted_at, self.accepted_by = clock.now(), user
        self.save(update_fields=["accepted_at", "accepted_by"])
        audit.record("invitation.accept", self, by=user)

    def _newcomer(self, user: User):
        """Who joins the team: the login's customer of this address, else its first, else a new
        one at the home of the team's first member."""
        open_ones = self._customers().acted_for_by(user).order_by("pk")
        found = open_ones.with_email(self.email).first() or open_ones.first()
        if found is not None:
            return found
        if not user.full_name:
            user.full_name = self.full_name
        made = link_or_register(user, location=self.team.home, approval=False)
        open_now = [one for one in made if open_ones.filter(pk=one.pk).exists()]
        if not open_now:
            raise Refused(Problem("turned_away", _("Your own access is closed.")))
        return open_now[0]

    def _customers(self):
        return self._meta.get_field("customer").related_model.objects.all()


class Invitable(models.Model):
    """A customer's portal account: invited, linked, its access withdrawn and given back."""

    user = models.ForeignKey(
        "customers.User", models.SET_NULL, null=True, blank=True, related_name="customers"
    )
    portal_access_withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def invitation(self) -> Invitation | None:
        """The invitation that is out, too old or not."""
        return self.invitations.standing().first()

    def invitation_problems(self) -> list[Problem]:
        """What stands against inviting this customer, and against accepting it."""
        problems = []
        if not self.email:
            problems.append(Problem("email_missing", _("There is no e-mail address to write to.")))
        if self.user_id:
            problems.append(_HAS_LOGIN)
        if self.archived_at:
            problems.append(Problem("customer_archived", _("This customer is archived.")))
        if self.portal_access_withdrawn_at:
            problems.append(Problem("access_withdrawn", _("Access was withdrawn.")))
        if self.suspension:
            problems.append(Problem("suspended", _("This customer is suspended.")))
        return problems

    @transaction.atomic
    def invite(self, *, by, on: dt.date | None = None) -> Invitation:
        """Send the link with which this customer chooses a password for the portal.

        Raises `Refused` with `email_missing`, `has_login`, `customer_archived`,
        `access_withdrawn` or `suspended`.
        """
        locks.take(customers=[self])
        self.forget()
        self.refresh_from_db()
        refuse_if(self.invitation_problems())
        for earlier in self.invitations.standing():
            earlier.withdraw(by=by)
        invitation = Invitation.objects.send(
            self.email, full_name=self.full_name, customer=self, by=by
        )
        tell(self, TimelineEntry.Kind.INVITED, on=on or self.location.today(), by=by,
             text=self.email)  # fmt: skip
        return invitation

    def link(self, user: User, *, by, on: dt.date | None = None) -> bool:
        """Let a login act for this customer; whether it does so now. Call it under the lock."""
        self.refresh_from_db(fields=["user", "archived_at"])
        if self.archived_at or self.user_id not in (None, user.pk):
            return False
        if self.user_id is None:
            self.user = user
            self.save(update_fields=["user"])
            tell(self, TimelineEntry.Kind.GOT_LOGIN, on=on or self.location.today(), by=by,
                 text=user.email)  # fmt: skip
            audit.record("customer.link", self, by=by, changes={"user": [None, user.pk]})
        return True

    @transaction.atomic
    def withdraw_access(self, *, by, on: dt.date | None = None) -> None:
        """Close the portal to this customer at once; it stays what it is, nothing is suspended.

        Invitations that are out hold no more. Raises `Refused` with `access_withdrawn`.
        """
        self._begin_access()
        if self.portal_access_withdrawn_at:
            raise Refused(Problem("access_withdrawn", _("Access was withdrawn already.")))
        self.portal_access_withdrawn_at = clock.now()
        self.save(update_fields=["portal_access_withdrawn_at"])
        for invitation in self.invitations.standing():
            invitation.withdraw(by=by)
        if self.user:
            self.user.end_sessions()
        tell(self, TimelineEntry.Kind.ACCESS_WITHDRAWN, on=on or self.location.today(), by=by)
        audit.record("customer.withdraw_access", self, by=by)

    @transaction.atomic
    def give_access_back(self, *, by, on: dt.date | None = None) -> None:
        """Open the portal again; old sessions stay dead. Raises `Refused` `access_open`."""
        self._begin_access()
        if not self.portal_access_withdrawn_at:
            raise Refused(Problem("access_open", _("Access is open already.")))
        self.portal_access_withdrawn_at = None
        self.save(update_fields=["portal_access_withdrawn_at"])
        tell(self, TimelineEntry.Kind.ACCESS_GIVEN_BACK, on=on or self.location.today(), by=by)
        audit.record("customer.give_access_back", self, by=by)

    def _begin_access(self) -> None:
        self.lock_with_login()
        self.forget()
        self.refresh_from_db()

    def lock_with_login(self) -> None:
        """Lock the login that acts for this customer now, whatever was read before, and it."""
        login = type(self)._base_manager.values_list("user_id", flat=True).get(pk=self.pk)
        locks.take(users=[login] if login else [], customers=[self])
        self.refresh_from_db(fields=["user"])


class Inviting(models.Model):
    """What a team can do: invite people into it."""

    class Meta:
        abstract = True

    @property
    def home(self):
        """The location of whoever came first: where a newcomer is registered."""
        first = self.memberships.filter(left_at=None).select_related("customer__location").first()
        if first is not None:
            return first.customer.location
        return (
            self._meta.get_field("customers")
            .related_model._meta.get_field("location")
            .related_model.objects.order_by("pk")
            .first()
        )

    def invitation_problems(self, *, accepting: bool = False) -> list[Problem]:
        """What stands against inviting one more, or against an invited one's coming."""
        if self.archived_at:
            return [Problem("team_archived", _("This team is archived."))]
        since = clock.now() - dt.timedelta(days=1)
        if not accepting and self.invitations.filter(invited_at__gt=since).count() >= MOST_A_DAY:
            text = _("%d invitations within a day are enough: go on tomorrow.") % MOST_A_DAY
            return [Problem("too_many_invitations", text)]
        if self.size_limit is None:
            return []
        taken = self.memberships.filter(left_at=None).count()
        if not accepting:
            taken += self.invitations.open().count()
        if taken < self.size_limit:
            return []
        text = _("The team is full: %d people, those who are invited included.") % self.size_limit
        return [Problem("team_full", text)]

    @transaction.atomic
    def invite(self, email: str, *, by, full_name: str = "") -> Invitation:
        """Send a link with which somebody joins the team, as a new customer or a known one.

        Staff may, and the team's admins. Raises `Refused` with `not_team_admin`,
        `team_archived`, `team_full`, `too_many_invitations`, `in_team_already` or
        `invalid_email`.
        """
        locks.take(teams=[self])
        self.refresh_from_db()
        if by is not None and not by.is_staff and not self.is_admin(by):
            raise Refused(_NOT_TEAM_ADMIN)
        address = asked_for(email)
        present = self.memberships.filter(left_at=None, customer__email=address)
        if present.exists():
            text = _("Somebody with this address is in the team already.")
            raise Refused(Problem("in_team_already", text, "email"))
        for earlier in self.invitations.standing().filter(email=address):
            earlier.withdraw(by=by)
        refuse_if(self.invitation_problems())
        return Invitation.objects.send(address, by=by, full_name=full_name, team=self)


_HAS_LOGIN = Problem("has_login", gettext_lazy("This customer has a login already."))
_NOT_TEAM_ADMIN = Problem("not_team_admin", gettext_lazy("Only the team's admins may do this."))
speak_for("one_standing_invitation_of_a_customer", _HAS_LOGIN)
