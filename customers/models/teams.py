import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers import signals
from customers.models.invitations import Inviting
from customers.models.status import contracts
from customers.models.timeline import TimelineEntry, tell
from kit import audit, clock, edits, locks, money, words
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if, speak_for
from spaces.models import Location, Todays


class TeamQuerySet(models.QuerySet):
    def live(self) -> "TeamQuerySet":
        """Teams that are not archived."""
        return self.filter(archived_at=None)

    def served_by(self, user) -> "TeamQuerySet":
        """Teams that staff may change: what is done to one may be paid by its payer, so they
        serve customers where the payer is at home; without one, where somebody in it is."""
        places = user.places("serve_customers")
        if places is None:
            return self
        present = TeamMembership.objects.filter(team=models.OuterRef("pk"), left_at=None)
        here = models.Exists(present.filter(customer__location__in=places))
        nobodys = Q(payer=None) & (here | ~models.Exists(present))
        return self.filter(nobodys | Q(payer__location__in=places))

    def archived(self) -> "TeamQuerySet":
        return self.exclude(archived_at=None)

    def matching(self, text: str) -> "TeamQuerySet":
        """Teams in whose name every word occurs."""
        found = self
        for word in words.plain(text).split():
            found = found.filter(sort_name__contains=word)
        return found

    def with_size(self) -> "TeamQuerySet":
        """Each with `people`, the number of those who are in it now, for lists."""
        present = TeamMembership.objects.filter(team=models.OuterRef("pk"), left_at=None)
        counted = present.order_by().values("team").annotate(number=models.Count("pk"))
        return self.annotate(people=Coalesce(models.Subquery(counted.values("number")), 0))

    def visible_to(self, user) -> "TeamQuerySet":
        """Every team for staff; for the others those that a customer of their login is in."""
        if user.is_staff:
            return self
        return self.live().filter(
            models.Exists(
                TeamMembership.objects.filter(
                    team=models.OuterRef("pk"),
                    left_at=None,
                    customer__in=_customers().acted_for_by(user),
                )
            )
        )

    def start(self, name: str, *, by, **fields) -> "Team":
        """Make a team.

        Raises `Refused` with `team_exists`, `payer_archived`, `needs_manager` (a discount) or what
        is wrong with a field.
        """
        with transaction.atomic(), in_words():
            team = self.model(name=name.strip(), **fields)
            locks.take(customers=[team.payer] if team.payer else [])
            check_fields(team)
            problems = _payer_problems(team.payer)
            if team.discount:
                problems += _discount_problems(by)
            refuse_if(problems)
            team.save(force_insert=True)
            locks.born(teams=team)
            audit.record("team.start", team, by=by, changes={"name": [None, team.name]})
        return team


def _customers():
    return apps.get_model("customers.Customer").objects.all()


def _payer_problems(payer) -> list[Problem]:
    """Why a customer cannot pay for a team from now on."""
    if payer is None:
        return []
    payer.refresh_from_db(fields=["archived_at"])
    if payer.archived_at:
        return [Problem("payer_archived", _("This customer is archived."), "payer")]
    return []


def _discount_problems(by) -> list[Problem]:
    """Discounts are for managers and owners."""
    if by is None or by.may("manage_space"):
        return []
    return [Problem("needs_manager", _("Only a manager may do this."), "discount")]


