"""Invoices and credit notes in the panel: read by all who work here, done to by who keeps books."""

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.charging import charge_other
from billing.models import CreditNote, Delivery, Invoice, InvoiceLink, Payment
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from customers.models import Customer
from tests import story
from tests.panel.test_customers import words

D = Decimal
LIST, CSV, ZIP = (f"/panel/invoices/{name}" for name in ("", "invoices.csv", "invoices.zip"))
ISSUE, SEND = "/panel/invoices/issue/", "/panel/invoices/sending/"
READ = ["invoice", "invoice_pdf"]
KEEP = [
    "invoice_issue", "invoice_discard", "invoice_payment", "invoice_credit", "invoice_write_off",
    "invoice_write_off_withdrawal", "invoice_replacement", "invoice_link",
    "invoice_link_revocation",
]  # fmt: skip


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def invoiced(w, customer: Customer | None = None, amount="100", text="Printing", **how) -> Invoice:
    customer = customer or w.ada
    charge_other(customer, w.house, text=text, amount=amount, by=w.anton)
    return invoice_now(customer, w.house, by=w.anton, **how)


@pytest.fixture
def invoice(w):
    """Ada is to pay 100.00 and 20.00 of tax by 4 December."""
    return invoiced(w)


@pytest.fixture
def draft(w):
    return invoiced(w, issue=False)


def address(name: str, record) -> str:
    return reverse(f"panel:{name}", args=[record.pk])


def send(client, name: str, record, *, key: str = "a-key-of-a-form", **fields):
    return client.post(address(name, record), {"form_key": key, **fields})


def errors(answer) -> dict[str, list[str]]:
    form = answer.context["form"]
    return {name: [e.code for e in found.as_data()] for name, found in form.errors.items()}


def listed(answer) -> list[str]:
    return [str(one) for one in answer.context["page"].rows]


def table(answer) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


class TestWhoMayCome:
    @pytest.mark.parametrize("name", READ + KEEP)
    def test_customers_stay_outside(self, w, client, invoice, name):
        assert client.get(address(name, invoice)).status_code == 302
        client.force_login(w.ada.user)
        assert client.get(address(name, invoice)).status_code == 403

    @pytest.mark.parametrize(
        ("who", "allowed"), [("anton", READ + KEEP), ("manager", READ + KEEP), ("frida", READ)]
    )
    def test_each_role_comes_as_far_as_its_rights_go(self, w, client, invoice, who, allowed):
        client.force_login(getattr(w, who))
        seen = [n for n in READ + KEEP if client.get(address(n, invoice)).status_code == 200]
        assert seen == allowed
        for name in KEEP:
            if name not in allowed:
                assert send(client, name, invoice, reason="x").status_code == 403

    def test_the_front_desk_is_offered_nothing_that_it_may_not_do(self, w, frida, invoice):
        page = frida.get(address("invoice", invoice)).content.decode()
        assert invoice.number in page
        for name in KEEP:
            assert f'href="{address(name, invoice)}"' not in page
        assert ISSUE not in frida.get(LIST).content.decode()

    @pytest.mark.parametrize("name", READ)
    def test_what_is_read_takes_no_post(self, anton, invoice, name):
        assert anton.post(address(name, invoice)).status_code == 405

    def test_another_location_is_another_world(self, w, client, invoice):
        east = story.house(name="Eastside")
        ella = story.login("ella@example.com")
        ella.give_role("accountant", by=w.mona, location=east)
        client.force_login(ella)
        assert client.get(address("invoice", invoice)).status_code == 404
        assert listed(client.get(LIST)) == []
        assert send(client, "invoice_payment", invoice, amount="1").status_code == 404


