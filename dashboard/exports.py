"""A closed lesson as a file: ten-second rows as CSV, or all that is stored of it as JSON.

Names are off unless asked for; students are then numbered by joining, as on the live page. Sums
become means here, because who opens a table expects them; the counts stand beside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from classroom.models import Lesson
from emotions.models import Flag, Marker, Report, Slice
from ml.labels import EMOTIONS

COUNTS = ("n", "absent", "several", "unsure", "turned")
SUMS = ("engagement_sum", "valence_sum", *EMOTIONS)
HEAD = (
    *("at", "student", "readable", "no_face", "several_faces", "unsure", "turned"),
    *("engagement", "valence", *EMOTIONS),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file_name(lesson: Lesson, ending: str) -> str:
    """It says of simulated students that they are; a file travels without its page."""
    simulated = "-simulated" if lesson.is_simulated else ""
    return f"lesson-{lesson.pk}{simulated}.{ending}"


def called(lesson: Lesson, *, names: bool) -> dict[int, str]:
    people = lesson.participants.order_by("joined_at", "pk").values_list("pk", "name")
    if names:
        return dict(people)
    word = _("Student %(number)d")
    return {pk: word % {"number": at + 1} for at, (pk, _name) in enumerate(people)}


def as_csv(lesson: Lesson, *, names: bool) -> str:
    who = called(lesson, names=names)
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(HEAD)
    for row in rows(lesson):
        at, student, *figures = row
        writer.writerow([at, harmless(who.get(student, "")), *figures])
    return page.getvalue()


def harmless(cell: str) -> str:
    """A name that a spreadsheet would run as a formula is made text."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def rows(lesson: Lesson) -> Iterator[list[Any]]:
    """When, whose, the counts, and the means over what could be read; nothing where nothing was."""
    stored = Slice.objects.filter(lesson_id=lesson.pk).order_by("starts_at", "participant_id")
    columns = stored.values_list("starts_at", "participant_id", *COUNTS, *SUMS)
    for starts_at, student, *values in columns.iterator(chunk_size=5000):
        counts, sums = values[: len(COUNTS)], values[len(COUNTS) :]
        means = [round(one / counts[0], 3) if counts[0] else None for one in sums]
        yield [moment(datetime.fromtimestamp(starts_at, UTC)), student, *counts, *means]


def as_json(lesson: Lesson, *, names: bool) -> dict[str, Any]:
    who = called(lesson, names=names)
    return {
        "lesson": about(lesson),
        "students": list(who.values()),
        "markers": [
            {"at": moment(mark.at), "kind": mark.kind, "text": mark.text}
            for mark in Marker.objects.filter(lesson=lesson).order_by("at", "pk")
        ],
        "taps": [
            {"at": moment(tap.at), "student": who[tap.participant_id], "kind": tap.kind}
            for tap in Report.objects.filter(lesson=lesson, undone_at=None).order_by("at", "pk")
        ],
        "flags": [flag(one, who) for one in flags(lesson)],
        "ten_seconds": [
            dict(zip(HEAD, [at, who.get(student, ""), *figures], strict=True))
            for at, student, *figures in rows(lesson)
        ],
    }


def about(lesson: Lesson) -> dict[str, Any]:
    return {
        "course": lesson.course.name,
        "title": lesson.title,
        "mode": lesson.mode,
        "opened_at": moment(lesson.opened_at),
        "closed_at": moment(lesson.closed_at),
        "analysis": lesson.analysis,
        "coverage": lesson.coverage,
        "model": lesson.model_version,
        "score": lesson.score_version,
    }


def flags(lesson: Lesson) -> list[Flag]:
    """Those the teacher was shown; what a student answered in time stays the student's own."""
    at = lesson.closed_at
    assert at is not None
    return list(Flag.objects.filter(lesson=lesson).shown(at).order_by("since", "pk"))


def flag(one: Flag, who: dict[int, str]) -> dict[str, Any]:
    return {
        "student": who.get(one.participant_id or 0),
        "kind": one.kind,
        "since": moment(one.since),
        "until": moment(one.cleared_at),
        "verdict": one.verdict,
    }


def moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
