"""How the simulated students look: the network's own answers on test pictures, put into scenes.

Each actor has a few of the network's real answers to each true expression, mostly right ones, so
that a face at rest is sometimes misread as a real one would be. Expressions hold for some seconds,
snapshots fail as cameras do. Number and seed alone make an actor; no picture is involved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from emotions import script
from emotions.script import SCENES, Scene
from ml import samples
from ml.classifier import MODELS, SIDECAR
from ml.labels import ANGRY, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE

SAMPLE_S = 2.0
OUTCOMES = ("face", "unsure", "no_face", "blurred", "dark")
FACE, UNSURE, NO_FACE, BLURRED, DARK = range(len(OUTCOMES))

RESTING = {ANGRY: 0.01, FEAR: 0.01, HAPPY: 0.1, NEUTRAL: 0.83, SAD: 0.02, SURPRISE: 0.03}
"""How often a listener shows what: neutral most of the time."""
FACES_EACH, READ_RIGHT = 12, 10
CHANGES, NEW_FACE = 0.25, 0.3
"""Chances, per snapshot, of showing something else, and of another face for the same."""
WANDER = 0.2
OUT_OF_FRAME, MOVED, TOO_DARK = 0.01, 0.025, 0.45
ASIDE = 0.8
"""How far a turned head is from straight on, where half a unit is some thirty degrees."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a classifier would have made of one moment of one student."""

    outcome: str
    probabilities: tuple[float, ...] | None = None
    sure: float | None = None
    yaw: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One actor's snapshots of a whole round, `SAMPLE_S` apart."""

    outcome: np.ndarray
    p: np.ndarray
    yaw: np.ndarray

    @property
    def read(self) -> np.ndarray:
        return self.outcome == FACE