class TestTheList:
    def test_an_empty_list_says_what_to_do(self, anton, w):
        assert "No invoices yet" in words(anton.get(LIST))

    def test_drafts_come_first_and_tabs_count_what_is_to_be_done(self, w, at, anton, invoice):
        draft = invoiced(w, w.noor, issue=False)
        paid = invoiced(w, w.omar)
        paid.record_payment(amount=120, by=w.anton)
        page = anton.get(LIST)
        assert listed(page) == ["Draft", paid.number, invoice.number]
        counts = {label: number for label, _url, number, _now in page.context["filters"].tabs}
        assert (counts["Drafts"], counts["Open"], counts["Overdue"]) == (1, 1, 0)
        at("2026-12-05")
        anton.force_login(w.anton)  # nobody stays signed in for so long
        assert listed(anton.get(f"{LIST}?settlement=overdue")) == [invoice.number]
        assert listed(anton.get(f"{LIST}?settlement=paid")) == [paid.number]
        assert anton.get(f"{LIST}?settlement=draft").context["page"].rows == [draft]
        assert "1 day late" in words(anton.get(LIST))

    def test_every_state_finds_its_own(self, w, anton):
        open_, part, paid, credited, lost = (invoiced(w) for _number in range(5))
        part.record_payment(amount=20, by=w.anton)
        paid.record_payment(amount=120, by=w.anton)
        credited.credit(reason="Twice", by=w.anton)
        lost.write_off(reason="Gone", by=w.anton)
        for state, one in [("open", open_), ("part_paid", part), ("paid", paid),
                           ("credited", credited), ("written_off", lost)]:  # fmt: skip
            assert listed(anton.get(f"{LIST}?settlement={state}")) == [one.number], state

    def test_it_is_searched_by_number_and_by_customer(self, w, anton, invoice):
        other = invoiced(w, w.noor)
        assert listed(anton.get(f"{LIST}?q=noor")) == [other.number]
        assert listed(anton.get(f"{LIST}?q={invoice.number.lower()}")) == [invoice.number]
        assert listed(anton.get(f"{LIST}?customer={w.noor.pk}")) == [other.number]
        assert "Noor Rahman" in words(anton.get(f"{LIST}?customer={w.noor.pk}"))

    def test_the_period_is_that_of_issue(self, w, at, anton, invoice):
        at("2026-12-02")
        later = invoiced(w)
        assert listed(anton.get(f"{LIST}?from_on=2026-12-01")) == [later.number]
        assert listed(anton.get(f"{LIST}?until_on=2026-11-30")) == [invoice.number]
        assert "is not understood" in words(anton.get(f"{LIST}?from_on=soon"))

    def test_sums_are_those_of_the_filtered_list_by_currency(self, w, anton, invoice):
        invoice.record_payment(amount=50, by=w.anton)
        oslo = story.house(name="Oslo House", currency="NOK")
        charge_other(w.noor, oslo, text="Printing", amount=100, by=None)
        invoice_now(w.noor, oslo, by=None)
        sums = {one["currency"]: (one["total"], one["due"])
                for one in anton.get(LIST).context["sums"]}  # fmt: skip
        assert sums == {"EUR": (D(120), D(70)), "NOK": (D(120), D(120))}
        [only] = anton.get(f"{LIST}?location={w.house.pk}").context["sums"]
        assert only["currency"] == "EUR"

    def test_thirty_ask_as_much_as_one(self, w, anton, invoice):
        def asked(address) -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anton.get(address).status_code == 200
            return len(queries)

        asked(LIST)
        before = asked(LIST), asked(f"{LIST}?settlement=open")
        for _number in range(30):
            invoiced(w, story.person(w.house))
        assert (asked(LIST), asked(f"{LIST}?settlement=open")) == before

    def test_the_file_has_the_filtered_rows_and_their_sums(self, w, anton, invoice):
        w.noor.edit({"full_name": "=1+1"}, by=w.mona)
        other = invoiced(w, w.noor)
        rows = table(anton.get(f"{CSV}?settlement=open"))
        assert [(one["Number"], one["Total"], one["Still due"]) for one in rows] == [
            (invoice.number, "120.00", "120.00"), (other.number, "120.00", "120.00"),
        ]  # fmt: skip
        assert rows[1]["Customer"] == "'=1+1"
        assert [one["Number"] for one in table(anton.get(f"{CSV}?q=ada"))] == [invoice.number]


