"""Every rule of the flags just below its line, at it, and just above it.

One row a rule: what is asked, and what it answers to three values. A line that moves by a hair, or
a "more than" that becomes an "at least", fails here by name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard.panel import folds_face_flags, panel
from dashboard.stored import OpenFlag
from emotions.flags import SLICE_S, Condition, Judge, Watch
from emotions.judge import QuietWork
from emotions.rules import Rules
from emotions.scoring import Same
from tests.line import Line
from tests.test_flags import START, Lesson, Row, gone, raised, read

NOW = 1_800_000_000.0


def kinds(lesson: Lesson, slices: int, *rows: Row) -> list[str]:
    return sorted({kind for _who, kind in raised(lesson.go(slices, *rows))})


def away_for(slices: int) -> list[str]:
    lesson = Lesson()
    lesson.go(3, read())
    return kinds(lesson, slices, gone())


def low_by(scales: float) -> list[str]:
    """So many scales under a usual that is given; two and quarters are exact as floats."""
    lesson = Lesson()
    lesson.go(1, read())
    watch = lesson.judge.watches[1]
    watch.rules = replace(watch.rules, scales_below=2.0)
    watch.usual = Same(middle=0.0, scale=0.25)
    return kinds(lesson, 15, read(valence=-0.25 * scales, n=4))


def low_after(slices: int) -> list[str]:
    """A dip that begins when the usual has been learnt for so many slices."""
    lesson = Lesson()
    lesson.go(slices, read())
    return kinds(lesson, 16, read(valence=-0.8)) if lesson.judge.usual(1) is not None else []


def usual_after(slices: int, n: int = 5) -> bool:
    lesson = Lesson()
    lesson.go(slices, read(n=n))
    return lesson.judge.usual(1) is not None


def turned_in(one_slice: int) -> list[str]:
    """Seven slices with nine of ten turned, and one with so many."""
    lesson = Lesson()
    lesson.go(7, read(turned=9, n=10))
    return kinds(lesson, 1, read(turned=one_slice, n=10))


def turned_at_last(of_four: int) -> list[str]:
    """Turned, once the look back at first has fallen out of the window; then so many of four."""
    lesson = Lesson()
    lesson.go(1, read(n=40))
    lesson.go(7, read(n=40, turned=40))
    return kinds(lesson, 1, read(n=4, turned=of_four))


def turned_for(slices: int) -> list[str]:
    return kinds(Lesson(), slices, read(turned=5))


def turned_where_readable(n: int) -> list[str]:
    return kinds(Lesson(), 12, Row(1, n=n, turned=n, unsure=5))


def turned_and_smiling(valence: float) -> list[str]:
    return kinds(Lesson(), 12, read(turned=4, valence=valence, n=4))


def kept(condition: Condition, *truths: bool | None) -> Condition:
    at = START
    for truth in truths:
        condition.step(at, truth)
        at += SLICE_S
    return condition


def still_holds(untrue: int) -> bool:
    return kept(Condition(10), True, *[False] * untrue).holds


def remembered(unknown: int) -> bool:
    return kept(Condition(60), True, *[None] * unknown).since is not None


def again_after(seconds: int) -> list[str]:
    """Away all along, and waved away so many seconds before this slice ends."""
    lesson = Lesson()
    lesson.go(20, gone())
    lesson.dismissed[1, "away"] = [float(lesson.at)]
    return kinds(lesson, seconds // SLICE_S, gone())


def class_dips(low: int, of: int) -> bool:
    judge = Judge(Rules())
    judge.readable = of
    for student in range(low):
        judge.watches[student] = Watch(judge.rules)
        judge.watches[student].low.holds = True
    return judge.class_dips


def quiet(seconds: float) -> bool:
    return QuietWork([NOW], [True]).at(NOW + seconds)


def quiet_switched_off(seconds: float) -> bool:
    return QuietWork([NOW, NOW + 60], [True, False]).at(NOW + seconds)


def cards(flags: int = 1, snoozed_s: float = 0, useful: int = 0, rated: int = 0) -> dict[str, Any]:
    many = [
        OpenFlag(n, "away", n, NOW - 200, NOW - 80, None, NOW + snoozed_s) for n in range(flags)
    ]
    names = {n: f"Student {n}" for n in range(flags)}
    return panel(many, names, NOW, useful=useful, rated=rated)


def shown_and_more(flags: int) -> tuple[int, int]:
    told = cards(flags)
    return len(told["flags"]), told["more"]


FLAGS = [
    Line("away for eighty seconds", away_for, (7, 8, 9), ([], ["away"], ["away"])),
    Line("more than two scales under one's usual", low_by, (1.9375, 2.0, 2.0625),
         ([], [], ["low"])),
    Line("a usual takes three minutes", usual_after, (17, 18, 19), (False, True, True)),
    Line("a usual takes twenty samples", lambda n: usual_after(n, n=1), (19, 20, 21),
         (False, True, True)),
    Line("no dip before a usual is known", low_after, (17, 18, 19), ([], ["low"], ["low"])),
    Line("a condition of a minute", lambda n: kept(Condition(60), *[True] * n).holds, (5, 6, 7),
         (False, True, True)),
    Line("a flag clears after half a minute", still_holds, (2, 3, 4), (True, False, False)),
    Line("what is unknown is kept for a minute", remembered, (5, 6, 7), (True, True, False)),
    Line("turned in nine of ten samples", turned_in, (8, 9, 10), ([], ["turned"], ["turned"])),
    Line("turned in half of the last ten seconds", turned_at_last, (1, 2, 3),
         ([], ["turned"], ["turned"])),
    Line("turned for eighty seconds", turned_for, (7, 8, 9), ([], ["turned"], ["turned"])),
    Line("turned where half can be read", turned_where_readable, (4, 5, 6),
         ([], ["turned"], ["turned"])),
    Line("a smile is no looking away", turned_and_smiling, (0.49, 0.5, 0.51),
         (["turned"], [], [])),
    Line("five minutes of rest after a dismissal", again_after, (290, 300, 310),
         ([], ["away"], ["away"])),
    Line("a dip of a fifth is the class's", lambda of: class_dips(3, of), (16, 15, 14),
         (False, True, True)),
    Line("a dip of the class takes three", lambda low: class_dips(low, 5), (2, 3, 4),
         (False, True, True)),
    Line("quiet work ends by itself after a quarter of an hour", quiet, (899.9, 900, 900.1),
         (True, False, False)),
    Line("quiet work begins when it is switched on", quiet, (-0.1, 0, 0.1), (False, True, True)),
    Line("quiet work ends when it is switched off", quiet_switched_off, (59.9, 60, 60.1),
         (True, False, False)),
    Line("three cards are shown", shown_and_more, (2, 3, 4), ((2, 0), (3, 0), (3, 1))),
    Line("a snoozed flag comes back at its time", lambda s: len(cards(snoozed_s=s)["flags"]),
         (-0.1, 0, 0.1), (1, 1, 0)),
    Line("twenty verdicts are enough to fold", lambda rated: folds_face_flags(5, rated),
         (19, 20, 21), (False, True, True)),
    Line("under half useful folds", lambda useful: folds_face_flags(useful, 20), (9, 10, 11),
         (True, False, False)),
]  # fmt: skip


@pytest.mark.parametrize("line", FLAGS, ids=lambda line: line.rule)
def test_a_rule_answers_below_at_and_above_its_line(line: Line):
    assert line.found == line.answers
