"""Serves as `manage.py serve` does, but every practice class is a crowd: `--students 200`.

The pupils are the practice class's own, as many as are asked for. Their readings enter behind the
classifier, where a worker's would, and from there go the ordinary way: publisher, channel layer,
the teacher's socket, and ten-second slices in the database. The lesson has gone on for 25 minutes
already, with slices written beforehand, so that charts and small lines are as long as the page
shows them. Only tools/bench_page.py starts this.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classroom.settings")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

from classroom.models import Lesson, Participant  # noqa: E402
from emotions import practice, script  # noqa: E402
from emotions.models import SLICE_SECONDS, Slice  # noqa: E402
from emotions.slices import start_of  # noqa: E402

PAST = timedelta(minutes=25)


def crowd(students: int) -> tuple[str, ...]:
    """Asha, Ben, … and when the names run out Asha 2, Ben 2, …"""
    rounds = range(1, students // len(script.NAMES) + 2)
    names = [f"{name} {nth}" if nth > 1 else name for nth in rounds for name in script.NAMES]
    return tuple(names[:students])


def enrol(lesson: Lesson, names: tuple[str, ...]) -> list[Participant]:
    practice.refuse_real(lesson)
    there = list(lesson.participants.order_by("pk"))
    if there:
        return there
    for number, name in enumerate(names):
        camera = lesson.analysis and number % len(script.NAMES) not in script.NO_CAMERA
        there.append(practice._enter(lesson, name, camera=camera))
    begin_earlier(lesson, there)
    return there


def begin_earlier(lesson: Lesson, students: list[Participant]) -> None:
    """Nothing in the past is judged: this measures a page and not the rules."""
    now = lesson.opened_at
    lesson.opened_at = now - PAST
    lesson.judged_until = now
    lesson.save(update_fields=["opened_at", "judged_until"])
    starts = range(start_of(lesson.opened_at.timestamp()), int(now.timestamp()), SLICE_SECONDS)
    cameras = [one for one in students if one.camera == Participant.Camera.ON]
    rows = [past_row(lesson, one, at) for at in starts for one in cameras]
    Slice.objects.bulk_create(rows, batch_size=500)


def past_row(lesson: Lesson, student: Participant, starts_at: int) -> Slice:
    happy, low = random.uniform(0, 1.5), random.uniform(0, 1)
    return Slice(
        lesson=lesson,
        participant=student,
        starts_at=starts_at,
        n=5,
        happy=happy,
        sad=low,
        neutral=5 - happy - low,
        valence_sum=happy - low,
        engagement_sum=4.2,
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--students", type=int, required=True)
    words.add_argument("--port", type=int, required=True)
    chosen = words.parse_args()
    names = crowd(chosen.students)
    practice.enrol = lambda lesson: enrol(lesson, names)
    practice.STUDENTS = len(names)
    call_command("serve", bind="127.0.0.1", port=chosen.port)


if __name__ == "__main__":
    main()
