"""Owners see to who works here and how the space is run; nobody else does."""

import pytest
from django.urls import reverse

from billing.charging import charge_other
from billing.models.issuing import invoice_now
from customers.models import Invitation, StaffRole, User
from kit.models import AuditEntry, OutboxMessage
from spaces.models import Location
from tests import story

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(w, client):
    client.force_login(w.mona)
    return client


def send(browser, address: str, **data):
    """Fill in the form as it was opened, and send it."""
    form = browser.get(address).context["form"]
    if "form_key" in form.fields:
        data.setdefault("form_key", form["form_key"].value())
    return browser.post(address, data)


class TestStaff:
    def test_the_list_says_who_may_do_what_and_how_they_sign_in(self, w, owner):
        User.objects.invite_staff(
            "sam@example.com", [("manager", w.house)], full_name="Sam Stone", by=w.mona
        )
        text = owner.get(reverse("panel:staff")).content.decode()
        for words in ("Sam Stone", "Manager, Riverside House", "Invited", "Frida Berg", "Owner"):
            assert words in text, words
        assert "Ada Lovelace" not in text

    def test_its_queries_do_not_depend_on_how_many_there_are(
        self, w, owner, django_assert_max_num_queries
    ):
        for number in range(30):
            story.login(f"staff{number}@example.com", "front_desk", name=f"Staff {number}")
        with django_assert_max_num_queries(12):
            owner.get(reverse("panel:staff"))

    def test_a_colleague_is_invited_with_roles(self, w, owner):
        answer = send(
            owner, reverse("panel:staff_new"),
            full_name="Sam Stone", email="Sam@Example.com", roles=["front_desk", "accountant"],
        )  # fmt: skip
        assert answer["Location"] == reverse("panel:staff")
        sam = User.objects.get(email="sam@example.com")
        assert sam.roles == {"front_desk", "accountant"}
        assert OutboxMessage.objects.latest("pk").to == ["sam@example.com"]

    def test_roles_at_a_location_are_offered_where_there_are_several(self, w, owner):
        hill = story.house(name="Hill House")
        page = owner.get(reverse("panel:staff_new")).content.decode()
        assert f'value="manager@{hill.pk}"' in page
        send(
            owner, reverse("panel:staff_new"),
            full_name="Sam", email="sam@example.com", roles=[f"manager@{hill.pk}", "front_desk"],
        )  # fmt: skip
        sam = User.objects.get(email="sam@example.com")
        assert sam.held_roles == {("manager", hill.pk), ("front_desk", None)}

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"email": "no address"}, "Enter a valid e-mail address"),
            ({"full_name": ""}, "Say the name of the new colleague"),
            ({"roles": []}, "Choose at least one role"),
            ({"roles": ["emperor"]}, "Select a valid choice"),
            ({"email": "frida@example.com"}, "works here already"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_lost(self, w, owner, wrong, words):
        data = {"full_name": "Sam Stone", "email": "sam@example.com", "roles": ["manager"]}
        answer = send(owner, reverse("panel:staff_new"), **{**data, **wrong})
        assert answer.status_code == 422
        assert words in answer.content.decode()
        if "full_name" not in wrong:
            assert 'value="Sam Stone"' in answer.content.decode()
        assert not Invitation.objects.exists()

    def test_roles_are_changed(self, w, owner):
        address = reverse("panel:staff_person", args=[w.frida.pk])
        page = owner.get(address).content.decode()
        assert 'value="front_desk" ' in page
        assert page.count(" checked") == 1
        send(owner, address, roles=["manager"])
        assert User.objects.get(pk=w.frida.pk).roles == {"manager"}

    def test_a_new_link_replaces_the_one_before(self, w, owner):
        sam = User.objects.invite_staff(
            "sam@example.com", [("manager", None)], full_name="Sam", by=w.mona
        )
        address = reverse("panel:staff_invitation", args=[sam.pk])
        assert owner.get(address).status_code == 405
        owner.post(address)
        assert Invitation.objects.count() == 2
        assert Invitation.objects.standing().count() == 1

    def test_somebody_leaves(self, w, owner):
        address = reverse("panel:staff_end", args=[w.frida.pk])
        assert "work here no more" in owner.get(address).content.decode()
        owner.post(address)
        assert not User.objects.get(pk=w.frida.pk).is_staff
        assert owner.get(reverse("panel:staff_person", args=[w.frida.pk])).status_code == 404

    def test_the_last_owner_cannot_leave(self, w, owner):
        answer = owner.post(reverse("panel:staff_end", args=[w.mona.pk]))
        assert answer.status_code == 422
        assert "The space needs an owner" in answer.content.decode()
        assert StaffRole.objects.filter(user=w.mona, ended_at=None).exists()

    def test_a_customer_is_nobody_who_works_here(self, w, owner):
        for route in ("panel:staff_person", "panel:staff_end"):
            address = reverse(route, args=[w.ada.user_id])
            assert owner.get(address).status_code == 404
            assert owner.post(address, {"roles": ["owner"]}).status_code == 404
        assert not User.objects.get(pk=w.ada.user_id).is_staff

    def test_whoever_works_here_finds_the_way_to_their_own_login(self, w, client):
        client.force_login(w.frida)
        text = client.get(reverse("panel:home")).content.decode()
        for name in ("account_change_password", "mfa_index", "usersessions_list"):
            assert f'href="{reverse(name)}"' in text
            assert client.get(reverse(name)).status_code == 200
        assert "To your portal" not in text
        story.person(w.house, "Frida Berg", user=w.frida)
        assert "To your portal" in client.get(reverse("panel:home")).content.decode()

    @pytest.mark.parametrize("who", ["frida", "manager", "anton"])
    def test_nobody_else_comes_here_or_is_offered_it(self, w, client, who):
        client.force_login(getattr(w, who))
        for route in ("panel:staff", "panel:staff_new", "panel:settings"):
            assert client.get(reverse(route)).status_code == 403
        home = client.get(reverse("panel:home")).content.decode()
        assert reverse("panel:staff") not in home
        assert reverse("panel:settings") not in home

    def test_an_owner_of_one_location_comes_to_its_settings_only(self, w, client):
        hill = story.house(name="Hill House")
        sam = story.login("sam@example.com")
        sam.give_role("owner", by=None, location=hill)
        client.force_login(sam)
        assert client.get(reverse("panel:staff")).status_code == 403
        assert client.get(reverse("panel:location_new")).status_code == 403
        page = client.get(reverse("panel:settings")).content.decode()
        assert reverse("panel:location", args=[hill.pk]) in page
        assert reverse("panel:location", args=[w.house.pk]) not in page
        assert client.get(reverse("panel:location", args=[hill.pk])).status_code == 200
        assert client.get(reverse("panel:location", args=[w.house.pk])).status_code == 403


def words_of(location: Location, **changes) -> dict:
    from panel.forms.settings import EditLocationForm

    seen = {name: getattr(location, name) for name in EditLocationForm.Meta.fields}
    seen["prices_include_tax"] = "on" if location.prices_include_tax else ""
    data = {**seen, **{f"initial-{name}": value for name, value in seen.items()}, **changes}
    return {name: value for name, value in data.items() if value not in (None, "")} | {
        name: "" for name, value in changes.items() if value == ""
    }


class TestSettings:
    def address(self, w) -> str:
        return reverse("panel:location", args=[w.house.pk])

    def test_a_location_is_edited_and_the_audit_log_says_so(self, w, owner):
        answer = owner.post(
            self.address(w),
            words_of(w.house, registration="approval", contact_email="Desk@Example.com"),
        )
        assert answer.status_code == 302, answer.content.decode()
        w.house.refresh_from_db()
        assert w.house.registration == "approval"
        assert w.house.contact_email == "desk@example.com"
        entry = AuditEntry.objects.filter(verb="location.edit").get()
        assert entry.changes["registration"] == ["open", "approval"]

    def test_its_currency_stays_whatever_is_sent(self, w, owner):
        owner.post(self.address(w), words_of(w.house, name="River House", currency="USD"))
        w.house.refresh_from_db()
        assert (w.house.name, w.house.currency) == ("River House", "EUR")

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"name": ""}, "This field is required"),
            ({"contact_email": "nowhere"}, "Enter a valid e"),
            ({"billing_day": "32"}, "31"),
            ({"country": "1"}, "Select a valid choice"),
            ({"payment_days": "x"}, "number"),
            ({"timezone": "Moon/Crater"}, "Select a valid choice"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(self, w, owner, wrong, words):
        answer = owner.post(self.address(w), words_of(w.house, **wrong))
        assert answer.status_code == 422
        field = next(iter(wrong))
        assert any(words in error for error in answer.context["form"].errors[field])
        w.house.refresh_from_db()
        assert w.house.name == "Riverside House"

    def test_vat_id_and_register_entry_are_kept_and_printed(self, w, owner):
        entered = {"vat_id": " de 136.695.976", "register_line": "HRB 12345, Amtsgericht Berlin"}
        answer = owner.post(self.address(w), words_of(w.house, **entered))
        assert answer.status_code == 302
        w.house.refresh_from_db()
        assert w.house.vat_id == "DE136695976"
        charge_other(w.ada, w.house, text="Printing", amount=10, by=w.anton)
        invoice = invoice_now(w.ada, w.house, by=w.anton)
        assert invoice.seller["vat_id"] == "DE136695976"
        note = invoice.credit(reason="Twice", by=w.anton)
        for who, side in ((w.anton, "panel"), (w.ada.user, "portal")):
            owner.force_login(who)
            for page in (f"invoices/{invoice.pk}", f"credit-notes/{note.pk}"):
                text = owner.get(f"/{side}/{page}/").content.decode()
                assert "VAT id DE136695976" in text
                assert "HRB 12345, Amtsgericht Berlin" in text

    @pytest.mark.parametrize("wrong", ["DE136695977", "12/345/67890", "GB1"])
    def test_what_is_no_vat_id_is_said_beside_the_field(self, w, owner, wrong):
        answer = owner.post(self.address(w), words_of(w.house, vat_id=wrong))
        assert answer.status_code == 422
        [error] = answer.context["form"].errors["vat_id"]
        assert error.startswith("This is not a valid VAT id, such as DE136695976.")
        w.house.refresh_from_db()
        assert w.house.vat_id == ""

    def test_two_names_of_one_location_are_refused(self, w, owner):
        story.house(name="Hill House")
        answer = owner.post(self.address(w), words_of(w.house, name="Hill House"))
        assert answer.status_code == 422
        assert "a location of this name" in answer.content.decode()

    def test_what_somebody_else_changed_meanwhile_is_shown(self, w, owner):
        data = words_of(w.house, contact_phone="2")
        w.house.edit({"contact_phone": "1"}, by=w.mona)
        answer = owner.post(self.address(w), data)
        assert answer.status_code == 422
        assert "changed to “1”" in answer.content.decode()

    def test_a_further_location_is_opened(self, w, owner):
        answer = send(
            owner, reverse("panel:location_new"),
            name="Hill House", timezone="Europe/Vienna", currency="eur", registration="closed",
            tax_rate="10", billing_day="1", payment_days="14", invoice_at="cycle_end",
        )  # fmt: skip
        assert answer.status_code == 302, answer.content.decode()
        hill = Location.objects.get(name="Hill House")
        assert (hill.currency, hill.registration, hill.timezone) == (
            "EUR", "closed", "Europe/Vienna",
        )  # fmt: skip

    def test_the_page_turned_away_names_whom_to_ask(self, w, client):
        w.house.edit({"contact_email": "desk@example.com", "contact_phone": "123"}, by=None)
        client.force_login(w.viktor.user)
        text = client.get("/portal/").content.decode()
        assert "mailto:desk@example.com" in text
        assert "123" in text
