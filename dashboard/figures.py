"""The two charts of a lesson as Plotly figures in JSON: the mood mix and the engagement line.

The skeletons are checked by plotly once; what changes is filled in as plain lists. Colours are
named, not given: each trace carries a token, and the page takes the colour from its theme. Times
are the server's own wall clock, because Plotly draws dates as written.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from classroom.models import Lesson
from dashboard import overlays
from dashboard.overlays import local
from dashboard.stored import Mark, Tap
from dashboard.timeline import Band, Point, thin
from emotions import words
from emotions.models import SLICE_SECONDS
from emotions.pulse import FEWEST_READABLE
from ml.labels import EMOTIONS, LOW

MOST_POINTS = 300
LABELLED_FROM = 6.0
MINUTE_S = 60

# From the bottom of the stack; what could not be read lies on top, hatched.
SEVEN = ("happy", "surprise", "neutral", "sad", "fear", "angry", "disgust")
SIMPLE = ("happy", "surprise", "neutral", "low")
UNKNOWN = "unknown"

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """What both charts draw: the points, and what happened beside them."""

    points: list[Point]
    step_s: int
    marks: list[Mark]
    bands: list[Band]
    taps: list[Tap]
    mode: str = Lesson.Mode.LIVE
    span: tuple[float, float] | None = None

    @property
    def begins_and_ends(self) -> tuple[float, float] | None:
        """What the time axis shows, also where there are only taps."""
        if self.span or not self.points:
            return self.span
        return self.points[0].at, self.points[-1].at + self.step_s

    @property
    def simulated(self) -> str:
        told = {Lesson.Mode.PRACTICE.value: _("Simulated"), Lesson.Mode.LOAD.value: _("Load test")}
        return told.get(self.mode, "")


def chart(
    points: list[Point],
    *,
    marks: Iterable[Mark] = (),
    bands: Iterable[Band] = (),
    taps: Iterable[Tap] = (),
    mode: str = Lesson.Mode.LIVE,
    step_s: int = SLICE_SECONDS,
    span: tuple[float, float] | None = None,
) -> Chart:
    """Thinned to what a screen can show."""
    few, seconds = thin(points, MOST_POINTS)
    times = seconds // SLICE_SECONDS
    return Chart(few, step_s * times, list(marks), list(bands), list(taps), mode, span)


def figures(drawn: Chart) -> dict[str, Any]:
    """Everything the page draws, as it travels."""
    return {
        "mood": {"simple": mood(drawn, SIMPLE), "seven": mood(drawn, SEVEN)},
        "engagement": engagement(drawn),
    }


def mood(drawn: Chart, labels: tuple[str, ...]) -> Figure:
    figure: Figure = copy.deepcopy(skeleton("mood"))
    area, hover = figure["data"]
    stack = (*labels, UNKNOWN)
    pieces = runs(drawn.points)
    figure["data"] = [
        band_trace(area, label, piece, number, drawn.step_s)
        for number, piece in enumerate(pieces)
        for label in stack
    ]
    figure["data"] += [hover_trace(hover, labels, piece, drawn.step_s) for piece in pieces]
    overlays.add(figure, drawn, labels=True)
    if drawn.points and not drawn.points[-1].is_gap:
        figure["layout"]["annotations"] += end_labels(drawn.points[-1], stack)
    figure["legend"] = [{"token": label, "words": words.emotion(label)} for label in stack]
    figure["caption"] = caption(drawn)
    figure["table"] = table(drawn.points, drawn.step_s)
    return figure


def engagement(drawn: Chart) -> Figure:
    figure: Figure = copy.deepcopy(skeleton("engagement"))
    line, bars = figure["data"]
    levels = [
        round(point.engagement, 3) if point.covered and point.engagement is not None else None
        for point in drawn.points
    ]
    line |= {"x0": start_of(drawn.points), "dx": drawn.step_s * 1000, "y": levels}
    counted = tap_minutes(drawn.taps)
    bars |= {
        "x": [local(minute) for minute in counted],
        "y": [sum(kinds.values()) for kinds in counted.values()],
        "text": [tap_words(minute, kinds) for minute, kinds in counted.items()],
    }
    axis = figure["layout"]["yaxis"]
    axis["ticktext"] = [_("low"), _("usual"), _("high")]
    overlays.add(figure, drawn, labels=False)
    figure["caption"] = caption(drawn)
    figure["table"] = level_table(drawn, levels, counted)
    return figure


def level_table(
    drawn: Chart, levels: list[float | None], counted: Mapping[int, Mapping[str, int]]
) -> dict[str, Any]:
    """The line and the bars in words, a row per minute that has either."""
    said = {
        int(point.at) // MINUTE_S * MINUTE_S: level_word(level)
        for point, level in zip(drawn.points, levels, strict=True)
        if level is not None
    }
    minutes = sorted(said.keys() | counted.keys())
    rows = [
        [words.time_of_day(at), said.get(at, "–"), sum(counted.get(at, {}).values())]
        for at in minutes
    ]
    return {"head": [_("Time"), _("Engagement"), _("Taps")], "rows": rows}


def level_word(level: float) -> str:
    """The guide of the chart that is nearest; the figure itself is told nowhere."""
    named = dict(zip(overlays.LEVELS, (_("low"), _("usual"), _("high")), strict=True))
    return named[min(named, key=lambda guide: abs(guide - level))]


def start_of(points: list[Point]) -> str:
    return local(points[0].at) if points else ""


def runs(points: list[Point]) -> list[list[Point]]:
    """Neighbours without a gap between them; each run is a stack of its own, so that no band is
    drawn across what was not seen."""
    found: list[list[Point]] = []
    open_run = False
    for point in points:
        if point.is_gap:
            open_run = False
            continue
        if not open_run:
            found.append([])
        found[-1].append(point)
        open_run = True
    return found


def students(point: Point, label: str) -> float:
    """How many students a band stands for."""
    if label == UNKNOWN:
        return max(0.0, point.room - sum(point.shares))
    if label == "low":
        return sum(point.shares[index] for index in LOW)
    return point.shares[EMOTIONS.index(label)]


def percent(point: Point, label: str) -> float:
    return round(100 * students(point, label) / point.room, 1)


def band_trace(
    area: Figure, label: str, piece: list[Point], number: int, step_s: int
) -> dict[str, Any]:
    values = [percent(point, label) for point in piece]
    trace = area | {
        "name": words.emotion(label),
        "meta": {"token": label},
        "stackgroup": f"run{number}",
        "x0": start_of(piece),
        "dx": step_s * 1000,
        # The last span has a width too.
        "y": [*values, values[-1]],
    }
    if label == UNKNOWN:
        trace["fillpattern"] = {"shape": "/", "size": 6, "solidity": 0.25}
    return trace


def hover_trace(
    hover: Figure, labels: tuple[str, ...], piece: list[Point], step_s: int
) -> dict[str, Any]:
    """One box for the whole stack: about how many students, never percentages."""
    shown = sorted(labels, key=lambda label: label != "neutral")
    named = ", ".join(
        f"%{{customdata[{index}]}} {words.emotion(label)}" for index, label in enumerate(shown)
    )
    told = {
        "named": named,
        "unknown": f"%{{customdata[{len(shown)}]}}",
        "room": f"%{{customdata[{len(shown) + 1}]}}",
    }
    line = _("about %(named)s · %(unknown)s not readable, of %(room)s") % told
    return hover | {
        "x0": start_of(piece),
        "dx": step_s * 1000,
        "y": [50] * len(piece),
        "customdata": [counts(point, (*shown, UNKNOWN)) for point in piece],
        "hovertemplate": f"%{{x|%H:%M}} · {line}<extra></extra>",
    }


def counts(point: Point, labels: Iterable[str]) -> list[int]:
    return [*(round(students(point, label)) for label in labels), round(point.room)]


def end_labels(point: Point, stack: tuple[str, ...]) -> list[Figure]:
    """The names of the wide bands at the right end."""
    found, below = [], 0.0
    for label in stack:
        share = percent(point, label)
        if share > LABELLED_FROM:
            found.append(overlays.end_label(words.emotion(label), label, below + share / 2))
        below += share
    return found


def caption(drawn: Chart) -> str:
    if not drawn.points:
        return _("The chart begins with the first reading.")
    small = drawn.points[-1].readable < FEWEST_READABLE
    return _("Small group") if small else ""


def table(points: list[Point], step_s: int) -> dict[str, Any]:
    """A row per minute at most: the same figures for who does not see the chart."""
    every = max(1, MINUTE_S // step_s)
    labels = (*SIMPLE, UNKNOWN)
    head = [_("Time"), *(words.emotion(label) for label in labels), _("in the room")]
    rows = [
        [words.time_of_day(point.at), *counts(point, labels)]
        for point in points[::every]
        if not point.is_gap
    ]
    return {"head": head, "rows": rows}


def tap_minutes(taps: Iterable[Tap]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for tap in sorted(taps, key=lambda tap: tap.at):
        if not tap.undone:
            kinds = found.setdefault(int(tap.at) // MINUTE_S * MINUTE_S, {})
            kinds[tap.kind] = kinds.get(tap.kind, 0) + 1
    return found


def tap_words(minute: int, kinds: Mapping[str, int]) -> str:
    named = ", ".join(f"{count} {words.TAPS[kind]}" for kind, count in kinds.items())
    return f"{words.time_of_day(minute)} · {named}"


@cache
def skeleton(name: str) -> Figure:
    """The unfilled figure. plotly checks every attribute, once; importing it takes a second."""
    import plotly.graph_objects as go

    made = {"mood": overlays.mood_skeleton, "engagement": overlays.engagement_skeleton}[name](go)
    plain = made.to_plotly_json()
    plain["layout"].pop("template", None)
    plain["data"] = list(plain["data"])
    return plain