class Actor:
    """One simulated student: a resting face, a camera, and a place in the script.

    `speed` is how fast the script is told: 0.4 makes a lesson of 35 minutes of it.
    """

    def __init__(self, number: int, seed: int, speed: float = 1.0) -> None:
        self.number = number
        self.step_s = SAMPLE_S * speed
        self.dice = np.random.default_rng([seed, number])
        self.caught = self.dice.random(len(SCENES))
        self.expressive = self.dice.uniform(0.85, 1.0)
        self.usual_yaw = script.CAMERA_AT_THE_SIDE.get(number, 0.0) + self.dice.normal(0, 0.05)
        self.trace = self._trace()

    @property
    def has_camera(self) -> bool:
        return self.number not in script.NO_CAMERA

    def is_present(self, at_s: float) -> bool:
        return at_s < script.leaves_at(self.number)

    def look(self, at_s: float) -> Look:
        at = int(at_s / self.step_s + 1e-6) % len(self.trace.outcome)
        outcome = int(self.trace.outcome[at])
        if outcome not in (FACE, UNSURE):
            return Look(OUTCOMES[outcome])
        p = tuple(self.trace.p[at].tolist())
        return Look(OUTCOMES[outcome], p, max(p), float(self.trace.yaw[at]))

    def _trace(self) -> Trace:
        at_s = np.arange(0, script.ROUND_S, self.step_s)
        plays = [self._plays(index, scene) for index, scene in enumerate(SCENES)]
        part = np.stack(
            [scene.strength(at_s) * much for scene, much in zip(SCENES, plays, strict=True)]
        )
        p = self._answers(self._shown(part))
        failed = self._failed(part)
        unsure = p.max(axis=1) < unsure_below()
        outcome = np.where(failed != FACE, failed, np.where(unsure, UNSURE, FACE))
        return Trace(outcome, p, self._yaw(part))

    def _plays(self, index: int, scene: Scene) -> float:
        if scene.whom:
            return float(self.number in scene.whom)
        return self.expressive if self.caught[index] < scene.share else 0.0

    def _shown(self, part: np.ndarray) -> np.ndarray:
        """The true expression of every snapshot, as index into EMOTIONS."""
        mix = np.tile(self._resting(), (part.shape[1], 1))
        for strength, scene in zip(part, SCENES, strict=True):
            if scene.shown:
                mix += strength[:, None] * (_shares(scene.shown) - mix)
        chance = self._held_chance(len(mix))
        return np.minimum((chance[:, None] > mix.cumsum(axis=1)).sum(axis=1), len(EMOTIONS) - 1)

    def _held_chance(self, size: int) -> np.ndarray:
        chance, drawn = self.dice.random((2, size))
        return held(chance, drawn < CHANGES)

    def _resting(self) -> np.ndarray:
        """No two faces at rest are alike."""
        shares = _shares(RESTING) * self.dice.uniform(0.5, 1.5, len(EMOTIONS))
        shares[NEUTRAL] = 0.0
        shares[NEUTRAL] = 1 - shares.sum()
        return shares

    def _answers(self, shown: np.ndarray) -> np.ndarray:
        """What the network says of it, with a little noise that stays while the face stays."""
        faces = np.stack([self._faces(label) for label in range(len(EMOTIONS))])
        changes = self.dice.random(len(shown)) < NEW_FACE
        changes |= np.diff(shown, prepend=-1) != 0
        which = held(self.dice.integers(0, FACES_EACH, len(shown)), changes)
        wander = held(self.dice.normal(0, WANDER, (len(shown), len(EMOTIONS))), changes)
        p = (faces[shown, which] + 1e-4) * np.exp(wander)
        return p / p.sum(axis=1, keepdims=True)

    def _faces(self, label: int) -> np.ndarray:
        right, known = known_answers()[label]
        some = self.dice.choice(right, READ_RIGHT)
        return np.concatenate([some, self.dice.choice(known, FACES_EACH - READ_RIGHT)])

    def _failed(self, part: np.ndarray) -> np.ndarray:
        """Why a snapshot cannot be read, or FACE."""
        chance = self.dice.random(part.shape[1])
        gone = np.maximum(OUT_OF_FRAME, _strongest(part, [scene.gone for scene in SCENES]))
        moved = np.maximum(MOVED, _strongest(part, [scene.blurred for scene in SCENES]))
        failed = np.where(chance < gone, NO_FACE, np.where(chance < gone + moved, BLURRED, FACE))
        if self.number == script.DARK_ROOM:
            dark = self.dice.random(len(failed)) < TOO_DARK
            failed = np.where(dark & (failed == FACE), DARK, failed)
        return failed

    def _yaw(self, part: np.ndarray) -> np.ndarray:
        size = part.shape[1]
        chance = self._held_chance(size)
        turned = chance < _strongest(part, [scene.turned for scene in SCENES])
        # Away from a camera at the side, where there is most room to turn.
        aside = -np.sign(self.usual_yaw) * ASIDE
        yaw = self.usual_yaw + self.dice.normal(0, 0.06, size) + np.where(turned, aside, 0.0)
        return np.clip(yaw, -1.0, 1.0)


def _shares(shown: dict[int, float]) -> np.ndarray:
    return np.array([shown.get(label, 0.0) for label in range(len(EMOTIONS))])


def _strongest(part: np.ndarray, shares: list[float]) -> np.ndarray:
    return (part * np.array(shares)[:, None]).max(axis=0)


def held(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The value drawn at the last change."""
    steps = np.arange(len(values))
    return values[np.maximum.accumulate(np.where(changes, steps, 0))]


@cache
def known_answers() -> list[tuple[np.ndarray, np.ndarray]]:
    """For each expression the network's answers that were right and sure, and all of them."""
    stored = samples.load().by_taggers()
    found = []
    for label in range(len(EMOTIONS)):
        known = stored.of(label)
        right = (known.argmax(axis=1) == label) & (known.max(axis=1) >= unsure_below())
        found.append((known[right] if right.any() else known, known))
    return found


@cache
def unsure_below() -> float:
    return float(json.loads((MODELS / SIDECAR).read_text(encoding="utf-8"))["unsure_below"])
