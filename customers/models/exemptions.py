"""From which day a customer is exempt from tax, why, and in which category."""

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kit import audit, locks
from kit.fields import Line
from kit.problems import Problem, Refused, check_fields, in_words, refuse_if
from kit.vat_ids import vat_id
from spaces import signals
from spaces.taxes import DatedRow, TaxCategory, in_force

if TYPE_CHECKING:
    from customers.models.customer import Customer

OF_CUSTOMERS = (
    TaxCategory.EXEMPT,
    TaxCategory.REVERSE_CHARGE,
    TaxCategory.ZERO,
    TaxCategory.OUTSIDE_SCOPE,
)


class Exemption(DatedRow):
    """A customer is exempt from tax from a day on; without a category, is taxed again."""

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="exemptions")
    category = Line(gettext_lazy("category"), max_length=14, choices=TaxCategory, blank=True)
    reason = Line(gettext_lazy("reason printed on invoices"), max_length=200, blank=True)
    by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["from_on"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "from_on"], name="exemption_once_a_day"),
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(from_on=None),
                name="first_exemption_once",
            ),
            models.CheckConstraint(
                condition=models.Q(category="", reason="")
                | models.Q(category__in=["exempt", "reverse_charge", "zero", "outside_scope"])
                & ~models.Q(reason=""),
                name="exemption_has_a_reason",
            ),
        ]

    def __str__(self):
        return self.reason or str(_("Taxed"))


class HasExemptions(models.Model):
    """Is exempt from tax from a day on, in rows `exemptions`.

    `tax_exempt=True` with `tax_exempt_reason=` when creating writes the row that holds since
    always; `.tax_exempt` and `.tax_exempt_reason` read today's.
    """

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args, **kwargs):
        exempt, reason = self._state.adding and self.tax_exempt, self.tax_exempt_reason
        super().save(*args, **kwargs)
        if exempt:
            self._write_exemption(TaxCategory.EXEMPT, reason, from_on=None, by=None)

    @property
    def tax_exempt(self) -> bool:
        if self._state.adding:
            return self.__dict__.get("_first_exempt", False)
        return self.exemption_on(self.location.today()) is not None

    @tax_exempt.setter
    def tax_exempt(self, exempt: bool) -> None:
        self._refuse_stored()
        self._first_exempt = exempt

    @property
    def tax_exempt_reason(self) -> str:
        if self._state.adding:
            return self.__dict__.get("_first_reason", "")
        row = self.exemption_on(self.location.today())
        return row.reason if row is not None else ""

    @tax_exempt_reason.setter
    def tax_exempt_reason(self, reason: str) -> None:
        self._refuse_stored()
        self._first_reason = reason

    def _refuse_stored(self) -> None:
        if not self._state.adding:
            raise AttributeError("An exemption begins on a day: use set_exemption().")

    @property
    def vat_id(self) -> str:
        """The tax number where it is a VAT id, in its compact form; else empty."""
        return vat_id(self.tax_number, country=self.country)

    def exemption_on(self, on: dt.date) -> Exemption | None:
        """Return the exemption that holds on a day; None where the customer is taxed."""
        row = in_force(self.exemptions.all(), on)
        return row if row is not None and row.category else None

    @transaction.atomic
    def set_exemption(
        self, *, category: str | None, by: Any, reason: str = "", from_on: dt.date | None = None
    ) -> Exemption:
        """Exempt the customer from tax from a day on (today unless said otherwise); returns the
        row. A category of None ends the exemption: taxed again from that day.

        What is charged and not invoiced follows, what is invoiced keeps its tax. Reverse charge is
        only for what is not bound to the premises. Raises `Refused` with `unknown_category`,
        `reason_missing` or `vat_id_missing` (reverse charge without the customer's VAT id).
        """
        locks.take(customers=[self])
        self.refresh_from_db(fields=["tax_number", "country"])
        from_on = from_on or self.location.today()
        known = TaxCategory.read(category) if category else None
        if category and known not in OF_CUSTOMERS:
            text = _("Choose why the customer is not taxed.")
            raise Refused(Problem("unknown_category", text, "category"))
        if known == TaxCategory.REVERSE_CHARGE and not reason.strip():
            reason = _("Reverse charge: the customer owes the tax")
        problems = []
        if known is not None and not reason.strip():
            text = _("Say why: the reason is printed on invoices.")
            problems.append(Problem("reason_missing", text, "reason"))
        if known == TaxCategory.REVERSE_CHARGE and not self.vat_id:
            text = _("Reverse charge needs the customer's VAT id: enter it as the tax number.")
            problems.append(Problem("vat_id_missing", text, "category"))
        refuse_if(problems)
        before = self.exemption_on(from_on)
        row = self._write_exemption(known, reason, from_on=from_on, by=by)
        audit.record(
            "customer.set_exemption", self, by=by,
            changes={
                "category": [before and before.category, row.category],
                "from_on": [None, from_on],
            },
        )  # fmt: skip
        signals.tax_changed.send(sender=type(self), changed=self, from_on=from_on, by=by)
        return row

    def _write_exemption(
        self, category: TaxCategory | None, reason: str, *, from_on: dt.date | None, by: Any
    ) -> Exemption:
        with in_words():
            row = self.exemptions.filter(from_on=from_on).first()
            row = row or Exemption(customer=cast("Customer", self), from_on=from_on)
            row.category, row.by = category or "", by
            row.reason = reason.strip() if category else ""
            check_fields(row, leaving_out=("customer", "by"))
            row.save()
        getattr(self, "_prefetched_objects_cache", {}).pop("exemptions", None)
        return row

    def edit_exemption(self, changes: dict[str, Any], *, by: Any) -> dict[str, Any]:
        """Begin or end the exemption that an edit names, today; returns the other changes."""
        names = ("tax_exempt", "tax_exempt_reason")
        others = {name: value for name, value in changes.items() if name not in names}
        exempt = changes.get("tax_exempt", self.tax_exempt)
        reason = changes.get("tax_exempt_reason", self.tax_exempt_reason)
        if (exempt, reason if exempt else "") != (self.tax_exempt, self.tax_exempt_reason):
            row = self.exemption_on(self.location.today())
            category = (row.category if row else TaxCategory.EXEMPT) if exempt else None
            try:
                self.set_exemption(category=category, reason=reason, by=by)
            except Refused as refused:
                raise Refused(
                    *(one._replace(field="tax_exempt_reason") if one.field == "reason" else one
                      for one in refused.problems)
                ) from None  # fmt: skip
        return others
