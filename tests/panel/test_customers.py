import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from tests import story
from tests.story import TODAY, day


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def words(response) -> str:
    """What a page says, without its tags."""
    text = re.sub(r"</?(?:time|a|b|span)\b[^>]*>", "", response.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def rows(response) -> list[str]:
    return [customer.name for customer in response.context["page"].rows]


def new_form(**fields) -> dict:
    return {
        "form_key": "a-key-of-a-form",
        "type": "individual",
        "full_name": "Kim Doe",
        "email": "kim@example.com",
        **fields,
    }


READ = ["panel:customers", "panel:customer"]
SERVE = ["panel:customer_new", "panel:customer_edit", "panel:customer_notes", "panel:contract_new"]
MANAGE = [
    "panel:customer_archive", "panel:customer_restore", "panel:customer_discard",
    "panel:customers_archive",
]  # fmt: skip
ALONE = {"panel:customers", "panel:customer_new", "panel:customers_archive"}


def address(name: str, customer) -> str:
    return reverse(name, args=[] if name in ALONE else [customer.pk])


class TestWhoMayCome:
    @pytest.mark.parametrize("name", READ + SERVE + MANAGE)
    def test_a_stranger_is_asked_to_sign_in(self, w, client, name):
        answer = client.get(address(name, w.ada))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/portal/login/")

    @pytest.mark.parametrize("name", READ + SERVE + MANAGE)
    def test_a_customer_is_turned_away(self, w, client, name):
        client.force_login(w.ada.user)
        assert client.get(address(name, w.ada)).status_code == 403

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
            if client.get(address(name, w.ada)).status_code == 200
        ]
        assert seen == allowed

    @pytest.mark.parametrize("name", READ)
    def test_what_is_read_takes_no_post(self, w, mona, name):
        assert mona.post(address(name, w.ada)).status_code == 405

    def test_nobody_is_not_found(self, mona):
        assert mona.get(reverse("panel:customer", args=[10**12])).status_code == 404

    def test_the_accountant_is_offered_nothing_that_is_closed_to_him(self, w, client):
        client.force_login(w.anton)
        for page in (client.get("/panel/customers/"), client.get(f"/panel/customers/{w.ada.pk}/")):
            text = page.content.decode()
            assert "/new/" not in text
            assert "/edit/" not in text
            assert "data-bulk" not in text
            dialogs = re.findall(r'href="([^"]+)" data-dialog>', text)
            assert [one for one in dialogs if client.get(one).status_code != 200] == []


