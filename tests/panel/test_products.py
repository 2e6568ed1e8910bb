"""Products in the panel: the list, what is done to them, and selling them, once or by period."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Product, Subscription
from billing.runs import run_billing
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day

D = Decimal
LIST = "/panel/products/"
READ = ["product"]
MANAGE = ["product_edit", "product_stock", "product_archive", "product_restore"]
SERVE = ["product_sale"]


@pytest.fixture
def w(w):
    return story.sellable(w)


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def at_page(name: str, record) -> str:
    return reverse(f"panel:{name}", args=[record.pk])


def send(client, name: str, record, *, key: str = "a-key-of-a-form", **fields):
    return client.post(at_page(name, record), {"form_key": key, **fields})


def errors(answer) -> dict[str, list[str]]:
    return {name: [e.code for e in found.as_data()] for name, found in
            answer.context["form"].errors.items()}  # fmt: skip


def filled_in(**fields) -> dict:
    return {
        "form_key": "a-key", "name": "Day pass", "price": "25", "buyers": "contacts", **fields,
    }  # fmt: skip


class TestWhoMayCome:
    @pytest.mark.parametrize(
        ("who", "allowed"),
        [
            ("mona", READ + MANAGE + SERVE),
            ("manager", READ + MANAGE + SERVE),
            ("frida", READ + SERVE),
            ("anton", READ),
        ],
    )
    def test_each_role_comes_as_far_as_its_rights_go(self, w, client, who, allowed):
        client.force_login(getattr(w, who))
        assert client.get(LIST).status_code == 200
        seen = [
            name
            for name in READ + MANAGE + SERVE
            if client.get(at_page(name, w.coffee)).status_code == 200
        ]
        assert seen == allowed
        assert (client.get(f"{LIST}new/").status_code == 200) is ("product_edit" in allowed)

    def test_a_customer_is_turned_away(self, w, client):
        client.force_login(w.ada.user)
        assert client.get(LIST).status_code == 403
        assert client.get(at_page("subscription", w.locker_of_ada)).status_code == 403

    def test_what_is_read_takes_no_post(self, w, mona):
        for to in (LIST, at_page("product", w.coffee), at_page("subscription", w.locker_of_ada)):
            assert mona.post(to).status_code == 405

    def test_a_product_of_another_location_is_not_found(self, w, client):
        hill = story.house(name="Hill House")
        there = Product.objects.offer(name="Ski pass", price=2, location=hill, by=w.mona)
        keeper = story.login("hanna@example.com")
        keeper.give_role("front_desk", by=w.mona, location=w.house)
        client.force_login(keeper)
        assert client.get(at_page("product", there)).status_code == 404
        assert "Ski pass" not in words(client.get(LIST))


class TestTheList:
    def found(self, client, asked: str = "") -> list[str]:
        return [one.name for one in client.get(f"{LIST}?{asked}").context["page"].rows]

    def test_the_address_says_what_is_shown(self, w, mona):
        Product.objects.offer(name="Fax", price=1, location=w.house, by=w.mona).archive(by=w.mona)
        for asked, found in [
            ("", ["Coffee", "Locker"]),
            ("recurring=yes", ["Locker"]),
            ("recurring=no", ["Coffee"]),
            ("archived=yes", ["Fax"]),
            ("q=fa", ["Fax"]),
            ("sort=-price", ["Locker", "Coffee"]),
        ]:
            assert self.found(mona, asked) == found, asked

    def test_of_what_is_sold_by_period_it_says_how_many_are_free(self, w, mona):
        w.locker.restock(10, by=w.mona)
        left = {one.name: left for one, left in mona.get(LIST).context["products"]}
        assert left == {"Coffee": None, "Locker": 9}

    def test_thirty_rows_ask_as_much_as_one(self, w, mona):
        w.locker.restock(10, by=w.mona)

        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(LIST).status_code == 200
            return len(queries)

        asked()
        few = asked()
        for number in range(30):
            Product.objects.offer(
                name=f"Thing {number}", price=1, location=w.house, recurring=True, stock=5,
                buyers="plans", plans=[w.hot_desk], by=w.mona,
            )  # fmt: skip
        assert asked() == few

    def test_an_empty_shop_says_what_it_is_for(self, w, mona):
        w.coffee.archive(by=w.mona)
        w.locker.archive(by=w.mona)
        assert "No products yet" in words(mona.get(LIST))


class TestProducts:
    def test_one_is_put_on_sale(self, w, mona):
        sent = filled_in(stock="40", tax_rate="10", offered_in_portal="on")
        answer = mona.post(f"{LIST}new/", sent)
        made = Product.objects.get(name="Day pass")
        assert answer["Location"] == at_page("product", made)
        assert (made.price, made.stock, made.buyers, made.tax_rate, made.location) == (
            D("25"), 40, "contacts", D("10"), w.house,
        )  # fmt: skip
        assert mona.post(f"{LIST}new/", sent)["Location"] == answer["Location"]
        assert Product.objects.filter(name="Day pass").count() == 1

    @pytest.mark.parametrize(
        ("fields", "field"),
        [({"name": ""}, "name"), ({"price": "1.005"}, "price"), ({"price": "-1"}, "price"),
         ({"tax_rate": "101"}, "tax_rate")],
    )  # fmt: skip
    def test_what_is_wrong_is_said_beside_its_field(self, mona, fields, field):
        answer = mona.post(f"{LIST}new/", filled_in(**fields))
        assert answer.status_code == 422
        assert field in answer.context["form"].errors

    def test_an_edit_touches_what_is_sold_from_now_on(self, w, mona):
        page = mona.get(at_page("product_edit", w.coffee))
        data = {}
        for bound in page.context["form"]:
            value = bound.value()
            shown = "" if value in (None, False) else value
            data[bound.html_name] = data[bound.html_initial_name] = shown
        data |= {"price": "2.50", "buyers": "plans", "plans": [w.hot_desk.pk]}
        assert mona.post(at_page("product_edit", w.coffee), data).status_code == 302
        w.coffee.refresh_from_db()
        assert (w.coffee.price, w.coffee.buyers) == (D("2.50"), "plans")
        assert list(w.coffee.plans.all()) == [w.hot_desk]
        assert w.sale.price == D("6")
        assert "With the plan Hot Desk" in words(mona.get(at_page("product", w.coffee)))

    def test_stock_is_counted_and_left_uncounted(self, w, mona):
        send(mona, "product_stock", w.coffee, stock="12")
        w.coffee.refresh_from_db()
        assert w.coffee.stock == 12
        send(mona, "product_stock", w.coffee, key="b", stock="")
        w.coffee.refresh_from_db()
        assert w.coffee.stock is None

    def test_an_archived_product_is_not_sold_until_it_is_restored(self, w, mona):
        send(mona, "product_archive", w.coffee)
        assert "/sales/new/" not in mona.get(at_page("product", w.coffee)).content.decode()
        assert "is archived already" in words(send(mona, "product_archive", w.coffee))
        send(mona, "product_restore", w.coffee)
        w.coffee.refresh_from_db()
        assert w.coffee.archived_at is None

    def test_its_page_names_its_sales_or_who_has_it(self, w, mona):
        assert "3 × Coffee" in words(mona.get(at_page("product", w.coffee)))
        page = mona.get(at_page("product", w.locker))
        assert [one.customer for one, _state, _due in page.context["subscriptions"]] == [w.ada]

    def test_thirty_who_have_it_ask_as_much_as_one(self, w, mona):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(at_page("product", w.locker)).status_code == 200
            return len(queries)

        asked()
        few = asked()
        for number in range(24):
            person = story.person(w.house, f"Pia{number} Person")
            w.locker.subscribe(person, starts_on=TODAY, by=w.mona)
        assert asked() == few


class TestSelling:
    def test_the_front_desk_sells_from_the_account(self, w, frida):
        fields = {"product": w.coffee.pk, "quantity": "2", "note": ""}
        answer = send(frida, "sale_new", w.noor, **fields)
        assert answer["Location"] == reverse("panel:account", args=[w.noor.pk])
        assert w.noor.charges.get(kind="sale").total == D("4.80")
        send(frida, "sale_new", w.noor, **fields)
        assert w.noor.charges.filter(kind="sale").count() == 1

    def test_the_front_desk_sells_from_the_product(self, w, frida):
        answer = send(frida, "product_sale", w.coffee, customer=w.noor.pk, quantity="1", note="")
        assert answer["Location"] == at_page("product", w.coffee)
        assert w.noor.charges.filter(kind="sale").count() == 1

    def test_the_preview_says_what_it_costs_and_sells_nothing(self, w, frida):
        answer = send(frida, "sale_new", w.noor, product=w.coffee.pk, quantity="2", note="",
                      preview="1")  # fmt: skip
        assert answer.status_code == 200
        assert "2 at €2.00" in words(answer)
        assert "To pay, tax included €4.80" in words(answer)
        assert not w.noor.charges.filter(kind="sale").exists()

    def test_for_a_team_its_payer_pays(self, w, frida):
        assert "on_behalf_of" not in frida.get(at_page("sale_new", w.ada)).content.decode()
        send(frida, "sale_new", w.omar, product=w.coffee.pk, quantity="1", note="",
             on_behalf_of=w.team.pk)  # fmt: skip
        assert w.lin.charges.get(kind="sale").used_by == w.omar

    @pytest.mark.parametrize("name", ["sale_new"])
    def test_refusals_are_words(self, w, frida, name):
        w.coffee.restock(1, by=w.mona)
        answer = send(frida, name, w.noor, product=w.coffee.pk, quantity="2", note="")
        assert errors(answer) == {"quantity": ["out_of_stock"]}
        answer = send(frida, name, w.viktor, key="b", product=w.coffee.pk, quantity="1", note="")
        assert errors(answer) == {"__all__": ["suspended"]}
        answer = send(frida, name, w.noor, key="c", product=w.locker.pk, quantity="1", note="")
        assert errors(answer) == {"product": ["invalid_choice"]}


class TestSubscriptions:
    def what(self, w, **fields) -> dict:
        return {
            "product": w.locker.pk, "starts_on": TODAY.isoformat(), "ends_on": "", "every": "2",
            "unit": "week", "fee_due": "in_advance", "quantity": "1", **fields,
        }  # fmt: skip

    def test_a_recurring_product_is_sold_from_a_day_on(self, w, frida):
        answer = send(frida, "subscription_new", w.noor, **self.what(w))
        made = Subscription.objects.get(customer=w.noor)
        assert answer["Location"] == at_page("subscription", made)
        assert (made.cycle_unit, made.cycle_length, made.fee_due, made.price) == (
            "week", 2, "in_advance", D("30"),
        )  # fmt: skip
        assert w.noor.status == "contact"
        send(frida, "subscription_new", w.noor, **self.what(w))
        assert Subscription.objects.filter(customer=w.noor).count() == 1

    def test_from_the_product_it_asks_for_whom(self, w, frida):
        assert frida.get(at_page("product_sale", w.locker))["Location"] == at_page(
            "product_subscription", w.locker
        )
        send(frida, "product_subscription", w.locker, customer=w.noor.pk, **self.what(w))
        assert Subscription.objects.filter(customer=w.noor).exists()

    def test_the_preview_shows_the_next_invoices_with_it(self, w, frida):
        run_billing(by=w.mona)
        answer = send(frida, "subscription_new", w.noor, preview="1", **self.what(w))
        assert answer.status_code == 200
        assert any(one.after > one.before for one in answer.context["simulation"].pairs)
        assert not Subscription.objects.filter(customer=w.noor).exists()

    def test_a_price_of_its_own_is_for_managers(self, w, client):
        client.force_login(w.frida)
        assert (
            'name="price"' not in client.get(at_page("subscription_new", w.noor)).content.decode()
        )
        client.force_login(w.mona)
        send(client, "subscription_new", w.noor, **self.what(w, price="20"))
        assert Subscription.objects.get(customer=w.noor).price == D("20")

    def test_its_page_says_its_terms_and_when_it_is_due(self, w, frida):
        answer = frida.get(at_page("subscription", w.locker_of_ada))
        assert answer.context["due"] == day("2026-12-20")
        text = words(answer)
        assert "It is due next on 20 Dec 2026." in text
        assert "€30.00 a month" in text

    def test_it_ends_on_a_day_and_what_comes_back_is_shown_before(self, w, frida, at):
        ahead = w.locker.subscribe(w.noor, starts_on=TODAY, fee_due="in_advance", by=w.mona)
        run_billing(by=w.mona)
        at("2026-11-25")
        frida.force_login(w.frida)
        answer = send(frida, "subscription_end", ahead, last_day="2026-12-04", preview="1")
        assert answer.status_code == 200
        found = answer.context["simulation"]
        assert found.changes
        ahead.refresh_from_db()
        assert ahead.ends_on is None
        send(frida, "subscription_end", ahead, last_day="2026-12-04")
        ahead.refresh_from_db()
        assert ahead.ends_on == day("2026-12-04")
        assert w.noor.credit_notes.get().net == 15

    def test_a_day_that_has_passed_is_for_managers(self, w, frida):
        earlier = w.locker.subscribe(w.noor, starts_on=day("2026-11-01"), by=w.mona)
        answer = send(frida, "subscription_end", earlier, last_day="2026-11-10")
        assert errors(answer) == {"last_day": ["in_the_past"]}

    def test_one_that_has_ended_says_so(self, w, mona):
        w.locker_of_ada.end(last_day=day("2026-11-19"), by=w.mona)
        answer = send(mona, "subscription_end", w.locker_of_ada, last_day="2026-12-01")
        assert "This was taken back." in words(answer)
        page = mona.get(at_page("subscription", w.locker_of_ada))
        assert "Taken back before it began" in words(page)
        assert "/end/" not in page.content.decode()
