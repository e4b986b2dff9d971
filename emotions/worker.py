"""The one loop that turns snapshots into readings: claim, read, finish, publish, record.

The loop lives on the event loop, the reading in a single thread of its own; LiteRT releases the
GIL, and a second inference thread brought nothing on two cores. A snapshot's bytes are dropped
with its frame, as soon as it is read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from emotions import meters
from emotions.frames import Frame, Frames
from emotions.readings import Reading, Sampled, reading_from
from ml.images import BadImage

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Few, because a claimed frame no longer makes way for a newer one."""
STUCK_AFTER_S = 5.0
CLAIM_WAIT_S = 0.5


class Reads(Protocol):
    """The part of `ml.reader.Reader` that the loop needs."""

    def read(self, jpeg: bytes) -> Sampled: ...


class Stuck(RuntimeError):
    """One snapshot kept the reader for too long; only a new reader and thread can help."""


class Worker:
    def __init__(
        self,
        frames: Frames,
        reader: Reads,
        publish: Callable[[Reading], None],
        record: Callable[[Reading], None],
        *,
        clock: Callable[[], float] = time.time,
        stuck_after_s: float = STUCK_AFTER_S,
        ahead: int = 1,
    ) -> None:
        """`ahead`: how many snapshots the reader's thread is given before it is waited for."""
        self.frames = frames
        self.reader = reader
        self.publish = publish
        self.record = record
        self.clock = clock
        self.stuck_after_s = stuck_after_s
        self.ahead = ahead
        self.stopping = False
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self.heart = meters.Heartbeat()

    async def run(self) -> None:
        """Work until told to stop; what is in hand then is finished first."""
        beating = asyncio.create_task(self.heart.keep_beating(meters.news))
        try:
            while not self.stopping:
                claimed = await self.frames.claim(AT_ONCE, wait_s=CLAIM_WAIT_S)
                for at in range(0, len(claimed), self.ahead):
                    await self.handle(claimed[at : at + self.ahead])
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            # Not waited for: a stuck thread would keep the loop with it.
            self.thread.shutdown(wait=False, cancel_futures=True)
            await self.heart.stop()

    def stop(self) -> None:
        self.stopping = True

    async def handle(self, frames: list[Frame]) -> None:
        """Let them be read one after another, and take each result as it is there."""
        loop = asyncio.get_running_loop()
        reads = [loop.run_in_executor(self.thread, self.read, frame.jpeg) for frame in frames]
        for frame, read in zip(frames, reads, strict=True):
            await self.take(frame, await self.sample(frame, read))

    def read(self, jpeg: bytes) -> Sampled:
        """In the reader's thread."""
        started = time.perf_counter()
        sample = self.reader.read(jpeg)
        meters.meters.inference_ms.add((time.perf_counter() - started) * 1000)
        return sample

    async def take(self, frame: Frame, sample: Sampled | None) -> None:
        """What was read is discarded when the student was barred meanwhile."""
        finished = await self.frames.finish(frame, ok=sample is not None)
        if sample is None:
            return
        if not finished:
            # Barred, which the queue counts too, or the queue was away or began anew meanwhile.
            meters.count("readings_discarded")
            return
        reading = reading_from(
            sample,
            lesson=frame.lesson,
            student=frame.student,
            seq=frame.seq,
            offered_at=frame.offered_at,
            read_at=self.clock(),
        )
        meters.meters.latency_ms.add((reading.read_at - reading.offered_at) * 1000)
        self.publish(reading)
        self.record(reading)

    async def sample(self, frame: Frame, read: asyncio.Future[Sampled]) -> Sampled | None:
        """The sample, or None for a picture that cannot be read."""
        try:
            return await asyncio.wait_for(read, self.stuck_after_s)
        except BadImage as error:
            meters.count(f"bad_image_{error.code}")
            return None
        except TimeoutError:
            await self.frames.finish(frame, ok=False)
            meters.count("reader_stuck")
            raise Stuck(f"A snapshot was not read within {self.stuck_after_s:g} s") from None
        except Exception as error:
            # Without the traceback: its frames could hold the picture.
            meters.count("reader_failed")
            logger.error("A snapshot could not be read: %s", type(error).__name__)
            return None
