"""Each ten-second slice is judged once, four seconds after its end, from stored rows only.

Which process judges is settled by a compare-and-set on the lesson in the same transaction as the
flags, so a slice whose judge died is simply taken again, and judging a stored lesson again gives
the same flags. Rows that come later count in history, not in flags.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from classroom.lessons import QUIET_MINUTES
from classroom.models import Lesson, Participant
from classroom.sockets import in_database
from classroom.writing import writer
from emotions import attention, meters, rules, slices, taps
from emotions.flags import AWAY, CLASS, FACE_KINDS, WHOLE_CLASS, Change, Judge, Key
from emotions.models import SLICE_SECONDS, Answer, Flag, Marker, Report, Slice
from emotions.publish import tell_students, tell_teachers
from emotions.pulse import Conditions, Level, Pulse, Signals
from emotions.slices import start_of

logger = logging.getLogger(__name__)

SETTLE_S = 4.0
"""How long after its end a slice is judged. A snapshot is dropped when it is three seconds old, and
slices are written one and three and a half seconds after their end, so little comes later."""
LATE_S = 2.0
LESSONS_KEPT = 200


@dataclass(frozen=True, slots=True)
class QuietWork:
    """When quiet work was switched on and off; by itself it ends after a quarter of an hour."""

    moments: list[float]
    on: list[bool]

    def at(self, moment: float) -> bool:
        place = bisect_right(self.moments, moment) - 1
        return place >= 0 and self.on[place] and moment - self.moments[place] < 60 * QUIET_MINUTES

    def touches(self, starts_at: int) -> bool:
        return self.at(starts_at) or self.at(starts_at + SLICE_SECONDS - 0.001)


@dataclass(frozen=True, slots=True)
class Course:
    """What else is stored of the lesson that its slices are judged with."""

    quiet: QuietWork
    dismissed: dict[Key, list[float]]
    lost: list[tuple[float, float, int]]
    people: list[tuple[float, float, int]]

    def signals(self, judge: Judge, at: int) -> Signals:
        here = {student for joined, gone, student in self.people if joined <= at < gone}
        lost = {
            student
            for tapped, undone, student in self.lost
            if at - taps.FADES_S < tapped <= at < undone and student in here
        }
        low, turned, away = judge.low & here, judge.turned & here, judge.away & here
        return Signals(
            room=len(here),
            cameras=len(judge.seen & here),
            readable=judge.readable,
            lost=len(lost),
            low=len(low),
            turned=len(turned),
            away=len(away),
            together=len(lost | low | turned | away),
        )


class Bench:
    """Where one lesson is judged: its students one by one, and the pulse of the class."""

    def __init__(self, lesson: Lesson) -> None:
        self.judge = Judge(rules.of(lesson))
        self.pulse = Pulse()


class Judging:
    """Judges every open lesson, in this process, and keeps what it has folded so far."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.benches: dict[int, Bench] = {}
        self.asked: dict[int, dict[int, float]] = {}

    async def run(self) -> None:
        while True:
            into_slice = (self.clock() - SETTLE_S) % SLICE_SECONDS
            await asyncio.sleep(SLICE_SECONDS - into_slice + 0.05)
            await self.judge_all()

    async def judge_all(self) -> None:
        until = start_of(self.clock() - SETTLE_S)
        still_open = await in_database(_open_lessons)
        for lesson_id in self.benches.keys() - set(still_open):
            del self.benches[lesson_id]
        for lesson_id in still_open:
            try:
                changed = await writer.put(self.judge, lesson_id, until)
            except Exception:
                # The writer has logged it. One lesson's trouble is not the others', and
                # nothing of it was stored: its slices are taken again.
                meters.count("judging_failed")
                continue
            await self.tell(lesson_id, flags=changed)

    async def tell(self, lesson_id: int, *, flags: bool) -> None:
        """Teachers of flags that changed or came due, students whether they are asked."""
        now = attention.moment(self.clock())
        if flags or await in_database(_came_due, lesson_id, now):
            await tell_teachers(lesson_id, await in_database(attention.news, lesson_id, now))
        asked = await in_database(attention.asked, lesson_id, now)
        if asked or self.asked.pop(lesson_id, {}):
            # Whole and repeatable: who is not in it is not asked any more.
            told = {str(student): until for student, until in asked.items()}
            await tell_students(lesson_id, {"type": "students.asked", "asked": told})
        if asked:
            self.asked[lesson_id] = asked

    def judge(self, lesson_id: int, until: int) -> bool:
        """Judge what is stored of one lesson up to `until`; whether any flag changed."""
        lesson = Lesson.objects.filter(pk=lesson_id, closed_at=None).first()
        if lesson is None:
            self.benches.pop(lesson_id, None)
            return False
        since = _judged_until(lesson)
        if until <= since or not _claim(lesson, until):
            return False
        # Taken out while it folds: if this transaction fails, it is made anew from stored rows.
        bench = self.benches.pop(lesson_id, None)
        if bench is None or bench.judge.folded_until != since or _is_outdated(lesson, bench):
            bench = replayed(lesson, since)
        changed = taps.lower_hands(lesson_id, attention.moment(until)) > 0
        for change in still_wanted(list(fold(lesson, bench, since, until))):
            shown_at = self.shown_at(bench, change)
            changed = _store(lesson_id, change, shown_at) or changed
        self.benches[lesson_id] = bench
        if len(self.benches) > LESSONS_KEPT:
            self.benches.pop(next(iter(self.benches)))
        return changed

    def shown_at(self, bench: Bench, change: Change) -> datetime | None:
        """The student is asked first; a judge that comes late does not shorten the wait.

        Whoever is away gets no longer to answer than it took to count as away.
        """
        rules = bench.judge.rules
        ask_s = min(rules.ask_s, rules.away_after_s) if change.kind == AWAY else rules.ask_s
        if not ask_s or change.kind == CLASS:
            return None
        due, now = change.at + SETTLE_S, self.clock()
        return attention.moment((due if now < due + LATE_S else now) + ask_s)


