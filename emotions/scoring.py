"""How often flags find what really happened in simulated lessons, beside two simpler rules.

A flag is right when a span of its kind and student lies under it, or ended at most a minute
before. Compared are our rules, the same with one usual for everybody, and flags at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np

from emotions.flags import FACE_KINDS, LOW, SLICE_S, Judge, Watch
from emotions.judge import SETTLE_S
from emotions.rules import ASK_S, Rules
from emotions.trials import MINUTES, STUDENTS, Span, Trial
from emotions.usual import LEAST_SCALE, STEADIER, Usual

LATE_S = 60
SCALES = (1.75, 1.9, 2.0, 2.15, 2.3)
TIMES_S = (60.0, 80.0, 90.0, 120.0)
NEAR_BEST = 0.02
MOST_FALSE, LEAST_PRECISION, MOST_DELAY_S = 0.5, 0.85, 90
"""Of low flags where thresholds are chosen. One false flag a class and hour is asked of all kinds
in a noisier room, so half of that is left for the noise and the other kinds."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One flag of a simulated lesson, by the end of the slice that raised it."""

    student: int
    kind: str
    at_s: int

    def finds(self, span: Span) -> bool:
        same = (self.student, self.kind) == (span.student, span.kind)
        return same and span.starts_s < self.at_s <= span.ends_s + LATE_S


@dataclass(slots=True)
class Tally:
    """What came of the flags of some kinds, added up over lessons."""

    right: int = 0
    false: int = 0
    spans: int = 0
    hours: float = 0
    delays: list[float] = field(default_factory=list)

    def add(self, flags: Iterable[Raised], spans: list[Span]) -> None:
        found: dict[Span, float] = {}
        for flag in flags:
            span = next((span for span in spans if flag.finds(span)), None)
            if span is None:
                self.false += 1
            else:
                self.right += 1
                found.setdefault(span, flag.at_s + SETTLE_S - span.starts_s)
        self.spans += len(spans)
        self.hours += MINUTES / 60
        self.delays += found.values()

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.false)

    @property
    def recall(self) -> float:
        return len(self.delays) / max(1, self.spans)

    @property
    def false_per_hour(self) -> float:
        return self.false / self.hours if self.hours else 0.0

    def as_dict(self) -> dict[str, Any]:
        delay = median(self.delays) if self.delays else None
        return {
            "precision": round(self.precision, 3),
            "recall": round(self.recall, 3),
            "median_delay_s": delay,
            "median_delay_with_asking_s": None if delay is None else delay + ASK_S,
            "false_per_class_hour": round(self.false_per_hour, 2),
            "flags": self.right + self.false,
            "spans": self.spans,
        }


class Same(Usual):
    """One usual for everybody, learnt from nobody in particular."""

    def learn(self, starts_at: int, level: float, samples: int) -> None:
        return


def flags_of(judge: Judge, trial: Trial) -> list[Raised]:
    """The product's own judge, slice by slice."""
    return [
        Raised(change.student, change.kind, change.at)
        for number, rows in enumerate(trial.slices())
        for change in judge.fold(number * SLICE_S, rows)
        if change.raised
    ]


def ours(trial: Trial, rules: Rules) -> list[Raised]:
    return flags_of(Judge(rules), trial)


def without_own_usual(trial: Trial, rules: Rules, usual: Same) -> list[Raised]:
    judge = Judge(rules)
    for student in range(1, STUDENTS + 1):
        judge.watches[student] = Watch(rules)
        judge.watches[student].usual = usual
    return flags_of(judge, trial)


def by_chance(seed: int, like: list[Raised]) -> list[Raised]:
    """As many flags of each kind as ours, on students and at moments thrown by dice."""
    dice = np.random.default_rng(seed)
    return [
        Raised(
            int(dice.integers(1, STUDENTS + 1)),
            flag.kind,
            int(dice.integers(1, MINUTES * 60 // SLICE_S + 1)) * SLICE_S,
        )
        for flag in like
    ]


def usual_of_everybody(trials: Iterable[Trial]) -> Same:
    """Mean and scale of ten seconds of anybody, as one student's own are learnt."""
    levels = []
    for trial in trials:
        read = trial.n > 0
        levels.append((trial.valence_sum - trial.happy)[read] / trial.n[read])
    every = np.concatenate(levels)
    scale = float(np.hypot(LEAST_SCALE, STEADIER * every.std()))
    return Same(middle=float(every.mean()), scale=scale)


def tallies(flags: list[Raised], trial: Trial, into: dict[str, Tally]) -> None:
    """Into a tally of all kinds, and into one for each."""
    into["all"].add(flags, trial.spans)
    for kind in FACE_KINDS:
        of_kind = [flag for flag in flags if flag.kind == kind]
        into[kind].add(of_kind, [span for span in trial.spans if span.kind == kind])


def new_tallies() -> dict[str, Tally]:
    return {kind: Tally() for kind in ("all", *FACE_KINDS)}


def figures(seeds: Iterable[int], make: Callable[[int], Trial], usual: Same) -> dict[str, Any]:
    """The three rules over the same lessons."""
    rules = Rules()
    found = {name: new_tallies() for name in ("ours", "one_usual_for_all", "chance")}
    for seed in seeds:
        trial = make(seed)
        flags = ours(trial, rules)
        tallies(flags, trial, found["ours"])
        tallies(without_own_usual(trial, rules, usual), trial, found["one_usual_for_all"])
        tallies(by_chance(seed, flags), trial, found["chance"])
    return {
        name: {kind: tally.as_dict() for kind, tally in of_rule.items()}
        for name, of_rule in found.items()
    }


def our_figures(seeds: Iterable[int], make: Callable[[int], Trial]) -> dict[str, Any]:
    """Our rules alone."""
    rules, found = Rules(), new_tallies()
    for seed in seeds:
        trial = make(seed)
        tallies(ours(trial, rules), trial, found)
    return {kind: tally.as_dict() for kind, tally in found.items()}


def grid(seeds: Iterable[int], make: Callable[[int], Trial]) -> list[dict[str, Any]]:
    """What each pair of thresholds would do for low flags on the choosing seeds."""
    pairs = [(scales, time_s) for scales in SCALES for time_s in TIMES_S]
    found = {pair: Tally() for pair in pairs}
    for seed in seeds:
        trial = make(seed)
        spans = [span for span in trial.spans if span.kind == LOW]
        for scales, time_s in pairs:
            rules = replace(Rules(), scales_below=scales, low_for_s=time_s)
            flags = [flag for flag in ours(trial, rules) if flag.kind == LOW]
            found[scales, time_s].add(flags, spans)
    return [
        {"scales_below": scales, "low_for_s": time_s} | found[scales, time_s].as_dict()
        for scales, time_s in pairs
    ]


def chosen(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of those that are quick, precise and seldom false enough and find most: the quickest."""
    fit = [
        row
        for row in rows
        if row["false_per_class_hour"] <= MOST_FALSE
        and row["precision"] >= LEAST_PRECISION
        and (row["median_delay_s"] or 0) <= MOST_DELAY_S
    ] or rows
    most = max(row["recall"] for row in fit)
    near = [row for row in fit if row["recall"] >= most - NEAR_BEST]
    return min(near, key=lambda row: (row["median_delay_s"] or 0, -row["recall"]))
