"""What this process counts about itself: rates, latencies, restarts, and whether a worker lives.

Every drop is counted and visible. Rates come from the queue's own counters, so they are true for
all processes that share it; the stretched pace comes from how long snapshots wait.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.core.cache import cache

from emotions.frames import Counts

WINDOW_S = 5.0
SLOTS = 32
"""A worker's heartbeat takes one of these cache keys; more workers than this are not listed."""
BEAT_TTL_S = 10
BEAT_EVERY_S = 2.0

LONG_WAIT_S = 1.0
SHORT_WAIT_S = 0.3
MOST_STRETCH = 5.0
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
    state: State = "none"
    since: float = field(default_factory=time.time)
    offered: float = 0.0
    analysed: float = 0.0
    counts: Counts = field(default_factory=Counts)
    workers: list[dict[str, Any]] = field(default_factory=list)
    window: deque[tuple[float, Counts]] = field(default_factory=deque)

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def sample(self, counts: Counts, now: float) -> None:
        """Take the queue's counters, once a second."""
        self.counts = counts
        self.window.append((now, counts))
        while len(self.window) > 2 and now - self.window[0][0] > WINDOW_S:
            self.window.popleft()
        then, before = self.window[0]
        if now > then:
            self.offered = (counts.offered - before.offered) / (now - then)
            self.analysed = (_read(counts) - _read(before)) / (now - then)
        self._stretch(counts.waiting)

    def heard(self, workers: list[dict[str, Any]], now: float) -> None:
        """Take the heartbeats that are there, every two seconds."""
        self.workers = workers
        state: State = "none"
        if workers:
            behind = self.stretch > 1.5 or self.analysed < LEAST_SHARE_READ * self.offered - 0.5
            state = "late" if behind else "ok"
        if state != self.state:
            self.state, self.since = state, now

    def pace_ms(self, interval_ms: int) -> int:
        """How long a student is to wait before the next snapshot."""
        return round(interval_ms * self.stretch)

    def _stretch(self, waiting: int) -> None:
        wait_s = waiting / max(self.analysed, 1.0)
        if wait_s > LONG_WAIT_S:
            self.stretch = min(MOST_STRETCH, self.stretch * 1.25)
        elif wait_s < SHORT_WAIT_S:
            self.stretch = max(1.0, self.stretch / 1.1)


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


def key_of(slot: int) -> str:
    return f"worker:{slot}"


def _take_slot(beat: dict[str, Any]) -> int | None:
    return next((slot for slot in range(SLOTS) if cache.add(key_of(slot), beat, BEAT_TTL_S)), None)


def _all_beats() -> list[dict[str, Any]]:
    return list(cache.get_many([key_of(slot) for slot in range(SLOTS)]).values())


async def all_beats() -> list[dict[str, Any]]:
    """The heartbeats of every living worker."""
    return await sync_to_async(_all_beats, thread_sensitive=False)()


class Heartbeat:
    """One worker's sign of life in the cache, in a slot of its own."""

    def __init__(self) -> None:
        self.slot: int | None = None

    async def beat(self, news: dict[str, Any]) -> None:
        if self.slot is None:
            self.slot = await sync_to_async(_take_slot, thread_sensitive=False)(news)
        else:
            await sync_to_async(cache.set, thread_sensitive=False)(
                key_of(self.slot), news, BEAT_TTL_S
            )

    async def stop(self) -> None:
        if self.slot is not None:
            await sync_to_async(cache.delete, thread_sensitive=False)(key_of(self.slot))
            self.slot = None
