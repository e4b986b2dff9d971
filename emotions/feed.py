"""Snapshots put straight into the queue, to measure the workers and nothing else.

No sockets and no web process take part: the same JPEGs as in a load test wait in the queue, never
too few and never too many, and the queue's own counters say how many were read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from emotions.frames import Frames

LOOK_EVERY_S = 0.05
WAITING = 100
"""A worker reads fewer in the time between two looks."""


async def feed(
    queue: Frames,
    lesson: int,
    students: Sequence[int],
    pictures: Sequence[bytes],
    *,
    seconds: float,
    window: float,
) -> dict[str, float]:
    """Keep the queue filled for `seconds`; how many were read in the last `window` of them."""
    began = time.monotonic()
    seq, counted_at, before = 0, began, 0
    while (now := time.monotonic()) < began + seconds:
        counts = await queue.counts()
        if now < began + seconds - window:
            counted_at, before = now, counts.analysed
        for _ in range(WAITING - counts.waiting):
            seq += 1
            student, picture = students[seq % len(students)], pictures[seq % len(pictures)]
            await queue.offer(lesson, student, seq, picture)
        await asyncio.sleep(LOOK_EVERY_S)
    read, took = (await queue.counts()).analysed - before, time.monotonic() - counted_at
    return {"offered": seq, "analysed": read, "seconds": took, "analysed_per_s": read / took}
