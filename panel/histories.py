"""What was done to a record without a timeline of its own, read from the audit log, in words."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from bookings.models import Booking, Resource
from customers.models import Customer, Team, User
from kit import clock, words
from kit.models import AuditEntry
from kit.templatetags.house import money, number, percent
from plans.models import Plan

SHOWN = 20

FIELDS = {
    "name": _l("Name"),
    "payer": _l("Who pays"),
    "spending": _l("Who may spend"),
    "spending_limit": _l("Per person and month"),
    "size_limit": _l("Maximum people"),
    "discount": _l("Discount"),
    "default_plan": _l("Plan offered"),
}


class Change(NamedTuple):
    """One field's values before and after, as they are shown."""

    name: str | Promise
    before: str
    after: str


class Happening(NamedTuple):
    """One thing that was done: what, when, by whom, and the values that changed."""

    icon: str
    title: str
    at: dt.datetime
    by: str
    changes: list[Change]


def of_team(team: Team, *, currency: str) -> list[Happening]:
    """The last things that were done to a team, the newest first, in four queries at most."""
    entries = list(
        AuditEntry.objects.filter(kind=team._meta.label_lower, object_id=team.pk).order_by("-pk")[
            :SHOWN
        ]
    )
    names = _Names(entries, currency)
    return [
        Happening(
            *_told(entry, names),
            at=entry.at,
            by=names.users.get(entry.by_id, ""),
            changes=[
                Change(FIELDS[field], names.shown(field, before), names.shown(field, after))
                for field, (before, after) in entry.changes.items()
                if field in FIELDS and entry.verb != "team.start"
            ],
        )
        for entry in entries
    ]


def _told(entry: AuditEntry, names: "_Names") -> tuple[str, str]:
    """The icon and the words for what an entry says."""
    before, after = entry.changes.get("customer", (None, None))
    who = {"name": names.customers.get(after or before, _("Somebody"))}
    match entry.verb:
        case "team.start":
            return "plus", _("Created")
        case "team.add":
            if entry.changes.get("is_admin") == [None, True]:
                return "user-plus", _("%(name)s joined as an admin") % who
            return "user-plus", _("%(name)s joined") % who
        case "team.remove":
            return "user-minus", _("%(name)s left") % who
        case "team.set_admin":
            if entry.changes["is_admin"][1]:
                return "shield-check", _("%(name)s became an admin") % who
            return "shield", _("%(name)s is no longer an admin") % who
        case "team.share_credit":
            if entry.changes["shared_credit"][1]:
                return "tickets", _("Booking credit opened to the team")
            return "tickets", _("Booking credit closed to the team")
        case "team.archive":
            return "archive", _("Archived")
        case "team.restore":
            return "archive-restore", _("Brought back")
    return "pencil", _("Changed")


TIMES = {"start": _l("From"), "end": _l("Until")}
OF_BOOKINGS = {
    "booking.make": ("calendar-plus", _l("Booked")),
    "booking.approve": ("badge-check", _l("Approved")),
    "booking.change": ("pencil", _l("Changed")),
    "booking.cancel": ("calendar-x", _l("Cancelled")),
    "booking.restore": ("undo-2", _l("Cancellation withdrawn")),
    "booking.lapse": ("hourglass", _l("Not approved in time")),
    "booking.no_show": ("user-x", _l("Whether they came")),
    "booking.credit_withdrawn": ("tickets", _l("Its booking credit will not come")),
}
_ELSE = ("history", _l("Changed"))


def of_booking(booking: Booking) -> list[Happening]:
    """All that was done to a booking, the newest first."""
    entries = list(
        AuditEntry.objects.filter(kind=booking._meta.label_lower, object_id=booking.pk).order_by(
            "-pk"
        )[:SHOWN]
    )
    users = User.objects.in_bulk({entry.by_id for entry in entries} - {None})
    keys = {key for entry in entries for key in entry.changes.get("resource", ()) if key}
    resources = {key: one.name for key, one in Resource.objects.in_bulk(keys).items()}
    return [
        Happening(
            icon=OF_BOOKINGS.get(entry.verb, _ELSE)[0],
            title=str(OF_BOOKINGS.get(entry.verb, _ELSE)[1]),
            at=entry.at,
            by=str(users[entry.by_id]) if entry.by_id in users else "",
            changes=list(_of_booking(entry, booking, resources)),
        )
        for entry in entries
    ]


def _of_booking(entry: AuditEntry, booking: Booking, resources: dict[int, str]) -> Iterator[Change]:
    if entry.verb == "booking.make":
        return
    for field, (before, after) in entry.changes.items():
        match field:
            case "start" | "end":
                yield Change(TIMES[field], *(_moment(one, booking.zone) for one in (before, after)))
            case "resource":
                yield Change(_("What"), resources.get(before, ""), resources.get(after, ""))
            case "price" | "amount":
                name = _("Price") if field == "price" else _("To pay")
                yield Change(name, *(_sum(one, booking.currency) for one in (before, after)))
            case "fee":
                yield Change(_("Kept"), "", _sum(after, booking.currency))
            case "attendees":
                yield Change(_("People"), str(before), str(after))
            case "state":
                states = dict(Booking.State.choices)
                yield Change(_("State"), *(str(states.get(one, one)) for one in (before, after)))


def _moment(text: str, zone: str) -> str:
    moment = dt.datetime.fromisoformat(text).astimezone(clock.zone(zone))
    return f"{words.day(moment.date())}, {moment:%H:%M}"


def _sum(text: str | None, currency: str) -> str:
    return "" if text is None else money(Decimal(text), currency)


class _Names:
    """What stands behind the keys in some entries."""

    def __init__(self, entries: Iterable[AuditEntry], currency: str):
        self.currency = currency
        keys: dict[str, set[int]] = {"customer": set(), "payer": set(), "default_plan": set()}
        by = set()
        for entry in entries:
            by.add(entry.by_id)
            for field, pair in entry.changes.items():
                if field in keys:
                    keys[field].update(key for key in pair if key)
        customers = Customer.objects.in_bulk(keys["customer"] | keys["payer"])
        self.customers = {key: customer.name for key, customer in customers.items()}
        plans = Plan.objects.in_bulk(keys["default_plan"])
        self.plans = {key: str(plan) for key, plan in plans.items()}
        self.users = {key: str(user) for key, user in User.objects.in_bulk(by - {None}).items()}

    def shown(self, field: str, value: Any) -> str:
        """A stored value as people read it; "" for none."""
        if value is None or value == "":
            return ""
        match field:
            case "payer":
                return self.customers.get(value, "")
            case "default_plan":
                return self.plans.get(value, "")
            case "spending":
                return str(dict(Team.Spending.choices).get(value, value))
            case "spending_limit":
                return money(Decimal(value), self.currency)
            case "discount":
                return percent(Decimal(value))
            case "size_limit":
                return number(value)
        return str(value)
