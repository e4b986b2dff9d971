"""The numbers behind a flag: what a course sets, what it leaves alone, and how far each may go.

One setting is meant for everybody: fewer flags, as usual, or more. The rest can be set one by one.
A lesson keeps the settings it was opened with, so that judging it again gives the same flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from django.conf import settings

from classroom.models import Course, Lesson

ASK_S = 30.0
"""How long a flag waits for the student's own answer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a student's face raises a flag. Seconds, scales under the usual, and shares.

    Low is the mean of the last `low_for_s` so many scales under the usual: one window in place of
    a shorter mean that had to stay low as long again, which found the same dips ten seconds later
    and raised more false flags. docs/flags.md has what these and other windows find.
    """

    away_after_s: float = 80
    scales_below: float = 2.0
    low_for_s: float = 90
    turned_for_s: float = 80
    turned_share: float = 0.9
    cool_down_s: float = 300
    ask_s: float = ASK_S


FEWER = {"scales_below": 2.3, "low_for_s": 120.0, "turned_for_s": 150.0, "turned_share": 0.95}
MORE = {"scales_below": 1.75, "low_for_s": 80.0, "turned_for_s": 70.0, "turned_share": 0.85}
STEPS: dict[str, dict[str, float]] = {
    Course.Sensitivity.FEWER: FEWER,
    Course.Sensitivity.USUAL: {},
    Course.Sensitivity.MORE: MORE,
}
AWAY_TIMES = {Course.Sensitivity.FEWER: 2.0, Course.Sensitivity.MORE: 0.875}


def usual(sensitivity: str = Course.Sensitivity.USUAL) -> Rules:
    """What a course has that sets nothing but its sensitivity."""
    away_s = settings.AWAY_AFTER_S * AWAY_TIMES.get(Course.Sensitivity(sensitivity), 1.0)
    return replace(Rules(away_after_s=away_s), **STEPS[sensitivity])


def of(lesson: Lesson) -> Rules:
    return read(lesson.rules)


def read(stored: Mapping[str, Any]) -> Rules:
    """From what a lesson keeps; what it does not name is as usual."""
    rules = usual(stored.get("sensitivity") or Course.Sensitivity.USUAL)
    names = {field.name for field in fields(Rules)}
    set_here = {name: float(value) for name, value in stored.items() if name in names}
    rules = replace(rules, **set_here)
    return rules if stored.get("ask_first", True) else replace(rules, ask_s=0)
