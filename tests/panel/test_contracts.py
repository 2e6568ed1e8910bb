import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from plans.models import Contract
from tests import story
from tests.panel.test_customers import words
from tests.story import TODAY, day

DAY = dt.timedelta(days=1)


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


READ = ["panel:contract"]
SERVE = [
    "panel:contract_cancellation", "panel:contract_cancellation_withdrawal",
    "panel:contract_calling_off", "panel:contract_plan_change",
    "panel:contract_plan_change_withdrawal", "panel:contract_freeze", "panel:contract_resumption",
]  # fmt: skip
MANAGE = ["panel:contract_price_step"]


def address(name: str, contract) -> str:
    return reverse(name, args=[contract.pk])


def send(client, name: str, contract, *, key: str = "a-key-of-a-form", **fields):
    return client.post(address(name, contract), {"form_key": key, **fields})


def errors(answer) -> dict[str, list[str]]:
    return {name: [e.code for e in found.as_data()] for name, found in
            answer.context["form"].errors.items()}  # fmt: skip


class TestWhoMayCome:
    @pytest.mark.parametrize("name", READ + SERVE + MANAGE)
    def test_a_stranger_is_asked_to_sign_in(self, w, client, name):
        answer = client.get(address(name, w.ada_contract))
        assert answer["Location"].startswith("/portal/login/")

    @pytest.mark.parametrize("name", READ + SERVE + MANAGE)
    def test_a_customer_is_turned_away(self, w, client, name):
        client.force_login(w.ada.user)
        assert client.get(address(name, w.ada_contract)).status_code == 403

    @pytest.mark.parametrize(
        ("who", "allowed"),
        [
            ("mona", READ + SERVE + MANAGE),
            ("manager", READ + SERVE + MANAGE),
            ("frida", READ + SERVE),
            ("anton", READ),
        ],
    )
    def test_each_role_comes_as_far_as_its_rights_go(self, w, client, who, allowed):
        client.force_login(getattr(w, who))
        seen = [
            name
            for name in READ + SERVE + MANAGE
            if client.get(address(name, w.ada_contract)).status_code == 200
        ]
        assert seen == allowed

    def test_what_is_read_takes_no_post(self, w, mona):
        assert mona.post("/panel/contracts/").status_code == 405
        assert mona.post(address("panel:contract", w.ada_contract)).status_code == 405

    def test_nothing_is_not_found(self, mona):
        assert mona.get("/panel/contracts/999999/").status_code == 404

    def test_only_what_is_allowed_is_offered(self, w, client):
        for who, offered in [(w.mona, True), (w.frida, False), (w.anton, False)]:
            client.force_login(who)
            page = client.get(address("panel:contract", w.ada_contract)).content.decode()
            assert ("/price-steps/" in page) is offered
            assert ("/cancellation/" in page) is (who != w.anton)


def sign_up_form(plan, **fields) -> dict:
    return {
        "form_key": "a-key-of-a-form",
        "plan": plan.pk,
        "starts_on": TODAY.isoformat(),
        "quantity": "1",
        "bill_missed": "waive",
        **fields,
    }


