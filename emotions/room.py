"""What a teacher or a student decides, carried to everything that must know of it.

Each action calls its rule in a database thread, then bars or unbars the snapshot queue, because
what must not be lost cannot go over the channel layer, and last tells the pages. Views and sockets
call these; the rules themselves live with their nouns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from classroom import consent, lessons, participants
from classroom.models import Course, Lesson, Participant
from classroom.sockets import in_database
from classroom.texts import one_line
from emotions import attention, closing, publish, seats, slices, taps
from emotions.frames import frames
from emotions.models import Marker, Slice
from emotions.publish import tell_room, tell_students, tell_teachers

MARKER_LENGTH = Marker._meta.get_field("text").max_length or 80

Answer = TypeVar("Answer")


class LessonEnded(Exception):
    """The lesson is closed by now, so nothing about it can be changed."""


def lesson_state(lesson: Lesson) -> dict[str, Any]:
    """The lesson as pages need to know it: whole, in plain values, times in epoch seconds."""
    return {
        "id": lesson.pk,
        "title": lesson.title or lesson.course.name,
        "paused": lesson.paused_at is not None,
        "locked": lesson.locked_at is not None,
        "closed": lesson.closed_at is not None,
        "closed_at": attention.epoch(lesson.closed_at),
        "quiet_until": attention.epoch(lesson.quiet_until),
        "interval_ms": lesson.interval_ms,
        "analysis": lesson.analysis and not seats.is_forbidden(),
    }


async def pause(lesson: Lesson) -> None:
    await _change(lesson, lessons.pause, Marker.Kind.PAUSE)
    await frames().bar(lesson=lesson.pk)
    await tell_lesson(lesson)


async def resume(lesson: Lesson) -> None:
    await _change(lesson, lessons.resume, Marker.Kind.RESUME)
    await frames().unbar(lesson=lesson.pk)
    await tell_lesson(lesson)


async def lock(lesson: Lesson) -> None:
    await _change(lesson, lessons.lock)
    await tell_lesson(lesson)


async def unlock(lesson: Lesson) -> None:
    await _change(lesson, lessons.unlock)
    await tell_lesson(lesson)


async def quiet(lesson: Lesson, on: bool) -> None:
    """Quiet work: no face-based flags until it ends, also those that stand open."""

    def rule(lesson: Lesson) -> bool:
        return lessons.quiet(lesson, on)

    await _change(lesson, rule, Marker.Kind.QUIET if on else Marker.Kind.QUIET_END)
    await tell_lesson(lesson)


class LongMarker(ValueError):
    """The message says how long a marker may be."""


async def add_marker(lesson: Lesson, text: str) -> Marker:
    words = one_line(text)
    if len(words) > MARKER_LENGTH:
        told = {"most": MARKER_LENGTH, "length": len(words)}
        raise LongMarker(
            _("A marker has at most %(most)d characters; this one has %(length)d.") % told
        )
    marker = await in_database(_mark, lesson, Marker.Kind.NOTE, words)
    await tell_lesson(lesson)
    return marker


async def close(lesson: Lesson, *, rule: Callable[[Lesson], bool] = lessons.close) -> bool:
    """End it for everybody; False when somebody else just did."""
    closed = await in_database(rule, lesson)
    await frames().bar(lesson=lesson.pk)
    if not closed:
        return False
    await slices.flush_all()
    await in_database(closing.close, lesson)
    await tell_lesson(lesson)
    return True


async def remove(participant: Participant, *, by: object = None) -> None:
    def rule() -> None:
        participants.remove(participant, by=by)
        attention.clear_all(participant.lesson_id, participant_id=participant.pk, at=timezone.now())

    await in_database(rule)
    await frames().bar(student=participant.pk)
    await tell_student(participant)
    await tell_flags(participant.lesson_id)


async def readmit(participant: Participant) -> None:
    await in_database(participants.readmit, participant)
    await frames().unbar(student=participant.pk)
    await tell_student(participant)


async def rename(participant: Participant, name: str) -> None:
    """Raises participants.BadName."""
    await in_database(participants.rename, participant, name)
    await tell_student(participant)


async def withdraw(participant: Participant) -> None:
    """Consent taken back: nothing more is read, and what was measured is deleted."""
    await frames().bar(student=participant.pk)
    forget_unstored(participant.lesson_id, participant.pk)
    await in_database(_withdraw, participant)
    await tell_consent(participant, given=False)
    await tell_student(participant, forgotten=True)
    await tell_flags(participant.lesson_id)


async def give_consent(participant: Participant) -> None:
    await in_database(consent.give, participant)
    await frames().unbar(student=participant.pk)
    await tell_consent(participant, given=True)


async def erase(participant: Participant) -> None:
    """Everything of this student goes, the name included."""
    lesson_id, student = participant.lesson_id, participant.pk
    await frames().bar(student=student)
    forget_unstored(lesson_id, student)
    await in_database(participants.erase, participant)
    await tell_erased(lesson_id, student)


async def tell_erased(lesson_id: int, student: int) -> None:
    """Also of a student whom an administrator erased, which knows of no queue and no page."""
    await frames().bar(student=student)
    forget_unstored(lesson_id, student)
    gone = {"type": "lesson.student", "student": student, "name": "", "removed": True}
    await tell_room(lesson_id, gone | {"erased": True})
    await tell_flags(lesson_id)


def forget_unstored(lesson_id: int, student: int | None = None) -> None:
    """Readings that are neither told nor written yet."""
    publish.forget_everywhere(lesson_id, student)
    slices.forget_everywhere(lesson_id, student)


async def stop_analysis(lesson: Lesson) -> None:
    """Faces are not read any more: it was switched off for the whole installation."""
    await frames().bar(lesson=lesson.pk)
    await in_database(_stop_analysis, lesson.pk)
    await tell_lesson(lesson)


async def vanish(lesson_id: int) -> None:
    """An administrator deleted it while somebody was in it."""
    forget_unstored(lesson_id)
    gone = Lesson(pk=lesson_id, course=Course(), closed_at=timezone.now())
    state = await in_database(lesson_state, gone)
    await tell_room(lesson_id, {"type": "lesson.changed", "lesson": state})


async def dismiss(lesson: Lesson, flag_id: int) -> None:
    await in_database(attention.dismiss, lesson, flag_id)
    await tell_flags(lesson.pk)


async def snooze(lesson: Lesson, flag_id: int) -> None:
    await in_database(attention.snooze, lesson, flag_id)
    await tell_flags(lesson.pk)


async def verdict(lesson: Lesson, flag_id: int, *, useful: bool) -> None:
    def rule() -> None:
        attention.rate(lesson, flag_id, useful=useful)

    await in_database(rule)
    await tell_flags(lesson.pk)


async def tell_lesson(lesson: Lesson) -> None:
    state = await in_database(_state, lesson.pk)
    await tell_room(lesson.pk, {"type": "lesson.changed", "lesson": state})


async def tell_flags(lesson_id: int) -> None:
    await tell_teachers(lesson_id, await in_database(attention.news, lesson_id))


async def tell_student(participant: Participant, *, forgotten: bool = False) -> None:
    """`forgotten`: what was measured of this student is deleted."""
    message = {
        "type": "lesson.student",
        "student": participant.pk,
        "name": participant.name,
        "removed": participant.removed_at is not None,
        "forgotten": forgotten,
    }
    await tell_room(participant.lesson_id, message)


async def tell_consent(participant: Participant, *, given: bool) -> None:
    message = {"type": "student.consent", "student": participant.pk, "given": given}
    await tell_students(participant.lesson_id, message)


async def tell_tap(tap: taps.Tap) -> None:
    """Pass a new tap on, and the flags with it when it is a raised hand."""
    if not tap.new:
        return
    await tell_teachers(tap.lesson, taps.news(tap))
    if tap.is_hand:
        await tell_flags(tap.lesson)


async def _change(
    lesson: Lesson, rule: Callable[[Lesson], bool], mark: Marker.Kind | None = None
) -> None:
    def change() -> bool:
        changed = rule(lesson)
        if changed and mark is not None:
            _mark(lesson, mark)
        return changed

    if not await in_database(change):
        raise LessonEnded(_("This lesson has ended."))


def _mark(lesson: Lesson, kind: str, text: str = "", at: datetime | None = None) -> Marker:
    return Marker.objects.create(lesson=lesson, kind=kind, text=text, at=at or timezone.now())


def _state(lesson_id: int) -> dict[str, Any]:
    return lesson_state(Lesson.objects.select_related("course").get(pk=lesson_id))


def _stop_analysis(lesson_id: int) -> None:
    Lesson.objects.filter(pk=lesson_id).update(analysis=False)


def _withdraw(participant: Participant) -> None:
    def delete(participant: Participant) -> None:
        Slice.objects.filter(participant=participant, lesson_id=participant.lesson_id).delete()
        # A flag is a measurement as well, also one that is closed. A raised hand is the student's.
        attention.face_flags(participant.lesson_id, participant.pk).delete()

    consent.withdraw(participant, delete=delete)
