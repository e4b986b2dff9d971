"""The script of the practice class: what thirty simulated students show, minute by minute.

A lesson of some twelve minutes, told again and again: settling in, a joke, a confusing slide, a
slump, two students leaving. Each student has a temperament, so the class looks like people and
not like one wave. The same seed gives the same lesson; nothing here knows of pictures or sockets.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from ml.labels import ANGRY, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE

ROUND_S = 720.0
UNSURE_BELOW = 0.45

NAMES = (
    "Asha", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Imre", "Jonas",
    "Kavya", "Liam", "Mei", "Nadia", "Oluwaseun", "Priya", "Quentin", "Rosa", "Samir", "Tove",
    "Uma", "Viktor", "Wanjiru", "Xavier", "Yuki", "Zofia", "Amir", "Beatriz", "Cheng", "Dalia",
)  # fmt: skip
NO_CAMERA = frozenset({4, 11, 19, 25})
CAMERA_AT_THE_SIDE = {2: 0.55, 14: -0.5}
DARK_ROOM = 22
LOST_STUDENTS = (3, 7, 9, 12, 16, 21, 27)
HANDS = {7: 250.0, 16: 262.0}
LEAVING = {13: 560.0, 24: 590.0}
OUT_OF_VIEW = {6: (60.0, 250.0), 18: (480.0, 640.0)}
SLUMPED = (5, 10, 17, 23, 28)

RESTING = {
    ANGRY: -0.9, DISGUST: -2.4, FEAR: -1.5, HAPPY: 0.3, NEUTRAL: 2.3, SAD: -0.2, SURPRISE: -1.1,
}  # fmt: skip
"""Logits of a listening face: neutral most of the time."""


@dataclass(frozen=True, slots=True)
class Scene:
    """From when to when something pulls at faces, by how much, and on which share of the class."""

    starts_s: float
    ends_s: float
    pull: dict[int, float]
    share: float = 1.0
    turned: float = 0.0
    whom: tuple[int, ...] = ()

    def strength(self, at_s: float) -> float:
        """Rises over eight seconds and fades over as many."""
        rise = min(1.0, max(0.0, (at_s - self.starts_s) / 8))
        fall = min(1.0, max(0.0, (self.ends_s - at_s) / 8))
        return min(rise, fall)


SCENES = (
    Scene(0, 40, {HAPPY: 1.4, SURPRISE: 0.6}, share=0.8),
    Scene(75, 105, {HAPPY: 4.4, SURPRISE: 0.8}, share=0.8),
    Scene(215, 420, {SAD: 2.6, FEAR: 1.6, ANGRY: 0.8, SURPRISE: 0.6}, whom=LOST_STUDENTS),
    Scene(230, 330, {SAD: 0.9, FEAR: 0.8, SURPRISE: 0.9}, share=0.5),
    Scene(430, 455, {HAPPY: 4.4, SURPRISE: 1.2}, share=0.8),
    Scene(480, 690, {SAD: 2.4, ANGRY: 0.6}, turned=0.8, whom=SLUMPED),
    Scene(500, 690, {SAD: 0.8, HAPPY: -0.6}, share=0.7),
    Scene(695, 715, {HAPPY: 2.2}, share=0.6),
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A tap that the script asks for."""

    student: int
    kind: str
    at_s: float


CUES = (
    Cue(8, "hand", 35.0),
    *(Cue(student, "got_it", 110.0 + 3 * n) for n, student in enumerate((0, 1, 11, 15, 20, 26))),
    *(Cue(student, "lost", 236.0 + 6 * n) for n, student in enumerate(LOST_STUDENTS)),
    *(Cue(student, "hand", at) for student, at in HANDS.items()),
    Cue(19, "too_fast", 270.0),
    Cue(25, "too_fast", 283.0),
    *(Cue(student, "got_it", 450.0 + 2 * n) for n, student in enumerate((0, 2, 8, 14, 21, 29))),
    Cue(4, "too_slow", 600.0),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a classifier would have made of one moment of one student."""

    outcome: str
    probabilities: tuple[float, ...] | None = None
    sure: float | None = None
    yaw: float | None = None


class Actor:
    """One simulated student: a resting face, moods that drift, and a place in the script."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.dice = random.Random(f"practice {seed} {number}")
        self.resting = {label: at + self.dice.gauss(0, 0.45) for label, at in RESTING.items()}
        self.drift = dict.fromkeys(RESTING, 0.0)
        self.caught = [self.dice.random() for _ in SCENES]
        self.expressive = self.dice.uniform(0.7, 1.3)
        self.yaw = CAMERA_AT_THE_SIDE.get(number, 0.0) + self.dice.gauss(0, 0.05)

    @property
    def has_camera(self) -> bool:
        return self.number not in NO_CAMERA

    def is_present(self, at_s: float) -> bool:
        """Two students leave for the rest of the lesson, also when the script starts again."""
        return at_s < LEAVING.get(self.number, math.inf)

    def look(self, at_s: float) -> Look:
        """The next noisy look at the face; some looks fail, as cameras do."""
        within = at_s % ROUND_S
        if self._is_out_of_view(within):
            return Look("no_face")
        missed = self._missed()
        if missed:
            return Look(missed)
        return self._read(within)

    def _is_out_of_view(self, within: float) -> bool:
        starts, ends = OUT_OF_VIEW.get(self.number, (0.0, 0.0))
        return starts <= within < ends

    def _missed(self) -> str:
        chance = self.dice.random()
        if self.number == DARK_ROOM and chance < 0.45:
            return "dark"
        return "no_face" if chance < 0.015 else "blurred" if chance < 0.04 else ""

    def _read(self, within: float) -> Look:
        logits = dict(self.resting)
        turned = 0.0
        for scene, caught in zip(SCENES, self.caught, strict=True):
            if self.number in scene.whom or (not scene.whom and caught < scene.share):
                strength = scene.strength(within) * self.expressive
                turned = max(turned, scene.turned * strength)
                for label, pull in scene.pull.items():
                    logits[label] += pull * strength
        for label in logits:
            self.drift[label] = 0.85 * self.drift[label] + self.dice.gauss(0, 0.22)
            logits[label] += self.drift[label]
        p = softmax(logits)
        yaw = self.yaw + self.dice.gauss(0, 0.06)
        if self.dice.random() < turned:
            yaw += math.copysign(0.8, self.dice.random() - 0.5)
        sure = max(p)
        outcome = "face" if sure >= UNSURE_BELOW else "unsure"
        return Look(outcome, p, sure, max(-1.0, min(1.0, yaw)))


def softmax(logits: dict[int, float]) -> tuple[float, ...]:
    powers = [math.exp(logits[label]) for label in range(len(EMOTIONS))]
    return tuple(power / sum(powers) for power in powers)


def cues_between(start_s: float, end_s: float) -> list[Cue]:
    """The taps due in this span of the endless script, in order."""
    due = []
    for round_number in range(int(start_s // ROUND_S), int(end_s // ROUND_S) + 1):
        begin = round_number * ROUND_S
        due += [cue for cue in CUES if start_s <= begin + cue.at_s < end_s]
    return sorted(due, key=lambda cue: cue.at_s)
