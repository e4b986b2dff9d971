"""Closes lessons that nobody closes: past their set length, or left by their teacher.

Where no server ran at a lesson's end, the next one closes it with the moment at which it ended by
its rules. A little after every closing the summary is written a second time, because slices of
workers in other processes may come up to ten seconds late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from classroom import lessons
from classroom.models import Lesson, Participant
from classroom.presence import rooms
from classroom.sockets import in_database
from emotions import closing, meters, room, seats, slices
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
        self.ended: dict[int, datetime] = {}

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
            await attempt(lesson, self.end(lesson, why, now))
        for lesson in await in_database(forbidden):
            await attempt(lesson, room.stop_analysis(lesson))
        lately = await in_database(unsettled, now, self.ended_late(now))
        self.settled &= {lesson.pk for lesson in lately}
        for lesson in lately:
            if lesson.pk not in self.settled:
                self.settled.add(lesson.pk)
                await attempt(lesson, self.settle(lesson))

    async def end(self, lesson: Lesson, why: str, now: datetime) -> None:
        # What this process holds is of the lesson too, which does not end before its last slice.
        await slices.flush_all()
        self.ended[lesson.pk] = now
        await room.close(lesson, rule=_by_itself(why, now))

    def ended_late(self, now: datetime) -> list[int]:
        """Lessons that this process closed a short while ago, whenever they had ended."""
        self.ended = {pk: at for pk, at in self.ended.items() if at > now - LOOK_BACK}
        return [pk for pk, at in self.ended.items() if at <= now - SETTLED_AFTER]

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
    def rule(lesson: Lesson) -> bool:
        return lessons.close_by_itself(lesson, why, now=closing.ended_at(lesson, now))

    return rule


def due(now: datetime) -> list[tuple[Lesson, str]]:
    found = {lesson.pk: lesson for lesson in lessons.overdue(now)}
    found |= {lesson.pk: lesson for lesson in lessons.abandoned(now)}
    return [(lesson, lessons.ending(lesson)[1]) for lesson in found.values()]


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


def unsettled(now: datetime, ended: Sequence[int] = ()) -> list[Lesson]:
    """Closed a short while ago, and long enough for late slices to be in; or never summed up.

    `ended` were closed a short while ago as well, but with the moment at which they had ended.
    Of those whose slices are purged by now the summary stays.
    """
    closed = Lesson.objects.filter(closed_at__lte=now - SETTLED_AFTER)
    lately = Q(closed_at__gt=now - LOOK_BACK)
    kept_since = now - timedelta(days=settings.KEEP_SLICES_DAYS)
    found_late = Q(pk__in=ended, closed_at__gt=kept_since)
    return list(closed.filter(lately | found_late | Q(students=None)))