class TestTheRecord:
    def test_every_line_explains_itself_and_leads_to_what_is_behind_it(self, w, at, anton):
        at("2026-12-01")
        run_billing(on=story.day("2026-12-01"))
        one = w.ada.invoices.get()
        page = anton.get(address("invoice", one))
        text = words(page)
        assert "€250.00 for the whole cycle: the plan's price" in text
        assert "1 Nov to 30 Nov 2026: 30 of 30 days are paid" in text
        assert address("contract", w.ada_contract) in page.content.decode()
        assert "€300.00" in text

    def test_letters_that_cannot_be_printed_are_named_before_it_is_issued(
        self, w, anton, no_machine_fonts, monkeypatch
    ):
        w.ada.edit({"full_name": "Ada 李小龍"}, by=w.mona)
        draft = invoiced(w, text="Printing 🎉", issue=False)

        for name in ("invoice", "invoice_issue"):
            text = words(anton.get(address(name, draft)))
            assert "Not every letter can be printed" in text
            assert "No font of the server has 李小龍🎉: new invoices" in text

        text = words(anton.get(address("customer", w.ada)))
        assert "No font of the server has 李小龍: new invoices" in text

        answer = send(anton, "invoice_issue", draft, on="2026-11-20")
        assert "No font of the server can print 李小龍🎉" in words(answer)
        monkeypatch.setattr("billing.models.issuing.unprintable", lambda text: "")
        draft.issue(by=w.anton)  # on a machine that had the font
        note = draft.credit(reason="Too much 李", by=w.anton)
        assert "No font of the server has 李小龍🎉" in words(anton.get(address("invoice", draft)))
        page = words(anton.get(address("credit_note", note)))
        assert "No font of the server has 李小龍🎉" in page

    def test_where_every_letter_can_be_printed_nothing_is_said(self, w, anton, draft):
        for name, record in (("invoice", draft), ("invoice_issue", draft), ("customer", w.ada)):
            assert "be printed" not in words(anton.get(address(name, record)))

    def test_the_history_says_what_when_and_by_whom(self, w, at, anton, invoice):
        payment = invoice.record_payment(amount=150, by=w.anton, reference="Bank 12")
        payment.reverse(reason="Somebody else", by=w.anton)
        invoice.credit({invoice.lines.get(): D(10)}, reason="A bit less", by=w.anton)
        invoice.write_off(reason="Gone", by=w.anton)
        invoice.withdraw_write_off(by=w.anton)
        text = words(anton.get(address("invoice", invoice)))
        for part in ("Paid €150.00", "€30.00 was more than was due", "Bank 12",
                     "Payment of €150.00 reversed", "Somebody else", "Credited €12.00",
                     "€108.00 written off", "Write-off of €108.00 taken back",
                     "E-mailed to ada@example.com", "by Anton Weiss"):  # fmt: skip
            assert part in text, part

    def test_it_asks_as_often_for_thirty_lines_as_for_one(self, w, anton):
        def asked(one) -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anton.get(address("invoice", one)).status_code == 200
            return len(queries)

        short = invoiced(w, issue=False)
        for number in range(30):
            charge_other(w.ada, w.house, text=f"Page {number}", amount=1, by=None)
        long = invoice_now(w.ada, w.house, by=w.anton, issue=False)
        asked(short)
        assert asked(long) == asked(short)

    def test_why_there_is_no_e_invoice(self, w, anton, invoice):
        text = words(anton.get(address("invoice", invoice)))
        assert "The PDF goes without an e-invoice" in text
        assert "The customer's country is not set" in text

    def test_the_pdf_opens_in_the_browser(self, w, anton, invoice, draft):
        answer = anton.get(address("invoice_pdf", invoice))
        assert answer.content.startswith(b"%PDF")
        assert answer["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
        assert anton.get(address("invoice_pdf", draft)).content.startswith(b"%PDF")


class TestDrafts:
    def test_issuing_numbers_and_sends(self, w, anton, draft):
        answer = send(anton, "invoice_issue", draft, on="2026-11-20", send="on")
        assert answer["Location"] == address("invoice", draft)
        draft.refresh_from_db()
        assert (draft.state, draft.number) == ("issued", "RH-00001")
        assert Delivery.objects.get().to == "ada@example.com"

    def test_a_date_that_has_not_come_is_refused_beside_its_field(self, w, anton, draft):
        answer = send(anton, "invoice_issue", draft, on="2026-12-24")
        assert answer.status_code == 422
        assert errors(answer) == {"on": ["future_date"]}

    def test_numbers_never_go_back(self, w, anton, invoice, draft):
        answer = send(anton, "invoice_issue", draft, on="2026-11-19")
        assert errors(answer) == {"on": ["date_goes_back"]}
        draft.refresh_from_db()
        assert draft.number is None

    def test_a_deleted_draft_frees_its_charges(self, w, anton, draft):
        assert send(anton, "invoice_discard", draft)["Location"] == LIST
        assert not Invoice.objects.exists()
        assert w.ada.charges.waiting().count() == 1

    def test_an_issued_invoice_is_not_deleted(self, w, anton, invoice):
        answer = send(anton, "invoice_discard", invoice)
        assert errors(answer) == {"__all__": ["issued_already"]}
        assert Invoice.objects.filter(pk=invoice.pk).exists()

    def test_a_line_is_taken_off_and_the_last_one_takes_the_draft_along(self, w, anton):
        charge_other(w.ada, w.house, text="A key", amount=15, by=None)
        one = invoiced(w, issue=False)

        def take_off(line, key):
            to = reverse("panel:invoice_line_removal", args=[one.pk, line.pk])
            assert anton.get(to).status_code == 200
            return anton.post(to, {"form_key": key})["Location"]

        first, second = one.lines.all()
        assert take_off(first, "one") == address("invoice", one)
        one.refresh_from_db()
        assert one.total == second.total
        assert take_off(second, "two") == LIST
        assert w.ada.charges.waiting().count() == 2

    def test_a_line_of_another_invoice_is_not_found(self, w, anton, invoice, draft):
        line = invoice.lines.get()
        to = reverse("panel:invoice_line_removal", args=[draft.pk, line.pk])
        assert anton.post(to, {"form_key": "x"}).status_code == 404


class TestPaying:
    def test_the_form_is_filled_in_with_what_is_due(self, w, anton, invoice):
        invoice.record_payment(amount=20, by=w.anton)
        form = anton.get(address("invoice_payment", invoice)).context["form"]
        assert (form["amount"].value(), form["on"].value()) == (D(100), story.TODAY)

    def test_a_payment_is_recorded(self, w, anton, invoice):
        fields = {"amount": "120,00", "on": "2026-11-19", "method": "cash", "reference": "Till 7"}
        answer = send(anton, "invoice_payment", invoice, **fields)
        assert answer.context["form"].errors.as_data().keys() == {"on"}  # before its invoice
        fields["on"] = "2026-11-20"
        assert send(anton, "invoice_payment", invoice, **fields).status_code == 302
        payment = Payment.objects.get()
        assert (payment.amount, payment.method, payment.reference) == (D(120), "cash", "Till 7")
        invoice.refresh_from_db()
        assert invoice.settlement == "paid"

    def test_a_form_sent_twice_acts_once(self, w, anton, invoice):
        fields = {"amount": "50", "on": "2026-11-20", "method": "card"}
        for _time in range(2):
            answer = send(anton, "invoice_payment", invoice, **fields)
            assert answer["Location"] == address("invoice", invoice)
        assert Payment.objects.count() == 1
        other = send(anton, "invoice_payment", invoice, **fields | {"amount": "60"})
        assert other.status_code == 409
        assert Payment.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"amount": "0"}, {"amount": ["invalid_amount"]}),
            ({"amount": "1.001"}, {"amount": ["amount_too_fine"]}),
            ({"on": "2026-11-21"}, {"on": ["future_date"]}),
            ({"method": "barter"}, {"method": ["invalid_choice"]}),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(self, w, anton, invoice, fields, wrong):
        usual = {"amount": "10", "on": "2026-11-20", "method": "card"}
        answer = send(anton, "invoice_payment", invoice, **usual | fields)
        assert answer.status_code == 422
        assert errors(answer) == wrong
        assert not Payment.objects.exists()

    def test_a_draft_is_not_paid(self, w, anton, draft):
        answer = send(anton, "invoice_payment", draft, amount="1", on="2026-11-20", method="card")
        assert errors(answer) == {"__all__": ["not_issued"]}