def fold(lesson: Lesson, bench: Bench, since: int, until: int) -> Iterator[Change]:
    """All decisions about the slices from `since` up to `until`, in order."""
    rows: dict[int, list[Slice]] = {}
    stored = Slice.objects.filter(lesson=lesson, starts_at__gte=since, starts_at__lt=until)
    for row in stored.order_by("starts_at", "participant_id"):
        rows.setdefault(row.starts_at, []).append(row)
    course = course_of(lesson)
    for starts_at in range(since, until, SLICE_SECONDS):
        quiet = course.quiet.touches(starts_at)
        yield from bench.judge.fold(
            starts_at, rows.get(starts_at, []), quiet=quiet, dismissed=course.dismissed
        )
        yield from class_change(bench, course, quiet=quiet)


def still_wanted(changes: list[Change]) -> list[Change]:
    """Less what would be raised of who took consent back while the slices were being read."""
    raised = {change.student for change in changes if change.raised} - {WHOLE_CLASS}
    wanted = slices.still_wanted(raised) | {WHOLE_CLASS}
    return [one for one in changes if not one.raised or one.student in wanted]


def class_change(bench: Bench, course: Course, *, quiet: bool) -> list[Change]:
    """The class alert is the live page's own "Check in", told as a flag without a student."""
    judge, at = bench.judge, bench.judge.folded_until
    conditions = Conditions(
        quiet_until=at + 1 if quiet else 0, first_read_at=judge.first_read_at or at
    )
    bench.pulse.step(at, course.signals(judge, at), conditions)
    check_in = bench.pulse.said(at, conditions).key == Level.CHECK_IN.key
    return judge.fold_class(check_in, dismissed=course.dismissed)


def replayed(lesson: Lesson, until: int) -> Bench:
    """A bench that has folded the lesson so far and knows which flags stand open."""
    bench = Bench(lesson)
    for _ in fold(lesson, bench, start_of(lesson.opened_at.timestamp()), until):
        pass
    bench.judge.folded_until = until
    return bench


