"""The PDF of an invoice or a credit note, with the e-invoice in it.

It is drawn once, from what is stored of the record, and kept: those bytes are what everybody gets.
Drawn again by the same versions of everything it comes out the same, byte for byte.


What draws is imported when something is drawn: most processes never do.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from babel import Locale
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from billing.einvoice import Record, Row, Xml, country, legible, line_of, rows_of, tax_ids, xml_of
from billing.fonts import boxed, fonts, unprintable
from billing.measures import measure_of, purchase_orders
from billing.models import Document, Invoice
from billing.models.issuing import buyer_of, seller_of
from customers.models import Customer
from kit import words
from kit.problems import Problem, Refused
from kit.templatetags.house import money, percent
from spaces.taxes import TaxCategory

# Another number says that documents look different from now on; those that are kept stay.
TEMPLATE = "2"
SOURCE = Path(settings.BASE_DIR) / "templates" / "documents" / "invoice.typ"
STANDARD: Final = "a-3b"
# Where the postal code stands after the city.
_CODE_LAST = frozenset("AU CA GB IE IN NZ US".split())


class Drawn(NamedTuple):
    """A document as it is kept: `xml_problem` says why there is no XML, where there is none."""

    pdf: bytes
    xml: str
    xml_problem: str
    made_with: str


def document_of(record: Record) -> Document:
    """The document that is kept of an issued invoice or a credit note, drawn when it is first
    needed; `document.pdf` is what is served.

    Raises `Refused` with `not_issued` for a draft.
    """
    _issued_on(record)
    which = {"invoice" if isinstance(record, Invoice) else "credit_note": record}
    kept = Document.objects.filter(**which).first()
    if kept is None:
        drawn = draw(record)
        # Whoever was first has kept it: two at once get one row.
        kept, _made = Document.objects.get_or_create(
            **which,
            defaults={
                **drawn._asdict(),
                "sha256": hashlib.sha256(drawn.pdf).hexdigest(),
                "xml_problem": drawn.xml_problem[:300],
            },
        )
    return kept


def draw(record: Record) -> Drawn:
    """Draw a document from what is stored of the record, and nothing else.

    Raises `Refused` with `not_issued` for a draft.
    """
    on = _issued_on(record)
    rows = rows_of(record)
    # The same whoever looks: in the language of the house.
    with translation.override(settings.LANGUAGE_CODE):
        xml = xml_of(record, rows)
        said = _said(record, rows, seller=record.seller, buyer=record.buyer or {})
    pdf, of_machine = _compiled(said, on=on, xml=xml)
    by = made_with() + (f", fonts {_fonts_in(pdf)}"[:100] if of_machine else "")
    return Drawn(_marked(pdf) if xml.text else pdf, xml.text, xml.problem, by)


def preview(invoice: Invoice) -> bytes:
    """A draft as a PDF, with names and addresses as they are now and marked as a draft; never
    kept, and without an e-invoice. Raises `Refused` with `issued_already`."""
    if invoice.state != Invoice.State.DRAFT:
        raise Refused(Problem("issued_already", _("This invoice is issued already.")))
    seller, buyer = seller_of(invoice.location), buyer_of(invoice.customer)
    with translation.override(settings.LANGUAGE_CODE):
        said = _said(invoice, rows_of(invoice), seller=seller, buyer=buyer)
    pdf, _of_machine = _compiled(said, on=invoice.made_at.date())
    return pdf


def unprintable_in(record: Record) -> str:
    """Return the letters on an invoice, a draft or a credit note that no font can print; "" if
    none."""
    seller, buyer = record.seller, record.buyer
    if record.issued_on is None:
        seller, buyer = seller_of(record.location), buyer_of(record.customer)
    with translation.override(settings.LANGUAGE_CODE):
        words = _said(record, rows_of(record), seller=seller, buyer=buyer or {})
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return text

    _each_text(words, keep)
    return unprintable(" ".join(texts))


def unprintable_of(customer: Customer) -> str:
    """Return the letters of a customer's name and address that no font can print; "" if none."""
    return unprintable(" ".join(buyer_of(customer).values()))


@cache
def made_with() -> str:
    """What draws documents now: another one may draw them otherwise."""
    return f"typst {version('typst')}, template {TEMPLATE}, factur-x {version('factur-x')}"


def _issued_on(record: Record) -> dt.date:
    if record.issued_on is None:
        raise Refused(Problem("not_issued", _("This is a draft: it has a document once issued.")))
    return record.issued_on


# What is said