class TestCrediting:
    def test_the_whole_invoice(self, w, anton, invoice):
        send(anton, "invoice_credit", invoice, which="whole", reason="Twice")
        note = CreditNote.objects.get()
        assert (note.total, note.reason, note.invoice) == (D(120), "Twice", invoice)
        invoice.refresh_from_db()
        assert invoice.settlement == "credited"

    def test_a_part_of_a_line_shows_what_is_left(self, w, anton, invoice):
        line = invoice.lines.get()
        field = f"line_{line.pk}"
        send(anton, "invoice_credit", invoice, which="parts", reason="Less", **{field: "30"})
        assert CreditNote.objects.get().total == D(36)
        text = words(anton.get(address("invoice_credit", invoice)))
        assert "€70.00 is left, before tax." in text
        again = send(
            anton, "invoice_credit", invoice, key="b", which="parts", reason="x", **{field: "71"}
        )
        assert again.status_code == 422
        assert "€70.00 is left of “Printing”." in words(again)
        assert CreditNote.objects.count() == 1

    def test_parts_without_an_amount_are_asked_for(self, w, anton, invoice):
        answer = send(anton, "invoice_credit", invoice, which="parts", reason="x")
        assert errors(answer) == {"which": ["nothing_chosen"]}
        answer = send(anton, "invoice_credit", invoice, which="whole", reason="", key="b")
        assert errors(answer) == {"reason": ["required"]}
        assert not CreditNote.objects.exists()

    def test_what_is_credited_already_says_so(self, w, anton, invoice):
        invoice.credit(reason="Twice", by=w.anton)
        assert "credited already" in words(anton.get(address("invoice_credit", invoice)))
        answer = send(anton, "invoice_credit", invoice, reason="x")
        assert errors(answer) == {"__all__": ["nothing_to_credit"]}

    def test_the_credit_note_has_a_page_a_pdf_and_a_list(self, w, anton, invoice):
        invoice.record_payment(amount=100, by=w.anton)
        note = invoice.credit(reason="Twice", by=w.anton)
        text = words(anton.get(address("credit_note", note)))
        for part in (note.number, invoice.number, "Twice", "€20.00", "€100.00"):
            assert part in text
        assert anton.get(address("credit_note_pdf", note)).content.startswith(b"%PDF")
        for query in ("", "?q=ada", f"?q={note.number}", f"?q={invoice.number}"):
            assert listed(anton.get(f"/panel/credit-notes/{query}")) == [note.number]
        assert listed(anton.get("/panel/credit-notes/?q=nobody")) == []

    def test_the_credit_note_is_sent(self, w, anton, invoice):
        note = invoice.credit(reason="Twice", by=w.anton)
        send(anton, "credit_note_sending", note, to="books@example.com")
        assert note.deliveries.order_by("-pk")[0].to == "books@example.com"
        assert "books@example.com" in words(anton.get(address("credit_note", note)))


