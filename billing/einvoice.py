"""An invoice or a credit note as data that the books of whoever gets it can read: EN 16931.

It is the XML of the profile "EN 16931" of Factur-X, and says what the PDF says. What the standard
has no words for goes without; then a sentence says what is missing.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from babel import Locale
from django.utils.translation import gettext as _

from billing.measures import measure_of, purchase_orders
from billing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from kit.money import ZERO, exponent, round_to
from spaces.taxes import TaxCategory

Record = Invoice | CreditNote
Row = InvoiceLine | CreditNoteLine

# What the territories of the locale data have besides countries.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())
# A country, and at most two letters before the digits begin: ATU12345678, FRXX123456789.
_VAT_NUMBER = re.compile(r"[A-Z]{2}[A-Z]{0,2}[0-9][A-Z0-9]{1,14}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")

# The codes of the standard.
_INVOICE, _CREDIT_NOTE = "380", "381"
_TRANSFER, _SEPA_TRANSFER = "30", "58"
_E_MAIL = "EM"


class Xml(NamedTuple):
    """`text` is the XML; where there is none, `problem` says in sentences what is missing."""

    text: str
    problem: str = ""


def xml_of(record: Record, rows: Sequence[Row] | None = None) -> Xml:
    """The XML of an issued invoice or a credit note, from what is stored of it.

    `rows` are its lines, where they are at hand (see `rows_of`).
    """
    if problems := problems_of(record):
        return Xml("", " ".join(problems))
    # Brings a web client and a PDF reader with it: only who draws a document waits for them.
    from facturx.generate_xml import generate_cii_xml

    said = _said(record, rows_of(record) if rows is None else rows)
    made = generate_cii_xml(said, level="en16931", check_xsd=False, check_schematron=False)
    return Xml(made.decode())


def rows_of(record: Record) -> list[Row]:
    """The lines of a record with what is said of each."""
    related = "charge" if isinstance(record, Invoice) else "line__charge"
    return list(record.lines.select_related(related))


def line_of(row: Row) -> InvoiceLine:
    """The invoice's line: the row itself, or the one that it credits."""
    return row if isinstance(row, InvoiceLine) else row.line


def problems_of(record: Record) -> list[str]:
    """What stands against an e-invoice, in sentences."""
    seller, buyer = record.seller, record.buyer
    house = {"house": seller["house"]}
    found = []
    if exponent(seller["currency"]) > 2:
        text = _("Amounts in %s have three decimals, and an e-invoice has room for two.")
        found.append(text % seller["currency"])
    if not country(seller):
        text = _("The country of %(house)s is not set: it belongs to the location's address.")
        found.append(text % house)
    if buyer is None:
        found.append(_("The customer's data was erased."))
    elif not country(buyer):
        found.append(_("The customer's country is not set: it belongs to the customer's address."))
    if not is_registered(seller) and any(Decimal(one["rate"]) for one in record.tax_sums):
        text = _("%(house)s charges tax, but its tax number is not set in the location's settings.")
        found.append(text % house)
    if any(one["category"] == TaxCategory.REVERSE_CHARGE for one in record.tax_sums):
        if buyer is not None and not _vat_number(legible(buyer["tax_number"])):
            found.append(_("Reverse charge needs the customer's VAT id."))
        if not tax_ids(seller)[0]:
            text = _("Reverse charge needs the VAT id of %(house)s.")
            found.append(text % house)
    return found


def country(party: dict[str, str]) -> str:
    """The two letters of a party's country; "" where they are missing or no country's."""
    code = party["country"].strip().upper()
    known = code in Locale("en").territories and code not in _NO_COUNTRIES
    return code if known and len(code) == 2 and code.isalpha() else ""


def is_registered(seller: dict[str, str]) -> bool:
    """Return whether a seller has a VAT id or another tax number, and so has to do with VAT."""
    return any(tax_ids(seller))


def tax_ids(party: dict[str, str]) -> tuple[str, str]:
    """Return a party's VAT id and its other tax number, each "" if there is none.

    A tax number in the form of a VAT id counts as one where no VAT id was entered. Documents of
    before there were VAT ids have only a tax number.
    """
    number = legible(party["tax_number"])
    vat = legible(party.get("vat_id", "")) or _vat_number(number)
    return vat, "" if vat and _vat_number(number) == vat else number


