"""What this room does when something is announced; all of it stands here."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from customers.models.status import note_flip
from plans import signals


@receiver(signals.contract_started)
def flip_at_start(contract, **event):
    _flip(contract, _("By contract %(contract)s"), **event)


@receiver(signals.contract_ended)
def flip_at_end(contract, **event):
    _flip(contract, _("Contract %(contract)s ended"), **event)


@receiver(signals.contract_frozen)
def flip_when_frozen(contract, **event):
    _flip(contract, _("Contract %(contract)s frozen"), **event)


@receiver(signals.contract_resumed)
def flip_when_resumed(contract, **event):
    _flip(contract, _("Contract %(contract)s resumed"), **event)


def _flip(contract, text, *, on, by, quiet, **signal):
    """Member or contact: the customer's room announces it if this day made a difference."""
    note_flip(
        contract.customer, on=on, cause=contract, text=text % {"contract": contract}, by=by,
        quiet=quiet,
    )  # fmt: skip
