"""Files that leave the panel: tables as CSV, and many PDFs in one archive. Both are streamed."""

import csv
import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from kit.cells import harmless
from kit.money import round_to


class _Echo:
    """What a writer writes comes back to whoever asked it to."""

    def write(self, text: str) -> str:
        return text


def table(name: str, head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """A CSV file that a spreadsheet opens as it is. Words are made harmless; amounts, days and
    counts are what they are."""
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow([harmless(str(cell)) for cell in head])
        for row in rows:
            yield writer.writerow([_cell(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.date | int):
        return str(value)
    return harmless(str(value))


def amount(value: Decimal, currency: str) -> Decimal:
    """An amount with the decimals of its currency, as a cell."""
    return round_to(value, currency)


def file_name(text: str, ending: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") + ending


class _Pipe:
    """Takes what an archive writes, until it is taken out."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        found, self.parts = b"".join(self.parts), []
        return found


def archive(name: str, files: Iterable[tuple[str, bytes]]) -> StreamingHttpResponse:
    """One archive of many files, sent while it is put together."""

    def parts() -> Iterator[bytes]:
        pipe: Any = _Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as packed:
            for file, content in files:
                packed.writestr(file, content)
                yield pipe.taken()
        yield pipe.taken()

    response = StreamingHttpResponse(parts(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
