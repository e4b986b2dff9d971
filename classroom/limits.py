"""Modest limits on guessing, counted per network address in the cache.

A whole class behind one address must still get in, so only failures are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    most: int
    window_s: int

    def key(self, request: HttpRequest) -> str:
        return f"limit:{self.name}:{request.META.get('REMOTE_ADDR', '')}"

    def reached(self, request: HttpRequest) -> bool:
        return cache.get(self.key(request), 0) >= self.most

    def count(self, request: HttpRequest) -> None:
        cache.add(self.key(request), 0, self.window_s)
        try:
            cache.incr(self.key(request))
        except ValueError:
            # It ran out between the two lines, which is as good as starting anew.
            cache.add(self.key(request), 1, self.window_s)


WRONG_CODES = Limit("codes", most=60, window_s=60)
WRONG_PASSWORDS = Limit("passwords", most=20, window_s=300)
