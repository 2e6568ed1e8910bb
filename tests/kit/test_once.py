"""A creating form that is sent twice acts once."""

import datetime as dt
import re

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path

from kit import clock, once
from kit.models import SubmittedForm
from kit.policies import policy
from spaces.models import Location

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.test_once")]


class NameForm(once.OnceForm):
    name = forms.CharField(max_length=20)


@policy("public")
@once.creates
def create(request):
    """Makes a location: a deed whose effects can be counted."""
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        if name == "broken":
            raise ZeroDivisionError
        made = Location.objects.create(name=f"{name} {Location.objects.count()}")
        return redirect(f"/made/{made.pk}/")
    return HttpResponse(form.as_p())


@policy("public")
@once.creates
def create_other(request):
    return create.__wrapped__(request)


urlpatterns = [path("", create), path("other/", create_other)]


def send(client, name: str, key: str = "k" * 32, to: str = "/", **more):
    return client.post(to, {"name": name, "form_key": key, **more})


def test_the_form_carries_a_fresh_key_each_time(client):
    keys = set()
    for _time in range(3):
        [key] = re.findall(r'name="form_key" value="([^"]+)"', client.get("/").content.decode())
        keys.add(key)
    assert len(keys) == 3
    assert min(map(len, keys)) >= 30


def test_the_same_form_twice_has_one_effect_and_one_answer(client):
    first, second, third = (send(client, "Riverside") for _time in range(3))
    assert first.status_code == second.status_code == third.status_code == 302
    assert first["Location"] == second["Location"] == third["Location"]
    assert Location.objects.count() == 1


def test_asking_what_it_would_bring_uses_no_key_up(client):
    """A preview that arrives after the deed is an answer, not a conflict."""
    send(client, "Riverside")
    assert not SubmittedForm.objects.filter(result="").exists()
    before = SubmittedForm.objects.count()
    answer = client.post("/", {"name": "", "form_key": "k" * 32, "preview": "1"})
    assert answer.status_code == 200
    assert SubmittedForm.objects.count() == before


def test_the_same_key_with_other_content_is_a_409_that_keeps_the_input(client):
    send(client, "Riverside")
    answer = send(client, "Harbour")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert 'value="Harbour"' in page
    assert "already sent with other content" in page
    assert Location.objects.count() == 1
    [key] = re.findall(r'name="form_key" value="([^"]+)"', page)
    assert key != "k" * 32
    assert send(client, "Harbour", key).status_code == 302
    assert Location.objects.count() == 2


def test_another_sessions_form_with_the_same_key_gets_nothing_of_ours(client, w):
    client.force_login(w.mona)
    first = send(client, "Riverside")
    client.force_login(w.frida)
    other = send(client, "Riverside")
    assert other.status_code == 409
    assert first["Location"] not in other.content.decode()


def test_the_same_form_at_another_address_is_another_content(client):
    send(client, "Riverside")
    assert send(client, "Riverside", to="/other/").status_code == 409


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_a_form_without_a_usable_key_does_nothing(client, key):
    answer = send(client, "Riverside", key)
    assert answer.status_code == 409
    assert 'value="Riverside"' in answer.content.decode()
    assert not Location.objects.exists()


def test_a_form_that_was_wrong_may_be_sent_again_mended_with_its_key(client):
    wrong = send(client, "x" * 21)
    assert wrong.status_code == 200
    assert not SubmittedForm.objects.exists()
    assert send(client, "Riverside").status_code == 302


def test_a_deed_that_fails_gives_its_key_back(client):
    with pytest.raises(ZeroDivisionError):
        send(client, "broken")
    assert not SubmittedForm.objects.exists()


def test_the_content_of_a_file_counts(client):
    def upload(text):
        return SimpleUploadedFile("people.csv", text)

    first = send(client, "Riverside", file=upload(b"a,b"))
    assert send(client, "Riverside", file=upload(b"a,b"))["Location"] == first["Location"]
    assert send(client, "Riverside", file=upload(b"a,c")).status_code == 409


def test_the_csrf_token_is_no_content(client):
    first = send(client, "Riverside", csrfmiddlewaretoken="one")
    assert send(client, "Riverside", csrfmiddlewaretoken="two")["Location"] == first["Location"]


def test_old_keys_are_forgotten(client, at):
    at("2026-11-10")
    send(client, "Riverside", "old" * 10)
    at("2026-11-20")
    send(client, "Harbour", "new" * 10)
    assert once.forget(clock.now() - dt.timedelta(days=7)) == 1
    assert SubmittedForm.objects.get().key == "new" * 10