class Team(Inviting, models.Model):
    """A named group of customers of either status and type; not a company.

    With a paying customer, what members book and buy for the team goes to that account.
    `spending` says who may spend for the team, `spending_limit` up to how much a month each.
    """

    class Spending(models.TextChoices):
        ADMINS = "admins", gettext_lazy("Team admins only")
        EVERYONE = "everyone", gettext_lazy("Everyone in the team")

    name = Line(gettext_lazy("name"), max_length=200)
    sort_name = words.PlainTextField(of=lambda team: team.name)
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
            models.CheckConstraint(
                condition=Q(spending__in=["admins", "everyone"]), name="team_spending_known"
            ),
            models.CheckConstraint(
                condition=Q(spending_limit=None) | Q(spending_limit__gte=0),
                name="team_spending_limit_not_negative",
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        wrong = {}
        if self.size_limit is not None and self.size_limit < 1:
            wrong["size_limit"] = ValidationError(_("At least one."), code="too_small")
        if self.spending_limit is not None and self.spending_limit < 0:
            wrong["spending_limit"] = ValidationError(_("Not below zero."), code="negative")
        if wrong:
            raise ValidationError(wrong)

    def present(self) -> "models.QuerySet[TeamMembership]":
        """The memberships of those who are in the team now."""
        return self.memberships.filter(left_at=None)

    def admins(self):
        """The customers who are admins of the team now."""
        admins = self.present().filter(is_admin=True)
        return _customers().filter(pk__in=admins.values("customer"))

    def is_admin(self, user) -> bool:
        """Whether a login is admin of the team, through a customer whose portal is open."""
        acting = _customers().acted_for_by(user)
        return self.present().filter(is_admin=True, customer__in=acting).exists()

    def is_served_by(self, by) -> bool:
        """Whether somebody acts for the house here: it itself, or staff who serve customers where
        the payer is at home; see also `TeamQuerySet.served_by`."""
        return by is None or (
            by.may("serve_customers") and Team.objects.served_by(by).filter(pk=self.pk).exists()
        )

    def _refuse_others(self, by) -> None:
        if not self.is_served_by(by):
            raise Refused(Problem("staff_only", _("Please ask the staff.")))

    def is_payer(self, user) -> bool:
        """Whether a login acts for the paying customer, and that one's portal is open."""
        return _customers().acted_for_by(user).filter(pk=self.payer_id).exists()

    def spending_problems(self, customer) -> list[Problem]:
        """Why a customer may not spend for the team: only who is in it may, and its admins only
        unless everyone may."""
        membership = self.present().filter(customer=customer).first()
        if membership is None:
            return [_NOT_IN_TEAM._replace(field="on_behalf_of")]
        if self.spending == self.Spending.EVERYONE or membership.is_admin:
            return []
        text = _("Only the team's admins may spend for it.")
        return [Problem("may_not_spend", text, "on_behalf_of")]

    def join_problems(
        self, customers: Iterable[Any], *, reserved: int | None = None
    ) -> dict[int, list[Problem]]:
        """What stands against each of these joining, one after the other, by key.

        The places of those who are invited are kept for them; `reserved` says how many others.
        """
        if reserved is None:
            reserved = self.invitations.open().count()
        customers = list(customers)
        present = set(self.present().values_list("customer", flat=True))
        room = None if self.size_limit is None else self.size_limit - len(present) - reserved
        found: dict[int, list[Problem]] = {}
        for customer in customers:
            problems = []
            if self.archived_at:
                problems.append(Problem("team_archived", _("This team is archived.")))
            if customer.archived_at:
                problems.append(Problem("customer_archived", _("This customer is archived.")))
            if customer.pk in present:
                problems.append(_ALREADY)
            elif room is not None and room <= 0:
                problems.append(
                    Problem(
                        "team_full",
                        _("The team is full: %d people, those who are invited included.")
                        % self.size_limit,
                    )
                )
            elif room is not None and not problems:
                room -= 1
            if problems:
                found[customer.pk] = problems
        return found

    @transaction.atomic
    def add(
        self, customer, *, by, is_admin: bool = False, on: dt.date | None = None,
        reserved: int | None = None,
    ):  # fmt: skip
        """Take a customer into the team; returns the `TeamMembership`.

        Places of those who are invited are kept for them (`reserved` says how many others).

        Raises `Refused` with `in_team_already`, `team_full`, `team_archived`,
        `customer_archived` or, for staff of another location, `staff_only`.
        """
        locks.take(customers=[customer], teams=[self])
        self.refresh_from_db(fields=["archived_at", "size_limit", "payer"])
        customer.refresh_from_db(fields=["archived_at"])
        if by is not None and by.is_staff and by.pk != customer.user_id and not self.is_admin(by):
            self._refuse_others(by)
        problems = self.join_problems([customer], reserved=reserved)
        refuse_if(problems.get(customer.pk, []))
        today = customer.location.today()
        on = on or today
        since = clock.now() if on >= today else clock.start_of(on, customer.location.timezone)
        with in_words():
            membership = self.memberships.create(
                customer=customer, is_admin=is_admin, joined_at=since, joined_by=by
            )
        tell(customer, TimelineEntry.Kind.JOINED_TEAM, on=on, by=by, cause=self, text=self.name)
        audit.record(
            "team.add", self, by=by,
            changes={"customer": [None, customer.pk], "is_admin": [None, is_admin]},
        )  # fmt: skip
        return membership

    @transaction.atomic
    def remove(self, customer, *, by, on: dt.date | None = None):
        """Take a customer out of the team: by staff, by an admin of the team, or by itself.

        Raises `Refused` with `not_in_team` or `not_team_admin`.
        """
        locks.take(customers=[customer], teams=[self])
        customer.refresh_from_db(fields=["user"])
        membership = self.present().filter(customer=customer).first()
        if membership is None:
            raise Refused(_NOT_IN_TEAM)
        if not (self.is_served_by(by) or customer.user_id == by.pk or self.is_admin(by)):
            raise Refused(Problem("not_team_admin", _("Only the team's admins may do this.")))
        membership.left_at, membership.left_by = clock.now(), by
        membership.save(update_fields=["left_at", "left_by"])
        on = on or customer.location.today()
        tell(customer, TimelineEntry.Kind.LEFT_TEAM, on=on, by=by, cause=self, text=self.name)
        audit.record("team.remove", self, by=by, changes={"customer": [customer.pk, None]})
        return membership

    @transaction.atomic
    def set_admin(self, customer, is_admin: bool, *, by):
        """Make a member of the team its admin, or no longer; staff only.

        Raises `Refused` with `not_in_team` or `staff_only`.
        """
        locks.take(teams=[self])
        self._refuse_others(by)
        membership = self.present().filter(customer=customer).first()
        if membership is None:
            raise Refused(_NOT_IN_TEAM)
        was, membership.is_admin = membership.is_admin, is_admin
        membership.save(update_fields=["is_admin"])
        audit.record(
            "team.set_admin", self, by=by,
            changes={"customer": [customer.pk, customer.pk], "is_admin": [was, is_admin]},
        )  # fmt: skip
        return membership

    @transaction.atomic
    def edit(self, changes: dict[str, Any], *, by, seen: dict[str, Any] | None = None) -> list[str]:
        """Change name, payer, size limit, discount and spending; returns the changed fields.

        Another payer pays only for what is charged from now on. Raises `Refused` with
        `staff_only`, `team_exists`, `payer_archived`, `more_people_than_that`, `needs_manager`
        (another discount), with `changed_meanwhile` where somebody else changed the same field
        since `seen`, or with what is wrong with a field.
        """
        payer = changes.get("payer")
        locks.take(customers=[payer] if payer else [], teams=[self])
        self._refuse_others(by)
        self.refresh_from_db()
        problems = _payer_problems(payer) if payer != self.payer else []
        if changes.get("discount", self.discount) != self.discount:
            problems += _discount_problems(by)
        limit = changes.get("size_limit", self.size_limit)
        people = self.present().count()
        if limit is not None and limit != self.size_limit and limit < people:
            text = _("%d people are in the team already.") % people
            problems.append(Problem("more_people_than_that", text, "size_limit"))
        refuse_if(problems)
        if changes.keys() & {"payer", "discount"}:
            signals.team_changing.send(
                sender=Team, team=self, payer=changes.get("payer", self.payer), by=by
            )
        with in_words():
            return edits.apply(self, changes, seen=seen, by=by, verb="team.edit")

    @transaction.atomic
    def set_spending(self, spending: str, limit: Decimal | None, *, by) -> None:
        """Say who may spend for the team, and up to which sum a month each (None: any).

        For staff and the payer. Raises `Refused` with `not_payer` or what is wrong with a field.
        """
        locks.take(teams=[self])
        self.refresh_from_db()
        if not (self.is_served_by(by) or self.is_payer(by)):
            raise Refused(Problem("not_payer", _("Only who pays for the team may do this.")))
        changes = {"spending": spending, "spending_limit": limit}
        edits.apply(self, changes, by=by, verb="team.set_spending")

    def archive_problems(self, *, on: dt.date | Todays) -> list[Problem]:
        """What stands against archiving: contracts for the team, in force, frozen or scheduled."""
        signed = contracts().filter(on_behalf_of=self)
        running = signed.today("running_or_scheduled", on).select_related("customer", "plan")
        return [
            Problem(
                "contract_running",
                _("The contract “%(contract)s” of %(customer)s is signed for this team.")
                % {"contract": contract, "customer": contract.customer.name},
            )
            for contract in running
        ]

    @transaction.atomic
    def archive(self, *, by, on: dt.date | None = None) -> None:
        """Hide from lists and let nobody in any more; `restore` brings it back.

        Raises `Refused` with `staff_only`, `already_archived` or every reason of
        `archive_problems`.
        """
        locks.take(teams=[self])
        self._refuse_others(by)
        self.refresh_from_db(fields=["archived_at"])
        if self.archived_at:
            raise Refused(Problem("already_archived", _("This team is archived already.")))
        refuse_if(self.archive_problems(on=on or Location.objects.all().todays()))
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])
        audit.record("team.archive", self, by=by)

    @transaction.atomic
    def restore(self, *, by) -> None:
        """Bring an archived team back, with the people who were in it.

        Raises `Refused` with `staff_only`, `not_archived` or `team_exists`.
        """
        locks.take(teams=[self])
        self._refuse_others(by)
        self.refresh_from_db(fields=["archived_at"])
        if not self.archived_at:
            raise Refused(Problem("not_archived", _("This team is not archived.")))
        self.archived_at = None
        with in_words():
            self.save(update_fields=["archived_at"])
        audit.record("team.restore", self, by=by)


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
