"""Forgetting: individual data goes after the days that the notice promises, class figures stay.

With the ten-second slices go the names, the taps, the flags of single students, and the key by
which a browser would still be recognised. Summaries and minutes are of the class and are kept.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from classroom import audit
from classroom.models import Lesson
from emotions import closing
from emotions.models import Answer, Flag, Report, Slice


@dataclass(frozen=True, slots=True)
class Purged:
    lessons: int = 0
    slices: int = 0
    students: int = 0


def purge(*, days: int | None = None, now: datetime | None = None) -> Purged:
    """Forget the students of every lesson that ended longer ago than this."""
    days = settings.KEEP_SLICES_DAYS if days is None else days
    before = (now or timezone.now()) - timedelta(days=days)
    lessons = slices = students = 0
    for lesson in Lesson.objects.filter(closed_at__lte=before).order_by("pk"):
        gone, named = forget_students(lesson)
        lessons += bool(gone or named)
        slices += gone
        students += named
    return Purged(lessons, slices, students)


@transaction.atomic
def forget_students(lesson: Lesson) -> tuple[int, int]:
    """Rows of slices deleted and students unnamed; both 0 the second time."""
    if lesson.students is None:
        closing.close(lesson)
    gone = Slice.objects.filter(lesson=lesson).delete()[0]
    Report.objects.filter(lesson=lesson).delete()
    Answer.objects.filter(lesson=lesson).delete()
    Flag.objects.filter(lesson=lesson).exclude(participant=None).delete()
    named = take_names(lesson)
    if gone or named:
        audit.append(None, "individual data purged", f"lesson {lesson.pk}")
    return gone, named


def take_names(lesson: Lesson) -> int:
    """Number the students; in two steps, because somebody may be called "Student 2"."""
    students = list(lesson.participants.order_by("pk"))
    numbered = [_unnamed(number) for number in range(1, len(students) + 1)]
    if [student.name for student in students] == numbered:
        return 0
    for student in students:
        student.key = uuid.uuid4()
        student.name = student.key.hex
        student.save(update_fields=["name", "key"])
    for student, name in zip(students, numbered, strict=True):
        student.name = name
        student.save(update_fields=["name"])
    return len(students)


def _unnamed(number: int) -> str:
    return _("Student %(number)d") % {"number": number}
