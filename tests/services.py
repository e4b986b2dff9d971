"""A real Redis and a real Postgres of the tests' own, on free ports and in temporary folders.

Nothing of this machine's own services is read or touched; what is started here is stopped here.
Postgres refuses to run as root, so root starts it as the user that Debian's package made for it.
`python -m tests.services COMMAND…` runs a command with DATABASE_URL and REDIS_URL set to both.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.running import free_port

START_S = 120.0
STOP_S = 20.0
POSTGRES_USER = "postgres"
# What a crash of this machine would lose is no loss here, and without it tests write far faster.
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


class DoesNotStart(Exception):
    """The service ended, or stayed silent; the text is what it printed."""


def redis_program() -> str | None:
    return shutil.which("redis-server")


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl: the newest one of Debian's, or wherever PATH has them."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = max(debian, key=lambda path: float(path.parent.parent.name), default=None)
    elsewhere = shutil.which("initdb")
    if found is None and elsewhere is None:
        return None
    return (found or Path(str(elsewhere)).resolve()).parent


def user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name), grp.getgrnam(name)
    except KeyError:
        return False
    return True


def redis_answers(port: int) -> bool:
    """Whether a Redis on this port takes commands; while it loads its file it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


class Service(ABC):
    """A server with a folder of its own; `with` starts it, and stops it after."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="pulse-"))
        self.log = self.place / "log"
        self.port = free_port()

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None: ...

    def restart(self) -> None:
        """Down and up again on the same port, as an update of the machine would do it."""
        self.stop()
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.remove()


class Redis(Service):
    """redis-server without persistence; `options` go after, so that a test may turn it on."""

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.place), "--save", "", "--appendonly", "no", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while not redis_answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise DoesNotStart(f"redis-server:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Postgres(Service):
    """A cluster of its own with one empty database, reached over loopback without a password."""

    def __init__(self) -> None:
        super().__init__()
        self.programs = postgres_programs() or Path()
        self.cluster = self.place / "cluster"
        self.as_root = os.geteuid() == 0
        self.running = False
        if self.as_root:
            shutil.chown(self.place, POSTGRES_USER, POSTGRES_USER)

    @property
    def url(self) -> str:
        return f"postgres://{POSTGRES_USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        if not self.cluster.exists():
            self.run("initdb", "-D", str(self.cluster), "-U", POSTGRES_USER, "-A", "trust", "-E",
                     "UTF8", "--locale=C", "--no-sync")  # fmt: skip
        options = {**CARELESS, "port": str(self.port), "listen_addresses": "127.0.0.1",
                   "unix_socket_directories": str(self.place)}  # fmt: skip
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self.ctl("start", "-w", "-t", f"{START_S:.0f}", "-l", str(self.log), "-o", words)
        self.running = True

    def stop(self) -> None:
        if self.running:
            self.ctl("stop", "-w", "-m", "fast")
            self.running = False

    def ctl(self, *words: str) -> None:
        self.run("pg_ctl", "-D", str(self.cluster), *words)

    def run(self, program: str, *words: str) -> None:
        command = [str(self.programs / program), *words]
        if self.as_root:
            command = ["runuser", "-u", POSTGRES_USER, "--", *command]
        # Into a file: pg_ctl leaves a server behind, which would hold a pipe open for ever.
        said = self.place / "said"
        with said.open("wb") as out:
            done = subprocess.run(
                command, cwd=self.place, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        if done.returncode:
            log = self.log.read_text() if self.log.exists() else ""
            raise DoesNotStart(f"{program}:\n{said.read_text()}{log}")


def main(command: list[str]) -> int:
    """Run the command beside a Redis and a Postgres of its own; its exit status is ours."""
    absent = [
        name
        for name, there in (("redis-server", redis_program()), ("postgresql", postgres_programs()))
        if not there
    ]
    if absent:
        print(f"Not run on the second shape: no {' and no '.join(absent)} here.")
        return int(os.environ.get("CI", "").lower() in ("1", "true"))
    # Told to end, we end as ever: subprocess.run takes the command along, `with` both services.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Redis() as redis, Postgres() as postgres:
        engines = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        return subprocess.run(command, env={**os.environ, **engines}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
