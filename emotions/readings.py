"""What was read from one snapshot: the small, whole message that the picture turns into.

A reading leaves the worker as a compact JSON string keyed by student, so that applying one twice,
late or never is harmless. The picture itself is gone by then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from ml.labels import EMOTIONS

State = Literal["reading", "unsure", "no_face"]

WHY = {"several": "several", "small": "small", "dark": "dark", "blurred": "blurred"}
"""Outcomes of the quality gate; what the classifier itself was not sure of is `low_sure`."""


class Sampled(Protocol):
    """The part of `ml.reader.Sample` that a reading is made of."""

    @property
    def outcome(self) -> str: ...

    @property
    def probabilities(self) -> Any: ...

    @property
    def sure(self) -> float | None: ...

    @property
    def yaw(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """`offered_at` and `read_at` are epoch seconds; `p` is there only in state `reading`."""

    lesson: int
    student: int
    seq: int
    offered_at: float
    read_at: float
    state: State
    why: str | None = None
    p: tuple[float, ...] | None = None
    sure: float | None = None
    yaw: float | None = None

    @property
    def top(self) -> str | None:
        return None if self.p is None else EMOTIONS[self.p.index(max(self.p))]

    @property
    def has_face(self) -> bool:
        """Whether somebody was there; a dark picture cannot tell, so it does not say absent."""
        return self.state != "no_face"

    def as_json(self, face_since: float) -> str:
        words = {
            "at": round(self.offered_at, 2),
            "seq": self.seq,
            "state": self.state,
            "why": self.why,
            "p": None if self.p is None else [round(share, 3) for share in self.p],
            "top": self.top,
            "sure": None if self.sure is None else round(self.sure, 2),
            "yaw": None if self.yaw is None else round(self.yaw, 2),
            "face_since": round(face_since, 2),
        }
        return json.dumps(words, separators=(",", ":"))


def reading_from(
    sample: Sampled, *, lesson: int, student: int, seq: int, offered_at: float, read_at: float
) -> Reading:
    """The reading of one sample: a face we can read, a face we cannot, or no face."""
    whose = Reading(lesson, student, seq, offered_at, read_at, state="no_face")
    if sample.outcome == "no_face":
        return whose
    if sample.outcome != "face" or sample.probabilities is None:
        return replace(whose, state="unsure", why=WHY.get(sample.outcome, "low_sure"))
    p = tuple(float(share) for share in sample.probabilities)
    sure = max(p) if sample.sure is None else float(sample.sure)
    yaw = None if sample.yaw is None else float(sample.yaw)
    return replace(whose, state="reading", p=p, sure=sure, yaw=yaw)
