"""Quantity, unit and unit price of lines, and the buyer's purchase orders: on the page, in the PDF
and in the XML."""

from decimal import Decimal

import pytest

from billing import documents, einvoice
from billing.charging import charge_other
from billing.measures import measure_of, purchase_orders
from billing.models import Invoice, Product
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from tests import story
from tests.billing.test_documents import drawn
from tests.billing.test_einvoice import change, faults, values
from tests.panel.test_customers import words
from tests.story import day, moment

D = Decimal


@pytest.fixture(autouse=True)
def _with_what_an_e_invoice_asks_for(w):
    change(w.house, country="GB", city="London", tax_number="GB123456789")
    for customer in (w.ada, w.lin, w.noor):
        change(customer, country="GB", city="London")


@pytest.fixture
def story_of_rooms(w):
    return story.bookable(w)


def measured(invoice: Invoice) -> list[tuple[str, str, D]]:
    """The text, the quantity with its unit, and the unit price of each line."""
    lines = invoice.lines.select_related("charge")
    told = [measure_of(line, line.net, invoice.currency) for line in lines]
    for line, one in zip(lines, told, strict=True):
        assert one.quantity * one.price == line.net
    return [(one.text, one.amount, one.price) for one in told]


def quantities(record) -> list[tuple[str | None, str | None, str | None]]:
    """Quantity, unit code and unit price of each line in the XML, which keeps the rules."""
    from lxml import etree

    xml = einvoice.xml_of(record).text
    assert faults(xml) == []
    found = list(etree.fromstring(xml.encode()).iter("{*}BilledQuantity"))
    prices = values(xml, "NetPriceProductTradePrice/ChargeAmount")
    return [
        (one.text, one.get("unitCode"), price) for one, price in zip(found, prices, strict=True)
    ]


def billed(customer, at, on: str) -> Invoice:
    at(on)
    run_billing(on=day(on))
    return customer.invoices.order_by("-pk").first()


