"""What customers see of their money: what is due, what is to come, and every invoice explained."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.charging import charge_other
from billing.models import Document
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import look, send
from tests.story import TODAY, day


@pytest.fixture
def bank(w):
    w.house.edit(
        {
            "legal_name": "Riverside House Ltd", "bank_name": "River Bank",
            "iban": "DE02120300000000202051", "bic": "BYLADEM1001",
            "payment_text": "Cards are taken at the front desk.",
        },
        by=w.mona,
    )  # fmt: skip


def printed(w, customer, amount=100, *, on=None):
    """An invoice for something that the staff charged."""
    charge = charge_other(customer, w.house, text="Printing", amount=amount, by=w.anton)
    return invoice_now(customer, w.house, [charge], by=w.anton, on=on)


class TestWhatIsDue:
    def test_the_sum_the_day_and_how_to_pay(self, w, ada, bank):
        invoice = printed(w, w.ada)
        text = words(look(ada, "invoices"))
        assert "To pay €120.00 Please pay it by 4 Dec 2026." in text
        assert "Account holder Riverside House Ltd Bank River Bank" in text
        assert "DE02 1203 0000 0000 2020 51" in text
        assert f"Reference {invoice.number}" in text
        assert "Cards are taken at the front desk." in text

    def test_several_are_one_sum_and_each_with_its_day(self, w, ada, bank):
        one, two = printed(w, w.ada), printed(w, w.ada, 50)
        one.record_payment(amount=20, by=w.anton)
        text = words(look(ada, "invoices"))
        assert "To pay €160.00 Please pay the first of it by 4 Dec 2026." in text
        assert f"Reference {one.number}, {two.number}" in text
        assert "€100.00 left" in text

    def test_what_is_late_is_said_kindly(self, w, ada, bank, at):
        printed(w, w.ada)
        at("2026-12-10")
        ada.force_login(w.ada.user)
        text = words(look(ada, "invoices"))
        assert "It was to be paid by 4 Dec 2026. If you have paid it meanwhile, thank you" in text

    def test_without_bank_details_one_is_told_whom_to_ask(self, w, ada):
        w.house.edit({"contact_email": "hello@riverside.example"}, by=w.mona)
        printed(w, w.ada)
        assert "Write to hello@riverside.example" in words(look(ada, "invoices"))

    def test_nothing_to_pay_is_said(self, w, ada):
        text = words(look(ada, "invoices"))
        assert "There is nothing to pay at the moment." in text
        assert "No invoices yet" in text

    def test_credit_on_the_account_is_shown(self, w, ada):
        printed(w, w.ada).record_payment(amount=150, by=w.anton)
        text = words(look(ada, "invoices"))
        assert "You have €30.00 of credit at Riverside House." in text

    def test_each_location_is_paid_by_itself(self, w, ada):
        hill = story.house(name="Hill House", currency="GBP")
        printed(w, w.ada)
        charge = charge_other(w.ada, hill, text="A key", amount=10, by=w.mona)
        invoice_now(w.ada, hill, [charge], by=w.mona)
        text = words(look(ada, "invoices"))
        assert "To pay to Riverside House €120.00" in text
        assert "To pay to Hill House £12.00" in text


class TestWhatIsToCome:
    def test_the_next_invoice_its_day_why_and_its_lines(self, w, ada):
        text = words(look(ada, "invoices"))
        assert "Next invoice on 1 December 2026 Why that day: a cycle of Hot Desk ends." in text
        assert "€300.00 as of today, with tax" in text
        assert "Hot Desk, 1 Nov to 30 Nov 2026" in text
        assert "30 of 30 days are paid" in text

    def test_what_was_bought_meanwhile_is_on_it(self, w, ada):
        story.sellable(w)
        text = words(look(ada, "invoices"))
        assert "3 × Coffee 3 at €2.00" in text
        assert "€307.20" in text

    def test_a_contact_sees_what_waits_for_the_billing_day(self, w, noor):
        run_billing(by=w.anton)
        charge_other(w.noor, w.house, text="A key", amount=15, by=w.anton)
        text = words(look(noor, "invoices"))
        assert "the monthly billing day, as there is no contract on that day" in text
        assert "A key" in text

    def test_nobody_is_told_of_what_others_owe(self, w, ada):
        charge_other(w.noor, w.house, text="A key of Noor", amount=15, by=w.anton)
        assert "A key of Noor" not in words(look(ada, "invoices"))

    def test_it_tells_who_has_had_what_one_pays_for(self, w, lin):
        story.sellable(w)
        w.coffee.sell(w.omar, by=w.mona, on_behalf_of=w.team)
        assert "Omar Haddad, for the team Lin & Co" in words(look(lin, "invoices"))


class TestTheList:
    def test_it_has_invoices_and_credit_notes_with_their_state(self, w, ada):
        story.billed(w)
        text = words(look(ada, "invoices"))
        assert w.invoice.number in text
        assert "Part paid" in text
        assert f"credit note for {w.invoice.number}" in text
        assert "-€12.00" in text

    def test_drafts_are_not_there(self, w, noor):
        story.billed(w)
        before = look(noor, "invoices")
        assert w.draft.pk not in [one.pk for one in before.context["page"].rows]
        for name in ("invoice", "invoice_pdf"):
            assert look(noor, name, w.draft.pk).status_code == 404
        w.draft.issue(by=w.anton)
        assert look(noor, "invoice", w.draft.pk).status_code == 200

    def test_it_comes_in_pages_the_newest_first(self, w, ada):
        made = [printed(w, w.ada, number) for number in range(1, 31)]
        first = look(ada, "invoices")
        assert [one.pk for one in first.context["page"].rows] == [one.pk for one in reversed(made)][
            :25
        ]
        later = ada.get(f"/portal/invoices/?after={first.context['page'].after}")
        assert [one.pk for one in later.context["page"].rows] == [one.pk for one in reversed(made)][
            25:
        ]
        assert "What is to come" not in words(later)

    def test_the_number_of_queries_does_not_grow(self, w, ada):
        story.sellable(w)

        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                assert look(ada, "invoices").status_code == 200
            return len(seen)

        printed(w, w.ada).credit(reason="Too much", by=w.anton)
        printed(w, w.ada)
        one = queries()
        for number in range(20):
            printed(w, w.ada, 10 + number)
            charge_other(w.ada, w.house, text=f"Copies {number}", amount=1, by=w.anton)
        printed(w, w.ada).credit(reason="Too much", by=w.anton)
        assert queries() == one


class TestOneInvoice:
    def test_every_line_opens_to_say_why(self, w, ada, at):
        story.sellable(w)
        at("2026-12-01")
        ada.force_login(w.ada.user)
        run_billing(by=w.anton)
        answer = look(ada, "invoice", w.ada.invoices.get().pk)
        assert answer.content.decode().count('<details class="lines__row">') == 2
        text = words(answer)
        assert "€250.00 for the whole cycle: the plan's price" in text
        assert "1 Nov to 30 Nov 2026: 30 of 30 days are paid" in text
        assert "3 at €2.00 €6.00" in text
        assert "20 % tax: the location's rate" in text
        assert "Tax 20 % of €256.00 Standard rate €51.20" in text

    def test_what_was_paid_and_credited_and_what_is_left(self, w, ada):
        story.billed(w)
        text = words(look(ada, "invoice", w.invoice.pk))
        left = w.invoice.total - 50 - 12
        w.invoice.refresh_from_db()
        assert w.invoice.due == left
        assert "Paid: Bank transfer 20 Nov 2026 €50.00" in text
        assert f"Credit note {w.credit_note.number} 20 Nov 2026 €12.00" in text
        assert f"Left to pay €{left}" in text
        assert f"Given back by credit note {w.credit_note.number} -€12.00" in text

    def test_a_payment_that_was_reversed_is_told(self, w, ada):
        story.billed(w)
        w.payment.reverse(by=w.anton, reason="It bounced")
        text = words(look(ada, "invoice", w.invoice.pk))
        assert "Payment taken back 20 Nov 2026 -€50.00" in text
        assert "It bounced" not in text

    @pytest.mark.parametrize(
        ("deed", "said"),
        [
            (lambda one, by: one.record_payment(amount=one.due, by=by), "It is paid. Thank you."),
            (lambda one, by: one.credit(reason="Wrong", by=by), "All of it was credited."),
            (lambda one, by: one.write_off(reason="Moved", by=by), "not asked for any more"),
        ],
    )
    def test_what_is_settled_asks_for_nothing(self, w, ada, bank, deed, said):
        invoice = printed(w, w.ada)
        deed(invoice, w.anton)
        text = words(look(ada, "invoice", invoice.pk))
        assert said in text
        assert "How to pay" not in text

    def test_the_pdf_is_the_one_that_is_kept(self, w, ada):
        story.billed(w)
        first = look(ada, "invoice_pdf", w.invoice.pk)
        assert first["Content-Type"] == "application/pdf"
        assert w.invoice.number in first["Content-Disposition"]
        assert first.content == bytes(Document.objects.get(invoice=w.invoice).pdf)
        assert look(ada, "invoice_pdf", w.invoice.pk).content == first.content
        note = look(ada, "credit_note_pdf", w.credit_note.pk)
        assert note.content.startswith(b"%PDF")

    def test_a_credit_note_says_what_was_given_back_of_what(self, w, ada):
        story.billed(w)
        text = words(look(ada, "credit_note", w.credit_note.pk))
        assert f"€12.00 of invoice {w.invoice.number} are given back." in text
        assert "Reason Too much" in text

    def test_the_number_of_queries_does_not_grow_with_its_lines(self, w, ada):
        def queries(lines: int) -> int:
            charges = [
                charge_other(w.ada, w.house, text=f"Copies {one}", amount=1, by=w.anton)
                for one in range(lines)
            ]
            invoice = invoice_now(w.ada, w.house, charges, by=w.anton)
            invoice.credit(reason="Too much", by=w.anton)
            with CaptureQueriesContext(connection) as seen:
                assert look(ada, "invoice", invoice.pk).status_code == 200
            return len(seen)

        assert queries(1) == queries(30)


class TestWhoMaySeeIt:
    NAMES = ("invoice", "invoice_pdf")

    def test_strangers_and_team_mates_find_nothing(self, w, ada, omar, noor):
        story.billed(w)
        w.team.add(w.ada, by=w.mona)
        for browser in (omar, noor):
            for name in self.NAMES:
                assert look(browser, name, w.invoice.pk).status_code == 404
            for name in ("credit_note", "credit_note_pdf"):
                assert look(browser, name, w.credit_note.pk).status_code == 404
            assert w.invoice.number not in words(look(browser, "invoices"))

    def test_an_admin_of_the_team_does_not_see_a_members_invoices(self, w, lin):
        invoice = printed(w, w.omar)
        assert look(lin, "invoice", invoice.pk).status_code == 404
        assert invoice.number not in words(look(lin, "invoices"))

    def test_one_login_sees_only_whom_it_acts_for(self, w, ada):
        other = story.company(w.house, "Zeta Ltd", "Ada Lovelace", user=w.ada.user)
        invoice = printed(w, other)
        assert look(ada, "invoice", invoice.pk).status_code == 404
        ada.post("/portal/acting-for/", {"customer": other.pk})
        assert look(ada, "invoice", invoice.pk).status_code == 200

    def test_staff_with_a_customer_of_their_own_see_only_that(self, w, client):
        story.billed(w)
        story.person(w.house, "Mona Keller", user=w.mona)
        client.force_login(w.mona)
        assert look(client, "invoice", w.invoice.pk).status_code == 404

    def test_the_suspended_are_turned_away(self, w, ada):
        invoice = printed(w, w.ada)
        w.ada.suspend(by=w.mona, reason="Unpaid")
        for answer in (look(ada, "invoices"), look(ada, "invoice", invoice.pk)):
            assert answer.status_code in (302, 403)
            assert invoice.number not in answer.content.decode()

    def test_whoever_has_not_signed_in_is_asked_to(self, w, client):
        invoice = printed(w, w.ada)
        answer = look(client, "invoice", invoice.pk)
        assert answer["Location"].startswith("/portal/login/")

    def test_nothing_is_written_by_looking(self, w, ada):
        story.billed(w)
        for name, key in [("invoices", None), ("invoice", w.invoice.pk),
                          ("invoice_pdf", w.invoice.pk), ("credit_note", w.credit_note.pk),
                          ("credit_note_pdf", w.credit_note.pk)]:  # fmt: skip
            assert send(ada, name, *([key] if key else [])).status_code == 405


class TestHome:
    def test_what_is_to_pay_and_what_is_to_come(self, w, ada):
        printed(w, w.ada)
        text = words(look(ada, "home"))
        assert "To pay €120.00" in text
        assert "Next invoice €300.00 on 1 December 2026, as of today" in text

    def test_neither_where_there_is_nothing(self, w, client):
        newcomer = story.person(w.house, "Nina New", user=story.login("nina@example.com"))
        client.force_login(newcomer.user)
        text = words(look(client, "home"))
        assert "Next invoice" not in text
        assert "To pay" not in text


class TestBeforeADecision:
    """The next invoices before and after, where they differ."""

    def test_joining_a_plan(self, w, noor):
        run_billing(by=w.anton)
        text = words(look(noor, "plan_join", w.hot_desk.pk))
        assert "Your next invoices, with tax On As it is Then 1 Dec 2026 –none €110.00" in text
        assert w.noor.contracts.count() == 1

    def test_what_signing_costs_at_once(self, w, noor):
        desk = story.plan(
            w.house, "Own Desk", "340", offered_in_portal=True, sign_up_fee=50, deposit=400
        )
        text = words(look(noor, "plan_join", desk.pk))
        assert "Invoiced at once, with tax Own Desk: sign-up fee €60.00" in text
        assert "Invoiced at once, with tax Own Desk: deposit €400.00" in text
        assert not w.noor.invoices.exists()

    def test_changing_plan(self, w, ada):
        own = story.plan(w.house, "Own Desk", "340", offered_in_portal=True, billing_day=1)
        answer = ada.get(f"/portal/contracts/{w.ada_contract.pk}/plan-change/?to={own.pk}")
        assert "1 Jan 2027 €300.00 €408.00" in words(answer)

    def test_cancelling(self, w, ada):
        text = words(look(ada, "contract_cancellation", w.ada_contract.pk))
        assert "21 Dec 2026 –none €193.55" in text
        assert w.ada_contract.cancellations.count() == 0

    def test_freezing(self, w, ada):
        days = {"from_on": "2026-12-01", "until": "2026-12-10", "preview": "1"}
        text = words(send(ada, "contract_freeze", w.ada_contract.pk, **days))
        assert "1 Jan 2027 €300.00 €203.22" in text
        assert w.ada_contract.freezes.count() == 0
        send(ada, "contract_freeze", w.ada_contract.pk, **{**days, "preview": "1"})
        assert w.ada_contract.freezes.count() == 0

    def test_what_would_be_refused_is_said(self, w, ada):
        w.ada_contract.freeze(from_on=day("2026-12-01"), until=day("2026-12-05"), by=w.mona)
        days = {"from_on": "2026-12-03", "until": "2026-12-10", "preview": "1"}
        answer = send(ada, "contract_freeze", w.ada_contract.pk, **days)
        assert answer.status_code == 200
        assert "alert--warning" in answer.content.decode()

    def test_booking_a_room(self, w, ada):
        story.bookable(w)
        start = "on=2026-11-24&starts=10:00&ends=18:00"
        answer = ada.get(f"/portal/book/{w.kestrel.pk}/?{start}")
        assert "Your next invoices, with tax" in words(answer)
        assert w.ada.bookings.count() == 1

    def test_a_free_booking_changes_nothing(self, w, ada):
        story.bookable(w)
        answer = ada.get(f"/portal/book/{w.kestrel.pk}/?on=2026-11-24&starts=10:00&ends=11:00")
        assert "Your next invoices" not in words(answer)

    def test_a_booking_says_on_which_invoice_it_will_be_and_is(self, w, ada):
        story.bookable(w)
        start = story.moment("2026-11-24 10:00")
        booking = w.kestrel.book(
            customer=w.ada, start=start, end=start + dt.timedelta(hours=8), by=w.ada.user
        )
        text = words(look(ada, "booking", booking.pk))
        assert "It comes with the next invoice, on 1 December 2026." in text
        invoice = invoice_now(w.ada, w.house, by=w.anton)
        text = words(look(ada, "booking", booking.pk))
        assert f"It is on invoice {invoice.number}." in text

    def test_of_what_another_one_pays_nothing_is_told(self, w, omar):
        w.team.set_admin(w.omar, True, by=w.mona)
        data = {"starts_on": TODAY.isoformat(), "on_behalf_of": str(w.team.pk), "preview": "1"}
        answer = send(omar, "plan_join", w.hot_desk.pk, **data)
        assert "Lin & Co" in words(answer)
        assert "Your next invoices" not in words(answer)
