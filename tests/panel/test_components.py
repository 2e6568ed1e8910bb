def test_the_owner_sees_every_component(w, client):
    client.force_login(w.mona)
    page = client.get("/panel/components/")
    assert page.status_code == 200
    assert b"Dedicated Desk" in page.content


def test_nobody_else_sees_them(w, client):
    client.force_login(w.frida)
    assert client.get("/panel/components/").status_code == 403


def test_an_empty_form_says_what_is_wrong_and_links_to_each_field(w, client):
    client.force_login(w.mona)
    page = client.post("/panel/components/", {}).content.decode()
    for target in ("id_type_0", "id_full_name", "id_email", "id_starts_on", "id_price"):
        assert f'href="#{target}"' in page
        assert f'id="{target}"' in page
    assert 'aria-describedby="id_email_helptext id_email_error"' in page


def test_no_type_is_chosen_beforehand(w, client):
    client.force_login(w.mona)
    page = client.get("/panel/components/").content.decode()
    assert 'value="individual"' in page
    assert "checked" not in page
