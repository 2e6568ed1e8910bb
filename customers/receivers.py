"""What this room does when something is announced; all of it stands here."""

from django.dispatch import receiver

from customers import signals
from customers.models.timeline import TimelineEntry, tell


@receiver(signals.became_member)
def tell_became_member(sender, customer, on, by, cause, change, **kwargs):
    _tell(TimelineEntry.Kind.BECAME_MEMBER, customer, on, by, cause, change)


@receiver(signals.became_contact)
def tell_became_contact(sender, customer, on, by, cause, change, **kwargs):
    _tell(TimelineEntry.Kind.BECAME_CONTACT, customer, on, by, cause, change)


def _tell(kind, customer, on, by, cause, change):
    tell(customer, kind, on=on, by=by, cause=cause, text=change.text)
