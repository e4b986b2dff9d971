"""News for the pages: small, whole, repeatable messages, at most two per second and lesson.

The channel layer may lose or repeat any of them and no harm is done. Everything here runs on the
event loop: the in-memory layer is not thread-safe, and a send from another thread sleeps until
the loop happens to wake.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from classroom.presence import students_group, teachers_group
from emotions import meters
from emotions.readings import Reading

logger = logging.getLogger(__name__)

EVERY_S = 0.5

Tell = Callable[[int, dict[str, Any]], Awaitable[None]]


async def tell(group: str, message: dict[str, Any]) -> None:
    """Pass it on, or lose it where the layer is away: what matters is stored, or told again."""
    try:
        await get_channel_layer().group_send(group, message)
    except (OSError, RedisError) as error:
        meters.count("news_lost")
        logger.warning("News for a lesson's pages was lost: %s", type(error).__name__)


async def tell_teachers(lesson: int, message: dict[str, Any]) -> None:
    await tell(teachers_group(lesson), message)


async def tell_students(lesson: int, message: dict[str, Any]) -> None:
    await tell(students_group(lesson), message)


async def tell_room(lesson: int, message: dict[str, Any]) -> None:
    await tell_students(lesson, message)
    await tell_teachers(lesson, message)


def readings_group(lesson: int) -> str:
    return f"readings.{lesson}"


async def tell_readings(lesson: int, message: dict[str, Any]) -> None:
    """To teachers' sockets, and to each web process once for its students (`emotions.ears`)."""
    await tell(readings_group(lesson), message)
    await tell_teachers(lesson, message)


class Publisher:
    """Holds the newest reading of each student until its lesson's next message is due."""

    def __init__(
        self, tell: Tell = tell_readings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.tell = tell
        self.clock = clock
        self.newest: dict[int, dict[int, Reading]] = {}
        self.sent_at: dict[int, float] = {}
        self.faces: dict[tuple[int, int], float] = {}
        self.arrived = asyncio.Event()
        of_this_process.add(self)

    def put(self, reading: Reading) -> None:
        """Publish with the lesson's next message, unless a newer reading comes first."""
        waiting = self.newest.setdefault(reading.lesson, {})
        older = waiting.get(reading.student)
        if older is None or older.offered_at <= reading.offered_at:
            waiting[reading.student] = reading
        if reading.has_face:
            self.faces[reading.lesson, reading.student] = reading.offered_at
        self.arrived.set()

    def forget(self, lesson: int, student: int | None = None) -> None:
        """Drop what waits of a student or of a lesson, and when a face was last seen."""
        if student is not None:
            self.newest.get(lesson, {}).pop(student, None)
            self.faces.pop((lesson, student), None)
            return
        self.newest.pop(lesson, None)
        self.sent_at.pop(lesson, None)
        self.faces = {key: at for key, at in self.faces.items() if key[0] != lesson}

    async def send_due(self) -> float | None:
        """Send every lesson's message that is due; seconds until the next is, None if none."""
        now = self.clock()
        for lesson in [at for at in self.newest if self._wait_s(at, now) <= 0]:
            readings = self.newest.pop(lesson)
            self.sent_at[lesson] = now
            if readings:
                await self.tell(lesson, self._message(now, readings))
        if not self.newest:
            self.arrived.clear()
            return None
        return min(self._wait_s(lesson, now) for lesson in self.newest)

    async def run(self) -> None:
        while True:
            await self.arrived.wait()
            wait_s = await self.send_due()
            if wait_s is not None:
                await asyncio.sleep(max(wait_s, 0.01))

    def _wait_s(self, lesson: int, now: float) -> float:
        return self.sent_at.get(lesson, 0.0) + EVERY_S - now

    def _message(self, now: float, readings: dict[int, Reading]) -> dict[str, Any]:
        students = {
            str(student): reading.as_json(self.faces.get((reading.lesson, student), 0.0))
            for student, reading in readings.items()
        }
        return {"type": "lesson.readings", "at": now, "students": students}


of_this_process: WeakSet[Publisher] = WeakSet()


def forget_everywhere(lesson: int, student: int | None = None) -> None:
    """What was read a moment ago, and not told yet, is told no more."""
    for one in list(of_this_process):
        one.forget(lesson, student)
