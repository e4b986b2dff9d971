"""What a school's installation bears, measured here: joining, reading, sharing, settling.

`make bench-school` starts a Redis and a Postgres of its own in temporary folders, web processes
and workers as anybody would, and loads them with `manage.py loadtest`; all of it, the load too, on
the same two processors. It ends by itself within eight minutes and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.running import Served, environment  # noqa: E402
from tests.school import School  # noqa: E402
from tests.services import Postgres, Redis, postgres_programs, redis_program  # noqa: E402

PROCESSORS = 2
JOINING = 300
OVERLOAD, MOST_OVERLOAD = 4.0, 6.0
PACED_RATE = 2
LEAST_STUDENTS, MOST_STUDENTS = 100, 1000
MOST_S = 460.0
SHARE, PERIOD_S = 0.25, 0.08
SLOWED = "second shape, its worker given a quarter of a processor"
ANALYSIS = {"EXPRESSION_ANALYSIS": "on"}
UNPACED = {"PACE_UNDER_LOAD": "off"}

TWO_WORKERS, SECOND_SHAPE, OLDEST_S = 1.7, 0.8, 3.0


class Unfinished(Exception):
    """A run failed, or the time for all of them is over; what was measured so far is shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must show: what was measured, what was asked, whether it holds."""

    what: str
    measured: str
    asked: str
    holds: bool

    def row(self) -> str:
        return f"| {self.what} | {self.measured} | {self.asked} | {'yes' if self.holds else 'NO'} |"


@dataclass
class Bench:
    place: Path
    scale: float
    ends_at: float
    figures: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    houses: int = 0

    def load(self, name: str, web: Served, *, students: int, seconds: float, **words: Any) -> Any:
        """One `manage.py loadtest` against this web process."""
        seconds = max(min(seconds, 12), seconds * self.scale)
        left_s = self.ends_at - time.monotonic()
        if left_s < seconds + 15:
            raise Unfinished(f"no time was left for: {name}")
        options = {"students": students, "seconds": seconds, "rate": 1, **words}
        said = [f"--{key}={value}" for key, value in options.items() if value is not True]
        said += [f"--{key}" for key, value in options.items() if value is True]
        told(f"{name}: {students} students for {seconds:.0f} s")
        used = spent(web)
        done = run(
            [sys.executable, "manage.py", "loadtest", "--url", web.url, "--json", *said],
            environment(web.data, **web.extra),
            left_s,
        )
        if done is None:
            raise Unfinished(f"the time was over in: {name}")
        if done.returncode:
            raise Unfinished(f"{name} failed: {done.stderr[-600:].strip()}")
        figures = json.loads(done.stdout)
        figures["web_processor_s"] = round(spent(web) - used, 1)
        self.figures[name] = figures
        return figures

    def hold(self, what: str, measured: str, asked: str, holds: bool) -> None:
        self.lines.append(Line(what, measured, asked, holds))
        told(self.lines[-1].row())

    @contextlib.contextmanager
    def embedded(self, **settings: str) -> Iterator[Served]:
        self.houses += 1
        web = Served(self.place / f"one{self.houses}", extra={**ANALYSIS, **settings})
        try:
            yield web.wait()
        finally:
            web.process.kill()
            web.process.wait()

    @contextlib.contextmanager
    def school(self, workers: int, **settings: str) -> Iterator[School]:
        self.houses += 1
        with Redis() as redis, Postgres() as postgres:
            school = School(self.place / f"school{self.houses}", redis, postgres, settings)
            try:
                yield school.open(webs=1, workers=workers)
            finally:
                for one in [*school.workers, *school.webs]:
                    one.process.kill()
                    one.process.wait()


def run(
    command: list[str], variables: dict[str, str], within_s: float
) -> subprocess.CompletedProcess[str] | None:
    """None: it was ended, because it took longer."""
    try:
        return subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=within_s
        )
    except subprocess.TimeoutExpired:
        return None


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def spent(web: Served) -> float:
    """Seconds of a processor that this process has had."""
    cells = Path(f"/proc/{web.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


def read_per_s(figures: dict[str, Any]) -> float:
    """By the queue's own counters: what a student's page heard of could be fewer."""
    return float(figures["window"]["queue_per_s"]["analysed"])


def ratio(one: float, other: float) -> float:
    return one / other if other else 0.0


def measure_reading(bench: Bench) -> dict[str, float]:
    """Everybody offers more than can be read: embedded, one worker, two workers."""
    rates: dict[str, float] = {}
    alone: dict[str, float] = {}
    with bench.embedded(**UNPACED) as web:
        rates["embedded"] = read_per_s(saturate(bench, "embedded reads", web))
        overload(bench, "embedded", web, round(3 * rates["embedded"]))
    with bench.school(1, **UNPACED) as school:
        join(bench, school.webs[0])
        alone["one"] = filled(bench, "one worker, queue filled", school.webs[0])
        with slowed(school.workers[0].process):
            able = read_per_s(saturate(bench, "slowed worker reads", school.webs[0], rate=1))
            overload(bench, SLOWED, school.webs[0], round(1.1 * OVERLOAD * able))
        school.worker().wait()
        alone["two"] = filled(bench, "two workers, queue filled", school.webs[0])
        rates["two"] = read_per_s(saturate(bench, "two workers read", school.webs[0]))
    told(f"per second: {rates}, {alone}")
    doubled = ratio(alone["two"], alone["one"])
    bench.hold(
        "two workers read, against one, with the queue filled and no sockets beside them",
        f"{alone['two']:.1f}/s against {alone['one']:.1f}/s: **{doubled:.2f}**×",
        f"≥ {TWO_WORKERS}×",
        doubled >= TWO_WORKERS,
    )
    kept = ratio(rates["two"], rates["embedded"])
    bench.hold(
        "the second shape reads, against the embedded worker",
        f"{rates['two']:.1f}/s against {rates['embedded']:.1f}/s: **{kept:.2f}**×",
        f"≥ {SECOND_SHAPE}×",
        kept >= SECOND_SHAPE,
    )
    return rates


def join(bench: Bench, web: Served) -> None:
    figures = bench.load("join", web, students=JOINING, seconds=4, window=4)
    bench.hold(
        f"{JOINING} sockets join one web process in the same second",
        f"**{figures['joined']}** in {figures['join_s']} s",
        "all",
        figures["joined"] == JOINING,
    )


def filled(bench: Bench, name: str, web: Served) -> float:
    """Snapshots straight into the queue: the two processors are the workers' but for Redis."""
    figures = bench.load(name, web, students=100, seconds=14, queue=True)
    return float(figures["analysed_per_s"])


