"""The class in one word: Steady, Mixed or Check in, and when not to say any.

It counts students and averages no scores. Taps outrank faces: what a student says about themselves
always counts, what a camera suggests counts only when there is enough of it. The word gets worse
after 20 s and better after 60 s, so that it does not flicker while a teacher talks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from emotions import lines

TICK_S = 10
WORSE_AFTER_S = 20
BETTER_AFTER_S = 60
LEARNING_S = 180
TAPS_COUNT_S = 300
FEWEST_READABLE = 5
FEWEST_IN_BOTH = 5
ARROW_STEP = 0.10


class Level(IntEnum):
    STEADY = 0
    MIXED = 1
    CHECK_IN = 2

    @property
    def key(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Signal:
    """How many students show one thing, of how many who could."""

    kind: str
    count: int
    of: int

    @property
    def level(self) -> Level:
        if self.count >= 3 and self.count * 5 >= self.of:
            return Level.CHECK_IN
        if self.count >= 2 and self.count * 10 >= self.of:
            return Level.MIXED
        return Level.STEADY

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0

    @property
    def line(self) -> str:
        return lines.signal_line(self.kind, self.count, self.of)


@dataclass(frozen=True, slots=True)
class Signals:
    """The four signals at one moment. `together` counts students with any of them, once each."""

    room: int = 0
    cameras: int = 0
    readable: int = 0
    lost: int = 0
    low: int = 0
    turned: int = 0
    away: int = 0
    together: int = 0

    @property
    def taps(self) -> Signal:
        return Signal("lost", self.lost, self.room)

    @property
    def faces(self) -> tuple[Signal, ...]:
        return (
            Signal("low", self.low, self.readable),
            Signal("turned", self.turned, self.readable),
            Signal("away", self.away, self.cameras),
        )

    @property
    def faces_level(self) -> Level:
        return max(signal.level for signal in self.faces)

    @property
    def all_together(self) -> Signal:
        return Signal("together", self.together, self.room)

    def cause(self, *, with_faces: bool) -> tuple[Level, Signal]:
        """The word these signals ask for, and the one to name; a tap is named before a face."""
        candidates = [self.taps, *(self.faces if with_faces else ())]
        strongest = max(candidates, key=lambda signal: (signal.level, signal.share))
        if self.taps.level == strongest.level:
            strongest = self.taps
        together = self.all_together
        if with_faces and not strongest.level and together.count and together.share >= 0.2:
            return Level.MIXED, together
        return strongest.level, strongest


def raw_word(signals: Signals, *, with_faces: bool = True) -> Level:
    """The word of this moment, before hysteresis; the class flag is the same event."""
    return signals.cause(with_faces=with_faces)[0]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What decides whether faces may set a word at all; times in epoch seconds."""

    analysis: bool = True
    paused: bool = False
    worker: bool = True
    analysed_at: float = 0
    quiet_until: float = 0
    first_read_at: float = 0


def grey_line(signals: Signals, now: float, conditions: Conditions) -> str:
    """Why no word can come from faces, or "" when one can; the teacher's own acts come first."""
    return _not_read(signals, conditions) or _too_little(signals, now, conditions)


def _not_read(signals: Signals, conditions: Conditions) -> str:
    if not signals.room:
        return lines.nobody_here()
    if not conditions.analysis:
        return lines.taps_only()
    if conditions.paused:
        return lines.paused()
    if not conditions.worker:
        return lines.not_analysed_since(conditions.analysed_at)
    return "" if signals.cameras else lines.no_cameras()


def _too_little(signals: Signals, now: float, conditions: Conditions) -> str:
    if conditions.quiet_until > now:
        return lines.quiet_until(conditions.quiet_until)
    left_s = (conditions.first_read_at or now) + LEARNING_S - now
    if left_s > 0:
        return lines.getting_to_know(left_s)
    # Two readable of 24 are too few faces; two of three are simply a small group.
    if signals.cameras >= FEWEST_READABLE and signals.readable * 2 < signals.cameras:
        return lines.few_faces(signals.readable, signals.cameras)
    return lines.small_group() if signals.readable < FEWEST_READABLE else ""


