"""The second shape as it runs: Postgres, Redis, web processes and workers, all real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import ROOT, START_S, STOP_S, Served, environment
from tests.services import Postgres, Redis

SAYS = "The worker reads snapshots"


@dataclass
class Worker:
    """`manage.py emotionworker` while it runs."""

    data: Path
    extra: dict[str, str]

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = self.data / "worker.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "emotionworker"],
                cwd=ROOT,
                env=environment(self.data, **self.extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> Worker:
        deadline = time.monotonic() + START_S
        while SAYS not in self.output:
            assert self.process.poll() is None, f"the worker ended:\n{self.output}"
            assert time.monotonic() < deadline, f"the worker does not start:\n{self.output}"
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """As a machine that fails: nothing is finished, nothing is said."""
        self.process.kill()
        self.process.wait(STOP_S)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_S)
        assert self.process.returncode == 0, self.output


@dataclass
class School:
    """Everything on one machine; the engines' addresses go to every process."""

    place: Path
    redis: Redis
    postgres: Postgres
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.webs: list[Served] = []
        self.workers: list[Worker] = []

    @property
    def extra(self) -> dict[str, str]:
        return {
            "EXPRESSION_ANALYSIS": "on",
            "SECRET_KEY": "one key for all processes of this school, long enough",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            **self.settings,
        }

    def web(self) -> Served:
        one = Served(data=self.place / f"web{len(self.webs)}", extra=self.extra)
        self.webs.append(one)
        return one

    def worker(self) -> Worker:
        one = Worker(self.place / f"worker{len(self.workers)}", self.extra)
        self.workers.append(one)
        return one

    def open(self, webs: int = 2, workers: int = 2) -> School:
        """Start them all at once, as a machine that was switched on does."""
        for one in [self.web() for _ in range(webs)]:
            one.wait()
        for other in [self.worker() for _ in range(workers)]:
            other.wait()
        return self

    def close(self) -> None:
        for one in [*self.workers, *self.webs]:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.stop()
