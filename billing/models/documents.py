"""What leaves the house with an invoice: its private page, its PDF, its e-mails."""

import secrets

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kit import audit, clock, guards
from kit.fields import Line, Text


class InvoiceLink(models.Model):
    """A private address that shows one invoice and how to pay it, to whoever has it.

    It works without a login, also for the suspended, until it is revoked.
    """

    invoice = models.ForeignKey("billing.Invoice", models.PROTECT, related_name="links")
    token = Line(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(revoked_at=None), name="one_link_an_invoice"
            )
        ]

    def __str__(self):
        return str(self.invoice)

    @classmethod
    def of(cls, invoice) -> "InvoiceLink":
        """The address that works, made when it is first needed."""
        link, _made = cls.objects.get_or_create(
            invoice=invoice, revoked_at=None, defaults={"token": secrets.token_urlsafe(32)}
        )
        return link

    @transaction.atomic
    def revoke(self, *, by) -> None:
        """The address works no more; the next e-mail carries another one. Raises `Refused` with
        `not_books`."""
        self.invoice._refuse_others(by)
        self.revoked_at, self.revoked_by = clock.now(), by
        self.save(update_fields=["revoked_at", "revoked_by"])
        audit.record("invoice.revoke_link", self.invoice, by=by)


class Document(models.Model):
    """The PDF of an invoice or a credit note, as it was first made: kept, so that it comes out the
    same in years, whatever draws it then.

    `xml_problem` says why there is no e-invoice in it, if there is none.
    """

    invoice = models.OneToOneField(
        "billing.Invoice", models.PROTECT, null=True, related_name="document"
    )
    credit_note = models.OneToOneField(
        "billing.CreditNote", models.PROTECT, null=True, related_name="document"
    )
    pdf = models.BinaryField()
    sha256 = Line(max_length=64)
    made_with = Line(max_length=200)
    xml = Text(blank=True)
    xml_problem = Line(max_length=300, blank=True)
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(invoice=None) ^ Q(credit_note=None), name="document_of_one"
            )
        ]

    def __str__(self):
        return str(self.invoice or self.credit_note)


class Delivery(models.Model):
    """An invoice, a credit note or a reminder (of an invoice or a claim) that is to go to the
    customer by e-mail.

    A billing run writes the row; the letter itself is written right after, here or by `work`.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", _("Invoice")
        CREDIT_NOTE = "credit_note", _("Credit note")
        REMINDER = "reminder", _("Reminder")

    kind = Line(max_length=11, choices=Kind)
    invoice = models.ForeignKey(
        "billing.Invoice", models.PROTECT, null=True, related_name="deliveries"
    )
    credit_note = models.ForeignKey(
        "billing.CreditNote", models.PROTECT, null=True, related_name="deliveries"
    )
    claim = models.ForeignKey("billing.Claim", models.PROTECT, null=True, related_name="deliveries")
    to = Line(max_length=254)
    asked_at = models.DateTimeField(default=clock.now)
    asked_by = models.ForeignKey("customers.User", models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["id"], condition=Q(written_at=None), name="delivery_waiting")
        ]

    def __str__(self):
        return f"{self.get_kind_display()} → {self.to}"


guards_of_documents = guards.append_only(
    "billing", "billing_document",
    frozen=("invoice_id", "credit_note_id", "pdf", "sha256", "made_with", "xml", "made_at"),
)  # fmt: skip
