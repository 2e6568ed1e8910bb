from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from kit import audit, clock, locks
from kit.emails import asked_for, canonical
from kit.fields import Line
from kit.problems import Problem, Refused, in_words, speak_for

if TYPE_CHECKING:
    from spaces.models import Location


class UserManager(BaseUserManager):
    def staff(self) -> "models.QuerySet[User]":
        """Logins that hold a role, by name."""
        held = StaffRole.objects.filter(user=models.OuterRef("pk"), ended_at=None)
        return self.filter(models.Exists(held)).order_by("full_name", "email")

    @transaction.atomic
    def invite_staff(
        self, email: str, roles: "Iterable[tuple[str, Location | None]]", *, by,
        full_name: str = "",
    ) -> "User":  # fmt: skip
        """Give roles to whoever reads an address: a new login, or one that is there already.

        A new one gets a link to choose a password. Raises `Refused` with `invalid_email`,
        `full_name_missing`, `roles_missing`, `is_staff_already` or `needs_owner`.
        """
        from customers.models.invitations import Invitation

        address, roles = asked_for(email), list(roles)
        apps.get_model("customers.Registration").objects.give_way(address)
        user = User.objects.filter(email=address).first()
        if user is not None and user.is_staff:
            raise Refused(
                Problem("is_staff_already", _("This person works here already."), "email")
            )
        if user is None:
            if not full_name.strip():
                text = _("Say the name of the new colleague.")
                raise Refused(Problem("full_name_missing", text, "full_name"))
            user = User.objects.create_user(address, full_name=full_name.strip(), verified=False)
        user.set_roles(roles, by=by)
        if not (user.is_verified and user.has_usable_password()):
            Invitation.objects.send(address, full_name=user.full_name, user=user, by=by)
        return user

    def create_user(
        self, email: str, password: str | None = None, *, verified: bool = True, **fields
    ) -> "User":
        """Make a login together with its e-mail address; the one function that does.

        Without a password the login cannot be used until one is chosen by a link. Raises
        `Refused` with `email_taken`, `ValidationError` for what is not an address.
        """
        from allauth.account.models import EmailAddress

        with transaction.atomic(), in_words():
            user = self.model(email=canonical(email), **fields)
            user.set_password(password)
            user.save(force_insert=True)
            EmailAddress.objects.create(
                user=user, email=user.email, primary=True, verified=verified
            )
        return user

    def get_by_natural_key(self, email):
        return self.get(email=canonical(email))


