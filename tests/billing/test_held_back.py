"""An invoice that cannot be issued yet waits as a draft, and nothing is refused for it."""

import pytest

from billing.models import BillingRunItem, Product
from billing.models.issuing import invoice_now
from kit.problems import Refused
from tests import story
from tests.billing.ledger import bill, is_sound
from tests.billing.test_fees import signed
from tests.story import day

pytestmark = pytest.mark.django_db
RAREST = "\U0001fadf"  # an emoji that no font of a server has yet


@pytest.fixture
def house():
    return story.house(tax_rate=20)


def test_a_run_goes_on_and_names_whom_it_could_not_invoice(at, house, no_machine_fonts):
    ada, other = (signed(at, house, "2026-11-01", "300").customer for _one in range(2))
    ada.edit({"full_name": "李小龍"}, by=None)
    bill(at, "2026-12-01")
    assert other.invoices.get().number
    held = ada.invoices.get()
    assert (held.state, held.number) == ("draft", None)
    item = BillingRunItem.objects.get(customer=ada)
    assert (item.outcome, item.invoice) == ("drafted", held)
    assert "李" in item.text
    with pytest.raises(Refused) as caught:
        held.issue(by=None)
    assert caught.value.codes == ["unprintable"]
    ada.edit({"full_name": "Li Xiaolong"}, by=None)
    held = type(held).objects.get(pk=held.pk)
    held.issue(by=None)
    assert held.buyer["name"] == "Li Xiaolong"
    is_sound()


def test_a_purchase_stands_although_its_invoice_waits(at, house, no_machine_fonts):
    house.edit({"invoice_at": "purchase"}, by=None)
    ada = story.person(house, "Ada สมชาย")
    at("2026-11-20")
    coffee = Product.objects.offer(name="Coffee", price=3, location=house, by=None)
    charge = coffee.sell(ada, by=None)
    charge.refresh_from_db()
    assert charge.state == "draft"
    is_sound()


def test_a_reverse_charge_whose_vat_id_was_removed_waits(at, house):
    lin = story.company(house, "Lin & Co", tax_number="ATU12345675")
    at("2026-11-20")
    lin.set_exemption(category="reverse_charge", from_on=day("2026-11-01"), by=None)
    coffee = Product.objects.offer(name="Coffee", price=3, location=house, by=None)
    coffee.sell(lin, by=None)
    lin.edit({"tax_number": ""}, by=None)
    bill(at, "2026-12-01")
    held = lin.invoices.get()
    assert held.state == "draft"
    with pytest.raises(Refused) as caught:
        held.issue(by=None)
    assert caught.value.codes == ["vat_id_missing"]
    lin.edit({"tax_number": "ATU12345675"}, by=None)
    type(held).objects.get(pk=held.pk).issue(by=None)
    is_sound()


def test_a_credit_note_is_never_held_back(at, house, no_machine_fonts):
    ada = story.person(house, "Ada")
    at("2026-11-20")
    coffee = Product.objects.offer(name="Coffee", price=3, location=house, by=None)
    coffee.sell(ada, by=None)
    invoice = invoice_now(ada, house, by=None)
    ada.edit({"full_name": f"Ada {RAREST}"}, by=None)
    assert invoice.credit(reason="Cold", by=None).number
