"""Stored slices for tests: what a student did in each ten seconds of a lesson."""

from __future__ import annotations

from typing import Any

from classroom.models import Lesson, Participant
from emotions.models import Slice
from emotions.slices import start_of


def opened(lesson: Lesson) -> int:
    """The start of the lesson's first slice."""
    return start_of(lesson.opened_at.timestamp())


def rows(student: Participant, first: int, count: int, **sums: Any) -> None:
    """`count` slices from the `first` of the lesson on; readable and neutral unless said."""
    filled = {"n": 5, "neutral": 5.0} if "absent" not in sums and "n" not in sums else {}
    filled |= sums
    start = opened(student.lesson)
    Slice.objects.bulk_create(
        Slice(
            lesson=student.lesson,
            participant=student,
            starts_at=start + 10 * number,
            **filled,
        )
        for number in range(first, first + count)
    )


def low(student: Participant, first: int, count: int) -> None:
    rows(student, first, count, n=5, valence_sum=-3.5, sad=4.0, neutral=1.0)


def away(student: Participant, first: int, count: int) -> None:
    rows(student, first, count, absent=5)
