import datetime as dt
from decimal import Decimal

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models.invitations import Inviting
from customers.models.timeline import TimelineEntry, tell
from kit import audit, clock, locks, money
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for


class TeamQuerySet(models.QuerySet):
    def live(self) -> "TeamQuerySet":
        """Teams that are not archived."""
        return self.filter(archived_at=None)

    def visible_to(self, user) -> "TeamQuerySet":
        """Every team for staff; for the others those that a customer of their login is in."""
        if user.is_staff:
            return self
        return self.live().filter(
            models.Exists(
                TeamMembership.objects.filter(
                    team=models.OuterRef("pk"),
                    left_at=None,
                    customer__in=apps.get_model("customers.Customer").objects.acted_for_by(user),
                )
            )
        )

    def start(self, name: str, *, by, **fields) -> "Team":
        """Make a team. Raises `Refused` with `team_exists` or what is wrong with a field."""
        with transaction.atomic(), in_words():
            team = self.model(name=name.strip(), **fields)
            check_fields(team)
            team.save(force_insert=True)
            locks.born(teams=team)
            audit.record("team.start", team, by=by, changes={"name": [None, team.name]})
        return team


class Team(Inviting, models.Model):
    """A named group of customers of either status and type; not a company.

    With a paying customer, what members book and buy for the team goes to that account.
    `spending` says who may spend for the team, `spending_limit` up to how much a month each.
    """

    class Spending(models.TextChoices):
        ADMINS = "admins", gettext_lazy("Team admins only")
        EVERYONE = "everyone", gettext_lazy("Everyone in the team")

    name = Line(gettext_lazy("name"), max_length=200)
    payer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, blank=True, related_name="pays_for_teams"
    )
    size_limit = models.PositiveIntegerField(null=True, blank=True)
    discount = money.RateField(default=Decimal(0))
    spending = Line(max_length=10, choices=Spending, default=Spending.ADMINS)
    spending_limit = money.MoneyField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    customers = models.ManyToManyField(
        "customers.Customer",
        through="customers.TeamMembership",
        through_fields=("team", "customer"),
        related_name="teams",
    )

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(archived_at=None), name="team_name_once"
            ),
            models.CheckConstraint(
                condition=Q(discount__gte=0, discount__lte=100), name="team_discount_in_percent"
            ),
        ]

    def __str__(self):
        return self.name

    @transaction.atomic
    def add(self, customer, *, by, is_admin: bool = False, on: dt.date | None = None):
        """Take a customer into the team; returns the `TeamMembership`.

        Raises `Refused` with `in_team_already`, `team_full`, `team_archived` or
        `customer_archived`.
        """
        locks.take(customers=[customer], teams=[self])
        self.refresh_from_db(fields=["archived_at", "size_limit"])
        customer.refresh_from_db(fields=["archived_at"])
        present = self.memberships.filter(left_at=None)
        problems = []
        if self.archived_at:
            problems.append(Problem("team_archived", _("This team is archived.")))
        if customer.archived_at:
            problems.append(Problem("customer_archived", _("This customer is archived.")))
        if present.filter(customer=customer).exists():
            problems.append(_ALREADY)
        if self.size_limit is not None and present.count() >= self.size_limit:
            problems.append(
                Problem("team_full", _("The team is full: %d people.") % self.size_limit)
            )
        refuse_if(problems)
        with in_words():
            membership = self.memberships.create(customer=customer, is_admin=is_admin, joined_by=by)
        on = on or customer.location.today()
        tell(customer, TimelineEntry.Kind.JOINED_TEAM, on=on, by=by, cause=self, text=self.name)
        audit.record("team.add", self, by=by, changes={"customer": [None, customer.pk]})
        return membership

    @transaction.atomic
    def remove(self, customer, *, by, on: dt.date | None = None):
        """Take a customer out of the team. Raises `Refused` with `not_in_team`."""
        locks.take(customers=[customer], teams=[self])
        membership = self.memberships.filter(customer=customer, left_at=None).first()
        if membership is None:
            raise Refused(_NOT_IN_TEAM)
        membership.left_at, membership.left_by = clock.now(), by
        membership.save(update_fields=["left_at", "left_by"])
        on = on or customer.location.today()
        tell(customer, TimelineEntry.Kind.LEFT_TEAM, on=on, by=by, cause=self, text=self.name)
        audit.record("team.remove", self, by=by, changes={"customer": [customer.pk, None]})
        return membership

    @transaction.atomic
    def set_admin(self, customer, is_admin: bool, *, by):
        """Make a member of the team its admin, or no longer. Raises `Refused` `not_in_team`."""
        locks.take(teams=[self])
        membership = self.memberships.filter(customer=customer, left_at=None).first()
        if membership is None:
            raise Refused(_NOT_IN_TEAM)
        was, membership.is_admin = membership.is_admin, is_admin
        membership.save(update_fields=["is_admin"])
        audit.record("team.set_admin", membership, by=by, changes={"is_admin": [was, is_admin]})
        return membership


class TeamMembership(models.Model):
    """A customer's time in a team: from when, until when, as its admin or not."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    customer = models.ForeignKey(
        "customers.Customer", models.CASCADE, related_name="team_memberships"
    )
    is_admin = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=clock.now)
    joined_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    left_at = models.DateTimeField(null=True, blank=True)
    left_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "customer"], condition=Q(left_at=None), name="once_in_a_team"
            )
        ]

    def __str__(self):
        return f"{self.customer} in {self.team}"


_ALREADY = Problem("in_team_already", gettext_lazy("This customer is in the team already."))
_NOT_IN_TEAM = Problem("not_in_team", gettext_lazy("This customer is not in the team."))
speak_for("once_in_a_team", _ALREADY)
speak_for(
    "team_name_once", Problem("team_exists", gettext_lazy("A team has this name already."), "name")
)
