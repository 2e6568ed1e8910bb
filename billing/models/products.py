import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import standing
from bookings.standing import Standing
from kit import audit, clock, edits, locks, money
from kit.fields import Line, Text
from kit.problems import Problem, Refused, check_fields, in_words, speak_for
from plans.models import Plan
from plans.models.plans import valid_price
from spaces import signals as of_spaces
from spaces.models import Location
from spaces.taxes import DatedTaxRate, HasTaxRates


class ProductQuerySet(models.QuerySet["Product"]):
    def live(self) -> "ProductQuerySet":
        """Products that are sold."""
        return self.filter(archived_at=None)

    def offered(self) -> "ProductQuerySet":
        """Products in the portal's shop."""
        return self.live().filter(offered_in_portal=True)

    def visible_to(self, user) -> "ProductQuerySet":
        """For staff those of their locations, for the others what the shop offers."""
        if not user.is_staff:
            return self.offered()
        places = user.places("see_panel")
        return self if places is None else self.filter(location__in=places)

    @transaction.atomic
    def offer(self, *, by, plans: Any = (), **fields: Any) -> "Product":
        """Put a product on sale: `offer(name="Coffee", price=2, location=house, by=mona)`.

        `plans` are those whose customers may buy it, where only some may. Raises `Refused` with
        what is wrong with a field.
        """
        product = self.model(**fields)
        product._refuse_others(by)
        product.price = valid_price(fields.get("price", 0), product.location.currency)
        check_fields(product)
        with in_words():
            product.save(force_insert=True)
        product.plans.set(plans)
        locks.born(products=product)
        changes: dict[str, list] = {"name": [None, product.name], "price": [None, product.price]}
        audit.record("product.offer", product, by=by, changes=changes)
        return product


