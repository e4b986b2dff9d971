"""The end of a lesson: what history will read, computed once from the stored slices.

Summary columns and one row per minute stay when individual data is deleted. They are frozen at
closing and not computed again when somebody erases their data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Sum
from django.utils import timezone

from classroom import lessons
from classroom.models import Lesson
from emotions import attention
from emotions.models import SLICE_SECONDS, Flag, LessonMinute, Slice
from emotions.slices import COLUMNS
from ml.engagement import SCORE_VERSION

MINUTE_S = 60
MISSED = timedelta(minutes=1)
"""Due for so long, a lesson was left open by a server that stood still: it is looked at every five
seconds otherwise, and what is measured in these is of it."""
SIDECAR = Path("ml") / "models" / "emotions.json"


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a whole lesson; `n` readable samples of `samples`."""

    n: int
    samples: int
    engagement_sum: float
    valence_sum: float

    @property
    def coverage(self) -> float | None:
        return self.n / self.samples if self.samples else None

    def mean(self, total: float) -> float | None:
        return total / self.n if self.n else None


def ended_at(lesson: Lesson, now: datetime) -> datetime:
    """When a lesson that is due ended: now, or where nobody was there to end it, by its rules.

    Not before the last that was stored of it.
    """
    due_at, _why = lessons.ending(lesson)
    if now - due_at < MISSED:
        return now
    return min(now, max(due_at, *traces(lesson)))


def traces(lesson: Lesson) -> list[datetime]:
    """The ends of its last slice, tap and marker."""
    last = lesson.slices.aggregate(at=Max("starts_at"))["at"]
    acts = [lesson.reports.aggregate(at=Max("at"))["at"]]
    acts.append(lesson.markers.aggregate(at=Max("at"))["at"])
    measured = lesson.opened_at if last is None else attention.moment(last + SLICE_SECONDS)
    return [measured, *(at for at in acts if at is not None)]


def close(lesson: Lesson) -> None:
    """Close what stands open and write the summary; safe to repeat."""
    with transaction.atomic():
        attention.clear_all(lesson.pk, at=lesson.closed_at or timezone.now())
        write_minutes(lesson)
        write_summary(lesson)


def write_minutes(lesson: Lesson) -> None:
    LessonMinute.objects.filter(lesson=lesson).delete()
    LessonMinute.objects.bulk_create(minutes(lesson))


def minutes(lesson: Lesson) -> Iterable[LessonMinute]:
    """The class, minute by minute: sums, who was seen at all, and who was readable."""
    start = F("starts_at") - F("starts_at") % MINUTE_S
    of_lesson = Slice.objects.filter(lesson=lesson).annotate(minute=start)
    readable = dict(
        of_lesson.filter(n__gt=0)
        .values("minute")
        .annotate(students=Count("participant_id", distinct=True))
        .values_list("minute", "students")
    )
    sums = {name: Sum(name) for name in COLUMNS}
    rows: Any = of_lesson.values("minute").annotate(
        students=Count("participant_id", distinct=True), **sums
    )
    for row in rows.order_by("minute"):
        yield LessonMinute(
            lesson=lesson,
            starts_at=row["minute"],
            present=row["students"],
            readable=readable.get(row["minute"], 0),
            **{name: row[name] for name in COLUMNS},
        )


def write_summary(lesson: Lesson) -> None:
    totals = totals_of(lesson)
    flags = Flag.objects.filter(lesson=lesson).shown(lesson.closed_at or timezone.now())
    Lesson.objects.filter(pk=lesson.pk).update(
        students=lesson.participants.count(),
        cameras=lesson.slices.values("participant_id").distinct().count(),
        samples=totals.samples,
        coverage=totals.coverage,
        engagement=totals.mean(totals.engagement_sum),
        valence=totals.mean(totals.valence_sum),
        flags_raised=flags.count(),
        flags_useful=flags.filter(verdict=Flag.Verdict.USEFUL).count(),
        model_version=model_version(lesson) if totals.samples else "",
        score_version=SCORE_VERSION if totals.samples else "",
    )
    lesson.refresh_from_db()


def totals_of(lesson: Lesson) -> Totals:
    sums = Slice.objects.filter(lesson=lesson).aggregate(
        **{name: Sum(name, default=0) for name in COLUMNS[:7]}
    )
    samples = sums["n"] + sums["absent"] + sums["several"] + sums["unsure"]
    return Totals(sums["n"], samples, sums["engagement_sum"], sums["valence_sum"])


def model_version(lesson: Lesson) -> str:
    """Which network read the faces; simulated ones were read by none."""
    return "simulated" if lesson.mode == Lesson.Mode.PRACTICE else installed_version()


@cache
def installed_version() -> str:
    sidecar = json.loads((settings.BASE_DIR / SIDECAR).read_text(encoding="utf-8"))
    return str(sidecar["version"])[:40]
