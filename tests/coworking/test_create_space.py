import pytest
from django.core.management import call_command

from customers.models import User
from spaces.models import Location

pytestmark = pytest.mark.django_db


def create(
    capsys, *, name="Riverside House", zone="Europe/London", currency="eur", owner=""
) -> str:
    call_command(
        "create_space", name, zone=zone, currency=currency, owner=owner or "Mo@Example.com"
    )
    return capsys.readouterr().out


def test_the_owner_chooses_a_password_by_a_link_that_works_once(capsys, client):
    said = create(capsys)
    house = Location.objects.get()
    assert (house.timezone, house.currency) == ("Europe/London", "EUR")
    owner = User.objects.get()
    assert (owner.email, owner.roles) == ("mo@example.com", {"owner"})

    link = next(line for line in said.splitlines() if line.startswith("http"))
    address = "/" + link.split("/", 3)[3]
    page = client.get(address, follow=True)
    assert page.status_code == 200
    form = page.redirect_chain[-1][0]
    chosen = {"password1": "a long new password", "password2": "a long new password"}
    assert client.post(form, chosen).status_code == 302
    assert client.login(request=None, email="mo@example.com", password="a long new password")
    client.logout()
    again = client.get(address, follow=True).content.decode()
    assert "password1" not in again


def test_an_installation_has_one_beginning(capsys):
    create(capsys)
    with pytest.raises(SystemExit) as ended:
        create(capsys, name="Second", owner="other@example.com")
    assert ended.value.code == 3
    assert Location.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"zone": "Europe/Atlantis"}, {"currency": "XXQ"}, {"owner": "nobody"}]
)
def test_what_is_wrong_is_refused_and_nothing_is_made(capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        create(capsys, **wrong)
    assert ended.value.code == 3
    assert not Location.objects.exists()
    assert not User.objects.exists()


def test_without_an_owner_the_front_door_says_what_to_run(client):
    page = client.get("/").content.decode()
    assert "create_space" in page


def test_the_front_door_sends_everybody_where_they_belong(w, client):
    assert client.get("/")["Location"] == "/portal/login/"
    client.force_login(w.frida)
    assert client.get("/")["Location"] == "/panel/"
    client.force_login(w.ada.user)
    assert client.get("/")["Location"] == "/portal/"


def test_what_is_not_found_has_the_houses_page_in_development_too(client, settings):
    settings.DEBUG = True
    for address in ("/nope", "/portal/nope/"):
        page = client.get(address)
        assert page.status_code == 404
        assert "urlpatterns" not in page.content.decode()
        assert "URLconf" not in page.content.decode()


def test_a_forgotten_password_is_mailed_in_the_houses_words(w, client):
    from kit.models import OutboxMessage

    client.post("/portal/password/reset/", {"email": "ada@example.com"})
    message = OutboxMessage.objects.latest("pk")
    assert message.to == ["ada@example.com"]
    for body in (message.text, message.html):
        assert "Riverside House" in body
        assert "/portal/password/" in body
        assert "{{" not in body
