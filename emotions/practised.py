"""Deleting what was practised: every simulated lesson of one teacher, open or ended.

A practice course goes with its lessons; a course that holds a real lesson too stays, with that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import QuerySet

from classroom.models import Course, Lesson
from emotions import room


@dataclass(frozen=True, slots=True)
class Practised:
    """What there is to delete."""

    lessons: int
    courses: list[str]

    @property
    def is_any(self) -> bool:
        return self.lessons > 0


def lessons_of(teacher: Any) -> QuerySet[Lesson]:
    return Lesson.objects.filter(course__teacher_id=teacher.pk, mode=Lesson.Mode.PRACTICE)


def courses_of(teacher: Any) -> QuerySet[Course]:
    """Courses with practice lessons and no others."""
    real = Lesson.objects.exclude(mode=Lesson.Mode.PRACTICE).values("course_id")
    return Course.objects.filter(lessons__in=lessons_of(teacher)).exclude(pk__in=real).distinct()


def of(teacher: Any) -> Practised:
    names = courses_of(teacher).order_by("name").values_list("name", flat=True)
    return Practised(lessons_of(teacher).count(), list(names))


def delete(teacher: Any) -> int:
    """How many lessons are gone. An open one is ended first, so that its pages hear of it."""
    for lesson in lessons_of(teacher).filter(closed_at=None).select_related("course"):
        async_to_sync(room.close)(lesson)
    with transaction.atomic():
        courses = list(courses_of(teacher).values_list("pk", flat=True))
        found = lessons_of(teacher)
        count = found.count()
        found.delete()
        Course.objects.filter(pk__in=courses, lessons=None).delete()
    return count
