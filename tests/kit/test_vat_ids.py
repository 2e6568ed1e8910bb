"""A VAT id is known by its letters, its length and its check digits."""

import pytest

from kit.vat_ids import vat_id


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("ATU13585627", "ATU13585627"),
        ("ATU 1358 5627", "ATU13585627"),
        ("de-136.695.976", "DE136695976"),
        ("FR 83 404 833 048", "FR83404833048"),
        ("BE 697449992", "BE0697449992"),
        ("NL 4495445B01", "NL004495445B01"),
        ("ESB58378431", "ESB58378431"),
        ("EL 094259216", "EL094259216"),
        ("GR 094259216", "EL094259216"),
        ("XI 980780684", "XI980780684"),
        ("GB 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 MWST", "CHE107787577MWST"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("CHE-107.787.577", "CHE107787577"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
        ("ＤＥ１３６６９５９７６", "DE136695976"),
        ("DE\N{EN DASH}136695976", "DE136695976"),
    ],
)
def test_a_vat_id_has_one_compact_form(text, compact):
    assert vat_id(text) == compact
    assert vat_id(compact) == compact


@pytest.mark.parametrize(
    ("text", "country", "compact"),
    [
        ("136695976", "DE", "DE136695976"),
        ("094259216", "GR", "EL094259216"),
        ("980780684", "gb", "GB980780684"),
        ("995525828 MVA", "NO", "NO995525828MVA"),
        ("B58378431", "ES", "ESB58378431"),
        # One of another country's, with its prefix, stays one of that country's.
        ("ATU13585627", "DE", "ATU13585627"),
        ("XI980780684", "GB", "XI980780684"),
    ],
)
def test_a_number_without_a_prefix_is_one_of_the_country(text, country, compact):
    assert vat_id(text, country) == compact


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("", ""),
        ("", "DE"),
        ("DE", "DE"),
        ("DE136695977", ""),
        ("DE136695977", "DE"),
        ("ATU1358562", ""),
        ("ATU13585626", "AT"),
        ("GB123456789", "GB"),
        ("NO995525828", "NO"),
        ("136695976", ""),
        ("12/345/67890", "DE"),
        ("T1234567890123", "JP"),
        ("EU372022452", ""),
        ("US123456789", "US"),
        ("XX136695976", "Germany"),
        ("DE١٣٦٦٩٥٩٧٦", ""),
        ("李小龍", "DE"),
        ("DE136695976" * 50, "DE"),
        ("../vat", ".."),
    ],
)
def test_what_is_no_vat_id_is_empty(text, country):
    assert vat_id(text, country) == ""
