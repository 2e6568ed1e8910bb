from pathlib import Path

from coworking import export
from kit.commands import HouseCommand, Result


class Command(HouseCommand):
    help = (
        "Write the whole space into a new folder as open files: one CSV per table and a "
        "manifest. Password hashes and personal data are in it: keep it like a backup."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")

    def work(self, *, folder, **options) -> Result:
        manifest = export.export(
            folder, progress=lambda done, total: self.progress(done, total, "rows")
        )
        tables = manifest["tables"]
        rows = sum(table["rows"] for table in tables.values())
        return Result(
            f"Wrote {rows:,} rows of {len(tables)} tables to {folder}.",
            {"folder": str(folder), "tables": len(tables), "rows": rows},
        )