class TestSigningUp:
    def page(self, customer) -> str:
        return reverse("panel:contract_new", args=[customer.pk])

    def test_whoever_signs_is_a_member_at_once(self, w, frida):
        answer = frida.post(self.page(w.omar), sign_up_form(w.hot_desk))
        assert answer["Location"] == f"/panel/customers/{w.omar.pk}/"
        assert w.omar.status == "member"
        assert Contract.objects.get(customer=w.omar).signed_by == w.frida

    def test_sent_twice_it_signs_once(self, w, frida):
        for _time in range(2):
            assert frida.post(self.page(w.omar), sign_up_form(w.hot_desk)).status_code == 302
        assert w.omar.contracts.count() == 1

    def test_the_preview_signs_nothing_and_shows_days_money_and_status(self, w, frida):
        form = sign_up_form(w.hot_desk, ends_on="2027-01-15", preview="1")
        answer = frida.post(self.page(w.omar), form)
        assert answer.status_code == 200
        assert w.omar.contracts.count() == 0
        assert w.omar.status == "contact"
        assert not w.omar.timeline.filter(kind="signed").exists()
        preview = answer.context["preview"]
        assert [(c.days, c.of_days, c.fee) for c in preview.cycles] == [
            (11, 30, Decimal("91.67")), (31, 31, Decimal("250.00")), (15, 31, Decimal("120.97")),
        ]  # fmt: skip
        assert [(turn.status, turn.on) for turn in preview.turns] == [
            ("contact", day("2027-01-16"))
        ]
        text = words(answer)
        assert "today, no longer a contact" in text
        assert "11 of 30 days" in text
        assert "due 1 Dec 2026" in text
        # The same form, with the same key, signs.
        del form["preview"]
        assert frida.post(self.page(w.omar), form).status_code == 302

    def test_the_preview_shows_both_documents_before_it_is_confirmed(self, w, frida):
        w.hot_desk.edit({"sign_up_fee": Decimal(50), "deposit": Decimal(400)}, by=w.mona)
        form = sign_up_form(w.hot_desk, starts_on="2026-12-01", preview="1")
        answer = frida.post(self.page(w.omar), form)
        found = [
            (one.total, [line.text for line in one.lines.all()])
            for one in answer.context["at_once"]
        ]
        assert found == [(60, ["Hot Desk: sign-up fee"]), (400, ["Hot Desk: deposit"])]
        assert not w.omar.invoices.exists()

    def test_a_preview_that_is_refused_says_why_and_is_an_answer(self, w, frida):
        w.hot_desk.edit({"subscriber_limit": 1}, by=w.mona)
        answer = frida.post(self.page(w.omar), sign_up_form(w.hot_desk, preview="1"))
        assert answer.status_code == 200
        assert "This plan is full" in words(answer)

    def test_missed_cycles_are_listed_with_what_becomes_of_them(self, w, mona):
        form = sign_up_form(w.hot_desk, starts_on="2026-09-01", preview="1")
        assert len(mona.post(self.page(w.omar), form).context["preview"].missed) == 2
        assert "They are waived." in words(mona.post(self.page(w.omar), form))
        form["bill_missed"] = "charge"
        assert "They are charged" in words(mona.post(self.page(w.omar), form))
        del form["preview"]
        mona.post(self.page(w.omar), form)
        assert w.omar.contracts.get().bill_missed is True

    def test_managers_may_set_price_and_discount(self, w, mona):
        form = sign_up_form(w.hot_desk, price="199.50", discount="12.5", quantity="2")
        mona.post(self.page(w.omar), form)
        contract = w.omar.contracts.get()
        assert (contract.price, contract.discount, contract.quantity) == (
            Decimal("199.50"), Decimal("12.5"), 2,
        )  # fmt: skip

    def test_front_desk_is_neither_offered_nor_granted_them(self, w, frida):
        page = frida.get(self.page(w.omar)).content.decode()
        assert 'name="price"' not in page
        assert 'name="bill_missed"' not in page
        frida.post(self.page(w.omar), sign_up_form(w.hot_desk, price="1", discount="99"))
        contract = w.omar.contracts.get()
        assert (contract.price, contract.discount) == (None, Decimal(0))

    def test_backdating_by_front_desk_is_refused_beside_the_field(self, w, frida):
        form = sign_up_form(w.hot_desk, starts_on=(TODAY - DAY).isoformat())
        answer = frida.post(self.page(w.omar), form)
        assert answer.status_code == 422
        assert errors(answer) == {"starts_on": ["needs_manager"]}

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"ends_on": "2026-11-01"}, {"ends_on": ["ends_before_start"]}),
            ({"starts_on": "2500-01-01"}, {"starts_on": ["date_out_of_range"]}),
            ({"price": "1.005"}, {"price": ["price_too_fine"]}),
            ({"price": "-1"}, {"price": ["invalid_price"]}),
            ({"discount": "101"}, {"discount": ["max_value"]}),
            ({"quantity": "0"}, {"quantity": ["min_value"]}),
            ({"plan": ""}, {"plan": ["required"]}),
        ],
    )
    def test_refusals_stand_beside_their_fields(self, w, mona, fields, said):
        answer = mona.post(self.page(w.omar), sign_up_form(w.hot_desk) | fields)
        assert errors(answer) == said
        assert w.omar.contracts.count() == 0

    def test_a_suspended_customer_is_refused_on_top_of_the_form(self, w, mona):
        answer = mona.post(self.page(w.viktor), sign_up_form(w.office))
        assert errors(answer) == {"__all__": ["suspended"]}

    def test_a_team_is_offered_only_to_its_people_and_only_with_a_payer(self, w, mona):
        assert 'name="on_behalf_of"' not in mona.get(self.page(w.ada)).content.decode()
        mona.post(self.page(w.omar), sign_up_form(w.hot_desk, on_behalf_of=w.team.pk))
        assert w.omar.contracts.get().on_behalf_of == w.team

    def test_an_archived_plan_is_not_offered(self, w, mona):
        w.hot_desk.archive(by=w.mona)
        assert "Hot Desk" not in words(mona.get(self.page(w.omar)))
        answer = mona.post(self.page(w.omar), sign_up_form(w.hot_desk))
        assert errors(answer) == {"plan": ["invalid_choice"]}


