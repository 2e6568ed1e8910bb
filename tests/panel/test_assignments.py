"""What a contract occupies, and what becomes of bookings when it ends."""

import pytest
from django.urls import reverse

from bookings.models import Assignment
from kit.once import new_key
from tests import story
from tests.bookings.conftest import heron, kestrel, rooms, t  # noqa: F401
from tests.panel.test_customers import words
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def frida(w, client):
    client.force_login(w.frida)
    return client


def assign(browser, contract, resource, first_on="2026-11-20"):
    sent = {"form_key": new_key(), "resource": resource.pk, "first_on": first_on}
    return browser.post(reverse("panel:assignment_new", args=[contract.pk]), sent)


class TestOccupying:
    def test_a_contract_occupies_a_resource_until_a_last_day(self, w, frida, kestrel):  # noqa: F811
        assert assign(frida, w.ada_contract, kestrel).status_code == 302
        one = Assignment.objects.get()
        record = reverse("panel:contract", args=[w.ada_contract.pk])
        assert "Kestrelfrom 20 Nov 2026" in words(frida.get(record))
        assert "Ada Lovelace" in words(frida.get(reverse("panel:resource", args=[kestrel.pk])))
        end = reverse("panel:assignment_end", args=[w.ada_contract.pk, one.pk])
        answer = frida.post(end, {"form_key": new_key(), "last_on": "2026-11-19"})
        assert answer.status_code == 422
        assert "It was occupied from" in str(answer.context["form"].errors["last_on"])
        frida.post(end, {"form_key": new_key(), "last_on": "2026-12-31"})
        one.refresh_from_db()
        assert one.last_on == day("2026-12-31")

    def test_it_is_taken_back(self, w, frida, kestrel):  # noqa: F811
        assign(frida, w.ada_contract, kestrel)
        one = Assignment.objects.get()
        address = reverse("panel:assignment_withdrawal", args=[w.ada_contract.pk, one.pk])
        assert frida.post(address).status_code == 302
        one.refresh_from_db()
        assert one.withdrawn_by == w.frida
        assert frida.get(address).status_code == 404

    def test_what_is_occupied_or_booked_is_refused_in_words(self, w, frida, kestrel, heron, t):  # noqa: F811
        heron.assign(contract=w.lin_contract, by=w.mona, first_on=story.TODAY)
        answer = assign(frida, w.ada_contract, heron)
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == ["resource"]
        assert "Heron is occupied by a contract of Lin & Co." in words(answer)
        kestrel.book(
            customer=w.noor, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
        )
        said = str(assign(frida, w.ada_contract, kestrel).context["form"].errors["resource"])
        assert "Kestrel, 23 Nov 2026, 10:00 to 11:00 is booked." in said
        assert Assignment.objects.count() == 1

    def test_a_day_outside_the_contract_is_refused(self, w, frida, kestrel):  # noqa: F811
        answer = assign(frida, w.ada_contract, kestrel, "2026-01-01")
        assert "Choose a day of the contract." in str(answer.context["form"].errors["first_on"])

    def test_only_what_is_at_the_contracts_location_is_offered(self, w, frida, rooms, kestrel):  # noqa: F811
        far = story.room(story.house(name="Hill House"), rooms, "Far Room")
        assert assign(frida, w.ada_contract, far).status_code == 422
        page = frida.get(reverse("panel:assignment_new", args=[w.ada_contract.pk]))
        assert "Far Room" not in words(page)

    def test_an_ended_contract_offers_nothing(self, w, frida, kestrel):  # noqa: F811
        record = frida.get(reverse("panel:contract", args=[w.noor_contract.pk]))
        assert "What it occupies" not in words(record)
        assert "This contract has ended." in words(
            assign(frida, w.noor_contract, kestrel, "2026-09-01")
        )

    def test_an_assignment_of_another_contract_is_not_found(self, w, frida, kestrel):  # noqa: F811
        one = kestrel.assign(contract=w.lin_contract, by=w.mona, first_on=story.TODAY)
        for name in ("assignment_end", "assignment_withdrawal"):
            address = reverse(f"panel:{name}", args=[w.ada_contract.pk, one.pk])
            assert frida.get(address).status_code == 404

    def test_accountants_only_look(self, w, client, kestrel):  # noqa: F811
        client.force_login(w.anton)
        assert assign(client, w.ada_contract, kestrel).status_code == 403


class TestTheEndOfAContract:
    @pytest.fixture
    def booked(self, w, kestrel, t):  # noqa: F811
        """One before the last day, one after it."""
        return [
            kestrel.book(
                customer=w.ada, start=t(f"2026-{on} 10:00"), end=t(f"2026-{on} 11:00"), by=w.mona
            )
            for on in ("12-10", "12-28")
        ]

    def send(self, browser, w, **fields):
        address = reverse("panel:contract_cancellation", args=[w.ada_contract.pk])
        sent = {"form_key": new_key(), "last_day": "2026-12-20", "reason": "Moves away", **fields}
        return browser.post(address, sent)

    def states(self, booked) -> list[str]:
        for one in booked:
            one.refresh_from_db()
        return [one.state for one in booked]

    def test_what_is_booked_for_later_is_listed(self, w, frida, booked):
        page = self.send(frida, w, preview="1")
        assert page.status_code == 200
        assert [one for one, _kept in page.context["afterwards"]] == [booked[1]]
        assert "1 booking lies after the last day" in words(page)
        page = self.send(frida, w, preview="1", last_day="2026-12-28")
        assert "Nothing is booked for after that day." in words(page)
        assert w.ada_contract.cancellations.count() == 0

    def test_it_is_kept_unless_somebody_says_otherwise(self, w, frida, booked):
        assert self.send(frida, w).status_code == 302
        assert self.states(booked) == ["confirmed", "confirmed"]

    def test_it_is_cancelled_with_the_contract(self, w, frida, booked):
        assert self.send(frida, w, bookings="cancel").status_code == 302
        assert self.states(booked) == ["confirmed", "cancelled"]
        assert booked[1].reason == "Moves away"

    def test_a_refused_cancellation_cancels_no_bookings(self, w, frida, booked):
        answer = self.send(frida, w, bookings="cancel", last_day="2026-12-01")
        assert answer.status_code == 422
        assert self.states(booked) == ["confirmed", "confirmed"]
        assert w.ada_contract.cancellations.count() == 0
