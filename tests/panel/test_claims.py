"""Claims in the panel: entered on the account, listed, paid, written off and cancelled."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Claim, Payment
from billing.models.paying import receive, refund
from kit.problems import Refused
from tests import story
from tests.billing.test_claims import claimed
from tests.billing.test_invoices import issued
from tests.panel.test_customers import words
from tests.panel.test_invoices import table
from tests.story import day

D = Decimal
LIST, CSV = "/panel/claims/", "/panel/claims/claims.csv"
DEEDS = ["claim_payment", "claim_write_off", "claim_write_off_withdrawal", "claim_cancellation"]


@pytest.fixture
def anton(w, client):
    client.force_login(w.anton)
    return client


def address(name: str, row) -> str:
    return reverse(f"panel:{name}", args=[row.pk])


def send(client, name: str, row, *, key: str = "", **fields):
    """Send a form; its key is that of the page and the row unless given."""
    return client.post(address(name, row), {"form_key": key or f"{name}-{row.pk}", **fields})


def errors(answer) -> dict[str, list[str]]:
    return {name: [e.code for e in found.as_data()] for name, found in
            answer.context["form"].errors.items()}  # fmt: skip


class TestWhoMayCome:
    def test_whoever_sees_the_panel_sees_them_and_only_bookkeepers_touch_them(self, w, client):
        claim = claimed(w)
        for user, may_see, may_do in ((w.frida, 200, 403), (w.ada.user, 403, 403),
                                      (w.anton, 200, 200)):  # fmt: skip
            client.force_login(user)
            for page in (LIST, CSV, address("claim", claim)):
                assert client.get(page).status_code == may_see, page
            for name in DEEDS:
                assert client.get(address(name, claim)).status_code == may_do, name

    def test_a_stranger_is_asked_to_sign_in(self, w, client):
        claim = claimed(w)
        for page in (LIST, CSV, address("claim", claim), address("claim_payment", claim)):
            assert client.get(page)["Location"].startswith("/portal/login/")

    def test_pages_that_only_show_take_no_post(self, w, anton):
        for page in (LIST, CSV, address("claim", claimed(w))):
            assert anton.post(page).status_code == 405

    def test_a_claim_of_another_location_is_not_found(self, w, client):
        hill = story.house(name="Hill House")
        claim = claimed(w, location=hill)
        keeper = story.login("hanna@example.com")
        keeper.give_role("accountant", by=w.mona, location=w.house)
        client.force_login(keeper)
        for name in ("claim", *DEEDS):
            assert client.get(address(name, claim)).status_code == 404
        assert "Opening balance" not in words(client.get(LIST))


class TestEntering:
    def test_it_is_entered_once_and_stands_on_the_account(self, w, anton):
        fields = {"text": "Opening balance", "amount": "120.50", "on": "2026-11-10", "due_on": ""}
        for _time in range(2):
            answer = send(anton, "claim_new", w.ada, **fields)
            assert answer["Location"] == address("account", w.ada)
        claim = Claim.objects.get()
        assert (claim.amount, claim.due_on) == (D("120.50"), day("2026-11-24"))
        page = anton.get(address("account", w.ada))
        assert page.context["standings"][0].due == D("120.50")
        assert address("claim", claim) in page.content.decode()

    @pytest.mark.parametrize(
        ("fields", "field", "code"),
        [
            ({"amount": "0"}, "amount", "invalid_amount"),
            ({"amount": "-5"}, "amount", "invalid_amount"),
            ({"amount": "1.005"}, "amount", "amount_too_fine"),
            ({"text": " "}, "text", "required"),
            ({"on": "2026-11-21"}, "on", "future_date"),
            ({"due_on": "2026-11-09"}, "due_on", "due_before_on"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, w, anton, fields, field, code):
        usual = {"text": "Opening balance", "amount": "10", "on": "2026-11-10"}
        answer = send(anton, "claim_new", w.ada, **usual | fields)
        assert answer.status_code == 422
        assert errors(answer) == {field: [code]}
        assert not Claim.objects.exists()

    def test_with_several_locations_it_asks_which(self, w, client):
        hill = story.house(name="Hill House")
        claimed(w, 1, location=hill)
        client.force_login(w.mona)
        send(client, "claim_new", w.ada, text="A key", amount="5", on="2026-11-20",
             location=hill.pk)  # fmt: skip
        assert Claim.objects.get(text="A key").location == hill


class TestOneClaim:
    def test_the_record_says_what_is_due_and_what_has_happened(self, w, anton):
        claim = claimed(w)
        claim.record_payment(amount=40, by=w.anton)
        text = words(anton.get(address("claim", claim)))
        for said in ("Opening balance", "€60.00", "Paid €40.00", "Due by 4 Dec 2026",
                     claim.reference):  # fmt: skip
            assert said in text, said

    def test_a_payment_is_recorded_for_it(self, w, anton):
        claim = claimed(w)
        form = anton.get(address("claim_payment", claim)).context["form"]
        assert form["amount"].value() == 100
        answer = send(anton, "claim_payment", claim, amount="100", on="2026-11-20", method="cash")
        assert answer["Location"] == address("claim", claim)
        payment = Payment.objects.get()
        assert (payment.claim, payment.method) == (claim, "cash")
        row = table(anton.get("/panel/payments/payments.csv"))[0]
        assert (row["Claim"], row["Invoice"]) == ("Opening balance", "")
        assert address("claim", claim) in anton.get("/panel/payments/").content.decode()
        assert address("claim", claim) in anton.get(address("account", w.ada)).content.decode()

    def test_neither_a_deposit_nor_opening_credit_pays_it(self, w, anton):
        claim = claimed(w)
        for method in ("deposit", "opening"):
            answer = send(anton, "claim_payment", claim, amount="1", on="2026-11-20",
                          method=method)  # fmt: skip
            assert errors(answer) == {"method": ["invalid_choice"]}

    def test_it_is_written_off_expected_again_and_cancelled(self, w, anton):
        claim = claimed(w)
        answer = send(anton, "claim_write_off", claim, reason="")
        assert errors(answer) == {"reason": ["required"]}
        send(anton, "claim_write_off", claim, reason="Gone")
        assert Claim.objects.get().settlement == "written_off"
        send(anton, "claim_write_off_withdrawal", claim)
        assert Claim.objects.get().settlement == "open"
        send(anton, "claim_cancellation", claim, reason="Entered twice")
        assert Claim.objects.get().settlement == "cancelled"
        text = words(anton.get(address("claim", claim)))
        assert "Entered twice" in text
        assert "Actions" not in text
        answer = send(anton, "claim_cancellation", claim, key="another", reason="Again")
        assert answer.status_code == 422

    def test_money_for_a_written_off_one_is_asked_for_as_it_was(self, w, anton):
        claim, invoice = claimed(w, 30), issued(w)
        for row, name, sum_ in ((claim, "claim_payment", 30), (invoice, "invoice_payment", 120)):
            row.write_off(reason="Gone", by=w.anton)
            page = anton.get(address(name, row))
            assert page.context["form"]["amount"].value() == sum_
            assert "is written off. What comes in lowers that first." in words(page)
            answer = send(anton, name, row, amount="20", on="2026-11-20", method="cash")
            assert answer.status_code == 302
            assert row.write_offs.get(withdrawn_at=None).amount == sum_ - 20

    def test_a_reversal_says_what_is_claimed_now(self, w, anton):
        payment = receive(w.ada, w.house, amount=80, by=w.anton)
        refund(w.ada, w.house, amount=80, by=w.anton)
        answer = send(anton, "payment_reversal", payment, reason="Bounced")
        said = words(anton.get(answer["Location"]))
        assert "€80.00 of it had been paid out: that is a claim now." in said
        text = words(anton.get(address("claim", Claim.objects.get())))
        assert "was taken back after a part of it had been paid out" in text
        assert "Cancel it" not in text


class TestTheList:
    def test_it_is_narrowed_down_by_state_and_words_and_adds_up(self, w, at, anton):
        one, other = claimed(w, 40, text="A key"), claimed(w, 60, w.noor, text="A lamp")
        one.record_payment(amount=40, by=w.anton)
        page = anton.get(LIST)
        assert [row.text for row in page.context["page"].rows] == ["A lamp", "A key"]
        assert [(sum_["total"], sum_["due"]) for sum_ in page.context["sums"]] == [(100, 60)]
        for query, found in (
            ("settlement=paid", [one]), ("settlement=open", [other]), ("q=lamp", [other]),
            (f"q={one.reference}", [one]), (f"customer={w.noor.pk}", [other]),
        ):  # fmt: skip
            assert anton.get(f"{LIST}?{query}").context["page"].rows == found, query
        rows = table(anton.get(f"{CSV}?settlement=paid"))
        assert [
            (row["Reference"], row["State"], row["Amount"], row["Still due"]) for row in rows
        ] == [(one.reference, "Paid", "40.00", "0.00")]

    def test_without_any_it_says_where_they_come_from(self, w, anton):
        assert "No claims yet" in words(anton.get(LIST))

    def test_thirty_ask_as_much_as_one(self, w, anton):
        def asked() -> list[int]:
            counts = []
            for page in (LIST, CSV, address("account", w.ada), "/panel/debts/"):
                with CaptureQueriesContext(connection) as queries:
                    answer = anton.get(page)
                    assert answer.status_code == 200
                    if answer.streaming:
                        b"".join(answer.streaming_content)
                counts.append(len(queries))
            return counts

        claimed(w)
        asked()
        before = asked()
        for number in range(30):
            claimed(w, number + 1)
        assert asked() == before


class TestOtherPages:
    def test_aged_debt_of_a_year_end_has_claims_in_page_and_file(self, w, at, anton):
        claim = claimed(w, 40, on=day("2026-09-01"), due_on=day("2026-09-15"))
        at("2027-01-10")
        claim.record_payment(amount=40, by=w.anton)
        anton.force_login(w.anton)
        page = anton.get("/panel/debts/?on=2026-12-31")
        [(row, _cells)] = page.context["rows"]
        assert (row.customer, row.sums) == (w.ada, (0, 0, 0, 0, 40))
        assert address("account", w.ada) in page.content.decode()
        assert table(anton.get("/panel/debts/debts.csv?on=2026-12-31"))[-1]["Total"] == "40.00"
        assert table(anton.get("/panel/debts/debts.csv"))[-1]["Total"] == "0.00"

    def test_what_tomorrow_will_send_names_the_claim(self, w, at, anton):
        claim = claimed(w, due_on=day("2026-12-04"))
        at("2026-12-10")
        anton.force_login(w.anton)
        page = anton.get("/panel/debts/")
        [step] = page.context["steps"]
        assert (step.customer, step.payable, step.days) == (w.ada, claim, 7)
        assert address("claim", claim) in page.content.decode()

    def test_a_payment_to_the_account_shows_what_it_pays_first(self, w, anton):
        old = claimed(w, 40, on=day("2026-01-01"), due_on=day("2026-01-01"))
        invoice = issued(w)
        page = anton.get(address("payment_new", w.ada))
        assert page.context["unpaid"] == [old, invoice]
        send(anton, "payment_new", w.ada, amount="40", on="2026-11-20", method="opening")
        assert Claim.objects.get().settlement == "paid"
        assert Payment.objects.get().method == "opening"

    def test_home_counts_unpaid_claims_where_there_are_any(self, w, anton):
        assert "Unpaid claims" not in words(anton.get("/panel/"))
        claimed(w)
        text = words(anton.get("/panel/"))
        assert "Unpaid claims 1 €100.00" in text

    def test_a_customer_with_an_unpaid_claim_is_not_archived(self, w, anton):
        nina = story.person(w.house, "Nina Novak")
        claimed(w, customer=nina)
        with pytest.raises(Refused):
            nina.archive(by=w.mona)
        anton.force_login(w.mona)
        text = words(anton.get(address("customer_archive", nina)))
        assert "The claim “Opening balance” is not paid." in text
