"""The PDF of an invoice or a credit note: what stands in it, and that it stays as it was drawn."""

import hashlib
import subprocess
import sys
from io import BytesIO

import pikepdf
import pypdf
import pytest

from billing import documents, fonts
from billing.models import Document, Invoice, issuing
from kit.problems import Refused
from tests import story
from tests.billing.test_einvoice import (
    DEPOSIT,
    EXEMPT,
    _explained,
    change,
    charge,
    faults,
    issued,
    w,
)
from tests.races.crowd import at_once

__all__ = ["_explained", "w"]

# Charges that no deed has made, to draw what is seldom seen.
MADE_UP = True


def text_of(pdf: bytes) -> str:
    """What is read in a PDF, its pages one after the other and each space a plain one."""
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def drawn(record) -> str:
    return text_of(documents.draw(record).pdf)


# What stands in it


def test_an_invoice_says_who_asks_whom_for_what(w):
    office = charge(w, short="1 Nov to 30 Nov 2026, 11 of 30 days at €300.00")
    invoice = issued(w, office, charge(w, "Coffee", "9", "10", quantity=4))

    text = drawn(invoice)

    for words in (
        f"Number {invoice.number}", "20 Nov 2026", "4 Dec 2026",
        "Riverside House Ltd", "14 Wharf Road", "London N1 7RW", "United Kingdom", "GB123456789",
        "Lin & Co", "Lin Chen", "Seidengasse 9", "1070 Wien", "Austria", "ATU12345678",
        "Private Office", "1 Nov to 30 Nov 2026, 11 of 30 days at €300.00", "€900.00",
        "Coffee", "4", "10 %", "€9.00",
        "Net €909.00", "Standard rate: tax 20 % on €900.00 €180.00",
        "Standard rate: tax 10 % on €9.00 €0.90", "Total €1,089.90",
        "Page 1 of 1",
    ):  # fmt: skip
        assert words in text


def test_an_invoice_names_the_sellers_vat_id_tax_number_and_register_entry(w):
    change(
        w.house, vat_id="DE136695976", tax_number="37/123/45678",
        register_line="HRB 12345, Amtsgericht Berlin",
    )  # fmt: skip
    invoice = issued(w, charge(w))
    note = invoice.credit(reason="The heating had failed.", by=w.mona)

    for record in (invoice, note):
        text = drawn(record)
        assert "VAT id DE136695976 Tax number 37/123/45678 HRB 12345, Amtsgericht Berlin" in text


def test_a_vat_id_that_was_also_entered_as_tax_number_is_printed_once(w):
    change(w.house, vat_id="DE136695976", tax_number="DE 136695976")

    text = drawn(issued(w, charge(w)))

    assert text.count("136695976") == 1
    assert "VAT id DE136695976" in text


def test_an_invoice_from_before_vat_ids_is_drawn_as_it_was(w):
    invoice = issued(w, charge(w))
    before = documents.draw(invoice)
    for name in ("vat_id", "register_line"):
        del invoice.seller[name]

    assert documents.draw(invoice) == before
    assert "Tax number GB123456789" in drawn(invoice)


def test_an_invoice_says_how_to_pay(w):
    invoice = issued(w, charge(w))

    text = drawn(invoice)

    assert "€1,080.00 due on 4 Dec 2026" in text
    assert "Please pay €1,080.00 by 4 Dec 2026." in text
    assert "IBAN GB29 NWBK 6016 1331 9268 19" in text
    assert "BIC NWBKGB2L" in text
    assert f"Payment reference {invoice.number}" in text
    assert "Please name the reference. Cards are taken at the front desk." in text


def test_an_account_that_is_no_iban_is_called_an_account(w):
    change(w.house, iban="12345678", bic="12-34-56")

    assert "Account 12345678 Sort code 12-34-56" in drawn(issued(w, charge(w)))


def test_an_invoice_of_nothing_asks_for_nothing(w):
    text = drawn(issued(w, charge(w, "Day pass, free", "0")))

    assert "Nothing to pay" in text
    assert "Please pay" not in text


def test_why_nothing_is_taxed_is_printed(w):
    deposit = charge(w, "Deposit", "500", "0", tax_note=DEPOSIT, kind="deposit")
    text = drawn(issued(w, charge(w, rate="0", tax_note=EXEMPT), deposit))

    assert EXEMPT in text
    assert DEPOSIT in text


def test_a_credit_note_names_the_invoice_and_the_reason(w):
    invoice = issued(w, charge(w))
    note = invoice.credit(reason="The heating had failed.", by=w.mona)

    text = drawn(note)

    assert f"Credit note Riverside House Number {note.number}" in text
    assert f"Corrects Invoice {invoice.number} of 20 Nov 2026" in text
    assert "€1,080.00 credited The heating had failed." in text
    assert "Please pay" not in text


