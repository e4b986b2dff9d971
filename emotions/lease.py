"""What exactly one process may do at a time: it holds a lease that ends by itself.

Where the cache is this process's own, it simply holds it. Nothing relies on the lease alone: two
holders for a moment, after a pause of one of them, find what the other did by compare-and-set.
"""

from __future__ import annotations

import secrets

from asgiref.sync import sync_to_async
from django.core.cache import cache

LASTS_S = 10
RENEW_EVERY_S = 2.0


class Lease:
    def __init__(self, name: str) -> None:
        self.key = f"lease:{name}"
        self.holder = secrets.token_hex(8)

    async def hold(self) -> bool:
        """Take it, or keep it; whether it is this process's now."""
        return await sync_to_async(self._hold, thread_sensitive=False)()

    async def release(self) -> None:
        await sync_to_async(self._release, thread_sensitive=False)()

    def _hold(self) -> bool:
        if cache.add(self.key, self.holder, LASTS_S):
            return True
        if cache.get(self.key) != self.holder:
            return False
        cache.touch(self.key, LASTS_S)
        # It may have ended just before, and gone to another.
        return cache.get(self.key) == self.holder

    def _release(self) -> None:
        if cache.get(self.key) == self.holder:
            cache.delete(self.key)
