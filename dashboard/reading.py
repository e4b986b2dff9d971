"""Reads of one lesson shared by all teachers' pages of this process that ask at the same moment.

A slice's news reaches every open page at once; the first to ask waits a moment for the others, and
one read serves them all. A read that has begun is never joined: it may have missed the news.
"""

from __future__ import annotations

import asyncio

from classroom.sockets import in_database
from dashboard.stored import Stored, read

GATHER_S = 0.1

Key = tuple[asyncio.AbstractEventLoop, int, float]
waiting: dict[Key, asyncio.Task[Stored]] = {}


async def fresh(lesson_id: int, since: float) -> Stored:
    key = (asyncio.get_running_loop(), lesson_id, since)
    if key not in waiting:
        waiting[key] = key[0].create_task(_read(key))
    # One page that closes meanwhile must not cancel the read of the others.
    return await asyncio.shield(waiting[key])


async def _read(key: Key) -> Stored:
    try:
        await asyncio.sleep(GATHER_S)
    finally:
        waiting.pop(key, None)
    return await in_database(read, key[1], key[2])
