"""A whole lesson's slices at once, from the traces of simulated students.

The same sums as `Slices` adds up reading by reading, by the same functions, for practice lessons
that are written after the fact. A test holds the two together.
"""

from __future__ import annotations

import numpy as np

from emotions.actors import NO_FACE, SAMPLE_S, Actor
from emotions.models import SLICE_SECONDS
from emotions.script import leaves_at
from emotions.slices import COLUMNS, Facing, Row
from ml import engagement

N, ABSENT, UNSURE, TURNED = (COLUMNS.index(name) for name in ("n", "absent", "unsure", "turned"))
ENGAGEMENT, VALENCE, SHARES = (
    COLUMNS.index(name) for name in ("engagement_sum", "valence_sum", "angry")
)


def slices(actor: Actor, lesson: int, student: int, times: np.ndarray) -> list[Row]:
    """The rows of one student whose snapshots were taken at these times, in epoch seconds."""
    if not times.size:
        return []
    starts = (times // SLICE_SECONDS).astype(int) * SLICE_SECONDS
    places, first = np.unique(starts, return_index=True)
    sums = np.add.reduceat(samples(actor, times), first, axis=0)
    rows = zip(places.tolist(), sums.tolist(), strict=True)
    return [((lesson, starts_at, student), tuple(row)) for starts_at, row in rows]


def samples(actor: Actor, times: np.ndarray) -> np.ndarray:
    """One row of COLUMNS for each snapshot, as `slices.sums_of` makes it of one reading."""
    at = np.arange(len(times)) % len(actor.trace.outcome)
    outcome, p = actor.trace.outcome[at], actor.trace.p[at]
    read = actor.trace.read[at]
    turned = is_turned(actor.trace.yaw[at], read, times)
    table = np.zeros((len(times), len(COLUMNS)))
    table[:, N], table[:, ABSENT], table[:, TURNED] = read, outcome == NO_FACE, turned
    table[:, UNSURE] = ~read & (outcome != NO_FACE)
    scores = engagement.engagement(p, np.where(turned, "turned", "facing"))
    table[:, ENGAGEMENT] = np.where(read, scores, 0.0)
    table[:, VALENCE] = np.where(read, engagement.valence(p), 0.0)
    table[:, SHARES:] = np.where(read[:, None], p, 0.0)
    return table


def is_turned(yaw: np.ndarray, read: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sample by sample while the usual yaw is learnt, all at once from then on."""
    facing, turned = Facing(float(times[0])), np.zeros(len(times), bool)
    learning = times - times[0] < engagement.BASELINE_S
    later = np.flatnonzero(read & ~learning)
    for at in (*np.flatnonzero(read & learning), *later[:1]):
        turned[at] = facing.is_turned(float(yaw[at]), float(times[at]))
    turned[later] = engagement.facing(yaw[later], facing.usual) == "turned"
    return turned


def times_of(actor: Actor, students: int, opened_at: float, until: float) -> np.ndarray:
    """When this student's snapshots come: each at a moment of their own in every two seconds."""
    phase = actor.number / students * SAMPLE_S
    times = np.arange(opened_at + phase, until, SAMPLE_S)
    in_script = (times - opened_at) * actor.step_s / SAMPLE_S
    return times[in_script < leaves_at(actor.number)]
