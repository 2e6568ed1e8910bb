"""What this room does when something is announced; all of it stands here."""

from allauth.account.signals import email_changed, email_confirmed
from django.dispatch import receiver

from customers import signals
from customers.models import Customer, Registration
from customers.models.timeline import TimelineEntry, tell
from kit import locks


@receiver(signals.became_member)
def tell_became_member(sender, customer, on, by, cause, change, **kwargs):
    _tell(TimelineEntry.Kind.BECAME_MEMBER, customer, on, by, cause, change)


@receiver(signals.became_contact)
def tell_became_contact(sender, customer, on, by, cause, change, **kwargs):
    _tell(TimelineEntry.Kind.BECAME_CONTACT, customer, on, by, cause, change)


def _tell(kind, customer, on, by, cause, change):
    tell(customer, kind, on=on, by=by, cause=cause, text=change.text)


@receiver(email_confirmed)
def complete_registration(sender, request, email_address, **kwargs):
    """A login becomes a customer once its address is verified, and not before."""
    waiting = Registration.objects.unverified().filter(user=email_address.user_id)
    for registration in waiting.filter(user__email=email_address.email):
        registration.complete()


@receiver(email_changed)
def follow_changed_email(sender, request, user, from_email_address, to_email_address, **kwargs):
    """Customers that were reached at their login's address are reached at the new one; those
    whose door is closed stay as they are."""
    if from_email_address is None:
        return
    mine = list(Customer.objects.acted_for_by(user).filter(email=from_email_address.email))
    locks.take(customers=mine)
    for customer in mine:
        customer.edit({"email": to_email_address.email}, by=user)
