"""Corrections of what was charged, after a decision: settled cycles are charged what the rule says.

A charge that is not on an issued invoice is replaced. On an issued invoice less is a credit note,
and more is a charge that is invoiced at once. The documents of one decision are made together: one
credit note per invoice, then one invoice per account, which the credit pays.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from billing import charging, explaining, sending, settling, taxing
from billing.models.charges import BilledCycle, Cause, Charge
from billing.models.crediting import left_price, left_to_credit
from billing.models.invoices import Invoice, InvoiceLine
from billing.models.issuing import by_document, draft
from billing.models.paying import after_settling
from billing.models.subscriptions import Subscription
from kit import locks, words
from kit.decisions import collecting
from kit.money import ZERO
from kit.templatetags.house import money
from plans.cycles import DAY, Cycle, merged
from plans.models import Contract

Reason = BilledCycle.Reason
Span = tuple[dt.date, dt.date]


class LineCredit(NamedTuple):
    """What is given back of an invoice line: an amount as its price was entered (None: all that is
    left), the words for it, and the explanation that it leaves."""

    line: InvoiceLine
    amount: Decimal | None
    detail: str
    explanation: dict[str, Any]


class Corrections:
    """What one decision credits and charges. The accounts are locked."""

    def __init__(self, *, on: dt.date, by: Any) -> None:
        self.on, self.by = on, by
        self._credits: dict[int, list[LineCredit]] = defaultdict(list)
        self._invoices: dict[int, Invoice] = {}
        self._whole: set[int] = set()
        self._charges: list[tuple[Charge, bool]] = []
        self._afterwards: list[Callable[[], Any]] = []

    def follow(
        self, agreement: Any, due_before: Sequence[Cycle], *, signed: bool = False
    ) -> list[Charge]:
        """Settle what had fallen due before as it was then, correct what is settled, and charge
        what a signature makes due. Returns the charges that were made."""
        charges = settling.settle(agreement, due_before, by=self.by)
        if signed or isinstance(agreement, Subscription):
            due = agreement.fallen_due(self.on)
            missed = [cycle for cycle in due if cycle.due_on < agreement.signed_on]
            news = settling.settle(agreement, missed, by=self.by)
            self._charges += [(charge, False) for charge in news]
            charges += news
        return charges + self.correct(agreement)

    def correct(self, agreement: Any) -> list[Charge]:
        """Bring what was charged for each settled cycle, less what decisions credited, to the fee
        by the rule. Returns the charges that were made.

        At the price and the discount with which it was settled, unless a price step of the contract
        says otherwise. What was waived for a suspension, or because it was due before the contract
        was signed, stays waived; what staff gave stays given.
        """
        rows = _rows(agreement)
        if not rows:
            return []
        until = max(row.starts_on for row in rows) + DAY
        cycles = {cycle.start: cycle for cycle in agreement.cycles(until)}
        if waiting := [one.pk for one in _on_another_tax_day(agreement, rows, cycles)
                       if one.state in ("waiting", "draft")]:  # fmt: skip
            taxing.retax(Charge.objects.filter(pk__in=waiting))
            rows = _rows(agreement)
        charges = []
        for row in rows:
            charges += self._correct(agreement, row, cycles.get(row.starts_on))
        return charges

    def _correct(self, agreement: Any, row: BilledCycle, cycle: Cycle | None) -> list[Charge]:
        charges = list(row.charges.all())
        wanted = fee_by_rule(agreement, row, cycle)
        so_far = charged(charges) - self._credit_other_rates(agreement, row, cycle, wanted)
        missing = wanted.price - so_far
        if not missing:
            return []
        waiting = [one for one in charges if one.state in ("waiting", "draft")]
        made = []
        for charge in sorted(waiting, key=lambda one: one.pk, reverse=True):
            price = max(ZERO, charge.price + missing)
            missing -= price - charge.price
            if price != charge.price:
                others = charged(charges) - charge.price
                made += self._replace(charge, wanted, others, price)
                charges = [one for one in charges if one.pk != charge.pk]
            if not missing:
                return made
        if missing < 0:
            self._give_back(charges, -missing, wanted)
            return made
        charge = self._more(agreement, row, cycle, charges, wanted, missing)
        self._charges.append((charge, True))
        return [*made, charge]

    def _replace(
        self, charge: Charge, wanted: "Fee", others: Decimal, price: Decimal
    ) -> list[Charge]:
        """Put a charge with another price in place of one that no issued invoice has; none where
        there is nothing left to charge."""
        on_draft = charge.invoice
        kept: list[Charge] = []
        if on_draft is not None:
            lines = on_draft.lines.select_related("charge__location").order_by("position")
            kept = [line.charge for line in lines if line.charge_id != charge.pk]
            on_draft.lines.filter(charge=charge).delete()
            charge._state.fields_cache.pop("line", None)
        charging.void(charge, cause=Cause.DECISION, reason=wanted.words, on=self.on, by=self.by)
        news = []
        if price:
            explanation = wanted.explanation
            if others or charge.kind == Charge.Kind.ADJUSTMENT:
                explanation = explanation | {"kind": "adjustment", "so_far": f"{others:f}"}
            new = charging.drafted(
                charge.customer, charge.location, kind=charge.kind, text=charge.text, on=charge.on,
                ripe_on=charge.ripe_on, used_by=charge.used_by, like=charge, replaces=charge,
                adjusts=charge.adjusts, cycle=charge.cycle, starts_on=charge.starts_on,
                ends_on=charge.ends_on, quantity=charge.quantity,
                on_behalf_of=charge.on_behalf_of, contract=charge.contract,
                subscription=charge.subscription, explanation=explanation, by=self.by,
            )  # fmt: skip
            news.append(charging.stored(new))
        if on_draft is not None:
            if kept or news:
                on_draft.rewrite([*kept, *news], by=self.by)
            else:
                on_draft.drop(by=self.by)
        return news

    def _give_back(self, charges: Sequence[Charge], amount: Decimal, wanted: "Fee") -> None:
        """Credit the lines of a cycle, the latest first, each by no more than is left of it."""
        invoiced = [one for one in charges if one.state == "invoiced"
                    and one.line.pk not in self._whole]  # fmt: skip
        for charge in sorted(invoiced, key=lambda one: one.pk, reverse=True):
            part = min(amount, left_price(charge.line))
            if part > 0:
                self._credit(charge.line, part, wanted.words, wanted.explanation)
                amount -= part

    def _credit_other_rates(
        self, agreement: Any, row: BilledCycle, cycle: Cycle | None, wanted: "Fee"
    ) -> Decimal:
        """Credit what is left of invoiced lines to which the decision gives another rate or
        category, because it moves their tax day. Returns how much that is, as entered."""
        given = ZERO
        for charge in _on_another_tax_day(agreement, [row], {row.starts_on: cycle}):
            if charge.state != "invoiced" or charge.line.pk in self._whole:
                continue
            found = taxing.tax_now(charge, _tax_day(agreement, row, cycle))
            left = left_price(charge.line)
            if left and not taxing.is_taxed_so(charge, found):
                self._whole.add(charge.line.pk)
                self._credit(charge.line, None, wanted.words, wanted.explanation)
                given += left
        return given

    def _more(
        self, agreement: Any, row: BilledCycle, cycle: Cycle | None, charges: Sequence[Charge],
        wanted: "Fee", missing: Decimal,
    ) -> Charge:  # fmt: skip
        """Charge what a cycle costs more than was charged for it."""
        first = charges[0] if charges else None
        payer = charging.payer_of(agreement.customer, agreement.on_behalf_of)
        so_far = wanted.price - missing
        charge = charging.drafted(
            first.customer if first else payer, agreement.location, kind=Charge.Kind.ADJUSTMENT,
            text=_("%(what)s, %(days)s: adjusted")
            % {"what": agreement, "days": words.span(row.starts_on, row.ends_on - DAY)},
            on=self.on, ripe_on=self.on, used_by=agreement.customer,
            item=settling.item_of(agreement), tax_on=_tax_day(agreement, row, cycle),
            adjusts=first, cycle=row,
            starts_on=row.starts_on, ends_on=row.ends_on, quantity=agreement.quantity,
            on_behalf_of=agreement.on_behalf_of, by=self.by,
            explanation=wanted.explanation | {"kind": "adjustment", "so_far": f"{so_far:f}"},
            **{settling.relation_of(agreement): agreement},
        )  # fmt: skip
        return charging.stored(charge)

    def take_back_signing(self, contract: Contract) -> None:
        """Give back the sign-up fee and the deposit of a contract that was called off."""
        kinds = [Charge.Kind.SIGN_UP_FEE, Charge.Kind.DEPOSIT]
        charges = contract.charges.filter(kind__in=kinds).select_related(
            "customer", "location", "void", "line__invoice__location"
        )
        reason = _("%s was called off before it started.") % contract
        for charge in charges.order_by("pk"):
            self.take_back(charge, reason=reason)

    def take_back(self, charge: Charge, *, reason: str, printed: str = "") -> None:
        """Void a charge that no issued invoice has, or credit what is left of its line, with
        `printed` instead of the reason on the credit note."""
        if charge.is_void:
            return
        if charge.state == "invoiced":
            if left_to_credit(charge.line).total:
                self._credit(charge.line, None, printed or reason, {})
            return
        charging.undo(charge, reason=reason, by=self.by, on=self.on)

    def charge(self, charges: Iterable[Charge], *, at_once: bool) -> None:
        """Invoice charges after the credit notes: at once, or only beside something credited."""
        self._charges += [(charge, at_once) for charge in charges]

    def then(self, step: Callable[[], Any]) -> None:
        """Do something after the documents are made."""
        self._afterwards.append(step)

    def _credit(
        self, line: InvoiceLine, amount: Decimal | None, detail: str, explanation: dict[str, Any]
    ) -> None:
        self._invoices[line.invoice_id] = line.invoice
        self._credits[line.invoice_id].append(LineCredit(line, amount, detail, explanation))

    def carry_out(self) -> None:
        """Make the documents: one credit note per invoice, then one invoice per account of what is
        charged beside it. Whoever pays is sent all of them together."""
        with sending.together():
            self._carry_out()

    def _carry_out(self) -> None:
        places = {(one.customer_id, one.location_id) for one in self._invoices.values()}
        self._issue_credit_notes()
        by_account: dict[tuple[int, int], list[Charge]] = defaultdict(list)
        for charge, at_once in self._charges:
            key = (charge.customer_id, charge.location_id)
            if at_once or key in places:
                by_account[key].append(charge)
        for key in sorted(by_account):
            charges = by_account[key]
            customer, location = charges[0].customer, charges[0].location
            if location.run_issues:
                charging.invoice_at_once(customer, location, charges, by=self.by, on=self.on)
            else:
                for part in by_document(charges):
                    if any(charge.price for charge in part):
                        draft(customer, location, part, by=self.by)
        self._charges = []
        self._lift_suspensions()
        for step in self._afterwards:
            step()

    def _issue_credit_notes(self) -> None:
        for key in sorted(self._credits):
            invoice, credits = self._invoices[key], self._credits[key]
            # What is due on it, and what was written off, may have changed since it was read.
            invoice.refresh_from_db()
            invoice._credit(
                {one.line: one.amount for one in credits},
                reason="; ".join(dict.fromkeys(one.detail for one in credits if one.detail)),
                cause=Cause.DECISION, by=self.by, on=charging.credit_date(invoice, self.on),
                details={one.line.pk: (one.detail[:500], one.explanation) for one in credits},
            )  # fmt: skip
        self._credits.clear()

    def _lift_suspensions(self) -> None:
        """A suspension for debt ends where nothing is overdue any more. A customer that is not
        locked, a former payer of the team, waits for the daily job."""
        customers = {one.customer_id: one for one in self._invoices.values()}
        self._invoices = {}
        for key in sorted(customers):
            if locks.are_held(customers=[key]):
                invoice = customers[key]
                after_settling(invoice.customer, by=self.by, on=invoice.location.today())


def _rows(agreement: Any) -> list[BilledCycle]:
    """The settled cycles that a decision may correct, with what is charged for them."""
    rows = agreement.billed_cycles.exclude(reason__in=[Reason.SUSPENDED, Reason.BACKDATED])
    return list(
        rows.prefetch_related(
            "charges__void", "charges__line__credits__credit_note", "charges__line__invoice",
            "charges__line__charge", "charges__customer", "charges__location",
        )
    )  # fmt: skip


def _tax_day(agreement: Any, row: BilledCycle, cycle: Cycle | None) -> dt.date:
    """The tax day of a settled cycle as the agreement stands now."""
    last_day = cycle.last_day if cycle is not None else row.ends_on - DAY
    return taxing.fee_day(agreement.location, last_day, row.due_on)


def _on_another_tax_day(
    agreement: Any, rows: Sequence[BilledCycle], cycles: Mapping[dt.date, Cycle | None]
) -> Iterator[Charge]:
    """The charges whose tax day a decision moves; nothing moves where no day is left."""
    for row in rows:
        cycle = cycles.get(row.starts_on)
        if cycle is not None:
            on = _tax_day(agreement, row, cycle)
            yield from (one for one in row.charges.all() if one.tax_on != on and not one.is_void)


class Fee(NamedTuple):
    """The fee of a settled cycle by the rule as the agreement stands now: the price as entered,
    its explanation, and in words what has made it smaller."""

    price: Decimal
    explanation: dict[str, Any]
    words: str


def fee_by_rule(agreement: Any, row: BilledCycle, cycle: Cycle | None) -> Fee:
    """Return the fee of a settled cycle as the agreement stands now; `cycle` is None where no day
    of it is left."""
    if cycle is None:
        cycle = Cycle(row.starts_on, row.ends_on, 0, (row.ends_on - row.starts_on).days, row.price,
                      Fraction(0), ZERO, row.due_on)  # fmt: skip
    explanation = settling.explanation_of(agreement, cycle, row)
    explanation["ends_on"] = row.ends_on.isoformat()
    if explanation["source"] == "step":
        explanation["piece"] = f"{cycle.price:f}"
    else:
        first = min(row.charges.all(), key=lambda one: one.pk, default=None)
        if first is not None:
            explanation["source"] = first.explanation["source"]
    explanation["currency"] = agreement.location.currency
    explanation["free"] = [
        [kind, start.isoformat(), last.isoformat()]
        for kind, (start, last) in free_spans(agreement, row)
    ]
    before = _latest_explanation(row)
    explanation["step"] = before.get("step", 0) + 1
    price = explaining.price_of(explanation)
    return Fee(price, explanation, _words_for(agreement, explanation, before))


def charged(charges: Iterable[Charge]) -> Decimal:
    """What was charged for a cycle less what decisions took back, as prices were entered. What
    staff voided or credited counts as charged: it stays given."""
    total = ZERO
    for charge in charges:
        if charge.is_void and charge.void.cause != Cause.STAFF:
            continue
        total += charge.price
        line = getattr(charge, "line", None)
        if line is not None:
            for credit in line.credits.all():
                if credit.credit_note.cause != Cause.STAFF:
                    total -= credit.price
    return total


def free_spans(agreement: Any, row: BilledCycle) -> Iterator[tuple[str, Span]]:
    """The days of a settled cycle that cost nothing now: frozen ones, and those after the last day
    or of an agreement that was called off."""
    last = row.ends_on - DAY
    if agreement.is_called_off:
        yield "called_off", (row.starts_on, last)
        return
    end = agreement.ends_on
    if isinstance(agreement, Contract):
        spans = [one.days for one in agreement.freezes.all() if one.withdrawn_at is None]
        for first, until in merged(spans, row.starts_on, min(last, end or last)):
            yield "frozen", (first, until or last)
    if end is not None and end < last:
        yield "ended", (max(row.starts_on, end + DAY), last)


def _latest_explanation(row: BilledCycle) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for charge in row.charges.all():
        line = getattr(charge, "line", None)
        credits = list(line.credits.all()) if line is not None else []
        for explanation in [charge.explanation, *(credit.explanation for credit in credits)]:
            if explanation and explanation.get("step", 0) >= found.get("step", 0):
                found = explanation
    return found


def _words_for(agreement: Any, now: dict[str, Any], before: dict[str, Any]) -> str:
    """What makes a fee smaller, in the words of the product: "Frozen 7 to 26 June 2026"."""
    already = {tuple(one) for one in before.get("free", [])}
    parts = []
    for kind, first, last in now["free"]:
        start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
        if (kind, first, last) in already:
            continue
        if kind == "frozen":
            parts.append(_("Frozen %s") % words.days(start, end))
        elif kind == "called_off":
            parts.append(_("Called off"))
        else:
            parts.append(
                _("Last day %(day)s, %(days)s not used")
                % {"day": words.days(start - DAY, start - DAY), "days": words.days(start, end)}
            )
    if now["piece"] != before.get("piece", now["piece"]):
        price = money(Decimal(now["piece"]), now["currency"])
        parts.append(_("Price of %s") % price)
    if not parts:
        first_day = dt.date.fromisoformat(now["starts_on"])
        last_day = dt.date.fromisoformat(now["ends_on"]) - DAY
        parts.append(_("Days of %s changed") % words.days(first_day, last_day))
    return "; ".join(parts)


@contextmanager
def correcting(*, on: dt.date, by: Any) -> Iterator[Corrections]:
    """Yield the corrections of the present decision, whose documents are made at its end."""
    key = ("corrections", on, by.pk if by is not None else None)
    with collecting(key, lambda: Corrections(on=on, by=by), Corrections.carry_out) as corrections:
        yield corrections


def follow(agreement: Any, due_before: Sequence[Cycle], *, on: dt.date, by: Any) -> None:
    """After a decision about a subscription: settle, correct, and make the documents."""
    with correcting(on=on, by=by) as corrections:
        corrections.follow(agreement, due_before)
