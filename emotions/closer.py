"""Closes lessons that nobody closes: past their set length, or left by their teacher.

A little after every closing the summary is written a second time, because slices of workers in
other processes may come up to ten seconds late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from django.utils import timezone

from classroom import lessons
from classroom.models import Lesson, Participant
from classroom.presence import rooms
from classroom.sockets import in_database
from emotions import closing, meters, room, seats
from emotions.frames import frames

logger = logging.getLogger(__name__)

EVERY_S = 5.0
SETTLED_AFTER = timedelta(seconds=15)
LOOK_BACK = timedelta(minutes=5)


class Closer:
    """`leads()`: whether the lessons are this process's to close; its own pages always are."""

    def __init__(
        self, forget: Callable[[int], None], leads: Callable[[], bool] = lambda: True
    ) -> None:
        self.forget = forget
        self.leads = leads
        self.settled: set[int] = set()

    async def run(self) -> None:
        while True:
            await self.look(timezone.now())
            await asyncio.sleep(EVERY_S)

    async def look(self, now: datetime) -> None:
        if self.leads():
            await self.look_after_lessons(now)
        for lesson_id in await in_database(deleted, set(rooms.rooms)):
            await room.vanish(lesson_id)
        for lesson_id, student in await in_database(erased, seated()):
            await room.tell_erased(lesson_id, student)

    async def look_after_lessons(self, now: datetime) -> None:
        for lesson, why in await in_database(due, now):
            await attempt(lesson, room.close(lesson, rule=_by_itself(why, now)))
        for lesson in await in_database(forbidden):
            await attempt(lesson, room.stop_analysis(lesson))
        lately = await in_database(unsettled, now)
        self.settled &= {lesson.pk for lesson in lately}
        for lesson in lately:
            if lesson.pk not in self.settled:
                self.settled.add(lesson.pk)
                await attempt(lesson, self.settle(lesson))

    async def settle(self, lesson: Lesson) -> None:
        await in_database(closing.close, lesson)
        await frames().unbar(lesson=lesson.pk)
        self.forget(lesson.pk)


async def attempt(lesson: Lesson, work: Awaitable[object]) -> None:
    """One lesson's trouble is not the others'; it is looked at again in some seconds."""
    try:
        await work
    except Exception as error:
        meters.count("closing_failed")
        logger.error("Lesson %d could not be closed: %s", lesson.pk, type(error).__name__)


def _by_itself(why: str, now: datetime) -> Callable[[Lesson], bool]:
    return lambda lesson: lessons.close_by_itself(lesson, why, now=now)


def due(now: datetime) -> list[tuple[Lesson, str]]:
    over = [(lesson, "over time") for lesson in lessons.overdue(now)]
    known = {lesson.pk for lesson, _ in over}
    return over + [
        (lesson, "abandoned") for lesson in lessons.abandoned(now) if lesson.pk not in known
    ]


def forbidden() -> list[Lesson]:
    """Open lessons that began with face analysis, before it was switched off for everybody."""
    if not seats.is_forbidden():
        return []
    return list(Lesson.objects.filter(closed_at=None, analysis=True).select_related("course"))


def deleted(lesson_ids: set[int]) -> set[int]:
    """Those of these lessons that are not there any more."""
    there = Lesson.objects.filter(pk__in=lesson_ids)
    return lesson_ids - set(there.values_list("pk", flat=True))


def seated() -> list[tuple[int, int]]:
    """Lesson and student of every page that is open in this process."""
    return [(lesson_id, one) for lesson_id, known in rooms.rooms.items() for one in known.students]


def erased(seats_taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Whoever is still in the room but no longer in the database."""
    students = Participant.objects.filter(lesson__in={lesson_id for lesson_id, _ in seats_taken})
    there = set(students.values_list("pk", flat=True))
    return [(lesson_id, one) for lesson_id, one in seats_taken if one not in there]


def unsettled(now: datetime) -> list[Lesson]:
    """Closed a short while ago, and long enough for late slices to be in."""
    return list(
        Lesson.objects.filter(closed_at__lte=now - SETTLED_AFTER, closed_at__gt=now - LOOK_BACK)
    )
