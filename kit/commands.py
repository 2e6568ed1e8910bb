"""What every command of the house has in common: words, progress, exit codes.

Exit codes: 0 done; 1 something is wrong in what was checked; 2 done, but some items failed
(they are listed); 3 refused, nothing was done. The last line is the summary; with `--json` it
is one JSON object and nothing else is printed to standard output.
"""

import datetime as dt
import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any, NamedTuple, NoReturn

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError, ProgrammingError

from kit.problems import Refused

DONE, WRONG, PARTLY, REFUSED = 0, 1, 2, 3


class Result(NamedTuple):
    """How a command ended: the sentence on the last line, the figures, the exit code."""

    summary: str
    figures: dict[str, Any] = {}
    code: int = DONE


def a_date(text: str) -> dt.date:
    """Read 2026-11-30 from the command line."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-11-30") from None


def _refuse_arguments(parser: ArgumentParser, message: str) -> NoReturn:
    """Arguments that cannot be are refused like everything else: a sentence, exit code 3."""
    parser.print_usage(sys.stderr)
    parser.exit(REFUSED, f"Refused: {message}\n")


def add_date(parser: ArgumentParser) -> None:
    """The arguments of what goes by the date: `--on`, and `--yes-jump` for one far ahead."""
    parser.add_argument("--on", type=a_date, metavar="DATE", help="as if it were this date")
    parser.add_argument(
        "--yes-jump", action="store_true", help="the date really is that far after the last run"
    )


def _lacks_tables(error: Exception) -> bool:
    """Whether a statement failed because there is no such table or column."""
    state = getattr(error.__cause__, "sqlstate", "")
    return state in ("42P01", "42703") or str(error).startswith(("no such table", "no such column"))


class HouseCommand(BaseCommand):
    """A command that does its work in `work(**options)` and returns a `Result`."""

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any):
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object, for machines"
        )
        if getattr(parser, "called_from_command_line", False):
            parser.error = partial(_refuse_arguments, parser)  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        pass

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options.pop("json")
        self._drawn_at = 0.0
        try:
            result = self.work(**options)
        except Refused as refused:
            text = " ".join(str(problem.text) for problem in refused.problems)
            result = Result(f"Refused: {text}", {"problems": refused.codes}, REFUSED)
        except (OperationalError, ProgrammingError) as error:
            if not _lacks_tables(error):
                raise
            text = "Refused: the database has not been prepared. Run manage.py migrate first."
            result = Result(text, {"problems": ["not_migrated"]}, REFUSED)
        self._wipe()
        if self.as_json:
            figures = {"summary": result.summary, "code": result.code, **result.figures}
            self.stdout.write(json.dumps(figures, cls=DjangoJSONEncoder, ensure_ascii=False))
        else:
            self.stdout.write(result.summary)
        if result.code:
            sys.exit(result.code)

    def work(self, *args: Any, **options: Any) -> Result:
        raise NotImplementedError

    def say(self, text: str) -> None:
        """A line for people; machines do not get it."""
        if not self.as_json:
            self._wipe()
            self.stdout.write(text)

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Show how far a long job is, on standard error; at most twice a second."""
        now = time.monotonic()
        if now - self._drawn_at < 0.5 and done < total:
            return
        self._drawn_at = now
        share = 100 * done // total if total else 100
        line = f"{what} {done:,} of {total:,} ({share} %)".strip()
        if self.stderr.isatty():
            self.stderr.write(f"\r\033[K{line}", ending="")
            self._line_is_open = True
        elif (what, share // 10) != self._told:
            self._told = (what, share // 10)
            self.stderr.write(line)
        self.stderr.flush()

    _line_is_open = False
    _told: tuple[str, int] | None = None

    def _wipe(self) -> None:
        if self._line_is_open:
            self.stderr.write("\r\033[K", ending="")
            self._line_is_open = False
