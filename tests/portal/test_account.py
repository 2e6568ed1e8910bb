from customers.models import Customer
from tests.panel.test_customers import words
from tests.portal.conftest import look

OFFERED = ["full_name", "phone", "address", "postal_code", "city", "country", "billing_email"]


def form_of(browser, **typed) -> dict:
    """What a browser sends of the form as it is shown, with some fields typed anew."""
    form = look(browser, "account_edit").context["form"]
    data = {}
    for name in form.fields:
        value = form[name].value()
        data[name] = data[form[name].html_initial_name] = "" if value is None else value
    return {**data, **typed}


def edit(browser, data: dict):
    return browser.post("/portal/account/edit/", data)


def test_one_reads_ones_own_details(w, ada):
    w.ada.edit({"phone": "+44 1", "city": "Bristol", "notes": "Likes the window"}, by=w.mona)
    text = words(look(ada, "account"))
    assert "Name Ada Lovelace" in text
    assert "+44 1" in text
    assert "Bristol" in text
    assert "Invoices to ada@example.com" in text
    assert "window" not in text


def test_the_ways_to_sign_in_are_at_hand(w, ada):
    page = look(ada, "account").content.decode()
    assert "Signing in" in page
    assert "/portal/account/calendar/" in page


def test_one_changes_them(w, ada):
    answer = edit(ada, form_of(ada, phone="+44 2", country="GB"))
    assert answer["Location"] == "/portal/account/"
    w.ada.refresh_from_db()
    assert (w.ada.phone, w.ada.country) == ("+44 2", "GB")
    assert "United Kingdom" in words(look(ada, "account"))


def test_an_individual_is_asked_nothing_of_companies(w, ada, lin):
    assert list(look(ada, "account_edit").context["form"].fields) == OFFERED
    company = list(look(lin, "account_edit").context["form"].fields)
    assert company == ["company_name", *OFFERED, "tax_number"]


def test_what_the_form_does_not_offer_stays_as_it_is(w, ada):
    before = dict(Customer.objects.values().get(pk=w.ada.pk))
    sent = {
        field.name: "1" for field in Customer._meta.concrete_fields if field.name not in OFFERED
    }
    sent |= {f"initial-{name}": "0" for name in sent}
    sent |= {"type": "company", "email": "thief@example.com", "archived_at": "2026-01-01"}
    answer = edit(ada, {**form_of(ada), **sent, "full_name": "Ada King"})
    assert answer.status_code == 302
    after = dict(Customer.objects.values().get(pk=w.ada.pk))
    changed = {name for name, value in before.items() if after[name] != value}
    assert changed == {"full_name", "version", "sort_name", "search_text"}


def test_a_company_keeps_its_name(w, lin):
    answer = edit(lin, form_of(lin, company_name="  "))
    assert answer.status_code == 422
    assert "company_name" in answer.context["form"].errors
    w.lin.refresh_from_db()
    assert w.lin.company_name == "Lin & Co"


def test_a_wrong_value_is_said_beside_its_field_and_nothing_is_lost(w, ada):
    answer = edit(ada, form_of(ada, billing_email="no address", city="Leeds"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["billing_email"]
    assert "Leeds" in answer.content.decode()


def test_staff_and_customer_edit_at_once_and_both_are_kept(w, ada):
    data = form_of(ada, phone="+44 2")
    w.ada.edit({"city": "Leeds"}, by=w.frida)
    assert edit(ada, data).status_code == 302
    w.ada.refresh_from_db()
    assert (w.ada.phone, w.ada.city) == ("+44 2", "Leeds")


def test_a_real_collision_shows_both(w, ada):
    data = form_of(ada, phone="+44 2")
    w.ada.edit({"phone": "+44 3"}, by=w.frida)
    answer = edit(ada, data)
    assert answer.status_code == 422
    assert "Meanwhile this was changed to “+44 3”" in answer.content.decode()
    assert "+44 2" in answer.content.decode()
