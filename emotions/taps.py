"""What students say of themselves: lost, too fast, too slow, got it, or a raised hand.

A tap carries an id made by the browser, so a repeat after a lost answer changes nothing. It counts
for five minutes and can be taken back. A raised hand is a flag at once; no camera has a say in it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy

from classroom.models import Lesson, Participant
from emotions import attention
from emotions.models import Flag, Report

FADES_S = 300
KINDS = tuple(Report.Kind.values)


class CannotTap(Exception):
    """The lesson has ended or the student is no longer in it."""


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap as everybody is told of it; `new` is False for a repeat."""

    lesson: int
    student: int
    id: str
    kind: str
    at: float
    undone: bool
    new: bool = True

    @property
    def is_hand(self) -> bool:
        return self.kind == Report.Kind.HAND

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "student": self.student,
            "kind": self.kind,
            "at": self.at,
            "undone": self.undone,
        }


def save(lesson_id: int, participant_id: int, kind: str, tap: uuid.UUID, at: datetime) -> Tap:
    """Store a tap once, and raise the flag of a raised hand in the same transaction."""
    inside = Participant.objects.filter(
        pk=participant_id, lesson_id=lesson_id, removed_at=None, lesson__closed_at=None
    )
    if not inside.exists():
        # Put in words by the socket, not by the thread that writes for everybody.
        raise CannotTap(gettext_lazy("You are not in this lesson any more."))
    report, new = Report.objects.get_or_create(
        participant_id=participant_id,
        tap=tap,
        defaults={"lesson_id": lesson_id, "kind": kind, "at": at},
    )
    if new and kind == Report.Kind.HAND:
        attention.stop_asking(lesson_id, participant_id, at)
        attention.raise_flag(
            lesson_id, participant_id, Flag.Kind.HELP, reason="hand", since=at, at=at
        )
    return _tap(report, new=new)


def undo(lesson_id: int, participant_id: int, tap: uuid.UUID, at: datetime) -> Tap | None:
    """Take a tap back; None when there is none, which is just as well."""
    report = Report.objects.filter(
        lesson_id=lesson_id, participant_id=participant_id, tap=tap
    ).first()
    if report is None:
        return None
    new = report.undone_at is None
    if new:
        report.undone_at = at
        report.save(update_fields=["undone_at"])
        lower_hands(lesson_id, at, participant_id=participant_id)
    return _tap(report, new=new)


def lower_hands(lesson_id: int, at: datetime, *, participant_id: int | None = None) -> int:
    """Close the flags of hands that were taken back or have faded; how many."""
    standing = Flag.objects.filter(lesson_id=lesson_id, kind=Flag.Kind.HELP, cleared_at=None)
    if participant_id is not None:
        standing = standing.filter(participant_id=participant_id)
    up = active(lesson_id, at).filter(kind=Report.Kind.HAND).values("participant_id")
    return standing.exclude(participant_id__in=up).update(cleared_at=at)


def active(lesson_id: int, at: datetime) -> Any:
    """The taps of a lesson that have not faded at this moment.

    Those after it count too: slices are judged some seconds late, and a hand that went up in
    these seconds is not to be lowered by that.
    """
    faded = at - timedelta(seconds=FADES_S)
    return Report.objects.filter(lesson_id=lesson_id, undone_at=None, at__gt=faded)


def own(lesson: Lesson, participant: Participant, at: datetime) -> list[dict[str, Any]]:
    """A student's own taps that have not faded, the newest of each kind."""
    newest = {report.kind: report for report in _mine(lesson, participant, at)}
    return [
        {"id": str(report.tap), "kind": report.kind, "at": attention.epoch(report.at)}
        for report in newest.values()
    ]


def news(*taps: Tap) -> dict[str, Any]:
    """The message that tells teachers' pages; a tap told twice is the same tap."""
    return {
        "type": "lesson.taps",
        "at": max((tap.at for tap in taps), default=0.0),
        "taps": [tap.as_dict() for tap in taps],
    }


def _mine(lesson: Lesson, participant: Participant, at: datetime) -> Any:
    return active(lesson.pk, at).filter(participant=participant).order_by("at")


def _tap(report: Report, *, new: bool) -> Tap:
    return Tap(
        lesson=report.lesson_id,
        student=report.participant_id,
        id=str(report.tap),
        kind=report.kind,
        at=attention.epoch(report.at),
        undone=report.undone_at is not None,
        new=new,
    )