class TestTheList:
    def test_everybody_is_there_by_name(self, mona):
        assert rows(mona.get("/panel/customers/")) == [
            "Ada Lovelace", "Lin & Co", "Noor Rahman", "Omar Haddad", "Viktor Novak",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("status=member", ["Ada Lovelace", "Lin & Co", "Viktor Novak"]),
            ("status=contact", ["Noor Rahman", "Omar Haddad"]),
            ("status=member&on=2026-11-10", ["Ada Lovelace", "Lin & Co", "Noor Rahman",
                                             "Viktor Novak"]),
            ("type=company", ["Lin & Co"]),
            ("suspended=yes", ["Viktor Novak"]),
            ("suspended=no&status=member", ["Ada Lovelace", "Lin & Co"]),
            ("suspended=approval", []),
            ("contract=ended", ["Noor Rahman"]),
            ("q=LIN", ["Lin & Co"]),
            ("q=haddad+omar", ["Omar Haddad"]),
            ("sort=-name&status=contact", ["Omar Haddad", "Noor Rahman"]),
            ("q=nobody-of-that-name", []),
            ("status=nonsense&on=nonsense&plan=999&sort=nonsense&after=nonsense", [
                "Ada Lovelace", "Lin & Co", "Noor Rahman", "Omar Haddad", "Viktor Novak",
            ]),
        ],
    )  # fmt: skip
    def test_the_address_says_what_is_shown(self, mona, asked, found):
        assert rows(mona.get(f"/panel/customers/?{asked}")) == found

    def test_by_plan_means_a_contract_in_force(self, w, mona):
        assert rows(mona.get(f"/panel/customers/?plan={w.hot_desk.pk}")) == [
            "Ada Lovelace", "Viktor Novak",
        ]  # fmt: skip

    def test_plan_and_state_are_asked_of_one_contract(self, w, mona):
        w.office.sign_up(w.noor, starts_on=day("2027-01-01"), by=w.mona)
        both = f"/panel/customers/?plan={w.hot_desk.pk}&contract=scheduled"
        assert rows(mona.get(both)) == []

    def test_by_team(self, w, mona):
        assert rows(mona.get(f"/panel/customers/?team={w.team.pk}")) == ["Lin & Co", "Omar Haddad"]

    def test_the_archived_are_hidden_but_a_search_finds_them(self, w, mona):
        w.omar.archive(by=w.mona)
        assert "Omar Haddad" not in rows(mona.get("/panel/customers/"))
        assert rows(mona.get("/panel/customers/?q=omar")) == ["Omar Haddad"]
        assert rows(mona.get("/panel/customers/?archived=yes")) == ["Omar Haddad"]

    def test_who_waits_for_approval_is_asked_for_apart_from_the_suspended(self, w, mona):
        w.noor.suspend(by=None, reason="Registered", cause="approval")
        assert rows(mona.get("/panel/customers/?suspended=approval")) == ["Noor Rahman"]
        assert rows(mona.get("/panel/customers/?suspended=yes")) == ["Viktor Novak"]
        assert "Noor Rahman" not in rows(mona.get("/panel/customers/?suspended=no"))
        assert "Waiting for approval" in words(mona.get("/panel/customers/?q=noor"))

    def test_what_is_not_understood_is_told_with_its_way_out(self, mona):
        page = mona.get("/panel/customers/?status=nonsense&type=company&on=31.12.2026")
        assert [(str(n), v, url) for n, v, url in page.context["filters"].unread] == [
            ("Status", "nonsense", "?type=company&on=31.12.2026"),
            ("As of", "31.12.2026", "?status=nonsense&type=company"),
        ]  # fmt: skip
        assert "“nonsense” is not understood" in words(page)
        assert page.context["filters"].clear_url == "?"
        assert rows(page) == ["Lin & Co"]

    def test_what_is_filtered_by_is_shown_with_its_way_out(self, mona):
        page = mona.get("/panel/customers/?status=member&type=company&sort=-name")
        assert [(str(n), str(v)) for n, v, _url in page.context["filters"].chips] == [
            ("Status", "Member"), ("Type", "Company"),
        ]  # fmt: skip
        assert page.context["filters"].chips[0][2] == "?type=company&sort=-name"

    def test_pages_go_on_after_the_last_row_and_back(self, w, mona):
        for number in range(60):
            story.person(w.house, f"Zed {number:02}")
        first = mona.get("/panel/customers/?q=zed")
        second = mona.get(f"/panel/customers/?q=zed&after={first.context['page'].next}")
        third = mona.get(f"/panel/customers/?q=zed&after={second.context['page'].next}")
        assert [len(rows(page)) for page in (first, second, third)] == [25, 25, 10]
        assert first.context["page"].previous is None
        assert third.context["page"].next is None
        back = mona.get(f"/panel/customers/?q=zed&before={third.context['page'].previous}")
        assert rows(back) == rows(second)
        start = mona.get(f"/panel/customers/?q=zed&before={second.context['page'].previous}")
        assert rows(start) == rows(first)
        assert start.context["page"].previous is None

    def test_the_house_with_one_row_asks_as_much_as_with_thirty(self, w, mona):
        def asked(address: str) -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(address).status_code == 200
            return len(queries)

        everything = (
            f"/panel/customers/?status=member&type=individual&plan={w.hot_desk.pk}&contract=active"
            f"&suspended=no&team={w.team.pk}&archived=all&q=a"
        )
        w.team.add(w.ada, by=w.mona)
        asked("/panel/customers/")
        few, few_filtered = asked("/panel/customers/?q=ada"), asked(everything)
        for number in range(30):
            kim = story.person(w.house, f"Kim {number:02}")
            w.hot_desk.sign_up(kim, by=w.mona)
            w.team.add(kim, by=w.mona)
        assert asked("/panel/customers/") == few
        assert asked(everything) == few_filtered
        assert max(few, few_filtered) <= 12

    def test_locations_on_two_dates_each_have_their_own_today(self, w, mona, at):
        at("2026-11-20 23:30Z")
        east = story.house(name="Eastside", timezone="Asia/Tokyo")
        kim = story.person(east, "Kim East")
        desk = story.plan(east, "East Desk")
        desk.sign_up(kim, starts_on=day("2026-11-01"), ends_on=day("2026-11-20"), by=w.mona)
        ken = story.person(w.house, "Ken West")
        w.hot_desk.sign_up(ken, starts_on=day("2026-11-01"), ends_on=day("2026-11-20"), by=w.mona)
        members = rows(mona.get("/panel/customers/?status=member"))
        assert "Ken West" in members
        assert "Kim East" not in members
        assert kim.status == "contact"
        states = mona.get("/panel/contracts/?q=k+east").context["page"].rows
        assert [one.state_then for one in states] == ["ended"]
        assert mona.get("/panel/contracts/?state=ended&q=east").context["page"].total == 1

    def test_an_empty_house_says_what_to_do(self, db, client):
        story.house()
        client.force_login(story.login("mona@example.com", "owner"))
        assert "No customers yet" in words(client.get("/panel/customers/"))

    def test_a_search_without_result_offers_the_way_back(self, mona):
        assert "Nobody matches" in words(mona.get("/panel/customers/?q=xyz"))


