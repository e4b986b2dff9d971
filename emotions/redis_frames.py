"""The snapshot queue that several web processes and workers share, in Redis.

It keeps the contract of `emotions.frames`; every operation is one run of `redis_frames.lua`, on
Redis's own clock. A Redis that does not answer is never an error to a student: offers are refused
as busy, claims come back empty, and after a growing pause it is tried again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from emotions.frames import (
    FULL_RETRY_MS,
    HELD_AT_MOST_S,
    LOST_AFTER_S,
    STALE_AFTER_S,
    Answer,
    Counts,
    Frame,
)

SCRIPT = (Path(__file__).parent / "redis_frames.lua").read_bytes()
KEYS = ("turns", "ages", "waiting", "hand", "claims", "alive", "totals", "wake")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
BAR_WITHIN_S = 5.0
"""What is barred must be barred; after so long without Redis the teacher is told that it failed."""
LONGEST_BLOCK_S = 1.0
ANSWER_WITHIN_S = 3.0
CONNECTIONS = 64


class Unreachable(ConnectionError):
    """Redis does not answer, or did not a moment ago."""


class RedisFrames:
    def __init__(
        self,
        url: str,
        capacity: int,
        *,
        prefix: str = "frames:",
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` stands in for Redis's own in tests."""
        self.url = url
        self.capacity = capacity
        self.prefix = prefix
        self.clock = clock
        self.keys = [f"{prefix}{name}" for name in KEYS]
        self.clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self.failures = 0
        self.shut_until = float("-inf")
        self.known = Counts()
        self.worker = secrets.token_hex(8)

    async def offer(self, lesson: int, student: int, seq: int, jpeg: bytes) -> Answer:
        """Take the snapshot, or say why not."""
        try:
            said = await self._run("offer", lesson, student, seq, jpeg, self.capacity)
        except Unreachable:
            return Answer("refused", FULL_RETRY_MS, "full")
        status, why = said[0].decode(), said[1].decode()
        return Answer(status, FULL_RETRY_MS if why == "full" else 0, why)

    async def claim(self, limit: int, *, wait_s: float = 1.0) -> list[Frame]:
        """Wait up to `wait_s` for work, then take up to `limit` frames, longest waiting first."""
        try:
            frames = await self._take(limit)
            if frames or wait_s <= 0:
                return frames
            # A token stays in the list until somebody takes it, so that a snapshot that came
            # between the look and the wait wakes us all the same.
            await self._wait(min(wait_s, LONGEST_BLOCK_S))
            return await self._take(limit)
        except Unreachable:
            await asyncio.sleep(min(wait_s, FIRST_PAUSE_S))
            return []

    async def finish(self, frame: Frame, *, ok: bool) -> bool:
        """Give the claim back. False: it was barred or lost meanwhile, so discard its result."""
        try:
            ending = "analysed" if ok else "failed"
            return bool(await self._run("finish", frame.ticket, ending, self.worker))
        except Unreachable:
            # It may have been barred; what cannot be asked is not published.
            return False

    async def bar(self, *, lesson: int | None = None, student: int | None = None) -> None:
        """Refuse offers of this lesson or student, and forget what waits or is in hand."""
        await self._surely("bar", lesson, student)

    async def unbar(self, *, lesson: int | None = None, student: int | None = None) -> None:
        await self._surely("unbar", lesson, student)

    async def counts(self) -> Counts:
        """Everything counted so far by all processes; the last known while Redis is away."""
        try:
            told = await self._run("counts")
        except Unreachable:
            return self.known
        pairs = zip(told[::2], told[1::2], strict=True)
        totals = {name.decode(): int(value) for name, value in pairs}
        totals.pop("ticket", None)
        self.known = Counts(**totals)
        return self.known

    async def close(self) -> None:
        """Close the connections of the running loop."""
        client = self.clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose(close_connection_pool=True)

    async def _take(self, limit: int) -> list[Frame]:
        taken = await self._run("claim", limit, self.worker)
        return [
            Frame(
                lesson=int(lesson),
                student=int(student),
                seq=int(seq),
                offered_at=int(at) / 1000,
                jpeg=jpeg,
                ticket=int(ticket),
            )
            for lesson, student, seq, at, ticket, jpeg in taken
        ]

    async def _wait(self, seconds: float) -> None:
        token: Any = self._client().blpop([self.keys[-1]], timeout=seconds)
        try:
            await token
        except (RedisError, OSError) as error:
            raise self._failed(error) from None

    async def _surely(self, op: str, lesson: int | None, student: int | None) -> None:
        give_up_at = time.monotonic() + BAR_WITHIN_S
        for kind, key in (("lesson", lesson), ("student", student)):
            while key is not None:
                try:
                    await self._run(op, kind, key)
                    break
                except Unreachable:
                    if time.monotonic() > give_up_at:
                        raise
                    await asyncio.sleep(FIRST_PAUSE_S)

    async def _run(self, op: str, *args: Any) -> Any:
        """One operation. Never repeated by itself: a claim whose answer is lost is lost too."""
        if time.monotonic() < self.shut_until:
            raise Unreachable("Redis did not answer a moment ago")
        now = "" if self.clock is None else round(self.clock() * 1000)
        limits = [round(1000 * s) for s in (STALE_AFTER_S, LOST_AFTER_S, HELD_AT_MOST_S)]
        script = self._client().register_script(SCRIPT)
        try:
            said = await script(keys=self.keys, args=[op, self.prefix, now, *limits, *args])
        except (RedisError, OSError) as error:
            # Without its history: the frames of a traceback could hold the picture.
            raise self._failed(error) from None
        self.failures = 0
        return said

    def _failed(self, error: Exception) -> Unreachable:
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self.failures)
        self.failures = min(self.failures + 1, 10)
        self.shut_until = time.monotonic() + pause_s
        return Unreachable(type(error).__name__)

    def _client(self) -> Redis:
        """Connections belong to an event loop, and a process may have had several."""
        loop = asyncio.get_running_loop()
        client = self.clients.get(loop)
        if client is None:
            pool = BlockingConnectionPool.from_url(
                self.url,
                max_connections=CONNECTIONS,
                timeout=ANSWER_WITHIN_S,
                socket_timeout=ANSWER_WITHIN_S,
                socket_connect_timeout=ANSWER_WITHIN_S,
                retry=Retry(NoBackoff(), 0),
            )
            client = self.clients[loop] = Redis(connection_pool=pool)
        return client