def legible(text: str) -> str:
    """A line of text without what cannot be printed and spaces too many."""
    joins = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
    spaced = "".join(" " if one.isspace() else one for one in text)
    kept = (one for one in spaced if unicodedata.category(one)[0] != "C" or one in joins)
    return " ".join("".join(kept).split())


class _Taxed(NamedTuple):
    """How a rate is taxed: the standard's category, and the rate (none where VAT is no matter)."""

    category: str
    rate: Decimal | None

    @property
    def percent(self) -> str:
        return "" if self.rate is None else f"{self.rate.normalize():f}"


def _taxed(seller: dict[str, str], rate: Decimal, category: str) -> _Taxed:
    """The standard's category; whoever has no tax number does not deal in VAT where nothing is
    taxed."""
    code = TaxCategory(category).code
    if code == "O" or (code in ("Z", "E") and not is_registered(seller)):
        return _Taxed("O", None)
    return _Taxed(code, rate)


def _is_outside(record: Record) -> bool:
    """Whether a document is outside the scope of VAT: it names no VAT ids."""
    sums = record.tax_sums
    return bool(sums) and all(
        _taxed(record.seller, Decimal(one["rate"]), one["category"]).category == "O" for one in sums
    )


def _said(record: Record, rows: Sequence[Row]) -> dict[str, Any]:
    """What is said, by the numbers that the standard has for its terms."""
    seller, currency = record.seller, record.seller["currency"]
    days = [_days(row) for row in rows]
    orders = purchase_orders(map(line_of, rows))
    first = min((first for first, last in days), default=record.issued_on)
    last = max((last for first, last in days), default=record.issued_on)
    return {
        "BT-1": record.number,
        "BT-2": record.issued_on,
        "BT-5": currency,
        "BG-4": _seller(seller, vat=not _is_outside(record)),
        "BG-7": _buyer(record.buyer or {}, vat=not _is_outside(record)),
        # The standard's "delivery" is done on the last of the days that it is for.
        "BT-72": last,
        "BT-73": first,
        "BT-74": last,
        "BG-23": _breakdown(record),
        "BT-13": orders[0] if len(orders) == 1 else "",
        "BG-25": [
            _line(place, row, seller) | (_ordered(row) if len(orders) > 1 else {})
            for place, row in enumerate(rows, start=1)
        ],
        **dict.fromkeys(("BT-106", "BT-109"), _amount(record.net, currency)),
        "BT-110": _amount(record.tax, currency),
        **dict.fromkeys(("BT-112", "BT-115"), _amount(record.total, currency)),
        **(_asked(record) if isinstance(record, Invoice) else _given_back(record)),
    }


def _asked(invoice: Invoice) -> dict[str, Any]:
    """What only an invoice says: until when it is to be paid, and how."""
    seller = invoice.seller
    account = legible(seller["iban"]).replace(" ", "")
    before = invoice.replaces
    bic = legible(seller["bic"]).replace(" ", "").upper()
    said: dict[str, Any] = {
        "BT-3": _INVOICE,
        "BT-9": invoice.due_on,
        "BT-20": legible(seller["payment_text"]),
        "BT-83": invoice.number,
        "BG-1": [{"BT-22": legible(invoice.note)}] if legible(invoice.note) else [],
        "BG-3": [{"BT-25": before.number, "BT-26": before.issued_on}] if before else [],
    }
    if account:
        sepa = seller["currency"] == "EUR" and _IBAN.fullmatch(account.upper())
        said |= {
            "BT-81": _SEPA_TRANSFER if sepa else _TRANSFER,
            "BT-84": account.upper(),
            "BT-85": legible(seller["name"]),
            "BT-86": bic if _BIC.fullmatch(bic) else "",
        }
    return said


def _given_back(note: CreditNote) -> dict[str, Any]:
    """What only a credit note says: which invoice it corrects, and why."""
    return {
        "BT-3": _CREDIT_NOTE,
        "BT-20": _("This lowers what is due on the invoice; the rest is credit on the account."),
        "BG-1": [{"BT-22": legible(note.reason)}],
        "BG-3": [{"BT-25": note.invoice.number, "BT-26": note.invoice.issued_on}],
    }


def _seller(seller: dict[str, str], *, vat: bool) -> dict[str, Any]:
    vat_number, number = tax_ids(seller)
    if not vat:
        vat_number = ""
    name, house = legible(seller["name"]), legible(seller["house"])
    contact = {
        "name": house,
        "phone": legible(seller["contact_phone"]),
        "email": legible(seller["contact_email"]),
    }
    return {
        **_party(seller, e_mail=seller["contact_email"]),
        "biz_name": "" if house == name else house,
        "vat_identifier": vat_number,
        "tax_identifier": number if vat else "",
        "legal_info": legible(seller.get("register_line", "")),
        # By one of these the buyer's books must know the seller.
        "identifiers": {} if vat_number else {None: number or house},
        "contacts": [contact] if contact["phone"] or contact["email"] else [],
    }


