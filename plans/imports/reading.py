"""Bytes to a table: encodings, separators, quoted line breaks; one clear message when it fails."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from kit.problems import Problem, Refused

MOST_BYTES = 50 * 1024 * 1024
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
csv.field_size_limit(1024 * 1024)


class Line(NamedTuple):
    """One row of the file: the line it starts on, and its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A file as it was understood."""

    headers: list[str]
    lines: list[Line]
    encoding: str
    separator: str


def read(content: bytes) -> Table:
    """Read a whole file. Raises `Refused` with one of `file_too_large`, `file_empty`,
    `not_text`, `nul_bytes`, `bad_quotes`, `no_header`, `header_twice`."""
    if len(content) > MOST_BYTES:
        raise _refused("file_too_large", _("The file is larger than 50 MB."))
    text, encoding = decode(content)
    separator, text = _separator(text)
    lines = list(_lines(text, separator))
    if not lines:
        raise _refused("file_empty", _("The file is empty."))
    headers = [header.strip() for header in lines[0].cells]
    while headers and not headers[-1]:
        headers.pop()
    if not headers or any("@" in header for header in headers):
        raise _refused(
            "no_header", _("The first line must name the columns, such as full_name and email.")
        )
    named = [header.casefold() for header in headers if header]
    if twice := next((header for header in named if named.count(header) > 1), None):
        raise _refused("header_twice", _("Two columns are called “%s”.") % twice)
    return Table(headers, lines[1:], encoding, separator)


def decode(content: bytes) -> tuple[str, str]:
    """The text of a file and its encoding: UTF-8, UTF-16 (with its mark) or Windows-1252."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            candidates = [encoding]
            break
    else:
        candidates = ["utf-8", "cp1252"]
    if content.startswith((b"PK\x03\x04", b"%PDF", b"GIF8", b"\x89PNG", b"\xd0\xcf\x11\xe0")):
        raise _refused(
            "not_text", _("This is no CSV file. If it is a spreadsheet, save it as CSV first.")
        )
    if candidates[0] != "utf-16" and b"\0" in content:
        raise _refused("nul_bytes", _("The file has NUL bytes: it is no text file."))
    for encoding in candidates:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise _refused("nul_bytes", _("The file has NUL bytes: it is no text file."))
        return text, encoding
    raise _refused("not_text", _("The file is no text in UTF-8, UTF-16 or Windows-1252."))


def _separator(text: str) -> tuple[str, str]:
    """The separator that the first line uses most, outside quotes; Excel's own hint is obeyed."""
    if hint := re.match(r"sep=(.)\r?\n", text):
        return (hint[1] if hint[1] in SEPARATORS else ","), text[hint.end() :]
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count), text


def _lines(text: str, separator: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Line(start, cells)
            start = reader.line_num + 1
    except csv.Error:
        raise _refused(
            "bad_quotes",
            _("The quotation marks from line %d on do not fit together.") % start,
        ) from None


def _refused(code: str, text: str) -> Refused:
    return Refused(Problem(code, text, "file"))
