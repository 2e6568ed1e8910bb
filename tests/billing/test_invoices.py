"""Invoices: drafts, issue, numbers, and that nothing changes afterwards, whoever tries."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from billing.charging import charge_other
from billing.models import Charge, Invoice, Series
from billing.models.issuing import invoice_now
from kit.problems import Refused
from tests import story
from tests.story import day

D = Decimal


def charged(w, amount=100, customer=None, text="Thing"):
    return charge_other(customer or w.ada, w.house, text=text, amount=amount, by=w.anton)


def issued(w, *amounts, customer=None) -> Invoice:
    for number, amount in enumerate(amounts or (100,)):
        charged(w, amount, customer, text=f"Thing {number}")
    return invoice_now(customer or w.ada, w.house, by=w.anton)


def refused(deed) -> list[str]:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.codes


def test_an_invoice_copies_names_addresses_and_terms(w):
    w.house.edit({"legal_name": "Riverside House Ltd", "tax_number": "GB1"}, by=w.mona)
    w.lin.edit({"address": "1 Quay Street", "payment_days": 30}, by=w.mona)
    w.lin.location.refresh_from_db()
    invoice = issued(w, customer=w.lin)
    assert (invoice.number, invoice.issued_on, invoice.due_on) == (
        "RH-00001", story.TODAY, story.TODAY + dt.timedelta(30),
    )  # fmt: skip
    w.lin.edit({"address": "Elsewhere", "company_name": "Lin Ltd"}, by=w.mona)
    invoice.refresh_from_db()
    buyer = invoice.buyer or {}
    assert (buyer["name"], buyer["person"]) == ("Lin & Co", "Lin Chen")
    assert buyer["address"] == "1 Quay Street"
    assert (invoice.seller["name"], invoice.seller["tax_number"]) == ("Riverside House Ltd", "GB1")


def test_an_invoice_is_due_after_the_locations_days(w):
    invoice = issued(w)
    assert invoice.due_on == story.TODAY + dt.timedelta(14)
    assert invoice.settlement_on(invoice.due_on) == "open"
    assert invoice.settlement_on(invoice.due_on + dt.timedelta(1)) == "overdue"


def test_a_draft_has_no_number_and_frees_its_charges_when_it_goes(w):
    charge = charged(w)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    assert (draft.number, draft.state, draft.total) == (None, "draft", 120)
    assert not Charge.objects.waiting().exists()
    draft.discard(by=w.anton)
    assert Charge.objects.waiting().get() == charge
    assert not Invoice.objects.exists()


def test_a_charge_comes_off_a_draft_when_it_is_taken_back(w):
    from billing.charging import take_back

    charge = charged(w, 100)
    charged(w, 50)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    take_back(charge, reason="Mistake", by=w.anton)
    draft.refresh_from_db()
    assert (draft.net, draft.total) == (50, 60)
    draft.issue(by=w.anton)
    assert draft.number == "RH-00001"


def test_the_lines_add_up_with_the_tax_in_the_price(at):
    house = story.house(prices_include_tax=True)
    at("2026-11-20")
    ada = story.person(house, "Ada Lovelace")
    for _n in range(3):
        charge_other(ada, house, text="Thing", amount=100, by=None)
    invoice = invoice_now(ada, house, by=None)
    assert (invoice.net, invoice.tax, invoice.total) == (250, 50, 300)
    assert [line.net for line in invoice.lines.all()] == [D("83.34"), D("83.33"), D("83.33")]


def test_nothing_is_not_invoiced_and_nothing_below_zero_is_charged(w):
    assert refused(lambda: invoice_now(w.ada, w.house, by=w.anton)) == ["nothing_to_invoice"]
    assert refused(lambda: charged(w, -10)) == ["invalid_amount"]


def test_a_charge_is_on_one_invoice_at_a_time(w):
    charge = charged(w)
    invoice_now(w.ada, w.house, [charge], by=w.anton)
    assert refused(lambda: invoice_now(w.ada, w.house, [charge], by=w.anton)) == ["invoiced"]


def test_who_keeps_no_books_issues_nothing(w):
    charged(w)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    assert refused(lambda: draft.issue(by=w.frida)) == ["not_books"]


# Numbers


def test_numbers_count_per_location_and_kind_and_never_go_back_in_time(at, w):
    other = story.house(name="Mill")
    lena = story.person(other, "Lena")
    first, second = issued(w), issued(w)
    charge_other(lena, other, text="x", amount=1, by=None)
    third = invoice_now(lena, other, by=None)
    assert [one.number for one in (first, second, third)] == ["RH-00001", "RH-00002", "M-00001"]
    assert first.credit(reason="x", by=w.anton).number == "RH-C00001"
    at("2026-11-21")
    issued(w)
    charged(w)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    assert refused(lambda: draft.issue(by=w.anton, on=day("2026-11-20"))) == ["date_goes_back"]
    assert refused(lambda: draft.issue(by=w.anton, on=day("2026-11-22"))) == ["future_date"]
    draft.issue(by=w.anton)
    assert draft.number == "RH-00004"


def test_a_number_that_was_rolled_back_is_given_again(w):
    charged(w)
    with transaction.atomic():
        assert invoice_now(w.ada, w.house, by=w.anton).number == "RH-00001"
        transaction.set_rollback(True)
    assert invoice_now(w.ada, w.house, by=w.anton).number == "RH-00001"


def test_another_prefix_begins_another_series_and_none_is_used_twice(w):
    issued(w)
    w.house.edit({"invoice_prefix": "A-"}, by=w.mona)
    w.ada.refresh_from_db()
    charged(w)
    house = type(w.house).objects.get(pk=w.house.pk)
    assert invoice_now(w.ada, house, by=w.anton).number == "A-00001"
    other = story.house(name="Mill", invoice_prefix="A-")  # past the form, which refuses it
    lena = story.person(other, "Lena")
    charge_other(lena, other, text="x", amount=1, by=None)
    assert invoice_now(lena, other, by=None).number == f"A-{other.pk}-00001"


# Nothing changes


def run(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def database_refuses(sql: str, *values) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        run(sql, *values)
    return str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_invoice SET total = 1",
        "UPDATE billing_invoice SET number = 'X-1'",
        "UPDATE billing_invoice SET issued_on = '2020-01-01'",
        "UPDATE billing_invoice SET state = 'draft'",
        "UPDATE billing_invoice SET buyer = '{}'",
        "UPDATE billing_invoice SET buyer = NULL",
        "UPDATE billing_invoice SET settled = settled - 1",
        "UPDATE billing_invoice SET settled = total + 1",
        "DELETE FROM billing_invoice",
        "UPDATE billing_invoiceline SET net = 1",
        "UPDATE billing_invoiceline SET text = 'x'",
        "DELETE FROM billing_invoiceline",
        "UPDATE billing_charge SET amount = 1, price = 1",
        "DELETE FROM billing_charge",
        "UPDATE billing_creditnote SET total = 1",
        "DELETE FROM billing_creditnote",
        "DELETE FROM billing_creditnoteline",
        "UPDATE billing_creditnoteline SET net = 0",
        "DELETE FROM billing_payment",
        "UPDATE billing_payment SET amount = 1",
        "DELETE FROM billing_allocation",
        "UPDATE billing_accountentry SET value = 1",
        "DELETE FROM billing_accountentry",
    ],
)
def test_what_is_issued_is_neither_changed_nor_deleted_by_hand(w, sql):
    invoice = issued(w, 100, 50)
    invoice.record_payment(amount=500, by=w.anton)
    invoice.credit([invoice.lines.first()], reason="x", by=w.anton)
    Invoice.objects.update()
    database_refuses(sql)


def test_erasure_alone_may_empty_the_buyer(w):
    invoice = issued(w)
    run("UPDATE billing_invoice SET buyer = NULL, erased_at = '2030-01-01 00:00:00+00:00'")
    invoice.refresh_from_db()
    assert (invoice.buyer, invoice.people) == (None, "Ada Lovelace")


def test_an_issued_invoice_takes_no_line_and_no_draft_becomes_one_with_other_sums(w):
    issued(w)
    charged(w)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    line = draft.lines.get()
    said = database_refuses(
        "UPDATE billing_invoiceline SET position = 9, invoice_id = "
        "(SELECT MIN(id) FROM billing_invoice) WHERE id = %s", line.pk,
    )  # fmt: skip
    assert "issued_invoices_take_no_lines" in said
    run(
        "UPDATE billing_invoice SET total = total + 10000, tax = tax + 10000 WHERE id = %s",
        draft.pk,
    )
    draft.refresh_from_db()
    with pytest.raises(DatabaseError, match="invoice_adds_up_when_issued"), transaction.atomic():
        draft.issue(by=w.anton)


def test_a_number_out_of_order_is_refused_by_the_database(w):
    issued(w)
    series = Series.objects.get(kind="invoice")
    for sequence, date in ((3, "2026-11-20"), (2, "2026-11-19")):
        said = database_refuses(
            "INSERT INTO billing_invoice (customer_id, location_id, state, series_id, sequence, "
            "number, issued_on, due_on, net, tax, total, settled, seller, tax_sums, note, made_at) "
            "VALUES (%s, %s, 'issued', %s, %s, %s, %s, %s, 0, 0, 0, 0, '{}', '[]', '', "
            "'2026-11-20 12:00:00+00:00')",
            w.ada.pk, w.house.pk, series.pk, sequence, f"RH-{sequence}", date, date,
        )  # fmt: skip
        assert "invoice_numbered_in_order" in said


def test_a_void_charge_takes_no_line_and_an_invoiced_one_no_void(w):
    from billing.charging import take_back

    void = charged(w)
    take_back(void, reason="x", by=w.anton)
    invoice = issued(w)
    said = database_refuses(
        "INSERT INTO billing_chargevoid (charge_id, reason, \"on\", at) "
        "VALUES (%s, 'x', '2026-11-20', '2026-11-20 12:00:00+00:00')",
        invoice.lines.get().charge_id,
    )  # fmt: skip
    assert "void_is_not_invoiced" in said
    charged(w)
    draft = invoice_now(w.ada, w.house, by=w.anton, issue=False)
    said = database_refuses(
        "INSERT INTO billing_invoiceline (invoice_id, charge_id, position, text, detail, \"on\", "
        "quantity, price, tax_rate, tax_note, net, tax) "
        "VALUES (%s, %s, 9, '', '', '2026-11-20', 1, 0, 0, '', 0, 0)", draft.pk, void.pk,
    )  # fmt: skip
    assert "void_charges_take_no_lines" in said


def test_terms_of_a_contract_stay_once_a_cycle_is_settled(w):
    assert w.ada_contract.billed_cycles.exists()
    for change in ("starts_on = '2026-01-01'", "billing_day = 5", "cycle_length = 2",
                   "fee_due = 'in_advance'"):  # fmt: skip
        said = database_refuses(
            f"UPDATE plans_contract SET {change} WHERE id = %s",  # noqa: S608
            w.ada_contract.pk,
        )
        assert "contract_terms_are_settled" in said
    run("UPDATE plans_contract SET notes = 'x' WHERE id = %s", w.ada_contract.pk)


def test_cycles_of_a_contract_are_settled_once_and_never_overlap(w):
    row = w.ada_contract.billed_cycles.first()
    for start, end in (
        (row.starts_on, row.ends_on),
        (row.starts_on + dt.timedelta(1), row.ends_on),
    ):
        said = database_refuses(
            "INSERT INTO billing_billedcycle (contract_id, starts_on, ends_on, due_on, kind, "
            "reason, price, discount, settled_at) VALUES (%s, %s, %s, %s, 'fee', '', 0, 0, "
            "'2026-11-20 12:00:00+00:00')",
            w.ada_contract.pk, start, end, end,
        )  # fmt: skip
        assert "settled_cycles_stay_apart" in said or "cycle_settled_once" in said


def test_an_invoice_goes_to_the_domain_that_was_written(w):
    w.ada.edit({"billing_email": "Ada@Faß.de"}, by=w.mona)
    assert issued(w).deliveries.get().to == "ada@xn--fa-hia.de"


def test_an_issued_invoice_goes_out_with_its_private_link(w):
    invoice = issued(w)
    assert invoice.deliveries.get().to == w.ada.email
    assert invoice.links.get().revoked_at is None