class TestTheList:
    def found(self, client, asked: str = "") -> list[str]:
        return [
            str(c.customer) for c in client.get(f"/panel/contracts/?{asked}").context["page"].rows
        ]

    def test_the_latest_comes_first(self, mona):
        assert self.found(mona) == ["Viktor Novak", "Ada Lovelace", "Noor Rahman", "Lin & Co"]

    def test_the_address_says_what_is_shown(self, w, mona):
        w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        w.ada_contract.cancel(last_day=day("2027-01-31"), by=w.mona)
        w.lin_contract.freeze(from_on=TODAY, by=w.mona)
        for asked, found in [
            ("state=scheduled", ["Omar Haddad"]),
            ("state=ended", ["Noor Rahman"]),
            ("state=ending", ["Ada Lovelace"]),
            ("state=frozen", ["Lin & Co"]),
            ("state=active", ["Viktor Novak"]),
            ("cancelled=yes", ["Ada Lovelace"]),
            (f"plan={w.office.pk}", ["Lin & Co"]),
            ("starts_from=2026-11-21&starts_until=2026-12-04", ["Omar Haddad"]),
            ("ends_from=2026-11-01&ends_until=2027-01-31&sort=end", [
                "Noor Rahman", "Ada Lovelace",
            ]),
            ("q=lin", ["Lin & Co"]),
            ("state=nonsense&plan=x&starts_from=x", [
                "Omar Haddad", "Viktor Novak", "Ada Lovelace", "Noor Rahman", "Lin & Co",
            ]),
        ]:  # fmt: skip
            assert self.found(mona, asked) == found, asked

    def test_what_was_called_off_neither_starts_nor_ends(self, w, mona):
        contract = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        contract.call_off(by=w.mona)
        assert self.found(mona, "starts_from=2026-11-21") == []
        assert self.found(mona, "state=called_off") == ["Omar Haddad"]

    def test_thirty_rows_ask_as_much_as_one(self, w, mona):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get("/panel/contracts/?state=active").status_code == 200
            return len(queries)

        asked()
        few = asked()
        for _number in range(30):
            w.hot_desk.sign_up(story.person(w.house), by=w.mona)
        assert asked() == few


class TestTheRecord:
    def test_it_shows_terms_state_and_money(self, w, mona):
        text = words(mona.get(address("panel:contract", w.ada_contract)))
        assert "Runs since 21 Sept 2026." in text
        assert "on 20 Dec 2026 at the earliest" in text
        assert "1 Nov to 30 Nov 2026 30 days 1 Dec 2026 €250.00" in text

    def test_every_decision_stays_with_who_when_and_why(self, w, mona):
        w.ada_contract.cancel(last_day=day("2027-01-31"), reason="Moves to Leeds", by=w.frida)
        w.ada_contract.withdraw_cancellation(by=w.mona)
        text = words(mona.get(address("panel:contract", w.ada_contract)))
        assert "Cancelled, last day 31 Jan 2027" in text
        assert "Moves to Leeds · by Frida Berg" in text
        assert "Taken back on 20 Nov 2026" in text

    def test_the_price_tells_where_it_came_from(self, w, mona):
        w.hot_desk.set_price("260", from_on=day("2026-12-01"), by=w.mona)
        w.ada_contract.add_price_step("270", from_on=day("2027-02-01"), by=w.mona)
        text = words(mona.get(address("panel:contract", w.ada_contract)))
        assert "21 Sept 2026 the plan's €250.00 1 Dec 2026 the plan's €260.00" in text
        assert "1 Feb 2027 set later €270.00" in text

    def test_a_change_is_told_on_both_contracts(self, w, mona):
        new = w.ada_contract.change_plan(to=w.office, starts_on=day("2026-12-01"), by=w.mona)
        old_page = words(mona.get(address("panel:contract", w.ada_contract)))
        assert "Changes to Private Office on 1 Dec 2026." in old_page
        assert "Follows Hot Desk." in words(mona.get(address("panel:contract", new)))


