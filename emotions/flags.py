"""When to ask a teacher to look at a student: pure rules over stored ten-second slices.

Slices go in one after another, decisions come out; the same slices give the same flags, so a
lesson can be judged again from what is stored. Each rule compares students with their own usual,
never with each other, and what cannot be read counts for nothing. Happy and surprise never raise
a flag, neutral is not disengaged, and engagement is a chart value only.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from emotions.rules import Rules
from ml.engagement import BASELINE_S, BASELINE_SAMPLES, LEAST_SCALE, SMOOTH_S

SLICE_S = 10
MAD_TO_SCALE = 1.4826
TURNED_COVERAGE = 0.5
SMILES_AT = 0.5
"""Valence from which ten seconds read happy; nobody is flagged for that, wherever they look."""
HYSTERESIS_S = 30
BACK_AT = 0.5
"""A flag clears half way back to the usual, so that noise at the line does not make it flap."""
FORGOTTEN_AFTER_S = 60
SAME_DIP_S = 60
"""Flags as fresh as this are the first of a dip that turns out to be the whole class's."""
CLASS_SHARE = 0.2
CLASS_LEAST = 3

AWAY, LOW, TURNED, CLASS = "away", "low", "turned", "class"
FACE_KINDS = (AWAY, LOW, TURNED)
REASONS = {AWAY: "no_face", LOW: "below_usual", TURNED: "turned", CLASS: "check_in"}
WHOLE_CLASS = 0

Key = tuple[int, str]
"""A student, or WHOLE_CLASS, and a kind of flag."""


class Row(Protocol):
    """The part of a Slice that rules look at."""

    participant_id: int
    n: int
    absent: int
    several: int
    unsure: int
    turned: int
    valence_sum: float


@dataclass(frozen=True, slots=True)
class Change:
    """One flag raised or cleared, at the end of a slice; all times are epoch seconds."""

    student: int
    kind: str
    raised: bool
    since: int
    at: int
    sure: float | None = None

    @property
    def reason(self) -> str:
        return REASONS[self.kind]


@dataclass(slots=True)
class Condition:
    """Holds once it was true for `need_s`, and until it was untrue for half a minute."""

    need_s: float
    hysteresis_s: float = HYSTERESIS_S
    since: int | None = None
    until: int = 0
    holds: bool = False

    def step(self, starts_at: int, truth: bool | None) -> None:
        """`None` is unknown: it changes nothing for a minute, then counts as untrue."""
        ends_at = starts_at + SLICE_S
        if truth:
            self.since = starts_at if self.since is None else self.since
            self.until = ends_at
            self.holds = self.holds or ends_at - self.since >= self.need_s
            return
        if self.since is None or (truth is None and ends_at - self.until <= FORGOTTEN_AFTER_S):
            return
        if not self.holds or ends_at - self.until >= self.hysteresis_s:
            self.rest()

    def rest(self) -> None:
        self.since, self.holds = None, False


@dataclass(slots=True)
class Usual:
    """A student's own valence in the first three minutes: median and scaled median deviation."""

    means: list[float] = field(default_factory=list)
    samples: int = 0
    starts_at: int = 0
    middle: float | None = None
    scale: float = LEAST_SCALE

    def learn(self, starts_at: int, row: Row) -> None:
        if self.middle is not None:
            return
        self.starts_at = self.starts_at or starts_at
        self.means.append(row.valence_sum / row.n)
        self.samples += row.n
        long_enough = starts_at + SLICE_S - self.starts_at >= BASELINE_S
        if long_enough and self.samples >= BASELINE_SAMPLES:
            self.middle = median(self.means)
            deviation = median(abs(mean - self.middle) for mean in self.means)
            self.scale = max(LEAST_SCALE, MAD_TO_SCALE * deviation)

    def depth(self, valence: float) -> float:
        """How many scales `valence` lies under the usual; 0 while the usual is unknown."""
        return 0.0 if self.middle is None else (self.middle - valence) / self.scale


