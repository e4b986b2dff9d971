"""A real server in a process of its own, on a free port and a data folder of its own.

Channels' live test server needs fork and an in-memory database, which do not go together, so
whatever needs a served page starts `manage.py serve` as anybody would.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_S = 120
STOP_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(data: Path, **extra: str) -> dict[str, str]:
    """This process's variables, with a data folder of its own and the product's own settings."""
    return {
        **os.environ,
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "classroom.settings",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


def manage(data: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one manage.py command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment(data, **extra),
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Served:
    """`manage.py serve` while it runs: its address, its data folder, what it has printed."""

    data: Path
    extra: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    program: tuple[str, ...] = ("manage.py", "serve")

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = self.data / "serve.log"
        self.process = self._start()

    @property
    def url(self) -> str:
        scheme = "https" if "--https" in self.options else "http"
        return f"{scheme}://localhost:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def setup_link(self) -> str:
        found = re.search(r"\S+/setup/\S+", self.output)
        assert found, f"no set-up link in:\n{self.output}"
        return found[0]

    def manage(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """A manage.py command on the same data, while the server runs."""
        return manage(self.data, *words, **{**self.extra, **extra})

    def wait(self) -> Served:
        """Until it has said where it is, which it does once its port is open."""
        deadline = time.monotonic() + START_S
        while "Classroom Pulse is at" not in self.output:
            assert self.process.poll() is None, f"serve ended:\n{self.output}"
            assert time.monotonic() < deadline, f"serve does not start:\n{self.output}"
            time.sleep(0.05)
        return self

    def stop(self) -> float:
        """SIGTERM, as a service manager sends it; the seconds it took to end well."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, f"ended {self.process.returncode}:\n{self.output}"
        return time.monotonic() - began

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, *self.program, "--port", str(self.port), *self.options]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(self.data, **self.extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