class TestQuantities:
    def test_a_full_cycle_is_a_month_at_the_fee(self, w, at):
        invoice = billed(w.lin, at, "2026-12-01")
        [line] = measured(invoice)
        assert line == ("Private Office, 1 Nov to 30 Nov 2026", "1 month", D(900))
        assert quantities(invoice) == [("1", "MON", "900.00")]
        assert "1 month €900.00 20 % €900.00" in drawn(invoice)

    def test_a_cycle_of_three_months_is_three_months(self, w, at):
        plan = story.plan(w.house, "Studio", "900", cycle_length=3, fee_due="in_advance")
        plan.sign_up(w.noor, starts_on=day("2026-11-20"), by=w.mona)
        run_billing(by=w.anton)
        invoice = w.noor.invoices.get()
        assert measured(invoice)[-1][1:] == ("3 months", D(300))
        assert ("3", "MON", "300.00") in quantities(invoice)

    def test_a_fee_that_three_months_do_not_divide_is_one_piece(self, w, at):
        plan = story.plan(w.house, "Studio", "1000", cycle_length=3, fee_due="in_advance")
        plan.sign_up(w.noor, starts_on=day("2026-11-20"), by=w.mona)
        run_billing(by=w.anton)
        assert measured(w.noor.invoices.get())[-1][1:] == ("1", D(1000))

    def test_a_part_of_a_cycle_is_one_piece(self, w, at):
        w.hot_desk.sign_up(w.noor, starts_on=day("2026-11-20"), by=w.mona)
        invoice = billed(w.noor, at, "2026-12-01")
        assert measured(invoice)[-1][1:] == ("1", D("91.67"))
        assert ("1", "C62", "91.67") in quantities(invoice)

    def test_several_desks_are_pieces(self, w, at):
        plan = story.plan(w.house, "Desk", "250", fee_due="in_advance")
        plan.sign_up(w.noor, starts_on=day("2026-11-20"), quantity=3, by=w.mona)
        run_billing(by=w.anton)
        assert measured(w.noor.invoices.get())[-1][1:] == ("3", D(250))

    def test_a_locker_by_the_week_is_a_week(self, w):
        locker = Product.objects.offer(
            name="Locker", price=7, location=w.house, recurring=True, by=w.mona
        )
        locker.subscribe(
            w.noor, starts_on=story.TODAY, every=(1, "week"), fee_due="in_advance", by=w.mona
        )
        run_billing(by=w.anton)
        invoice = w.noor.invoices.get()
        assert measured(invoice)[-1][1:] == ("1 week", D(7))
        assert ("1", "WEE", "7.00") in quantities(invoice)

    @pytest.mark.parametrize(
        ("end", "amount", "code"), [("16:00", "2 hours", "2"), ("15:30", "1.5 hours", "1.5"),
                                    ("15:00", "1 hour", "1"), ("14:45", "0.75 hours", "0.75")],
    )  # fmt: skip
    def test_a_room_by_the_hour_is_hours(self, w, story_of_rooms, end, amount, code):
        w.kestrel.book(
            customer=w.noor, start=moment("2026-11-19 14:00"), end=moment(f"2026-11-19 {end}"),
            by=w.mona,
        )  # fmt: skip
        invoice = invoice_now(w.noor, w.house, by=w.anton)
        assert measured(invoice)[-1][1:] == (amount, D(60))
        assert quantities(invoice)[-1] == (code, "HUR", "60.00")

    def test_a_room_in_part_by_booking_credit_is_one_piece(self, w, story_of_rooms):
        w.kestrel.book(
            customer=w.ada, start=moment("2026-11-23 08:00"), end=moment("2026-11-23 14:00"),
            by=w.mona,
        )  # fmt: skip
        invoice = invoice_now(w.ada, w.house, by=w.anton)
        assert {line[1] for line in measured(invoice)} == {"1"}

    def test_pieces_of_a_product_have_its_price(self, w):
        story.sellable(w)
        w.coffee.sell(w.noor, 4, by=w.mona)
        invoice = invoice_now(w.noor, w.house, by=w.anton)
        assert measured(invoice) == [("Coffee", "4", D(2))]
        assert quantities(invoice) == [("4", "C62", "2.00")]
        text = drawn(invoice)
        assert "Coffee 20 Nov 2026 4 €2.00 20 % €8.00" in text
        assert "4 ×" not in text

    def test_where_quantity_times_price_is_not_the_net_it_is_one_piece(self, w):
        change(w.house, prices_include_tax=True)
        pen = Product.objects.offer(name="Pen", price=1, location=w.house, by=w.mona)
        pen.sell(w.noor, 7, by=w.mona)
        invoice = invoice_now(w.noor, w.house, by=w.anton)
        assert measured(invoice) == [("7 × Pen", "1", D("5.83"))]
        assert quantities(invoice) == [("1", "C62", "5.83")]
        assert "7 × Pen 7 at €1.00 20 Nov 2026 1 €5.83 20 % €5.83" in drawn(invoice)

    def test_a_line_credited_whole_has_its_quantity_and_a_part_is_one_piece(self, w):
        story.sellable(w)
        w.coffee.sell(w.noor, 4, by=w.mona)
        w.coffee.sell(w.noor, 5, by=w.mona)
        invoice = invoice_now(w.noor, w.house, by=w.anton)
        four, five = invoice.lines.all()
        note = invoice.credit({four: D(8), five: D(4)}, reason="Cold", by=w.anton)
        assert quantities(note) == [("4", "C62", "2.00"), ("1", "C62", "4.00")]

    def test_quantity_and_unit_price_are_on_every_page(self, w, client, at):
        story.sellable(w)
        w.coffee.sell(w.ada, 4, by=w.mona)
        invoice = billed(w.ada, at, "2026-12-01")
        note = invoice.credit(reason="A gift", by=w.anton)
        for who, pages in (
            (w.anton, (f"/panel/invoices/{invoice.pk}/", f"/panel/credit-notes/{note.pk}/")),
            (w.ada.user, (f"/portal/invoices/{invoice.pk}/",
                          f"/portal/credit-notes/{note.pk}/")),
        ):  # fmt: skip
            client.force_login(who)
            for page in pages:
                text = words(client.get(page))
                assert "1 month × €250.00" in text
                assert "Coffee 4 × €2.00" in text


