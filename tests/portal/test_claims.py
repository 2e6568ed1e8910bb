"""What customers see of claims: what they owe without an invoice, and how to pay it."""

import pytest

from billing.models import Claim
from tests.billing.test_claims import claimed
from tests.billing.test_invoices import issued
from tests.panel.test_customers import words
from tests.portal.conftest import look
from tests.portal.test_invoices import bank
from tests.story import day

__all__ = ["bank"]


def address(claim: Claim) -> str:
    return f"/portal/claims/{claim.pk}/"


def test_it_is_part_of_what_is_to_pay_with_its_reference(w, ada, bank):
    invoice = issued(w)
    claim = claimed(w, 40, text="Reminder fee", on=day("2026-11-10"), due_on=day("2026-11-30"))
    page = look(ada, "invoices")
    text = words(page)
    assert "To pay €160.00 Please pay the first of it by 30 Nov 2026." in text
    assert f"Reference {claim.reference}, {invoice.number}" in text
    assert "What you owe without an invoice. No tax is in it." in text
    assert address(claim) in page.content.decode()
    assert "To pay €160.00" in words(look(ada, "home"))


def test_one_claim_says_what_is_left_and_how_to_pay_it(w, ada, bank):
    claim = claimed(w, 40)
    claim.record_payment(amount=10, by=w.anton)
    text = words(ada.get(address(claim)))
    for said in ("Opening balance", "€30.00", "4 December", "€10.00 of €40.00 is settled already",
                 f"Reference {claim.reference}", "DE02 1203 0000 0000 2020 51"):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("record_payment", "It is paid. Thank you."),
        ("write_off", "What was open is not asked for any more."),
        ("cancel", "It was cancelled: you do not owe it."),
    ],
)
def test_nothing_is_to_pay_afterwards(w, ada, deed, said):
    claim = claimed(w)
    what = {"amount": 100} if deed == "record_payment" else {"reason": "A secret"}
    getattr(claim, deed)(**what, by=w.anton)
    text = words(ada.get(address(claim)))
    assert said in text
    assert "How to pay" not in text
    assert "A secret" not in text
    assert "There is nothing to pay at the moment." in words(look(ada, "invoices"))


def test_what_is_late_is_said_kindly(w, ada, at):
    claim = claimed(w)
    at("2026-12-10")
    ada.force_login(w.ada.user)
    assert "It was to be paid by 4 Dec 2026." in words(ada.get(address(claim)))


def test_it_takes_no_post_and_a_suspended_customer_sees_none(w, ada):
    claim = claimed(w)
    assert ada.post(address(claim)).status_code == 405
    w.ada.suspend(by=w.mona, reason="Noise")
    assert ada.get(address(claim)).status_code == 403


def test_a_claim_of_somebody_else_is_not_found(w, ada):
    assert ada.get(address(claimed(w, customer=w.noor))).status_code == 404