class TestWritingOff:
    def test_written_off_and_taken_back(self, w, anton, invoice):
        send(anton, "invoice_write_off", invoice, reason="Gone")
        invoice.refresh_from_db()
        assert invoice.settlement == "written_off"
        page = anton.get(address("invoice", invoice)).content.decode()
        assert address("invoice_write_off_withdrawal", invoice) in page
        send(anton, "invoice_write_off_withdrawal", invoice, key="b")
        invoice.refresh_from_db()
        assert invoice.settlement == "open"

    def test_nothing_due_is_not_written_off(self, w, anton, invoice):
        invoice.record_payment(amount=120, by=w.anton)
        answer = send(anton, "invoice_write_off", invoice, reason="Gone")
        assert errors(answer) == {"__all__": ["nothing_due"]}


class TestSending:
    def test_to_another_address(self, w, anton, invoice):
        form = anton.get(address("invoice_sending", invoice)).context["form"]
        assert form["to"].value() == "ada@example.com"
        send(anton, "invoice_sending", invoice, to="books@example.com")
        assert invoice.deliveries.order_by("-pk")[0].to == "books@example.com"
        answer = send(anton, "invoice_sending", invoice, to="nowhere", key="b")
        assert errors(answer) == {"to": ["invalid"]}

    def test_a_draft_is_issued_first(self, w, anton, draft):
        answer = anton.get(address("invoice_sending", draft))
        assert answer["Location"] == address("invoice_issue", draft)

    def test_the_private_link_is_shown_and_taken_away(self, w, anton, invoice):
        InvoiceLink.objects.all().delete()
        assert "Make a link" in words(anton.get(address("invoice", invoice)))
        send(anton, "invoice_link", invoice)
        token = InvoiceLink.objects.get().token
        page = anton.get(address("invoice", invoice)).content.decode()
        assert f"http://testserver/i/{token}/" in page
        send(anton, "invoice_link_revocation", invoice, key="b")
        assert InvoiceLink.objects.get().revoked_by == w.anton
        assert token not in anton.get(address("invoice", invoice)).content.decode()


