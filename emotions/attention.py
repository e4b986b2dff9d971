"""The flags that stand open: raised, cleared, dismissed, snoozed and rated, each exactly once.

A raise that meets an open flag of its kind changes nothing; two partial unique constraints settle
who was first. Flags travel as codes and numbers; names and words are added where they are shown,
because a student can be renamed or erased.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from classroom.models import Lesson, Participant
from emotions.flags import FACE_KINDS
from emotions.models import Answer, Flag, Flags

SNOOZE = timedelta(minutes=10)


class NoSuchFlag(LookupError):
    """There is no such flag, or it is closed by now."""


def moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def epoch(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def standing(lesson_id: int, participant_id: int | None, kind: str) -> QuerySet[Flag]:
    """The open flag of this kind, of one student or (None) of the class."""
    flags = Flag.objects.filter(lesson_id=lesson_id, kind=kind, cleared_at=None)
    if participant_id is None:
        return flags.filter(participant__isnull=True)
    return flags.filter(participant_id=participant_id)


def raise_flag(
    lesson_id: int,
    participant_id: int | None,
    kind: str,
    *,
    reason: str,
    since: datetime,
    at: datetime,
    sure: float | None = None,
    shown_at: datetime | None = None,
) -> bool:
    """True when this call opened it, False when it stood open already.

    With `shown_at` the student is asked first, and the teacher sees it from then on.
    """
    flag = Flag(
        lesson_id=lesson_id,
        participant_id=participant_id,
        kind=kind,
        reason=reason,
        since=since,
        raised_at=at,
        shown_at=shown_at,
        sure=sure,
    )
    try:
        with transaction.atomic():
            flag.save(force_insert=True)
    except IntegrityError:
        if standing(lesson_id, participant_id, kind).exists():
            return False
        raise
    return True


def clear_flag(lesson_id: int, participant_id: int | None, kind: str, *, at: datetime) -> bool:
    return bool(standing(lesson_id, participant_id, kind).update(cleared_at=at))


def clear_all(lesson_id: int, *, participant_id: int | None = None, at: datetime) -> int:
    """Close every open flag of a lesson, or of one student in it."""
    flags = Flag.objects.filter(lesson_id=lesson_id, cleared_at=None)
    if participant_id is not None:
        flags = flags.filter(participant_id=participant_id)
    return flags.update(cleared_at=at)


def asked(lesson_id: int, now: datetime) -> dict[int, float]:
    """The students who are asked at this moment, and until when their flags wait for an answer."""
    waiting = Flag.objects.filter(lesson_id=lesson_id, cleared_at=None, shown_at__gt=now)
    found = waiting.exclude(participant=None).values_list("participant_id", "shown_at")
    until: dict[int, float] = {}
    for student, shown_at in found:
        until[student] = max(epoch(shown_at), until.get(student, 0.0))
    return until


def answer(lesson_id: int, participant_id: int, kind: str, at: datetime) -> bool:
    """ "I'm fine" or "just thinking" stops what a face raised, shown or not; True if shown.

    It is kept, because from then on the rules wait as long as after a teacher's dismissal.
    """
    inside = Participant.objects.filter(
        pk=participant_id, lesson_id=lesson_id, removed_at=None, lesson__closed_at=None
    )
    if not inside.exists():
        return False
    Answer.objects.create(lesson_id=lesson_id, participant_id=participant_id, kind=kind, at=at)
    faces = face_flags(lesson_id, participant_id).filter(cleared_at=None)
    shown = faces.shown(at).exists()
    faces.update(cleared_at=at)
    return shown


def stop_asking(lesson_id: int, participant_id: int, at: datetime) -> None:
    """A raised hand says more than a face: what still waits for an answer is not shown."""
    faces = face_flags(lesson_id, participant_id).filter(cleared_at=None)
    faces.filter(shown_at__gt=at).update(cleared_at=at)


def face_flags(lesson_id: int, participant_id: int) -> Flags:
    """The flags that a camera raised of one student: each says what was read of a face."""
    return Flag.objects.filter(
        lesson_id=lesson_id, participant_id=participant_id, kind__in=FACE_KINDS
    )


def dismiss(lesson: Lesson, flag_id: int, *, now: datetime | None = None) -> None:
    """The teacher waves it away: closed, and not raised again for the cool-down."""
    now = now or timezone.now()
    _change(lesson, flag_id, dismissed_at=now, cleared_at=now)


def snooze(lesson: Lesson, flag_id: int, *, now: datetime | None = None) -> None:
    """Out of sight for ten minutes; it stays open, so it is not raised a second time."""
    _change(lesson, flag_id, snoozed_until=(now or timezone.now()) + SNOOZE)


def rate(lesson: Lesson, flag_id: int, *, useful: bool) -> None:
    """The teacher's verdict; also on a flag that is closed by now."""
    verdict = Flag.Verdict.USEFUL if useful else Flag.Verdict.NOT_USEFUL
    if not Flag.objects.filter(pk=flag_id, lesson=lesson).update(verdict=verdict):
        raise NoSuchFlag(_("There is no such flag in this lesson."))


def _change(lesson: Lesson, flag_id: int, **fields: datetime) -> None:
    if not Flag.objects.filter(pk=flag_id, lesson=lesson, cleared_at=None).update(**fields):
        raise NoSuchFlag(_("This flag is closed by now, or not of this lesson."))


def open_flags(lesson_id: int, now: datetime | None = None) -> list[dict[str, Any]]:
    """All open flags that a teacher may see, oldest first, as they go over the channel layer."""
    flags = Flag.objects.filter(lesson_id=lesson_id, cleared_at=None).order_by("since", "pk")
    flags = flags.shown(now or timezone.now())
    return [
        {
            "id": flag.pk,
            "kind": flag.kind,
            "reason": flag.reason,
            "student": flag.participant_id,
            "since": epoch(flag.since),
            "raised_at": epoch(flag.raised_at),
            "sure": flag.sure,
            "snoozed_until": epoch(flag.snoozed_until),
            "verdict": flag.verdict,
        }
        for flag in flags
    ]


def news(lesson_id: int, now: datetime | None = None) -> dict[str, Any]:
    """The message that tells teachers' pages every open flag, whole and repeatable."""
    return {"type": "lesson.flags", "flags": open_flags(lesson_id, now)}
