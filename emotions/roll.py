"""Notices workers that end without a word, and what they had read and not stored.

A worker that stops takes its heartbeat back; one that dies leaves it to expire. How much it held
stands in its last beat, so the figure may be up to two seconds old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emotions.meters import BEAT_TTL_S

EXPIRED_AFTER_S = BEAT_TTL_S - 1.0
"""A beat that is taken back is never so old: the next one would have come."""


class Roll:
    def __init__(self) -> None:
        self.last: dict[str, dict[str, Any]] = {}

    def look(self, beats: Iterable[dict[str, Any]], now: float) -> int:
        """How many samples were lost with workers that died since the last look."""
        here = {f"{beat['host']}:{beat['process']}": beat for beat in beats}
        gone = [beat for who, beat in self.last.items() if who not in here]
        self.last = here
        return sum(beat.get("held", 0) for beat in gone if now - beat["at"] >= EXPIRED_AFTER_S)

    def forget(self) -> None:
        """The beats themselves were lost, so their absence says nothing."""
        self.last = {}