class TestAdding:
    def test_a_customer_is_added_as_a_contact(self, frida):
        answer = frida.post("/panel/customers/new/", new_form())
        kim = Customer.objects.get(email="kim@example.com")
        assert answer["Location"] == f"/panel/customers/{kim.pk}/"
        assert (kim.type, kim.status, kim.registered_on) == ("individual", "contact", TODAY)

    def test_no_type_is_chosen_beforehand_and_none_saves_without(self, frida):
        assert "checked" not in frida.get("/panel/customers/new/").content.decode()
        answer = frida.post("/panel/customers/new/", new_form(type=""))
        assert answer.status_code == 422
        assert "type" in answer.context["form"].errors
        assert not Customer.objects.filter(email="kim@example.com").exists()

    def test_a_company_needs_its_name_and_is_told_beside_the_field(self, frida):
        answer = frida.post("/panel/customers/new/", new_form(type="company"))
        assert list(answer.context["form"].errors) == ["company_name"]

    def test_what_the_record_refuses_stands_beside_its_field(self, w, frida):
        w.ada.edit({"external_id": "A-1"}, by=w.mona)
        answer = frida.post(
            "/panel/customers/new/",
            new_form(email="no address", billing_email="neither", tax_exempt="on"),
        )
        assert set(answer.context["form"].errors) == {"email", "billing_email", "tax_exempt_reason"}
        taken = frida.post("/panel/customers/new/", new_form(external_id="A-1"))
        assert list(taken.context["form"].errors) == ["external_id"]

    def test_a_known_address_shows_who_has_it_and_asks(self, w, frida):
        answer = frida.post("/panel/customers/new/", new_form(email="ADA@example.com"))
        assert answer.status_code == 422
        assert answer.context["form"].known == [w.ada]
        assert f"/panel/customers/{w.ada.pk}/" in answer.content.decode()
        again = frida.post("/panel/customers/new/", new_form(email="ADA@example.com", another="on"))
        assert again.status_code == 302
        assert Customer.objects.filter(email="ada@example.com").count() == 2

    def test_sent_twice_it_acts_once(self, frida):
        first = frida.post("/panel/customers/new/", new_form())
        second = frida.post("/panel/customers/new/", new_form())
        assert first["Location"] == second["Location"]
        assert Customer.objects.filter(email="kim@example.com").count() == 1

    def test_sent_again_with_other_words_it_is_a_conflict_that_keeps_them(self, frida):
        frida.post("/panel/customers/new/", new_form())
        answer = frida.post("/panel/customers/new/", new_form(full_name="Kim Other"))
        assert answer.status_code == 409
        assert 'value="Kim Other"' in answer.content.decode()

    def test_with_several_locations_one_must_be_said(self, w, frida):
        east = story.house(name="Eastside")
        answer = frida.post("/panel/customers/new/", new_form())
        assert list(answer.context["form"].errors) == ["location"]
        frida.post("/panel/customers/new/", new_form(location=east.pk))
        assert Customer.objects.get(email="kim@example.com").location == east