def _said(
    record: Record, rows: Sequence[Row], *, seller: dict[str, str], buyer: dict[str, str]
) -> dict[str, Any]:
    """All words and amounts of a document, as the template asks for them."""
    currency = seller["currency"]
    is_invoice = isinstance(record, Invoice)
    draft = is_invoice and record.number is None
    orders = [legible(order) for order in purchase_orders(map(line_of, rows))]
    return {
        "language": settings.LANGUAGE_CODE.split("-")[0],
        "title": _("Invoice") if is_invoice else _("Credit note"),
        "number": record.number or _("Draft"),
        "draft": _("Draft") if draft else None,
        "seller": {
            "label": _("From"),
            "name": legible(seller["name"]),
            "house": legible(seller["house"]),
            "lines": [*_address(seller), *registered_lines(seller)],
        },
        "buyer": {
            "label": _("To"),
            "name": legible(buyer["name"]) if buyer else _("Erased"),
            "lines": [*_person(buyer), *_address(buyer), *registered_lines(buyer)] if buyer else [],
        },
        "facts": [
            *_facts(record),
            *([[_("Purchase order"), orders[0]]] if len(orders) == 1 else []),
        ],
        "headline": _headline(record, currency),
        "reason": [] if isinstance(record, Invoice) else [legible(record.reason)],
        "columns": [
            _("What"),
            _("Date"),
            _("Quantity"),
            _("Unit price"),
            _("Tax"),
            _("Net"),
        ],
        "rows": [_row(row, currency, with_order=len(orders) > 1) for row in rows],
        "sums": _sums(record, currency),
        "total": [_("Total"), money(record.total, currency)],
        "payment": _payment(record, seller) if isinstance(record, Invoice) else None,
        "note": [legible(record.note)] if isinstance(record, Invoice) and record.note else [],
        "foot": _foot(seller),
        "page": _("Page {page} of {pages}"),
    }


def _person(buyer: dict[str, str]) -> list[str]:
    found = legible(buyer["person"])
    return [found] if found else []


def _address(party: dict[str, str]) -> list[str]:
    code, city = legible(party["postal_code"]), legible(party["city"])
    place = f"{city} {code}" if country(party) in _CODE_LAST else f"{code} {city}"
    names = Locale.parse(translation.to_locale(settings.LANGUAGE_CODE)).territories
    land = names.get(country(party), legible(party["country"]))
    return [line for line in (legible(party["address"]), place.strip(), land) if line]


def registered_lines(party: dict[str, str]) -> list[str]:
    """Return the lines with a party's VAT id, its tax number and its entry in a register."""
    vat, number = legible(party.get("vat_id", "")), legible(party["tax_number"])
    if vat:
        vat, number = tax_ids(party)
    lines = [
        _("VAT id %s") % vat if vat else "",
        _("Tax number %s") % number if number else "",
        legible(party.get("register_line", "")),
    ]
    return [line for line in lines if line]


def _facts(record: Record) -> list[list[str]]:
    if not isinstance(record, Invoice):
        corrected = {
            "number": record.invoice.number,
            "day": words.day(_issued_on(record.invoice)),
        }
        return [
            [_("Number"), record.number],
            [_("Date"), words.day(record.issued_on)],
            [_("Corrects"), _("Invoice %(number)s of %(day)s") % corrected],
        ]
    if record.issued_on is None or record.due_on is None:
        return [[_("Number"), _("given when it is issued")]]
    return [
        [_("Number"), record.number or ""],
        [_("Date"), words.day(record.issued_on)],
        [_("Due date"), words.day(record.due_on)],
    ]


def _headline(record: Record, currency: str) -> str:
    total = money(record.total, currency)
    if not isinstance(record, Invoice):
        return _("%s credited") % total
    if not record.total:
        return _("Nothing to pay")
    if record.due_on is None:
        return total
    return _("%(total)s due on %(day)s") % {"total": total, "day": words.day(record.due_on)}


def _row(row: Row, currency: str, *, with_order: bool) -> dict[str, str]:
    line = line_of(row)
    measure = measure_of(line, row.net, currency)
    order = _("Purchase order %s") % legible(line.purchase_order) if line.purchase_order else ""
    detail = "" if measure.repeated_in(row.detail, currency) else legible(row.detail)
    return {
        "text": legible(measure.text),
        "detail": detail,
        "order": order if with_order else "",
        "on": words.day(line.on),
        "quantity": measure.amount,
        "price": money(measure.price, currency),
        "tax": percent(line.tax_rate),
        "net": money(row.net, currency),
    }


def _sums(record: Record, currency: str) -> list[list[str]]:
    """The net, and what is said of each rate: words, the reason for no tax, the amount."""
    found = [[_("Net"), "", money(record.net, currency)]]
    for one in record.tax_sums:
        rate, net = Decimal(one["rate"]), Decimal(one["net"])
        label = _("%(category)s: tax %(rate)s on %(net)s") % {
            "category": TaxCategory(one["category"]).label, "rate": percent(rate),
            "net": money(net, currency),
        }  # fmt: skip
        found.append([label, legible(one["note"]), money(Decimal(one["tax"]), currency)])
    return found


