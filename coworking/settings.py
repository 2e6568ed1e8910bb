"""Settings, from the environment only. The README lists each with its default.

A value that cannot be right stops the start with one sentence and exit code 3: a space that
runs with half of its settings is worse than one that does not run.
"""

import sys
from contextlib import suppress
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from environ import Env

from kit.domains import ascii_domain

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()


def refuse(sentence: str) -> NoReturn:
    """Stop the start with a sentence that a person can act on."""
    sys.stderr.write(f"Coworking cannot start: {sentence}\n")
    raise SystemExit(3)


def flag(name: str, *, default: bool) -> bool:
    """Read on or off; a typing mistake is refused, not taken for off."""
    value = env.str(name, default="").strip().lower()
    if value in ("on", "true", "yes", "1"):
        return True
    if value in ("off", "false", "no", "0"):
        return False
    if value:
        refuse(f"{name} is {value!r}, but must be on or off.")
    return default


def number(name: str, *, default: int, most: int) -> int:
    """Read a whole number from 0 to `most`."""
    value = env.str(name, default="").strip() or str(default)
    if not value.isdecimal() or int(value) > most:
        refuse(f"{name} is {value!r}, but must be a whole number from 0 to {most}.")
    return int(value)


def needed(name: str, *, in_development: str, example: str) -> str:
    """Read a text that only development may leave out."""
    value = env.str(name, default="").strip()
    if not value and not DEBUG:
        refuse(f"{name} is not set. Example: {example}")
    return value or in_development


def words(name: str, *, default: list[str]) -> list[str]:
    """Read a list separated by commas."""
    return [
        word.strip() for word in env.str(name, default="").split(",") if word.strip()
    ] or default


def in_ascii(name: str, domain: str) -> str:
    """Return a domain as browsers and mail servers send it."""
    try:
        return ascii_domain(domain)
    except ValueError:
        refuse(f"{name} names {domain!r}, which is no domain.")


# What it is: a laptop that develops, or a space that lives from it.

DEBUG = flag("DEBUG", default=False)

SECRET_KEY = needed(
    "SECRET_KEY",
    in_development="for-development-only-" + "x" * 40,
    example="SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')",
)
if not DEBUG and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or "development" in SECRET_KEY):
    refuse(
        "SECRET_KEY is too short or a default one. Make one with "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS", default=[])

# Where it lives. Everything about addresses follows from BASE_URL unless said otherwise.

BASE_URL = needed(
    "BASE_URL",
    in_development="http://localhost:8000",
    example="BASE_URL=https://members.example.com",
).rstrip("/")
_address = urlsplit(BASE_URL)
try:
    _host, _port = _address.hostname or "", _address.port
except ValueError:
    _host, _port = "", None
if _address.scheme not in ("http", "https") or not _host or _address.path or _address.query:
    refuse(f"BASE_URL is {BASE_URL!r}, but must look like https://members.example.com")
if not _host.isascii():
    _host = in_ascii("BASE_URL", _host)
    BASE_URL = f"{_address.scheme}://{_host}" + (f":{_port}" if _port else "")
    _address = urlsplit(BASE_URL)
_loopback = _host in ("localhost", "127.0.0.1", "::1") or _host.endswith(".localhost")
HTTPS = _address.scheme == "https"
if not (DEBUG or HTTPS or _loopback):
    refuse(f"BASE_URL is {BASE_URL!r}, but must start with https:// (http only on this machine).")

# Loopback names are always allowed, so that health checks on the machine itself get an answer.
ALLOWED_HOSTS = [
    *(
        "." * name.startswith(".") + in_ascii("ALLOWED_HOSTS", name.removeprefix("."))
        for name in words("ALLOWED_HOSTS", default=[_host])
    ),
    ".localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = words(
    "CSRF_TRUSTED_ORIGINS", default=[f"{_address.scheme}://{_address.netloc}"]
)
for _origin in CSRF_TRUSTED_ORIGINS:
    if not _origin.startswith(("http://", "https://")):
        refuse(f"CSRF_TRUSTED_ORIGINS has {_origin!r}, but each must start with https://")

# How many proxies stand between the internet and this process, for the visitor's real address.
TRUSTED_PROXIES = number("TRUSTED_PROXIES", default=0, most=10)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

ROOT_URLCONF = "coworking.urls"
WSGI_APPLICATION = "coworking.wsgi.application"

INSTALLED_APPS = [
    "coworking",
    "portal",
    "panel",
    "bookings",
    # After bookings, in this order their receivers hear: what is owed follows from what is booked.
    "billing",
    "plans",
    "customers",
    "spaces",
    "kit",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "django.forms",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    *(["whitenoise.runserver_nostatic"] if DEBUG else []),
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "coworking.middleware.NoNul",
    "coworking.middleware.PrivatePages",
    "customers.doors.SignInFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kit.policies.PolicyMiddleware",
    "coworking.middleware.HousePages",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "spaces.context.space",
                "panel.navigation.navigation",
            ],
        },
    },
]
# Forms are drawn by templates/django/forms, which stand before Django's own.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# The database: one file for trying and for a small space, PostgreSQL for the rest.


