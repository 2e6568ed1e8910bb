"""What plans include of booking, and what teams share of it."""

import pytest
from django.urls import reverse

from bookings.models import PlanCredit, SharedCredit
from kit.once import new_key
from tests.bookings.conftest import rooms  # noqa: F401
from tests.panel.test_customers import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


def test_a_plan_includes_hours_until_that_is_ended(w, mona, rooms):  # noqa: F811
    address = reverse("panel:plan_credit_new", args=[w.hot_desk.pk])
    sent = {"form_key": new_key(), "hours": "5", "types": [rooms.pk]}
    first, second = (mona.post(address, sent) for _time in range(2))
    assert first["Location"] == second["Location"]
    credit = PlanCredit.objects.get()
    plan = reverse("panel:plan", args=[w.hot_desk.pk])
    assert "5 hours per cycle" in words(mona.get(plan))
    record = words(mona.get(f"/panel/customers/{w.ada.pk}/"))
    assert "5 h of 5 h left" in record
    assert "Meeting rooms · Hot Desk, until 30 Nov 2026" in record
    mona.post(reverse("panel:plan_credit_end", args=[w.hot_desk.pk, credit.pk]))
    assert "No booking is included." in words(mona.get(plan))
    again = mona.post(reverse("panel:plan_credit_end", args=[w.hot_desk.pk, credit.pk]))
    assert again.status_code == 422


@pytest.mark.parametrize(
    ("fields", "beside", "said"),
    [
        ({"hours": "5", "amount": "40"}, "hours", "Say either hours or an amount."),
        ({}, "hours", "Say either hours or an amount."),
        ({"hours": "0"}, "hours", "More than zero."),
        ({"amount": "40", "types": []}, "types", "Choose what it can be used for."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(w, mona, rooms, fields, beside, said):  # noqa: F811
    sent = {"form_key": new_key(), "types": [rooms.pk], **fields}
    answer = mona.post(reverse("panel:plan_credit_new", args=[w.hot_desk.pk]), sent)
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[beside])


def test_only_managers_include_booking(w, client, rooms):  # noqa: F811
    credit = PlanCredit.objects.give(w.hot_desk, types=[rooms], hours=1, by=None)
    client.force_login(w.frida)
    for name, args in (("new", []), ("end", [credit.pk])):
        address = reverse(f"panel:plan_credit_{name}", args=[w.hot_desk.pk, *args])
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403


def test_a_credit_of_another_plan_is_not_found(w, mona, rooms):  # noqa: F811
    credit = PlanCredit.objects.give(w.office, types=[rooms], hours=1, by=None)
    address = reverse("panel:plan_credit_end", args=[w.hot_desk.pk, credit.pk])
    assert mona.get(address).status_code == 404


def test_the_payers_credit_is_opened_to_the_team_and_closed(w, client):
    client.force_login(w.frida)
    team, address = f"/panel/teams/{w.team.pk}/", f"/panel/teams/{w.team.pk}/credit/"
    assert "is not open to the team" in words(client.get(team))
    answer = client.post(address, {"is_open": "yes"}, follow=True)
    assert "Lin & Co may use the payer's booking credit now." in words(answer)
    assert "Booking credit opened to the team" in words(answer)
    assert SharedCredit.objects.open().get().opened_by == w.frida
    client.post(address)
    assert not SharedCredit.objects.open().exists()


def test_without_a_payer_there_is_nothing_to_open(w, client):
    client.force_login(w.frida)
    w.team.edit({"payer": None}, by=w.mona)
    page = client.get(f"/panel/teams/{w.team.pk}/")
    assert "Open it to the team" not in words(page)
    answer = client.post(f"/panel/teams/{w.team.pk}/credit/", {"is_open": "yes"}, follow=True)
    assert "Nobody pays for this team." in words(answer)


def test_sharing_is_for_those_who_serve_customers(w, client):
    assert client.get(f"/panel/teams/{w.team.pk}/credit/").status_code == 302
    client.force_login(w.anton)
    assert client.post(f"/panel/teams/{w.team.pk}/credit/", {"is_open": "yes"}).status_code == 403
    client.force_login(w.frida)
    assert client.get(f"/panel/teams/{w.team.pk}/credit/").status_code == 405
