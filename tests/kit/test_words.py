"""Names and addresses in the one form in which they are compared."""

from contextlib import suppress

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from kit.emails import canonical
from kit.words import plain


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("Zoë  MÜLLER", "zoe muller"),
        ("Straße", "strasse"),
        ("Łukasz", "łukasz"),
        ("  Ada\tLovelace\n", "ada lovelace"),
        ("ＡＤＡ", "ada"),
        ("İstanbul", "istanbul"),
        ("ﬁne", "fine"),
        ("Αθήνα", "αθηνα"),
        ("", ""),
        ("李 小龙", "李 小龙"),
    ],
)
def test_a_name_is_found_without_accents_and_in_any_case(name, found_by):
    assert plain(name) == found_by


@given(st.text(max_size=40))
def test_the_plain_form_is_final_and_without_stray_spaces(text):
    once = plain(text)
    assert plain(once) == once
    assert once == once.strip()
    assert "  " not in once


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.de", "ada@xn--fa-hia.de"),
        ("ada@Faß.DE", "ada@xn--fa-hia.de"),
        ("ada@STRASSE.de", "ada@strasse.de"),
        ("ada@βόλος.com", "ada@xn--nxasmm1c.com"),
        ("ada@münchen。de", "ada@xn--mnchen-3ya.de"),
        ("ada+desk@example.com", "ada+desk@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
    ],
)
def test_an_address_has_one_form(address, form):
    assert canonical(address) == form
    assert canonical(form) == form


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "a b@example.com",
        "ada@exa mple.com", "adä@example.com", "ada@example..com", "ada@-example.com",
        "ada@example.com,eve@example.com", "ada@ex\nample.com",
        "a" * 65 + "@example.com" * 20, "ada@" + "x" * 64 + ".com", "ada\0@example.com",
        "ada@☃.example",
        "ⓐda@example.com", "ada@example.com>",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValidationError) as caught:
        canonical(address)
    assert caught.value.code == "invalid_email"


@given(st.emails())
def test_every_address_is_read_or_refused_and_its_form_is_final(address):
    try:
        form = canonical(address)
    except ValidationError:
        return
    assert canonical(form) == form
    assert form.isascii()
    assert form == form.lower()


@given(st.text(max_size=60))
def test_no_text_whatever_breaks_the_reading(text):
    with suppress(ValidationError):
        assert canonical(text).isascii()
