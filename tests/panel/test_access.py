"""A customer's portal account on the record: invited, closed and opened again by staff."""

import pytest
from django.urls import reverse

from customers.models import Invitation
from tests import story

pytestmark = pytest.mark.django_db

PAGES = [
    "panel:customer_invitation", "panel:customer_invitation_withdrawal", "panel:access_withdrawal",
    "panel:access_giving_back",
]  # fmt: skip


@pytest.fixture
def desk(w, client):
    client.force_login(w.frida)
    return client


def page(name: str, customer) -> str:
    return reverse(f"panel:{name}", args=[customer.pk])


def test_a_customer_is_invited_from_the_record(w, desk):
    assert "No login." in desk.get(page("customer", w.omar)).content.decode()
    answer = desk.post(page("customer_invitation", w.omar))
    assert answer["Location"] == page("customer", w.omar)
    assert "Invited at omar@example.com" in desk.get(page("customer", w.omar)).content.decode()
    assert Invitation.objects.get().invited_by == w.frida


def test_the_page_says_why_somebody_cannot_be_invited(w, desk):
    w.omar.suspend(by=w.mona, reason="Noise")
    text = desk.get(page("customer_invitation", w.omar)).content.decode()
    assert "This customer is suspended" in text
    assert "Send the invitation" not in text
    assert desk.post(page("customer_invitation", w.omar)).status_code == 422


def test_an_invitation_is_withdrawn(w, desk):
    w.omar.invite(by=w.mona)
    desk.post(page("customer_invitation_withdrawal", w.omar))
    assert w.omar.invitation is None
    assert "No login." in desk.get(page("customer", w.omar)).content.decode()


def test_the_portal_is_closed_and_opened_again(w, desk):
    desk.post(page("access_withdrawal", w.ada))
    text = desk.get(page("customer", w.ada)).content.decode()
    assert "Closed since" in text
    assert "Open again" in text
    assert desk.post(page("access_withdrawal", w.ada)).status_code == 422
    desk.post(page("access_giving_back", w.ada))
    w.ada.refresh_from_db()
    assert w.ada.portal_access_withdrawn_at is None


def test_the_accountant_sees_it_and_does_nothing(w, client):
    client.force_login(w.anton)
    text = client.get(page("customer", w.ada)).content.decode()
    assert "Signs in as ada@example.com" in text
    assert "Close the portal" not in text
    for name in PAGES:
        assert client.post(reverse(name, args=[w.ada.pk])).status_code == 403
    w.ada.refresh_from_db()
    assert w.ada.portal_access_withdrawn_at is None


@pytest.mark.parametrize("name", PAGES)
def test_front_desk_of_another_location_does_not_come_here(w, client, name):
    hill = story.house(name="Hill House")
    sam = story.login("sam@example.com")
    sam.give_role("front_desk", by=None, location=hill)
    client.force_login(sam)
    for answer in (
        client.get(reverse(name, args=[w.ada.pk])),
        client.post(reverse(name, args=[w.ada.pk])),
    ):
        assert answer.status_code == 404
        assert "Ada" not in answer.content.decode()


class TestInvitationsIntoATeam:
    def test_staff_invite_by_e_mail_and_see_who_has_not_come_yet(self, w, desk):
        address = reverse("panel:team_invitation", args=[w.team.pk])
        key = desk.get(address).context["form"]["form_key"].value()
        data = {"email": "New@Example.com", "full_name": "Nell New", "form_key": key}
        for _time in range(2):
            assert desk.post(address, data).status_code == 302
        assert Invitation.objects.get().email == "new@example.com"
        record = desk.get(reverse("panel:team", args=[w.team.pk])).content.decode()
        assert "new@example.com" in record
        assert "by Frida Berg" in record

    def test_one_is_withdrawn(self, w, desk):
        sent = w.team.invite("new@example.com", by=w.lin.user)
        address = reverse("panel:team_invitation_withdrawal", args=[w.team.pk, sent.pk])
        assert desk.get(address).status_code == 405
        desk.post(address)
        assert not w.team.invitations.standing().exists()
        assert desk.post(address).status_code == 404

    @pytest.mark.parametrize(
        ("email", "words"),
        [
            ("no address", "Enter a valid e-mail address"),
            ("", "This field is required"),
            ("omar@example.com", "in the team already"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(self, w, desk, email, words):
        address = reverse("panel:team_invitation", args=[w.team.pk])
        key = desk.get(address).context["form"]["form_key"].value()
        answer = desk.post(address, {"email": email, "form_key": key})
        assert answer.status_code == 422
        assert any(words in error for error in answer.context["form"].errors["email"])
        assert not Invitation.objects.exists()
