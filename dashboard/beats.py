"""Steps the pulse through a lesson, ten seconds at a time, over what was stored.

A page that is opened late or reloaded steps through everything again and comes to the same word,
because nothing but stored slices, taps and markers goes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dashboard.stored import LessonState, Person, Tap
from dashboard.timeline import Band, Timeline
from emotions.flags import Judge
from emotions.models import SLICE_SECONDS
from emotions.pulse import TAPS_COUNT_S, Conditions, Pulse, Said, Signals, arrow
from emotions.rules import Rules

JUDGED_AFTER_S = 5
"""Rows of a slice may arrive this much after its end; later ones count in the charts only."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the lesson besides its slices."""

    lesson: LessonState
    people: list[Person]
    taps: list[Tap]
    bands: list[Band]

    def within(self, kind: str, at: float) -> Band | None:
        found = (band for band in self.bands if band.kind == kind)
        return next((band for band in found if band.starts_at <= at < band.ends_at), None)

    def is_quiet(self, starts_at: int) -> bool:
        """Whether quiet work touches this slice, as the judge sees it."""
        moments = (starts_at, starts_at + SLICE_SECONDS - 0.001)
        return any(self.within("quiet", at) is not None for at in moments)


def lost_at(taps: Iterable[Tap], at: float) -> set[int]:
    return {
        tap.student
        for tap in taps
        if tap.kind == "lost" and at - TAPS_COUNT_S < tap.at and tap.counts_at(at)
    }


class Beats:
    def __init__(self, rules: Rules) -> None:
        self.judge = Judge(rules)
        self.pulse = Pulse()
        self.until = 0
        self.first_read_at = 0
        self.arrow = ""

    def advance(self, timeline: Timeline, past: Past, now: float) -> bool:
        """Take every slice in that is due; False when none was."""
        if not self.until:
            self.until = int(past.lesson.opened_at) // SLICE_SECONDS * SLICE_SECONDS
        before = self.until
        while self.until + SLICE_SECONDS + JUDGED_AFTER_S <= now:
            self._step(timeline, past, now)
        if self.until == before:
            return False
        last_minute = timeline.valences(self.until - 60, self.until)
        self.arrow = arrow(last_minute, timeline.valences(self.until - 360, self.until - 60))
        return True

    def said(self, now: float, conditions: Conditions, counts: Mapping[str, int]) -> Said:
        """The word; whether there may be one depends on who is in the room this second."""
        here = {key: counts[key] for key in ("room", "cameras", "readable")}
        return self.pulse.said(now, conditions, replace(self.pulse.signals, **here))

    def _step(self, timeline: Timeline, past: Past, now: float) -> None:
        starts_at, ends_at = self.until, self.until + SLICE_SECONDS
        rows = timeline.rows.get(starts_at, {})
        if not self.first_read_at and any(row.n for row in rows.values()):
            self.first_read_at = starts_at
        quiet = past.is_quiet(starts_at)
        self.judge.fold(starts_at, rows.values(), quiet=quiet)
        room = timeline.room_at(starts_at, past.people, now)
        signals = self._signals(room, timeline, past, ends_at)
        conditions = Conditions(
            analysis=past.lesson.analysis,
            paused=past.within("pause", starts_at) is not None,
            quiet_until=ends_at + 1 if quiet else 0,
            first_read_at=self.first_read_at,
        )
        self.pulse.step(ends_at, signals, conditions)
        self.until = ends_at

    def _signals(self, room: set[int], timeline: Timeline, past: Past, ends_at: int) -> Signals:
        rows = timeline.rows.get(ends_at - SLICE_SECONDS, {})
        lost = lost_at(past.taps, ends_at) & room
        low, turned = self.judge.low & room, self.judge.turned & room
        away = self.judge.away & room
        return Signals(
            room=len(room),
            cameras=len(rows),
            readable=sum(row.n > 0 for row in rows.values()),
            lost=len(lost),
            low=len(low),
            turned=len(turned),
            away=len(away),
            together=len(lost | low | turned | away),
        )
