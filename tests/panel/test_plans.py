from decimal import Decimal

import pytest
from django.urls import reverse

from kit.once import new_key
from plans.models import Plan
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


def filled_in(**fields) -> dict:
    return {
        "form_key": new_key(),
        "name": "Evening Desk",
        "kind": "hot_desk",
        "price": "90",
        "cycle_length": "1",
        "cycle_unit": "month",
        "fee_due": "in_arrears",
        "prorate_first": "on",
        "minimum_cycles": "0",
        "notice_days": "14",
        "freeze_days_a_year": "0",
        **fields,
    }


def test_a_plan_is_made_with_its_first_price(mona):
    answer = mona.post(reverse("panel:plan_new"), filled_in(billing_day="15", deposit="100"))
    made = Plan.objects.get(name="Evening Desk")
    assert answer["Location"] == reverse("panel:plan", args=[made.pk])
    assert made.price_on(story.TODAY) == 90
    assert (made.billing_day, made.deposit, made.prorate_first, made.prorate_last) == (
        15, Decimal(100), True, False,
    )  # fmt: skip
    page = mona.get(answer["Location"]).content.decode()
    assert "every month on day 15" in page


def test_a_form_sent_twice_makes_one_plan(mona):
    sent = filled_in()
    first = mona.post(reverse("panel:plan_new"), sent)
    second = mona.post(reverse("panel:plan_new"), sent)
    assert first["Location"] == second["Location"]
    assert Plan.objects.filter(name="Evening Desk").count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "This field is required."),
        ("price", "9.999", "GBP has 2 decimals."),
        ("price", "-1", "greater than or equal to 0"),
        ("cycle_length", "25", "less than or equal to 24"),
        ("billing_day", "32", "less than or equal to 31"),
        ("deposit", "-5", "Not below zero."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(mona, w, field, value, words):
    w.house.currency = "GBP"
    w.house.save()
    answer = mona.post(reverse("panel:plan_new"), filled_in(**{field: value}))
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert not Plan.objects.filter(kind="hot_desk", name="Evening Desk").exists()


def test_an_edit_touches_later_contracts_only(mona, w):
    page = mona.get(reverse("panel:plan_edit", args=[w.hot_desk.pk]))
    form = page.context["form"]
    data = {}
    for field in form:
        value = field.field.prepare_value(field.initial)
        if value is True:
            data[field.html_name] = data[field.html_initial_name] = "on"
        elif value is not None and value is not False:
            data[field.html_name] = data[field.html_initial_name] = str(value)
    answer = mona.post(
        reverse("panel:plan_edit", args=[w.hot_desk.pk]), {**data, "notice_days": "60"}
    )
    assert answer.status_code == 302, answer.context["form"].errors
    w.hot_desk.refresh_from_db()
    w.ada_contract.refresh_from_db()
    assert (w.hot_desk.notice_days, w.ada_contract.notice_days) == (60, 30)


def test_a_new_price_says_from_when(mona, w):
    address = reverse("panel:plan_price", args=[w.hot_desk.pk])
    sent = {"form_key": new_key(), "price": "275", "from_on": "2027-01-01"}
    assert mona.post(address, sent).status_code == 302
    assert w.hot_desk.price_on(day("2026-12-31")) == 250
    assert Plan.objects.get(pk=w.hot_desk.pk).price_on(day("2027-01-01")) == 275
    past = {**sent, "from_on": "2026-11-01"}
    assert mona.post(address, {**past, "form_key": new_key()}).status_code == 302
    again = mona.post(address, {**past, "form_key": new_key()})
    assert "A price from this day is set already." in str(again.context["form"].errors["from_on"])


def test_an_archived_plan_leaves_the_list_and_comes_back(mona, w):
    address = reverse("panel:plan_archive", args=[w.office.pk])

    def listed(query: str = "") -> list[str]:
        page = mona.get(reverse("panel:plans") + query)
        return [plan.name for plan, _price, _subscribers in page.context["plans"]]

    mona.post(address)
    assert (listed(), listed("?archived=1")) == (["Hot Desk"], ["Private Office"])
    mona.post(address)
    assert listed() == ["Hot Desk", "Private Office"]


@pytest.mark.parametrize("name", ["plan_new", "plan_edit", "plan_price", "plan_archive"])
def test_only_managers_change_plans(w, client, name):
    args = [] if name == "plan_new" else [w.hot_desk.pk]
    for who in (w.frida, w.anton):
        client.force_login(who)
        assert client.get(reverse(f"panel:{name}", args=args)).status_code == 403
        assert "Add plan" not in client.get(reverse("panel:plans")).content.decode()
    client.force_login(w.manager)
    assert client.get(reverse(f"panel:{name}", args=args)).status_code == 200


def test_the_number_of_queries_does_not_depend_on_the_rows(
    mona, w, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12) as few:
        mona.get(reverse("panel:plans"))
    for number in range(30):
        story.plan(w.house, f"Plan {number}").sign_up(story.person(w.house), by=w.mona)
    with django_assert_num_queries(len(few)):
        mona.get(reverse("panel:plans"))


def test_half_of_the_world_writes_a_comma(mona):
    mona.post(reverse("panel:plan_new"), filled_in(price="12,50"))
    assert Plan.objects.get(name="Evening Desk").price_on(story.TODAY) == Decimal("12.50")


def test_an_amount_beyond_all_bounds_is_refused_in_words(mona):
    answer = mona.post(reverse("panel:plan_new"), filled_in(price="99999999999999"))
    assert answer.status_code == 422
    assert "This is more than can be kept." in str(answer.context["form"].errors["price"])
