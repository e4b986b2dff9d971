"""The practice class: thirty simulated students, for trying things out without pupils.

They exist only in lessons that were marked as practice when they were opened. Their readings enter
behind the classifier, where a worker's readings would; no socket accepts a reading. Presence and
taps go the way real ones go.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from classroom import consent
from classroom.models import Lesson, Participant
from classroom.presence import Rooms
from emotions import room, script, taps
from emotions.attention import moment
from emotions.readings import Reading, reading_from

STUDENTS = len(script.NAMES)
STEP_S = 0.25
LOOK_AGAIN_S = 1.0


class NotSimulated(ValueError):
    """Simulated students do not enter a lesson that was not marked for them at its creation."""


def refuse_real(lesson: Lesson) -> None:
    if lesson.mode != Lesson.Mode.PRACTICE:
        raise NotSimulated(
            f"Lesson {lesson.pk} is not a practice lesson, so nothing simulated may enter it."
        )


@transaction.atomic
def enrol(lesson: Lesson) -> list[Participant]:
    """The simulated students of a practice lesson, made on the first call."""
    refuse_real(lesson)
    there = list(lesson.participants.order_by("pk")[:STUDENTS])
    for number in range(len(there), STUDENTS):
        camera = lesson.analysis and number not in script.NO_CAMERA
        there.append(_enter(lesson, script.NAMES[number], camera=camera))
    return there


def _enter(lesson: Lesson, name: str, *, camera: bool) -> Participant:
    student = Participant.objects.create(
        lesson=lesson,
        name=name,
        camera=Participant.Camera.ON if camera else Participant.Camera.NONE,
    )
    consent.record(student, camera)
    return student


@dataclass(frozen=True, slots=True)
class Desk:
    """One simulated student's place: the actor, and whom the product takes them for."""

    actor: script.Actor
    student: int
    has_camera: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the database says of a practice lesson now."""

    is_open: bool
    paused: bool
    here: frozenset[int]


def look_up(lesson_id: int) -> Told:
    lesson = Lesson.objects.get(pk=lesson_id)
    here = lesson.participants.filter(removed_at=None).values_list("pk", flat=True)
    return Told(lesson.is_open, lesson.paused_at is not None, frozenset(here))


class PracticeClass:
    """Plays the script into one practice lesson until it closes."""

    def __init__(
        self,
        lesson: Lesson,
        students: Sequence[Participant],
        *,
        take: Callable[[Reading], None],
        rooms: Rooms,
        put: Callable[..., Any],
        clock: Callable[[], float] = time.time,
        speed: float = 1.0,
    ) -> None:
        refuse_real(lesson)
        self.lesson = lesson
        self.take = take
        self.rooms = rooms
        self.put = put
        self.clock = clock
        self.speed = speed
        self.interval_s = lesson.interval_ms / 1000
        self.desks = [
            Desk(actor, student.pk, lesson.analysis and actor.has_camera)
            for actor, student in (
                (script.Actor(number, lesson.pk), student)
                for number, student in enumerate(students)
            )
        ]
        self.cameras: dict[int, str] = {}
        self.gone: frozenset[int] = frozenset()
        self.paused = False
        self.opened_at = lesson.opened_at.timestamp()
        self.done_until = clock()
        self.seq = 0

    async def run(self, told: Callable[[], Any]) -> None:
        """`told()` asks the database how the lesson stands."""
        looked_at = 0.0
        try:
            while True:
                if self.clock() - looked_at >= LOOK_AGAIN_S:
                    looked_at, now_told = self.clock(), await told()
                    if not now_told.is_open:
                        return
                    self.hear(now_told)
                await self.step()
                await asyncio.sleep(STEP_S)
        finally:
            for student in list(self.cameras):
                self.rooms.leave(self.lesson.pk, student)

    def hear(self, told: Told) -> None:
        self.paused = told.paused
        self.gone = frozenset(desk.student for desk in self.desks) - told.here

    async def step(self) -> None:
        """Everything that the script asks for since the last step."""
        since, now = self.done_until, self.clock()
        self.done_until = now
        for desk in self.desks:
            self.sit(desk, now)
            if self.is_due(desk, since, now):
                self.read(desk, now)
        for cue in script.cues_between(self.in_script(since), self.in_script(now)):
            await self.tap(cue, now)

    def in_script(self, now: float) -> float:
        return max(0.0, now - self.opened_at) * self.speed

    def is_here(self, desk: Desk, now: float) -> bool:
        return desk.student not in self.gone and desk.actor.is_present(self.in_script(now))

    def sit(self, desk: Desk, now: float) -> None:
        """Enter, leave and turn the camera on and off, as a student's page would."""
        sits = desk.student in self.cameras
        if not self.is_here(desk, now):
            if sits:
                del self.cameras[desk.student]
                self.rooms.leave(self.lesson.pk, desk.student, left=True)
            return
        camera = ("off" if self.paused else "on") if desk.has_camera else "none"
        if not sits:
            self.rooms.enter(self.lesson.pk, desk.student, {"camera": camera})
        elif self.cameras[desk.student] != camera:
            self.rooms.change(self.lesson.pk, desk.student, {"camera": camera})
        self.cameras[desk.student] = camera

    def is_due(self, desk: Desk, since: float, now: float) -> bool:
        """Every student has a moment of their own in each interval, so they come spread out."""
        if self.cameras.get(desk.student) != "on":
            return False
        phase = desk.actor.number / STUDENTS * self.interval_s
        return (now - phase) // self.interval_s > (since - phase) // self.interval_s

    def read(self, desk: Desk, now: float) -> None:
        look = desk.actor.look(self.in_script(now))
        self.seq += 1
        self.take(
            reading_from(
                look,
                lesson=self.lesson.pk,
                student=desk.student,
                seq=self.seq,
                offered_at=now,
                read_at=now,
            )
        )

    async def tap(self, cue: script.Cue, now: float) -> None:
        desk = self.desks[cue.student]
        if not self.is_here(desk, now):
            return
        try:
            tap = await self.put(
                taps.save, self.lesson.pk, desk.student, cue.kind, uuid.uuid4(), moment(now)
            )
        except taps.CannotTap:
            return
        await room.tell_tap(tap)
