"""The shop: what can be bought and why not, what it costs and when it is to be paid."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Charge, Product, Subscription
from billing.models.issuing import invoice_now
from billing.runs import run_billing
from customers.models import Team
from kit.money import ZERO
from tests import story
from tests.panel.test_customers import words
from tests.portal.conftest import errors, look, send
from tests.story import TODAY, day

D = Decimal


@pytest.fixture
def w(w):
    def offer(name, price, **fields):
        fields = {"location": w.house, "offered_in_portal": True, **fields}
        return Product.objects.offer(name=name, price=price, by=w.mona, **fields)

    w.offer = offer
    w.coffee = offer("Coffee", "2.50", description="From the bar.")
    w.pass_ = offer("Day pass", 25, stock=3)
    w.locker = offer("Locker", 30, recurring=True, stock=1)
    return w


def buy(browser, product, *, quantity="1", **fields):
    return send(browser, "product", product.pk, quantity=quantity, **fields)


def subscribe(browser, product, *, starts_on="2026-11-20", **fields):
    return send(browser, "product", product.pk, starts_on=starts_on, quantity="1", **fields)


class TestWhatIsOffered:
    def test_each_says_what_it_costs_and_how_many_are_left(self, w, ada):
        text = words(look(ada, "shop"))
        assert "Coffee €2.50 each plus 20 % tax From the bar." in text
        assert "Day pass 3 left €25.00" in text
        assert "Locker 1 left €30.00 a month" in text

    def test_prices_with_tax_say_so(self, w, ada):
        type(w.house).objects.filter(pk=w.house.pk).update(prices_include_tax=True)
        assert "Coffee €2.50 each including 20 % tax" in words(look(ada, "shop"))

    def test_what_cannot_be_bought_says_why(self, w, noor):
        w.offer("Dinner", 18, buyers="members")
        w.offer("T-shirt", 20, stock=0)
        w.offer("Printer", 5, buyers="plans", plans=[w.office])
        answer = look(noor, "shop")
        text = words(answer)
        assert "This is for members." in text
        assert "None are left." in text
        assert "This is for customers on other plans." in text
        assert "Buy Dinner" not in text
        assert "Buy T-shirt" not in text

    def test_a_locker_that_somebody_has_is_not_left(self, w, ada):
        w.locker.subscribe(w.lin, starts_on=TODAY, by=w.mona)
        text = words(look(ada, "shop"))
        assert "Take Locker" not in text
        assert "None are left." in text

    def test_what_is_for_members_may_be_bought_for_a_team_whose_payer_is_one(self, w, omar):
        w.offer("Dinner", 18, buyers="members")
        assert "Buy Dinner" not in words(look(omar, "shop"))
        w.team.set_spending(Team.Spending.EVERYONE, limit=None, by=w.mona)
        assert "Buy Dinner" in words(look(omar, "shop"))

    def test_what_is_not_offered_and_other_houses_are_not_there(self, w, ada):
        hidden = w.offer("Secret", 1, offered_in_portal=False)
        gone = w.offer("Gone", 1)
        gone.archive(by=w.mona)
        hill = story.house(name="Hill House")
        far = w.offer("Hill Tea", 3, location=hill)
        text = words(look(ada, "shop"))
        for product in (hidden, gone, far):
            assert product.name not in text
            assert look(ada, "product", product.pk).status_code == 404
            assert buy(ada, product).status_code == 404
        assert not w.ada.charges.exists()

    def test_another_house_where_one_has_an_account_is(self, w, ada):
        hill = story.house(name="Hill House", currency="GBP")
        far = w.offer("Hill Tea", 3, location=hill)
        Product.objects.get(pk=far.pk).sell(w.ada, by=w.mona)
        text = words(look(ada, "shop"))
        assert "Hill Tea £3.00" in text
        assert look(ada, "product", far.pk).status_code == 200

    def test_an_empty_shop_says_what_will_be_here(self, w, ada):
        for product in Product.objects.all():
            product.archive(by=w.mona)
        assert "Nothing is sold here at the moment" in words(look(ada, "shop"))

    def test_the_number_of_queries_does_not_grow(self, w, omar):
        w.team.set_spending(Team.Spending.EVERYONE, limit=None, by=w.mona)

        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                assert look(omar, "shop").status_code == 200
            return len(seen)

        w.offer("Dinner", 18, buyers="members")
        w.offer("Printer", 5, buyers="plans", plans=[w.hot_desk])
        w.locker.edit({"stock": 99}, by=w.mona)
        w.locker.subscribe(w.omar, starts_on=TODAY, by=w.mona)
        w.coffee.sell(w.omar, by=w.mona)
        before = queries()
        for number in range(10):
            w.offer(f"Tea {number}", 2, stock=5)
            w.offer(f"Cake {number}", 2, buyers="plans", plans=[w.office])
            more = w.offer(f"Box {number}", 9, recurring=True, stock=5, buyers="members")
            more.subscribe(w.omar, starts_on=TODAY, by=w.mona, on_behalf_of=w.team)
            w.coffee.sell(w.omar, by=w.mona)
        assert queries() == before


class TestBuying:
    def test_a_member_sees_the_total_and_the_day_before(self, w, ada):
        text = words(look(ada, "product", w.pass_.pk))
        assert "To pay, with tax €30.00" in text
        assert "It comes with the next invoice, on 1 December 2026." in text
        answer = buy(ada, w.pass_, quantity="2", preview="1")
        assert "2 at €25.00 €50.00" in words(answer)
        assert "To pay, with tax €60.00" in words(answer)
        w.pass_.refresh_from_db()
        assert (w.ada.charges.count(), w.pass_.stock) == (0, 3)

    def test_it_is_on_the_account_at_once_and_invoiced_later(self, w, ada):
        answer = buy(ada, w.pass_, quantity="2")
        charge = w.ada.charges.get()
        assert answer["Location"] == f"/portal/purchases/{charge.pk}/"
        assert (charge.total, charge.by, charge.state) == (D("60"), w.ada.user, "waiting")
        w.pass_.refresh_from_db()
        assert w.pass_.stock == 1
        text = words(ada.get(answer["Location"]))
        assert "Thank you. You have bought 2 × Day pass." in text
        assert "It comes with the next invoice, on 1 December 2026." in text

    def test_what_a_contact_buys_is_invoiced_at_once(self, w, noor):
        text = words(look(noor, "product", w.pass_.pk))
        assert "Invoiced at once. Please pay it by 4 December 2026." in text
        answer = buy(noor, w.pass_)
        charge = w.noor.charges.get(product=w.pass_)
        assert charge.invoice.number
        page = noor.get(answer["Location"])
        assert f"It is on invoice {charge.invoice.number}, to be paid by" in words(page)
        assert f"/portal/invoices/{charge.invoice.pk}/" in page.content.decode()
        assert look(noor, "invoice", charge.invoice.pk).status_code == 200

    def test_also_a_members_where_each_purchase_is_invoiced(self, w, ada):
        w.house.edit({"invoice_at": "purchase"}, by=w.mona)
        assert "Invoiced at once." in words(look(ada, "product", w.coffee.pk))
        buy(ada, w.coffee)
        assert w.ada.invoices.get().total == D("3")

    def test_credit_pays_it_at_once(self, w, noor):
        run_billing(by=w.anton)
        charge = w.coffee.sell(w.noor, by=w.mona)
        invoice = invoice_now(w.noor, w.house, [charge], by=w.anton)
        owed = sum((one.due for one in w.noor.invoices.all()), ZERO)
        invoice.record_payment(amount=owed + 100, by=w.anton)
        assert "paid from your credit" in words(look(noor, "product", w.pass_.pk))

    def test_a_form_that_is_sent_twice_buys_once(self, w, ada):
        first = buy(ada, w.pass_)
        second = buy(ada, w.pass_)
        assert first["Location"] == second["Location"]
        assert w.ada.charges.count() == 1
        other = buy(ada, w.pass_, quantity="2")
        assert other.status_code == 409
        assert w.ada.charges.count() == 1

    def test_more_than_are_left_is_refused_beside_the_field(self, w, ada):
        answer = buy(ada, w.pass_, quantity="4")
        assert answer.status_code == 422
        assert errors(answer) == {"quantity": ["out_of_stock"]}
        assert "Only 3 are left." in words(answer)

    @pytest.mark.parametrize("quantity", ["0", "-1", "", "many", "10001", "1.5"])
    def test_a_number_that_is_none_is_refused(self, w, ada, quantity):
        for preview in ({}, {"preview": "1"}):
            answer = buy(ada, w.coffee, quantity=quantity, **preview)
            assert answer.status_code == (200 if preview else 422)
        assert not w.ada.charges.exists()

    def test_what_one_may_not_buy_is_refused(self, w, noor):
        dinner = w.offer("Dinner", 18, buyers="members")
        assert "This is for members." in words(look(noor, "product", dinner.pk))
        assert buy(noor, dinner).status_code == 422
        assert not w.noor.charges.filter(product=dinner).exists()

    def test_something_free_is_free(self, w, ada):
        water = w.offer("Water", 0)
        assert "To pay Free of charge" in words(look(ada, "product", water.pk))
        assert buy(ada, water).status_code == 302

    def test_looking_at_it_many_times_buys_nothing(self, w, noor):
        for _time in range(3):
            look(noor, "product", w.pass_.pk)
            buy(noor, w.pass_, preview="1")
        assert not w.noor.charges.exists()
        assert not w.noor.invoices.exists()


class TestForATeam:
    def test_it_lands_on_the_payers_account_and_not_on_the_members(self, w, omar, lin):
        w.team.set_spending(Team.Spending.EVERYONE, limit=None, by=w.mona)
        team = {"on_behalf_of": str(w.team.pk)}
        preview = words(buy(omar, w.pass_, **team, preview="1"))
        assert "Lin & Co pays, for the team Lin & Co." in preview
        answer = buy(omar, w.pass_, **team)
        charge = Charge.objects.get(product=w.pass_)
        assert (charge.customer, charge.used_by) == (w.lin, w.omar)
        text = words(omar.get(answer["Location"]))
        assert "There is nothing for you to pay." in text
        assert "Day pass" not in words(look(omar, "invoices"))
        assert "Omar Haddad, for the team Lin & Co" in words(look(lin, "invoices"))
        invoice = invoice_now(w.lin, w.house, [charge], by=w.anton)
        assert look(omar, "invoice", invoice.pk).status_code == 404
        text = words(omar.get(answer["Location"]))
        assert str(invoice.number) not in text
        assert look(lin, "purchase", charge.pk).status_code == 404

    def test_only_a_team_for_which_one_may_spend_is_offered(self, w, omar):
        assert "on_behalf_of" not in look(omar, "product", w.pass_.pk).context["form"].fields
        buy(omar, w.pass_, on_behalf_of=str(w.team.pk))
        assert Charge.objects.get(product=w.pass_).customer == w.omar

    def test_a_limit_is_kept(self, w, omar):
        w.team.set_spending(Team.Spending.EVERYONE, limit=20, by=w.mona)
        answer = buy(omar, w.pass_, on_behalf_of=str(w.team.pk))
        assert errors(answer) == {"on_behalf_of": ["over_limit"]}

    def test_what_others_bought_is_nobodys_to_see(self, w, ada, noor):
        charge = w.coffee.sell(w.ada, by=w.mona)
        assert look(noor, "purchase", charge.pk).status_code == 404
        assert "Bought lately" not in words(look(noor, "shop"))
        assert look(ada, "purchase", charge.pk).status_code == 200


class TestSubscribing:
    def test_days_money_and_the_next_invoices_are_shown_before(self, w, ada):
        text = words(look(ada, "product", w.locker.pk))
        assert "From 20 November 2026, €30.00 a month, until you end it." in text
        assert "20 Nov to 19 Dec 2026 Due on 20 Dec 2026. €30.00" in text
        assert "20 Dec 2026 –none €36.00" in text
        assert not Subscription.objects.exists()

    def test_it_is_ones_own_from_the_day_that_one_chose(self, w, ada):
        answer = subscribe(ada, w.locker, starts_on="2026-12-01")
        assert answer["Location"] == "/portal/shop/#subscriptions"
        made = Subscription.objects.get()
        assert (made.customer, made.starts_on, made.signed_by) == (
            w.ada, day("2026-12-01"), w.ada.user,
        )  # fmt: skip
        assert w.ada.status == "member"
        text = words(look(ada, "shop"))
        assert "Locker is yours from 1 Dec 2026." in text
        assert "Locker €30.00 a month Scheduled from 1 Dec 2026 Take it back: Locker" in text

    def test_sent_twice_it_is_taken_once(self, w, ada):
        w.locker.edit({"stock": 9}, by=w.mona)
        subscribe(ada, w.locker)
        subscribe(ada, w.locker)
        assert Subscription.objects.count() == 1

    @pytest.mark.parametrize("starts_on", ["2026-11-19", "2030-01-01", "soon"])
    def test_a_day_that_cannot_be_is_refused(self, w, ada, starts_on):
        answer = subscribe(ada, w.locker, starts_on=starts_on)
        assert list(errors(answer)) == ["starts_on"]
        assert not Subscription.objects.exists()

    def test_the_last_one_goes_to_whoever_is_first(self, w, ada, noor):
        subscribe(ada, w.locker)
        answer = subscribe(noor, w.locker, key="another-key")
        assert errors(answer) == {"quantity": ["out_of_stock"]}

    def test_the_payer_has_it_on_the_account_of_the_team(self, w, omar):
        w.team.set_spending(Team.Spending.EVERYONE, limit=None, by=w.mona)
        team = {"on_behalf_of": str(w.team.pk)}
        text = words(subscribe(omar, w.locker, **team, preview="1"))
        assert "Lin & Co pays, for the team Lin & Co." in text
        assert "Your next invoices" not in text
        subscribe(omar, w.locker, **team)
        assert "Lin & Co pays, for the team Lin & Co" in words(look(omar, "shop"))


class TestEnding:
    @pytest.fixture
    def had(self, w) -> Subscription:
        return w.locker.subscribe(w.ada, starts_on=day("2026-11-20"), by=w.mona)

    def test_the_next_due_day_is_shown_in_the_shop(self, w, ada, had):
        text = words(look(ada, "shop"))
        assert "Locker €30.00 a month Active next due 20 Dec 2026 End it" in text

    def test_what_is_still_to_pay_is_shown_before(self, w, ada, had):
        text = words(look(ada, "subscription_ending", had.pk))
        assert "Last period: 20 Nov to 19 Dec 2026 Due on 20 Dec 2026. €30.00" in text
        assert "Nothing was charged yet for days after that." in text
        answer = send(ada, "subscription_ending", had.pk, last_day="2026-11-30", preview="1")
        text = words(answer)
        assert "11 of 30 days. Due on 1 Dec 2026. €11.00" in text
        assert "1 Dec 2026 €300.00 €313.20" in text
        had.refresh_from_db()
        assert had.ends_on is None

    def test_what_was_charged_for_later_days_comes_back(self, w, ada):
        paid = w.locker.subscribe(
            w.ada, starts_on=day("2026-11-01"), fee_due="in_advance", by=None, on=day("2026-11-01")
        )
        run_billing(by=w.anton)
        answer = send(ada, "subscription_ending", paid.pk, last_day="2026-11-20", preview="1")
        assert "Comes back What was charged for later days, with tax." in words(answer)
        assert "€12.00" in words(answer)

    def test_it_ends_on_the_chosen_day_and_that_can_be_changed(self, w, ada, had):
        send(ada, "subscription_ending", had.pk, last_day="2026-12-31")
        had.refresh_from_db()
        assert (had.ends_on, had.ended_by) == (day("2026-12-31"), w.ada.user)
        text = words(look(ada, "shop"))
        assert "The last day of Locker is 31 Dec 2026." in text
        assert "Ending until 31 Dec 2026 Another day" in text
        send(ada, "subscription_ending", had.pk, key="another-key", last_day="2026-12-15")
        had.refresh_from_db()
        assert had.ends_on == day("2026-12-15")

    def test_a_day_that_has_passed_is_refused(self, w, ada, had):
        answer = send(ada, "subscription_ending", had.pk, last_day="2026-11-19")
        assert answer.status_code == 422
        had.refresh_from_db()
        assert had.ends_on is None

    def test_one_that_has_not_begun_is_taken_back(self, w, ada):
        later = w.locker.subscribe(w.ada, starts_on=day("2026-12-01"), by=w.mona)
        text = words(look(ada, "subscription_ending", later.pk))
        assert "It would begin on 1 December 2026." in text
        send(ada, "subscription_ending", later.pk)
        later.refresh_from_db()
        assert later.is_called_off
        assert "Your subscriptions" not in words(look(ada, "shop"))

    def test_one_that_has_ended_says_so(self, w, ada, had, at):
        had.end(last_day=day("2026-11-25"), by=w.mona)
        at("2026-12-10")
        ada.force_login(w.ada.user)
        answer = send(ada, "subscription_ending", had.pk, last_day="2026-12-20")
        assert answer.status_code == 422
        assert "This has ended." in words(answer)
        assert "Your subscriptions" not in words(look(ada, "shop"))

    def test_somebody_elses_is_not_there(self, w, noor, had):
        for answer in (
            look(noor, "subscription_ending", had.pk),
            send(noor, "subscription_ending", had.pk, last_day="2026-12-31"),
        ):
            assert answer.status_code == 404
        had.refresh_from_db()
        assert had.ends_on is None


class TestTheDoor:
    def test_the_suspended_are_turned_away_and_buy_nothing(self, w, ada):
        w.ada.suspend(by=w.mona, reason="Unpaid")
        for answer in (look(ada, "shop"), buy(ada, w.coffee)):
            assert answer.status_code in (302, 403)
        assert not w.ada.charges.exists()

    def test_a_suspended_payer_closes_the_purse_not_the_door(self, w, omar):
        w.team.set_spending(Team.Spending.EVERYONE, limit=None, by=w.mona)
        w.lin.suspend(by=w.mona, reason="A secret reason")
        answer = buy(omar, w.coffee, on_behalf_of=str(w.team.pk))
        assert answer.status_code == 422
        assert "A secret reason" not in answer.content.decode()
        assert buy(omar, w.coffee, key="another", on_behalf_of="oneself").status_code == 302

    @pytest.mark.parametrize("name", ["shop", "purchase"])
    def test_what_is_only_shown_takes_no_post(self, w, ada, name):
        charge = w.coffee.sell(w.ada, by=w.mona)
        keys = [charge.pk] if name == "purchase" else []
        assert send(ada, name, *keys).status_code == 405

    def test_whoever_has_not_signed_in_is_asked_to(self, w, client):
        assert look(client, "shop")["Location"].startswith("/portal/login/")
        assert buy(client, w.coffee)["Location"].startswith("/portal/login/")
