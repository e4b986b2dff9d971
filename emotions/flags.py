"""When to ask a teacher to look at a student: pure rules over stored ten-second slices.

Slices go in one after another, decisions come out; the same slices give the same flags, so a
lesson can be judged again from what is stored. Each rule compares students with their own usual,
never with each other, and what cannot be read counts for nothing. Happy and surprise never raise
a flag, neutral is not disengaged, and engagement is a chart value only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from emotions.rules import Rules
from emotions.usual import SLICE_S as SLICE_S
from emotions.usual import Usual

KNOWN_OF_MEAN = 0.75
"""How much of the time that is averaged must have been readable at all."""
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
"""Those that a camera raises; the one place that says so."""
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

    @property
    def happy(self) -> float: ...


class Seen(NamedTuple):
    """Of one student's ten seconds: all samples, readable ones, those without a smile, turned."""

    all: int
    readable: int
    sober: int
    turned: int


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


class Watch:
    """One student, slice after slice from `first_at` on."""

    def __init__(self, rules: Rules, first_at: int = 0) -> None:
        self.rules = rules
        self.first_at = first_at
        averaged = _slices(rules.low_for_s)
        self.usual = Usual(averaged)
        self.levels: deque[float | None] = deque(maxlen=averaged)
        self.low = Condition(rules.low_for_s)
        self.away = Condition(rules.away_after_s)
        self.turned = Condition(rules.turned_for_s)
        self.recent: deque[Seen] = deque(maxlen=_slices(rules.turned_for_s))

    @property
    def conditions(self) -> dict[str, Condition]:
        return {AWAY: self.away, LOW: self.low, TURNED: self.turned}

    def step(self, starts_at: int, row: Row | None) -> None:
        seen = seen_in(row)
        self.recent.append(seen)
        self.away.step(starts_at, bool(row and row.absent and row.absent == seen.all))
        self._step_low(starts_at, row)
        self._step_turned(starts_at)

    def rest(self) -> None:
        """Quiet work: heads down over paper is neither absence nor looking away."""
        self.recent.clear()
        for condition in self.conditions.values():
            condition.rest()

    def sure(self, kind: str) -> float | None:
        """How sure, from what is stored: never "likely", because a face is only a hint.

        Two fifths are how far under the usual (two scales more count as certain), the rest how much
        of the last minute and a half could be read: a flag goes up as soon as its line is crossed,
        so a well-read one that has just done so is a "maybe" and no mere guess.
        """
        if kind == AWAY:
            return None
        seen = sum(one.all for one in self.recent)
        coverage = sum(one.readable for one in self.recent) / seen if seen else 0.0
        depth = 1.0
        if kind == LOW and self.mood is not None:
            depth = self.usual.depth(self.mood) / self.rules.scales_below - 1
            depth = min(1.0, max(0.0, depth))
        return round(0.45 + 0.12 * depth + 0.17 * coverage, 2)

    @property
    def mood(self) -> float | None:
        """The mean of the last `low_for_s`; None where too little of them was readable."""
        known = [level for level in self.levels if level is not None]
        enough = len(known) >= KNOWN_OF_MEAN * (self.levels.maxlen or 1)
        return sum(known) / len(known) if enough else None

    def _step_low(self, starts_at: int, row: Row | None) -> None:
        """Over the whole span at once: ten seconds that read otherwise must not restart it."""
        low = self._is_low(starts_at, row)
        if low and self.low.since is None:
            self.low.since = starts_at + SLICE_S * (1 - len(self.levels))
        self.low.step(starts_at, low)

    def _is_low(self, starts_at: int, row: Row | None) -> bool | None:
        if row is None or not row.n:
            self.levels.append(None)
            return None
        level = lowness(row)
        if not self.low.holds:
            self.usual.learn(starts_at, level, row.n)
        self.levels.append(level)
        mood = self.mood
        if mood is None:
            return None
        line = self.rules.scales_below * (BACK_AT if self.low.holds else 1)
        return self.usual.depth(mood) > line

    def _step_turned(self, starts_at: int) -> None:
        """Over the whole span at once: a single glance at the board must not restart it."""
        seen, _, sober, turned = (sum(column) for column in zip(*self.recent, strict=True))
        enough = len(self.recent) == self.recent.maxlen and sober >= TURNED_COVERAGE * seen
        away = enough and sober > 0 and turned >= self.rules.turned_share * sober
        if away and not self.turned.holds:
            # Whoever is back already needs no look.
            now = self.recent[-1]
            away = now.turned > 0 and 2 * now.turned >= now.sober
        if away and self.turned.since is None:
            self.turned.since = starts_at + SLICE_S * (1 - len(self.recent))
        self.turned.step(starts_at, away)


def _slices(seconds: float) -> int:
    return max(1, int(seconds) // SLICE_S)


def lowness(row: Row) -> float:
    """Valence without its happy part, 0 to -1: laughing before is no measure of a dip after."""
    return (row.valence_sum - row.happy) / row.n


def seen_in(row: Row | None) -> Seen:
    """A smile at a second monitor is no flag, and no look back at the class either."""
    if row is None:
        return Seen(0, 0, 0, 0)
    all_of_it = row.n + row.absent + row.several + row.unsure
    if row.n and row.valence_sum / row.n >= SMILES_AT:
        return Seen(all_of_it, row.n, 0, 0)
    return Seen(all_of_it, row.n, row.n, row.turned)


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
            self.watches[student] = Watch(self.rules, starts_at)
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
