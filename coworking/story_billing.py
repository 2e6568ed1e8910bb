"""What Riverside House has sold and invoiced, and what was paid: the same seed, the same space."""

import datetime as dt
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.db.models import prefetch_related_objects

from billing import charging, debts, deposits, settling, taxing
from billing.models import (
    Allocation,
    BillingRun,
    Charge,
    Delivery,
    Invoice,
    Payment,
    Product,
)
from billing.receivers import _text
from billing.runs import run_billing
from bookings.models import Booking
from customers.models import Customer, User
from kit import bulk, clock
from plans.models import Contract
from spaces.models import Location

SEED = 5
DAY = dt.timedelta(days=1)
# Name, price, in stock, recurring, in the shop, how often sold on a day.
PRODUCTS: list[tuple[str, str, int | None, bool, bool, float]] = [
    ("Day pass", "22", None, False, True, 0.5),
    ("Coffee", "2.80", None, False, True, 1.6),
    ("Printing, 50 pages", "5", None, False, True, 0.3),
    ("Notebook", "9.50", 34, False, True, 0.1),
    ("Locker", "15", 24, True, True, 0),
    ("Parking place", "80", 6, True, False, 0),
]
WORDS = {
    "Day pass": "One day at any free desk, coffee included.",
    "Coffee": "A cup from the bar, as you like it.",
    "Printing, 50 pages": "Black and white, on recycled paper.",
    "Notebook": "Ruled, with the house on its cover.",
    "Locker": "Your own locker in the corridor, paid by the month.",
    "Parking place": "In the yard behind the house.",
}
# Of those who pay at all: how many days after the invoice.
PAID_AFTER = (2, 4, 6, 8, 9, 11, 13, 14, 14, 15, 19, 24)

Progress = Callable[[int, int, str], None]


def sell_and_invoice(house: Location, mona: User, anton: User, progress: Progress) -> None:
    """A past in which everything was charged, invoiced month by month, and mostly paid."""
    chance = random.Random(SEED)  # noqa: S311 - the same space each time
    today = house.today()
    house.edit(
        {
            "iban": "GB33 BUKB 2020 1555 5555 55", "bank_name": "Harbour Bank", "bic": "BUKBGB22",
            "payment_text": "Please give the number of the invoice. Thank you!",
        },
        by=mona,
    )  # fmt: skip
    products = _stock(house, mona)
    _charge_bookings(house, mona)
    _sell(house, products, mona, today, chance)
    _bill(house, anton, today, chance, progress)
    _make_mistakes(house, anton, chance)
    deposits.return_due(on=today)
    debts.remind(on=today)
    Delivery.objects.update(written_at=clock.now())


def _stock(house: Location, mona: User) -> dict[str, Product]:
    return {
        name: Product.objects.offer(
            name=name, price=Decimal(price), stock=stock, recurring=recurring, location=house,
            offered_in_portal=in_shop, description=WORDS[name], by=mona,
        )
        for name, price, stock, recurring, in_shop, _often in PRODUCTS
    }  # fmt: skip


def _charge_bookings(house: Location, mona: User) -> None:
    """Every booking that stands and costs something is on somebody's account."""
    found = Booking.objects.filter(state__in=["confirmed", "no_show"], amount__gt=0)
    found = found.select_related("customer__location", "resource__location", "resource__type",
                                 "on_behalf_of__payer")  # fmt: skip
    found = found.prefetch_related("resource__type__tax_rates", "customer__exemptions",
                                   "on_behalf_of__payer__exemptions")  # fmt: skip
    prefetch_related_objects([house], "tax_rates", "small_business_periods")
    bulk.insert(
        [
            charging.drafted(
                one.payer, house, kind=Charge.Kind.BOOKING, text=_text(one), on=one.on,
                explanation={"kind": "booking", "name": one.resource.type.name,
                             "booking": one.explanation},
                item=one.resource.type, tax_on=taxing.booking_day(one), used_by=one.customer,
                on_behalf_of=one.on_behalf_of, booking=one, by=mona,
            )
            for one in found.order_by("pk")
        ]
    )  # fmt: skip


