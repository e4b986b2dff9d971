"""One student at the side of the live page: this lesson so far, and no other.

The line, the taps and the flags that its teacher was shown. What a student answered to the private
question is not in it, and neither is any other lesson: there is no profile of a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from classroom.models import Participant
from dashboard.stored import epoch
from emotions import words
from emotions.models import SLICE_SECONDS, Flag, Report, Slice
from emotions.slices import start_of

MOST_POINTS = 120
COUNTS = ("n", "absent", "several", "unsure")


@dataclass(frozen=True, slots=True)
class Span:
    """One point of the line: how much could be read in it, and what came of that."""

    samples: int = 0
    n: int = 0
    valence_sum: float = 0

    def __add__(self, other: Span) -> Span:
        return Span(
            self.samples + other.samples, self.n + other.n, self.valence_sum + other.valence_sum
        )

    @property
    def valence(self) -> float | None:
        return round(self.valence_sum / self.n, 2) if self.n else None


def so_far(student: Participant, now: datetime) -> dict[str, Any]:
    spans = spans_of(student)
    begins_at, ends_at = epoch(student.lesson.opened_at), now.timestamp()
    everything = sum(spans.values(), Span())
    return {
        "line": line(spans, begins_at, ends_at) if everything.n else [],
        "from": words.time_of_day(begins_at),
        "until": words.time_of_day(ends_at),
        "readable": percent(everything),
        "taps": taps(student),
        "flags": flags(student, now),
    }


def spans_of(student: Participant) -> dict[int, Span]:
    rows = Slice.objects.filter(lesson_id=student.lesson_id, participant=student)
    found = {}
    for starts_at, valence_sum, *counts in rows.values_list("starts_at", "valence_sum", *COUNTS):
        found[starts_at] = Span(sum(counts), counts[0], valence_sum)
    return found


def line(spans: dict[int, Span], begins_at: float, ends_at: float) -> list[float | None]:
    """Valence over the lesson, a gap where nothing was read; as many points as can be seen."""
    starts = range(start_of(begins_at), int(ends_at), SLICE_SECONDS)
    each = max(1, math.ceil(len(starts) / MOST_POINTS))
    some = [starts[at : at + each] for at in range(0, len(starts), each)]
    return [sum((spans.get(at, Span()) for at in group), Span()).valence for group in some]


def percent(span: Span) -> int | None:
    """How much of what the camera sent could be read; nothing where it sent nothing."""
    return round(100 * span.n / span.samples) if span.samples else None


def taps(student: Participant) -> list[str]:
    standing = Report.objects.filter(participant=student, undone_at=None).order_by("at")
    return [f"{words.time_of_day(epoch(tap.at))} {words.TAPS[tap.kind]}" for tap in standing]


def flags(student: Participant, now: datetime) -> list[str]:
    raised = Flag.objects.filter(participant=student).shown(now).order_by("since", "pk")
    return [flag_line(flag, now) for flag in raised]


def flag_line(flag: Flag, now: datetime) -> str:
    """ "10:42 Away · 3 min · useful"; an open one lasts until now."""
    ended = flag.cleared_at or now
    lasted = words.for_time((ended - flag.since) / timedelta(seconds=1))
    parts = [f"{words.time_of_day(epoch(flag.since))} {words.flag_title(flag.kind)}", lasted]
    if flag.cleared_at is None:
        parts.append(_("open"))
    if flag.verdict:
        parts.append(str(flag.get_verdict_display()))
    return " · ".join(parts)