class TestPurchaseOrders:
    def test_the_contracts_order_is_on_the_invoice(self, w, at, client):
        w.office.sign_up(
            w.noor, starts_on=day("2026-11-01"), purchase_order="PO 4711", bill_missed=True,
            by=w.mona,
        )  # fmt: skip
        charge_other(w.noor, w.house, text="Printing", amount=10, by=w.anton)
        invoice = billed(w.noor, at, "2026-12-01")
        assert purchase_orders(invoice.lines.all()) == ["PO 4711"]
        xml = einvoice.xml_of(invoice).text
        assert faults(xml) == []
        assert values(xml, "BuyerOrderReferencedDocument/IssuerAssignedID") == ["PO 4711"]
        assert values(xml, "BuyerOrderReferencedDocument/LineID") == []
        assert "Purchase order PO 4711" in drawn(invoice)
        assert drawn(invoice).count("PO 4711") == 1
        client.force_login(w.anton)
        text = words(client.get(f"/panel/invoices/{invoice.pk}/"))
        assert text.count("Purchase order PO 4711") == 1
        client.force_login(w.noor.user)
        assert "Purchase order PO 4711" in words(client.get(f"/portal/invoices/{invoice.pk}/"))

    def test_several_orders_stand_with_their_lines(self, w, at, client):
        w.office.sign_up(
            w.noor, starts_on=day("2026-11-01"), purchase_order="PO-7", bill_missed=True, by=w.mona
        )
        w.hot_desk.sign_up(
            w.noor, starts_on=day("2026-11-01"), purchase_order="PO-8", bill_missed=True, by=w.mona
        )
        charge_other(w.noor, w.house, text="Printing", amount=10, by=w.anton)
        invoice = billed(w.noor, at, "2026-12-01")
        xml = einvoice.xml_of(invoice).text
        assert faults(xml) == []
        assert values(xml, "BuyerOrderReferencedDocument/IssuerAssignedID") == []
        assert sorted(values(xml, "BuyerOrderReferencedDocument/LineID")) == ["PO-7", "PO-8"]
        notes = values(xml, "AssociatedDocumentLineDocument/IncludedNote/Content")
        assert sorted(notes) == ["Purchase order PO-7", "Purchase order PO-8"]
        for text in (drawn(invoice), _page(client, w.anton, f"/panel/invoices/{invoice.pk}/"),
                     _page(client, w.noor.user, f"/portal/invoices/{invoice.pk}/")):  # fmt: skip
            assert text.count("Purchase order PO-7") == 1
            assert text.count("Purchase order PO-8") == 1

    def test_without_one_nothing_is_said(self, w, at):
        invoice = billed(w.ada, at, "2026-12-01")
        assert "Purchase order" not in drawn(invoice)
        assert "BuyerOrderReferencedDocument" not in einvoice.xml_of(invoice).text

    def test_sign_up_fee_and_deposit_are_for_the_contracts_order(self, w):
        plan = story.plan(w.house, "Studio", "900", sign_up_fee=D(50), deposit=D(200))
        plan.sign_up(w.noor, starts_on=story.TODAY, purchase_order="PO-9", by=w.mona)
        lines = [line for invoice in w.noor.invoices.all() for line in invoice.lines.all()]
        assert [line.purchase_order for line in lines] == ["PO-9", "PO-9"]

    def test_an_issued_line_keeps_its_order(self, w, at):
        w.office.sign_up(
            w.noor, starts_on=day("2026-11-01"), purchase_order="PO-7", bill_missed=True, by=w.mona
        )
        invoice = billed(w.noor, at, "2026-12-01")
        before = documents.draw(invoice)
        w.noor.contracts.update(purchase_order="PO-8")
        assert documents.draw(Invoice.objects.get(pk=invoice.pk)) == before
        note = invoice.credit(reason="Twice", by=w.anton)
        xml = einvoice.xml_of(note).text
        assert values(xml, "BuyerOrderReferencedDocument/IssuerAssignedID") == ["PO-7"]

    def test_the_database_refuses_another_order_on_an_issued_line(self, w, at):
        from django.db import DatabaseError, transaction

        invoice = billed(w.ada, at, "2026-12-01")
        with pytest.raises(DatabaseError), transaction.atomic():
            invoice.lines.update(purchase_order="PO-1")


def _page(client, who, address: str) -> str:
    client.force_login(who)
    return words(client.get(address))


def test_a_credit_note_names_its_invoice_by_number_and_day(w, at, client):
    invoice = billed(w.ada, at, "2026-12-01")
    at("2026-12-03")
    note = invoice.credit(reason="Twice", by=w.anton)
    named = f"Corrects Invoice {invoice.number} of 1 Dec 2026"
    assert named in drawn(note)
    for who, side in ((w.anton, "panel"), (w.ada.user, "portal")):
        client.force_login(who)
        assert named in words(client.get(f"/{side}/credit-notes/{note.pk}/"))
    xml = einvoice.xml_of(note).text
    assert faults(xml) == []
    assert values(xml, "InvoiceReferencedDocument/IssuerAssignedID") == [invoice.number]
    assert "InvoiceReferencedDocument" in xml
    from lxml import etree

    [reference] = etree.fromstring(xml.encode()).iter("{*}InvoiceReferencedDocument")
    assert reference.findtext(".//{*}DateTimeString") == "20261201"
