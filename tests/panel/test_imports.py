from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from customers.models import Customer
from kit.once import new_key
from plans.imports import applying
from plans.models import CustomerImport
from tests import story

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def mona(w, client):
    for name in ("Dedicated Desk", "Virtual Office"):
        story.plan(w.house, name)
    client.force_login(w.mona)
    return client


def upload(client, content: bytes | str, name="people.csv", **fields):
    content = content.encode() if isinstance(content, str) else content
    sent = {
        "form_key": new_key(),
        "dates": "iso",
        "file": SimpleUploadedFile(name, content, content_type="text/csv"),
        **fields,
    }
    return client.post(reverse("panel:imports"), sent)


def check(client, one: CustomerImport | None, **columns):
    """Settle the columns as guessed, but for some: header number → column."""
    assert one is not None
    sent = {f"column_{n}": one.mapping[header] for n, header in enumerate(one.headers)}
    sent |= {f"column_{n.removeprefix('c')}": column for n, column in columns.items()}
    return client.post(reverse("panel:import_mapping", args=[one.pk]), sent, follow=True)


def test_a_file_goes_from_upload_over_the_dry_run_to_the_customers(mona):
    answer = upload(mona, (DATA / "customers-messy.csv").read_bytes(), "customers-messy.csv")
    one = CustomerImport.objects.get()
    assert answer["Location"] == reverse("panel:import", args=[one.pk])
    assert "Favourite colour" in mona.get(answer["Location"]).content.decode()

    before = Customer.objects.count()
    page = check(mona, one).content.decode()
    assert "Nothing is stored yet" in page
    assert "Import 48 rows" in page
    assert Customer.objects.count() == before

    errors = mona.get(reverse("panel:import", args=[one.pk]) + "?show=error").content.decode()
    assert "not-an-address" in errors
    assert "There is no plan of this name." in errors

    mona.post(reverse("panel:import_apply", args=[one.pk]))
    assert Customer.objects.count() == before + 48
    assert "Undo the import" in mona.get(reverse("panel:import", args=[one.pk])).content.decode()

    mona.post(reverse("panel:import_undo", args=[one.pk]))
    assert Customer.objects.count() == before


def test_rows_with_errors_are_downloaded_mended_and_uploaded_again(mona):
    upload(mona, "full_name,email,phone\n=1+1,nowhere,+44 20\nBo,bo@e.com,\n")
    one = CustomerImport.objects.get()
    check(mona, one)
    file = mona.get(reverse("panel:import_failed_rows", args=[one.pk]))
    text = file.content.decode("utf-8-sig")
    assert "attachment" in file["Content-Disposition"]
    assert text.splitlines()[1].startswith("'=1+1,nowhere,'+44 20,email: Enter a valid e-mail")

    upload(mona, text.replace("nowhere", "ada@e.com"))
    mended = CustomerImport.objects.first()
    check(mona, mended)
    mona.post(reverse("panel:import_apply", args=[mended.pk]))
    ada = Customer.objects.get(email="ada@e.com")
    assert (ada.full_name, ada.phone) == ("=1+1", "+44 20")


def test_columns_are_remembered_for_a_file_with_the_same_headers(mona):
    text = "Wer,Post\nAda,ada@e.com\n"
    upload(mona, text)
    check(mona, CustomerImport.objects.first(), c0="full_name", c1="email")
    mona.post(reverse("panel:import_apply", args=[CustomerImport.objects.first().pk]))
    upload(mona, text)
    assert CustomerImport.objects.first().mapping == {"Wer": "full_name", "Post": "email"}


def test_a_mapping_that_cannot_be_is_refused_in_words(mona):
    upload(mona, "Wer,Post\nAda,ada@e.com\n")
    page = check(mona, CustomerImport.objects.get(), c0="full_name")
    assert page.status_code == 422
    assert "No column is mapped to “E-mail”" in page.content.decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "save it as CSV"),
        (b"a\0b", "NUL bytes"),
        (b"Ada,ada@example.com\n", "The first line must name the columns"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_clear_message(mona, content, words):
    answer = upload(mona, content)
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors["file"])
    assert not CustomerImport.objects.exists()


def test_a_large_file_is_left_to_the_worker_and_shows_progress(mona, monkeypatch):
    monkeypatch.setattr(applying, "SMALL", 0)
    upload(mona, "full_name,email\nAda,ada@e.com\n")
    one = CustomerImport.objects.get()
    page = check(mona, one).content.decode()
    assert "Waiting for the background worker" in page
    progress = reverse("panel:import_progress", args=[one.pk])
    assert progress in mona.get(progress).content.decode()
    assert applying.work_one()
    assert mona.get(progress)["HX-Redirect"] == reverse("panel:import", args=[one.pk])
    mona.post(reverse("panel:import_apply", args=[one.pk]))
    assert applying.work_one()
    assert not applying.work_one()
    assert Customer.objects.filter(email="ada@e.com").exists()


def test_all_or_nothing_offers_no_import_while_a_row_is_wrong(mona):
    upload(mona, "full_name,email\nAda,ada@e.com\nBo,nowhere\n", all_or_nothing="on")
    page = check(mona, CustomerImport.objects.get()).content.decode()
    assert "You chose all or nothing" in page
    assert "import_apply" not in page
    assert "Import 1 row" not in page


def test_what_was_built_on_an_import_stands_against_undoing_it(mona):
    upload(mona, "full_name,email\nAda,ada@e.com\n")
    one = CustomerImport.objects.get()
    check(mona, one)
    mona.post(reverse("panel:import_apply", args=[one.pk]))
    Customer.objects.get(email="ada@e.com").edit({"phone": "1"}, by=None)
    page = mona.get(reverse("panel:import_undo", args=[one.pk])).content.decode()
    assert "Line 2: Ada was changed since." in page
    mona.post(reverse("panel:import_undo", args=[one.pk]))
    assert Customer.objects.filter(email="ada@e.com").exists()


def test_imports_are_for_managers(w, client):
    client.force_login(w.frida)
    assert client.get(reverse("panel:imports")).status_code == 403
    client.force_login(w.manager)
    assert client.get(reverse("panel:imports")).status_code == 200


def test_a_dry_run_is_paged_and_costs_the_same_for_one_row_and_for_many(
    mona, django_assert_max_num_queries
):
    rows = "".join(f"Person {n},p{n}@e.com\n" for n in range(120))
    upload(mona, "full_name,email\n" + rows)
    one = CustomerImport.objects.get()
    check(mona, one)
    with django_assert_max_num_queries(10):
        first = mona.get(reverse("panel:import", args=[one.pk]))
    assert [row.line for row in first.context["rows"]] == list(range(2, 52))
    following = mona.get(reverse("panel:import", args=[one.pk]), {"after": first.context["next"]})
    assert following.context["rows"][0].line == 52
    back = mona.get(
        reverse("panel:import", args=[one.pk]), {"before": following.context["previous"]}
    )
    assert [row.line for row in back.context["rows"]] == list(range(2, 52))
