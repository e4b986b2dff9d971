"""Who analyses a lesson's snapshots, in the words that its teacher reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emotions import lines


@dataclass(frozen=True, slots=True)
class Worker:
    """Who analyses: `state` is ok, late or none; rates are snapshots per second."""

    state: str = "none"
    seen_at: float = 0
    analysing: float = 0
    offered: float = 0
    simulated: bool = False

    @property
    def is_there(self) -> bool:
        return self.simulated or self.state != "none"

    @property
    def words(self) -> str:
        if self.simulated:
            return lines.simulated()
        return lines.worker(self.state, self.analysing, self.offered, self.seen_at)

    def as_dict(self) -> dict[str, Any]:
        return {
            "state": "ok" if self.simulated else self.state,
            "words": self.words,
            "analysing": round(self.analysing, 1),
            "offered": round(self.offered, 1),
        }
