import pytest

from customers.models import Customer
from tests import story
from tests.panel.test_customers import words


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def door(customer) -> str:
    return f"/panel/customers/{customer.pk}/suspension/"


def lift(customer) -> str:
    return f"/panel/customers/{customer.pk}/reinstatement/"


def form(reason: str) -> dict:
    return {"form_key": f"key of {reason}", "reason": reason}


class TestWhoMayCome:
    @pytest.mark.parametrize("page", [door, lift])
    def test_strangers_customers_and_accountants_stay_outside(self, w, client, page):
        assert client.get(page(w.ada)).status_code == 302
        for user in (w.ada.user, w.viktor.user, w.anton):
            client.force_login(user)
            assert client.get(page(w.ada)).status_code == 403
            assert client.post(page(w.ada), form("x")).status_code == 403
        assert w.ada.suspension is None

    @pytest.mark.parametrize("who", ["mona", "manager", "frida"])
    def test_those_who_serve_customers_may(self, w, client, who):
        client.force_login(getattr(w, who))
        assert client.post(door(w.ada), form("Loud")).status_code == 302
        assert w.ada.suspension.suspended_by == getattr(w, who)
        assert client.post(lift(w.ada)).status_code == 302
        assert w.ada.suspension is None

    def test_nobody_is_not_found(self, mona):
        assert mona.get("/panel/customers/999999/suspension/").status_code == 404
        assert mona.post("/panel/customers/999999/reinstatement/").status_code == 404

    def test_a_role_at_another_location_sees_nothing(self, w, client):
        ella = story.login("ella@example.com")
        ella.give_role("manager", by=w.mona, location=story.house(name="Eastside"))
        client.force_login(ella)
        assert client.post(door(w.ada), form("x")).status_code == 404
        assert w.ada.suspension is None

    def test_a_role_that_only_sees_a_customer_suspends_nobody(self, w, client):
        """Seen through a contract at one location, at home at another one."""
        east = story.house(name="Eastside")
        ella = story.login("ella@example.com")
        ella.give_role("front_desk", by=w.mona, location=east)
        story.plan(east, "East Desk").sign_up(w.ada, by=w.mona)
        client.force_login(ella)
        record = client.get(f"/panel/customers/{w.ada.pk}/")
        assert "/suspension/" not in record.content.decode()
        assert client.post(door(w.ada), form("x")).status_code == 403
        assert w.ada.suspension is None


class TestSuspending:
    def test_the_page_says_what_it_does_before(self, w, frida):
        page = frida.get(door(w.ada))
        assert "Every session in the portal ends at once" in words(page)
        assert list(page.context["suspend_form"].fields) == ["form_key", "reason"]
        assert w.ada.suspension is None

    def test_a_reason_must_be_given_and_stands_beside_the_field(self, w, frida):
        answer = frida.post(door(w.ada), form("  "))
        assert answer.status_code == 422
        assert list(answer.context["suspend_form"].errors) == ["reason"]
        assert w.ada.suspension is None

    def test_no_cause_can_be_slipped_in(self, w, frida):
        frida.post(door(w.ada), form("Loud") | {"cause": "debt"})
        assert (w.ada.suspension.cause, w.ada.suspension.cancel_bookings) == ("manual", False)

    def test_bookings_ahead_are_kept_unless_it_is_ticked(self, w, frida):
        story.bookable(w)
        page = frida.get(door(w.ada))
        assert "Cancel the booking that lies ahead" in words(page)
        frida.post(door(w.ada), form("Loud"))
        w.booking.refresh_from_db()
        assert w.booking.state == "confirmed"
        w.ada.reinstate(by=w.mona)
        frida.post(door(w.ada), form("Louder") | {"cancel_bookings": "on"})
        w.booking.refresh_from_db()
        assert (w.booking.state, w.booking.amount) == ("cancelled", 0)
        assert w.ada.suspension.cancel_bookings

    def test_sent_twice_it_acts_once(self, w, frida):
        first, second = (frida.post(door(w.ada), form("Loud")) for _time in range(2))
        assert first["Location"] == second["Location"] == f"/panel/customers/{w.ada.pk}/"
        assert w.ada.suspensions.count() == 1

    def test_who_is_suspended_already_is_shown_and_not_suspended_again(self, w, frida):
        page = frida.get(door(w.viktor))
        assert "Three invoices unpaid (Mona Keller)" in words(page)
        assert "Lift the suspension" in words(page)
        assert 'name="reason"' not in page.content.decode()
        answer = frida.post(door(w.viktor), form("Again"))
        assert answer.status_code == 422
        assert "suspended already" in words(answer)

    @pytest.mark.parametrize("cause", ["approval", "debt"])
    def test_staff_put_a_suspension_of_their_own_in_place_of_another(self, w, frida, cause):
        w.ada.suspend(by=None, reason="By itself", cause=cause)
        record = frida.get(f"/panel/customers/{w.ada.pk}/")
        assert "Suspend by hand" in words(record)
        assert "takes the place of this one" in words(frida.get(door(w.ada)))
        frida.post(door(w.ada), form("Loud music"))
        assert (w.ada.suspension.cause, w.ada.suspension.reason) == ("manual", "Loud music")

    def test_the_session_of_the_customer_ends(self, w, frida):
        from django.test import Client

        phone = Client()
        phone.force_login(w.ada.user)
        assert phone.get("/portal/").status_code == 200
        frida.post(door(w.ada), form("Loud"))
        assert phone.get("/portal/").status_code == 403