class TestDeciding:
    def test_cancelling_and_withdrawing(self, w, frida):
        answer = send(frida, "panel:contract_cancellation", w.ada_contract,
                      last_day="2026-12-31", reason="Moves")  # fmt: skip
        assert answer["Location"] == address("panel:contract", w.ada_contract)
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on == day("2026-12-31")
        answer = send(
            frida, "panel:contract_cancellation_withdrawal", w.ada_contract, key="another"
        )
        assert answer.status_code == 302
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None

    def test_sent_twice_it_cancels_once(self, w, frida):
        for _time in range(2):
            send(frida, "panel:contract_cancellation", w.ada_contract, last_day="2026-12-31")
        assert w.ada_contract.cancellations.count() == 1

    def test_front_desk_keeps_to_the_terms_and_is_told_them(self, w, frida):
        page = words(frida.get(address("panel:contract_cancellation", w.ada_contract)))
        assert "allow Sunday, 20 December 2026 at the earliest" in page
        assert "As a manager" not in page
        answer = send(frida, "panel:contract_cancellation", w.ada_contract, last_day="2026-12-01")
        assert answer.status_code == 422
        assert errors(answer) == {"last_day": ["too_early"]}

    def test_a_manager_need_not(self, w, mona):
        send(mona, "panel:contract_cancellation", w.ada_contract, last_day="2026-11-20")
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on == TODAY

    def test_calling_off_what_has_not_started(self, w, frida):
        contract = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        assert send(frida, "panel:contract_calling_off", contract).status_code == 302
        assert contract.state_on(TODAY) == "called_off"
        late = send(frida, "panel:contract_calling_off", w.ada_contract, key="another")
        assert errors(late) == {"__all__": ["started"]}

    def test_changing_plan_is_previewed_done_and_withdrawn(self, w, frida):
        fields = {"to": w.office.pk, "starts_on": "2026-12-11"}
        look = send(frida, "panel:contract_plan_change", w.ada_contract, preview="1", **fields)
        change = look.context["preview"]
        assert (change.last_cycle.days, change.last_cycle.of_days) == (10, 31)
        assert (change.cycles[0].days, change.cycles[0].of_days) == (21, 31)
        assert w.ada.contracts.count() == 1
        assert look.context["contract"].ends_on is None

        done = send(frida, "panel:contract_plan_change", w.ada_contract, **fields)
        new = w.ada.contracts.get(plan=w.office)
        assert done["Location"] == address("panel:contract", new)
        back = send(frida, "panel:contract_plan_change_withdrawal", new, key="another")
        assert back["Location"] == address("panel:contract", w.ada_contract)
        w.ada_contract.refresh_from_db()
        assert w.ada_contract.ends_on is None

    def test_freezing_and_resuming(self, w, frida):
        send(frida, "panel:contract_freeze", w.ada_contract, from_on="2026-11-20", until="")
        assert w.ada.status == "contact"
        twice = send(frida, "panel:contract_freeze", w.ada_contract, key="another",
                     from_on="2026-11-25")  # fmt: skip
        assert errors(twice) == {"from_on": ["freezes_overlap"]}
        send(frida, "panel:contract_resumption", w.ada_contract, key="third", on="2026-11-20")
        assert w.ada.status == "member"

    def test_a_price_of_its_own(self, w, mona):
        send(mona, "panel:contract_price_step", w.ada_contract, price="230", from_on="2027-01-01")
        assert w.ada_contract.price_on(day("2027-01-01")) == Decimal("230")
        past = {"price": "220", "from_on": "2026-11-01"}
        send(mona, "panel:contract_price_step", w.ada_contract, key="another", **past)
        again = send(mona, "panel:contract_price_step", w.ada_contract, key="a third", **past)
        assert errors(again) == {"from_on": ["price_set_already"]}

    @pytest.mark.parametrize("name", SERVE + MANAGE)
    def test_what_has_ended_is_left_alone(self, w, mona, name):
        fields = {"last_day": "2026-12-31", "to": w.office.pk, "starts_on": "2026-12-01",
                  "from_on": "2026-12-01", "on": "2026-12-01", "price": "1"}  # fmt: skip
        answer = send(mona, name, w.noor_contract, **fields)
        assert answer.status_code == 422
        assert not w.noor_contract.deeds(on=TODAY)


class TestWhatTheStateAllows:
    def deeds(self, contract) -> set[str]:
        return set(Contract.objects.get(pk=contract.pk).deeds(on=TODAY))

    def test_active(self, w):
        assert self.deeds(w.ada_contract) == {"cancel", "change_plan", "freeze", "add_price_step"}

    def test_cancelled(self, w):
        w.ada_contract.cancel(last_day=day("2027-01-31"), by=w.mona)
        assert "withdraw_cancellation" in self.deeds(w.ada_contract)

    def test_frozen(self, w):
        w.ada_contract.freeze(from_on=TODAY, by=w.mona)
        assert self.deeds(w.ada_contract) == {"cancel", "resume", "add_price_step"}

    def test_scheduled(self, w):
        contract = w.hot_desk.sign_up(w.omar, starts_on=day("2026-12-01"), by=w.mona)
        assert "call_off" in self.deeds(contract)

    def test_a_change_ahead(self, w):
        new = w.ada_contract.change_plan(to=w.office, starts_on=day("2026-12-01"), by=w.mona)
        assert "cancel" not in self.deeds(w.ada_contract)
        assert "withdraw_change" in self.deeds(w.ada_contract)
        assert "withdraw_change" in self.deeds(new)
        assert "call_off" not in self.deeds(new)