def _buyer(buyer: dict[str, str], *, vat: bool) -> dict[str, Any]:
    number = legible(buyer["tax_number"])
    found = _vat_number(number) if vat else ""
    person = legible(buyer["person"])
    return {
        **_party(buyer, e_mail=buyer["email"]),
        "vat_identifier": found,
        "identifiers": {None: number} if number and not found else {},
        "contacts": [{"name": person}] if person else [],
    }


def _party(party: dict[str, str], *, e_mail: str) -> dict[str, Any]:
    address = legible(e_mail)
    return {
        "name": legible(party["name"]),
        "addr_l1": legible(party["address"]),
        "city": legible(party["city"]),
        "postcode": legible(party["postal_code"]),
        "country_code": country(party),
        **({"einvoicing_addr": address, "einvoicing_addr_schemeid": _E_MAIL} if address else {}),
    }


def _vat_number(number: str) -> str:
    """A tax number in the form of a VAT number, or "" for another one, of which every country has
    its own."""
    plain = re.sub(r"[\s./-]", "", number).upper()
    # Greece and Northern Ireland have prefixes of their own.
    known = country({"country": plain[:2]}) or plain[:2] in ("EL", "XI")
    return plain if known and _VAT_NUMBER.fullmatch(plain) else ""


def _breakdown(record: Record) -> list[dict[str, str]]:
    """The sums per rate; a category without tax is named once, with all of its reasons."""
    currency = record.seller["currency"]
    sums: dict[_Taxed, tuple[Decimal, Decimal, list[str]]] = {}
    for one in record.tax_sums:
        note = legible(one["note"])
        taxed = _taxed(record.seller, Decimal(one["rate"]), one["category"])
        net, tax, notes = sums.get(taxed, (ZERO, ZERO, []))
        notes = notes if not note or note in notes else [*notes, note]
        sums[taxed] = (net + Decimal(one["net"]), tax + Decimal(one["tax"]), notes)
    return [
        {
            "BT-116": _amount(net, currency),
            "BT-117": _amount(tax, currency),
            "BT-118": taxed.category,
            **({"BT-119": taxed.percent} if taxed.percent else {}),
            "BT-120": _reason(taxed, notes),
        }
        for taxed, (net, tax, notes) in sums.items()
    ]


def _reason(taxed: _Taxed, notes: list[str]) -> str:
    if taxed.category == "O":
        return "; ".join(notes) or _("Not subject to VAT")
    return "; ".join(notes) if taxed.category in ("E", "AE") else ""


def _line(place: int, row: Row, seller: dict[str, str]) -> dict[str, Any]:
    line, currency = line_of(row), seller["currency"]
    taxed = _taxed(seller, line.tax_rate, line.tax_category)
    measure = measure_of(line, row.net, currency)
    first, last = _days(row)
    return {
        "BT-126": str(place),
        "BT-129": f"{measure.quantity.normalize():f}",
        "BT-130": measure.unit,
        "BT-131": _amount(row.net, currency),
        "BT-134": first,
        "BT-135": last,
        "BT-146": _amount(measure.price, currency),
        "BT-151": taxed.category,
        **({"BT-152": taxed.percent} if taxed.percent else {}),
        "BT-153": legible(measure.text) or "–",
        "BT-154": legible(row.detail),
    }


def _ordered(row: Row) -> dict[str, Any]:
    """What a line says of its purchase order, where the document has several.

    The standard has one place for a purchase order, the document's. A line's own is said in words,
    and as the reference to an order's line.
    """
    order = legible(line_of(row).purchase_order)
    if not order:
        return {}
    return {"BT-127-00": [{"BT-127": _("Purchase order %s") % order}], "BT-132": order}


def _days(row: Row) -> tuple[Any, Any]:
    """The first and the last day that a line is for."""
    line = line_of(row)
    charge = line.charge
    if charge.starts_on and charge.last_day and charge.starts_on <= charge.last_day:
        return charge.starts_on, charge.last_day
    return line.on, line.on


def _amount(amount: Decimal, currency: str) -> str:
    return f"{round_to(amount, currency):f}"