def told(page) -> dict[str, list[str]]:
    """What stands against each, by customer."""
    return {
        one.customer.name: [problem.code for problem in problems]
        for one, problems, _will in page.context["rows"]
    }


class TestManyAtOnce:
    @pytest.mark.parametrize("page", [ISSUE, SEND])
    def test_the_front_desk_is_refused(self, w, frida, invoice, page):
        assert frida.get(page, {"ids": invoice.pk}).status_code == 403
        assert frida.post(page, {"ids": invoice.pk}).status_code == 403

    @pytest.mark.parametrize("page", [ISSUE, SEND])
    def test_nothing_ticked_is_said(self, w, anton, page):
        assert "No invoice was ticked" in words(anton.get(f"{page}?ids=x&ids=99999999999999999999"))

    def test_drafts_are_issued_and_the_others_say_why_not(self, w, anton, draft):
        done = invoiced(w, w.noor)
        everybody = {"ids": [draft.pk, done.pk]}
        assert told(anton.get(ISSUE, everybody)) == {
            "Ada Lovelace": [], "Noor Rahman": ["issued_already"],
        }  # fmt: skip
        answer = anton.post(ISSUE, everybody | {"send": "on"})
        assert "1 invoice is issued." in words(answer)
        assert told(answer) == {"Noor Rahman": ["issued_already"]}
        draft.refresh_from_db()
        assert draft.number == "RH-00002"

    def test_all_drafts_of_the_filtered_list(self, w, anton, draft):
        invoiced(w, w.noor, issue=False)
        query = {"every": "1", "settlement": "draft", "q": "ada"}
        assert told(anton.get(ISSUE, query)) == {"Ada Lovelace": []}

    def test_when_all_went_well_it_leads_back_to_the_filtered_list(self, w, anton, draft):
        answer = anton.post(ISSUE, {"ids": draft.pk, "back": "settlement=draft"})
        assert answer["Location"] == f"{LIST}?settlement=draft"
        assert not Delivery.objects.exists()

    def test_sending_says_to_whom_and_sends_once(self, w, anton, invoice, draft):
        page = anton.get(SEND, {"ids": [invoice.pk, draft.pk]})
        assert [len(problems) for _one, problems, _will in page.context["rows"]] == [0, 1]
        assert "Will be sent to ada@example.com" in words(page)
        Delivery.objects.all().delete()
        data = {"ids": invoice.pk, "seen_at": page.context["form"]["seen_at"].value()}
        assert anton.post(SEND, data).status_code == 302
        answer = anton.post(SEND, data)
        assert told(answer) == {"Ada Lovelace": ["sent_already"]}
        assert "This was sent a moment ago." in words(answer)
        assert Delivery.objects.count() == 1

    def test_those_of_another_location_are_left_alone(self, w, client, draft):
        east = story.house(name="Eastside")
        ella = story.login("ella@example.com")
        ella.give_role("front_desk", by=w.mona)
        ella.give_role("accountant", by=w.mona, location=east)
        client.force_login(ella)
        assert told(client.get(ISSUE, {"ids": draft.pk})) == {"Ada Lovelace": ["beyond_reach"]}
        client.post(ISSUE, {"ids": draft.pk})
        draft.refresh_from_db()
        assert draft.number is None

    def test_thirty_ask_as_much_as_one(self, w, anton, draft):
        def asked(*invoices) -> int:
            with CaptureQueriesContext(connection) as queries:
                anton.get(ISSUE, {"ids": [one.pk for one in invoices]})
            return len(queries)

        crowd = [invoiced(w, story.person(w.house), issue=False) for _number in range(30)]
        asked(draft)
        assert asked(*crowd) == asked(draft)

    def test_pdfs_come_in_one_file_by_number(self, w, frida, invoice, draft):
        other = invoiced(w, w.noor)
        answer = frida.get(ZIP, {"ids": [invoice.pk, other.pk, draft.pk]})
        packed = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        assert packed.namelist() == [f"{invoice.number}.pdf", f"{other.number}.pdf"]
        assert packed.read(f"{invoice.number}.pdf").startswith(b"%PDF")
        filtered = frida.get(f"{ZIP}?q=noor")
        packed = zipfile.ZipFile(io.BytesIO(b"".join(filtered.streaming_content)))
        assert packed.namelist() == [f"{other.number}.pdf"]

    def test_drafts_alone_have_no_pdfs(self, w, anton, draft):
        answer = anton.get(ZIP, {"ids": draft.pk, "back": "settlement=draft"}, follow=True)
        assert answer.redirect_chain == [(f"{LIST}?settlement=draft", 302)]
        assert "None of these has a PDF yet" in words(answer)

    def test_one_archive_takes_so_many(self, w, anton, invoice, monkeypatch):
        monkeypatch.setattr("panel.views.bulk_invoices.MOST_IN_ARCHIVE", 1)
        invoiced(w, w.noor)
        assert "At most 1 PDFs at once" in words(anton.get(ZIP, follow=True))


