"""The story with at least one row in every guarded table, for tests that attack those rows."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

from django.apps import apps

from billing.charging import charge_other, take_back
from billing.models import Document, Product
from billing.models.issuing import invoice_now
from bookings.models import PlanCredit, ResourceType
from kit import audit, guards
from tests import story

MODELS = {model._meta.db_table: model for model in apps.get_models()}
GUARDED = sorted({guard.table for guard in guards._guards.values()})


def world() -> SimpleNamespace:
    """Write the story and what the guards are to keep; returns everybody."""
    w = story.world()
    w.ada_contract.freeze(
        from_on=story.TODAY + dt.timedelta(5), until=story.TODAY + dt.timedelta(9), by=w.mona
    )
    rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
    rooms.add_rate(per="hour", price=60, by=None)
    PlanCredit.objects.give(w.hot_desk, hours=4, types=[rooms], by=w.mona)
    ten: Any = {"start": story.moment("2026-11-23 10:00"), "end": story.moment("2026-11-23 11:00")}
    story.room(w.house, rooms).book(customer=w.ada, **ten, by=w.mona)
    story.room(w.house, rooms, "Desk 1").assign(contract=w.lin_contract, by=w.mona)
    _invoices(w)
    audit.seal()
    lacking = [table for table in GUARDED if not MODELS[table]._base_manager.exists()]
    assert not lacking, f"the story has no row for {lacking}"
    return w


def _invoices(w: SimpleNamespace) -> None:
    """Invoices that were paid too much, in part, credited and written off, and what they are of;
    a claim that is open, and one that was cancelled."""
    locker = Product.objects.offer(
        name="Locker", price=9, location=w.house, recurring=True, by=None
    )
    locker.subscribe(w.ada, starts_on=story.day("2026-09-01"), by=w.mona)
    invoices = []
    for text in ("Key", "Lamp"):
        charge_other(w.ada, w.house, text=text, amount=100, by=None)
        invoices.append(invoice_now(w.ada, w.house, by=w.mona))
    paid, lost = invoices
    paid.record_payment(amount=500, by=w.mona, reference="Transfer")
    paid.credit(reason="Mistake", by=w.mona)
    take_back(charge_other(w.ada, w.house, text="Void", amount=1, by=w.mona), reason="x", by=w.mona)
    charge_other(w.noor, w.house, text="Fine", amount=100, by=w.mona)
    invoice_now(w.noor, w.house, by=w.mona).write_off(reason="Gone", by=w.mona)
    w.noor.claim(text="Opening balance", amount=40, by=w.mona)
    w.noor.claim(text="Twice", amount=40, by=w.mona).cancel(reason="Entered twice", by=w.mona)
    Document.objects.create(invoice=lost, pdf=b"%PDF", sha256="0" * 64, made_with="by hand")
