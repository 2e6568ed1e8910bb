"""Riverside House: the believable space of the demo. The same seed gives the same space."""

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password

from coworking import story_billing, story_bookings
from customers.models import Customer, StaffRole, Team, TimelineEntry, User
from customers.models.timeline import drafted
from kit import audit, bulk, clock, words
from plans.announcements import roll
from plans.models import Contract, Freeze, Plan
from plans.models.terms import SignedTerms
from spaces.models import Location

PASSWORD = "coworking-demo"  # noqa: S105 - printed on the screen, for trying only
SEED = 20
DAY = dt.timedelta(days=1)
# Beyond so many customers nobody invents what they have paid: their past is as if just imported.
MOST_BILLED = 2000
# Days since the first of the crowd came: each month of them is a billing run.
LONGEST_AGO = 400

PEOPLE = [
    ("mona@example.com", "Mona Keller", "owner"),
    ("frida@example.com", "Frida Berg", "front desk"),
    ("anton@example.com", "Anton Weiss", "accountant"),
    ("ada@example.com", "Ada Lovelace", "member"),
    ("lin@example.com", "Lin Chen", "primary contact of Lin & Co, team admin"),
    ("noor@example.com", "Noor Rahman", "contact again"),
    ("viktor@example.com", "Viktor Novak", "suspended"),
]

FIRST = (
    "Amelia Anna Arjun Beatriz Bilal Carla Chidi Clara Daan Dario Diego Elena Elif Emeka Emil "
    "Fatima Felix Freya Giulia Grace Hana Hugo Ines Isaac Ivana Jakub Jin Jonas Julia Kaito Karim "
    "Lena Leo Lucia Maja Marek Mateo Mei Mila Nadia Nils Olga Omid Oskar Paula Priya Rafael Rosa "
    "Samir Sofia Stefan Sven Tariq Teresa Tomas Uma Vera Wanda Yara Yusuf Zoe"
).split()
LAST = (
    "Abara Ahmed Almeida Andersson Bauer Becker Bianchi Brown Cohen Costa Dubois Eriksen Fernandez "
    "Fischer Garcia Gruber Haddad Hansen Horvat Ito Jansen Johansson Kaya Khan Kim Kowalski Kumar "
    "Larsen Lopez Martin Mazur Meyer Moreau Nagy Nguyen Novak Nowak Okafor Oliveira Olsen "
    "Papadopoulos Patel Petrov Popescu Rossi Santos Sato Schmidt Silva Singh Smith Tanaka Taylor "
    "Varga Wagner Walker Weber Wilson Wu Yilmaz Zhang"
).split()
TRADES = (
    "Studio Labs Partners Design Foods Robotics Media Works Consulting Textiles Maps Energy".split()
)
STREETS = "Mill Lane,Quay Street,Station Road,Church Walk,Market Place,Victoria Road".split(",")
FORMS = ("Ltd", "LLP", "& Sons", "Ltd")


def build(*, customers: int, progress: Callable[[int, int, str], None]) -> Location:
    """Make the space with about `customers` customers and a year of contracts behind it."""
    chance = random.Random(SEED)  # noqa: S311 - the same space each time
    house = Location.objects.establish(
        by=None,
        name="Riverside House",
        timezone="Europe/London",
        currency="GBP",
        tax_rate=Decimal("20"),
        legal_name="Riverside House Ltd",
        address="4 Mill Lane",
        city="Bristol",
        postal_code="BS1 6QA",
        country="GB",
        tax_number="GB123456789",
        register_line="Registered in England and Wales no. 01234567",
        contact_email="hello@example.com",
        contact_phone="+44 117 496 0000",
    )
    today = house.today()
    password = make_password(PASSWORD)
    mona = _staff(password)
    plans = _plans(house, mona, today)
    _named(house, plans, mona, password, today)
    crowd = max(0, customers - Customer.objects.count())
    _crowd(crowd, house, plans, mona, today, chance, progress)
    roll(on=today, progress=lambda done, total: progress(done, total, "statuses"))
    _teams(house, mona, chance)
    rooms = story_bookings.furnish(house, plans, mona)
    story_bookings.occupy(mona, today)
    free = [(room, often) for room, often in rooms if often]
    story_bookings.fill(house, free, User.objects.get(email="frida@example.com"), progress)
    Contract.objects.filter(quiet=True).update(quiet=False)
    if customers <= MOST_BILLED:
        anton = User.objects.get(email="anton@example.com")
        story_billing.sell_and_invoice(house, mona, anton, progress)
    audit.record("space.create", house, by=None, changes={"name": [None, house.name]})
    return house