@pytest.mark.parametrize(
    ("currency", "price", "total"), [("JPY", "12345", "JP¥13,580"), ("KWD", "12.345", "KWD13.580")]
)
def test_amounts_have_the_decimals_of_their_currency(w, currency, price, total):
    house = story.house(name="Elsewhere", currency=currency, country="JP", tax_number="T12345")
    invoice = issued(w, charge(w, price=price, rate="10", location=house))

    assert total in drawn(invoice)


@pytest.mark.parametrize(
    "name",
    [
        '#import "x": *', "$x$ * _y_", "#panic(1)", "// a remark /* and one */", "<tag> @ref",
        "= Head", "`raw` ~ -- ---", r"\#escaped \u{41}", "[x] {y} ", 'say "so"', "Zoë Łukasz Ωμέγα",
    ],
)  # fmt: skip
def test_a_name_is_a_name_whatever_signs_are_in_it(w, name):
    change(w.lin, company_name=name)
    invoice = issued(w, charge(w, name, short=name))

    assert drawn(invoice).count(" ".join(name.split())) == 3


SCRIPTS = {
    "Latin": "Zoë Łukasz Nguyễn Þórður",
    "Greek": "Ωμέγα Άννα",
    "Cyrillic": "Олександр Їжак Ћирић",
    "Hebrew": "דויד כהן",
    "Arabic": "محمد عبد الله",
    "Devanagari": "अमित ज्ञानेश्वर",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_in_these_scripts_are_printed_on_every_machine(w, no_machine_fonts, script):
    name = SCRIPTS[script]
    change(w.lin, company_name=name)
    invoice = issued(w, charge(w))

    assert documents.unprintable(name) == documents.unprintable_in(invoice) == ""
    made = documents.draw(invoice)
    assert fonts.MISSING not in text_of(made.pdf)
    assert made.made_with == documents.made_with()


def test_every_letter_that_is_not_looked_at_is_in_a_font(no_machine_fonts, monkeypatch):
    taken_for_granted = "".join(fonts._ALWAYS)
    monkeypatch.setattr(fonts, "_ALWAYS", frozenset())

    assert documents.unprintable(taken_for_granted) == ""


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", ""),
        ("Lin & Co", ""),
        ("李小龍", "李小龍"),
        ("Lin 李小龍 & 李 Co", "李小龍"),
        ("สมชาย", "สมชาย"),
        ("ที่", "ที่"),
        ("Ada 🎉", "🎉"),
        ("👩‍👩‍👧 Ada", "👩‍👩‍👧"),
        ("Ada\x07", ""),
        ("Ada \ue000", "\ue000"),
    ],
)
def test_letters_that_no_font_has_are_named(no_machine_fonts, text, missing):
    assert documents.unprintable(text) == missing


def test_letters_on_a_draft_that_no_font_has_are_named(w, no_machine_fonts):
    change(w.lin, company_name="李小龍 & Co", city="Wien")
    draft = issuing.draft(w.lin, w.house, [charge(w, "Coffee 🎉")], by=w.mona)

    assert documents.unprintable_in(draft) == "李小龍🎉"
    assert documents.unprintable_of(w.lin) == "李小龍"
    assert documents.unprintable_of(w.ada) == ""


def test_letters_whose_font_is_gone_are_boxes_and_kept_in_the_e_invoice(
    w, no_machine_fonts, monkeypatch
):
    monkeypatch.setattr("billing.models.issuing.unprintable", lambda text: "")  # as it was then
    change(w.lin, company_name='山田 🎉 & Co\x07 "\u20e3')
    made = documents.draw(issued(w, charge(w)))

    assert "□□ □ & Co" in text_of(made.pdf)
    assert "山田 🎉 &amp; Co" in made.xml


def test_a_font_of_the_machine_is_used_where_the_own_ones_lack_a_letter(w):
    """DejaVu Sans, which the tests ask for, has a letter that none of the own fonts has."""
    name = "Ada\N{ARABIC LETTER DDAL}"
    assert documents.unprintable(name) == ""
    change(w.lin, company_name=name)
    invoice = issued(w, charge(w))

    made = documents.draw(invoice)

    assert fonts.MISSING not in text_of(made.pdf)
    assert made.made_with.startswith(f"{documents.made_with()}, fonts ")
    assert documents.draw(invoice) == made


