"""What a student may see of their own data: everything that is kept of them, and nothing else.

The page shows it summed up, the download row by row; both come from here so that they agree. The
page speaks of flags as what the teacher was told, so those answered in time are in the download
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from classroom import consent
from classroom.models import Participant
from emotions import words
from emotions.models import Answer, Flag, Report, Slice
from emotions.slices import COLUMNS
from ml.labels import EMOTIONS


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the readable time read as one expression."""

    label: str
    words: str
    percent: int


@dataclass(frozen=True, slots=True)
class OwnData:
    participant: Participant
    samples: int
    readable: int
    shares: list[Share]
    taps: list[Report]
    flags: list[Flag]
    consented: bool

    @property
    def readable_percent(self) -> int:
        return round(100 * self.readable / self.samples) if self.samples else 0


def of(participant: Participant) -> OwnData:
    sums = Slice.objects.filter(lesson_id=participant.lesson_id, participant=participant).aggregate(
        **{name: Sum(name, default=0) for name in COLUMNS}
    )
    readable = sums["n"]
    shares = [
        Share(label, words.emotion(label), round(100 * sums[label] / readable))
        for label in EMOTIONS
        if readable
    ]
    return OwnData(
        participant=participant,
        samples=readable + sums["absent"] + sums["several"] + sums["unsure"],
        readable=readable,
        shares=sorted(shares, key=lambda share: -share.percent),
        taps=list(Report.objects.filter(participant=participant).order_by("at")),
        flags=told(participant),
        consented=consent.is_given(participant),
    )


def told(participant: Participant) -> list[Flag]:
    """The flags that the teacher was shown, not those that still wait for the student's answer."""
    raised = Flag.objects.filter(participant=participant).shown(timezone.now())
    return list(raised.order_by("raised_at"))


def as_download(participant: Participant) -> dict[str, Any]:
    """All stored rows about this student, as plain values."""
    rows = Slice.objects.filter(lesson_id=participant.lesson_id, participant=participant)
    return {
        "name": participant.name,
        "joined_at": participant.joined_at.isoformat(),
        "seen_at": iso(participant.seen_at),
        "left_at": iso(participant.left_at),
        "removed_at": iso(participant.removed_at),
        "camera": participant.camera,
        "consents": [
            {"given": row.given, "notice": row.notice_version, "at": row.made_at.isoformat()}
            for row in participant.consents.order_by("made_at")
        ],
        "taps": [
            {"kind": row.kind, "at": row.at.isoformat(), "undone_at": iso(row.undone_at)}
            for row in Report.objects.filter(participant=participant).order_by("at")
        ],
        "answers": [
            {"kind": row.kind, "at": row.at.isoformat()}
            for row in Answer.objects.filter(participant=participant).order_by("at")
        ],
        "flags": [
            {
                "kind": row.kind,
                "reason": row.reason,
                "sure": row.sure,
                "since": row.since.isoformat(),
                "raised_at": row.raised_at.isoformat(),
                "shown_at": iso(row.shown_at),
                "until": iso(row.cleared_at),
                "dismissed_at": iso(row.dismissed_at),
                "snoozed_until": iso(row.snoozed_until),
                "verdict": row.verdict,
            }
            for row in Flag.objects.filter(participant=participant).order_by("raised_at")
        ],
        "ten_seconds": list(rows.order_by("starts_at").values("starts_at", *COLUMNS)),
    }


def iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