class Watch:
    """One student, slice after slice."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.usual = Usual()
        self.mood: float | None = None
        self.mood_at = 0
        self.low = Condition(rules.low_for_s)
        self.away = Condition(rules.away_after_s)
        self.turned = Condition(rules.turned_for_s)
        self.recent: deque[tuple[int, int, int]] = deque(maxlen=int(rules.turned_for_s) // SLICE_S)

    @property
    def conditions(self) -> dict[str, Condition]:
        return {AWAY: self.away, LOW: self.low, TURNED: self.turned}

    def step(self, starts_at: int, row: Row | None) -> None:
        seen = 0 if row is None else row.n + row.absent + row.several + row.unsure
        self.recent.append((seen, row.n, _turned(row)) if row else (0, 0, 0))
        self.away.step(starts_at, bool(row and row.absent and row.absent == seen))
        self.low.step(starts_at, self._is_low(starts_at, row))
        self._step_turned(starts_at)

    def rest(self) -> None:
        """Quiet work: heads down over paper is neither absence nor looking away."""
        self.recent.clear()
        for condition in self.conditions.values():
            condition.rest()

    def sure(self, kind: str) -> float | None:
        """How sure, from what is stored: never "likely", because a face is only a hint.

        Half is how far under the usual (two scales more count as certain), half how much of the
        last two minutes could be read.
        """
        if kind == AWAY:
            return None
        seen = sum(slice_[0] for slice_ in self.recent)
        coverage = sum(slice_[1] for slice_ in self.recent) / seen if seen else 0.0
        depth = 1.0
        if kind == LOW and self.mood is not None:
            depth = self.usual.depth(self.mood) / self.rules.scales_below - 1
            depth = min(1.0, max(0.0, depth))
        return round(0.45 + 0.14 * depth + 0.15 * coverage, 2)

    def _is_low(self, starts_at: int, row: Row | None) -> bool | None:
        if row is None or not row.n:
            return None
        self.usual.learn(starts_at, row)
        mean = row.valence_sum / row.n
        if self.mood is None:
            self.mood = mean
        else:
            share = 1 - math.exp(-(starts_at - self.mood_at) / SMOOTH_S)
            self.mood += share * (mean - self.mood)
        self.mood_at = starts_at
        line = self.rules.scales_below * (BACK_AT if self.low.holds else 1)
        return self.usual.depth(self.mood) > line

    def _step_turned(self, starts_at: int) -> None:
        """Over the whole span at once: a single glance at the board must not restart it."""
        seen, readable, turned = (sum(column) for column in zip(*self.recent, strict=True))
        enough = len(self.recent) == self.recent.maxlen and readable >= TURNED_COVERAGE * seen
        away = enough and readable > 0 and turned >= self.rules.turned_share * readable
        if away and self.turned.since is None:
            self.turned.since = starts_at + SLICE_S * (1 - len(self.recent))
        self.turned.step(starts_at, away)


def _turned(row: Row) -> int:
    """A smile at a second monitor is no flag: happy never raises one."""
    return 0 if row.n and row.valence_sum / row.n >= SMILES_AT else row.turned


class Judge:
    """Folds a lesson's slices in order and says which flags open and close."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.watches: dict[int, Watch] = {}
        self.open: dict[Key, Change] = {}
        self.check_in = Condition(0, hysteresis_s=0)
        self.seen: set[int] = set()
        self.readable = 0
        self.first_read_at = 0
        self.folded_until = 0

    @property
    def low(self) -> set[int]:
        return self._holding(LOW)

    @property
    def turned(self) -> set[int]:
        return self._holding(TURNED)

    @property
    def away(self) -> set[int]:
        return self._holding(AWAY)

    @property
    def class_dips(self) -> bool:
        """So many read low at once that it is one event of the class, not a flag for each."""
        dips = len(self.low)
        return dips >= CLASS_LEAST and dips >= CLASS_SHARE * self.readable

    def usual(self, student: int) -> float | None:
        watch = self.watches.get(student)
        return watch.usual.middle if watch else None

    def mood(self, student: int) -> float | None:
        watch = self.watches.get(student)
        return watch.mood if watch else None

    def fold(
        self,
        starts_at: int,
        rows: Iterable[Row],
        *,
        quiet: bool = False,
        dismissed: Mapping[Key, Iterable[float]] | None = None,
    ) -> list[Change]:
        """Take one slice in; `dismissed` holds when the teacher waved each kind of flag away."""
        by_student = {row.participant_id: row for row in rows}
        self.seen = set(by_student)
        self.readable = sum(row.n > 0 for row in by_student.values())
        if self.readable and not self.first_read_at:
            self.first_read_at = starts_at
        self.folded_until = starts_at + SLICE_S
        for student in by_student.keys() - self.watches.keys():
            self.watches[student] = Watch(self.rules)
        for student, watch in self.watches.items():
            watch.step(starts_at, by_student.get(student))
            if quiet:
                watch.rest()
        return self._changes(dismissed or {})

    def fold_class(
        self, check_in: bool, *, dismissed: Mapping[Key, Iterable[float]] | None = None
    ) -> list[Change]:
        """After the slice: whether the pulse, with its own hysteresis, says "Check in"."""
        self.check_in.step(self.folded_until - SLICE_S, check_in)
        times = (dismissed or {}).get((WHOLE_CLASS, CLASS), ())
        change = self._change(WHOLE_CLASS, CLASS, self.check_in, times)
        return [change] if change else []

    def _changes(self, dismissed: Mapping[Key, Iterable[float]]) -> list[Change]:
        changes = []
        for student, watch in sorted(self.watches.items()):
            for kind, condition in watch.conditions.items():
                times = dismissed.get((student, kind), ())
                change = self._change(student, kind, condition, times)
                if change is not None:
                    changes.append(change)
        return changes

    def _change(
        self, student: int, kind: str, condition: Condition, dismissed: Iterable[float]
    ) -> Change | None:
        now, key = self.folded_until, (student, kind)
        last = max((at for at in dismissed if at <= now + SLICE_S), default=0.0)
        opened = self.open.get(key)
        if opened is not None and last > opened.at:
            # The teacher closed it; the row says so already.
            del self.open[key]
            return None
        if opened is None:
            rested = now >= last + self.rules.cool_down_s
            if condition.holds and rested and not self._is_shared(kind):
                return self._raise(key, condition)
        elif not condition.holds or (self._is_shared(kind) and now - opened.at <= SAME_DIP_S):
            del self.open[key]
            return Change(student, kind, raised=False, since=opened.since, at=now)
        return None

    def _raise(self, key: Key, condition: Condition) -> Change:
        student, kind = key
        since = self.folded_until if condition.since is None else condition.since
        sure = self.watches[student].sure(kind) if student in self.watches else None
        change = Change(student, kind, True, since, self.folded_until, sure)
        self.open[key] = change
        return change

    def _is_shared(self, kind: str) -> bool:
        return kind == LOW and self.class_dips

    def _holding(self, kind: str) -> set[int]:
        return {pid for pid, watch in self.watches.items() if watch.conditions[kind].holds}