def _sell(house, products: dict[str, Product], mona: User, today: dt.date, chance) -> None:
    people = list(Customer.objects.filter(suspensions=None).order_by("pk")[:90])
    charges = []
    for number in range(360, 0, -1):
        on = today - number * DAY
        if on.weekday() == 6:
            continue
        for name, _price, _stock, recurring, _in_shop, often in PRODUCTS:
            if recurring or chance.random() > often % 1 + int(often):
                continue
            customer, quantity = chance.choice(people), chance.choice((1, 1, 1, 2))
            if customer.registered_on is not None and customer.registered_on > on:
                continue
            product = products[name]
            charges.append(
                charging.drafted(
                    customer, house, kind=Charge.Kind.SALE, on=on, product=product, by=mona,
                    text=name if quantity == 1 else f"{quantity} × {name}", quantity=quantity,
                    explanation={"kind": "sale", "name": name, "piece": f"{product.price:f}",
                                 "quantity": quantity, "discount": "0", "team": ""},
                )
            )  # fmt: skip
    bulk.insert(charges)
    members = [one for one in people if one.status_on(today) == "member"]
    for name, count in (("Locker", 9), ("Parking place", 3)):
        for customer in members[4 : 4 + count]:
            start = today - chance.randrange(5, 60) * DAY
            products[name].subscribe(customer, starts_on=start, by=mona, on=start)


def _bill(house, anton: User, today: dt.date, chance, progress: Progress) -> None:
    """Month by month: what was signed meanwhile pays its deposit, then the run, then payments."""
    first = min([today, *Contract.objects.values_list("starts_on", flat=True)])
    runs_on = [*_firsts(first, today), today]
    signed = list(
        Contract.objects.exclude(deposit=0, sign_up_fee=0)
        .select_related("customer__location", "location", "plan", "on_behalf_of")
        .order_by("signed_on", "pk")
    )
    for number, on in enumerate(runs_on, start=1):
        while signed and signed[0].signed_on <= on:
            contract = signed.pop(0)
            settling.charge_signing(contract, instead_of=None, by=anton, on=contract.signed_on)
        report = run_billing(on=on, by=anton, locations=[house])
        moment = clock.at_wall(on, dt.time(6), house.timezone)
        BillingRun.objects.filter(pk=report.run.pk if report.run else 0).update(
            started_at=moment, finished_at=moment + dt.timedelta(seconds=4)
        )
        progress(number, len(runs_on), "months")
    _pay(house, anton, today, chance)


def _firsts(first: dt.date, until: dt.date) -> Iterable[dt.date]:
    day = first.replace(day=1)
    while day < until:
        if day >= first:
            yield day
        day = (day + 32 * DAY).replace(day=1)


def _pay(house: Location, anton: User, today: dt.date, chance: random.Random) -> None:
    """Most pay in time, some late, a few only a part or not yet; Viktor not for three months."""
    payments, allocations, settled = [], [], []
    unpaid = Invoice.objects.filter(location=house).unpaid().select_related("customer")
    for invoice in unpaid.order_by("pk"):
        issued = invoice.issued_on or today
        on = issued + chance.choice(PAID_AFTER) * DAY
        owes = invoice.customer.full_name == "Viktor Novak" and issued > today - 100 * DAY
        if on > today or owes or chance.random() < 0.015:
            continue
        amount = invoice.due
        if chance.random() < 0.01:
            amount = (amount / 2).quantize(Decimal("0.01"))
        payment = Payment(
            customer=invoice.customer, location=house, invoice=invoice, by=anton, on=on,
            kind=Payment.Kind.PAYMENT, amount=amount,
            method=chance.choice(("transfer", "transfer", "transfer", "card", "cash")),
        )  # fmt: skip
        payments.append(payment)
        invoice.settled += amount
        settled.append(invoice)
    for payment, key in zip(payments, bulk.reserve_keys(Payment, len(payments)), strict=True):
        payment.pk = key
        allocations.append(
            Allocation(invoice=payment.invoice, kind="payment", value=payment.amount, on=payment.on,
                       payment=payment, by=anton)
        )  # fmt: skip
    bulk.insert(payments)
    bulk.insert(allocations)
    Invoice.objects.bulk_update(settled, ["settled"], batch_size=100)


def _make_mistakes(house: Location, anton: User, chance: random.Random) -> None:
    """A few things went wrong, and were put right by rows."""
    issued = Invoice.objects.filter(location=house).issued().filter(total__gt=50)
    paid: Any = issued.filter(settled__gt=0).order_by("-pk")[40]
    paid.credit([paid.lines.first()], reason="Charged twice by mistake", by=anton)
    late: Any = issued.unpaid().order_by("pk").first()
    if late is not None:
        late.write_off(reason="Moved away without an address", by=anton)
    wrong: Any = Payment.objects.filter(location=house, kind="payment").order_by("-pk")[12]
    wrong.reverse(reason="Booked to the wrong customer", by=anton)
    recent: Any = issued.unpaid().order_by("-pk").first()
    recent.record_payment(amount=recent.due + 25, by=anton, reference="Rounded up")
    charging.charge_other(
        chance.choice(list(Customer.objects.filter(suspensions=None).order_by("pk")[:20])), house,
        text="Second key", amount=Decimal(18), by=anton,
    )  # fmt: skip
