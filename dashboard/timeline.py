"""A lesson as a line of ten-second points: what the charts, the sparklines and the report draw.

Every slice is put in whole, so putting one in twice, late or in another order gives the same
line. A student's ten seconds are shared out over the expressions as they were read; a student
without a readable sample counts as unknown, and a span without any sample is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from classroom.lessons import QUIET_MINUTES
from dashboard.stored import Mark, Person, Row, present_at
from emotions.models import SLICE_SECONDS
from ml.labels import EMOTIONS

SMOOTHING_S = 60
SPARK_POINTS = 60
BANDS = {"pause": "resume", "quiet": "quiet_end"}
LASTS_S = {"pause": math.inf, "quiet": 60 * QUIET_MINUTES}
"""How long each lasts where nobody ends it."""
SEVEN = len(EMOTIONS)


@dataclass(frozen=True, slots=True)
class Point:
    """One span of the class. `shares` are numbers of students, in EMOTIONS' order.

    Where spans were merged, all of it is their mean.
    """

    at: int
    room: float
    watched: float
    readable: float
    shares: tuple[float, ...]
    engagement: float | None = None

    @property
    def is_gap(self) -> bool:
        return not self.watched or not self.room

    @property
    def covered(self) -> bool:
        """Readable enough to draw a line of what was read."""
        return self.readable > 0 and self.readable * 2 >= self.watched


@dataclass(frozen=True, slots=True)
class Band:
    """A span in which the teacher paused the analysis, or set quiet work."""

    kind: str
    starts_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Sums:
    """One slice over the class, before it is known who else was in the room."""

    watched: int
    readable: int
    shares: tuple[float, ...]
    engagement: float | None


def summed(rows: Iterable[Row]) -> Sums:
    shares, engagement, watched, readable = [0.0] * SEVEN, 0.0, 0, 0
    for row in rows:
        watched += 1
        if not row.n:
            continue
        readable += 1
        engagement += row.engagement_sum / row.n
        for index, share in enumerate(row.shares):
            shares[index] += share / row.n
    return Sums(watched, readable, tuple(shares), engagement / readable if readable else None)


def bands(marks: Iterable[Mark], until: float) -> list[Band]:
    """Pauses and quiet work as spans, as far as `until`."""
    told = sorted(marks, key=lambda mark: mark.at)
    found = [band for kind in BANDS for band in spans(kind, told)]
    begun = [band for band in found if band.starts_at < until]
    cut = [replace(band, ends_at=min(band.ends_at, until)) for band in begun]
    return sorted(cut, key=lambda band: band.starts_at)


def spans(kind: str, marks: Iterable[Mark]) -> list[Band]:
    """One kind's bands. Begun again while it stands it is prolonged, as `lessons.quiet` does it."""
    found: list[Band] = []
    for mark in marks:
        stands = bool(found) and mark.at < found[-1].ends_at
        if mark.kind == kind:
            starts_at = found.pop().starts_at if stands else mark.at
            found.append(Band(kind, starts_at, mark.at + LASTS_S[kind]))
        elif mark.kind == BANDS[kind] and stands:
            found.append(replace(found.pop(), ends_at=mark.at))
    return found


class Timeline:
    def __init__(self) -> None:
        self.rows: dict[int, dict[int, Row]] = {}
        self.sums: dict[int, Sums] = {}

    def put(self, slices: Mapping[int, Iterable[Row]]) -> None:
        """Slices as just read from the database: each replaces what was known of its span."""
        for starts_at, rows in slices.items():
            self.rows[starts_at] = {row.participant_id: row for row in rows}
            self.sums[starts_at] = summed(self.rows[starts_at].values())

    def forget(self, student: int) -> None:
        """Consent withdrawn, or everything erased: the charts lose this student too."""
        of_student = {at: rows for at, rows in self.rows.items() if student in rows}
        self.put(
            {
                at: [row for row in rows.values() if row.participant_id != student]
                for at, rows in of_student.items()
            }
        )

    @property
    def starts(self) -> list[int]:
        """Every span from the first to the last, also those without a row."""
        if not self.rows:
            return []
        return list(range(min(self.rows), max(self.rows) + SLICE_SECONDS, SLICE_SECONDS))

    @property
    def first_read_at(self) -> int:
        return min((at for at, sums in self.sums.items() if sums.readable), default=0)

    @property
    def last_analysed_at(self) -> int:
        return max(self.rows, default=-SLICE_SECONDS) + SLICE_SECONDS

    def room_at(self, starts_at: int, people: Iterable[Person], now: float) -> set[int]:
        """Who was there; whoever was analysed was there, whatever else is written."""
        ends_at = starts_at + SLICE_SECONDS
        return present_at(people, starts_at, ends_at, now) | self.rows.get(starts_at, {}).keys()

    def points(self, people: Iterable[Person], now: float) -> list[Point]:
        people = list(people)
        nothing = summed(())
        smooth = Smooth()
        line = []
        for at in self.starts:
            sums = self.sums.get(at, nothing)
            room = len(self.room_at(at, people, now))
            level = smooth.step(at, sums.engagement)
            line.append(Point(at, room, sums.watched, sums.readable, sums.shares, level))
        return line

    def spark(self, student: int, until: int) -> list[float | None]:
        """Ten minutes of one student's valence, a value per slice, None where nothing was read."""
        values: list[float | None] = []
        for at in range(until - SPARK_POINTS * SLICE_SECONDS, until, SLICE_SECONDS):
            row = self.rows.get(at, {}).get(student)
            values.append(round(row.valence_sum / row.n, 2) if row and row.n else None)
        return values

    def valences(self, from_at: int, until: int) -> dict[int, float]:
        """Mean valence of each student in a span, of those who could be read in it."""
        totals: dict[int, tuple[float, int]] = {}
        for at in range(from_at, until, SLICE_SECONDS):
            for student, row in self.rows.get(at, {}).items():
                valence, n = totals.get(student, (0.0, 0))
                totals[student] = (valence + row.valence_sum, n + row.n)
        return {student: valence / n for student, (valence, n) in totals.items() if n}


class Smooth:
    """Exponential average with a time constant of 60 s, begun anew after a gap of as long."""

    def __init__(self) -> None:
        self.value: float | None = None
        self.at = 0

    def step(self, at: int, value: float | None) -> float | None:
        if value is None:
            return None
        if self.value is None or at - self.at > SMOOTHING_S:
            self.value = value
        else:
            self.value += (1 - math.exp(-(at - self.at) / SMOOTHING_S)) * (value - self.value)
        self.at = at
        return self.value


def thin(points: list[Point], most: int) -> tuple[list[Point], int]:
    """At most `most` points, each the mean of as many neighbours, and the seconds of each."""
    times = max(1, math.ceil(len(points) / most))
    if times == 1:
        return points, SLICE_SECONDS
    groups = [points[at : at + times] for at in range(0, len(points), times)]
    return [merged(group) for group in groups], SLICE_SECONDS * times


def merged(group: list[Point]) -> Point:
    """Neighbours as one. Gaps in it are left out, unless there is nothing else."""
    seen = [point for point in group if not point.is_gap]
    if not seen:
        return group[0]
    levels = [point.engagement for point in seen if point.engagement is not None]
    return Point(
        at=group[0].at,
        room=sum(point.room for point in seen) / len(seen),
        watched=sum(point.watched for point in seen) / len(seen),
        readable=sum(point.readable for point in seen) / len(seen),
        shares=tuple(
            sum(point.shares[index] for point in seen) / len(seen) for index in range(SEVEN)
        ),
        engagement=sum(levels) / len(levels) if levels else None,
    )
