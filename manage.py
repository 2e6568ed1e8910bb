#!/usr/bin/env python3
"""The operator's door: python3 manage.py COMMAND, with the settings in the environment."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coworking.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.stderr.write(
            "Django is not installed here. On a laptop use python3 dev.py manage instead.\n"
        )
        raise SystemExit(3) from None
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