def _login(email: str, name: str, password: str) -> User:
    """Make a login with a password that is hashed already: hashing takes a sixth of a second."""
    user = User.objects.create_user(email, full_name=name)
    user.password = password
    user.save(update_fields=["password"])
    return user


def _staff(password: str) -> User:
    mona, frida, anton = (_login(email, name, password) for email, name, _what in PEOPLE[:3])
    mona.give_role(StaffRole.Role.OWNER, by=None)
    frida.give_role(StaffRole.Role.FRONT_DESK, by=mona)
    anton.give_role(StaffRole.Role.ACCOUNTANT, by=mona)
    return mona


def _plans(house: Location, mona: User, today: dt.date) -> dict[str, Plan]:
    made = {}
    for name, kind, price, terms in [
        (
            "Hot Desk",
            Plan.Kind.HOT_DESK,
            "195",
            {"notice_days": 14, "offered_in_portal": True, "freeze_days_a_year": 30,
             "description": "Any free desk in the open space, on weekdays from 8 to 20.",
             "benefits": "4 hours of meeting rooms a month\nCoffee and tea"},
        ),
        (
            "Dedicated Desk",
            Plan.Kind.DEDICATED_DESK,
            "340",
            {"notice_days": 30, "minimum_cycles": 1, "offered_in_portal": True,
             "deposit": Decimal(340), "subscriber_limit": None,
             "description": "A desk of your own with a locker, day and night."},
        ),
        (
            "Private Office",
            Plan.Kind.PRIVATE_OFFICE,
            "1450",
            {"notice_days": 60, "minimum_cycles": 3, "deposit": Decimal(2900),
             "sign_up_fee": Decimal(150), "fee_due": "in_advance", "self_cancel": False,
             "description": "A room that locks, for four to six people."},
        ),
        (
            "Virtual Office",
            Plan.Kind.VIRTUAL_OFFICE,
            "49",
            {"notice_days": 30, "minimum_cycles": 3, "fee_due": "in_advance",
             "offered_in_portal": True,
             "description": "Our address on your letters; post is scanned the same day."},
        ),
    ]:  # fmt: skip
        fields: dict[str, Any] = {
            "location": house,
            "name": name,
            "kind": kind,
            "billing_day": 1,
            "price": Decimal(price),
            **terms,
        }
        plan = Plan(**fields)
        plan.save()
        made[name] = plan
    made["Hot Desk"].set_price(
        Decimal(210), from_on=dt.date(today.year, 1, 1) if today.month > 2 else today - 60 * DAY,
        by=mona,
    )  # fmt: skip
    return made


def _named(
    house: Location, plans: dict[str, Plan], mona: User, password: str, today: dt.date
) -> None:
    """The people whom tests, pictures and the README know by name."""

    def somebody(name: str, email: str, since: int, *, login: bool = True, **fields) -> Customer:
        return Customer.objects.register(
            by=mona,
            on=today - since * DAY,
            **{
                "type": "individual",
                "full_name": name,
                "email": email,
                "location": house,
                "user": _login(email, name, password) if login else None,
                "city": "Bristol",
                "country": "GB",
                **fields,
            },
        )

    def sign(plan: str, customer: Customer, since: int, **what) -> Contract:
        start = today - since * DAY
        # Quietly: what it costs to sign is charged in the order of time, see story_billing.
        return plans[plan].sign_up(customer, starts_on=start, by=mona, on=start, quiet=True, **what)

    ada = somebody("Ada Lovelace", "ada@example.com", 400, phone="+44 117 496 0001")
    sign("Hot Desk", ada, 390)
    lin = somebody(
        "Lin Chen", "lin@example.com", 300, type="company", company_name="Lin & Co",
        tax_number="GB987654321", phone="+44 117 496 0002",
    )  # fmt: skip
    sign("Private Office", lin, 290)
    omar = somebody("Omar Haddad", "omar@example.com", 280, login=False)
    team = Team.objects.start("Lin & Co", by=mona, payer=lin, size_limit=6)
    team.add(lin, is_admin=True, by=mona, on=today - 280 * DAY)
    team.add(omar, by=mona, on=today - 280 * DAY)
    noor = somebody("Noor Rahman", "noor@example.com", 200)
    ended = sign("Dedicated Desk", noor, 190)
    ended.cancel(last_day=today - 12 * DAY, by=mona, reason="Moves to Leeds", on=today - 45 * DAY)
    viktor = somebody("Viktor Novak", "viktor@example.com", 160)
    sign("Hot Desk", viktor, 150)
    viktor.suspend(by=mona, reason="Three invoices unpaid", on=today - 3 * DAY)


