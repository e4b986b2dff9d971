"""Looking back: the list of past lessons, and what the report of one closed lesson shows.

The list reads summary columns alone, so it stays fast however much was measured. There is no mood
in it and nothing sorts teachers or students by what their faces read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from classroom import access
from classroom.models import Course, Lesson
from dashboard.figures import chart, figures
from dashboard.minimum import too_few, too_few_now
from dashboard.moments import Moment, agreement, dips, highs
from dashboard.stored import Row, Stored, epoch, read
from dashboard.timeline import Point, Timeline, bands
from emotions import words
from emotions.models import Flag, LessonMinute
from ml.labels import EMOTIONS

MINUTE_S = 60
LOW_COVERAGE = 0.5
NOTHING = "–"
SPARK_WIDTH, SPARK_HEIGHT = 240, 24


@dataclass(frozen=True, slots=True)
class Search:
    """What the filter bar says, as it stands in the address."""

    words: str = ""
    course: int = 0

    @property
    def is_set(self) -> bool:
        return bool(self.words or self.course)


def search(fields: Mapping[str, str]) -> Search:
    course = fields.get("course", "")
    number = int(course) if course.isascii() and course.isdigit() and len(course) < 12 else 0
    return Search(" ".join(fields.get("q", "").replace("\0", "").split())[:100], number)


def courses_of(user: Any) -> QuerySet[Course]:
    courses = Course.objects.select_related("teacher").order_by("name", "pk")
    return courses if access.is_admin(user) else courses.filter(teacher_id=user.pk)


def past_lessons(user: Any, wanted: Search) -> QuerySet[Lesson]:
    """A teacher's own closed lessons, or the whole school's for staff; newest first."""
    found = Lesson.objects.filter(closed_at__isnull=False, course__in=courses_of(user))
    if wanted.course:
        found = found.filter(course_id=wanted.course)
    for word in wanted.words.split():
        teacher = Q(course__teacher__first_name__icontains=word)
        teacher |= Q(course__teacher__last_name__icontains=word)
        teacher |= Q(course__teacher__username__icontains=word)
        either = Q(title__icontains=word) | Q(course__name__icontains=word)
        found = found.filter(either | teacher if access.is_admin(user) else either)
    return found.select_related("course__teacher").order_by("-opened_at", "-pk")


@dataclass(frozen=True, slots=True)
class LessonLine:
    """One row of the list."""

    lesson: Lesson
    length: str
    coverage: str
    useful: str


def lesson_line(lesson: Lesson, *, individuals: bool) -> LessonLine:
    if not individuals and too_few(lesson):
        return LessonLine(lesson, length(lesson), percent(None), NOTHING)
    told = {"useful": lesson.flags_useful or 0, "raised": lesson.flags_raised or 0}
    useful = _("%(useful)d of %(raised)d") % told if told["raised"] else NOTHING
    return LessonLine(lesson, length(lesson), percent(lesson.coverage), useful)


@dataclass(frozen=True, slots=True)
class StudentLine:
    """One student of a closed lesson. `pieces` are the points of a small line, gap by gap."""

    name: str
    readable: str
    mostly: str
    taps: str
    flags: int
    pieces: list[str]


@dataclass(frozen=True, slots=True)
class FlagLine:
    at: datetime
    who: str
    title: str
    reason: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Report:
    """One closed lesson, in the order of the page; `hidden` says why there is no more of it."""

    lesson: Lesson
    length: str
    hidden: str = ""
    coverage: str = ""
    caution: str = ""
    deleted: str = ""
    charts: dict[str, Any] = field(default_factory=dict)
    taps: list[tuple[str, int]] = field(default_factory=list)
    flags: list[FlagLine] = field(default_factory=list)
    flags_words: str = ""
    students: list[StudentLine] = field(default_factory=list)
    dips: list[Moment] = field(default_factory=list)
    highs: list[Moment] = field(default_factory=list)
    agreement: str = ""


def report(lesson: Lesson, *, individuals: bool) -> Report:
    """Without `individuals` no name and no single student's line is in it."""
    stored = read(lesson.pk)
    hidden = "" if individuals else too_few_now(lesson, stored)
    if hidden:
        return Report(lesson, length(lesson), hidden)
    line = Timeline()
    line.put(stored.slices)
    shown = Flag.objects.filter(lesson=lesson).shown(lesson.closed_at or timezone.now())
    flags = list(shown.select_related("participant").order_by("since"))
    return Report(
        lesson=lesson,
        length=length(lesson),
        coverage=percent(lesson.coverage),
        caution=caution(lesson),
        deleted=deleted(lesson, stored),
        charts=charts(lesson, stored, line),
        taps=tap_sums(stored),
        flags=[flag_line(flag, named=individuals) for flag in flags],
        flags_words=flags_words(flags),
        students=student_lines(stored, line, flags) if individuals else [],
        dips=dips(line, stored.marks),
        highs=highs(line, stored.marks),
        agreement=agreement(line, stored.taps, len(stored.people)),
    )


def length(lesson: Lesson) -> str:
    assert lesson.closed_at is not None
    return words.for_time((lesson.closed_at - lesson.opened_at) / timedelta(seconds=1))


def percent(share: float | None) -> str:
    return NOTHING if share is None else _("%(share)d %%") % {"share": round(100 * share)}