def saturate(bench: Bench, name: str, web: Served, rate: float = 2) -> Any:
    return bench.load(name, web, students=240, seconds=16, rate=rate)


@contextlib.contextmanager
def slowed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A quarter of a processor: stopped for three quarters of every 80 ms.

    Four times what a whole worker reads is more than one web process beside it, the load and two
    engines can pass on with two processors; then not the queue would be measured.
    """
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            process.send_signal(signal.SIGSTOP)
            over.wait(PERIOD_S * (1 - SHARE))
            process.send_signal(signal.SIGCONT)
            over.wait(PERIOD_S * SHARE)

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        yield
    finally:
        over.set()
        holding.join()


def overload(bench: Bench, shape: str, web: Served, guess: int) -> None:
    """As many students, one snapshot a second each, as make four times of what is read."""
    students, runs = within(guess), []
    for _ in range(2):
        name = f"{shape}, overloaded by {students}"
        runs.append(bench.load(name, web, students=students, seconds=18))
        times = runs[-1]["window"]["overload"] or 2 * MOST_OVERLOAD
        if OVERLOAD <= times <= MOST_OVERLOAD:
            break
        students = within(round(students * OVERLOAD * 1.1 / times))
    # The one that is nearest to four times, of those that are no less.
    enough = [run for run in runs if (run["window"]["overload"] or 0) >= OVERLOAD]
    figures = min(enough or runs, key=lambda run: run["window"]["overload"] or 0)
    students = figures["students"]
    had = figures["window"]
    bench.hold(
        f"{shape}, pacing off, {students} students, {had['overload']} times too much: readings "
        "of each student in 10 s",
        f"**{had['least']} to {had['most']}**, median {had['median']:g}",
        "the same ± 1, at 4 times",
        bool(had["fair"] and (had["overload"] or 0) >= OVERLOAD),
    )
    bench.hold(
        f"{shape}, the same: oldest reading as it reaches its student",
        f"**{had['oldest_s']} s**",
        f"≤ {OLDEST_S:g} s",
        had["readings"] > 0 and had["oldest_s"] <= OLDEST_S,
    )


def within(students: int) -> int:
    return max(LEAST_STUDENTS, min(MOST_STUDENTS, students))


def settle(bench: Bench, shape: str, web: Served, able: float) -> None:
    """Students who would send four times what was read, and come back when they are asked to."""
    students = within(round(OVERLOAD * able / PACED_RATE))
    words = {"students": students, "rate": PACED_RATE, "paced": True}
    figures = bench.load(f"{shape}, paced", web, seconds=45, **words)
    had, told_ms = figures["window"], figures["told_ms"] or {"median": 0}
    refused = figures["refused_each_10_s"]
    bench.hold(
        f"{shape}, pacing on, {students} students every {1 / PACED_RATE:g} s, that is "
        f"{ratio(students * PACED_RATE, able):.1f} times too much: refused in each 10 s",
        f"**{', '.join(map(str, refused))}**; each asked to come after "
        f"{told_ms['median'] / 1000:.1f} s, {had['offered_per_s']}/s offered, {had['per_s']}/s "
        f"read, oldest {had['oldest_s']} s",
        "settles at none",
        had["refused"] == 0 and had["readings"] > 0,
    )


def measure(bench: Bench) -> None:
    rates = measure_reading(bench)
    with bench.embedded() as web:
        settle(bench, "embedded", web, rates["embedded"])
    with bench.school(2) as school:
        settle(bench, "second shape", school.webs[0], rates["two"])


def table(lines: list[Line]) -> str:
    head = "| | measured | asked | holds |\n|---|---|---|---|\n"
    return head + "\n".join(line.row() for line in lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of all runs")
    parser.add_argument("--scale", type=float, default=1.0, help="0.5: half as long, and rough")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if not (redis_program() and postgres_programs()):
        print("Needs redis-server and PostgreSQL: make test brings them.", file=sys.stderr)
        return 2
    processors = sorted(os.sched_getaffinity(0))[:PROCESSORS]
    # Told to end, we end as ever, and take along what we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # All that is started from here inherits it.
    os.sched_setaffinity(0, processors)
    with tempfile.TemporaryDirectory(prefix="pulse-bench-") as folder:
        bench = Bench(Path(folder), options.scale, time.monotonic() + MOST_S)
        late = ""
        try:
            measure(bench)
        except Unfinished as error:
            late = f"\nNot measured to the end: {error}"
    print(f"{len(processors)} processors, {platform.machine()}, Python {platform.python_version()}")
    print(f"\n{table(bench.lines)}\n{late}")
    if options.json:
        lines = [vars_of(line) for line in bench.lines]
        options.json.write_text(json.dumps({"lines": lines, "runs": bench.figures}, indent=2))
    return 0 if not late and all(line.holds for line in bench.lines) else 1


def vars_of(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("what", "measured", "asked", "holds")}


if __name__ == "__main__":
    sys.exit(main())
