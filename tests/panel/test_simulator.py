"""The next invoices before and after a decision: what is simulated is what is later billed."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.foresight import all_coming
from billing.models import Charge, CreditNote, Invoice
from billing.runs import run_billing
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day

D = Decimal


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def house(db):
    """A house whose clock is set by the test itself."""
    place = story.house()
    return place, story.login("mona@example.com", "owner", name="Mona Keller")


def ask(client, name: str, contract, **fields):
    """Send a form to see what it would bring."""
    sent = {"form_key": "a-key", "preview": "1", **fields}
    return client.post(reverse(f"panel:{name}", args=[contract.pk]), sent)


def send(client, name: str, contract, **fields):
    return client.post(
        reverse(f"panel:{name}", args=[contract.pk]), {"form_key": "a-key", **fields}
    )


def shown(answer) -> list[tuple[str, Decimal, Decimal]]:
    """(date, as it is, then) of each pair."""
    pairs = answer.context["simulation"].pairs
    return [(str(one.date), one.before, one.after) for one in pairs]


class TestWhatIsShown:
    def test_a_plan_change_shows_the_next_invoices_side_by_side(self, w, mona):
        run_billing(by=w.mona)
        answer = ask(
            mona, "contract_plan_change", w.ada_contract, to=w.office.pk, starts_on="2026-12-01"
        )
        assert answer.status_code == 200
        assert shown(answer)[:2] == [
            ("2026-12-01", D("300.00"), D("300.00")), ("2027-01-01", D("300.00"), D("1080.00")),
        ]  # fmt: skip
        text = words(answer)
        assert "+€780.00" in text
        assert "On the account of Ada Lovelace, tax included." in text

    def test_every_line_opens_its_explanation(self, w, mona):
        run_billing(by=w.mona)
        answer = ask(mona, "contract_cancellation", w.ada_contract, last_day="2026-12-20")
        text = words(answer)
        assert "1 Dec to 31 Dec 2026: 31 of 31 days are paid" in text
        assert "€250.00 for the whole cycle: the plan's price" in text
        assert "20 % tax: the location's rate" in text

    def test_nothing_is_kept_of_what_is_only_asked(self, w, mona):
        before = Charge.objects.count(), Invoice.objects.count(), CreditNote.objects.count()
        for name, fields in (
            ("contract_cancellation", {"last_day": "2026-12-20"}),
            ("contract_freeze", {"from_on": "2026-12-01", "until": "2026-12-10"}),
            ("contract_price_step", {"price": "300", "from_on": "2026-12-01"}),
            ("contract_plan_change", {"to": w.office.pk, "starts_on": "2026-12-01"}),
        ):
            answer = ask(mona, name, w.ada_contract, **fields)
            assert answer.context["simulation"] is not None, name
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None
        assert not w.ada_contract.freezes.exists()
        assert not w.ada_contract.price_steps.exists()
        after = Charge.objects.count(), Invoice.objects.count(), CreditNote.objects.count()
        assert after == before

    def test_a_freeze_shows_the_days_that_are_not_paid(self, w, mona):
        run_billing(by=w.mona)
        answer = ask(
            mona, "contract_freeze", w.ada_contract, from_on="2026-12-01", until="2026-12-31"
        )
        pairs = answer.context["simulation"].pairs
        january = next(one for one in pairs if one.date == day("2027-01-01"))
        assert (january.before, january.after) == (D("300.00"), D(0))
        assert "No invoice on this day." in words(answer)

    def test_ending_a_freeze_shows_what_is_paid_again(self, w, mona):
        run_billing(by=w.mona)
        w.ada_contract.freeze(from_on=TODAY, until=day("2026-12-31"), by=w.mona)
        answer = ask(mona, "contract_resumption", w.ada_contract, on="2026-12-01")
        changed = [one for one in answer.context["simulation"].pairs if one.difference]
        assert (changed[0].before, changed[0].after) == (D(0), D("300.00"))

    def test_a_price_shows_its_difference(self, w, mona):
        run_billing(by=w.mona)
        answer = ask(mona, "contract_price_step", w.ada_contract, price="300", from_on="2026-12-01")
        assert shown(answer)[1] == ("2027-01-01", D("300.00"), D("360.00"))
        assert answer.context["simulation"].pairs[0].differs is False

    def test_what_is_issued_at_once_is_named(self, w, mona):
        w.office.edit({"deposit": D("500")}, by=w.mona)
        answer = ask(
            mona, "contract_plan_change", w.ada_contract, to=w.office.pk, starts_on="2026-12-01"
        )
        assert [one.total for one in answer.context["simulation"].comparison.invoices] == [D("500")]
        assert "Invoiced at once" in words(answer)

    def test_whoever_pays_for_the_team_is_compared(self, w, mona):
        contract = w.hot_desk.sign_up(
            w.omar, starts_on=TODAY, on_behalf_of=w.team, by=w.mona, on=TODAY
        )
        answer = ask(mona, "contract_cancellation", contract, last_day="2027-01-10")
        assert answer.context["simulation"].payer == w.lin
        assert "On the account of Lin & Co" in words(answer)

    def test_a_refusal_is_an_answer_in_words(self, w, mona):
        answer = ask(
            mona, "contract_freeze", w.ada_contract, from_on="2026-12-10", until="2026-12-01"
        )
        assert answer.status_code == 200
        assert answer.context["simulation"] is None
        assert "Last frozen day" in words(answer)

    def test_a_suspended_customer_and_one_without_an_account_can_be_simulated(self, w, mona):
        answer = ask(mona, "contract_cancellation", w.viktor_contract, last_day="2026-12-31")
        assert answer.status_code == 200
        assert answer.context["simulation"].pairs == []
        assert "Nothing changes on the next invoices." in words(answer)

    def test_thirty_lines_ask_as_much_as_one(self, w, mona):
        story.sellable(w)

        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                ask(mona, "contract_cancellation", w.ada_contract, last_day="2026-12-31")
            return len(queries)

        asked()
        few = asked()
        for _number in range(30):
            w.coffee.sell(w.ada, by=w.mona)
        assert asked() == few


DEEDS = {
    "a cancellation inside a cycle": lambda c, mona, to: c.cancel(
        last_day=day("2026-12-20"), by=mona, reason="moves away"
    ),
    "a freeze over two cycles": lambda c, mona, to: c.freeze(
        from_on=day("2026-12-20"), until=day("2027-01-10"), by=mona
    ),
    "a freeze that began in a cycle that is charged": lambda c, mona, to: c.freeze(
        from_on=day("2026-11-25"), until=day("2026-12-05"), by=mona
    ),
    "another price": lambda c, mona, to: c.add_price_step(
        D("310"), from_on=day("2026-12-01"), by=mona
    ),
    "another plan": lambda c, mona, to: c.change_plan(to=to, starts_on=day("2026-12-12"), by=mona),
}


@pytest.mark.parametrize("fee_due", ["in_arrears", "in_advance"])
@pytest.mark.parametrize("name", DEEDS)
def test_what_is_simulated_is_what_is_later_billed(at, house, name, fee_due):
    """Simulate, save, and let the months pass: the same invoices, to the cent and the line."""
    from panel import simulations

    place, mona = house
    at("2026-11-01")
    plan = story.plan(
        place, "Hot Desk", "250", billing_day=1, fee_due=fee_due, prorate_first=True,
        prorate_last=True,
    )  # fmt: skip
    other = story.plan(place, "Private Office", "900", billing_day=1, fee_due=fee_due)
    ada = story.person(place, "Ada Lovelace")
    contract = plan.sign_up(ada, starts_on=day("2026-11-01"), by=mona)
    run_billing(by=mona)
    at("2026-11-20")

    found = simulations.of_contract(contract, lambda: DEEDS[name](contract, mona, other))
    foretold = [
        (one.date, one.total, [(line.text, line.detail, line.total) for line in one.lines])
        for one in found.comparison.after
    ]
    contract.refresh_from_db()
    DEEDS[name](contract, mona, other)
    at_once = Invoice.objects.count()

    today, billed = day("2026-11-20"), []
    known = set(Invoice.objects.values_list("pk", flat=True))
    while today <= max(one[0] for one in foretold):
        at(today.isoformat())
        run_billing(by=mona)
        billed += [
            (one.billing_date, one.total,
             [(line.text, line.detail, line.total) for line in one.lines.all()])
            for one in Invoice.objects.exclude(pk__in=known).order_by("pk")
        ]  # fmt: skip
        known = set(Invoice.objects.values_list("pk", flat=True))
        today += dt.timedelta(days=1)
    assert billed == foretold
    assert len(found.comparison.invoices) == at_once - len(
        Invoice.objects.filter(issued_on=day("2026-11-01"))
    )


def test_the_next_invoices_are_the_same_before_and_after_asking(w, mona):
    def next_ones():
        return [(one.date, one.total) for one in all_coming(w.ada)]

    before = next_ones()
    ask(mona, "contract_cancellation", w.ada_contract, last_day="2026-12-31")
    assert next_ones() == before


def test_asking_and_then_sending_does_what_was_shown(w, mona):
    fields = {"from_on": "2026-12-01", "until": "2026-12-31"}
    after = ask(mona, "contract_freeze", w.ada_contract, **fields).context["simulation"]
    assert send(mona, "contract_freeze", w.ada_contract, **fields).status_code == 302
    now = [(one.date, one.total) for one in all_coming(w.ada)]
    assert now == [(one.date, one.total) for one in after.comparison.after]


def test_the_final_invoice_can_be_made_with_the_cancellation(w, mona, client):
    fields = {"last_day": "2026-12-20", "bookings": "keep", "final_invoice": "on"}
    send(mona, "contract_cancellation", w.ada_contract, **fields)
    [invoice] = w.ada.invoices.all()
    assert [line.net for line in invoice.lines.all()] == [D(250), D("161.29")]


def test_the_front_desk_is_not_offered_the_final_invoice(w, client):
    client.force_login(w.frida)
    answer = client.get(reverse("panel:contract_cancellation", args=[w.ada_contract.pk]))
    assert "final_invoice" not in answer.content.decode()
    fields = {"last_day": "2027-01-20", "bookings": "keep", "final_invoice": "on"}
    send(client, "contract_cancellation", w.ada_contract, **fields)
    assert not w.ada.invoices.exists()


class TestANewPriceOfAPlan:
    def ask(self, client, plan, **fields):
        return client.post(
            reverse("panel:plan_price", args=[plan.pk]),
            {"form_key": "a-key", "preview": "1", **fields},
        )

    def test_it_says_how_many_contracts_follow_and_what_that_makes(self, w, mona):
        w.hot_desk.sign_up(w.omar, starts_on=TODAY, quantity=2, discount=50, by=w.mona)
        w.viktor_contract.add_price_step(D("99"), from_on=day("2026-12-01"), by=w.mona)
        answer = self.ask(mona, w.hot_desk, price="280", from_on="2026-12-01")
        followers = answer.context["followers"]
        assert (followers.number, followers.a_month) == (2, D("60.00"))
        assert "2 contracts follow it." in words(answer)
        assert "+€60.00" in words(answer)
        assert w.hot_desk.price_on(day("2027-01-01")) == D("250")

    def test_other_cycles_count_by_the_month(self, w, mona):
        quarterly = story.plan(w.house, "Mail", "90", cycle_length=3)
        quarterly.sign_up(w.omar, starts_on=TODAY, by=w.mona)
        followers = self.ask(mona, quarterly, price="99", from_on="2027-01-01").context["followers"]
        assert (followers.number, followers.a_month) == (1, D("3.00"))

    def test_without_a_price_it_says_what_is_missing(self, w, mona):
        answer = self.ask(mona, w.hot_desk, price="", from_on="2026-12-01")
        assert answer.status_code == 200
        assert answer.context["followers"] is None
        assert "This field is required." in words(answer)
