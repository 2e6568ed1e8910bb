"""Settings of the tests: the product's own, with what would make them slow or loud taken out."""

import os
import tempfile

os.environ |= {
    "DEBUG": "on",
    "SECRET_KEY": "a-key-for-tests-" + "0123456789" * 4,
    "BASE_URL": "http://testserver",
    "EMAIL_URL": "memorymail://",
    "LOG_LEVEL": "warning",
}
for name in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL", "TIME_ZONE"):
    os.environ.pop(name, None)
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or "sqlite:///db.sqlite3"

from coworking.settings import *  # noqa: E402, F403
from coworking.settings import DATABASES  # noqa: E402
from dev import in_memory  # noqa: E402

# Several people may test on one machine: each run has a database of its own.
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # In a file, as in life: an in-memory database is shared by threads and locks differently.
    _folder = in_memory() or tempfile.gettempdir()
    _database["TEST"] = {"NAME": f"{_folder}/coworking-test-{os.getpid()}.sqlite3"}
    _database["OPTIONS"]["init_command"] = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF"
else:
    _database["TEST"] = {"NAME": f"test_coworking_{os.getpid()}"}
    # A connection that a thread leaves open would keep the test database from being dropped.
    _database["CONN_MAX_AGE"] = 0

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STRICT_LOCKS = True
OUTBOX_SENDS_AFTER_COMMIT = False
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
