"""Simulated lessons whose truth is known, to see what the flag rules do with the network's errors.

Each student has a handful of the network's real answers for each true expression, so that their
own face may be misread all lesson long; expressions hold for some seconds, samples fail in bursts,
heads turn. A lesson is made of a seed alone. Nothing here is a measurement of people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotions.flags import AWAY, LOW, SLICE_S, TURNED
from ml.engagement import valence
from ml.labels import EMOTIONS, HAPPY
from ml.samples import Samples

STUDENTS = 30
MINUTES = 50
SAMPLE_S = 2
SAMPLES = MINUTES * 60 // SAMPLE_S
IN_A_SLICE = SLICE_S // SAMPLE_S
SETTLED_S = 240
FACES_EACH = 24
CALM, DIP, GONE, ASIDE = range(4)
STATE_OF = {LOW: DIP, AWAY: GONE, TURNED: ASIDE}
FREQUENCY = {LOW: 0.3, AWAY: 0.1, TURNED: 0.1}
"""What share of the students has one such span in a lesson."""
LENGTHS_S = {LOW: (90, 360), AWAY: (180, 420), TURNED: (180, 420)}

SOBER = 4
SOBER_SHARE = 0.15
"""Some faces at rest look low all lesson long, which is no dip."""

MIX = np.zeros((5, len(EMOTIONS)))
"""How often each true expression is shown: by the calm, by who dips, by a sober face at rest."""
MIX[CALM] = MIX[ASIDE] = MIX[GONE] = [0.005, 0.0, 0.005, 0.12, 0.82, 0.02, 0.03]
MIX[DIP] = [0.25, 0.05, 0.15, 0.0, 0.1, 0.45, 0.0]
MIX[SOBER] = [0.1, 0.0, 0.05, 0.05, 0.5, 0.29, 0.01]


@dataclass(frozen=True, slots=True)
class Noise:
    """How much worse than a test picture a webcam is; logits wander, samples fail in bursts."""

    logits: float = 0.2
    fails: float = 0.01
    glances: float = 0.005
    jokes: int = 3


WIDER = Noise(logits=0.4, fails=0.02, glances=0.008, jokes=5)


@dataclass(frozen=True, slots=True)
class Span:
    """What a flag should find: one student, one kind, from when to when in seconds."""

    student: int
    kind: str
    starts_s: int
    ends_s: int


@dataclass(slots=True)
class TrialRow:
    participant_id: int
    n: int
    absent: int
    several: int
    unsure: int
    turned: int
    valence_sum: float
    happy: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One lesson: what happened, and the slices that would have been stored; (student, slice)."""

    spans: list[Span]
    n: np.ndarray
    absent: np.ndarray
    unsure: np.ndarray
    turned: np.ndarray
    valence_sum: np.ndarray
    happy: np.ndarray

    def slices(self) -> Iterator[list[TrialRow]]:
        """Row by row as a judge reads them."""
        columns = (self.n, self.absent, self.unsure, self.turned, self.valence_sum, self.happy)
        n, absent, unsure, turned, total, happy = (column.T.tolist() for column in columns)
        for at in range(len(n)):
            rows = zip(n[at], absent[at], unsure[at], turned[at], total[at], happy[at], strict=True)
            yield [
                TrialRow(who, seen, gone, 0, missed, aside, valence, smile)
                for who, (seen, gone, missed, aside, valence, smile) in enumerate(rows, start=1)
            ]


def lesson(seed: int, samples: Samples, *, noise: Noise, unsure_below: float) -> Trial:
    dice = np.random.default_rng(seed)
    state, spans = happenings(dice)
    shown = expressions(dice, state, noise)
    p = answers(dice, shown, samples, noise)
    gone = (state == GONE) | bursts(dice, noise.fails / 2, 5) | short_absences(dice)
    blurred = bursts(dice, noise.fails, 4) | ((state == ASIDE) & (dice.random(state.shape) < 0.25))
    unsure = ~gone & (blurred | (p.max(axis=2) < unsure_below))
    read = ~gone & ~unsure
    glance = bursts(dice, noise.glances, 5) | ((state == ASIDE) & (dice.random(state.shape) < 0.93))
    return Trial(
        spans,
        n=per_slice(read),
        absent=per_slice(gone),
        unsure=per_slice(unsure),
        turned=per_slice(read & glance),
        valence_sum=per_slice(np.where(read, valence(p), 0.0)),
        happy=per_slice(np.where(read, p[..., HAPPY], 0.0)),
    )


