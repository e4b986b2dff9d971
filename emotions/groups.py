"""Keeps this process's sockets in their groups, whatever becomes of Redis.

A Redis without persistence forgets all groups when it restarts, and the layer forgets a member
after four hours. A mark in the cache, which lives in the same Redis, shows that it began anew.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from asgiref.sync import sync_to_async
from django.core.cache import cache

from classroom.sockets import connected
from emotions import meters

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
RENEW_AFTER_S = 3600.0
MARK = "redis-life"


def _mark() -> str:
    """The same word for all processes, and another after each restart of Redis."""
    return str(cache.get_or_set(MARK, lambda: secrets.token_hex(8), None))


class Groups:
    def __init__(self) -> None:
        self.life = ""
        self.renewed_at = time.monotonic()

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                # Redis is away; the mark will tell whether it came back empty.
                meters.count("redis_away")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        life = await sync_to_async(_mark, thread_sensitive=False)()
        anew = bool(self.life) and life != self.life
        if anew:
            logger.warning("Redis began anew: %d members join their groups again", len(connected))
        if anew or time.monotonic() - self.renewed_at > RENEW_AFTER_S:
            for socket in list(connected):
                await socket.join_again()
            self.renewed_at = time.monotonic()
        self.life = life
