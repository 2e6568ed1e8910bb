"""The pages on which somebody says from which day which tax holds."""

from decimal import Decimal

import pytest
from django.urls import reverse

from billing.charging import charge_other
from billing.models import Charge
from billing.models.issuing import invoice_now
from tests import story

pytestmark = pytest.mark.django_db

PAGES = ["location_tax", "location_small_business", "plan_tax", "customer_tax"]


def page(w, name):
    key = {"plan_tax": w.hot_desk, "customer_tax": w.ada}.get(name, w.house).pk
    return reverse(f"panel:{name}", args=[key])


@pytest.fixture
def owner(w, client):
    client.force_login(w.mona)
    return client


def key_of(page) -> str:
    return page.context["form"]["form_key"].value()


def send(client, address, **fields):
    return client.post(address, {"form_key": key_of(client.get(address)), **fields})


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_for_those_who_may_decide_about_tax(w, client, name):
    client.force_login(w.frida)
    assert client.get(page(w, name)).status_code == 403
    client.force_login(w.mona)
    assert client.get(page(w, name)).status_code == 200


def test_a_rate_is_set_from_a_day_on_and_shown_with_it(w, owner):
    answer = send(owner, page(w, "location_tax"), rate="16", from_on="2027-01-01")
    assert answer["Location"] == reverse("panel:settings")
    assert w.house.tax_rate_on(story.day("2027-01-01")).percent == 16
    text = owner.get(reverse("panel:settings")).content.decode()
    assert 'from <time datetime="2027-01-01">1 Jan 2027</time> 16' in text


def test_the_preview_lists_what_follows_and_what_keeps_its_tax(w, owner):
    lunch = charge_other(w.ada, w.house, text="Lunch", amount=100, by=w.mona)
    invoice = invoice_now(w.ada, w.house, [lunch], by=w.mona)
    dinner = charge_other(w.ada, w.house, text="Dinner", amount=50, by=w.mona)
    answer = send(owner, page(w, "location_tax"), preview="1", rate="10", from_on="2026-11-20")
    change = answer.context["change"]
    assert [(one.charge.text, one.rate, one.total, one.charge.total) for one in change.retaxed] \
        == [("Dinner", 20, 60, 55)]  # fmt: skip
    assert [(one.line.invoice, one.tax.rate) for one in change.kept] == [(invoice, 10)]
    assert w.house.tax_rate == 20
    dinner.refresh_from_db()
    assert dinner.tax == 10  # of 50 at the rate that holds


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"rate": "101"}, "rate"), ({"rate": "-1"}, "rate"), ({"rate": ""}, "rate"),
     ({"rate": "10", "from_on": ""}, "from_on"),
     ({"rate": "0", "category": "exempt"}, "reason"),
     ({"rate": "19", "category": "zero"}, "category")],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_the_field(w, owner, wrong, field):
    answer = send(owner, page(w, "location_tax"), **{"from_on": "2027-01-01", **wrong})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert w.house.tax_rates.count() == 1


def test_a_plan_goes_back_to_the_rate_of_its_location(w, owner):
    w.hot_desk.set_tax_rate(7, from_on=story.day("2026-11-01"), by=w.mona)
    send(owner, page(w, "plan_tax"), rate="", from_on="2027-01-01")
    assert w.hot_desk.tax_rate == 7
    assert w.hot_desk.tax_rate_on(story.day("2027-01-01")) is None


def test_reverse_charge_without_a_vat_id_is_refused_beside_the_field(w, owner):
    fields = {"category": "reverse_charge", "reason": "Abroad", "from_on": "2026-12-01"}
    answer = send(owner, page(w, "customer_tax"), **fields)
    assert "category" in answer.context["form"].errors
    assert not w.ada.exemptions.exists()
    w.ada.edit({"tax_number": "ATU12345675"}, by=w.mona)
    assert send(owner, page(w, "customer_tax"), **fields).status_code == 302
    assert w.ada.exemptions.get().category == "reverse_charge"


def test_a_small_business_says_so_with_the_text_of_its_country(w, owner):
    w.house.edit({"country": "DE"}, by=w.mona)
    send(owner, page(w, "location_small_business"), applies="yes", from_on="2026-11-20")
    assert "§ 19 UStG" in w.house.small_business_on(story.TODAY)
    assert "§ 19 UStG" in owner.get(reverse("panel:settings")).content.decode()


def test_the_sent_form_changes_the_tax_once(w, owner):
    address = page(w, "location_tax")
    fields = {"form_key": key_of(owner.get(address)), "rate": "16", "from_on": "2027-01-01"}
    owner.post(address, fields)
    owner.post(address, fields)
    assert w.house.tax_rates.count() == 2
    assert Charge.objects.filter(tax_rate=Decimal(16)).count() == 0