class User(AbstractBaseUser):
    """A login: an e-mail address and a password. Who it acts for stands on the customers,
    what it may do as staff on its roles."""

    email = Line(_("e-mail"), max_length=254, unique=True)
    full_name = Line(_("name"), max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=clock.now, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    def __str__(self):
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_session_auth_hash(self) -> str:
        """Sessions die when the password changes and when `session_epoch` moves on."""
        return self._session_hash()

    def get_session_auth_fallback_hash(self):
        from django.conf import settings

        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(secret)

    def _session_hash(self, secret: str | None = None) -> str:
        return salted_hmac(
            "customers.User.session",
            f"{self.password}|{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def is_verified(self) -> bool:
        """Whether somebody has proved to read this login's mail."""
        return self.emailaddress_set.filter(verified=True, email=self.email).exists()

    @transaction.atomic
    def claim(self, password: str, *, full_name: str = "") -> None:
        """Whoever reads this login's mail takes it over: a new password, the address verified.

        What somebody else may have typed before is gone, and so are their sessions.
        """
        self.set_password(password)
        self.full_name = full_name.strip() or self.full_name
        self.save(update_fields=["password", "full_name"])
        self.emailaddress_set.filter(email=self.email).update(verified=True, primary=True)
        apps.get_model("customers.Registration").objects.unverified().filter(user=self).update(
            completed_at=clock.now()
        )
        self.end_sessions()

    def end_sessions(self) -> None:
        """Every session of this login is dead from this transaction's commit on, for good."""
        User.objects.filter(pk=self.pk).update(session_epoch=models.F("session_epoch") + 1)
        self.refresh_from_db(fields=["session_epoch"])

    @cached_property
    def held_roles(self) -> frozenset[tuple[str, int | None]]:
        """The roles held today, each with the key of its location (None: every location)."""
        held = self.staff_roles.filter(ended_at=None)
        return frozenset(held.values_list("role", "location_id"))

    @property
    def roles(self) -> frozenset[str]:
        """The names of the roles held today, somewhere or everywhere; they add up."""
        return frozenset(role for role, _location in self.held_roles)

    @property
    def is_staff(self) -> bool:
        return bool(self.roles)

    def may(self, right: str, *, at: "Location | None" = None) -> bool:
        """Whether one of the roles carries a right (see `customers.rights`) at a location.

        Without a location: whether there is one where it does.
        """
        places = self.places(right)
        return places is None or (at.pk in places if at is not None else bool(places))

    def may_everywhere(self, right: str) -> bool:
        """Whether a role that is not limited to a location carries a right."""
        return self.places(right) is None

    def places(self, right: str) -> frozenset[int] | None:
        """The keys of the locations where the roles carry a right; None means all of them."""
        from customers.rights import RIGHTS

        if not self.is_active:
            return frozenset()
        found = [location for role, location in self.held_roles if role in RIGHTS[right]]
        return None if None in found else frozenset(key for key in found if key is not None)

    def give_role(self, role: str, *, by, location: "Location | None" = None) -> "StaffRole":
        """Give a role, everywhere or at one location; one that is held already is returned."""
        with transaction.atomic():
            held = self.staff_roles.filter(role=role, location=location, ended_at=None).first()
            if held:
                return held
            with in_words():
                given = self.staff_roles.create(
                    role=role, location=location, given_at=clock.now(), given_by=by
                )
            audit.record("role.give", self, by=by, changes={"role": [None, role]})
        self.__dict__.pop("held_roles", None)
        return given

    @transaction.atomic
    def set_roles(
        self, wanted: "Iterable[tuple[str, Location | None]]", *, by: "User | None"
    ) -> None:
        """Let this login hold exactly these roles, each everywhere (None) or at a location.

        Raises `Refused` with `roles_missing`, `needs_owner` (only an owner of every location
        may) or `last_owner`.
        """
        roles = {(role, location.pk if location else None): location for role, location in wanted}
        if not roles:
            raise Refused(Problem("roles_missing", _("Choose at least one role."), "roles"))
        self._change_roles(roles, by=by)

    @transaction.atomic
    def end_staff(self, *, by) -> None:
        """This person works here no more: every role ends, and every session at once.

        A customer that they also are stays. Raises `Refused` with `not_staff`, `needs_owner` or
        `last_owner`.
        """
        if not self.is_staff:
            raise Refused(Problem("not_staff", _("This person does not work here.")))
        self._change_roles({}, by=by)
        for invitation in self.invitations.standing():
            invitation.withdraw(by=by)

    def end_role(self, role: str, *, by) -> None:
        """Take a role away wherever it is held. Raises `Refused` with `last_owner`."""
        with transaction.atomic():
            held = self.staff_roles.filter(ended_at=None).exclude(role=role)
            kept = {(one.role, one.location_id): one.location for one in held}
            self._change_roles(kept, by=by)

    def _change_roles(self, wanted: "dict[tuple[str, int | None], Location | None]", *, by) -> None:
        """Roles go before others come; the last owner's are looked at under a lock of all owners.

        Whoever loses a role signs in anew.
        """
        locks.take(users=[self, *([by] if by is not None else [])])
        owners = StaffRole.objects.owners().order_by("pk")
        list(owners.select_for_update(of=("self",), no_key=True))
        for person in (self, *([by] if by is not None else [])):
            person.__dict__.pop("held_roles", None)
        if by is not None and not by.may_everywhere("own_space"):
            raise Refused(Problem("needs_owner", _("Only owners may change who works here.")))
        going = self.held_roles - wanted.keys()
        if (StaffRole.Role.OWNER, None) in going and not StaffRole.objects.other_owners(self):
            raise Refused(
                Problem("last_owner", _("The space needs an owner: name another one first."))
            )
        for role, place in sorted(going, key=str):
            self.staff_roles.filter(role=role, location=place, ended_at=None).update(
                ended_at=clock.now(), ended_by=by
            )
            changes: dict[str, list] = {"role": [role, None], "location": [place, None]}
            audit.record("role.end", self, by=by, changes=changes)
        for (role, _key), location in wanted.items():
            self.give_role(role, by=by, location=location)
        if going:
            self.end_sessions()
        self.__dict__.pop("held_roles", None)


class StaffRoleQuerySet(models.QuerySet["StaffRole"]):
    def owners(self) -> "StaffRoleQuerySet":
        """The roles that own every location, of logins that are not switched off."""
        return self.filter(
            role=StaffRole.Role.OWNER, location=None, ended_at=None, user__is_active=True
        )

    def other_owners(self, user: User) -> bool:
        """Whether somebody else owns the space who can sign in to do so."""
        others = self.owners().exclude(user=user).select_related("user")
        return any(role.user.has_usable_password() and role.user.is_verified for role in others)


class StaffRole(models.Model):
    """What a login may do as staff: who gave it when, for every location or for one."""

    class Role(models.TextChoices):
        FRONT_DESK = "front_desk", _("Front desk")
        MANAGER = "manager", _("Manager")
        ACCOUNTANT = "accountant", _("Accountant")
        OWNER = "owner", _("Owner")

    user = models.ForeignKey(User, models.PROTECT, related_name="staff_roles")
    role = Line(max_length=12, choices=Role)
    location = models.ForeignKey("spaces.Location", models.PROTECT, null=True, blank=True)
    given_at = models.DateTimeField()
    given_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = StaffRoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "location"],
                condition=Q(ended_at=None),
                name="staff_role_once",
            ),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(ended_at=None, location=None),
                name="staff_role_everywhere_once",
            ),
            models.CheckConstraint(
                condition=Q(role__in=["front_desk", "manager", "accountant", "owner"]),
                name="staff_role_known",
            ),
        ]

    def __str__(self):
        return self.get_role_display()


_taken = Problem("email_taken", _("Somebody already signs in with this e-mail."), "email")
speak_for("customers_user.email", _taken)
speak_for("customers_user_email_key", _taken)
