"""Three static files are made, not kept: the style sheet, the script and the icons.

`css/house.css` and `js/house.js` are the files of their folders in one, so that a page asks
once; `img/icons.svg` holds the icons that the house uses, taken from the wheel `lucide`. A static
files finder makes them when they are asked for, in development, in tests and in `collectstatic`
alike, so there is nothing to build and nothing to forget.
"""

import re
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

STYLES = "css/house.css"
SCRIPT = "js/house.js"
ICONS_FILE = "img/icons.svg"
MADE = (STYLES, SCRIPT, ICONS_FILE)

ICONS = frozenset(
    """
    alarm-clock archive archive-restore armchair arrow-down arrow-left arrow-right arrow-up
    badge-check badge-percent ban banknote bell book-open briefcase-business building-2 calendar
    calendar-check calendar-clock calendar-days calendar-plus calendar-range calendar-x
    chart-line chart-no-axes-column check chevron-down chevron-left chevron-right chevron-up
    chevrons-up-down circle-alert circle-check circle-pause circle-play circle-question-mark
    circle-user circle-x clock clock-3 coins columns-3 concierge-bell copy credit-card
    door-closed door-open download ellipsis external-link eye file-check file-plus
    file-spreadsheet file-text file-up file-x files flag folder funnel globe grip-vertical
    hand-coins handshake history hourglass house image import inbox info key-round lamp-desk
    laptop layers layout-dashboard layout-grid life-buoy link list list-checks list-filter lock
    lock-open log-in log-out mail mail-check map-pin menu message-square mic minus monitor moon
    move-right package palette panels-top-left paperclip pause pencil percent phone play plus
    presentation printer projector qr-code receipt receipt-text refresh-cw repeat rotate-ccw
    save scale scroll-text search send settings shield shield-alert shield-check shopping-bag
    sliders-horizontal snowflake sparkles square-check square-user star sun tag ticket tickets
    timer trash-2 triangle-alert undo-2 unlink upload user user-check user-cog user-minus
    user-pen user-plus user-round user-round-check user-x users users-round wallet warehouse
    wrench x
    """.split()
)

_DIRECTORY = tempfile.TemporaryDirectory(prefix="coworking-assets-")
_SHAPES = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def _sources(path: str) -> list[Path]:
    """What a file is put together from. Of the styles the order of the layers comes first: layers
    decide who wins, files do not. The theme's script is not among the others: it runs before the
    page is drawn."""
    folder = Path(settings.BASE_DIR) / "static"
    if path == STYLES:
        return sorted(
            folder.glob("css/*.css"), key=lambda file: (file.name != "layers.css", file.name)
        )
    return sorted(file for file in folder.glob("js/*.js") if file.name != "theme.js")


def icon_sprite() -> str:
    """The house's icons as symbols of one SVG. Raises `LookupError` for an unknown icon."""
    archive = resources.files("lucide") / "lucide.zip"
    symbols = []
    with archive.open("rb") as stream, zipfile.ZipFile(stream) as drawings:
        known = set(drawings.namelist())
        for name in sorted(ICONS):
            if f"{name}.svg" not in known:
                raise LookupError(f"lucide draws no icon called {name}")
            drawing = drawings.read(f"{name}.svg").decode()
            shapes = " ".join(_SHAPES.search(drawing)[1].split())  # type: ignore[index]
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg">'
        "<!-- Lucide, ISC License, copyright Lucide Contributors -->"
        + "".join(symbols)
        + "</svg>\n"
    )


class MadeFinder(BaseFinder):
    """Finds the made files, making each when it is missing or older than what it is made of."""

    def __init__(self, app_names=None, *args, **kwargs):
        self.storage = FileSystemStorage(location=_DIRECTORY.name)

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        if path not in MADE:
            return []
        found = str(_made(path))
        return [found] if find_all else found

    def list(self, ignore_patterns) -> Iterator[tuple[str, FileSystemStorage]]:
        for path in MADE:
            _made(path)
            yield path, self.storage


def _made(path: str) -> Path:
    target = Path(_DIRECTORY.name) / path
    sources = [] if path == ICONS_FILE else _sources(path)
    newest = max((source.stat().st_mtime for source in sources), default=0)
    if not target.exists() or target.stat().st_mtime <= newest:
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (
            "\n".join(source.read_text(encoding="utf-8") for source in sources)
            if sources
            else icon_sprite()
        )
        # Written aside and moved, so that nobody is served half a file.
        aside = target.with_name(f"{target.name}.{threading.get_ident()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(target)
    return target