def happenings(dice: np.random.Generator) -> tuple[np.ndarray, list[Span]]:
    """Who dips, leaves the picture or turns away, and when; never two things at once."""
    state = np.full((STUDENTS, SAMPLES), CALM)
    spans = []
    for kind, share in FREQUENCY.items():
        for who in np.flatnonzero(dice.random(STUDENTS) < share):
            length = int(dice.integers(*LENGTHS_S[kind])) // SAMPLE_S
            begin = int(dice.integers(SETTLED_S // SAMPLE_S, SAMPLES - length))
            margin = slice(max(0, begin - 150), begin + length + 150)
            if (state[who, margin] != CALM).any():
                continue
            state[who, begin : begin + length] = STATE_OF[kind]
            spans.append(Span(int(who) + 1, kind, begin * SAMPLE_S, (begin + length) * SAMPLE_S))
    return state, spans


def expressions(dice: np.random.Generator, state: np.ndarray, noise: Noise) -> np.ndarray:
    """The true expression of every sample: held for some eight seconds, then drawn anew."""
    changes = dice.random(state.shape) < 0.25
    changes[:, 0] = True
    changes[:, 1:] |= state[:, 1:] != state[:, :-1]
    chance = held(dice.random(state.shape), changes)
    sober = (dice.random(STUDENTS) < SOBER_SHARE)[:, None] & (state != DIP)
    mix = MIX.cumsum(axis=1)[np.where(sober, SOBER, state)]
    shown = (chance[..., None] > mix).sum(axis=2)
    shown = np.minimum(shown, len(EMOTIONS) - 1)
    for _ in range(noise.jokes):
        begin = int(dice.integers(0, SAMPLES - 15))
        laughs = dice.random(STUDENTS) < 0.7
        shown[laughs, begin : begin + int(dice.integers(5, 15))] = HAPPY
    return shown


def answers(
    dice: np.random.Generator, shown: np.ndarray, samples: Samples, noise: Noise
) -> np.ndarray:
    """What the network says: one of a student's few faces for that expression, and noise on it."""
    faces = np.stack([_faces_of(dice, samples.of(label)) for label in range(len(EMOTIONS))], 1)
    changes = (dice.random(shown.shape) < 0.3) | (np.diff(shown, axis=1, prepend=-1) != 0)
    which = held(dice.integers(0, FACES_EACH, shown.shape), changes)
    p = faces[np.arange(STUDENTS)[:, None], shown, which]
    wander = held(dice.normal(0, noise.logits, p.shape), changes[..., None])
    p = (p + 1e-4) * np.exp(wander)
    return p / p.sum(axis=2, keepdims=True)


def _faces_of(dice: np.random.Generator, known: np.ndarray) -> np.ndarray:
    return known[dice.integers(0, len(known), (STUDENTS, FACES_EACH))]


def held(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Along time, the value drawn at the last change."""
    steps = np.arange(values.shape[1]).reshape(1, -1, *[1] * (values.ndim - 2))
    last = np.maximum.accumulate(np.where(changes, steps, 0), axis=1)
    return np.take_along_axis(values, np.broadcast_to(last, values.shape), axis=1)


def bursts(dice: np.random.Generator, starts: float, length: int) -> np.ndarray:
    """Samples lost one after another, some `length` at a time."""
    shape = (STUDENTS, SAMPLES)
    ends = held(dice.geometric(1 / length, shape), begin := dice.random(shape) < starts)
    steps = np.arange(SAMPLES)
    last = np.maximum.accumulate(np.where(begin, steps, -SAMPLES), axis=1)
    return steps - last < ends


def short_absences(dice: np.random.Generator) -> np.ndarray:
    """A pencil picked up, a word with a neighbour: out of the picture for 20 to 80 seconds."""
    out = np.zeros((STUDENTS, SAMPLES), bool)
    for who in np.flatnonzero(dice.random(STUDENTS) < 0.5):
        begin = int(dice.integers(0, SAMPLES - 40))
        out[who, begin : begin + int(dice.integers(10, 40))] = True
    return out


def per_slice(values: np.ndarray) -> np.ndarray:
    return values.reshape(STUDENTS, -1, IN_A_SLICE).sum(axis=2)