def judge_at_once(lesson: Lesson, until: int) -> None:
    """The flags of a lesson that was written as a whole, as if each slice had come in its time."""
    judging, bench = Judging(clock=lambda: 0.0), Bench(lesson)
    for change in fold(lesson, bench, start_of(lesson.opened_at.timestamp()), until):
        _store(lesson.pk, change, judging.shown_at(bench, change))


def course_of(lesson: Lesson) -> Course:
    flags = Flag.objects.filter(lesson=lesson).exclude(dismissed_at=None)
    dismissed: dict[Key, list[float]] = {}
    for flag in flags:
        key = (flag.participant_id or WHOLE_CLASS, flag.kind)
        dismissed.setdefault(key, []).append(attention.epoch(flag.dismissed_at))
    for answer in Answer.objects.filter(lesson=lesson):
        for kind in FACE_KINDS:
            key = (answer.participant_id, kind)
            dismissed.setdefault(key, []).append(attention.epoch(answer.at))
    # One taken back counts until then: whoever judges the lesson again must find what was found.
    lost = Report.objects.filter(lesson=lesson, kind=Report.Kind.LOST)
    return Course(
        quiet=quiet_of(lesson),
        dismissed=dismissed,
        lost=[_span(report) for report in lost],
        people=[_stay(person) for person in lesson.participants.all()],
    )


def quiet_of(lesson: Lesson) -> QuietWork:
    kinds = (Marker.Kind.QUIET, Marker.Kind.QUIET_END)
    marks = list(Marker.objects.filter(lesson=lesson, kind__in=kinds).order_by("at", "pk"))
    return QuietWork(
        [mark.at.timestamp() for mark in marks], [mark.kind == Marker.Kind.QUIET for mark in marks]
    )


def _span(tap: Report) -> tuple[float, float, int]:
    until = tap.undone_at.timestamp() if tap.undone_at else float("inf")
    return tap.at.timestamp(), until, tap.participant_id


def _stay(person: Participant) -> tuple[float, float, int]:
    gone = [at.timestamp() for at in (person.left_at, person.removed_at) if at is not None]
    return person.joined_at.timestamp(), min(gone, default=float("inf")), person.pk


def _judged_until(lesson: Lesson) -> int:
    return start_of((lesson.judged_until or lesson.opened_at).timestamp())


def _is_outdated(lesson: Lesson, bench: Bench) -> bool:
    """Whether it has folded slices that were deleted since, by erasing or withdrawing.

    Who consented again has slices, but not the first ones any more.
    """
    folded = {(student, watch.first_at) for student, watch in bench.judge.watches.items()}
    stored = Slice.objects.filter(lesson=lesson, starts_at__in={at for _, at in folded})
    return not folded <= set(stored.values_list("participant_id", "starts_at"))


def _claim(lesson: Lesson, until: int) -> bool:
    """Compare-and-set: one process alone moves `judged_until` on from what it read."""
    same = Lesson.objects.filter(Q(pk=lesson.pk), judged_until=lesson.judged_until)
    return bool(same.update(judged_until=attention.moment(until)))


def _store(lesson_id: int, change: Change, shown_at: datetime | None) -> bool:
    at = attention.moment(change.at)
    student = change.student or None
    if not change.raised:
        return attention.clear_flag(lesson_id, student, change.kind, at=at)
    return attention.raise_flag(
        lesson_id,
        student,
        change.kind,
        reason=change.reason,
        since=attention.moment(change.since),
        at=at,
        sure=change.sure,
        shown_at=shown_at,
    )


def _came_due(lesson_id: int, now: datetime) -> bool:
    """Whether a flag that nobody answered is to be seen since the last look."""
    since = now - timedelta(seconds=2 * SLICE_SECONDS)
    waited = Flag.objects.filter(lesson_id=lesson_id, cleared_at=None)
    return waited.filter(shown_at__gt=since, shown_at__lte=now).exists()


def _open_lessons() -> list[int]:
    return list(Lesson.objects.filter(closed_at=None).values_list("pk", flat=True))
