from billing import sending
from billing.runs import Report, run_billing
from kit.commands import DONE, PARTLY, HouseCommand, Result, a_date
from kit.templatetags.house import money


class Command(HouseCommand):
    help = (
        "Do every billing date that has come and is not done: fees are charged, invoices issued "
        "and sent, or left as drafts where the location says so. Safe to repeat, to kill, and to "
        "run twice at once. With --dry-run nothing is stored, and the date may lie ahead."
    )

    def add_arguments(self, parser):
        parser.add_argument("--on", type=a_date, metavar="DATE", help="as if it were this date")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def work(self, *, on, dry_run, **options) -> Result:
        report = run_billing(
            on=on, dry_run=dry_run,
            progress=lambda done, total: self.progress(done, total, "accounts"),
        )  # fmt: skip
        for (name, currency), amount in sorted(report.by_plan.items()):
            self.say(f"{money(amount, currency):>14}  {name}")
        for outcome, number in sorted(report.skipped.items()):
            self.say(f"{number:>14,}  skipped: {outcome}")
        for (customer, _location), error in sorted(report.failed.items()):
            self.say(f"Customer {customer} was not billed: {error}")
        if not dry_run:
            written = 0
            while count := sending.write_due():
                written += count
                self.progress(written, report.invoiced, "letters")
        return Result(summary(report, dry_run), figures(report), PARTLY if report.failed else DONE)


def summary(report: Report, dry_run: bool) -> str:
    sums = ", ".join(money(sum_, currency) for currency, sum_ in sorted(report.totals.items()))
    made = report.invoiced + report.drafted
    would = "would be " if dry_run else ""
    kind = "drafted" if report.drafted and not report.invoiced else "issued"
    return (
        f"{made} invoices {would}{kind}{f', {sums}' if sums else ''}; "
        f"{report.accounts} accounts, {len(report.failed)} failed."
    )


def figures(report: Report) -> dict:
    return {
        "run": report.run.pk if report.run else None,
        "accounts": report.accounts,
        "invoiced": report.invoiced,
        "drafted": report.drafted,
        "totals": {currency: str(total) for currency, total in report.totals.items()},
        "by_plan": [[name, currency, str(sum_)]
                    for (name, currency), sum_ in sorted(report.by_plan.items())],
        "skipped": dict(report.skipped),
        "failed": {str(key[0]): text for key, text in report.failed.items()},
    }  # fmt: skip
