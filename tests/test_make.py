"""What `make` does on machines that lack something: one clear line, and nothing by surprise.

The scripts run with a PATH of stand-ins, so that nothing is installed by these tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.running import ROOT
from tools import assets

TOOLS = ROOT / "tools"
# Stand-ins answer `-c` words by their exit status: too old, or without the venv module.
OLD_PYTHON = 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi'
PYTHON_WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'
RECORD = 'echo "$0 $*" >> "$RECORD"'


class Machine:
    """A folder to run in, and the only programs there are."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.programs = place / "bin"
        self.programs.mkdir(parents=True)
        for name in ("sh", "tee", "chmod", "rm", "touch", "mkdir"):
            (self.programs / name).symlink_to(str(shutil.which(name)))

    def has(self, name: str, script: str = "") -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(self, *command: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.place,
            env={"PATH": str(self.programs), "RECORD": str(self.place / "record"), **extra},
            capture_output=True,
            text=True,
            timeout=300,
        )

    @property
    def record(self) -> str:
        place = self.place / "record"
        return place.read_text() if place.exists() else ""


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path / "a machine")


def test_old_python_is_named_with_the_way_out(machine):
    machine.has("python3", OLD_PYTHON)
    done = machine.run(TOOLS / "environment.sh")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed; found: Python 3.9.2." in done.stderr
    assert "make run PYTHON=" in done.stderr


def test_missing_venv_module_names_its_package(machine):
    machine.has("python3", PYTHON_WITHOUT_VENV)
    done = machine.run(TOOLS / "environment.sh")
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_newer_python_beside_an_old_one_is_found(machine):
    machine.has("python3", OLD_PYTHON)
    machine.has("python3.12", RECORD)
    done = machine.run(TOOLS / "environment.sh")
    assert done.returncode == 0
    assert "python3.12 -m venv --clear .venv" in machine.record


def test_working_environment_is_left_alone(machine):
    (machine.place / ".venv/bin").mkdir(parents=True)
    shutil.copy(machine.programs / "sh", machine.place / ".venv/bin/python")
    machine.has("python3", RECORD)
    (machine.place / ".venv/bin/python").write_text("#!/bin/sh\nexit 0\n")
    done = machine.run(TOOLS / "environment.sh")
    assert (done.returncode, done.stdout, machine.record) == (0, "", "")


def test_missing_npm_is_one_clear_line(machine):
    for name in ("Makefile", "package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, machine.place)
    done = machine.run(str(shutil.which("make")), "node_modules/.installed")
    assert done.returncode != 0
    assert "npm is missing" in done.stderr and "apt-get install nodejs npm" in done.stderr


def complete(machine: Machine, *, but: str = "") -> None:
    for name in {"chromium", "npm", "python3", "redis-server", "initdb", "caddy"} - {but}:
        machine.has(name)


def test_nothing_is_installed_where_nothing_is_missing(machine):
    complete(machine)
    machine.has("apt-get", RECORD)
    done = machine.run(TOOLS / "prerequisites.sh")
    assert (done.returncode, done.stdout, machine.record) == (0, "", "")


def test_no_apt_installs_nothing_and_says_what_is_skipped(machine):
    complete(machine, but="chromium")
    machine.has("apt-get", RECORD)
    done = machine.run(TOOLS / "prerequisites.sh", NO_APT="1")
    assert done.returncode == 0
    assert "Not installed, because NO_APT is set: chromium" in done.stdout
    assert "every test in a browser is skipped" in done.stdout
    assert "sudo apt-get install chromium" in done.stdout
    assert machine.record == ""


def test_without_the_right_to_install_it_says_so(machine):
    complete(machine, but="chromium")
    machine.has("apt-get", RECORD)
    machine.has("id", "echo 1000")
    machine.has("sudo", "exit 1")
    done = machine.run(TOOLS / "prerequisites.sh")
    assert done.returncode == 0
    assert "that needs root or a sudo without password: chromium" in done.stdout
    assert machine.record == ""


def test_root_installs_announced_and_no_service_may_start(machine):
    complete(machine, but="chromium")
    policy = machine.place / "policy-rc.d"
    machine.has("apt-get", f'{RECORD}; cat=$("{policy}"; echo $?); echo "policy $cat" >> "$RECORD"')
    machine.has("id", "echo 0")
    done = machine.run(TOOLS / "prerequisites.sh", POLICY=str(policy))
    assert done.returncode == 0, done.stderr
    assert "Installing for the tests, with apt-get (NO_APT=1 skips this): chromium" in done.stdout
    assert "install -y -qq --no-install-recommends chromium" in machine.record
    assert machine.record.count("policy 101") == 2
    assert not policy.exists(), "what was put there for the installation is taken away again"


def test_services_are_installed_without_a_database_of_their_own(machine):
    complete(machine, but="initdb")
    (machine.programs / "redis-server").unlink()
    clusters = machine.place / "clusters"
    machine.has("apt-get", RECORD)
    machine.has("id", "echo 0")
    places = {"POSTGRESQL": str(machine.place), "CLUSTERS": str(clusters)}
    done = machine.run(TOOLS / "prerequisites.sh", POLICY=str(machine.place / "policy"), **places)
    assert done.returncode == 0, done.stderr
    assert "--no-install-recommends redis-server postgresql" in machine.record
    assert (clusters / "createcluster.conf").read_text() == "create_main_cluster = false\n"


def test_postgres_of_debian_is_found_out_of_the_path(machine):
    complete(machine, but="initdb")
    programs = machine.place / "postgresql" / "15" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").symlink_to(str(shutil.which("true")))
    done = machine.run(TOOLS / "prerequisites.sh", POSTGRESQL=str(programs.parent.parent))
    assert (done.returncode, done.stdout) == (0, "")


def test_failed_installation_does_not_stop_the_tests(machine):
    complete(machine, but="chromium")
    machine.has("apt-get", "exit 100")
    machine.has("id", "echo 0")
    done = machine.run(TOOLS / "prerequisites.sh", POLICY=str(machine.place / "policy"))
    assert done.returncode == 0
    assert "apt-get could not install them" in done.stdout
    assert "every test in a browser is skipped" in done.stdout


def test_what_is_missing_skips_a_test_here_and_fails_it_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs redis: apt-get"):
        needs("redis", None, "apt-get")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs redis: apt-get"):
        needs("redis", None, "apt-get")
    needs("redis", "/usr/bin/redis-server", "apt-get")


def test_lock_file_names_no_host():
    lock = (ROOT / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') == 6


def test_every_icon_on_a_page_is_in_the_sprite():
    listed = set(assets.icon_names(assets.ICONS.read_text("utf-8")))
    used = set()
    for page in (ROOT / "templates").rglob("*.html"):
        used |= set(re.findall(r'"icon\.html" with name="([\w-]+)"', page.read_text("utf-8")))
    assert used <= listed


def test_unknown_icon_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "MODULES", tmp_path)
    (tmp_path / "lucide-static" / "icons").mkdir(parents=True)
    with pytest.raises(ValueError, match="'no-such-icon', which Lucide does not have"):
        assets.sprite(["no-such-icon"])


def test_right_file_is_left_alone(tmp_path):
    place = tmp_path / "folder" / "a.txt"
    assert assets.put(place, b"one")
    before = place.stat().st_mtime_ns
    assert not assets.put(place, b"one")
    assert place.stat().st_mtime_ns == before
    assert assets.put(place, b"two")
    assert sorted(os.listdir(place.parent)) == ["a.txt"]