class Held:
    """A level that gets worse after 20 s beyond the line and better after 60 s under it."""

    def __init__(self) -> None:
        self.level = Level.STEADY
        self.since = 0.0
        self.seen: deque[tuple[float, Level]] = deque()

    def step(self, at: float, level: Level) -> Level:
        if self.seen and at <= self.seen[-1][0]:
            return self.level
        self.seen.append((at, level))
        while len(self.seen) > 1 and self.seen[1][0] <= at - BETTER_AFTER_S:
            self.seen.popleft()
        worse = self._throughout(at, WORSE_AFTER_S)
        better = self._throughout(at, BETTER_AFTER_S)
        if worse and min(worse) > self.level:
            self._become(min(worse), at)
        elif better and max(better) < self.level:
            self._become(max(better), at)
        return self.level

    def _throughout(self, at: float, seconds: float) -> list[Level]:
        """All levels seen in the last `seconds`; empty when we have not watched that long."""
        if self.seen[0][0] > at - seconds:
            return []
        return [level for when, level in self.seen if when >= at - seconds]

    def _become(self, level: Level, at: float) -> None:
        self.level, self.since = level, at


@dataclass(frozen=True, slots=True)
class Said:
    """What stands beside the pulse's mark. No key means grey: no word, only the line."""

    key: str
    word: str
    line: str
    since: float
    grey: bool


class Pulse:
    """Steps once per ten seconds, over signals that can be counted again from stored rows."""

    def __init__(self) -> None:
        self.taps = Held()
        self.both = Held()
        self.cause: Signal | None = None
        self.signals = Signals()

    def step(self, at: float, signals: Signals, conditions: Conditions) -> None:
        self.signals = signals
        grey = bool(grey_line(signals, at, conditions))
        self.taps.step(at, raw_word(signals, with_faces=False))
        if grey:
            # What faces said before the pause is not carried through it.
            self.both = Held()
            self.both.level, self.both.since = self.taps.level, self.taps.since
        self.both.step(at, raw_word(signals, with_faces=not grey))
        level, cause = signals.cause(with_faces=not grey)
        if level >= self.both.level:
            self.cause = cause

    def said(self, now: float, conditions: Conditions, here: Signals | None = None) -> Said:
        """`here` has the counts of this second, where they are known better than by the tick."""
        grey = grey_line(here or self.signals, now, conditions)
        held = self.taps if grey else self.both
        if grey and not held.level:
            return Said("", "", grey, 0, True)
        return Said(
            held.level.key,
            lines.pulse_word(held.level.key),
            self._line(held.level, faces_speak=not grey),
            held.since,
            False,
        )

    def _line(self, level: Level, *, faces_speak: bool) -> str:
        if not level:
            return lines.steady_line()
        cause = self._cause_now(faces_speak=faces_speak)
        faces = self.signals.faces_level
        if cause.kind == "lost" and faces_speak and faces < level:
            return lines.taps_against_faces(cause.count, faces.key)
        return cause.line

    def _cause_now(self, *, faces_speak: bool) -> Signal:
        """What set the word, with the count of this tick; the one that set it once that is 0."""
        cause = self.cause
        if cause is None or not (faces_speak or cause.kind == "lost"):
            return self.signals.taps
        now = (self.signals.taps, *self.signals.faces, self.signals.all_together)
        return next((s for s in now if s.kind == cause.kind and s.count), cause)


def arrow(last: Mapping[int, float], before: Mapping[int, float]) -> str:
    """Where the class moves: mean valence of the last minute against the five minutes before.

    Only students in both windows count, so that joining and leaving cannot move it. A student's
    own usual is the same in both and cancels out. Under five of them there is no arrow.
    """
    both = last.keys() & before.keys()
    if len(both) < FEWEST_IN_BOTH:
        return ""
    change = round(sum(last[one] - before[one] for one in both) / len(both), 6)
    if change > ARROW_STEP:
        return "rising"
    return "falling" if change < -ARROW_STEP else "holding"
