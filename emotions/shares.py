"""Who got how much of a server under load: each student's readings, their ages, the refusals.

Fairness is a figure here. A run's last seconds are looked at, when what came before has settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

BIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reading that came to its student: when, and how long after its snapshot had left."""

    student: int
    at: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Window:
    begins: float
    ends: float

    @property
    def seconds(self) -> float:
        return self.ends - self.begins

    def count(self, times: Iterable[float]) -> int:
        return sum(self.begins <= at < self.ends for at in times)


def shares(arrivals: Collection[Arrival], students: int, window: Window) -> dict[str, Any]:
    """Readings of each student in the window; `fair` if nobody is further than 1 from the usual."""
    inside = [one for one in arrivals if window.begins <= one.at < window.ends]
    had = Counter(one.student for one in inside)
    each = sorted(had[student] for student in range(students))
    usual = median(each)
    return {
        "seconds": round(window.seconds, 1),
        "readings": len(inside),
        "per_s": round(len(inside) / window.seconds, 1),
        "least": each[0],
        "median": usual,
        "most": each[-1],
        "students_with": {count: each.count(count) for count in sorted(set(each))},
        "fair": each[-1] - usual <= 1 and usual - each[0] <= 1,
        "oldest_s": round(max((one.age_s for one in inside), default=0.0), 2),
    }


def by_bins(times: Iterable[float], begins: float, ends: float) -> list[int]:
    """How many in each ten seconds; what comes after the end counts to the last."""
    bins = [0] * max(1, round((ends - begins) / BIN_S + 0.499))
    for at in times:
        bins[min(len(bins) - 1, max(0, int((at - begins) // BIN_S)))] += 1
    return bins
