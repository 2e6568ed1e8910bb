from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from kit import money
from kit.fields import Line

MONTHS, WEEKS = "month", "week"


class SignedTerms(models.Model):
    """What decides dates and terms. It stands on the plan, and signing copies it onto the
    contract: editing the plan touches later contracts only."""

    class Unit(models.TextChoices):
        MONTH = MONTHS, _("months")
        WEEK = WEEKS, _("weeks")

    class FeeDue(models.TextChoices):
        IN_ARREARS = "in_arrears", _("at the end of the cycle")
        IN_ADVANCE = "in_advance", _("at the start of the cycle")

    cycle_unit = Line(_("billing cycle in"), max_length=5, choices=Unit, default=Unit.MONTH)
    cycle_length = models.PositiveSmallIntegerField(
        _("every"), default=1, validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    billing_day = models.PositiveSmallIntegerField(
        _("billing day"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("Empty: the day on which the contract starts."),
    )
    fee_due = Line(_("fee due"), max_length=10, choices=FeeDue, default=FeeDue.IN_ARREARS)
    prorate_first = models.BooleanField(_("first part cycle by day"), default=True)
    prorate_last = models.BooleanField(_("last part cycle by day"), default=True)
    sign_up_fee = money.MoneyField(_("sign-up fee"), default=money.ZERO)
    deposit = money.MoneyField(_("refundable deposit"), default=money.ZERO)
    minimum_cycles = models.PositiveSmallIntegerField(
        _("minimum term in cycles"), default=0, validators=[MaxValueValidator(120)]
    )
    notice_days = models.PositiveSmallIntegerField(
        _("notice in days"), default=0, validators=[MaxValueValidator(366)]
    )
    self_cancel = models.BooleanField(_("customers may cancel themselves"), default=True)
    freeze_days_a_year = models.PositiveSmallIntegerField(
        _("days a year that customers may freeze"),
        default=0,
        validators=[MaxValueValidator(366)],
    )

    class Meta:
        abstract = True

    @property
    def per_cycle(self) -> str:
        """How often the price is paid, behind an amount: "a month", "every 3 months", "a year"."""
        length = self.cycle_length
        if self.cycle_unit == self.Unit.MONTH and length % 12 == 0:
            years = length // 12
            return ngettext("a year", "every %(count)d years", years) % {"count": years}
        if self.cycle_unit == self.Unit.MONTH:
            return ngettext("a month", "every %(count)d months", length) % {"count": length}
        return ngettext("a week", "every %(count)d weeks", length) % {"count": length}

    @classmethod
    def term_names(cls) -> list[str]:
        return [field.name for field in SignedTerms._meta.local_fields]


def acceptance(accepted_terms: str) -> dict[str, list]:
    """The terms as they were accepted, word for word, for the audit log."""
    return {"accepted_terms": [None, accepted_terms]} if accepted_terms else {}
