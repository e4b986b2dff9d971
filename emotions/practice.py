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
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from classroom import consent, languages, lessons
from classroom.models import Lesson, Participant
from classroom.presence import Rooms
from emotions import room, script, taps
from emotions.actors import Actor
from emotions.attention import moment
from emotions.models import Marker
from emotions.publish import tell_room
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

    actor: Actor
    student: int
    has_camera: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the database says of a practice lesson now."""

    is_open: bool
    paused: bool
    here: frozenset[int]


def look_up(lesson_id: int) -> Told:
    lesson = Lesson.objects.filter(pk=lesson_id).first()
    if lesson is None:
        # Its teacher deleted what was practised.
        return Told(is_open=False, paused=False, here=frozenset())
    here = lesson.participants.filter(removed_at=None).values_list("pk", flat=True)
    return Told(lesson.is_open, lesson.paused_at is not None, frozenset(here))


def marker_words(key: str) -> str:
    """What the script writes at the beginning of a part, so that charts tell what was played."""
    return {
        "settling": _("Settling in"),
        "slide": _("A confusing slide"),
        "joke": _("A joke"),
        "slump": _("A slump"),
        "leaving": _("Two students leave"),
    }[key]


def steer(lesson_id: int, kind: str, at: float) -> dict[str, Any] | None:
    """What the script's teacher does: a marker, or quiet work; the lesson as it is then.

    None when nothing was done: the lesson has ended, or it was so already.
    """
    lesson = Lesson.objects.select_related("course").filter(pk=lesson_id, closed_at=None).first()
    if lesson is None:
        return None
    if kind not in (Marker.Kind.QUIET, Marker.Kind.QUIET_END):
        with translation.override(languages.of_practice(lesson.course.name)):
            text = marker_words(kind)
        Marker.objects.create(lesson=lesson, kind=Marker.Kind.NOTE, text=text, at=moment(at))
        return room.lesson_state(lesson)
    begins = kind == Marker.Kind.QUIET
    is_quiet = lessons.is_quiet(lesson, moment(at))
    if begins == is_quiet or not lessons.quiet(lesson, begins, now=moment(at)):
        return None
    Marker.objects.create(lesson=lesson, kind=kind, at=moment(at))
    return room.lesson_state(lesson)


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
                (Actor(number, lesson.pk, speed), student)
                for number, student in enumerate(students)
            )
        ]
        self.cameras: dict[int, str] = {}
        self.tapped: dict[tuple[int, str], uuid.UUID] = {}
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
            await (self.steer(cue, now) if cue.student == script.TEACHER else self.tap(cue, now))

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
        key, at = (desk.student, cue.kind), moment(now)
        if cue.undone:
            known = self.tapped.pop(key, None)
            await self.take_back(desk.student, known, at)
            return
        self.tapped[key] = uuid.uuid4()
        try:
            tap = await self.put(
                taps.save, self.lesson.pk, desk.student, cue.kind, self.tapped[key], at
            )
        except taps.CannotTap:
            return
        await room.tell_tap(tap)

    async def take_back(self, student: int, tap: uuid.UUID | None, at: datetime) -> None:
        """As with the page's Undo. A class that was started again no longer knows the tap."""
        undone = tap and await self.put(taps.undo, self.lesson.pk, student, tap, at)
        if undone:
            await room.tell_tap(undone)

    async def steer(self, cue: script.Cue, now: float) -> None:
        state = await self.put(steer, self.lesson.pk, cue.kind, now)
        if state is not None:
            await tell_room(self.lesson.pk, {"type": "lesson.changed", "lesson": state})
