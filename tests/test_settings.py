"""Settings refuse what cannot be right, with one sentence, before anything starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PRODUCTION = {
    "SECRET_KEY": "kF3-vq9Zr7Xw1LmT0pYb5NcHs8GdJeRuQa2iOo6VxBy4WnEtUz_MlKj",
    "BASE_URL": "https://members.example.com",
    "DATABASE_URL": "postgres://coworking:secret@db.example.com:5432/coworking",
    "EMAIL_URL": "smtp+tls://coworking:secret@mail.example.com:587",
}
SHOWN = """
import json, sys
from coworking import settings
names = sys.argv[1:]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def start(house: Path, names: tuple[str, ...] = (), /, **environment: str | None):
    """Load the settings in a process of their own; None takes a variable away."""
    wanted = {**PRODUCTION, **environment}
    return subprocess.run(
        [sys.executable, "-c", SHOWN, *names],
        env={name: value for name, value in wanted.items() if value is not None},
        cwd=house,
        capture_output=True,
        text=True,
    )


def settings(house: Path, *names: str, **environment: str | None) -> dict:
    done = start(house, names, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_refuses_to_start_without_what_it_needs(house, name):
    refused = start(house, **{name: None})
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"Coworking cannot start: {name} is not set.")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "x" * 60),
        ("SECRET_KEY", "for-development-only-" + "abcdefghijklmnopqrstuvwxyz0123456789"),
        ("DEBUG", "ture"),
        ("BASE_URL", "members.example.com"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://example.com/members"),
        ("BASE_URL", "http://members.example.com"),
        ("BASE_URL", "https://example.com:port"),
        ("BASE_URL", "https://☃.example"),
        ("CSRF_TRUSTED_ORIGINS", "members.example.com"),
        ("DATABASE_URL", "mysql://coworking@localhost/coworking"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "sqlite:////no/such/folder/db.sqlite3"),
        ("DATABASE_URL", "coworking"),
        ("DATABASE_POOL", "many"),
        ("DATABASE_POOL", "-1"),
        ("DATABASE_PGBOUNCER", "perhaps"),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "pigeon://roof"),
        ("DEFAULT_FROM_EMAIL", "The Riverside House"),
        ("TIME_ZONE", "Vienna"),
        ("TRUSTED_PROXIES", "one"),
        ("HSTS_SECONDS", "year"),
        ("LOG_LEVEL", "chatty"),
    ],
)
def test_a_wrong_value_is_refused_with_one_sentence(house, name, value):
    refused = start(house, **{name: value})
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"Coworking cannot start: {name}")
    assert refused.stderr.count("\n") == 1