class TestTheRecord:
    @pytest.mark.parametrize(
        ("who", "said"),
        [
            ("ada", "Member since 21 Sept 2026 through Hot Desk."),
            ("noor", "Contact since 11 Nov 2026, when Hot Desk ended."),
            ("omar", "Contact: no contract has counted so far."),
            ("viktor", "Three invoices unpaid (Mona Keller)"),
        ],
    )
    def test_it_says_why(self, w, mona, who, said):
        page = mona.get(f"/panel/customers/{getattr(w, who).pk}/")
        assert said in words(page)

    def test_it_says_what_comes(self, w, mona):
        w.ada_contract.cancel(last_day=day("2026-12-31"), by=w.mona)
        w.ada_contract.freeze(from_on=day("2026-11-18"), until=day("2026-11-30"), by=w.mona)
        text = words(mona.get(f"/panel/customers/{w.ada.pk}/"))
        assert "Contact since 18 Nov 2026, when Hot Desk was frozen." in text
        assert "A member from 1 Dec 2026 through Hot Desk." in text

    def test_a_company_shows_its_primary_contact(self, w, mona):
        assert "Primary contact Lin Chen" in words(mona.get(f"/panel/customers/{w.lin.pk}/"))

    def test_only_who_has_no_history_can_be_deleted(self, w, mona):
        kim = story.person(w.house, "Kim Doe")
        assert "/deletion/" in mona.get(f"/panel/customers/{kim.pk}/").content.decode()
        assert "/deletion/" not in mona.get(f"/panel/customers/{w.ada.pk}/").content.decode()

    def test_a_suspended_customer_is_offered_no_plan(self, w, mona):
        page = mona.get(f"/panel/customers/{w.viktor.pk}/").content.decode()
        assert "/contracts/new/" not in page

    def test_the_timeline_is_cut_until_all_of_it_is_asked_for(self, w, mona):
        for number in range(20):
            w.omar.edit({"type": "company", "company_name": f"Omar {number}"}, by=w.mona)
            w.omar.edit({"type": "individual"}, by=w.mona)
        page = mona.get(f"/panel/customers/{w.omar.pk}/")
        assert (len(page.context["entries"]), page.context["more_entries"]) == (30, True)
        whole = mona.get(f"/panel/customers/{w.omar.pk}/?all=1")
        assert len(whole.context["entries"]) == w.omar.timeline.count()

    def test_thirty_contracts_ask_as_much_as_one(self, w, mona):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(f"/panel/customers/{w.ada.pk}/").status_code == 200
            return len(queries)

        asked()
        one = asked()
        for number in range(30):
            w.office.sign_up(w.ada, starts_on=day("2027-01-01"), quantity=number + 1, by=w.mona)
        assert asked() == one


def edit_form(customer, **changed) -> dict:
    """The form as the browser would send it: every field, and what was seen in each."""
    seen = {
        name: getattr(customer, name)
        for name in (
            "type", "full_name", "company_name", "email", "phone", "address", "city",
            "postal_code", "country", "billing_email", "tax_number", "tax_exempt_reason",
            "invoice_at", "external_id", "registered_on",
        )
    }  # fmt: skip
    seen |= {"payment_days": customer.payment_days or "", "tax_exempt": "False"}
    sent = {**seen, **changed}
    if sent["tax_exempt"] == "False":
        del sent["tax_exempt"]
    return {**sent, **{f"initial-{name}": value for name, value in seen.items()}}


class TestEditing:
    def edit(self, client, customer, **changed):
        return client.post(f"/panel/customers/{customer.pk}/edit/", edit_form(customer, **changed))

    def test_words_change(self, w, frida):
        assert self.edit(frida, w.ada, phone="+44 1", city="Bristol").status_code == 302
        w.ada.refresh_from_db()
        assert (w.ada.phone, w.ada.city, w.ada.version) == ("+44 1", "Bristol", 2)

    def test_the_type_changes_both_ways_and_stands_on_the_timeline(self, w, frida):
        self.edit(frida, w.ada, type="company", company_name="Ada Ltd")
        w.ada.refresh_from_db()
        assert w.ada.name == "Ada Ltd"
        self.edit(frida, w.ada, type="individual")
        w.ada.refresh_from_db()
        assert w.ada.name == "Ada Lovelace"
        assert w.ada.timeline.filter(kind="changed_type").count() == 2

    def test_what_another_changed_meanwhile_in_other_fields_stays(self, w, frida):
        stale = Customer.objects.get(pk=w.ada.pk)
        w.ada.edit({"city": "Leeds"}, by=w.mona)
        assert self.edit(frida, stale, phone="+44 1").status_code == 302
        w.ada.refresh_from_db()
        assert (w.ada.city, w.ada.phone) == ("Leeds", "+44 1")

    def test_a_collision_shows_both_and_saving_again_puts_mine(self, w, frida):
        stale = Customer.objects.get(pk=w.ada.pk)
        w.ada.edit({"city": "Leeds"}, by=w.mona)
        answer = self.edit(frida, stale, city="York")
        assert answer.status_code == 422
        assert "Leeds" in str(answer.context["form"].errors["city"])
        text = answer.content.decode()
        assert 'name="city" value="York"' in text
        assert 'name="initial-city" value="Leeds"' in text
        again = edit_form(stale, city="York") | {"initial-city": "Leeds"}
        assert frida.post(f"/panel/customers/{w.ada.pk}/edit/", again).status_code == 302
        w.ada.refresh_from_db()
        assert w.ada.city == "York"

    def test_a_refusal_stands_beside_its_field_and_changes_nothing(self, w, frida):
        answer = self.edit(frida, w.ada, type="company")
        assert list(answer.context["form"].errors) == ["company_name"]
        assert answer.context["customer"].name == "Ada Lovelace"

    def test_notes_change_in_place(self, w, frida):
        page = f"/panel/customers/{w.ada.pk}/notes/"
        assert b'id="notes"' in frida.get(page).content
        frida.post(page, {"notes": "Window\r\nseat", "initial-notes": ""})
        w.ada.refresh_from_db()
        assert w.ada.notes == "Window\nseat"
        frida.post(page, {"notes": "Window", "initial-notes": "Window\r\nseat"})
        w.ada.refresh_from_db()
        assert w.ada.notes == "Window"


