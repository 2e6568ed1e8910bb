from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from kit import clock
from kit.commands import DONE, PARTLY, HouseCommand, Result
from kit.problems import Problem, Refused
from plans.imports import applying, undoing
from plans.imports.columns import COLUMNS, CUSTOM, DATES, guess, valid_mapping
from plans.imports.planning import Planner
from plans.imports.reading import MOST_BYTES, Table, read
from plans.models import CustomerImport
from plans.models.imports import ImportRow
from spaces.models import Location


class Command(HouseCommand):
    help = (
        "Import customers, and the contracts that they signed, from a CSV file. Look at the rows "
        "first with --dry-run. Importing a file twice changes nothing the second time; an import "
        "is undone as a whole with --undo."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="show each row, store nothing")
        parser.add_argument(
            "--all-or-nothing", action="store_true", help="one bad row, and nothing is imported"
        )
        parser.add_argument(
            "--map", action="append", default=[], metavar="THEIRS=OURS", dest="mapping",
            help="what a header means: one of our columns, custom, or nothing to ignore it",
        )  # fmt: skip
        parser.add_argument(
            "--dates", choices=list(DATES), default="iso", help="the form of dates (iso)"
        )
        parser.add_argument("--location", metavar="L", help="where rows belong that do not say")
        parser.add_argument("--undo", type=int, metavar="ID", help="take back an earlier import")

    def work(self, *, file, undo, dry_run, all_or_nothing, mapping, dates, location, **options):
        if undo is not None:
            return self.undo(undo)
        if file is None:
            raise Refused(Problem("no_file", _("Name a file.")))
        try:
            if file.stat().st_size > MOST_BYTES:
                raise Refused(Problem("file_too_large", _("The file is larger than 50 MB.")))
            content = file.read_bytes()
        except OSError as error:
            text = _("%(file)s cannot be read: %(why)s.")
            raise Refused(
                Problem("no_file", text % {"file": file, "why": error.strerror})
            ) from None
        table = read(content)
        where = self.location(location)
        chosen = self.mapping(table, mapping)
        self.say_columns(table, chosen)
        if dry_run:
            return self.dry_run(table, chosen, dates, where)
        return self.apply(file.name, content, table, chosen, dates, where, all_or_nothing)

    def location(self, name: str | None) -> Location | None:
        if name is None:
            return None
        found = Location.objects.filter(name__iexact=name.strip()).first()
        if found is None:
            raise Refused(Problem("unknown_location", _("There is no location “%s”.") % name))
        return found

    def mapping(self, table: Table, pairs: list[str]) -> dict[str, str]:
        chosen = guess(table.headers)
        for pair in pairs:
            theirs, equals, ours = pair.rpartition("=")
            if not equals:
                text = _("--map %s lacks the =; write --map THEIRS=OURS.") % pair
                raise Refused(Problem("bad_mapping", text))
            header = next((h for h in table.headers if h.casefold() == theirs.casefold()), theirs)
            for other, column in chosen.items():
                if column == ours and ours != CUSTOM:
                    chosen[other] = ""
            chosen[header] = ours
        try:
            return valid_mapping(table.headers, chosen)
        except ValidationError as error:
            raise Refused(Problem("bad_mapping", " ".join(error.messages))) from None

    def say_columns(self, table: Table, mapping: dict[str, str]) -> None:
        self.say(f"Read as {table.encoding}, {len(table.lines):,} rows.")
        for header in table.headers:
            column = mapping[header]
            meaning = COLUMNS.get(column) or ("custom value" if column == CUSTOM else "ignored")
            self.say(f"  {header} → {meaning}")

    def dry_run(self, table: Table, mapping, dates, location) -> Result:
        planner = Planner(table, mapping, dates=dates, location=location, dry_run=True)
        counts = dict.fromkeys(ImportRow.Action.values, 0)
        problems, teams = [], 0
        for start in range(0, len(table.lines), applying.CHUNK):
            for plan in planner.plan(table.lines[start : start + applying.CHUNK]):
                counts[plan.action] += 1
                problems += [{"line": plan.line.number, **problem} for problem in plan.problems]
                teams += plan.team_is_new
                self.say_row(
                    plan.line.number, plan.action, plan.name, plan.changes(), plan.problems
                )
            done = min(start + applying.CHUNK, len(table.lines))
            self.progress(done, len(table.lines), "rows")
        figures = {**counts, "new_teams": teams, "problems": problems}
        text = f"Dry run, nothing stored: {_words(counts)}."
        return Result(text, figures, PARTLY if counts["error"] else DONE)

    def say_row(self, line: int, action: str, name: str, changes, problems) -> None:
        if action in (ImportRow.Action.SAME, ImportRow.Action.CREATE):
            self.say(f"{line:>6}  {action:<7} {name}")
        else:
            self.say(f"{line:>6}  {action:<7} {name}")
            for change in changes if action == ImportRow.Action.UPDATE else ():
                self.say(f"{'':>16}{change['column']}: {change['old'] or '–'} → {change['new']}")
        for problem in problems:
            value = f" “{problem['value']}”" if problem["value"] else ""
            self.say(f"{'':>16}{problem['column']}{value}: {problem['text']}")

    def apply(self, name, content, table, mapping, dates, location, all_or_nothing) -> Result:
        made = CustomerImport.objects.create(
            file_name=name,
            content=content,
            headers=table.headers,
            mapping=mapping,
            dates=dates,
            location=location,
            all_or_nothing=all_or_nothing,
            total=len(table.lines),
            state=CustomerImport.State.TO_APPLY,
            leased_until=clock.now() + applying.LEASE,
        )
        applying.apply(made, lambda done, total: self.progress(done, total, "rows"))
        counts = made.counts()
        for row in made.rows.filter(action=ImportRow.Action.ERROR):
            self.say_row(row.line, row.action, row.name, [], row.problems)
        problems = [
            {"line": row.line, **problem}
            for row in made.rows.filter(action=ImportRow.Action.ERROR)
            for problem in row.problems
        ]
        figures = {"import": made.pk, **counts, "problems": problems}
        if made.state == CustomerImport.State.REFUSED:
            return Result(
                f"Nothing was imported: {counts['error']} rows are wrong.", figures, PARTLY
            )
        text = f"Import {made.pk}: {_words(counts)}."
        return Result(text, figures, PARTLY if counts["error"] else DONE)

    def undo(self, key: int) -> Result:
        made = CustomerImport.objects.filter(pk=key).first()
        if made is None:
            raise Refused(Problem("no_import", _("There is no import %d.") % key))
        undoing.undo(made, by=None)
        return Result(f"Import {key} is undone.", {"import": key})


def _words(counts: dict[str, int]) -> str:
    return (
        f"{counts['create']:,} new, {counts['update']:,} changed, {counts['same']:,} the same, "
        f"{counts['error']:,} wrong"
    )