class TestReplacing:
    def test_the_page_shows_what_it_makes_before_it_does(self, w, anton, invoice):
        invoice.record_payment(amount=20, by=w.anton)
        page = anton.get(address("invoice_replacement", invoice))
        preview = page.context["preview"]
        assert (preview.credited, preview.invoice.total, preview.due) == (120, 120, 100)
        assert w.ada.invoices.count() == 1
        answer = send(anton, "invoice_replacement", invoice, reason="Wrong name")
        new = w.ada.invoices.latest("pk")
        assert answer["Location"] == address("invoice", new)
        assert new.replaces == invoice
        assert invoice.number in words(anton.get(address("invoice", new)))
        assert new.number in words(anton.get(address("invoice", invoice)))

    def test_what_is_wrong_is_said_beside_the_field(self, w, anton, invoice):
        answer = send(anton, "invoice_replacement", invoice, reason="")
        assert set(answer.context["form"].errors) == {"reason"}
        answer = send(
            anton, "invoice_replacement", invoice, key="b", reason="x", due_on="2026-11-01"
        )
        assert set(answer.context["form"].errors) == {"due_on"}
        assert w.ada.invoices.count() == 1

    def test_one_that_is_credited_in_full_offers_no_button(self, w, anton, invoice):
        invoice.credit(reason="All", by=w.anton)
        page = words(anton.get(address("invoice_replacement", invoice)))
        assert "Nothing is left of it" in page

    def test_several_are_replaced_together(self, w, anton, invoice, draft):
        other = invoiced(w, w.omar)
        where = "/panel/invoices/replacement/"
        page = anton.get(where, {"ids": [invoice.pk, other.pk, draft.pk]})
        assert page.context["possible"] == 2
        key = page.context["form"]["form_key"].value()
        data = {"ids": [invoice.pk, other.pk], "reason": "Wrong rate", "form_key": key}
        anton.post(where, data)
        assert {one.replaces for one in Invoice.objects.exclude(replaces=None)} == {invoice, other}

    def test_a_new_tax_rate_leads_to_the_invoices_that_keep_the_old_one(self, w, client, invoice):
        client.force_login(w.mona)
        where = f"/panel/settings/locations/{w.house.pk}/tax/"
        key = client.get(where).context["form"]["form_key"].value()
        answer = client.post(where, {"form_key": key, "rate": "10", "from_on": "2026-11-01"})
        assert answer["Location"].startswith("/panel/invoices/replacement/?ids=")
        assert str(invoice.pk) in answer["Location"]
