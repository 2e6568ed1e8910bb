"""The commands of dev.py, as far as they can be tried without a network."""

import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import dev


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(dev.HOUSE / "dev.py"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_without_a_command_it_tells_what_there_is():
    told = call()
    assert told.returncode == 0
    assert "dev.py run" in told.stdout
    assert "dev.py test" in told.stdout


def test_an_unknown_command_is_refused():
    assert call("dance").returncode == 3


def test_a_taken_port_is_said_and_another_one_proposed():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = call("run", "--port", str(port))
    assert refused.returncode == 3
    assert f"Port {port} is taken." in refused.stderr
    assert "dev.py run --port" in refused.stderr


def test_ci_refuses_to_skip_the_browser(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(dev, "find_chromium", lambda: None)
    with pytest.raises(SystemExit) as refused:
        dev.test([])
    assert refused.value.code == 3
    assert "Chromium" in capsys.readouterr().err


def test_a_debian_without_venv_is_told_the_one_line(monkeypatch):
    monkeypatch.setattr(dev.sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(dev, "is_root", lambda: False)
    monkeypatch.setattr(dev.Path, "exists", lambda self: str(self) == "/etc/debian_version")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert dev.how_to_get_venv().endswith(f"Run: sudo apt install python{version}-venv")


def test_a_folder_that_is_no_environment_is_left_alone(monkeypatch, tmp_path, capsys):
    (tmp_path / "letters.txt").write_text("dear")
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev, "PYTHON", tmp_path / "bin" / "python")
    with pytest.raises(SystemExit):
        dev.make_environment()
    assert "move it away" in capsys.readouterr().err
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_what_is_installed_is_installed_again_only_when_its_lock_changes(monkeypatch, tmp_path):
    installed: list[str] = []
    monkeypatch.setattr(dev, "VENV", tmp_path)
    monkeypatch.setattr(dev, "make_environment", lambda: None)
    monkeypatch.setattr(dev, "install", installed.append)
    digests = dict.fromkeys(dev.LOCKS, "one")
    monkeypatch.setattr(dev, "digest_of", lambda lock: digests[lock])

    dev.ensure("requirements-browser.txt")
    dev.ensure("requirements-browser.txt")
    dev.ensure("requirements-test.txt")
    dev.ensure("requirements.txt")
    assert installed == ["requirements-browser.txt"]

    digests["requirements.txt"] = "two"
    dev.ensure("requirements-browser.txt")
    dev.ensure("requirements.txt")
    assert installed == ["requirements-browser.txt", "requirements.txt"]


def test_the_secret_key_of_a_checkout_stays_the_same_and_is_nobody_elses_to_read(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(dev, "HOUSE", tmp_path)
    first = dev.development_key()
    assert len(first) >= 50
    assert dev.development_key() == first
    if os.name == "posix":
        assert (tmp_path / ".dev-secret-key").stat().st_mode & 0o077 == 0


def test_what_the_person_has_set_stays(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@example.com/space")
    monkeypatch.setenv("SECRET_KEY", "mine")
    monkeypatch.delenv("BASE_URL", raising=False)
    settings = dev.development_settings(8123)
    assert settings["DATABASE_URL"] == "postgres://somebody@example.com/space"
    assert settings["SECRET_KEY"] == "mine"
    assert settings["BASE_URL"] == "http://localhost:8123"


@pytest.mark.parametrize("lock", dev.LOCKS)
def test_locks_have_hashes_and_name_no_address(lock):
    text = (dev.HOUSE / lock).read_text()
    assert "://" not in text
    assert not re.search(r"(^|\s)--(index|extra-index|find-links|trusted)", text)
    pinned = [line for line in text.splitlines() if re.match(r"\w", line)]
    assert pinned
    assert all("==" in line for line in pinned)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pinned)


@pytest.mark.parametrize(("lock", "extras"), dev.LOCKS.items())
def test_locks_contain_what_the_project_asks_for(lock, extras):
    project = tomllib.loads((dev.HOUSE / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    names = {re.split(r"[^\w-]", line)[0].lower() for line in wanted}
    assert names <= set(versions(lock))


@pytest.mark.parametrize("lock", [name for name in dev.LOCKS if name != "requirements.txt"])
def test_locks_agree_with_each_other(lock):
    product, larger = versions("requirements.txt"), versions(lock)
    assert {name: larger.get(name) for name in product} == product


def versions(lock: str) -> dict[str, str]:
    """Name and pinned version of everything in a lock."""
    text = (dev.HOUSE / lock).read_text()
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.skipif(not dev.find_postgres(), reason="no PostgreSQL programs on this machine")
def test_the_throwaway_postgresql_leaves_nothing_behind():
    import psycopg

    with dev.throwaway_postgres() as address:
        folder = Path(address.split("host=")[1])
        with psycopg.connect(f"host={folder} user=coworking dbname=postgres") as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert not folder.exists()


def test_side_by_side_all_stop_when_one_ends(tmp_path, capsys):
    waiting = tmp_path / "waiting"
    code = f"open({str(waiting)!r}, 'w').close(); import time; time.sleep(60)"
    started = time.monotonic()
    result = dev.together(
        [
            [sys.executable, "-c", "import time; time.sleep(1); raise SystemExit(4)"],
            [sys.executable, "-c", code],
        ],
        dict(os.environ),
    )
    assert result == 4
    assert time.monotonic() - started < 10
    assert waiting.exists()
    assert "ended by itself (4)" in capsys.readouterr().err


def test_a_first_step_that_fails_stops_what_runs_beside_it_and_starts_nothing_else(
    tmp_path, capsys
):
    never = tmp_path / "never"
    started = time.monotonic()
    result = dev.together(
        [
            [sys.executable, "-c", "import time; time.sleep(60)"],
            [sys.executable, "-c", f"open({str(never)!r}, 'w').close()"],
        ],
        dict(os.environ),
        before=[sys.executable, "-c", "raise SystemExit(5)"],
    )
    assert result == 5
    assert time.monotonic() - started < 10
    assert not never.exists()
    assert "failed: what went wrong stands above" in capsys.readouterr().err


def test_the_slowest_tests_of_all_parts_are_listed_together(tmp_path):
    (tmp_path / "sqlite.durations").write_text('{"tests/a.py::test_a": 2.5, "tests/b.py": 0.1}')
    (tmp_path / "browser.durations").write_text('{"tests/c.py::test_c": 31.04}')
    assert dev.slowest(tmp_path, 2).splitlines()[:3] == [
        "The 2 slowest tests:",
        "  31.0 s  browser     tests/c.py::test_c",
        "   2.5 s  sqlite      tests/a.py::test_a",
    ]
