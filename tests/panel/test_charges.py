"""Charges in the panel: the list, one with its whole explanation, and taking one back."""

import csv
import io
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.charging import charge_other
from billing.models import Charge, CreditNote
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from tests import story
from tests.panel.test_customers import words
from tests.story import day

D = Decimal
LIST, CSV = "/panel/charges/", "/panel/charges/charges.csv"


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


@pytest.fixture
def charge(w) -> Charge:
    return charge_other(w.ada, w.house, text="Printing", amount=100, by=w.mona)


def at_page(name: str, charge) -> str:
    return reverse(f"panel:{name}", args=[charge.pk])


def take_back(client, charge, *, key: str = "a-key", reason: str = "A mistake"):
    return client.post(at_page("charge_taking_back", charge), {"form_key": key, "reason": reason})


class TestWhoMayCome:
    def test_all_staff_may_read_and_only_those_who_keep_books_take_back(self, w, client, charge):
        for who, may in (("frida", 403), ("anton", 200), ("manager", 200), ("mona", 200)):
            client.force_login(getattr(w, who))
            assert client.get(LIST).status_code == 200
            assert client.get(CSV).status_code == 200
            page = client.get(at_page("charge", charge))
            assert page.status_code == 200
            assert ("/taking-back/" in page.content.decode()) is (may == 200)
            assert client.get(at_page("charge_taking_back", charge)).status_code == may

    def test_a_customer_is_turned_away(self, w, client, charge):
        client.force_login(w.ada.user)
        assert client.get(LIST).status_code == 403
        assert client.get(at_page("charge", charge)).status_code == 403

    def test_what_is_read_takes_no_post(self, anton, charge):
        for to in (LIST, CSV, at_page("charge", charge)):
            assert anton.post(to).status_code == 405

    def test_a_charge_of_another_location_is_not_found(self, w, client):
        hill = story.house(name="Hill House")
        there = charge_other(w.ada, hill, text="On the hill", amount=5, by=w.mona)
        keeper = story.login("hanna@example.com")
        keeper.give_role("accountant", by=w.mona, location=w.house)
        client.force_login(keeper)
        assert client.get(at_page("charge", there)).status_code == 404
        assert "On the hill" not in words(client.get(LIST))


class TestTheList:
    def found(self, client, asked: str = "") -> list[str]:
        return [one.text for one in client.get(f"{LIST}?{asked}").context["page"].rows]

    def test_the_address_says_what_is_shown(self, w, anton, charge):
        story.sellable(w)
        take_back(anton, charge)
        for asked, found in [
            ("", ["3 × Coffee", "Printing"]),
            ("state=waiting", ["3 × Coffee"]),
            ("state=void", ["Printing"]),
            ("kind=sale", ["3 × Coffee"]),
            (f"product={w.coffee.pk}", ["3 × Coffee"]),
            ("q=print", ["Printing"]),
            ("q=ada", ["3 × Coffee", "Printing"]),
            ("q=noor", []),
            (f"customer={w.noor.pk}", []),
            ("until_on=2026-11-19", []),
        ]:
            assert self.found(anton, asked) == found, asked

    @pytest.mark.parametrize("name", ["customer", "product", "contract", "subscription"])
    @pytest.mark.parametrize("value", ["9" * 30, "1e30", "1.5", "-1", "NaN", "x"])
    def test_a_key_that_is_none_is_told_and_not_followed(self, anton, charge, name, value):
        answer = anton.get(LIST, {name: value})
        assert answer.status_code == 200
        assert "is not understood" in words(answer)

    def test_what_was_taken_back_does_not_count(self, w, anton, charge):
        story.sellable(w)
        take_back(anton, charge)
        [sums] = anton.get(LIST).context["sums"]
        assert (sums["net"], sums["taxes"], sums["total"]) == (D("6"), D("1.2"), D("7.2"))

    def test_the_file_has_the_rows_of_the_list(self, w, anton, charge):
        story.sellable(w)
        text = b"".join(anton.get(f"{CSV}?kind=sale").streaming_content).decode("utf-8-sig")
        [head, row] = csv.reader(io.StringIO(text))
        assert dict(zip(head, row, strict=True))["Total"] == "7.20"

    def test_thirty_rows_ask_as_much_as_one(self, w, anton):
        story.sellable(w)

        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anton.get(LIST).status_code == 200
            return len(queries)

        asked()
        few = asked()
        for number in range(30):
            person = story.person(w.house, f"Pia{number} Person")
            w.coffee.sell(person, by=w.mona)
        invoice_now(w.ada, w.house, by=w.mona)
        assert asked() == few

    def test_an_empty_list_says_what_to_do(self, w, anton):
        assert "No charges yet" in words(anton.get(LIST))
        assert "No charge matches" in words(anton.get(f"{LIST}?kind=sale"))


