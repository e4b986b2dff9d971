"""Serves as `manage.py serve` does, but every practice class is a crowd: `--students 200`.

The pupils are the practice class's own, as many as are asked for. Their readings enter behind the
classifier, where a worker's would, and from there go the ordinary way: publisher, channel layer,
the teacher's socket, and ten-second slices in the database. Only tools/bench_page.py starts this.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classroom.settings")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

from classroom.models import Lesson, Participant  # noqa: E402
from emotions import practice, script  # noqa: E402


def crowd(students: int) -> tuple[str, ...]:
    """Asha, Ben, … and when the names run out Asha 2, Ben 2, …"""
    rounds = range(1, students // len(script.NAMES) + 2)
    names = [f"{name} {nth}" if nth > 1 else name for nth in rounds for name in script.NAMES]
    return tuple(names[:students])


def enrol(lesson: Lesson, names: tuple[str, ...]) -> list[Participant]:
    practice.refuse_real(lesson)
    there = list(lesson.participants.order_by("pk"))
    for number in range(len(there), len(names)):
        camera = lesson.analysis and number % len(script.NAMES) not in script.NO_CAMERA
        there.append(practice._enter(lesson, names[number], camera=camera))
    return there


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