class TestArchiving:
    def test_who_has_running_contracts_is_told_why_not(self, w, mona):
        page = f"/panel/customers/{w.ada.pk}/archive/"
        assert "still running" in words(mona.get(page))
        assert mona.post(page).status_code == 422
        w.ada.refresh_from_db()
        assert w.ada.archived_at is None

    def test_archiving_and_bringing_back(self, w, mona):
        assert mona.post(f"/panel/customers/{w.noor.pk}/archive/").status_code == 302
        w.noor.refresh_from_db()
        assert w.noor.archived_at
        assert mona.post(f"/panel/customers/{w.noor.pk}/restoring/").status_code == 302
        w.noor.refresh_from_db()
        assert w.noor.archived_at is None

    def test_deleting_one_without_history(self, w, mona):
        kim = story.person(w.house, "Kim Doe")
        assert mona.post(f"/panel/customers/{kim.pk}/deletion/")["Location"] == "/panel/customers/"
        assert not Customer.objects.filter(pk=kim.pk).exists()

    def test_one_with_history_is_not_deleted(self, w, mona):
        assert mona.post(f"/panel/customers/{w.noor.pk}/deletion/").status_code == 422
        assert Customer.objects.filter(pk=w.noor.pk).exists()


class TestBookingsOnTheRecord:
    def test_what_lies_ahead_and_what_was_last(self, w, frida, at):
        story.bookable(w)
        page = frida.get(f"/panel/customers/{w.ada.pk}/")
        assert page.context["bookings"].ahead == [w.booking]
        assert f"/panel/bookings/{w.booking.pk}/" in page.content.decode()
        assert f"/panel/bookings/new/?customer={w.ada.pk}" in page.content.decode()
        at("2026-11-22")
        bookings = frida.get(f"/panel/customers/{w.ada.pk}/").context["bookings"]
        assert (bookings.ahead, bookings.past) == ([], [w.booking])

    def test_bookings_at_other_locations_are_not_told(self, w, client):
        story.bookable(w)
        hill = story.house(name="Hill House")
        ella = story.login("ella@example.com")
        ella.give_role("front_desk", by=w.mona, location=hill)
        story.plan(hill, "Hill Desk").sign_up(w.ada, by=w.mona)
        client.force_login(ella)
        assert client.get(f"/panel/customers/{w.ada.pk}/").context["bookings"].ahead == []

    def test_thirty_bookings_ask_as_much_as_one(self, w, frida):
        def asked() -> int:
            frida.get(f"/panel/customers/{w.ada.pk}/")
            with CaptureQueriesContext(connection) as queries:
                frida.get(f"/panel/customers/{w.ada.pk}/")
            return len(queries)

        story.bookable(w)
        few = asked()
        for number in range(30):
            room = story.room(w.house, w.rooms, f"Room {number}")
            start, end = story.moment("2026-11-23 10:00"), story.moment("2026-11-23 11:00")
            room.book(customer=w.ada, start=start, end=end, by=w.mona)
        assert asked() == few
