"""Ten minutes of each student as a small line, and what is new at its end.

Lines of two hundred students are sixty values each, but in ten seconds each grows by one: so the
page is told the ends, and moves the rest along by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.timeline import SPARK_POINTS
from emotions.models import SLICE_SECONDS

Line = list[float | None]
NOTHING: Line = [None] * SPARK_POINTS


@dataclass(frozen=True, slots=True)
class Sparklines:
    """A value per slice up to `until`, by student."""

    until: int
    of: Mapping[int, Line]

    def since(self, told: Sparklines) -> dict[str, Any]:
        """`until`, and of each line that is not just `told` moved along the values at its end."""
        steps = max(0, min(SPARK_POINTS, (self.until - told.until) // SLICE_SECONDS))
        tails = {}
        for student, line in self.of.items():
            tail = new_end(moved(told.of.get(student, NOTHING), steps), line)
            if tail:
                tails[student] = tail
        return {"until": self.until, "of": tails}


def moved(line: Line, steps: int) -> Line:
    return [*line[steps:], *NOTHING[:steps]]


def new_end(old: Line, new: Line) -> Line:
    """The shortest end of `new` that makes it of `old`."""
    pairs = enumerate(zip(old, new, strict=True))
    first = next((at for at, (a, b) in pairs if a != b), len(new))
    return new[first:]
