"""What keeps invoices and credit notes as they were issued, whoever writes: numbers without gaps
and in the order of dates, sums that are those of the lines, and nothing changed afterwards."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from kit import guards
from kit.guards import Guard
from kit.problems import Problem, speak_for

_INVOICE = ("customer_id", "location_id", "state", "series_id", "sequence", "number", "issued_on",
            "due_on", "billing_date", "net", "tax", "total", "seller", "tax_sums", "note", "run_id",
            "replaces_id",
            "made_at", "made_by_id", "issued_at", "issued_by_id")  # fmt: skip
_CREDIT_NOTE = ("invoice_id", "customer_id", "location_id", "series_id", "sequence", "number",
                "issued_on", "net", "tax", "total", "tax_sums", "seller", "cause", "reason",
                "issued_at",
                "issued_by_id")  # fmt: skip
_LINE = ("invoice_id", "charge_id", "position", "text", "detail", "on", "quantity",
         "purchase_order", "price", "tax_rate", "tax_category", "tax_note", "net",
         "tax")  # fmt: skip


def _changed(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f'NEW."{column}" {differs} OLD."{column}"' for column in columns)


def _same(sqlite: str) -> dict[str, Any]:
    """One text that both engines read."""
    return {"sqlite": sqlite, "postgresql": sqlite}


def _sums(table: str, lines: str, key: str) -> str:
    found = f"SELECT COALESCE(SUM({{}}), 0) FROM {lines} l WHERE l.{key} = NEW.id"  # noqa: S608
    return (
        f"NEW.net <> ({found.format('l.net')}) OR NEW.tax <> ({found.format('l.tax')}) "
        "OR NEW.total <> NEW.net + NEW.tax"
    )


def _out_of_order(table: str) -> str:
    return (
        f"NEW.sequence > 1 AND NOT EXISTS (SELECT 1 FROM {table} p "  # noqa: S608
        "WHERE p.series_id = NEW.series_id AND p.sequence = NEW.sequence - 1 "
        "AND p.issued_on <= NEW.issued_on)"
    )


def _issued(key: str) -> str:
    return f"EXISTS (SELECT 1 FROM billing_invoice i WHERE i.id = {key} AND i.state = 'issued')"  # noqa: S608


_SUMS = _sums("billing_invoice", "billing_invoiceline", "invoice_id")
_NOTE_SUMS = _sums("billing_creditnote", "billing_creditnoteline", "credit_note_id")
_ERASED = (
    '(NEW."buyer" {0} OLD."buyer" AND NOT (NEW."buyer" IS NULL AND NEW.erased_at IS NOT NULL))'
)
_BECOMES = "NEW.state = 'issued' AND OLD.state = 'draft' AND ({})"
_SETTLED = (
    "NEW.settled <> (SELECT COALESCE(SUM(a.value), 0) FROM billing_allocation a "
    "WHERE a.invoice_id = NEW.id)"
)
_RUNNING = (
    "NEW.credited_net <> NEW.net + COALESCE((SELECT c.credited_net FROM billing_creditnoteline c "
    "WHERE c.line_id = NEW.line_id AND c.sequence = NEW.sequence - 1), 0) "
    "OR NEW.credited_tax <> NEW.tax + COALESCE((SELECT c.credited_tax "
    "FROM billing_creditnoteline c "
    "WHERE c.line_id = NEW.line_id AND c.sequence = NEW.sequence - 1), 0) "
    "OR (NEW.sequence > 1 AND NOT EXISTS (SELECT 1 FROM billing_creditnoteline c "
    "WHERE c.line_id = NEW.line_id AND c.sequence = NEW.sequence - 1)) "
    "OR EXISTS (SELECT 1 FROM billing_invoiceline l WHERE l.id = NEW.line_id "
    "AND (ABS(NEW.credited_net) > ABS(l.net) OR ABS(NEW.credited_tax) > ABS(l.tax)))"
)

guards_of_invoices = [
    Guard(
        "billing_invoice_stays_as_written", "billing", "billing_invoice", "UPDATE",
        sqlite=f"OLD.state = 'issued' AND ({_changed(_INVOICE, 'IS NOT')} OR "
               f"{_ERASED.format('IS NOT')})",
        postgresql=f"OLD.state = 'issued' AND ({_changed(_INVOICE, 'IS DISTINCT FROM')} OR "
                   f"{_ERASED.format('IS DISTINCT FROM')})",
    ),
    Guard("billing_invoice_is_kept", "billing", "billing_invoice", "DELETE",
          **_same("OLD.state = 'issued'")),
    Guard("invoice_adds_up", "billing", "billing_invoice", "INSERT",
          **_same(f"NEW.state = 'issued' AND ({_SUMS})")),
    Guard("invoice_adds_up_when_issued", "billing", "billing_invoice", "UPDATE",
          **_same(_BECOMES.format(_SUMS))),
    Guard("invoice_numbered_in_order", "billing", "billing_invoice", "INSERT",
          **_same(f"NEW.state = 'issued' AND {_out_of_order('billing_invoice')}")),
    Guard("invoice_numbered_in_order_when_issued", "billing", "billing_invoice", "UPDATE",
          **_same(_BECOMES.format(_out_of_order("billing_invoice")))),
    Guard(
        "billing_invoiceline_stays_as_written", "billing", "billing_invoiceline", "UPDATE",
        sqlite=f"{_issued('OLD.invoice_id')} AND ({_changed(_LINE, 'IS NOT')})",
        postgresql=f"{_issued('OLD.invoice_id')} AND ({_changed(_LINE, 'IS DISTINCT FROM')})",
    ),
    Guard("billing_invoiceline_is_kept", "billing", "billing_invoiceline", "DELETE",
          **_same(_issued("OLD.invoice_id"))),
    Guard("issued_invoices_take_no_lines", "billing", "billing_invoiceline", "INSERT",
          **_same(_issued("NEW.invoice_id"))),
    Guard(
        "issued_invoices_take_no_lines_by_moving", "billing", "billing_invoiceline", "UPDATE",
        **_same(f"NEW.invoice_id <> OLD.invoice_id AND {_issued('NEW.invoice_id')}"),
    ),
    Guard(
        "invoice_is_settled_by_rows", "billing", "billing_invoice", "UPDATE",
        **_same(f"NEW.settled <> OLD.settled AND {_SETTLED}"),
    ),
    Guard(
        "invoice_is_settled_by_rows_when_made", "billing", "billing_invoice", "INSERT",
        **_same(f"NEW.settled <> 0 AND {_SETTLED}"),
    ),
    # The charge's row is locked first, so that a void and an invoice never pass each other.
    Guard(
        "void_charges_take_no_lines", "billing", "billing_invoiceline", "INSERT",
        **_same("EXISTS (SELECT 1 FROM billing_chargevoid v WHERE v.charge_id = NEW.charge_id)"),
        first="PERFORM 1 FROM billing_charge WHERE id = NEW.charge_id FOR NO KEY UPDATE;",
    ),
    *guards.append_only(
        "billing", "billing_creditnote", frozen=_CREDIT_NOTE, erasable=("buyer",),
    ),
    Guard("credit_note_adds_up", "billing", "billing_creditnote", "INSERT", **_same(_NOTE_SUMS)),
    Guard("credit_note_numbered_in_order", "billing", "billing_creditnote", "INSERT",
          **_same(_out_of_order("billing_creditnote"))),
    *guards.append_only(
        "billing", "billing_creditnoteline",
        frozen=("credit_note_id", "line_id", "sequence", "text", "detail", "explanation",
                "price", "net", "tax", "credited_net", "credited_tax"),
    ),
    Guard("line_credited_within_it", "billing", "billing_creditnoteline", "INSERT",
          **_same(_RUNNING)),
    Guard("credit_notes_take_no_lines", "billing", "billing_creditnoteline", "INSERT",
          **_same("EXISTS (SELECT 1 FROM billing_creditnote n WHERE n.id = NEW.credit_note_id)")),
    *(
        Guard(f"{table}_is_not_emptied", "billing", table, "TRUNCATE", postgresql="true",
              level="STATEMENT")
        for table in ("billing_invoice", "billing_invoiceline", "billing_billedcycle")
    ),
]  # fmt: skip

speak_for(
    "line_credited_within_it",
    Problem("more_than_left", _("This is more than is left of the line.")),
)
speak_for(
    "billing_invoiceline.charge_id",
    Problem("invoiced", _("An invoice has taken this charge meanwhile.")),
)
speak_for(
    "billing_invoiceline_charge_id_key",
    Problem("invoiced", _("An invoice has taken this charge meanwhile.")),
)
speak_for(
    "void_charges_take_no_lines", Problem("void_already", _("This charge was voided meanwhile."))
)
