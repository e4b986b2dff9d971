"""Closes lessons that nobody closes: past their set length, or left by their teacher.

A little after every closing the summary is written a second time, because slices of workers in
other processes may come up to ten seconds late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from classroom import lessons
from classroom.models import Lesson
from classroom.sockets import in_database
from emotions import closing, room
from emotions.frames import frames

EVERY_S = 5.0
SETTLED_AFTER = timedelta(seconds=15)
LOOK_BACK = timedelta(minutes=5)


class Closer:
    def __init__(self, forget: Callable[[int], None]) -> None:
        self.forget = forget
        self.settled: set[int] = set()

    async def run(self) -> None:
        while True:
            await self.look(timezone.now())
            await asyncio.sleep(EVERY_S)

    async def look(self, now: datetime) -> None:
        for lesson, why in await in_database(due, now):
            await room.close(lesson, rule=_by_itself(why, now))
        for lesson in await in_database(unsettled, now):
            if lesson.pk not in self.settled:
                self.settled.add(lesson.pk)
                await in_database(closing.close, lesson)
                await frames().unbar(lesson=lesson.pk)
                self.forget(lesson.pk)


def _by_itself(why: str, now: datetime) -> Callable[[Lesson], bool]:
    return lambda lesson: lessons.close_by_itself(lesson, why, now=now)


def due(now: datetime) -> list[tuple[Lesson, str]]:
    over = [(lesson, "over time") for lesson in lessons.overdue(now)]
    known = {lesson.pk for lesson, _ in over}
    return over + [
        (lesson, "abandoned") for lesson in lessons.abandoned(now) if lesson.pk not in known
    ]


def unsettled(now: datetime) -> list[Lesson]:
    """Closed a short while ago, and long enough for late slices to be in."""
    return list(
        Lesson.objects.filter(closed_at__lte=now - SETTLED_AFTER, closed_at__gt=now - LOOK_BACK)
    )
