"""Both engines keep the same books, to the last byte."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from tests.billing.program import digest

pytestmark = pytest.mark.django_db
SEED = 6

# In a process of its own, on a database of its own.
ON_SQLITE = f"""
import django
django.setup()
from django.test.utils import get_runner
from django.conf import settings
runner = get_runner(settings)(verbosity=0, interactive=False)
made = runner.setup_databases()
try:
    from tests.billing.program import digest
    print("digest", digest({SEED}))
finally:
    runner.teardown_databases(made)
"""


@pytest.mark.skipif(connection.vendor == "sqlite", reason="PostgreSQL asks SQLite")
def test_the_same_life_leaves_the_same_books_on_both_engines(house):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment.pop("TEST_DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", ON_SQLITE], cwd=house, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"digest {digest(SEED)}" in done.stdout
