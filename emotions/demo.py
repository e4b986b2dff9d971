"""A database for looking around: one teacher, a practice class under way, some ended lessons.

It keeps to a data folder of its own, which it marks, and touches no other. Made again, the account
gets a new password and the class begins anew; what was looked at before is in the history.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Max

from classroom import installation, lessons
from classroom.languages import PRACTICE_COURSE
from classroom.models import Course, Lesson
from emotions import attention, closing, past
from emotions.models import SLICE_SECONDS

USER, NAME = "demo", "Demo"
HEAD_START = timedelta(seconds=150)
"""So much of the class is over when it starts: what is usual for each is nearly known by then."""


class NotADemo(Exception):
    """There is somebody's data here; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """What whoever started it needs to know, and the course that they look at."""

    user: str
    password: str
    course: Course


def mark() -> Path:
    return settings.DATA_DIR / "this-is-a-demo"


def claim_folder() -> None:
    """Before anything is written: a database that no demo made is left alone."""
    if settings.DATABASE_URL or settings.REDIS_URL:
        raise NotADemo(
            "A demo keeps to a database file of its own. Start it with 'make demo', or without "
            "DATABASE_URL and REDIS_URL."
        )
    if (settings.DATA_DIR / "db.sqlite3").exists() and not mark().exists():
        raise NotADemo(
            f"{settings.DATA_DIR} holds somebody's data, so no demo is put there. "
            "Start it with 'make demo', or give it a DATA_DIR of its own."
        )
    mark().touch()


def prepare() -> Account:
    """Everything but the running class; safe to repeat."""
    password = secrets.token_urlsafe(9)
    teacher = _teacher(password)
    if not installation.analysis_chosen():
        # Everyone in the demo's class is simulated; no camera is read for it.
        installation.choose(installation.ON)
    course, new = Course.objects.get_or_create(teacher=teacher, name=PRACTICE_COURSE)
    if new:
        past.rehearse(course)
    return Account(USER, password, course)


def _teacher(password: str) -> Any:
    """The account that set-up would have made; a new start, a new password."""
    teacher, _made = get_user_model().objects.get_or_create(
        username=USER, defaults={"first_name": NAME, "is_staff": True, "is_superuser": True}
    )
    teacher.set_password(password)
    teacher.save()
    return teacher


def end_last(course: Course) -> None:
    """The class that ran when the demo was stopped; one that nobody opened leaves no trace."""
    for lesson in course.lessons.filter(closed_at=None):
        last = lesson.slices.aggregate(at=Max("starts_at"))["at"]
        if last is None or not _was_opened(lesson):
            lesson.delete()
            continue
        lessons.close(lesson, now=attention.moment(last + SLICE_SECONDS))
        closing.close(lesson)


def _was_opened(lesson: Lesson) -> bool:
    seen_at = lesson.teacher_seen_at or lesson.opened_at
    return seen_at > lesson.opened_at + HEAD_START


def begin(course: Course, now: datetime) -> Lesson:
    """As late as can be: between this and the server's start nobody plays."""
    end_last(course)
    lesson = lessons.open(course, mode=Lesson.Mode.PRACTICE, now=now - HEAD_START)
    past.write_until(lesson, now)
    # The teacher has as long as ever to open the page.
    Lesson.objects.filter(pk=lesson.pk).update(teacher_seen_at=lesson.opened_at + HEAD_START)
    return lesson
