"""What this process counts about itself: rates, latencies, restarts, and whether a worker lives.

Every drop is counted and visible. Rates come from the queue's own counters, so they are true for
all processes that share it; the stretched pace comes from how long snapshots wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache

from classroom.writing import writer
from emotions.frames import Counts

WINDOW_S = 5.0
SLOTS = 32
"""A worker's heartbeat takes one of these cache keys; more workers than this are not listed."""
BEAT_TTL_S = 7
"""A busy machine may hold a worker up for five seconds, and it is not gone; where it is gone, a
page looks every second, tells every second, and so says it within ten."""
BEAT_EVERY_S = 1.0

LONG_WAIT_S = 1.0
SHORT_WAIT_S = 0.3
MOST_STRETCH = 5.0
SMALLEST_STEP, LARGEST_STEP = 1.1, 2.0
SPREAD = (0.7, 1.3)
SETTLE_S = 2.0
"""Times the stretch: a student hears of a new pace only with the answer to the next snapshot, so a
change that came sooner would swing between idle workers and a full queue for ever."""
LEAST_SHARE_READ = 0.8
"""Less than this share of the offered snapshots analysed counts as falling behind."""

State = Literal["ok", "late", "none"]


@dataclass(slots=True)
class Ema:
    """An exponential average: a tenth of each new value."""

    value: float | None = None

    def add(self, new: float) -> None:
        self.value = new if self.value is None else self.value + (new - self.value) / 10


@dataclass(slots=True)
class Meters:
    counters: Counter[str] = field(default_factory=Counter)
    inference_ms: Ema = field(default_factory=Ema)
    latency_ms: Ema = field(default_factory=Ema)
    stretch: float = 1.0
    able: float = 0.0
    settled_at: float = float("-inf")
    state: State = "none"
    since: float = field(default_factory=time.time)
    offered: float = 0.0
    analysed: float = 0.0
    counts: Counts = field(default_factory=Counts)
    workers: list[dict[str, Any]] = field(default_factory=list)
    window: deque[tuple[float, Counts]] = field(default_factory=deque)
    held: Callable[[], int] = field(default=lambda: 0)
    database_away_since: float = 0.0

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def sample(self, counts: Counts, now: float) -> bool:
        """Take the queue's counters, once a second; whether they began anew, as Redis did."""
        anew = counts.offered < self.counts.offered
        if anew:
            self.window.clear()
        self.counts = counts
        self.window.append((now, counts))
        while len(self.window) > 2 and now - self.window[0][0] > WINDOW_S:
            self.window.popleft()
        then, before = self.window[0]
        if now > then:
            self.offered = (counts.offered - before.offered) / (now - then)
            self.analysed = (_read(counts) - _read(before)) / (now - then)
        if now >= self.settled_at:
            self._stretch(counts.waiting, now)
        return anew

    def heard(self, workers: list[dict[str, Any]], now: float) -> None:
        """Take the heartbeats that are there, once a second."""
        self.workers = workers
        state: State = "none"
        if workers:
            behind = self.stretch > 1.5 or self.analysed < LEAST_SHARE_READ * self.offered - 0.5
            state = "late" if behind else "ok"
        if state != self.state:
            self.state, self.since = state, now

    def pace_ms(self, interval_ms: int) -> int:
        """How long a student is to wait before the next snapshot."""
        return round(interval_ms * self.stretch) if settings.PACE_UNDER_LOAD else interval_ms

    def next_ms(self, interval_ms: int) -> int:
        """What one student is told: those who came in one moment are not to come back in one."""
        pace = self.pace_ms(interval_ms)
        return pace if pace == interval_ms else round(pace * random.uniform(*SPREAD))

    def _stretch(self, waiting: int, now: float) -> None:
        """Ask for what can be read, then wait until those who were asked have come back."""
        wait_s = waiting / max(self.analysed, 1.0)
        if wait_s > LONG_WAIT_S:
            self.able = self.analysed
            too_much = max(self.offered / max(self.able, 1.0), wait_s / 2)
            factor = min(LARGEST_STEP, max(SMALLEST_STEP, too_much))
        elif wait_s < SHORT_WAIT_S:
            used = self.offered / self.able if self.able else 0.0
            factor = 1 / (LARGEST_STEP if used < 1 / LARGEST_STEP else SMALLEST_STEP)
        else:
            return
        stretch = min(MOST_STRETCH, max(1.0, self.stretch * factor))
        if stretch != self.stretch:
            self.stretch = stretch
            self.settled_at = now + SETTLE_S * stretch + WINDOW_S


def _read(counts: Counts) -> int:
    return counts.analysed + counts.failed


meters = Meters()


def count(name: str, by: int = 1) -> None:
    meters.count(name, by)


def worker_state() -> dict[str, Any]:
    """For the dashboard: `ok`, `late` or `none`, readings and offers per second, since when."""
    return {
        "state": meters.state,
        "analysing": round(meters.analysed, 1),
        "offered": round(meters.offered, 1),
        "since": meters.since,
    }


def worker_alive() -> bool:
    return meters.state != "none"


def news() -> dict[str, Any]:
    """What one process says of itself with each beat; all of it plain values."""
    return {
        "at": time.time(),
        "process": os.getpid(),
        "host": socket.gethostname(),
        "inference_ms": _rounded(meters.inference_ms.value),
        "latency_ms": _rounded(meters.latency_ms.value),
        "memory_mb": memory_mb(),
        "held": meters.held(),
        "counters": meters.counters | _writes(),
    }


def _writes() -> Counter[str]:
    told = Counter(writes_failed=writer.failed, writes_again=writer.again)
    return +told


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 2)


def memory_mb() -> float:
    """What this process has in memory now; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as file:
        return round(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
    return 0.0


def key_of(slot: int, kind: str = "worker") -> str:
    return f"{kind}:{slot}"


def _take_slot(kind: str, beat: dict[str, Any]) -> int | None:
    slots = range(SLOTS)
    return next((n for n in slots if cache.add(key_of(n, kind), beat, BEAT_TTL_S)), None)


def _all_beats(kind: str) -> list[dict[str, Any]]:
    return list(cache.get_many([key_of(slot, kind) for slot in range(SLOTS)]).values())


async def all_beats(kind: str = "worker") -> list[dict[str, Any]]:
    """The heartbeats of every living worker, or web process (`web`), wherever it runs."""
    return await sync_to_async(_all_beats, thread_sensitive=False)(kind)


class Heartbeat:
    """One process's sign of life in the cache, in a slot of its own."""

    def __init__(self, kind: str = "worker") -> None:
        self.kind = kind
        self.slot: int | None = None
        self.sent = False

    async def beat(self, news: dict[str, Any]) -> None:
        if self.slot is None:
            self.slot = await sync_to_async(_take_slot, thread_sensitive=False)(self.kind, news)
        else:
            await sync_to_async(cache.set, thread_sensitive=False)(
                key_of(self.slot, self.kind), news, BEAT_TTL_S
            )
        self.sent = True

    async def keep_beating(self, news: Callable[[], dict[str, Any]]) -> None:
        while True:
            try:
                await self.beat(news())
            except Exception:
                # The cache is away, which pages see by the missing beat; it comes back.
                count("beats_failed")
            await asyncio.sleep(BEAT_EVERY_S)

    async def stop(self) -> None:
        self.sent = False
        if self.slot is None:
            return
        # Where the cache is away the beat ends by itself.
        with contextlib.suppress(Exception):
            await sync_to_async(cache.delete, thread_sensitive=False)(key_of(self.slot, self.kind))
        self.slot = None
