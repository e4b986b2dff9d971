"""What to find again: a lesson's dips and highs, and whether taps agree with faces.

A minute counts students who read lower or higher than their own middle of the lesson; nobody is
named, nobody compared with another. Under five readable students a minute says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.stored import Mark, Tap
from dashboard.timeline import Timeline

MINUTE_S, SPAN_S, APART_S, NEAR_S = 60, 300, 180, 180
STEP = 0.2
FEWEST, LEAST, MOST = 5, 2, 3
LOST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Minute:
    at: int
    readable: int
    lower: int
    higher: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One dip or high: when, how many students, and the marker nearest to it."""

    at: datetime
    words: str
    marker: str


def minutes(line: Timeline, step_s: int = MINUTE_S) -> list[Minute]:
    if not line.starts:
        return []
    first, last = line.starts[0], line.starts[-1]
    usual = usuals(line)
    found = []
    for at in range(first, last + 1, step_s):
        moved = [v - usual[who] for who, v in line.valences(at, at + step_s).items()]
        lower, higher = sum(v <= -STEP for v in moved), sum(v >= STEP for v in moved)
        found.append(Minute(at, len(moved), lower, higher))
    return found


def usuals(line: Timeline) -> dict[int, float]:
    """Each student's own middle of the whole lesson."""
    levels: dict[int, list[float]] = {}
    for rows in line.rows.values():
        for student, row in rows.items():
            if row.n:
                levels.setdefault(student, []).append(row.valence_sum / row.n)
    return {student: median(values) for student, values in levels.items()}


def dips(line: Timeline, marks: Iterable[Mark]) -> list[Moment]:
    return picked([(one.lower, one) for one in minutes(line)], marks, high=False)


def highs(line: Timeline, marks: Iterable[Mark]) -> list[Moment]:
    return picked([(one.higher, one) for one in minutes(line)], marks, high=True)


def picked(counted: list[tuple[int, Minute]], marks: Iterable[Mark], *, high: bool) -> list[Moment]:
    """The three largest shares, not within three minutes of each other, in the lesson's order."""
    fit = [(n, one) for n, one in counted if one.readable >= FEWEST and n >= LEAST]
    fit.sort(key=lambda pair: (-pair[0] / pair[1].readable, pair[1].at))
    taken: list[tuple[int, Minute]] = []
    for count, one in fit:
        if len(taken) < MOST and all(abs(one.at - other.at) >= APART_S for _n, other in taken):
            taken.append((count, one))
    notes = [mark for mark in marks if mark.kind == "note" and mark.text]
    return [moment(count, one, notes, high=high) for count, one in sorted(taken, key=place)]


def place(pair: tuple[int, Minute]) -> int:
    return pair[1].at


def moment(count: int, one: Minute, notes: list[Mark], *, high: bool) -> Moment:
    told = {"count": count, "of": one.readable}
    low_words = _("%(count)d of %(of)d read lower than their usual")
    high_words = _("%(count)d of %(of)d read higher than their usual")
    near = min(notes, key=lambda mark: abs(mark.at - one.at), default=None)
    text = near.text if near and abs(near.at - one.at) <= NEAR_S else ""
    words = (high_words if high else low_words) % told
    return Moment(datetime.fromtimestamp(one.at, UTC), words, text)


def agreement(line: Timeline, taps: Iterable[Tap], students: int) -> str:
    """In how many five-minute spans taps and faces said the same: a dip, or none."""
    lost = [tap for tap in taps if tap.kind == "lost" and not tap.undone]
    spans = [span for span in minutes(line, SPAN_S) if span.readable >= FEWEST]
    if not spans or not lost:
        return ""
    agreed = sum(taps_dip(lost, span.at, students) == faces_dip(span) for span in spans)
    told = {"agreed": agreed, "spans": len(spans)}
    return (
        ngettext(
            "Taps and faces agreed in %(agreed)d of %(spans)d five-minute span.",
            "Taps and faces agreed in %(agreed)d of %(spans)d five-minute spans.",
            len(spans),
        )
        % told
    )


def taps_dip(lost: list[Tap], at: int, students: int) -> bool:
    who = {tap.student for tap in lost if at <= tap.at < at + SPAN_S}
    return len(who) >= LEAST and len(who) >= LOST_SHARE * students


def faces_dip(span: Minute) -> bool:
    return span.lower >= LEAST and span.lower >= LOST_SHARE * span.readable
