import datetime as dt
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models.exemptions import HasExemptions
from customers.models.feeds import HasCalendarFeed
from customers.models.invitations import Invitable
from customers.models.status import (
    HasStatus,
    Status,
    bookings,
    charges,
    claims,
    contracts,
    invoices,
    is_member,
    subscriptions,
)
from customers.models.suspensions import Suspendable, Suspension
from customers.models.timeline import TimelineEntry, tell
from kit import audit, clock, edits, locks, words
from kit.emails import canonical
from kit.fields import Line, Text
from kit.problems import Problem, check_fields, in_words, refuse_if, speak_for
from spaces.models import Location, Todays

PERSONAL = frozenset(
    "full_name company_name email phone address city postal_code country billing_email "
    "tax_number notes custom".split()
)


class CustomerQuerySet(models.QuerySet):
    def members(self, *, on) -> "CustomerQuerySet":
        """Customers with a contract in force on a date (or date expression)."""
        return self.filter(is_member(on))

    def contacts(self, *, on) -> "CustomerQuerySet":
        """Customers without a contract in force on a date: all who are not members."""
        return self.filter(~is_member(on))

    def with_status(self, *, on) -> "CustomerQuerySet":
        """Each with `is_member_then`, for lists."""
        return self.annotate(is_member_then=is_member(on))

    def live(self) -> "CustomerQuerySet":
        """Customers that are not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> "CustomerQuerySet":
        return self.exclude(archived_at=None)

    def suspended(self) -> "CustomerQuerySet":
        return self.filter(_open_suspension())

    def not_suspended(self) -> "CustomerQuerySet":
        return self.filter(~_open_suspension())

    def with_closed_portal(self) -> "CustomerQuerySet":
        """Customers whose portal staff have closed, archived or not."""
        return self.filter(_open_suspension() | Q(portal_access_withdrawn_at__isnull=False))

    def with_open_portal(self) -> "CustomerQuerySet":
        """Customers that their login may act for: neither suspended, withdrawn nor archived."""
        return self.not_suspended().live().filter(portal_access_withdrawn_at=None)

    def visible_to(self, user) -> "CustomerQuerySet":
        """What this login may see: for staff the customers of their locations, at home there, or
        with a contract or an account there; for the others their own."""
        return (
            self.at_places(user.places("see_panel")) if user.is_staff else self.acted_for_by(user)
        )

    def at_places(self, places: frozenset[int] | None) -> "CustomerQuerySet":
        """Customers at home, with a contract or with something on an account at one of these
        locations (None: anywhere)."""
        if places is None:
            return self
        signed = contracts().filter(customer=models.OuterRef("pk"), location__in=places)
        owed = charges().filter(customer=models.OuterRef("pk"), location__in=places)
        claimed = claims().filter(customer=models.OuterRef("pk"), location__in=places)
        there = models.Exists(signed) | models.Exists(owed) | models.Exists(claimed)
        return self.filter(Q(location__in=places) | there)

    def acted_for_by(self, user) -> "CustomerQuerySet":
        """The customers that a login acts for in the portal."""
        return self.with_open_portal().filter(user=user)

    def matching(self, text: str) -> "CustomerQuerySet":
        """Customers in whose name, e-mail, phone or external id every word occurs."""
        found = self
        for word in words.plain(text).split():
            found = found.filter(search_text__contains=word)
        return found

    def with_email(self, email: str) -> "CustomerQuerySet":
        """Customers that are reached at an e-mail address, however it is written."""
        try:
            return self.filter(email=canonical(email))
        except ValidationError:
            return self.none()

    def archive_problems(self, *, on: dt.date | Todays) -> dict[int, list[Problem]]:
        """What stands against archiving each of these, by key: contracts running or scheduled,
        bookings ahead, what is unpaid or not invoiced yet."""
        running = contracts().filter(customer__in=self).today("running_or_scheduled", on)
        found: dict[int, list[Problem]] = {}
        for contract in running.select_related("plan"):
            text = _("The contract “%s” is still running.") % contract
            found.setdefault(contract.customer_id, []).append(Problem("contract_running", text))
        for row in (
            contracts()
            .filter(on_behalf_of__payer__in=self)
            .today("running_or_scheduled", on)
            .select_related("on_behalf_of", "plan")
        ):
            text = _("The contract “%(plan)s” of the team %(team)s is paid by this customer.") % {
                "plan": row, "team": row.on_behalf_of,
            }  # fmt: skip
            found.setdefault(row.on_behalf_of.payer_id, []).append(Problem("pays_contract", text))
        lockers = subscriptions().filter(customer__in=self).select_related("product")
        for locker in lockers.running_or_scheduled(on=on if isinstance(on, dt.date) else on.most):
            text = _("The subscription “%s” is still running.") % locker
            found.setdefault(locker.customer_id, []).append(Problem("subscription_running", text))
        ahead = bookings().filter(customer__in=self).upcoming(at=clock.now())
        for booking in ahead.select_related("resource__location"):
            text = _("“%s” lies ahead.") % booking.words
            found.setdefault(booking.customer_id, []).append(Problem("booking_ahead", text))
        for invoice in invoices().filter(customer__in=self).unpaid():
            text = _("Invoice %s is not paid.") % invoice.number
            found.setdefault(invoice.customer_id, []).append(Problem("unpaid", text))
        for claim in claims().filter(customer__in=self).unpaid():
            text = _("The claim “%s” is not paid.") % claim
            found.setdefault(claim.customer_id, []).append(Problem("unpaid", text))
        # A booking ahead is said already.
        said = Q(booking=None) | Q(booking__end__lte=clock.now())
        waiting = charges().filter(said, customer__in=self).waiting()
        drafts = invoices().filter(customer__in=self).drafts()
        keys = {*waiting.values_list("customer", flat=True),
                *drafts.values_list("customer", flat=True)}  # fmt: skip
        for key in keys:
            text = _("Something on the account is not invoiced yet.")
            found.setdefault(key, []).append(Problem("uninvoiced", text))
        return found

    def register(self, *, by, on: dt.date | None = None, **fields: Any) -> "Customer":
        """Add a customer: `register(type="individual", full_name=…, email=…, by=mona)`.

        The location may be left out where there is only one. Raises `Refused` with what is
        wrong, field by field (`required`, `company_name_missing`, `invalid_email`, …).
        """
        with transaction.atomic(), in_words():
            customer = self.model(**fields)
            if customer.location_id is None:
                customer.location = _only_location()
            if customer.registered_on is None:
                customer.registered_on = on or customer.location.today()
            check_fields(customer)
            customer.save(force_insert=True)
            locks.born(customers=customer)
            tell(
                customer, TimelineEntry.Kind.REGISTERED, on=customer.registered_on, by=by,
            )  # fmt: skip
            audit.record(
                "customer.register", customer, by=by,
                changes={"type": [None, customer.type]},
                personal={"name": [None, customer.name], "email": [None, customer.email]},
            )  # fmt: skip
        return customer


def _open_suspension() -> models.Exists:
    return models.Exists(Suspension.objects.filter(customer=models.OuterRef("pk"), lifted_at=None))


def _only_location() -> Location:
    locations = list(Location.objects.all()[:2])
    if len(locations) != 1:
        refuse_if([Problem("location_missing", _("Say at which location."), "location")])
    return locations[0]


class Customer(HasStatus, Suspendable, Invitable, HasCalendarFeed, HasExemptions, models.Model):
    """Whoever uses the space: an individual, or a company with its primary contact.

    `full_name` and `email` are the person's (for a company its primary contact's). Whether it
    is a member or a contact is asked by `status` and `status_on`, never stored.
    """

    class Type(models.TextChoices):
        INDIVIDUAL = "individual", gettext_lazy("Individual")
        COMPANY = "company", gettext_lazy("Company")

    class InvoiceAt(models.TextChoices):
        AS_LOCATION = "", gettext_lazy("as the location does")
        CYCLE_END = "cycle_end", gettext_lazy("at the end of the billing cycle")
        PURCHASE = "purchase", gettext_lazy("at every purchase")

    type = Line(gettext_lazy("type"), max_length=10, choices=Type)
    full_name = Line(gettext_lazy("full name"), max_length=200)
    company_name = Line(gettext_lazy("company name"), max_length=200, blank=True)
    email = Line(gettext_lazy("e-mail"), max_length=254)
    phone = Line(gettext_lazy("phone"), max_length=40, blank=True)
    address = Line(gettext_lazy("address"), max_length=300, blank=True)
    city = Line(gettext_lazy("city"), max_length=120, blank=True)
    postal_code = Line(gettext_lazy("postal code"), max_length=20, blank=True)
    country = Line(gettext_lazy("country"), max_length=2, blank=True)
    billing_email = Line(gettext_lazy("billing e-mail"), max_length=254, blank=True)
    tax_number = Line(gettext_lazy("tax number"), max_length=40, blank=True)
    payment_days = models.PositiveSmallIntegerField(
        gettext_lazy("days to pay"), null=True, blank=True, validators=[MaxValueValidator(365)]
    )
    invoice_at = Line(
        gettext_lazy("invoice"), max_length=12, choices=InvoiceAt, blank=True, default=""
    )
    notes = Text(gettext_lazy("notes"), max_length=20_000, blank=True)
    custom = models.JSONField(gettext_lazy("custom values"), default=dict, blank=True)
    external_id = Line(gettext_lazy("external id"), max_length=100, blank=True)
    registered_on = models.DateField(gettext_lazy("registered on"), null=True, blank=True)
    location = models.ForeignKey(Location, models.PROTECT, verbose_name=gettext_lazy("location"))
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    sort_name = words.PlainTextField(of=lambda customer: customer.name)
    search_text = words.PlainTextField(of=lambda customer: customer.searchable)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["sort_name", "id"]
        indexes = [
            models.Index(fields=["sort_name", "id"], name="customer_by_name"),
            models.Index(fields=["-registered_on", "-id"], name="customer_by_registration"),
            models.Index(fields=["email"], name="customer_by_email"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"], condition=~Q(external_id=""), name="external_id_once"
            ),
            models.CheckConstraint(
                condition=Q(type__in=["individual", "company"]), name="customer_type_known"
            ),
            models.CheckConstraint(
                condition=~Q(type="company", company_name=""), name="company_has_a_name"
            ),
            models.CheckConstraint(condition=~Q(full_name=""), name="customer_has_a_person"),
        ]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        if self.registered_on is None and self.location_id:
            self.registered_on = self.location.today()
        self._tidy()
        super().save(*args, **kwargs)

    def _tidy(self) -> None:
        """Names without spaces around them, addresses in their one form, however they came."""
        for name in ("full_name", "company_name", "external_id"):
            setattr(self, name, getattr(self, name).strip())
        for name in ("email", "billing_email"):
            with suppress(ValidationError):
                setattr(self, name, canonical(getattr(self, name)))

    def forget(self) -> None:
        """Drop what was read with the customer, before a verb decides by it."""
        for name in ("_prefetched_objects_cache", "is_member_then", "_told"):
            self.__dict__.pop(name, None)

    @property
    def name(self) -> str:
        """The shown name: the company's for a company, else the person's."""
        return self.company_name if self.type == self.Type.COMPANY else self.full_name

    @property
    def searchable(self) -> str:
        return " ".join(
            (self.full_name, self.company_name, self.email, self.phone, self.external_id)
        )

    @property
    def is_company(self) -> bool:
        return self.type == self.Type.COMPANY

    @property
    def shown_status(self) -> str:
        """The status in a list: from the query's annotation if it has one."""
        known = getattr(self, "is_member_then", None)
        if known is None:
            return self.status
        return Status.MEMBER if known else Status.CONTACT

    def clean_fields(self, exclude=None):
        self.country = self.country.strip().upper()
        self._tidy()
        super().clean_fields(exclude)

    def clean(self):
        wrong: dict[str, ValidationError] = {}
        if self.type == self.Type.COMPANY and not self.company_name:
            wrong["company_name"] = ValidationError(
                _("A company needs its name."), code="company_name_missing"
            )
        for name in ("email", "billing_email"):
            if address := getattr(self, name):
                try:
                    setattr(self, name, canonical(address))
                except ValidationError as error:
                    wrong[name] = error
        if self.country and not (len(self.country) == 2 and self.country.isalpha()):
            wrong["country"] = ValidationError(
                _("Use the two letters of the country, such as GB."), code="unknown_country"
            )
        if self._state.adding and self.tax_exempt and not self.tax_exempt_reason.strip():
            wrong["tax_exempt_reason"] = ValidationError(
                _("Say why: the reason is printed on invoices."), code="reason_missing"
            )
        if wrong:
            raise ValidationError(wrong)

    @transaction.atomic
    def edit(
        self, changes: dict[str, Any], *, by, seen: dict[str, Any] | None = None,
        on: dt.date | None = None,
    ) -> list[str]:  # fmt: skip
        """Change the record's words; returns the names of the fields that changed.

        A change of type goes on the timeline. Raises `Refused` with `changed_meanwhile` where
        somebody else changed the same field since `seen`, or with what is wrong.
        """
        locks.take(customers=[self])
        self.refresh_from_db()
        changes = self.edit_exemption(changes, by=by)
        with in_words():
            changed = edits.apply(
                self, changes, seen=seen, by=by, verb="customer.edit", personal=PERSONAL
            )
        if "type" in changed:
            tell(
                self, TimelineEntry.Kind.CHANGED_TYPE, on=on or self.location.today(), by=by,
                text=str(self.get_type_display()),
            )  # fmt: skip
        return changed

    def archive_problems(self, *, on: dt.date) -> list[Problem]:
        """What stands against archiving; see `CustomerQuerySet.archive_problems`."""
        return Customer.objects.filter(pk=self.pk).archive_problems(on=on).get(self.pk, [])

    @transaction.atomic
    def archive(self, *, by, on: dt.date | None = None) -> None:
        """Hide from lists; search finds it, reports keep it, `restore` brings it back.

        Raises `Refused` with `already_archived` or every reason of `archive_problems`.
        """
        self.lock_with_login()
        self.refresh_from_db(fields=["archived_at"])
        if self.archived_at:
            refuse_if([Problem("already_archived", _("This customer is archived already."))])
        on = on or self.location.today()
        refuse_if(self.archive_problems(on=on))
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])
        if self.user:
            self.user.end_sessions()
        tell(self, TimelineEntry.Kind.ARCHIVED, on=on, by=by)
        audit.record("customer.archive", self, by=by)

    @transaction.atomic
    def restore(self, *, by, on: dt.date | None = None) -> None:
        """Bring an archived customer back. Raises `Refused` with `not_archived`."""
        locks.take(customers=[self])
        self.refresh_from_db(fields=["archived_at"])
        if not self.archived_at:
            refuse_if([Problem("not_archived", _("This customer is not archived."))])
        self.archived_at = None
        self.save(update_fields=["archived_at"])
        tell(self, TimelineEntry.Kind.RESTORED, on=on or self.location.today(), by=by)
        audit.record("customer.restore", self, by=by)

    def claim(self, **what: Any) -> Any:
        """Enter what this customer owes without an invoice: `claim(text=, amount=, on=, due_on=,
        location=, by=)`. Returns the claim; see `ClaimQuerySet.enter` for what is refused."""
        return claims().enter(self, **what)

    def discard_problems(self) -> list[Problem]:
        """What stands against deleting: any contract or booking, to come or past; anything on its
        account; a team that it pays."""
        problems = []
        if contracts().filter(customer=self).exists():
            problems.append(
                Problem("has_contracts", _("There are contracts: archive the customer instead."))
            )
        if bookings().filter(customer=self).exists():
            problems.append(
                Problem("has_bookings", _("There are bookings: archive the customer instead."))
            )
        owed = charges().filter(models.Q(customer=self) | models.Q(used_by=self)).exists()
        paid, claimed = self.payments.exists(), claims().filter(customer=self).exists()
        if owed or paid or claimed:
            text = _("There is something on the account: archive the customer instead.")
            problems.append(Problem("has_charges", text))
        if self.pays_for_teams.exists():
            problems.append(Problem("pays_for_team", _("A team is paid by this customer.")))
        return problems

    @transaction.atomic
    def discard(self, *, by) -> None:
        """Delete a customer that has no history, its timeline with it.

        Raises `Refused` with every reason of `discard_problems`.
        """
        locks.take(customers=[self])
        refuse_if(self.discard_problems())
        audit.record("customer.discard", self, by=by, personal={"name": [self.name, None]})
        self.delete()


speak_for(
    "external_id_once",
    Problem(
        "external_id_taken", gettext_lazy("Another customer has this external id."), "external_id"
    ),
)
speak_for(
    "customer_has_a_person",
    Problem("required", gettext_lazy("The person's name is missing."), "full_name"),
)
speak_for(
    "company_has_a_name",
    Problem("company_name_missing", gettext_lazy("A company needs its name."), "company_name"),
)
