"""The one small world of the tests, the demo and the pictures.

Mona runs the house, Frida sits at the front desk, Anton keeps the books. Ada is a member with
a hot desk. Lin & Co is a company with Lin and Omar in its team. Noor's contract ended: she is
a contact again. Viktor is suspended.
"""

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from billing.charging import charge_other
from billing.models import Product
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from bookings.models import CheckIn, PlanCredit, Resource, ResourceType
from customers.models import Customer, Team, User
from plans.models import Plan
from spaces.models import Location

TODAY = dt.date(2026, 11, 20)
PASSWORD = "coworking-demo"
# As much of a PNG as anybody looks at: its first bytes.
PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def house(**fields) -> Location:
    return Location.objects.create(
        **{
            "name": "Riverside House",
            "timezone": "Europe/London",
            "currency": "EUR",
            "tax_rate": Decimal("20"),
            **fields,
        }
    )


def login(email: str, *roles: str, name: str = "") -> User:
    user = User.objects.create_user(email, PASSWORD, full_name=name)
    for role in roles:
        user.give_role(role, by=None)
    return user


def plan(location: Location | None, name: str = "Hot Desk", price="250", **fields) -> Plan:
    made = Plan(**{"location": location, "name": name, "price": Decimal(price), **fields})
    made.save()
    return made


_numbers = iter(range(1, 10**9))


def person(location: Location, name: str = "", **fields) -> Customer:
    """An individual; give a name where it matters."""
    number = next(_numbers)
    name = name or f"Person {number}"
    return Customer.objects.register(
        by=None,
        **{
            "type": "individual",
            "full_name": name,
            "email": f"{name.split()[0].lower()}.{number}@example.com",
            "location": location,
            **fields,
        },
    )


def company(location: Location, name: str = "Acme Ltd", contact: str = "Cleo Contact", **fields):
    return person(location, contact, type="company", company_name=name, **fields)


def room(location: Location, type: ResourceType, name: str = "Kestrel", **fields) -> Resource:
    return Resource.objects.make(location=location, type=type, name=name, by=None, **fields)


def bookable(w: SimpleNamespace) -> SimpleNamespace:
    """A room with all that can be said of it, for tests that walk pages: put into the world."""
    w.rooms = ResourceType.objects.make(name="Meeting rooms", by=w.mona)
    w.rate = w.rooms.add_rate(per="hour", price=60, by=w.mona)
    w.kestrel = room(w.house, w.rooms, "Kestrel", capacity=6)
    w.kestrel.show_picture(PICTURE, by=w.mona)
    w.closure = w.kestrel.close(first_on=TODAY + dt.timedelta(30), by=w.mona)
    w.credit = PlanCredit.objects.give(w.hot_desk, types=[w.rooms], hours=5, by=w.mona)
    w.desk = room(w.house, w.rooms, "Desk 1")
    w.assignment = w.desk.assign(contract=w.ada_contract, first_on=TODAY, by=w.mona)
    w.booking = w.kestrel.book(
        customer=w.ada, start=moment(f"{TODAY} 14:00"), end=moment(f"{TODAY} 16:00"), by=w.mona
    )
    w.check_in = CheckIn.objects.arrive(w.ada, by=w.frida)
    return w


def billed(w: SimpleNamespace) -> SimpleNamespace:
    """An invoice with a payment and a credit note, a claim, a draft and a billing run, for tests
    that walk pages: put into the world."""
    w.charge = charge_other(w.ada, w.house, text="Printing", amount=100, by=w.anton)
    w.invoice = invoice_now(w.ada, w.house, by=w.anton)
    w.payment = w.invoice.record_payment(amount=50, by=w.anton)
    line = w.invoice.lines.get(charge=w.charge)
    w.credit_note = w.invoice.credit({line: 10}, reason="Too much", by=w.anton)
    w.claim = w.ada.claim(text="Opening balance", amount=40, by=w.anton)
    w.run = run_billing(by=w.anton).run
    charge_other(w.noor, w.house, text="A key", amount=15, by=w.anton)
    w.draft = invoice_now(w.noor, w.house, by=w.anton, issue=False)
    return w


def sellable(w: SimpleNamespace) -> SimpleNamespace:
    """Something sold by piece, something sold by period, and Ada has both: put into the world."""
    w.coffee = Product.objects.offer(name="Coffee", price=2, location=w.house, by=w.mona)
    w.locker = Product.objects.offer(
        name="Locker", price=30, location=w.house, recurring=True, by=w.mona
    )
    w.sale = w.coffee.sell(w.ada, 3, by=w.mona)
    w.locker_of_ada = w.locker.subscribe(w.ada, starts_on=TODAY, by=w.mona)
    return w


def moment(text: str, zone: str = "Europe/London") -> dt.datetime:
    """A time on a wall: `moment("2026-11-23 10:00")`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def world(on: dt.date = TODAY) -> SimpleNamespace:
    """Everybody, as of `on`: for tests whose clock stands at that day."""
    w = SimpleNamespace()
    w.house = house()
    w.mona = login("mona@example.com", "owner", name="Mona Keller")
    w.frida = login("frida@example.com", "front_desk", name="Frida Berg")
    w.anton = login("anton@example.com", "accountant", name="Anton Weiss")
    w.manager = login("mara@example.com", "manager", name="Mara Sand")

    w.hot_desk = plan(
        w.house, "Hot Desk", "250", kind="hot_desk", billing_day=1, notice_days=30,
        offered_in_portal=True, freeze_days_a_year=30,
    )  # fmt: skip
    w.office = plan(
        w.house, "Private Office", "900", kind="private_office", billing_day=1, minimum_cycles=3,
        notice_days=30,
    )  # fmt: skip

    w.ada = person(w.house, "Ada Lovelace", email="ada@example.com", user=login("ada@example.com"))
    w.ada_contract = w.hot_desk.sign_up(w.ada, starts_on=on - dt.timedelta(60), by=w.mona, on=on)

    w.lin = company(
        w.house, "Lin & Co", "Lin Chen", email="lin@example.com", user=login("lin@example.com")
    )
    w.lin_contract = w.office.sign_up(w.lin, starts_on=on - dt.timedelta(200), by=w.mona, on=on)
    w.omar = person(w.house, "Omar Haddad", email="omar@example.com")
    w.team = Team.objects.start("Lin & Co", by=w.mona, payer=w.lin)
    w.team.add(w.lin, is_admin=True, by=w.mona)
    w.team.add(w.omar, by=w.mona)

    w.noor = person(
        w.house, "Noor Rahman", email="noor@example.com", user=login("noor@example.com")
    )
    w.noor_contract = w.hot_desk.sign_up(
        w.noor, starts_on=on - dt.timedelta(90), ends_on=on - dt.timedelta(10), by=w.mona, on=on
    )
    w.viktor = person(
        w.house, "Viktor Novak", email="viktor@example.com", user=login("viktor@example.com")
    )
    w.viktor_contract = w.hot_desk.sign_up(
        w.viktor, starts_on=on - dt.timedelta(30), by=w.mona, on=on
    )
    w.viktor.suspend(by=w.mona, reason="Three invoices unpaid", on=on)
    return w
