"""Words for the panel's templates: what a person may do, and what may be done to a contract."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import NamedTuple

from babel import Locale
from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from customers.models import Suspension, User
from kit.templatetags.house import badge
from plans.models import Contract
from spaces.models import Location

register = template.Library()


class Deed(NamedTuple):
    """A verb of a contract as something to click on: the page of its form and who may open it."""

    route: str
    label: str | Promise
    icon: str
    right: str = "serve_customers"
    danger: bool = False


DEEDS = {
    "change_plan": Deed("panel:contract_plan_change", _("Change plan"), "repeat"),
    "withdraw_change": Deed(
        "panel:contract_plan_change_withdrawal", _("Withdraw the change"), "undo-2"
    ),
    "freeze": Deed("panel:contract_freeze", _("Freeze"), "snowflake"),
    "resume": Deed("panel:contract_resumption", _("End the freeze"), "circle-play"),
    "add_price_step": Deed(
        "panel:contract_price_step", _("Set a price"), "banknote", right="manage_space"
    ),
    "withdraw_cancellation": Deed(
        "panel:contract_cancellation_withdrawal", _("Withdraw the cancellation"), "undo-2"
    ),
    "cancel": Deed("panel:contract_cancellation", _("Cancel"), "calendar-x", danger=True),
    "call_off": Deed("panel:contract_calling_off", _("Call off"), "file-x", danger=True),
}


@register.filter
def may(user: User, right: str) -> bool:
    """`{% if user|may:"serve_customers" %}`: only what may be done is offered."""
    return user.may(right)


@register.simple_tag(takes_context=True)
def may_at(context, right: str, location) -> bool:
    """`{% may_at "manage_space" customer.location as may_manage %}`: what may be done there."""
    return context["user"].may(right, at=location)


@register.simple_tag
def door(suspension: Suspension) -> str:
    """The badge of a suspension: whoever waits to be let in has done nothing wrong."""
    if suspension.waits:
        return badge("waiting", label=str(_("Waiting for approval")))
    return badge("suspended", title=suspension.reason)


@register.filter
def date_at(moment: dt.datetime, location: Location) -> dt.date:
    """The local date of a moment: `{{ membership.joined_at|date_at:customer.location|day }}`."""
    return moment.astimezone(zoneinfo.ZoneInfo(location.timezone)).date()


@register.filter
def country(code: str) -> str:
    """GB → United Kingdom."""
    return Locale.parse(to_locale(get_language() or "en")).territories.get(code, code)


@register.inclusion_tag("panel/contracts/_deeds.html", takes_context=True)
def deeds(context, contract: Contract, on: dt.date, css: str = "") -> dict:
    """The menu of what this person may do to a contract on a day; nothing when it is nothing.

    The contract's freezes, cancellations and plan changes should be at hand in lists.
    """
    offered = [
        DEEDS[verb]
        for verb in contract.deeds(on=on)
        if context["user"].may(DEEDS[verb].right, at=contract.location)
    ]
    return {
        "contract": contract,
        "css": css,
        "deeds": [(deed, reverse(deed.route, args=[contract.pk])) for deed in offered],
    }


@register.filter
def price_on(contract: Contract, on: dt.date) -> Decimal:
    """The price per cycle and piece on a day, at the earliest that of the first day."""
    return contract.price_on(max(on, contract.starts_on))
