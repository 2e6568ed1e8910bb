"""Logins and what they may do: one e-mail, roles that add up, always an owner."""

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from customers.models import StaffRole, User
from customers.rights import RIGHTS
from kit.models import AuditEntry
from kit.problems import Refused
from tests import story

pytestmark = pytest.mark.django_db


def test_a_login_is_made_together_with_its_address():
    user = User.objects.create_user(" Ada@Bücher.Example", story.PASSWORD, full_name="Ada")
    assert user.email == "ada@xn--bcher-kva.example"
    address = EmailAddress.objects.get(user=user)
    assert (address.email, address.primary, address.verified) == (user.email, True, True)
    assert user.check_password(story.PASSWORD)
    assert str(user) == "Ada"


@pytest.mark.parametrize(
    "again", ["ada@bücher.example", "ADA@BÜCHER.EXAMPLE", " ada@xn--bcher-kva.example "]
)
def test_an_e_mail_is_one_login_however_it_is_written(again):
    User.objects.create_user("ada@bücher.example")
    with pytest.raises(Refused) as caught:
        User.objects.create_user(again)
    assert caught.value.codes == ["email_taken"]
    assert caught.value.problems[0].field == "email"
    assert User.objects.count() == EmailAddress.objects.count() == 1


def test_what_is_no_address_makes_no_login():
    with pytest.raises(ValidationError):
        User.objects.create_user("ada")
    assert not User.objects.exists()


def test_without_a_password_nobody_signs_in(client):
    user = User.objects.create_user("ada@example.com")
    assert not user.has_usable_password()
    assert not client.login(email="ada@example.com", password="")


def test_one_signs_in_however_one_writes_ones_address(client):
    User.objects.create_user("ada@bücher.example", story.PASSWORD)
    answer = client.post(
        "/portal/login/", {"login": "ADA@Bücher.example", "password": story.PASSWORD}
    )
    assert answer.status_code == 302
    assert client.get("/portal/").status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, w):
    pages = []
    for email in ("ada@example.com", "nobody-at-all@example.com"):
        answer = client.post("/portal/login/", {"login": email, "password": "wrong-password"})
        assert answer.status_code == 200
        pages.append(answer.context["form"].errors.as_json())
    assert pages[0] == pages[1]


def test_roles_add_up(w):
    assert w.frida.roles == {"front_desk"}
    assert not w.frida.may("keep_books")
    w.frida.give_role("accountant", by=w.mona)
    assert w.frida.roles == {"front_desk", "accountant"}
    assert w.frida.may("keep_books")
    assert w.frida.may("serve_customers")
    assert not w.frida.may("manage_space")
    assert User.objects.get(pk=w.frida.pk).roles == w.frida.roles


def test_a_role_says_who_gave_and_who_ended_it(w):
    role = w.frida.give_role("manager", by=w.mona)
    assert w.frida.give_role("manager", by=w.manager) == role, "held already"
    with pytest.raises(Refused) as refused:
        w.frida.end_role("manager", by=w.manager)
    assert refused.value.codes == ["needs_owner"]
    w.frida.end_role("manager", by=w.mona)
    role.refresh_from_db()
    assert (role.given_by, role.ended_by) == (w.mona, w.mona)
    assert w.frida.roles == {"front_desk"}
    verbs = AuditEntry.objects.filter(object_id=w.frida.pk, kind="customers.user")
    assert list(verbs.order_by("pk").values_list("verb", flat=True))[-2:] == [
        "role.give", "role.end",
    ]  # fmt: skip
    assert w.frida.give_role("manager", by=w.mona) != role, "given anew"


def test_whoever_has_no_role_is_no_staff(w):
    assert not w.ada.user.is_staff
    w.frida.end_role("front_desk", by=w.mona)
    assert not w.frida.is_staff
    assert not any(w.frida.may(right) for right in RIGHTS)


def test_the_last_owner_stays(w):
    with pytest.raises(Refused) as caught:
        w.mona.end_role("owner", by=w.mona)
    assert caught.value.codes == ["last_owner"]
    assert w.mona.roles == {"owner"}
    w.frida.give_role("owner", by=w.mona)
    w.mona.end_role("owner", by=w.frida)
    assert w.mona.roles == frozenset()
    with pytest.raises(Refused):
        w.frida.end_role("owner", by=w.mona)


def test_an_owner_who_cannot_sign_in_or_owns_one_location_only_does_not_count(w):
    User.objects.filter(pk=w.frida.pk).update(is_active=False)
    w.frida.give_role("owner", by=w.mona)
    w.anton.give_role("owner", by=w.mona, location=w.house)
    with pytest.raises(Refused) as caught:
        w.mona.end_role("owner", by=w.mona)
    assert caught.value.codes == ["last_owner"]


def test_a_role_at_one_location_of_another_owner_can_be_ended(w):
    w.anton.give_role("owner", by=w.mona, location=w.house)
    w.anton.end_role("owner", by=w.mona)
    assert w.anton.roles == {"accountant"}


def test_the_database_knows_each_role_once(w):
    given = {"user": w.frida, "role": "front_desk", "given_at": w.frida.joined_at}
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffRole.objects.create(**given)
    StaffRole.objects.create(**given, location=w.house)
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffRole.objects.create(**given, location=w.house)
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffRole.objects.create(user=w.frida, role="emperor", given_at=w.frida.joined_at)


def test_sessions_end_with_the_password_and_when_told(client, w):
    client.force_login(w.ada.user)
    assert client.get("/portal/").status_code == 200
    w.ada.user.end_sessions()
    assert client.get("/portal/").status_code == 302
    client.force_login(w.ada.user)
    w.ada.user.set_password("another-long-one")
    w.ada.user.save()
    assert client.get("/portal/").status_code == 302