def _crowd(count, house, plans, mona, today, chance, progress) -> None:
    """Everybody else, written in bulk: who they are, what they signed, who froze and who left."""
    names = list(plans)
    chunk = 1000
    for start in range(0, count, chunk):
        people = [
            _somebody(number, house, today, chance)
            for number in range(start, min(start + chunk, count))
        ]
        bulk.insert(people)
        bulk.insert(
            [
                drafted(c, TimelineEntry.Kind.REGISTERED, on=c.registered_on or today, by=mona)
                for c in people
            ]
        )
        contracts = [
            contract
            for customer in people
            for contract in _signed(customer, plans, names, mona, today, chance)
        ]
        bulk.insert(contracts)
        bulk.insert(
            [
                drafted(
                    c.customer, TimelineEntry.Kind.SIGNED, on=c.signed_on, by=mona, cause=c,
                    text=f"{c.plan} from {words.day(c.starts_on)}",
                )
                for c in contracts
            ]
        )  # fmt: skip
        bulk.insert(_frozen(contracts, mona, today, chance))
        progress(min(start + chunk, count), count, "customers")


def _somebody(number: int, house: Location, today: dt.date, chance: random.Random) -> Customer:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    company = chance.random() < 0.22
    name = f"{last} {chance.choice(TRADES)} {chance.choice(FORMS)}" if company else ""
    return Customer(
        type="company" if company else "individual",
        full_name=f"{first} {last}",
        company_name=name,
        email=f"{first}.{last}{number}@example.com".lower(),
        phone=f"+44 117 49{chance.randrange(10**5):05d}",
        address=f"{chance.randrange(1, 120)} {chance.choice(STREETS)}",
        city="Bristol",
        postal_code=f"BS{chance.randrange(1, 17)} {chance.randrange(1, 9)}AB",
        country="GB",
        tax_number=f"GB{chance.randrange(10**8, 10**9)}" if company else "",
        registered_on=today - chance.randrange(3, LONGEST_AGO) * DAY,
        location=house,
    )


def _signed(customer, plans, names, mona, today, chance) -> list[Contract]:
    """Nobody signs at once; three in four sign, one in five of them twice."""
    found: list[Contract] = []
    free_from = customer.registered_on + chance.randrange(0, 20) * DAY
    rounds = chance.choices((0, 1, 2), (25, 60, 15))[0]
    for _round in range(rounds):
        if free_from > today + 40 * DAY:
            break
        plan = plans[chance.choices(names, (50, 25, 9 if customer.is_company else 3, 16))[0]]
        lasts = chance.choices((None, chance.randrange(60, 500)), (62, 38))[0]
        contract = Contract(
            customer=customer,
            plan=plan,
            location=customer.location,
            starts_on=free_from,
            ends_on=None if lasts is None else free_from + lasts * DAY,
            signed_on=min(free_from, today),
            signed_by=mona,
            **{name: getattr(plan, name) for name in SignedTerms.term_names()},
        )
        found.append(contract)
        if lasts is None:
            break
        free_from = free_from + (lasts + chance.choice((1, 1, 30, 90))) * DAY
    return found


def _frozen(contracts, mona, today, chance) -> list[Freeze]:
    """One running contract in twenty-five has been or will be frozen for a while."""
    freezes = []
    for contract in contracts:
        if contract.ends_on is None and contract.starts_on < today and chance.random() < 0.04:
            start = max(contract.starts_on, today - chance.randrange(-30, 60) * DAY)
            until = start + chance.randrange(6, 40) * DAY
            freezes.append(
                Freeze(contract=contract, from_on=start, until=until, frozen_by=mona,
                       frozen_at=clock.now())
            )  # fmt: skip
    return freezes


def _teams(house: Location, mona: User, chance: random.Random) -> None:
    """A few teams of people who work together."""
    people = list(Customer.objects.filter(location=house).order_by("pk")[5:60])
    for name, size in [("Harbour Collective", 5), ("Night Owls", 4), ("Bristol Makers", 6)]:
        if len(people) < 20:
            return
        team = Team.objects.start(name, by=mona)
        for customer in chance.sample(people, size):
            team.add(customer, by=mona)