class TestOne:
    def test_it_tells_how_its_amount_comes_about(self, w, anton, at):
        at("2026-12-01")
        anton.force_login(w.anton)
        run_billing(by=w.mona)
        fee = w.ada.charges.filter(kind="fee").latest("on")
        text = words(anton.get(at_page("charge", fee)))
        assert "for the whole cycle: the plan's price" in text
        assert "30 of 30 days are paid" in text
        assert "20 % tax" in text
        assert "To pay, tax included €300.00" in text
        assert fee.invoice.number in text

    def test_an_adjustment_points_to_the_fee_that_it_adjusts(self, w, anton, at):
        plan = story.plan(w.house, "Day Desk", "310", billing_day=1, fee_due="in_advance",
                          prorate_last=True)  # fmt: skip
        contract = plan.sign_up(w.omar, starts_on=day("2026-11-01"), by=w.mona, bill_missed=True)
        invoice_now(w.omar, w.house, by=w.mona)
        contract.add_price_step(400, from_on=day("2026-11-01"), by=w.mona)
        adjusted = w.omar.charges.get(kind="adjustment")
        answer = anton.get(at_page("charge", adjusted))
        assert [one.kind for one in answer.context["siblings"]] == ["fee"]
        assert "Charged before" in words(answer)

    def test_one_that_waits_says_for_which_day(self, w, anton):
        run_billing(by=w.mona)
        charge = charge_other(w.ada, w.house, text="Printing", amount=100, by=w.mona)
        text = words(anton.get(at_page("charge", charge)))
        assert "It goes onto the one of 1 Dec 2026." in text


class TestTakingBack:
    def test_what_waits_is_voided(self, w, anton, charge):
        page = anton.get(at_page("charge_taking_back", charge))
        assert page.context["becomes"] == "void"
        assert take_back(anton, charge)["Location"] == at_page("charge", charge)
        charge = Charge.objects.get(pk=charge.pk)
        assert charge.void.reason == "A mistake"
        assert "Taken back on 20 Nov 2026: A mistake" in words(anton.get(at_page("charge", charge)))

    def test_what_is_invoiced_is_credited_and_that_is_said_before(self, w, anton, charge):
        invoice = invoice_now(w.ada, w.house, by=w.mona)
        page = anton.get(at_page("charge_taking_back", charge))
        assert page.context["becomes"] == "credit"
        assert f"{invoice.number} has it already: a credit note of €120.00" in words(page)
        take_back(anton, charge)
        assert CreditNote.objects.get().total == D("120")
        text = words(anton.get(at_page("charge_taking_back", charge)))
        assert "Nothing is left of it to be taken back." in text
        assert "/taking-back/" not in anton.get(at_page("charge", charge)).content.decode()

    def test_what_is_on_a_draft_comes_off_it(self, w, anton, charge):
        invoice_now(w.ada, w.house, by=w.mona, issue=False)
        page = anton.get(at_page("charge_taking_back", charge))
        assert page.context["becomes"] == "off_draft"
        take_back(anton, charge)
        assert Charge.objects.get(pk=charge.pk).is_void

    def test_what_is_late_is_voided_while_no_invoice_has_it(self, w, anton, at):
        charge = charge_other(w.noor, w.house, text="Old", amount=100, on=day("2026-11-02"),
                              by=w.mona)  # fmt: skip
        at("2026-12-02")
        anton.force_login(w.anton)
        page = anton.get(at_page("charge_taking_back", charge))
        assert page.context["becomes"] == "void"
        take_back(anton, charge)
        assert charge.void.cause == "staff"
        assert not CreditNote.objects.exists()

    def test_sent_twice_it_is_taken_back_once(self, w, anton, charge):
        invoice_now(w.ada, w.house, by=w.mona)
        first, second = take_back(anton, charge), take_back(anton, charge)
        assert first["Location"] == second["Location"]
        assert CreditNote.objects.count() == 1

    def test_without_a_reason_it_is_refused_beside_the_field(self, anton, charge):
        answer = take_back(anton, charge, reason=" ")
        assert answer.status_code == 422
        assert "reason" in answer.context["form"].errors

    def test_twice_in_two_forms_is_refused_in_words(self, anton, charge):
        take_back(anton, charge)
        answer = take_back(anton, charge, key="another")
        assert "This charge was voided already." in words(answer)

    def test_pieces_go_back_into_stock_and_that_is_said_before(self, w, anton):
        story.sellable(w)
        w.coffee.restock(10, by=w.mona)
        sale = w.coffee.sell(w.ada, 2, by=w.mona)
        text = words(anton.get(at_page("charge_taking_back", sale)))
        assert "2 pieces go back into stock." in text
        take_back(anton, sale)
        w.coffee.refresh_from_db()
        assert w.coffee.stock == 10