def test_addresses_follow_from_the_base_url(house):
    found = settings(
        house, "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL", "MESSAGE_ID_DOMAIN"
    )
    assert found["ALLOWED_HOSTS"][0] == "members.example.com"
    assert "*" not in found["ALLOWED_HOSTS"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://members.example.com"]
    assert found["DEFAULT_FROM_EMAIL"] == "Coworking <coworking@members.example.com>"
    assert found["MESSAGE_ID_DOMAIN"] == "members.example.com"


def test_a_domain_with_an_umlaut_or_sharp_s_is_the_one_that_browsers_ask_for(house):
    found = settings(
        house, "BASE_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL",
        "EMAIL_HOST", "MESSAGE_ID_DOMAIN",
        BASE_URL="https://faß.de:8443", EMAIL_URL="smtp+tls://post:secret@mail.faß.de:587",
    )  # fmt: skip
    assert found["BASE_URL"] == "https://xn--fa-hia.de:8443"
    assert found["ALLOWED_HOSTS"][0] == "xn--fa-hia.de"
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://xn--fa-hia.de:8443"]
    assert found["DEFAULT_FROM_EMAIL"] == "Coworking <coworking@xn--fa-hia.de>"
    assert found["EMAIL_HOST"] == "mail.xn--fa-hia.de"
    assert found["MESSAGE_ID_DOMAIN"] == "xn--fa-hia.de"

    found = settings(
        house, "ALLOWED_HOSTS", "DEFAULT_FROM_EMAIL",
        ALLOWED_HOSTS=".bücher.example,faß.de", DEFAULT_FROM_EMAIL="Faß & Söhne <post@faß.de>",
    )  # fmt: skip
    assert found["ALLOWED_HOSTS"][:2] == [".xn--bcher-kva.example", "xn--fa-hia.de"]
    assert found["DEFAULT_FROM_EMAIL"] == "Faß & Söhne <post@xn--fa-hia.de>"


def test_cookies_in_production_belong_to_the_host_alone(house):
    found = settings(house, "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE")
    assert found == {
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "SESSION_COOKIE_SECURE": True,
    }


def test_production_can_be_tried_on_this_machine_without_https(house):
    found = settings(
        house,
        "SESSION_COOKIE_NAME",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        BASE_URL="http://localhost:8000",
    )
    assert found == {
        "SESSION_COOKIE_NAME": "session",
        "SECURE_SSL_REDIRECT": False,
        "SECURE_HSTS_SECONDS": 0,
    }


def test_sqlite_takes_the_write_lock_at_once_and_survives_a_power_cut(house, tmp_path):
    file = tmp_path / "space.sqlite3"
    found = settings(house, "DATABASES", DATABASE_URL=f"sqlite:///{file}")["DATABASES"]["default"]
    assert found["NAME"] == str(file)
    assert found["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL",
    }


def test_postgresql_keeps_connections_and_asks_whether_they_live(house):
    found = settings(house, "DATABASES")["DATABASES"]["default"]
    assert found["CONN_HEALTH_CHECKS"] is True
    assert found["CONN_MAX_AGE"] == 60
    assert "ATOMIC_REQUESTS" not in found


def test_postgresql_can_be_reached_through_a_pool_or_a_socket(house):
    found = settings(
        house,
        "DATABASES",
        DATABASE_URL="postgres://coworking@/coworking?host=/var/run/postgresql",
        DATABASE_POOL="8",
    )["DATABASES"]["default"]
    assert found["OPTIONS"]["host"] == "/var/run/postgresql"
    assert found["OPTIONS"]["pool"]["max_size"] == 8
    assert "CONN_MAX_AGE" not in found or not found["CONN_MAX_AGE"]


def test_behind_pgbouncer_no_cursor_stays_on_the_server(house):
    found = settings(house, "DATABASES", DATABASE_PGBOUNCER="on")["DATABASES"]["default"]
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_only_a_trusted_proxy_may_say_that_the_visitor_came_by_https(house):
    assert settings(house, "SECURE_PROXY_SSL_HEADER")["SECURE_PROXY_SSL_HEADER"] is None
    behind = settings(house, "SECURE_PROXY_SSL_HEADER", TRUSTED_PROXIES="1")
    assert behind["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_development_needs_no_settings(house):
    found = settings(
        house,
        "DATABASES",
        "EMAIL_BACKEND",
        "STRICT_LOCKS",
        **dict.fromkeys(PRODUCTION),
        DEBUG="on",
    )
    assert found["DATABASES"]["default"]["NAME"] == str(house / "db.sqlite3")
    assert found["EMAIL_BACKEND"].endswith("dummy.EmailBackend")
    assert found["STRICT_LOCKS"] is True


def test_the_policy_of_what_a_page_may_load_lets_nothing_inline_through(house):
    policy = settings(house, "CONTENT_SECURITY_POLICY")["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert policy["default-src"] == ["'none'"]
    assert not any("unsafe" in source for sources in policy.values() for source in sources)


def test_the_readme_lists_every_setting(house):
    source = (house / "coworking" / "settings.py").read_text()
    readme = (house / "README.md").read_text()
    import re

    names = set(re.findall(r'(?:flag|number|needed|words|env\.str)\(\s*"([A-Z_]+)"', source))
    assert len(names) > 12
    assert not [name for name in names if f"| `{name}` |" not in readme]