class Product(HasTaxRates):
    """What is sold besides plans and bookings, at one location, in its currency.

    One-off (a coffee, a day pass) or recurring (a locker, a parking place): a recurring one is sold
    as a `Subscription` and never makes a member. `stock` is how many are left, of a recurring one
    how many there are (None: not counted).
    The price is per piece, or per period for a recurring one, with or without tax as the location
    says.
    """

    class Buyers(models.TextChoices):
        EVERYONE = "everyone", gettext_lazy("everyone")
        MEMBERS = "members", gettext_lazy("members")
        CONTACTS = "contacts", gettext_lazy("contacts")
        PLANS = "plans", gettext_lazy("customers on chosen plans")

    name = Line(gettext_lazy("name"), max_length=120)
    description = Text(gettext_lazy("description"), max_length=2000, blank=True)
    location = models.ForeignKey(
        Location, models.PROTECT, related_name="products", verbose_name=gettext_lazy("location")
    )
    recurring = models.BooleanField(
        gettext_lazy("recurring"),
        default=False,
        help_text=gettext_lazy("Paid again every period, such as a locker. It makes no member."),
    )
    price = money.MoneyField(gettext_lazy("price"), default=money.ZERO)
    bound_to_premises = models.BooleanField(
        gettext_lazy("bound to the premises"), default=False,
        help_text=gettext_lazy("What is bound to the premises is never reverse charged."),
    )  # fmt: skip
    stock = models.PositiveIntegerField(
        gettext_lazy("in stock"), null=True, blank=True,
        help_text=gettext_lazy("Empty: not counted."),
    )  # fmt: skip
    buyers = Line(
        gettext_lazy("who may buy"), max_length=10, choices=Buyers, default=Buyers.EVERYONE
    )
    plans = models.ManyToManyField(
        Plan, blank=True, related_name="products", verbose_name=gettext_lazy("plans")
    )
    offered_in_portal = models.BooleanField(gettext_lazy("offered in the portal"), default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = gettext_lazy("product")
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative"),
            models.CheckConstraint(
                condition=Q(stock=None) | Q(stock__gte=0), name="stock_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(buyers__in=["everyone", "members", "contacts", "plans"]),
                name="product_buyers_known",
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        if (self.price or 0) < 0:
            raise ValidationError({"price": ValidationError(_("Not below zero."), code="negative")})

    @property
    def currency(self) -> str:
        return self.location.currency

    def _refuse_others(self, by) -> None:
        if by is not None and not by.may("manage_space", at=self.location):
            raise Refused(Problem("needs_manager", _("Only a manager may do this.")))

    @transaction.atomic
    def edit(self, changes: dict, *, by, seen: dict | None = None, plans: Any = None) -> list[str]:
        """Change the product for what is sold from now on; returns the changed fields.

        Subscriptions keep the price at which they were sold.
        """
        locks.take(products=[self])
        self._refuse_others(by)
        self.refresh_from_db()
        if "price" in changes:
            changes = changes | {"price": valid_price(changes["price"], self.currency)}
        changes = self.edit_tax(changes, by=by)
        with in_words():
            changed = edits.apply(self, changes, seen=seen, by=by, verb="product.edit")
        if plans is not None:
            before = sorted(self.plans.values_list("pk", flat=True))
            after = sorted(plan.pk for plan in plans)
            if before != after:
                self.plans.set(plans)
                audit.record("product.edit", self, by=by, changes={"plans": [before, after]})
                changed.append("plans")
        if "bound_to_premises" in changed:
            of_spaces.tax_changed.send(sender=Product, changed=self, from_on=None, by=by)
        return changed

    def today(self) -> dt.date:
        return self.location.today()

    def lock_for_tax(self, by) -> None:
        locks.take(products=[self])
        self._refuse_others(by)
        self.refresh_from_db()

    @property
    def is_bound(self) -> bool:
        """Whether what is sold is bound to the premises: taxed where they are."""
        return self.bound_to_premises

    @transaction.atomic
    def restock(self, stock: int | None, *, by) -> None:
        """Say how many are left by counting them (None: not counted any more)."""
        locks.take(products=[self])
        self._refuse_others(by)
        self.refresh_from_db(fields=["stock"])
        before, self.stock = self.stock, stock
        check_fields(self)
        self.save(update_fields=["stock"])
        audit.record("product.restock", self, by=by, changes={"stock": [before, stock]})

    @transaction.atomic
    def archive(self, *, by) -> None:
        """Sell it no more; subscriptions go on. Raises `Refused` with `already_archived` or
        `needs_manager`."""
        locks.take(products=[self])
        self._refuse_others(by)
        self.refresh_from_db(fields=["archived_at"])
        if self.archived_at:
            raise Refused(Problem("already_archived", _("This product is archived already.")))
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])
        audit.record("product.archive", self, by=by)

    @transaction.atomic
    def restore(self, *, by) -> None:
        """Sell it again. Raises `Refused` with `not_archived` or `needs_manager`."""
        locks.take(products=[self])
        self._refuse_others(by)
        self.refresh_from_db(fields=["archived_at"])
        if not self.archived_at:
            raise Refused(Problem("not_archived", _("This product is not archived.")))
        self.archived_at = None
        self.save(update_fields=["archived_at"])
        audit.record("product.restore", self, by=by)

    # Selling

    def problems(
        self, customer, *, by, on: dt.date, quantity: int = 1, on_behalf_of=None
    ) -> list[Problem]:
        """What stands against selling it to a customer; see `sell` for the codes."""
        who = Standing.of(customer, on_behalf_of)
        problems = standing.problems(self, who, by=by, on=on)
        if quantity < 1:
            problems.append(Problem("quantity", _("At least one."), "quantity"))
        elif (left := self.left(on)) is not None and quantity > left:
            text = _("Only %d are left.") % left if left > 0 else _("None are left.")
            problems.append(Problem("out_of_stock", text, "quantity"))
        return problems

    def left(self, on: dt.date) -> int | None:
        """How many can be sold: of a one-off product what is in stock, of a recurring one what
        nobody has from that day on. None where it is not counted."""
        if self.stock is None or not self.recurring:
            return self.stock
        taken = self.subscriptions.running_or_scheduled(on=on).aggregate(sum=models.Sum("quantity"))
        return self.stock - (taken["sum"] or 0)

    def sell(self, customer, quantity: int = 1, *, by, on_behalf_of=None, on=None, note: str = ""):
        """Sell pieces of a one-off product: the `Charge` is on the account at once, and invoiced
        at once where the customer is invoiced at every purchase.

        Raises `Refused` with `product_archived`, `recurring`, `out_of_stock`, `quantity`,
        `members_only`, `contacts_only`, `plans_only`, `not_offered`, `not_yours`, `suspended`,
        `payer_suspended`, `customer_archived`, `not_in_team`, `may_not_spend`, `over_limit`,
        `team_archived`.
        """
        from billing.selling import sell

        return sell(self, customer, quantity, by=by, on_behalf_of=on_behalf_of, on=on, note=note)

    def subscribe(self, customer, *, starts_on: dt.date, by, **what: Any):
        """Sell a recurring product; see `billing.models.subscriptions.subscribe`."""
        from billing.models.subscriptions import subscribe

        return subscribe(self, customer, starts_on=starts_on, by=by, **what)

    def take(self, quantity: int) -> None:
        """Take pieces out of stock; the row is locked. Raises `Refused` `out_of_stock`."""
        if self.stock is None:
            return
        self.stock -= quantity
        if self.stock < 0:
            raise Refused(_SOLD_OUT)
        with in_words():
            self.save(update_fields=["stock"])


class ProductTaxRate(DatedTaxRate):
    """A product's own tax rate from a day on."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="tax_rates")

    class Meta(DatedTaxRate.Meta):
        constraints = DatedTaxRate.rules("product")


_SOLD_OUT = Problem("out_of_stock", gettext_lazy("None are left."), "quantity")
speak_for("stock_not_negative", _SOLD_OUT)
