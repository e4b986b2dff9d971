"""What a student's socket reads once, as it connects, and then keeps up to date by messages.

Everything about the lesson and the student that decides whether a snapshot is wanted is here, so
that the message path asks no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from classroom import consent, installation, participants, tokens
from classroom.models import Lesson, Participant
from classroom.sockets import ENDED, NO_LESSON
from emotions import attention, notices, taps


@dataclass(slots=True)
class Seat:
    """One student in one lesson, as their socket knows it."""

    lesson: int
    student: int
    name: str
    title: str
    interval_ms: int
    analysis: bool
    consented: bool
    paused: bool
    taps: list[dict[str, Any]]

    @property
    def has_camera(self) -> bool:
        return self.analysis and self.consented

    def hello(self, *, worker: bool) -> dict[str, Any]:
        return {
            "hello": {
                "lesson": {
                    "title": self.title,
                    "interval_ms": self.interval_ms,
                    "analysis": self.analysis,
                    "paused": self.paused,
                    "worker": worker,
                },
                "name": self.name,
                "camera": "on" if self.has_camera else "none",
                "taps": self.taps,
            }
        }

    def hear(self, lesson: dict[str, Any]) -> None:
        """Fold the lesson's whole state in."""
        self.interval_ms = int(lesson.get("interval_ms", self.interval_ms))
        self.analysis = bool(lesson.get("analysis", self.analysis))
        self.paused = bool(lesson.get("paused", self.paused))


def take(lesson_id: int, claim: tokens.Claim) -> Seat:
    """The seat that this claim is for. Raises NotAdmitted, with words for the student."""
    lesson = Lesson.objects.select_related("course").filter(pk=lesson_id).first()
    if lesson is None:
        raise participants.NotAdmitted(NO_LESSON, notices.refusal(NO_LESSON))
    if lesson.closed_at is not None:
        raise participants.NotAdmitted(ENDED, ended_words(lesson))
    return seat_of(lesson, participants.admit(lesson, claim))


def is_forbidden() -> bool:
    """Switched off for the whole installation, perhaps after this lesson was opened."""
    return (settings.EXPRESSION_ANALYSIS or installation.row().analysis) == installation.OFF


def ended_words(lesson: Lesson) -> str:
    ended = notices.lesson_ended(attention.epoch(lesson.closed_at), camera=lesson.analysis)
    return str(ended.title)


def seat_of(lesson: Lesson, participant: Participant) -> Seat:
    return Seat(
        lesson=lesson.pk,
        student=participant.pk,
        name=participant.name,
        title=lesson.title or lesson.course.name,
        interval_ms=lesson.interval_ms,
        analysis=lesson.analysis and not is_forbidden(),
        consented=consent.is_given(participant),
        paused=lesson.paused_at is not None,
        taps=taps.own(lesson, participant, timezone.now()),
    )
