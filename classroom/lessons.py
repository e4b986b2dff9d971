"""Lessons: opened with a code to join by, steered by their teacher, closed exactly once.

Every change is one UPDATE whose condition settles races: who closes second finds nothing left to
close. A lesson ends at its set length, or by itself when its teacher's page has gone away.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from classroom import audit, installation
from classroom.models import COURSE_LENGTH, Course, Lesson
from classroom.texts import one_line

# Crockford's alphabet: no I, L, O or U. Twelve of 32 symbols are 60 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12
GROUP = 4
AS_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})
TRIES = 10

QUIET_MINUTES = 15
WARN_AHEAD = timedelta(minutes=10)
# The page of a teacher who went away is missed for a third of the wait before anyone is warned.
WARN_SHARE = 2 / 3
LEAST_INTERVAL_MS = 250
MOST_INTERVAL_MS = 60_000


class CannotOpen(Exception):
    """No lesson could be opened; the message says why."""


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def tidy(typed: str) -> str:
    """The code as stored, from what somebody typed: any case, with or without separators."""
    letters = "".join(letter for letter in typed.upper()[:100] if letter.isalnum())
    return letters.translate(AS_MEANT)


def groups(code: str) -> list[str]:
    return [code[at : at + GROUP] for at in range(0, len(code), GROUP)]


def grouped(code: str) -> str:
    return "-".join(groups(code))


def open(
    course: Course,
    *,
    title: str = "",
    mode: str = Lesson.Mode.LIVE,
    now: datetime | None = None,
    interval_ms: int | None = None,
) -> Lesson:
    """Open a lesson, or return the one that this course has open already."""
    now = now or timezone.now()
    for _ in range(TRIES):
        lesson = unsaved(course, title, mode, now, interval_ms)
        try:
            with transaction.atomic():
                lesson.save(force_insert=True)
        except IntegrityError:
            already = Lesson.objects.filter(course=course, closed_at=None).first()
            if already is not None:
                return already
            continue
        return lesson
    raise CannotOpen("No free join code was found. Try again.")


def unsaved(
    course: Course, title: str, mode: str, now: datetime, interval_ms: int | None
) -> Lesson:
    return Lesson(
        course=course,
        title=one_line(title)[:COURSE_LENGTH].rstrip(),
        code=new_code(),
        mode=mode,
        analysis=installation.analysis_on(),
        rules=course.rules(),
        interval_ms=interval_ms or settings.SNAPSHOT_INTERVAL_MS,
        opened_at=now,
        ends_at=now + timedelta(hours=settings.LESSON_HOURS),
        teacher_seen_at=now,
    )


def by_code(typed: str) -> Lesson | None:
    """The open lesson of this code, else the last closed one, else None."""
    found = Lesson.objects.filter(code=tidy(typed)).select_related("course__teacher")
    return found.filter(closed_at=None).first() or found.order_by("-closed_at").first()


def change(lesson: Lesson, **fields: object) -> bool:
    """Set fields of a lesson that is still open; False when it is closed by now."""
    changed = Lesson.objects.filter(pk=lesson.pk, closed_at=None).update(**fields)
    if not changed:
        # Another page closed it, or an administrator deleted it with its course.
        lesson.closed_at = closed_at(lesson)
        return False
    for name, value in fields.items():
        setattr(lesson, name, value)
    return True


def closed_at(lesson: Lesson) -> datetime:
    found = Lesson.objects.filter(pk=lesson.pk).values_list("closed_at", flat=True).first()
    return found or timezone.now()


def pause(lesson: Lesson, *, now: datetime | None = None) -> bool:
    return change(lesson, paused_at=now or timezone.now())


def resume(lesson: Lesson) -> bool:
    return change(lesson, paused_at=None)


def lock(lesson: Lesson, *, now: datetime | None = None) -> bool:
    return change(lesson, locked_at=now or timezone.now())


def unlock(lesson: Lesson) -> bool:
    return change(lesson, locked_at=None)


def quiet(lesson: Lesson, on: bool, *, now: datetime | None = None) -> bool:
    until = (now or timezone.now()) + timedelta(minutes=QUIET_MINUTES)
    return change(lesson, quiet_until=until if on else None)


def is_quiet(lesson: Lesson, now: datetime) -> bool:
    """Whether quiet work is on: by itself it ends without anybody writing so."""
    return lesson.quiet_until is not None and lesson.quiet_until > now


def set_interval(lesson: Lesson, interval_ms: int) -> bool:
    if not LEAST_INTERVAL_MS <= interval_ms <= MOST_INTERVAL_MS:
        raise ValueError(f"The interval must be {LEAST_INTERVAL_MS} to {MOST_INTERVAL_MS} ms.")
    return change(lesson, interval_ms=interval_ms)


def teacher_seen(lesson_id: int, *, now: datetime | None = None) -> None:
    open_lesson = Lesson.objects.filter(pk=lesson_id, closed_at=None)
    open_lesson.update(teacher_seen_at=now or timezone.now())


def close(lesson: Lesson, *, now: datetime | None = None) -> bool:
    """Close it once: True for the caller who did, False for everybody after."""
    return change(lesson, closed_at=now or timezone.now())


@transaction.atomic
def close_by_itself(lesson: Lesson, why: str, *, now: datetime | None = None) -> bool:
    """The same where nobody pressed End: `why` ("abandoned", "over time") goes into the trail.

    `now` lies back where the server stood still at the lesson's end.
    """
    closed = close(lesson, now=now)
    if closed:
        audit.append(None, "lesson closed by itself", f"lesson {lesson.pk}: {why}")
    return closed


def overdue(now: datetime) -> QuerySet[Lesson]:
    """Open lessons past their set length."""
    return Lesson.objects.filter(closed_at=None, ends_at__lte=now)


def abandoned(now: datetime) -> QuerySet[Lesson]:
    """Open lessons whose teacher's page went away too long ago."""
    gone = now - timedelta(seconds=settings.ABANDONED_AFTER_S)
    return Lesson.objects.filter(closed_at=None, teacher_seen_at__lte=gone)


def ending(lesson: Lesson) -> tuple[datetime, str]:
    """When an open lesson ends by itself if its teacher does not come back, and why."""
    wait = timedelta(seconds=settings.ABANDONED_AFTER_S)
    moments = []
    if lesson.ends_at is not None:
        moments.append((lesson.ends_at, "over time"))
    if lesson.teacher_seen_at is not None:
        moments.append((lesson.teacher_seen_at + wait, "abandoned"))
    return min(moments)


def closing_at(lesson: Lesson, now: datetime) -> datetime | None:
    """When the lesson will close by itself, once that is near enough to be warned of."""
    moments = []
    if lesson.ends_at is not None and now >= lesson.ends_at - WARN_AHEAD:
        moments.append(lesson.ends_at)
    if lesson.teacher_seen_at is not None:
        wait = timedelta(seconds=settings.ABANDONED_AFTER_S)
        if now >= lesson.teacher_seen_at + wait * WARN_SHARE:
            moments.append(lesson.teacher_seen_at + wait)
    return min(moments, default=None) if lesson.is_open else None
