import sys

from django.core.management.commands.migrate import Command as Migrate

from coworking import versions
from kit.commands import REFUSED


class Command(Migrate):
    help = f"{Migrate.help} A database of another version is refused (exit code 3)."

    def handle(self, *args, **options):
        reason = versions.why_unusable(options["database"])
        if reason:
            self.stderr.write(f"Refused: {reason}")
            sys.exit(REFUSED)
        return super().handle(*args, **options)