def test_long_words_stay_in_their_column(w):
    change(w.lin, company_name="W" * 200, address="w" * 300)
    invoice = issued(w, charge(w, "M" * 300, short="m" * 500))

    pages = pypdf.PdfReader(BytesIO(documents.draw(invoice).pdf)).pages
    text = "\n".join(page.extract_text() for page in pages)
    # Where a word may break there is a space without width.
    lines = text.replace("\N{ZERO WIDTH SPACE}", "").splitlines()
    assert sum(line.count("W") for line in lines if "WW" in line) == 200
    assert max(map(len, lines)) < 120


def test_two_hundred_lines_take_several_pages_that_are_counted(w):
    lines = [charge(w, f"Coffee {place}", "3", short="In the kitchen") for place in range(200)]
    pages = pypdf.PdfReader(BytesIO(documents.draw(issued(w, *lines)).pdf)).pages
    texts = [" ".join(page.extract_text().split()) for page in pages]

    assert len(pages) > 5
    for number, text in enumerate(texts, start=1):
        assert f"Page {number} of {len(pages)}" in text
        assert ("Coffee" in text) == ("What Date Quantity Unit price Tax Net" in text)
    assert "Total €720.00" in " ".join(texts[-2:])


@pytest.mark.parametrize("count", range(12, 22))
def test_the_total_never_stands_on_a_page_without_a_line(w, count):
    lines = [charge(w, f"Coffee {place}", "3") for place in range(count)]
    pages = pypdf.PdfReader(BytesIO(documents.draw(issued(w, *lines)).pdf)).pages
    [page] = [text for one in pages if "Total" in (text := one.extract_text())]

    assert "Coffee" in page
    assert "Quantity" in page


# That it stays as it was


def test_drawn_twice_it_is_the_same(w):
    invoice = issued(w, charge(w))
    note = invoice.credit(reason="The heating had failed.", by=w.mona)

    for record in (invoice, note):
        again = type(record).objects.get(pk=record.pk)
        assert documents.draw(again) == documents.draw(record)


def test_another_process_draws_the_same_bytes(w, monkeypatch, tmp_path):
    invoice = issued(w, charge(w, "Büro"))
    asked: list[tuple] = []
    drawing = documents._typeset

    def typeset(*given, **options):
        asked.append(given)
        return drawing(*given, **options)

    monkeypatch.setattr(documents, "_typeset", typeset)
    made = documents.draw(invoice)
    data, on, xml = asked[-1]
    (tmp_path / "data").write_text(data)
    (tmp_path / "xml").write_text(xml.text)
    script = f"""
import datetime, hashlib, pathlib, django
django.setup()
from billing import documents, fonts
from billing.einvoice import Xml
here = pathlib.Path({str(tmp_path)!r})
xml = Xml((here / "xml").read_text())
pdf = documents._typeset((here / "data").read_text(), datetime.date({on:%Y, %-m, %-d}), xml)
print(hashlib.sha256(documents._marked(pdf)).hexdigest())
"""
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert other.stdout.strip() == hashlib.sha256(made.pdf).hexdigest()


def test_a_document_is_a_function_of_what_was_issued(w):
    invoice = issued(w, charge(w))
    before = documents.draw(invoice)
    change(w.lin, company_name="Another Name", country="FR")
    change(w.house, legal_name="Another House", iban="", tax_number="")

    assert documents.draw(Invoice.objects.get(pk=invoice.pk)) == before


def test_the_reader_s_language_changes_nothing(w):
    from django.utils import translation

    invoice = issued(w, charge(w))
    before = documents.draw(invoice)
    with translation.override("de"):
        assert documents.draw(invoice) == before


def test_a_document_is_kept_when_it_is_first_asked_for(w):
    invoice = issued(w, charge(w))

    kept = documents.document_of(invoice)

    assert bytes(kept.pdf) == documents.draw(invoice).pdf
    assert kept.sha256 == hashlib.sha256(kept.pdf).hexdigest()
    assert kept.made_with == documents.made_with()
    assert kept.made_with.startswith("typst 0.")
    assert ", template 2, factur-x " in kept.made_with
    assert faults(kept.xml) == []
    assert documents.document_of(invoice) == kept


def test_kept_bytes_are_served_whatever_the_template_is_now(w, monkeypatch, tmp_path):
    invoice = issued(w, charge(w))
    before = bytes(documents.document_of(invoice).pdf)
    other = tmp_path / "other.typ"
    other.write_text("Something else")
    monkeypatch.setattr(documents, "SOURCE", other)

    assert documents.draw(invoice).pdf != before
    assert bytes(documents.document_of(invoice).pdf) == before


def test_a_credit_note_has_a_document_of_its_own(w):
    invoice = issued(w, charge(w))
    note = invoice.credit(reason="Too much.", by=w.mona)

    assert documents.document_of(note).credit_note == note
    assert documents.document_of(invoice).invoice == invoice
    assert Document.objects.count() == 2


