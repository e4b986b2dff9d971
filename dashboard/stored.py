"""What the database holds of one lesson, read in one go and handed over as plain values.

The teacher's socket reads it whole when it opens and, with every ten seconds' news, again from a
moment before: a message that the layer lost is thereby made good. The report of a closed lesson
reads the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Count, Q

from classroom.models import Lesson, Participant
from emotions import rules
from emotions.flags import FACE_KINDS
from emotions.models import Flag, Marker, Report, Slice
from emotions.rules import Rules
from ml.labels import EMOTIONS, HAPPY

GONE_AFTER_S = 90
"""A connected student is written down every minute; much longer ago means not connected."""

COLUMNS = (
    "participant_id",
    "n",
    "absent",
    "several",
    "unsure",
    "turned",
    "engagement_sum",
    "valence_sum",
)


@dataclass(slots=True)
class Row:
    """Ten seconds of one student: sums over samples, as stored. `shares` has EMOTIONS' order."""

    participant_id: int
    n: int
    absent: int = 0
    several: int = 0
    unsure: int = 0
    turned: int = 0
    engagement_sum: float = 0
    valence_sum: float = 0
    shares: tuple[float, ...] = (0.0,) * len(EMOTIONS)

    @property
    def happy(self) -> float:
        return self.shares[HAPPY]


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    joined_at: float
    seen_at: float = 0
    left_at: float = 0
    removed: bool = False
    camera: str = "none"

    def gone_at(self, now: float) -> float:
        """When this student was last here, 0 while still here, by the database alone."""
        if self.left_at:
            return self.left_at
        last = max(self.seen_at, self.joined_at)
        return last if now - last > GONE_AFTER_S else 0


@dataclass(frozen=True, slots=True)
class Tap:
    id: str
    student: int
    kind: str
    at: float
    undone: bool = False
    undone_at: float = 0
    """0 also where it is not known when: then it counts for nothing at all."""

    def counts_at(self, at: float) -> bool:
        return self.at <= at and (not self.undone or at < self.undone_at)


@dataclass(frozen=True, slots=True)
class Mark:
    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class OpenFlag:
    id: int
    kind: str
    student: int | None
    since: float
    raised_at: float
    sure: float | None = None
    snoozed_until: float = 0
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class LessonState:
    id: int
    title: str
    course: str
    code: str
    mode: str
    analysis: bool
    interval_ms: int
    opened_at: float
    closed_at: float = 0
    paused: bool = False
    locked: bool = False
    quiet_until: float = 0
    ends_at: float = 0

    @property
    def is_simulated(self) -> bool:
        return self.mode != Lesson.Mode.LIVE


@dataclass(frozen=True, slots=True)
class Stored:
    """`at` is when reading began: what came by message after that is newer."""

    at: float
    lesson: LessonState
    people: list[Person]
    slices: dict[int, list[Row]]
    taps: list[Tap]
    marks: list[Mark]
    flags: list[OpenFlag]
    useful: int = 0
    rated: int = 0
    rules: Rules = field(default_factory=Rules)


def epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0


def read(lesson_id: int, since: float = 0) -> Stored:
    """Everything of the lesson; slices and taps only from `since` on."""
    at = time.time()
    lesson = Lesson.objects.select_related("course").get(pk=lesson_id)
    moment = datetime.fromtimestamp(since, UTC)
    useful, rated = verdicts(lesson.course_id)
    return Stored(
        at=at,
        lesson=lesson_state(lesson),
        people=[person(one) for one in Participant.objects.filter(lesson=lesson).order_by("pk")],
        slices=slices(lesson_id, int(since)),
        taps=[tap(one) for one in Report.objects.filter(lesson=lesson, at__gte=moment)],
        marks=[mark(one) for one in Marker.objects.filter(lesson=lesson).order_by("at", "pk")],
        flags=[open_flag(one) for one in open_flags(lesson, at)],
        useful=useful,
        rated=rated,
        rules=rules.of(lesson),
    )


def open_flags(lesson: Lesson, at: float) -> Iterable[Flag]:
    return Flag.objects.filter(lesson=lesson, cleared_at=None).shown(
        datetime.fromtimestamp(at, UTC)
    )


def slices(lesson_id: int, since: int = 0) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    rows = Slice.objects.filter(lesson_id=lesson_id, starts_at__gte=since).order_by("starts_at")
    for row in rows.values("starts_at", *COLUMNS, *EMOTIONS):
        shares = tuple(row[label] for label in EMOTIONS)
        known = {column: row[column] for column in COLUMNS}
        found.setdefault(row["starts_at"], []).append(Row(**known, shares=shares))
    return found


def verdicts(course_id: int) -> tuple[int, int]:
    """How many face-based flags of this course were rated, and useful."""
    rated = Flag.objects.filter(lesson__course_id=course_id, kind__in=FACE_KINDS).exclude(
        verdict=Flag.Verdict.NONE
    )
    counted = rated.aggregate(
        useful=Count("pk", filter=Q(verdict=Flag.Verdict.USEFUL)), rated=Count("pk")
    )
    return counted["useful"], counted["rated"]


def lesson_state(lesson: Lesson) -> LessonState:
    return LessonState(
        id=lesson.pk,
        title=lesson.title or lesson.course.name,
        course=lesson.course.name,
        code=lesson.code,
        mode=lesson.mode,
        analysis=lesson.analysis,
        interval_ms=lesson.interval_ms,
        opened_at=epoch(lesson.opened_at),
        closed_at=epoch(lesson.closed_at),
        ends_at=epoch(lesson.ends_at),
        paused=lesson.paused_at is not None,
        locked=lesson.locked_at is not None,
        quiet_until=epoch(lesson.quiet_until),
    )


def person(one: Participant) -> Person:
    return Person(
        id=one.pk,
        name=one.name,
        joined_at=epoch(one.joined_at),
        seen_at=epoch(one.seen_at),
        left_at=epoch(one.left_at),
        removed=one.removed_at is not None,
        camera=one.camera,
    )


def tap(one: Report) -> Tap:
    undone_at = epoch(one.undone_at)
    return Tap(str(one.tap), one.participant_id, one.kind, epoch(one.at), undone_at > 0, undone_at)


def mark(one: Marker) -> Mark:
    return Mark(epoch(one.at), one.kind, one.text)


def open_flag(one: Flag) -> OpenFlag:
    return OpenFlag(
        id=one.pk,
        kind=one.kind,
        student=one.participant_id,
        since=epoch(one.since),
        raised_at=epoch(one.raised_at),
        sure=one.sure,
        snoozed_until=epoch(one.snoozed_until),
        verdict=one.verdict,
    )


def present_at(people: Iterable[Person], starts_at: float, ends_at: float, now: float) -> set[int]:
    """Who was in the room in that span."""
    here = set()
    for one in people:
        gone_at = one.gone_at(now)
        if one.joined_at < ends_at and (not gone_at or gone_at > starts_at):
            here.add(one.id)
    return here
