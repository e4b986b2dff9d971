"""Snapshots on their way from the students' cameras to the emotion worker.

At most one snapshot per student waits. A newer one takes the place of an older one but keeps its
turn, so everyone is served in order of arrival and nobody is judged by a stale face. Nothing is
retried and every snapshot ends in exactly one counter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Literal, Protocol

from django.conf import settings

STALE_AFTER_S = 3.0
"""A snapshot that waited longer is never analysed."""

LOST_AFTER_S = 10.0
"""A worker that neither claimed nor finished anything in this time is dead, its claims lost."""

HELD_AT_MOST_S = 60.0
"""The answer to a claim can get lost on its way: such a claim is lost too, its worker living on."""

FULL_RETRY_MS = 4000

Status = Literal["accepted", "replaced", "refused"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One snapshot. `offered_at` is epoch seconds by the queue's own clock, `ticket` is unique."""

    lesson: int
    student: int
    seq: int
    offered_at: float
    jpeg: bytes
    ticket: int = 0

    def __repr__(self) -> str:
        # A frame that ends in a log or a traceback must not carry the picture there.
        return f"Frame(lesson={self.lesson}, student={self.student}, {len(self.jpeg)} bytes)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an offer; `why` is `full` or `barred` where it was refused."""

    status: Status
    retry_ms: int = 0
    why: str = ""


@dataclass(slots=True)
class Counts:
    """offered = accepted + replaced + refused; accepted = claimed + expired + barred + waiting;
    claimed = analysed + failed + barred_claims + lost + in_hand: true at every moment."""

    offered: int = 0
    accepted: int = 0
    replaced: int = 0
    refused: int = 0
    claimed: int = 0
    expired: int = 0
    barred: int = 0
    waiting: int = 0
    analysed: int = 0
    failed: int = 0
    barred_claims: int = 0
    lost: int = 0
    in_hand: int = 0

    def as_dict(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Frames(Protocol):
    """The contract that every backend keeps; tests/frames_contract.py tries each of them."""

    async def offer(self, lesson: int, student: int, seq: int, jpeg: bytes) -> Answer: ...

    async def claim(self, limit: int, *, wait_s: float = 1.0) -> list[Frame]: ...

    async def finish(self, frame: Frame, *, ok: bool) -> bool: ...

    async def bar(self, *, lesson: int | None = None, student: int | None = None) -> None: ...

    async def unbar(self, *, lesson: int | None = None, student: int | None = None) -> None: ...

    async def counts(self) -> Counts: ...


class MemoryFrames:
    """The queue of a single process; everything happens on its event loop."""

    def __init__(self, capacity: int, *, clock: Callable[[], float] = time.time) -> None:
        self.capacity = capacity
        self.clock = clock
        self.waiting: dict[int, Frame] = {}
        self.in_hand: dict[int, tuple[float, Frame]] = {}
        self.alive_at = clock()
        self.barred_lessons: set[int] = set()
        self.barred_students: set[int] = set()
        self.arrived = asyncio.Event()
        self.totals = Counts()
        self.tickets = 0

    async def offer(self, lesson: int, student: int, seq: int, jpeg: bytes) -> Answer:
        """Take the snapshot, or say why not; never waits."""
        self.totals.offered += 1
        if lesson in self.barred_lessons or student in self.barred_students:
            return self._refuse("barred", 0)
        older = self.waiting.get(student)
        if older is None and len(self.waiting) >= self.capacity:
            self._drop_stale()
            if len(self.waiting) >= self.capacity:
                return self._refuse("full", FULL_RETRY_MS)
        self.tickets += 1
        # Writing to an existing key of a dict keeps its place: that is the kept turn.
        self.waiting[student] = Frame(lesson, student, seq, self.clock(), jpeg, self.tickets)
        self.arrived.set()
        if older is not None:
            self.totals.replaced += 1
            return Answer("replaced")
        self.totals.accepted += 1
        return Answer("accepted")

    async def claim(self, limit: int, *, wait_s: float = 1.0) -> list[Frame]:
        """Wait up to `wait_s` for work, then take up to `limit` frames, longest waiting first.

        A claim is a sign of life, also one that comes back empty.
        """
        frames = self._take(limit)
        if frames or wait_s <= 0:
            return frames
        try:
            await asyncio.wait_for(self.arrived.wait(), wait_s)
        except TimeoutError:
            return []
        return self._take(limit)

    async def finish(self, frame: Frame, *, ok: bool) -> bool:
        """Give the claim back. False: it was barred or lost meanwhile, so discard its result."""
        self._drop_lost()
        self.alive_at = self.clock()
        if self.in_hand.pop(frame.ticket, None) is None:
            return False
        if ok:
            self.totals.analysed += 1
        else:
            self.totals.failed += 1
        return True

    async def bar(self, *, lesson: int | None = None, student: int | None = None) -> None:
        """Refuse offers of this lesson or student, and forget what waits or is in hand."""
        if lesson is not None:
            self.barred_lessons.add(lesson)
        if student is not None:
            self.barred_students.add(student)
        for key in [key for key, frame in self.waiting.items() if self._is_barred(frame)]:
            del self.waiting[key]
            self.totals.barred += 1
        for ticket in [t for t, (_, frame) in self.in_hand.items() if self._is_barred(frame)]:
            del self.in_hand[ticket]
            self.totals.barred_claims += 1

    async def unbar(self, *, lesson: int | None = None, student: int | None = None) -> None:
        if lesson is not None:
            self.barred_lessons.discard(lesson)
        if student is not None:
            self.barred_students.discard(student)

    async def counts(self) -> Counts:
        """Everything counted so far; what has gone stale is dropped first."""
        self._drop_stale()
        self._drop_lost()
        so_far = self.totals.as_dict() | {
            "waiting": len(self.waiting),
            "in_hand": len(self.in_hand),
        }
        return Counts(**so_far)

    def _refuse(self, why: str, retry_ms: int) -> Answer:
        self.totals.refused += 1
        return Answer("refused", retry_ms, why)

    def _is_barred(self, frame: Frame) -> bool:
        return frame.lesson in self.barred_lessons or frame.student in self.barred_students

    def _take(self, limit: int) -> list[Frame]:
        self._drop_stale()
        self._drop_lost()
        self.alive_at = self.clock()
        frames = [self.waiting.pop(student) for student in list(self.waiting)[:limit]]
        for frame in frames:
            self.in_hand[frame.ticket] = (self.clock(), frame)
        self.totals.claimed += len(frames)
        if not self.waiting:
            self.arrived.clear()
        return frames

    def _drop_stale(self) -> None:
        oldest = self.clock() - STALE_AFTER_S
        for student in [s for s, frame in self.waiting.items() if frame.offered_at < oldest]:
            del self.waiting[student]
            self.totals.expired += 1

    def _drop_lost(self) -> None:
        dead = self.alive_at < self.clock() - LOST_AFTER_S
        oldest = self.clock() - HELD_AT_MOST_S
        for ticket in [t for t, (at, _) in self.in_hand.items() if dead or at < oldest]:
            del self.in_hand[ticket]
            self.totals.lost += 1


@cache
def frames() -> Frames:
    """The snapshot queue: this process's own, or the one in Redis that all processes share."""
    if settings.FRAMES_REDIS_URL:
        # Only an installation that has Redis needs its client.
        from emotions.redis_frames import RedisFrames

        return RedisFrames(settings.FRAMES_REDIS_URL, settings.WAITING_SNAPSHOTS)
    return MemoryFrames(settings.WAITING_SNAPSHOTS)