class TestLifting:
    def test_missed_fees_are_for_managers_to_charge(self, w, client):
        client.force_login(w.frida)
        page = client.get(lift(w.viktor))
        assert "bill_missed" not in page.context["lift_form"].fields
        assert "only a manager may charge them" in words(page)
        client.post(lift(w.viktor), {"bill_missed": "on"})
        assert w.viktor.suspensions.first().bill_missed is False
        w.viktor.suspend(by=w.mona, reason="Again")
        client.force_login(w.manager)
        assert "bill_missed" in client.get(lift(w.viktor)).context["lift_form"].fields
        client.post(lift(w.viktor), {"bill_missed": "on"})
        assert w.viktor.suspensions.first().bill_missed is True

    def test_who_is_not_suspended_any_more_is_told(self, w, frida):
        assert "is not suspended" in words(frida.get(lift(w.ada)))
        answer = frida.post(lift(w.ada))
        assert answer.status_code == 422
        assert "This customer is not suspended." in words(answer)

    def test_who_waits_is_let_in_from_the_record_with_one_click(self, w, frida):
        w.noor.suspend(by=None, reason="Registered in the portal", cause="approval")
        page = frida.get(f"/panel/customers/{w.noor.pk}/")
        text = words(page)
        assert "Waiting for approval since 20 Nov 2026" in text
        assert "Let in" in text
        assert "Lift the suspension" not in text
        answer = frida.post(lift(w.noor), follow=True)
        assert "Noor Rahman is let in." in words(answer)
        assert w.noor.suspension is None


class TestTheRecord:
    def test_it_says_since_when_by_whom_and_why_and_offers_the_lift(self, w, frida):
        page = frida.get(f"/panel/customers/{w.viktor.pk}/")
        assert "Suspended since 20 Nov 2026" in words(page)
        assert "Three invoices unpaid (Mona Keller)" in words(page)
        assert lift(w.viktor) in page.content.decode()
        assert door(w.viktor) not in page.content.decode()

    def test_it_says_when_it_is_for_unpaid_invoices(self, w, frida):
        w.ada.suspend(by=None, reason="30 days overdue", cause="debt")
        text = words(frida.get(f"/panel/customers/{w.ada.pk}/"))
        assert "Suspended since 20 Nov 2026 for unpaid invoices 30 days overdue" in text

    def test_the_accountant_sees_it_without_the_button(self, w, client):
        client.force_login(w.anton)
        page = client.get(f"/panel/customers/{w.viktor.pk}/")
        assert "Three invoices unpaid" in words(page)
        assert lift(w.viktor) not in page.content.decode()

    def test_the_timeline_tells_doors_and_teams_with_who_and_why(self, w, frida):
        w.team.add(w.ada, by=w.mona)
        w.team.remove(w.ada, by=w.frida)
        w.ada.suspend(by=w.mona, reason="Loud music")
        w.ada.reinstate(by=w.mona, bill_missed=True)
        page = frida.get(f"/panel/customers/{w.ada.pk}/")
        text = words(page)
        for said in (
            "Joined a team20 Nov 2026 Lin & Co · by Mona Keller",
            "Left a team20 Nov 2026 Lin & Co · by Frida Berg",
            "Suspended20 Nov 2026 Loud music · by Mona Keller",
            "Reinstated20 Nov 2026 the missed fees are charged · by Mona Keller",
        ):
            assert said in text
        html = page.content.decode()
        for icon in ("users-round", "user-minus", "ban", "shield-check"):
            assert f"#{icon}" in html

    def test_the_archived_can_be_suspended_too(self, w, mona):
        w.noor.archive(by=w.mona)
        mona.post(door(w.noor), form("Never again"))
        assert Customer.objects.get(pk=w.noor.pk).suspension is not None
