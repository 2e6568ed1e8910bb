import datetime as dt
from decimal import Decimal
from decimal import Decimal as D
from fractions import Fraction
import pytest
from django.db import transaction
from billing.charging import charge_other, take_back
from billing.accounts import balance_of, standings
from billing.deposits import give_back, return_due, held, due
from billing.models import *
from billing.models import Charge, BilledCycle, Invoice, CreditNote, Account, Product, Payment
from billing.models.issuing import invoice_now
from billing.models.paying import receive, refund
from billing.runs import run_billing
from billing import debts, foresight, previews
from customers.models import Team, Customer
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, fees, invoiced, is_sound
from tests.story import day, moment


@pytest.fixture
def house(db):
    return story.house(tax_rate=0)


def signed(at, house, on: str, price="300", **terms):
    at(on)
    starts_on = terms.pop("starts_on", day(on))
    how = {name: terms.pop(name) for name in ("discount", "quantity", "bill_missed", "ends_on", "on_behalf_of")
           if name in terms}
    plan = story.plan(house, terms.pop("name", "Hot Desk"), price=price, **{"billing_day": 1, **terms})
    ada = story.person(house, "Ada Lovelace")
    return plan.sign_up(ada, starts_on=starts_on, by=None, **how)


def rooms_of(house, **kw):
    from bookings.models import ResourceType
    rooms = ResourceType.objects.make(name=f"Meeting rooms {house.pk}", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    return story.room(house, rooms, f"Kestrel {house.pk}", capacity=6, **{"free_cancellation_hours": 24, "late_fee": D(50), **kw})


def book(room, customer, start, hours=2, by=None, **how):
    s = moment(start)
    return room.book(customer=customer, start=s, end=s + dt.timedelta(hours=hours), by=by, **how)


def total(customer):
    return sum((c.total for c in customer.charges.standing()), D(0))

from tests.billing import program

class More(program.Life):
    def change_back(self):
        to = self.chance.choice(self.plans)
        self.contract().change_plan(to=to, starts_on=self.day - dt.timedelta(self.chance.randint(0, 40)), by=None)
    def credit_part(self):
        from billing.models import InvoiceLine
        pass
    def swap(self):
        b = self.booking(); b.reschedule(start=b.start + dt.timedelta(hours=self.chance.randint(-2, 2)), by=None)
    def shorter(self):
        b = self.booking(); b.reschedule(start=b.start, end=b.end - dt.timedelta(minutes=15 * self.chance.randint(1, 4)), by=None)
    def shown(self): self.booking().no_show(by=None)
    def exempt(self):
        p = self.one(); p.edit({"tax_exempt": not p.tax_exempt, "tax_exempt_reason": "x"}, by=None)
    def rest(self): pass
    DEEDS = program.Life.DEEDS + ["change_back"] * 2 + ["swap", "shorter", "shown"]

def test_look(db, monkeypatch):
    from plans.models import Contract
    from kit.models import AuditEntry
    monkeypatch.setattr(program, "Life", More)
    program.lived(713, lambda n: n % 11 == 3, days=15)
    p = Customer.objects.get(full_name="Person 0")
    for c in Contract.objects.filter(customer=p) | Contract.objects.filter(on_behalf_of__payer=p):
        print(c.pk, c.customer, c.plan, c.starts_on, c.ends_on, c.signed_on, c.fee_due, c.cycle_unit, c.cycle_length, c.billing_day, c.on_behalf_of, c.is_called_off, [(str(b.starts_on), str(b.due_on), b.kind, b.reason) for b in c.billed_cycles.all()], [f.days for f in c.freezes.all()], c.bill_missed)
    for x in Charge.objects.filter(customer=p): print(x.kind, x.text, x.on, x.ripe_on, x.price, x.state, x.at)
    print(invoiced(p))
    for e in AuditEntry.objects.order_by("pk"): print(e.at, e.verb, e.subject_kind if hasattr(e,'subject_kind') else '', getattr(e,'subject_id',''), e.changes)
