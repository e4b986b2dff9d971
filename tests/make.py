"""Builders, so that a test reads `make.lesson()` and names only what it is about."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from classroom import consent, lessons
from classroom.models import Course, Installation, Lesson, Participant

PASSWORD = "a-long-pass-phrase"
numbers = itertools.count(1)


def user(name: str = "", **fields: Any) -> Any:
    name = name or f"person{next(numbers)}"
    return get_user_model().objects.create_user(name, password=PASSWORD, **fields)


def teacher() -> Any:
    return user(first_name="Ada", last_name="Teacher")


def other_teacher() -> Any:
    return user(first_name="Olaf", last_name="Other")


def admin() -> Any:
    return user(is_staff=True, is_superuser=True)


def analysis(word: str = "on") -> None:
    """What was chosen at set-up."""
    Installation.objects.update_or_create(pk=1, defaults={"analysis": word})


def course(**fields: Any) -> Course:
    fields.setdefault("name", f"Physics {next(numbers)}")
    if "teacher" not in fields:
        fields["teacher"] = teacher()
    return Course.objects.create(**fields)


def lesson(**fields: Any) -> Lesson:
    """An open lesson with face analysis on, unless the fields say otherwise."""
    now = timezone.now()
    if "course" not in fields:
        owner = {"teacher": fields.pop("teacher")} if "teacher" in fields else {}
        fields["course"] = course(**owner)
    filled = {
        "code": lessons.new_code(),
        "analysis": True,
        "opened_at": now,
        "ends_at": fields.get("opened_at", now) + timedelta(hours=4),
        "teacher_seen_at": now,
        **fields,
    }
    return Lesson.objects.create(**filled)


def participant(**fields: Any) -> Participant:
    """A student with the camera on, who has consented to it."""
    if "lesson" not in fields:
        fields["lesson"] = lesson()
    filled = {
        "name": f"Student {next(numbers)}",
        "camera": Participant.Camera.ON,
        **fields,
    }
    student = Participant.objects.create(**filled)
    consent.record(student, student.camera == Participant.Camera.ON)
    return student
