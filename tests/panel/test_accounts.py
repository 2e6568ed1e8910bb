"""A customer's account in the panel: what is owed and why, what comes next, and what is done."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import deposits
from billing.charging import charge_other
from billing.models import Account, Charge, Invoice, Payment
from billing.models.issuing import invoice_now
from billing.models.paying import receive
from billing.runs import run_billing
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day

D = Decimal
KEEP = ["charge_new", "claim_new", "invoice_new", "payment_new", "refund_new", "give_back"]
SERVE = ["sale_new", "subscription_new"]


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def page_of(name: str, customer) -> str:
    return reverse(f"panel:{name}", args=[customer.pk])


def send(client, name: str, customer, *, key: str = "a-key-of-a-form", **fields):
    return client.post(page_of(name, customer), {"form_key": key, **fields})


def errors(answer) -> dict[str, list[str]]:
    return {name: [e.code for e in found.as_data()] for name, found in
            answer.context["form"].errors.items()}  # fmt: skip


def owes(w, customer=None, amount="100", **fields) -> Charge:
    return charge_other(
        customer or w.ada, w.house, text="Printing", amount=amount, by=w.mona, **fields
    )


class TestWhoMayCome:
    @pytest.mark.parametrize("name", ["account", *KEEP, *SERVE])
    def test_a_stranger_is_asked_to_sign_in(self, w, client, name):
        assert client.get(page_of(name, w.ada))["Location"].startswith("/portal/login/")

    @pytest.mark.parametrize("name", ["account", *KEEP, *SERVE])
    def test_a_customer_is_turned_away(self, w, client, name):
        client.force_login(w.ada.user)
        assert client.get(page_of(name, w.ada)).status_code == 403

    @pytest.mark.parametrize(
        ("who", "allowed"),
        [
            ("mona", ["account", *KEEP, *SERVE]),
            ("manager", ["account", *KEEP, *SERVE]),
            ("frida", ["account", *SERVE]),
            ("anton", ["account", *KEEP]),
        ],
    )
    def test_each_role_comes_as_far_as_its_rights_go(self, w, client, who, allowed):
        client.force_login(getattr(w, who))
        seen = [
            name
            for name in ["account", *KEEP, *SERVE]
            if client.get(page_of(name, w.ada)).status_code == 200
        ]
        assert seen == allowed

    def test_only_what_is_allowed_is_offered(self, w, client):
        for who, offered in ((w.frida, SERVE), (w.anton, KEEP)):
            client.force_login(who)
            page = client.get(page_of("account", w.ada)).content.decode()
            for name in [*KEEP, *SERVE]:
                assert (f'href="{page_of(name, w.ada)}"' in page) is (name in offered), name

    def test_the_account_takes_no_post(self, w, mona):
        assert mona.post(page_of("account", w.ada)).status_code == 405

    def test_nobody_has_no_account(self, mona):
        assert mona.get("/panel/customers/999999/account/").status_code == 404

    def test_an_account_elsewhere_is_neither_shown_nor_charged(self, w, client):
        hill = story.house(name="Hill House")
        charge_other(w.ada, hill, text="A day on the hill", amount=20, by=w.mona)
        keeper = story.login("hanna@example.com")
        keeper.give_role("accountant", by=w.mona, location=w.house)
        client.force_login(keeper)
        text = words(client.get(page_of("account", w.ada)))
        assert "A day on the hill" not in text
        answer = send(client, "charge_new", w.ada, text="x", amount="5", on="2026-11-20",
                      location=hill.pk)  # fmt: skip
        assert answer.status_code in (302, 422)
        assert not Charge.objects.filter(location=hill, text="x").exists()

    def test_whoever_keeps_the_books_elsewhere_may_see_but_not_charge(self, w, client):
        hill = story.house(name="Hill House")
        mixed = story.login("mix@example.com")
        mixed.give_role("front_desk", by=w.mona, location=w.house)
        mixed.give_role("accountant", by=w.mona, location=hill)
        client.force_login(mixed)
        assert client.get(page_of("account", w.ada)).status_code == 200
        assert client.get(page_of("charge_new", w.ada)).status_code == 403


class TestThePage:
    def test_it_says_what_is_due_overdue_left_and_waiting(self, w, mona, at):
        owes(w, amount="100")
        invoice_now(w.ada, w.house, by=w.mona)
        owes(w, amount="7")
        [standing] = mona.get(page_of("account", w.ada)).context["standings"]
        assert (standing.due, standing.overdue, standing.credit, standing.waiting) == (
            D("120"), D(0), D(0), D("8.40"),
        )  # fmt: skip
        at("2026-12-05")
        mona.force_login(w.mona)
        [standing] = mona.get(page_of("account", w.ada)).context["standings"]
        assert standing.overdue == D("120")

    def test_the_next_invoices_say_their_day_why_then_and_line_by_line_why_so_much(self, w, mona):
        run_billing(by=w.mona)
        answer = mona.get(page_of("account", w.ada))
        assert [str(one.coming.date) for one in answer.context["next_invoices"]] == [
            "2026-12-01", "2027-01-01", "2027-02-01",
        ]  # fmt: skip
        text = words(answer)
        assert "Tuesday, 1 December 2026" in text
        assert "A cycle of Hot Desk ends" in text
        assert "30 of 30 days are paid" in text
        assert "€300.00" in text

    def test_a_date_that_has_come_is_late(self, w, mona, at):
        at("2026-12-02")
        mona.force_login(w.mona)
        answer = mona.get(page_of("account", w.ada))
        assert answer.context["next_invoices"][0].is_late
        assert "the billing run has not been done since" in words(answer)
        assert f'href="{reverse("panel:runs")}"' in answer.content.decode()

    def test_whatever_is_not_invoiced_says_why_and_where_that_is_mended(self, w, mona):
        run_billing(by=w.mona)
        waits = owes(w)
        answer = mona.get(page_of("account", w.ada))
        [why] = answer.context["not_invoiced"].waiting
        assert (why.code, why.what, why.amount, why.date) == (
            "waits", "Printing", D("120"), day("2026-12-01"),
        )  # fmt: skip
        assert f"charge={waits.pk}" in why.mend[1]
        invoice = invoice_now(w.ada, w.house, by=w.mona, issue=False)
        [why] = mona.get(page_of("account", w.ada)).context["not_invoiced"].urgent
        assert (why.code, why.mend[1]) == ("draft", reverse("panel:invoice", args=[invoice.pk]))

    def test_a_suspension_is_told_with_the_way_to_lift_it(self, w, mona, at):
        at("2026-12-02")
        mona.force_login(w.mona)
        answer = mona.get(page_of("account", w.viktor))
        codes = {one.code for one in answer.context["not_invoiced"].urgent}
        assert "suspended" in codes
        held = next(o for o in answer.context["not_invoiced"].urgent if o.code == "suspended")
        assert held.mend[1] == reverse("panel:customer_reinstatement", args=[w.viktor.pk])
        assert (
            "Fees are not billed while somebody is suspended" in words(answer)
            or (answer.context["next_invoices"])
        )

    def test_the_charges_are_filtered_by_the_address(self, w, mona):
        owes(w)
        void = owes(w, amount="5")
        from billing.charging import take_back

        take_back(void, reason="A mistake", by=w.mona)
        owes(w, w.noor)

        def found(asked: str) -> list[int]:
            answer = mona.get(f"{page_of('account', w.ada)}?{asked}")
            return [one.pk for one in answer.context["page"].rows]

        assert len(found("")) == 2
        assert len(found("state=waiting")) == 1
        assert found("state=void") == [void.pk]
        assert found("state=invoiced") == []
        assert len(found("kind=other")) == 2
        assert found("kind=fee") == []
        assert found("from_on=2026-11-21") == []
        assert "is not understood" in words(mona.get(f"{page_of('account', w.ada)}?state=x"))

    def test_what_was_used_for_a_team_points_to_whoever_pays(self, w, mona):
        story.sellable(w)
        w.coffee.sell(w.omar, by=w.mona, on_behalf_of=w.team)
        answer = mona.get(page_of("account", w.omar))
        assert [one.pk for one in answer.context["paid_by"]] == [w.lin.pk]
        assert "used by Omar Haddad" in words(mona.get(page_of("account", w.lin)))

    def test_an_empty_account_says_how_it_fills(self, w, mona):
        text = words(mona.get(page_of("account", w.omar)))
        assert "Nothing is on this account yet" in text
        assert "Nothing was charged yet" in text

    def test_looking_opens_no_account(self, w, mona):
        before = Account.objects.count()
        mona.get(page_of("account", w.omar))
        mona.get(reverse("panel:customer", args=[w.omar.pk]))
        assert Account.objects.count() == before

    def test_several_locations_stand_apart(self, w, mona):
        hill = story.house(name="Hill House", currency="GBP")
        charge_other(w.ada, hill, text="A day on the hill", amount=20, by=w.mona)
        owes(w)
        answer = mona.get(page_of("account", w.ada))
        assert {one.location.name for one in answer.context["standings"]} == {
            "Riverside House", "Hill House",
        }  # fmt: skip
        assert "£24.00" in words(answer)

    def test_thirty_of_everything_ask_as_much_as_one(self, w, mona):
        story.sellable(w)

        def one_more() -> None:
            owes(w, amount="10")
            receive(w.ada, w.house, amount=5, by=w.mona)
            made = invoice_now(w.ada, w.house, by=w.mona)
            made.credit(reason="Too much", by=w.mona)
            w.locker.subscribe(w.ada, starts_on=TODAY, by=w.mona)
            owes(w, amount="3")

        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(page_of("account", w.ada)).status_code == 200
            return len(queries)

        one_more()
        asked()
        few = asked()
        for _number in range(30):
            one_more()
        assert asked() == few


class TestCharging:
    def test_something_else_is_charged(self, w, anton):
        answer = send(anton, "charge_new", w.ada, text="A new key", amount="25", on="2026-11-20")
        assert answer["Location"] == page_of("account", w.ada)
        charge = w.ada.charges.get(kind="other")
        assert (charge.text, charge.total, charge.by) == ("A new key", D("30"), w.anton)

    def test_sent_twice_it_charges_once(self, w, anton):
        for _time in range(2):
            send(anton, "charge_new", w.ada, text="A new key", amount="25", on="2026-11-20")
        assert w.ada.charges.filter(kind="other").count() == 1

    def test_the_preview_charges_nothing_and_shows_tax_and_day(self, w, anton):
        run_billing(by=w.mona)
        answer = send(anton, "charge_new", w.ada, text="A new key", amount="25", preview="1",
                      on="2026-11-20")  # fmt: skip
        assert answer.status_code == 200
        assert "€30.00" in words(answer)
        assert "It goes onto the invoice of 1 Dec 2026." in words(answer)
        assert not w.ada.charges.filter(kind="other").exists()

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"amount": "0"}, {"amount": ["invalid_amount"]}),
            ({"amount": "1.005"}, {"amount": ["amount_too_fine"]}),
            ({"text": ""}, {"text": ["required"]}),
            ({"tax_rate": "120"}, {"tax_rate": ["tax_rate"]}),
            ({"on": "2000-01-01"}, {"on": ["date_out_of_range"]}),
        ],
    )
    def test_refusals_stand_beside_their_fields(self, w, anton, fields, said):
        sent = {"text": "A key", "amount": "5", "on": "2026-11-20"} | fields
        answer = send(anton, "charge_new", w.ada, **sent)
        assert answer.status_code == 422
        assert errors(answer) == said


class TestInvoicingNow:
    def test_all_that_waits_is_invoiced(self, w, anton):
        one, two = owes(w), owes(w, amount="5")
        answer = send(anton, "invoice_new", w.ada, charges=[one.pk, two.pk], how="issue")
        invoice = Invoice.objects.get()
        assert answer["Location"] == reverse("panel:invoice", args=[invoice.pk])
        assert (invoice.total, invoice.state) == (D("126"), "issued")

    def test_what_is_not_ticked_goes_on_waiting(self, w, anton):
        one, two = owes(w), owes(w, amount="5")
        send(anton, "invoice_new", w.ada, charges=[two.pk], how="draft")
        assert [line.charge_id for line in Invoice.objects.get().lines.all()] == [two.pk]
        assert Invoice.objects.get().state == "draft"
        assert list(w.ada.charges.waiting().filter(kind="other")) == [one]

    def test_sent_twice_it_makes_one_invoice(self, w, anton):
        one = owes(w)
        first = send(anton, "invoice_new", w.ada, charges=[one.pk], how="issue")
        second = send(anton, "invoice_new", w.ada, charges=[one.pk], how="issue")
        assert first["Location"] == second["Location"]
        assert Invoice.objects.count() == 1

    def test_the_preview_adds_up_what_is_ticked(self, w, anton):
        one, _two = owes(w), owes(w, amount="5")
        answer = send(anton, "invoice_new", w.ada, charges=[one.pk], how="issue", preview="1")
        assert answer.context["total"] == D("120")
        assert not Invoice.objects.exists()

    def test_nothing_ticked_is_said(self, w, anton):
        owes(w)
        assert errors(send(anton, "invoice_new", w.ada, how="issue")) == {"charges": ["required"]}

    def test_where_nothing_waits_it_says_so(self, w, anton):
        assert "Nothing waits on this account." in words(anton.get(page_of("invoice_new", w.omar)))

    def test_somebody_elses_charge_is_not_taken(self, w, anton):
        other = owes(w, w.noor)
        answer = send(anton, "invoice_new", w.ada, charges=[other.pk], how="issue")
        assert answer.status_code == 422
        assert not Invoice.objects.exists()


class TestMoney:
    def test_a_payment_without_an_invoice_pays_the_oldest(self, w, anton):
        owes(w)
        invoice = invoice_now(w.ada, w.house, by=w.mona)
        assert "It pays in this order:" in words(anton.get(page_of("payment_new", w.ada)))
        answer = send(anton, "payment_new", w.ada, amount="150", on="2026-11-20", method="transfer")
        assert answer["Location"] == page_of("account", w.ada)
        invoice.refresh_from_db()
        assert invoice.due == 0
        assert Account.objects.get(customer=w.ada).credit == D("30")

    def test_sent_twice_it_is_one_payment(self, w, anton):
        for _time in range(2):
            send(anton, "payment_new", w.ada, amount="15", on="2026-11-20", method="cash")
        assert Payment.objects.count() == 1

    def test_a_payment_of_tomorrow_is_refused_beside_the_day(self, w, anton):
        answer = send(anton, "payment_new", w.ada, amount="15", on="2026-11-21", method="cash")
        assert errors(answer) == {"on": ["future_date"]}

    def test_credit_is_paid_out_as_far_as_it_goes(self, w, anton):
        receive(w.ada, w.house, amount=40, by=w.mona)
        answer = send(anton, "refund_new", w.ada, amount="50", on="2026-11-20", method="transfer")
        assert errors(answer) == {"__all__": ["credit_used_up"]}
        send(anton, "refund_new", w.ada, key="another", amount="40", on="2026-11-20",
             method="transfer")  # fmt: skip
        assert Account.objects.get(customer=w.ada).credit == 0

    def test_a_deposit_comes_back_whole_or_less_for_a_reason(self, w, anton):
        w.office.edit({"deposit": D("500")}, by=w.mona)
        w.office.sign_up(w.omar, starts_on=TODAY, by=w.mona)
        [held] = deposits.of(w.omar)
        account = anton.get(page_of("account", w.omar))
        assert [one.worth for one in account.context["deposits"]] == [D("500")]
        address = reverse("panel:deposit_return", args=[held.pk])
        answer = anton.post(address, {"form_key": "a", "amount": "400", "reason": ""})
        assert errors(answer) == {"reason": ["reason_missing"]}
        anton.post(address, {"form_key": "b", "amount": "400", "reason": "A broken chair"})
        assert deposits.of(w.omar) == []
        text = words(anton.get(reverse("panel:charge", args=[held.pk])))
        assert "€100.00 was kept: A broken chair" in text


class TestGivingBack:
    def test_the_preview_says_which_invoices_are_credited_and_stores_nothing(self, w, anton):
        owes(w)
        invoice = invoice_now(w.ada, w.house, by=w.mona)
        invoice.record_payment(amount=invoice.total, by=w.mona)
        owes(w, amount="10")
        other = invoice_now(w.ada, w.house, by=w.mona)
        assert f"Up to €{invoice.total + other.total}" in words(
            anton.get(page_of("give_back", w.ada))
        )
        answer = send(anton, "give_back", w.ada, amount="20", reason="Noise", preview="1")
        assert [note.invoice for note in answer.context["notes"]] == [other, invoice]
        assert (answer.context["total"], answer.context["to_credit"]) == (20, 8)
        assert not w.ada.credit_notes.exists()

    def test_it_is_credited_and_said(self, w, anton):
        owes(w)
        invoice_now(w.ada, w.house, by=w.mona)
        answer = send(anton, "give_back", w.ada, amount="20", reason="Noise")
        assert answer["Location"] == page_of("account", w.ada)
        note = w.ada.credit_notes.get()
        assert (note.total, note.reason, note.issued_by) == (20, "Noise", w.anton)

    @pytest.mark.parametrize(
        ("amount", "reason", "wrong"),
        [("-5", "Noise", {"amount": ["invalid_amount"]}), ("", "x", {"amount": ["required"]}),
         ("5", "", {"reason": ["required"]}), ("999", "Noise", {"amount": ["more_than_left"]})],
    )  # fmt: skip
    def test_what_is_wrong_is_said_beside_the_field(self, w, anton, amount, reason, wrong):
        owes(w)
        invoice_now(w.ada, w.house, by=w.mona)
        answer = send(anton, "give_back", w.ada, amount=amount, reason=reason)
        assert errors(answer) == wrong
        assert not w.ada.credit_notes.exists()


class TestTheCustomersRecord:
    def test_it_says_what_is_due_and_the_next_invoice(self, w, frida):
        run_billing(by=w.mona)
        owes(w)
        answer = frida.get(reverse("panel:customer", args=[w.ada.pk]))
        text = words(answer)
        assert page_of("account", w.ada) in answer.content.decode()
        assert "Not invoiced yet €120.00" in text
        assert "Next invoice 1 Dec 2026: a cycle of Hot Desk ends €420.00" in text

    def test_whoever_lifts_a_suspension_sees_what_is_charged_or_waived(self, w, mona, at):
        at("2026-12-02")
        mona.force_login(w.mona)
        text = words(mona.get(reverse("panel:customer_reinstatement", args=[w.viktor.pk])))
        assert "Hot Desk, 1 Nov to 30 Nov 2026: €250.00 before tax" in text


class TestSettings:
    def test_the_billing_of_a_location_is_set(self, w, mona):
        address = reverse("panel:location", args=[w.house.pk])
        page = mona.get(address)
        assert "The next one is RH-00001." in words(page)
        form = page.context["form"]
        data = {}
        for bound in form:
            value = bound.value()
            if value not in (None, False):
                data[bound.html_name] = "on" if value is True else value
            data[bound.html_initial_name] = (
                "" if value in (None, False) else "True" if value is True else value
            )
        data |= {"invoice_prefix": "R-", "reminder_days": "3, 9", "suspend_after_days": "30",
                 "payment_text": "Please pay\r\nin time", "iban": "GB00 1234"}  # fmt: skip
        assert mona.post(address, data).status_code == 302
        w.house.refresh_from_db()
        assert (w.house.invoice_prefix, w.house.reminders, w.house.suspend_after_days) == (
            "R-", [3, 9], 30,
        )  # fmt: skip
        assert w.house.payment_text == "Please pay\nin time"
        assert w.house.run_issues is True
        assert "The next one is R-00001." in words(mona.get(address))

    def test_looking_at_the_settings_begins_no_series(self, w, mona):
        from billing.models import Series

        mona.get(reverse("panel:location", args=[w.house.pk]))
        assert not Series.objects.exists()


def test_home_counts_what_is_unpaid_and_overdue_and_opens_the_lists(w, mona, at):
    owes(w)
    invoice_now(w.ada, w.house, by=w.mona)
    owes(w, w.noor, amount="10")
    invoice_now(w.noor, w.house, by=w.mona)
    figures = mona.get(reverse("panel:home")).context["of_money"]
    assert [(one.value, one.note) for one in figures] == [(2, "€132.00"), (0, "nobody is late")]
    at("2026-12-10")
    mona.force_login(w.mona)
    for figure in mona.get(reverse("panel:home")).context["of_money"]:
        assert len(mona.get(figure.url).context["page"].rows) == figure.value