def _payment(invoice: Invoice, seller: dict[str, str]) -> dict[str, Any] | None:
    """What to pay until when, and how."""
    if invoice.total <= 0:
        return None
    parts = {"total": money(invoice.total, seller["currency"])}
    if invoice.due_on is None:
        sentence = _("To pay: %(total)s") % parts
    else:
        parts["day"] = words.day(invoice.due_on)
        sentence = _("Please pay %(total)s by %(day)s.") % parts
    account = legible(seller["iban"])
    is_iban = account[:2].isalpha() and account[2:4].isdigit()
    if is_iban:
        plain = account.replace(" ", "").upper()
        account = " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))
    facts = [
        [_("Account holder"), legible(seller["name"]) if account else ""],
        [_("Bank"), legible(seller["bank_name"])],
        [_("IBAN") if is_iban else _("Account"), account],
        [_("BIC") if is_iban else _("Sort code"), legible(seller["bic"])],
        [_("Payment reference"), invoice.number or ""],
    ]
    return {
        "sentence": sentence,
        "facts": [[label, value] for label, value in facts if value],
        "lines": [legible(line) for line in seller["payment_text"].strip().splitlines()],
    }


def _foot(seller: dict[str, str]) -> str:
    parts = (seller["name"], seller["contact_email"], seller["contact_phone"])
    return " · ".join(part for part in map(legible, parts) if part)


# How it is drawn


def _compiled(words: dict[str, Any], *, on: dt.date, xml: Xml | None = None) -> tuple[bytes, bool]:
    """Return the PDF, and whether fonts of this machine were needed beside those of every machine.

    A box stands for a letter that no font has: see `unprintable`.
    """
    import typst

    data = json.dumps(words, ensure_ascii=False)
    for of_machine in (False, True):
        try:
            return _typeset(data, on, xml, of_machine=of_machine), of_machine
        except typst.TypstError as error:
            if "could not be displayed" not in str(error):
                raise
    data = json.dumps(_each_text(words, boxed), ensure_ascii=False)
    return _typeset(data, on, xml, of_machine=True), True


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return words of a document with each text changed."""
    if isinstance(value, dict):
        return {name: _each_text(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [_each_text(part, change) for part in value]
    return change(value) if isinstance(value, str) else value


def _typeset(data: str, on: dt.date, xml: Xml | None, *, of_machine: bool = False) -> bytes:
    import typst

    return typst.compile(
        SOURCE,
        root=SOURCE.parent,
        font_paths=fonts(of_machine=of_machine),
        ignore_system_fonts=True,
        sys_inputs={"data": data} | ({"xml": xml.text} if xml and xml.text else {}),
        format="pdf",
        pdf_standards=STANDARD,
        timestamp=dt.datetime.combine(on, dt.time(), dt.UTC),
    )


def _fonts_in(pdf: bytes) -> str:
    """Return the names of the fonts in a PDF, apart by spaces."""
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as opened:
        names = {
            str(found.BaseFont).partition("+")[2].removesuffix("-Identity-H")
            for found in opened.objects
            if isinstance(found, pikepdf.Dictionary) and "/BaseFont" in found
        }
    return " ".join(sorted(names))


_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("factur-x.xml", "The name of the embedded XML document"),
    "DocumentType": ("INVOICE", "The type of the hybrid document"),
    "Version": ("1.0", "The version of the standard of the embedded XML"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML"),
}
_END_OF_SCHEMAS = "</rdf:Bag></pdfaExtension:schemas>"
_END_OF_METADATA = "</rdf:RDF>"


def _marked(pdf: bytes) -> bytes:
    """Say in the PDF's metadata that there is an e-invoice in it, and in which profile."""
    import pikepdf

    values = "".join(f"<fx:{name}>{said[0]}</fx:{name}>" for name, said in _PROPERTIES.items())
    described = "".join(
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description>"
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for name, (_value, description) in _PROPERTIES.items()
    )
    schema = (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
    facts = f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">{values}</rdf:Description>'
    with pikepdf.open(BytesIO(pdf)) as opened, BytesIO() as saved:
        metadata = opened.Root.Metadata.read_bytes().decode()
        for end, addition in ((_END_OF_SCHEMAS, schema), (_END_OF_METADATA, facts)):
            if metadata.count(end) != 1:
                raise ValueError(f"the PDF's metadata has no place for {addition}")
            metadata = metadata.replace(end, addition + end)
        opened.Root.Metadata.write(metadata.encode())
        opened.save(saved, deterministic_id=True)
        return saved.getvalue()