def caution(lesson: Lesson) -> str:
    if lesson.coverage is None or lesson.coverage >= LOW_COVERAGE:
        return ""
    told = {"share": percent(lesson.coverage)}
    return _("Faces were readable %(share)s of the time. Read the charts with care.") % told


def deleted(lesson: Lesson, stored: Stored) -> str:
    if stored.slices or not lesson.samples:
        return ""
    return _("Individual data was deleted. Class figures remain.")


def charts(lesson: Lesson, stored: Stored, line: Timeline) -> dict[str, Any]:
    """From the slices; once those are deleted, from the class's minutes."""
    ends_at = epoch(lesson.closed_at)
    points = line.points(stored.people, ends_at)
    return figures(
        chart(
            points or minute_points(lesson),
            marks=stored.marks,
            bands=bands(stored.marks, ends_at),
            taps=stored.taps,
            mode=lesson.mode,
            step_s=10 if points else MINUTE_S,
            span=(epoch(lesson.opened_at), ends_at),
        )
    )


def minute_points(lesson: Lesson) -> list[Point]:
    minutes = {m.starts_at: m for m in LessonMinute.objects.filter(lesson=lesson)}
    if not minutes:
        return []
    starts = range(min(minutes), max(minutes) + MINUTE_S, MINUTE_S)
    return [minute_point(at, minutes.get(at)) for at in starts]


def minute_point(at: int, minute: LessonMinute | None) -> Point:
    if minute is None:
        return Point(at, 0, 0, 0, (0.0,) * len(EMOTIONS))
    n = minute.n or 1
    shares = tuple(getattr(minute, label) / n * minute.readable for label in EMOTIONS)
    engagement = minute.engagement_sum / n if minute.n else None
    return Point(at, minute.present, minute.present, minute.readable, shares, engagement)


def tap_sums(stored: Stored) -> list[tuple[str, int]]:
    sums = Counter(tap.kind for tap in stored.taps if not tap.undone)
    return [(str(word), sums[kind]) for kind, word in words.TAPS.items() if sums[kind]]


def flag_line(flag: Flag, *, named: bool) -> FlagLine:
    who = _("A student")
    if flag.participant is None:
        who = ""
    elif named:
        who = flag.participant.name
    ended = flag.cleared_at or flag.raised_at
    lasted_s = (ended - flag.since) / timedelta(seconds=1)
    return FlagLine(
        at=flag.since,
        who=who,
        title=words.flag_title(flag.kind),
        reason=words.flag_reported(flag.kind, who, lasted_s, flag.sure),
        verdict=flag.get_verdict_display(),
    )


def flags_words(flags: list[Flag]) -> str:
    """ "8 flags, 5 useful, 2 not, 1 unrated"."""
    if not flags:
        return _("No flag was raised.")
    verdicts = Counter(flag.verdict for flag in flags)
    told = {
        "useful": verdicts[Flag.Verdict.USEFUL],
        "not": verdicts[Flag.Verdict.NOT_USEFUL],
        "unrated": verdicts[Flag.Verdict.NONE],
    }
    counted = ngettext("%(count)d flag", "%(count)d flags", len(flags)) % {"count": len(flags)}
    rated = _("%(useful)d useful, %(not)d not, %(unrated)d unrated") % told
    return f"{counted}, {rated}"


def student_lines(stored: Stored, line: Timeline, flags: list[Flag]) -> list[StudentLine]:
    """By name: students are never ranked."""
    people = sorted(stored.people, key=lambda one: (one.name.casefold(), one.id))
    return [student_line(one.id, one.name, stored, line, flags) for one in people]


def student_line(
    student: int, name: str, stored: Stored, line: Timeline, flags: list[Flag]
) -> StudentLine:
    rows = [there[student] for there in stored_rows(line) if student in there]
    n = sum(row.n for row in rows)
    samples = sum(row.n + row.absent + row.several + row.unsure for row in rows)
    taps = Counter(t.kind for t in stored.taps if t.student == student and not t.undone)
    return StudentLine(
        name=name,
        readable=percent(n / samples) if samples else _("no camera"),
        mostly=mostly(rows, n),
        taps=", ".join(f"{count} {words.TAPS[kind]}" for kind, count in taps.items()),
        flags=sum(flag.participant_id == student for flag in flags),
        pieces=pieces(line, student),
    )


def stored_rows(line: Timeline) -> list[dict[int, Row]]:
    return [line.rows.get(at, {}) for at in line.starts]


def mostly(rows: list[Row], n: int) -> str:
    if not n:
        return ""
    sums = [sum(row.shares[index] for row in rows) for index in range(len(EMOTIONS))]
    return words.reads_as(EMOTIONS[sums.index(max(sums))])


def pieces(line: Timeline, student: int) -> list[str]:
    """Valence over the lesson as SVG polylines, one for each stretch without a gap."""
    starts = line.starts
    found: list[list[str]] = [[]]
    for place, at in enumerate(starts):
        row = line.rows.get(at, {}).get(student)
        if row is None or not row.n:
            found.append([])
            continue
        x = SPARK_WIDTH * place / max(1, len(starts) - 1)
        y = SPARK_HEIGHT * (1 - row.valence_sum / row.n) / 2
        found[-1].append(f"{x:.0f},{y:.1f}")
    return [" ".join(piece) for piece in found if len(piece) > 1]