def test_who_comes_second_gets_what_the_first_has_kept(w, monkeypatch):
    """Two at once: both find nothing, both draw, one row is kept."""
    invoice = issued(w, charge(w))
    drawing = documents.draw
    first: list[Document] = []

    def draw(record):
        made = drawing(record)
        if not first:
            first.append(Document(pk=0))
            first[0] = documents.document_of(record)
        return made

    monkeypatch.setattr(documents, "draw", draw)

    assert documents.document_of(invoice) == first[0]
    assert Document.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_at_once_keep_one_document(w):
    invoice = issued(w, charge(w))

    results = at_once(*[lambda: documents.document_of(invoice).pk] * 2)

    assert results == [Document.objects.get().pk] * 2


def test_a_kept_document_costs_one_query(w, django_assert_num_queries):
    invoice = issued(w, charge(w))
    documents.document_of(invoice)

    with django_assert_num_queries(1):
        documents.document_of(invoice)


def test_drawing_asks_as_often_for_thirty_lines_as_for_one(w, django_assert_num_queries):
    short = issued(w, charge(w))
    long = issued(w, *[charge(w, f"Coffee {place}", "3") for place in range(30)])
    note = long.credit(reason="Too much.", by=w.mona)

    with django_assert_num_queries(1):
        documents.draw(short)
    with django_assert_num_queries(1):
        documents.draw(long)
    with django_assert_num_queries(1):
        documents.draw(note)


# What kind of PDF it is


def test_the_e_invoice_is_in_the_pdf_and_announced(w):
    made = documents.draw(issued(w, charge(w)))

    with pikepdf.open(BytesIO(made.pdf)) as pdf:
        attached = pdf.attachments["factur-x.xml"]
        assert attached.get_file().read_bytes().decode() == made.xml
        assert attached.obj.AFRelationship == "/Alternative"
        assert len(pdf.Root.AF) == 1
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
            facts = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
            assert metadata[f"{facts}DocumentFileName"] == "factur-x.xml"
            assert metadata[f"{facts}DocumentType"] == "INVOICE"
            assert metadata[f"{facts}Version"] == "1.0"
            assert metadata[f"{facts}ConformanceLevel"] == "EN 16931"
        described = pdf.Root.Metadata.read_bytes().decode()
        assert "Factur-X PDFA Extension Schema" in described


def test_books_find_the_e_invoice_by_themselves(w):
    from facturx import get_facturx_xml_from_pdf

    made = documents.draw(issued(w, charge(w)))

    name, xml = get_facturx_xml_from_pdf(made.pdf, check_xsd=True)
    assert name == "factur-x.xml"
    assert xml.decode() == made.xml


def test_without_an_e_invoice_it_is_a_plain_pdf_for_the_archive(w):
    change(w.lin, country="")
    invoice = issued(w, charge(w))

    kept = documents.document_of(invoice)

    assert kept.xml == ""
    assert kept.xml_problem.startswith("The customer's country is not set")
    with pikepdf.open(BytesIO(kept.pdf)) as pdf:
        assert len(pdf.attachments) == 0
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"


def test_it_is_dated_and_named_by_the_invoice(w):
    invoice = issued(w, charge(w))

    with pikepdf.open(BytesIO(documents.draw(invoice).pdf)) as pdf:
        assert pdf.docinfo["/Title"] == f"Invoice {invoice.number}"
        assert pdf.docinfo["/Author"] == "Riverside House Ltd"
        assert pdf.docinfo["/CreationDate"] == "D:20261120000000Z"
        assert pdf.Root.MarkInfo.Marked


# Drafts


def test_a_draft_has_no_document(w):
    draft = issuing.draft(w.lin, w.house, [charge(w)], by=w.mona)

    for ask in (documents.document_of, documents.draw):
        with pytest.raises(Refused) as refused:
            ask(draft)
        assert refused.value.codes == ["not_issued"]


def test_a_draft_can_be_looked_at_and_says_that_it_is_one(w):
    draft = issuing.draft(w.lin, w.house, [charge(w)], by=w.mona)

    pdf = documents.preview(draft)

    text = text_of(pdf)
    for words in ("Draft", "given when it is issued", "Riverside House Ltd", "Lin & Co",
                  "Total €1,080.00", "To pay: €1,080.00"):  # fmt: skip
        assert words in text
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert len(opened.attachments) == 0
    assert Document.objects.count() == 0


def test_an_issued_invoice_is_not_marked_as_a_draft(w):
    invoice = issued(w, charge(w))

    assert "Draft" not in drawn(invoice)
    with pytest.raises(Refused) as refused:
        documents.preview(invoice)
    assert refused.value.codes == ["issued_already"]
