"""The script of the practice class: what thirty simulated students do, minute by minute.

A lesson of fourteen minutes, told again and again: settling in, a confusing slide, a joke, a slump,
quiet work, two students leaving. It knows nothing of faces, sockets or rules; how an actor looks in
a scene says `actors.py`, and what the product makes of it is the product's own affair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ml.labels import ANGRY, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE

ROUND_S = 840.0
RISES_IN_S = 8.0

NAMES = (
    "Asha", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Imre", "Jonas",
    "Kavya", "Liam", "Mei", "Nadia", "Oluwaseun", "Priya", "Quentin", "Rosa", "Samir", "Tove",
    "Uma", "Viktor", "Wanjiru", "Xavier", "Yuki", "Zofia", "Amir", "Beatriz", "Cheng", "Dalia",
)  # fmt: skip
NO_CAMERA = frozenset({4, 11, 19, 25})
CAMERA_AT_THE_SIDE = {2: 0.55, 14: -0.5}
DARK_ROOM = 22
LOST_STUDENTS = (3, 7, 9, 12, 16, 21, 27)
SLUMPED = (5, 10, 23)
LOOKING_ASIDE = 28
OUT_OF_VIEW = 18
LEAVING = {13: 765.0, 24: 785.0}
TEACHER = -1


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of the lesson, by the word that tests and markers know it by."""

    key: str
    starts_s: float
    ends_s: float


SETTLING = Phase("settling", 0, 45)
SLIDE = Phase("slide", 190, 290)
JOKE = Phase("joke", 300, 325)
SLUMP = Phase("slump", 340, 560)
QUIET = Phase("quiet", 580, 740)
LEAVES = Phase("leaving", 760, ROUND_S)
PHASES = (SETTLING, SLIDE, JOKE, SLUMP, QUIET, LEAVES)


@dataclass(frozen=True, slots=True)
class Scene:
    """From when to when something shows on faces, and on which share of the class, or on whom.

    `shown` is how often each expression is shown then; `turned`, `gone` and `blurred` are shares of
    the snapshots in which the head is turned, nobody is in the picture, or nothing can be read.
    A later scene lies over an earlier one.
    """

    phase: Phase
    shown: dict[int, float] = field(default_factory=dict)
    share: float = 1.0
    whom: tuple[int, ...] = ()
    turned: float = 0.0
    gone: float = 0.0
    blurred: float = 0.0

    def strength(self, at_s: np.ndarray) -> np.ndarray:
        """0 to 1: rises over eight seconds and fades over as many."""
        rise = np.clip((at_s - self.phase.starts_s) / RISES_IN_S, 0, 1)
        fall = np.clip((self.phase.ends_s - at_s) / RISES_IN_S, 0, 1)
        return np.minimum(rise, fall)


SCENES = (
    Scene(SETTLING, {HAPPY: 0.4, SURPRISE: 0.1, NEUTRAL: 0.5}, share=0.8, turned=0.2, blurred=0.1),
    Scene(SLIDE, {SURPRISE: 0.15, NEUTRAL: 0.85}, share=0.5),
    # Confusion is no sadness: most of it shows in what students tap.
    Scene(SLIDE, {SURPRISE: 0.3, FEAR: 0.06, SAD: 0.04, NEUTRAL: 0.6}, whom=LOST_STUDENTS),
    Scene(JOKE, {HAPPY: 0.92, SURPRISE: 0.08}, share=0.85),
    Scene(SLUMP, {NEUTRAL: 0.97, SAD: 0.03}, share=0.7),
    Scene(SLUMP, {SAD: 0.72, ANGRY: 0.18, NEUTRAL: 0.1}, whom=SLUMPED),
    Scene(SLUMP, whom=(LOOKING_ASIDE,), turned=0.97),
    Scene(SLUMP, whom=(OUT_OF_VIEW,), gone=1.0),
    # Heads down over paper: half the faces are lost, and a concentrated one is often misread.
    Scene(QUIET, {NEUTRAL: 0.88, SAD: 0.12}, turned=0.5, gone=0.3, blurred=0.2),
    Scene(QUIET, whom=(1, 15, 20, 29), gone=1.0),
    Scene(QUIET, whom=(0, 6, 8), turned=1.0),
    Scene(LEAVES, {HAPPY: 0.25, NEUTRAL: 0.75}, share=0.6),
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A tap, or one taken back; with TEACHER what a teacher would do: mark, or set quiet work."""

    student: int
    kind: str
    at_s: float
    undone: bool = False


def _lost() -> list[Cue]:
    """Seven tap Lost within half a minute, and take it back once it was told another way."""
    taps = [Cue(student, "lost", 196.0 + 4 * n) for n, student in enumerate(LOST_STUDENTS)]
    back = [Cue(s, "lost", 296.0 + 3 * n, undone=True) for n, s in enumerate(LOST_STUDENTS)]
    return taps + back


def _hand(student: int, up_s: float, down_s: float) -> list[Cue]:
    return [Cue(student, "hand", up_s), Cue(student, "hand", down_s, undone=True)]


CUES = (
    Cue(TEACHER, "settling", 2.0),
    *_hand(8, 35.0, 95.0),
    *(Cue(student, "got_it", 120.0 + 3 * n) for n, student in enumerate((0, 1, 11, 15, 20, 26))),
    Cue(TEACHER, "slide", SLIDE.starts_s),
    *_lost(),
    Cue(19, "too_fast", 215.0),
    Cue(25, "too_fast", 228.0),
    *_hand(7, 222.0, 310.0),
    *_hand(16, 234.0, 330.0),
    Cue(TEACHER, "joke", JOKE.starts_s),
    *(Cue(student, "got_it", 328.0 + 2 * n) for n, student in enumerate((0, 2, 8, 14, 21, 29))),
    Cue(TEACHER, "slump", SLUMP.starts_s),
    Cue(4, "too_slow", 470.0),
    Cue(TEACHER, "quiet", QUIET.starts_s),
    Cue(TEACHER, "quiet_end", QUIET.ends_s),
    Cue(TEACHER, "leaving", LEAVES.starts_s),
    *(Cue(student, "got_it", 800.0 + 3 * n) for n, student in enumerate((1, 6, 17, 20))),
)


def leaves_at(number: int) -> float:
    """Two students leave for the rest of the lesson, also when the script starts again."""
    return LEAVING.get(number, math.inf)


def cues_between(start_s: float, end_s: float) -> list[Cue]:
    """What is due in this span of the endless script, in order; `at_s` counts within its round."""
    due = []
    for begin, cue in _endless(start_s, end_s):
        if start_s <= begin + cue.at_s < end_s:
            due.append((begin + cue.at_s, cue))
    return [cue for _at, cue in sorted(due, key=_when)]


def _endless(start_s: float, end_s: float) -> list[tuple[float, Cue]]:
    rounds = range(int(start_s // ROUND_S), int(end_s // ROUND_S) + 1)
    return [(number * ROUND_S, cue) for number in rounds for cue in CUES]


def _when(due: tuple[float, Cue]) -> float:
    return due[0]
