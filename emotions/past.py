"""The past of a practice course: a few ended lessons, so that history and reports are full.

They are the practice class's own script, told slowly, written in one go: slices from the actors'
traces, flags by the product's own judge, a teacher's verdicts by turns. Each is marked as practice
like the live one, and kept and purged like any lesson.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from classroom import languages, lessons
from classroom.models import Course, Lesson, Participant
from emotions import attention, bulk, closing, judge, script, slices
from emotions.actors import SAMPLE_S, Actor
from emotions.models import Flag, Marker, Report
from emotions.practice import STUDENTS, enrol, marker_words

FRESH = timedelta(hours=1)
KEPT_DAYS = 12
"""Where data is kept for fewer days than this, the lessons lie closer together."""
VERDICTS = (Flag.Verdict.USEFUL, Flag.Verdict.USEFUL, Flag.Verdict.NONE, Flag.Verdict.NOT_USEFUL)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One lesson of the past: its title, how many days ago, and how fast the script was told."""

    title: Promise
    days: float
    speed: float

    @property
    def seconds(self) -> int:
        return int(script.ROUND_S / self.speed)


LESSONS = (
    Rehearsed(_("Fractions"), 9.1, 0.4),
    Rehearsed(_("Ratios"), 7.0, 0.35),
    Rehearsed(_("Percentages"), 4.9, 0.5),
    Rehearsed(_("Growth and decay"), 2.1, 0.38),
)


def missing(now: datetime) -> list[tuple[Course, int]]:
    """What new courses that only practise lack of their past, as `write` takes it.

    What lies before the course was made is that past and nothing else.
    """
    practice = Q(lessons__mode=Lesson.Mode.PRACTICE)
    courses = Course.objects.filter(created_at__gt=now - FRESH).annotate(
        made=Count("lessons", filter=Q(lessons__opened_at__lt=F("created_at"))),
        live=Count("lessons", filter=practice & Q(lessons__closed_at=None)),
        real=Count("lessons", filter=Q(lessons__isnull=False) & ~practice),
    )
    wanting = courses.filter(live__gt=0, real=0)
    return [(course, n) for course in wanting for n in range(course.made, len(LESSONS))]


def rehearse(course: Course) -> list[Lesson]:
    """All of a course's past."""
    return [write(course, number) for number in range(len(LESSONS))]


@transaction.atomic
def write(course: Course, number: int) -> Lesson:
    """One lesson, whole and ended; nobody sees it before it is."""
    plan = LESSONS[number]
    with translation.override(languages.of_practice(course.name)):
        lesson = _ended(course, plan)
        write_until(lesson, lesson.closed_at or lesson.opened_at, speed=plan.speed)
    judge.judge_at_once(lesson, slices.start_of(attention.epoch(lesson.closed_at)))
    _rate(lesson)
    closing.close(lesson)
    return lesson


def _ended(course: Course, plan: Rehearsed) -> Lesson:
    ago = timedelta(days=plan.days * min(1, settings.KEEP_SLICES_DAYS / KEPT_DAYS))
    opened_at = course.created_at - ago
    lesson = lessons.unsaved(
        course, str(plan.title), Lesson.Mode.PRACTICE, opened_at, round(1000 * SAMPLE_S)
    )
    lesson.closed_at = opened_at + timedelta(seconds=plan.seconds)
    lesson.judged_until = lesson.teacher_seen_at = lesson.closed_at
    lesson.save(force_insert=True)
    return lesson


def write_until(lesson: Lesson, until: datetime, *, speed: float = 1.0) -> None:
    """What the class would have left behind from the lesson's beginning until this moment."""
    students = enrol(lesson)
    opened_at, ends_at = lesson.opened_at.timestamp(), until.timestamp()
    lesson.participants.update(joined_at=lesson.opened_at, seen_at=until)
    if lesson.analysis:
        slices.store(sorted(_rows(lesson, students, opened_at, ends_at, speed)))
    for number, leaves_s in script.LEAVING.items():
        left_at = opened_at + leaves_s / speed
        if left_at < ends_at:
            gone = attention.moment(left_at)
            Participant.objects.filter(pk=students[number].pk).update(left_at=gone, seen_at=gone)
    _write_cues(lesson, students, script.cues_between(0, (ends_at - opened_at) * speed), speed)


def _rows(
    lesson: Lesson, students: Sequence[Participant], opened_at: float, until: float, speed: float
) -> Iterator[slices.Row]:
    for number, student in enumerate(students):
        actor = Actor(number, lesson.pk, speed)
        if actor.has_camera:
            times = bulk.times_of(actor, STUDENTS, opened_at, until)
            yield from bulk.slices(actor, lesson.pk, student.pk, times)


def _write_cues(
    lesson: Lesson, students: Sequence[Participant], cues: list[script.Cue], speed: float
) -> None:
    """Taps and markers; a round at most, for a cue counts its time within one.

    Told slowly, "Lost" fades by itself before the next part, so nobody has to take it back.
    """
    newest: dict[tuple[int, str], Report] = {}
    reports, markers = [], []
    for cue in cues:
        at = lesson.opened_at + timedelta(seconds=cue.at_s / speed)
        if cue.student == script.TEACHER:
            markers.append(_marker(lesson, cue.kind, at))
        elif cue.undone and (cue.kind == Report.Kind.HAND or speed >= 1):
            newest[cue.student, cue.kind].undone_at = at
        elif not cue.undone:
            tap = Report(lesson=lesson, participant=students[cue.student], kind=cue.kind, at=at)
            newest[cue.student, cue.kind] = tap
            reports.append(tap)
    Marker.objects.bulk_create(markers)
    Report.objects.bulk_create(reports)
    for tap in reports:
        _raise_hand(tap)


def _marker(lesson: Lesson, kind: str, at: datetime) -> Marker:
    if kind in (Marker.Kind.QUIET, Marker.Kind.QUIET_END):
        return Marker(lesson=lesson, kind=kind, at=at)
    return Marker(lesson=lesson, kind=Marker.Kind.NOTE, text=marker_words(kind), at=at)


def _raise_hand(report: Report) -> None:
    if report.kind != Report.Kind.HAND:
        return
    who = (report.lesson_id, report.participant_id, Flag.Kind.HELP)
    attention.raise_flag(*who, reason="hand", since=report.at, at=report.at)
    if report.undone_at is not None:
        attention.clear_flag(*who, at=report.undone_at)


def _rate(lesson: Lesson) -> None:
    """Verdicts by turns, more useful than not: face flags are not to fold away in practice."""
    shown = Flag.objects.filter(lesson=lesson).shown(lesson.closed_at or lesson.opened_at)
    for flag, verdict in zip(shown.order_by("raised_at", "pk"), itertools.cycle(VERDICTS)):
        Flag.objects.filter(pk=flag.pk).update(verdict=verdict)
