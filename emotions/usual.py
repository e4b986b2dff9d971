"""How low a student's own face usually reads, learnt from stored ten-second slices."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot, sqrt
from statistics import fmean, pstdev

from ml.engagement import BASELINE_S, BASELINE_SAMPLES

SLICE_S = 10
LEAST_SCALE = 0.155
"""What a mean of a face that never stirs still strays by, because the network errs."""
STEADIER = 0.52
"""A mean over a minute strays less than the ten-second means that the usual is made of."""
LEARN_EVERY, NOT_YET = 6, 12
"""In slices: how often it is learnt anew, and how many of the last are left out."""


@dataclass(slots=True)
class Usual:
    """How low a student's own face usually reads: mean and spread of ten-second means.

    What is held against it is a mean, so it is one too: most faces read low for a moment now and
    then, and lie under a median of themselves whenever they are averaged. The scale is the
    standard deviation as far as an average of a minute still strays, on top of what every network
    errs by (root of the sum of squares, as independent errors add).

    Known after three minutes and learnt on from then, once a minute, less the last two minutes:
    what is known of a whole lesson is steadier than eighteen slices. While it rests on few of them
    the scale is wider: two means of `averaged` and of n slices differ by √(1 + averaged / n) times
    what the first strays by. A dip that was found is not learnt, so that it stays one.
    docs/flags.md has what each of these gave in the simulation.
    """

    averaged: int = 1
    levels: list[float] = field(default_factory=list)
    samples: int = 0
    starts_at: int = 0
    middle: float | None = None
    scale: float = LEAST_SCALE

    def learn(self, starts_at: int, level: float, samples: int) -> None:
        self.starts_at = self.starts_at or starts_at
        self.levels.append(level)
        self.samples += samples
        long_enough = starts_at + SLICE_S - self.starts_at >= BASELINE_S
        if not long_enough or self.samples < BASELINE_SAMPLES:
            return
        if self.middle is None or len(self.levels) % LEARN_EVERY == 0:
            known = max(int(BASELINE_S) // SLICE_S, len(self.levels) - NOT_YET)
            self._settle(self.levels[:known])

    def _settle(self, levels: list[float]) -> None:
        self.middle = fmean(levels)
        strays = hypot(LEAST_SCALE, STEADIER * pstdev(levels, self.middle))
        self.scale = strays * sqrt(1 + self.averaged / len(levels))

    def depth(self, level: float) -> float:
        """How many scales `level` lies under the usual; 0 while the usual is unknown."""
        return 0.0 if self.middle is None else (self.middle - level) / self.scale
