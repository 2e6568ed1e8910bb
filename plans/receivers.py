"""What this room does when something is announced; all of it stands here."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from customers.models.status import note_flip
from kit import words
from kit.problems import Problem
from plans import signals
from plans.models import Contract, Plan
from spaces import signals as of_spaces


@receiver(of_spaces.location_changing)
def what_stays_with_contracts(location, changes, **signal):
    """No other time zone while contracts run or are to come, and no other way of entering prices
    once a plan has one."""
    problems = []
    if "timezone" in changes:
        ahead = Contract.objects.running_or_scheduled(on=location.today()).filter(location=location)
        if count := ahead.count():
            names = [
                f"{one} ({one.customer})" for one in ahead.select_related("plan", "customer")[:3]
            ]
            text = _("Contracts run or are to come: %s.") % words.some(names, count)
            problems.append(Problem("timezone_stays", text, "timezone"))
    if "prices_include_tax" in changes:
        priced = Plan.objects.at(location).filter(prices__price__gt=0).distinct()
        if count := priced.count():
            text = _("Plans have prices: %s.") % words.some([str(one) for one in priced[:3]], count)
            problems.append(Problem("prices_include_tax_stays", text, "prices_include_tax"))
    return problems


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
