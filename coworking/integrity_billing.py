"""Proof on live data that what customers owe is what it says: each finding is a sentence."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Q, Sum
from django.utils.translation import gettext as _

from billing import explaining, tax, taxing
from billing.corrections import charged, fee_by_rule
from billing.models import (
    Account,
    AccountEntry,
    Allocation,
    BilledCycle,
    BillingRun,
    Charge,
    Claim,
    ClaimCancellation,
    CreditNote,
    Invoice,
    Payment,
    Series,
    WriteOff,
)
from billing.models.crediting import left_of
from billing.runs import facts_of
from billing.settling import verdict
from kit.money import ZERO, MoneyField
from spaces.models import Location

PAGE = 1000


def _pages(rows: Any) -> Iterator[list[Any]]:
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:PAGE]):
        last = page[-1].pk
        yield page


def charges_follow_from_their_explanations() -> Iterator[str]:
    """Price, net and tax of each charge are what its stored explanation leads to."""
    for page in _pages(Charge.objects.select_related("location", "line")):
        for charge in page:
            price, line = explaining.price_of(charge.explanation), getattr(charge, "line", None)
            found = tax.of(taxing.priced(charge), charge.currency)
            if line is not None and charge.state == "invoiced":
                found = tax.Taxed(line.net, line.tax)
            if (price, found.net, found.tax) != (charge.price, charge.amount, charge.tax):
                yield _("Charge %(key)d is %(is)s; its explanation says %(should)s.") % {
                    "key": charge.pk, "is": charge.total, "should": found.total,
                }  # fmt: skip


def what_waits_has_the_tax_of_its_day() -> Iterator[str]:
    """A charge that is not on an issued invoice has the rate and the category of its tax day."""
    for page in _pages(taxing.with_what_decides(taxing.provisional())):
        for charge in page:
            found = taxing.tax_now(charge)
            if not taxing.is_taxed_so(charge, found):
                yield _("Charge %(key)d is taxed at %(is)s %% instead of %(should)s %%.") % {
                    "key": charge.pk, "is": f"{charge.tax_rate:f}", "should": f"{found.rate:f}",
                }  # fmt: skip


def cycles_are_settled_once() -> Iterator[str]:
    """Every settled cycle was charged or waived, and what had fallen due by the last run is."""
    first = Q(charges__kind__in=["fee", "subscription"], charges__replaces=None)
    fees = Count("charges", filter=first)
    rows = BilledCycle.objects.annotate(fees=fees)
    wrong = rows.filter(kind="fee").exclude(fees=1) | rows.filter(kind="waiver", fees__gt=0)
    for row in wrong:
        yield _("Settled cycle %(key)d has %(number)d fees.") % {"key": row.pk, "number": row.fees}
    for place in Location.objects.all():
        done = BillingRun.objects.filter(Q(location=None) | Q(location=place), error="").finished()
        last = done.exclude(on=None).aggregate(on=Max("on"))["on"]
        if last is None:
            continue
        last = min(last, place.today())
        accounts = list(Account.objects.filter(location=place).select_related("customer"))
        for start in range(0, len(accounts), 200):
            yield from _unsettled(accounts[start : start + 200], place, last)


def _unsettled(accounts: list[Account], place: Location, on: Any) -> Iterator[str]:
    for account in accounts:
        account.location = place
    for facts in facts_of(accounts, on):
        for agreement, cycle in facts.unsettled:
            suspensions = facts.suspensions.get(agreement.customer_id, [])
            if verdict(agreement, cycle, suspensions) is not None:
                yield _("The fee of %(what)s of customer %(key)d, due on %(day)s, is missing.") % {
                    "what": agreement, "key": agreement.customer_id, "day": cycle.due_on,
                }  # fmt: skip


def fees_are_what_the_rule_says() -> Iterator[str]:
    """What was charged for each settled cycle, less what decisions took back, is its fee by the
    rule. It is more only where nothing is left of its lines to be credited."""
    relations = {
        "contract": ("contract__freezes", "contract__call_offs", "contract__price_steps",
                     "contract__plan__prices"),
        "subscription": ("subscription__product",),
    }  # fmt: skip
    for relation, reads in relations.items():
        rows = BilledCycle.objects.filter(**{f"{relation}__isnull": False}).exclude(
            reason__in=["suspended", "backdated"]
        )
        rows = rows.select_related(f"{relation}__location").prefetch_related(
            *reads, "charges__void", "charges__line__credits__credit_note",
            "charges__line__invoice",
        )  # fmt: skip
        for page in _pages(rows):
            for row in page:
                yield from _wrong_fee(row)


def _wrong_fee(row: BilledCycle) -> Iterator[str]:
    charges = list(row.charges.all())
    cycles = row.agreement.cycles(row.ends_on, since=row.starts_on)
    cycle = next((one for one in cycles if one.start == row.starts_on), None)
    should, is_ = fee_by_rule(row.agreement, row, cycle).price, charged(charges)
    if should == is_ or (is_ > should and not _is_left(charges)):
        return
    yield _("Cycle %(day)s of %(what)s (%(key)d) costs %(is)s instead of %(should)s.") % {
        "day": row.starts_on, "what": row.agreement, "key": row.agreement.pk, "is": is_,
        "should": should,
    }  # fmt: skip


def _is_left(charges: list[Charge]) -> bool:
    """Whether a decision could still take something of these charges back."""
    for charge in charges:
        line = getattr(charge, "line", None)
        if line is not None and left_of(line).total:
            return True
        if line is None and not charge.is_void:
            return True
    return False


def nothing_is_below_zero() -> Iterator[str]:
    """No charge, line or invoice is below zero: what a customer is owed is account credit."""
    below = Q(price__lt=0) | Q(amount__lt=0) | Q(tax__lt=0)
    for charge in Charge.objects.filter(below).order_by("pk"):
        yield _("Charge %(key)d is %(is)s.") % {"key": charge.pk, "is": charge.total}
    for invoice in Invoice.objects.filter(Q(net__lt=0) | Q(tax__lt=0)).order_by("pk"):
        yield _("Invoice %(key)s is %(is)s.") % {"key": invoice.pk, "is": invoice.total}


def invoices_add_up() -> Iterator[str]:
    """Lines add up to totals, per rate too, and what is settled is what settled it."""
    issued = Invoice.objects.issued().select_related("location").prefetch_related("lines")
    for page in _pages(issued):
        settled = dict(
            Allocation.objects.filter(invoice__in=page).order_by().values("invoice")
            .annotate(sum=Sum("value")).values_list("invoice", "sum")
        )  # fmt: skip
        for invoice in page:
            lines = list(invoice.lines.all())
            net, tax_sum = sum((one.net for one in lines), ZERO), sum((one.tax for one in lines),
                                                                    ZERO)  # fmt: skip
            if (net, tax_sum, net + tax_sum) != (invoice.net, invoice.tax, invoice.total):
                yield _("Invoice %s is not the sum of its lines.") % invoice.number
            if invoice.settled != settled.get(invoice.pk, ZERO):
                yield _("Invoice %s is settled otherwise than its rows say.") % invoice.number
            if tax.read(invoice.tax_sums) != tax.summary([one.tax_sum for one in lines]):
                yield _("Invoice %s says another tax than its lines have.") % invoice.number


def numbers_have_no_gaps() -> Iterator[str]:
    """Each series counts from 1 without a gap, its dates never go back, and its counter says where
    it is."""
    for series in Series.objects.all():
        model: Any = Invoice if series.kind == Series.Kind.INVOICE else CreditNote
        rows = model.objects.filter(series=series).order_by("sequence")
        expected, before = 0, None
        for sequence, on in rows.values_list("sequence", "issued_on").iterator(PAGE):
            expected += 1
            if sequence != expected:
                yield _("Number %s is missing.") % series.named(expected)
                expected = sequence
            if before is not None and on < before:
                yield _("%s is dated before the number before it.") % series.named(sequence)
            before = on
        if series.last_number != expected or (before and series.last_issued_on != before):
            yield _("The counter of %s is not where its numbers are.") % series.prefix


def credit_notes_stay_within_their_invoices() -> Iterator[str]:
    notes = CreditNote.objects.prefetch_related("lines__line__credits")
    for page in _pages(notes):
        for note in page:
            lines = list(note.lines.all())
            net, tax_sum = sum((one.net for one in lines), ZERO), sum((one.tax for one in lines),
                                                                    ZERO)  # fmt: skip
            if (net, tax_sum, net + tax_sum) != (note.net, note.tax, note.total):
                yield _("Credit note %s is not the sum of its lines.") % note.number
            for row in lines:
                credits = list(row.line.credits.all())
                if abs(sum(one.net for one in credits)) > abs(row.line.net) or (
                    abs(sum(one.tax for one in credits)) > abs(row.line.tax)
                ):
                    yield _("More than it has was credited of a line of %s.") % note.invoice.number


def accounts_balance() -> Iterator[str]:
    """The ledgers of credit add up, and what is due less credit is what was invoiced and claimed
    less what was credited, cancelled, paid and written off."""
    for account in Account.objects.prefetch_related("entries"):
        left = ZERO
        for number, entry in enumerate(account.entries.all(), start=1):
            left += entry.value
            if (entry.left, entry.sequence) != (left, number) or left < 0:
                yield _("The credit of account %d does not add up.") % account.pk
                break
    sums: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    key = ("customer", "location")
    for rows, name, sign in (
        (Invoice.objects.issued(), "total", 1),
        (CreditNote.objects.all(), "total", -1),
        (Payment.objects.all(), "amount", -1),
        # A claim for a refund is in it as the refund.
        (Claim.objects.filter(reversal=None), "amount", 1),
        (Claim.objects.filter(cancellation__isnull=False, reversal=None), "amount", -1),
    ):
        for customer, location, found in (
            rows.order_by().values(*key).annotate(sum=Sum(name)).values_list(*key, "sum")
        ):
            sums[customer, location] += sign * found
    written_off = WriteOff.objects.filter(withdrawn_at=None).order_by()
    for name in ("invoice", "claim"):
        through = (f"{name}__customer", f"{name}__location")
        rows = written_off.filter(**{f"{name}__isnull": False}).values(*through)
        for customer, location, found in rows.annotate(sum=Sum("amount")).values_list(
            *through, "sum"
        ):
            sums[customer, location] -= found
    for unpaid in (Invoice.objects.issued(), Claim.objects.all()):
        due = Sum(F(unpaid.sum_column) - F("settled"), output_field=MoneyField())
        for customer, location, found in (
            unpaid.order_by().values(*key).annotate(sum=due).values_list(*key, "sum")
        ):
            sums[customer, location] -= found
    for customer, location, found in (
        AccountEntry.objects.order_by()
        .values("account__customer", "account__location")
        .annotate(sum=Sum("value"))
        .values_list("account__customer", "account__location", "sum")
    ):
        sums[customer, location] += found
    for (customer, _location), rest in sorted(sums.items()):
        if rest:
            yield _("The account of customer %(key)d is %(rest)s out of balance.") % {
                "key": customer, "rest": rest,
            }  # fmt: skip


def claims_are_settled_by_their_rows() -> Iterator[str]:
    """What of each claim is settled is the sum of what settled it, and all of a cancelled one."""
    cancelled = set(ClaimCancellation.objects.values_list("claim", flat=True))
    for page in _pages(Claim.objects.all()):
        settled = dict(
            Allocation.objects.filter(claim__in=page).order_by().values("claim")
            .annotate(sum=Sum("value")).values_list("claim", "sum")
        )  # fmt: skip
        for claim in page:
            if claim.settled != settled.get(claim.pk, ZERO):
                yield _("Claim %d is settled otherwise than its rows say.") % claim.pk
            if claim.pk in cancelled and claim.due:
                yield _("Claim %d is cancelled and not settled.") % claim.pk


PROOFS = [
    ("charges", charges_follow_from_their_explanations),
    ("tax", what_waits_has_the_tax_of_its_day),
    ("settled cycles", cycles_are_settled_once),
    ("fees", fees_are_what_the_rule_says),
    ("nothing below zero", nothing_is_below_zero),
    ("invoices", invoices_add_up),
    ("invoice numbers", numbers_have_no_gaps),
    ("credit notes", credit_notes_stay_within_their_invoices),
    ("claims", claims_are_settled_by_their_rows),
    ("accounts", accounts_balance),
]
