"""Every rule of a student's state and of the pulse just below its line, at it, and just above it.

One row a rule: what is asked, and what it answers to three values. A line that moves by a hair, or
a "more than" that becomes an "at least", fails here by name.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from dashboard.beats import lost_at
from dashboard.stored import Tap
from emotions import words
from emotions.flags import Judge
from emotions.judge import Course, QuietWork
from emotions.pulse import Conditions, Held, Level, Signal, Signals, arrow, grey_line, raw_word
from emotions.rules import Rules
from emotions.words import Seen, state_of
from tests.line import Line

NOW = 1_800_000_000.0
CHECK, MIXED, STEADY = "check_in", "mixed", "steady"

# The states of a student.


READ = Seen(reading="reading", read_at=NOW - 1, face_at=NOW - 1, top="neutral", sure=0.8)


def state(**changes: Any) -> str:
    return str(state_of(replace(READ, **changes), NOW).state)


def without_face(seconds: float, **changes: Any) -> str:
    return state(reading="no_face", face_at=NOW - seconds, **changes)


def gone_for(seconds: float) -> str:
    return state(connected=False, gone_at=NOW - seconds)


def words_gone_for(seconds: float) -> str:
    return state_of(replace(READ, connected=False, gone_at=NOW - seconds), NOW).words


STATES = [
    Line("left after five minutes without a socket", gone_for, (299.9, 300, 300.1),
         ("disconnected", "disconnected", "left")),
    Line("a minute is called disconnected", words_gone_for, (59.9, 60, 60.1),
         ("reconnecting", "disconnected 1 min", "disconnected 1 min")),
    Line("left by pressing Leave", lambda at: state(left_at=at), (0, NOW - 0.1, NOW),
         ("reading", "left", "left")),
    Line("waiting when two intervals and four seconds late",
         lambda s: state(read_at=NOW - s), (7.9, 8, 8.1), ("reading", "reading", "waiting")),
    Line("the same at another pace",
         lambda s: state(read_at=NOW - s, interval_s=4), (11.9, 12, 12.1),
         ("reading", "reading", "waiting")),
    Line("waiting for the first reading of a camera just switched on",
         lambda s: state(camera_since=NOW - 1 - s), (-0.1, 0, 0.1),
         ("waiting", "reading", "reading")),
    Line("three missed samples are unsure", without_face, (5.9, 6, 6.1),
         ("reading", "reading", "unsure")),
    Line("half a minute without a face is out of view", without_face, (29.9, 30, 30.1),
         ("unsure", "out_of_view", "out_of_view")),
    Line("eighty seconds without a face are away", without_face, (79.9, 80, 80.1),
         ("out_of_view", "away", "away")),
    Line("nobody is away in quiet work", lambda s: without_face(s, quiet=True),
         (79.9, 80, 80.1), ("out_of_view",) * 3),
    Line("away after another time", lambda s: without_face(s, away_after_s=40),
         (39.9, 40, 40.1), ("out_of_view", "away", "away")),
    Line("out of view at three eighths of a short time", lambda s: without_face(s, away_after_s=40),
         (14.9, 15, 15.1), ("unsure", "out_of_view", "out_of_view")),
    Line("no camera is never anything else", lambda s: without_face(s, camera=False),
         (29, 120, 500), ("no_camera",) * 3),
    Line("likely from three quarters", words.certainty, (0.7499, 0.75, 0.7501),
         ("maybe", "likely", "likely")),
    Line("maybe from six tenths", words.certainty, (0.5999, 0.6, 0.6001),
         ("a guess", "maybe", "maybe")),
]  # fmt: skip

# The pulse.

CLASS = Signals(room=24, cameras=20, readable=20)
KNOWN = Conditions(first_read_at=NOW - 600)


def word(**counts: int) -> str:
    return raw_word(replace(Signals(room=40, cameras=40, readable=40), **counts)).key


def grey(signals: Signals = CLASS, **changes: Any) -> str:
    """The first words of the line, or nothing where faces may speak."""
    return " ".join(grey_line(signals, NOW, replace(KNOWN, **changes)).split()[:2])


def moved(by: float) -> str:
    return arrow(dict.fromkeys(range(6), by), dict.fromkeys(range(6), 0.0))


def in_common(students: int) -> str:
    before = dict.fromkeys(range(students), 0.0) | dict.fromkeys(range(50, 60), 0.0)
    return arrow(dict.fromkeys(range(students), 1.0), before)


def held(after: Level, then: Level) -> Callable[[int], str]:
    """The word after so many seconds of `then`, where `after` had lasted for two minutes."""

    def ask(seconds: int) -> str:
        one = Held()
        for at in range(0, 130, 10):
            one.step(at, after)
        for at in range(130, 130 + seconds + 1, 10):
            one.step(at, then)
        return one.level.key

    return ask


def judged_lost(ago_s: float) -> int:
    course = Course(QuietWork([], []), {}, [(NOW - ago_s, float("inf"), 1)], [(0, NOW * 2, 1)])
    return course.signals(Judge(Rules()), int(NOW)).lost


def shown_lost(ago_s: float) -> int:
    return len(lost_at([Tap("a", 1, "lost", NOW - ago_s)], NOW))


def undone_lost(undone_ago_s: float) -> tuple[int, int]:
    """To the judge and to the page: a tap of a minute ago that was taken back."""
    undone_at = NOW - undone_ago_s
    course = Course(QuietWork([], []), {}, [(NOW - 60, undone_at, 1)], [(0, NOW * 2, 1)])
    tap = Tap("a", 1, "lost", NOW - 60, undone=True, undone_at=undone_at)
    return course.signals(Judge(Rules()), int(NOW)).lost, len(lost_at([tap], NOW))


PULSE = [
    Line("tapped: a fifth of the room checks in", lambda n: word(lost=n), (7, 8, 9),
         (MIXED, CHECK, CHECK)),
    Line("tapped: a tenth is mixed", lambda n: word(lost=n), (3, 4, 5), (STEADY, MIXED, MIXED)),
    Line("low: a fifth of the readable", lambda n: word(low=3, together=3, readable=n),
         (16, 15, 14), (MIXED, CHECK, CHECK)),
    Line("low: a tenth of the readable", lambda n: word(low=2, together=2, readable=n),
         (21, 20, 19), (STEADY, MIXED, MIXED)),
    Line("looking away: a fifth of the readable", lambda n: word(turned=3, together=3, readable=n),
         (16, 15, 14), (MIXED, CHECK, CHECK)),
    Line("looking away: a tenth of the readable", lambda n: word(turned=2, together=2, readable=n),
         (21, 20, 19), (STEADY, MIXED, MIXED)),
    Line("away: a fifth of those with a camera", lambda n: word(away=3, together=3, cameras=n),
         (16, 15, 14), (MIXED, CHECK, CHECK)),
    Line("away: a tenth of those with a camera", lambda n: word(away=2, together=2, cameras=n),
         (21, 20, 19), (STEADY, MIXED, MIXED)),
    Line("under three students nobody checks in", lambda n: word(lost=n, room=5), (2, 3, 4),
         (MIXED, CHECK, CHECK)),
    Line("under two students nothing is mixed",
         lambda n: word(low=n, readable=6), (1, 2, 3), (STEADY, MIXED, CHECK)),
    Line("all signals together: a fifth of the room",
         lambda n: word(lost=1, low=1, turned=1, away=1, together=4, room=n), (21, 20, 19),
         (STEADY, MIXED, MIXED)),
    Line("worse needs twenty seconds", held(Level.STEADY, Level.CHECK_IN), (10, 20, 30),
         (STEADY, CHECK, CHECK)),
    Line("better needs sixty seconds", held(Level.CHECK_IN, Level.STEADY), (50, 60, 70),
         (CHECK, STEADY, STEADY)),
    Line("no face-based word in the first three minutes",
         lambda s: grey(first_read_at=NOW - s), (179.9, 180, 180.1), ("Getting to", "", "")),
    Line("under five readable", lambda n: grey(Signals(room=9, cameras=n, readable=n)), (4, 5, 6),
         ("Small group:", "", "")),
    Line("under half of the cameras readable", lambda n: grey(replace(CLASS, readable=n)),
         (9, 10, 11), ("Not enough", "", "")),
    Line("quiet work until its end", lambda s: grey(quiet_until=NOW + s), (-0.1, 0, 0.1),
         ("", "", "Quiet work")),
    Line("nobody in the room", lambda n: grey(replace(CLASS, room=n)), (0, 1, 2),
         ("Waiting for", "", "")),
    Line("no camera on", lambda n: grey(Signals(room=24, cameras=n, readable=n)), (0, 1, 2),
         ("No camera", "Small group:", "Small group:")),
    Line("rising over a tenth", moved, (0.0999, 0.1, 0.1001), ("holding", "holding", "rising")),
    Line("falling under a tenth", moved, (-0.0999, -0.1, -0.1001),
         ("holding", "holding", "falling")),
    Line("no arrow under five in common", in_common, (4, 5, 6), ("", "rising", "rising")),
    Line("a tap counts for five minutes, to the judge", judged_lost, (299, 300, 301), (1, 0, 0)),
    Line("a tap counts for five minutes, to the page", shown_lost, (299, 300, 301), (1, 0, 0)),
    Line("a tap taken back counts until then", undone_lost, (-1, 0, 1), ((1, 1), (0, 0), (0, 0))),
]  # fmt: skip


@pytest.mark.parametrize("line", [*STATES, *PULSE], ids=lambda line: line.rule)
def test_a_rule_answers_below_at_and_above_its_line(line: Line):
    assert line.found == line.answers


def test_every_count_of_every_class_size_has_the_word_of_its_share():
    for of in range(1, 61):
        for count in range(of + 1):
            share = Fraction(count, of)
            wanted = Level.STEADY
            if share >= Fraction(1, 10) and count >= 2:
                wanted = Level.MIXED
            if share >= Fraction(1, 5) and count >= 3:
                wanted = Level.CHECK_IN
            assert Signal("low", count, of).level == wanted, (count, of)


def test_no_five_students_joining_or_leaving_turn_the_arrow_of_any_class():
    for seed in range(300):
        dice = random.Random(seed)
        size = dice.randint(5, 40)
        before = {one: dice.uniform(-0.6, 0.6) for one in range(size)}
        shift = dice.choice([-0.3, -0.1, 0.0, 0.1, 0.3])
        last = {one: level + shift + dice.uniform(-0.05, 0.05) for one, level in before.items()}
        five = {90 + n: dice.choice([-1.0, dice.uniform(-1, 1), 1.0]) for n in range(5)}
        turned = arrow(last, before)
        assert arrow(last | five, before) == turned, (seed, "joining")
        assert arrow(last, before | five) == turned, (seed, "leaving")
        others = {80 + n: level for n, level in enumerate(five.values())}
        assert arrow(last | five, before | others) == turned, (seed, "five come, five go")