def database() -> dict[str, Any]:
    """Read DATABASE_URL and add what each engine needs to be trusted with money."""
    url = needed(
        "DATABASE_URL",
        in_development=f"sqlite:///{BASE_DIR / 'db.sqlite3'}",
        example="DATABASE_URL=postgres://coworking:password@localhost/coworking",
    )
    config: dict[str, Any] = {}
    if url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        # What the library cannot read either is refused below.
        with suppress(Exception):
            config |= env.db_url_config(url)
    options = config.setdefault("OPTIONS", {})
    match config.get("ENGINE"):
        case "django.db.backends.sqlite3" if config["NAME"] != ":memory:":
            config["NAME"] = BASE_DIR / config["NAME"]
            if not config["NAME"].parent.is_dir():
                refuse(f"DATABASE_URL names a file in {config['NAME'].parent}, which is no folder.")
            options |= {
                # A transaction takes the write lock when it begins, so it never fails halfway.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # Before SQLite 3.51.3 a write-ahead log can lose data; FULL survives a power cut.
                "init_command": "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL",
            }
        case "django.db.backends.postgresql":
            pool = number("DATABASE_POOL", default=0, most=1000)
            if pool:
                options["pool"] = {"min_size": min(2, pool), "max_size": pool, "timeout": 15}
            else:
                config["CONN_MAX_AGE"] = 60
                config["CONN_HEALTH_CHECKS"] = True
            config["DISABLE_SERVER_SIDE_CURSORS"] = flag("DATABASE_PGBOUNCER", default=False)
        case _:
            refuse(
                "DATABASE_URL must look like sqlite:////var/lib/coworking/db.sqlite3 "
                "or postgres://user:password@host:5432/name"
            )
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the database, so that throttles hold across processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
}

# A second lock in one transaction is a programmer's mistake: loud in development and in tests.
STRICT_LOCKS = DEBUG

# People and how they sign in.

AUTH_USER_MODEL = "customers.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("full_name", "email")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "portal:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "customers.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "customers.forms.SignInForm",
    "signup": "customers.forms.RegisterForm",
    "add_email": "customers.forms.NewEmailForm",
    "change_password": "customers.forms.NewPasswordForm",
    "set_password": "customers.forms.FirstPasswordForm",
    "reset_password": "customers.forms.ForgottenPasswordForm",
    "reset_password_from_key": "customers.forms.LinkPasswordForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code typed where one registers proves both the address and that it is the same person; a link
# would let whoever opens the mail confirm a password that somebody else has chosen.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "customers.tokens.ResetToken"  # noqa: S105 - a class
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _address.scheme
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "signup": "20/m/ip",
    "confirm_email": "5/180s/key",
    "reset_password": "20/m/ip,5/m/key",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "reauthenticate": "10/m/user",
}

MFA_ADAPTER = "customers.adapter.SecondFactorAdapter"
MFA_FORMS = {
    "activate_totp": "customers.forms.FirstCodeForm",
    "authenticate": "customers.forms.CodeForm",
    "reauthenticate": "customers.forms.CodeAgainForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1

# What the browser is told.

_prefix = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_prefix}session"
CSRF_COOKIE_NAME = f"{_prefix}csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = number("HSTS_SECONDS", default=31_536_000, most=10**9) if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # Sub-domains and the browsers' preload lists belong to the owner of the domain, not to us.
    "security.W005",
    "security.W021",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    },
}

# Language, time and files. Days are those of a location; the process itself thinks in UTC.

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="").strip() or "UTC"
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, ValueError, OSError):
    refuse(f"TIME_ZONE is {TIME_ZONE!r}, which is no time zone. Example: Europe/Vienna")

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default="") or BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "kit.assets.MadeFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
MEDIA_ROOT = BASE_DIR / "media"

# E-mail leaves through the outbox, after the commit of what it speaks of.

# On a laptop without a mail server the site itself shows what would have gone out, at /mail/.
SHOWS_MAIL = DEBUG and not env.str("EMAIL_URL", default="").strip()
try:
    _email = env.email_url_config(
        needed(
            "EMAIL_URL",
            in_development="dummymail://",
            example="EMAIL_URL=smtp+tls://user:password@mail.example.com:587",
        )
    )
except Exception:
    refuse("EMAIL_URL must look like smtp+tls://user:password@mail.example.com:587")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = in_ascii("EMAIL_URL", _email["EMAIL_HOST"] or "localhost")
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_PORT = _email["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_FILE_PATH = _email["EMAIL_FILE_PATH"] or None
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = (
    env.str("DEFAULT_FROM_EMAIL", default="").strip() or f"Coworking <coworking@{_host}>"
)
if "@" not in DEFAULT_FROM_EMAIL:
    refuse(f"DEFAULT_FROM_EMAIL is {DEFAULT_FROM_EMAIL!r}, which is no e-mail address.")
_domain = parseaddr(DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
DEFAULT_FROM_EMAIL = DEFAULT_FROM_EMAIL.replace(
    f"@{_domain}", f"@{in_ascii('DEFAULT_FROM_EMAIL', _domain)}"
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MESSAGE_ID_DOMAIN = _host
OUTBOX_SENDS_AFTER_COMMIT = True

# One line each, to stderr. What people did is data, not log lines.

LOG_LEVEL = (env.str("LOG_LEVEL", default="").strip() or "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    refuse(f"LOG_LEVEL is {LOG_LEVEL!r}, but must be debug, info, warning or error.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # A page that was not found, or not allowed, is an answer and no event.
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
    },
}
